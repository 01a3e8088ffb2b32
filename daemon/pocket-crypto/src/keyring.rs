//! The keyring: who may open the ring of keys (the slots), and the ring itself, sealed.
//!
//! ```text
//! file  "PAIKEYS\0" | version u16 little-endian | body | SHA-256 of all before
//! body  postcard of: ring id, counter, slots, sealed key table
//! ```
//!
//! Like LUKS, each slot wraps the same ROOT under a key of its own, and a key-check value tells a
//! wrong passphrase from damage. ROOT seals the key table and does nothing else. The table's
//! associated data covers the ring id, the counter and every slot: a slot that was taken out, put
//! in or brought back from an older file is noticed as soon as the ring is unlocked.
//!
//! Later versions keep the magic, the version and the checksum where they are, so that a newer file
//! is told from a damaged one.

mod slot;
mod table;
mod unlocked;

use rand::CryptoRng;
use sha2::{Digest, Sha256};

use crate::encode::join;
use crate::labels;
use crate::passphrase::KdfParams;
use crate::recovery::RecoveryKey;
use crate::seal::Sealer;
use crate::secret::{Key, SecretBytes};

pub use slot::SlotKind;
use slot::{Slot, device_key, passphrase_key, recovery_key};
use table::Table;
pub use unlocked::{CategoryKeys, EditError, NextKeys, Unlocked};

const MAGIC: &[u8; 8] = b"PAIKEYS\0";
const VERSION: u16 = 1;
const CHECKSUM: usize = 32;
/// A keyring is a few kilobytes; a larger file is not read further.
pub const MAX_FILE: usize = 256 * 1024;

/// A keyring as it lies on disk: locked.
// Not serde: `parse` is the only way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyring {
    ring_id: [u8; 16],
    counter: u64,
    slots: Vec<Slot>,
    sealed_table: Vec<u8>,
}

/// Why bytes are not a keyring that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// It was a keyring once.
    #[error("the keyring is damaged ({0}): restore the other copy or a backup of it")]
    Damaged(&'static str),
    /// Written by a later version.
    #[error("the keyring has format {found} and this version knows up to {known}: update the software")]
    Newer {
        /// The file's format.
        found: u16,
        /// The newest that is known here.
        known: u16,
    },
    /// It never was one.
    #[error("this file is not a keyring")]
    NotAKeyring,
}

/// Why a keyring did not unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnlockError {
    /// The key is right, but what it opens is not whole.
    #[error("the key is right, but the keyring is damaged ({0}): restore the other copy or a backup of it")]
    Damaged(&'static str),
    /// The device secret is another device's.
    #[error("the device secret belongs to another device or was replaced: use the recovery key")]
    DeviceSecretForeign,
    /// The slot needs the device secret and none was given.
    #[error("the device secret is missing: bring its storage back, or use the recovery key")]
    DeviceSecretMissing,
    /// No such way in was set up.
    #[error("this keyring has no {0} slot")]
    NoSuchSlot(SlotKind),
    /// The passphrase is not the owner's.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// Well written, but of another ring, or replaced since.
    #[error("this recovery key does not belong to this device, or a newer one replaced it")]
    WrongRecoveryKey,
}

/// How many ways of opening were tried, and how many worked: the proof after a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Attempts {
    /// Attempts made.
    pub tried: u32,
    /// Attempts that opened something. After a reset: zero.
    pub opened: u32,
}

impl Keyring {
    /// A new ring with fresh keys for each of `codes`, and no way in yet: set at least one slot
    /// before [`Unlocked::to_keyring`].
    pub fn create(rng: &mut impl CryptoRng, codes: &[u8]) -> Unlocked {
        Unlocked::create(rng, codes)
    }

