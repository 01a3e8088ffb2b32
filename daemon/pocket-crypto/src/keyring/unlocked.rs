//! The ring unlocked: the keys in use, and every change to them.
//!
//! A change is made in memory; it counts once the keyring from [`Unlocked::to_keyring`] is on disk.
//! Make it on a [`Unlocked::draft`], and put the draft in place only when the write succeeded.

use rand::CryptoRng;
use subtle::{Choice, ConstantTimeEq};

use super::Keyring;
use super::slot::{Slot, SlotKind, SlotSecret, device_check, device_key, passphrase_key, recovery_key};
use super::table::{Category, Entry, Recovery, Table};
use crate::labels;
use crate::passphrase::KdfParams;
use crate::recovery::{GROUPS, RecoveryKey, group_tag};
use crate::secret::Key;

/// An unlocked ring. ROOT is wiped when it is dropped, and so is every key.
pub struct Unlocked {
    ring_id: [u8; 16],
    counter: u64,
    root: Key,
    table: Table,
}

/// What seals one category.
#[derive(Clone, Copy)]
pub struct CategoryKeys<'a> {
    /// Part of every record's context.
    pub generation: u32,
    /// The random name of its tree in the store.
    pub tree: [u8; 16],
    /// The category key; derive one key for each use from it.
    pub key: &'a Key,
    /// Makes the ids that come from content: stays when the category is re-keyed, so that what was
    /// imported before is still found, and goes when it is erased.
    pub names: &'a Key,
}

/// Fresh keys for a category, which count once they are in the ring ([`Unlocked::rekey_category`]).
/// Until then they are in memory alone: what they sealed is noise if they never get there.
pub struct NextKeys {
    code: u8,
    category: Category,
}

impl NextKeys {
    /// The keys, to seal the category's records with.
    pub fn keys(&self) -> CategoryKeys<'_> {
        self.category.keys()
    }
}

/// Why a change to the ring was refused; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There already are keys for it.
    #[error("category code {0} already has keys")]
    CategoryExists(u8),
    /// The last way in can't be taken out: no one could open the ring again.
    #[error("the {0} slot is the last way into the keyring: set another one first")]
    LastSlot(SlotKind),
    /// No way in was set.
    #[error("the keyring has no slot yet: no one could open it again")]
    NoSlots,
    /// No keys for this category.
    #[error("category code {0} has no keys")]
    NoSuchCategory(u8),
    /// That way in was not set up.
    #[error("the keyring has no {0} slot")]
    NoSuchSlot(SlotKind),
    /// The category was erased or re-keyed since these keys were made.
    #[error("the keys of category code {0} were replaced meanwhile: begin again")]
    Replaced(u8),
}

impl Unlocked {
    pub(super) fn create(rng: &mut impl CryptoRng, codes: &[u8]) -> Self {
        let mut ring_id = [0; 16];
        rng.fill_bytes(&mut ring_id);
        let root = Key::generate(rng);
        let base = Key::generate(rng);
        let category = |&code: &u8| (code, Category::generate(rng, 1));
        let categories = codes.iter().map(category).collect();
        let table = Table {
            base,
            categories,
            slots: Vec::new(),
            recovery: None,
        };
        Self {
            ring_id,
            counter: 0,
            root,
            table,
        }
    }

    /// None when the file's slots are not those that the table knows.
    pub(super) fn open(keyring: &Keyring, root: Key, table: Table) -> Option<Self> {
        let same = keyring.slots.len() == table.slots.len()
            && table
                .slots
                .iter()
                .zip(&keyring.slots)
                .all(|(secret, slot)| secret.describes(slot));
        same.then_some(Self {
            ring_id: keyring.ring_id,
            counter: keyring.counter,
            root,
            table,
        })
    }

    /// The device's identity: random, not secret.
    pub fn ring_id(&self) -> [u8; 16] {
        self.ring_id
    }

