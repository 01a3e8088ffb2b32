//! The sums of what each category takes, against what lies in the trees and on the disk.

use std::fs;

use pocket_core::{Category, Document, Record, SecretName};
use pocket_crypto::SecretBytes;

use super::support::*;
use crate::{Changes, Store};

const DOCUMENTS: Category = Category::Documents;

/// Asserts that each sum is what there is: every key and value of the tree, and every sealed file.
fn is_counted_right(device: &Device, store: &Store, when: &str) {
    for category in Category::ALL {
        let shelf = store.shelf(category.code());
        let pairs = shelf.tree.iter().map(Result::unwrap);
        let rows: usize = pairs.map(|(key, value)| key.len() + value.len()).sum();
        let files = shelf.index.files().map(|name| {
            let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
            let path = device.path().join("blobs").join(&name[..2]).join(&name);
            fs::metadata(path).unwrap().len()
        });
        let there = rows as u64 + files.sum::<u64>();
        assert_eq!(store.bytes(category), there, "{category} {when}");
    }
}

fn document(store: &Store, number: u32, size: usize) -> Changes {
    let mut writer = store.begin_blob(DOCUMENTS).unwrap();
    writer.write(&vec![7; size]).unwrap();
    let record = Record::Document(Document {
        name: format!("document {number}"),
        ..Document::default()
    });
    Changes::new().put(entry(number, record), Some(writer.finish().unwrap().0))
}

fn secret(number: u32, value: &str) -> Changes {
    let record = Record::Secret(SecretName {
        name: format!("secret {number}"),
        note: String::new(),
    });
    Changes::new()
        .put(entry(number, record), None)
        .put_secret_value(id(number), &SecretBytes::new(value.as_bytes().to_vec()))
}

#[test]
fn what_a_category_takes_is_known_after_every_change_and_after_opening() {
    let device = &mut Device::new();
    let mut store = device.open_clean();
    assert_eq!(store.bytes(NOTES), 0);
    let check = |device: &Device, store: &Store, when| is_counted_right(device, store, when);

    apply(&mut store, put_all(one_of_each())).unwrap();
    apply(&mut store, put_all((10..60).map(|number| note(number, 12_000)))).unwrap();
    apply(&mut store, put_all([note(60, 3_400), note(61, 90_000)])).unwrap();
    check(device, &store, "after adding");
    let uploaded = document(&store, 1, 300_000);
    apply(&mut store, uploaded).unwrap();
    apply(&mut store, secret(1, "first")).unwrap();
    apply(&mut store, secret(1, &"longer ".repeat(600))).unwrap();
    check(device, &store, "with a file and a secret");
    assert!(store.bytes(DOCUMENTS) > 300_000);

    apply(&mut store, put_all([note(10, 1), note(61, 20), note(60, 30_000)])).unwrap();
    let removed = Changes::new()
        .remove(NOTES, id(11))
        .remove(Category::Secrets, id(1));
    apply(&mut store, removed.remove(DOCUMENTS, id(1))).unwrap();
    check(device, &store, "after changing and removing");

    drop(store);
    store = device.open_clean();
    check(device, &store, "after opening");

    let next = device.ring.next_keys(&mut rand::rng(), NOTES.code()).unwrap();
    store.begin_rekey(NOTES, &next).unwrap();
    let mut number = 12;
    while !store.rekey_on(&mut || false).unwrap() {
        let changes = Changes::new()
            .remove(NOTES, id(number))
            .put(note(100 + number, 5_000), None);
        apply(&mut store, changes).unwrap();
        number += 1;
    }
    store.seal_rekey().unwrap();
    device.ring.rekey_category(&mut rand::rng(), &next).unwrap();
    store.finish_rekey(device.keys()).unwrap();
    check(device, &store, "after re-keying");

    store.announce_erase(NOTES).unwrap();
    device
        .ring
        .erase_category(&mut rand::rng(), NOTES.code())
        .unwrap();
    store.erase_category(NOTES, device.keys()).unwrap();
    check(device, &store, "after an erase");
    assert_eq!(store.bytes(NOTES), 0);
}
