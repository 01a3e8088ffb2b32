//! Keys that change hands: a new passphrase, the recovery key, an erased category.

use std::fs;

use crate::device::{Device, PASSPHRASE, path_text};

const NEW: &str = "an entirely different sentence";

#[test]
fn the_new_passphrase_opens_and_the_old_one_does_not() {
    let device = Device::owned();
    let id = device.add("notes", &["title=Kept"]);
    device
        .place
        .ctl_as_owner(&["passphrase", "change"], &format!("{PASSPHRASE}\n{NEW}\n"))
        .one();
    let device = device.restart();
    device
        .place
        .ctl_as_owner(&["unlock"], PASSPHRASE)
        .failed(1, "wrong-credential");
    device.place.ctl_as_owner(&["unlock"], NEW).one();
    assert_eq!(device.ctl(&["get", "notes", &id]).one()["title"], "Kept");
}

#[test]
fn the_recovery_key_opens_until_it_is_replaced() {
    let device = Device::owned();
    let first = fs::read_to_string(device.place.path("recovery")).unwrap();
    device.ctl(&["lock"]).one();
    device.place.ctl_as_owner(&["unlock", "--recovery"], &first).one();
    let out = device.place.path("second");
    device
        .place
        .ctl_as_owner(
            &["recovery", "new", "--recovery-out", path_text(&out)],
            PASSPHRASE,
        )
        .one();
    device.ctl(&["lock"]).one();
    device
        .place
        .ctl_as_owner(&["unlock", "--recovery"], &first)
        .failed(1, "wrong-credential");
    let second = fs::read_to_string(out).unwrap();
    device
        .place
        .ctl_as_owner(&["unlock", "--recovery"], &second)
        .one();
}

#[test]
fn an_erased_category_is_gone_and_the_others_are_not() {
    let device = Device::owned();
    let note = device.add("notes", &["title=Erase me"]);
    let task = device.add("tasks", &["title=Keep me"]);
    let before = device.place.copy();
    device
        .place
        .ctl_as_owner(&["category", "erase", "notes"], PASSPHRASE)
        .one();
    device.ctl(&["get", "notes", &note]).failed(1, "not-found");
    assert!(device.list("notes").is_empty());
    assert_eq!(device.ctl(&["get", "tasks", &task]).one()["title"], "Keep me");
    device.add("notes", &["title=New"]);
    let device = device.restart();
    device.unlock();
    assert_eq!(device.list("notes").len(), 1);
    device.ctl(&["check"]).one();
    device.ctl(&["audit", "verify"]).one();

    // The new keyring beside the old store: the old rows have no key any more.
    for name in ["keyring.a", "keyring.b"] {
        fs::copy(device.place.data().join(name), before.data().join(name)).unwrap();
    }
    let old = Device::start(before);
    let unlocked = old.place.ctl_as_owner(&["unlock"], PASSPHRASE);
    if unlocked.code == Some(0) {
        assert!(!old.ctl(&["list", "notes"]).out.contains("Erase me"));
    }
}
