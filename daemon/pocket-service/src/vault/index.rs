//! The search index: which records it has still to take in, and where its sealed parts lie.
//!
//! The records are the truth. What the index holds is compared with them when the vault is opened, by
//! the version of each; what is missing, or was changed, is taken in between requests. A search first
//! takes in what it could miss. So it finds what was acknowledged, also after a cut, and an index that is
//! damaged, older or gone is only made anew. Its parts are sealed files of the store, named in a sealed
//! row of their category.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use pocket_core::{Category, Failure, RecordId};
use pocket_search::{Files, Index, Kept, Merge, SearchError, Version};
use pocket_store::{BlobRef, BlobWriter, Store, StoreError};
use tracing::{info, warn};

use super::{Slice, Vault};
use crate::engine::Now;
use crate::failure;

/// What the row of an index says besides its files: by which version of this program's rules its words
/// were cut. Another one is not read.
const RULES: [u8; 2] = [1, 0];
/// When to try again to write what could not be written, on a full disk for example.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// Records that are taken in before it is looked whether the memory has become too full.
const BATCH: usize = 64;

/// The indexes of all categories.
#[derive(Default)]
pub(crate) struct Indexes {
    of: BTreeMap<u8, Held>,
    files: HashMap<u32, BlobRef>,
    next_file: u32,
    kept: Kept,
    writing: Option<Writing>,
    /// When writing failed last.
    failed: Option<Instant>,
}

/// The index of a category.
struct Held {
    index: Index,
    /// Records that it may not hold as they are.
    pending: BTreeSet<RecordId>,
    /// Those of them that could not be read when it was tried.
    unreadable: BTreeSet<RecordId>,
}

/// A part being written.
struct Writing {
    category: Category,
    merge: Merge,
    file: BlobWriter,
}

/// Why a part was not written.
enum Unwritten {
    /// The index is damaged.
    Index(SearchError),
    /// The store does not take it.
    Store(StoreError),
}

impl From<SearchError> for Unwritten {
    fn from(error: SearchError) -> Self {
        Self::Index(error)
    }
}

impl Indexes {
    /// A record was changed: it is taken in later.
    pub(super) fn touch(&mut self, category: Category, id: RecordId) {
        // What was not read yet is compared with the records when it is.
        if let Some(held) = self.of.get_mut(&category.code()) {
            held.pending.insert(id);
        }
    }

    /// What is in memory of a category does not count any more.
    pub(super) fn forget(&mut self, category: Category) {
        self.of.remove(&category.code());
        if self
            .writing
            .as_ref()
            .is_some_and(|writing| writing.category == category)
        {
            self.writing = None;
        }
    }

    /// What is on the disk of a category can't be read: it is made anew from the records.
    pub(super) fn discard(&mut self, store: &Store, category: Category) {
        self.forget(category);
        let held = Held::compare(Index::new(), store, category);
        self.of.insert(category.code(), held);
    }

    /// The index of a category that was read.
    pub(super) fn get(&self, category: Category) -> Option<&Index> {
        self.of.get(&category.code()).map(|held| &held.index)
    }

