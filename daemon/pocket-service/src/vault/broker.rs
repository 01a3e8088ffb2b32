//! The owner's broker: where it is, and the link to it, which is open while the profile says so. What the
//! broker is told is how the device is; what comes from it is a stranger's.

mod captures;

use std::time::{Duration, Instant};

use pocket_core::{
    Actor, Answer, Broker, BrokerStatus, Decision, DeviceState, Failure, FailureKind, LinkFault, LinkLeave,
    LinkState, LinkTerms, Operation, Reason, Refused, Timestamp, Transport, decide, decide_link,
};
use pocket_crypto::SecretBytes;
use pocket_grant::LinkReport;
use pocket_store::Changes;
use rand::Rng;
use tokio::sync::{oneshot, watch};

use super::{Act, Vault};
use crate::engine::Now;
use crate::failure;
use crate::outbound::Link;
use crate::vault::rows::{Rows, encode};
use captures::Captures;

/// The name of the row.
const ROW: &str = "broker";
/// The pause before a link that broke is opened again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest one.
const LAST_PAUSE: Duration = Duration::from_secs(120);
/// How often the broker is told how the device is though nothing has changed.
const ROUND: Duration = Duration::from_secs(60);

/// What the engine knows of the owner's broker.
#[derive(Default)]
pub(crate) struct Brokers {
    set: Option<(Broker, [u8; 8])>,
    captures: Captures,
    running: Option<Running>,
    /// When the next one may be opened.
    after: Option<Instant>,
    pause: Duration,
    fault: Option<(LinkFault, Timestamp)>,
    refused: Option<(Refused, Timestamp)>,
}

/// Which value of a secret it is: one that was deleted and set again was changed at another time.
type Revision = (u32, Timestamp);

/// A link that someone carries.
struct Running {
    number: u64,
    /// The revision of the secret that it was opened with.
    secret: Option<Revision>,
    connected: Option<Timestamp>,
    state: watch::Sender<DeviceState>,
    told: Instant,
    /// Dropped, it tells who carries the link that nobody wants it any more.
    _wanted: oneshot::Sender<()>,
}

impl Running {
    /// Whether nobody carries it any more.
    fn is_abandoned(&self) -> bool {
        self.state.is_closed()
    }
}

/// What comes of what was told of a link.
pub(crate) enum Linked {
    Changed,
    /// The vault has recorded its own locking and must be dropped.
    Lock,
    Nothing,
}

impl Brokers {
    /// Reads it back. One that can't be read is connected to no more.
    pub(super) fn load(rows: &mut Rows<'_>) -> Result<Self, Failure> {
        Ok(Self {
            set: rows.read(ROW)?,
            captures: Captures::load(rows.store())?,
            ..Self::default()
        })
    }

    fn status(&self, open: bool) -> Option<Box<BrokerStatus>> {
        let (broker, device) = self.set.as_ref()?;
        let link = match &self.running {
            Some(running) => running
                .connected
                .map_or(LinkState::Connecting, LinkState::Connected),
            None if open => LinkState::Connecting,
            None => LinkState::Shut,
        };
        Some(Box::new(BrokerStatus {
            broker: broker.clone(),
            device: hex(device),
            link,
            fault: self.fault,
            refused: self.refused,
            holding: self.captures.is_holding(),
        }))
    }

    /// The link is no more; another may be opened at once.
    fn begin_anew(&mut self) {
        self.running = None;
        self.after = None;
        self.pause = FIRST_PAUSE;
        self.fault = None;
    }

    fn broke(&mut self, fault: LinkFault, now: Now) {
        self.running = None;
        self.fault = Some((fault, now.wall));
        self.pause = self.pause.clamp(FIRST_PAUSE, LAST_PAUSE);
        self.after = Some(now.steady + self.pause);
        self.pause *= 2;
    }
}

impl Vault {
    /// Sets where the broker is.
    pub(super) fn broker_set(&mut self, act: Act, broker: Broker) -> Result<Answer, Failure> {
        let broker = broker
            .checked()
            .map_err(|error| failure::invalid(error.to_string(), "see `pocketctl broker set --help`"))?;
        if let Some(name) = &broker.secret {
            self.secret_named(name)?;
        }
        // The name stays: what the broker keeps for the device finds it again.
        let device = self
            .broker
            .set
            .as_ref()
            .map_or_else(random, |(_, device)| *device);
        let row = encode(&(&broker, device));
        let captures = self.broker.captures.renewed();
        let changes = captures.put(Changes::new().put_system(ROW, row));
        let now = act.now;
        self.commit(act.permit, &[], changes, now)?;
        self.broker.set = Some((broker, device));
        self.broker.captures = captures;
        self.broker.refused = None;
        self.broker.begin_anew();
        self.tend_link(now)?;
        Ok(self.broker_status(now))
    }

