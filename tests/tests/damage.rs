//! Damage is named, nothing is made in its place, and what is not ours is not touched.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;

use crate::device::{Device, PASSPHRASE, Place, path_text};

#[test]
fn one_damaged_copy_of_the_keyring_is_mended_from_the_other() {
    for name in ["keyring.a", "keyring.b"] {
        let (place, _) = Device::owned().stop();
        flip(&place.data().join(name));
        let device = Device::start(place);
        device.unlock();
        let findings = device.ctl(&["status"]).one()["findings"].to_string();
        assert!(findings.contains("keyring"), "{findings}");
        let device = device.restart();
        device.unlock();
        assert_eq!(
            device.ctl(&["status"]).one()["findings"],
            serde_json::json!([]),
            "{name}"
        );
    }
}

#[test]
fn a_damaged_keyring_is_named_and_no_new_one_is_made() {
    let (place, _) = Device::owned().stop();
    let files = ["keyring.a", "keyring.b"].map(|name| place.data().join(name));
    files.iter().for_each(|file| flip(file));
    let before = files.clone().map(|file| fs::read(file).unwrap());
    named_damage(place, "damaged", "keyring", |place| {
        let after = files.clone().map(|file| fs::read(file).unwrap());
        assert!(
            before == after,
            "the keyring was touched in {}",
            place.data().display()
        );
    });
}

#[test]
fn a_missing_keyring_is_no_new_device() {
    let (place, _) = Device::owned().stop();
    for name in ["keyring.a", "keyring.b"] {
        fs::remove_file(place.data().join(name)).unwrap();
    }
    named_damage(place, "damaged", "keyring", |place| {
        assert!(!place.data().join("keyring.a").exists());
    });
}

#[test]
fn a_folder_in_the_place_of_a_file_is_damage_with_its_name() {
    for name in ["keyring.a", "heads", "db/conf"] {
        let (place, _) = Device::owned().stop();
        let path = place.data().join(name);
        let kept = place.path("kept");
        fs::rename(&path, &kept).unwrap();
        fs::create_dir(&path).unwrap();
        let device = Device::start(place);
        let words = device
            .place
            .ctl_as_owner(&["unlock"], PASSPHRASE)
            .failed(1, "damaged");
        assert!(words.contains(path_text(&path)), "{words}");
        let (place, _) = device.stop();
        fs::remove_dir(&path).unwrap();
        fs::rename(&kept, &path).unwrap();
        Device::start(place).unlock();
    }
}

#[test]
fn what_was_found_wrong_with_the_folder_is_shown() {
    let (place, _) = Device::owned().stop();
    fs::write(place.data().join("attempts"), "noise").unwrap();
    fs::set_permissions(place.data().join("heads"), fs::Permissions::from_mode(0o644)).unwrap();
    let device = Device::start(place);
    device.unlock();
    let findings = device.ctl(&["status"]).one()["findings"].to_string();
    assert!(
        findings.contains("/attempts") && findings.contains("5 wrong guesses"),
        "{findings}"
    );
    assert!(
        findings.contains("/heads") && findings.contains("mode 644"),
        "{findings}"
    );
    let device = device.restart();
    device.unlock();
    assert_eq!(device.ctl(&["status"]).one()["findings"], serde_json::json!([]));
    // One that can't be written anew is found again at each lock.
    let attempts = device.place.data().join("attempts");
    fs::remove_file(&attempts).unwrap();
    fs::create_dir(&attempts).unwrap();
    for _ in 0..2 {
        device.ctl(&["lock"]).one();
        device.unlock();
    }
    let findings = device.ctl(&["status"]).one()["findings"].clone();
    assert_eq!(findings.as_array().unwrap().len(), 1, "{findings}");
}

#[test]
fn a_version_that_was_removed_is_named() {
    let (place, _) = Device::owned().stop();
    fs::remove_file(place.data().join("VERSION")).unwrap();
    let before = contents(&place.data());
    let command = place.command();
    let Err((place, refused)) = Device::start_command(place, command) else {
        panic!("it started");
    };
    assert!(
        refused.words.contains("VERSION") && refused.words.contains("missing"),
        "{}",
        refused.words
    );
    assert!(before == contents(&place.data()), "the folder was touched");
}

