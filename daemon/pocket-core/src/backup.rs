//! What a backup holds, as the daemon and the program that seals and opens archives say it to one another:
//! frames of a length (4 bytes, little endian) and a body, which is a value and, behind it, bytes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::{Entry as AuditEntry, Head};
use crate::{BackupPlace, BackupSending, Category, Entry, RecordId, Timestamp};

/// Format of what is inside an archive. Grows when an older program could not restore it.
pub const BACKUP_FORMAT: u32 = 2;
/// Longest body of a frame, in bytes: a record of 8 MiB and what stands around it.
pub const MOST_BACKUP_FRAME: usize = 16 * 1024 * 1024;

/// What an archive's program is asked, in its first frame. Keys follow it as bytes, never as values.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum BackupJob {
    /// Say what the outside of an archive, which follows, shows without a key: a [`BackupOutside`].
    Inspect,
    /// Give the age identity, and what it is reached by, as text. Behind it: the identity, 32 bytes.
    Name,
    /// Open the archive that follows: give its items, and [`BackupItem::End`] only once all of it proved
    /// whole. Behind it: the identity and the key that vouches for the manifest, 32 bytes each.
    Open,
    /// Seal the items that follow into an archive. Behind it: the key that vouches for the manifest, 32
    /// bytes; then the identity that drills open it with, 32 bytes.
    Seal {
        /// The X25519 public key of the owner's recovery key.
        owner: [u8; 32],
        /// Whom the owner added: age recipients, `age1…`.
        others: Vec<String>,
    },
    /// As [`BackupJob::Open`], but give a [`BackupReport`] alone.
    Verify,
}

/// Something in an archive, in order: of two with one id the later counts.
#[derive(Clone, Deserialize, Serialize)]
pub enum BackupItem {
    /// Entries of the audit log, the oldest first.
    Audit(Vec<AuditEntry>),
    /// That was all; nothing counts without it.
    End(Box<BackupFacts>),
    /// The bytes of a document begin; its record comes later. They follow as [`BackupItem::Piece`].
    File {
        /// The document.
        id: RecordId,
        /// How many bytes follow in all.
        size: u64,
        /// What it is called in the archive.
        name: String,
    },
    /// The next bytes of the file, behind this.
    Piece,
    /// A record, with the revision and the times that it has.
    Record(Box<Entry>),
    /// It was removed while the backup was made.
    Removed(Category, RecordId),
    /// A row of the device's own: agents, providers, the broker. Its bytes are behind this.
    Row {
        /// Its name.
        name: String,
    },
    /// The value of a secret, behind this; its record comes before.
    Value(RecordId),
}

/// What an archive says of itself, and what the device compares with.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupFacts {
    /// [`BACKUP_FORMAT`].
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// The device, as 32 hexadecimal digits.
    pub device: String,
    /// How often what is on that device was restored before.
    pub epoch: u64,
    /// When it was made.
    pub made: Timestamp,
    /// Where the audit log stood.
    pub audit: Head,
    /// How many records there are of each category.
    pub counts: Vec<(Category, u64)>,
}

impl BackupFacts {
    /// All records.
    pub fn records(&self) -> u64 {
        self.counts
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// What an archive proved to be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupReport {
    /// What it says of itself.
    pub facts: BackupFacts,
    /// Members of the archive, each with the digest that the manifest names.
    pub members: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Documents whose bytes are there.
    pub files: u64,
    /// SHA-256 of the manifest, as 64 hexadecimal digits: it stands for all that is in the archive.
    pub manifest: String,
}

/// What the outside of an archive shows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupOutside {
    /// How many keys open it.
    pub recipients: u64,
    /// Its bytes.
    pub bytes: u64,
    /// SHA-256 of them, as 64 hexadecimal digits.
    pub sha256: String,
}

/// Why an archive was not made or opened. A closed list: who read it is trusted with no words.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupFault {
    /// The program broke down.
    #[error("what reads archives broke down on it")]
    Broke,
    /// Bytes are missing or changed.
    #[error("it is cut short or damaged")]
    Damaged,
    /// What is in it is not what its manifest says.
    #[error("what is in it is not what its manifest says")]
    Differs,
    /// The manifest was not made with the key that belongs to the recovery key.
    #[error("it was not made by a device of this recovery key")]
    Forged,
    /// Its inside is laid out as no device does it.
    #[error("its inside is not that of a backup of PocketAI")]
    Foreign,
    /// It needs a later version.
    #[error("a later version of PocketAI made it")]
    Newer,
    /// It is no age file at all.
    #[error("it is not an archive: it does not begin as one")]
    NotAnArchive,
    /// Someone to whom it should be sealed can't be one.
    #[error("a recipient is not of the form age1…")]
    Recipient,
    /// More members than its manifest may name.
    #[error("it would have more documents than a backup can name")]
    TooMany,
    /// The kernel can't take the program's powers away.
    #[error("this kernel has no seccomp filter for it: an archive is not read without one")]
    Unsafe,
    /// Sealed to others.
    #[error("it is sealed to another key: it was made with another recovery key")]
    WrongKey,
}

