//! Calls under way: sent with leave, once; what comes back is read as a stranger's, and shown as a
//! suggestion.

use std::time::{Duration, Instant};

use pocket_core::audit::{Event, Outcome};
use pocket_core::{
    Actor, ActorRef, Answer, Ask, Category, Consent, ConsentPart, ConsentState, Failure, FailureKind, Grant,
    Method, OperationKind, Permit, Place, Profile, Protocol, Provider, RecordId, RecordedPermit,
    StandingConsent, Terms, decide_own,
};
use pocket_crypto::SecretBytes;
use pocket_grant::{Headers, Report};
use pocket_models::{AnswerReader, Outgoing, key_header};
use pocket_privacy::Filter;
use pocket_store::Changes;
use rand::Rng;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::content::Content;
use super::content::range;
use super::{describe, digest, refused};
use crate::engine::Now;
use crate::failure;
use crate::keys::Device;
use crate::outbound::{Call, Way};
use crate::vault::{Act, Vault};

/// Most bytes of an answer as it comes: 4 MiB, many times the longest that a provider gives.
const MOST_ANSWER: u64 = 4 * 1024 * 1024;
/// How long a call may take: a model on a far server thinks for minutes.
const PATIENCE_MILLIS: u32 = 5 * 60 * 1000;
/// How long a call may go on behind the end of its answer, until it is ended here: so long, it can still say
/// how much went and came.
const LINGERS: Duration = Duration::from_secs(2);
/// How long a gateway may take to begin.
const GRANTED: Duration = Duration::from_secs(60);

/// A call under way.
pub(super) struct Running {
    protocol: Protocol,
    out: bool,
    /// Whether there is a connection by which it may have left.
    connected: bool,
    reader: Option<AnswerReader>,
    /// Since when the answer has been whole.
    whole: Option<Instant>,
    /// Bytes of the answer that came.
    received: u64,
    /// What the model has said, with placeholders.
    text: String,
    /// Dropped, it tells who carries the call that nobody wants it any more.
    _wanted: oneshot::Sender<()>,
}

impl Running {
    /// What the model has said so far, as the owner reads it: from one time to the next it only grows.
    pub(super) fn shown(&self, filter: Option<&Filter>) -> String {
        filter.map_or_else(|| self.text.clone(), |filter| filter.answering().push(&self.text))
    }

    /// How much of so many bytes may have left by now.
    pub(super) const fn perhaps_sent(&self, size: u64) -> u64 {
        if self.connected { size } else { 0 }
    }

    /// What the log says of how much went out and came in; nothing of a call that stays here.
    pub(super) fn amounts(&self, id: RecordId, (sent, received): (u64, u64), now: Now) -> Vec<Event> {
        if !self.out {
            return Vec::new();
        }
        vec![
            amount(OperationKind::CallSent, id, sent, now),
            amount(OperationKind::CallReceived, id, received, now),
        ]
    }

    /// Bytes of the answer that came.
    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes of the answer in.
    fn take(&mut self, bytes: &[u8], now: Now) -> Result<(), String> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        if self.whole.is_some() {
            return Ok(());
        }
        let reader = self.reader.as_mut().ok_or("the answer has no beginning")?;
        let said = reader.feed(bytes).map_err(|error| error.to_string())?;
        self.text.push_str(&said);
        if reader.is_over() {
            self.whole = Some(now.steady);
        }
        Ok(())
    }

    /// Takes the end of the answer in.
    fn finish(&mut self) -> Result<(), String> {
        let reader = self.reader.take().ok_or("there was no answer")?;
        let finished = reader.finish().map_err(|error| error.to_string())?;
        // An answer in one piece has its text only now.
        self.text = finished.text;
        Ok(())
    }
}

/// A request that is ready but for the key.
struct Ready {
    path: String,
    body: Vec<u8>,
    headers: Headers,
    protocol: Protocol,
    pin: Option<[u8; 32]>,
}

