//! Crockford's base32 (<https://www.crockford.com/base32.html>): no I, L, O or U, so that a person
//! can read it aloud and copy it from paper. Whole groups of 5 bits only: no padding exists.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Five bytes as eight characters.
fn encode_block(block: &[u8; 5]) -> [u8; 8] {
    let bits = block.iter().fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    std::array::from_fn(|place| {
        let digit = bits >> (35 - 5 * place) & 31;
        ALPHABET[usize::try_from(digit).expect("five bits")]
    })
}

/// `bytes` as characters, eight for five. Bytes over a multiple of five are not encoded: the
/// callers' lengths are constants.
pub(crate) fn encode(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len() / 5 * 8));
    for block in bytes.as_chunks::<5>().0 {
        text.extend_from_slice(&encode_block(block));
    }
    text
}

/// `symbols` (as [`normalise`] returns them) back to bytes, five for eight.
pub(crate) fn decode(symbols: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(symbols.len() / 8 * 5));
    for block in symbols.as_chunks::<8>().0 {
        let bits = block
            .iter()
            .fold(0u64, |bits, &symbol| bits << 5 | u64::from(digit(symbol)));
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    bytes
}

/// The value of a character of the alphabet.
fn digit(symbol: u8) -> u8 {
    let place = ALPHABET.iter().position(|&known| known == symbol);
    place
        .and_then(|place| u8::try_from(place).ok())
        .expect("normalise lets only the alphabet through")
}

/// Typed text to characters of the alphabet: upper case, O to 0, I and L to 1, white space and
/// dashes left out. A character that no one can mean comes back as the error.
pub(crate) fn normalise(text: &str) -> Result<Zeroizing<Vec<u8>>, char> {
    // Sized once: growing would leave a copy of the secret in freed memory.
    let mut symbols = Zeroizing::new(Vec::with_capacity(text.len()));
    for typed in text.chars().filter(|typed| !is_separator(*typed)) {
        symbols.push(symbol(typed).ok_or(typed)?);
    }
    Ok(symbols)
}

fn is_separator(typed: char) -> bool {
    typed.is_whitespace() || matches!(typed, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn symbol(typed: char) -> Option<u8> {
    let upper = u8::try_from(typed.to_ascii_uppercase()).ok()?;
    let meant = match upper {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.contains(&meant).then_some(meant)
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, normalise};
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        assert_eq!(encode(&[0; 5]).as_slice(), b"00000000");
        assert_eq!(encode(&[255; 5]).as_slice(), b"ZZZZZZZZ");
        // RFC 4648's "fooba" is MZXW6YTB; the same digits in Crockford's alphabet.
        assert_eq!(encode(b"fooba").as_slice(), b"CSQPYRK1");
    }

    #[test]
    fn what_people_type_is_understood() {
        assert_eq!(
            normalise(" csq-PYR \u{2013} kL\n").unwrap().as_slice(),
            b"CSQPYRK1"
        );
        assert_eq!(normalise("oOiI").unwrap().as_slice(), b"0011");
        assert_eq!(normalise("abuc"), Err('u'));
        assert_eq!(normalise("ab\u{e9}"), Err('\u{e9}'));
    }

    proptest! {
        #[test]
        fn round_trip(blocks in proptest::collection::vec(any::<[u8; 5]>(), 0..8)) {
            let bytes = blocks.concat();
            let decoded = decode(&encode(&bytes));
            prop_assert_eq!(decoded.as_slice(), &bytes);
        }
    }
}
