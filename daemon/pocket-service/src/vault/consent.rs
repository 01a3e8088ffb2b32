//! The questions to the owner: kept, shown, answered, and gone when nobody answers. What of them is content
//! lies in the outbox, sealed like every record; what is not lies in a row of the engine's own.

mod calls;
pub(super) mod content;
mod kept;
mod providers;
mod standing;

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use pocket_core::asking::{self, Verdict};
use pocket_core::audit::Outcome;
use pocket_core::{
    Actor, ActorRef, Answer, Ask, Asked, Category, Consent, ConsentDetail, ConsentError, ConsentState,
    Failure, FailureKind, OperationKind, Permit, Provider, ProviderName, Question, RecordId, StandingConsent,
    Timestamp, decide_own,
};
use pocket_crypto::SecretBytes;
use pocket_models::Outgoing;
use pocket_privacy::Filter;
use pocket_store::Changes;
use sha2::{Digest, Sha256};

use super::records::random_id;
use super::{Act, Vault, event};
use crate::engine::Now;
use crate::failure;
use crate::handle::Reply;
use crate::outbound::Outbound;
use crate::vault::rows::{Rows, encode};
use calls::Running;
use content::Content;
use kept::row_name;

/// The names of the questions' rows begin so.
const PREFIX: &str = "consent/";
/// After so many refusals within the hour nothing is looked up any more for an agent's question.
const MOST_REFUSED: u32 = 10;
/// Most questions that are remembered; beyond, the oldest that are over are forgotten.
const MOST: usize = 500;

/// What the engine knows of questions and of whom can be asked.
#[derive(Default)]
pub(crate) struct Consents {
    known: BTreeMap<RecordId, Consent>,
    providers: BTreeMap<ProviderName, Provider>,
    standing: Vec<StandingConsent>,
    /// What was taken out of the questions, for their answers.
    filters: HashMap<RecordId, Filter>,
    /// When questions were asked, by the clock that nobody sets.
    since: HashMap<RecordId, Instant>,
    running: HashMap<RecordId, Running>,
    /// When which agents' questions were refused because they ask too much.
    refused: Vec<(RecordId, Timestamp)>,
    outbound: Outbound,
}

/// A question that the owner is to be asked.
pub(super) struct NewQuestion<'a> {
    pub(super) actor: &'a Actor,
    pub(super) ask: &'a Ask,
    pub(super) provider: &'a Provider,
    pub(super) question: &'a Question,
    pub(super) content: Content,
    pub(super) outgoing: Outgoing,
    pub(super) filter: Filter,
}

impl Consents {
    /// Reads them back. What can't be read is not asked any more.
    pub(super) fn load(rows: &mut Rows<'_>, outbound: Outbound) -> Result<Self, Failure> {
        let mut consents = Self {
            outbound,
            providers: providers::load(rows)?,
            ..Self::default()
        };
        for name in rows.names(PREFIX)? {
            let read: Option<Consent> = rows.read(&name)?;
            consents.known.extend(read.map(|consent| (consent.id, consent)));
        }
        Ok(consents)
    }

    /// Whether there is a program to send with.
    pub(super) fn has_gateway(&self) -> bool {
        self.outbound.has_gateway()
    }

    /// How many questions wait for the owner.
    pub(super) fn waiting(&self, now: Now) -> u32 {
        let questions = self.known.values().filter(|consent| {
            consent.state == ConsentState::Waiting && !self.look(consent, now).state.is_over()
        });
        u32::try_from(questions.count()).unwrap_or(u32::MAX)
    }

    /// The question, if `actor` may know of it.
    fn get(&self, actor: &Actor, id: RecordId) -> Result<&Consent, Failure> {
        let found = self.known.get(&id).filter(|consent| match actor {
            Actor::Agent(_) => consent.asker == actor.reference(),
            _ => true,
        });
        found.ok_or_else(no_question)
    }

    /// Remembers that an agent was refused.
    fn note_refused(&mut self, asker: ActorRef, now: Timestamp) {
        if let ActorRef::Agent(agent) = asker {
            self.refused.retain(|(_, at)| now.since(*at) < asking::SPAN);
            if self.refused.len() < MOST {
                self.refused.push((agent, now));
            }
        }
    }

    /// Refuses an agent that goes on asking too much, before any work is done for it.
    pub(super) fn check_pressing(&self, asker: ActorRef, now: Timestamp) -> Result<(), Failure> {
        let refused = self.refused(now);
        let pressing = refused
            .iter()
            .any(|(agent, count)| ActorRef::Agent(*agent) == asker && *count >= MOST_REFUSED);
        if pressing { Err(too_much()) } else { Ok(()) }
    }

