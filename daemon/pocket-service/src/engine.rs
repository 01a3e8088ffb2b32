//! The engine: plain synchronous code on its own thread. Takes one request at a time, and writes
//! what waits together to disk before it answers (group commit).

mod opening;
mod telling;
mod work;

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pocket_core::{Actor, Answer, Door, Failure, FailureKind, Operation, OperationKind, Profile, Timestamp};
use pocket_crypto::Key;
use tokio::runtime::Runtime;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{error, info, warn};

use crate::handle::{Message, Reply, Request, Shown, Touched};
use crate::keys::Device;
use crate::locked::{Locked, Opened};
use crate::outbound::Outbound;
use crate::passphrase::NewPassphrase;
use crate::service::{Config, StartError};
use crate::setup::FirstRun;
use crate::vault::{Ticked, Vault, Work, typed_erase};
use crate::{failure, reset};
pub(crate) use opening::Opening;
use opening::StoreThread;
use work::Jobs;

/// Requests that share one sync at most: a sync takes 10 ms on an SD card, and the first must not
/// wait long for the last.
const GROUP: usize = 100;
/// How often the engine looks at the time: auto-lock, retention, the outside head of the store.
const TICK: Duration = Duration::from_secs(1);
/// How much of the engine's stack is wiped at a lock, in bytes: more than any call of it takes.
const DEEPEST: usize = 256 * 1024;

/// What the engine is at the moment.
pub(crate) enum State {
    Damaged(Failure),
    FirstRun(FirstRun),
    Locked(Locked),
    Opening(Box<Opening>),
    Unlocked(Box<Vault>),
}

pub(crate) struct Engine {
    device: Device,
    state: State,
    changed: watch::Sender<u64>,
    touched: broadcast::Sender<Touched>,
    profile: watch::Sender<Profile>,
    /// Who wants to know that the engine has stopped, once it was told to.
    stopping: Option<oneshot::Sender<()>>,
    store: StoreThread,
    jobs: Jobs,
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

/// The way back to who asked.
type Sender = oneshot::Sender<Result<Reply, Failure>>;

/// An answer that is held back until what it promises is on disk.
struct Held {
    reply: Sender,
    answer: Result<Reply, Failure>,
    /// Whether it tells of a change, or of something that was read.
    changes: bool,
}

impl Held {
    const fn new(reply: Sender, answer: Result<Reply, Failure>, changes: bool) -> Self {
        Self {
            reply,
            answer,
            changes,
        }
    }

    /// What is told once it is known whether all is on disk.
    fn told(self, synced: &Result<(), Failure>) -> (Sender, Result<Reply, Failure>) {
        let answer = match synced {
            Ok(()) => self.answer,
            Err(failure) if self.changes => self.answer.and(Err(failure.clone())),
            // It changed nothing, and may show what is not kept.
            Err(_) => self.answer.and(Err(failure::reopened())),
        };
        (self.reply, answer)
    }
}

/// What comes of a request.
pub(crate) enum Outcome {
    Answer(Result<Reply, Failure>),
    /// The store is to be opened first.
    Open(Box<Opening>),
    /// It takes long: piece by piece.
    Work(Work),
}

impl From<Result<Reply, Failure>> for Outcome {
    fn from(answer: Result<Reply, Failure>) -> Self {
        Self::Answer(answer)
    }
}

impl Engine {
    /// `mailbox` is the engine's own, for the thread that opens the store.
    pub(crate) fn open(
        config: Config,
        (changed, touched, profile): (
            watch::Sender<u64>,
            broadcast::Sender<Touched>,
            watch::Sender<Profile>,
        ),
        mailbox: mpsc::WeakSender<Message>,
        outbound: Outbound,
    ) -> Result<Self, StartError> {
        let mut device = Device::open(config, outbound)?;
        let state = first_state(&mut device, Now::read());
        Ok(Self {
            device,
            state,
            changed,
            touched,
            profile,
            stopping: None,
            store: StoreThread::new(mailbox),
            jobs: Jobs::default(),
        })
    }