impl Vault {
    /// The owner says yes to the bytes that were shown: they leave, once.
    pub(in crate::vault) fn consent_approve(
        &mut self,
        actor: &Actor,
        act: Act,
        (id, sha256): (RecordId, &str),
    ) -> Result<Answer, Failure> {
        let looked = self.consents.look(self.consents.get(actor, id)?, act.now);
        let consent = looked
            .approve(sha256, act.now.wall)
            .map_err(|error| refused(&error))?;
        if let ActorRef::Agent(agent) = consent.asker {
            self.agents.by_id(agent)?;
        }
        let mut content = self.question_content(id)?;
        let body = std::mem::take(&mut content.body);
        if digest(&body) != consent.sha256 {
            return Err(failure::internal(
                "the bytes of a question are not those that were asked about",
            ));
        }
        let ready = self.ready(&consent, body)?;
        self.remember_filter(id, &content.parts);
        let changes = self.with_state(&consent, act.now)?;
        self.send(act.permit, consent, changes, ready, act.now)
    }

    /// Sends what a standing consent covers.
    pub(super) fn send_standing(
        &mut self,
        (permit, left): (Permit, StandingConsent),
        consent: Consent,
        changes: Changes,
        outgoing: Outgoing,
        now: Now,
    ) -> Result<Answer, Failure> {
        let ready = self
            .ready(&consent, outgoing.body)
            .inspect_err(|_| self.store.discard(&changes))?;
        // Used up before it is sent: what fails is not given back.
        for standing in &mut self.consents.standing {
            if standing.id == left.id {
                standing.clone_from(&left);
            }
        }
        self.send(permit, consent, changes, ready, now)
    }

    /// Asks a model on this device: what it is asked stays here, and so needs no consent.
    pub(in crate::vault) fn keep_local(
        &mut self,
        actor: &Actor,
        act: Act,
        (ask, provider): (&Ask, &Provider),
        content: &Content,
        outgoing: Outgoing,
    ) -> Result<Answer, Failure> {
        let consent = describe(actor, ask, provider, content, &outgoing, act.now);
        let consent = Consent {
            categories: act.permit.categories().to_vec(),
            state: ConsentState::Sending,
            ..consent
        };
        let ready = self.ready(&consent, outgoing.body)?;
        let changes = self.with_question(Changes::new(), &consent, content, act.now)?;
        self.send(act.permit, consent, changes, ready, act.now)
    }

    /// Records that it is sent, then hands it to who carries it.
    fn send(
        &mut self,
        permit: Permit,
        consent: Consent,
        changes: Changes,
        ready: Ready,
        now: Now,
    ) -> Result<Answer, Failure> {
        let Some(place) = self.consents.outbound.place() else {
            self.store.discard(&changes);
            return Err(failure::busy());
        };
        let id = consent.id;
        let records = [(Category::Outbox, id)];
        let leave = self.commit_as(permit, &records, changes, Outcome::Done, now)?;
        // On disk before a byte leaves.
        self.sync()?;
        let Ready {
            body,
            headers,
            protocol,
            ..
        } = ready;
        let way = match &consent.place {
            Place::Local { socket } => Way::Local {
                socket: socket.clone(),
                path: ready.path,
            },
            Place::Cloud { host, port, .. } => {
                let to = (host.clone(), *port, ready.path);
                Way::Out(grant(leave, &consent, to, (&body, ready.pin), now)?)
            }
        };
        let out = matches!(way, Way::Out(_));
        let (wanted, given_up) = oneshot::channel();
        place.send(Call {
            id,
            way,
            body,
            headers,
            given_up,
        });
        let running = Running {
            protocol,
            out,
            connected: false,
            reader: None,
            whole: None,
            received: 0,
            text: String::new(),
            _wanted: wanted,
        };
        self.consents.running.insert(id, running);
        self.consents.since.remove(&id);
        Ok(self.took(consent))
    }

