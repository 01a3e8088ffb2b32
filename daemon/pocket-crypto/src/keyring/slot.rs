//! One way into the ring: a key from the outside, and ROOT wrapped under it.

use std::fmt;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::UnlockError;
use crate::encode::join;
use crate::labels;
use crate::passphrase::KdfParams;
use crate::recovery::RecoveryKey;
use crate::seal::{OpenError, Sealer, mac};
use crate::secret::{Key, derive};

/// What opens a slot. A ring has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlotKind {
    /// The owner's passphrase, with the device secret if the board has one.
    Passphrase,
    /// The device secret alone: the owner chose an unattended start.
    Device,
    /// The recovery key on the owner's paper.
    Recovery,
}

impl SlotKind {
    /// Fixed, for associated data.
    fn code(self) -> u8 {
        match self {
            Self::Passphrase => 1,
            Self::Device => 2,
            Self::Recovery => 3,
        }
    }
}

impl fmt::Display for SlotKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Passphrase => "passphrase",
            Self::Device => "device",
            Self::Recovery => "recovery",
        })
    }
}

/// A slot as it lies in the file. Nothing in it is secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    pub(super) id: u8,
    pub(super) kind: SlotKind,
    /// Only for the passphrase.
    pub(super) kdf: Option<KdfParams>,
    /// Salt of Argon2id and of the slot key.
    pub(super) salt: [u8; 32],
    /// Tells a foreign or missing device secret from a wrong passphrase.
    pub(super) device_check: Option<[u8; 16]>,
    /// Key-check value: tells a wrong key from damage.
    pub(super) check: [u8; 16],
    pub(super) wrapped_root: Vec<u8>,
}

/// What the sealed table keeps of a slot, so that ROOT can be replaced without asking for the
/// passphrase. Whoever has the table has ROOT and every key already: the slot key adds nothing.
pub(super) struct SlotSecret {
    pub(super) id: u8,
    pub(super) kind: SlotKind,
    pub(super) kdf: Option<KdfParams>,
    pub(super) salt: [u8; 32],
    pub(super) device_check: Option<[u8; 16]>,
    pub(super) key: Key,
}

impl Slot {
    /// Wraps `root` under the slot's key.
    pub(super) fn wrap(
        rng: &mut impl CryptoRng,
        ring_id: &[u8; 16],
        secret: &SlotSecret,
        root: &Key,
    ) -> Self {
        let mut slot = Self {
            id: secret.id,
            kind: secret.kind,
            kdf: secret.kdf,
            salt: secret.salt,
            device_check: secret.device_check,
            check: check_value(ring_id, secret.id, &secret.key),
            wrapped_root: Vec::new(),
        };
        let associated = slot.binding(ring_id);
        let sealer = Sealer::new(&secret.key.derive(labels::SLOT_WRAP, ring_id));
        slot.wrapped_root = sealer.seal_bound(rng, &associated, root.expose_bytes());
        slot
    }

    /// Opens the wrapped ROOT with the slot's key.
    pub(super) fn unwrap_root(&self, ring_id: &[u8; 16], key: &Key) -> Result<Key, OpenError> {
        let sealer = Sealer::new(&key.derive(labels::SLOT_WRAP, ring_id));
        let opened = sealer.open_bound(&self.binding(ring_id), &self.wrapped_root)?;
        let bytes = <&[u8; 32]>::try_from(opened.as_slice()).map_err(|_| OpenError::BadPadding)?;
        Ok(Key::filled_by(|place| place.copy_from_slice(bytes)))
    }

    /// Whether `key` is this slot's key.
    pub(super) fn is_key(&self, ring_id: &[u8; 16], key: &Key) -> bool {
        self.check.ct_eq(&check_value(ring_id, self.id, key)).into()
    }

    /// Whether the device secret is there, and the one that the slot was made with.
    pub(super) fn check_device(&self, ring_id: &[u8; 16], device: Option<&Key>) -> Result<(), UnlockError> {
        let Some(expected) = &self.device_check else {
            return Ok(());
        };
        let device = device.ok_or(UnlockError::DeviceSecretMissing)?;
        if bool::from(expected.ct_eq(&device_check(ring_id, device))) {
            Ok(())
        } else {
            Err(UnlockError::DeviceSecretForeign)
        }
    }

    /// What the wrapped ROOT is bound to: all of the slot but the wrapping itself.
    fn binding(&self, ring_id: &[u8; 16]) -> Vec<u8> {
        let kdf = self.kdf.map(KdfParams::to_bytes);
        join(&[
            ring_id,
            &[self.id],
            &[self.kind.code()],
            kdf.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            &self.salt,
            self.device_check.as_ref().map_or(&[], |check| check.as_slice()),
        ])
    }
}

impl SlotSecret {
    /// A copy for a draft of the ring.
    pub(super) fn duplicate(&self) -> Self {
        Self {
            key: self.key.duplicate(),
            ..*self
        }
    }

    /// Whether the file's slot is the one that this was made for.
    pub(super) fn describes(&self, slot: &Slot) -> bool {
        self.id == slot.id
            && self.kind == slot.kind
            && self.kdf == slot.kdf
            && self.salt == slot.salt
            && self.device_check == slot.device_check
    }
}

/// Refuses lists that no version writes.
pub(super) fn check_slots(slots: &[Slot]) -> Result<(), &'static str> {
    for (place, slot) in slots.iter().enumerate() {
        let (earlier, _) = slots.split_at(place);
        if earlier
            .iter()
            .any(|other| other.id == slot.id || other.kind == slot.kind)
        {
            return Err("a slot appears twice");
        }
        if slot.kdf.is_some() != (slot.kind == SlotKind::Passphrase) {
            return Err("a slot's parameters");
        }
        if (slot.kind == SlotKind::Device) && slot.device_check.is_none() {
            return Err("a slot's device check");
        }
    }
    Ok(())
}

/// The passphrase slot's key.
pub(super) fn passphrase_key(derived: &Key, device: Option<&Key>, salt: &[u8; 32]) -> Key {
    let mut material = Zeroizing::new([0; 64]);
    material[..32].copy_from_slice(derived.expose_bytes());
    let length = match device {
        Some(device) => {
            material[32..].copy_from_slice(device.expose_bytes());
            64
        }
        None => 32,
    };
    derive(Some(salt), &material[..length], labels::SLOT_PASSPHRASE, &[])
}

/// The device slot's key.
pub(super) fn device_key(device: &Key, salt: &[u8; 32]) -> Key {
    derive(Some(salt), device.expose_bytes(), labels::SLOT_DEVICE, &[])
}

/// The recovery slot's key.
pub(super) fn recovery_key(recovery: &RecoveryKey, salt: &[u8; 32]) -> Key {
    derive(Some(salt), recovery.expose_bytes(), labels::SLOT_RECOVERY, &[])
}

/// What the file keeps to recognise the device secret.
pub(super) fn device_check(ring_id: &[u8; 16], device: &Key) -> [u8; 16] {
    half(&mac(&device.derive(labels::DEVICE_CHECK, ring_id), &[]))
}

fn check_value(ring_id: &[u8; 16], id: u8, key: &Key) -> [u8; 16] {
    half(&mac(&key.derive(labels::SLOT_CHECK, ring_id), &[&[id]]))
}

fn half(tag: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|place| tag[place])
}
