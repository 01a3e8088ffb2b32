//! What the store answers. Never from a category known to be short as if it were whole.

use std::ops::{Bound, ControlFlow};

use pocket_core::{Category, Content, Entry, Page, RecordId};
use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::blob::{self, BlobRef};
use crate::commit::{gather_row, read_row, system_key, value_key};
use crate::database::guarded;
use crate::keys::SYSTEM;
use crate::reset::SampleV1;
use crate::row::{Kind, Row};
use crate::shelf::{Version, name_of};
use crate::v1::{self, StubV1};
use crate::{Store, StoreError};

/// Where a reader of a whole category stands.
pub struct Walk {
    code: u8,
    generation: u32,
    version: u64,
    after: Option<sled::IVec>,
    met: usize,
}

impl Store {
    /// The record of that id, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it can't be read; [`StoreError::NotWhole`] when it is not there but
    /// may be among what was lost.
    pub fn get(&self, category: Category, id: RecordId) -> Result<Option<Entry>, StoreError> {
        Ok(self.stored(category, id)?.map(|(entry, _)| entry))
    }

    /// Up to `limit` records, the newest first, from the one after `after`.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`], [`StoreError::Cursor`], [`StoreError::Damaged`].
    pub fn page(
        &self,
        category: Category,
        after: Option<RecordId>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.refuse_unless_whole(category.code())?;
        let index = &self.shelf(category.code()).index;
        let mut ids = index
            .ids_after(after)
            .ok_or_else(|| after.map_or(StoreError::Reopen, StoreError::Cursor))?;
        let entries = ids.by_ref().take(limit).map(|id| self.must_get(category, id));
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(Page {
            entries,
            total: index.len() as u64,
            more: ids.next().is_some(),
        })
    }

    /// Gives every record to `visit`, in no order that means anything, until it breaks.
    ///
    /// # Errors
    /// As [`Store::walk`].
    pub fn scan(
        &self,
        category: Category,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.walk(&mut self.begin_walk(category), visit).map(drop)
    }

    /// The beginning of a walk through all records of a category.
    pub fn begin_walk(&self, category: Category) -> Walk {
        let code = category.code();
        Walk {
            code,
            generation: self.keys_of(code).generation,
            version: self.shelf(code).records_version,
            after: None,
            met: 0,
        }
    }

    /// Gives records to `visit`, in no order that means anything, until it breaks; the next call goes
    /// on behind the last one. `true` once all were given. The order is that of the tree: where it does
    /// not fit the cache, any other costs a read of the disk a record. What is added on the way may be
    /// met or not.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`]; [`StoreError::Damaged`], also when fewer records are met than there
    /// are; [`StoreError::Moved`] when the category was erased or re-keyed on the way.
    pub fn walk(
        &self,
        walk: &mut Walk,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<bool, StoreError> {
        let code = walk.code;
        self.refuse_unless_whole(code)?;
        if self.keys_of(code).generation != walk.generation {
            return Err(StoreError::Moved);
        }
        let shelf = self.shelf(code);
        let unchanged = shelf.records_version == walk.version;
        let start = walk.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = shelf.tree.range::<&sled::IVec, _>((start, Bound::Unbounded));
        // Behind the last record there may be many further segments.
        while !unchanged || walk.met < shelf.index.len() {
            let Some((key, first)) = guarded("read", || rows.next().transpose())? else {
                break;
            };
            let row = gather_row(&shelf.tree, self.keys_of(code), &key, &first)?;
            let Some(row) = row.filter(|row| row.is(Kind::Record)) else {
                continue;
            };
            walk.met += 1;
            let plain = self.content(code, &key, &row)?;
            let (entry, _) = v1::decode(&plain).ok_or_else(|| malformed(code))?;
            walk.after = Some(key);
            if visit(entry).is_break() {
                return Ok(false);
            }
        }
        if unchanged && walk.met < shelf.index.len() {
            return Err(missing(code));
        }
        Ok(true)
    }

    /// How many records there are; entries for the audit log.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`].
    pub fn count(&self, category: Category) -> Result<u64, StoreError> {
        self.refuse_unless_whole(category.code())?;
        Ok(match category {
            Category::Audit => self.head_of(category.code()).rows,
            _ => self.shelf(category.code()).index.len() as u64,
        })
    }

    /// Whether there is a record of that id, without reading it.
    pub fn contains(&self, category: Category, id: RecordId) -> bool {
        self.shelf(category.code()).index.contains(id)
    }

    /// Which state of a record is there, without reading it.
    pub fn version(&self, category: Category, id: RecordId) -> Option<Version> {
        self.shelf(category.code()).index.version(id)
    }

    /// The same of every record of `category`, in no order that means anything. Also of one that is
    /// not whole: of what can be read of it.
    pub fn versions(&self, category: Category) -> impl Iterator<Item = (RecordId, Version)> {
        self.shelf(category.code()).index.versions()
    }

    /// The id that this content gets when it is imported: the same content, the same id, on this device
    /// and until the category is erased.
    pub fn content_id(&self, content: &Content) -> RecordId {
        let encoded = postcard::to_stdvec(content.record()).expect("encoding into memory can't fail");
        let encoded = Zeroizing::new(encoded);
        RecordId::from_bytes(self.keys_of(content.category().code()).import_id(&encoded))
    }

    /// The value of a secret, if it has one.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn secret_value(&self, id: RecordId) -> Result<Option<SecretBytes>, StoreError> {
        let code = Category::Secrets.code();
        let key = value_key(self.keys_of(code), id);
        match self.content_of(code, &key, Kind::Value)? {
            Some(mut bytes) => Ok(Some(SecretBytes::new(std::mem::take(&mut *bytes)))),
            None => self.refuse_unless_whole(code).map(|()| None),
        }
    }

