//! Re-keying: what is left of a category is sealed anew under fresh keys, and the old key destroyed.
//! From then on what was deleted before is noise, wherever its bytes still lie.
//!
//! Order: the rows are copied into a new tree, piece by piece between other work
//! ([`Store::rekey_on`]); what is changed meanwhile is copied again, and the heads inside and outside
//! learn what the new tree must hold ([`Store::seal_rekey`]); the caller writes the keyring with the
//! new keys and without the old, which is the switch; the old tree is dropped
//! ([`Store::finish_rekey`]). Both trees are compared with the head before the switch: the old one as it
//! is read, so that what it lost by itself is not made the truth, and the new one by reading it once
//! more, before the key of the old one is gone. A cut before the switch leaves an unknown tree, and one
//! after it leaves the old tree unknown: the next open drops it. Sealed files have keys of their own,
//! which lie in the rows; they are not written again.

use std::collections::{BTreeMap, BTreeSet};

use pocket_core::{Category, RecordId};
use pocket_crypto::keyring::NextKeys;
use sled::IVec;
use zeroize::Zeroizing;

use crate::changes::Subject;
use crate::commit::{Stage, blobs_of, gather_row, read_row, record_key, value_key};
use crate::database::{TreeWrites, guarded};
use crate::heads::ShelfHead;
use crate::keys::ShelfKeys;
use crate::plan::Counted;
use crate::row::{Kind, Row};
use crate::scan::Scan;
use crate::shelf::{Known, Shelf, name_of};
use crate::v1::{self, StubV1};
use crate::{KeySet, Store, StoreError};

/// Bytes of sealed rows that are gathered before they are given to sled.
const PIECE: usize = 64 * 1024;

/// A category that is being sealed anew.
pub(crate) struct Rekey {
    keys: ShelfKeys,
    pub(crate) shelf: Shelf,
    head: ShelfHead,
    /// What was met in the old tree: must be what its head says.
    met: ShelfHead,
    step: Step,
    /// The last row of the old tree that was met, then of the new one.
    after: Option<IVec>,
    /// Records that were changed since the copying began.
    touched: BTreeSet<RecordId>,
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

/// How far it has come.
enum Step {
    Copy,
    /// The new tree is read.
    Compare(Box<Scan>),
    Done,
}

impl Rekey {
    /// Counts a row that came or went in the old tree where the copying has been already.
    pub(crate) fn follow(&mut self, counted: &Counted) {
        let passed = match &self.step {
            Step::Copy => self
                .after
                .as_ref()
                .is_some_and(|after| counted.key.as_slice() <= after.as_ref()),
            Step::Compare(_) | Step::Done => true,
        };
        if passed && counted.code == self.code() {
            counted.how.apply(&mut self.met, &counted.element);
        }
    }

    /// The name of the new tree.
    pub(crate) fn tree(&self) -> [u8; 16] {
        self.keys.tree
    }

    pub(crate) fn code(&self) -> u8 {
        self.keys.code
    }

    /// Remembers that a record is about to be changed.
    pub(crate) fn touch(&mut self, subject: &Subject) {
        match subject {
            Subject::Record(code, id) if *code == self.code() => drop(self.touched.insert(*id)),
            Subject::Value(id) if self.code() == Category::Secrets.code() => drop(self.touched.insert(*id)),
            Subject::Record(..) | Subject::System(_) | Subject::Value(_) => {}
        }
    }

    /// Seals a row for the new tree.
    fn put(&mut self, key: &[u8], old: &Row, plain: &[u8]) {
        let row = old.seal_again(&self.keys, key, plain);
        self.head.add(&row.element(&self.keys, key));
        self.shelf.index.add_row(row.stored_length(key.len()));
        for blob in blobs_of(&row, plain) {
            self.shelf.index.insert_file(blob.name, blob.file_length());
        }
        for (key, value) in row.segments(&self.keys, key) {
            self.bytes = self.bytes.saturating_add(key.len() + value.len());
            self.writes.insert(key, Some(value));
        }
    }

    /// Takes a row out of the new tree, if it is there.
    fn take(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let Some(row) = read_row(&self.shelf.tree, &self.keys, key)? else {
            return Ok(());
        };
        let plain = open(&row, &self.keys, key)?;
        for blob in blobs_of(&row, &plain) {
            self.shelf.index.remove_file(&blob.name);
        }
        self.head.take(&row.element(&self.keys, key));
        self.shelf.index.take_row(row.stored_length(key.len()));
        let keys = row.segment_keys(&self.keys, key);
        self.writes.extend(keys.into_iter().map(|key| (key, None)));
        Ok(())
    }
}

impl Store {
    /// Begins to seal `category` anew under `next`, in the place of a re-keying under way.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`], since what is lost must not be forgotten by this;
    /// [`StoreError::AuditOrder`] for the audit log, from which nothing is ever deleted;
    /// [`StoreError::Full`], [`StoreError::Engine`].
    pub fn begin_rekey(&mut self, category: Category, next: &NextKeys) -> Result<(), StoreError> {
        self.usable()?;
        let code = category.code();
        self.refuse_unless_whole(code)?;
        if category == Category::Audit {
            return Err(StoreError::AuditOrder {
                found: 0,
                head: self.head.audit().sequence,
            });
        }
        // First: what was left of an earlier one may be what fills the disk.
        self.abandon_rekey()?;
        self.refuse_when_low()?;
        let keys = ShelfKeys::derive(code, next.keys());
        let tree = self.database.tree(&keys.tree).map_err(|error| self.fail(error))?;
        self.rekey = Some(Rekey {
            head: ShelfHead::empty(code, keys.generation),
            met: ShelfHead::empty(code, self.keys_of(code).generation),
            step: Step::Copy,
            keys,
            shelf: Shelf::empty(tree),
            after: None,
            touched: BTreeSet::new(),
            writes: BTreeMap::new(),
            bytes: 0,
        });
        Ok(())
    }

