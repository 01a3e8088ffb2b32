//! What a search index is kept with: the versions of the records, and the index of a category as
//! sealed files.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use pocket_core::{Category, Document, Entry, FailureKind, Record, RecordId, Timestamp};
use pocket_crypto::Unlocked;
use pocket_crypto::keyring::NextKeys;

use super::support::*;
use crate::blob::BlobRef;
use crate::row::Kind;
use crate::search_index::index_key;
use crate::{Changes, KeySet, Opened, Store, StoreError, Version};

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
    let next = begin_rekey(&device, &mut store);
    while !store.rekey_on(&mut || false).unwrap() {}
    switch(&mut device, &mut store, &next);
    assert_eq!(versions(&store), expected);
    assert_eq!(store.version(NOTES, id(2)), expected.get(&id(2)).copied());
    assert_eq!(store.version(NOTES, id(3)), None);
    apply(&mut store, Changes::new().put(changed(4, 10, 10), None)).unwrap();
    assert_eq!(store.version(NOTES, id(4)).unwrap().revision, 10);
}

fn begin_rekey(device: &Device, store: &mut Store) -> NextKeys {
    let next = device.ring.next_keys(&mut rand::rng(), NOTES.code()).unwrap();
    store.begin_rekey(NOTES, &next).unwrap();
    next
}

fn switch(device: &mut Device, store: &mut Store, next: &NextKeys) {
    store.seal_rekey().unwrap();
    device.ring.rekey_category(&mut rand::rng(), next).unwrap();
    store.finish_rekey(device.keys()).unwrap();
}

/// A finished file that nothing names yet.
fn file(store: &Store, category: Category, byte: u8, size: usize) -> BlobRef {
    let mut writer = store.begin_blob(category).unwrap();
    writer.write(&vec![byte; size]).unwrap();
    writer.finish().unwrap().0
}

/// Puts an index of two files there, durably.
fn put(store: &mut Store, note: &[u8]) -> [BlobRef; 2] {
    let files = [file(store, NOTES, 1, 5_000), file(store, NOTES, 2, 200_000)];
    store.put_index(NOTES, &files, note).unwrap();
    store.sync().unwrap();
    files
}

fn path(device: &Device, file: &BlobRef) -> PathBuf {
    file.path(&device.path().join("blobs"))
}

/// How many sealed files there are on the disk.
fn on_disk(device: &Device) -> usize {
    let inventory = crate::blob::inventory(&device.path().join("blobs")).unwrap();
    assert_eq!(inventory.parts.len(), 0);
    inventory.whole.len()
}

/// The note and the content of the files.
fn stored(store: &Store) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let index = store.index(NOTES).unwrap()?;
    let read = |file: &BlobRef| store.read_file(file, 0, usize::MAX).unwrap().to_vec();
    Some((index.note.to_vec(), index.files.iter().map(read).collect()))
}

#[test]
fn an_index_comes_back_and_what_it_does_not_name_any_more_goes() {
    let (device, mut store) = filled(5, 100);
    assert!(store.index(NOTES).unwrap().is_none());
    let before = store.bytes(NOTES);
    let [first, second] = put(&mut store, b"one");
    let with_index = store.bytes(NOTES);
    assert!(with_index > before + 205_000);
    drop(store);

    let mut store = device.open_clean();
    assert_eq!(store.bytes(NOTES), with_index);
    assert_eq!(
        stored(&store),
        Some((b"one".to_vec(), vec![vec![1; 5_000], vec![2; 200_000]]))
    );
    // The second stays; the first goes, once the row without it is on the disk.
    let note = vec![9; 16 * 1024];
    let files: Vec<BlobRef> = std::iter::once(second)
        .chain((0..199).map(|_| file(&store, NOTES, 3, 1)))
        .collect();
    store.put_index(NOTES, &files, &note).unwrap();
    assert!(path(&device, &first).exists());
    store.sync().unwrap();
    assert!(!path(&device, &first).exists());
    assert_eq!(on_disk(&device), 200);
    assert!(store.index(Category::Tasks).unwrap().is_none());
    drop(store);

    let mut store = device.open_clean();
    let (read, contents) = stored(&store).unwrap();
    assert_eq!((read, contents.len()), (note, 200));
    assert_eq!(store.count(NOTES).unwrap(), 5);
    assert_eq!(store.scrub().unwrap().findings, []);
    store.remove_index(NOTES).unwrap();
    store.sync().unwrap();
    store.remove_index(NOTES).unwrap();
    assert!(!store.unsynced(), "there is nothing to remove any more");
    assert_eq!((on_disk(&device), store.bytes(NOTES)), (0, before));
    drop(store);
    assert!(device.open_clean().index(NOTES).unwrap().is_none());
}