    /// Forgets it.
    pub(super) fn broker_remove(&mut self, act: Act) -> Result<Answer, Failure> {
        self.known_broker()?;
        let changes = Changes::new().remove_system(ROW).remove_system(captures::ROW);
        self.commit(act.permit, &[], changes, act.now)?;
        self.broker = Brokers::default();
        Ok(Answer::Done)
    }

    /// Shows it.
    pub(super) fn broker_show(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        Ok(self.broker_status(act.now))
    }

    /// Connects to it now, afresh.
    pub(super) fn broker_test(&mut self, act: Act) -> Result<Answer, Failure> {
        self.known_broker()?;
        if !self.outbound.has_gateway() {
            return Err(failure::refused(Reason::NoGateway));
        }
        let now = act.now;
        self.admit(act.permit, &[], now)?;
        self.broker.begin_anew();
        self.tend_link(now)?;
        Ok(self.broker_status(now))
    }

    fn broker_status(&self, now: Now) -> Answer {
        let open = self.lease.in_force(now.wall).opens_local_network() && self.outbound.has_gateway();
        Answer::Broker(self.broker.status(open))
    }

    fn known_broker(&self) -> Result<(), Failure> {
        match self.broker.set {
            Some(_) => Ok(()),
            None => Err(failure::not_found(
                "broker",
                "set one with `pocketctl broker set`",
            )),
        }
    }

    /// Closes the link unless the profile opens the owner's network; `true` when there was one.
    pub(super) fn shut_link(&mut self, now: Now) -> bool {
        let open = self.lease.in_force(now.wall).opens_local_network();
        !open && self.broker.running.take().is_some()
    }

    /// Opens the link, closes it, or tells it how the device is. `true` when the owner sees another state.
    pub(super) fn tend_link(&mut self, now: Now) -> Result<bool, Failure> {
        if self.shut_link(now) {
            return Ok(true);
        }
        let open = self.lease.in_force(now.wall).opens_local_network();
        if !open || self.broker.set.is_none() {
            return Ok(false);
        }
        if self.broker.running.as_ref().is_some_and(Running::is_abandoned) {
            self.broker.broke(LinkFault::GatewayAbsent, now);
            return Ok(true);
        }
        let secret = self.secret_in_use()?;
        if self
            .broker
            .running
            .as_ref()
            .is_some_and(|running| running.secret != secret)
        {
            self.broker.begin_anew();
        }
        if self.broker.running.is_some() {
            self.tell_state(now);
            return Ok(false);
        }
        if !self.outbound.has_gateway() || self.broker.after.is_some_and(|after| now.steady < after) {
            return Ok(false);
        }
        match self.open_link(now) {
            // On a full disk it is not opened: nothing happens without its record.
            Err(failure) if failure.kind == FailureKind::Full => {
                self.broker.after = Some(now.steady + LAST_PAUSE);
                Ok(false)
            }
            opened => opened.map(|()| true),
        }
    }

    fn open_link(&mut self, now: Now) -> Result<(), Failure> {
        let Some((broker, device)) = self.broker.set.clone() else {
            return Ok(());
        };
        let Ok(password) = self.password(&broker) else {
            self.broker.broke(LinkFault::SecretMissing, now);
            return Ok(());
        };
        let Some(place) = self.outbound.link_place() else {
            return Ok(());
        };
        let permit = decide_link(self.lease, now.wall).map_err(failure::refused)?;
        let outcome = pocket_core::audit::Outcome::Done;
        let leave = self.commit_as(permit, &[], Changes::new(), outcome, now)?;
        // On disk before a byte leaves.
        self.sync()?;
        let ends = self.lease.ends(now.wall).unwrap_or(now.wall);
        let leave = LinkLeave::new(leave, terms(broker, &device, ends))
            .ok_or_else(|| failure::internal("a link was to be opened without leave"))?;
        let (state, states) = watch::channel(self.device_state(now));
        let (wanted, given_up) = oneshot::channel();
        // A late word of an earlier link must not be taken for this one's.
        let number = u64::from_be_bytes(random());
        let secret = self.secret_in_use()?;
        self.broker.running = Some(Running {
            number,
            secret,
            connected: None,
            state,
            told: now.steady,
            _wanted: wanted,
        });
        place.send(Link {
            number,
            leave,
            password,
            states,
            given_up,
        });
        Ok(())
    }

    /// The link ends at once with the secret that it was opened with: who carries it has the old value.
    pub(super) fn secret_changed(&mut self, name: &str, now: Now) -> Result<(), Failure> {
        let used = self
            .broker
            .set
            .as_ref()
            .and_then(|(broker, _)| broker.secret.as_deref());
        if used == Some(name) {
            self.broker.begin_anew();
            self.tend_link(now)?;
        }
        Ok(())
    }

