//! The store, open: what every part of it works on, and the two calls that make it durable.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pocket_core::{Category, Finding, audit};

use crate::blob::{self, BLOBS, BlobRef, BlobWriter};
use crate::check::Scrub;
use crate::database::Database;
use crate::heads::{Head, HeadFile, ShelfHead};
use crate::keys::{KeySet, ShelfKeys};
use crate::rekey::Rekey;
use crate::shelf::Shelf;
use crate::space::{Ballast, Space, free_bytes, low_water};
use crate::{Changes, StoreError};

/// The store. One value, one thread; long reads of sealed files apart.
pub struct Store {
    pub(crate) root: PathBuf,
    pub(crate) keys: KeySet,
    pub(crate) shelves: BTreeMap<u8, Shelf>,
    pub(crate) head: Head,
    pub(crate) head_file: HeadFile,
    pub(crate) ballast: Ballast,
    /// Sealed files that nothing names once the last commit is on the disk.
    pub(crate) doomed: Vec<[u8; 32]>,
    pub(crate) unsynced: bool,
    /// A write or sync failed: what is on the disk is no longer known.
    pub(crate) poisoned: bool,
    /// A check under way.
    pub(crate) scrub: Option<Scrub>,
    /// A category that is being sealed anew.
    pub(crate) rekey: Option<Rekey>,
    /// Goes last: no tree may outlive what closes sled.
    pub(crate) database: Database,
}

/// A store that was opened, and what was found on the way.
pub struct Opened {
    /// The store.
    pub store: Store,
    /// What is damaged, or was put right.
    pub findings: Vec<Finding>,
}