    /// Copies rows, and reads the copies, as long as `go_on` says, asked after each. `true` once all of
    /// that is done.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when no re-keying is under way; [`StoreError::Damaged`],
    /// [`StoreError::Full`], and as [`Store::apply`]. Then call [`Store::abandon_rekey`].
    pub fn rekey_on(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, StoreError> {
        self.usable()?;
        let mut rekey = self.rekey.take().ok_or(StoreError::Moved)?;
        self.refuse_when_low()?;
        let mut time_left = true;
        while time_left && !matches!(rekey.step, Step::Done) {
            match std::mem::replace(&mut rekey.step, Step::Copy) {
                Step::Copy => {
                    let more = self.copy_next(&mut rekey)?;
                    if rekey.bytes >= PIECE || !more {
                        self.write_copies(&mut rekey)?;
                    }
                    if !more {
                        rekey.after = None;
                        rekey.step = Step::Compare(Box::new(Scan::new(&rekey.keys)));
                    }
                    time_left = go_on();
                }
                Step::Compare(scan) => time_left = compare(&mut rekey, scan, go_on)?,
                Step::Done => {}
            }
        }
        let done = matches!(rekey.step, Step::Done);
        self.rekey = Some(rekey);
        Ok(done)
    }

    /// Copies again what was changed meanwhile, and says in both heads what the new tree must hold.
    /// On the disk when it returns; the keyring may be written. Nothing else must be written to the
    /// store between this and [`Store::finish_rekey`]. `true` when there was something to copy again:
    /// what it replaced then lies in the new tree, deleted.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when what was read of the original, or the copy, is not whole; else as
    /// [`Store::rekey_on`].
    pub fn seal_rekey(&mut self) -> Result<bool, StoreError> {
        self.usable()?;
        let mut rekey = self.rekey.take().ok_or(StoreError::Moved)?;
        let touched = std::mem::take(&mut rekey.touched);
        let again = !touched.is_empty();
        for id in touched {
            self.copy_again(&mut rekey, id)?;
            if rekey.bytes >= PIECE {
                self.write_copies(&mut rekey)?;
            }
        }
        self.write_copies(&mut rekey)?;
        let code = rekey.code();
        let expected = self.head_of(code);
        // All but the search index, which holds words of what was deleted.
        let search = u64::from(self.shelf(code).index.search().is_some());
        let copied = rekey.head.rows.saturating_add(search);
        let whole = rekey.met == expected && copied == expected.rows;
        if !matches!(rekey.step, Step::Done) || !whole {
            return Err(StoreError::damaged(
                name_of(code),
                "what could be read of it is not what it must hold",
            ));
        }
        let mut stage = Stage::new(self);
        stage.set_next_head(rekey.head);
        let plan = stage.finish();
        self.write(plan)?;
        self.rekey = Some(rekey);
        self.sync()?;
        self.tick()?;
        Ok(again)
    }

    /// Goes on with the new tree, and drops the old. Comes after the new keyring is on the disk;
    /// returns when all of it is on the disk too.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn finish_rekey(&mut self, keys: KeySet) -> Result<(), StoreError> {
        self.usable()?;
        let rekey = self.rekey.take().ok_or(StoreError::Moved)?;
        let code = rekey.code();
        self.forget_work_on(code);
        self.keys = keys;
        // The old handle goes first: sled drops no tree that is in use.
        let old = self.shelves.insert(code, rekey.shelf);
        let left = old.as_ref().and_then(|shelf| shelf.index.search());
        self.doomed.extend(left.unwrap_or_default());
        drop(old);
        let mut stage = Stage::new(self);
        stage.set_only_head(rekey.head);
        let plan = stage.finish();
        self.write(plan)?;
        self.drop_other_trees()?;
        self.sync()?;
        self.tick()
    }

    /// Gives up a re-keying, and removes what is left of one that failed. Nothing is lost by that, as
    /// long as the keyring on the disk is the one that the store works with.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn abandon_rekey(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        self.rekey = None;
        self.forget_next()?;
        self.drop_other_trees()
    }

