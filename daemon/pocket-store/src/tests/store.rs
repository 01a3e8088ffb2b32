//! Round trips, paging, changes, sealed files, secrets.

use std::fs;
use std::ops::ControlFlow;

use pocket_core::{Category, Document, FailureKind, Record};
use pocket_crypto::SecretBytes;

use super::support::*;
use crate::{BlobRef, Changes, Opened, Store, StoreError};

#[test]
fn a_record_of_every_category_comes_back_after_reopening() {
    let device = Device::new();
    let entries = one_of_each();
    let mut store = device.open_clean();
    apply(&mut store, put_all(entries.clone())).unwrap();
    drop(store);

    let store = device.open_clean();
    for entry in &entries {
        let category = entry.content.category();
        assert!(
            store.get(category, entry.id).unwrap().as_ref() == Some(entry),
            "{category}"
        );
        assert_eq!(store.count(category).unwrap(), 1);
        let page = store.page(category, None, 10).unwrap();
        assert!(page.entries == [entry.clone()] && page.total == 1 && !page.more);
    }
    assert_eq!(store.count(Category::Audit).unwrap(), 1);
}

#[test]
fn pages_run_from_the_newest_and_continue_after_a_record() {
    let (_device, store) = filled(25, 10);
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = store.page(NOTES, after, 10).unwrap();
        assert_eq!(page.total, 25);
        seen.extend(page.entries.iter().map(|entry| entry.id));
        after = seen.last().copied();
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, (1..=25).rev().map(id).collect::<Vec<_>>());
    assert!(matches!(
        store.page(NOTES, Some(id(99)), 1),
        Err(StoreError::Cursor(_))
    ));

    let mut scanned = 0;
    store
        .scan(NOTES, &mut |_| {
            scanned += 1;
            if scanned == 7 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .unwrap();
    assert_eq!(scanned, 7);

    let mut ids = Vec::new();
    store
        .scan(NOTES, &mut |entry| {
            ids.push(entry.id);
            ControlFlow::Continue(())
        })
        .unwrap();
    ids.sort_unstable();
    assert_eq!(ids, (1..=25).map(id).collect::<Vec<_>>());
}

#[test]
fn replacing_and_removing_holds_after_reopening() {
    let (device, mut store) = filled(3, 20_000);
    apply(
        &mut store,
        Changes::new().put(note(2, 5), None).remove(NOTES, id(3)),
    )
    .unwrap();
    drop(store);
    let mut store = device.open_clean();
    assert!(store.get(NOTES, id(1)).unwrap() == Some(note(1, 20_000)));
    assert!(store.get(NOTES, id(2)).unwrap() == Some(note(2, 5)));
    assert!(store.get(NOTES, id(3)).unwrap().is_none());
    assert_eq!(store.count(NOTES).unwrap(), 2);
    assert_eq!(store.scrub().unwrap().findings, []);
}

#[test]
fn a_large_record_is_a_sealed_file_and_sled_makes_none_of_its_own() {
    let device = Device::new();
    let mut store = device.open_clean();
    let sizes = [0, 100, 3_000, 3_500, 10_000, 50_000, 54_000, 60_000, 300_000];
    let entries: Vec<_> = sizes
        .into_iter()
        .zip(1..)
        .map(|(size, number)| note(number, size))
        .collect();
    apply(&mut store, put_all(entries.clone())).unwrap();
    apply(&mut store, put_all((100..160).map(|number| note(number, 3_000)))).unwrap();
    assert_eq!(fs::read_dir(device.path().join("db/blobs")).unwrap().count(), 0);
    assert_eq!(blob_files(&device), 4);
    drop(store);

    let mut store = device.open_clean();
    for entry in &entries {
        assert!(store.get(NOTES, entry.id).unwrap().as_ref() == Some(entry));
    }
    apply(
        &mut store,
        Changes::new().remove(NOTES, id(9)).put(note(8, 10), None),
    )
    .unwrap();
    assert_eq!(blob_files(&device), 2);
    assert_eq!(fs::read_dir(device.path().join("db/blobs")).unwrap().count(), 0);
}

#[test]
fn what_is_too_much_for_one_commit_goes_into_files_and_is_there_all_the_same() {
    let device = Device::new();
    let mut store = device.open_clean();
    let entries: Vec<_> = (0..60).map(|number| note(number, 12_000)).collect();
    apply(&mut store, put_all(entries.clone())).unwrap();
    let files = blob_files(&device);
    assert!((30..60).contains(&files), "{files} files");
    // The log is written several times over, not forty times.
    assert!(store.size_on_disk() < 16 << 20);
    drop(store);

    let mut store = device.open_clean();
    for entry in &entries {
        assert!(store.get(NOTES, entry.id).unwrap().as_ref() == Some(entry));
    }
    assert_eq!(store.scrub().unwrap().findings, []);
}

#[test]
fn a_document_is_read_at_any_place() {
    let device = Device::new();
    let mut store = device.open_clean();
    let bytes: Vec<u8> = (0..5_000_000u32)
        .flat_map(|number| number.to_le_bytes())
        .take(5_000_000)
        .collect();
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    for piece in bytes.chunks(77_777) {
        writer.write(piece).unwrap();
    }
    let (blob, sha256) = writer.finish().unwrap();
    assert_eq!((blob.size(), sha256.len()), (5_000_000, 64));
    let document = entry(
        1,
        Record::Document(Document {
            name: "d".into(),
            size: 5_000_000,
            sha256,
            ..Document::default()
        }),
    );
    apply(&mut store, Changes::new().put(document.clone(), Some(blob))).unwrap();
    drop(store);

    let mut store = device.open_clean();
    for (offset, max) in [
        (0, 10),
        (65_530, 20),
        (4_999_990, 100),
        (5_000_000, 1),
        (9_000_000, 1),
        (131_072, 200_000),
        (0, 5_000_000),
    ] {
        let (piece, size) = store.read_blob(id(1), offset, max).unwrap().unwrap();
        let from = usize::try_from(offset).unwrap().min(bytes.len());
        let until = (from + max).min(bytes.len());
        assert!(*piece == bytes[from..until], "{offset} {max}");
        assert_eq!(size, 5_000_000);
    }
    // Edited with its file, it keeps it; replaced without, the file goes.
    let kept = store.blob_of(id(1)).unwrap();
    apply(&mut store, Changes::new().put(document.clone(), kept)).unwrap();
    assert_eq!(blob_files(&device), 1);
    assert_eq!(store.scrub().unwrap().blobs, 1);
    apply(&mut store, Changes::new().put(document, None)).unwrap();
    assert_eq!(blob_files(&device), 0);
    assert!(store.read_blob(id(1), 0, 10).unwrap().is_none());
}

#[test]
fn an_unfinished_or_unnamed_file_does_not_stay() {
    let device = Device::new();
    let store = device.open_clean();
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    writer.write(&[1; 100_000]).unwrap();
    drop(writer);
    assert_eq!(blob_files(&device), 0);
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    writer.write(&[1; 100_000]).unwrap();
    let orphan = writer.finish().unwrap().0;
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    writer.write(&[1; 100_000]).unwrap();
    std::mem::forget(writer);
    assert_eq!(blob_files(&device), 2);
    drop(store);
    let store = device.open_clean();
    assert_eq!(blob_files(&device), 0);
    store.discard_blob(&orphan).unwrap();
}

#[test]
fn a_change_that_does_not_happen_leaves_no_file_behind() {
    let device = Device::new();
    let mut store = device.open_clean();
    let file = |store: &Store| {
        let mut writer = store.begin_blob(Category::Documents).unwrap();
        writer.write(&[1; 100_000]).unwrap();
        writer.finish().unwrap().0
    };
    let document = one_of_each()
        .into_iter()
        .find(|entry| entry.content.category() == Category::Documents)
        .unwrap();
    let kept = file(&store);
    let put = |blob: BlobRef| Changes::new().put(document.clone(), Some(blob));
    apply(&mut store, put(kept.clone())).unwrap();
    assert_eq!(blob_files(&device), 1);

    let chain = pocket_core::audit::Chain::new(store.audit_head(), store.audit_mac());
    let stale = chain.link(vec![event(pocket_core::OperationKind::Add)]);
    apply(&mut store, Changes::new()).unwrap();
    for blob in [file(&store), kept.clone()] {
        let refused = store.commit(&stale, put(blob));
        assert!(matches!(refused, Err(StoreError::AuditOrder { .. })));
        assert_eq!(blob_files(&device), 1, "the file of the change, and no other");
    }
    store.discard(&put(file(&store)));
    store.discard(&put(kept));
    assert_eq!(blob_files(&device), 1);
    // Until the row that named it is gone from the disk too, a file stays.
    let next = file(&store);
    let named = store.blob_of(document.id).unwrap().unwrap();
    let chain = pocket_core::audit::Chain::new(store.audit_head(), store.audit_mac());
    let entries = chain.link(vec![event(pocket_core::OperationKind::Edit)]);
    store.commit(&entries, put(next)).unwrap();
    store.discard(&put(named));
    assert_eq!(blob_files(&device), 2);
    store.sync().unwrap();
    assert_eq!(blob_files(&device), 1);
}

#[test]
fn a_secret_has_its_value_apart() {
    let device = Device::new();
    let mut store = device.open_clean();
    let secret = one_of_each()
        .into_iter()
        .find(|entry| entry.content.category() == Category::Secrets)
        .unwrap();
    let id = secret.id;
    let value = SecretBytes::new(b"hunter2".to_vec());
    apply(
        &mut store,
        Changes::new().put(secret, None).put_secret_value(id, &value),
    )
    .unwrap();
    drop(store);
    let mut store = device.open_clean();
    assert!(
        store
            .secret_value(id)
            .unwrap()
            .is_some_and(|value| value.expose_bytes() == b"hunter2")
    );
    assert_eq!(store.count(Category::Secrets).unwrap(), 1);
    apply(&mut store, Changes::new().remove(Category::Secrets, id)).unwrap();
    assert!(store.secret_value(id).unwrap().is_none());
    drop(store);
    device.open_clean();
}

#[test]
fn system_rows_are_found_by_prefix() {
    let device = Device::new();
    let mut store = device.open_clean();
    let changes = Changes::new()
        .put_system("agent/1", b"one".as_slice())
        .put_system("agent/2", vec![2; 200_000])
        .put_system("lease", *b"x");
    apply(&mut store, changes).unwrap();
    drop(store);
    let mut store = device.open_clean();
    assert_eq!(store.system_names("agent/").unwrap(), ["agent/1", "agent/2"]);
    assert_eq!(
        store.system("agent/1").unwrap().as_deref().map(Vec::as_slice),
        Some(b"one".as_slice())
    );
    assert_eq!(
        store.system("agent/2").unwrap().as_deref(),
        Some(&vec![2; 200_000])
    );
    apply(
        &mut store,
        Changes::new().remove_system("agent/2").put_system("lease", *b"y"),
    )
    .unwrap();
    drop(store);
    let store = device.open_clean();
    assert_eq!(store.system_names("").unwrap(), ["agent/1", "lease"]);
    assert!(store.system("agent/2").unwrap().is_none());
}

#[test]
fn audit_entries_must_continue_the_log() {
    let (device, mut store) = filled(1, 1);
    let before = store.audit_head();
    for _ in 0..5 {
        apply(&mut store, Changes::new()).unwrap();
    }
    let chain = pocket_core::audit::Chain::new(before, store.audit_mac());
    let stale = chain.link(vec![event(pocket_core::OperationKind::Add)]);
    assert!(matches!(
        store.apply_own(&stale),
        Err(StoreError::AuditOrder { found: 2, head: 6 })
    ));
    drop(store);

    let mut store = device.open_clean();
    assert_eq!(store.audit_head().sequence, 6);
    let newest: Vec<u64> = store
        .audit_before(None, 2)
        .unwrap()
        .iter()
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(newest, [6, 5]);
    let before: Vec<u64> = store
        .audit_before(Some(3), 9)
        .unwrap()
        .iter()
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(before, [2, 1]);
    let from: Vec<u64> = store
        .audit_from(4, 2)
        .unwrap()
        .iter()
        .map(|entry| entry.sequence)
        .collect();
    assert_eq!(from, [4, 5]);
    let report = store.scrub().unwrap();
    assert_eq!((report.audit, report.findings), (6, vec![]));
}

#[test]
fn the_same_content_gets_the_same_id() {
    let (device, store) = filled(1, 1);
    let (one, other) = (note(1, 10).content, note(2, 10).content);
    let id = store.content_id(&one);
    assert_ne!(id, store.content_id(&other));
    drop(store);
    assert_eq!(device.open_clean().content_id(&one), id);
}

#[test]
fn an_erased_category_is_empty_and_its_siblings_are_not() {
    let mut device = Device::new();
    let mut store = device.open_clean();
    let mut entries = one_of_each();
    entries.push(note(50, 300_000));
    apply(&mut store, put_all(entries)).unwrap();
    assert_eq!(blob_files(&device), 1);
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    store.erase_category(NOTES, device.keys()).unwrap();
    assert_eq!((store.count(NOTES).unwrap(), blob_files(&device)), (0, 0));
    apply(&mut store, put_all([note(60, 10)])).unwrap();
    drop(store);
    let store = device.open_clean();
    assert_eq!(
        (store.count(NOTES).unwrap(), store.count(Category::Tasks).unwrap()),
        (1, 1)
    );
}

#[test]
fn an_erase_that_was_cut_after_the_keyring_is_finished_by_the_next_open() {
    let (mut device, mut store) = filled(20, 100_000);
    let (upload, _) = store.begin_blob(NOTES).unwrap().finish().unwrap();
    store.announce_erase(NOTES).unwrap();
    drop(store);
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    store = device.open_clean();
    assert_eq!((store.count(NOTES).unwrap(), blob_files(&device)), (0, 0));
    let stale = store.commit(&[], Changes::new().put(note(1, 1), Some(upload)));
    assert!(stale.is_err_and(|error| error.kind() == FailureKind::Conflict));
}

#[test]
fn an_older_keyring_is_damage_and_nothing_is_dropped() {
    let (mut device, mut store) = filled(3, 10);
    let old = device.ring.draft();
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    store.erase_category(NOTES, device.keys()).unwrap();
    apply(&mut store, put_all([note(9, 9)])).unwrap();
    drop(store);
    device.is_named_with(old, 1);
}

/// A keyring from after an erase or a re-keying, and a store from before it: nobody announced that.
#[test]
fn an_older_store_is_damage_and_nothing_is_dropped() {
    let (mut device, store) = filled(3, 100_000);
    drop(store);
    let mut old = device.ring.draft();
    for rekeyed in [false, true] {
        let mut new = device.ring.draft();
        if rekeyed {
            let next = new.next_keys(&mut rand::rng(), NOTES.code()).unwrap();
            new.rekey_category(&mut rand::rng(), &next).unwrap();
        } else {
            new.erase_category(&mut rand::rng(), NOTES.code()).unwrap();
        }
        device.ring = new;
        for _ in 0..2 {
            let Opened { mut store, findings } = device.open();
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert!(findings[0].problem.contains("not of the same time"));
            assert!(matches!(store.count(NOTES), Err(StoreError::NotWhole(_))));
            assert!(store.scrub().unwrap().findings.contains(&findings[0]));
        }
        device.ring = old.draft();
    }
    assert_eq!(blob_files(&device), 3);
    assert_eq!(device.open_clean().count(NOTES).unwrap(), 3);
}

/// An erase whose keyring could not be written has not happened.
#[test]
fn an_erase_that_was_only_announced_leaves_everything() {
    let (device, mut store) = filled(3, 50);
    store.announce_erase(NOTES).unwrap();
    apply(&mut store, put_all([note(9, 9)])).unwrap();
    drop(store);
    let mut store = device.open_clean();
    assert_eq!(store.count(NOTES).unwrap(), 4);
    store.announce_erase(NOTES).unwrap();
    store.forget_next().unwrap();
    assert_eq!(store.head.newest(NOTES.code()), Some(store.head_of(NOTES.code())));
}

pub(super) fn blob_files(device: &Device) -> usize {
    let Ok(folders) = fs::read_dir(device.path().join("blobs")) else {
        return 0;
    };
    folders
        .map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count())
        .sum()
}
