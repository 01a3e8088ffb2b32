//! Erasing a category: its key is destroyed first, then what it sealed.
//!
//! Order: [`Store::announce_erase`] says in both heads that the next generation is empty; the caller
//! writes the keyring without the old key (from here on the data is noise), then calls
//! [`Store::erase_category`]. A power cut between the last two is finished by the next open: the heads
//! know the keyring's generation, the tree is unknown, the files are orphans. A keyring of a generation
//! that the heads do not know is no cut erase: it belongs to another state of the store, and nothing is
//! dropped.

use pocket_core::{Category, audit};

use crate::blob;
use crate::commit::Stage;
use crate::heads::ShelfHead;
use crate::shelf::{Index, Shelf};
use crate::{KeySet, Store, StoreError};

impl Store {
    /// Notes that `category` is about to begin its next generation, empty. On the disk when it returns;
    /// the keyring may be written. If that fails, call [`Store::forget_next`].
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn announce_erase(&mut self, category: Category) -> Result<(), StoreError> {
        self.usable()?;
        let code = category.code();
        let next = self.keys_of(code).generation.saturating_add(1);
        let mut stage = Stage::new(self);
        stage.set_next_head(ShelfHead::empty(code, next));
        let plan = stage.finish();
        self.write(plan)?;
        self.sync()?;
        self.tick()
    }

    /// Starts `category` empty under its new keys, and removes its tree and its sealed files. Comes
    /// after the new keyring is on the disk; returns when all of it is on the disk too.
    ///
    /// # Errors
    /// [`StoreError::AuditOrder`] for the audit log, which can't be erased alone; else as
    /// [`Store::sync`].
    pub fn erase_category(&mut self, category: Category, keys: KeySet) -> Result<(), StoreError> {
        self.usable()?;
        let code = category.code();
        if category == Category::Audit {
            let audit::Head { sequence, .. } = self.head.audit();
            return Err(StoreError::AuditOrder {
                found: 0,
                head: sequence,
            });
        }
        self.sync()?;
        let tree = self
            .database
            .tree(&keys.shelf(code).tree)
            .map_err(|error| self.fail(error))?;
        self.forget_work_on(code);
        let old = self.shelves.insert(code, Shelf::empty(tree));
        self.keys = keys;
        self.start_empty(code)?;
        self.drop_other_trees()?;
        self.sync()?;
        self.tick()?;
        old.map_or(Ok(()), |shelf| self.remove_files(&shelf.index))
    }

    fn start_empty(&mut self, code: u8) -> Result<(), StoreError> {
        let generation = self.keys_of(code).generation;
        let mut stage = Stage::new(self);
        stage.set_only_head(ShelfHead::empty(code, generation));
        let plan = stage.finish();
        self.write(plan)
    }

    fn remove_files(&self, index: &Index) -> Result<(), StoreError> {
        let blobs = self.blobs();
        let remove = |name: &[u8; 32]| blob::remove_lazily(&blobs, name);
        index
            .files()
            .try_for_each(remove)
            .map_err(StoreError::io("remove a file from", &blobs))
    }
}
