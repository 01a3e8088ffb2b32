//! The button on the device as a second factor, with the real daemon, command line and gateway. The finger is a
//! connection to the door of the button, as `pocket-button` makes it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::unistd::getuid;
use serde_json::Value;

use crate::asking::{echo, ended, started_with, waiting};
use crate::device::{Device, Done, PASSPHRASE, Place, path_text, text};
use crate::model::Model;

const SKIPPED: &str = "skipped: who speaks for the button has to be root";

/// A button, as the daemon knows it: a connection of root.
struct Button(UnixStream);

impl Button {
    fn of(device: &Device) -> Self {
        let button = Self(UnixStream::connect(device.place.path("press.sock")).unwrap());
        while device.ctl(&["button", "show"]).one()["button"] != true {}
        button
    }

    /// Presses it; whether something waited for that.
    fn press(&mut self) -> bool {
        self.0.write_all(b"p").unwrap();
        let mut answer = [0];
        self.0.read_exact(&mut answer).unwrap();
        answer == *b"+"
    }
}

/// A device that listens to a button; `None` for who can't be one.
fn device() -> Option<(Device, Model)> {
    if !getuid().is_root() {
        return None;
    }
    let command = |place: &Place| {
        let config = place.path("pocketd.toml");
        let door = format!("button = {:?}\n", path_text(&place.path("press.sock")));
        let all = door + &fs::read_to_string(&config).unwrap();
        fs::write(config, all).unwrap();
        place.command()
    };
    let (device, model, _) = started_with(Model::in_the_cloud(echo), command, |_| String::new());
    Some((device, model))
}

/// Waits until something of this kind waits for the button.
fn until_awaited(device: &Device, operation: &str) {
    while device.ctl(&["status"]).one()["press"]["waiting"]["operation"] != operation {}
}

/// Sets what needs a press, which takes one.
fn need(device: &Device, what: &str, button: &mut Button) -> Done {
    let place = &device.place;
    thread::scope(|scope| {
        let set = scope.spawn(|| place.ctl_as_owner(&["button", "need", what], PASSPHRASE));
        until_awaited(device, "press-set");
        assert!(button.press());
        set.join().unwrap()
    })
}

fn approve(place: &Place, question: &Value) -> Done {
    let (id, sha256) = (text(&question["id"]), text(&question["sha256"]));
    place.ctl(&["consent", "approve", &id, "--sha256", &sha256])
}

