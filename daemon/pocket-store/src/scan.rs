//! Reads a whole tree: what is in it, and what is wrong with it.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pocket_core::{Finding, audit};
use sled::IVec;

use crate::blob::{BlobRef, Inventory};
use crate::heads::ShelfHead;
use crate::keys::{SYSTEM, ShelfKeys};
use crate::row::{Fault, Kind, Row, known_schema};
use crate::search_index::index_key;
use crate::shelf::{Index, name_of};
use crate::v1::{self, IndexV1, StubV1};
use crate::{StoreError, commit};

/// What a tree holds.
pub(crate) struct Scan {
    /// Count and digest of the rows that are whole.
    pub(crate) head: ShelfHead,
    pub(crate) index: Index,
    /// Keys of rows that can't be read.
    pub(crate) broken: Vec<Vec<u8>>,
    /// Keys of segments that no row claims.
    pub(crate) stray: BTreeSet<Vec<u8>>,
    /// Keys of records whose sealed file is missing or cut.
    pub(crate) bare: Vec<Vec<u8>>,
    /// Every sealed file that is named, also by a row whose file is missing.
    pub(crate) named: HashSet<[u8; 32]>,
    /// The sealed files that are named, where nobody listed those that are there.
    pub(crate) files: Vec<BlobRef>,
    /// Keys of the rows that hold the value of a secret.
    pub(crate) values: Vec<Vec<u8>>,
    /// The last audit entry.
    pub(crate) last: Option<audit::Head>,
    /// sled itself could not read on.
    pub(crate) cut_short: Option<String>,
}

/// What a row says of itself.
struct Told {
    blobs: Vec<BlobRef>,
    /// Lost content makes a row unreadable; a lost file leaves the record without it.
    content_lost: bool,
}

/// The sealed files that are there; `None` when it is not to be asked whether a file is.
type Listed<'a> = Option<&'a Inventory>;

/// Reads every row of `tree`. Never fails for damage, which it counts; only for what is newer.
/// Given up when it is not `wanted` any more.
pub(crate) fn scan(
    tree: &sled::Tree,
    keys: &ShelfKeys,
    listed: Listed<'_>,
    wanted: &mut dyn FnMut() -> bool,
) -> Result<Scan, StoreError> {
    let mut scan = Scan::new(keys);
    let last = scan.walk(tree, keys, listed, None, wanted)?;
    if last.is_some() || !wanted() {
        return Err(StoreError::GivenUp);
    }
    Ok(scan)
}

impl Scan {
    pub(crate) fn new(keys: &ShelfKeys) -> Self {
        Self {
            head: ShelfHead::empty(keys.code, keys.generation),
            index: Index::default(),
            broken: Vec::new(),
            stray: BTreeSet::new(),
            bare: Vec::new(),
            named: HashSet::new(),
            files: Vec::new(),
            values: Vec::new(),
            last: None,
            cut_short: None,
        }
    }

