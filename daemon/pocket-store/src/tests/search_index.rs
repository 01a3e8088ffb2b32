//! What a search index is kept with: the versions of the records, and the index of a category as
//! sealed files.

use std::collections::BTreeMap;

use pocket_core::{Entry, RecordId, Timestamp};

use super::support::*;
use crate::{Changes, Store, Version};

/// A note that was changed `revision` times since it was made.
fn changed(number: u32, length: usize, revision: u32) -> Entry {
    Entry {
        updated: Timestamp::from_millis(1_800_000_000_000 + i64::from(revision)),
        revision,
        ..note(number, length)
    }
}

fn versions(store: &Store) -> BTreeMap<RecordId, Version> {
    store.versions(NOTES).collect()
}

#[test]
fn the_version_of_each_record_is_known_without_reading_it() {
    let (mut device, mut store) = filled(3, 100);
    // The second and third are too long for sled: stubs.
    let entries = [changed(1, 100, 7), changed(2, 60_000, 8), changed(4, 20_000, 9)];
    apply(&mut store, put_all(entries.clone()).remove(NOTES, id(3))).unwrap();
    let expected: BTreeMap<RecordId, Version> = entries
        .iter()
        .map(|entry| {
            let version = Version {
                updated: entry.updated,
                revision: entry.revision,
            };
            (entry.id, version)
        })
        .collect();
    assert_eq!(versions(&store), expected);
    drop(store);
    let mut store = device.open_clean();
    assert_eq!(versions(&store), expected);
    let next = device.ring.next_keys(&mut rand::rng(), NOTES.code()).unwrap();
    store.begin_rekey(NOTES, &next).unwrap();
    while !store.rekey_on(&mut || false).unwrap() {}
    store.seal_rekey().unwrap();
    device.ring.rekey_category(&mut rand::rng(), &next).unwrap();
    store.finish_rekey(device.keys()).unwrap();
    assert_eq!(versions(&store), expected);
    assert_eq!(store.version(NOTES, id(2)), expected.get(&id(2)).copied());
    assert_eq!(store.version(NOTES, id(3)), None);
    apply(&mut store, Changes::new().put(changed(4, 10, 10), None)).unwrap();
    assert_eq!(store.version(NOTES, id(4)).unwrap().revision, 10);
}
