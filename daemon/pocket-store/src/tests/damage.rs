//! Bit rot, lost files, old copies: named, or still right; never short in silence, never wrong.

use std::fs;
use std::path::{Path, PathBuf};

use pocket_core::{Category, Document, Record};
use pocket_crypto::Unlocked;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::support::*;
use crate::{Changes, Opened, Store, StoreError};

/// What the store of [`written`] must answer.
struct Expected {
    notes: Vec<pocket_core::Entry>,
    document: pocket_core::Entry,
    bytes: Vec<u8>,
}

fn written() -> (Device, Expected) {
    let device = Device::new();
    let mut store = device.open_clean();
    let notes: Vec<_> = (1..=60)
        .map(|number| note(number, (number as usize % 7) * 900))
        .chain([note(90, 200_000)])
        .collect();
    for group in notes.chunks(10) {
        apply(&mut store, put_all(group.to_vec())).unwrap();
    }
    let bytes: Vec<u8> = (0..150_000u32).flat_map(u32::to_le_bytes).take(150_000).collect();
    let mut writer = store.begin_blob(Category::Documents).unwrap();
    writer.write(&bytes).unwrap();
    let (blob, sha256) = writer.finish().unwrap();
    let document = entry(
        1,
        Record::Document(Document {
            name: "d".into(),
            size: 150_000,
            sha256,
            ..Document::default()
        }),
    );
    apply(
        &mut store,
        Changes::new()
            .put(document.clone(), Some(blob))
            .put_system("s", *b"system"),
    )
    .unwrap();
    store.tick().unwrap();
    drop(store);
    (
        device,
        Expected {
            notes,
            document,
            bytes,
        },
    )
}

impl Expected {
    /// Everything that the store answers without an error must be right and complete.
    fn check(&self, store: &Store) {
        if let Ok(count) = store.count(NOTES) {
            assert_eq!(count, 61);
        }
        for entry in &self.notes {
            if let Ok(found) = store.get(NOTES, entry.id) {
                assert!(found.as_ref() == Some(entry));
            }
        }
        if let Ok(found) = store.get(Category::Documents, self.document.id) {
            assert!(found.as_ref() == Some(&self.document));
        }
        if let Ok(Some((bytes, _))) = store.read_blob(self.document.id, 0, 200_000) {
            assert!(*bytes == self.bytes);
        }
        if let Ok(found) = store.system("s") {
            assert_eq!(found.as_deref().map(Vec::as_slice), Some(b"system".as_slice()));
        }
    }

    /// Nothing is amiss at all.
    fn check_whole(&self, store: &mut Store) {
        self.check(store);
        assert_eq!(store.count(NOTES).unwrap(), 61);
        assert_eq!(store.count(Category::Documents).unwrap(), 1);
        assert_eq!(store.scrub().unwrap().findings, []);
        assert!(store.read_blob(self.document.id, 0, 1).unwrap().is_some());
    }
}

fn harm(file: &Path, rng: &mut StdRng) -> String {
    let mut bytes = fs::read(file).unwrap();
    // What lies ahead of sled's log is blank and can't be harmed.
    let used = bytes.iter().rposition(|&byte| byte != 0).unwrap_or(0) + 1;
    let at = rng.random_range(0..used);
    let end = bytes.len().min(at + 512);
    let what = match rng.random_range(0..4) {
        0 => {
            bytes[at] ^= 1 << rng.random_range(0..8);
            format!("bit flipped at {at}")
        }
        1 => {
            bytes[at..end].fill(0);
            format!("zeroed from {at}")
        }
        2 => {
            rng.fill(&mut bytes[at..end]);
            format!("garbage from {at}")
        }
        _ => {
            bytes.truncate(at);
            format!("cut to {at}")
        }
    };
    fs::write(file, bytes).unwrap();
    what
}

