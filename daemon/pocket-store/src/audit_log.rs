//! The audit log as rows: one an entry, under its bare sequence number.

use std::sync::Arc;

use pocket_core::{Category, audit};

use crate::database::{engine, guarded};
use crate::row::{Fault, Row};
use crate::{Store, StoreError};

const WHAT: &str = "the audit log";

impl Store {
    /// The MAC of the audit chain, for [`audit::Chain`] and [`audit::Verifier`]. Holds its key, which
    /// is wiped with the last copy.
    pub fn audit_mac(&self) -> impl Fn(&[u8]) -> [u8; 32] + Clone + Send + Sync + use<> {
        let key = Arc::clone(&self.keys.audit);
        move |bytes| key.mac(&[bytes])
    }

    /// Up to `limit` entries before number `before`, or the last ones; the newest first.
    ///
    /// # Errors
    /// [`StoreError::NotWhole`], [`StoreError::Damaged`].
    pub fn audit_before(&self, before: Option<u64>, limit: usize) -> Result<Vec<audit::Entry>, StoreError> {
        self.refuse_unless_whole(Category::Audit.code())?;
        let end = before.unwrap_or(u64::MAX);
        let range = self.shelf(Category::Audit.code()).tree.range(..end.to_be_bytes());
        self.entries(range.rev(), limit)
    }

    /// Up to `limit` entries from number `from` on, the oldest first. Reads also a damaged log, as far
    /// as it can be read, so that verifying it can say where it breaks.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn audit_from(&self, from: u64, limit: usize) -> Result<Vec<audit::Entry>, StoreError> {
        let range = self
            .shelf(Category::Audit.code())
            .tree
            .range(from.to_be_bytes()..);
        self.entries(range, limit)
    }

    fn entries(
        &self,
        mut rows: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>,
        limit: usize,
    ) -> Result<Vec<audit::Entry>, StoreError> {
        let mut entries = Vec::new();
        while entries.len() < limit {
            let next = guarded("read the audit log", || rows.next().transpose())?;
            let Some((key, first)) = next else { break };
            entries.extend(self.entry(&key, &first)?);
        }
        Ok(entries)
    }

    /// One entry; `None` for a segment of another row.
    fn entry(&self, key: &[u8], first: &sled::IVec) -> Result<Option<audit::Entry>, StoreError> {
        let code = Category::Audit.code();
        let keys = self.keys_of(code);
        let row = match Row::gather(&self.shelf(code).tree, keys, key, first) {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(None),
            Err(Fault::Torn) => return Err(StoreError::damaged(WHAT, "a part of an entry is missing")),
            Err(Fault::Engine(error)) => return Err(engine("read the audit log")(error)),
        };
        let plain = row.open(keys, key).map_err(StoreError::sealed(WHAT))?;
        let entry: audit::Entry =
            postcard::from_bytes(&plain).map_err(|error| StoreError::damaged(WHAT, error))?;
        if entry.sequence.to_be_bytes() != key {
            return Err(StoreError::damaged(WHAT, "an entry lies in another's place"));
        }
        Ok(Some(entry))
    }
}
