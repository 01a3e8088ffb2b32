//! A new release that the gateway fetches, because the owner said so: from one address, once. What comes is kept
//! and looked at as if it had been handed in.

use std::fs;
use std::path::Path;

use pocket_core::audit::Outcome;
use pocket_core::{
    ActorRef, Answer, CallFailure, Failure, FailureKind, Fetch, FetchFault, Grant, Method, Operation,
    OperationKind, Reason, RecordId, Terms, WebAddress, decide_own,
};
use pocket_grant::{Headers, Report};
use pocket_store::Changes;
use rand::Rng;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::{INCOMING, begin, is_free};
use crate::engine::Now;
use crate::failure;
use crate::keys::Device;
use crate::outbound::{Call, Way};
use crate::vault::records::random_id;
use crate::vault::{Act, Vault, amounts_of, event};

/// How long it may take; the profile ends it earlier.
const PATIENCE_MILLIS: u32 = 4 * 60 * 60 * 1000;
/// How long a gateway may take to begin.
const GRANTED: std::time::Duration = std::time::Duration::from_secs(60);
/// Whoever looks on is told of each so many bytes.
const TOLD: u64 = 4 * 1024 * 1024;

/// A release that is fetched, or came to nothing.
pub(in crate::vault) struct Fetching {
    /// Which call it is.
    id: RecordId,
    fetch: Fetch,
    connected: bool,
    /// Dropped, it tells who carries the call that nobody wants it any more.
    wanted: Option<oneshot::Sender<()>>,
}

/// What the log is told of a fetch that is over.
type Amounts = (u64, u64);

impl Vault {
    /// Whether this call is the one that fetches a release.
    pub(in crate::vault) fn fetches(&self, id: RecordId) -> bool {
        self.fetching.as_ref().is_some_and(|fetching| fetching.id == id)
    }

    /// Whether a release is being fetched.
    pub(super) fn is_fetching(&self) -> bool {
        self.fetching
            .as_ref()
            .is_some_and(|fetching| fetching.wanted.is_some())
    }

    /// What is fetched, or came to nothing.
    pub(crate) fn fetch_status(&self) -> Option<Fetch> {
        self.fetching.as_ref().map(|fetching| fetching.fetch.clone())
    }

    pub(in crate::vault) fn update_fetch(
        &mut self,
        device: &Device,
        act: Act,
        from: WebAddress,
    ) -> Result<Answer, Failure> {
        let spool = device.updates()?.spool.clone();
        is_free(device)?;
        if self.is_fetching() {
            return Err(under_way());
        }
        if !self.consents.has_gateway() {
            return Err(failure::refused(Reason::NoGateway));
        }
        let place = self.outbound.place().ok_or_else(failure::busy)?;
        let leave = self.commit_as(act.permit, &[], Changes::new(), Outcome::Done, act.now)?;
        // On disk before a byte leaves.
        self.sync()?;
        // What was handed in half has the same name.
        self.incoming = None;
        self.incoming = Some(begin(spool.join(INCOMING))?);
        let terms = terms(&from, act.now);
        let id = terms.id;
        let grant = Grant::new(leave, terms)
            .ok_or_else(|| failure::internal("a release was to be fetched without consent"))?;
        let (wanted, given_up) = oneshot::channel();
        place.send(Call {
            id,
            way: Way::Out(grant),
            body: Vec::new(),
            headers: Headers::default(),
            given_up,
        });
        self.fetching = Some(Fetching {
            id,
            fetch: Fetch {
                from,
                received: 0,
                size: None,
                fault: None,
            },
            connected: false,
            wanted: Some(wanted),
        });
        Ok(Answer::Done)
    }

    /// The owner wants no more of it.
    pub(in crate::vault) fn update_fetch_stop(&mut self, act: Act) -> Result<Answer, Failure> {
        if !self.is_fetching() {
            let what = "release that is being fetched";
            return Err(failure::not_found(
                what,
                "look at how it is: pocketctl update show",
            ));
        }
        self.admit(act.permit, &[], act.now)?;
        self.end_fetch(FetchFault::Stopped, None, act.now)?;
        Ok(Answer::Done)
    }

    /// What may not leave any more, or never ends because the vault does, is given up.
    pub(in crate::vault) fn stop_fetch(&mut self, now: Now) -> Result<bool, Failure> {
        if !self.is_fetching() {
            return Ok(false);
        }
        self.end_fetch(FetchFault::Call(CallFailure::Withdrawn), None, now)?;
        Ok(true)
    }

