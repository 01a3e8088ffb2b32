//! One commit: audit entries, changes and the head that says so, in one transaction over all trees.

use std::path::PathBuf;

use pocket_core::{Category, Draft, Entry, RecordId, RecordedPermit, audit};
use zeroize::Zeroizing;

use crate::blob::{self, BlobRef};
use crate::changes::{Change, Subject};
use crate::database::{TreeWrites, engine, guarded};
use crate::heads::ShelfHead;
use crate::keys::{SYSTEM, ShelfKeys};
use crate::plan::{Count, Counted, Effect, Plan};
use crate::row::{Fault, Kind, Row};
use crate::shelf::{Index, name_of};
use crate::v1::{self, IndexV1, StubV1};
use crate::{Changes, Store, StoreError};

impl Store {
    /// Writes the audit entries of `draft` and the changes that they describe in one transaction. Not
    /// durable before [`Store::sync`]: answer, or act, only after that where the recording asks for it.
    ///
    /// # Errors
    /// [`StoreError::Full`] when something is to be added below the low-water mark (nothing was
    /// written; removing goes on), [`StoreError::AuditOrder`], [`StoreError::StaleBlob`],
    /// [`StoreError::Damaged`] when a row to be replaced can't be read. When the write itself failed,
    /// the store must be opened again ([`Store::must_reopen`]).
    pub fn apply(&mut self, draft: Draft, changes: Changes) -> Result<RecordedPermit, StoreError> {
        draft.recorded(|_, entries| self.commit(entries, changes))
    }

    /// Writes audit entries alone: refusals, failures, lock and unlock.
    ///
    /// # Errors
    /// As [`Store::apply`].
    pub fn apply_own(&mut self, entries: &[audit::Entry]) -> Result<(), StoreError> {
        self.commit(entries, Changes::new())
    }

    /// What did not happen leaves no sealed file behind. Of a write that failed nobody knows whether it
    /// happened: the next open sees.
    pub(crate) fn commit(&mut self, entries: &[audit::Entry], changes: Changes) -> Result<(), StoreError> {
        self.usable()?;
        let brought = self.unnamed(&changes);
        let committed = self.commit_all(entries, changes);
        if committed.is_err() && !self.must_reopen() {
            self.remove_unnamed(&brought);
        }
        committed
    }

    fn commit_all(&mut self, entries: &[audit::Entry], changes: Changes) -> Result<(), StoreError> {
        self.check_audit_order(entries)?;
        if changes.adds() {
            self.refuse_when_low()?;
        }
        if let Some(rekey) = &mut self.rekey {
            changes.subjects().for_each(|subject| rekey.touch(subject));
        }
        let mut stage = Stage::new(self);
        let staged = stage.audit(entries).and_then(|()| {
            changes
                .into_iter()
                .try_for_each(|(subject, change)| stage.change(subject, change))
        });
        let plan = match staged {
            Ok(()) => stage.finish(),
            Err(error) => {
                stage.undo();
                return Err(if error.is_full() {
                    self.space().map_or(error, StoreError::Full)
                } else {
                    error
                });
            }
        };
        self.write(plan)
    }

    /// Writes what was staged, and only then changes what is in memory.
    pub(crate) fn write(&mut self, plan: Plan) -> Result<(), StoreError> {
        for code in plan.writes.keys() {
            let shelf = self.shelf_mut(*code);
            shelf.version = shelf.version.wrapping_add(1);
        }
        let all: Vec<TreeWrites> = plan
            .writes
            .into_iter()
            .map(|(code, writes)| TreeWrites {
                tree: self.shelf(code).tree.clone(),
                writes: writes.into_iter().collect(),
            })
            .collect();
        self.database.commit(&all).map_err(|error| self.fail(error))?;
        self.head = plan.head;
        if let Some(scrub) = &mut self.scrub {
            plan.counts.iter().for_each(|counted| scrub.follow(counted));
        }
        if let Some(rekey) = &mut self.rekey {
            plan.counts.iter().for_each(|counted| rekey.follow(counted));
        }
        for counted in &plan.counts {
            let index = &mut self.shelf_mut(counted.code).index;
            match counted.how {
                Count::In => index.add_row(counted.bytes),
                Count::Out => index.take_row(counted.bytes),
            }
        }
        self.doomed.extend(plan.doomed);
        self.unsynced = true;
        for (code, effect) in plan.effects {
            let shelf = self.shelf_mut(code);
            if effect.is_of_record() {
                shelf.records_version = shelf.records_version.wrapping_add(1);
            }
            effect.happen(&mut shelf.index);
        }
        Ok(())
    }

