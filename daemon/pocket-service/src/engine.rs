//! The engine: plain synchronous code on its own thread. Takes one request at a time, and writes
//! what waits together to disk before it answers (group commit).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pocket_core::{
    Actor, Agent, Answer, Door, Failure, FailureKind, LockState, Operation, OperationKind, Timestamp,
};
use pocket_crypto::{Key, SecretBytes};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::handle::{Message, Reply, Request, Shown};
use crate::keys::Device;
use crate::locked::{Locked, Opened};
use crate::passphrase::{Kdf, NewPassphrase};
use crate::service::{Config, StartError};
use crate::setup::FirstRun;
use crate::vault::{Vault, typed_erase};
use crate::{failure, reset};

/// Requests that share one sync at most: a sync takes 10 ms on an SD card, and the first must not
/// wait long for the last.
const GROUP: usize = 100;
/// How often the engine looks at the time: auto-lock, retention, the outside head of the store.
const TICK: Duration = Duration::from_secs(1);

/// What the engine is at the moment.
pub(crate) enum State {
    Damaged(Failure),
    FirstRun(FirstRun),
    Locked(Locked),
    Unlocked(Box<Vault>),
}

pub(crate) struct Engine {
    device: Device,
    state: State,
    changed: watch::Sender<u64>,
    /// Who wants to know that the engine has stopped, once it was told to.
    stopping: Option<oneshot::Sender<()>>,
}

/// The clocks at one moment: the calendar may jump, the other never does.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Instant,
}

impl Now {
    fn read() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Self {
            wall: Timestamp::from_millis(millis),
            steady: Instant::now(),
        }
    }
}

/// An answer that is held back until what it promises is on disk.
type Held = (oneshot::Sender<Result<Reply, Failure>>, Result<Reply, Failure>);

impl Engine {
    pub(crate) fn open(config: Config, changed: watch::Sender<u64>) -> Result<Self, StartError> {
        let mut device = Device::open(config)?;
        let state = first_state(&mut device, Now::read());
        Ok(Self {
            device,
            state,
            changed,
            stopping: None,
        })
    }

    /// Runs until it is told to stop or every handle is gone.
    pub(crate) fn run(mut self, timer: &Runtime, mut receiver: mpsc::Receiver<Message>) {
        let mut ticked = Instant::now();
        while self.stopping.is_none() {
            match timer.block_on(async { tokio::time::timeout(TICK, receiver.recv()).await }) {
                Ok(Some(message)) => self.group(message, &mut receiver),
                Ok(None) => break,
                Err(_) => {}
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick(Now::read());
            }
        }
        self.stop(Now::read());
        self.stopping
            .map(|reply| reply.send(()))
            .transpose()
            .unwrap_or_default();
    }

