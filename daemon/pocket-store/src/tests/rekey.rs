//! Re-keying, and the scrub in pieces: with changes on the way, and cut at every step.

use pocket_core::{Category, Document, Record, RecordId, SecretName};
use pocket_crypto::keyring::NextKeys;
use pocket_crypto::{SecretBytes, Unlocked};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::support::*;
use crate::database::guarded;
use crate::{Changes, KeySet, Store, StoreError};

const SECRETS: Category = Category::Secrets;

/// The ring as it is in memory, opened again: it has no copy of its own.
fn duplicate(ring: &mut Unlocked) -> Unlocked {
    ring.draft()
}

/// Asked once: yes, from then on no. One row, one chunk a call.
fn once() -> impl FnMut() -> bool {
    || false
}

fn next_keys(device: &Device, category: Category) -> NextKeys {
    device.ring.next_keys(&mut rand::rng(), category.code()).unwrap()
}

/// Copies everything, with `between` called after each row.
fn copy_all_rows(store: &mut Store, mut between: impl FnMut(&mut Store)) {
    while !store.rekey_on(&mut once()).unwrap() {
        between(store);
    }
}

fn switch(device: &mut Device, store: &mut Store, next: &NextKeys) {
    store.seal_rekey().unwrap();
    device.ring.rekey_category(&mut rand::rng(), next).unwrap();
    store.finish_rekey(device.keys()).unwrap();
}

fn secret(store: &mut Store, number: u32, value: &str) {
    let record = Record::Secret(SecretName {
        name: format!("secret {number}"),
        note: String::new(),
    });
    let value = SecretBytes::new(value.as_bytes().to_vec());
    let changes = Changes::new()
        .put(entry(number, record), None)
        .put_secret_value(id(number), &value);
    apply(store, changes).unwrap();
}

fn value_of(store: &Store, id: RecordId) -> Option<String> {
    let value = store.secret_value(id).unwrap();
    value.map(|value| value.expose_str().unwrap().to_owned())
}

fn document(store: &mut Store, number: u32, bytes: &[u8]) {
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    writer.write(bytes).unwrap();
    let blob = writer.finish().unwrap().0;
    let record = Record::Document(Document {
        name: format!("document {number}"),
        ..Document::default()
    });
    apply(store, Changes::new().put(entry(number, record), Some(blob))).unwrap();
}

#[test]
fn what_changes_while_a_category_is_sealed_anew_is_all_there() {
    let (mut device, mut store) = filled(40, 300);
    apply(&mut store, put_all([note(41, 9_000), note(42, 60_000)])).unwrap();
    let content = note(77, 5).content;
    let imported = store.content_id(&content);
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    let mut rng = StdRng::seed_from_u64(3);
    let mut expected: Vec<Option<usize>> = (1..=40).map(|_| Some(300)).collect();
    expected.extend([Some(9_000), Some(60_000), None, None, None]);
    copy_all_rows(&mut store, |store| {
        let number = rng.random_range(1..=45_u32);
        let length = rng.random_bool(0.6).then(|| rng.random_range(0..30_000));
        let changes = match length {
            Some(length) => Changes::new().put(note(number, length), None),
            None => Changes::new().remove(NOTES, id(number)),
        };
        apply(store, changes).unwrap();
        expected[number as usize - 1] = length;
    });
    // Also between the last row and the switch.
    apply(
        &mut store,
        Changes::new().remove(NOTES, id(7)).put(note(8, 8), None),
    )
    .unwrap();
    (expected[6], expected[7]) = (None, Some(8));
    switch(&mut device, &mut store, &next);
    for _ in 0..2 {
        for (length, number) in expected.iter().zip(1..) {
            let found = store.get(NOTES, id(number)).unwrap();
            assert!(
                found == length.map(|length| note(number, length)),
                "note {number}"
            );
        }
        assert_eq!(
            store.count(NOTES).unwrap(),
            expected.iter().flatten().count() as u64
        );
        assert_eq!(store.scrub().unwrap().findings, []);
        assert_eq!(store.content_id(&content), imported, "ids from content stay");
        drop(store);
        store = device.open_clean();
    }
}

