//! The slow hash, outside the engine: it takes about a second and up to an eighth of the memory.

use std::time::{Duration, Instant};

use pocket_core::{Failure, FailureKind};
use pocket_crypto::passphrase::{self, KdfParams};
use pocket_crypto::{Key, SecretBytes};
use rand::Rng;

/// How dear a guess is made.
#[derive(Clone, Copy)]
pub struct HashCost {
    /// Most memory that it may take, in KiB.
    pub memory_kib: u32,
    /// How long it should take on this board.
    pub time: Duration,
}

/// How the owner's passphrase is hashed.
pub(crate) struct Kdf {
    pub(crate) salt: [u8; 32],
    pub(crate) params: KdfParams,
}

impl Kdf {
    pub(crate) fn derive(&self, passphrase: &SecretBytes) -> Result<Key, Failure> {
        passphrase::derive(passphrase, &self.salt, self.params).map_err(|error| hash_failed(&error))
    }
}

/// A passphrase to be set, hashed under fresh salt and parameters that suit this board.
pub(crate) struct NewPassphrase {
    pub(crate) derived: Key,
    pub(crate) kdf: Kdf,
}

impl NewPassphrase {
    pub(crate) fn derive(passphrase: &SecretBytes, cost: HashCost) -> Result<Self, Failure> {
        passphrase::check_passphrase(passphrase).map_err(|weak| {
            Failure::new(
                FailureKind::Invalid,
                weak.to_string(),
                "choose a longer one: several words are best",
            )
        })?;
        let mut salt = [0; 32];
        rand::rng().fill_bytes(&mut salt);
        let kdf = Kdf {
            salt,
            params: passphrase::calibrate(cost.memory_kib, cost.time, measure),
        };
        Ok(Self {
            derived: kdf.derive(passphrase)?,
            kdf,
        })
    }
}

fn measure(params: &KdfParams) -> Duration {
    let start = Instant::now();
    let sample = SecretBytes::new(b"calibration".to_vec());
    match passphrase::derive(&sample, &[0; 32], *params) {
        Ok(_) => start.elapsed(),
        // Not enough memory for these: as slow as can be, so that less is tried.
        Err(_) => Duration::MAX,
    }
}

fn hash_failed(error: &passphrase::PassphraseError) -> Failure {
    Failure::new(
        FailureKind::Internal,
        format!("the passphrase could not be hashed: {error}"),
        "free some memory and try again",
    )
}
