//! A release that keeps the data in another format, on trial: the image's own program makes the copy, and the real
//! daemon works on it. That a release which is good keeps it is seen by booting (`tests/image/run`).

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

use nix::unistd::getuid;

use crate::device::{Device, PASSPHRASE, Place, path_text, text, workspace};

const SKIPPED: &str = "skipped: who makes a system has to be root";

/// The data partition of a device, and what its daemon is told.
struct Card {
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Card {
    /// With a note and a document on it; `None` for who can't make one.
    fn new() -> Option<Self> {
        if !getuid().is_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "run/pocketai-update"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let config = folder.path().join("pocketd.toml");
        let state = folder.path().join("run/pocketai-update/state");
        let spool = folder.path().join("data/update");
        let settings = format!(
            "[updates]\nspool = {:?}\nstate = {:?}\n",
            path_text(&spool),
            path_text(&state)
        );
        fs::write(&config, settings).unwrap();
        Some(Self { folder, config })
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    fn start(&self, place: Place) -> Device {
        let mut command = place.command();
        command.arg("--config").arg(&self.config);
        let Ok(device) = Device::start_command(place, command) else {
            panic!("it did not start");
        };
        device
    }

    /// What the start of a release does, to which the data's format is this.
    fn release(&self, format: &str) -> Output {
        fs::remove_file(self.folder.path().join("run/pocketai-update/copy")).unwrap_or_default();
        Command::new("unshare")
            .env("FORMAT", format)
            .arg("--mount")
            .arg(workspace().join("tests/tests/update/system.sh"))
            .arg(self.folder.path())
            .arg(workspace().join("image/root"))
            .arg("format")
            .output()
            .unwrap()
    }

    fn is_tidy(&self) {
        for left in ["pocketd.new", "pocketd.old", "pocketd.before"] {
            assert!(!self.data(left).exists(), "{left}");
        }
    }
}

fn document(device: &Device) -> String {
    let file = device.place.path("paper.bin");
    fs::write(&file, vec![7; 40_000]).unwrap();
    device.ctl(&["import", path_text(&file)]).one();
    text(&device.list("documents")[0]["id"])
}

fn found(device: &Device, word: &str) -> usize {
    device.ctl(&["search", word]).lines().len()
}

#[test]
fn a_release_that_is_left_leaves_the_data_as_it_was() {
    let Some(card) = Card::new() else {
        return println!("{SKIPPED}");
    };
    let device = card.start(Place::with_data(card.data("pocketd")));
    device.set_up();
    device.add("notes", &["body=the heron stands in the reeds"]);
    let paper = document(&device);
    let (place, _) = device.stop();
    let version = card.data("pocketd/VERSION");
    assert_eq!(fs::read_to_string(&version).unwrap(), "pocketai 1\n");

    // Of its own format: nothing is copied.
    assert!(card.release("1").status.success());
    card.is_tidy();

    let said = card.release("2");
    assert!(said.status.success(), "{said:?}");
    let (before, copy) = (card.data("pocketd.before"), card.data("pocketd"));
    assert_ne!(
        fs::metadata(before.join("db/db")).unwrap().ino(),
        fs::metadata(copy.join("db/db")).unwrap().ino()
    );
    let device = card.start(place);
    device.unlock();
    assert_eq!(found(&device, "heron"), 1);
    let refused = device
        .ctl(&["add", "notes", "body=the wren"])
        .failed(1, "unavailable");
    assert!(refused.contains("on a copy"), "{refused}");
    device.ctl(&["health", "--strict"]).one();
    let (place, _) = device.stop();
    // Whatever it makes of the copy.
    for name in ["VERSION", "db/db", "keyring.a", "keyring.b"] {
        fs::write(copy.join(name), "pocketai 2\n").unwrap();
    }
    fs::remove_dir_all(copy.join("blobs")).unwrap();

    assert!(card.release("1").status.success());
    card.is_tidy();
    let device = card.start(place);
    device.unlock();
    assert_eq!(found(&device, "heron"), 1);
    let back = device.place.path("back.bin");
    device
        .ctl(&["get", "documents", &paper, "--out", path_text(&back)])
        .one();
    assert_eq!(fs::read(back).unwrap(), vec![7; 40_000]);
    device.add("notes", &["body=the wren"]);
    device.ctl(&["check"]).one();
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn a_copy_that_was_cut_at_any_step_is_made_again() {
    let Some(card) = Card::new() else {
        return println!("{SKIPPED}");
    };
    let pocketd = card.data("pocketd");
    fs::create_dir_all(pocketd.join("blobs/aa")).unwrap();
    let whole = |folder: &str| {
        let read = |name: &str| fs::read_to_string(card.data(folder).join(name)).unwrap();
        assert_eq!(
            (read("VERSION"), read("blobs/aa/one")),
            ("pocketai 1\n".to_owned(), "sealed".to_owned())
        );
    };
    for (name, bytes) in [("VERSION", "pocketai 1\n"), ("blobs/aa/one", "sealed")] {
        fs::write(pocketd.join(name), bytes).unwrap();
    }
    let cuts: [&[(&str, &str)]; 4] = [
        // While it was copied.
        &[("", "pocketd.new")],
        // Between the two names.
        &[("pocketd", "pocketd.before"), ("", "pocketd.new")],
        // On trial.
        &[("pocketd", "pocketd.before"), ("", "pocketd")],
        // While what was tried is dropped.
        &[("", "pocketd.new"), ("", "pocketd.old")],
    ];
    for cut in cuts {
        for (from, to) in cut {
            if from.is_empty() {
                fs::create_dir(card.data(to)).unwrap();
                fs::write(card.data(to).join("VERSION"), "half").unwrap();
            } else {
                fs::rename(card.data(from), card.data(to)).unwrap();
            }
        }
        let said = card.release("2");
        assert!(said.status.success(), "{cut:?}: {said:?}");
        whole("pocketd");
        whole("pocketd.before");
        assert!(card.release("1").status.success());
        whole("pocketd");
        card.is_tidy();
    }
    // What stands in the daemon's folder decides nothing else.
    for version in ["pocketai 0x2\n", "", "pocketai 1; reboot\n", "pocketai 7\n"] {
        fs::write(pocketd.join("VERSION"), version).unwrap();
        assert!(card.release("2").status.success(), "{version:?}");
        card.is_tidy();
    }
}

#[test]
fn without_room_for_a_copy_the_release_is_left() {
    let Some(card) = Card::new() else {
        return println!("{SKIPPED}");
    };
    let data = card.data("");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=80m", "tmpfs"])
        .arg(&data)
        .status();
    assert!(mounted.unwrap().success());
    fs::create_dir_all(card.data("rauc")).unwrap();
    fs::create_dir(card.data("pocketd")).unwrap();
    fs::write(card.data("pocketd/VERSION"), "pocketai 1\n").unwrap();
    fs::write(card.data("pocketd/db"), vec![1; 24 << 20]).unwrap();
    let said = card.release("2");
    let (why, again) = (
        fs::read_to_string(card.data("rauc/why")),
        fs::read_to_string(card.data("restarts")),
    );
    card.is_tidy();
    assert!(Command::new("umount").arg(&data).status().unwrap().success());
    assert!(!said.status.success());
    let words = String::from_utf8_lossy(&said.stderr);
    assert!(words.contains("on a copy: it is left"), "{words}");
    assert_eq!(
        (why.unwrap(), again.unwrap()),
        ("room\n".to_owned(), "--no-block reboot\n".to_owned())
    );
}

#[test]
fn nobody_takes_over_a_device_on_a_copy_that_may_be_dropped() {
    let Some(card) = Card::new() else {
        return println!("{SKIPPED}");
    };
    let (place, _) = card.start(Place::with_data(card.data("pocketd"))).stop();
    assert!(card.release("2").status.success());
    let device = card.start(place);
    let code = device.setup_code.clone().expect("it has no owner");
    let recovery = device.place.path("recovery");
    let setup = ["setup", "--code", &code, "--recovery-out", path_text(&recovery)];
    let refused = device
        .place
        .ctl_as_owner(&setup, PASSPHRASE)
        .failed(1, "unavailable");
    assert!(refused.contains("on a copy"), "{refused}");
    let (place, _) = device.stop();
    assert!(card.release("1").status.success());
    card.start(place).set_up();
}

#[test]
fn a_copy_that_can_not_be_made_leaves_everything_as_it_is() {
    let Some(card) = Card::new() else {
        return println!("{SKIPPED}");
    };
    let pocketd = card.data("pocketd");
    fs::create_dir_all(&pocketd).unwrap();
    fs::create_dir_all(card.data("rauc")).unwrap();
    fs::write(pocketd.join("VERSION"), "pocketai 1\n").unwrap();
    // A taken-over daemon's: many names of one file, a link to elsewhere, and what can't be linked.
    fs::write(pocketd.join("db"), vec![1; 4 << 20]).unwrap();
    for name in ["again", "once-more"] {
        fs::hard_link(pocketd.join("db"), pocketd.join(name)).unwrap();
    }
    symlink("/etc/shadow", pocketd.join("elsewhere")).unwrap();
    assert!(card.release("2").status.success());
    let copy = card.data("pocketd");
    assert_eq!(
        fs::metadata(copy.join("db")).unwrap().nlink(),
        3,
        "they take room once"
    );
    assert!(fs::symlink_metadata(copy.join("elsewhere")).unwrap().is_symlink());
    assert!(card.release("1").status.success());
    // A card that fails in the middle of it.
    fs::write(card.data("no-copy"), "").unwrap();
    let said = card.release("2");
    assert!(!said.status.success(), "{said:?}");
    card.is_tidy();
    assert_eq!(
        fs::read_to_string(pocketd.join("VERSION")).unwrap(),
        "pocketai 1\n"
    );
    assert_eq!(
        fs::read_to_string(card.data("restarts")).unwrap(),
        "--no-block reboot\n"
    );
}
