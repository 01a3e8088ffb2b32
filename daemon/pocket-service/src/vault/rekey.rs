//! Re-keying a category, so that what was deleted from it is gone for good: by itself a day after
//! something was deleted or replaced, and whenever the owner wants it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pocket_core::audit::Outcome;
use pocket_core::{ActorRef, Category, Failure, FailureKind, OperationKind, Timestamp, decide_own};
use pocket_crypto::keyring::NextKeys;
use pocket_store::{Changes, Store};
use tracing::{info, warn};

use super::work::Slice;
use super::{Act, Vault, Work, event};
use crate::engine::Now;
use crate::failure;
use crate::keys::Device;

/// How long something deleted may stay readable with the keys while the vault is open.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// When to try again what failed, on a full disk for example.
const AGAIN: Duration = Duration::from_secs(60 * 60);
/// The name under which it is kept since when categories hold what was deleted.
const STALE: &str = "stale";

/// Since when which category holds what was deleted or replaced, by its code.
#[derive(Clone, Default)]
pub(crate) struct Stale {
    since: BTreeMap<u8, Timestamp>,
}

/// A re-keying under way.
pub(crate) struct Rekeying {
    category: Category,
    kind: OperationKind,
    actor: ActorRef,
    /// Once the copying has begun: the keys to come, and when that was.
    begun: Option<(NextKeys, Timestamp)>,
}

impl Stale {
    /// Reads it back. What can't be read is of no importance: the next deletion marks it anew.
    pub(super) fn load(store: &Store) -> Result<Self, Failure> {
        let kept = store.system(STALE).map_err(|error| failure::store(&error))?;
        let since = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        Ok(Self {
            since: since.unwrap_or_default(),
        })
    }

    pub(super) fn since(&self, category: Category) -> Option<Timestamp> {
        self.since.get(&category.code()).copied()
    }

    pub(super) fn set(&mut self, category: Category, since: Option<Timestamp>) {
        match since {
            Some(since) => drop(self.since.insert(category.code(), since)),
            None => drop(self.since.remove(&category.code())),
        }
    }

    /// What brings it to the disk.
    pub(super) fn put(&self, changes: Changes) -> Changes {
        let bytes = postcard::to_stdvec(&self.since).expect("encoding into memory can't fail");
        changes.mark_system(STALE, bytes)
    }
}

impl Vault {
    /// Adds to `changes` what they leave behind, if that is new; gives what is then to be remembered.
    pub(super) fn mark_stale(&self, changes: Changes, now: Now) -> (Changes, Option<Stale>) {
        let retired = changes.retired(&self.store);
        let fresh: Vec<u8> = retired
            .into_iter()
            .map(Category::code)
            .filter(|code| !self.stale.since.contains_key(code))
            .collect();
        if fresh.is_empty() {
            return (changes, None);
        }
        let mut stale = self.stale.clone();
        stale.since.extend(fresh.into_iter().map(|code| (code, now.wall)));
        (stale.put(changes), Some(stale))
    }

    /// What is to be re-keyed by now, if anything.
    pub(super) fn due_rekey(&mut self, now: Now) -> Result<Option<Work>, Failure> {
        let waits = |failed: Instant| now.steady.saturating_duration_since(failed) < AGAIN;
        if self.rekeying || self.housekeeping.rekey_failed().is_some_and(waits) {
            return Ok(None);
        }
        // A clock that was set back must not make it wait for years.
        let due = |since: Timestamp| now.wall < since || now.wall.since(since) >= PATIENCE;
        let category = Category::ALL.into_iter().find(|category| {
            self.stale.since(*category).is_some_and(due) && self.store.whole(*category).is_ok()
        });
        let Some(category) = category else {
            return Ok(None);
        };
        let permit = decide_own(OperationKind::Rekey).map_err(failure::refused)?;
        self.admit(permit, &[], now)?;
        self.rekeying = true;
        // Until it is done, this counts as failed: also if the store must be opened anew meanwhile.
        self.housekeeping.note_rekey(Some(now.steady));
        Ok(Some(Work::Rekey(Box::new(Rekeying {
            category,
            kind: OperationKind::Rekey,
            actor: ActorRef::Device,
            begun: None,
        }))))
    }