#[test]
fn secrets_keep_their_values_and_documents_their_files() {
    let device = &mut Device::new();
    let mut store = device.open_clean();
    for number in 1..=5 {
        secret(&mut store, number, &format!("value {number}"));
        document(&mut store, 100 + number, &[7; 200_000]);
    }
    for category in [SECRETS, Category::Documents] {
        let next = next_keys(device, category);
        store.begin_rekey(category, &next).unwrap();
        copy_all_rows(&mut store, |_| {});
        if category == SECRETS {
            secret(&mut store, 2, "another");
            apply(&mut store, Changes::new().remove(SECRETS, id(3))).unwrap();
        } else {
            apply(&mut store, Changes::new().remove(Category::Documents, id(103))).unwrap();
        }
        switch(device, &mut store, &next);
    }
    assert_eq!(store.scrub().unwrap().blobs, 4);
    drop(store);
    let mut store = device.open_clean();
    assert_eq!(value_of(&store, id(1)).as_deref(), Some("value 1"));
    assert_eq!(value_of(&store, id(2)).as_deref(), Some("another"));
    assert_eq!(value_of(&store, id(3)), None);
    let (bytes, size) = store.read_blob(id(104), 150_000, 10).unwrap().unwrap();
    assert_eq!((bytes.as_slice(), size), ([7; 10].as_slice(), 200_000));
    assert!(store.read_blob(id(103), 0, 1).unwrap().is_none());
    assert_eq!(store.scrub().unwrap().findings, []);
}

#[test]
fn the_old_tree_and_its_key_are_gone() {
    let (mut device, mut store) = filled(10, 50);
    let old = KeySet::new(&device.ring).ok().unwrap();
    let old_tree = old.shelf(NOTES.code()).tree;
    apply(&mut store, Changes::new().remove(NOTES, id(3))).unwrap();
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    switch(&mut device, &mut store, &next);
    let known: Vec<_> = device.keys().shelves().map(|shelf| shelf.tree).collect();
    assert!(!known.contains(&old_tree) && !store.database.has_others(&known));
    // Every row of the category opens with the new key, and none with the old.
    let tree = &store.shelf(NOTES.code()).tree;
    let rows: Vec<_> = guarded("read", || tree.iter().collect()).unwrap();
    assert_eq!(rows.len(), 9);
    for (key, first) in rows {
        let new = device.keys();
        for (keys, opens) in [(&new, true), (&old, false)] {
            let keys = keys.shelf(NOTES.code());
            let row = crate::row::Row::gather(tree, keys, &key, &first).ok().flatten();
            assert_eq!(row.unwrap().open(keys, &key).is_ok(), opens);
        }
    }
}

/// A copy of the folder at each step opens, whole, with the keyring that lay beside it then.
#[test]
fn a_cut_at_any_step_loses_nothing() {
    let (mut device, mut store) = filled(30, 200);
    apply(&mut store, Changes::new().remove(NOTES, id(30))).unwrap();
    let mut cuts: Vec<(&str, tempfile::TempDir, Unlocked)> = Vec::new();
    let mut cut = |what, device: &mut Device, store: &mut Store| {
        store.sync().unwrap();
        let copy = tempfile::tempdir().unwrap();
        copy_all(device.path(), copy.path());
        cuts.push((what, copy, duplicate(&mut device.ring)));
    };
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    cut("begun", &mut device, &mut store);
    for _ in 0..10 {
        store.rekey_on(&mut once()).unwrap();
    }
    cut("half copied", &mut device, &mut store);
    copy_all_rows(&mut store, |_| {});
    cut("copied", &mut device, &mut store);
    store.seal_rekey().unwrap();
    cut("sealed", &mut device, &mut store);
    device.ring.rekey_category(&mut rand::rng(), &next).unwrap();
    cut("keyring written", &mut device, &mut store);
    store.finish_rekey(device.keys()).unwrap();
    cut("finished", &mut device, &mut store);
    for (what, copy, ring) in cuts {
        for _ in 0..2 {
            let opened = open_at(copy.path(), &ring)
                .map_err(|error| error.to_string())
                .unwrap();
            let mut store = opened.store;
            assert_eq!(opened.findings, [], "{what}");
            assert_eq!(store.count(NOTES).unwrap(), 29, "{what}");
            assert!(store.get(NOTES, id(9)).unwrap() == Some(note(9, 200)), "{what}");
            assert_eq!(store.scrub().unwrap().findings, [], "{what}");
            let known: Vec<_> = KeySet::new(&ring)
                .ok()
                .unwrap()
                .shelves()
                .map(|shelf| shelf.tree)
                .collect();
            assert!(!store.database.has_others(&known), "{what}");
            apply(&mut store, Changes::new().put(note(9, 200), None)).unwrap();
        }
    }
}