    /// The counter of the keyring that this was opened from or last became.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// A key of the ring's own (audit chain, backups, sessions; see [`labels`]). It stays the same
    /// for the life of the ring, also when a category is erased.
    pub fn derive(&self, label: &str, context: &[u8]) -> Key {
        self.table.base.derive(label, context)
    }

    /// The keys of a category; none for a code that the ring doesn't have.
    pub fn category(&self, code: u8) -> Option<CategoryKeys<'_>> {
        self.table.categories.get(&code).map(Category::keys)
    }

    /// The codes of all categories, ascending.
    pub fn category_codes(&self) -> impl Iterator<Item = u8> {
        self.table.categories.keys().copied()
    }

    /// Whether this way in is set up.
    pub fn has_slot(&self, kind: SlotKind) -> bool {
        self.table.slots.iter().any(|slot| slot.kind == kind)
    }

    /// A copy to change and write. Takes a number from the counter, so that two drafts never become
    /// keyrings with the same one, even if a failed write did reach the disk.
    pub fn draft(&mut self) -> Self {
        self.counter = self.counter.saturating_add(1);
        Self {
            ring_id: self.ring_id,
            counter: self.counter,
            root: self.root.duplicate(),
            table: self.table.duplicate(),
        }
    }

    /// The locked form to write to disk, its counter one higher than the last.
    ///
    /// # Errors
    /// [`EditError::NoSlots`] when no one could open it again.
    pub fn to_keyring(&mut self, rng: &mut impl CryptoRng) -> Result<Keyring, EditError> {
        if self.table.slots.is_empty() {
            return Err(EditError::NoSlots);
        }
        self.counter = self.counter.saturating_add(1);
        let wrap = |secret: &SlotSecret| Slot::wrap(rng, &self.ring_id, secret, &self.root);
        let mut keyring = Keyring {
            ring_id: self.ring_id,
            counter: self.counter,
            slots: self.table.slots.iter().map(wrap).collect(),
            sealed_table: Vec::new(),
        };
        keyring.seal_table(rng, &self.root, &self.table);
        Ok(keyring)
    }

    /// Sets or replaces the passphrase slot. `derived` is the Argon2id output for exactly this
    /// `salt` (fresh and random) and these `params`; `device` is mixed in if given, and then needed
    /// to unlock.
    pub fn set_passphrase(
        &mut self,
        rng: &mut impl CryptoRng,
        derived: &Key,
        salt: [u8; 32],
        params: KdfParams,
        device: Option<&Key>,
    ) {
        let key = passphrase_key(derived, device, &salt);
        let slot = SlotSecret {
            id: self.fresh_slot_id(),
            kind: SlotKind::Passphrase,
            kdf: Some(params),
            salt,
            device_check: device.map(|device| device_check(&self.ring_id, device)),
            key,
        };
        self.replace_slot(rng, slot);
    }

    /// Sets or replaces the device slot: the device then starts without its owner.
    pub fn set_device(&mut self, rng: &mut impl CryptoRng, device: &Key) {
        let salt = fresh_salt(rng);
        let slot = SlotSecret {
            id: self.fresh_slot_id(),
            kind: SlotKind::Device,
            kdf: None,
            salt,
            device_check: Some(device_check(&self.ring_id, device)),
            key: device_key(device, &salt),
        };
        self.replace_slot(rng, slot);
    }

    /// Makes a new recovery key, which replaces the old one; it is unconfirmed until two groups of
    /// it were read back. The key is kept nowhere: show it now.
    pub fn set_recovery(&mut self, rng: &mut impl CryptoRng) -> RecoveryKey {
        let recovery = RecoveryKey::generate(rng);
        self.take_recovery(rng, &recovery, false);
        recovery
    }

    /// Has the recovery key that the owner holds open this ring too. `confirmed` when the owner has just
    /// typed all of it.
    pub fn take_recovery(&mut self, rng: &mut impl CryptoRng, recovery: &RecoveryKey, confirmed: bool) {
        let salt = fresh_salt(rng);
        let slot = SlotSecret {
            id: self.fresh_slot_id(),
            kind: SlotKind::Recovery,
            kdf: None,
            salt,
            device_check: None,
            key: recovery_key(recovery, &salt),
        };
        self.replace_slot(rng, slot);
        self.table.recovery = Some(Recovery {
            confirmed,
            tags: recovery.group_tags(&self.group_key()),
            challenge: two_groups(rng),
        });
    }

    /// What tells the current recovery key from one that was replaced; says nothing of either. None without a
    /// recovery key.
    pub fn recovery_mark(&self) -> Option<[u8; 32]> {
        self.table.recovery.as_ref().map(|recovery| recovery.tags[0])
    }

    /// Takes a way in out, and changes ROOT so that the slot in an old copy of the file opens no
    /// newer table.
    ///
    /// # Errors
    /// When there is no such slot, or it is the last one.
    pub fn remove_slot(&mut self, rng: &mut impl CryptoRng, kind: SlotKind) -> Result<(), EditError> {
        if !self.has_slot(kind) {
            return Err(EditError::NoSuchSlot(kind));
        }
        if self.table.slots.len() == 1 {
            return Err(EditError::LastSlot(kind));
        }
        self.table.slots.retain(|slot| slot.kind != kind);
        if kind == SlotKind::Recovery {
            self.table.recovery = None;
        }
        self.root = Key::generate(rng);
        Ok(())
    }

    /// Whether the owner has read the current recovery key back.
    pub fn recovery_confirmed(&self) -> bool {
        self.table
            .recovery
            .as_ref()
            .is_some_and(|recovery| recovery.confirmed)
    }

    /// The two groups (0 to 7, ascending) that the owner is asked to read back; none without a
    /// recovery key.
    pub fn recovery_challenge(&self) -> Option<[u8; 2]> {
        self.table.recovery.as_ref().map(|recovery| recovery.challenge)
    }

    /// Takes the two groups asked for, as (index, text) in either order. True, and confirmed from
    /// then on, only if both are right.
    pub fn confirm_recovery(&mut self, groups: [(u8, &str); 2]) -> bool {
        let key = self.group_key();
        let Some(recovery) = &mut self.table.recovery else {
            return false;
        };
        let mut asked = groups.map(|(index, _)| index);
        asked.sort_unstable();
        if asked != recovery.challenge {
            return false;
        }
        // Both are compared, and in constant time: a wrong answer doesn't say which group was wrong.
        let right = groups.iter().fold(Choice::from(1), |right, &(index, text)| {
            let expected = &recovery.tags[usize::from(index)];
            right & expected.ct_eq(&group_tag(&key, index, text))
        });
        let right = bool::from(right);
        recovery.confirmed |= right;
        right
    }

    /// Gives a category that is new in this version of the software its keys.
    ///
    /// # Errors
    /// [`EditError::CategoryExists`]: existing keys are never replaced this way.
    pub fn add_category(&mut self, rng: &mut impl CryptoRng, code: u8) -> Result<(), EditError> {
        if self.table.categories.contains_key(&code) {
            return Err(EditError::CategoryExists(code));
        }
        self.table.categories.insert(code, Category::generate(rng, 1));
        Ok(())
    }

    /// Erases a category: its key is gone from the ring, and a fresh one, with a fresh tree and the
    /// next generation, takes its place. ROOT is replaced too and every slot wraps the new one, so
    /// whoever learnt the old ROOT reads nothing written later. What this can't reach is an old copy
    /// of the file *together with* a key of one of its slots: overwrite the old copies.
    ///
    /// # Errors
    /// [`EditError::NoSuchCategory`].
    pub fn erase_category(&mut self, rng: &mut impl CryptoRng, code: u8) -> Result<(), EditError> {
        let category = self.category_mut(code)?;
        *category = Category::generate(rng, category.current.generation.saturating_add(1));
        self.root = Key::generate(rng);
        Ok(())
    }

    /// Makes the keys of a category's next generation, under which its records are then sealed anew.
    /// The ring stays as it is.
    ///
    /// # Errors
    /// [`EditError::NoSuchCategory`].
    pub fn next_keys(&self, rng: &mut impl CryptoRng, code: u8) -> Result<NextKeys, EditError> {
        let category = self.table.categories.get(&code);
        let category = category.ok_or(EditError::NoSuchCategory(code))?;
        Ok(NextKeys {
            code,
            category: Category {
                current: Entry::generate(rng, category.current.generation.saturating_add(1)),
                names: category.names.duplicate(),
            },
        })
    }

    /// Puts the next keys of a category in the place of its old ones, and replaces ROOT: once the
    /// keyring is on disk, what was deleted before is unreadable. As for [`Unlocked::erase_category`],
    /// overwrite the old copies of the file.
    ///
    /// # Errors
    /// [`EditError::Replaced`] when the category has other keys than those that were to be followed.
    pub fn rekey_category(&mut self, rng: &mut impl CryptoRng, next: &NextKeys) -> Result<(), EditError> {
        let category = self.category_mut(next.code)?;
        let follows = category.current.generation.checked_add(1) == Some(next.category.current.generation);
        if !follows || !category.names.matches(&next.category.names) {
            return Err(EditError::Replaced(next.code));
        }
        *category = next.category.duplicate();
        self.root = Key::generate(rng);
        Ok(())
    }

    fn category_mut(&mut self, code: u8) -> Result<&mut Category, EditError> {
        let category = self.table.categories.get_mut(&code);
        category.ok_or(EditError::NoSuchCategory(code))
    }

    /// Puts a slot in the place of the one of its kind. Replacing a way in changes ROOT: the old
    /// secret, with an old copy of the file, then opens no newer table.
    fn replace_slot(&mut self, rng: &mut impl CryptoRng, slot: SlotSecret) {
        if self.has_slot(slot.kind) {
            self.root = Key::generate(rng);
        }
        self.table.slots.retain(|other| other.kind != slot.kind);
        self.table.slots.push(slot);
    }

    /// The lowest id that no slot has, not even the one about to be replaced.
    fn fresh_slot_id(&self) -> u8 {
        (0..=u8::MAX)
            .find(|id| self.table.slots.iter().all(|slot| slot.id != *id))
            .expect("a ring has at most three slots")
    }

    fn group_key(&self) -> Key {
        self.derive(labels::RECOVERY_GROUP, &[])
    }
}

impl Category {
    fn generate(rng: &mut impl CryptoRng, generation: u32) -> Self {
        Self {
            current: Entry::generate(rng, generation),
            names: Key::generate(rng),
        }
    }

    fn keys(&self) -> CategoryKeys<'_> {
        CategoryKeys {
            generation: self.current.generation,
            tree: self.current.tree,
            key: &self.current.key,
            names: &self.names,
        }
    }
}

fn fresh_salt(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    salt
}

/// Two different groups, ascending, each pair equally likely.
fn two_groups(rng: &mut impl CryptoRng) -> [u8; 2] {
    let groups = u8::try_from(GROUPS).expect("eight groups");
    loop {
        let mut drawn = [0; 2];
        rng.fill_bytes(&mut drawn);
        let [first, second] = drawn.map(|byte| byte % groups);
        if first != second {
            return [first.min(second), first.max(second)];
        }
    }
}

#[cfg(test)]
impl Unlocked {
    /// ROOT, to show that it changed.
    pub(super) fn root_for_test(&self) -> Key {
        self.root.duplicate()
    }

    /// The table's bytes, to damage them.
    pub(super) fn table_bytes_for_test(&self) -> Vec<u8> {
        self.table.to_bytes().expose_bytes().to_vec()
    }
}
