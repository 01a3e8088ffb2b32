//! The device and the owner's own broker, through the programs that the owner has.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::consent::{gateways, wait_for_gateways};
use crate::device::{Device, Place, text};
use crate::mosquitto::{Mosquitto, PASSWORD, USER};

/// What is not so by then never will be.
const HANGS: Duration = Duration::from_secs(120);

/// A device that knows this broker; `more` says how it is reached.
fn device(broker: &Mosquitto, more: &[&str]) -> Device {
    let device = Device::owned();
    let set = ["secret", "set", "canary-secret-name"];
    device.place.ctl_given(&set, None, PASSWORD.as_bytes()).one();
    let port = broker.port.to_string();
    let set = [
        "broker",
        "set",
        "127.0.0.1",
        "--port",
        &port,
        "--user",
        USER,
        "--secret",
        "canary-secret-name",
    ];
    device.ctl(&[&set[..], more].concat()).one();
    device
}

const READABLE: [&str; 2] = ["--no-tls", "--readable-password"];

fn open(device: &Device, profile: &str) {
    device.ctl(&["profile", "set", profile]).one();
}

fn shown(place: &Place) -> Value {
    place.ctl(&["broker", "show"]).one()
}

/// Waits until the link is so.
fn wait_for_link(device: &Device, state: &str) {
    until(|| text(&shown(&device.place)["link"]) == state, state);
}

fn until(mut so: impl FnMut() -> bool, what: &str) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < HANGS, "it never is: {what}");
    }
}

fn topic(device: &Device, name: &str) -> String {
    let id = text(&shown(&device.place)["device"]);
    format!("pocketai/{id}/{name}")
}

#[test]
fn the_broker_is_linked_only_while_the_profile_opens_the_owners_network() {
    let broker = Mosquitto::plain();
    let mut ear = broker.listen();
    let device = device(&broker, &READABLE);
    assert_eq!(shown(&device.place)["link"], "shut");
    device.ctl(&["broker", "test"]).failed(1, "refused");
    open(&device, "CLOUD_WITH_CONSENT");
    wait_for_gateways(&device, 1);
    device.ctl(&["broker", "test"]).failed(1, "refused");
    assert_eq!(shown(&device.place)["link"], "shut");
    open(&device, "OFFLINE_ONLY");
    wait_for_gateways(&device, 0);
    for profile in ["LOCAL_NETWORK", "CUSTOM"] {
        open(&device, profile);
        ear.wait_for("/availability", "online");
        ear.wait_for("/state", profile);
        wait_for_link(&device, "connected");
        assert_eq!(gateways(&device).len(), 1);
        open(&device, "OFFLINE_ONLY");
        ear.wait_for("/availability", "offline");
        wait_for_gateways(&device, 0);
        assert_eq!(shown(&device.place)["link"], "shut");
    }
    open(&device, "LOCAL_NETWORK");
    ear.wait_for("/availability", "online");
    // The cloud stays shut all the same.
    let provider = ["provider", "add", "far", "--url", "https://far.example/v1"];
    let provider = [&provider[..], &["--protocol", "openai", "--model", "m"]].concat();
    device.ctl(&provider).one();
    let ask = ["ask", "--provider", "far", "--no-wait", "hello"];
    assert!(device.ctl(&ask).failed(1, "refused").contains("LOCAL_NETWORK"));
    device.ctl(&["lock"]).one();
    ear.wait_for("/availability", "offline");
    wait_for_gateways(&device, 0);
    // Nobody has heard of the cloud's profile: there was no link in it.
    let states = ear.all.iter().filter(|line| line.contains("/state {"));
    assert!(!states.into_iter().any(|line| line.contains("CLOUD_WITH_CONSENT")));
    device.unlock();
    ear.wait_for("/availability", "online");
    device.ctl(&["broker", "remove"]).one();
    ear.wait_for("/availability", "offline");
    wait_for_gateways(&device, 0);
    assert_eq!(device.ctl(&["broker", "show"]).one(), Value::Null);
}

