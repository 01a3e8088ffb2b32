//! Rows written once are read for ever.

use super::support::*;
use crate::v1;

/// The rows of version 1, as they were first written. If this goes red, a type of pocket-core changed
/// its shape: raise `Record::SCHEMA` and freeze the old shape in `v1`; do not change the bytes here.
#[test]
fn version_1_has_not_changed() {
    let written: Vec<String> = one_of_each()
        .iter()
        .map(|entry| crate::blob::hex(&v1::encode(entry, None)))
        .collect();
    let kept: Vec<&str> = include_str!("v1.hex").lines().collect();
    assert_eq!(written, kept);
    for (line, entry) in kept.iter().zip(one_of_each()) {
        let bytes: Vec<u8> = (0..line.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap())
            .collect();
        assert!(v1::decode(&bytes).is_some_and(|(read, blob)| read == entry && blob.is_none()));
        assert!(v1::decode(&bytes[..bytes.len() - 1]).is_none());
    }
}