#[test]
fn a_keyring_from_before_the_switch_is_named_and_drops_nothing() {
    let (mut device, mut store) = filled(10, 50);
    let old = duplicate(&mut device.ring);
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    switch(&mut device, &mut store, &next);
    drop(store);
    device.is_named_with(old, 10);
}

/// Sealing anew must not turn a loss into the truth.
#[test]
fn a_row_lost_on_the_way_stops_it() {
    let (device, mut store) = filled(10, 50);
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    let key = *store.shelf(NOTES.code()).index.key(id(4)).unwrap();
    store.shelf(NOTES.code()).tree.remove(key).unwrap();
    copy_all_rows(&mut store, |_| {});
    assert!(matches!(store.seal_rekey(), Err(StoreError::Damaged { .. })));
    assert!(matches!(
        store.begin_rekey(Category::Audit, &next),
        Err(StoreError::AuditOrder { .. })
    ));
    assert!(matches!(store.rekey_on(&mut once()), Err(StoreError::Moved)));
}

#[test]
fn a_scrub_in_pieces_follows_what_changes() {
    let (device, mut store) = filled(60, 200);
    document(&mut store, 100, &[3; 300_000]);
    let mut rng = StdRng::seed_from_u64(11);
    store.begin_scrub();
    let mut pieces = 0;
    let report = loop {
        if let Some(report) = store.scrub_on(&mut once()).unwrap() {
            break report;
        }
        pieces += 1;
        if pieces < 200 {
            let number = rng.random_range(1..=80_u32);
            let changes = if rng.random_bool(0.5) {
                Changes::new().put(note(number, rng.random_range(0..12_000)), None)
            } else {
                Changes::new().remove(NOTES, id(number))
            };
            apply(&mut store, changes).unwrap();
        }
    };
    assert!(pieces > 60, "{pieces}");
    assert_eq!((report.findings, report.blobs), (vec![], 1));
    drop(store);
    drop(device.open_clean());
}

/// Promise 7: a store known to be short never answers as if it were whole.
#[test]
fn what_a_scrub_finds_short_counts_as_short() {
    let (_device, mut store) = filled(10, 50);
    let key = *store.shelf(NOTES.code()).index.key(id(4)).unwrap();
    store.shelf(NOTES.code()).tree.remove(key).unwrap();
    assert!(store.page(NOTES, None, 3).is_ok());
    let report = store.scrub().unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(matches!(store.page(NOTES, None, 3), Err(StoreError::NotWhole(_))));
    assert_eq!(store.scrub().unwrap().findings.len(), 1);
    store.accept_loss(NOTES).unwrap();
    store.sync().unwrap();
    assert_eq!(store.scrub().unwrap().findings, []);
    assert_eq!(store.count(NOTES).unwrap(), 9);
}

#[test]
fn a_walk_in_pieces_meets_every_record_once_and_ends_when_the_category_moves() {
    use std::ops::ControlFlow::Break;
    let (mut device, mut store) = filled(20, 4_000);
    let mut met = Vec::new();
    let mut walk = store.begin_walk(NOTES);
    while !store
        .walk(&mut walk, &mut |entry| {
            met.push(entry.id);
            Break(())
        })
        .unwrap()
    {
        // Of another category, and of records that are there already.
        apply(&mut store, Changes::new().put(note(1, 4_001), None)).unwrap();
    }
    met.sort_unstable();
    assert_eq!(met, (1..=20).map(id).collect::<Vec<_>>());

    let mut walk = store.begin_walk(NOTES);
    store.walk(&mut walk, &mut |_| Break(())).unwrap();
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    switch(&mut device, &mut store, &next);
    let moved = store.walk(&mut walk, &mut |_| Break(()));
    assert!(matches!(moved, Err(StoreError::Moved)));
}

#[test]
fn erasing_another_category_leaves_the_copy_alone() {
    for rows in [3, 17, 40] {
        let (mut device, mut store) = filled(40, 5_000);
        let next = next_keys(&device, NOTES);
        store.begin_rekey(NOTES, &next).unwrap();
        for _ in 0..rows {
            store.rekey_on(&mut once()).unwrap();
        }
        let tasks = Category::Tasks;
        device
            .ring
            .erase_category(&mut rand::rng(), tasks.code())
            .unwrap();
        store.erase_category(tasks, device.keys()).unwrap();
        copy_all_rows(&mut store, |_| {});
        switch(&mut device, &mut store, &next);
        drop(store);
        assert_eq!(device.open_clean().count(NOTES).unwrap(), 40);
    }
}