#[test]
fn an_open_file_is_read_at_any_place_also_when_it_is_removed() {
    let (_device, mut store) = filled(1, 1);
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut writer = store.begin_blob(NOTES).unwrap();
    writer.write(&content).unwrap();
    let file = writer.finish().unwrap().0;
    store.put_index(NOTES, std::slice::from_ref(&file), b"").unwrap();
    let mut reader = store.open_file(&file).unwrap();
    store.remove_index(NOTES).unwrap();
    store.sync().unwrap();
    assert!(matches!(store.open_file(&file), Err(StoreError::Damaged { .. })));
    for (offset, max) in [
        (0, 10),
        (65_530, 20),
        (65_536, 65_536),
        (3, 300_000),
        (799_990, 100),
    ] {
        let end = content.len().min(offset + max);
        let read = reader.read(offset as u64, max).unwrap();
        assert!(*read == content[offset..end], "{offset}");
    }
    assert_eq!(reader.read(800_000, 10).unwrap().len(), 0);
}

#[test]
fn what_must_not_be_an_index_is_refused() {
    let (_device, mut store) = filled(1, 1);
    let document = file(&store, Category::Documents, 1, 10);
    let record = Record::Document(Document {
        name: "paper".to_owned(),
        ..Document::default()
    });
    let changes = Changes::new().put(entry(9, record), Some(document.clone()));
    apply(&mut store, changes).unwrap();
    let conflict = |result: Result<(), StoreError>| {
        assert_eq!(result.map_err(|error| error.kind()), Err(FailureKind::Conflict));
    };
    // A file of a record would be removed with the index.
    conflict(store.put_index(Category::Documents, std::slice::from_ref(&document), b""));
    conflict(store.put_index(NOTES, &[document], b""));
    let gone = file(&store, NOTES, 1, 10);
    store.discard_blob(&gone).unwrap();
    conflict(store.put_index(NOTES, &[gone], b""));
    let one = file(&store, NOTES, 1, 10);
    let too_many = store.put_index(NOTES, &vec![one; 201], b"");
    assert!(matches!(too_many, Err(StoreError::TooLarge { .. })));
    let too_long = store.put_index(NOTES, &[], &[0; 16 * 1024 + 1]);
    assert!(matches!(too_long, Err(StoreError::TooLarge { .. })));
    let audit = store.put_index(Category::Audit, &[], b"");
    assert!(matches!(audit, Err(StoreError::AuditOrder { .. })));
    assert!(store.index(NOTES).unwrap().is_none());
    assert_eq!(store.scrub().unwrap().findings, []);
}

/// A copy of the folder as a power cut would leave it: what was not synced is not in it.
struct Cut {
    what: &'static str,
    copy: tempfile::TempDir,
    ring: Unlocked,
}

impl Cut {
    fn take(what: &'static str, device: &mut Device) -> Self {
        let copy = tempfile::tempdir().unwrap();
        copy_all(device.path(), copy.path());
        Self {
            what,
            copy,
            ring: device.ring.draft(),
        }
    }

    /// Opens it twice: nothing is wrong, and the second time nothing is left to tidy.
    fn open(&self) -> Store {
        let open = || open_at(self.copy.path(), &self.ring).map_err(|error| error.to_string());
        drop(open().unwrap());
        let Opened { mut store, findings } = open().unwrap();
        assert_eq!(findings, [], "{}", self.what);
        assert_eq!(store.scrub().unwrap().findings, [], "{}", self.what);
        store
    }

    fn files(&self) -> usize {
        let blobs = self.copy.path().join("blobs");
        crate::blob::inventory(&blobs).unwrap().whole.len()
    }
}

#[test]
fn a_cut_leaves_the_old_index_or_the_new_one_and_no_orphan() {
    let (mut device, mut store) = filled(5, 100);
    put(&mut store, b"old");
    let new = file(&store, NOTES, 3, 70_000);
    let mut cuts = vec![(Cut::take("file written", &mut device), "old", 2)];
    store.put_index(NOTES, &[new], b"new").unwrap();
    cuts.push((Cut::take("put", &mut device), "old", 2));
    store.sync().unwrap();
    cuts.push((Cut::take("synced", &mut device), "new", 1));
    store.remove_index(NOTES).unwrap();
    cuts.push((Cut::take("removed", &mut device), "new", 1));
    store.sync().unwrap();
    cuts.push((Cut::take("removed and synced", &mut device), "", 0));
    for (cut, note, files) in cuts {
        let store = cut.open();
        let found = stored(&store).unwrap_or_default();
        assert_eq!(found.0, note.as_bytes(), "{}", cut.what);
        assert_eq!((found.1.len(), cut.files()), (files, files), "{}", cut.what);
        assert_eq!(store.count(NOTES).unwrap(), 5);
    }
}

