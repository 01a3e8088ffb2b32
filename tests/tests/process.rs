//! The daemon as the kernel sees it: what of it may be dumped.

use std::fs;

use crate::device::{Device, Place};

#[test]
fn the_process_leaves_no_core() {
    let device = Device::owned();
    let limits = fs::read_to_string(format!("/proc/{}/limits", device.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let numbers: Vec<&str> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}

#[test]
fn the_process_may_not_be_dumped_or_debugged() {
    let place = Place::new();
    let command = place.traced("trace=prctl");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not run under strace")
    };
    let (place, _) = device.stop();
    let trace = fs::read_to_string(place.path("trace")).unwrap();
    let denied = |line: &str| line.contains("PR_SET_DUMPABLE, SUID_DUMP_DISABLE") && line.ends_with("= 0");
    assert!(trace.lines().any(denied), "{trace}");
}
