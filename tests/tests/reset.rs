//! The factory reset: gone for good, proven, and cut at every single write.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::device::{Device, PASSPHRASE, Place, files_under, path_text};

const RESET: [&str; 3] = ["factory-reset", "--confirm", "ERASE"];
/// Every call that changes something on disk.
const CHANGES: &str = "write,pwrite64,writev,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,\
    ftruncate,fallocate,fsync,fdatasync,sync_file_range";

#[test]
fn after_a_reset_nothing_is_left_and_the_proof_says_so() {
    let device = Device::owned();
    device.add("notes", &["title=Gone"]);
    let big = device.place.path("big.bin");
    fs::write(&big, vec![3; 2_000_000]).unwrap();
    device.ctl(&["import", path_text(&big)]).one();
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read"])
        .one();
    let copy = device.place.copy();
    let keyring = fs::read(device.place.data().join("keyring.a")).unwrap();
    let first_code = device.setup_code.clone().unwrap();

    let proof = device.place.ctl_as_owner(&RESET, PASSPHRASE).one();
    assert_eq!(
        (&proof["opened"], &proof["files_left"]),
        (&0.into(), &0.into()),
        "{proof}"
    );
    assert!(
        proof["samples"].as_u64() > Some(3) && proof["tried"].as_u64() > Some(3),
        "{proof}"
    );
    assert_eq!(device.state(), "first-run");
    assert!(
        files_under(&device.place.secrets()).is_empty(),
        "the device secret is left"
    );
    let status = device.ctl(&["status"]).one();
    assert_eq!(status["reset"], proof, "the next owner is shown the proof");
    let code = device.ctl(&["setup-code"]).one();
    assert_ne!(
        code["code"],
        first_code.as_str(),
        "the former owner knows the setup code"
    );
    for file in files_under(&device.place.data()) {
        let bytes = fs::read(&file).unwrap_or_default();
        let old = bytes
            .windows(64)
            .any(|window| window == &keyring[keyring.len() / 2 - 32..keyring.len() / 2 + 32]);
        assert!(!old, "{} holds the old keyring", file.display());
    }

    let device = device.restart();
    assert_eq!(device.ctl(&["status"]).one()["reset"], proof);
    device.set_up_again();
    assert!(device.list("notes").is_empty() && device.ctl(&["agent", "list"]).lines().is_empty());

    // Whoever copied the data before has no device secret any more: the passphrase opens nothing.
    let thief = Place::new();
    crate::device::copy_files(&copy.data(), &thief.data());
    let thief = Device::start(thief);
    thief
        .place
        .ctl_as_owner(&["unlock"], PASSPHRASE)
        .failed(1, "device-secret-missing");
}

impl Device {
    /// The reset device becomes somebody's again.
    fn set_up_again(&self) {
        let out = self.place.path("recovery of the next owner");
        let setup = ["setup", "--recovery-out", path_text(&out)];
        self.place
            .ctl_as_owner(&setup, "the next owner's own words")
            .one();
    }
}

#[test]
fn a_locked_device_can_be_reset_by_its_owner_alone() {
    let device = Device::owned();
    device.ctl(&["lock"]).one();
    device
        .place
        .ctl_as_owner(&RESET, "not the passphrase")
        .failed(1, "wrong-credential");
    device
        .place
        .ctl_as_owner(&["factory-reset", "--confirm", "erase"], PASSPHRASE)
        .failed(2, "usage");
    assert_eq!(device.state(), "locked");
    assert_eq!(device.place.ctl_as_owner(&RESET, PASSPHRASE).one()["opened"], 0);
    assert_eq!(device.state(), "first-run");
}

/// Rounds are dealt out to two tests, which run side by side.
#[test]
fn a_reset_cut_at_any_odd_write_is_finished_or_never_began() {
    cut_at(1);
}

#[test]
fn a_reset_cut_at_any_even_write_is_finished_or_never_began() {
    cut_at(2);
}

/// Kills the daemon at its write number `first`, then two later, until the reset gets through.
fn cut_at(first: usize) {
    let device = Device::owned();
    device.add("notes", &["title=Before"]);
    let (template, _) = device.stop();
    let (mut never_began, mut finished) = (0, 0);
    for number in (first..).step_by(2) {
        let device = Device::start(template.copy());
        let mut strace = Strace::kill_at(&device, number);
        let done = device.place.ctl_as_owner(&RESET, PASSPHRASE);
        if done.code == Some(0) {
            strace.detach();
            assert_eq!(Device::start(device.kill()).state(), "first-run");
            break;
        }
        done.failed(1, "unavailable");
        let place = device.wait();
        strace.detach();
        let began = place.data().join("reset.journal").exists() || !place.data().join("keyring.a").exists();
        let device = Device::start(place);
        match device.state().as_str() {
            "first-run" => finished += 1,
            "locked" if !began => {
                device.unlock();
                assert_eq!(device.list("notes")[0]["title"], "Before", "write {number}");
                never_began += 1;
            }
            other => panic!("write {number}: {other}, begun: {began}"),
        }
        if began {
            assert_eq!(
                files_under(&device.place.secrets()).len(),
                0,
                "write {number}: a device secret is left"
            );
            assert!(!device.place.data().join("keyring.a").exists(), "write {number}");
        }
        assert!(number < 2_000, "the reset never gets through");
    }
    assert!(
        never_began > 0 && finished > 10,
        "cut before it began: {never_began}, after: {finished}"
    );
}

/// `strace` attached to a daemon.
struct Strace {
    child: Child,
}

impl Strace {
    /// Kills the daemon as it enters its call number `when` among those that change the disk.
    fn kill_at(device: &Device, when: usize) -> Self {
        let mut child = Command::new("strace")
            .args(["-f", "-e", &format!("trace={CHANGES}")])
            .args(["-e", &format!("inject={CHANGES}:signal=SIGKILL:when={when}")])
            .args(["-o", "/dev/null", "-p", &device.pid().to_string()])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut words = String::new();
        let mut stderr = BufReader::new(child.stderr.take().expect("it was piped"));
        stderr.read_line(&mut words).unwrap();
        assert!(
            words.contains("attached"),
            "strace can't look into the daemon (root is needed): {words}"
        );
        // What it says later must not fill the pipe and stop it.
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()).map(drop));
        Self { child }
    }

    fn detach(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        self.detach();
    }
}