#[test]
fn a_press_of_the_button_locks_the_device_and_the_log_says_who() {
    let broker = Mosquitto::plain();
    let device = device(&broker, &READABLE);
    open(&device, "LOCAL_NETWORK");
    wait_for_link(&device, "connected");
    let lock = topic(&device, "lock");
    let mut ear = broker.listen();
    ear.wait_for("/availability", "online");
    broker.publish(&lock, "LOCK");
    ear.wait_for("/availability", "offline");
    until(|| device.state() == "locked", "locked");
    wait_for_gateways(&device, 0);
    device.unlock();
    let log = device.ctl(&["audit", "show", "--limit", "200"]).lines();
    let locked = |entry: &&Value| entry["event"]["operation"] == "lock";
    let entry = log.iter().find(locked).expect("a lock is on record");
    assert_eq!(entry["event"]["actor"], "broker");
    // Over the broker one can't unlock, and nothing else either.
    broker.publish(&lock.replace("lock", "unlock"), "UNLOCK");
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn nothing_of_what_is_kept_is_ever_told_to_the_broker() {
    let broker = Mosquitto::encrypted();
    let mut ear = broker.listen();
    let authority = broker.authority();
    let device = device(&broker, &["--ca", &authority]);
    open(&device, "LOCAL_NETWORK");
    ear.wait_for("/availability", "online");
    device.add(
        "notes",
        &["title=canary-title", "body=canary-body", "tags=canary-tag"],
    );
    device.add("contacts", &["name=canary-name"]);
    device.add("tasks", &["title=canary-task"]);
    device
        .ctl(&["agent", "add", "canary-agent", "--scope", "notes:read"])
        .one();
    device.ctl(&["search", "canary-title"]).lines();
    let capture = topic(&device, "capture");
    broker.publish(&capture, "what came from there");
    until(|| !inbox(&device).is_empty(), "a note in the inbox");
    open(&device, "CUSTOM");
    ear.wait_for("/state", "CUSTOM");
    device.ctl(&["lock"]).one();
    ear.wait_for("/availability", "offline");
    assert!(ear.all.len() > 5, "{:#?}", ear.all);
    let told = ear.all.join("\n");
    assert!(!told.contains("canary"), "{told}");
    // Nor do logs and the list of programs hold the password, or what came.
    let log = std::fs::read_to_string(device.place.log()).unwrap();
    assert!(!log.contains("canary") && !log.contains("what came"), "{log}");
}

/// The texts in the inbox.
fn inbox(device: &Device) -> Vec<String> {
    let notes = device.list("notes");
    let from_broker = notes.iter().filter(|note| note["origin"] == "broker");
    from_broker.map(|note| text(&note["fields"]["body"])).collect()
}

#[test]
fn texts_are_kept_once_each_while_everyone_is_killed_and_comes_back() {
    let mut broker = Mosquitto::plain();
    let mut device = device(&broker, &READABLE);
    open(&device, "LOCAL_NETWORK");
    wait_for_link(&device, "connected");
    let capture = topic(&device, "capture");
    let mut sent = BTreeSet::new();
    let mut leave = |broker: &Mosquitto, round: &str| {
        for count in 0..4 {
            let text = format!("{round} {count}");
            broker.publish(&capture, &text);
            sent.insert(text);
        }
    };
    leave(&broker, "at first");
    kill_gateway(&device);
    leave(&broker, "without a gateway");
    wait_for_link(&device, "connected");
    leave(&broker, "with another gateway");
    let place = device.kill();
    leave(&broker, "without a daemon");
    device = Device::start(place);
    leave(&broker, "while it is locked");
    device.unlock();
    leave(&broker, "with another daemon");
    broker.end();
    broker.run();
    leave(&broker, "with another broker");
    until(|| inbox(&device).len() >= sent.len(), "all of them are kept");
    let kept = inbox(&device);
    let once: BTreeSet<String> = kept.iter().cloned().collect();
    assert_eq!(once, sent);
    assert_eq!(kept.len(), sent.len(), "{kept:#?}");
    device.ctl(&["audit", "verify"]).one();
}

/// `kill -9` of the device's gateway.
fn kill_gateway(device: &Device) {
    let own = device.pid().to_string();
    let listed = Command::new("ps")
        .args(["-o", "pid=,comm=", "--ppid", &own])
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let pid = listed.lines().find_map(|line| {
        let (pid, name) = line.trim().split_once(' ')?;
        name.trim()
            .starts_with("pocket-gateway")
            .then(|| pid.parse().unwrap())
    });
    kill(Pid::from_raw(pid.expect("there is a gateway")), Signal::SIGKILL).unwrap();
}

#[test]
fn what_can_not_be_is_said_in_words() {
    let broker = Mosquitto::plain();
    let device = device(&broker, &READABLE);
    let port = broker.port.to_string();
    let set = |more: &[&str]| device.ctl(&[&["broker", "set"], more].concat());
    let said = set(&["8.8.8.8", "--no-tls"]).failed(2, "usage");
    assert!(said.contains("public internet"), "{said}");
    let said = set(&[
        "127.0.0.1",
        "--no-tls",
        "--user",
        USER,
        "--secret",
        "canary-secret-name",
    ]);
    assert!(
        said.failed(2, "usage")
            .contains("everyone in your network can read")
    );
    let said = set(&[
        "127.0.0.1",
        "--no-tls",
        "--readable-password",
        "--user",
        USER,
        "--secret",
        "nothing",
    ]);
    assert!(said.failed(1, "not-found").contains("nothing"));
    open(&device, "LOCAL_NETWORK");
    wait_for_link(&device, "connected");
    let fault = |kind: &str| {
        until(
            || shown(&device.place)["fault"]["kind"] == kind,
            &format!("{kind} is said"),
        );
    };
    set(&["127.0.0.1", "--port", &port]).one();
    fault("tls-failed");
    set(&["127.0.0.1", "--port", &port, "--no-tls", "--user", "nobody"]).one();
    fault("login-refused");
    set(&["no-such-host.invalid", "--no-tls"]).one();
    fault("host-unknown");
    set(&["127.0.0.1", "--port", "1", "--no-tls"]).one();
    fault("unreachable");
    let capture = topic(&device, "capture");
    set(&[
        "127.0.0.1",
        "--port",
        &port,
        "--user",
        USER,
        "--secret",
        "canary-secret-name",
    ]
    .iter()
    .copied()
    .chain(READABLE)
    .collect::<Vec<_>>())
    .one();
    wait_for_link(&device, "connected");
    broker.publish(&capture, &"x".repeat(9000));
    until(
        || shown(&device.place)["not_kept"]["kind"] == "too-long",
        "too long",
    );
    assert!(inbox(&device).is_empty());
}
