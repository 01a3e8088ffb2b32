//! The keys of the store, derived once from an unlocked ring and kept ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use pocket_core::Category;
use pocket_crypto::keyring::CategoryKeys;
use pocket_crypto::{MacKey, Sealer, Unlocked, labels};

use crate::StoreError;

/// The code of the store's own rows: agents, sessions, settings of the engine, the inside head.
pub(crate) const SYSTEM: u8 = 0;
/// The codes that the keyring must have keys for: 0 for the system, then every category's.
pub const KEY_CODES: [u8; 11] = codes();

const fn codes() -> [u8; 11] {
    let mut codes = [SYSTEM; 11];
    let mut index = 0;
    while index < Category::ALL.len() {
        codes[index + 1] = Category::ALL[index].code();
        index += 1;
    }
    codes
}

/// Every key that the store uses. ROOT is not among them. Wiped on drop.
pub struct KeySet {
    shelves: BTreeMap<u8, ShelfKeys>,
    pub(crate) heads: Sealer,
    pub(crate) audit: Arc<MacKey>,
}

/// The keys of one category, or of the system.
pub(crate) struct ShelfKeys {
    pub(crate) code: u8,
    pub(crate) generation: u32,
    pub(crate) tree: [u8; 16],
    pub(crate) sealer: Sealer,
    /// Of the search index's row.
    pub(crate) index: Sealer,
    rows: MacKey,
    import: MacKey,
    digest: MacKey,
}

impl KeySet {
    /// Derives the keys from an unlocked ring.
    ///
    /// # Errors
    /// [`StoreError::KeysMissing`] when the ring has none for one of [`KEY_CODES`]: add the category
    /// to the ring first (`Unlocked::add_category`).
    pub fn new(unlocked: &Unlocked) -> Result<Self, StoreError> {
        let shelf = |code: u8| -> Result<(u8, ShelfKeys), StoreError> {
            let keys = unlocked.category(code).ok_or(StoreError::KeysMissing { code })?;
            Ok((code, ShelfKeys::derive(code, keys)))
        };
        Ok(Self {
            shelves: KEY_CODES.into_iter().map(shelf).collect::<Result<_, _>>()?,
            heads: Sealer::new(&unlocked.derive(labels::STORE_HEAD, &[])),
            audit: Arc::new(MacKey::new(&unlocked.derive(labels::AUDIT_CHAIN, &[]))),
        })
    }

    pub(crate) fn shelf(&self, code: u8) -> &ShelfKeys {
        self.shelves
            .get(&code)
            .expect("a key set has keys for every code, see KeySet::new")
    }

    pub(crate) fn shelves(&self) -> impl Iterator<Item = &ShelfKeys> {
        self.shelves.values()
    }
}

impl ShelfKeys {
    pub(crate) fn derive(code: u8, keys: CategoryKeys<'_>) -> Self {
        let key = keys.key;
        Self {
            code,
            generation: keys.generation,
            tree: keys.tree,
            sealer: Sealer::new(&key.derive(labels::RECORD_SEAL, &[])),
            index: Sealer::new(&key.derive(labels::INDEX_SEAL, &[])),
            rows: MacKey::new(&key.derive(labels::RECORD_ID, b"row")),
            import: MacKey::new(&keys.names.derive(labels::RECORD_ID, b"import")),
            digest: MacKey::new(&key.derive(labels::SET_DIGEST, &[])),
        }
    }

    /// The blinded key of a row: who reads the tree learns nothing of what is named.
    pub(crate) fn row_key(&self, parts: &[&[u8]]) -> [u8; 16] {
        half(self.rows.mac(parts))
    }

    /// An id that depends on content alone, so that an import done twice finds itself again.
    pub(crate) fn import_id(&self, encoded: &[u8]) -> [u8; 16] {
        half(self.import.mac(&[encoded]))
    }

    /// What a row adds to the digest of its shelf.
    pub(crate) fn element(&self, key: &[u8], kind: u8, schema: u16, sealed: &[u8]) -> [u8; 32] {
        self.digest.mac(&[key, &[kind], &schema.to_le_bytes(), sealed])
    }
}

fn half(whole: [u8; 32]) -> [u8; 16] {
    *whole.first_chunk().expect("16 of 32 bytes")
}

#[cfg(test)]
impl KeySet {
    /// Puts another key in the place of the one of the search index, and of no other.
    pub(crate) fn exchange_index_key(&mut self, code: u8) {
        let shelf = self.shelves.get_mut(&code).expect("a shelf of every code");
        shelf.index = Sealer::new(&pocket_crypto::Key::from_bytes([1; 32]));
    }
}
