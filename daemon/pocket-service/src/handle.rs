//! The asynchronous side: what the doors hold.

use std::sync::{Arc, Mutex, PoisonError};

use pocket_core::{
    Actor, Agent, Answer, BackupFault, BackupReport, Category, Credential, Failure, FailureKind, Operation,
    Profile, RecordId,
};
use pocket_crypto::{Key, RecoveryKey, SecretBytes};
use pocket_grant::{LinkReport, Report};
use pocket_privacy::CleanPicture;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::failure;
use crate::passphrase::{HashCost, Kdf, NewPassphrase};
use crate::vault::Extracted;

/// Requests that may wait for the engine. Most are small or carry a 1 MiB piece of a file; the largest
/// record takes 8 MiB, so that even a queue full of those, and those that wait for the store to be
/// opened, fit a 512 MB board.
pub(crate) const WAITING: usize = 16;

/// Changed records that a slow listener may be behind before it is told that it missed some.
pub(crate) const TOUCHED: usize = 256;

/// A record that was added, changed or removed; the change is on disk.
pub type Touched = (Category, RecordId);

/// A request from a door.
pub struct Request {
    /// Who asks; the door vouches for it.
    pub actor: Actor,
    /// What for.
    pub operation: Operation,
    /// The passphrase, where it is shown with the request. For [`Operation::Setup`] the one to set;
    /// for an unlock with the recovery key, that key.
    pub passphrase: Option<SecretBytes>,
    /// What else travels beside: setup code, new passphrase, secret value, recovery groups, a
    /// piece of a file, an exported log.
    pub payload: Option<SecretBytes>,
    /// The pictures that go with a question.
    pub pictures: Vec<CleanPicture>,
}

impl Request {
    /// A request that carries nothing beside it.
    pub const fn new(actor: Actor, operation: Operation) -> Self {
        Self {
            actor,
            operation,
            passphrase: None,
            payload: None,
            pictures: Vec::new(),
        }
    }

    /// The same with the passphrase shown.
    #[must_use]
    pub fn with_passphrase(self, passphrase: SecretBytes) -> Self {
        Self {
            passphrase: Some(passphrase),
            ..self
        }
    }

    /// The same with something travelling beside it.
    #[must_use]
    pub fn with_payload(self, payload: SecretBytes) -> Self {
        Self {
            payload: Some(payload),
            ..self
        }
    }
}

/// An answer, and what travels beside it: recovery key, token, setup code, a piece of a file.
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// What travels beside.
    pub payload: Option<SecretBytes>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self {
            answer,
            payload: None,
        }
    }
}

/// What has been shown of who one is, with the slow hash already done.
pub(crate) enum Shown {
    Nothing,
    Passphrase(Key),
    RecoveryKey(SecretBytes),
}

impl Shown {
    /// The hashed passphrase, if that is what was shown.
    pub(crate) fn into_key(self) -> Option<Key> {
        match self {
            Self::Passphrase(key) => Some(key),
            Self::Nothing | Self::RecoveryKey(_) => None,
        }
    }
}

/// What the engine is asked, each with the way back.
pub(crate) enum Message {
    Agent {
        token: SecretBytes,
        reply: oneshot::Sender<Result<Agent, Failure>>,
    },
    AgentById {
        id: RecordId,
        reply: oneshot::Sender<Result<Agent, Failure>>,
    },
    Kdf {
        reply: oneshot::Sender<Result<Kdf, Failure>>,
    },
    PassphraseSalt {
        reply: oneshot::Sender<Option<[u8; 32]>>,
    },
    /// What the device does by itself from outside the engine's thread.
    Errand {
        errand: Errand,
        reply: oneshot::Sender<Result<Reply, Failure>>,
    },
    Run {
        request: Box<Request>,
        shown: Shown,
        new: Option<NewPassphrase>,
        reply: oneshot::Sender<Result<Reply, Failure>>,
    },
    Stop {
        reply: oneshot::Sender<()>,
    },
    /// From the thread that opens the store.
    StoreOpened,
}

/// What the reading of documents, the carrying of calls and the button ask of the engine. No other door can: there
/// is no operation for it.
pub(crate) enum Errand {
    BackupDrilled(Box<Result<BackupReport, BackupFault>>),
    BackupPiece(RecordId),
    /// The next bytes of an archive that is to be sent; `None` behind the last.
    BackupSpool(Option<Vec<u8>>),
    Button(ButtonReport),
    Linked(u64, Box<LinkReport>),
    NextUnread,
    RestoreEnd {
        whole: bool,
    },
    RestoreItems(SecretBytes),
    Reported(RecordId, Box<Report>),
    TakeExtracted(Box<Extracted>),
}

