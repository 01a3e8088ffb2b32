//! Seen from the kernel: every acknowledged commit is followed by a sync of sled's log.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::support::*;
use crate::Changes;

const FOLDER: &str = "POCKET_STORE_TEST_TRACE";
const COMMITS: usize = 25;

/// Not a test of its own: what the next one starts under strace.
#[test]
fn child_commits() {
    let Some(dir) = std::env::var_os(FOLDER) else {
        return;
    };
    let device = Device::new();
    let folder = crate::Folder::open(Path::new(&dir)).unwrap();
    let mut store = crate::Store::open(&folder, device.keys()).unwrap().store;
    println!("opened");
    for number in 0..u32::try_from(COMMITS).unwrap() {
        apply(&mut store, Changes::new().put(note(number, 100), None)).unwrap();
    }
    println!("done");
}

#[test]
fn every_commit_is_synced() {
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    let outer = tempfile::tempdir().unwrap();
    let log = outer.path().join("trace");
    let output = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,write", "-o"])
        .arg(&log)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::trace::child_commits",
            "--test-threads=1",
            "--nocapture",
        ])
        .env(FOLDER, outer.path().join("data"))
        .output()
        .unwrap();
    assert!(output.status.success());
    let trace = fs::read_to_string(&log).unwrap();
    let (_, committing) = trace.split_once("opened").unwrap();
    let (committing, _) = committing.split_once("done").unwrap();
    let syncs = committing
        .lines()
        .filter(|line| line.contains("fdatasync(") && line.contains("/db/db>"))
        .count();
    assert!(
        syncs >= COMMITS,
        "{syncs} syncs of sled's log for {COMMITS} commits"
    );
}
