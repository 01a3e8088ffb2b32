//! A row: one sealed value, split over as many keys of a tree as it takes.
//!
//! Measured: sled loses values over 4 kB at a power cut, so no value is longer than [`SEGMENT`].
//! The first segment, under the row's blinded key, is
//! `kind u8 | schema u16 | sealed length u32 | sealed bytes`, little-endian; each further one, under
//! the MAC of that key and its number, is `0xFF | sealed bytes`. Kind, key and schema are bound into
//! the seal. A value that would take more than [`INLINE`] bytes lies in a sealed file, and the row
//! is a stub that names it; so does one that would make its commit too large. The row of a search index
//! is the exception: it names files itself, must be read when they are gone, and has a bound of its own.

use std::ops::Deref;

use pocket_crypto::{Context, OpenError, Sealer, padme};
use sled::IVec;
use zeroize::Zeroizing;

use crate::keys::ShelfKeys;

/// Longest value given to sled, in bytes.
const SEGMENT: usize = 3_500;
/// Longest sealed row that is given to sled, but for a search index: five segments. sled writes each several times over.
const INLINE: u64 = 16 * 1024;
/// Longest sealed row that is read from sled: what an earlier version gave it.
const LARGEST: usize = 56_000;
const HEADER: usize = 7;
/// Length of the key of a further segment, in bytes.
const SEGMENT_KEY: u64 = 16;
/// More than sealing adds before padding, in bytes.
const SEALING: u64 = 64;
const FURTHER: u8 = 0xff;
/// Added to the kind of a row whose content is a sealed file.
const STUB: u8 = 0x40;

/// What a row is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Audit,
    Head,
    /// Names the files of the search index.
    Index,
    Record,
    System,
    Value,
}

impl Kind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Record => 1,
            Self::Value => 2,
            Self::System => 3,
            Self::Audit => 4,
            Self::Head => 5,
            Self::Index => 6,
        }
    }

    /// The schema that rows of this kind are written with. Each kind counts on its own.
    pub(crate) const fn schema(self) -> u16 {
        match self {
            Self::Record => crate::v1::SCHEMA,
            Self::Value => 0xfffe,
            Self::System | Self::Audit | Self::Head | Self::Index => 1,
        }
    }
}

/// A row as it lies in the tree, sealed.
pub(crate) struct Row {
    pub(crate) kind: u8,
    pub(crate) schema: u16,
    pub(crate) sealed: Sealed,
}

/// The sealed bytes of a row.
pub(crate) enum Sealed {
    /// In the first segment, which holds them all, behind its header: not copied.
    First(IVec),
    /// Put together, or just made.
    Whole(Vec<u8>),
}

impl Deref for Sealed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::First(segment) => &segment[HEADER..],
            Self::Whole(bytes) => bytes,
        }
    }
}

/// Why a row could not be put together.
pub(crate) enum Fault {
    /// sled failed.
    Engine(sled::Error),
    /// A segment is missing or malformed.
    Torn,
}

impl Row {
    /// Seals `plain` for `key`.
    pub(crate) fn seal(keys: &ShelfKeys, key: &[u8], kind: Kind, plain: &[u8]) -> Self {
        Self::seal_as(keys, key, kind.code(), kind.schema(), plain)
    }

    /// Seals the plaintext of a stub for `key`.
    pub(crate) fn seal_stub(keys: &ShelfKeys, key: &[u8], kind: Kind, plain: &[u8]) -> Self {
        Self::seal_as(keys, key, kind.code() | STUB, kind.schema(), plain)
    }

    /// Seals the plaintext that this row had under other keys.
    pub(crate) fn seal_again(&self, keys: &ShelfKeys, key: &[u8], plain: &[u8]) -> Self {
        Self::seal_as(keys, key, self.kind, self.schema, plain)
    }

    fn seal_as(keys: &ShelfKeys, key: &[u8], kind: u8, schema: u16, plain: &[u8]) -> Self {
        let bound = bound(kind, key);
        let sealed = sealer(keys, kind).seal(&mut rand::rng(), &context(keys, &bound, schema), plain);
        Self {
            kind,
            schema,
            sealed: Sealed::Whole(sealed),
        }
    }

    /// Opens it.
    pub(crate) fn open(&self, keys: &ShelfKeys, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let bound = bound(self.kind, key);
        sealer(keys, self.kind).open(&context(keys, &bound, self.schema), &self.sealed)
    }

    /// Whether its content lies in a sealed file.
    pub(crate) fn is_stub(&self) -> bool {
        self.kind & STUB != 0
    }

