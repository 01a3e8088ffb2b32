//! The owner's passphrase: Argon2id (RFC 9106), version 19, with parameters fitted to the board.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::{Key, SecretBytes};

/// Fewest characters of a passphrase.
pub const MIN_CHARACTERS: usize = 8;
/// Most bytes of a passphrase.
pub const MAX_BYTES: usize = 1024;

const MIN_MEMORY_KIB: u32 = 8 * 1024;
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 4;
/// More memory than this makes unlocking slow on big machines without making guessing much dearer.
const CALIBRATED_MEMORY_KIB: u32 = 256 * 1024;

/// Cost of one guess. Always within bounds, also when read from a file: a hostile keyring can't
/// ask for a terabyte or a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UncheckedParams")]
pub struct KdfParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Parameters as they come, before the bounds are checked.
#[derive(Deserialize)]
struct UncheckedParams {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl TryFrom<UncheckedParams> for KdfParams {
    type Error = PassphraseError;

    fn try_from(unchecked: UncheckedParams) -> Result<Self, PassphraseError> {
        Self::new(unchecked.memory_kib, unchecked.passes, unchecked.lanes)
    }
}

/// Why a passphrase could not become a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// The machine has too little free memory.
    #[error(
        "the passphrase needs {0} KiB of memory, and this machine has less: stop other programs and try again"
    )]
    OutOfMemory(u32),
    /// Parameters outside the bounds.
    #[error(
        "Argon2id parameters out of bounds: {memory_kib} KiB ({MIN_MEMORY_KIB} to {MAX_MEMORY_KIB}), \
         {passes} passes (1 to {MAX_PASSES}), {lanes} lanes (1 to {MAX_LANES})"
    )]
    ParamsOutOfBounds {
        /// Memory asked for, in KiB.
        memory_kib: u32,
        /// Passes asked for.
        passes: u32,
        /// Lanes asked for.
        lanes: u32,
    },
}

impl KdfParams {
    /// The cheapest parameters that are accepted: 8 MiB, one pass, one lane.
    pub const MIN: Self = Self {
        memory_kib: MIN_MEMORY_KIB,
        passes: 1,
        lanes: 1,
    };

    /// Memory of 8 MiB to 1 GiB (in KiB), 1 to 64 passes, 1 to 4 lanes.
    ///
    /// # Errors
    /// [`PassphraseError::ParamsOutOfBounds`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, PassphraseError> {
        let within = (MIN_MEMORY_KIB..=MAX_MEMORY_KIB).contains(&memory_kib)
            && (1..=MAX_PASSES).contains(&passes)
            && (1..=MAX_LANES).contains(&lanes);
        if !within {
            return Err(PassphraseError::ParamsOutOfBounds {
                memory_kib,
                passes,
                lanes,
            });
        }
        Ok(Self {
            memory_kib,
            passes,
            lanes,
        })
    }

    /// Memory in KiB.
    pub fn memory_kib(&self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// Lanes, computed one after another.
    pub fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Fixed-width bytes, for associated data.
    pub(crate) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.memory_kib.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.passes.to_be_bytes());
        bytes[8..].copy_from_slice(&self.lanes.to_be_bytes());
        bytes
    }
}

/// Argon2id of the passphrase: takes about as long as the parameters were calibrated to, and
/// `memory_kib` of memory, which is wiped afterwards.
///
/// # Errors
/// [`PassphraseError::OutOfMemory`] when the memory can't be had.
pub fn derive(passphrase: &SecretBytes, salt: &[u8; 32], params: KdfParams) -> Result<Key, PassphraseError> {
    let out_of_bounds = |_| PassphraseError::ParamsOutOfBounds {
        memory_kib: params.memory_kib,
        passes: params.passes,
        lanes: params.lanes,
    };
    let costs =
        Params::new(params.memory_kib, params.passes, params.lanes, Some(32)).map_err(out_of_bounds)?;
    let mut memory = allocate(&costs).ok_or(PassphraseError::OutOfMemory(params.memory_kib))?;
    let mut output = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, costs)
        .hash_password_into_with_memory(
            passphrase.expose_bytes(),
            salt,
            output.as_mut_slice(),
            memory.as_mut_slice(),
        )
        .map_err(out_of_bounds)?;
    Ok(Key::filled_by(|bytes| bytes.copy_from_slice(output.as_slice())))
}

