//! Updates that the owner hands in: the real daemon and command line, and the image's own program that looks at
//! bundles and has them installed, with real signatures. The other slot is a file.

mod fetched;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use nix::unistd::getuid;
use serde_json::Value;

use crate::device::{Device, Done, PASSPHRASE, Place, path_text, text, workspace};

const SKIPPED: &str = "skipped: who makes a system to update has to be root";

/// A device with a system that can be updated. Release 2.0 runs, in slot A.
struct System {
    device: Device,
    folder: PathBuf,
}

impl System {
    /// `None` for who can't make one.
    fn new() -> Option<Self> {
        Self::with(|_| String::new())
    }

    /// The same, with `more` in the configuration.
    fn with(more: impl FnOnce(&Place) -> String) -> Option<Self> {
        if !getuid().is_root() {
            return None;
        }
        let place = Place::new();
        let folder = place.path("system");
        fs::create_dir_all(folder.join("efi/pocketai")).unwrap();
        for name in ["release", "stranger"] {
            make_key(&folder, name);
        }
        run(Command::new("grub-editenv")
            .arg(folder.join("efi/pocketai/grubenv"))
            .arg("create"));
        boot_loader(&folder, "A_TRY=0");
        let spool = folder.join("data/update");
        let state = folder.join("run/pocketai-update/state");
        let config = place.path("pocketd.toml");
        let settings = format!(
            "[updates]\nspool = {:?}\nstate = {:?}\n{}",
            path_text(&spool),
            path_text(&state),
            more(&place)
        );
        fs::write(&config, settings).unwrap();
        // As at each start.
        assert!(update(&folder, "asked").status.success());
        let mut command = place.command();
        command.arg("--config").arg(&config);
        let Ok(device) = Device::start_command(place, command) else {
            panic!("it did not start");
        };
        device.set_up();
        Some(Self { device, folder })
    }

    /// A bundle of this release, signed by `signer`.
    fn bundle(&self, release: &str, signer: &str) -> PathBuf {
        self.bundle_for("pocketai-arm64", release, signer)
    }

    fn bundle_for(&self, device: &str, release: &str, signer: &str) -> PathBuf {
        let tree = self.folder.join(format!("tree-{device}-{release}-{signer}"));
        fs::create_dir(&tree).unwrap();
        // More than one piece of an upload.
        let image: Vec<u8> = (0..600_000u32)
            .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        fs::write(tree.join("root.img"), image).unwrap();
        let manifest = format!(
            "[update]\ncompatible={device}\nversion={release}\n\n[bundle]\nformat=verity\n\n\
             [image.rootfs]\nfilename=root.img\n"
        );
        fs::write(tree.join("manifest.raucm"), manifest).unwrap();
        let bundle = self.folder.join(format!("{device}-{release}-{signer}.raucb"));
        let key = |ending: &str| path_text(&self.folder.join(format!("{signer}.{ending}"))).to_owned();
        run(Command::new("rauc")
            .arg(format!("--cert={}", key("pem")))
            .arg(format!("--key={}", key("key")))
            .arg("bundle")
            .args([&tree, &bundle]));
        bundle
    }

    /// Where pocketd leaves things.
    fn spool(&self, name: &str) -> PathBuf {
        self.folder.join("data/update").join(name)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.folder.join("data").join(name)
    }

    /// Lets the system do what it was asked for, as its unit does.
    fn act(&self) -> Output {
        assert!(self.spool("request").exists(), "nothing was asked for");
        update(&self.folder, "asked")
    }

    /// Hands a bundle in; what comes of it.
    fn offer(&self, bundle: &Path) -> Done {
        self.brings(&["update", "offer", path_text(bundle)])
    }

    /// Runs what brings a bundle in; what comes of it.
    fn brings(&self, line: &[&str]) -> Done {
        let place = &self.device.place;
        thread::scope(|scope| {
            let offered = scope.spawn(|| place.ctl(line));
            while !self.spool("request").exists() && !offered.is_finished() {
                thread::yield_now();
            }
            if self.spool("request").exists() {
                self.act();
            }
            offered.join().unwrap()
        })
    }

    fn install(&self, more: &[&str]) -> Done {
        let line = [&["update", "install"], more].concat();
        self.device.place.ctl_as_owner(&line, PASSPHRASE)
    }

    fn shows(&self) -> Value {
        self.device.ctl(&["update", "show"]).one()
    }