    /// Reads a keyring file. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// See [`KeyringError`]; a newer format is told from damage.
    pub fn parse(file: &[u8]) -> Result<Self, KeyringError> {
        let rest = file.strip_prefix(MAGIC).ok_or(KeyringError::NotAKeyring)?;
        if file.len() > MAX_FILE {
            return Err(KeyringError::Damaged("too long"));
        }
        let (version, rest) = rest
            .split_first_chunk()
            .ok_or(KeyringError::Damaged("cut short"))?;
        let (body, checksum) = rest
            .split_last_chunk::<CHECKSUM>()
            .ok_or(KeyringError::Damaged("cut short"))?;
        if Sha256::digest(&file[..file.len() - CHECKSUM]).as_slice() != checksum {
            return Err(KeyringError::Damaged("checksum"));
        }
        match u16::from_le_bytes(*version) {
            VERSION => Self::parse_body(body),
            0 => Err(KeyringError::Damaged("version")),
            found => Err(KeyringError::Newer {
                found,
                known: VERSION,
            }),
        }
    }

    fn parse_body(body: &[u8]) -> Result<Self, KeyringError> {
        let ((ring_id, counter, slots, sealed_table), rest) =
            postcard::take_from_bytes::<([u8; 16], u64, Vec<Slot>, Vec<u8>)>(body)
                .map_err(|_| KeyringError::Damaged("structure"))?;
        if !rest.is_empty() {
            return Err(KeyringError::Damaged("trailing bytes"));
        }
        slot::check_slots(&slots).map_err(KeyringError::Damaged)?;
        Ok(Self {
            ring_id,
            counter,
            slots,
            sealed_table,
        })
    }

