//! One category, or the system, as it is kept in memory: its tree, and what is where.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use pocket_core::{Category, Finding, RecordId, Timestamp};

use crate::keys::SYSTEM;

/// A tree and its index.
pub(crate) struct Shelf {
    pub(crate) tree: sled::Tree,
    pub(crate) index: Index,
    /// What is wrong with it, until the owner accepts the loss.
    pub(crate) finding: Option<Finding>,
}

/// What a shelf holds, without content: 64 bytes a record or so.
#[derive(Default)]
pub(crate) struct Index {
    created: HashMap<RecordId, Timestamp>,
    order: BTreeSet<(Reverse<Timestamp>, RecordId)>,
    names: BTreeSet<String>,
    /// Sealed files that its rows name, with their lengths on the disk.
    pub(crate) blobs: BTreeMap<[u8; 32], u64>,
}

impl Index {
    pub(crate) fn insert(&mut self, id: RecordId, created: Timestamp) {
        self.remove(id);
        self.created.insert(id, created);
        self.order.insert((Reverse(created), id));
    }

    pub(crate) fn remove(&mut self, id: RecordId) {
        if let Some(created) = self.created.remove(&id) {
            self.order.remove(&(Reverse(created), id));
        }
    }

    pub(crate) fn contains(&self, id: RecordId) -> bool {
        self.created.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.created.len()
    }

    /// The ids, the newest first, from the one after `after`; `None` when that one is not there.
    pub(crate) fn ids_after(&self, after: Option<RecordId>) -> Option<impl Iterator<Item = RecordId>> {
        let start = match after {
            None => Bound::Unbounded,
            Some(id) => Bound::Excluded((Reverse(*self.created.get(&id)?), id)),
        };
        Some(self.order.range((start, Bound::Unbounded)).map(|&(_, id)| id))
    }

    pub(crate) fn insert_name(&mut self, name: String) {
        self.names.insert(name);
    }

    pub(crate) fn remove_name(&mut self, name: &str) {
        self.names.remove(name);
    }

    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let from = self
            .names
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(|name| name.starts_with(prefix))
            .cloned()
            .collect()
    }
}

/// What to call a shelf.
pub(crate) fn name_of(code: u8) -> &'static str {
    let category = Category::ALL.into_iter().find(|category| category.code() == code);
    category.map_or(if code == SYSTEM { "system" } else { "unknown" }, Category::name)
}
