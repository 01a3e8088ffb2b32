//! The audit log: what it records, and that nobody can change it unseen.

use std::fs;

use serde_json::Value;

use crate::device::{Device, PASSPHRASE, path_text};

#[test]
fn a_cloud_call_is_refused_recorded_and_sends_nothing() {
    let device = Device::owned();
    let words = device.ctl(&["ask", "what", "now"]).failed(1, "refused");
    assert!(words.contains("OFFLINE_ONLY"), "{words}");
    let last = device.ctl(&["audit", "show", "--limit", "1"]).one();
    assert_eq!(last["event"]["operation"], "ask");
    assert_eq!(
        last["event"]["outcome"],
        serde_json::json!({"refused": "profile"})
    );
}

#[test]
fn a_profile_is_leased_and_shown() {
    let device = Device::owned();
    let shown = device.ctl(&["profile", "show"]).one();
    assert_eq!(
        (&shown["profile"], &shown["until"]),
        (&"OFFLINE_ONLY".into(), &Value::Null)
    );
    device
        .ctl(&["profile", "set", "CLOUD_WITH_CONSENT", "--for", "30"])
        .one();
    let shown = device.ctl(&["profile", "show"]).one();
    assert_eq!(shown["profile"], "CLOUD_WITH_CONSENT");
    assert!(shown["until"].is_string(), "{shown}");
    let device = device.restart();
    device.unlock();
    assert_eq!(
        device.ctl(&["profile", "show"]).one()["profile"],
        "CLOUD_WITH_CONSENT"
    );
    device.ctl(&["profile", "set", "OFFLINE_ONLY"]).one();
    assert_eq!(device.ctl(&["profile", "show"]).one()["until"], Value::Null);
}

#[test]
fn every_change_leaves_its_record() {
    let device = Device::owned();
    let id = device.add("notes", &["title=Plans"]);
    device.ctl(&["edit", "notes", &id, "title=Other"]).one();
    device.ctl(&["delete", "notes", &id]).one();
    device
        .place
        .ctl_given(&["secret", "set", "wifi"], None, b"x")
        .one();
    device.ctl(&["secret", "delete", "wifi"]).one();
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read"])
        .one();
    device.ctl(&["agent", "revoke", "desk"]).one();
    device.ctl(&["profile", "set", "LOCAL_NETWORK"]).one();
    device.ctl(&["lock"]).one();
    device
        .place
        .ctl_as_owner(&["unlock"], "wrong")
        .failed(1, "wrong-credential");
    device.unlock();
    let log = device.ctl(&["audit", "show", "--limit", "100"]).lines();
    for operation in [
        "setup",
        "add",
        "edit",
        "delete",
        "secret-set",
        "secret-delete",
        "agent-add",
        "agent-revoke",
        "profile-set",
        "lock",
        "failed-unlocks",
        "unlock",
    ] {
        assert!(
            log.iter().any(|entry| entry["event"]["operation"] == operation),
            "{operation}: {log:#?}"
        );
    }
    let sequences: Vec<u64> = log
        .iter()
        .map(|entry| entry["sequence"].as_u64().unwrap())
        .collect();
    let expected: Vec<u64> = (1..=u64::try_from(log.len()).unwrap()).rev().collect();
    assert_eq!(sequences, expected, "numbered without gaps, the newest first");
    assert_eq!(device.ctl(&["audit", "verify"]).one()["verified"], true);
}

#[test]
fn an_exported_log_that_was_changed_is_named() {
    let device = Device::owned();
    for title in ["title=One", "title=Two", "title=Three"] {
        device.add("notes", &[title]);
    }
    let log = device.place.path("log.jsonl");
    device.ctl(&["audit", "export", path_text(&log)]).one();
    let verify = |lines: &[String], name: &str| {
        let file = device.place.path(name);
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        device.ctl(&["audit", "verify", path_text(&file)])
    };
    let lines: Vec<String> = fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let count = lines.len();
    assert_eq!(verify(&lines, "whole").one()["entries"], count);

    let add = lines
        .iter()
        .position(|line| line.contains("\"operation\":\"add\""))
        .unwrap();
    let mut edited = lines.clone();
    edited[add] = edited[add].replace("\"operation\":\"add\"", "\"operation\":\"get\"");
    let words = verify(&edited, "edited").failed(1, "damaged");
    assert!(
        words.contains(&format!("entry {} was edited", add + 1)),
        "{words}"
    );

    let mut moved = lines.clone();
    moved.swap(add, add + 1);
    verify(&moved, "moved").failed(1, "damaged");

    let mut dropped = lines.clone();
    dropped.remove(add);
    let words = verify(&dropped, "dropped").failed(1, "damaged");
    assert!(
        words.contains(&format!("{0} to {0} are missing", add + 1)),
        "{words}"
    );

    let words = verify(&lines[..count - 2], "cut").failed(1, "damaged");
    assert!(words.contains(&format!("ends at entry {}", count - 2)), "{words}");

    let other = Device::owned();
    other.add("notes", &["title=Elsewhere"]);
    let foreign_log = other.place.path("log.jsonl");
    other.ctl(&["audit", "export", path_text(&foreign_log)]).one();
    let foreign = fs::read_to_string(&foreign_log).unwrap();
    let mut mixed = lines;
    mixed[add] = foreign.lines().nth(add).unwrap().to_owned();
    let words = verify(&mixed, "foreign").failed(1, "damaged");
    assert!(
        words.contains(&format!("entry {} is foreign", add + 1)),
        "{words}"
    );
}

#[test]
fn a_wrong_passphrase_opens_no_dangerous_door() {
    let device = Device::owned();
    let wrong = "not the passphrase";
    for arguments in [
        &["category", "erase", "notes"][..],
        &["factory-reset", "--confirm", "ERASE"],
    ] {
        device
            .place
            .ctl_as_owner(arguments, wrong)
            .failed(1, "wrong-credential");
    }
    let change = ["passphrase", "change"];
    device
        .place
        .ctl_as_owner(&change, &format!("{wrong}\nanother one altogether\n"))
        .failed(1, "wrong-credential");
    device
        .place
        .ctl_as_owner(&["factory-reset", "--confirm", "yes"], PASSPHRASE)
        .failed(2, "usage");
    assert_eq!(device.state(), "unlocked");
}