    /// Does something with the indexes and their files.
    pub(super) fn with<T>(&mut self, store: &Store, work: impl FnOnce(&Self, &Files<'_>) -> T) -> T {
        let kept = std::mem::take(&mut self.kept);
        let this = &*self;
        let read = |file, offset, length| this.read(store, file, offset, length);
        let files = Files::new(&read, kept);
        let done = work(this, &files);
        let kept = files.into_kept();
        self.kept = kept;
        done
    }

    fn read(&self, store: &Store, file: u32, offset: u64, length: usize) -> Result<Vec<u8>, SearchError> {
        let blob = self.files.get(&file).ok_or(SearchError::Damaged)?;
        let bytes = store.read_file(blob, offset, length);
        bytes
            .map(|mut bytes| std::mem::take(&mut *bytes))
            .map_err(|error| SearchError::Unreadable(error.to_string()))
    }

    /// Reads the index of a category, and finds out what it lacks.
    fn load(&mut self, store: &Store, category: Category) {
        let index = self.load_sealed(store, category).unwrap_or_else(|error| {
            warn!(category = category.name(), %error, "the search index is made anew");
            Index::new()
        });
        let held = Held::compare(index, store, category);
        if held.pending.len() > 1_000 {
            info!(
                category = category.name(),
                records = held.pending.len(),
                "indexing"
            );
        }
        self.of.insert(category.code(), held);
    }

    fn load_sealed(&mut self, store: &Store, category: Category) -> Result<Index, SearchError> {
        let stored = store
            .index(category)
            .map_err(|error| SearchError::Unreadable(error.to_string()))?;
        let Some(stored) = stored.filter(|stored| *stored.note == RULES) else {
            return Ok(Index::new());
        };
        let sealed: Vec<(u32, u64)> = stored.files.into_iter().map(|blob| self.name(blob)).collect();
        self.with(store, |_, files| Index::load(files, &sealed))
    }

    /// Gives a file a number, which it keeps as long as the vault is open.
    fn name(&mut self, blob: BlobRef) -> (u32, u64) {
        let (number, size) = (self.next_file, blob.size());
        self.next_file = self.next_file.wrapping_add(1);
        self.files.insert(number, blob);
        (number, size)
    }
}

impl Held {
    fn compare(mut index: Index, store: &Store, category: Category) -> Self {
        let there: HashMap<RecordId, Version> = store
            .versions(category)
            .map(|(id, version)| {
                let version = Version {
                    updated: version.updated,
                    revision: version.revision,
                };
                (id, version)
            })
            .collect();
        let gone: Vec<RecordId> = index
            .members()
            .filter(|(id, version)| there.get(id) != Some(version))
            .map(|(id, _)| id)
            .collect();
        gone.into_iter().for_each(|id| index.remove(id));
        let known: HashSet<RecordId> = index.members().map(|(id, _)| id).collect();
        let pending = there.into_keys().filter(|id| !known.contains(id)).collect();
        Self {
            index,
            pending,
            unreadable: BTreeSet::new(),
        }
    }
}

impl Vault {
    /// Whether the index has something to do.
    pub(crate) fn has_to_index(&self, now: Now) -> bool {
        let waits = |failed: Instant| now.steady.saturating_duration_since(failed) < AGAIN;
        let may_write = !self.indexes.failed.is_some_and(waits);
        let writing = self.indexes.writing.as_ref().map(|writing| writing.category);
        self.indexed().any(|category| {
            let held = self.indexes.of.get(&category.code());
            let may_write = may_write && (writing.is_none() || writing == Some(category));
            writing == Some(category)
                || held.is_none_or(|held| {
                    !held.pending.is_empty() || (may_write && held.index.is_worth_merging())
                })
        })
    }

    /// The categories that have an index.
    fn indexed(&self) -> impl Iterator<Item = Category> {
        let records = Category::ALL
            .into_iter()
            .filter(|category| category.holds_records());
        records.filter(|category| self.store.whole(*category).is_ok())
    }

    /// Takes in what the index of a category lacks, and writes what that makes too much for the memory;
    /// `false` when the time is up before that.
    pub(super) fn catch_up(&mut self, category: Category, slice: &Slice, now: Now) -> Result<bool, Failure> {
        if !self.indexes.of.contains_key(&category.code()) {
            self.indexes.load(&self.store, category);
        }
        while slice.go_on() {
            if self.take_pending(category, slice)? {
                return Ok(true);
            }
            self.write(category, slice, now);
        }
        Ok(false)
    }

    /// Takes in some of what is pending; `true` when that was all.
    fn take_pending(&mut self, category: Category, slice: &Slice) -> Result<bool, Failure> {
        let Some(held) = self.indexes.of.get_mut(&category.code()) else {
            return Ok(false);
        };
        for _ in 0..BATCH {
            let Some(id) = held.pending.pop_first() else {
                return Ok(true);
            };
            match self.store.get(category, id) {
                Ok(Some(entry)) => held.index.put(&entry),
                Ok(None) => held.index.remove(id),
                Err(error) => {
                    held.unreadable.insert(id);
                    return Err(failure::store(&error));
                }
            }
            if !slice.go_on() {
                break;
            }
        }
        Ok(held.pending.is_empty())
    }

    /// What could not be read before is tried again: a search must not pass over it in silence.
    pub(super) fn retry_unreadable(&mut self, categories: &[Category]) {
        for category in categories {
            if let Some(held) = self.indexes.of.get_mut(&category.code()) {
                held.pending.append(&mut held.unreadable);
            }
        }
    }