/// What a button of the device tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ButtonReport {
    /// One more does not answer any more.
    Gone,
    /// One more answers.
    Here,
    /// It was pressed as a yes.
    Pressed,
}

impl Message {
    /// Answers with a failure. A caller that has gone away wants none.
    pub(crate) fn fail(self, failure: Failure) {
        match self {
            Self::Agent { reply, .. } | Self::AgentById { reply, .. } => {
                reply.send(Err(failure)).map_err(drop).unwrap_or_default()
            }
            Self::Kdf { reply } => reply.send(Err(failure)).map_err(drop).unwrap_or_default(),
            Self::Errand { reply, .. } | Self::Run { reply, .. } => {
                reply.send(Err(failure)).map_err(drop).unwrap_or_default()
            }
            Self::PassphraseSalt { reply } => reply.send(None).map_err(drop).unwrap_or_default(),
            Self::Stop { .. } | Self::StoreOpened => {}
        }
    }
}

/// A way to the engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    sender: mpsc::Sender<Message>,
    changes: watch::Receiver<u64>,
    touched: broadcast::Sender<Touched>,
    profile: watch::Receiver<Profile>,
    // One slow hash at a time: each takes up to an eighth of the memory.
    hashing: Arc<Mutex<()>>,
    cost: HashCost,
}

impl Handle {
    pub(crate) fn new(
        sender: mpsc::Sender<Message>,
        (changes, touched, profile): (
            watch::Receiver<u64>,
            broadcast::Sender<Touched>,
            watch::Receiver<Profile>,
        ),
        cost: HashCost,
    ) -> Self {
        Self {
            sender,
            changes,
            touched,
            profile,
            hashing: Arc::new(Mutex::new(())),
            cost,
        }
    }

    /// Asks the engine, and waits for the answer.
    ///
    /// # Errors
    /// A [`Failure`] in words for the caller.
    pub async fn call(&self, request: Request) -> Result<Reply, Failure> {
        if request.passphrase.is_some() {
            let handle = self.clone();
            let task = tokio::task::spawn_blocking(move || handle.call_blocking(request));
            return task.await.map_err(|_| failure::stopping())?;
        }
        let changes = request.operation.kind().changes();
        let (reply, answer) = oneshot::channel();
        let message = Message::Run {
            request: Box::new(request),
            shown: Shown::Nothing,
            new: None,
            reply,
        };
        self.sender.send(message).await.map_err(|_| failure::stopping())?;
        answer.await.map_err(|_| failure::unanswered(changes))?
    }

    /// The same, for callers without an asynchronous runtime. Must not be called from within one.
    ///
    /// # Errors
    /// A [`Failure`] in words for the caller.
    pub fn call_blocking(&self, mut request: Request) -> Result<Reply, Failure> {
        let mut shown = Shown::Nothing;
        let mut new = None;
        match (&request.operation, request.passphrase.take()) {
            (_, None) => {}
            (Operation::BackupRestore | Operation::Setup, Some(passphrase)) => {
                new = Some(self.hash_new(&passphrase)?)
            }
            (
                Operation::Unlock {
                    with: Credential::RecoveryKey,
                },
                Some(key),
            ) => shown = Shown::RecoveryKey(key),
            (operation, Some(passphrase)) => {
                if matches!(operation, Operation::PassphraseChange) {
                    let replacement = request.payload.take().ok_or_else(no_new_passphrase)?;
                    new = Some(self.hash_new(&replacement)?);
                }
                // Who lost the passphrase and came in by the recovery key shows that key here too.
                let again = !matches!(operation, Operation::Authenticate | Operation::Unlock { .. });
                let is_recovery_key = passphrase
                    .expose_str()
                    .is_ok_and(|text| RecoveryKey::parse(text).is_ok());
                shown = if again && is_recovery_key {
                    Shown::RecoveryKey(passphrase)
                } else {
                    Shown::Passphrase(self.hash(&passphrase)?)
                };
            }
        }
        let changes = request.operation.kind().changes();
        self.ask(changes, |reply| Message::Run {
            request: Box::new(request),
            shown,
            new,
            reply,
        })
    }

    /// Who shows this token. Counts as one call of that agent.
    ///
    /// # Errors
    /// [`FailureKind::WrongCredential`] for an unknown or revoked token, [`FailureKind::Throttled`] for
    /// an agent that calls too often, [`FailureKind::Locked`] while nobody can tell.
    pub async fn agent(&self, token: SecretBytes) -> Result<Agent, Failure> {
        let (reply, answer) = oneshot::channel();
        self.sender
            .send(Message::Agent { token, reply })
            .await
            .map_err(|_| failure::stopping())?;
        answer.await.map_err(|_| failure::stopping())?
    }

