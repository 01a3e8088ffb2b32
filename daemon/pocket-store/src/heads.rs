//! The heads: what the store must hold. One lies inside sled, in the same transaction as each change;
//! the other beside it, in a file of two slots, so that sled's own silent losses are seen.
//!
//! `heads` is 2 × 4096 bytes, made at once and only ever written in place. A slot is
//! `"PAIHEAD\0" | version u16 | length u16 | sealed head | zeros`, both little-endian. A slot is one
//! page and is written after sled's own sync, so it never claims what sled does not have. Between two
//! syncs of the file only one slot is written: the other is whole on the disk, whatever the power does.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use pocket_core::audit;
use pocket_crypto::{Context, OpenError, Sealer};
use serde::{Deserialize, Serialize};

use crate::atomic::{read_if_there, write_atomically};

/// The file's name.
pub(crate) const HEADS: &str = "heads";
const MAGIC: &[u8; 8] = b"PAIHEAD\0";
/// Format of a slot.
pub(crate) const VERSION: u16 = 1;
const SLOT: usize = 4096;
const HEADER: usize = 12;

/// What the store must hold after a commit. This shape is version 1 of the format: a change of it is
/// a new version, and a frozen reader of this one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Head {
    /// Grows by one with each commit.
    pub(crate) commit: u64,
    audit_sequence: u64,
    audit_mac: [u8; 32],
    shelves: Vec<ShelfHead>,
}

/// What one tree must hold.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ShelfHead {
    pub(crate) code: u8,
    pub(crate) generation: u32,
    /// Rows, the segments of one counted once.
    pub(crate) rows: u64,
    /// XOR of a keyed MAC of each row: does not depend on their order, can't be made without the key.
    pub(crate) digest: [u8; 32],
}

