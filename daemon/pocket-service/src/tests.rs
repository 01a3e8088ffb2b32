//! The engine as its doors meet it: a real store in a folder of its own, the slow hash made fast.

mod access;
mod agents;
mod broker;
mod consent;
mod model;
mod reader;
mod recording;
mod records;
mod reset;
mod search;
mod time;
mod update;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pocket_core::{
    Actor, Added, Answer, Category, Content, Credential, Door, Entry, Failure, FailureKind, LockState,
    NewEntry, Note, Operation, Protocol, Provider, Record, RecordId, Status,
};
use pocket_crypto::SecretBytes;
use tempfile::TempDir;

use crate::{Config, GatewayTrust, Handle, HashCost, Reply, Request, Service};

const PASSPHRASE: &str = "correct horse battery";

pub(crate) fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

pub(crate) const fn owner() -> Actor {
    Actor::Owner {
        door: Door::Control,
        passphrase_shown: false,
    }
}

pub(crate) fn config(folder: &Path) -> Config {
    Config {
        data_dir: folder.join("data"),
        device_secret_dir: folder.join("device"),
        updates: None,
        hash_cost: HashCost {
            memory_kib: 8 * 1024,
            time: Duration::from_millis(1),
        },
        gateway: GatewayTrust::Usual,
        doors: Arc::default(),
    }
}

pub(crate) fn start(folder: &Path) -> Service {
    Service::start(config(folder)).unwrap()
}

/// A device in a folder of its own, set up and unlocked.
pub(crate) struct Device {
    pub(crate) folder: TempDir,
    pub(crate) recovery: SecretBytes,
    pub(crate) service: Option<Service>,
}

impl Device {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = start(folder.path());
        let recovery = set_up(&service.handle());
        Self {
            folder,
            recovery,
            service: Some(service),
        }
    }

    pub(crate) fn handle(&self) -> Handle {
        self.service.as_ref().unwrap().handle()
    }

    pub(crate) fn ask(&self, operation: Operation) -> Result<Reply, Failure> {
        self.handle().call_blocking(Request::new(owner(), operation))
    }

    pub(crate) fn ask_with(&self, operation: Operation, passphrase: &str) -> Result<Reply, Failure> {
        self.handle()
            .call_blocking(Request::new(owner(), operation).with_passphrase(secret(passphrase)))
    }

    pub(crate) fn stop(&mut self) {
        assert!(self.service.take().unwrap().stop());
    }

    /// Stops and starts again, locked.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.service = Some(start(self.folder.path()));
    }

    pub(crate) fn unlock(&self) {
        self.ask_with(
            Operation::Unlock {
                with: Credential::Passphrase,
            },
            PASSPHRASE,
        )
        .map(drop)
        .unwrap();
    }

    pub(crate) fn add(&self, record: Record) -> RecordId {
        let items = vec![new_entry(record)];
        match self
            .ask(Operation::Add { items, import: false })
            .map(|reply| reply.answer)
        {
            Ok(Answer::Added(added)) => match added[..] {
                [Added::New(id)] => id,
                _ => panic!("not added: {added:?}"),
            },
            Ok(_) => panic!("another answer"),
            Err(failure) => panic!("{failure}"),
        }
    }

    pub(crate) fn get(&self, category: Category, id: RecordId) -> Result<Entry, Failure> {
        match self.ask(Operation::Get { category, id })?.answer {
            Answer::Entry(entry) => Ok(*entry),
            _ => panic!("another answer"),
        }
    }

    pub(crate) fn status(&self) -> Status {
        status(&self.handle())
    }

    pub(crate) fn audit_length(&self) -> u64 {
        match self
            .ask(Operation::AuditShow {
                before: None,
                limit: 1,
            })
            .map(|reply| reply.answer)
        {
            Ok(Answer::Audit(entries)) => entries.first().map_or(0, |entry| entry.sequence),
            _ => panic!("no log"),
        }
    }
}

pub(crate) fn status(handle: &Handle) -> Status {
    match handle
        .call_blocking(Request::new(owner(), Operation::Status))
        .map(|reply| reply.answer)
    {
        Ok(Answer::Status(status)) => *status,
        _ => panic!("no status"),
    }
}

pub(crate) fn set_up(handle: &Handle) -> SecretBytes {
    let code = handle
        .call_blocking(Request::new(owner(), Operation::SetupCode))
        .map(|reply| reply.payload);
    let request = Request::new(Actor::Nobody(Door::Web), Operation::Setup);
    let request = request
        .with_passphrase(secret(PASSPHRASE))
        .with_payload(code.unwrap().unwrap());
    handle
        .call_blocking(request)
        .map(|reply| reply.payload)
        .unwrap()
        .unwrap()
}

pub(crate) fn new_entry(record: Record) -> NewEntry {
    let content = Content::check(record).unwrap();
    NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content,
    }
}

pub(crate) fn provider(place: &str) -> Provider {
    Provider {
        name: "mine".parse().unwrap(),
        protocol: Protocol::OpenAi,
        place: place.parse().unwrap(),
        model: "small".to_owned(),
        secret: None,
        pin: None,
        most_prompt: Provider::USUAL_PROMPT,
        most_tokens: Provider::USUAL_TOKENS,
        price: None,
    }
}

pub(crate) fn note(title: &str, body: &str) -> Record {
    Record::Note(Note {
        title: title.to_owned(),
        body: body.to_owned(),
        ..Note::default()
    })
}

pub(crate) fn kind<T>(outcome: Result<T, Failure>) -> Option<FailureKind> {
    outcome.err().map(|failure| failure.kind)
}

pub(crate) fn state(device: &Device) -> LockState {
    device.status().state
}
