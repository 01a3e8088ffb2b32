//! What the image's own program does with a file system after a power cut, tried on files: no card is needed, and
//! no power; and what it makes of files that a cut left half there. `tests/image/run` cuts it in whole devices.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use nix::unistd::getuid;

use crate::device::workspace;

/// Where the first block of a file system is, and how long.
const FIRST: std::ops::Range<usize> = 1024..2048;

/// Runs a program, which has to succeed.
fn run(program: &str, arguments: &[&str], file: &Path) {
    let done = Command::new(program).args(arguments).arg(file).output().unwrap();
    assert!(done.status.success(), "{program}: {done:?}");
}

/// Whether the image's program takes the file system for whole, or mends it.
fn is_sound(file: &Path) -> bool {
    let program = workspace().join("image/root/usr/lib/pocketai/storage");
    let script = r#"eval "$(sed -n '/^sound() {$/,/^}$/p' "$1")"; sound "$2""#;
    let mut bash = Command::new("bash");
    bash.args(["-euc", script, "sound"]).arg(program).arg(file);
    bash.output().unwrap().status.success()
}

#[test]
fn a_first_block_that_a_power_cut_tore_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keystore");
    File::create(&file).unwrap().set_len(16 << 20).unwrap();
    run("mkfs.ext4", &["-q", "-F", "-m", "0"], &file);
    let before = fs::read(&file).unwrap();
    run("tune2fs", &["-L", "renamed"], &file);
    let mut torn = fs::read(&file).unwrap();
    // Half of what was written arrived: its checksum is that of the half that did not.
    torn[FIRST][512..].copy_from_slice(&before[FIRST][512..]);
    fs::write(&file, &torn).unwrap();
    let checked = Command::new("e2fsck").arg("-p").arg(&file).output().unwrap();
    assert_eq!(checked.status.code(), Some(8), "nothing is torn: {checked:?}");
    assert!(is_sound(&file));
    run("e2fsck", &["-p"], &file);
}

#[test]
fn what_is_no_file_system_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keystore");
    File::create(&file).unwrap().set_len(16 << 20).unwrap();
    assert!(!is_sound(&file));
}

/// The files of the device's ssh key, and what the owner is told of it, after a start.
fn ssh_after_a_start(system: &Path) -> (Vec<String>, String) {
    let done = Command::new("unshare")
        .arg("--mount")
        .arg(workspace().join("tests/tests/update/system.sh"))
        .arg(system)
        .arg(workspace().join("image/root"))
        .arg("ssh-keys")
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let files = fs::read_dir(system.join("data/ssh")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let told = fs::read_to_string(system.join("run/ssh-owner/fingerprint")).unwrap();
    (names.collect(), told)
}

#[test]
fn a_cut_while_the_ssh_key_is_made_shuts_nobody_out() {
    if !getuid().is_root() {
        return println!("skipped: who makes a system has to be root");
    }
    let system = tempfile::tempdir().unwrap();
    let ssh = system.path().join("data/ssh");
    fs::create_dir_all(&ssh).unwrap();
    // The power went before the key had its name.
    fs::write(ssh.join("new"), "").unwrap();
    let (files, told) = ssh_after_a_start(system.path());
    // Nothing beside the key that a cut could leave behind half written.
    assert_eq!(files, ["ssh_host_ed25519_key"]);
    assert!(told.ends_with(" pocketai (ED25519)\n"), "{told}");
    // As earlier releases could leave it: they kept the public half, and did not sync it.
    fs::write(ssh.join("ssh_host_ed25519_key.pub"), "").unwrap();
    let (_, again) = ssh_after_a_start(system.path());
    assert_eq!(again, told, "the device has another key");
}
