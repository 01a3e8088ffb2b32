//! What is done is done together with its record, in one transaction; and what it promises is on disk
//! before it is said.

use pocket_core::audit::{Event, Outcome};
use pocket_core::{Category, Failure, FailureKind, Permit, RecordId, RecordedPermit, Recording};
use pocket_store::Changes;

use super::Vault;
use super::usage::{self, Charge};
use crate::engine::Now;
use crate::failure;

impl Vault {
    /// Records a permit as it asks for, and uses it up: the caller acts next, once. No answer leaves
    /// the engine before the entries are as durable as the permit asks: the group's sync comes first.
    pub(super) fn admit(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        now: Now,
    ) -> Result<(), Failure> {
        let permit = match permit.unrecorded() {
            Ok(_leave) => return Ok(()),
            Err(permit) => permit,
        };
        let Self {
            store,
            chain,
            must_sync,
            ..
        } = self;
        let draft = chain.draft(permit, records, Outcome::Allowed, now.wall);
        let _leave = draft.recorded(|recording, entries| {
            store.apply_own(entries).map_err(|error| failure::store(&error))?;
            chain.advance(entries);
            *must_sync |= recording == Recording::First;
            Ok(())
        })?;
        Ok(())
    }

    /// Makes changes together with the entries that record them, in one transaction.
    pub(super) fn commit(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        changes: Changes,
        now: Now,
    ) -> Result<(), Failure> {
        let _leave = self.commit_as(permit, records, changes, Outcome::Done, now)?;
        Ok(())
    }

    /// The same with another outcome than that it is done; gives the leave that was recorded.
    pub(super) fn commit_as(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        changes: Changes,
        outcome: Outcome,
        now: Now,
    ) -> Result<RecordedPermit, Failure> {
        let (changes, stale) = self.mark_stale(changes, now);
        let leave = self.commit_grown_as(permit, records, changes, outcome, now)?;
        if let Some(stale) = stale {
            self.stale = stale;
        }
        Ok(leave)
    }

    /// The same for changes that hold all of what they replace: nothing is left behind that is not in
    /// what took its place too, so that it need not be sealed away before that goes.
    pub(super) fn commit_grown(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        changes: Changes,
        now: Now,
    ) -> Result<(), Failure> {
        let _leave = self.commit_grown_as(permit, records, changes, Outcome::Done, now)?;
        Ok(())
    }

    pub(super) fn commit_grown_as(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        changes: Changes,
        outcome: Outcome,
        now: Now,
    ) -> Result<RecordedPermit, Failure> {
        let draft = self.chain.draft(permit, records, outcome, now.wall);
        let entries = draft.entries().to_vec();
        let touched = changes.records();
        let leave = self
            .store
            .apply(draft, changes)
            .map_err(|error| failure::store(&error))?;
        self.chain.advance(&entries);
        self.must_sync = true;
        for (category, id) in touched {
            self.indexes.touch(category, id);
            self.backups.touch(category, id);
        }
        self.touched.extend_from_slice(records);
        Ok(leave)
    }

    /// The same, within what an agent may write.
    pub(super) fn commit_charged(
        &mut self,
        permit: Permit,
        records: &[(Category, RecordId)],
        changes: Changes,
        charge: Charge,
        now: Now,
    ) -> Result<(), Failure> {
        let Some((id, used)) = self.agents.charged(permit.actor(), charge)? else {
            return self.commit(permit, records, changes, now);
        };
        let changes = changes.put_system(&usage::name(id), used.row());
        self.commit(permit, records, changes, now)?;
        self.agents.settle(id, used);
        Ok(())
    }

    /// The records that were changed since the last time it was asked.
    pub(crate) fn take_touched(&mut self) -> Vec<(Category, RecordId)> {
        std::mem::take(&mut self.touched)
    }

    /// Records what needs no permit: refusals, failures, outcomes.
    pub(super) fn note(&mut self, events: Vec<Event>) -> Result<(), Failure> {
        let entries = self.chain.link(events);
        self.store
            .apply_own(&entries)
            .map_err(|error| failure::store(&error))?;
        self.chain.advance(&entries);
        self.must_sync = true;
        Ok(())
    }

    /// Refuses to answer for a category that is known to be short.
    pub(super) fn whole(&self, category: Category) -> Result<(), Failure> {
        self.store.whole(category).map_err(|finding| {
            Failure::new(
                FailureKind::Damaged,
                format!("{}: {}", finding.what, finding.problem),
                finding.remedy,
            )
        })
    }

    /// Puts what the last requests promised on disk.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        if self.must_sync {
            self.store.sync().map_err(|error| failure::store(&error))?;
            self.must_sync = false;
        }
        Ok(())
    }
}