/// Damages one file of a copy in many ways. Gives how often it was seen at once, by opening.
fn trials(file: impl Fn(&Path) -> PathBuf, rounds: u64) -> u32 {
    let (device, expected) = written();
    let mut seen = 0;
    for seed in 0..rounds {
        let copy = tempfile::tempdir().unwrap();
        copy_all(device.path(), copy.path());
        let path = file(copy.path());
        let what = harm(&path, &mut StdRng::seed_from_u64(seed));
        println!("{seed}: {} {what}", path.display());
        match open_at(copy.path(), &device.ring) {
            Err(_) => seen += 1,
            Ok(Opened { mut store, findings }) => {
                expected.check(&store);
                let report = store.scrub();
                if findings.is_empty() {
                    let clean = report.is_ok_and(|report| report.findings.is_empty());
                    if clean {
                        expected.check_whole(&mut store);
                    }
                } else {
                    seen += 1;
                }
            }
        }
    }
    seen
}

#[test]
fn a_damaged_log_of_sled_is_reported_or_still_right() {
    assert!(trials(|root| root.join("db/db"), 40) > 10);
}

#[test]
fn damaged_heads_are_reported_or_still_right() {
    trials(|root| root.join("heads"), 25);
}

#[test]
fn a_damaged_sealed_file_is_reported() {
    let a_file = |root: &Path| {
        let mut files: Vec<_> = fs::read_dir(root.join("blobs"))
            .unwrap()
            .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files[0].clone()
    };
    trials(a_file, 25);
}

#[test]
fn damaged_parameters_and_half_a_snapshot_of_sled_do_no_harm() {
    let (device, expected) = written();
    fs::write(device.path().join("db/snap.0000.generating"), b"half").unwrap();
    expected.check_whole(&mut device.open_clean());
    fs::write(device.path().join("db/conf"), b"rubbish in place of parameters").unwrap();
    let mut opened = device.open();
    assert_eq!(opened.findings.len(), 1, "{:?}", opened.findings);
    expected.check_whole(&mut opened.store);
    assert!(device.path().join("db.damaged-1/db").exists());
}

#[test]
fn an_older_copy_of_the_database_is_seen() {
    let (device, _) = written();
    let old = tempfile::tempdir().unwrap();
    copy_all(device.path(), old.path());
    let mut store = device.open_clean();
    apply(&mut store, put_all([note(70, 10)])).unwrap();
    store.tick().unwrap();
    drop(store);
    fs::remove_dir_all(device.path().join("db")).unwrap();
    copy_all(&old.path().join("db"), &device.path().join("db"));
    let opened = device.open();
    let named: Vec<_> = opened
        .findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(named, ["store", "notes", "audit"]);
    assert!(matches!(opened.store.count(NOTES), Err(StoreError::NotWhole(_))));
    assert!(matches!(
        opened.store.get(NOTES, id(70)),
        Err(StoreError::NotWhole(_))
    ));
    assert_eq!(opened.store.count(Category::Documents).unwrap(), 1);
}

#[test]
fn an_emptied_database_is_seen() {
    let (device, _) = written();
    fs::remove_dir_all(device.path().join("db")).unwrap();
    let opened = device.open();
    assert!(opened.store.count(NOTES).is_err());
    assert!(opened.store.system_whole().is_err());
    // Its sealed files are not orphans to be tidied away.
    assert_eq!(super::store::blob_files(&device), 2);
    drop(opened);
    assert!(
        device.open().store.count(NOTES).is_err(),
        "the damage is not forgotten"
    );
}

#[test]
fn lost_heads_are_told_and_written_again() {
    let (device, expected) = written();
    fs::remove_file(device.path().join("heads")).unwrap();
    let mut opened = device.open();
    assert_eq!(opened.findings.len(), 1);
    expected.check_whole(&mut opened.store);
    drop(opened);
    expected.check_whole(&mut device.open_clean());
}

/// Takes rows out of a tree behind the store's back.
fn remove_rows(device: &Device, ring: &Unlocked, code: u8, count: usize) {
    let db = crate::database::open_when_released(&device.path().join("db"))
        .ok()
        .unwrap();
    let tree = db.open_tree(ring.category(code).unwrap().tree).unwrap();
    for key in tree.iter().keys().take(count) {
        tree.remove(key.unwrap()).unwrap();
    }
    db.flush().unwrap();
}