    /// The log has no gaps and no forks: what is written must continue it.
    fn check_audit_order(&self, entries: &[audit::Entry]) -> Result<(), StoreError> {
        let mut head = self.head.audit();
        for entry in entries {
            if entry.sequence != head.sequence.saturating_add(1) || entry.previous != head.mac {
                return Err(StoreError::AuditOrder {
                    found: entry.sequence,
                    head: head.sequence,
                });
            }
            head = audit::Head {
                sequence: entry.sequence,
                mac: entry.mac,
            };
        }
        Ok(())
    }

    pub(crate) fn refuse_when_low(&self) -> Result<(), StoreError> {
        let space = self.space()?;
        if space.free < space.needed {
            Err(StoreError::Full(space))
        } else {
            Ok(())
        }
    }
}

/// Most bytes of sealed rows that one commit gives to sled, but for rows shorter than a stub: sled
/// writes several times as much, and all of it must reach the disk together. What is over it goes
/// into sealed files, which are on the disk before the commit.
const MOST_INLINE: u64 = 256 * 1024;
/// Rows up to this length stay in sled in any case: a file of its own would save nothing.
const SMALL: u64 = 512;

/// A commit being put together.
pub(crate) struct Stage<'a> {
    store: &'a Store,
    blobs: PathBuf,
    plan: Plan,
    /// Sealed files written for this commit; removed if it does not happen.
    made: Vec<[u8; 32]>,
    /// Bytes of sealed rows that go into sled.
    inline: u64,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self {
            store,
            blobs: store.blobs(),
            plan: Plan::new(store.head.clone()),
            made: Vec::new(),
            inline: 0,
        }
    }

    /// Adds the head that describes the commit.
    pub(crate) fn finish(mut self) -> Plan {
        self.plan.head.commit = self.plan.head.commit.saturating_add(1);
        let keys = self.store.keys_of(SYSTEM);
        let key = head_key(keys);
        let row = Row::seal(keys, &key, Kind::Head, &self.plan.head.encode());
        self.insert(SYSTEM, row.segments(keys, &key));
        self.plan
    }

    fn undo(self) {
        for name in self.made {
            drop(blob::remove_lazily(&self.blobs, &name));
        }
    }

    fn audit(&mut self, entries: &[audit::Entry]) -> Result<(), StoreError> {
        let code = Category::Audit.code();
        for entry in entries {
            let plain = Zeroizing::new(postcard::to_stdvec(entry).expect("encoding into memory can't fail"));
            self.add(
                code,
                &entry.sequence.to_be_bytes(),
                Kind::Audit,
                &plain,
                |content| StubV1::of_named(content, ""),
            )?;
            self.plan.head.set_audit(audit::Head {
                sequence: entry.sequence,
                mac: entry.mac,
            });
        }
        Ok(())
    }

    fn change(&mut self, subject: Subject, change: Change) -> Result<(), StoreError> {
        match (subject, change) {
            (Subject::Record(code, id), Change::Put(entry, blob)) => self.put_record(code, id, &entry, blob),
            (Subject::Record(code, id), _) => self.remove_record(code, id),
            (Subject::System(name), Change::Bytes(bytes) | Change::Mark(bytes)) => {
                self.put_system(name, &bytes)
            }
            (Subject::System(name), _) => self.remove_system(name),
            (Subject::Value(id), Change::Bytes(bytes)) => self.put_value(id, &bytes),
            (Subject::Value(id), _) => self.retire(
                Category::Secrets.code(),
                &value_key(self.store.keys_of(Category::Secrets.code()), id),
                &[],
            ),
        }
    }

    /// Stages a record in the place of the one of its id.
    pub(crate) fn put_record(
        &mut self,
        code: u8,
        id: RecordId,
        entry: &Entry,
        blob: Option<BlobRef>,
    ) -> Result<(), StoreError> {
        let keys = self.store.keys_of(code);
        if blob.as_ref().is_some_and(|blob| self.is_stale(code, blob)) {
            return Err(StoreError::StaleBlob);
        }
        let key = record_key(keys, id);
        if self.store.shelf(code).index.contains(id) {
            self.retire(code, &key, blob.as_slice())?;
        }
        self.add(
            code,
            &key,
            Kind::Record,
            &v1::encode(entry, blob.as_ref()),
            |content| StubV1::of_record(content, entry, blob.as_ref()),
        )?;
        if let Some(blob) = blob {
            self.effect(code, Effect::Blob(blob.name, blob.file_length()));
        }
        self.effect(code, Effect::Insert(id, entry.into(), key));
        Ok(())
    }

    /// Whether a file was removed since it was written: by an erase, or by opening the store again.
    pub(crate) fn is_stale(&self, code: u8, blob: &BlobRef) -> bool {
        let named = self.store.shelf(code).index.has_file(&blob.name);
        blob.code != code || !(named || blob.path(&self.blobs).exists())
    }

    fn remove_record(&mut self, code: u8, id: RecordId) -> Result<(), StoreError> {
        if self.store.shelf(code).index.contains(id) {
            self.retire(code, &record_key(self.store.keys_of(code), id), &[])?;
            self.effect(code, Effect::Remove(id));
        }
        Ok(())
    }

    fn put_system(&mut self, name: String, bytes: &[u8]) -> Result<(), StoreError> {
        let key = system_key(self.store.keys_of(SYSTEM), &name);
        if self.store.shelf(SYSTEM).index.has_name(&name) {
            self.retire(SYSTEM, &key, &[])?;
        }
        let plain = v1::encode_named(&name, bytes);
        self.add(SYSTEM, &key, Kind::System, &plain, |content| {
            StubV1::of_named(content, &name)
        })?;
        self.effect(SYSTEM, Effect::Name(name));
        Ok(())
    }

    fn remove_system(&mut self, name: String) -> Result<(), StoreError> {
        if self.store.shelf(SYSTEM).index.has_name(&name) {
            self.retire(SYSTEM, &system_key(self.store.keys_of(SYSTEM), &name), &[])?;
            self.effect(SYSTEM, Effect::NoName(name));
        }
        Ok(())
    }

    fn put_value(&mut self, id: RecordId, bytes: &[u8]) -> Result<(), StoreError> {
        let code = Category::Secrets.code();
        let key = value_key(self.store.keys_of(code), id);
        self.retire(code, &key, &[])?;
        self.add(code, &key, Kind::Value, bytes, |content| {
            StubV1::of_named(content, "")
        })
    }

    /// Seals `plain` under `key`; what is too much for sled goes into a sealed file first.
    fn add(
        &mut self,
        code: u8,
        key: &[u8],
        kind: Kind,
        plain: &[u8],
        stub: impl FnOnce(&BlobRef) -> StubV1,
    ) -> Result<(), StoreError> {
        let keys = self.store.keys_of(code);
        let sealed = Row::sealed_length(plain.len());
        let total = self.inline.saturating_add(sealed);
        let row = if Row::is_oversize(sealed) || (total > MOST_INLINE && sealed > SMALL) {
            let content = blob::write_whole(&self.blobs, code, plain)?;
            self.made.push(content.name);
            self.effect(code, Effect::Blob(content.name, content.file_length()));
            Row::seal_stub(keys, key, kind, &stub(&content).encode())
        } else {
            self.inline = total;
            Row::seal(keys, key, kind, plain)
        };
        self.put_row(code, key, &row);
        Ok(())
    }

    /// Seals `plain` under `key`, in sled whatever its length.
    pub(crate) fn add_inline(&mut self, code: u8, key: &[u8], kind: Kind, plain: &[u8]) {
        let row = Row::seal(self.keys_of(code), key, kind, plain);
        self.put_row(code, key, &row);
    }

    fn put_row(&mut self, code: u8, key: &[u8], row: &Row) {
        self.count(code, key, row, Count::In);
        self.insert(code, row.segments(self.keys_of(code), key));
    }

    pub(crate) fn keys_of(&self, code: u8) -> &'a ShelfKeys {
        self.store.keys_of(code)
    }

    /// What the shelf holds before this commit.
    pub(crate) fn index_of(&self, code: u8) -> &'a Index {
        &self.store.shelf(code).index
    }

    /// Takes the row of `key` out, if there is one, and its sealed files but for `keep`.
    pub(crate) fn retire(&mut self, code: u8, key: &[u8], keep: &[BlobRef]) -> Result<(), StoreError> {
        let keys = self.store.keys_of(code);
        let Some(row) = read_row(&self.store.shelf(code).tree, keys, key)? else {
            return Ok(());
        };
        let plain = row
            .open(keys, key)
            .map_err(StoreError::sealed(format!("a row of {}", name_of(code))))?;
        for blob in blobs_of(&row, &plain)
            .into_iter()
            .filter(|blob| keep.iter().all(|keep| keep.name != blob.name))
        {
            self.plan.doomed.push(blob.name);
            self.effect(code, Effect::NoBlob(blob.name));
        }
        self.count(code, key, &row, Count::Out);
        let writes = self.plan.writes.entry(code).or_default();
        writes.extend(
            row.segment_keys(keys, key)
                .into_iter()
                .map(|segment| (segment, None)),
        );
        Ok(())
    }

    pub(crate) fn remove_keys(&mut self, code: u8, keys: impl IntoIterator<Item = Vec<u8>>) {
        self.plan
            .writes
            .entry(code)
            .or_default()
            .extend(keys.into_iter().map(|key| (key, None)));
    }

    /// Says what a shelf must hold from this commit on, in this generation and no other.
    pub(crate) fn set_only_head(&mut self, head: ShelfHead) {
        self.plan.head.set_only_shelf(head);
    }

    /// Says what a shelf must hold in a generation that is not in force yet.
    pub(crate) fn set_next_head(&mut self, head: ShelfHead) {
        self.plan.head.set_shelf(head);
    }

    fn insert(&mut self, code: u8, segments: Vec<(Vec<u8>, Vec<u8>)>) {
        let segments = segments.into_iter().map(|(key, value)| (key, Some(value)));
        self.plan.writes.entry(code).or_default().extend(segments);
    }

    /// Counts a row in or out.
    fn count(&mut self, code: u8, key: &[u8], row: &Row, how: Count) {
        let keys = self.store.keys_of(code);
        let element = row.element(keys, key);
        let head = self.plan.head.shelf(code, keys.generation);
        let mut head = head.unwrap_or_else(|| ShelfHead::empty(code, keys.generation));
        how.apply(&mut head, &element);
        self.plan.head.set_shelf(head);
        self.plan.counts.push(Counted {
            code,
            key: key.to_vec(),
            element,
            bytes: row.stored_length(key.len()),
            how,
        });
    }

    pub(crate) fn effect(&mut self, code: u8, effect: Effect) {
        self.plan.effects.push((code, effect));
    }
}

