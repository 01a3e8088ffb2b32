//! Reading everything: when the owner wants it, and by itself once a week.

use std::time::Duration;

use pocket_core::{CheckReport, Failure, OperationKind, Timestamp, decide_own};
use pocket_store::Changes;
use tracing::warn;

use super::rows::encode;
use super::{Slice, Vault, Work};
use crate::engine::Now;
use crate::failure;
use crate::keys::Device;

/// The row that says when everything was last read.
pub(super) const CHECKED: &str = "checked";
/// How often the device reads everything by itself: cells of a card lose their charge over months.
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long it leaves the owner alone after the unlocking, and before it tries again.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

impl Vault {
    /// Begins to read everything, if it is time.
    pub(super) fn due_check(&mut self, now: Now) -> Option<Work> {
        // A clock that was set back must not make it wait for years.
        let due = |last: Timestamp| now.wall < last || now.wall.since(last) >= WEEK;
        let rested = self.housekeeping.since_check(now) >= PATIENCE;
        if !rested || self.store.is_scrubbing() || !self.checked.is_none_or(due) {
            return None;
        }
        self.housekeeping.note_check(now);
        self.store.begin_scrub();
        Some(Work::Check)
    }

    /// Reads on; at the end it is remembered when that was.
    pub(super) fn check_on(
        &mut self,
        device: &Device,
        slice: &Slice,
        now: Now,
    ) -> Result<Option<CheckReport>, Failure> {
        let report = self
            .store
            .scrub_on(&mut || slice.go_on())
            .map_err(|error| failure::store(&error))?;
        let Some(mut report) = report else { return Ok(None) };
        report.findings.extend(device.mend_keyring(&self.keyring));
        // Told until the next check finds nothing.
        self.findings.clone_from(&report.findings);
        // What was read counts, whether or not that can be written down.
        if let Err(failure) = self.note_checked(now) {
            warn!(
                kind = failure.kind.name(),
                "it could not be written down that everything was read"
            );
        }
        Ok(Some(report))
    }

    fn note_checked(&mut self, now: Now) -> Result<(), Failure> {
        let permit = decide_own(OperationKind::SelfTest).map_err(failure::refused)?;
        let changes = Changes::new().mark_system(CHECKED, encode(&now.wall));
        self.commit(permit, &[], changes, now)?;
        self.checked = Some(now.wall);
        Ok(())
    }
}