    /// One piece of what the index does by itself; `true` once there is nothing more to do.
    pub(super) fn index_on(&mut self, slice: &Slice, now: Now) -> bool {
        let categories: Vec<Category> = self.indexed().collect();
        categories.into_iter().all(|category| {
            // What can't be read is said to who searches.
            while !self.catch_up(category, slice, now).unwrap_or(false) {
                if !slice.go_on() {
                    return false;
                }
            }
            while !self.write(category, slice, now) {
                if !slice.go_on() {
                    return false;
                }
            }
            true
        })
    }

    /// Writes on; `true` when there is nothing to write, or it can't be.
    fn write(&mut self, category: Category, slice: &Slice, now: Now) -> bool {
        match self.write_on(category, slice, now) {
            Ok(done) => done,
            Err(error) => {
                self.give_up_writing(category, &error, now);
                true
            }
        }
    }

    /// Writes on the part of a category that is worth it; `true` when there is none.
    fn write_on(&mut self, category: Category, slice: &Slice, now: Now) -> Result<bool, Unwritten> {
        let waits = |failed: Instant| now.steady.saturating_duration_since(failed) < AGAIN;
        if self.indexes.failed.is_some_and(waits) {
            return Ok(true);
        }
        let mut writing = match self.indexes.writing.take() {
            Some(writing) if writing.category == category => writing,
            other => {
                self.indexes.writing = other;
                match self.begin_writing(category)? {
                    Some(writing) => writing,
                    None => return Ok(true),
                }
            }
        };
        let Some(held) = self.indexes.of.remove(&category.code()) else {
            return Ok(true);
        };
        let mut out = |bytes: &[u8]| writing.file.write(bytes).map_err(Unwritten::Store);
        let written = self.indexes.with(&self.store, |_, files| {
            writing
                .merge
                .step(&held.index, files, &mut out, &mut || slice.go_on())
        });
        self.indexes.of.insert(category.code(), held);
        if written? {
            self.end_writing(writing)?;
            return Ok(!self.indexes.get(category).is_some_and(Index::is_worth_merging));
        }
        self.indexes.writing = Some(writing);
        Ok(false)
    }

    fn begin_writing(&mut self, category: Category) -> Result<Option<Writing>, Unwritten> {
        // One at a time: the other goes on at its turn.
        if self.indexes.writing.is_some() {
            return Ok(None);
        }
        let Some(held) = self.indexes.of.get_mut(&category.code()) else {
            return Ok(None);
        };
        if !held.index.is_worth_merging() {
            return Ok(None);
        }
        let file = self.store.begin_blob(category).map_err(Unwritten::Store)?;
        let merge = Merge::begin(&mut held.index);
        Ok(merge.map(|merge| Writing {
            category,
            merge,
            file,
        }))
    }

    fn end_writing(&mut self, writing: Writing) -> Result<(), Unwritten> {
        let Writing {
            category,
            merge,
            mut file,
        } = writing;
        // Put back at the end: where that is not reached, nothing is known to be as it should.
        let Some(mut held) = self.indexes.of.remove(&category.code()) else {
            return Ok(());
        };
        let number = self.indexes.next_file;
        self.indexes.next_file = number.wrapping_add(1);
        let mut out = |bytes: &[u8]| file.write(bytes).map_err(Unwritten::Store);
        let index = &mut held.index;
        self.indexes.with(&self.store, |_, files| {
            merge.finish(index, files, number, &mut out)
        })?;
        let (blob, _) = file.finish().map_err(Unwritten::Store)?;
        self.indexes.files.insert(number, blob);
        let sealed = held.index.sealed();
        let files = sealed.iter().filter_map(|file| self.indexes.files.get(file));
        let files: Vec<BlobRef> = files.cloned().collect();
        self.store
            .put_index(category, &files, &RULES)
            .map_err(Unwritten::Store)?;
        self.must_sync = true;
        self.indexes.of.insert(category.code(), held);
        self.indexes.failed = None;
        let used: BTreeSet<u32> = self
            .indexes
            .of
            .values()
            .flat_map(|held| held.index.sealed())
            .collect();
        self.indexes.files.retain(|file, _| used.contains(file));
        Ok(())
    }

    /// What was not written stays in memory. What can't be read any more is made anew.
    fn give_up_writing(&mut self, category: Category, error: &Unwritten, now: Now) {
        match error {
            Unwritten::Index(error) => {
                warn!(category = category.name(), %error, "the search index is made anew");
                self.indexes.discard(&self.store, category);
            }
            Unwritten::Store(error) => {
                warn!(category = category.name(), %error, "the search index can't be written");
                self.indexes.failed = Some(now.steady);
            }
        }
    }
}