    /// A row of the engine's own.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn system(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        if !self.shelf(SYSTEM).index.has_name(name) {
            return self.refuse_unless_whole(SYSTEM).map(|()| None);
        }
        let key = system_key(self.keys_of(SYSTEM), name);
        let plain = self
            .content_of(SYSTEM, &key, Kind::System)?
            .ok_or_else(|| missing(SYSTEM))?;
        let (_, bytes) = v1::decode_named(&plain).ok_or_else(|| malformed(SYSTEM))?;
        Ok(Some(bytes))
    }

    /// The names of the engine's own rows that begin with `prefix`, in order.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`].
    pub fn system_names(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.refuse_unless_whole(SYSTEM)?;
        Ok(self.shelf(SYSTEM).index.names(prefix))
    }

    /// The sealed file of a record, if it has one.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn blob_of(&self, id: RecordId) -> Result<Option<BlobRef>, StoreError> {
        for category in Category::ALL {
            if self.shelf(category.code()).index.contains(id)
                && let Some((_, Some(blob))) = self.stored(category, id)?
            {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }

    /// Up to `max` bytes of a record's sealed file from `offset` on, and the length of the whole; `None`
    /// when the record has no file. Opens only the chunks that it needs.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::Io`].
    #[expect(
        clippy::type_complexity,
        reason = "a piece and the length of the whole: named twice it says no more"
    )]
    pub fn read_blob(
        &self,
        id: RecordId,
        offset: u64,
        max: usize,
    ) -> Result<Option<(Zeroizing<Vec<u8>>, u64)>, StoreError> {
        let Some(blob) = self.blob_of(id)? else {
            return Ok(None);
        };
        let bytes = blob::read(&self.blobs(), &blob, offset, max)?;
        Ok(Some((bytes, blob.size)))
    }

    /// Up to `most` sealed rows, from different shelves first: a reset tries to open them.
    pub(crate) fn samples(&self, most: usize) -> Vec<SampleV1> {
        let firsts = |nth: usize| {
            self.shelves
                .keys()
                .filter_map(move |&code| self.sample(code, nth))
        };
        (0..most).flat_map(firsts).take(most).collect()
    }

    fn sample(&self, code: u8, nth: usize) -> Option<SampleV1> {
        let keys = self.keys_of(code);
        let tree = &self.shelf(code).tree;
        let rows = tree.iter().map_while(Result::ok);
        let mut rows = rows.filter_map(|(key, first)| {
            let row = Row::gather(tree, keys, &key, &first).ok()??;
            // Sealed under another key than the one that a reset tries.
            (!row.is(Kind::Index)).then_some((key, row))
        });
        let (key, row) = guarded("read", || Ok(rows.nth(nth))).ok()??;
        let (id, schema) = (row.binding(&key), row.schema);
        Some(SampleV1 {
            category: code,
            generation: keys.generation,
            id,
            schema,
            sealed: row.sealed.to_vec(),
        })
    }

    pub(crate) fn stored(
        &self,
        category: Category,
        id: RecordId,
    ) -> Result<Option<(Entry, Option<BlobRef>)>, StoreError> {
        let code = category.code();
        let Some(key) = self.shelf(code).index.key(id) else {
            return self.refuse_unless_whole(code).map(|()| None);
        };
        let plain = self
            .content_of(code, key, Kind::Record)?
            .ok_or_else(|| missing(code))?;
        v1::decode(&plain).ok_or_else(|| malformed(code)).map(Some)
    }

    fn must_get(&self, category: Category, id: RecordId) -> Result<Entry, StoreError> {
        self.get(category, id)?.ok_or_else(|| missing(category.code()))
    }

    /// The plaintext of a row, from sled or from its sealed file.
    pub(crate) fn content_of(
        &self,
        code: u8,
        key: &[u8],
        kind: Kind,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let keys = self.keys_of(code);
        let Some(row) = read_row(&self.shelf(code).tree, keys, key)? else {
            return Ok(None);
        };
        if !row.is(kind) {
            return Err(malformed(code));
        }
        self.content(code, key, &row).map(Some)
    }

    fn content(&self, code: u8, key: &[u8], row: &Row) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let plain = row
            .open(self.keys_of(code), key)
            .map_err(|error| StoreError::sealed(format!("a row of {}", name_of(code)))(error))?;
        self.unfold(code, row, plain)
    }

    fn unfold(
        &self,
        code: u8,
        row: &Row,
        plain: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        if !row.is_stub() {
            return Ok(plain);
        }
        let content = StubV1::decode(&plain).ok_or_else(|| malformed(code))?.content();
        let size = usize::try_from(content.size).map_err(|_| malformed(code))?;
        blob::read(&self.blobs(), &content, 0, size)
    }
}

fn missing(code: u8) -> StoreError {
    StoreError::damaged(format!("a row of {}", name_of(code)), "it is missing")
}

fn malformed(code: u8) -> StoreError {
    StoreError::damaged(
        format!("a row of {}", name_of(code)),
        "it is not what its key says",
    )
}
