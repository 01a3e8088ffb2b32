//! What the device does by itself: auto-lock, retention, the outside head of the store.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pocket_core::{Category, Failure, FailureKind, OperationKind, RecordId, decide_own};
use pocket_store::{Changes, Walk};

use super::{Slice, Vault, Work};
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
    /// When a re-keying was last begun that was not finished.
    rekey_failed: Option<Instant>,
    /// When everything was last begun to be read; the unlocking, to begin with.
    check: Instant,
}

impl Housekeeping {
    pub(super) const fn new(now: Now) -> Self {
        Self {
            owner: now.steady,
            round: now,
            rekey_failed: None,
            check: now.steady,
        }
    }

    pub(super) const fn rekey_failed(&self) -> Option<Instant> {
        self.rekey_failed
    }

    pub(super) const fn note_rekey(&mut self, failed: Option<Instant>) {
        self.rekey_failed = failed;
    }

    pub(super) fn since_check(&self, now: Now) -> Duration {
        now.steady.saturating_duration_since(self.check)
    }

    pub(super) const fn note_check(&mut self, now: Now) {
        self.check = now.steady;
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

/// What a look at the clock led to.
pub(crate) enum Ticked {
    /// What the owner sees is another.
    Changed,
    /// Something is to be done by now, piece by piece.
    Due(Work),
    /// The vault has recorded its own locking and must be dropped.
    Lock,
    /// Nothing.
    Nothing,
}

/// A round through all categories for records that are older than they are kept.
pub(crate) struct Purge {
    /// Categories that were not read yet, of those that keep their records for a while only.
    left: Vec<Category>,
    walk: Option<(Category, Walk)>,
    old: Vec<(Category, RecordId)>,
}

impl Vault {
    /// Once a second.
    pub(crate) fn tick(&mut self, now: Now) -> Result<Ticked, Failure> {
        self.uploads.expire(now.steady);
        if self.store.unsynced() {
            self.must_sync = true;
            self.sync()?;
        }
        self.store.tick().map_err(|error| failure::store(&error))?;
        let idle = now.steady.saturating_duration_since(self.housekeeping.owner);
        if self.settings.auto_lock().is_some_and(|limit| idle >= limit) {
            self.close(OperationKind::AutoLock, now)?;
            return Ok(Ticked::Lock);
        }
        match self.tick_consents(now) {
            Ok(true) => return Ok(Ticked::Changed),
            // On a full disk it is written down later: what is over is over all the same.
            Err(failure) if failure.kind != FailureKind::Full => return Err(failure),
            Ok(false) | Err(_) => {}
        }
        if self.tick_press(now)? || self.tend_link(now)? {
            return Ok(Ticked::Changed);
        }
        let began = self.housekeeping.round;
        if now.steady.saturating_duration_since(began.steady) >= ROUND {
            self.housekeeping.round = now;
            if clock_is_true(began, now) {
                return Ok(Ticked::Due(Work::Purge(self.begin_purge(now))));
            }
        }
        let due = match self.due_rekey(now)? {
            Some(rekey) => Some(rekey),
            None => self.due_check(now),
        };
        Ok(due.map_or(Ticked::Nothing, Ticked::Due))
    }

    fn begin_purge(&self, now: Now) -> Purge {
        // What a record has a day of its own for, and which category is kept for ever, is in the settings.
        let known = self.store.whole(Category::Settings).is_ok();
        let records = Category::ALL
            .into_iter()
            .filter(|category| known && category.holds_records());
        // What is known to be short is left as it is until the owner has decided on it.
        let whole = records.filter(|category| self.store.whole(*category).is_ok());
        Purge {
            left: whole
                .filter(|category| self.settings.retention(*category).is_some())
                .collect(),
            walk: None,
            old: self.over(now),
        }
    }

    /// Records whose own day is over, each with the setting that says so. Nothing while something is known to
    /// be short: what is missing may yet be brought back, and must not stay for ever then.
    fn over(&self, now: Now) -> Vec<(Category, RecordId)> {
        let records = || {
            Category::ALL
                .into_iter()
                .filter(|category| category.holds_records())
        };
        if records().any(|category| self.store.whole(category).is_err()) {
            return Vec::new();
        }
        let mut old = Vec::new();
        for id in self.settings.over(now.wall) {
            old.extend(
                records()
                    .filter(|category| self.store.contains(*category, id))
                    .map(|category| (category, id)),
            );
            old.extend(self.day_of(id).map(|id| (Category::Settings, id)));
            if old.len() >= MOST {
                break;
            }
        }
        old
    }

    /// The setting that says how long a record is kept, if one does.
    pub(super) fn day_of(&self, id: RecordId) -> Option<RecordId> {
        if !self.settings.has_day(id) {
            return None;
        }
        self.setting_id(&format!("keep_until.{id}")).ok()
    }

    /// Looks further for old records, and removes them at the end; `true` once that is done.
    pub(super) fn purge_on(&mut self, purge: &mut Purge, slice: &Slice, now: Now) -> Result<bool, Failure> {
        while purge.old.len() < MOST {
            let Some((category, mut walk)) = purge.walk.take() else {
                let Some(category) = purge.left.pop() else {
                    break;
                };
                purge.walk = Some((category, self.store.begin_walk(category)));
                continue;
            };
            let walked = self.store.walk(&mut walk, &mut |entry| {
                if self.settings.is_old(&entry, now.wall) {
                    purge.old.push((category, entry.id));
                }
                if purge.old.len() < MOST && slice.go_on() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            if !walked.map_err(|error| failure::store(&error))? {
                purge.walk = Some((category, walk));
                if !slice.go_on() {
                    return Ok(false);
                }
            }
        }
        self.remove_old(std::mem::take(&mut purge.old), now)?;
        Ok(true)
    }

    fn remove_old(&mut self, mut old: Vec<(Category, RecordId)>, now: Now) -> Result<(), Failure> {
        // Its own day and its category may both have found it.
        old.sort_unstable();
        old.dedup();
        // One that was changed since it was found is young again.
        old.retain(|(category, id)| {
            let entry = self.store.get(*category, *id).ok().flatten();
            entry.is_some_and(|entry| self.settings.is_old(&entry, now.wall))
        });
        if old.is_empty() {
            return Ok(());
        }
        let permit = decide_own(OperationKind::Purge).map_err(failure::refused)?;
        let changes = old.iter().fold(Changes::new(), |changes, (category, id)| {
            changes.remove(*category, *id)
        });
        self.commit(permit, &old, changes, now)?;
        if old.iter().any(|(category, _)| *category == Category::Settings) {
            self.recall_settings()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::Timestamp;

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
