//! The folder, the keyring file, the device secret and the attempts.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pocket_core::{Attempts, Timestamp};
use pocket_crypto::Key;

use super::support::*;
use crate::{DeviceSecretPlace, Folder, FolderError, KeyringFileError};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_instance_is_refused_and_told_who_has_it() {
    let device = Device::new();
    let first = device.folder();
    let refused = Folder::open(device.path());
    assert!(matches!(refused, Err(FolderError::Held { pid, .. }) if pid == std::process::id()));
    drop(first);
    device.folder();
}

#[test]
fn a_lock_that_a_killed_process_left_with_its_child_is_waited_for() {
    let device = Device::new();
    drop(device.folder());
    let lock = device.path().join("lock");
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    fs::write(&lock, format!("{}\n", gone.id())).unwrap();
    // Holds it, says so, and lets go by itself.
    let mut child = Command::new("flock")
        .arg(&lock)
        .args(["sh", "-c", "echo held; sleep 0.5"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    child.stdout.take().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(&said, b"held\n");
    drop(device.folder());
    child.wait().unwrap();
}

#[test]
fn a_folder_is_made_private_and_kept_so() {
    let outer = tempfile::tempdir().unwrap();
    let path = outer.path().join("a/b");
    drop(Folder::open(&path).unwrap());
    assert_eq!(
        (mode(&path), mode(&path.join("lock")), mode(&path.join("VERSION"))),
        (0o700, 0o600, 0o600)
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(path.join("VERSION"), fs::Permissions::from_mode(0o644)).unwrap();
    let folder = Folder::open(&path).unwrap();
    assert_eq!(
        (mode(&path), mode(&path.join("VERSION")), folder.findings().len()),
        (0o700, 0o600, 2)
    );
}

#[test]
fn every_file_of_a_store_is_private() {
    fn visit(path: &Path, wide: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            // sled makes its own files by the umask; the folder above them is closed.
            if path.is_dir() && !path.ends_with("db") {
                visit(&path, wide);
            }
            if !path.ends_with("db") && mode(&path) & 0o077 != 0 {
                wide.push(path);
            }
        }
    }
    let (device, store) = filled(3, 100_000);
    let mut wide = Vec::new();
    visit(device.path(), &mut wide);
    assert_eq!(wide, Vec::<PathBuf>::new());
    assert_eq!(mode(device.path()), 0o700);
    drop(store);
}

#[test]
fn a_foreign_or_newer_folder_is_left_alone() {
    let foreign = tempfile::tempdir().unwrap();
    fs::write(foreign.path().join("thesis.txt"), "x").unwrap();
    assert!(matches!(
        Folder::open(foreign.path()),
        Err(FolderError::NotOurs { .. })
    ));
    assert_eq!(fs::read_dir(foreign.path()).unwrap().count(), 1);

    let device = Device::new();
    drop(device.folder());
    for (text, newer) in [
        ("pocketai 2\n", true),
        ("pocketai 0\n", false),
        ("pocketai x\n", false),
        ("", false),
    ] {
        fs::write(device.path().join("VERSION"), text).unwrap();
        let refused = Folder::open(device.path()).map(drop);
        assert_eq!(
            matches!(refused, Err(FolderError::Newer { found: 2, .. })),
            newer,
            "{text}"
        );
        assert_eq!(
            matches!(refused, Err(FolderError::Damaged { .. })),
            !newer,
            "{text}"
        );
    }

    let started = tempfile::tempdir().unwrap();
    fs::create_dir(started.path().join("run")).unwrap();
    fs::write(started.path().join("lock"), "").unwrap();
    drop(Folder::open(started.path()).unwrap());
}

#[test]
fn one_good_copy_of_the_keyring_is_enough() {
    let mut device = Device::new();
    let folder = device.folder();
    assert!(folder.read_keyring().unwrap().is_none());
    let keyring = device.ring.to_keyring(&mut rand::rng()).unwrap();
    folder.write_keyring(&keyring).unwrap();
    let read = folder.read_keyring().unwrap().unwrap();
    assert!(read.keyring == keyring && read.repaired.is_none());

    for copy in ["keyring.a", "keyring.b"] {
        let path = device.path().join(copy);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[40] ^= 1;
        for bad in [
            Some(flipped),
            Some(whole[..100].to_vec()),
            Some(vec![0; 500]),
            Some(Vec::new()),
            None,
        ] {
            bad.map_or_else(|| fs::remove_file(&path), |bad| fs::write(&path, bad))
                .unwrap();
            let read = folder.read_keyring().unwrap().unwrap();
            assert!(read.keyring == keyring);
            assert_eq!(read.repaired.map(|finding| finding.what), Some(copy.to_owned()));
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }
}

#[test]
fn the_newer_copy_of_the_keyring_wins() {
    let mut device = Device::new();
    let folder = device.folder();
    let old = device.ring.to_keyring(&mut rand::rng()).unwrap();
    let new = device.ring.to_keyring(&mut rand::rng()).unwrap();
    for (a, b) in [(&old, &new), (&new, &old)] {
        fs::write(device.path().join("keyring.a"), a.to_bytes()).unwrap();
        fs::write(device.path().join("keyring.b"), b.to_bytes()).unwrap();
        let read = folder.read_keyring().unwrap().unwrap();
        assert!(read.keyring == new && read.repaired.is_some());
    }
}

#[test]
fn a_lost_keyring_is_damage_and_never_a_new_device() {
    let mut device = Device::new();
    let keyring = device.ring.to_keyring(&mut rand::rng()).unwrap();
    device.folder().write_keyring(&keyring).unwrap();
    drop(device.open_clean());
    let folder = device.folder();
    for copy in ["keyring.a", "keyring.b"] {
        fs::write(device.path().join(copy), b"rubbish").unwrap();
    }
    assert!(matches!(
        folder.read_keyring(),
        Err(KeyringFileError::Damaged { .. })
    ));
    for copy in ["keyring.a", "keyring.b"] {
        fs::remove_file(device.path().join(copy)).unwrap();
    }
    assert!(matches!(
        folder.read_keyring(),
        Err(KeyringFileError::Damaged { .. })
    ));

    // What the file system does not give is not known to be damaged: here a folder in place of the file.
    for (unread, other) in [("keyring.a", "keyring.b"), ("keyring.b", "keyring.a")] {
        // The copies were removed above, and this one written in the round before.
        fs::remove_file(device.path().join(unread)).unwrap_or_default();
        fs::create_dir(device.path().join(unread)).unwrap();
        fs::write(device.path().join(other), b"rubbish").unwrap();
        assert!(matches!(
            folder.read_keyring(),
            Err(KeyringFileError::Unread { path, .. }) if path.ends_with(unread)
        ));
        fs::write(device.path().join(other), keyring.to_bytes()).unwrap();
        let read = folder.read_keyring().unwrap().unwrap();
        assert!(read.keyring == keyring && read.repaired.is_some());
        fs::remove_dir(device.path().join(unread)).unwrap();
    }

    let mut bytes = keyring.to_bytes();
    bytes[8] = 2;
    let end = bytes.len() - 32;
    let checksum = <sha2::Sha256 as sha2::Digest>::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum);
    fs::write(device.path().join("keyring.a"), &bytes).unwrap();
    fs::write(device.path().join("keyring.b"), keyring.to_bytes()).unwrap();
    assert!(matches!(
        folder.read_keyring(),
        Err(KeyringFileError::Newer { found: 2, known: 1 })
    ));
    assert_eq!(fs::read(device.path().join("keyring.a")).unwrap(), bytes);
}

#[test]
fn the_device_secret_is_private_and_can_be_destroyed() {
    let device = Device::new();
    let place = DeviceSecretPlace::choose(&device.path().join("secrets"), device.path(), [0xab; 16]);
    assert!(place.read().unwrap().is_none());
    let secret = Key::generate(&mut rand::rng());
    place.create(&secret).unwrap();
    assert!(place.read().unwrap().unwrap().matches(&secret));
    let file = device.path().join("secrets").join("ab".repeat(16) + ".secret");
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(place.describe().contains("same file system"));
    fs::write(&file, b"short").unwrap();
    assert!(place.read().is_err());
    place.destroy().unwrap();
    place.destroy().unwrap();
    assert!(place.read().unwrap().is_none());
}

#[test]
fn attempts_survive_and_damage_throttles_and_is_named() {
    let mut device = Device::new();
    let folder = device.folder();
    let key = Key::from_bytes([1; 32]);
    let read = |key: &Key| {
        let (attempts, finding) = folder.read_attempts(key);
        (
            attempts,
            finding.map(|finding| finding.problem).unwrap_or_default(),
        )
    };
    let damaged = |key: &Key, word: &str| {
        let (attempts, problem) = read(key);
        attempts.failures() == 5 && problem.contains(word)
    };
    assert_eq!(read(&key), (Attempts::default(), String::new()));
    let attempts = Attempts::default().failed(Timestamp::from_millis(5));
    folder.write_attempts(&key, attempts).unwrap();
    assert_eq!(read(&key), (attempts, String::new()));
    assert!(damaged(&Key::from_bytes([2; 32]), "damaged"));
    let path = device.path().join("attempts");
    fs::write(&path, b"x").unwrap();
    assert!(damaged(&key, "damaged"));
    let keyring = device.ring.to_keyring(&mut rand::rng()).unwrap();
    folder.write_keyring(&keyring).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(damaged(&key, "missing"));
    fs::create_dir(&path).unwrap();
    assert!(damaged(&key, "can't be read"));
}

#[test]
fn a_folder_without_its_version_is_damaged_and_not_foreign() {
    let mut device = Device::new();
    let folder = device.folder();
    let keyring = device.ring.to_keyring(&mut rand::rng()).unwrap();
    folder.write_keyring(&keyring).unwrap();
    drop(folder);
    let version = device.path().join("VERSION");
    fs::remove_file(&version).unwrap();
    let refused = |word: &str| {
        let error = Folder::open(device.path()).map(drop).unwrap_err();
        let words = error.to_string();
        matches!(error, FolderError::Damaged { .. }) && words.contains("VERSION") && words.contains(word)
    };
    assert!(refused("missing") && refused("pocketai 1"));
    assert!(
        !version.exists(),
        "it is for the owner to say which format it was"
    );
    fs::create_dir(&version).unwrap();
    assert!(refused("it is a folder"));
    fs::remove_dir(&version).unwrap();
    fs::write(&version, "pocketai 1\n").unwrap();
    drop(Folder::open(device.path()).unwrap());
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named() {
    for name in ["keyring.a", "keyring.b", "heads", "db/conf", "db/db"] {
        let device = Device::new();
        let folder = device.folder();
        assert_eq!(folder.misplaced(), None);
        fs::create_dir_all(device.path().join(name)).unwrap();
        let finding = folder.misplaced().unwrap();
        assert!(finding.what.ends_with(name) && finding.problem.contains("folder"));
    }
    for name in ["db", "blobs"] {
        let device = Device::new();
        let folder = device.folder();
        fs::write(device.path().join(name), b"").unwrap();
        assert!(folder.misplaced().unwrap().what.ends_with(name));
    }
}