/// The sealed files that an opened row names.
pub(crate) fn blobs_of(row: &Row, plain: &[u8]) -> Vec<BlobRef> {
    if row.is_stub() {
        let stub = StubV1::decode(plain);
        stub.map_or_else(Vec::new, |stub| {
            std::iter::once(stub.content()).chain(stub.blob()).collect()
        })
    } else if row.is(Kind::Record) {
        v1::decode(plain).and_then(|(_, blob)| blob).into_iter().collect()
    } else if row.is(Kind::Index) {
        IndexV1::decode(plain).map_or_else(Vec::new, |stored| stored.files())
    } else {
        Vec::new()
    }
}

/// Reads a row; a torn one is an error that names its shelf.
pub(crate) fn read_row(tree: &sled::Tree, keys: &ShelfKeys, key: &[u8]) -> Result<Option<Row>, StoreError> {
    name_fault(keys, guarded("read", || Ok(Row::read(tree, keys, key)))?)
}

/// Puts a row together from its first segment; `None` for a further segment of another row.
pub(crate) fn gather_row(
    tree: &sled::Tree,
    keys: &ShelfKeys,
    key: &[u8],
    first: &sled::IVec,
) -> Result<Option<Row>, StoreError> {
    name_fault(keys, guarded("read", || Ok(Row::gather(tree, keys, key, first)))?)
}

