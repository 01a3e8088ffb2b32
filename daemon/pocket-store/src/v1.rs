//! Version 1 of what is sealed in a row. Frozen: a row written once is read for ever.
//!
//! [`Record`] has not changed since, so its shape is not repeated here; a test holds the bytes of one
//! record of each kind. Whoever changes [`Record`] raises [`Record::SCHEMA`], sees that test go red,
//! and copies the old shape into this file.

use std::sync::Arc;

use pocket_core::{Content, Entry, Origin, Record, RecordId, Timestamp};
use pocket_crypto::Key;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::blob::BlobRef;
use crate::shelf::{Known, Version};

/// The schema number of this module.
pub(crate) const SCHEMA: u16 = 1;

#[derive(Deserialize)]
struct StoredV1 {
    id: [u8; 16],
    created: i64,
    updated: i64,
    revision: u32,
    origin: OriginV1,
    blob: Option<BlobRefV1>,
    record: Record,
}

/// The same, for writing without a copy.
#[derive(Serialize)]
struct StoredV1Ref<'a> {
    id: [u8; 16],
    created: i64,
    updated: i64,
    revision: u32,
    origin: OriginV1,
    blob: Option<BlobRefV1>,
    record: &'a Record,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
enum OriginV1 {
    Agent,
    Import,
    Owner,
    // Last: the place of each is what is written.
    Broker,
}

/// A sealed file, as a row names it.
#[derive(Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct BlobRefV1 {
    name: [u8; 32],
    key: [u8; 32],
    size: u64,
    code: u8,
}

impl From<Origin> for OriginV1 {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Agent => Self::Agent,
            Origin::Broker => Self::Broker,
            Origin::Import => Self::Import,
            Origin::Owner => Self::Owner,
        }
    }
}

impl From<OriginV1> for Origin {
    fn from(origin: OriginV1) -> Self {
        match origin {
            OriginV1::Agent => Self::Agent,
            OriginV1::Broker => Self::Broker,
            OriginV1::Import => Self::Import,
            OriginV1::Owner => Self::Owner,
        }
    }
}

impl From<&BlobRef> for BlobRefV1 {
    fn from(blob: &BlobRef) -> Self {
        Self {
            name: blob.name,
            key: *blob.key.expose_bytes(),
            size: blob.size,
            code: blob.code,
        }
    }
}

impl From<&BlobRefV1> for BlobRef {
    fn from(blob: &BlobRefV1) -> Self {
        Self {
            name: blob.name,
            key: Arc::new(Key::from_bytes(blob.key)),
            size: blob.size,
            code: blob.code,
        }
    }
}

/// The plaintext of a record's row.
pub(crate) fn encode(entry: &Entry, blob: Option<&BlobRef>) -> Zeroizing<Vec<u8>> {
    let stored = StoredV1Ref {
        id: *entry.id.as_bytes(),
        created: entry.created.millis(),
        updated: entry.updated.millis(),
        revision: entry.revision,
        origin: entry.origin.into(),
        blob: blob.map(BlobRefV1::from),
        record: entry.content.record(),
    };
    to_bytes(&stored)
}

/// Reads it back; `None` when the bytes are not exactly that.
pub(crate) fn decode(plain: &[u8]) -> Option<(Entry, Option<BlobRef>)> {
    let (stored, rest) = postcard::take_from_bytes::<StoredV1>(plain).ok()?;
    let entry = Entry {
        id: RecordId::from_bytes(stored.id),
        created: Timestamp::from_millis(stored.created),
        updated: Timestamp::from_millis(stored.updated),
        revision: stored.revision,
        origin: stored.origin.into(),
        content: Content::unsealed(stored.record),
    };
    rest.is_empty()
        .then_some((entry, stored.blob.as_ref().map(BlobRef::from)))
}

/// A row whose content lies in a sealed file: what the index must know without opening that.
#[derive(Deserialize, Serialize)]
pub(crate) struct StubV1 {
    content: BlobRefV1,
    id: [u8; 16],
    created: i64,
    updated: i64,
    revision: u32,
    blob: Option<BlobRefV1>,
    name: String,
}

impl StubV1 {
    /// For a record.
    pub(crate) fn of_record(content: &BlobRef, entry: &Entry, blob: Option<&BlobRef>) -> Self {
        Self {
            content: content.into(),
            id: *entry.id.as_bytes(),
            created: entry.created.millis(),
            updated: entry.updated.millis(),
            revision: entry.revision,
            blob: blob.map(BlobRefV1::from),
            name: String::new(),
        }
    }

    /// For a row that is known by a name, or by no more than its key.
    pub(crate) fn of_named(content: &BlobRef, name: &str) -> Self {
        Self {
            content: content.into(),
            id: [0; 16],
            created: 0,
            updated: 0,
            revision: 0,
            blob: None,
            name: name.to_owned(),
        }
    }

    pub(crate) fn content(&self) -> BlobRef {
        BlobRef::from(&self.content)
    }

    pub(crate) fn id(&self) -> RecordId {
        RecordId::from_bytes(self.id)
    }

    pub(crate) fn known(&self) -> Known {
        Known {
            created: Timestamp::from_millis(self.created),
            version: Version {
                updated: Timestamp::from_millis(self.updated),
                revision: self.revision,
            },
        }
    }

    pub(crate) fn blob(&self) -> Option<BlobRef> {
        self.blob.as_ref().map(BlobRef::from)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The plaintext of the stub's row.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(self)
    }

    /// Reads it back.
    pub(crate) fn decode(plain: &[u8]) -> Option<Self> {
        let (stub, rest) = postcard::take_from_bytes::<Self>(plain).ok()?;
        rest.is_empty().then_some(stub)
    }
}

/// The row of a search index.
#[derive(Deserialize, Serialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct IndexV1 {
    files: Vec<BlobRefV1>,
    note: Vec<u8>,
}

impl IndexV1 {
    pub(crate) fn new(files: &[BlobRef], note: &[u8]) -> Self {
        Self {
            files: files.iter().map(BlobRefV1::from).collect(),
            note: note.to_vec(),
        }
    }

    pub(crate) fn files(&self) -> Vec<BlobRef> {
        self.files.iter().map(BlobRef::from).collect()
    }

    pub(crate) fn note(&self) -> &[u8] {
        &self.note
    }

    /// The plaintext of the row.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        to_bytes(self)
    }

    /// Reads it back.
    pub(crate) fn decode(plain: &[u8]) -> Option<Self> {
        let (stored, rest) = postcard::take_from_bytes::<Self>(plain).ok()?;
        rest.is_empty().then_some(stored)
    }
}

/// The plaintext of a system row: its name, then the bytes.
pub(crate) fn encode_named(name: &str, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    to_bytes(&(name, bytes))
}

/// Reads it back.
pub(crate) fn decode_named(plain: &[u8]) -> Option<(String, Zeroizing<Vec<u8>>)> {
    let ((name, bytes), rest) = postcard::take_from_bytes::<(String, Vec<u8>)>(plain).ok()?;
    rest.is_empty().then(|| (name, Zeroizing::new(bytes)))
}

fn to_bytes(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(postcard::to_stdvec(value).expect("encoding into memory can't fail"))
}
