//! Instants and calendar dates. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// An instant: milliseconds since 1970-01-01T00:00:00Z. RFC 3339 text in JSON, an integer in binary.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch; clamped to the years that RFC 3339 can write.
    pub const fn from_millis(millis: i64) -> Self {
        // 0000-01-01T00:00:00Z and 9999-12-30T22:00:00Z: outside of these there is no four-digit year.
        const FIRST: i64 = -62_167_219_200_000;
        const LAST: i64 = 253_402_207_200_000;
        if millis < FIRST {
            Self(FIRST)
        } else if millis > LAST {
            Self(LAST)
        } else {
            Self(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This instant, later by `duration`; saturates.
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// The time that has passed since `earlier`; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, InvalidWhen> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self::from_millis(instant.as_millisecond()))
            .map_err(|_| InvalidWhen)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self::from_millis)
        }
    }
}

/// A day, or a day and a time, as people write it: `2026-11-22`, `2026-11-22T10:30:00` (wherever
/// the owner is) or `2026-11-22T10:30:00Z` (UTC). Kept in that text form.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct When(String);

impl When {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day.
    pub fn day(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }

    /// Whether it is over at `now`: a day when the next one has begun, a time when it has come. Where no
    /// time zone is said, UTC is taken.
    pub fn is_past(&self, now: Timestamp) -> bool {
        let now = Self::from_instant(now);
        match self.0.trim_end_matches('Z').get(11..) {
            None => self.day() < now.day(),
            Some(_) => self.0.trim_end_matches('Z') <= now.0.trim_end_matches('Z'),
        }
    }

    /// From an instant, in UTC.
    pub fn from_instant(at: Timestamp) -> Self {
        let text = jiff::Timestamp::from_millisecond(at.millis()).map(|instant| format!("{instant:.0}"));
        Self(text.unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned()))
    }
}

/// The text is no date or time that this device understands.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("not a date: write 2026-11-22, 2026-11-22T10:30 or 2026-11-22T10:30:00Z")]
pub struct InvalidWhen;

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<Self, InvalidWhen> {
        let text = text.trim();
        let year_is_four_digits = text
            .get(..4)
            .is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()));
        if !year_is_four_digits {
            return Err(InvalidWhen);
        }
        if text.len() == 10 {
            return text
                .parse::<civil::Date>()
                .map(|day| Self(day.to_string()))
                .map_err(|_| InvalidWhen);
        }
        if text.ends_with(['Z', 'z']) || text.rfind(['+', '-']).is_some_and(|at| at > 10) {
            let instant = text.parse::<jiff::Timestamp>().map_err(|_| InvalidWhen)?;
            return Ok(Self(format!("{instant:.0}")));
        }
        let local = text.parse::<civil::DateTime>().map_err(|_| InvalidWhen)?;
        Ok(Self(format!("{local:.0}")))
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_print_as_rfc_3339_and_read_back() {
        let at = Timestamp::from_millis(1_795_316_645_123);
        assert_eq!(at.to_string(), "2026-11-22T03:04:05.123Z");
        assert_eq!(at.to_string().parse(), Ok(at));
        assert!(!Timestamp::from_millis(i64::MAX).to_string().contains("ms"));
        assert!(!Timestamp::from_millis(i64::MIN).to_string().contains("ms"));
    }

    #[test]
    fn when_keeps_days_local_times_and_utc_apart() {
        for (text, canonical) in [
            ("2026-11-22", "2026-11-22"),
            (" 2026-11-22T10:30 ", "2026-11-22T10:30:00"),
            ("2026-11-22 10:30", "2026-11-22T10:30:00"),
            ("2026-11-22T10:30:00Z", "2026-11-22T10:30:00Z"),
            ("2026-11-22T10:30:00+02:00", "2026-11-22T08:30:00Z"),
        ] {
            assert_eq!(
                text.parse::<When>().map(|when| when.to_string()),
                Ok(canonical.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "2026-02-30",
            "26-1-1",
            "2026-11-22Tnoon",
            "\u{662}026-11-22",
        ] {
            assert_eq!(text.parse::<When>(), Err(InvalidWhen), "{text}");
        }
    }

    #[test]
    fn a_day_is_past_when_the_next_begins_and_a_time_when_it_comes() {
        let now: Timestamp = "2026-11-22T10:30:00.400Z".parse().unwrap();
        for (when, past) in [
            ("2026-11-21", true),
            ("2026-11-22", false),
            ("2026-11-22T10:29", true),
            ("2026-11-22T10:30:00Z", true),
            ("2026-11-22T10:30:01Z", false),
            ("2026-11-23", false),
        ] {
            assert_eq!(when.parse::<When>().unwrap().is_past(now), past, "{when}");
        }
    }

    #[test]
    fn instants_and_dates_are_read_back_as_they_were_written() {
        let at = Timestamp::from_millis(1_795_316_645_123);
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), at);
        let stored = postcard::to_stdvec(&at).unwrap();
        assert_eq!(postcard::from_bytes(&stored), Ok(at));
        let when: When = "2026-11-22".parse().unwrap();
        assert_eq!((when.as_str(), when.day()), ("2026-11-22", "2026-11-22"));
        assert_eq!("2026-11-22+02:00".parse::<When>(), Err(InvalidWhen));
    }
}
