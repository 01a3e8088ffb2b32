//! The way out is there only while something may leave, and leads nowhere but where the owner said.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::asking::{echo, ended, started, waiting};
use crate::device::{Device, Place, text};
use crate::process::is_outward;

/// How many gateways this device has started.
fn gateways(device: &Device) -> usize {
    let own = device.pid().to_string();
    let listed = Command::new("ps")
        .args(["-o", "comm=", "--ppid", &own])
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    listed
        .lines()
        .filter(|name| name.starts_with("pocket-gateway"))
        .count()
}

fn wait_for_gateways(device: &Device, count: usize) {
    let begun = Instant::now();
    while gateways(device) != count {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{} gateways",
            gateways(device)
        );
    }
}

fn open(device: &Device, profile: &str) {
    device.ctl(&["profile", "set", profile]).one();
}

#[test]
fn the_gateway_exists_only_while_something_may_leave() {
    let (device, _model, _) = started(echo, Place::command);
    wait_for_gateways(&device, 1);
    open(&device, "OFFLINE_ONLY");
    wait_for_gateways(&device, 0);
    open(&device, "CUSTOM");
    wait_for_gateways(&device, 1);
    device.ctl(&["lock"]).one();
    wait_for_gateways(&device, 0);
}

#[test]
fn with_consent_exactly_the_granted_connection_is_made() {
    let calls = "trace=socket,connect,sendto,sendmsg,sendmmsg";
    let (device, model, address) = started(echo, |place| place.traced(calls));
    open(&device, "OFFLINE_ONLY");
    device
        .ctl(&["ask", "--no-wait", "What now?"])
        .failed(1, "refused");
    open(&device, "CLOUD_WITH_CONSENT");
    let denied = waiting(&device, &[]);
    device.ctl(&["consent", "deny", &text(&denied["id"])]).one();
    assert!(model.is_unasked());
    let question = waiting(&device, &[]);
    let (id, sha256) = (text(&question["id"]), text(&question["sha256"]));
    device
        .ctl(&["consent", "approve", &id, "--sha256", &sha256])
        .one();
    assert_eq!(ended(&device, &id)["state"], "answered");
    let (place, _) = device.stop();
    let trace = fs::read_to_string(place.path("trace")).unwrap();
    let outward: Vec<&str> = trace.lines().filter(|line| is_outward(line)).collect();
    assert!(outward.is_empty(), "{outward:#?}");
    let port = format!("htons({})", address.port());
    let connections = trace
        .lines()
        .filter(|line| line.contains("connect(") && line.contains("AF_INET"));
    let connections: Vec<&str> = connections.collect();
    assert!(
        connections.len() == 1 && connections[0].contains(&port),
        "not just the granted connection: {connections:#?}"
    );
}
