//! A full disk: refused in time, nothing lost, deleting works, and so does opening.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pocket_core::{Category, FailureKind};

use super::support::*;
use crate::{Changes, Store, StoreError};

/// An ext4 of 96 MB on a loop device.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let disk = Self { dir };
        fs::create_dir(disk.path()).unwrap();
        let image = disk.dir.path().join("image");
        let image = image.to_str().unwrap();
        let made = run("truncate", &["-s", "96M", image])
            && run("mkfs.ext4", &["-q", "-F", "-m", "0", image])
            && run("mount", &["-o", "loop", image, disk.path().to_str().unwrap()]);
        made.then_some(disk)
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("mount")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &[self.path().to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Takes room away until only `leave` bytes are free.
fn crowd(disk: &Path, leave: u64) {
    use std::io::Write;
    let free = crate::space::free_bytes(disk).unwrap();
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(disk.join("filler"))
        .unwrap();
    let mut left = free.saturating_sub(leave);
    while left > 0 {
        let step = left.min(1 << 20);
        if file.write_all(&vec![1; usize::try_from(step).unwrap()]).is_err() {
            break;
        }
        left -= step;
    }
    // Where the disk is full the sync says so; it is what we want.
    drop(file.sync_all());
}

#[test]
fn a_full_disk_refuses_in_time_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small disk needs root, a loop device and mkfs.ext4");
        return;
    };
    let device = Device::new();
    let data = disk.path().join("data");
    let open = || {
        open_at(&data, &device.ring)
            .map_err(|error| error.to_string())
            .unwrap()
    };
    let mut store = open().store;
    apply(&mut store, put_all((0..50).map(|number| note(number, 2_000)))).unwrap();
    let mut file = store.begin_blob(NOTES).unwrap();
    file.write(&[1; 100]).unwrap();
    let files = [file.finish().unwrap().0];
    store.put_index(NOTES, &files, b"").unwrap();
    store.put_index(Category::Tasks, &[], b"").unwrap();
    store.sync().unwrap();
    assert!(data.join("ballast").exists());

    // Below the low-water mark nothing is added, and deleting and recording go on.
    crowd(&disk.path(), 20_000_000);
    let refused = apply(&mut store, put_all([note(100, 10)]));
    assert!(matches!(&refused, Err(StoreError::Full(space)) if space.free < space.needed));
    assert_eq!(refused.map_err(|error| error.kind()), Err(FailureKind::Full));
    assert!(store.begin_blob(Category::Documents).is_err());
    let refused = store.put_index(NOTES, &files, b"");
    assert!(matches!(refused, Err(StoreError::Full(_))));
    store.remove_index(Category::Tasks).unwrap();
    apply(&mut store, Changes::new().remove(NOTES, id(1))).unwrap();
    apply(&mut store, Changes::new()).unwrap();

    // Full to the brim: sled may fail. Then the reserve is released, and opening and deleting work.
    crowd(&disk.path(), 0);
    let mut deleted = 1;
    for number in 2..40 {
        store = delete(store, &open, number);
        deleted += 1;
    }
    drop(store);
    let opened = open();
    assert_eq!(opened.findings, []);
    assert_eq!(opened.store.count(NOTES).unwrap(), 50 - deleted);
    assert!(opened.store.index(Category::Tasks).unwrap().is_none());
    assert_eq!(opened.store.index(NOTES).unwrap().unwrap().files.len(), 1);
    let mut store = opened.store;
    store.remove_index(NOTES).unwrap();
    store.sync().unwrap();
    drop(store);

    fs::remove_file(disk.path().join("filler")).unwrap();
    let mut store = open().store;
    apply(&mut store, put_all([note(100, 10)])).unwrap();
    assert!(data.join("ballast").exists(), "the reserve is taken again");
}

/// Deletes a note; after a failed write the store is opened again, and must then do it.
fn delete(mut store: Store, open: &dyn Fn() -> crate::Opened, number: u32) -> Store {
    match apply(&mut store, Changes::new().remove(NOTES, id(number))) {
        Ok(()) => store,
        Err(error) => {
            assert_eq!(error.kind(), FailureKind::Full);
            assert!(store.must_reopen());
            assert!(matches!(
                apply(&mut store, Changes::new()),
                Err(StoreError::Reopen)
            ));
            drop(store);
            let mut store = open().store;
            apply(&mut store, Changes::new().remove(NOTES, id(number)))
                .map_err(|error| error.to_string())
                .unwrap();
            store
        }
    }
}