    /// Answers `first` and what waits behind it, with one sync for all.
    fn group(&mut self, first: Message, receiver: &mut mpsc::Receiver<Message>) {
        let mut held = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            self.answer(message, &mut held);
            next = if held.len() < GROUP && self.stopping.is_none() {
                receiver.try_recv().ok()
            } else {
                None
            };
        }
        self.release(held);
    }

    fn answer(&mut self, message: Message, held: &mut Vec<Held>) {
        let now = Now::read();
        match message {
            // A caller that has gone away wants no answer.
            Message::Agent { token, reply } => reply.send(self.agent(&token)).unwrap_or_else(drop),
            Message::Kdf { reply } => reply.send(self.kdf(now)).unwrap_or_else(drop),
            Message::Run {
                request,
                shown,
                new,
                reply,
            } => {
                let answer = self.run_one(*request, shown, new, now);
                held.push((reply, answer));
            }
            // What waits for its sync is answered first.
            Message::Stop { reply } => self.stopping = Some(reply),
        }
    }

    /// Writes to disk what the held answers promise, then lets them go. If it can't be written,
    /// they all say so.
    fn release(&mut self, held: Vec<Held>) {
        let synced = match &mut self.state {
            State::Unlocked(vault) => vault.sync(),
            _ => Ok(()),
        };
        if let Err(failure) = &synced {
            error!(
                kind = failure.kind.name(),
                "writing to disk failed; the store is opened anew"
            );
            self.reopen();
        }
        for (reply, answer) in held {
            let answer = match &synced {
                Ok(()) => answer,
                Err(failure) => answer.and(Err(failure.clone())),
            };
            reply.send(answer).unwrap_or_else(drop);
        }
    }

    pub(crate) fn run_one(
        &mut self,
        request: Request,
        shown: Shown,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> Result<Reply, Failure> {
        if matches!(request.operation, Operation::Status) {
            return Ok(Answer::Status(Box::new(self.status(&request.actor, now))).into());
        }
        let changes = request.operation.kind().changes();
        let (state, answer) = self.step(request, shown, new, now);
        if let Some(state) = state {
            self.state = state;
        }
        if changes && answer.is_ok() {
            self.changed.send_modify(|count| *count = count.wrapping_add(1));
        }
        answer
    }

    /// One request to whatever the engine is; gives the state that follows, if another.
    fn step(
        &mut self,
        request: Request,
        shown: Shown,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> (Option<State>, Result<Reply, Failure>) {
        match &mut self.state {
            State::Damaged(failure) => {
                let failure = failure.clone();
                self.damaged(&request, failure, now)
            }
            State::FirstRun(first_run) => first_run.handle(&mut self.device, request, new, now),
            State::Locked(locked) => match locked.handle(&mut self.device, &request, shown, now) {
                Ok(Opened::Unlocked(vault, reply)) => (Some(State::Unlocked(vault)), Ok(reply)),
                Ok(Opened::Reset(vault, candidate)) => {
                    if let Some(vault) = vault {
                        self.state = State::Unlocked(vault);
                    }
                    self.reset(candidate, now)
                }
                Err(failure) => (None, Err(failure)),
            },
            State::Unlocked(vault) => match vault.handle(&mut self.device, request, shown, new, now) {
                Ok(Next::Stay(reply)) => (None, Ok(reply)),
                Ok(Next::Lock) => (Some(self.lock()), Ok(Answer::Done.into())),
                Ok(Next::Reset(candidate)) => self.reset(candidate, now),
                Err(failure) => (None, Err(failure)),
            },
        }
    }

    /// A device whose keyring is lost can still be made new: no passphrase can be verified, but who
    /// speaks on the control socket could remove the files as well.
    fn damaged(
        &mut self,
        request: &Request,
        failure: Failure,
        now: Now,
    ) -> (Option<State>, Result<Reply, Failure>) {
        let at_device = matches!(
            request.actor,
            Actor::Owner {
                door: Door::Control,
                ..
            }
        );
        match &request.operation {
            Operation::FactoryReset { confirm } if at_device && failure.kind == FailureKind::Damaged => {
                match typed_erase(confirm) {
                    Ok(()) => self.reset(None, now),
                    Err(failure) => (None, Err(failure)),
                }
            }
            _ => (None, Err(failure)),
        }
    }

    fn lock(&mut self) -> State {
        // The keys leave the memory with the vault.
        self.state = State::Damaged(failure::locked());
        info!("locked");
        first_state(&mut self.device, Now::read())
    }

    fn reset(&mut self, candidate: Option<Key>, now: Now) -> (Option<State>, Result<Reply, Failure>) {
        let begun = match &self.state {
            State::Unlocked(vault) => reset::begin(&self.device, Some(vault), now),
            _ => reset::begin(&self.device, None, now),
        };
        let run = match begun {
            Ok(run) => run,
            Err(failure) => return (None, Err(failure)),
        };
        let candidates = self.former_keys(candidate);
        // From here on there is no way back: the vault's keys leave the memory first.
        self.state = State::Damaged(failure::not_set_up());
        let outcome = reset::finish(&mut self.device, run, candidates, now);
        let state = first_state(&mut self.device, now);
        (Some(state), outcome.map(|proof| Answer::Reset(proof).into()))
    }

    /// What the former owner had: the hashed passphrase and the device secret, to be tried for the
    /// proof once they are of no use any more.
    fn former_keys(&self, passphrase: Option<Key>) -> Vec<Key> {
        let keyring = match &self.state {
            State::Locked(locked) => Some(locked.keyring()),
            State::Unlocked(vault) => Some(vault.keyring()),
            State::Damaged(_) | State::FirstRun(_) => None,
        };
        let secret = keyring.and_then(|keyring| self.device.read_secret(keyring).ok().flatten());
        passphrase.into_iter().chain(secret).collect()
    }

    fn status(&self, actor: &Actor, now: Now) -> pocket_core::Status {
        let owner = matches!(actor, Actor::Owner { .. });
        let mut status = self.device.status(now.wall);
        status.state = match &self.state {
            State::Damaged(failure) => LockState::Damaged {
                message: failure.message.clone(),
                remedy: failure.remedy.clone(),
            },
            State::FirstRun(_) => LockState::FirstRun,
            State::Locked(_) => LockState::Locked,
            State::Unlocked(_) => LockState::Unlocked,
        };
        match &self.state {
            State::FirstRun(first_run) => status.reset = first_run.proof(),
            State::Unlocked(vault) if owner => vault.describe(&self.device, &mut status, now.wall),
            _ => {}
        }
        status
    }

    fn agent(&self, token: &SecretBytes) -> Result<Agent, Failure> {
        match &self.state {
            State::Unlocked(vault) => vault.agents.authenticate(token),
            State::FirstRun(_) => Err(failure::not_set_up()),
            State::Locked(_) => Err(failure::locked()),
            State::Damaged(failure) => Err(failure.clone()),
        }
    }

    fn kdf(&mut self, now: Now) -> Result<Kdf, Failure> {
        self.device.may_guess(now.wall)?;
        let keyring = match &self.state {
            State::Locked(locked) => locked.keyring(),
            State::Unlocked(vault) => vault.keyring(),
            State::FirstRun(_) => return Err(failure::not_set_up()),
            State::Damaged(failure) => return Err(failure.clone()),
        };
        let (salt, params) = keyring
            .passphrase_params()
            .ok_or_else(|| failure::not_found("passphrase slot", "open it with the recovery key"))?;
        Ok(Kdf { salt, params })
    }

    pub(crate) fn tick(&mut self, now: Now) {
        let State::Unlocked(vault) = &mut self.state else {
            return;
        };
        match vault.tick(now) {
            Ok(false) => {}
            Ok(true) => {
                info!("locked: the owner was idle");
                let locked = self.lock();
                self.state = locked;
                self.changed.send_modify(|count| *count = count.wrapping_add(1));
            }
            Err(failure) => {
                warn!(
                    kind = failure.kind.name(),
                    "housekeeping failed; the store is opened anew"
                );
                self.reopen();
            }
        }
    }

    /// Closes the store after a failed write and opens it again: sled takes no further write
    /// before that. What can't be opened is left locked; nothing is thrown away.
    fn reopen(&mut self) {
        let State::Unlocked(vault) = std::mem::replace(&mut self.state, State::Damaged(failure::locked()))
        else {
            return;
        };
        self.state = match vault.reopen(&self.device, Now::read()) {
            Ok(vault) => State::Unlocked(Box::new(vault)),
            Err(failure) => {
                error!(
                    kind = failure.kind.name(),
                    "the store does not open; the vault is locked"
                );
                first_state(&mut self.device, Now::read())
            }
        };
    }

    fn stop(&mut self, now: Now) {
        if let State::Unlocked(vault) = &mut self.state {
            match vault.close(OperationKind::Stop, now) {
                Ok(()) => info!("stopped cleanly"),
                Err(failure) => error!(
                    kind = failure.kind.name(),
                    "stopped, but the last record was not written"
                ),
            }
        }
        self.state = State::Damaged(failure::locked());
    }
}

/// What follows a request to the unlocked engine.
pub(crate) enum Next {
    Lock,
    Reset(Option<Key>),
    Stay(Reply),
}

/// What the device is when nothing is in memory: as its files say.
fn first_state(device: &mut Device, now: Now) -> State {
    match reset::resume(device, now) {
        Err(failure) => return State::Damaged(failure),
        Ok(true) => info!("a reset or a setup that was cut short has been finished or undone"),
        Ok(false) => {}
    }
    match device.read_keyring() {
        Ok(Some(keyring)) => {
            device.recall_attempts(&keyring, now);
            State::Locked(Locked::new(keyring))
        }
        Ok(None) => State::FirstRun(FirstRun::new(reset::proof(device))),
        Err(failure) => State::Damaged(failure),
    }
}