fn name_fault(keys: &ShelfKeys, row: Result<Option<Row>, Fault>) -> Result<Option<Row>, StoreError> {
    row.map_err(|fault| match fault {
        Fault::Engine(error) => engine("read")(error),
        Fault::Torn => StoreError::damaged(
            format!("a row of {}", name_of(keys.code)),
            "a part of it is missing",
        ),
    })
}

/// The blinded key of a record's row.
pub(crate) fn record_key(keys: &ShelfKeys, id: RecordId) -> [u8; 16] {
    keys.row_key(&[b"record", id.as_bytes()])
}

/// The blinded key of a secret's value.
pub(crate) fn value_key(keys: &ShelfKeys, id: RecordId) -> [u8; 16] {
    keys.row_key(&[b"value", id.as_bytes()])
}

/// The blinded key of a system row.
pub(crate) fn system_key(keys: &ShelfKeys, name: &str) -> [u8; 16] {
    keys.row_key(&[b"system", name.as_bytes()])
}

/// The blinded key of the inside head.
pub(crate) fn head_key(keys: &ShelfKeys) -> [u8; 16] {
    keys.row_key(&[b"head"])
}

/// `Some` when the row lies where it says that it belongs.
pub(crate) fn is_key(found: &[u8], expected: &[u8]) -> Option<()> {
    (found == expected).then_some(())
}
