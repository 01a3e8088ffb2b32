//! Consent ahead of time, in `CUSTOM` alone. It is in memory only: a lock, a restart or a copy put back
//! ends it.

use std::time::Duration;

use pocket_core::audit::{Event, Outcome};
use pocket_core::{
    ActorRef, Answer, Consent, Failure, OperationKind, Permit, Question, RecordId, StandingConsent,
    StandingTerms, Timestamp,
};
use pocket_store::Changes;

use crate::engine::Now;
use crate::failure;
use crate::vault::records::random_id;
use crate::vault::{Act, Vault};

/// Most standing consents: an owner keeps an eye on no more.
const MOST: usize = 8;

impl Vault {
    pub(in crate::vault) fn standing_add(
        &mut self,
        act: Act,
        terms: StandingTerms,
    ) -> Result<Answer, Failure> {
        let now = act.now.wall;
        self.consents.standing = self.standing_now(now);
        if self.consents.standing.len() >= MOST {
            return Err(failure::invalid(
                "there are 8 standing consents already",
                "take one back first",
            ));
        }
        let agent = self.agents.id_of(&terms.agent)?;
        let provider = self.consents.provider(Some(&terms.provider))?;
        if provider.is_local() {
            return Err(failure::invalid(
                "a model on this device needs no consent",
                "just ask it",
            ));
        }
        let standing = StandingConsent {
            id: random_id(),
            agent,
            provider: terms.provider,
            category: terms.category,
            calls: terms.calls,
            bytes: terms.bytes,
            from: now,
            until: now.plus(Duration::from_secs(u64::from(terms.minutes) * 60)),
        };
        let standing = standing
            .checked(self.lease.in_force(now))
            .map_err(|error| failure::invalid(error.to_string(), "give less, or ask each time"))?;
        self.note(particulars(&standing, terms.minutes, act.permit.actor()))?;
        self.commit(act.permit, &[], Changes::new(), act.now)?;
        self.consents.standing.push(standing);
        Ok(Answer::Done)
    }

    pub(in crate::vault) fn standing_remove(&mut self, act: Act, id: RecordId) -> Result<Answer, Failure> {
        let standing = self.consents.standing.iter().find(|standing| standing.id == id);
        let standing =
            standing.ok_or_else(|| failure::not_found("standing consent", "see `pocketctl consent list`"))?;
        let left = (OperationKind::StandingRemove, standing.calls);
        let event = particular(standing, act.permit.actor(), act.now.wall, left);
        self.note(vec![event])?;
        self.commit(act.permit, &[], Changes::new(), act.now)?;
        self.consents.standing.retain(|standing| standing.id != id);
        Ok(Answer::Done)
    }

    /// Those in force.
    pub(super) fn standing_now(&self, now: Timestamp) -> Vec<StandingConsent> {
        let live =
            |standing: &&StandingConsent| standing.from <= now && now < standing.until && standing.calls > 0;
        self.consents.standing.iter().filter(live).cloned().collect()
    }

    /// Leave for a question that one of them covers, and what is left of that one.
    pub(super) fn standing_for(
        &self,
        question: &Question,
        consent: &Consent,
        now: Now,
    ) -> Option<(Permit, StandingConsent)> {
        // What is in a picture nobody has searched: the owner looks at each.
        if consent.pictures > 0 {
            return None;
        }
        self.consents
            .standing
            .iter()
            .find_map(|standing| question.by_standing(standing, &consent.provider, consent.size, now.wall))
    }
}

/// What the log says of a consent ahead of time, besides that it was given: each entry with its number, and with
/// the ids of the consent, the agent and the provider.
fn particulars(standing: &StandingConsent, minutes: u32, actor: ActorRef) -> Vec<Event> {
    let bytes = u32::try_from(standing.bytes).unwrap_or(u32::MAX);
    let numbers = [
        (OperationKind::StandingCalls, standing.calls),
        (OperationKind::StandingBytes, bytes),
        (OperationKind::StandingMinutes, minutes),
    ];
    numbers
        .map(|number| particular(standing, actor, standing.from, number))
        .to_vec()
}

fn particular(
    standing: &StandingConsent,
    actor: ActorRef,
    at: Timestamp,
    (operation, count): (OperationKind, u32),
) -> Event {
    Event {
        at,
        actor,
        operation,
        category: standing.category,
        records: vec![standing.id, standing.agent, standing.provider.id()],
        count,
        outcome: Outcome::Allowed,
    }
}
