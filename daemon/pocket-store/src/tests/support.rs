//! A data folder with a ring and a store, and entries to put in.

use std::path::Path;

use pocket_core::audit::{Chain, Event, Outcome};
use pocket_core::{
    ActorRef, Category, Contact, Content, Conversation, Document, Entry, Memory, Message, Note,
    OperationKind, Origin, Outbox, Record, RecordId, SecretName, Setting, Task, Timestamp,
};
use pocket_crypto::{Key, Keyring, Unlocked};

use crate::{Changes, Folder, KEY_CODES, KeySet, Opened, Store, StoreError};

pub(super) struct Device {
    pub(super) dir: tempfile::TempDir,
    pub(super) ring: Unlocked,
}

impl Device {
    pub(super) fn new() -> Self {
        let mut rng = rand::rng();
        let mut ring = Keyring::create(&mut rng, &KEY_CODES);
        ring.set_device(&mut rng, &Key::from_bytes([7; 32]));
        Self {
            dir: tempfile::tempdir().unwrap(),
            ring,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn keys(&self) -> KeySet {
        KeySet::new(&self.ring)
            .map_err(|error| error.to_string())
            .unwrap()
    }

    pub(super) fn folder(&self) -> Folder {
        Folder::open(self.path())
            .map_err(|error| error.to_string())
            .unwrap()
    }

    pub(super) fn open(&self) -> Opened {
        self.try_open().map_err(|error| error.to_string()).unwrap()
    }

    pub(super) fn try_open(&self) -> Result<Opened, StoreError> {
        Store::open(&self.folder(), self.keys())
    }

    /// Opens it with an older ring, which must be named, and then with its own: all `notes` are there.
    pub(super) fn is_named_with(&mut self, old: Unlocked, notes: u64) {
        let new = std::mem::replace(&mut self.ring, old);
        let opened = self.open();
        assert_eq!(opened.findings.len(), 1);
        assert!(opened.store.count(NOTES).is_err());
        drop(opened);
        self.ring = new;
        assert_eq!(self.open_clean().count(NOTES).unwrap(), notes);
    }

    /// Opens it, and sees that nothing is wrong.
    pub(super) fn open_clean(&self) -> Store {
        let opened = self.open();
        assert_eq!(opened.findings, []);
        opened.store
    }
}

pub(super) fn event(operation: OperationKind) -> Event {
    Event {
        at: Timestamp::from_millis(1_795_000_000_000),
        actor: ActorRef::Device,
        operation,
        category: None,
        records: Vec::new(),
        count: 0,
        outcome: Outcome::Done,
    }
}

/// Applies changes with one audit entry, and brings them to the disk.
pub(super) fn apply(store: &mut Store, changes: Changes) -> Result<(), StoreError> {
    let chain = Chain::new(store.audit_head(), store.audit_mac());
    let entries = chain.link(vec![event(OperationKind::Add)]);
    store.commit(&entries, changes)?;
    store.sync()
}

pub(super) fn id(number: u32) -> RecordId {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes)
}

pub(super) fn entry(number: u32, record: Record) -> Entry {
    Entry {
        id: id(number),
        created: Timestamp::from_millis(1_700_000_000_000 + i64::from(number)),
        updated: Timestamp::from_millis(1_700_000_000_000 + i64::from(number)),
        revision: 1,
        origin: Origin::Owner,
        content: Content::check(record).unwrap(),
    }
}

pub(super) fn note(number: u32, length: usize) -> Entry {
    let body: String = (0..length)
        .map(|at| char::from(b"abcdefghijklmnopqrstuvwxyz"[(at + number as usize) % 26]))
        .collect();
    entry(
        number,
        Record::Note(Note {
            title: format!("note {number}"),
            body,
            ..Note::default()
        }),
    )
}

/// One record of each category.
pub(super) fn one_of_each() -> Vec<Entry> {
    let text = || "quiet harbour".to_owned();
    let records = [
        Record::Contact(Contact {
            name: text(),
            ..Contact::default()
        }),
        Record::Conversation(Conversation {
            title: text(),
            messages: vec![Message {
                at: "2026-11-22".parse().ok(),
                from: text(),
                text: text(),
            }],
            ..Conversation::default()
        }),
        Record::Document(Document {
            name: text(),
            ..Document::default()
        }),
        Record::Memory(Memory {
            text: text(),
            confidence: Some(80),
            ..Memory::default()
        }),
        Record::Note(Note {
            title: text(),
            ..Note::default()
        }),
        Record::Outbox(Outbox {
            to: text(),
            ..Outbox::default()
        }),
        Record::Secret(SecretName {
            name: text(),
            note: text(),
        }),
        Record::Setting(Setting {
            name: text(),
            value: text(),
        }),
        Record::Task(Task {
            title: text(),
            priority: Some(1),
            ..Task::default()
        }),
    ];
    records
        .into_iter()
        .zip(1..)
        .map(|(record, number)| entry(number, record))
        .collect()
}

pub(super) fn put_all(entries: impl IntoIterator<Item = Entry>) -> Changes {
    entries
        .into_iter()
        .fold(Changes::new(), |changes, entry| changes.put(entry, None))
}

pub(super) fn filled(count: u32, length: usize) -> (Device, Store) {
    let device = Device::new();
    let mut store = device.open_clean();
    apply(
        &mut store,
        put_all((1..=count).map(|number| note(number, length))),
    )
    .unwrap();
    (device, store)
}

pub(super) const NOTES: Category = Category::Notes;

/// Copies a folder with everything in it.
pub(super) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Opens the store of any folder with the keys of `ring`.
pub(super) fn open_at(path: &Path, ring: &Unlocked) -> Result<Opened, StoreError> {
    let folder = Folder::open(path).map_err(|error| error.to_string()).unwrap();
    Store::open(&folder, KeySet::new(ring)?)
}