    /// How often agents were refused within the hour.
    fn refused(&self, now: Timestamp) -> Vec<(RecordId, u32)> {
        let mut counts: BTreeMap<RecordId, u32> = BTreeMap::new();
        for (agent, at) in &self.refused {
            if now.since(*at) < asking::SPAN {
                *counts.entry(*agent).or_default() += 1;
            }
        }
        counts.into_iter().collect()
    }

    /// The question of this id.
    pub(super) fn known(&self, id: RecordId) -> Option<&Consent> {
        self.known.get(&id)
    }

    /// Whether the owner may say yes to these bytes of the question by now.
    pub(super) fn may_approve(&self, id: RecordId, sha256: &str, now: Now) -> Result<(), Failure> {
        let known = self.known(id).ok_or_else(no_question)?;
        let approved = self.look(known, now).approve(sha256, now.wall);
        approved.map(drop).map_err(|error| refused(&error))
    }

    /// As the question stands by now.
    fn look(&self, consent: &Consent, now: Now) -> Consent {
        let waited = self
            .since
            .get(&consent.id)
            .map(|since| now.steady.saturating_duration_since(*since));
        let late = waited.is_some_and(|waited| waited >= Consent::PATIENCE);
        let looked = consent.clone().at(now.wall);
        if late && looked.state == ConsentState::Waiting {
            // The calendar may stand still; this clock does not.
            return looked.at(consent.expires);
        }
        looked
    }
}

impl Vault {
    /// Asks the owner, unless the same was asked before, this agent asks too much, or the owner consented
    /// ahead of time.
    pub(super) fn keep_question(&mut self, new: NewQuestion<'_>, now: Now) -> Result<Answer, Failure> {
        let mut consent = describe(new.actor, new.ask, new.provider, &new.content, &new.outgoing, now);
        consent.categories = new.question.categories().to_vec();
        let asker = new.actor.reference();
        let verdict = asking::judge(
            &mut self.consents.known.values(),
            asker,
            &consent.provider,
            &consent.sha256,
            now.wall,
        );
        match verdict {
            Verdict::New => {}
            Verdict::Same(id) => return self.repeat(&new, id, now),
            Verdict::Denied => {
                let kind = FailureKind::Refused;
                let no = "the owner said no to this very question";
                return self.refuse_question(asker, Failure::new(kind, no, "do not ask the same again"), now);
            }
            Verdict::TooMany => {
                self.consents.note_refused(asker, now.wall);
                return self.refuse_question(asker, too_much(), now);
            }
        }
        let leave = self.standing_for(new.question, &consent, now);
        consent.standing = leave.is_some();
        let NewQuestion {
            question,
            content,
            outgoing,
            filter,
            ..
        } = new;
        let (id, records) = (consent.id, [(Category::Outbox, consent.id)]);
        if let Some(leave) = leave {
            consent.state = ConsentState::Sending;
            let changes = self.with_question(Changes::new(), &consent, &content, now)?;
            let sent = self.send_standing(leave, consent, changes, outgoing, now)?;
            self.consents.filters.insert(id, filter);
            return Ok(sent);
        }
        let changes = self.with_question(Changes::new(), &consent, &content, now)?;
        let _leave = self.commit_as(question.keep(), &records, changes, Outcome::Asked, now)?;
        self.consents.filters.insert(id, filter);
        self.consents.since.insert(id, now.steady);
        Ok(self.took(consent))
    }

    /// Remembers a question as it now is, and says so.
    fn took(&mut self, consent: Consent) -> Answer {
        let question = consent.clone();
        self.consents.known.insert(consent.id, consent);
        Answer::Asked(Box::new(Asked {
            question,
            text: String::new(),
            length: 0,
        }))
    }

    /// The same question again, which waits already.
    fn repeat(&mut self, new: &NewQuestion<'_>, id: RecordId, now: Now) -> Result<Answer, Failure> {
        let actor = new.actor;
        let mut consent = self.consents.get(actor, id)?.clone();
        consent.repeats = consent.repeats.saturating_add(1);
        let changes = Changes::new().put_system(&row_name(id), encode(&consent));
        let records = [(Category::Outbox, id)];
        let _leave = self.commit_as(new.question.keep(), &records, changes, Outcome::Asked, now)?;
        Ok(self.took(consent))
    }

    fn refuse_question(&mut self, asker: ActorRef, failure: Failure, now: Now) -> Result<Answer, Failure> {
        let outcome = Outcome::Failed(failure.kind);
        self.note(vec![event(asker, OperationKind::Ask, None, outcome, now)])?;
        Err(failure)
    }