#[test]
fn what_the_owner_approved_leaves_once_the_button_is_pressed() {
    let Some((device, model)) = device() else {
        return println!("{SKIPPED}");
    };
    let mut button = Button::of(&device);
    assert_eq!(need(&device, "every", &mut button).one()["need"], "every");
    assert!(!button.press(), "a press is not stored up");
    let (first, second) = (waiting(&device, &[]), waiting(&device, &[]));
    let place = &device.place;
    thread::scope(|scope| {
        let approved = scope.spawn(|| approve(place, &first));
        until_awaited(&device, "consent-approve");
        // Whose press would it be?
        approve(&device.place, &second).failed(1, "conflict");
        assert!(model.is_unasked());
        assert!(button.press());
        assert_eq!(approved.join().unwrap().one()["approved"], first["id"]);
    });
    assert_eq!(ended(&device, &text(&first["id"]))["state"], "answered");
    assert!(!button.press(), "one press, one consent");
    assert_eq!(ended(&device, &text(&second["id"]))["state"], "waiting");
    assert_eq!(need(&device, "off", &mut button).one()["need"], "off");
    approve(&device.place, &second).one();
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn what_the_owner_locks_instead_does_not_leave() {
    let Some((device, model)) = device() else {
        return println!("{SKIPPED}");
    };
    let mut button = Button::of(&device);
    need(&device, "every", &mut button).one();
    let question = waiting(&device, &[]);
    let place = &device.place;
    thread::scope(|scope| {
        let approved = scope.spawn(|| approve(place, &question));
        until_awaited(&device, "consent-approve");
        device.ctl(&["lock"]).one();
        approved.join().unwrap().failed(3, "locked");
    });
    assert!(!button.press());
    device.unlock();
    assert!(!button.press() && model.is_unasked());
}

#[test]
fn without_a_button_nobody_chooses_it_and_nothing_leaves_in_its_place() {
    let Some((device, model)) = device() else {
        return println!("{SKIPPED}");
    };
    let set = ["button", "need", "every"];
    let said = device
        .place
        .ctl_as_owner(&set, PASSPHRASE)
        .failed(1, "unavailable");
    assert!(said.contains("no button of it answers"), "{said}");
    let mut button = Button::of(&device);
    need(&device, "every", &mut button).one();
    drop(button);
    while device.ctl(&["button", "show"]).one()["button"] != false {}
    let question = waiting(&device, &[]);
    approve(&device.place, &question).failed(1, "unavailable");
    assert!(model.is_unasked());
    device
        .place
        .ctl_as_owner(&["button", "need", "off"], PASSPHRASE)
        .failed(1, "unavailable");
}

/// Tries to press as somebody else, whatever the modes of files would let them; what comes back.
const FORGER: &str = r#"
import os, socket, sys
path, user = sys.argv[1:]
os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
door = socket.socket(socket.AF_UNIX)
door.settimeout(60)
door.connect(path)
try:
    door.sendall(b"p")
    print(door.recv(1))
except OSError as error:
    print(b"")
"#;

#[test]
fn nobody_but_root_is_the_button() {
    let Some((device, model)) = device() else {
        return println!("{SKIPPED}");
    };
    let mut button = Button::of(&device);
    need(&device, "every", &mut button).one();
    let question = waiting(&device, &[]);
    let door = device.place.path("press.sock");
    open_to_all(&door);
    let place = &device.place;
    thread::scope(|scope| {
        let approved = scope.spawn(|| approve(place, &question));
        until_awaited(&device, "consent-approve");
        let forged = Command::new("python3")
            .args(["-c", FORGER, path_text(&door), "65534"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&forged.stdout).trim(),
            "b''",
            "{forged:?}"
        );
        assert!(model.is_unasked());
        assert!(button.press());
        approved.join().unwrap().one();
    });
}

/// So that not the mode of a file keeps the forger out, but who they are.
fn open_to_all(door: &Path) {
    for place in [door, door.parent().unwrap()] {
        fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
    }
}

#[test]
fn a_device_made_of_a_backup_asks_for_the_button_where_it_has_one() {
    let Some((device, _model)) = device() else {
        return println!("{SKIPPED}");
    };
    let mut button = Button::of(&device);
    need(&device, "every", &mut button).one();
    let archive = device.place.path("b.age");
    device.ctl(&["backup", "create", path_text(&archive)]).one();
    let recovery = fs::read_to_string(device.place.path("recovery")).unwrap();
    let secrets = format!("{}\n{PASSPHRASE}", recovery.trim());
    for (has_one, expected) in [(true, "every"), (false, "off")] {
        let place = Place::new();
        let config = place.path("pocketd.toml");
        let door = format!("button = {:?}\n", path_text(&place.path("press.sock")));
        fs::write(&config, door).unwrap();
        let mut command = place.command();
        command.arg("--config").arg(&config);
        let Ok(new) = Device::start_command(place, command) else {
            panic!("it did not start")
        };
        let mut finger = has_one.then(|| UnixStream::connect(new.place.path("press.sock")).unwrap());
        if let Some(finger) = &mut finger {
            // It is known once it was heard.
            finger.write_all(b"p").unwrap();
            finger.read_exact(&mut [0]).unwrap();
        }
        let restore = ["backup", "restore", path_text(&archive)];
        new.place.ctl_as_owner(&restore, &secrets).one();
        assert_eq!(new.ctl(&["button", "show"]).one()["need"], expected, "{has_one}");
    }
}
