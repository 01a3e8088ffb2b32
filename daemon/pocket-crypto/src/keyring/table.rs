//! The key table: everything that ROOT seals.

use std::collections::BTreeMap;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::slot::{SlotKind, SlotSecret};
use crate::passphrase::KdfParams;
use crate::recovery::GROUPS;
use crate::secret::{Key, SecretBytes};

/// Room for 256 categories and the slots.
const ENCODED_MAX: usize = 64 * 1024;

/// One generation of a category's keys.
pub(super) struct Entry {
    pub(super) generation: u32,
    pub(super) tree: [u8; 16],
    pub(super) key: Key,
}

/// A category: the keys of its generation, and what stays when it is re-keyed.
pub(super) struct Category {
    pub(super) current: Entry,
    /// What names that come from content are made with. Lives as long as the category's data does.
    pub(super) names: Key,
}

/// The state of the owner's recovery key.
#[derive(Clone)]
pub(super) struct Recovery {
    pub(super) confirmed: bool,
    pub(super) tags: [[u8; 32]; GROUPS],
    pub(super) challenge: [u8; 2],
}

/// The table opened.
pub(super) struct Table {
    /// Random and lasting: what the ring's own keys are derived from. Not ROOT, because ROOT is
    /// replaced when a category is erased and the audit chain must still verify after that.
    pub(super) base: Key,
    pub(super) categories: BTreeMap<u8, Category>,
    pub(super) slots: Vec<SlotSecret>,
    pub(super) recovery: Option<Recovery>,
}

impl Recovery {
    /// Two different groups in ascending order.
    fn is_possible(&self) -> bool {
        let [first, second] = self.challenge;
        first < second && usize::from(second) < GROUPS
    }
}

impl Entry {
    /// Fresh random keys in a fresh tree.
    pub(super) fn generate(rng: &mut impl CryptoRng, generation: u32) -> Self {
        let mut tree = [0; 16];
        rng.fill_bytes(&mut tree);
        Self {
            generation,
            tree,
            key: Key::generate(rng),
        }
    }

    fn duplicate(&self) -> Self {
        Self {
            key: self.key.duplicate(),
            ..*self
        }
    }
}

impl Category {
    /// A copy, for a draft or for the next keys' place in the ring.
    pub(super) fn duplicate(&self) -> Self {
        Self {
            current: self.current.duplicate(),
            names: self.names.duplicate(),
        }
    }
}

impl Table {
    /// A copy for a draft of the ring.
    pub(super) fn duplicate(&self) -> Self {
        let category = |(&code, category): (&u8, &Category)| (code, category.duplicate());
        Self {
            base: self.base.duplicate(),
            categories: self.categories.iter().map(category).collect(),
            slots: self.slots.iter().map(SlotSecret::duplicate).collect(),
            recovery: self.recovery.clone(),
        }
    }

    /// The table's bytes, ready to seal.
    pub(super) fn to_bytes(&self) -> SecretBytes {
        let encoded = EncodedTable::from(self);
        // Of full size from the start: a growing buffer would leave keys in freed memory.
        let mut bytes = vec![0; ENCODED_MAX];
        let length = postcard::to_slice(&encoded, &mut bytes)
            .expect("the table has at most 256 categories and three slots, which fit")
            .len();
        bytes.truncate(length);
        SecretBytes::new(bytes)
    }

    /// Reads the bytes back. None when they are not exactly a table.
    pub(super) fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let (encoded, rest) = postcard::take_from_bytes::<EncodedTable>(bytes.expose_bytes()).ok()?;
        let categories = encoded.categories.len();
        let table = Self::from(&encoded);
        let whole = rest.is_empty() && table.categories.len() == categories;
        (whole && table.recovery.as_ref().is_none_or(Recovery::is_possible)).then_some(table)
    }
}

/// The table as postcard writes it. The only place where keys meet serde: it lives for one call,
/// is wiped on drop, and goes nowhere but into the sealed table.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct EncodedTable {
    base: [u8; 32],
    categories: Vec<EncodedCategory>,
    slots: Vec<EncodedSlot>,
    #[zeroize(skip)]
    recovery: Option<EncodedRecovery>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct EncodedCategory {
    code: u8,
    current: EncodedEntry,
    names: [u8; 32],
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct EncodedEntry {
    generation: u32,
    tree: [u8; 16],
    key: [u8; 32],
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct EncodedSlot {
    id: u8,
    #[zeroize(skip)]
    kind: SlotKind,
    #[zeroize(skip)]
    kdf: Option<KdfParams>,
    salt: [u8; 32],
    device_check: Option<[u8; 16]>,
    key: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct EncodedRecovery {
    confirmed: bool,
    tags: [[u8; 32]; GROUPS],
    challenge: [u8; 2],
}

impl From<&Table> for EncodedTable {
    fn from(table: &Table) -> Self {
        let category = |(&code, category): (&u8, &Category)| EncodedCategory {
            code,
            current: EncodedEntry::from(&category.current),
            names: *category.names.expose_bytes(),
        };
        Self {
            base: *table.base.expose_bytes(),
            categories: table.categories.iter().map(category).collect(),
            slots: table.slots.iter().map(EncodedSlot::from).collect(),
            recovery: table.recovery.as_ref().map(EncodedRecovery::from),
        }
    }
}

impl From<&EncodedTable> for Table {
    fn from(encoded: &EncodedTable) -> Self {
        let category = |category: &EncodedCategory| {
            let current = Entry::from(&category.current);
            let names = Key::from_bytes(category.names);
            (category.code, Category { current, names })
        };
        Self {
            base: Key::from_bytes(encoded.base),
            categories: encoded.categories.iter().map(category).collect(),
            slots: encoded.slots.iter().map(SlotSecret::from).collect(),
            recovery: encoded.recovery.as_ref().map(Recovery::from),
        }
    }
}

impl From<&Entry> for EncodedEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            generation: entry.generation,
            tree: entry.tree,
            key: *entry.key.expose_bytes(),
        }
    }
}

impl From<&EncodedEntry> for Entry {
    fn from(encoded: &EncodedEntry) -> Self {
        Self {
            generation: encoded.generation,
            tree: encoded.tree,
            key: Key::from_bytes(encoded.key),
        }
    }
}

impl From<&SlotSecret> for EncodedSlot {
    fn from(slot: &SlotSecret) -> Self {
        Self {
            id: slot.id,
            kind: slot.kind,
            kdf: slot.kdf,
            salt: slot.salt,
            device_check: slot.device_check,
            key: *slot.key.expose_bytes(),
        }
    }
}

impl From<&EncodedSlot> for SlotSecret {
    fn from(encoded: &EncodedSlot) -> Self {
        Self {
            id: encoded.id,
            kind: encoded.kind,
            kdf: encoded.kdf,
            salt: encoded.salt,
            device_check: encoded.device_check,
            key: Key::from_bytes(encoded.key),
        }
    }
}

impl From<&Recovery> for EncodedRecovery {
    fn from(recovery: &Recovery) -> Self {
        Self {
            confirmed: recovery.confirmed,
            tags: recovery.tags,
            challenge: recovery.challenge,
        }
    }
}

impl From<&EncodedRecovery> for Recovery {
    fn from(encoded: &EncodedRecovery) -> Self {
        Self {
            confirmed: encoded.confirmed,
            tags: encoded.tags,
            challenge: encoded.challenge,
        }
    }
}
