//! The factory reset, killed at every system call that changes the disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use pocket_core::{ResetProof, Timestamp};
use pocket_crypto::{Key, Keyring};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::support::*;
use crate::{DeviceSecretPlace, Folder, KEY_CODES, KeySet, ResetRun, Store, clear_proof, read_proof};

const FOLDER: &str = "POCKET_STORE_TEST_RESET";

fn ring() -> pocket_crypto::Unlocked {
    let mut rng = StdRng::seed_from_u64(11);
    let mut ring = Keyring::create(&mut rng, &KEY_CODES);
    ring.set_device(&mut rng, &secret());
    ring
}

fn secret() -> Key {
    Key::from_bytes([42; 32])
}

fn place(data: &Path, ring_id: [u8; 16]) -> DeviceSecretPlace {
    DeviceSecretPlace::choose(&data.with_extension("secrets"), data, ring_id)
}

/// A device with data of every sort in its folder.
fn furnish(data: &Path) {
    let mut ring = ring();
    let folder = Folder::open(data).unwrap();
    let keyring = ring.to_keyring(&mut StdRng::seed_from_u64(12)).unwrap();
    folder.write_keyring(&keyring).unwrap();
    place(data, ring.ring_id()).create(&secret()).unwrap();
    folder
        .write_attempts(&secret(), pocket_core::Attempts::default())
        .unwrap();
    let mut store = Store::open(&folder, KeySet::new(&ring).unwrap()).unwrap().store;
    apply(
        &mut store,
        put_all((1..20).map(|number| note(number, number as usize * 5_000))),
    )
    .unwrap();
    let mut file = store.begin_blob(pocket_core::Category::Notes).unwrap();
    file.write(b"words").unwrap();
    let files = [file.finish().unwrap().0];
    store
        .put_index(pocket_core::Category::Notes, &files, b"")
        .unwrap();
    store.sync().unwrap();
    fs::create_dir_all(data.join("run")).unwrap();
    fs::create_dir_all(data.join("plugins/x")).unwrap();
    fs::write(data.join("plugins/x/file"), "left over").unwrap();
}

fn begin(folder: &Folder) -> ResetRun {
    let store = Store::open(folder, KeySet::new(&ring()).unwrap()).unwrap().store;
    ResetRun::begin(folder, Some(&store), Timestamp::from_millis(1)).unwrap()
}

fn finish(folder: &Folder, data: &Path, run: ResetRun) -> ResetProof {
    let place = run.ring_id().map(|ring_id| place(data, ring_id));
    let (new, other) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
    run.run(folder, place.as_ref(), &[&new, &other], Timestamp::from_millis(2))
        .unwrap()
}

fn assert_new(data: &Path, proof: &ResetProof) {
    assert_eq!((proof.opened, proof.files_left), (0, 0));
    let mut names: Vec<String> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["VERSION", "lock", "reset.proof", "run"]);
    assert_eq!(fs::read_dir(data.with_extension("secrets")).unwrap().count(), 0);
    let folder = Folder::open(data).unwrap();
    assert!(folder.read_keyring().unwrap().is_none());
    assert!(ResetRun::pending(&folder).unwrap().is_none());
    assert_eq!(read_proof(&folder).unwrap().as_ref(), Some(proof));
    clear_proof(&folder).unwrap();
    assert!(read_proof(&folder).unwrap().is_none());
}

#[test]
fn a_reset_leaves_a_new_device_and_a_proof() {
    let outer = tempfile::tempdir().unwrap();
    let (data, old) = (outer.path().join("data"), outer.path().join("old"));
    furnish(&data);
    copy_all(&data, &old);
    let folder = Folder::open(&data).unwrap();
    let run = begin(&folder);
    assert!(ResetRun::pending(&folder).unwrap().is_some());
    let proof = finish(&folder, &data, run);
    assert!(proof.samples >= 9 && proof.tried > 20, "{proof:?}");
    drop(folder);
    assert_new(&data, &proof);

    // The new device's keys open nothing of a copy that was taken before.
    let new = Device::new();
    assert!(open_at(&old, &new.ring).is_err());
    let keyring = Folder::open(&old)
        .unwrap()
        .read_keyring()
        .unwrap()
        .unwrap()
        .keyring;
    assert_eq!(keyring.attempt_all(&[&Key::from_bytes([1; 32])]).opened, 0);
}

#[test]
fn the_proof_can_fail() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    furnish(&data);
    let folder = Folder::open(&data).unwrap();
    let run = begin(&folder);
    let place = place(&data, ring().ring_id());
    // The old device secret, still in somebody's hands.
    let proof = run
        .run(&folder, Some(&place), &[&secret()], Timestamp::default())
        .unwrap();
    assert!(proof.opened > 0);
}

#[test]
fn a_damaged_journal_begins_again() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    furnish(&data);
    let folder = Folder::open(&data).unwrap();
    drop(begin(&folder));
    fs::write(data.join("reset.journal"), b"torn").unwrap();
    let run = ResetRun::pending(&folder).unwrap().unwrap();
    let proof = finish(&folder, &data, run);
    drop(folder);
    assert_new(&data, &proof);
}

/// Not a test of its own: what the next one starts and kills.
#[test]
fn child_resets() {
    let Some(data) = std::env::var_os(FOLDER) else {
        return;
    };
    let data = Path::new(&data);
    let folder = Folder::open(data).unwrap();
    let run = ResetRun::begin(&folder, None, Timestamp::from_millis(1)).unwrap();
    finish(&folder, data, run);
}

#[test]
fn a_reset_killed_before_any_change_of_the_disk_is_taken_up_again() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let master = outer.path().join("master");
    furnish(&master);
    let mut kills = 0;
    for call in ["write", "fsync", "rename", "unlink", "unlinkat"] {
        for nth in 1.. {
            let data = outer.path().join(format!("{call}-{nth}"));
            copy_all(&master, &data);
            copy_all(&master.with_extension("secrets"), &data.with_extension("secrets"));
            let killed = kill_child_at(&data, call, nth);
            take_up(&data);
            fs::remove_dir_all(&data).unwrap();
            if !killed {
                break;
            }
            kills += 1;
        }
    }
    println!("killed at {kills} places");
    assert!(kills > 40, "{kills}");
}

/// Whatever the kill left: an untouched device, a reset to be finished, or a finished one.
fn take_up(data: &Path) {
    let folder = Folder::open(data).unwrap();
    let pending = ResetRun::pending(&folder).unwrap();
    if let Some(run) = pending {
        let proof = finish(&folder, data, run);
        drop(folder);
        assert_new(data, &proof);
    } else if let Some(proof) = read_proof(&folder).unwrap() {
        drop(folder);
        assert_new(data, &proof);
    } else {
        drop(folder);
        let opened = open_at(data, &ring()).map_err(|error| error.to_string()).unwrap();
        assert_eq!(
            (opened.findings.len(), opened.store.count(NOTES).unwrap()),
            (0, 19)
        );
    }
}

/// Kills the child before its `nth` call of that name; false when it ended before that.
fn kill_child_at(data: &Path, call: &str, nth: u32) -> bool {
    let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
    let output = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            &inject,
        ])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "tests::reset::child_resets", "--test-threads=1"])
        .env(FOLDER, data)
        .output()
        .unwrap();
    !output.status.success()
}
