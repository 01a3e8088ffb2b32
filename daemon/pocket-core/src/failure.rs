//! What the doors say when something can't be done: what happened, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of failure that callers tell apart.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// It already exists, or has changed meanwhile.
    Conflict,
    /// It waits for the owner's consent.
    ConsentNeeded,
    /// Stored data is damaged.
    Damaged,
    /// The device secret is another device's.
    DeviceSecretForeign,
    /// The device secret is not there.
    DeviceSecretMissing,
    /// The disk is full.
    Full,
    /// The device failed inside.
    Internal,
    /// The request makes no sense.
    Invalid,
    /// The vault is locked.
    Locked,
    /// Written by a newer version.
    Newer,
    /// No such thing.
    NotFound,
    /// The device has no owner yet.
    NotSetUp,
    /// Policy refused.
    Refused,
    /// Too many guesses or requests.
    Throttled,
    /// Nobody answers.
    Unavailable,
    /// The passphrase, code, key or token is wrong.
    WrongCredential,
    /// Whether it was done is not known.
    Uncertain,
}

impl FailureKind {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::ConsentNeeded => "consent-needed",
            Self::Damaged => "damaged",
            Self::DeviceSecretForeign => "device-secret-foreign",
            Self::DeviceSecretMissing => "device-secret-missing",
            Self::Full => "full",
            Self::Internal => "internal",
            Self::Invalid => "invalid",
            Self::Locked => "locked",
            Self::Newer => "newer",
            Self::NotFound => "not-found",
            Self::NotSetUp => "not-set-up",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::WrongCredential => "wrong-credential",
            Self::Uncertain => "uncertain",
        }
    }
}

/// A failure as the owner or an agent is told it. Never holds content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What happened, to what.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl Failure {
    /// A failure of `kind`.
    pub fn new(kind: FailureKind, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  {}", self.message, self.remedy)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_one_name_for_people_and_programs() {
        for number in 0_u8.. {
            let Ok(kind) = postcard::from_bytes::<FailureKind>(&[number]) else {
                break;
            };
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert_eq!(FailureKind::WrongCredential.name(), "wrong-credential");
    }

    #[test]
    fn a_failure_says_what_happened_and_what_to_do() {
        let failure = Failure::new(FailureKind::Full, "the disk is full", "delete something");
        assert_eq!(failure.to_string(), "the disk is full\n  delete something");
    }
}