#[test]
fn rows_that_vanish_are_seen_until_the_loss_is_accepted() {
    let (device, mut store) = filled(20, 100);
    apply(&mut store, put_all(one_of_each())).unwrap();
    drop(store);
    remove_rows(&device, &device.ring, NOTES.code(), 2);
    let mut opened = device.open();
    assert_eq!(opened.findings.len(), 1);
    assert!(
        opened.findings[0].problem.contains("2 of its"),
        "{:?}",
        opened.findings
    );
    assert!(opened.store.page(NOTES, None, 9).is_err());
    assert_eq!(opened.store.count(Category::Tasks).unwrap(), 1);
    // A change in between does not hide it.
    apply(&mut opened.store, put_all([note(500, 1)])).unwrap();
    drop(opened);
    let mut opened = device.open();
    assert_eq!(opened.findings.len(), 1);
    opened.store.accept_loss(NOTES).unwrap();
    opened.store.sync().unwrap();
    let left = opened.store.count(NOTES).unwrap();
    assert!((19..=20).contains(&left), "{left}");
    drop(opened);
    assert_eq!(device.open_clean().count(NOTES).unwrap(), left);
}

/// All of it goes: a piece that stayed would be damage again.
#[test]
fn accepting_a_loss_leaves_nothing_of_a_split_row() {
    let (device, mut store) = filled(5, 9_000);
    let key = *store.shelf(NOTES.code()).index.key(id(3)).unwrap();
    let tree = store.shelf(NOTES.code()).tree.clone();
    let mut first = tree.get(key).unwrap().unwrap().to_vec();
    first[2_000] ^= 1;
    tree.insert(key, first).unwrap();
    drop(tree);
    assert_eq!(store.scrub().unwrap().findings.len(), 1);
    store.accept_loss(NOTES).unwrap();
    store.sync().unwrap();
    assert_eq!(store.scrub().unwrap().findings, []);
    drop(store);
    assert_eq!(device.open_clean().count(NOTES).unwrap(), 4);
}

#[test]
fn the_cut_tail_of_the_audit_log_is_seen() {
    let (device, mut store) = filled(1, 1);
    for _ in 0..4 {
        apply(&mut store, Changes::new()).unwrap();
    }
    drop(store);
    let db = crate::database::open_when_released(&device.path().join("db"))
        .ok()
        .unwrap();
    let tree = db
        .open_tree(device.ring.category(Category::Audit.code()).unwrap().tree)
        .unwrap();
    tree.remove(5u64.to_be_bytes()).unwrap();
    db.flush().unwrap();
    drop((tree, db));
    let mut opened = device.open();
    assert_eq!(
        opened
            .findings
            .iter()
            .map(|finding| finding.what.as_str())
            .collect::<Vec<_>>(),
        ["audit"]
    );
    assert_eq!(opened.store.audit_head().sequence, 5);
    opened.store.accept_loss(Category::Audit).unwrap();
    apply(&mut opened.store, Changes::new()).unwrap();
    assert!(
        opened
            .store
            .scrub()
            .unwrap()
            .findings
            .iter()
            .any(|finding| finding.problem.contains("5"))
    );
    drop(opened);
    device.open_clean();
}

#[test]
fn a_lost_file_is_named_and_the_record_stays_when_the_loss_is_accepted() {
    let (device, expected) = written();
    fs::remove_dir_all(device.path().join("blobs")).unwrap();
    let mut opened = device.open();
    let named: Vec<_> = opened
        .findings
        .iter()
        .map(|finding| finding.what.as_str())
        .collect();
    assert_eq!(named, ["notes", "documents"]);
    opened.store.accept_loss(NOTES).unwrap();
    opened.store.accept_loss(Category::Documents).unwrap();
    opened.store.sync().unwrap();
    drop(opened);
    let store = device.open_clean();
    assert_eq!(store.count(NOTES).unwrap(), 60);
    assert!(store.get(Category::Documents, id(1)).unwrap() == Some(expected.document));
    assert!(store.read_blob(id(1), 0, 1).unwrap().is_none());
}

#[test]
fn another_devices_keys_open_nothing_and_touch_nothing() {
    let (device, expected) = written();
    let stranger = Device::new();
    assert!(open_at(device.path(), &stranger.ring).is_err());
    expected.check_whole(&mut device.open_clean());
    fs::remove_file(device.path().join("heads")).unwrap();
    assert!(open_at(device.path(), &stranger.ring).is_err());
    expected.check_whole(&mut device.open().store);
}
