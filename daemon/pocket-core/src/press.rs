//! The button on the device as a second factor: what needs a finger on it besides the owner's yes, and what
//! waits for one.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Actor, Category, Consent, Operation, OperationKind, RecordId, Sensitivity, StandingTerms};

/// Which consents the owner wants to confirm at the device.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PressFor {
    /// Each of them.
    Every,
    /// None.
    #[default]
    Off,
    /// Those by which records or pictures leave that are more than of medium sensitivity.
    Sensitive,
}

impl PressFor {
    /// Every choice, from none to all.
    pub const ALL: [Self; 3] = [Self::Off, Self::Sensitive, Self::Every];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Every => "every",
            Self::Off => "off",
            Self::Sensitive => "sensitive",
        }
    }

    /// Whether a yes to this question needs a press.
    #[must_use]
    pub fn covers(self, consent: &Consent) -> bool {
        self.covers_these(&consent.categories) || (self == Self::Sensitive && consent.pictures > 0)
    }

    /// Whether a consent ahead of time needs one: it must not be the way around.
    #[must_use]
    pub fn covers_standing(self, terms: &StandingTerms) -> bool {
        self.covers_these(terms.category.as_slice())
    }

    fn covers_these(self, categories: &[Category]) -> bool {
        let sensitive = |category: &Category| category.sensitivity() != Sensitivity::Medium;
        match self {
            Self::Every => true,
            Self::Off => false,
            Self::Sensitive => categories.iter().any(sensitive),
        }
    }
}

impl fmt::Display for PressFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PressFor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let named = Self::ALL.into_iter().find(|choice| choice.name() == text);
        named.ok_or("a press can be needed for: off, sensitive, every")
    }
}

/// How it is with the button.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PressStatus {
    /// What needs a press.
    pub need: PressFor,
    /// Whether there is a button on this device that answers.
    pub button: bool,
    /// What waits for a press now.
    pub waiting: Option<PressWaiting>,
}

/// What waits for a press.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PressWaiting {
    /// What is to be done.
    pub operation: OperationKind,
    /// To which question the owner said yes, where it is that.
    pub question: Option<RecordId>,
    /// How long it is still waited for.
    pub seconds: u64,
}

/// Another waits for a press already: whose press would it be?
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("something else waits for the button already")]
pub struct PressBusy;

/// What a press would confirm. One thing at a time, so that nobody confirms what they did not mean; for a
/// short time; and a press that comes while nothing waits counts for nothing.
#[derive(Default)]
pub struct Press(Option<Waiting>);

struct Waiting {
    actor: Actor,
    operation: Operation,
    until: Instant,
}

impl Press {
    /// How long a press is waited for.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// Begins to wait for a press that confirms `operation`. Asking for the same again changes nothing.
    ///
    /// # Errors
    /// [`PressBusy`] while something else waits.
    pub fn begin(&mut self, actor: Actor, operation: Operation, now: Instant) -> Result<(), PressBusy> {
        match self.waits_for(now) {
            Some(waiting) if waiting.is_same_press(&operation) => return Ok(()),
            Some(_) => return Err(PressBusy),
            None => {}
        }
        let until = now + Self::PATIENCE;
        self.0 = Some(Waiting {
            actor,
            operation,
            until,
        });
        Ok(())
    }

    /// What is waited for, if anything.
    pub fn waits_for(&self, now: Instant) -> Option<&Operation> {
        let waiting = self.0.as_ref()?;
        (now < waiting.until).then_some(&waiting.operation)
    }

    /// The same, to be told.
    pub fn status(&self, now: Instant) -> Option<PressWaiting> {
        let operation = self.waits_for(now)?;
        let left = self.0.as_ref()?.until.saturating_duration_since(now);
        Some(PressWaiting {
            operation: operation.kind(),
            question: match operation {
                Operation::ConsentApprove { id, .. } => Some(*id),
                _ => None,
            },
            seconds: left.as_secs().saturating_add(1).min(Self::PATIENCE.as_secs()),
        })
    }

    /// The button was pressed: what that confirms, once. `None` when nothing waits.
    pub fn pressed(&mut self, now: Instant) -> Option<(Actor, Operation)> {
        self.waits_for(now)?;
        self.0.take().map(|waiting| (waiting.actor, waiting.operation))
    }