    /// Which value the broker's secret has now.
    fn secret_in_use(&self) -> Result<Option<Revision>, Failure> {
        let set = self.broker.set.as_ref();
        match set.and_then(|(broker, _)| broker.secret.as_deref()) {
            Some(name) => self.secret_revision(name),
            None => Ok(None),
        }
    }

    /// Looked up for each link, so that a deletion counts at once.
    fn password(&self, broker: &Broker) -> Result<Option<SecretBytes>, Failure> {
        let name = broker.secret.as_ref();
        name.map(|name| self.secret_named(name)).transpose()
    }

    fn tell_state(&mut self, now: Now) {
        let state = self.device_state(now);
        if let Some(running) = &mut self.broker.running
            && (*running.state.borrow() != state
                || now.steady.saturating_duration_since(running.told) >= ROUND)
        {
            running.told = now.steady;
            running.state.send_replace(state);
        }
    }

    fn device_state(&self, now: Now) -> DeviceState {
        let taken = self.store.size_on_disk();
        let all = self
            .store
            .space()
            .map_or(0, |space| space.free.saturating_add(taken));
        let percent = taken.saturating_mul(100).checked_div(all).unwrap_or(100);
        DeviceState {
            healthy: self.all_findings().is_empty(),
            storage: u8::try_from(percent).unwrap_or(100).min(100),
            profile: self.lease.in_force(now.wall),
            waiting: self.consents.waiting(now),
        }
    }

    /// Takes what is told of a link. An error tells who carries it to stop, or to try again.
    pub(crate) fn linked(&mut self, number: u64, report: LinkReport, now: Now) -> Result<Linked, Failure> {
        let running = self.broker.running.as_mut();
        let Some(running) = running.filter(|running| running.number == number) else {
            return Err(failure::not_found("link", "it was given up"));
        };
        match report {
            LinkReport::Captured {
                packet,
                redelivered,
                text,
                ..
            } => self.capture((packet, redelivered), &text, now),
            LinkReport::Connected { resumed } => {
                running.connected = Some(now.wall);
                self.broker.pause = FIRST_PAUSE;
                if !resumed {
                    self.forget_numbers(now)?;
                }
                Ok(Linked::Changed)
            }
            LinkReport::Ended(fault) => {
                self.broker.broke(fault, now);
                Ok(Linked::Changed)
            }
            LinkReport::LockPressed => self.lock_pressed(now),
            LinkReport::Lost(fault) => {
                running.connected = None;
                self.broker.fault = Some((fault, now.wall));
                Ok(Linked::Changed)
            }
            LinkReport::Refused { why, .. } => self.note_refused_capture(why, now),
        }
    }

    /// What the broker numbers from now on has nothing to do with what it numbered before. That is on disk before
    /// the first of its texts is taken: a text that no one has kept must not be known after a crash.
    fn forget_numbers(&mut self, now: Now) -> Result<(), Failure> {
        let Some(captures) = self.broker.captures.without_numbers() else {
            return Ok(());
        };
        let permit = decide_link(self.lease, now.wall).map_err(failure::refused)?;
        self.commit(permit, &[], captures.put(Changes::new()), now)?;
        self.broker.captures = captures;
        Ok(())
    }

    /// The ordinary way to lock, with who asked on record.
    fn lock_pressed(&mut self, now: Now) -> Result<Linked, Failure> {
        let (actor, operation) = (Actor::Broker, Operation::Lock { all: false });
        match decide(self.lease, &actor, &operation, now.wall) {
            Decision::Allow(permit) => {
                let act = Act {
                    permit,
                    payload: None,
                    new: None,
                    pictures: Vec::new(),
                    shown: crate::handle::Shown::Nothing,
                    now,
                };
                self.lock(act, false)?;
                Ok(Linked::Lock)
            }
            Decision::AskOwner(_) => Err(failure::internal("policy asks the owner about a lock")),
            Decision::Refuse(reason) => self
                .refuse(&actor, &operation, reason, now)
                .map(|_| Linked::Nothing),
        }
    }
}

fn terms(broker: Broker, device: &[u8; 8], expires: Timestamp) -> LinkTerms {
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    LinkTerms {
        encrypted: broker.transport.is_encrypted(),
        ca: match broker.transport {
            Transport::Tls { ca } => ca,
            Transport::Plain | Transport::PlainWithPassword => None,
        },
        host: broker.host,
        port: broker.port,
        user: broker.user,
        device: hex(device),
        prefix: broker.prefix,
        expires,
        nonce,
    }
}

fn random() -> [u8; 8] {
    let mut bytes = [0; 8];
    rand::rng().fill_bytes(&mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