    /// Forgets what was said of generations that never came to be.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn forget_next(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let current: Vec<ShelfHead> = self.shelves.keys().map(|code| self.head_of(*code)).collect();
        let mut stage = Stage::new(self);
        let mut found = false;
        for head in current {
            let newest = self.head.newest(head.code);
            if newest.is_some_and(|newest| newest.generation != head.generation) {
                found = true;
                stage.set_only_head(head);
            }
        }
        if !found {
            return Ok(());
        }
        let plan = stage.finish();
        self.write(plan)
    }

    /// Drops every tree but those in use, and the one that a re-keying fills.
    pub(crate) fn drop_other_trees(&mut self) -> Result<(), StoreError> {
        let known = self.keys.shelves().map(|shelf| shelf.tree);
        let known: Vec<[u8; 16]> = known.chain(self.rekey.as_ref().map(Rekey::tree)).collect();
        if !self.database.has_others(&known) {
            return Ok(());
        }
        self.database
            .drop_others(&known)
            .map_err(|error| self.fail(error))?;
        self.unsynced = true;
        Ok(())
    }

    /// Copies the next record, with its value if it is a secret; `false` when there is none.
    fn copy_next(&self, rekey: &mut Rekey) -> Result<bool, StoreError> {
        let code = rekey.code();
        let (tree, keys) = (&self.shelf(code).tree, self.keys_of(code));
        let next = guarded("read", || {
            let after = rekey.after.as_ref();
            after.map_or_else(|| tree.first(), |after| tree.get_gt(after))
        })?;
        let Some((key, first)) = next else {
            return Ok(false);
        };
        if let Some(row) = gather_row(tree, keys, &key, &first)? {
            rekey.met.add(&row.element(keys, &key));
            if row.is(Kind::Record) {
                self.copy(rekey, &key, &row)?;
            }
        }
        rekey.after = Some(key);
        Ok(true)
    }

    /// Copies a record as it is now, in the place of what was copied before.
    fn copy_again(&self, rekey: &mut Rekey, id: RecordId) -> Result<(), StoreError> {
        let code = rekey.code();
        rekey.take(&record_key(&rekey.keys, id))?;
        if code == Category::Secrets.code() {
            rekey.take(&value_key(&rekey.keys, id))?;
        }
        rekey.shelf.index.remove(id);
        let Some(key) = self.shelf(code).index.key(id) else {
            return Ok(());
        };
        let row = read_row(&self.shelf(code).tree, self.keys_of(code), key)?;
        let row = row.ok_or_else(|| StoreError::damaged(name_of(code), "a row of it is missing"))?;
        self.copy(rekey, key, &row)
    }

    fn copy(&self, rekey: &mut Rekey, key: &[u8], row: &Row) -> Result<(), StoreError> {
        let code = rekey.code();
        let keys = self.keys_of(code);
        let plain = open(row, keys, key)?;
        let (id, known) = identity(row, &plain)
            .ok_or_else(|| StoreError::damaged(name_of(code), "a row of it is malformed"))?;
        let own = record_key(&rekey.keys, id);
        rekey.put(&own, row, &plain);
        rekey.shelf.index.insert(id, known, own);
        if code == Category::Secrets.code() {
            let key = value_key(keys, id);
            if let Some(value) = read_row(&self.shelf(code).tree, keys, &key)? {
                let plain = open(&value, keys, &key)?;
                let own = value_key(&rekey.keys, id);
                rekey.put(&own, &value, &plain);
            }
        }
        Ok(())
    }

    fn write_copies(&mut self, rekey: &mut Rekey) -> Result<(), StoreError> {
        rekey.bytes = 0;
        let writes = TreeWrites {
            tree: rekey.shelf.tree.clone(),
            writes: std::mem::take(&mut rekey.writes).into_iter().collect(),
        };
        if writes.writes.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        self.database.commit(&[writes]).map_err(|error| self.fail(error))
    }
}

/// Reads the new tree on; `false` when the time is up. What it holds must be what was copied.
fn compare(
    rekey: &mut Rekey,
    mut scan: Box<Scan>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<bool, StoreError> {
    let last = scan.walk(&rekey.shelf.tree, &rekey.keys, None, rekey.after.as_ref(), go_on)?;
    if last.is_some() {
        rekey.after = last;
        rekey.step = Step::Compare(scan);
        return Ok(false);
    }
    if let Some(finding) = scan.judge(&rekey.head) {
        return Err(StoreError::damaged(
            name_of(rekey.code()),
            format!("its copy under the new key is not whole ({})", finding.problem),
        ));
    }
    rekey.step = Step::Done;
    Ok(true)
}

/// What a record's row says of the record.
fn identity(row: &Row, plain: &[u8]) -> Option<(RecordId, Known)> {
    if row.is_stub() {
        StubV1::decode(plain).map(|stub| (stub.id(), stub.known()))
    } else {
        v1::decode(plain).map(|(entry, _)| (entry.id, (&entry).into()))
    }
}

fn open(row: &Row, keys: &ShelfKeys, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    row.open(keys, key)
        .map_err(StoreError::sealed(format!("a row of {}", name_of(keys.code))))
}