    /// Nothing of a bundle is left, and the other slot is as it was.
    fn is_untouched(&self) {
        for left in ["slot-b", "restarts", "rauc/update/bundle", "update/offered"] {
            assert!(!self.data(left).exists(), "{left}");
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn make_key(folder: &Path, name: &str) {
    run(Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"])
        .args([
            "-subj",
            "/CN=test",
            "-addext",
            "keyUsage=critical,digitalSignature",
        ])
        .args(["-addext", "extendedKeyUsage=critical,codeSigning", "-keyout"])
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(folder.join(format!("{name}.pem"))));
}

fn boot_loader(folder: &Path, setting: &str) {
    run(Command::new("grub-editenv")
        .arg(folder.join("efi/pocketai/grubenv"))
        .args(["set", setting]));
}

/// The image's own program.
fn update(folder: &Path, what: &str) -> Output {
    Command::new("unshare")
        .arg("--mount")
        .arg(workspace().join("tests/tests/update/system.sh"))
        .arg(folder)
        .arg(workspace().join("image/root"))
        .arg(what)
        .output()
        .unwrap()
}

#[test]
fn a_signed_release_is_shown_then_installed_and_the_device_starts_again() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    let shown = system.shows();
    assert_eq!(
        (&shown["slot"], &shown["release"], &shown["good"], &shown["step"]),
        (&"A".into(), &"2.0".into(), &true.into(), &"idle".into())
    );
    let bundle = system.bundle("2.10", "release");
    let offered = &system.offer(&bundle).one()["step"]["offered"];
    assert_eq!(
        (&offered["release"], &offered["age"]),
        (&"2.10".into(), &"newer".into())
    );
    system.is_shown_first();
    system
        .install(&["--sha256", &"0".repeat(64)])
        .failed(1, "conflict");
    system.install(&[]).one();
    assert_eq!(system.shows()["step"]["installing"]["release"], "2.10");
    assert!(system.act().status.success());
    assert!(fs::read(system.data("slot-b")).unwrap() == fs::read(&bundle).unwrap());
    let while_installing = fs::read_to_string(system.data("while-installing")).unwrap();
    assert!(
        while_installing.contains("step=installing\n"),
        "{while_installing}"
    );
    assert_eq!(
        fs::read_to_string(system.data("restarts")).unwrap(),
        "--no-block reboot\n"
    );
    assert_eq!(system.shows()["step"]["installed"]["release"], "2.10");
    system.offer(&bundle).failed(1, "conflict");
    system.device.ctl(&["audit", "verify"]).one();
    // Slot A runs again: the other one did not show that it works.
    let state = system.folder.join("run/pocketai-update/state");
    for (why, fault) in [(None, "left"), (Some("room\n"), "room")] {
        if let Some(why) = why {
            fs::write(system.data("rauc/why"), why).unwrap();
        }
        fs::remove_file(&state).unwrap();
        assert!(update(&system.folder, "tell").status.success());
        assert_eq!(system.shows()["step"]["failed"], fault);
    }
    system.offer(&bundle).one();
    fs::remove_file(&state).unwrap();
    assert!(update(&system.folder, "tell").status.success());
    assert_eq!(system.shows()["step"], "idle");
}

impl System {
    /// An offer changes nothing.
    fn is_shown_first(&self) {
        assert!(!self.data("slot-b").exists() && !self.data("restarts").exists());
        let log = self.device.ctl(&["audit", "show"]).lines();
        let logged = |operation: &str| log.iter().any(|entry| entry["event"]["operation"] == operation);
        assert!(logged("update-offer") && !logged("update-install"), "{log:?}");
    }
}

#[test]
fn what_is_not_signed_for_this_device_is_refused() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    let foreign = system.bundle("3.0", "stranger");
    let kiosk = system.bundle_for("pocketai-arm64-kiosk", "3.0", "release");
    let good = fs::read(system.bundle("3.0", "release")).unwrap();
    let (cut, empty, other) = (
        system.folder.join("cut"),
        system.folder.join("empty"),
        system.folder.join("other"),
    );
    fs::write(&cut, &good[..good.len() - 1]).unwrap();
    fs::write(&empty, "").unwrap();
    fs::write(&other, "#!/bin/sh\nreboot\n").unwrap();
    for bundle in [&foreign, &kiosk, &cut, &other] {
        let said = system.offer(bundle).failed(1, "refused");
        assert!(said.contains("not signed"), "{said}");
        assert_eq!(system.shows()["step"]["failed"], "signature");
        system.install(&["--older"]).failed(1, "not-found");
        system.is_untouched();
    }
    system.offer(&empty).failed(1, "local");
}

#[test]
fn an_older_release_is_installed_only_where_the_owner_says_so() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    let bundle = system.bundle("1.9", "release");
    let shown = system.offer(&bundle).one();
    assert_eq!(shown["step"]["offered"]["age"], "older");
    let said = system.install(&[]).failed(1, "conflict");
    assert!(said.contains("--older"), "{said}");
    assert!(!system.spool("request").exists());
    system.install(&["--older"]).one();
    assert!(system.act().status.success());
    assert!(system.data("slot-b").exists());
}

