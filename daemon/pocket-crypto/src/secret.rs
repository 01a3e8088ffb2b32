//! The types that hold secrets. Neither is `Debug`, `Clone` nor serde: a secret can't slip into a
//! log line, a copy or a file; it shows itself only through `expose_…`, and it is wiped on drop.

use hkdf::Hkdf;
use rand::CryptoRng;
use sha2::Sha256;
use std::str::Utf8Error;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::encode::join;

/// Bytes of any length that must not be shown: a passphrase, a recovery key's text, a token.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over. Copies that the caller made on the way are the caller's to wipe.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    pub fn expose_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text.
    ///
    /// # Errors
    /// When they are not UTF-8; the error holds a position and none of the bytes.
    pub fn expose_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.0)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A 256-bit key. Lives on the heap, so that moving it leaves no copy on the stack.
pub struct Key(Box<Zeroizing<[u8; 32]>>);

impl Key {
    /// A fresh random key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::filled_by(|bytes| rng.fill_bytes(bytes))
    }

    /// A key from its 32 bytes. The argument is wiped; the caller's own copies are not.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let key = Self::filled_by(|place| place.copy_from_slice(&bytes));
        bytes.zeroize();
        key
    }

    /// The key itself.
    pub fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }

    /// The key for one use: HKDF-SHA256 (RFC 5869) without salt; `info` is the label and the
    /// context, each preceded by its length. Labels live in [`crate::labels`].
    pub fn derive(&self, label: &str, context: &[u8]) -> Self {
        derive(None, self.0.as_slice(), label, context)
    }

    /// A second copy, for this crate's own tables. Outside, one key has one owner.
    pub(crate) fn duplicate(&self) -> Self {
        Self::filled_by(|place| place.copy_from_slice(self.0.as_slice()))
    }

    /// A key written in place.
    pub(crate) fn filled_by(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        fill(&mut bytes);
        Self(bytes)
    }
}

/// HKDF-SHA256 from any input keying material to one key.
pub(crate) fn derive(salt: Option<&[u8]>, material: &[u8], label: &str, context: &[u8]) -> Key {
    let info = join(&[label.as_bytes(), context]);
    let (mut extracted, hkdf) = Hkdf::<Sha256>::extract(salt, material);
    extracted.as_mut_slice().zeroize();
    Key::filled_by(|bytes| {
        hkdf.expand(&info, bytes)
            .expect("32 bytes are within HKDF-SHA256's limit of 255 blocks");
    })
}