    /// Reads rows from the one behind `after` on, as long as `go_on` says. Gives the last key that it
    /// met; `None` at the end, or where sled can't read on.
    pub(crate) fn walk(
        &mut self,
        tree: &sled::Tree,
        keys: &ShelfKeys,
        listed: Listed<'_>,
        after: Option<&IVec>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<IVec>, StoreError> {
        let walked = catch_unwind(AssertUnwindSafe(|| self.step(tree, keys, listed, after, go_on)));
        match walked {
            Ok(Ok(last)) => return Ok(last),
            Ok(Err(StoreError::Engine { source, .. })) => self.cut_short = Some(source.to_string()),
            Ok(Err(error)) => return Err(error),
            Err(_) => self.cut_short = Some("sled panicked".to_owned()),
        }
        Ok(None)
    }

    fn step(
        &mut self,
        tree: &sled::Tree,
        keys: &ShelfKeys,
        listed: Listed<'_>,
        after: Option<&IVec>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<IVec>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        for item in tree.range::<&IVec, _>((start, Bound::Unbounded)) {
            let (key, first) = item.map_err(crate::database::engine("read"))?;
            match Row::gather(tree, keys, &key, &first) {
                Ok(Some(row)) => self.take(keys, &key, &row, listed)?,
                Ok(None) => self.toggle(key.to_vec()),
                Err(Fault::Torn) => self.broken.push(key.to_vec()),
                Err(Fault::Engine(error)) => return Err(crate::database::engine("read")(error)),
            }
            if !go_on() {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    fn take(
        &mut self,
        keys: &ShelfKeys,
        key: &[u8],
        row: &Row,
        listed: Listed<'_>,
    ) -> Result<(), StoreError> {
        if keys.code == SYSTEM && key == commit::head_key(keys) {
            return Ok(());
        }
        row.segment_keys(keys, key)
            .into_iter()
            .skip(1)
            .for_each(|segment| self.toggle(segment));
        let Ok(plain) = row.open(keys, key) else {
            self.broken.push(key.to_vec());
            return Ok(());
        };
        // It authenticates, so the number is what was written and no flipped bit.
        let known = known_schema(row.kind).unwrap_or(0);
        if row.schema > known {
            let what = format!("a row of {}", name_of(keys.code));
            return Err(StoreError::Newer {
                what,
                found: row.schema,
                known,
            });
        }
        match self.read(keys, key, row, &plain, listed) {
            Some(told) if !told.content_lost => self.count(keys, key, row, &told, listed),
            _ => self.broken.push(key.to_vec()),
        }
        Ok(())
    }

    fn count(&mut self, keys: &ShelfKeys, key: &[u8], row: &Row, told: &Told, listed: Listed<'_>) {
        self.head.add(&row.element(keys, key));
        self.index.add_row(row.stored_length(key.len()));
        for blob in &told.blobs {
            self.index.insert_file(blob.name, blob.file_length());
            if !is_there(blob, listed) {
                self.bare.push(key.to_vec());
            }
        }
        if listed.is_none() {
            self.files.extend(told.blobs.iter().cloned());
        }
    }

    /// Indexes a row; `None` when it authenticates but is not what its key says.
    fn read(
        &mut self,
        keys: &ShelfKeys,
        key: &[u8],
        row: &Row,
        plain: &[u8],
        listed: Listed<'_>,
    ) -> Option<Told> {
        if row.is(Kind::Index) {
            return self.read_index(keys, key, plain);
        }
        if row.is_stub() {
            return self.read_stub(keys, key, row, plain, listed);
        }
        let mut blobs = Vec::new();
        if row.is(Kind::Record) {
            let (entry, blob) = v1::decode(plain)?;
            let own = commit::record_key(keys, entry.id);
            commit::is_key(key, &own)?;
            self.index.insert(entry.id, (&entry).into(), own);
            blobs.extend(blob);
        } else if row.is(Kind::System) {
            let (name, _) = v1::decode_named(plain)?;
            commit::is_key(key, &commit::system_key(keys, &name))?;
            self.index.insert_name(name);
        } else if row.is(Kind::Audit) {
            let entry: audit::Entry = postcard::from_bytes(plain).ok()?;
            commit::is_key(key, &entry.sequence.to_be_bytes())?;
            self.last = Some(audit::Head {
                sequence: entry.sequence,
                mac: entry.mac,
            });
        } else if row.is(Kind::Value) {
            self.values.push(key.to_vec());
        } else {
            return None;
        }
        self.named.extend(blobs.iter().map(|blob| blob.name));
        Some(Told {
            blobs,
            content_lost: false,
        })
    }

    /// Its files are known, so that they are neither orphans nor forgotten by an erase, but nobody asks
    /// whether they are there: an index is made anew from the records.
    fn read_index(&mut self, keys: &ShelfKeys, key: &[u8], plain: &[u8]) -> Option<Told> {
        let stored = IndexV1::decode(plain)?;
        commit::is_key(key, &index_key(keys))?;
        let files = stored.files();
        for file in &files {
            self.named.insert(file.name);
            self.index.insert_file(file.name, file.file_length());
        }
        let names = files.iter().map(|file| file.name).collect();
        self.index.set_search(Some(names));
        Some(Told {
            blobs: Vec::new(),
            content_lost: false,
        })
    }

    fn read_stub(
        &mut self,
        keys: &ShelfKeys,
        key: &[u8],
        row: &Row,
        plain: &[u8],
        listed: Listed<'_>,
    ) -> Option<Told> {
        let stub = StubV1::decode(plain)?;
        let blobs: Vec<BlobRef> = std::iter::once(stub.content()).chain(stub.blob()).collect();
        self.named.extend(blobs.iter().map(|blob| blob.name));
        let content_lost = !is_there(&stub.content(), listed);
        if content_lost {
            return Some(Told { blobs, content_lost });
        }
        if row.is(Kind::Record) {
            let own = commit::record_key(keys, stub.id());
            commit::is_key(key, &own)?;
            self.index.insert(stub.id(), stub.known(), own);
        } else if row.is(Kind::System) {
            commit::is_key(key, &commit::system_key(keys, stub.name()))?;
            self.index.insert_name(stub.name().to_owned());
        } else if row.is(Kind::Value) {
            self.values.push(key.to_vec());
        }
        Some(Told { blobs, content_lost })
    }

    /// A segment is met twice: in the tree, and through its row. What is left over is stray.
    fn toggle(&mut self, segment: Vec<u8>) {
        if !self.stray.remove(&segment) {
            self.stray.insert(segment);
        }
    }

    /// What is wrong, compared with what the head says there must be.
    pub(crate) fn judge(&self, expected: &ShelfHead) -> Option<Finding> {
        let name = name_of(expected.code);
        let problem = if let Some(problem) = &self.cut_short {
            format!("it can't be read to its end ({problem})")
        } else if !self.broken.is_empty() {
            format!(
                "{} of its {} rows can't be read",
                self.broken.len(),
                expected.rows
            )
        } else if self.head.rows < expected.rows {
            format!(
                "{} of its {} rows are missing",
                expected.rows - self.head.rows,
                expected.rows
            )
        } else if self.head.rows > expected.rows {
            format!("it holds {} rows and must hold {}", self.head.rows, expected.rows)
        } else if self.head.digest != expected.digest {
            "rows in it are older than what was last written".to_owned()
        } else if !self.bare.is_empty() {
            format!("the files of {} records are missing or cut", self.bare.len())
        } else if !self.stray.is_empty() {
            format!("{} pieces in it belong to no row", self.stray.len())
        } else {
            return None;
        };
        Some(Finding {
            what: name.to_owned(),
            problem,
            remedy: "restore a backup, or accept the loss to go on with what is left".to_owned(),
        })
    }
}

fn is_there(blob: &BlobRef, listed: Listed<'_>) -> bool {
    listed.is_none_or(|listed| listed.whole.get(&blob.name) == Some(&blob.file_length()))
}
