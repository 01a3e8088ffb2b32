//! What is written, as a function of numbers alone: who writes and who judges both know it.

use std::collections::BTreeMap;

use pocket_core::{Content, Entry, Memory, Origin, Record, RecordId, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Ids in use during the faults: small enough that records are replaced all the time.
const IDS: u32 = 2_000;

/// What must be there: for each number, revision and length.
pub(crate) type State = BTreeMap<u32, (u32, usize)>;

/// Numbers, revision and lengths of one commit of the faults: one record of a few hundred bytes, or a group.
pub(crate) fn commit(seed: u64, number: u32) -> State {
    let mut rng = StdRng::seed_from_u64(seed ^ (u64::from(number) << 20));
    let count = if rng.random_range(0..3) == 0 {
        rng.random_range(2..100)
    } else {
        1
    };
    (0..count)
        .map(|_| {
            (
                rng.random_range(0..IDS),
                (number + 1, rng.random_range(50..3_000)),
            )
        })
        .collect()
}

/// A fact of about so many bytes, the same for the same numbers.
pub(crate) fn entry(number: u32, revision: u32, length: usize) -> Entry {
    let mut rng = StdRng::seed_from_u64(u64::from(number) << 32 | u64::from(revision));
    let mut text = format!("{number} ");
    text.extend((0..length).map(|_| char::from(rng.random_range(b'a'..=b'z'))));
    Entry {
        id: id(number),
        created: Timestamp::from_millis(i64::from(number)),
        updated: Timestamp::from_millis(i64::from(revision)),
        revision,
        origin: Origin::Owner,
        content: Content::check(Record::Memory(Memory {
            text,
            ..Memory::default()
        }))
        .expect("a text"),
    }
}

/// Scattered, as random ids are.
pub(crate) fn id(number: u32) -> RecordId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(
        &u64::from(number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    bytes[8..12].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes)
}