    /// What waited for too long, once.
    pub fn expired(&mut self, now: Instant) -> Option<(Actor, Operation)> {
        if self.0.is_none() || self.waits_for(now).is_some() {
            return None;
        }
        self.0.take().map(|waiting| (waiting.actor, waiting.operation))
    }

    /// What was waited for is not wanted any more.
    pub fn forget(&mut self) {
        self.0 = None;
    }
}

impl Operation {
    /// Whether both are the same thing to confirm.
    fn is_same_press(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::ConsentApprove { id, sha256 },
                Self::ConsentApprove {
                    id: other,
                    sha256: bytes,
                },
            ) => id == other && sha256 == bytes,
            (Self::PressSet { need }, Self::PressSet { need: other }) => need == other,
            (Self::StandingAdd(terms), Self::StandingAdd(other)) => terms == other,
            (
                Self::UpdateInstall { sha256, older },
                Self::UpdateInstall {
                    sha256: bytes,
                    older: other,
                },
            ) => sha256 == bytes && older == other,
            (Self::UpdateFetch { from }, Self::UpdateFetch { from: other }) => from == other,
            (Self::BackupSend { sha256 }, Self::BackupSend { sha256: other }) => sha256 == other,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Door;

    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant has no other beginning; any will do"
    )]
    fn begin() -> Instant {
        Instant::now()
    }

    fn owner() -> Actor {
        Actor::Owner {
            door: Door::Web,
            passphrase_shown: true,
        }
    }

    fn approve(number: u8) -> Operation {
        Operation::ConsentApprove {
            id: RecordId::from_bytes([number; 16]),
            sha256: "00".repeat(32),
        }
    }

    fn number(confirmed: Option<(Actor, Operation)>) -> Option<u8> {
        match confirmed?.1 {
            Operation::ConsentApprove { id, .. } => Some(id.as_bytes()[0]),
            _ => None,
        }
    }

    #[test]
    fn a_press_confirms_what_waits_once() {
        let (mut press, now) = (Press::default(), begin());
        assert!(press.pressed(now).is_none(), "nothing is stored up");
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()));
        assert_eq!(number(press.pressed(now)), Some(1));
        assert!(press.pressed(now).is_none());
        assert_eq!(press.begin(owner(), approve(2), now), Ok(()));
        assert_eq!(number(press.pressed(now)), Some(2));
    }

    #[test]
    fn of_two_at_once_the_second_is_turned_away() {
        let (mut press, now) = (Press::default(), begin());
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()));
        assert_eq!(press.begin(owner(), approve(2), now), Err(PressBusy));
        let need = PressFor::Off;
        let set = Operation::PressSet { need };
        assert_eq!(press.begin(owner(), set, now), Err(PressBusy));
        let other_bytes = Operation::ConsentApprove {
            id: RecordId::from_bytes([1; 16]),
            sha256: "11".repeat(32),
        };
        assert_eq!(press.begin(owner(), other_bytes, now), Err(PressBusy));
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()), "the very same");
        assert_eq!(number(press.pressed(now)), Some(1));
    }

    #[test]
    fn too_late_is_never() {
        let (mut press, now) = (Press::default(), begin());
        let late = now + Press::PATIENCE;
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()));
        assert!(press.expired(late - Duration::from_millis(1)).is_none());
        assert!(press.pressed(late).is_none());
        assert_eq!(number(press.expired(late)), Some(1));
        assert!(press.expired(late).is_none());
        assert_eq!(press.begin(owner(), approve(2), late), Ok(()));
    }

    #[test]
    fn asking_again_does_not_lengthen_it() {
        let (mut press, now) = (Press::default(), begin());
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()));
        let later = now + Duration::from_secs(20);
        assert_eq!(press.begin(owner(), approve(1), later), Ok(()));
        assert!(press.pressed(now + Press::PATIENCE).is_none());
    }

    #[test]
    fn what_is_sensitive_needs_more_than_what_is_not() {
        let terms = |category| StandingTerms {
            agent: "claude".parse().unwrap(),
            provider: "x".parse().unwrap(),
            category,
            calls: 1,
            bytes: 1,
            minutes: 1,
        };
        let covers = |need: PressFor, category| need.covers_standing(&terms(category));
        assert!(!covers(PressFor::Off, Some(Category::Contacts)));
        assert!(covers(PressFor::Sensitive, Some(Category::Contacts)));
        assert!(!covers(PressFor::Sensitive, Some(Category::Tasks)));
        assert!(!covers(PressFor::Sensitive, None));
        assert!(covers(PressFor::Every, None));
        for choice in PressFor::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert!("sometimes".parse::<PressFor>().is_err());
    }

    proptest! {
        /// Whatever happens in which order: each press confirms at most one thing, that was asked for before it
        /// and within the time.
        #[test]
        fn no_press_confirms_what_it_was_not_made_for(steps in prop::collection::vec((0u8..4, 0u64..40), 0..60)) {
            let begun = begin();
            let (mut press, mut now) = (Press::default(), begun);
            let mut asked: Option<(u8, Instant)> = None;
            for (what, seconds) in steps {
                now += Duration::from_secs(seconds);
                let live = asked.filter(|(_, at)| now < *at + Press::PATIENCE);
                if what == 0 {
                    let confirmed = number(press.pressed(now));
                    prop_assert_eq!(confirmed, live.map(|(number, _)| number));
                    asked = None;
                } else {
                    let begun = press.begin(owner(), approve(what), now);
                    prop_assert_eq!(begun.is_ok(), live.is_none_or(|(number, _)| number == what));
                    asked = live.or(Some((what, now)));
                }
            }
        }
    }

    #[test]
    fn what_waits_is_told_with_the_time_that_is_left() {
        let (mut press, now) = (Press::default(), begin());
        assert!(press.status(now).is_none());
        assert_eq!(press.begin(owner(), approve(1), now), Ok(()));
        let told = |press: &Press, seconds| {
            let waiting = press.status(now + Duration::from_secs(seconds))?;
            Some((waiting.operation, waiting.question, waiting.seconds))
        };
        let question = Some(RecordId::from_bytes([1; 16]));
        assert_eq!(
            told(&press, 0),
            Some((OperationKind::ConsentApprove, question, 30))
        );
        assert_eq!(
            told(&press, 10),
            Some((OperationKind::ConsentApprove, question, 21))
        );
        assert_eq!(told(&press, 30), None);
        press.forget();
        assert!(press.status(now).is_none() && press.expired(now).is_none());
        let need = PressFor::Every;
        assert_eq!(press.begin(owner(), Operation::PressSet { need }, now), Ok(()));
        assert_eq!(told(&press, 0), Some((OperationKind::PressSet, None, 30)));
    }

    #[test]
    fn the_same_is_the_same_in_everything() {
        let terms = |calls| StandingTerms {
            agent: "claude".parse().unwrap(),
            provider: "x".parse().unwrap(),
            category: None,
            calls,
            bytes: 1,
            minutes: 1,
        };
        let install = |digit: &str, older| Operation::UpdateInstall {
            sha256: digit.repeat(64),
            older,
        };
        let fetch = |path: &str| Operation::UpdateFetch {
            from: Box::new(format!("https://a.example/{path}").parse().unwrap()),
        };
        let set = |need| Operation::PressSet { need };
        for (one, others) in [
            (
                set(PressFor::Off),
                vec![set(PressFor::Every), install("0", false)],
            ),
            (
                Operation::StandingAdd(terms(1)),
                vec![Operation::StandingAdd(terms(2)), set(PressFor::Off)],
            ),
            (
                install("0", false),
                vec![install("1", false), install("0", true), install("1", true)],
            ),
            (fetch("x"), vec![fetch("y"), Operation::Status]),
        ] {
            let (mut press, now) = (Press::default(), begin());
            assert_eq!(press.begin(owner(), one.clone(), now), Ok(()));
            assert_eq!(press.begin(owner(), one, now), Ok(()), "the very same");
            for other in others {
                assert_eq!(press.begin(owner(), other, now), Err(PressBusy));
            }
        }
    }
}
