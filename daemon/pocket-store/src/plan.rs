//! What a commit writes, and what follows in memory.

use std::collections::BTreeMap;

use pocket_core::RecordId;

use crate::heads::{Head, ShelfHead};
use crate::shelf::{Index, Known};

/// What a commit will write, and what is to happen in memory once it is written.
pub(crate) struct Plan {
    pub(crate) writes: BTreeMap<u8, BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    pub(crate) head: Head,
    pub(crate) doomed: Vec<[u8; 32]>,
    pub(crate) effects: Vec<(u8, Effect)>,
    /// The rows that come and go, for who is reading the shelf meanwhile.
    pub(crate) counts: Vec<Counted>,
}

impl Plan {
    /// Nothing yet, on top of what `head` describes.
    pub(crate) fn new(head: Head) -> Self {
        Self {
            writes: BTreeMap::new(),
            head,
            doomed: Vec::new(),
            effects: Vec::new(),
            counts: Vec::new(),
        }
    }
}

/// A row that came or went.
pub(crate) struct Counted {
    pub(crate) code: u8,
    pub(crate) key: Vec<u8>,
    pub(crate) element: [u8; 32],
    /// Its length with its keys.
    pub(crate) bytes: u64,
    pub(crate) how: Count,
}

/// Whether a row comes or goes.
#[derive(Clone, Copy)]
pub(crate) enum Count {
    In,
    Out,
}

impl Count {
    pub(crate) fn apply(self, head: &mut ShelfHead, element: &[u8; 32]) {
        match self {
            Self::In => head.add(element),
            Self::Out => head.take(element),
        }
    }
}

/// A change of an index.
pub(crate) enum Effect {
    Blob([u8; 32], u64),
    /// The files of the search index.
    Index(Vec<[u8; 32]>),
    Insert(RecordId, Known, [u8; 16]),
    Name(String),
    NoBlob([u8; 32]),
    NoIndex,
    NoName(String),
    Remove(RecordId),
}

impl Effect {
    pub(crate) fn is_of_record(&self) -> bool {
        matches!(self, Self::Insert(..) | Self::Remove(_))
    }

    pub(crate) fn happen(self, index: &mut Index) {
        match self {
            Self::Blob(name, length) => index.insert_file(name, length),
            Self::Index(names) => index.set_search(Some(names)),
            Self::Insert(id, known, key) => index.insert(id, known, key),
            Self::Name(name) => index.insert_name(name),
            Self::NoBlob(name) => index.remove_file(&name),
            Self::NoIndex => index.set_search(None),
            Self::NoName(name) => index.remove_name(&name),
            Self::Remove(id) => index.remove(id),
        }
    }
}