    /// Runs until it is told to stop or every handle is gone.
    pub(crate) fn run(mut self, timer: &Runtime, mut receiver: mpsc::Receiver<Message>) {
        let mut ticked = Instant::now();
        while self.stopping.is_none() {
            // Requests first, the owner's lock among them; then a piece of what takes long.
            let patience = if self.jobs.is_empty() {
                TICK
            } else {
                Duration::ZERO
            };
            match timer.block_on(async { tokio::time::timeout(patience, receiver.recv()).await }) {
                Ok(Some(message)) => self.group(message, &mut receiver),
                Ok(None) => break,
                Err(_) => {}
            }
            self.look_for_store();
            self.index_when_idle(Now::read());
            self.work(Now::read());
            self.tell_profile(Now::read());
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick(Now::read());
            }
        }
        self.stop(Now::read());
        // Nothing of it was begun.
        receiver.close();
        while let Ok(message) = receiver.try_recv() {
            message.fail(failure::stopping());
        }
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
        let Some(message) = self.defer(message) else {
            return;
        };
        match message {
            // A caller that has gone away wants no answer.
            Message::Agent { token, reply } => reply.send(self.agent(&token, now)).unwrap_or_else(drop),
            Message::AgentById { id, reply } => reply.send(self.agent_by_id(id)).unwrap_or_else(drop),
            Message::Errand { errand, reply } => self.errand(errand, reply, now, held),
            Message::Kdf { reply } => reply.send(self.kdf(now)).unwrap_or_else(drop),
            Message::PassphraseSalt { reply } => reply.send(self.passphrase_salt()).map_or((), drop),
            Message::Run {
                request,
                shown,
                new,
                reply,
            } => self.begin(*request, (shown, new), reply, now, held),
            // It only wakes the engine, which looks for it at every turn.
            Message::StoreOpened => {}
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
        if synced.is_ok() {
            self.tell_touched();
        }
        for held in held {
            let (reply, answer) = held.told(&synced);
            reply.send(answer).unwrap_or_else(drop);
        }
    }

    /// Does a request, or begins with it.
    fn begin(
        &mut self,
        request: Request,
        (shown, new): (Shown, Option<NewPassphrase>),
        reply: Sender,
        now: Now,
        held: &mut Vec<Held>,
    ) {
        let changes = request.operation.kind().changes();
        match self.take(request, shown, new, now) {
            Outcome::Answer(answer) => held.push(Held::new(reply, answer, changes)),
            Outcome::Open(opening) => self.begin_opening(opening, Some(reply), held),
            Outcome::Work(work) => self.begin_work(work, changes, reply, now, held),
        }
    }

    /// Takes a message as the loop does, and looks whether the store is open.
    #[cfg(test)]
    pub(crate) fn turn(&mut self, message: Option<Message>) {
        let mut held = Vec::new();
        if let Some(message) = message {
            self.answer(message, &mut held);
        }
        self.release(held);
        self.look_for_store();
    }

