//! The recovery key: 192 random bits on the owner's paper.
//!
//! Its text is 25 bytes (24 and one of checksum, the first byte of their SHA-256) in Crockford's
//! base32: eight groups of five characters with dashes between. To check that the paper is legible
//! the owner reads two groups back; only a keyed tag of each group is kept for that.

use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crockford;
use crate::seal::mac;
use crate::secret::{Key, SecretBytes};

/// Random bytes in a recovery key.
pub const BYTES: usize = 24;
/// Groups in its text.
pub const GROUPS: usize = 8;
/// Characters in a group.
pub const GROUP_CHARACTERS: usize = 5;

const SYMBOLS: usize = GROUPS * GROUP_CHARACTERS;

/// Why a typed recovery key was refused. None of them shows what was typed but one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryKeyError {
    /// A character that recovery keys don't use.
    #[error("{0:?} is not used in recovery keys: they hold digits and letters except I, L, O and U")]
    Character(char),
    /// All characters are possible, but they don't belong together.
    #[error("the recovery key has a typing mistake: compare it with the paper, group by group")]
    Checksum,
    /// Too few or too many characters.
    #[error("the recovery key has {found} characters without dashes, and it must have {SYMBOLS}")]
    Length {
        /// Characters found, not counting dashes and spaces.
        found: usize,
    },
}

/// A recovery key.
pub struct RecoveryKey(Box<Zeroizing<[u8; BYTES]>>);

impl RecoveryKey {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; BYTES]));
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// Reads the text form. Upper and lower case are the same, O is 0, I and L are 1; spaces and
    /// dashes don't matter.
    ///
    /// # Errors
    /// Says whether a character, the length or the checksum is wrong.
    pub fn parse(text: &str) -> Result<Self, RecoveryKeyError> {
        let symbols = crockford::normalise(text).map_err(RecoveryKeyError::Character)?;
        if symbols.len() != SYMBOLS {
            return Err(RecoveryKeyError::Length { found: symbols.len() });
        }
        let decoded = crockford::decode(&symbols);
        let (&[check], bytes) = decoded
            .split_last_chunk::<1>()
            .map(|(bytes, check)| (check, bytes))
            .expect("40 characters are 25 bytes");
        if checksum(bytes) != check {
            return Err(RecoveryKeyError::Checksum);
        }
        let mut key = Box::new(Zeroizing::new([0; BYTES]));
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// The text for the owner's paper: `XXXXX-XXXXX-…`, 47 characters.
    pub fn to_text(&self) -> SecretBytes {
        let symbols = self.symbols();
        let mut text = Vec::with_capacity(SYMBOLS + GROUPS - 1);
        for (index, group) in symbols.chunks(GROUP_CHARACTERS).enumerate() {
            if index > 0 {
                text.push(b'-');
            }
            text.extend_from_slice(group);
        }
        SecretBytes::new(text)
    }

    /// The key's bytes, from which its slot key is derived.
    pub(crate) fn expose_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// The tags of its eight groups under `key`.
    pub(crate) fn group_tags(&self, key: &Key) -> [[u8; 32]; GROUPS] {
        let symbols = self.symbols();
        let groups = symbols.as_chunks::<GROUP_CHARACTERS>().0;
        let mut index = 0;
        std::array::from_fn(|place| {
            let tag = symbols_tag(key, index, &groups[place]);
            index += 1;
            tag
        })
    }

    fn symbols(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new([0; BYTES + 1]);
        bytes[..BYTES].copy_from_slice(self.0.as_slice());
        bytes[BYTES] = checksum(self.0.as_slice());
        crockford::encode(bytes.as_slice())
    }
}

/// A keyed tag of group number `index` (0 to 7) as typed by the owner; typing is normalised as in
/// [`RecoveryKey::parse`]. Text with an impossible character has the tag of no group.
pub fn group_tag(key: &Key, index: u8, text: &str) -> [u8; 32] {
    match crockford::normalise(text) {
        Ok(symbols) => symbols_tag(key, index, &symbols),
        Err(_) => mac(key, &[b"unreadable", &[index]]),
    }
}

fn symbols_tag(key: &Key, index: u8, symbols: &[u8]) -> [u8; 32] {
    mac(key, &[b"group", &[index], symbols])
}

fn checksum(bytes: &[u8]) -> u8 {
    Sha256::digest(bytes)[0]
}

#[cfg(test)]
mod tests;