    /// The owner wants it now.
    pub(super) fn category_rekey(&mut self, act: Act, category: Category) -> Result<Work, Failure> {
        if self.rekeying {
            return Err(failure::busy());
        }
        self.whole(category)?;
        let actor = act.permit.actor();
        self.admit(act.permit, &[], act.now)?;
        self.rekeying = true;
        Ok(Work::Rekey(Box::new(Rekeying {
            category,
            kind: OperationKind::CategoryRekey,
            actor,
            begun: None,
        })))
    }

    /// One piece of it; `true` once the old key is destroyed.
    pub(super) fn rekey_on(
        &mut self,
        device: &Device,
        rekeying: &mut Rekeying,
        slice: &Slice,
        now: Now,
    ) -> Result<bool, Failure> {
        let done = self.rekey_piece(device, rekeying, slice, now);
        match &done {
            Ok(false) => {}
            Ok(true) => {
                self.rekeying = false;
                self.housekeeping.note_rekey(None);
            }
            Err(failure) => self.end_rekey(rekeying, failure.kind, now),
        }
        done
    }

    /// It failed, or who asked has gone away.
    pub(super) fn end_rekey(&mut self, rekeying: &Rekeying, why: FailureKind, now: Now) {
        self.rekeying = false;
        // Where it is unknown which keyring counts, both trees stay: the next open knows.
        if !self.unsure
            && rekeying.begun.is_some()
            && let Err(error) = self.store.abandon_rekey()
        {
            warn!(%error, "what is left of a re-keying is removed when the store is opened next");
        }
        let outcome = Outcome::Failed(why);
        let event = event(
            rekeying.actor,
            rekeying.kind,
            Some(rekeying.category),
            outcome,
            now,
        );
        if let Err(unrecorded) = self.note(vec![event]) {
            warn!(
                kind = unrecorded.kind.name(),
                "a re-keying that failed could not be recorded"
            );
        }
    }

    fn rekey_piece(
        &mut self,
        device: &Device,
        rekeying: &mut Rekeying,
        slice: &Slice,
        now: Now,
    ) -> Result<bool, Failure> {
        let (next, since) = match &rekeying.begun {
            Some((next, since)) => (next, *since),
            None => {
                // The permission is on the disk before anything is written for it.
                self.sync()?;
                let next = self
                    .keys
                    .next_keys(&mut rand::rng(), rekeying.category.code())
                    .map_err(failure::edit)?;
                self.store
                    .begin_rekey(rekeying.category, &next)
                    .map_err(|error| failure::store(&error))?;
                rekeying.begun = Some((next, now.wall));
                return Ok(false);
            }
        };
        let copied = self
            .store
            .rekey_on(&mut || slice.go_on())
            .map_err(|error| failure::store(&error))?;
        if copied {
            let touched = self.switch_keys(device, next)?;
            self.note_rekeyed(rekeying, touched.then_some(since), now)?;
            info!(category = rekeying.category.name(), "re-keyed");
        }
        Ok(copied)
    }

    /// From old keys to new: the keyring is what counts. `true` when something was deleted or replaced
    /// while it was copied: that may lie in the new tree.
    fn switch_keys(&mut self, device: &Device, next: &NextKeys) -> Result<bool, Failure> {
        let store = |error| failure::store(&error);
        let mut keys = self.keys.draft();
        keys.rekey_category(&mut rand::rng(), next)
            .map_err(failure::edit)?;
        let keyring = keys.to_keyring(&mut rand::rng()).map_err(failure::edit)?;
        let touched = self.store.seal_rekey().map_err(store)?;
        self.replace_keyring(device, keys, keyring)?;
        let set = super::opening::key_set(&self.keys)?;
        self.store.finish_rekey(set).map_err(store)?;
        Ok(touched)
    }

    fn note_rekeyed(
        &mut self,
        rekeying: &Rekeying,
        stale_since: Option<Timestamp>,
        now: Now,
    ) -> Result<(), Failure> {
        self.stale.set(rekeying.category, stale_since);
        // What is on the disk of the old index went with the old key: it holds words of what was deleted.
        self.indexes.forget(rekeying.category);
        self.note_keyring(now)?;
        let category = Some(rekeying.category);
        let done = event(rekeying.actor, rekeying.kind, category, Outcome::Done, now);
        self.note(vec![done])
    }
}