/// Working memory that is wiped, and whose lack is an error and not an abort.
fn allocate(costs: &Params) -> Option<Zeroizing<Vec<Block>>> {
    let blocks = costs.block_count();
    let mut memory = Vec::new();
    memory.try_reserve_exact(blocks).ok()?;
    memory.resize(blocks, Block::default());
    Some(Zeroizing::new(memory))
}

/// Why a new passphrase was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassphrase {
    /// Nothing was typed.
    #[error("the passphrase is empty: choose one of at least {MIN_CHARACTERS} characters")]
    Empty,
    /// Not text, so that no keyboard could type it again.
    #[error("the passphrase is not UTF-8 text")]
    NotText,
    /// Longer than any door takes.
    #[error("the passphrase is longer than {MAX_BYTES} bytes: choose a shorter one")]
    TooLong,
    /// Fewer characters than asked for, or one character again and again.
    #[error(
        "the passphrase is too short: choose one of at least {MIN_CHARACTERS} characters, not all the same"
    )]
    TooShort,
}

/// Checks a passphrase that the owner wants to set. Unlocking doesn't ask this.
///
/// # Errors
/// The rule that it breaks.
pub fn check_passphrase(passphrase: &SecretBytes) -> Result<(), WeakPassphrase> {
    if passphrase.is_empty() {
        return Err(WeakPassphrase::Empty);
    }
    if passphrase.len() > MAX_BYTES {
        return Err(WeakPassphrase::TooLong);
    }
    let text = passphrase.expose_str().map_err(|_| WeakPassphrase::NotText)?;
    let blank_or_one_key = text.trim().chars().all(|c| text.trim().starts_with(c));
    if text.trim().chars().count() < MIN_CHARACTERS || blank_or_one_key {
        return Err(WeakPassphrase::TooShort);
    }
    Ok(())
}

/// Finds the parameters that take about `target` on this board, within `memory_limit_kib`. Memory
/// first, since it is what makes guessing on graphics cards dear (RFC 9106, section 4): starts from
/// as much as is allowed (at most 256 MiB, at least 8 MiB), halves it while one pass takes too
/// long, then raises the passes. `measure` runs the parameters and says how long that took; it is
/// called at most ten times.
pub fn calibrate(
    memory_limit_kib: u32,
    target: Duration,
    mut measure: impl FnMut(&KdfParams) -> Duration,
) -> KdfParams {
    let mut params = KdfParams {
        memory_kib: memory_limit_kib.clamp(MIN_MEMORY_KIB, CALIBRATED_MEMORY_KIB),
        ..KdfParams::MIN
    };
    let mut took = measure(&params);
    while took > target.saturating_mul(5) / 4 && params.memory_kib / 2 >= MIN_MEMORY_KIB {
        params.memory_kib /= 2;
        took = measure(&params);
    }
    // The first pass also pays for fresh pages, so the estimate is corrected by measuring again.
    for _ in 0..3 {
        let passes = scale(params.passes, target, took);
        if passes == params.passes {
            break;
        }
        params.passes = passes;
        took = measure(&params);
    }
    params
}

/// How many passes fit in `target` when `passes` took `took`: 1 to 64.
fn scale(passes: u32, target: Duration, took: Duration) -> u32 {
    let fitting = target
        .as_nanos()
        .saturating_mul(u128::from(passes))
        .checked_div(took.as_nanos())
        .unwrap_or(u128::MAX);
    u32::try_from(fitting).unwrap_or(MAX_PASSES).clamp(1, MAX_PASSES)
}

#[cfg(test)]
mod tests;
