//! A disk that is full to the brim: what makes room, locks or destroys must go on.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::device::{Device, PASSPHRASE, Place, path_text};

/// An ext4 on a loop device.
pub(crate) struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let disk = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(disk.path()).unwrap();
        let image = disk.dir.path().join("image");
        let (image, path) = (image.to_str().unwrap(), disk.path());
        let made = run("truncate", &["-s", &format!("{megabytes}M"), image])
            && run("mkfs.ext4", &["-q", "-F", "-m", "0", image])
            && run("mount", &["-o", "loop", image, path.to_str().unwrap()]);
        made.then_some(disk)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("mount")
    }

    /// Takes all room away, to the last byte.
    fn fill(&self, name: &str) {
        let mut file = File::create(self.path().join(name)).unwrap();
        for step in [1 << 20, 4096, 512, 1] {
            while file.write_all(&vec![1; step]).is_ok() {}
        }
        // Where the disk is full the sync says so; it is what we want.
        drop(file.sync_all());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &[self.path().to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

/// A device on a small disk with twenty notes, and their ids.
fn device(disk: &SmallDisk) -> (Device, Vec<String>) {
    let device = Device::start(Place::with_data(disk.path().join("data")));
    device.set_up();
    let body = format!("body={}", "harbour ".repeat(400));
    let ids = (0..20).map(|number| device.add("notes", &[&format!("title=note {number}"), &body]));
    let ids = ids.collect();
    (device, ids)
}

fn reset(device: &Device) {
    let proof = device
        .place
        .ctl_as_owner(&["factory-reset", "--confirm", "ERASE"], PASSPHRASE)
        .one();
    assert_eq!(proof["opened"], 0);
    assert_eq!(proof["files_left"], 0);
    assert_eq!(device.state(), "first-run");
}

fn with_disk(test: impl FnOnce(&SmallDisk)) {
    with_disk_of(64, test);
}

pub(crate) fn with_disk_of(megabytes: u32, test: impl FnOnce(&SmallDisk)) {
    match SmallDisk::mount(megabytes) {
        Some(disk) => test(&disk),
        None => println!("skipped: mounting a small disk needs root, a loop device and mkfs.ext4"),
    }
}

/// Deletes a note. The first change after the disk filled up may be refused once, while the reserve is
/// given up: it must then be there still, and go at the second try.
fn delete(device: &Device, id: &str) {
    let done = device.ctl(&["delete", "notes", id]);
    if done.code != Some(0) {
        done.failed(1, "full");
        device.ctl(&["get", "notes", id]).one();
        device.ctl(&["delete", "notes", id]).one();
    }
}

#[test]
fn deleting_locking_unlocking_and_the_reset_work_on_a_full_disk() {
    with_disk(|disk| {
        let (device, ids) = device(disk);
        disk.fill("filler");
        device.ctl(&["add", "notes", "title=one more"]).failed(1, "full");
        let tested = device.ctl(&["health", "--strict"]);
        tested.failed(1, "damaged");
        assert!(tested.out.contains("storage"), "{}", tested.out);
        delete(&device, &ids[0]);
        device.ctl(&["lock"]).one();
        device.unlock();
        delete(&device, &ids[1]);
        device.ctl(&["audit", "verify"]).one();
        assert_eq!(device.list("notes").len(), 18);
        reset(&device);
    });
}

/// The reserve is spent, and the disk full again: nothing is left to give up.
#[test]
fn the_same_once_more_when_the_reserve_is_spent() {
    with_disk(|disk| {
        let (device, ids) = device(disk);
        let (place, _) = device.stop();
        fs::remove_file(place.data().join("ballast")).unwrap();
        disk.fill("filler");
        let device = Device::start(place);
        device.unlock();
        for id in &ids[..3] {
            delete(&device, id);
        }
        disk.fill("second");
        device.ctl(&["lock"]).one();
        // Now there is not a byte to open the store in. That is said, nothing is touched, and whoever
        // wants all of it gone can still have that.
        let (place, _) = device.stop();
        disk.fill("third");
        let device = Device::start(place);
        device
            .place
            .ctl_as_owner(&["unlock"], PASSPHRASE)
            .failed(1, "full");
        fs::remove_file(disk.path().join("third")).unwrap();
        fs::remove_file(disk.path().join("second")).unwrap();
        fs::remove_file(disk.path().join("filler")).unwrap();
        device.unlock();
        assert_eq!(device.list("notes").len(), 17);
        disk.fill("fourth");
        device.ctl(&["lock"]).one();
        reset(&device);
    });
}

#[test]
fn an_update_that_finds_room_once_and_not_twice_is_refused_before_it_is_all_there() {
    with_disk(|disk| {
        let place = Place::with_data(disk.path().join("data"));
        let spool = place.path("spool");
        fs::create_dir(&spool).unwrap();
        let (state, config) = (place.path("state"), place.path("pocketd.toml"));
        fs::write(&state, "slot=A\nrelease=2.0\ngood=yes\ntries=0\nstep=idle\n").unwrap();
        let settings = format!(
            "[updates]\nspool = {:?}\nstate = {:?}\n",
            path_text(&spool),
            path_text(&state)
        );
        fs::write(&config, settings).unwrap();
        let mut command = place.command();
        command.arg("--config").arg(&config);
        let Ok(device) = Device::start_command(place, command) else {
            panic!("it did not start");
        };
        device.set_up();
        // The spool is elsewhere here: what is there of a bundle takes no room of the small disk.
        let offers = |megabytes: usize| {
            let bundle = device.place.path("bundle");
            fs::write(&bundle, vec![1; megabytes << 20]).unwrap();
            device.ctl(&["update", "offer", path_text(&bundle)])
        };
        let said = offers(40).failed(1, "full");
        assert!(said.contains("free"), "{said}");
        assert!(!spool.join("incoming").exists() && !spool.join("offered").exists());
    });
}