    /// Whether it is of this kind, stub or not.
    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind & !STUB == kind.code()
    }

    /// At most how many bytes a plaintext of that many takes once it is sealed.
    pub(crate) fn sealed_length(plain: usize) -> u64 {
        padme((plain as u64).saturating_add(SEALING))
    }

    /// Whether a row of that sealed length is too long for sled.
    pub(crate) const fn is_oversize(sealed: u64) -> bool {
        sealed > INLINE
    }

    /// What it adds to the digest of its shelf.
    pub(crate) fn element(&self, keys: &ShelfKeys, key: &[u8]) -> [u8; 32] {
        keys.element(key, self.kind, self.schema, &self.sealed)
    }

    /// The keys and values that it becomes.
    pub(crate) fn segments(&self, keys: &ShelfKeys, key: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let length = u32::try_from(self.sealed.len()).expect("a row is at most 56 kB");
        let (head, rest) = self.sealed.split_at(self.sealed.len().min(SEGMENT - HEADER));
        let mut first = vec![self.kind];
        first.extend_from_slice(&self.schema.to_le_bytes());
        first.extend_from_slice(&length.to_le_bytes());
        first.extend_from_slice(head);
        let further = rest.chunks(SEGMENT - 1).zip(1u32..);
        let further = further.map(|(piece, number)| {
            let value = [&[FURTHER], piece].concat();
            (segment_key(keys, key, number), value)
        });
        std::iter::once((key.to_vec(), first)).chain(further).collect()
    }

    /// Bytes that it takes in a tree under a key of `key` bytes, all keys and values together.
    pub(crate) fn stored_length(&self, key: usize) -> u64 {
        let further = u64::from(further_segments(self.sealed.len()));
        let first = key.saturating_add(HEADER).saturating_add(self.sealed.len());
        further
            .saturating_mul(SEGMENT_KEY + 1)
            .saturating_add(u64::try_from(first).unwrap_or(u64::MAX))
    }

    /// The keys that it lies under.
    pub(crate) fn segment_keys(&self, keys: &ShelfKeys, key: &[u8]) -> Vec<Vec<u8>> {
        let further = (1..=further_segments(self.sealed.len())).map(|number| segment_key(keys, key, number));
        std::iter::once(key.to_vec()).chain(further).collect()
    }

    /// Puts a row together from its first segment; `None` when that is a further one of another row.
    pub(crate) fn gather(
        tree: &sled::Tree,
        keys: &ShelfKeys,
        key: &[u8],
        first: &IVec,
    ) -> Result<Option<Self>, Fault> {
        let (&kind, rest) = first.split_first().ok_or(Fault::Torn)?;
        if kind == FURTHER {
            return Ok(None);
        }
        let (schema, rest) = rest.split_first_chunk::<2>().ok_or(Fault::Torn)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(Fault::Torn)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Fault::Torn)?;
        if length > LARGEST {
            return Err(Fault::Torn);
        }
        if rest.len() == length {
            return Ok(Some(Self {
                kind,
                schema: u16::from_le_bytes(*schema),
                sealed: Sealed::First(first.clone()),
            }));
        }
        let mut sealed = Vec::with_capacity(length);
        sealed.extend_from_slice(rest);
        for number in 1..=further_segments(length) {
            let value = tree
                .get(segment_key(keys, key, number))
                .map_err(Fault::Engine)?
                .ok_or(Fault::Torn)?;
            sealed.extend_from_slice(value.strip_prefix(&[FURTHER]).ok_or(Fault::Torn)?);
        }
        if sealed.len() != length {
            return Err(Fault::Torn);
        }
        Ok(Some(Self {
            kind,
            schema: u16::from_le_bytes(*schema),
            sealed: Sealed::Whole(sealed),
        }))
    }

    /// What the seal of a row is bound to besides its shelf: for the proof of a reset.
    pub(crate) fn binding(&self, key: &[u8]) -> Vec<u8> {
        bound(self.kind, key)
    }

    /// Reads a row by its key.
    pub(crate) fn read(tree: &sled::Tree, keys: &ShelfKeys, key: &[u8]) -> Result<Option<Self>, Fault> {
        match tree.get(key).map_err(Fault::Engine)? {
            None => Ok(None),
            Some(first) => Self::gather(tree, keys, key, &first)?
                .ok_or(Fault::Torn)
                .map(Some),
        }
    }
}

/// The newest schema of a kind that this version reads; `None` for a kind that it does not know.
pub(crate) fn known_schema(kind: u8) -> Option<u16> {
    [
        Kind::Record,
        Kind::Value,
        Kind::System,
        Kind::Audit,
        Kind::Head,
        Kind::Index,
    ]
    .into_iter()
    .find(|known| known.code() == kind & !STUB)
    .map(Kind::schema)
}

fn further_segments(length: usize) -> u32 {
    let rest = length.saturating_sub(SEGMENT - HEADER);
    u32::try_from(rest.div_ceil(SEGMENT - 1)).unwrap_or(u32::MAX)
}

fn segment_key(keys: &ShelfKeys, key: &[u8], number: u32) -> Vec<u8> {
    keys.row_key(&[b"segment", key, &number.to_be_bytes()]).to_vec()
}

/// What seals rows of a kind.
fn sealer(keys: &ShelfKeys, kind: u8) -> &Sealer {
    if kind & !STUB == Kind::Index.code() {
        &keys.index
    } else {
        &keys.sealer
    }
}

fn bound(kind: u8, key: &[u8]) -> Vec<u8> {
    [&[kind], key].concat()
}

fn context<'a>(keys: &ShelfKeys, bound: &'a [u8], schema: u16) -> Context<'a> {
    Context {
        category: keys.code,
        generation: keys.generation,
        id: bound,
        schema,
    }
}
