//! Nothing leaves unless the owner saw it: the real programs, and a server far away.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::device::{Device, Place, text};
use crate::far::{Far, HOST};
use crate::process::is_outward;

const KEY: &str = "sk-test-0123456789abcdef";
const QUESTION: &str = "What shall I give Annegret Moosbichler? Write to annegret@example.org.";

/// A device with someone in its contacts and a model far away.
fn desk(far: &Far, place: Place, mut command: Command) -> Device {
    let folder = place.path("");
    far.configure(&folder);
    command.arg("--config").arg(folder.join("pocketd.toml"));
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start")
    };
    device.set_up();
    device.add(
        "contacts",
        &["name=Annegret Moosbichler", "emails=annegret@example.org"],
    );
    device
        .place
        .ctl_given(&["secret", "set", "key"], None, KEY.as_bytes())
        .one();
    let url = format!("https://{HOST}/v1");
    device
        .ctl(&[
            "provider",
            "add",
            "mine",
            "--url",
            &url,
            "--protocol",
            "openai",
            "--model",
            "small",
            "--secret",
            "key",
        ])
        .one();
    device
}

fn open(device: &Device, profile: &str) {
    device.ctl(&["profile", "set", profile]).one();
}

/// Asks, and gives the question as it waits.
fn ask(device: &Device) -> Value {
    let asked = device.ctl(&["ask", "--no-wait", QUESTION]);
    assert_eq!(asked.code, Some(4), "{} {}", asked.out, asked.err);
    let question = device.ctl(&["consent", "list"]).lines().remove(0);
    assert_eq!(question["state"], "waiting");
    device.ctl(&["consent", "show", &text(&question["id"])]).one()
}

/// Waits until the question is over.
fn over(device: &Device, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let shown = device.ctl(&["consent", "show", id]).one();
        if !matches!(shown["state"].as_str(), Some("sending" | "waiting")) {
            return shown;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{shown}");
    }
}

fn approve(device: &Device, question: &Value) {
    let (id, sha256) = (text(&question["id"]), text(&question["sha256"]));
    device
        .ctl(&["consent", "approve", &id, "--sha256", &sha256])
        .one();
}

#[test]
fn the_very_bytes_that_were_shown_leave_once_and_the_answer_comes_back() {
    let far = Far::answering("Give [PERSON_1] a book.");
    let place = Place::new();
    let command = place.command();
    let device = desk(&far, place, command);
    device.ctl(&["ask", "--no-wait", QUESTION]).failed(1, "refused");
    open(&device, "CLOUD_WITH_CONSENT");
    let question = ask(&device);
    let shown = text(&question["body"]);
    for hidden in ["Annegret", "Moosbichler", "annegret@example.org", KEY] {
        assert!(!shown.contains(hidden), "{hidden} would leave: {shown}");
    }
    assert!(far.received().is_empty(), "it left before the owner said yes");
    let id = text(&question["id"]);
    device
        .ctl(&["consent", "approve", &id, "--sha256", &"0".repeat(64)])
        .failed(1, "conflict");
    approve(&device, &question);
    let answered = over(&device, &id);
    assert_eq!(answered["state"], "answered", "{answered}");
    assert_eq!(answered["suggestion"], "Give Annegret Moosbichler a book.");
    let received = far.received();
    assert_eq!(received.len(), 1, "it left more than once");
    assert_eq!(
        received[0].body,
        shown.as_bytes(),
        "other bytes left than were shown"
    );
    assert!(
        received[0]
            .head
            .starts_with("post /v1/chat/completions http/1.1\r\n"),
        "{}",
        received[0].head
    );
    assert!(
        received[0].head.contains(&format!("authorization: bearer {KEY}")),
        "{}",
        received[0].head
    );
    let sha256 = text(&question["sha256"]);
    device
        .ctl(&["consent", "approve", &id, "--sha256", &sha256])
        .failed(1, "conflict");

    let again = ask(&device);
    device.ctl(&["consent", "deny", &text(&again["id"])]).one();
    let device = device.restart();
    device.unlock();
    assert_eq!(device.ctl(&["consent", "show", &id]).one()["state"], "answered");
    assert_eq!(far.received().len(), 1);
}

/// How many gateways this device has started.
fn gateways(device: &Device) -> usize {
    let own = device.pid().to_string();
    let listed = Command::new("ps")
        .args(["-o", "comm=", "--ppid", &own])
        .output()
        .unwrap();
    String::from_utf8_lossy(&listed.stdout)
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

#[test]
fn the_gateway_exists_only_while_something_may_leave() {
    let far = Far::answering("");
    let place = Place::new();
    let command = place.command();
    let device = desk(&far, place, command);
    assert_eq!(gateways(&device), 0);
    open(&device, "CLOUD_WITH_CONSENT");
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
    let far = Far::answering("Yes.");
    let place = Place::new();
    let command = place.traced("trace=socket,connect,sendto,sendmsg,sendmmsg");
    let device = desk(&far, place, command);
    device.ctl(&["ask", "--no-wait", QUESTION]).failed(1, "refused");
    open(&device, "CLOUD_WITH_CONSENT");
    let denied = ask(&device);
    device.ctl(&["consent", "deny", &text(&denied["id"])]).one();
    let question = ask(&device);
    approve(&device, &question);
    let id = text(&question["id"]);
    assert_eq!(over(&device, &id)["state"], "answered");
    let (place, _) = device.stop();
    let trace = fs::read_to_string(place.path("trace")).unwrap();
    let outward: Vec<&str> = trace.lines().filter(|line| is_outward(line)).collect();
    assert!(outward.is_empty(), "{outward:#?}");
    let port = format!("htons({})", far.address.port());
    let connections = trace
        .lines()
        .filter(|line| line.contains("connect(") && line.contains("AF_INET"));
    let connections: Vec<&str> = connections.collect();
    assert!(
        connections.len() == 1 && connections[0].contains(&port),
        "not just the granted connection: {connections:#?}"
    );
}