    /// Lists the questions.
    pub(super) fn consent_list(&mut self, actor: &Actor, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let own =
            |consent: &&Consent| !matches!(actor, Actor::Agent(_)) || consent.asker == actor.reference();
        let known = self.consents.known.values().filter(own);
        let mut questions: Vec<Consent> = known
            .map(|consent| self.consents.look(consent, act.now))
            .collect();
        questions.sort_by_key(|consent| {
            let waits = consent.state == ConsentState::Waiting;
            (!waits, std::cmp::Reverse(consent.asked), consent.id)
        });
        let (standing, refused) = match actor {
            Actor::Agent(_) => (Vec::new(), Vec::new()),
            _ => (
                self.standing_now(act.now.wall),
                self.consents.refused(act.now.wall),
            ),
        };
        Ok(Answer::Consents {
            questions,
            standing,
            refused,
        })
    }

    /// Shows the owner all of a question; the bytes travel beside, or those of one picture in them.
    pub(super) fn consent_show(
        &mut self,
        actor: &Actor,
        act: Act,
        (id, picture): (RecordId, Option<u32>),
    ) -> Result<Reply, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let question = self.consents.look(self.consents.get(actor, id)?, act.now);
        let mut content = self.question_content(id)?;
        let parts = std::mem::take(&mut content.parts);
        let pictured = content.pictured();
        let beside = match picture {
            None => &mut content.body,
            Some(number) => usize::try_from(number)
                .ok()
                .and_then(|number| content.pictures.get_mut(number))
                .ok_or_else(|| {
                    failure::not_found("picture", "look at the question: it says how many there are")
                })?,
        };
        Ok(Reply {
            answer: Answer::Consent(Box::new(ConsentDetail {
                question,
                parts,
                pictured,
            })),
            payload: Some(SecretBytes::new(std::mem::take(beside))),
        })
    }

    /// Says what has become of a question, and what the model has said so far.
    pub(super) fn consent_status(
        &mut self,
        actor: &Actor,
        act: Act,
        (id, from): (RecordId, u64),
    ) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        let question = self.consents.look(self.consents.get(actor, id)?, act.now);
        let text = match self.consents.running.get(&id) {
            Some(running) => running.shown(self.consents.filters.get(&id)),
            None if matches!(
                question.state,
                ConsentState::Answered { .. } | ConsentState::Failed { .. }
            ) =>
            {
                std::mem::take(&mut self.question_content(id)?.answer)
            }
            None => String::new(),
        };
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let text = text.get(from..).unwrap_or_default().to_owned();
        Ok(Answer::Asked(Box::new(Asked {
            question,
            text,
            length,
        })))
    }

    /// The owner says no, or stops it on its way.
    pub(super) fn consent_deny(&mut self, actor: &Actor, act: Act, id: RecordId) -> Result<Answer, Failure> {
        let looked = self.consents.look(self.consents.get(actor, id)?, act.now);
        let mut denied = looked.deny(act.now.wall).map_err(|error| refused(&error))?;
        if let ConsentState::Failed { sent, received, .. } = &mut denied.state
            && let Some(running) = self.consents.running.get(&id)
        {
            (*sent, *received) = (running.perhaps_sent(denied.size), running.received());
            let amounts = running.amounts(id, (*sent, *received), act.now);
            self.note(amounts)?;
        }
        self.settle_question(act.permit, denied, None, act.now)?;
        self.forget_press(id, act.now);
        Ok(Answer::Done)
    }

    /// Writes down the end of a question, with its answer if there is one.
    fn settle_question(
        &mut self,
        permit: Permit,
        consent: Consent,
        answer: Option<String>,
        now: Now,
    ) -> Result<(), Failure> {
        let id = consent.id;
        let changes = match answer {
            // Its owner may have deleted it meanwhile.
            Some(answer) if self.store.contains(Category::Outbox, id) => {
                let mut content = self.question_content(id)?;
                content.answer = answer;
                self.with_question(Changes::new(), &consent, &content, now)?
            }
            Some(_) | None => self.with_state(&consent, now)?,
        };
        self.commit(permit, &[(Category::Outbox, id)], changes, now)?;
        self.consents.known.insert(id, consent);
        self.consents.filters.remove(&id);
        self.consents.since.remove(&id);
        // Whoever carries the call gives it up.
        self.consents.running.remove(&id);
        Ok(())
    }

    /// Once a second: what nobody answered is over, what may not leave any more is stopped, and what is old
    /// is forgotten.
    pub(super) fn tick_consents(&mut self, now: Now) -> Result<bool, Failure> {
        let waiting = |consent: &&Consent| consent.state == ConsentState::Waiting;
        let looked = self
            .consents
            .known
            .values()
            .filter(waiting)
            .map(|consent| self.consents.look(consent, now));
        let expired: Vec<Consent> = looked
            .filter(|consent| consent.state == ConsentState::Expired)
            .collect();
        let mut changed = !expired.is_empty();
        for consent in expired {
            let permit = decide_own(OperationKind::ConsentExpire).map_err(failure::refused)?;
            self.settle_question(permit, consent, None, now)?;
        }
        changed |= self.end_lingering(now)?;
        changed |= self.stop_what_may_not_leave(now)?;
        self.settle_interrupted(now)?;
        self.forget_old(now)?;
        Ok(changed)
    }

    /// Rows whose record is gone, and the oldest of too many.
    fn forget_old(&mut self, now: Now) -> Result<(), Failure> {
        if self.store.whole(Category::Outbox).is_err() {
            return Ok(());
        }
        let over = |consent: &&Consent| consent.state.is_over();
        let gone = |consent: &&Consent| !self.store.contains(Category::Outbox, consent.id);
        let mut old: Vec<(Timestamp, RecordId)> = self
            .consents
            .known
            .values()
            .filter(over)
            .map(|consent| (consent.asked, consent.id))
            .collect();
        old.sort_unstable();
        old.truncate(self.consents.known.len().saturating_sub(MOST));
        let gone: Vec<RecordId> = self
            .consents
            .known
            .values()
            .filter(gone)
            .map(|consent| consent.id)
            .collect();
        let ids: Vec<RecordId> = old.into_iter().map(|(_, id)| id).chain(gone).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let permit = decide_own(OperationKind::Purge).map_err(failure::refused)?;
        let changes = ids.iter().fold(Changes::new(), |changes, id| {
            changes.remove_system(&row_name(*id))
        });
        self.commit(permit, &[], changes, now)?;
        for id in ids {
            self.consents.known.remove(&id);
            self.consents.filters.remove(&id);
            self.consents.since.remove(&id);
            self.consents.running.remove(&id);
        }
        Ok(())
    }

    /// What was on its way when it was cut off is not sent again: when the device stopped, or its end could
    /// not be written down.
    pub(super) fn settle_interrupted(&mut self, now: Now) -> Result<(), Failure> {
        let sending = |consent: &&Consent| {
            consent.state == ConsentState::Sending && !self.consents.running.contains_key(&consent.id)
        };
        let interrupted: Vec<Consent> = self.consents.known.values().filter(sending).cloned().collect();
        for consent in interrupted {
            let permit = decide_own(OperationKind::CallEnd).map_err(failure::refused)?;
            self.settle_question(permit, consent.after_restart(now.wall), None, now)?;
        }
        Ok(())
    }
}

