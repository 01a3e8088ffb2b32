//! What one operation changes: gathered first, then applied as a whole.

use std::collections::BTreeMap;

use pocket_core::{Category, Entry, RecordId};
use pocket_crypto::SecretBytes;
use zeroize::Zeroizing;

use crate::{BlobRef, Store};

/// Changes that are applied together or not at all. Of several to the same thing the last counts.
#[derive(Default)]
pub struct Changes {
    list: BTreeMap<Subject, Change>,
}

/// What is changed.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Subject {
    /// A record, by its category's code.
    Record(u8, RecordId),
    /// A row of the engine's own, by its name.
    System(String),
    /// The value of a secret.
    Value(RecordId),
}

pub(crate) enum Change {
    Bytes(Zeroizing<Vec<u8>>),
    /// A few bytes that removing must be able to leave behind on a full disk too.
    Mark(Zeroizing<Vec<u8>>),
    Put(Box<Entry>, Option<BlobRef>),
    Remove,
}

impl Changes {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Inserts a record, or replaces the one of its id; the category is its content's. `blob` is its
    /// sealed file: give the old one again ([`crate::Store::blob_of`]), or it is removed.
    #[must_use]
    pub fn put(mut self, entry: Entry, blob: Option<BlobRef>) -> Self {
        let subject = Subject::Record(entry.content.category().code(), entry.id);
        self.list.insert(subject, Change::Put(Box::new(entry), blob));
        self
    }

    /// Removes a record, with its sealed file and, for a secret, its value. No error if it is not there.
    #[must_use]
    pub fn remove(mut self, category: Category, id: RecordId) -> Self {
        self.list
            .insert(Subject::Record(category.code(), id), Change::Remove);
        if category == Category::Secrets {
            self.list.insert(Subject::Value(id), Change::Remove);
        }
        self
    }

    /// Sets the value of a secret, apart from its record.
    #[must_use]
    pub fn put_secret_value(mut self, id: RecordId, value: &SecretBytes) -> Self {
        let bytes = Zeroizing::new(value.expose_bytes().to_vec());
        self.list.insert(Subject::Value(id), Change::Bytes(bytes));
        self
    }

    /// Sets a row of the engine's own.
    #[must_use]
    pub fn put_system(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Zeroizing::new(bytes.into());
        self.list
            .insert(Subject::System(name.to_owned()), Change::Bytes(bytes));
        self
    }

    /// Sets a row of the engine's own, of a few bytes: also when the disk is nearly full, so that what
    /// makes room is not refused for what it has to leave behind.
    #[must_use]
    pub fn mark_system(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Zeroizing::new(bytes.into());
        self.list
            .insert(Subject::System(name.to_owned()), Change::Mark(bytes));
        self
    }

    /// The categories in which they replace or remove what `store` holds.
    pub fn retired(&self, store: &Store) -> Vec<Category> {
        let retires = |category: &Category| {
            let code = category.code();
            self.list.keys().any(|subject| match subject {
                Subject::Record(of, id) => *of == code && store.contains(*category, *id),
                Subject::Value(id) => *category == Category::Secrets && store.contains(*category, *id),
                Subject::System(_) => false,
            })
        };
        Category::ALL.into_iter().filter(retires).collect()
    }

    /// Removes a row of the engine's own. No error if it is not there.
    #[must_use]
    pub fn remove_system(mut self, name: &str) -> Self {
        self.list.insert(Subject::System(name.to_owned()), Change::Remove);
        self
    }

    /// The records that they add, replace or remove.
    pub fn records(&self) -> Vec<(Category, RecordId)> {
        let record = |subject: &Subject| match subject {
            Subject::Record(code, id) => {
                let category = Category::ALL
                    .into_iter()
                    .find(|category| category.code() == *code);
                category.map(|category| (category, *id))
            }
            _ => None,
        };
        self.list.keys().filter_map(record).collect()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether anything is added: what is refused when the disk is nearly full.
    pub(crate) fn adds(&self) -> bool {
        self.list
            .values()
            .any(|change| matches!(change, Change::Bytes(_) | Change::Put(..)))
    }

    /// The names of the sealed files that records are to have.
    pub(crate) fn files(&self) -> impl Iterator<Item = [u8; 32]> {
        self.list.values().filter_map(|change| match change {
            Change::Put(_, blob) => blob.as_ref().map(|blob| blob.name),
            Change::Bytes(_) | Change::Mark(_) | Change::Remove => None,
        })
    }

    /// What is changed.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.list.keys()
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Subject, Change)> {
        self.list.into_iter()
    }
}