impl ShelfHead {
    pub(crate) fn empty(code: u8, generation: u32) -> Self {
        Self {
            code,
            generation,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, element: &[u8; 32]) {
        self.rows = self.rows.saturating_add(1);
        self.toggle(element);
    }

    pub(crate) fn take(&mut self, element: &[u8; 32]) {
        self.rows = self.rows.saturating_sub(1);
        self.toggle(element);
    }

    fn toggle(&mut self, element: &[u8; 32]) {
        self.digest
            .iter_mut()
            .zip(element)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
}

impl Head {
    pub(crate) fn audit(&self) -> audit::Head {
        audit::Head {
            sequence: self.audit_sequence,
            mac: audit::Mac(self.audit_mac),
        }
    }

    pub(crate) fn set_audit(&mut self, head: audit::Head) {
        self.audit_sequence = head.sequence;
        self.audit_mac = head.mac.0;
    }

    /// What a shelf must hold in that generation.
    pub(crate) fn shelf(&self, code: u8, generation: u32) -> Option<ShelfHead> {
        let mut shelves = self.shelves.iter().copied();
        shelves.find(|shelf| (shelf.code, shelf.generation) == (code, generation))
    }

    /// What a shelf must hold in the newest generation that is known.
    pub(crate) fn newest(&self, code: u8) -> Option<ShelfHead> {
        let generations = self.shelves.iter().copied().filter(|shelf| shelf.code == code);
        generations.max_by_key(|shelf| shelf.generation)
    }

    /// Says what a shelf must hold in one generation. What is known of others stays: while a category
    /// is re-keyed there are two, and the keyring says which of them counts.
    pub(crate) fn set_shelf(&mut self, head: ShelfHead) {
        let same = |shelf: &&mut ShelfHead| (shelf.code, shelf.generation) == (head.code, head.generation);
        match self.shelves.iter_mut().find(same) {
            Some(shelf) => *shelf = head,
            None => self.shelves.push(head),
        }
    }

    /// The same, and forgets every other generation.
    pub(crate) fn set_only_shelf(&mut self, head: ShelfHead) {
        self.shelves.retain(|shelf| shelf.code != head.code);
        self.shelves.push(head);
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("encoding into memory can't fail")
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = postcard::take_from_bytes(bytes).ok()?;
        rest.is_empty().then_some(head)
    }
}

/// What the head file said.
pub(crate) enum Outside {
    /// It was made and never written: creating the store was cut.
    Blank,
    /// Neither slot can be read.
    Damaged,
    /// The newest of its slots.
    Head(Box<Head>),
    /// There is no such file.
    Missing,
    /// Written by a newer version.
    Newer(u16),
}

/// The head file, open.
pub(crate) struct HeadFile {
    file: File,
    /// The slot that is written until the next sync.
    active: u64,
    unsynced: bool,
}

enum Slot {
    Bad,
    Blank,
    Head(Box<Head>),
    Newer(u16),
}

/// Reads the file, and which slot may be overwritten next.
pub(crate) fn read(path: &Path, sealer: &Sealer) -> io::Result<(Outside, u64)> {
    let Some(bytes) = read_if_there(path, 2 * SLOT as u64)? else {
        return Ok((Outside::Missing, 0));
    };
    let slot = |index: usize| {
        bytes
            .get(index * SLOT..(index + 1) * SLOT)
            .map_or(Slot::Bad, |slot| read_slot(slot, sealer))
    };
    Ok(match (slot(0), slot(1)) {
        (Slot::Newer(found), _) | (_, Slot::Newer(found)) => (Outside::Newer(found), 0),
        (Slot::Head(a), Slot::Head(b)) if a.commit >= b.commit => (Outside::Head(a), 1),
        (_, Slot::Head(b)) => (Outside::Head(b), 0),
        (Slot::Head(a), _) => (Outside::Head(a), 1),
        (Slot::Blank, Slot::Blank) => (Outside::Blank, 0),
        (Slot::Bad | Slot::Blank, Slot::Bad | Slot::Blank) => (Outside::Damaged, 0),
    })
}

fn read_slot(slot: &[u8], sealer: &Sealer) -> Slot {
    if slot.iter().all(|&byte| byte == 0) {
        return Slot::Blank;
    }
    let parsed = slot.strip_prefix(MAGIC).and_then(|rest| {
        let (version, rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let sealed = rest.get(..usize::from(u16::from_le_bytes(*length)))?;
        Some((u16::from_le_bytes(*version), sealed))
    });
    let Some((version, sealed)) = parsed else {
        return Slot::Bad;
    };
    // A flipped bit in the version must not look like the future: it has to authenticate as such.
    match sealer.open(&context(version), sealed) {
        Ok(_) if version > VERSION => Slot::Newer(version),
        Ok(plain) => Head::decode(&plain).map_or(Slot::Bad, |head| Slot::Head(Box::new(head))),
        Err(
            OpenError::UnknownSuite(_)
            | OpenError::NotAuthentic
            | OpenError::TooShort
            | OpenError::BadPadding,
        ) => Slot::Bad,
    }
}

/// Reads `bytes` as a slot.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any_slot(bytes: &[u8], sealer: &Sealer) {
    let framed = [MAGIC.as_slice(), bytes].concat();
    for bytes in [bytes, &framed] {
        std::hint::black_box(matches!(read_slot(bytes, sealer), Slot::Head(_)));
    }
}

fn context(version: u16) -> Context<'static> {
    Context {
        category: u8::MAX,
        generation: 0,
        id: HEADS.as_bytes(),
        schema: version,
    }
}

impl HeadFile {
    /// Opens the file, with both slots of full length; makes it if it is missing or short.
    pub(crate) fn open(path: &Path, active: u64) -> io::Result<Self> {
        let whole = path
            .metadata()
            .is_ok_and(|metadata| metadata.len() == 2 * SLOT as u64);
        if !whole {
            write_atomically(path, &[0; 2 * SLOT], 0o600)?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // What a killed process left in the page cache must not count as being on the disk.
        file.sync_data()?;
        Ok(Self {
            file,
            active,
            unsynced: false,
        })
    }

    /// Writes the head in place; on the disk with the next [`HeadFile::sync`].
    pub(crate) fn write(&mut self, head: &Head, sealer: &Sealer) -> io::Result<()> {
        let sealed = sealer.seal(&mut rand::rng(), &context(VERSION), &head.encode());
        let length = u16::try_from(sealed.len())
            .ok()
            .filter(|_| HEADER + sealed.len() <= SLOT);
        let length = length.ok_or_else(|| io::Error::other("the head does not fit its slot"))?;
        let mut slot = Vec::with_capacity(SLOT);
        slot.extend_from_slice(MAGIC);
        slot.extend_from_slice(&VERSION.to_le_bytes());
        slot.extend_from_slice(&length.to_le_bytes());
        slot.extend_from_slice(&sealed);
        slot.resize(SLOT, 0);
        self.unsynced = true;
        self.file.write_all_at(&slot, self.active * SLOT as u64)
    }

    /// Brings what was written to the disk, and turns to the other slot.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
            self.active ^= 1;
        }
        Ok(())
    }
}
