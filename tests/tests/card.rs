//! What the image's own program does with a file system after a power cut, tried on files: no card is needed, and
//! no power. `tests/image/run` cuts it in whole devices.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

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