#[test]
fn a_bundle_that_the_daemon_still_holds_open_can_not_be_changed_once_it_was_looked_at() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    let bundle = system.bundle("2.5", "release");
    fs::copy(&bundle, system.spool("offered")).unwrap();
    let held = OpenOptions::new()
        .write(true)
        .open(system.spool("offered"))
        .unwrap();
    fs::write(system.spool("request"), "look\n").unwrap();
    assert!(system.act().status.success());
    held.write_all_at(b"changed since", 0).unwrap();
    assert_eq!(
        fs::read(system.data("rauc/update/bundle")).unwrap(),
        fs::read(&bundle).unwrap()
    );
}

#[test]
fn a_daemon_that_was_broken_into_can_ask_for_nothing_else() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    let ask = |request: &str| fs::write(system.spool("request"), request).unwrap();
    // A file that is not its own, under the name of a bundle.
    fs::write(system.data("roots-own"), "secret").unwrap();
    symlink("/data/roots-own", system.spool("offered")).unwrap();
    ask("look\n");
    assert!(!system.act().status.success());
    assert_eq!(fs::read_to_string(system.data("roots-own")).unwrap(), "secret");
    fs::hard_link(system.data("roots-own"), system.spool("offered")).unwrap();
    ask("look\n");
    assert!(!system.act().status.success());
    for request in ["install 1 newer", "look; reboot", "$(reboot)", "", "look\nlook\n"] {
        ask(request);
        assert!(!system.act().status.success(), "{request:?}");
        assert!(
            !system.spool("request").exists(),
            "{request:?} would be tried for ever"
        );
    }
    system.is_untouched();
    // An older release, without the owner's word for it.
    let shown = system.offer(&system.bundle("1.5", "release")).one();
    ask(&format!(
        "install {} newer\n",
        text(&shown["step"]["offered"]["sha256"])
    ));
    assert!(!system.act().status.success());
    assert_eq!(system.shows()["step"]["failed"], "older");
    system.is_untouched();
    // What was shown is newer; what lies there by then is not.
    system.offer(&system.bundle("2.1", "release")).one();
    let older = fs::read(system.bundle("1.0", "release")).unwrap();
    fs::write(system.data("rauc/update/bundle"), older).unwrap();
    system.install(&[]).one();
    assert!(!system.act().status.success());
    assert_eq!(system.shows()["step"]["failed"], "changed");
    system.is_untouched();
}

#[test]
fn a_card_that_can_not_be_written_leaves_what_runs() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    fs::write(system.data("no-card"), "").unwrap();
    system.offer(&system.bundle("2.1", "release")).one();
    system.install(&[]).one();
    assert!(!system.act().status.success());
    assert_eq!(system.shows()["step"]["failed"], "not-written");
    system.is_untouched();
}

#[test]
fn a_slot_on_trial_is_said_to_be_so() {
    let Some(system) = System::new() else {
        return println!("{SKIPPED}");
    };
    boot_loader(&system.folder, "A_TRY=1");
    assert!(update(&system.folder, "tell").status.success());
    let shown = system.shows();
    assert_eq!((&shown["good"], &shown["tries_left"]), (&false.into(), &2.into()));
    // The other slot is the way back: for pocketd, and for who was told to do it all the same.
    let offered = system.offer(&system.bundle("2.1", "release")).one();
    let said = system.install(&[]).failed(1, "conflict");
    assert!(said.contains("way back"), "{said}");
    let sum = text(&offered["step"]["offered"]["sha256"]);
    fs::write(system.spool("request"), format!("install {sum} newer\n")).unwrap();
    assert!(!system.act().status.success());
    assert_eq!(system.shows()["step"]["failed"], "on-trial");
    system.is_untouched();
    system.device.ctl(&["lock"]).one();
    assert_eq!(system.device.ctl(&["status"]).one()["update"]["slot"], "A");
}