/// A question without its content.
fn describe(
    actor: &Actor,
    ask: &Ask,
    provider: &Provider,
    content: &Content,
    outgoing: &Outgoing,
    now: Now,
) -> Consent {
    let most = u64::from(provider.most_tokens);
    let cost = provider
        .price
        .as_ref()
        .map(|price| price.cost(outgoing.tokens, most));
    Consent {
        id: random_id(),
        asker: actor.reference(),
        asked: now.wall,
        expires: now.wall.plus(Consent::PATIENCE),
        provider: provider.name.clone(),
        place: provider.place.clone(),
        path: outgoing.path.clone(),
        model: provider.model.clone(),
        purpose: ask.purpose.clone(),
        categories: Vec::new(),
        sha256: digest(&outgoing.body),
        size: u64::try_from(outgoing.body.len()).unwrap_or(u64::MAX),
        replaced: content.replaced(),
        pictures: u32::try_from(content.pictures.len()).unwrap_or(u32::MAX),
        tokens: outgoing.tokens,
        cost,
        repeats: 0,
        standing: false,
        state: ConsentState::Waiting,
    }
}

fn too_much() -> Failure {
    Failure::new(
        FailureKind::Throttled,
        "this agent asks too much",
        "wait until the owner has answered; an agent may ask 12 times an hour, and 3 may wait",
    )
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn no_question() -> Failure {
    failure::not_found("question", "see `pocketctl consent list`")
}

fn refused(error: &ConsentError) -> Failure {
    let remedy = match error {
        ConsentError::Over(_) => "ask again",
        ConsentError::OtherBytes => "look at the question again, and approve what you then see",
    };
    Failure::new(FailureKind::Conflict, error.to_string(), remedy)
}