    /// What the agent of this id may do by now.
    ///
    /// # Errors
    /// [`FailureKind::WrongCredential`] once it is revoked, [`FailureKind::Locked`] while nobody can tell.
    pub async fn agent_by_id(&self, id: RecordId) -> Result<Agent, Failure> {
        let (reply, answer) = oneshot::channel();
        self.sender
            .send(Message::AgentById { id, reply })
            .await
            .map_err(|_| failure::stopping())?;
        answer.await.map_err(|_| failure::stopping())?
    }

    /// Which records are changed from now on, as their changes reach the disk.
    pub fn touched(&self) -> broadcast::Receiver<Touched> {
        self.touched.subscribe()
    }

    /// The salt under which the passphrase is hashed, 32 bytes: another one after each change of the
    /// passphrase, whoever made it. `None` on a device that is new or damaged, or has no passphrase.
    /// It lies readable in the keyring and helps nobody to guess.
    ///
    /// # Errors
    /// [`FailureKind::Unavailable`] when the device is stopping.
    pub async fn passphrase_salt(&self) -> Result<Option<[u8; 32]>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.sender
            .send(Message::PassphraseSalt { reply })
            .await
            .map_err(|_| failure::stopping())?;
        answer.await.map_err(|_| failure::stopping())
    }

    /// A counter that moves with each change of data or state.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// What may leave at the moment: `OFFLINE_ONLY` while the vault is locked.
    pub fn profile(&self) -> watch::Receiver<Profile> {
        self.profile.clone()
    }

    /// Reports of a call, in order, by who carries it.
    ///
    /// # Errors
    /// A [`Failure`] when nobody wants to hear more: the call is to be given up.
    pub async fn report(&self, id: RecordId, report: Report) -> Result<(), Failure> {
        self.errand(Errand::Reported(id, Box::new(report)))
            .await
            .map(drop)
    }

    /// What is told of a link, in order, by who carries it. A text that was captured is on disk once this
    /// returns.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] or [`FailureKind::Locked`] when nobody wants to hear more: the link is to be
    /// closed. Any other for a text that can't be kept now and is to be told again later.
    pub async fn linked(&self, number: u64, report: LinkReport) -> Result<(), Failure> {
        self.errand(Errand::Linked(number, Box::new(report)))
            .await
            .map(drop)
    }

    /// What a button of the device tells, by who has seen that it is one.
    ///
    /// # Errors
    /// [`FailureKind::NotFound`] or [`FailureKind::Locked`] for a press for which nothing waits; any other when
    /// what waited could not be done.
    pub async fn button(&self, report: ButtonReport) -> Result<(), Failure> {
        self.errand(Errand::Button(report)).await.map(drop)
    }

    /// Stops the engine cleanly: keys leave the memory, everything is on disk.
    pub fn stop_blocking(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.sender.blocking_send(Message::Stop { reply }).is_ok() {
            // A closed channel means that it stopped already.
            stopped.blocking_recv().unwrap_or_default();
        }
    }

    /// Has the engine do what the device does by itself.
    pub(crate) async fn errand(&self, errand: Errand) -> Result<Reply, Failure> {
        let (reply, answer) = oneshot::channel();
        let message = Message::Errand { errand, reply };
        self.sender.send(message).await.map_err(|_| failure::stopping())?;
        answer.await.map_err(|_| failure::stopping())?
    }

    fn ask<T>(
        &self,
        changes: bool,
        message: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> Message,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.sender
            .blocking_send(message(reply))
            .map_err(|_| failure::stopping())?;
        answer.blocking_recv().map_err(|_| failure::unanswered(changes))?
    }

    fn hash(&self, passphrase: &SecretBytes) -> Result<Key, Failure> {
        let kdf: Kdf = self.ask(false, |reply| Message::Kdf { reply })?;
        let _one = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        kdf.derive(passphrase)
    }

    fn hash_new(&self, passphrase: &SecretBytes) -> Result<NewPassphrase, Failure> {
        let _one = self.hashing.lock().unwrap_or_else(PoisonError::into_inner);
        NewPassphrase::derive(passphrase, self.cost)
    }
}

fn no_new_passphrase() -> Failure {
    Failure::new(
        FailureKind::Invalid,
        "the new passphrase is missing",
        "send it beside the old one",
    )
}