    /// Begins a request, and gives what its answer will come by.
    #[cfg(test)]
    pub(crate) fn start_one(
        &mut self,
        request: Request,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> oneshot::Receiver<Result<Reply, Failure>> {
        let (reply, answer) = oneshot::channel();
        let mut held = Vec::new();
        self.begin(request, (Shown::Nothing, new), reply, now, &mut held);
        self.release(held);
        answer
    }

    /// What is told of a request when the sync of its group fails.
    #[cfg(test)]
    pub(crate) fn fail_one(&mut self, request: Request, failure: Failure, now: Now) -> Option<FailureKind> {
        let mut held = Vec::new();
        let (reply, _answer) = oneshot::channel();
        self.begin(request, (Shown::Nothing, None), reply, now, &mut held);
        let (_reply, told) = held.pop().expect("it is answered at once").told(&Err(failure));
        told.err().map(|failure| failure.kind)
    }

    fn take(&mut self, request: Request, shown: Shown, new: Option<NewPassphrase>, now: Now) -> Outcome {
        if matches!(request.operation, Operation::Status) {
            let status = self.status(&request.actor, now);
            return Outcome::Answer(Ok(Answer::Status(Box::new(status)).into()));
        }
        let changes = request.operation.kind().changes();
        let (state, outcome) = self.step(request, shown, new, now);
        if let Some(state) = state {
            self.state = state;
        }
        if changes && matches!(outcome, Outcome::Answer(Ok(_))) {
            self.tell_change();
        }
        self.lock_if_unsure();
        outcome
    }

    /// One request to whatever the engine is; gives the state that follows, if another.
    fn step(
        &mut self,
        request: Request,
        shown: Shown,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> (Option<State>, Outcome) {
        match &mut self.state {
            State::Damaged(failure) => {
                let failure = failure.clone();
                let (state, answer) = self.damaged(&request, failure, now);
                (state, answer.into())
            }
            State::FirstRun(first_run) => {
                let (state, answer) = first_run.handle(&mut self.device, request, new, now);
                (state, answer.into())
            }
            State::Opening(opening) => {
                let (state, answer) = opening.handle(&request, now);
                if state.is_some() {
                    self.store.give_up();
                }
                (state, answer.into())
            }
            State::Locked(locked) => {
                if matches!(request.operation, Operation::FactoryReset { .. }) {
                    // What a lock gave up must not write into the folder of the next owner.
                    self.store.end();
                }
                match locked.handle(&mut self.device, &request, shown, now) {
                    Ok(Opened::Opening(opening)) => (None, Outcome::Open(opening)),
                    Ok(Opened::Reset(vault, candidate)) => {
                        if let Some(vault) = vault {
                            self.state = State::Unlocked(vault);
                        }
                        let (state, answer) = self.reset(candidate, now);
                        (state, answer.into())
                    }
                    Err(failure) => (None, Err(failure).into()),
                }
            }
            State::Unlocked(vault) => match vault.handle(&mut self.device, request, shown, new, now) {
                Ok(Next::Stay(reply)) => (None, Ok(reply).into()),
                Ok(Next::Lock) => (Some(self.lock()), Ok(Answer::Done.into()).into()),
                Ok(Next::Reset(candidate)) => {
                    let (state, answer) = self.reset(candidate, now);
                    (state, answer.into())
                }
                Ok(Next::Work(work)) => (None, Outcome::Work(work)),
                Err(failure) => (None, Err(failure).into()),
            },
        }
    }

    /// Tells what may leave, once that is another; the page shows the end of a lease.
    fn tell_profile(&self, now: Now) {
        let profile = match &self.state {
            State::Unlocked(vault) => vault.profile_in_force(now),
            _ => Profile::OfflineOnly,
        };
        let known = *self.profile.borrow();
        if known != profile {
            self.profile.send_replace(profile);
            self.tell_change();
        }
    }

    fn tell_change(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
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
        self.give_up_work(&failure::locked());
        // The keys leave the memory with the vault.
        self.state = State::Damaged(failure::locked());
        wipe_stack();
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
        self.give_up_work(&failure::not_set_up());
        // From here on there is no way back: the vault's keys leave the memory first.
        self.state = State::Damaged(failure::not_set_up());
        wipe_stack();
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
            State::Damaged(_) | State::FirstRun(_) | State::Opening(_) => None,
        };
        let secret = keyring.and_then(|keyring| self.device.read_secret(keyring).ok().flatten());
        passphrase.into_iter().chain(secret).collect()
    }

    pub(crate) fn tick(&mut self, now: Now) {
        let State::Unlocked(vault) = &mut self.state else {
            return;
        };
        match vault.tick(now) {
            Ok(Ticked::Changed) => self.tell_change(),
            Ok(Ticked::Nothing) => {}
            Ok(Ticked::Due(work)) => self.jobs.add_own(work),
            Ok(Ticked::Lock) => {
                info!("locked: the owner was idle");
                let locked = self.lock();
                self.state = locked;
                self.tell_change();
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

    /// A keyring that was perhaps written and perhaps not: only the disk knows which keys count, so
    /// nothing more is sealed with those in memory.
    fn lock_if_unsure(&mut self) {
        if matches!(&self.state, State::Unlocked(vault) if vault.is_unsure()) {
            warn!("the keyring could not be written: locked, since only the disk knows which one counts");
            let locked = self.lock();
            self.state = locked;
            self.tell_change();
        }
    }

    fn stop(&mut self, now: Now) {
        self.give_up_work(&failure::stopping());
        self.store.give_up();
        if let State::Opening(opening) = &mut self.state {
            opening.give_up(&failure::stopping());
        }
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

/// Earlier calls left copies of records where this thread's stack was deeper; the allocator wipes what is
/// freed, and nobody wipes that.
#[inline(never)]
fn wipe_stack() {
    let mut below = [0u8; DEEPEST];
    // Otherwise the compiler sees that nobody reads it.
    black_box(&mut below);
}

/// What follows a request to the unlocked engine.
pub(crate) enum Next {
    Lock,
    Reset(Option<Key>),
    Stay(Reply),
    Work(Work),
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