impl BackupFault {
    const CODES: [(Self, u8); 11] = [
        (Self::Broke, 10),
        (Self::Damaged, 11),
        (Self::Differs, 12),
        (Self::Forged, 13),
        (Self::Foreign, 14),
        (Self::Newer, 15),
        (Self::NotAnArchive, 16),
        (Self::Recipient, 17),
        (Self::Unsafe, 18),
        (Self::WrongKey, 19),
        (Self::TooMany, 20),
    ];

    /// The exit code by which the program says it.
    pub fn code(self) -> u8 {
        let of = Self::CODES.into_iter().find(|(fault, _)| *fault == self);
        of.map_or(1, |(_, code)| code)
    }

    /// What an exit code says; one that the program should not have is one that broke down.
    pub fn of_code(code: i32) -> Self {
        let of = Self::CODES.into_iter().find(|(_, own)| i32::from(*own) == code);
        of.map_or(Self::Broke, |(fault, _)| fault)
    }
}

/// How often the owner wants a backup made by itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupSchedule {
    /// One in so many days, 1 to [`BackupSchedule::MOST_DAYS`].
    pub days: u16,
    /// How many are kept, 1 to [`BackupSchedule::MOST_NEWEST`].
    pub newest: u16,
}

impl BackupSchedule {
    /// Longest time between two: a month, after which a backup is stale anyway.
    pub const MOST_DAYS: u16 = 31;
    /// Most that are kept.
    pub const MOST_NEWEST: u16 = 1000;

    /// Whether it can be kept to.
    pub fn is_valid(self) -> bool {
        (1..=Self::MOST_DAYS).contains(&self.days) && (1..=Self::MOST_NEWEST).contains(&self.newest)
    }

    /// How old the newest may be, in milliseconds, before one is missing: a day more, in which a device that was
    /// off, or a stick that was out, comes back.
    fn patience(self) -> i64 {
        (i64::from(self.days) + 1) * 24 * 60 * 60 * 1000
    }
}

/// How the owner's backups are. A backup protects only once the owner proved to hold the recovery key.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct BackupStatus {
    /// Whether the device knows to whom to seal: not before the recovery key was shown to it once.
    pub ready: bool,
    /// When one was last written to its end.
    pub last: Option<Timestamp>,
    /// When one was begun since, that has not come to its end.
    pub unfinished: Option<Timestamp>,
    /// When an archive was last opened and found whole.
    pub drilled: Option<Timestamp>,
    /// Whom the owner added.
    pub recipients: Vec<String>,
    /// How often what is here was restored.
    pub epoch: u64,
    /// How often one is wanted; never by itself when `None`.
    pub schedule: Option<BackupSchedule>,
    /// Where they are sent, if the owner set a place.
    pub place: Option<BackupPlace>,
    /// The one that is being sent, or was sent or given up since the vault was opened.
    pub sending: Option<BackupSending>,
    /// What the owner should do about it first.
    pub lack: Option<BackupLack>,
}

/// Why the owner is not protected yet.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupLack {
    /// There is none.
    NoBackup,
    /// The device was not shown the recovery key, to which it would seal.
    NoKey,
    /// The schedule wants one, and the newest is over a day older than that.
    Overdue,
    /// The newest was made over a month ago, or not opened since a week.
    Stale,
    /// The owner has not proved to hold the recovery key, which alone opens it.
    Unproved,
    /// The newest was never opened.
    Untried,
}

impl BackupStatus {
    /// An archive that was opened within this time, in milliseconds, is taken to open: a week.
    const FRESH: i64 = 7 * 24 * 60 * 60 * 1000;

    /// What was written since is in no archive, once the newest is older, in milliseconds: a month.
    const RECENT: i64 = 31 * 24 * 60 * 60 * 1000;

    /// The same, with what it lacks at `now` by what is known.
    #[must_use]
    pub fn judged(self, recovery_confirmed: bool, now: Timestamp) -> Self {
        let lack = match (self.last, self.drilled) {
            _ if !self.ready => Some(BackupLack::NoKey),
            (None, _) => Some(BackupLack::NoBackup),
            _ if !recovery_confirmed => Some(BackupLack::Unproved),
            (_, None) => Some(BackupLack::Untried),
            (Some(last), Some(drilled)) => {
                // What lies in the future tells of a clock that was set back, not of an archive.
                let within = |at: Timestamp, most| {
                    let age = now.millis().saturating_sub(at.millis());
                    (0..=most).contains(&age)
                };
                let patience = self.schedule.map_or(Self::RECENT, BackupSchedule::patience);
                // What is opened once a week by schedule is opened a little later than that.
                let fresh = self.schedule.map_or(Self::FRESH, |_| patience.max(Self::FRESH));
                match (within(last, patience), within(drilled, fresh)) {
                    (false, _) if self.schedule.is_some() => Some(BackupLack::Overdue),
                    (true, true) => None,
                    _ => Some(BackupLack::Stale),
                }
            }
        };
        Self { lack, ..self }
    }
}