impl Store {
    /// Brings everything that was applied to the disk. Acknowledge a change only after this. Costs one
    /// sync of the card however many changes there were: that is what makes groups cheap.
    ///
    /// # Errors
    /// After any, the store must be dropped and opened again, and what it then holds counts:
    /// [`StoreError::Reopen`] is all that it says until then.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.poisoned && self.unsynced {
            // Another change of the same group failed: this one may be on the disk already.
            return Err(StoreError::Unsure(Box::new(StoreError::Reopen)));
        }
        self.usable()?;
        if !self.unsynced {
            return Ok(());
        }
        self.database.sync().map_err(|error| self.fail(error))?;
        // Only now: the head outside must never claim what sled could still lose.
        let written = self.head_file.write(&self.head, &self.keys.heads);
        written
            .map_err(StoreError::io("write", &self.root.join(crate::heads::HEADS)))
            .map_err(|error| self.fail(error))?;
        self.unsynced = false;
        for name in std::mem::take(&mut self.doomed) {
            // A file that stays is an orphan, and the next open removes it.
            drop(blob::remove_lazily(&self.blobs(), &name));
        }
        Ok(())
    }

    /// To be called about once a second: brings the outside head to the disk and keeps the reserve.
    /// After a power cut the outside head may trail what was acknowledged by the time since the last
    /// call; it never leads.
    ///
    /// # Errors
    /// As [`Store::sync`].
    pub fn tick(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let synced = self.head_file.sync();
        synced
            .map_err(StoreError::io("sync", &self.root.join(crate::heads::HEADS)))
            .map_err(|error| self.fail(error))?;
        // A reserve that can't be taken now is taken later; writes are refused well before it matters.
        drop(self.ballast.renew(self.database.size()));
        Ok(())
    }

    /// Whether something was applied that [`Store::sync`] has not brought to the disk yet.
    pub fn unsynced(&self) -> bool {
        self.unsynced
    }

    /// Whether the store must be dropped and opened again.
    pub fn must_reopen(&self) -> bool {
        self.poisoned
    }

    /// Begins a sealed file for a record of `category`.
    ///
    /// # Errors
    /// [`StoreError::Full`] below the low-water mark, [`StoreError::Io`].
    pub fn begin_blob(&self, category: Category) -> Result<BlobWriter, StoreError> {
        self.usable()?;
        BlobWriter::begin(&self.blobs(), category.code())
    }

    /// Removes a finished file that no record will name after all.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the next open then removes it.
    pub fn discard_blob(&self, blob: &BlobRef) -> Result<(), StoreError> {
        let blobs = self.blobs();
        blob::remove(&blobs, &blob.name).map_err(StoreError::io("remove a file from", &blobs))
    }

    /// Removes the sealed files that changes would have brought along which do not happen.
    pub fn discard(&self, changes: &Changes) {
        self.remove_unnamed(&self.unnamed(changes));
    }

    /// The sealed files of changes that no row names. One whose row was removed is named until that is on the
    /// disk.
    pub(crate) fn unnamed(&self, changes: &Changes) -> Vec<[u8; 32]> {
        let named = |name: &[u8; 32]| {
            self.doomed.contains(name) || self.shelves.values().any(|shelf| shelf.index.has_file(name))
        };
        changes.files().filter(|name| !named(name)).collect()
    }

    pub(crate) fn remove_unnamed(&self, names: &[[u8; 32]]) {
        for name in names {
            // One that stays is an orphan, and the next open removes it.
            drop(blob::remove_lazily(&self.blobs(), name));
        }
    }

    /// Where the audit log stands, by what was applied last.
    pub fn audit_head(&self) -> audit::Head {
        self.head.audit()
    }

    /// Whether all that was ever acknowledged in `category` is there.
    ///
    /// # Errors
    /// The finding, when it is not.
    pub fn whole(&self, category: Category) -> Result<(), Finding> {
        self.shelf_whole(category.code())
    }

    /// The same for the engine's own rows ([`Store::system`]).
    ///
    /// # Errors
    /// The finding, when something is missing.
    pub fn system_whole(&self) -> Result<(), Finding> {
        self.shelf_whole(crate::keys::SYSTEM)
    }

    /// Bytes that the store takes on the disk: sled's log and the sealed files.
    pub fn size_on_disk(&self) -> u64 {
        let files = self.shelves.values().map(|shelf| shelf.index.file_bytes());
        files.fold(self.database.size(), u64::saturating_add)
    }

    /// Bytes of what `category` holds, sealed: its rows with their keys, and its files. What sled needs
    /// besides to keep the rows in order belongs to no category.
    pub fn bytes(&self, category: Category) -> u64 {
        self.shelf(category.code()).index.bytes()
    }

    /// The room on the disk, and the room that must be there before anything is added.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn space(&self) -> Result<Space, StoreError> {
        let free = free_bytes(&self.root).map_err(StoreError::io("measure the free space of", &self.root))?;
        Ok(Space {
            free,
            needed: low_water(self.database.size()),
        })
    }

    pub(crate) fn usable(&self) -> Result<(), StoreError> {
        if self.poisoned {
            Err(StoreError::Reopen)
        } else {
            Ok(())
        }
    }

    /// A write failed: from now on only opening again helps. On a full disk the reserve is released,
    /// so that opening, and then deleting, works.
    pub(crate) fn fail(&mut self, error: StoreError) -> StoreError {
        self.poisoned = true;
        if !error.is_full() {
            return StoreError::Unsure(Box::new(error));
        }
        let space = self.space();
        self.ballast.release();
        StoreError::Unsure(Box::new(space.map_or(error, StoreError::Full)))
    }

    pub(crate) fn shelf(&self, code: u8) -> &Shelf {
        self.shelves
            .get(&code)
            .expect("opened with a shelf for every code of the key set")
    }

    pub(crate) fn shelf_mut(&mut self, code: u8) -> &mut Shelf {
        self.shelves
            .get_mut(&code)
            .expect("opened with a shelf for every code of the key set")
    }

    /// Gives up what is under way on a shelf that is about to be another: the check begins with it
    /// anew.
    pub(crate) fn forget_work_on(&mut self, code: u8) {
        if let Some(scrub) = &mut self.scrub {
            scrub.begin_again(code);
        }
        self.rekey = self.rekey.take().filter(|rekey| rekey.code() != code);
    }

    /// What a shelf must hold.
    pub(crate) fn head_of(&self, code: u8) -> ShelfHead {
        let generation = self.keys_of(code).generation;
        self.head
            .shelf(code, generation)
            .unwrap_or_else(|| ShelfHead::empty(code, generation))
    }

    pub(crate) fn keys_of(&self, code: u8) -> &ShelfKeys {
        self.keys.shelf(code)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join(BLOBS)
    }

    pub(crate) fn shelf_whole(&self, code: u8) -> Result<(), Finding> {
        self.shelf(code).finding.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn refuse_unless_whole(&self, code: u8) -> Result<(), StoreError> {
        self.shelf_whole(code).map_err(StoreError::NotWhole)
    }
}