/// sled brought an older state of a row back: sealing anew must not make it the truth.
#[test]
fn an_older_row_stops_it() {
    let (device, mut store) = filled(10, 50);
    let key = *store.shelf(NOTES.code()).index.key(id(4)).unwrap();
    let tree = store.shelf(NOTES.code()).tree.clone();
    let old = tree.get(key).unwrap().unwrap();
    apply(&mut store, Changes::new().put(note(4, 60), None)).unwrap();
    tree.insert(key, old).unwrap();
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    assert!(matches!(store.seal_rekey(), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_copy_that_is_not_whole_stops_it() {
    let (device, mut store) = filled(10, 50);
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    let failed = loop {
        let rekey = store.rekey.as_ref().unwrap();
        if let Some((key, _)) = guarded("read", || rekey.shelf.tree.first()).unwrap() {
            rekey.shelf.tree.remove(key).unwrap();
        }
        match store.rekey_on(&mut once()) {
            Ok(true) => panic!("a copy without a row was taken for whole"),
            Ok(false) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(failed, StoreError::Damaged { .. }));
}

#[test]
fn what_failed_or_was_given_up_leaves_neither_tree_nor_head_behind() {
    let (mut device, mut store) = filled(10, 50);
    let known: Vec<_> = device.keys().shelves().map(|shelf| shelf.tree).collect();
    // Sealed, and the keyring could not be written.
    let next = next_keys(&device, NOTES);
    store.begin_rekey(NOTES, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    store.seal_rekey().unwrap();
    assert!(store.database.has_others(&known));
    store.abandon_rekey().unwrap();
    assert!(!store.database.has_others(&known));
    assert_eq!(store.head.newest(NOTES.code()), Some(store.head_of(NOTES.code())));
    // So that an erase that is cut later is finished, and nothing looks lost.
    store.announce_erase(NOTES).unwrap();
    drop(store);
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    assert_eq!(device.open_clean().count(NOTES).unwrap(), 0);
}

#[test]
fn a_scrub_reads_the_files_of_a_category_that_is_rekeyed_meanwhile() {
    let device = &mut Device::new();
    let mut store = device.open_clean();
    for number in 1..=4 {
        document(&mut store, number, &[1; 200_000]);
    }
    store.begin_scrub();
    // Until the first file is open and the others wait.
    while store.scrub.as_ref().map(crate::check::Scrub::files_waiting) != Some(3) {
        assert!(store.scrub_on(&mut once()).unwrap().is_none());
    }
    let next = next_keys(device, Category::Documents);
    store.begin_rekey(Category::Documents, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    switch(device, &mut store, &next);
    let report = loop {
        if let Some(report) = store.scrub_on(&mut once()).unwrap() {
            break report;
        }
    };
    assert_eq!((report.blobs, report.findings), (4, vec![]));
}

#[test]
fn the_value_of_a_lost_secret_goes_when_the_loss_is_accepted() {
    let device = &mut Device::new();
    let mut store = device.open_clean();
    for number in 1..=3 {
        secret(&mut store, number, "value");
    }
    let key = *store.shelf(SECRETS.code()).index.key(id(2)).unwrap();
    store.shelf(SECRETS.code()).tree.insert(key, vec![9; 40]).unwrap();
    assert_eq!(store.scrub().unwrap().findings.len(), 1);
    store.accept_loss(SECRETS).unwrap();
    store.sync().unwrap();
    assert_eq!(store.head_of(SECRETS.code()).rows, 4);
    let next = next_keys(device, SECRETS);
    store.begin_rekey(SECRETS, &next).unwrap();
    copy_all_rows(&mut store, |_| {});
    switch(device, &mut store, &next);
    drop(store);
    let store = device.open_clean();
    assert_eq!(value_of(&store, id(3)).as_deref(), Some("value"));
    assert_eq!(value_of(&store, id(2)), None);
}

#[test]
fn opening_is_given_up_when_nobody_wants_it() {
    let (device, store) = filled(50, 50);
    drop(store);
    let before = std::fs::read(device.path().join("heads")).unwrap();
    let mut rows = 0;
    let opened = Store::open_while(&device.folder(), device.keys(), &mut || {
        rows += 1;
        rows < 20
    });
    assert!(matches!(opened, Err(StoreError::GivenUp)));
    assert_eq!(std::fs::read(device.path().join("heads")).unwrap(), before);
    assert_eq!(device.open_clean().count(NOTES).unwrap(), 50);
}