    /// Takes what is reported of it. An error tells who carries the call to stop.
    pub(in crate::vault) fn fetched(
        &mut self,
        device: &Device,
        report: Report,
        now: Now,
    ) -> Result<bool, Failure> {
        if !self.is_fetching() {
            return Err(failure::not_found("call", "it was given up"));
        }
        match report {
            Report::Connected { .. } => {
                self.fetching
                    .iter_mut()
                    .for_each(|fetching| fetching.connected = true);
                Ok(false)
            }
            Report::Head {
                status: 200, length, ..
            } => match self.expect(length) {
                Ok(()) => Ok(true),
                Err(failure) => self.end_fetch(not_kept(&failure), None, now).map(|()| true),
            },
            Report::Head { status, leads_to, .. } => {
                let fault = match (status, leads_to) {
                    (301 | 302 | 303 | 307 | 308, to) => {
                        FetchFault::Elsewhere(to.and_then(|to| to.parse().ok()))
                    }
                    (status, _) => FetchFault::Status(status),
                };
                self.end_fetch(fault, None, now).map(|()| true)
            }
            // Of no call of this kind.
            Report::Step { .. } => Ok(false),
            Report::Piece(bytes) => match self.take_piece(&bytes) {
                Ok(tell) => Ok(tell),
                Err(failure) => self.end_fetch(not_kept(&failure), None, now).map(|()| true),
            },
            Report::Ended { sent, received } => self.hand_on(device, (sent, received), now).map(|()| true),
            Report::Failed {
                reason,
                sent,
                received,
            } => {
                let fault = FetchFault::Call(reason);
                self.end_fetch(fault, Some((sent, received)), now).map(|()| true)
            }
        }
    }

    /// Whether there is room for as much as was announced.
    fn expect(&mut self, length: Option<u64>) -> Result<(), Failure> {
        self.find_room(length.unwrap_or(0), 0)?;
        if let Some(fetching) = &mut self.fetching {
            fetching.fetch.size = length;
        }
        Ok(())
    }

    /// Keeps the next bytes. Gives whether that is worth telling.
    fn take_piece(&mut self, bytes: &[u8]) -> Result<bool, Failure> {
        self.keep_piece(bytes)?;
        let size = self.incoming.as_ref().map_or(0, |incoming| incoming.size);
        let fetch = self.fetching.as_mut().map(|fetching| &mut fetching.fetch);
        let before = fetch.map_or(0, |fetch| std::mem::replace(&mut fetch.received, size));
        Ok(before / TOLD != size / TOLD)
    }

    /// It is all there: it is looked at as if it had been handed in.
    fn hand_on(&mut self, device: &Device, amounts: Amounts, now: Now) -> Result<(), Failure> {
        let permit = decide_own(OperationKind::CallEnd).map_err(failure::refused)?;
        if let Err(failure) = is_free(device) {
            return self.end_fetch(not_kept(&failure), Some(amounts), now);
        }
        self.note(amounts_of(amounts, now))?;
        self.admit(permit, &[], now)?;
        match self.hand_in(device) {
            Ok(()) => self.fetching = None,
            Err(failure) => {
                self.incoming = None;
                self.give_up_fetch(not_kept(&failure));
            }
        }
        Ok(())
    }

    /// Writes down that it came to nothing, and how much went and came. Of a call that was cut off here it is not
    /// known how much was sent: once there was a connection, all of the request counts.
    fn end_fetch(&mut self, fault: FetchFault, amounts: Option<Amounts>, now: Now) -> Result<(), Failure> {
        let Some(fetching) = &self.fetching else {
            return Ok(());
        };
        let asked = u64::try_from(fetching.fetch.from.request().len()).unwrap_or(u64::MAX);
        let sent = if fetching.connected { asked } else { 0 };
        let amounts = amounts.unwrap_or((sent, fetching.fetch.received));
        // Whatever becomes of the record: nothing is half there, and nothing more comes.
        self.incoming = None;
        self.give_up_fetch(fault);
        let mut events = amounts_of(amounts, now);
        let outcome = Outcome::Failed(FailureKind::Unavailable);
        events.push(event(
            ActorRef::Device,
            OperationKind::CallEnd,
            None,
            outcome,
            now,
        ));
        self.note(events)
    }

    fn give_up_fetch(&mut self, fault: FetchFault) {
        if let Some(fetching) = &mut self.fetching {
            fetching.wanted = None;
            fetching.fetch.fault = Some(fault);
        }
    }
}

/// What came half before the device stopped takes no room.
pub(in crate::vault) fn forget_half(spool: &Path) {
    fs::remove_file(spool.join(INCOMING)).unwrap_or_default();
}

fn terms(from: &WebAddress, now: Now) -> Terms {
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    Terms {
        id: random_id(),
        host: from.host().to_owned(),
        port: from.port(),
        path: from.path().to_owned(),
        method: Method::Get,
        body_sha256: Sha256::digest(b"").into(),
        body_length: 0,
        most_answer: Operation::MOST_DOCUMENT,
        patience_millis: PATIENCE_MILLIS,
        expires: now.wall.plus(GRANTED),
        nonce,
        pin: None,
    }
}

fn not_kept(failure: &Failure) -> FetchFault {
    FetchFault::NotKept(failure.message.clone())
}

pub(super) fn under_way() -> Failure {
    Failure::new(
        FailureKind::Conflict,
        "a release is being fetched already",
        "wait for its end, or stop it: pocketctl update stop",
    )
}