    /// The request to the provider that was shown, with its key. A provider that was changed since is
    /// another one; a secret that was deleted opens nothing any more.
    fn ready(&self, consent: &Consent, body: Vec<u8>) -> Result<Ready, Failure> {
        let provider = self.consents.provider(Some(&consent.provider))?;
        if provider.place != consent.place || provider.model != consent.model {
            return Err(Failure::new(
                FailureKind::Conflict,
                format!("the provider {} was changed since this was asked", provider.name),
                "ask again",
            ));
        }
        let mut headers = Headers::default();
        for (name, value) in pocket_models::headers(provider.protocol) {
            headers.push(*name, SecretBytes::new(value.as_bytes().to_vec()));
        }
        if let Some(name) = &provider.secret {
            let value = self.secret_named(name)?;
            let key = value.expose_str().unwrap_or_default();
            let (header, value) = key_header(provider.protocol, key)
                .map_err(|error| failure::invalid(format!("{name}: {error}"), "set it again"))?;
            headers.push(header, SecretBytes::new(value.as_bytes().to_vec()));
        }
        Ok(Ready {
            path: consent.path.clone(),
            body,
            headers,
            protocol: provider.protocol,
            pin: provider.pin,
        })
    }

    /// What was taken out of a question that was asked before the last restart.
    fn remember_filter(&mut self, id: RecordId, parts: &[ConsentPart]) {
        if self.consents.filters.contains_key(&id) {
            return;
        }
        let mut filter = Filter::new();
        for part in parts {
            for mark in &part.marks {
                let placeholder = part.redacted.get(range(mark.redacted)).unwrap_or_default();
                filter.recall(
                    placeholder,
                    part.original.get(range(mark.original)).unwrap_or_default(),
                );
            }
        }
        self.consents.filters.insert(id, filter);
    }

    /// Takes what is reported of a call. An error tells who carries it to stop.
    pub(crate) fn reported(
        &mut self,
        device: &Device,
        id: RecordId,
        report: Report,
        now: Now,
    ) -> Result<bool, Failure> {
        if self.fetches(id) {
            return self.fetched(device, report, now);
        }
        if self.sends(id) {
            return self.sending_told(report, now);
        }
        let running = self.consents.running.get_mut(&id);
        let running = running.ok_or_else(|| failure::not_found("call", "it was given up"))?;
        match report {
            Report::Connected { .. } => {
                running.connected = true;
                Ok(false)
            }
            Report::Head {
                status, media_type, ..
            } => {
                let reader = AnswerReader::new(running.protocol, media_type.as_deref(), status);
                running.reader = Some(reader);
                Ok(false)
            }
            // Of no call of this kind.
            Report::Step { .. } => Ok(false),
            Report::Piece(bytes) => match running.take(&bytes, now) {
                Ok(()) => Ok(true),
                Err(reason) => self.end_call(id, Err(reason), None, now).map(|()| true),
            },
            Report::Ended { sent, received } => {
                let finished = running.finish();
                self.end_call(id, finished, Some((sent, received)), now)
                    .map(|()| true)
            }
            Report::Failed {
                reason,
                sent,
                received,
            } => self
                .end_call(id, Err(reason.to_string()), Some((sent, received)), now)
                .map(|()| true),
        }
    }

