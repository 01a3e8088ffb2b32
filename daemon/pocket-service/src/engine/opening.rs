//! Opening the store reads all of it, which takes seconds where there is much: a thread of its own
//! does that. Meanwhile the engine says how it is, locks and stops; everything else waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use pocket_core::{ActorRef, Answer, Attempts, Decision, Failure, Lease, Operation, decide};
use pocket_crypto::{Keyring, Unlocked};
use pocket_store::{KeySet, Opened, Store, StoreError};
use tokio::sync::mpsc;
use tracing::{error, info};

use super::{Engine, Held, Now, Sender, State, first_state};
use crate::failure;
use crate::handle::{Message, Reply, Request};
use crate::keys::Device;
use crate::locked::Locked;
use crate::vault::{BackupKey, Housekeeping, Vault};

/// Requests that may wait for the store: as large as they may be, they must fit the memory beside those
/// that wait for the engine.
const DEFERRED: usize = 8;

/// What the thread found.
type StoreOpened = Result<Opened, StoreError>;

/// A vault whose keys are in memory and whose store is being opened.
pub(crate) struct Opening {
    pub(crate) keys: Unlocked,
    pub(crate) keyring: Keyring,
    pub(crate) actor: ActorRef,
    /// Wrong guesses before.
    pub(crate) guesses: Attempts,
    pub(crate) now: Now,
    /// When the owner was last seen, if this vault was open before.
    pub(crate) housekeeping: Option<Housekeeping>,
    /// Who unlocked it.
    /// What backups are sealed with, where the recovery key was shown.
    pub(crate) backup_key: Option<BackupKey>,
    pub(crate) reply: Option<Sender>,
    /// What came in meanwhile.
    pub(crate) deferred: Vec<Message>,
}

/// The thread that opens the store.
pub(super) struct StoreThread {
    mailbox: mpsc::WeakSender<Message>,
    running: Option<JoinHandle<StoreOpened>>,
    wanted: Arc<AtomicBool>,
}

impl StoreThread {
    pub(super) fn new(mailbox: mpsc::WeakSender<Message>) -> Self {
        Self {
            mailbox,
            running: None,
            wanted: Arc::new(AtomicBool::new(false)),
        }
    }

    fn start(&mut self, device: &Device, keys: KeySet) -> Result<(), Failure> {
        if self.running.as_ref().is_some_and(|thread| !thread.is_finished()) {
            // Given up by a lock, and not at its end yet.
            return Err(failure::opening());
        }
        let mailbox = self.mailbox.upgrade().ok_or_else(failure::stopping)?;
        let folder = Arc::clone(&device.folder);
        let wanted = Arc::new(AtomicBool::new(true));
        self.wanted = Arc::clone(&wanted);
        let open = move || {
            let opened = Store::open_while(&folder, keys, &mut || wanted.load(Ordering::Relaxed));
            // A full mailbox wakes the engine as well.
            drop(mailbox.try_send(Message::StoreOpened));
            opened
        };
        let spawned = thread::Builder::new().name("store".to_owned()).spawn(open);
        let thread =
            spawned.map_err(|_| failure::internal("the thread that opens the store could not be started"))?;
        self.running = Some(thread);
        Ok(())
    }

    /// What the thread found, once it is at its end.
    fn result(&mut self) -> Option<StoreOpened> {
        let thread = self.running.take_if(|thread| thread.is_finished())?;
        Some(thread.join().unwrap_or(Err(StoreError::Panicked {
            attempted: "open the store",
        })))
    }

    /// Nobody wants the store any more: the thread ends at the next row.
    pub(super) fn give_up(&self) {
        self.wanted.store(false, Ordering::Relaxed);
    }

    /// Waits until no thread has the store or its keys.
    pub(super) fn end(&mut self) {
        self.give_up();
        if let Some(thread) = self.running.take() {
            // What it found is closed again, and a panic of it harms nobody here.
            drop(thread.join());
        }
    }
}

impl Opening {
    /// Only a lock gets through to it. Nothing was unlocked yet, so there is nothing to record.
    pub(super) fn handle(&mut self, request: &Request, now: Now) -> (Option<State>, Result<Reply, Failure>) {
        match decide(Lease::default(), &request.actor, &request.operation, now.wall) {
            Decision::Allow(_) if is_lock(request) => {
                info!("locked while the store was being opened");
                self.give_up(&failure::locked());
                (
                    Some(State::Locked(Locked::new(self.keyring.clone()))),
                    Ok(Answer::Done.into()),
                )
            }
            Decision::Refuse(reason) => (None, Err(failure::refused(reason))),
            Decision::Allow(_) | Decision::AskOwner(_) => (None, Err(failure::opening())),
        }
    }
}

