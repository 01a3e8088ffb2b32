//! The locked device: it can be unlocked, or reset, and says how it is.

use pocket_core::{Actor, Failure, FailureKind, Operation};
use pocket_crypto::{Key, Keyring, RecoveryKey, SecretBytes, Unlocked};
use tracing::warn;

use crate::engine::{Now, Opening};
use crate::failure;
use crate::handle::{Request, Shown};
use crate::keys::Device;
use crate::vault::{BackupKey, Vault, typed_erase};

/// A device whose keys are not in memory.
pub(crate) struct Locked {
    keyring: Keyring,
}

/// What follows a request to the locked device.
pub(crate) enum Opened {
    /// Unlocked, once the store is open.
    Opening(Box<Opening>),
    /// To be reset; the vault is missing when the store is too damaged to open. The key is the
    /// hashed passphrase, for the proof.
    Reset(Option<Box<Vault>>, Option<Key>),
}

impl Locked {
    pub(crate) const fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }

    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(crate) fn handle(
        &self,
        device: &mut Device,
        request: &Request,
        shown: Shown,
        now: Now,
    ) -> Result<Opened, Failure> {
        match &request.operation {
            Operation::Unlock { .. } => {
                let opening = self.unlock(device, request, &shown, now)?;
                Ok(Opened::Opening(Box::new(opening)))
            }
            Operation::FactoryReset { confirm } => {
                typed_erase(confirm)?;
                self.reset(device, request, shown, now)
            }
            Operation::BackupRestore | Operation::Setup | Operation::SetupCode => Err(Failure::new(
                FailureKind::Conflict,
                "this device has an owner already",
                "unlock it; to give it away, use `pocketctl factory-reset`",
            )),
            _ => Err(failure::locked()),
        }
    }

    fn unlock(
        &self,
        device: &mut Device,
        request: &Request,
        shown: &Shown,
        now: Now,
    ) -> Result<Opening, Failure> {
        let guesses = device.attempts();
        let keys = verify(device, &self.keyring, shown, now)?;
        if !device.has_store() {
            return Err(store_is_gone());
        }
        Ok(Opening {
            keys,
            keyring: self.keyring.clone(),
            actor: request.actor.reference(),
            guesses,
            now,
            housekeeping: None,
            backup_key: recovery_key(shown).as_ref().map(BackupKey::of),
            reply: None,
            deferred: Vec::new(),
        })
    }

    /// A reset of a locked device: who shows the passphrase could unlock it, so it is unlocked first
    /// and the reset leaves its record like any other act. A large store is not waited for: its keys
    /// go at once, and the journal of the reset is the record.
    fn reset(
        &self,
        device: &mut Device,
        request: &Request,
        shown: Shown,
        now: Now,
    ) -> Result<Opened, Failure> {
        verify(device, &self.keyring, &shown, now)?;
        if !device.has_small_store() {
            return Ok(Opened::Reset(None, shown.into_key()));
        }
        let opened = self
            .unlock(device, request, &shown, now)
            .and_then(|opening| Vault::open(device, opening));
        let vault = match opened {
            Ok(mut vault) => {
                let actor = with_passphrase(&request.actor);
                vault.record_reset(&actor, &request.operation, now)?;
                Some(Box::new(vault))
            }
            // The passphrase was right. Whoever wants it gone must not be kept from it by a store that
            // does not open.
            Err(failure) => {
                warn!(
                    kind = failure.kind.name(),
                    "the store does not open: it is reset without a last record"
                );
                None
            }
        };
        Ok(Opened::Reset(vault, shown.into_key()))
    }
}

fn store_is_gone() -> Failure {
    Failure::new(
        FailureKind::Damaged,
        "the store is gone from the data folder, though this device was set up",
        "put the folder `db` back from a copy; nothing was made in its place",
    )
}

/// The actor once the passphrase that came with the request proved right.
pub(crate) fn with_passphrase(actor: &Actor) -> Actor {
    match actor {
        Actor::Owner { door, .. } | Actor::Nobody(door) => Actor::Owner {
            door: *door,
            passphrase_shown: true,
        },
        Actor::Agent(_) | Actor::Broker | Actor::Device => actor.clone(),
    }
}

/// Opens the keyring with what was shown; counts a wrong guess before it is answered.
pub(crate) fn verify(
    device: &mut Device,
    keyring: &Keyring,
    shown: &Shown,
    now: Now,
) -> Result<Unlocked, Failure> {
    device.may_guess(now.wall)?;
    let secret = match shown {
        // The recovery key is for the day when the device secret can't be read.
        Shown::RecoveryKey(_) => device.read_secret(keyring).ok().flatten(),
        _ => device.read_secret(keyring)?,
    };
    let opened = match shown {
        Shown::Nothing => {
            return Err(failure::invalid(
                "the passphrase is missing",
                "send it with the request",
            ));
        }
        Shown::Passphrase(derived) => keyring.unlock_passphrase(derived, secret.as_ref()),
        Shown::RecoveryKey(text) => keyring.unlock_recovery(&parse_recovery_key(text)?),
    };
    let keys = opened.map_err(|error| device.unlock_failed(error, secret.as_ref(), now.wall))?;
    device.guessed_right(secret.as_ref());
    Ok(keys)
}

/// The recovery key, where it was what was shown.
fn recovery_key(shown: &Shown) -> Option<RecoveryKey> {
    match shown {
        Shown::RecoveryKey(text) => parse_recovery_key(text).ok(),
        _ => None,
    }
}

pub(crate) fn parse_recovery_key(text: &SecretBytes) -> Result<RecoveryKey, Failure> {
    let text = text.expose_str().unwrap_or_default();
    RecoveryKey::parse(text).map_err(|error| {
        failure::invalid(
            error.to_string(),
            "type all eight groups as they stand on your paper",
        )
    })
}
