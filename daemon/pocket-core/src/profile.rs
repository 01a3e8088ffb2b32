//! What may leave the device at all.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Timestamp;

/// A named set of permissions. Every one but the default is leased for a time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Profile {
    /// Nothing leaves. The default, and where every doubt ends.
    #[default]
    OfflineOnly,
    /// The owner's own network: the broker there. No cloud.
    LocalNetwork,
    /// A cloud call after the owner approved its very bytes.
    CloudWithConsent,
    /// As `CLOUD_WITH_CONSENT` and `LOCAL_NETWORK` together, and the owner may consent ahead of time.
    Custom,
}

impl Profile {
    /// Every profile, the narrowest first.
    pub const ALL: [Self; 4] = [
        Self::OfflineOnly,
        Self::LocalNetwork,
        Self::CloudWithConsent,
        Self::Custom,
    ];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudWithConsent => "CLOUD_WITH_CONSENT",
            Self::Custom => "CUSTOM",
            Self::LocalNetwork => "LOCAL_NETWORK",
            Self::OfflineOnly => "OFFLINE_ONLY",
        }
    }

    /// Whether a cloud call may be asked for.
    pub const fn opens_cloud(self) -> bool {
        matches!(self, Self::CloudWithConsent | Self::Custom)
    }

    /// Whether the owner's own broker may be connected to.
    pub const fn opens_local_network(self) -> bool {
        matches!(self, Self::LocalNetwork | Self::Custom)
    }

    /// What it opens, in words for the owner.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::CloudWithConsent => {
                "A cloud call may be asked for; each one leaves only after you approved its exact bytes. Your own broker is not connected to."
            }
            Self::Custom => {
                "WARNING: opens what CLOUD_WITH_CONSENT and LOCAL_NETWORK open, and lets you lease calls to one agent for a time."
            }
            Self::LocalNetwork => {
                "Only the broker in your own network is connected to; no cloud call is possible."
            }
            Self::OfflineOnly => "Nothing leaves the device.",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No profile has this name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no such profile: there are OFFLINE_ONLY, LOCAL_NETWORK, CLOUD_WITH_CONSENT and CUSTOM")]
pub struct UnknownProfile;

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name().eq_ignore_ascii_case(text))
            .ok_or(UnknownProfile)
    }
}

/// A profile for a time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lease {
    profile: Profile,
    from: Timestamp,
    until: Timestamp,
}

impl Lease {
    /// The longest lease: a day.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    /// The lease of an owner who names no time: an hour.
    pub const USUAL: Duration = Duration::from_secs(60 * 60);

    /// A lease of `profile` from `now`; `length` is cut to [`Lease::LONGEST`].
    pub fn new(profile: Profile, now: Timestamp, length: Duration) -> Self {
        Self {
            profile,
            from: now,
            until: now.plus(length.min(Self::LONGEST)),
        }
    }

    /// The profile in force at `now`. Falls back to `OFFLINE_ONLY` at the end of the lease, and
    /// when the clock stands before its beginning: a clock set back must not lengthen it.
    pub fn in_force(self, now: Timestamp) -> Profile {
        if self.from <= now && now < self.until {
            self.profile
        } else {
            Profile::OfflineOnly
        }
    }

    /// When it ends, while it is in force and not the default.
    pub fn ends(self, now: Timestamp) -> Option<Timestamp> {
        (self.in_force(now) != Profile::OfflineOnly).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_falls_back_at_its_end_and_when_the_clock_is_set_back() {
        let now = Timestamp::from_millis(1_000_000_000);
        for profile in Profile::ALL {
            let lease = Lease::new(profile, now, Duration::from_secs(60));
            assert_eq!(lease.in_force(now), profile);
            assert_eq!(lease.in_force(now.plus(Duration::from_millis(59_999))), profile);
            assert_eq!(
                lease.in_force(now.plus(Duration::from_secs(60))),
                Profile::OfflineOnly
            );
            assert_eq!(
                lease.in_force(Timestamp::from_millis(now.millis() - 1)),
                Profile::OfflineOnly
            );
        }
        let long = Lease::new(Profile::Custom, now, Duration::MAX);
        assert_eq!(long.in_force(now.plus(Lease::LONGEST)), Profile::OfflineOnly);
        assert_eq!(Lease::default().in_force(now), Profile::OfflineOnly);
    }

    #[test]
    fn names_read_back() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        assert_eq!("ONLINE".parse::<Profile>(), Err(UnknownProfile));
    }

    #[test]
    fn a_lease_tells_its_end_while_it_opens_something() {
        assert_eq!((Lease::LONGEST.as_secs(), Lease::USUAL.as_secs()), (86_400, 3600));
        let now = Timestamp::from_millis(1_000_000_000);
        let end = now.plus(Lease::USUAL);
        let lease = Lease::new(Profile::LocalNetwork, now, Lease::USUAL);
        assert_eq!((lease.ends(now), lease.ends(end)), (Some(end), None));
        let shut = Lease::new(Profile::OfflineOnly, now, Lease::USUAL);
        assert_eq!(shut.ends(now), None);
    }

    #[test]
    fn the_widest_profile_warns_in_words() {
        for profile in Profile::ALL {
            let warns = profile.meaning().starts_with("WARNING");
            assert_eq!(warns, profile == Profile::Custom);
            assert_eq!(profile.to_string(), profile.name());
        }
        assert!(Profile::OfflineOnly.meaning().contains("Nothing leaves"));
    }
}
