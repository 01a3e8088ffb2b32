//! Accepting a loss: what is left becomes what must be there.

use std::collections::HashSet;

use pocket_core::Category;

use crate::blob::{self, BLOBS};
use crate::commit::{Stage, read_row, value_key};
use crate::database::{engine, guarded};
use crate::keys::SYSTEM;
use crate::row::{Fault, Row};
use crate::scan::{Scan, scan};
use crate::v1::{self, StubV1};
use crate::{Store, StoreError};

impl Store {
    /// Goes on with what is left of `category`: rows that can't be read are removed, records whose
    /// sealed file is lost stay without it, and the head says what is there. The owner has decided
    /// this; the caller records it. An audit log that lost its end goes on behind the gap, which stays
    /// visible when it is verified. Not durable before [`Store::sync`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when the database itself can't be read to the end: only a backup helps.
    pub fn accept_loss(&mut self, category: Category) -> Result<(), StoreError> {
        self.accept(category.code())
    }

    /// The same for the engine's own rows.
    ///
    /// # Errors
    /// As [`Store::accept_loss`].
    pub fn accept_system_loss(&mut self) -> Result<(), StoreError> {
        self.accept(SYSTEM)
    }

    fn accept(&mut self, code: u8) -> Result<(), StoreError> {
        self.usable()?;
        let scan = self.rescan(code)?;
        if let Some(problem) = &scan.cut_short {
            return Err(StoreError::damaged(crate::shelf::name_of(code), problem));
        }
        // The value of a secret whose record is lost: nobody can name it any more.
        let keys = self.keys_of(code);
        let named: HashSet<[u8; 16]> = scan.index.ids().map(|id| value_key(keys, id)).collect();
        let is_named = |key: &[u8]| <[u8; 16]>::try_from(key).is_ok_and(|key| named.contains(&key));
        let orphans = scan.values.iter().filter(|key| !is_named(key));
        let broken = self.all_segments(code, &scan.broken)?;
        let plan = {
            let mut stage = Stage::new(self);
            stage.remove_keys(code, broken);
            stage.remove_keys(code, scan.stray.iter().cloned());
            stage.set_only_head(scan.head);
            for key in orphans {
                stage.retire(code, key, &[])?;
            }
            // It speaks of what is lost. Where its row can't be read, that is among the broken ones.
            if scan.index.search().is_some() {
                stage.remove_index(code)?;
            }
            for key in &scan.bare {
                self.strip_file(&mut stage, code, key)?;
            }
            stage.finish()
        };
        self.forget_work_on(code);
        // Before the effects of the plan, which speak of the new index.
        let shelf = self.shelf_mut(code);
        shelf.index = scan.index;
        shelf.records_version = shelf.records_version.wrapping_add(1);
        self.write(plan)?;
        self.shelf_mut(code).finding = None;
        Ok(())
    }

    /// The keys of rows that can't be read, and of the further segments of those that hold together.
    fn all_segments(&self, code: u8, broken: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, StoreError> {
        let (tree, keys) = (&self.shelf(code).tree, self.keys_of(code));
        let mut all = Vec::new();
        for key in broken {
            match guarded("read", || Ok(Row::read(tree, keys, key)))? {
                Ok(Some(row)) => all.extend(row.segment_keys(keys, key)),
                // What is left of it was found stray.
                Ok(None) | Err(Fault::Torn) => all.push(key.clone()),
                Err(Fault::Engine(error)) => return Err(engine("read")(error)),
            }
        }
        Ok(all)
    }

    fn rescan(&self, code: u8) -> Result<Scan, StoreError> {
        let blobs = self.root.join(BLOBS);
        let inventory = blob::inventory(&blobs).map_err(StoreError::io("list", &blobs))?;
        scan(
            &self.shelf(code).tree,
            self.keys_of(code),
            Some(&inventory),
            &mut || true,
        )
    }

    /// Writes a record again, without the file that is lost.
    fn strip_file(&self, stage: &mut Stage<'_>, code: u8, key: &[u8]) -> Result<(), StoreError> {
        let keys = self.keys_of(code);
        let Some(row) = read_row(&self.shelf(code).tree, keys, key)? else {
            return Ok(());
        };
        let plain = row.open(keys, key).map_err(StoreError::sealed("a record"))?;
        let id = if row.is_stub() {
            StubV1::decode(&plain).map(|stub| stub.id())
        } else {
            v1::decode(&plain).map(|(entry, _)| entry.id)
        };
        let category = Category::ALL.into_iter().find(|category| category.code() == code);
        if let (Some(id), Some(category)) = (id, category)
            && let Some((entry, _)) = self.stored(category, id)?
        {
            stage.put_record(code, id, &entry, None)?;
        }
        Ok(())
    }
}