    /// The keyring file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&VERSION.to_le_bytes());
        let body = (self.ring_id, self.counter, &self.slots, &self.sealed_table);
        file.extend(postcard::to_allocvec(&body).expect("encoding into memory can't fail"));
        let checksum = Sha256::digest(&file);
        file.extend_from_slice(&checksum);
        file
    }

    /// The device's identity: random, not secret.
    pub fn ring_id(&self) -> [u8; 16] {
        self.ring_id
    }

    /// Grows with each write: of two whole copies the higher one is current.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// Salt and parameters for [`crate::passphrase::derive`], if there is a passphrase slot.
    pub fn passphrase_params(&self) -> Option<([u8; 32], KdfParams)> {
        let slot = self.slot(SlotKind::Passphrase).ok()?;
        Some((slot.salt, slot.kdf?))
    }

    /// Whether this way in was set up.
    pub fn has_slot(&self, kind: SlotKind) -> bool {
        self.slot(kind).is_ok()
    }

    /// Checks the device secret against the slot, without the second that Argon2id takes.
    ///
    /// # Errors
    /// The same as unlocking with it would give.
    pub fn check_device(&self, kind: SlotKind, device: Option<&Key>) -> Result<(), UnlockError> {
        self.slot(kind)?.check_device(&self.ring_id, device)
    }

    /// Unlocks with the passphrase's Argon2id output and, if the slot was made with it, the device
    /// secret.
    ///
    /// # Errors
    /// Names what is wrong: passphrase, device secret, slot or file.
    pub fn unlock_passphrase(&self, derived: &Key, device: Option<&Key>) -> Result<Unlocked, UnlockError> {
        let slot = self.slot(SlotKind::Passphrase)?;
        slot.check_device(&self.ring_id, device)?;
        // A slot made without the device secret doesn't mix in one that appeared later.
        let device = device.filter(|_| slot.device_check.is_some());
        let key = passphrase_key(derived, device, &slot.salt);
        self.unlock(slot, &key, UnlockError::WrongPassphrase)
    }

    /// Unlocks with the device secret alone.
    ///
    /// # Errors
    /// [`UnlockError::DeviceSecretForeign`], [`UnlockError::NoSuchSlot`] or [`UnlockError::Damaged`].
    pub fn unlock_device(&self, device: &Key) -> Result<Unlocked, UnlockError> {
        let slot = self.slot(SlotKind::Device)?;
        slot.check_device(&self.ring_id, Some(device))?;
        self.unlock(
            slot,
            &device_key(device, &slot.salt),
            UnlockError::DeviceSecretForeign,
        )
    }

    /// Unlocks with the recovery key; works without the device secret.
    ///
    /// # Errors
    /// [`UnlockError::WrongRecoveryKey`], [`UnlockError::NoSuchSlot`] or [`UnlockError::Damaged`].
    pub fn unlock_recovery(&self, recovery: &RecoveryKey) -> Result<Unlocked, UnlockError> {
        let slot = self.slot(SlotKind::Recovery)?;
        self.unlock(
            slot,
            &recovery_key(recovery, &slot.salt),
            UnlockError::WrongRecoveryKey,
        )
    }

    /// Tries every candidate in every role: as a slot's key, as the device secret, as the Argon2id
    /// output (alone and with every candidate as the device secret), as ROOT and as the table's own
    /// key. Checks are left aside and opening itself is tried, so the count is a proof.
    pub fn attempt_all(&self, candidates: &[&Key]) -> Attempts {
        let mut attempts = Attempts { tried: 0, opened: 0 };
        let mut count = |opened: bool| {
            attempts.tried = attempts.tried.saturating_add(1);
            attempts.opened = attempts.opened.saturating_add(u32::from(opened));
        };
        for &candidate in candidates {
            for slot in &self.slots {
                let derived = [
                    device_key(candidate, &slot.salt),
                    passphrase_key(candidate, None, &slot.salt),
                ];
                let paired = candidates
                    .iter()
                    .map(|&device| passphrase_key(candidate, Some(device), &slot.salt));
                count(slot.unwrap_root(&self.ring_id, candidate).is_ok());
                for key in derived.into_iter().chain(paired) {
                    count(slot.unwrap_root(&self.ring_id, &key).is_ok());
                }
            }
            count(self.open_table(candidate).is_some());
            let associated = self.table_binding();
            count(
                Sealer::new(candidate)
                    .open_bound(&associated, &self.sealed_table)
                    .is_ok(),
            );
        }
        attempts
    }

    fn slot(&self, kind: SlotKind) -> Result<&Slot, UnlockError> {
        let found = self.slots.iter().find(|slot| slot.kind == kind);
        found.ok_or(UnlockError::NoSuchSlot(kind))
    }

    fn unlock(&self, slot: &Slot, key: &Key, wrong: UnlockError) -> Result<Unlocked, UnlockError> {
        if !slot.is_key(&self.ring_id, key) {
            return Err(wrong);
        }
        let root = slot
            .unwrap_root(&self.ring_id, key)
            .map_err(|_| UnlockError::Damaged("wrapped root"))?;
        let table = self.open_table(&root).ok_or(UnlockError::Damaged("key table"))?;
        Unlocked::open(self, root, table).ok_or(UnlockError::Damaged("slot list"))
    }

    fn open_table(&self, root: &Key) -> Option<Table> {
        let sealer = Sealer::new(&root.derive(labels::KEY_TABLE, &self.ring_id));
        let opened = sealer
            .open_bound(&self.table_binding(), &self.sealed_table)
            .ok()?;
        Table::from_bytes(&SecretBytes::new(opened.to_vec()))
    }

    /// Seals the table of a new keyring, whose other parts are already in place.
    fn seal_table(&mut self, rng: &mut impl CryptoRng, root: &Key, table: &Table) {
        let sealer = Sealer::new(&root.derive(labels::KEY_TABLE, &self.ring_id));
        self.sealed_table = sealer.seal_bound(rng, &self.table_binding(), table.to_bytes().expose_bytes());
    }

    /// What the sealed table is bound to: everything else in the file.
    fn table_binding(&self) -> Vec<u8> {
        let slots = postcard::to_allocvec(&self.slots).expect("encoding into memory can't fail");
        join(&[
            &VERSION.to_be_bytes(),
            &self.ring_id,
            &self.counter.to_be_bytes(),
            &slots,
        ])
    }
}

#[cfg(test)]
mod tests;
