//! How often a passphrase may be guessed. The count is kept by the caller and survives restarts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Guesses that cost no waiting: a person mistypes.
const FREE: u32 = 5;
/// The longest wait between two guesses.
const LONGEST: Duration = Duration::from_secs(300);

/// Wrong guesses since the last right one.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attempts {
    failures: u32,
    last: Timestamp,
}

impl Attempts {
    /// How many were wrong.
    pub const fn failures(self) -> u32 {
        self.failures
    }

    /// When the last wrong one was.
    pub const fn last(self) -> Timestamp {
        self.last
    }

    /// With one more wrong guess.
    #[must_use]
    pub const fn failed(self, now: Timestamp) -> Self {
        Self {
            failures: self.failures.saturating_add(1),
            last: now,
        }
    }

    /// How long the next guess has to wait; zero when it may come at once.
    ///
    /// A clock that was set back starts the wait anew, at most the whole of it: it can neither
    /// shorten the wait nor lock the owner out for longer.
    pub fn wait(self, now: Timestamp) -> Duration {
        let Some(over) = self.failures.checked_sub(FREE) else {
            return Duration::ZERO;
        };
        let whole = Duration::from_secs(1 << over.min(9)).min(LONGEST);
        whole.saturating_sub(now.since(self.last))
    }

    /// The same count, timed from `now` where the clock had been set back, so that waiting helps.
    #[must_use]
    pub fn rebased(self, now: Timestamp) -> Self {
        Self {
            last: self.last.min(now),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_after_five_and_stop_at_five_minutes() {
        let now = Timestamp::from_millis(1_000_000);
        let mut attempts = Attempts::default();
        let mut waits = Vec::new();
        for _ in 0..16 {
            waits.push(attempts.wait(now).as_secs());
            attempts = attempts.failed(now);
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(
            attempts.wait(now.plus(Duration::from_secs(299))),
            Duration::from_secs(1)
        );
        assert_eq!(attempts.wait(now.plus(Duration::from_secs(300))), Duration::ZERO);
        assert_eq!(attempts.wait(Timestamp::from_millis(0)), Duration::from_secs(300));
        let earlier = Timestamp::from_millis(0);
        assert_eq!(attempts.last(), now);
        let rebased = attempts.rebased(earlier);
        assert_eq!((rebased.failures(), rebased.last()), (16, earlier));
        assert_eq!(rebased.wait(earlier), LONGEST);
        assert_eq!(rebased.wait(earlier.plus(LONGEST)), Duration::ZERO);
        assert_eq!(attempts.rebased(now.plus(LONGEST)), attempts);
    }
}
