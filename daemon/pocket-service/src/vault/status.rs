//! How the unlocked device is, for its owner.

use pocket_core::{Category, Finding, Status, Storage};

use super::Vault;
use crate::engine::Now;
use crate::keys::Device;

impl Vault {
    /// What may leave.
    pub(crate) fn profile_in_force(&self, now: Now) -> pocket_core::Profile {
        self.lease.in_force(now.wall)
    }

    /// The owner's part of the status.
    pub(crate) fn describe(&self, device: &Device, status: &mut Status, clocks: Now) {
        let now = clocks.wall;
        status.doors = device.doors();
        status.device_secret = device.secret_place(self.keyring.ring_id()).describe();
        status.profile = self.lease.in_force(now);
        status.profile_until = self.lease.ends(now);
        status.recovery_confirmed = Some(self.keys.recovery_confirmed());
        if !self.keys.recovery_confirmed() {
            status.recovery_groups = crate::setup::groups(self.keys.recovery_challenge());
        }
        status.findings = self.all_findings();
        status.categories = Category::ALL
            .into_iter()
            .map(|category| self.describe_category(category))
            .collect();
        status.storage = self.store.space().ok().map(|space| Storage {
            taken: self.store.size_on_disk(),
            free: space.free,
            needed: space.needed,
        });
        status.last_check = self.checked;
        status.press = Some(self.presses.status(device, clocks));
        status.last_export = self.exported.last;
        status.unfinished_export = self.exported.unfinished;
        status.backup = Some(self.backup_status(now));
    }

    pub(super) fn all_findings(&self) -> Vec<Finding> {
        [self.outside.as_slice(), &self.unknown, &self.findings].concat()
    }

    pub(super) fn describe_category(&self, category: Category) -> pocket_core::CategoryStatus {
        let records = match category {
            Category::Audit => self.chain.head().sequence,
            // A category that is known to be short has a finding; it has no number.
            _ => self.store.count(category).unwrap_or(0),
        };
        let days = self
            .settings
            .retention(category)
            .map(|kept| kept.as_secs() / (24 * 60 * 60));
        pocket_core::CategoryStatus {
            category,
            sensitivity: category.sensitivity(),
            records,
            bytes: self.store.bytes(category),
            retention_days: days.and_then(|days| u32::try_from(days).ok()),
            deleted_since: self.stale.since(category),
        }
    }
}