    /// Writes down how a call ended, how much went and came, and what the model said. An answer that was whole
    /// before is an answer, whatever became of the connection. Of a call that was cut off here it is not known
    /// how much was sent: once there was a connection, all of it counts.
    fn end_call(
        &mut self,
        id: RecordId,
        ended: Result<(), String>,
        amounts: Option<(u64, u64)>,
        now: Now,
    ) -> Result<(), Failure> {
        let running = self.consents.running.remove(&id);
        let consent = self.consents.known.get(&id).cloned();
        let (Some(mut running), Some(consent)) = (running, consent) else {
            return Ok(());
        };
        let ended = match ended {
            Err(_) if running.whole.is_some() => running.finish(),
            ended => ended,
        };
        let (sent, received) =
            amounts.unwrap_or_else(|| (running.perhaps_sent(consent.size), running.received));
        let amounts = running.amounts(id, (sent, received), now);
        let text = running.text;
        let filter = self.consents.filters.get(&id);
        let answer = filter.map_or_else(|| text.clone(), |filter| filter.restore(&text));
        let state = match ended {
            Ok(()) => ConsentState::Answered { sent, received },
            Err(reason) => ConsentState::Failed {
                reason,
                sent,
                received,
            },
        };
        self.note(amounts)?;
        let consent = consent.end(state).map_err(|error| refused(&error))?;
        let permit = decide_own(OperationKind::CallEnd).map_err(failure::refused)?;
        self.settle_question(permit, consent, Some(answer), now)
    }

    /// Ends calls that go on although their answer is whole: a server may keep the line open for ever.
    pub(super) fn end_lingering(&mut self, now: Now) -> Result<bool, Failure> {
        let lingers = |running: &Running| {
            let since = running.whole;
            since.is_some_and(|since| now.steady.saturating_duration_since(since) >= LINGERS)
        };
        let running = self.consents.running.iter();
        let ids: Vec<RecordId> = running
            .filter(|(_, running)| lingers(running))
            .map(|(id, _)| *id)
            .collect();
        for id in &ids {
            let finished = self.consents.running.get_mut(id).map_or(Ok(()), Running::finish);
            self.end_call(*id, finished, None, now)?;
        }
        Ok(!ids.is_empty())
    }

    /// Once the profile lets nothing out any more, calls that are under way are given up, and so is consent
    /// ahead of time.
    pub(in crate::vault) fn stop_what_may_not_leave(&mut self, now: Now) -> Result<bool, Failure> {
        let profile = self.lease.in_force(now.wall);
        if profile != Profile::Custom {
            self.consents.standing.clear();
        }
        if profile.opens_cloud() {
            return Ok(false);
        }
        let (fetch, sending) = (self.stop_fetch(now), self.stop_sending(now));
        let stopped = matches!(fetch, Ok(true)) || matches!(sending, Ok(true));
        let mut ended = fetch.and(sending).map(drop);
        let running = self.consents.running.iter();
        let ids: Vec<RecordId> = running
            .filter(|(_, running)| running.out)
            .map(|(id, _)| *id)
            .collect();
        for id in &ids {
            let reason = pocket_core::CallFailure::Withdrawn.to_string();
            // Each is stopped, also when the end of another can't be written down.
            let one = self.end_call(*id, Err(reason), None, now);
            ended = ended.and(one);
        }
        ended.map(|()| stopped || !ids.is_empty())
    }
}

fn grant(
    leave: RecordedPermit,
    consent: &Consent,
    (host, port, path): (String, u16, String),
    (body, pin): (&[u8], Option<[u8; 32]>),
    now: Now,
) -> Result<Grant, Failure> {
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    let terms = Terms {
        id: consent.id,
        host,
        port,
        path,
        method: Method::Post,
        body_sha256: Sha256::digest(body).into(),
        body_length: u64::try_from(body.len()).unwrap_or(u64::MAX),
        most_answer: MOST_ANSWER,
        patience_millis: PATIENCE_MILLIS,
        expires: now.wall.plus(GRANTED),
        nonce,
        pin,
    };
    Grant::new(leave, terms).ok_or_else(|| failure::internal("a call was to leave without consent"))
}

fn amount(operation: OperationKind, id: RecordId, bytes: u64, now: Now) -> Event {
    Event {
        at: now.wall,
        actor: ActorRef::Device,
        operation,
        category: None,
        records: vec![id],
        count: u32::try_from(bytes).unwrap_or(u32::MAX),
        outcome: Outcome::Done,
    }
}
