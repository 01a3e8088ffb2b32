//! What the device does by itself: auto-lock, retention, the outside head of the store.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pocket_core::{Category, Failure, OperationKind, RecordId, Timestamp, decide_own};
use pocket_store::Changes;

use super::Vault;
use crate::engine::Now;
use crate::failure;

/// How often old records are looked for, and how long the clock must have run true before. Short,
/// since an owner may unlock for ten minutes a day.
const ROUND: Duration = Duration::from_secs(5 * 60);
/// How far calendar and steady clock may come apart within a round.
const DRIFT: Duration = Duration::from_secs(30);
/// Most records that one round removes, so that nobody waits long for the engine.
const MOST: usize = 256;

/// When things were last done.
pub(crate) struct Housekeeping {
    owner: Instant,
    round: Now,
}

impl Housekeeping {
    pub(super) const fn new(now: Now) -> Self {
        Self {
            owner: now.steady,
            round: now,
        }
    }

    pub(super) const fn owner_seen(&mut self, now: Now) {
        self.owner = now.steady;
    }
}

/// Whether the calendar has run true for the last round. A board without a clock battery may wake
/// up in the wrong year: then nothing may be removed for its age.
fn clock_is_true(began: Now, now: Now) -> bool {
    let steady = now.steady.saturating_duration_since(began.steady);
    let wall = now.wall.since(began.wall);
    now.wall >= began.wall && wall.abs_diff(steady) <= DRIFT
}

impl Vault {
    /// Once a second. `true` when the vault has recorded its own locking and must be dropped.
    pub(crate) fn tick(&mut self, now: Now) -> Result<bool, Failure> {
        self.uploads.expire(now.steady);
        if self.store.unsynced() {
            self.must_sync = true;
            self.sync()?;
        }
        self.store.tick().map_err(|error| failure::store(&error))?;
        if now
            .steady
            .saturating_duration_since(self.housekeeping.round.steady)
            >= ROUND
        {
            if clock_is_true(self.housekeeping.round, now) {
                self.purge(now)?;
            }
            self.housekeeping.round = now;
        }
        let idle = now.steady.saturating_duration_since(self.housekeeping.owner);
        if self.settings.auto_lock().is_some_and(|limit| idle >= limit) {
            self.close(OperationKind::AutoLock, now)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Removes records that are older than their category keeps them.
    fn purge(&mut self, now: Now) -> Result<(), Failure> {
        let mut old: Vec<(Category, RecordId)> = Vec::new();
        for category in Category::ALL
            .into_iter()
            .filter(|category| category.holds_records())
        {
            let Some(kept) = self.settings.retention(category) else {
                continue;
            };
            // What is known to be short is left as it is until the owner has decided on it.
            if self.store.whole(category).is_err() {
                continue;
            }
            old.extend(
                self.older_than(category, kept, now.wall)?
                    .into_iter()
                    .map(|id| (category, id)),
            );
        }
        old.truncate(MOST);
        if old.is_empty() {
            return Ok(());
        }
        let permit = decide_own(OperationKind::Purge).map_err(failure::refused)?;
        let changes = old.iter().fold(Changes::new(), |changes, (category, id)| {
            changes.remove(*category, *id)
        });
        self.commit(permit, &old, changes, now)?;
        self.sync()
    }

    fn older_than(
        &self,
        category: Category,
        kept: Duration,
        now: Timestamp,
    ) -> Result<Vec<RecordId>, Failure> {
        let mut old = Vec::new();
        let scanned = self.store.scan(category, &mut |entry| {
            if now.since(entry.updated) > kept {
                old.push(entry.id);
            }
            if old.len() < MOST {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        scanned.map_err(|error| failure::store(&error))?;
        Ok(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(steady: Instant, seconds: u64, wall_seconds: i64) -> Now {
        Now {
            steady: steady + Duration::from_secs(seconds),
            wall: Timestamp::from_millis(wall_seconds * 1000),
        }
    }

    #[test]
    fn a_calendar_that_jumps_removes_nothing() {
        let start = Instant::now();
        let began = at(start, 0, 1_000_000);
        assert!(clock_is_true(began, at(start, 3600, 1_003_600)));
        assert!(clock_is_true(began, at(start, 3600, 1_003_620)));
        assert!(!clock_is_true(began, at(start, 3600, 1_003_700)));
        assert!(!clock_is_true(began, at(start, 3600, 2_000_000_000)));
        assert!(!clock_is_true(began, at(start, 3600, 999_999)));
    }
}