/// A text that may be an age recipient: `age1` and 58 characters of its alphabet. Whether it is one is
/// seen when it is used.
pub fn is_age_recipient(text: &str) -> bool {
    const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let rest = text.strip_prefix("age1");
    rest.is_some_and(|rest| rest.len() == 58 && rest.chars().all(|c| ALPHABET.contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_code_of_its_own_and_any_other_is_a_breakdown() {
        for (fault, code) in BackupFault::CODES {
            assert_eq!(
                (fault.code(), BackupFault::of_code(i32::from(code))),
                (code, fault)
            );
        }
        for code in [-1, 0, 1, 9, 21, 1000] {
            assert_eq!(BackupFault::of_code(code), BackupFault::Broke);
        }
    }

    #[test]
    fn a_backup_protects_once_it_is_there_proved_and_tried_within_a_week() {
        let at = |millis| Some(Timestamp::from_millis(millis));
        let now = Timestamp::from_millis(BackupStatus::FRESH * 3);
        let of = |ready, last, drilled, confirmed| {
            let status = BackupStatus {
                ready,
                last,
                drilled,
                ..BackupStatus::default()
            };
            status.judged(confirmed, now).lack
        };
        let week = BackupStatus::FRESH;
        assert_eq!(of(false, at(1), at(1), true), Some(BackupLack::NoKey));
        assert_eq!(of(true, None, at(1), true), Some(BackupLack::NoBackup));
        assert_eq!(of(true, at(1), at(1), false), Some(BackupLack::Unproved));
        assert_eq!(of(true, at(1), None, true), Some(BackupLack::Untried));
        assert_eq!(of(true, at(1), at(week * 2 - 1), true), Some(BackupLack::Stale));
        assert_eq!(of(true, at(1), at(week * 2), true), None);
        assert_eq!(of(true, at(1), at(week * 3 + 1), true), Some(BackupLack::Stale));
        let month = BackupStatus::RECENT;
        let old = at(week * 3 - month - 1);
        assert_eq!(of(true, old, at(week * 2), true), Some(BackupLack::Stale));
    }

    #[test]
    fn a_schedule_says_when_one_is_missing() {
        let day = 24 * 60 * 60 * 1000;
        let now = Timestamp::from_millis(100 * day);
        let of = |days, last, drilled| {
            let status = BackupStatus {
                ready: true,
                last: Some(Timestamp::from_millis(now.millis() - last)),
                drilled: Some(Timestamp::from_millis(now.millis() - drilled)),
                schedule: Some(BackupSchedule { days, newest: 1 }),
                ..BackupStatus::default()
            };
            status.judged(true, now).lack
        };
        assert_eq!(of(1, 2 * day, 2 * day), None);
        assert_eq!(of(1, 2 * day + 1, 2 * day), Some(BackupLack::Overdue));
        assert_eq!(of(7, 8 * day, 8 * day), None);
        assert_eq!(of(7, 8 * day + 1, day), Some(BackupLack::Overdue));
        assert_eq!(of(31, 30 * day, 30 * day), None);
        assert_eq!(of(1, -1, day), Some(BackupLack::Overdue), "the clock went back");
        assert_eq!(of(1, day, 7 * day + 1), Some(BackupLack::Stale));
        for (days, newest, valid) in [
            (1, 1, true),
            (31, 1000, true),
            (0, 1, false),
            (1, 0, false),
            (32, 1, false),
        ] {
            assert_eq!(BackupSchedule { days, newest }.is_valid(), valid);
        }
        assert!(
            !BackupSchedule {
                days: 1,
                newest: 1001
            }
            .is_valid()
        );
    }

    #[test]
    fn recipients_look_like_recipients() {
        let good = format!("age1{}", "q".repeat(58));
        assert!(is_age_recipient(&good));
        for bad in [
            "",
            "age1",
            &good[..61],
            &format!("{good}q"),
            &good.replacen('q', "b", 1),
            &good.to_uppercase(),
        ] {
            assert!(!is_age_recipient(bad), "{bad}");
        }
    }

    #[test]
    fn times_and_sizes_are_those_that_are_documented() {
        assert_eq!(
            (BackupStatus::FRESH, BackupStatus::RECENT),
            (604_800_000, 2_678_400_000)
        );
        assert_eq!(MOST_BACKUP_FRAME, 16_777_216);
    }

    #[test]
    fn the_records_of_all_categories_are_counted() {
        let facts = |counts: &[u64]| BackupFacts {
            format: BACKUP_FORMAT,
            version: String::new(),
            device: String::new(),
            epoch: 0,
            made: Timestamp::default(),
            audit: Head::default(),
            counts: Category::ALL.into_iter().zip(counts.iter().copied()).collect(),
        };
        assert_eq!(facts(&[]).records(), 0);
        assert_eq!(facts(&[3, 0, 4]).records(), 7);
        assert_eq!(facts(&[u64::MAX, 1]).records(), u64::MAX);
    }
}
