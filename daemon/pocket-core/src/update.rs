//! A new release of the device's own system: what is offered, and how far it is.
//!
//! The device's data is in the hands of a program that can't change the system; the program that can is
//! another, and says how far it is in a file of a few lines. What stands there is believed as little as
//! anything else that comes from outside: it is read here, strictly.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Fetch;

/// Longest account of the system, in bytes.
pub const MOST_UPDATE_STATE: u64 = 1024;
/// Longest release number, in characters.
const MOST_VERSION: usize = 32;
/// Starts that a slot is given to show that it is good.
const TRIES: u8 = 3;

/// One of the two places of the system.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "they have no other names")]
pub enum Slot {
    A,
    B,
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
        })
    }
}

/// The number of a release: numbers between points, such as `1.4.2`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release(String);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Release {
    type Err = InvalidUpdateState;

    fn from_str(text: &str) -> Result<Self, InvalidUpdateState> {
        let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() <= MOST_VERSION && text.split('.').all(number) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUpdateState)
        }
    }
}

/// How a release stands to the one that runs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Age {
    /// It came out later.
    Newer,
    /// It came out before: mended flaws may be back.
    Older,
    /// It is the very one.
    Same,
}

/// Why a bundle was not taken, or was not installed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateFault {
    /// What is to be installed is not what the owner was shown.
    Changed,
    /// It did not show that it works, and the release before runs again.
    Left,
    /// It could not be written to the other slot.
    NotWritten,
    /// It is older than what runs, and nobody said that this is meant.
    Older,
    /// What runs has not shown yet that it works.
    OnTrial,
    /// It keeps the data in another format, and there was no room for a copy to try that on.
    Room,
    /// It is not signed for this device, was changed, or is no bundle.
    Signature,
}

impl UpdateFault {
    /// Why, in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Changed => "what was to be installed is not what was shown: it was refused",
            Self::Left => {
                "it did not show that it works: the release before runs again, with its data as it was"
            }
            Self::NotWritten => {
                "it was damaged, or the card can't be written: it is not started, the running release stays"
            }
            Self::Older => "it is older than the release that runs, and was refused",
            Self::OnTrial => {
                "the release that runs has not shown yet that it works: the other slot is the way back, and is kept"
            }
            Self::Room => {
                "it keeps the data in another format, and there was no room for a copy to try that on: the release \
                 before runs again"
            }
            Self::Signature => "it is not signed for this device, or was changed: it was refused",
        }
    }
}

/// A bundle that could be installed: its signature is good.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UpdateOffer {
    /// Its release.
    pub release: Release,
    /// How that stands to the one that runs.
    pub age: Age,
    /// The SHA-256 of its bytes, as 64 hexadecimal digits: what a yes is bound to.
    pub sha256: String,
}

/// How far an update is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpdateStep {
    /// It did not come to its end.
    Failed(UpdateFault),
    /// None is at hand.
    Idle,
    /// It is in the other slot; the device starts again and tries it.
    Installed(UpdateOffer),
    /// It is being written to the other slot.
    Installing(UpdateOffer),
    /// Its signature is being looked at.
    Looking,
    /// The owner may install it.
    Offered(UpdateOffer),
}

/// How it is with the device's own system.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UpdateStatus {
    /// The slot that runs.
    pub slot: Slot,
    /// The release in it.
    pub release: Release,
    /// Whether it has shown that it is good.
    pub good: bool,
    /// Further starts that it is given to do so.
    pub tries_left: u8,
    /// How far an update is.
    pub step: UpdateStep,
    /// What is fetched, while it is, or came to nothing.
    pub fetch: Option<Fetch>,
}

/// The account of the system makes no sense.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("what the system says of itself is not understood")]
pub struct InvalidUpdateState;

impl UpdateStatus {
    /// Reads the account of the system: a line each of `slot`, `release`, `good`, `tries`, `step`, and where
    /// there is a bundle `offer`, `age`, `sha256`, or `fault`; `key=value`.
    ///
    /// # Errors
    /// [`InvalidUpdateState`] for whatever else it is.
    pub fn parse(text: &str) -> Result<Self, InvalidUpdateState> {
        let value = |key: &str| {
            let mut values = text
                .lines()
                .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            values
                .next()
                .filter(|_| values.next().is_none())
                .ok_or(InvalidUpdateState)
        };
        let offer = || {
            Ok(UpdateOffer {
                release: value("offer")?.parse()?,
                age: word(
                    &[("newer", Age::Newer), ("older", Age::Older), ("same", Age::Same)],
                    value("age")?,
                )?,
                sha256: Some(value("sha256")?)
                    .filter(|sum| is_sha256(sum))
                    .ok_or(InvalidUpdateState)?
                    .to_owned(),
            })
        };
        let tried = word(&[("0", 0), ("1", 1), ("2", 2), ("3", TRIES)], value("tries")?)?;
        Ok(Self {
            slot: word(&[("A", Slot::A), ("B", Slot::B)], value("slot")?)?,
            release: value("release")?.parse()?,
            good: word(&[("yes", true), ("no", false)], value("good")?)?,
            tries_left: TRIES - tried,
            step: match value("step")? {
                "idle" => UpdateStep::Idle,
                "looking" => UpdateStep::Looking,
                "offered" => UpdateStep::Offered(offer()?),
                "installing" => UpdateStep::Installing(offer()?),
                "installed" => UpdateStep::Installed(offer()?),
                "failed" => UpdateStep::Failed(fault(value("fault")?)?),
                _ => return Err(InvalidUpdateState),
            },
            fetch: None,
        })
    }

