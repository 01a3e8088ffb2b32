//! The way out is there only while something may leave.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::asking::{echo, started};
use crate::device::{Device, Place};
use crate::model::Model;

/// The gateways that this device has started, by their process ids.
pub(crate) fn gateways(device: &Device) -> Vec<i32> {
    let own = device.pid().to_string();
    let listed = Command::new("ps")
        .args(["-o", "pid=,comm=", "--ppid", &own])
        .output()
        .unwrap();
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .filter(|(_, name)| name.starts_with("pocket-gateway"))
        .map(|(process, _)| process.parse().unwrap())
        .collect()
}

pub(crate) fn wait_for_gateways(device: &Device, count: usize) {
    let begun = Instant::now();
    while gateways(device).len() != count {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{:?}",
            gateways(device)
        );
    }
}

fn open(device: &Device, profile: &str) {
    device.ctl(&["profile", "set", profile]).one();
}

#[test]
fn the_gateway_exists_only_while_something_may_leave() {
    let (device, _model, _) = started(Model::in_the_cloud(echo), Place::command);
    wait_for_gateways(&device, 1);
    open(&device, "OFFLINE_ONLY");
    wait_for_gateways(&device, 0);
    open(&device, "CUSTOM");
    wait_for_gateways(&device, 1);
    device.ctl(&["lock"]).one();
    wait_for_gateways(&device, 0);
}
