//! Opening the store reads all of it, which takes seconds where there is much: a thread of its own
//! does that. Meanwhile the engine says how it is, locks and stops; everything else waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use pocket_core::{ActorRef, Answer, Attempts, Failure, Operation};
use pocket_crypto::{Keyring, Unlocked};
use pocket_store::{KeySet, Opened, Store, StoreError};
use tokio::sync::mpsc;
use tracing::{error, info};

use super::{Engine, Held, Now, Sender, State, first_state};
use crate::failure;
use crate::handle::{Message, Reply, Request, WAITING};
use crate::keys::Device;
use crate::locked::Locked;
use crate::vault::{Housekeeping, Vault};

/// What the thread found.
pub(crate) type StoreOpened = Result<Opened, StoreError>;

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
    pub(crate) reply: Option<Sender>,
    /// What came in meanwhile.
    pub(crate) deferred: Vec<Message>,
}

/// The thread that opens the store.
pub(super) struct StoreThread {
    mailbox: mpsc::WeakSender<Message>,
    running: bool,
}

impl StoreThread {
    pub(super) const fn new(mailbox: mpsc::WeakSender<Message>) -> Self {
        Self {
            mailbox,
            running: false,
        }
    }

    fn start(&mut self, device: &Device, keys: KeySet) -> Result<(), Failure> {
        if self.running {
            // Given up by a lock, and not at its end yet.
            return Err(failure::opening());
        }
        let mailbox = self.mailbox.upgrade().ok_or_else(failure::stopping)?;
        let folder = Arc::clone(&device.folder);
        let open = move || {
            let opened = catch_unwind(AssertUnwindSafe(|| Store::open(&folder, keys)));
            let opened = opened.unwrap_or(Err(StoreError::Panicked {
                attempted: "open the store",
            }));
            // An engine that has ended wants no store.
            drop(mailbox.blocking_send(Message::StoreOpened(Box::new(opened))));
        };
        let spawned = thread::Builder::new().name("store".to_owned()).spawn(open);
        spawned.map_err(|_| failure::internal("the thread that opens the store could not be started"))?;
        self.running = true;
        Ok(())
    }
}

impl Opening {
    /// Only a lock gets through to it.
    pub(super) fn handle(&mut self, request: &Request) -> (Option<State>, Result<Reply, Failure>) {
        match request.operation {
            Operation::Lock { .. } => {
                info!("locked while the store was being opened");
                if let Some(reply) = self.reply.take() {
                    reply.send(Err(failure::locked())).unwrap_or_else(drop);
                }
                for message in std::mem::take(&mut self.deferred) {
                    message.fail(failure::locked());
                }
                (
                    Some(State::Locked(Locked::new(self.keyring.clone()))),
                    Ok(Answer::Done.into()),
                )
            }
            _ => (None, Err(failure::opening())),
        }
    }
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
            Err(failure) => held.extend(reply.map(|reply| (reply, Err(failure)))),
        }
    }

    /// Puts what has to wait for the store aside; gives back what is answered now.
    pub(super) fn defer(&mut self, message: Message) -> Option<Message> {
        let State::Opening(opening) = &mut self.state else {
            return Some(message);
        };
        let now = match &message {
            Message::Run { request, .. } => {
                matches!(request.operation, Operation::Status | Operation::Lock { .. })
            }
            Message::StoreOpened(_) | Message::Stop { .. } => true,
            Message::Agent { .. } | Message::Kdf { .. } => false,
        };
        if now {
            return Some(message);
        }
        if opening.deferred.len() < WAITING {
            opening.deferred.push(message);
        } else {
            message.fail(failure::opening());
        }
        None
    }

    /// The thread has reported: the vault is open, or locked again.
    pub(super) fn store_opened(&mut self, opened: StoreOpened, held: &mut Vec<Held>) {
        self.store.running = false;
        let state = std::mem::replace(&mut self.state, State::Damaged(failure::locked()));
        let State::Opening(mut opening) = state else {
            // Locked meanwhile: the store is closed again.
            self.state = state;
            return;
        };
        let Opening { reply, deferred, .. } = &mut *opening;
        let (reply, deferred) = (reply.take(), std::mem::take(deferred));
        let (state, answer) = self.enter(*opening, opened);
        self.state = state;
        if answer.is_ok() {
            self.tell_change();
        }
        held.extend(reply.map(|reply| (reply, answer)));
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
    }
}
