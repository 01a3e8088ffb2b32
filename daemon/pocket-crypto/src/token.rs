//! Texts that stand for a permission: agent tokens, and the setup code of a new device.
//!
//! The device keeps only the SHA-256 of a token. A plain hash is enough: a token holds 256 random
//! bits, so there is nothing to guess.

use base64ct::{Base64UrlUnpadded, Encoding};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crockford;
use crate::secret::SecretBytes;

/// What every token begins with, so that secret scanners recognise one.
pub const PREFIX: &str = "pai_";

const RANDOM: usize = 32;
const ENCODED: usize = 43;
const CODE_RANDOM: usize = 5;
const CODE_GROUP: usize = 4;

/// An agent's token: `pai_` and 43 characters of base64url (256 random bits). Shown once.
pub struct Token(SecretBytes);

impl Token {
    /// A fresh random token.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; RANDOM]);
        rng.fill_bytes(bytes.as_mut_slice());
        let mut text = vec![0; PREFIX.len() + ENCODED];
        let (prefix, rest) = text.split_at_mut(PREFIX.len());
        prefix.copy_from_slice(PREFIX.as_bytes());
        Base64UrlUnpadded::encode(bytes.as_slice(), rest).expect("32 bytes are 43 characters of base64");
        Self(SecretBytes::new(text))
    }

    /// The token's text.
    pub fn expose_str(&self) -> &str {
        self.0.expose_str().expect("base64url is ASCII")
    }

    /// What the device keeps of it.
    pub fn hash(&self) -> [u8; 32] {
        hash(self.expose_str())
    }
}

/// SHA-256 of a token's text, whatever was presented.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether `presented` is the token with this hash. Constant time.
pub fn matches(stored: &[u8; 32], presented: &str) -> bool {
    stored.ct_eq(&hash(presented)).into()
}

/// A fresh setup code: `XXXX-XXXX` in Crockford's base32 (40 random bits; attempts are limited by
/// whoever asks for it).
pub fn setup_code(rng: &mut impl CryptoRng) -> SecretBytes {
    let mut bytes = Zeroizing::new([0; CODE_RANDOM]);
    rng.fill_bytes(bytes.as_mut_slice());
    let symbols = crockford::encode(bytes.as_slice());
    let mut text = Vec::with_capacity(symbols.len() + 1);
    text.extend_from_slice(&symbols[..CODE_GROUP]);
    text.push(b'-');
    text.extend_from_slice(&symbols[CODE_GROUP..]);
    SecretBytes::new(text)
}

/// A typed setup code in the form in which codes are compared: upper case, O as 0, I and L as 1, no
/// spaces or dashes. Text with an impossible character becomes empty.
pub fn normalise(typed: &str) -> SecretBytes {
    let symbols = crockford::normalise(typed).unwrap_or_default();
    SecretBytes::new(symbols.to_vec())
}

/// Whether `typed` is this setup code, however it is written. Constant time in the code.
pub fn setup_code_matches(code: &SecretBytes, typed: &str) -> bool {
    let expected = normalise(code.expose_str().unwrap_or_default());
    let typed = normalise(typed);
    !expected.is_empty() && bool::from(expected.expose_bytes().ct_eq(typed.expose_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn a_token_is_url_safe_and_long_enough() {
        let token = Token::generate(&mut StdRng::seed_from_u64(1));
        let random = token.expose_str().strip_prefix("pai_").unwrap();
        assert_eq!(random.len(), 43);
        assert!(
            random
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        );
    }

    #[test]
    fn only_the_token_itself_matches_its_hash() {
        let mut rng = StdRng::seed_from_u64(2);
        let (token, other) = (Token::generate(&mut rng), Token::generate(&mut rng));
        assert!(matches(&token.hash(), token.expose_str()));
        assert!(!matches(&token.hash(), other.expose_str()));
        assert!(!matches(&token.hash(), ""));
        assert!(!matches(&token.hash(), &token.expose_str()[1..]));
    }

    #[test]
    fn the_stored_hash_is_sha256() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = hash("abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    #[test]
    fn a_setup_code_is_two_groups_of_four() {
        let code = setup_code(&mut StdRng::seed_from_u64(3));
        let text = code.expose_str().unwrap();
        assert_eq!(text.len(), 9);
        assert_eq!(&text[4..5], "-");
    }

    #[test]
    fn a_setup_code_matches_however_it_is_typed() {
        let code = SecretBytes::new(b"10AB-CDEF".to_vec());
        for typed in ["10AB-CDEF", "ioab cdef", "LOABCDEF", " 1-0-a-b-c-d-e-f "] {
            assert!(setup_code_matches(&code, typed), "{typed}");
        }
        for typed in ["", "10AB", "10AB-CDEG", "10AB-CDEF0", "u", "10AB-CDE\u{e9}"] {
            assert!(!setup_code_matches(&code, typed), "{typed}");
        }
    }

    #[test]
    fn an_unusable_code_matches_nothing() {
        for code in [&b""[..], b"\xff", b"!!"] {
            let code = SecretBytes::new(code.to_vec());
            assert!(!setup_code_matches(&code, ""));
            assert!(!setup_code_matches(&code, "!!"));
        }
    }
}
