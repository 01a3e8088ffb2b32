//! What lies on disk: who may read it, and how it is called.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::device::{Device, Place, files_under, path_text};

#[test]
fn nobody_else_can_read_a_file_of_the_device() {
    let device = Device::owned();
    let big = device.place.path("big.bin");
    fs::write(&big, vec![3; 3_000_000]).unwrap();
    device.ctl(&["import", path_text(&big)]).one();
    for folder in [device.place.data(), device.place.secrets()] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        let files = files_under(&folder);
        assert!(!files.is_empty());
        for file in files {
            assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
            assert_eq!(mode(&file) & 0o100, 0, "{}", file.display());
        }
    }
    assert_eq!(mode(&device.place.path("recovery")), 0o600);
    assert_eq!(mode(&device.place.data().join("run/control.sock")), 0o600);
}

#[test]
fn a_folder_that_was_too_open_is_closed() {
    let (place, _) = Device::owned().stop();
    fs::set_permissions(place.data(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.data().join("keyring.a"), fs::Permissions::from_mode(0o644)).unwrap();
    let device = Device::start(place);
    assert_eq!(mode(&device.place.data()), 0o700);
    assert_eq!(mode(&device.place.data().join("keyring.a")), 0o600);
}

#[test]
fn the_store_has_no_files_of_its_own_for_large_values() {
    let device = Device::owned();
    let body = format!("body={}", "lorem ipsum ".repeat(8_000));
    device.add("notes", &["title=Long", &body]);
    let blobs = device.place.data().join("db/blobs");
    assert!(!blobs.exists() || files_under(&blobs).is_empty());
}

#[test]
fn no_file_is_named_after_what_it_holds() {
    let device = Device::owned();
    device.add("notes", &["title=walnuts"]);
    let document = device.place.path("walnuts.pdf");
    fs::write(&document, vec![1; 200_000]).unwrap();
    device.ctl(&["import", path_text(&document)]).one();
    let (place, _): (Place, _) = device.stop();
    for file in files_under(&place.data()) {
        let path = file.strip_prefix(place.data()).unwrap().display().to_string();
        for word in ["walnuts", "notes", "documents", "memory", "pdf"] {
            assert!(!path.contains(word), "{path}");
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
