//! A question to the owner, from the asking to its end: may these very bytes leave?

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{ActorRef, AgentName, Category, Cost, Place, Profile, ProviderName, RecordId, Timestamp};

/// What is asked of a model. The text travels beside it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Ask {
    /// Whose model; the only one there is when unsaid.
    pub provider: Option<ProviderName>,
    /// What for, in the asker's words: for the owner, not for the model.
    pub purpose: String,
    /// Records whose text goes along.
    pub with: Vec<(Category, RecordId)>,
}

impl Ask {
    /// Longest purpose, in bytes.
    pub const LONGEST_PURPOSE: usize = 300;
    /// Most records that go along.
    pub const MOST_RECORDS: usize = 32;
}

/// How far a question has come.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentState {
    /// It was sent and answered.
    Answered {
        /// Bytes that left.
        sent: u64,
        /// Bytes that came back.
        received: u64,
    },
    /// The owner said no.
    Denied,
    /// Nobody answered in time, which is a no.
    Expired,
    /// It was to be sent, and something went wrong. It is not tried again.
    Failed {
        /// What went wrong, in words.
        reason: String,
        /// Bytes that left.
        sent: u64,
        /// Bytes that came back.
        received: u64,
    },
    /// The owner said yes: it is on its way, or its answer is.
    Sending,
    /// The owner has not answered.
    Waiting,
}

impl ConsentState {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Answered { .. } => "answered",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Failed { .. } => "failed",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
        }
    }

    /// Whether nothing more will come of it.
    pub const fn is_over(&self) -> bool {
        !matches!(self, Self::Sending | Self::Waiting)
    }
}

/// How many things of a kind were replaced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Replaced {
    /// What kind of thing: `email`, `phone`, `person` and so on.
    pub kind: String,
    /// How many different ones.
    pub count: u32,
}

/// A question, without its content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Consent {
    /// Its id.
    pub id: RecordId,
    /// Who asks.
    pub asker: ActorRef,
    /// Since when.
    pub asked: Timestamp,
    /// Until when it can be answered.
    pub expires: Timestamp,
    /// Whose model.
    pub provider: ProviderName,
    /// Where that is.
    pub place: Place,
    /// The path of the call.
    pub path: String,
    /// Which model.
    pub model: String,
    /// What for, in the asker's words.
    pub purpose: String,
    /// Whose records go along.
    pub categories: Vec<Category>,
    /// SHA-256 of the bytes, as 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub size: u64,
    /// What was replaced in them.
    pub replaced: Vec<Replaced>,
    /// Pictures among them.
    pub pictures: u32,
    /// About how many tokens the model reads.
    pub tokens: u64,
    /// What it may cost, where the price is known.
    pub cost: Option<Cost>,
    /// How often it was asked again in the same words.
    pub repeats: u32,
    /// Whether a standing consent answered it.
    pub standing: bool,
    /// How far it has come.
    pub state: ConsentState,
}

/// Why a question can't go that way.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ConsentError {
    /// It was answered, or has expired.
    #[error("this question is {0} already")]
    Over(&'static str),
    /// The owner saw other bytes.
    #[error("these are not the bytes that you saw")]
    OtherBytes,
}

impl Consent {
    /// How long a question waits for its answer: 10 minutes.
    pub const PATIENCE: Duration = Duration::from_secs(10 * 60);

    /// What has become of it by `now`: one that was not answered in time is over, and so is one from
    /// the future, since a clock set back must not lengthen it.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let live = self.asked <= now && now < self.expires;
        if self.state == ConsentState::Waiting && !live {
            return self.with(ConsentState::Expired);
        }
        self
    }

    /// What has become of it when the device starts again: what was on its way then may have arrived.
    #[must_use]
    pub fn after_restart(self, now: Timestamp) -> Self {
        if self.state == ConsentState::Sending {
            let reason = "it was cut off; it may have arrived".to_owned();
            return self.with(ConsentState::Failed {
                reason,
                sent: 0,
                received: 0,
            });
        }
        self.at(now)
    }

    /// The owner says yes to the bytes with this digest.
    ///
    /// # Errors
    /// [`ConsentError`] when it does not wait any more, or the owner saw other bytes.
    pub fn approve(self, sha256: &str, now: Timestamp) -> Result<Self, ConsentError> {
        let waiting = self.waiting(now)?;
        if waiting.sha256 != sha256 {
            return Err(ConsentError::OtherBytes);
        }
        Ok(waiting.with(ConsentState::Sending))
    }

    /// The owner says no, or stops it on its way.
    ///
    /// # Errors
    /// [`ConsentError::Over`] when it is over already.
    pub fn deny(self, now: Timestamp) -> Result<Self, ConsentError> {
        let current = self.at(now);
        match current.state {
            ConsentState::Waiting => Ok(current.with(ConsentState::Denied)),
            ConsentState::Sending => Ok(current.with(ConsentState::Failed {
                reason: "stopped by the owner".to_owned(),
                sent: 0,
                received: 0,
            })),
            state => Err(ConsentError::Over(state.name())),
        }
    }

    /// The call has ended with this.
    ///
    /// # Errors
    /// [`ConsentError::Over`] when it was not on its way.
    pub fn end(self, state: ConsentState) -> Result<Self, ConsentError> {
        if self.state == ConsentState::Sending && state.is_over() {
            Ok(self.with(state))
        } else {
            Err(ConsentError::Over(self.state.name()))
        }
    }

    fn waiting(self, now: Timestamp) -> Result<Self, ConsentError> {
        let current = self.at(now);
        if current.state == ConsentState::Waiting {
            Ok(current)
        } else {
            Err(ConsentError::Over(current.state.name()))
        }
    }

    fn with(self, state: ConsentState) -> Self {
        Self { state, ..self }
    }
}

