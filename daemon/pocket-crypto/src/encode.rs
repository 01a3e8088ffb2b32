//! Unambiguous joining of byte strings: each part is preceded by its length, so that no two lists
//! of parts give the same bytes.

/// A length as the eight big-endian bytes that precede a part.
pub(crate) fn length_prefix(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

/// Every part preceded by its length (u64, big-endian).
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&length_prefix(part));
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn moving_a_byte_between_parts_changes_the_result() {
        assert_ne!(join(&[b"ab", b"c"]), join(&[b"a", b"bc"]));
        assert_ne!(join(&[b"ab"]), join(&[b"ab", b""]));
        assert_eq!(join(&[b"a"]), [0, 0, 0, 0, 0, 0, 0, 1, b'a']);
    }
}