/// The truth is in the records: whoever reads a damaged index makes it again.
#[test]
fn damage_to_a_file_is_told_to_its_reader_and_is_no_finding() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 3] = [
        ("missing", |path| fs::remove_file(path).unwrap()),
        ("cut", |path| {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            file.set_len(100_000).unwrap();
        }),
        ("flipped", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[150_000] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let (device, mut store) = filled(5, 100);
        let [_, large] = put(&mut store, b"note");
        drop(store);
        harm(&path(&device, &large));
        let mut store = device.open_clean();
        let report = store.scrub().unwrap();
        assert_eq!((report.findings, report.blobs), (vec![], 0), "{what}");
        assert_eq!(store.count(NOTES).unwrap(), 5);
        assert_eq!(store.page(NOTES, None, 9).unwrap().entries.len(), 5);
        let index = store.index(NOTES).unwrap().unwrap();
        assert!(store.read_file(&index.files[0], 0, 10).is_ok());
        let read = store.read_file(&index.files[1], 140_000, 10);
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{what}");
        put(&mut store, b"again");
        assert_eq!(on_disk(&device), 2, "{what}");
        assert_eq!(stored(&store).unwrap().0, b"again");
    }
}

#[test]
fn damage_to_the_row_is_named_and_accepting_it_loses_no_record() {
    let (device, mut store) = filled(5, 100);
    put(&mut store, &[1; 9_000]);
    let key = index_key(store.keys_of(NOTES.code()));
    let tree = store.shelf(NOTES.code()).tree.clone();
    let mut first = tree.get(key).unwrap().unwrap().to_vec();
    first[2_000] ^= 1;
    tree.insert(key, first).unwrap();
    tree.flush().unwrap();
    drop((tree, store));
    let Opened { mut store, findings } = device.open();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].what, "notes");
    assert!(matches!(store.index(NOTES), Err(StoreError::Damaged { .. })));
    assert!(matches!(
        store.put_index(NOTES, &[], b""),
        Err(StoreError::NotWhole(_))
    ));
    store.accept_loss(NOTES).unwrap();
    store.sync().unwrap();
    assert_eq!(store.count(NOTES).unwrap(), 5);
    assert!(store.index(NOTES).unwrap().is_none());
    drop(store);
    let mut store = device.open_clean();
    assert_eq!(on_disk(&device), 0, "its files are orphans now");
    put(&mut store, b"again");
    drop(store);
    assert_eq!(stored(&device.open_clean()).unwrap().0, b"again");
}

#[test]
fn an_accepted_loss_drops_the_index() {
    let (device, mut store) = filled(5, 100);
    put(&mut store, b"speaks of note 4");
    let key = *store.shelf(NOTES.code()).index.key(id(4)).unwrap();
    store.shelf(NOTES.code()).tree.remove(key).unwrap();
    assert_eq!(store.scrub().unwrap().findings.len(), 1);
    store.accept_loss(NOTES).unwrap();
    store.sync().unwrap();
    assert_eq!(on_disk(&device), 0);
    assert!(store.index(NOTES).unwrap().is_none());
    assert_eq!(store.scrub().unwrap().findings, []);
    drop(store);
    assert_eq!(device.open_clean().count(NOTES).unwrap(), 4);
}

#[test]
fn an_erase_takes_the_index_with_it_also_when_it_is_cut() {
    let (mut device, mut store) = filled(5, 100);
    let [old, _] = put(&mut store, b"gone");
    store.announce_erase(NOTES).unwrap();
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    let cut = Cut::take("keyring written", &mut device);
    store.erase_category(NOTES, device.keys()).unwrap();
    assert_eq!(on_disk(&device), 0);
    assert!(store.index(NOTES).unwrap().is_none());
    let stale = store.put_index(NOTES, &[old], b"");
    assert!(matches!(stale, Err(StoreError::StaleBlob)));
    drop(store);
    assert!(device.open_clean().index(NOTES).unwrap().is_none());
    assert!(cut.open().index(NOTES).unwrap().is_none());
    assert_eq!(cut.files(), 0);
}