/// How much may be asked, so that nobody tires the owner into a yes.
pub mod asking {
    use super::*;

    /// Questions of one agent that may wait at once.
    pub const MOST_WAITING: usize = 3;
    /// Questions of one agent within [`SPAN`].
    pub const MOST_ASKED: usize = 12;
    /// An hour.
    pub const SPAN: Duration = Duration::from_secs(60 * 60);

    /// What becomes of a new question, by those that there have been.
    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    pub enum Verdict {
        /// The same question was denied within [`SPAN`].
        Denied,
        /// The owner is asked.
        New,
        /// The same question waits already.
        Same(RecordId),
        /// This agent asks too much.
        TooMany,
    }

    /// Judges a question of `asker` with bytes of `sha256` to `provider`. The owner is never too much for
    /// the owner.
    pub fn judge(
        known: &mut dyn Iterator<Item = &Consent>,
        asker: ActorRef,
        provider: &ProviderName,
        sha256: &str,
        now: Timestamp,
    ) -> Verdict {
        let ActorRef::Agent(_) = asker else {
            return Verdict::New;
        };
        let (mut waiting, mut recent) = (0, 0);
        for consent in known.filter(|consent| consent.asker == asker) {
            let state = consent.clone().at(now).state;
            let lately = now.since(consent.asked) < SPAN;
            if consent.sha256 == sha256 && consent.provider == *provider {
                match state {
                    ConsentState::Waiting => return Verdict::Same(consent.id),
                    ConsentState::Denied if lately => return Verdict::Denied,
                    _ => {}
                }
            }
            waiting += usize::from(state == ConsentState::Waiting);
            recent += usize::from(lately && !consent.standing);
        }
        if waiting >= MOST_WAITING || recent >= MOST_ASKED {
            Verdict::TooMany
        } else {
            Verdict::New
        }
    }
}

/// What the owner consents to ahead of time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StandingTerms {
    /// Which agent.
    pub agent: AgentName,
    /// Whose model.
    pub provider: ProviderName,
    /// Whose records may go along; none but the agent's own words when unsaid.
    pub category: Option<Category>,
    /// For how many calls.
    pub calls: u32,
    /// For how many bytes in all.
    pub bytes: u64,
    /// For how many minutes.
    pub minutes: u32,
}

/// The owner's consent ahead of time, only in `CUSTOM`: one agent, one provider, one category at most,
/// redacted, so many calls and bytes, for a time.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StandingConsent {
    /// Its id.
    pub id: RecordId,
    /// Which agent.
    pub agent: RecordId,
    /// Whose model.
    pub provider: ProviderName,
    /// Whose records may go along; none but the agent's own words when unsaid.
    pub category: Option<Category>,
    /// Calls that are left.
    pub calls: u32,
    /// Bytes that are left.
    pub bytes: u64,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// A standing consent that can't be.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidStanding {
    /// It leaves with no consent at all.
    #[error("{0} never leaves the device, whoever consents")]
    Critical(Category),
    /// Too much or nothing.
    #[error("a standing consent is for 1 to 100 calls, 1 to 10485760 bytes, and 1 to 1440 minutes")]
    Limits,
    /// In any other profile each call is asked about.
    #[error("a standing consent exists only in the profile CUSTOM; this is {0}")]
    Profile(Profile),
}

impl StandingConsent {
    /// Most calls of one.
    pub const MOST_CALLS: u32 = 100;
    /// Most bytes of one: 10 MiB.
    pub const MOST_BYTES: u64 = 10 * 1024 * 1024;

    /// The same, if it may be.
    ///
    /// # Errors
    /// [`InvalidStanding`].
    pub fn checked(self, profile: Profile) -> Result<Self, InvalidStanding> {
        if profile != Profile::Custom {
            return Err(InvalidStanding::Profile(profile));
        }
        if let Some(category) = self.category
            && category.never_leaves()
        {
            return Err(InvalidStanding::Critical(category));
        }
        let span = self.until.since(self.from);
        let fits = (1..=Self::MOST_CALLS).contains(&self.calls)
            && (1..=Self::MOST_BYTES).contains(&self.bytes)
            && !span.is_zero()
            && span <= crate::Lease::LONGEST;
        if fits {
            Ok(self)
        } else {
            Err(InvalidStanding::Limits)
        }
    }

    /// What is left of it after such a call; `None` when it does not cover the call.
    #[must_use]
    pub fn after(
        &self,
        asker: ActorRef,
        provider: &ProviderName,
        categories: &[Category],
        bytes: u64,
        now: Timestamp,
    ) -> Option<Self> {
        let covers = asker == ActorRef::Agent(self.agent)
            && *provider == self.provider
            && categories
                .iter()
                .all(|category| Some(*category) == self.category && !category.never_leaves())
            && self.from <= now
            && now < self.until;
        let left = covers.then(|| (self.calls.checked_sub(1), self.bytes.checked_sub(bytes)));
        let (Some(calls), Some(bytes)) = left? else {
            return None;
        };
        Some(Self {
            calls,
            bytes,
            ..self.clone()
        })
    }
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
