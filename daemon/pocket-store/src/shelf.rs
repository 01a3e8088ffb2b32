//! One category, or the system, as it is kept in memory: its tree, and what is where.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use pocket_core::{Category, Entry, Finding, RecordId, Timestamp};

use crate::keys::SYSTEM;

/// A tree and its index.
pub(crate) struct Shelf {
    pub(crate) tree: sled::Tree,
    pub(crate) index: Index,
    /// What is wrong with it, until the owner accepts the loss.
    pub(crate) finding: Option<Finding>,
    /// Grows with each change: who reads it piece by piece sees that it changed meanwhile.
    pub(crate) version: u64,
    /// The same, of its records alone.
    pub(crate) records_version: u64,
}

impl Shelf {
    /// One that holds nothing.
    pub(crate) fn empty(tree: sled::Tree) -> Self {
        Self {
            tree,
            index: Index::default(),
            finding: None,
            version: 0,
            records_version: 0,
        }
    }
}

/// Which state of a record is there: two that differ are of different states, whatever else was lost
/// and came back between them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Version {
    /// When it was last changed.
    pub updated: Timestamp,
    /// How often it was changed.
    pub revision: u32,
}

impl From<&Entry> for Version {
    fn from(entry: &Entry) -> Self {
        Self {
            updated: entry.updated,
            revision: entry.revision,
        }
    }
}

/// What is known of a record without opening its row.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) created: Timestamp,
    pub(crate) version: Version,
}

impl From<&Entry> for Known {
    fn from(entry: &Entry) -> Self {
        Self {
            created: entry.created,
            version: entry.into(),
        }
    }
}

/// What a shelf holds, without content: 100 bytes a record or so.
#[derive(Default)]
pub(crate) struct Index {
    /// With the key of its row: a MAC that would cost a tenth of reading it.
    records: HashMap<RecordId, (Known, [u8; 16])>,
    order: BTreeSet<(Reverse<Timestamp>, RecordId)>,
    names: BTreeSet<String>,
    /// Sealed files that its rows name, with their lengths on the disk.
    files: BTreeMap<[u8; 32], u64>,
    /// The sum of those lengths.
    file_bytes: u64,
    /// The files of the search index among them; `None` when it has no row.
    search: Option<Vec<[u8; 32]>>,
    /// Bytes of its rows as they are given to sled, keys and values.
    row_bytes: u64,
}

impl Index {
    pub(crate) fn insert(&mut self, id: RecordId, known: Known, key: [u8; 16]) {
        self.remove(id);
        self.records.insert(id, (known, key));
        self.order.insert((Reverse(known.created), id));
    }

    pub(crate) fn remove(&mut self, id: RecordId) {
        if let Some((known, _)) = self.records.remove(&id) {
            self.order.remove(&(Reverse(known.created), id));
        }
    }

    pub(crate) fn contains(&self, id: RecordId) -> bool {
        self.records.contains_key(&id)
    }

    /// The key of a record's row.
    pub(crate) fn key(&self, id: RecordId) -> Option<&[u8; 16]> {
        self.records.get(&id).map(|(_, key)| key)
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = RecordId> {
        self.records.keys().copied()
    }

    /// Which state of a record is there.
    pub(crate) fn version(&self, id: RecordId) -> Option<Version> {
        self.records.get(&id).map(|(known, _)| known.version)
    }

    /// The same of all, in no order.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (RecordId, Version)> {
        self.records.iter().map(|(&id, (known, _))| (id, known.version))
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The ids, the newest first, from the one after `after`; `None` when that one is not there.
    pub(crate) fn ids_after(&self, after: Option<RecordId>) -> Option<impl Iterator<Item = RecordId>> {
        let start = match after {
            None => Bound::Unbounded,
            Some(id) => Bound::Excluded((Reverse(self.records.get(&id)?.0.created), id)),
        };
        Some(self.order.range((start, Bound::Unbounded)).map(|&(_, id)| id))
    }

    /// Notes a sealed file that a row names.
    pub(crate) fn insert_file(&mut self, name: [u8; 32], length: u64) {
        self.remove_file(&name);
        self.files.insert(name, length);
        self.file_bytes = self.file_bytes.saturating_add(length);
    }

    pub(crate) fn remove_file(&mut self, name: &[u8; 32]) {
        if let Some(length) = self.files.remove(name) {
            self.file_bytes = self.file_bytes.saturating_sub(length);
        }
    }

    pub(crate) fn has_file(&self, name: &[u8; 32]) -> bool {
        self.files.contains_key(name)
    }

    /// The names of the sealed files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &[u8; 32]> {
        self.files.keys()
    }

    /// The sealed files of the search index; `None` when it has no row.
    pub(crate) fn search(&self) -> Option<&[[u8; 32]]> {
        self.search.as_deref()
    }

    pub(crate) fn set_search(&mut self, names: Option<Vec<[u8; 32]>>) {
        self.search = names;
    }

    /// Length of all its sealed files on the disk, in bytes.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// A row of that many bytes came.
    pub(crate) fn add_row(&mut self, bytes: u64) {
        self.row_bytes = self.row_bytes.saturating_add(bytes);
    }

    /// A row of that many bytes went.
    pub(crate) fn take_row(&mut self, bytes: u64) {
        self.row_bytes = self.row_bytes.saturating_sub(bytes);
    }

    /// Bytes of rows and sealed files.
    pub(crate) fn bytes(&self) -> u64 {
        self.row_bytes.saturating_add(self.file_bytes)
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
