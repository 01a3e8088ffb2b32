//! A place for the search index of each category: sealed files, and one row that names them.
//!
//! What is in the files is not the store's business. It can be made anew from the records, so a file
//! that is missing, cut or damaged is no finding: who reads it is told, and makes it again. The row is
//! sealed under the category's index key and counts in the head like any other. Re-keying leaves row
//! and files behind, because they hold words of what was deleted; accepting a loss drops them.

use zeroize::Zeroizing;

use pocket_core::Category;

use crate::blob::{self, BlobRef, FileReader};
use crate::commit::Stage;
use crate::keys::ShelfKeys;
use crate::plan::Effect;
use crate::row::Kind;
use crate::shelf::name_of;
use crate::v1::IndexV1;
use crate::{Store, StoreError};

/// Longest note, in bytes.
const NOTE: usize = 16 * 1024;
/// Most files: with the longest note the row takes 32 KiB at most, ten values of sled.
const FILES: usize = 200;

/// The search index of a category as it was put there.
pub struct StoredIndex {
    /// Its sealed files, in the order that they were given in. Any of them may be missing or damaged.
    pub files: Vec<BlobRef>,
    /// What was noted with them.
    pub note: Zeroizing<Vec<u8>>,
}

impl Store {
    /// The search index of `category`, if one was put there.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when its row can't be read.
    pub fn index(&self, category: Category) -> Result<Option<StoredIndex>, StoreError> {
        let code = category.code();
        let key = index_key(self.keys_of(code));
        let Some(plain) = self.content_of(code, &key, Kind::Index)? else {
            return Ok(None);
        };
        let stored = IndexV1::decode(&plain);
        let stored =
            stored.ok_or_else(|| StoreError::damaged(name_of(code), "the row of its index is malformed"))?;
        Ok(Some(StoredIndex {
            files: stored.files(),
            note: Zeroizing::new(stored.note().to_vec()),
        }))
    }

    /// Puts the search index of `category` in the place of the one that is there: up to 200 finished
    /// files ([`Store::begin_blob`]), old ones among them, and up to 16 KiB of whatever is to be
    /// noted. Files that are not named any more are removed after the next [`Store::sync`]; before it,
    /// nothing of this is durable. Leaves no audit entry: nothing that the owner sees changes.
    ///
    /// # Errors
    /// [`StoreError::Full`] below the low-water mark; [`StoreError::NotWhole`], since an index of what is
    /// known to be short answers nothing; [`StoreError::StaleBlob`] for a file that is not there or
    /// belongs to a record; [`StoreError::TooLarge`]; [`StoreError::AuditOrder`] for the audit log, which
    /// holds its entries and nothing else; else as [`Store::apply`].
    pub fn put_index(
        &mut self,
        category: Category,
        files: &[BlobRef],
        note: &[u8],
    ) -> Result<(), StoreError> {
        self.usable()?;
        let code = category.code();
        if category == Category::Audit {
            return Err(StoreError::AuditOrder {
                found: 0,
                head: self.head.audit().sequence,
            });
        }
        if files.len() > FILES || note.len() > NOTE {
            return Err(StoreError::TooLarge {
                what: "the search index's list of files, or its note,",
            });
        }
        self.refuse_unless_whole(code)?;
        self.refuse_when_low()?;
        let mut stage = Stage::new(self);
        stage.put_index(code, files, note)?;
        let plan = stage.finish();
        self.write(plan)
    }

    /// Removes the search index of `category`, if there is one, with its files, as
    /// [`Store::put_index`] does. Also on a full disk.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when its row can't be read; else as [`Store::apply`].
    pub fn remove_index(&mut self, category: Category) -> Result<(), StoreError> {
        self.usable()?;
        let code = category.code();
        if self.shelf(code).index.search().is_none() {
            return Ok(());
        }
        let mut stage = Stage::new(self);
        stage.remove_index(code)?;
        let plan = stage.finish();
        self.write(plan)
    }

    /// Up to `max` bytes of a sealed file from `offset` on; fewer only at its end. Opens the file and a
    /// chunk of 64 KiB each time: for many small reads see [`Store::open_file`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is missing, cut or changed; [`StoreError::Io`].
    pub fn read_file(
        &self,
        blob: &BlobRef,
        offset: u64,
        max: usize,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        blob::read(&self.blobs(), blob, offset, max)
    }

    /// Opens a sealed file for many reads.
    ///
    /// # Errors
    /// As [`Store::read_file`].
    pub fn open_file(&self, blob: &BlobRef) -> Result<FileReader, StoreError> {
        FileReader::open(&self.blobs(), blob)
    }
}

impl Stage<'_> {
    fn put_index(&mut self, code: u8, files: &[BlobRef], note: &[u8]) -> Result<(), StoreError> {
        if files.iter().any(|file| self.is_taken(code, file)) {
            return Err(StoreError::StaleBlob);
        }
        let key = self.take_index_out(code, files)?;
        let plain = IndexV1::new(files, note).encode();
        self.add_inline(code, &key, Kind::Index, &plain);
        for file in files {
            self.effect(code, Effect::Blob(file.name, file.file_length()));
        }
        let names = files.iter().map(|file| file.name).collect();
        self.effect(code, Effect::Index(names));
        Ok(())
    }

    /// Takes row and files of the search index out, if they are there.
    pub(crate) fn remove_index(&mut self, code: u8) -> Result<(), StoreError> {
        self.take_index_out(code, &[])?;
        self.effect(code, Effect::NoIndex);
        Ok(())
    }

    fn take_index_out(&mut self, code: u8, keep: &[BlobRef]) -> Result<[u8; 16], StoreError> {
        let key = index_key(self.keys_of(code));
        self.retire(code, &key, keep)?;
        Ok(key)
    }

    /// Whether a file is gone, or a record's: that one would go with the index.
    fn is_taken(&self, code: u8, file: &BlobRef) -> bool {
        let index = self.index_of(code);
        let own = index.search().is_some_and(|names| names.contains(&file.name));
        self.is_stale(code, file) || (index.has_file(&file.name) && !own)
    }
}

/// The blinded key of a search index's row.
pub(crate) fn index_key(keys: &ShelfKeys) -> [u8; 16] {
    keys.row_key(&[b"index"])
}
