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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 5869, appendix A, cases 1 to 3, on the implementation that `derive` calls.
    #[test]
    fn hkdf_published_vectors() {
        let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
        let table = [
            (
                vec![0x0b; 22],
                range(0x00, 0x0c),
                range(0xf0, 0xf9),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
            ),
            (
                range(0x00, 0x4f),
                range(0x60, 0xaf),
                range(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87",
            ),
            (
                vec![0x0b; 22],
                Vec::new(),
                Vec::new(),
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
            ),
        ];
        for (material, salt, info, expected) in table {
            let mut output = vec![0; expected.len() / 2];
            let salt = (!salt.is_empty()).then_some(salt.as_slice());
            Hkdf::<Sha256>::new(salt, &material)
                .expand(&info, &mut output)
                .unwrap();
            assert_eq!(hex(&output), expected);
        }
    }

    /// The construction is frozen: data sealed under derived keys outlives the software.
    #[test]
    fn derive_is_hkdf_with_length_prefixed_info() {
        let key = Key::from_bytes([7; 32]);
        let mut expected = [0; 32];
        let info = b"\0\0\0\0\0\0\0\x05label\0\0\0\0\0\0\0\x07context";
        Hkdf::<Sha256>::new(None, &[7; 32])
            .expand(info, &mut expected)
            .unwrap();
        assert_eq!(key.derive("label", b"context").expose_bytes(), &expected);
    }

    #[test]
    fn labels_and_contexts_separate_keys() {
        let key = Key::from_bytes([7; 32]);
        let derived = key.derive("label", b"context");
        assert!(derived.matches(&key.derive("label", b"context")));
        assert!(!derived.matches(&key.derive("labelc", b"ontext")));
        assert!(!derived.matches(&key.derive("label", b"")));
        assert!(!derived.matches(&key));
    }

    #[test]
    fn generated_keys_differ() {
        let mut rng = StdRng::seed_from_u64(1);
        let (first, second) = (Key::generate(&mut rng), Key::generate(&mut rng));
        assert!(!first.matches(&second));
        assert!(first.matches(&first.duplicate()));
    }

    #[test]
    fn secret_bytes_show_themselves_on_request() {
        let secret = SecretBytes::new(b"abc".to_vec());
        assert_eq!(
            (secret.expose_bytes(), secret.expose_str(), secret.len()),
            (&b"abc"[..], Ok("abc"), 3)
        );
        assert!(!secret.is_empty());
        assert!(SecretBytes::new(vec![0xff]).expose_str().is_err());
    }
}
