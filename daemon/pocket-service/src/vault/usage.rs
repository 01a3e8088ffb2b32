//! What an agent has used of what it may use: records and bytes, kept beside its own row, and calls in
//! the running minute. After a restart the audit log says how many calls there were.

use std::time::Duration;

use pocket_core::{AgentLimits, Entry, Failure, FailureKind, Timestamp};
use serde::{Deserialize, Serialize};

use super::records::size;

/// The names of the rows begin so.
const PREFIX: &str = "agent-usage/";
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// The row. A newer shape gets a variant of its own.
#[derive(Deserialize, Serialize)]
enum StoredUsage {
    V1 {
        calls: u32,
        most_records: u32,
        most_bytes: u64,
        records: u32,
        bytes: u64,
    },
}

/// What one agent may use, and has used.
#[derive(Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) limits: AgentLimits,
    pub(super) records: u32,
    pub(super) bytes: u64,
}

/// What a change takes of an agent's share, or gives back.
#[derive(Clone, Copy, Default)]
pub(super) struct Charge {
    records: u32,
    bytes: u64,
    back_records: u32,
    back_bytes: u64,
}

impl Charge {
    /// Counts a new record.
    pub(super) fn add(&mut self, entry: &Entry) {
        self.records = self.records.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes(size(entry)));
    }

    /// A record that grew.
    pub(super) fn bytes(count: usize) -> Self {
        Self {
            bytes: bytes(count),
            ..Self::default()
        }
    }

    /// A record that is gone.
    pub(super) fn back(entry: &Entry) -> Self {
        Self {
            back_records: 1,
            back_bytes: bytes(size(entry)),
            ..Self::default()
        }
    }
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Usage {
    /// From its row. One that can't be read counts as used up: it fails closed.
    pub(super) fn read(row: &[u8]) -> Self {
        match postcard::from_bytes(row) {
            Ok(StoredUsage::V1 {
                calls,
                most_records,
                most_bytes,
                records,
                bytes,
            }) => Self {
                limits: AgentLimits {
                    calls,
                    records: most_records,
                    bytes: most_bytes,
                },
                records,
                bytes,
            },
            Err(_) => Self {
                records: u32::MAX,
                bytes: u64::MAX,
                ..Self::default()
            },
        }
    }

    /// Its row.
    pub(super) fn row(&self) -> Vec<u8> {
        let stored = StoredUsage::V1 {
            calls: self.limits.calls,
            most_records: self.limits.records,
            most_bytes: self.limits.bytes,
            records: self.records,
            bytes: self.bytes,
        };
        postcard::to_stdvec(&stored).expect("encoding into memory can't fail")
    }

    /// What it is after `charge`.
    ///
    /// # Errors
    /// [`FailureKind::Refused`] when that is more than it may use.
    pub(super) fn charged(&self, charge: Charge) -> Result<Self, Failure> {
        let after = Self {
            limits: self.limits,
            records: self
                .records
                .saturating_add(charge.records)
                .saturating_sub(charge.back_records),
            bytes: self
                .bytes
                .saturating_add(charge.bytes)
                .saturating_sub(charge.back_bytes),
        };
        if charge.records > 0 && after.records > self.limits.records {
            return Err(used_up(&format!("{} records", self.limits.records)));
        }
        if charge.bytes > 0 && after.bytes > self.limits.bytes {
            return Err(used_up(&format!("{} bytes", self.limits.bytes)));
        }
        Ok(after)
    }
}

fn used_up(what: &str) -> Failure {
    Failure::new(
        FailureKind::Refused,
        format!("this agent may write no more: its share is {what}"),
        "delete what is of no use; or ask the owner to raise it: `pocketctl agent limit NAME`",
    )
}

/// The name of an agent's row.
pub(super) fn name(agent: pocket_core::RecordId) -> String {
    format!("{PREFIX}{agent}")
}

/// The calls of one agent in a minute that begins with the first of them.
#[derive(Clone, Copy)]
pub(super) struct Calls {
    began: Timestamp,
    count: u32,
}

impl Calls {
    /// One call, at `at`.
    pub(super) const fn first(at: Timestamp) -> Self {
        Self { began: at, count: 1 }
    }

    /// Counts one that the log holds, read from the newest back.
    pub(super) fn earlier(&mut self, at: Timestamp) {
        if at < self.began {
            self.began = at;
            self.count = self.count.saturating_add(1);
        }
    }

    /// Counts one more.
    ///
    /// # Errors
    /// [`FailureKind::Throttled`] when there were `most` of them.
    pub(super) fn count(&mut self, most: u32, now: Timestamp) -> Result<(), Failure> {
        // A clock that was set back begins a new minute too: it must not shut an agent out for ever.
        if now < self.began || now.since(self.began) >= MINUTE {
            *self = Self::first(now);
            return Ok(());
        }
        if self.count >= most {
            let wait = MINUTE.saturating_sub(now.since(self.began)).as_secs() + 1;
            return Err(Failure::new(
                FailureKind::Throttled,
                format!("this agent called more than {most} times in a minute"),
                format!("call again in {wait} s, and do more with one call"),
            ));
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_run_out_and_come_back_after_a_minute() {
        let at = |seconds: i64| Timestamp::from_millis(1_000_000 + seconds * 1_000);
        let mut calls = Calls::first(at(0));
        assert_eq!(calls.count(2, at(10)), Ok(()));
        let refused = calls.count(2, at(20)).unwrap_err();
        assert_eq!(refused.kind, FailureKind::Throttled);
        assert!(refused.remedy.contains("41 s"), "{}", refused.remedy);
        assert_eq!(calls.count(2, at(60)), Ok(()));
        assert_eq!(calls.count(2, at(-500)), Ok(()), "the clock was set back");
    }

    #[test]
    fn a_share_is_used_up_and_given_back() {
        let limits = AgentLimits {
            calls: 1,
            records: 2,
            bytes: 100,
        };
        let usage = Usage {
            limits,
            records: 1,
            bytes: 90,
        };
        let adds = |records, bytes| Charge {
            records,
            bytes,
            ..Charge::default()
        };
        assert!(
            usage
                .charged(adds(1, 10))
                .is_ok_and(|after| (after.records, after.bytes) == (2, 100))
        );
        assert!(usage.charged(adds(2, 1)).is_err());
        assert!(usage.charged(adds(1, 11)).is_err());
        let back = Charge {
            back_records: 1,
            back_bytes: 50,
            ..Charge::default()
        };
        assert!(
            usage
                .charged(back)
                .is_ok_and(|after| (after.records, after.bytes) == (0, 40))
        );
        let over = Usage {
            records: 9,
            bytes: 900,
            limits,
        };
        assert!(over.charged(back).is_ok(), "what is over may always be deleted");
    }

    #[test]
    fn a_row_reads_back_and_a_broken_one_counts_as_used_up() {
        let usage = Usage {
            records: 7,
            bytes: 8,
            ..Usage::default()
        };
        let read = Usage::read(&usage.row());
        assert_eq!(
            (read.records, read.bytes, read.limits),
            (7, 8, AgentLimits::default())
        );
        assert!(Usage::read(&[9, 9]).charged(Charge::bytes(1)).is_err());
    }
}