    /// The offer, if the owner may install it.
    pub const fn offer(&self) -> Option<&UpdateOffer> {
        match &self.step {
            UpdateStep::Offered(offer) => Some(offer),
            _ => None,
        }
    }
}

/// Whether this is the SHA-256 of something as 64 hexadecimal digits, lower case.
fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn fault(text: &str) -> Result<UpdateFault, InvalidUpdateState> {
    let faults = [
        ("changed", UpdateFault::Changed),
        ("left", UpdateFault::Left),
        ("not-written", UpdateFault::NotWritten),
        ("older", UpdateFault::Older),
        ("on-trial", UpdateFault::OnTrial),
        ("room", UpdateFault::Room),
        ("signature", UpdateFault::Signature),
    ];
    word(&faults, text)
}

fn word<T: Copy>(words: &[(&str, T)], text: &str) -> Result<T, InvalidUpdateState> {
    let known = words.iter().find(|(word, _)| *word == text);
    known.map(|(_, meaning)| *meaning).ok_or(InvalidUpdateState)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn account(rest: &str) -> String {
        format!("slot=B\nrelease=1.10.2\ngood=no\ntries=1\n{rest}\n")
    }

    #[test]
    fn what_the_system_says_is_read() {
        let status = UpdateStatus::parse(&account("step=idle")).unwrap();
        assert_eq!((status.slot, status.good, status.tries_left), (Slot::B, false, 2));
        assert_eq!(status.release.to_string(), "1.10.2");
        assert_eq!((status.step.clone(), status.offer()), (UpdateStep::Idle, None));
        let offered = account(&format!("step=offered\noffer=1.9\nage=older\nsha256={SUM}"));
        let status = UpdateStatus::parse(&offered).unwrap();
        let offer = status.offer().unwrap();
        assert_eq!((offer.age, offer.sha256.as_str()), (Age::Older, SUM));
        for step in ["installing", "installed"] {
            let status = UpdateStatus::parse(&offered.replace("step=offered", &format!("step={step}")));
            assert_eq!(status.unwrap().offer(), None, "{step} is no offer any more");
        }
        let failed = UpdateStatus::parse(&account("step=failed\nfault=signature")).unwrap();
        assert_eq!(failed.step, UpdateStep::Failed(UpdateFault::Signature));
    }

    #[test]
    fn what_makes_no_sense_is_refused_whole() {
        let good = account(&format!("step=offered\noffer=2\nage=newer\nsha256={SUM}"));
        assert!(UpdateStatus::parse(&good).is_ok());
        for (was, becomes) in [
            ("slot=B", "slot=C"),
            ("slot=B\n", ""),
            ("slot=B", "slot=B\nslot=A"),
            ("release=1.10.2", "release=1..2"),
            ("release=1.10.2", "release=1.2-evil<script>"),
            ("release=1.10.2", "release=111111111111111111111111111111111"),
            ("good=no", "good=perhaps"),
            ("tries=1", "tries=4"),
            ("step=offered", "step=done"),
            ("offer=2\n", ""),
            ("age=newer", "age="),
            ("sha256=0", "sha256="),
            ("sha256=0", "sha256=A"),
            ("sha256=0", "sha256=00"),
        ] {
            let bad = good.replacen(was, becomes, 1);
            assert_eq!(UpdateStatus::parse(&bad), Err(InvalidUpdateState), "{becomes:?}");
        }
        assert!(UpdateStatus::parse(&account("step=failed\nfault=bad luck")).is_err());
        assert!(UpdateStatus::parse("").is_err());
    }

    #[test]
    fn every_fault_is_told_in_words_of_its_own() {
        assert_eq!(
            (Slot::A.to_string(), Slot::B.to_string()),
            ("A".to_owned(), "B".to_owned())
        );
        for (fault, said) in [
            (UpdateFault::Left, "did not show that it works"),
            (UpdateFault::Older, "older than the release that runs"),
            (UpdateFault::Signature, "not signed for this device"),
        ] {
            assert!(fault.reason().contains(said), "{}", fault.reason());
        }
        let looking = UpdateStatus::parse(&account("step=looking")).unwrap();
        assert_eq!(looking.step, UpdateStep::Looking);
    }
}