impl Opening {
    /// Tells whoever waits that the store is not opened for them, and why.
    pub(super) fn give_up(&mut self, why: &Failure) {
        if let Some(reply) = self.reply.take() {
            reply.send(Err(why.clone())).unwrap_or_else(drop);
        }
        for message in std::mem::take(&mut self.deferred) {
            message.fail(why.clone());
        }
    }
}

/// A panic (`all`) revokes too, which takes an open store: it waits, before everything else.
const fn is_lock(request: &Request) -> bool {
    matches!(request.operation, Operation::Lock { all: false })
}

impl Engine {
    /// Starts the thread. Until it reports, the vault is neither open nor locked.
    pub(super) fn begin_opening(
        &mut self,
        mut opening: Box<Opening>,
        reply: Option<Sender>,
        held: &mut Vec<Held>,
    ) {
        let keys = KeySet::new(&opening.keys).map_err(|error| failure::store(&error));
        match keys.and_then(|keys| self.store.start(&self.device, keys)) {
            Ok(()) => {
                opening.reply = reply;
                self.state = State::Opening(opening);
            }
            Err(failure) => {
                error!(kind = failure.kind.name(), "the store could not be opened");
                held.extend(reply.map(|reply| Held::new(reply, Err(failure), true)));
            }
        }
    }

    /// Puts what has to wait for the store aside; gives back what is answered now.
    pub(super) fn defer(&mut self, message: Message) -> Option<Message> {
        let State::Opening(opening) = &mut self.state else {
            return Some(message);
        };
        let now = match &message {
            Message::Run { request, .. } => {
                matches!(request.operation, Operation::Status) || is_lock(request)
            }
            Message::PassphraseSalt { .. } | Message::StoreOpened | Message::Stop { .. } => true,
            Message::Agent { .. }
            | Message::AgentById { .. }
            | Message::Errand { .. }
            | Message::Kdf { .. } => false,
        };
        if now {
            return Some(message);
        }
        if opening.deferred.len() >= DEFERRED {
            message.fail(failure::opening());
        } else if matches!(&message, Message::Run { request, .. }
            if matches!(request.operation, Operation::Lock { .. }))
        {
            opening.deferred.insert(0, message);
        } else {
            opening.deferred.push(message);
        }
        None
    }

    /// Looks whether the thread is at its end: then the vault is open, or locked again.
    pub(super) fn look_for_store(&mut self) {
        let Some(opened) = self.store.result() else {
            return;
        };
        let mut held = Vec::new();
        self.store_opened(opened, &mut held);
        self.release(held);
    }

    fn store_opened(&mut self, opened: StoreOpened, held: &mut Vec<Held>) {
        let state = std::mem::replace(&mut self.state, State::Damaged(failure::locked()));
        let State::Opening(mut opening) = state else {
            // Locked meanwhile: the store is closed again.
            self.state = state;
            return;
        };
        let Opening { reply, deferred, .. } = &mut *opening;
        let (reply, deferred) = (reply.take(), std::mem::take(deferred));
        // It is open from now on, not from when that began.
        opening.now = Now::read();
        let (state, answer) = self.enter(*opening, opened);
        self.state = state;
        self.tell_change();
        held.extend(reply.map(|reply| Held::new(reply, answer, true)));
        for message in deferred {
            self.answer(message, held);
        }
    }

    fn enter(&mut self, opening: Opening, opened: StoreOpened) -> (State, Result<Reply, Failure>) {
        let again = opening.housekeeping.is_some();
        let keyring = opening.keyring.clone();
        let opened = opened.map_err(|error| failure::store(&error));
        let vault = opened.and_then(|opened| Vault::enter(&self.device, opening, opened));
        // A setup that was cut after the store was made: what it made is whole.
        let vault = vault.and_then(|vault| self.device.unmark_setup().map(|()| vault));
        match vault {
            Ok(vault) => {
                info!("unlocked");
                (State::Unlocked(Box::new(vault)), Ok(Answer::Done.into()))
            }
            Err(failure) if again => {
                error!(
                    kind = failure.kind.name(),
                    "the store does not open; the vault is locked"
                );
                (first_state(&mut self.device, Now::read()), Err(failure))
            }
            Err(failure) => (State::Locked(Locked::new(keyring)), Err(failure)),
        }
    }

    /// Closes the store after a failed write and opens it again: sled takes no further write
    /// before that. What can't be opened is left locked; nothing is thrown away.
    pub(super) fn reopen(&mut self) {
        self.give_up_work(&failure::reopened());
        let state = std::mem::replace(&mut self.state, State::Damaged(failure::locked()));
        let State::Unlocked(vault) = state else {
            self.state = state;
            return;
        };
        let opening = Box::new(vault.close_store(Now::read()));
        let mut held = Vec::new();
        self.state = State::Locked(Locked::new(opening.keyring.clone()));
        self.begin_opening(opening, None, &mut held);
        self.tell_change();
    }
}
