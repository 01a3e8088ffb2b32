//! The factory reset: gone for good, proven, and cut at every single write.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::device::{Device, PASSPHRASE, Place, files_under, path_text};

const RESET: [&str; 3] = ["factory-reset", "--confirm", "ERASE"];
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

#[test]
fn a_reset_cut_at_any_sync_is_finished_or_never_began() {
    cut_at_each(&["fsync"]);
}

#[test]
fn a_reset_cut_at_any_write_is_finished_or_never_began() {
    cut_at_each(&["write", "rename", "unlink", "unlinkat", "fdatasync", "pwrite64"]);
}

/// For each of `calls`: kills the unlocked daemon at the first such call of the reset, at the second,
/// and so on, until the reset gets through.
fn cut_at_each(calls: &[&str]) {
    let device = Device::owned();
    device.add("notes", &["title=Before"]);
    let (template, _) = device.stop();
    let (mut never_began, mut finished) = (0, 0);
    for call in calls {
        // The counts are those of one thread: that of the engine, which alone writes in a reset.
        for number in 1.. {
            match cut(&template, call, number) {
                Cut::Through => break,
                Cut::NeverBegan => never_began += 1,
                Cut::Finished => finished += 1,
            }
            assert!(number < 500, "the reset never gets through");
        }
    }
    assert!(
        never_began > 0 && finished > 10,
        "cut before it began: {never_began}, after: {finished}"
    );
}

/// What became of a reset.
enum Cut {
    Finished,
    NeverBegan,
    Through,
}

/// Kills a copy of the device as it enters its `call` number `when`, and starts it again.
fn cut(template: &Place, call: &str, when: usize) -> Cut {
    let device = Device::start(template.copy());
    device.unlock();
    let mut strace = Strace::kill_at(&device, call, when);
    let done = device.place.ctl_as_owner(&RESET, PASSPHRASE);
    if done.code == Some(0) {
        strace.detach();
        assert_eq!(Device::start(device.kill()).state(), "first-run");
        return Cut::Through;
    }
    done.failed(1, "unavailable");
    let place = device.wait();
    strace.detach();
    let began = place.data().join("reset.journal").exists() || !place.data().join("keyring.a").exists();
    let device = Device::start(place);
    if !began {
        assert_eq!(device.state(), "locked", "{call} {when}");
        device.unlock();
        assert_eq!(device.list("notes")[0]["title"], "Before", "{call} {when}");
        return Cut::NeverBegan;
    }
    assert_eq!(device.state(), "first-run", "{call} {when}");
    assert_eq!(
        files_under(&device.place.secrets()).len(),
        0,
        "{call} {when}: a device secret is left"
    );
    assert!(!device.place.data().join("keyring.a").exists(), "{call} {when}");
    Cut::Finished
}

/// `strace` attached to a daemon.
struct Strace {
    child: Child,
}

impl Strace {
    /// Kills the daemon as one of its threads enters its `call` number `when`.
    fn kill_at(device: &Device, call: &str, when: usize) -> Self {
        let mut child = Command::new("strace")
            .args(["-f", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=SIGKILL:when={when}")])
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