/// It holds words of what was deleted, and these must be noise afterwards.
#[test]
fn re_keying_leaves_the_index_behind_with_a_cut_at_any_step() {
    let (mut device, mut store) = filled(30, 200);
    apply(&mut store, put_all([note(31, 90_000)])).unwrap();
    put(&mut store, b"before");
    let mut cuts = Vec::new();
    let mut cut = |what, left, device: &mut Device| cuts.push((Cut::take(what, device), left));
    let next = begin_rekey(&device, &mut store);
    cut("begun", true, &mut device);
    // Put again before, while and after the copying passes its key.
    let mut puts = 0;
    while !store.rekey_on(&mut || false).unwrap() {
        if puts < 60 {
            put(&mut store, b"meanwhile");
            puts += 1;
        }
    }
    assert!(puts > 40, "{puts}");
    put(&mut store, b"meanwhile");
    cut("copied", true, &mut device);
    store.seal_rekey().unwrap();
    cut("sealed", true, &mut device);
    device.ring.rekey_category(&mut rand::rng(), &next).unwrap();
    cut("keyring written", false, &mut device);
    store.finish_rekey(device.keys()).unwrap();
    cut("finished", false, &mut device);
    assert_eq!(on_disk(&device), 1, "the content of the large note");
    assert!(store.index(NOTES).unwrap().is_none());
    for (cut, left) in cuts {
        let mut store = cut.open();
        assert_eq!(store.index(NOTES).unwrap().is_some(), left, "{}", cut.what);
        assert_eq!(cut.files(), if left { 3 } else { 1 }, "{}", cut.what);
        assert_eq!(store.count(NOTES).unwrap(), 31);
        assert!(store.get(NOTES, id(31)).unwrap() == Some(note(31, 90_000)));
        put(&mut store, b"after");
        assert_eq!(stored(&store).unwrap().0, b"after", "{}", cut.what);
    }
    assert_eq!(store.scrub().unwrap().findings, []);
    put(&mut store, b"after");
    drop(store);
    assert_eq!(stored(&device.open_clean()).unwrap().0, b"after");
}

#[test]
fn the_row_opens_with_the_index_key_alone() {
    let (device, mut store) = filled(1, 1);
    put(&mut store, b"note");
    let of_device = |ring| KeySet::new(ring).ok().unwrap();
    let (own, code) = (of_device(&device.ring), NOTES.code());
    let key = index_key(own.shelf(code));
    let tree = &store.shelf(code).tree;
    let row = crate::commit::read_row(tree, own.shelf(code), &key)
        .unwrap()
        .unwrap();
    assert!(row.open(own.shelf(code), &key).is_ok());
    let mut other = of_device(&device.ring);
    other.exchange_index_key(code);
    assert!(row.open(other.shelf(code), &key).is_err());
}

/// It is sealed under another key than the one that is tried, so it would prove nothing.
#[test]
fn a_reset_takes_no_sample_of_the_row() {
    let (_device, mut store) = filled(3, 1);
    put(&mut store, b"note");
    let samples = store.samples(100);
    assert!(samples.iter().any(|sample| sample.id[0] == Kind::Record.code()));
    assert!(samples.iter().all(|sample| sample.id[0] != Kind::Index.code()));
}

#[test]
fn a_walk_and_a_scrub_go_on_while_an_index_is_put() {
    let (_device, mut store) = filled(40, 100);
    let mut met = Vec::new();
    let mut walk = store.begin_walk(NOTES);
    while !store
        .walk(&mut walk, &mut |entry| {
            met.push(entry.id);
            ControlFlow::Break(())
        })
        .unwrap()
    {
        put(&mut store, b"piece");
    }
    met.sort_unstable();
    assert_eq!(met, (1..=40).map(id).collect::<Vec<_>>());

    store.begin_scrub();
    let mut pieces = 0;
    let report = loop {
        if let Some(report) = store.scrub_on(&mut || false).unwrap() {
            break report;
        }
        if pieces < 100 {
            put(&mut store, &vec![1; (pieces * 150) % 16_000]);
            pieces += 1;
        }
    };
    assert!(pieces > 40, "{pieces}");
    assert_eq!((report.findings, report.blobs), (vec![], 0));

    // What was met and is removed must not make the walk end before the others were met.
    let mut walk = store.begin_walk(NOTES);
    let mut seen = Vec::new();
    store
        .walk(&mut walk, &mut |entry| {
            seen.push(entry.id);
            ControlFlow::Break(())
        })
        .unwrap();
    let first = seen[0];
    apply(&mut store, Changes::new().remove(NOTES, first)).unwrap();
    let rest = store.walk(&mut walk, &mut |entry| {
        seen.push(entry.id);
        ControlFlow::Continue(())
    });
    assert!(rest.unwrap());
    seen.sort_unstable();
    assert_eq!(seen, met);
    met.retain(|id| *id != first);

    // A record that sled lost by itself is missed, whatever was put meanwhile.
    let mut walk = store.begin_walk(NOTES);
    store.walk(&mut walk, &mut |_| ControlFlow::Break(())).unwrap();
    let lost = met
        .iter()
        .filter_map(|id| store.shelf(NOTES.code()).index.key(*id));
    let lost = *lost.max().unwrap();
    store.shelf(NOTES.code()).tree.remove(lost).unwrap();
    put(&mut store, b"piece");
    let rest = store.walk(&mut walk, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(rest, Err(StoreError::Damaged { .. })));
}
