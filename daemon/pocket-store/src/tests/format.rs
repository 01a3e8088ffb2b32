//! Rows written once are read for ever.

use super::support::*;
use std::sync::Arc;

use pocket_crypto::Key;

use crate::blob::{BlobRef, hex};
use crate::row::Kind;
use crate::v1::{self, IndexV1, StubV1};

/// The rows of version 1, as they were first written. If this goes red, a type of pocket-core changed
/// its shape: raise `Record::SCHEMA` and freeze the old shape in `v1`; do not change the bytes here.
#[test]
fn version_1_has_not_changed() {
    let written: Vec<String> = one_of_each()
        .iter()
        .map(|entry| hex(&v1::encode(entry, None)))
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

/// Rows that name sealed files, with the same care.
#[test]
fn nor_have_the_rows_that_name_files() {
    let file = |byte, size| BlobRef {
        name: [byte; 32],
        key: Arc::new(Key::from_bytes([byte + 1; 32])),
        size,
        code: 5,
    };
    let record = StubV1::of_record(&file(1, 300), &note(7, 1), Some(&file(3, 70_000)));
    let index = IndexV1::new(&[file(1, 300)], b"note");
    let written = [record.encode(), index.encode()].map(|plain| hex(&plain));
    let (names, keys) = ("01".repeat(32), "02".repeat(32));
    let content = format!("{names}{keys}ac0205");
    let document = format!("01{}{}f0a20405", "03".repeat(32), "04".repeat(32));
    let id = format!("{}07", "00".repeat(15));
    let time = "8ea0abfef962";
    assert_eq!(
        written,
        [
            format!("{content}{id}{time}{time}01{document}00"),
            format!("01{content}046e6f7465"),
        ]
    );
}

/// What a row is stands in its first byte, on every disk there is.
#[test]
fn the_codes_of_rows_are_for_ever() {
    let kinds = [
        Kind::Record,
        Kind::Value,
        Kind::System,
        Kind::Audit,
        Kind::Head,
        Kind::Index,
    ];
    assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 5, 6]);
}
