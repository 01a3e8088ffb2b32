//! Getting in: setup, unlock, wrong guesses, and everyone who is kept out.

use std::fs;

use crate::device::{Device, PASSPHRASE, Place, text};

#[test]
fn a_new_device_becomes_its_owners() {
    let device = Device::new();
    assert_eq!(device.state(), "first-run");
    device.ctl(&["list", "notes"]).failed(1, "not-set-up");
    device.set_up();
    assert_eq!(device.state(), "unlocked");
    let recovery = fs::read_to_string(device.place.path("recovery")).unwrap();
    assert_eq!(recovery.trim().split('-').count(), 8, "eight groups");
    let again = device.place.path("again");
    let setup = [
        "setup",
        "--code",
        "AAAA-AAAA",
        "--recovery-out",
        again.to_str().unwrap(),
    ];
    device
        .place
        .ctl_as_owner(&setup, "another one altogether")
        .failed(1, "conflict");
}

#[test]
fn the_recovery_key_is_typed_back_later() {
    let device = Device::owned();
    let status = device.ctl(&["status"]).one();
    assert_eq!(status["recovery_confirmed"], false);
    let key = fs::read_to_string(device.place.path("recovery")).unwrap();
    let groups: Vec<&str> = key.trim().split('-').collect();
    let group = |index: usize| {
        let number = status["recovery_groups"][index].as_u64().unwrap();
        groups[usize::try_from(number).unwrap() - 1]
    };
    let typed = format!("{} {}\n", group(0), group(1));
    let wrong = device
        .place
        .ctl_given(&["recovery", "confirm"], None, b"AAAAA BBBBB\n");
    assert_eq!(wrong.code, Some(1), "{}", wrong.err);
    device
        .place
        .ctl_given(&["recovery", "confirm"], None, typed.as_bytes())
        .one();
    assert_eq!(device.ctl(&["status"]).one()["recovery_confirmed"], true);
}

#[test]
fn a_wrong_setup_code_owns_nothing() {
    let device = Device::new();
    let out = device.place.path("recovery");
    let setup = [
        "setup",
        "--code",
        "AAAA-AAAA",
        "--recovery-out",
        out.to_str().unwrap(),
    ];
    device
        .place
        .ctl_as_owner(&setup, PASSPHRASE)
        .failed(1, "wrong-credential");
    assert_eq!(device.state(), "first-run");
    let code = device.ctl(&["setup-code"]).one();
    assert_eq!(Some(text(&code["code"])), device.setup_code);
}

#[test]
fn a_locked_vault_shows_and_takes_nothing() {
    let device = Device::owned();
    let id = device.add("notes", &["title=Plans"]);
    device.ctl(&["lock"]).one();
    for arguments in [
        &["list", "notes"][..],
        &["get", "notes", &id],
        &["add", "notes", "title=More"],
        &["search", "plans"],
        &["delete", "notes", &id],
        &["audit", "show"],
        &["secret", "list"],
    ] {
        let remedy = device.ctl(arguments).failed(3, "locked");
        assert!(remedy.contains("pocketctl unlock"), "{remedy}");
    }
    let status = device.ctl(&["status"]).one();
    assert_eq!(
        (&status["state"], &status["categories"]),
        (&"locked".into(), &serde_json::json!([]))
    );
    device.unlock();
    assert_eq!(device.ctl(&["get", "notes", &id]).one()["title"], "Plans");
}

#[test]
fn panic_locks_and_takes_every_agents_token() {
    let device = Device::owned();
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read"])
        .one();
    device.ctl(&["lock", "--all"]).one();
    device.ctl(&["list", "notes"]).failed(3, "locked");
    device.unlock();
    assert!(device.ctl(&["agent", "list"]).lines().is_empty());
}

#[test]
fn wrong_guesses_are_counted_slowed_down_and_remembered() {
    let device = Device::owned();
    device.ctl(&["lock"]).one();
    let mut wrong = 0u64;
    let throttled = (0..12).any(|_| {
        let done = device.place.ctl_as_owner(&["unlock"], "not the passphrase");
        if done.err.contains("throttled") {
            done.failed(1, "throttled");
            return true;
        }
        done.failed(1, "wrong-credential");
        wrong += 1;
        false
    });
    assert!(throttled && wrong >= 5, "throttled: {throttled}, after {wrong}");
    assert_eq!(device.ctl(&["status"]).one()["failed_unlocks"], wrong);
    let device = device.restart();
    assert_eq!(device.ctl(&["status"]).one()["failed_unlocks"], wrong);
}

#[test]
fn a_folder_has_one_daemon() {
    let device = Device::owned();
    let Err((_, refused)) = Device::start_command(Place::new(), device.place.command()) else {
        panic!("a second daemon started");
    };
    assert!(!refused.status.success());
    // Its words go to the second daemon's log, which start_command opened in the other place.
    assert!(
        refused.words.contains(&device.pid().to_string()),
        "{}",
        refused.words
    );
    assert_eq!(device.state(), "unlocked");
}

#[test]
fn only_loopback_is_served() {
    for (option, address) in [("--ui", "0.0.0.0:0"), ("--mcp", "0.0.0.0:0"), ("--ui", "[::]:0")] {
        let place = Place::new();
        let mut command = std::process::Command::new(crate::device::program("pocketd"));
        command
            .arg("--data-dir")
            .arg(place.data())
            .args([option, address]);
        command.env("XDG_CONFIG_HOME", place.path("config"));
        let Err((place, refused)) = Device::start_command(place, command) else {
            panic!("it listens on {address}");
        };
        assert!(refused.words.contains("loopback"), "{}", refused.words);
        assert!(
            !place.data().exists(),
            "nothing is touched before the arguments are right"
        );
    }
}

#[test]
fn passphrases_come_from_no_argument_and_no_environment() {
    let device = Device::owned();
    device.ctl(&["lock"]).one();
    assert_eq!(device.ctl(&["unlock", PASSPHRASE]).code, Some(2));
    let remedy = device.ctl(&["unlock"]).failed(2, "usage");
    assert!(remedy.contains("--passphrase-fd"), "{remedy}");
}

#[test]
fn without_a_daemon_the_command_line_says_so() {
    let place = Place::new();
    let words = place.ctl(&["status"]).failed(1, "unavailable");
    assert!(
        words.contains("control.sock") && words.contains("pocketd"),
        "{words}"
    );
}
