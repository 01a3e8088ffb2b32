//! Limits on the rate of requests.

use std::time::{Duration, Instant};

/// The stretch of time that is counted over.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts over fixed stretches of a minute.
pub(crate) struct RateLimit {
    most: u32,
    since: Option<Instant>,
    counted: u32,
}

impl RateLimit {
    /// At most `most` requests a minute.
    pub(crate) const fn a_minute(most: u32) -> Self {
        Self {
            most,
            since: None,
            counted: 0,
        }
    }

    /// Counts one request. The error is the number of seconds after which to come back.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), u64> {
        let passed = self.since.map(|since| now.saturating_duration_since(since));
        let left = passed
            .and_then(|passed| WINDOW.checked_sub(passed))
            .filter(|left| !left.is_zero());
        let Some(left) = left else {
            self.since = Some(now);
            self.counted = 1;
            return Ok(());
        };
        if self.counted >= self.most {
            return Err(left.as_secs().saturating_add(1));
        }
        self.counted += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_a_minute_and_no_longer() {
        let start = Instant::now();
        let mut limit = RateLimit::a_minute(2);
        assert_eq!(limit.take(start), Ok(()));
        assert_eq!(limit.take(start + Duration::from_secs(30)), Ok(()));
        assert_eq!(limit.take(start + Duration::from_secs(50)), Err(11));
        assert_eq!(limit.take(start + Duration::from_secs(59)), Err(2));
        assert_eq!(limit.take(start + Duration::from_secs(60)), Ok(()));
        assert_eq!(limit.take(start + Duration::from_secs(61)), Ok(()));
        assert!(limit.take(start + Duration::from_secs(62)).is_err());
    }
}