/// The daemon refuses to start, or starts and says that it is damaged; both name `what`.
fn named_damage(place: Place, kind: &str, what: &str, untouched: impl Fn(&Place)) {
    let command = place.command();
    match Device::start_command(place, command) {
        Err((place, refused)) => {
            assert!(refused.words.contains(what), "{}", refused.words);
            untouched(&place);
        }
        Ok(device) => {
            let words = device.place.ctl_as_owner(&["unlock"], PASSPHRASE).failed(1, kind);
            assert!(words.contains(what), "{words}");
            assert_eq!(device.state(), "damaged");
            untouched(&device.place);
        }
    }
}

#[test]
fn a_newer_format_is_refused_by_name_and_not_touched() {
    let (place, _) = Device::owned().stop();
    fs::write(place.data().join("VERSION"), "pocketai 9\n").unwrap();
    let before = contents(&place.data());
    let command = place.command();
    let Err((place, refused)) = Device::start_command(place, command) else {
        panic!("it opened a newer format");
    };
    assert!(!refused.status.success());
    assert!(
        refused.words.contains("newer") || refused.words.contains('9'),
        "{}",
        refused.words
    );
    assert!(before == contents(&place.data()), "a newer folder was touched");
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_not_touched() {
    let place = Place::new();
    fs::create_dir(place.data()).unwrap();
    fs::write(place.data().join("thesis.tex"), "years of work").unwrap();
    let command = place.command();
    let Err((place, refused)) = Device::start_command(place, command) else {
        panic!("it moved in");
    };
    assert!(
        refused.words.contains("not a PocketAI folder"),
        "{}",
        refused.words
    );
    assert_eq!(contents(&place.data()).len(), 1);
}

#[test]
fn a_missing_device_secret_is_named_and_the_recovery_key_opens() {
    let (place, _) = Device::owned().stop();
    let secret = place.device_secret();
    let kept = place.path("kept");
    fs::rename(&secret, &kept).unwrap();
    let device = Device::start(place);
    let words = device
        .place
        .ctl_as_owner(&["unlock"], PASSPHRASE)
        .failed(1, "device-secret-missing");
    assert!(words.contains("--recovery"), "{words}");
    let recovery = fs::read_to_string(device.place.path("recovery")).unwrap();
    device
        .place
        .ctl_as_owner(&["unlock", "--recovery"], &recovery)
        .one();

    let (place, _) = device.stop();
    fs::write(&secret, [7; 32]).unwrap();
    let device = Device::start(place);
    device
        .place
        .ctl_as_owner(&["unlock"], PASSPHRASE)
        .failed(1, "device-secret-foreign");

    let (place, _) = device.stop();
    fs::rename(&kept, &secret).unwrap();
    Device::start(place).unlock();
}

#[test]
fn damaged_rows_are_named_and_never_silently_fewer() {
    let device = Device::owned();
    for number in 0..40 {
        device.add(
            "notes",
            &[
                &format!("title=Note {number}"),
                &format!("body={}", "x".repeat(2000)),
            ],
        );
    }
    let (place, _) = device.stop();
    // The middle of sled's log: rows, or what sled needs to find them.
    let log = place.data().join("db/db");
    let file = File::options().read(true).write(true).open(&log).unwrap();
    let middle = fs::metadata(&log).unwrap().len() / 2;
    let mut block = [0; 4096];
    file.read_exact_at(&mut block, middle).unwrap();
    block.iter_mut().for_each(|byte| *byte ^= 0x5A);
    file.write_all_at(&block, middle).unwrap();
    drop(file);
    let device = Device::start(place);
    let unlocked = device.place.ctl_as_owner(&["unlock"], PASSPHRASE);
    if unlocked.code != Some(0) {
        unlocked.failed(1, "damaged");
        return;
    }
    let listed = device.ctl(&["list", "notes"]);
    if listed.code == Some(0) {
        assert_eq!(listed.lines().len(), 40, "fewer notes, and no word of it");
    } else {
        listed.failed(1, "damaged");
    }
}

/// Turns every bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    fs::write(path, bytes).unwrap();
}

/// Every file of a folder with what it holds, the daemon's own lock and socket apart.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut contents: Vec<_> = crate::device::files_under(folder)
        .into_iter()
        .filter(|path| !path.ends_with("lock") && !path.ends_with("control.sock"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    contents.sort();
    contents
}
