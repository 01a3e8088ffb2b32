//! A backup that is on its way when something ends it, and one that finds no room.

use std::fs;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{Fault, Server, device, knows, last, nothing_counts, opens, send, starts};
use crate::consent::gateways;
use crate::device::{Device, Done, Place, path_text, text};
use crate::full_disk::with_disk_of;

/// Sends a backup, and does `what` once the front has its beginning and holds the line. Gives how the sending ended.
fn meanwhile(server: &Server, device: &Device, what: impl FnOnce()) -> Done {
    server.goes_wrong(Fault::Holds(100_000));
    let place = &device.place;
    let ended = thread::scope(|scope| {
        let sending = scope.spawn(|| place.ctl(&["backup", "send", "--yes"]));
        let step = Duration::from_millis(50);
        while !server
            .heads
            .recv_timeout(step)
            .is_ok_and(|head| head.starts_with("PUT"))
        {
            assert!(!sending.is_finished(), "{}", sending.join().unwrap().err);
        }
        what();
        sending.join().unwrap()
    });
    server.goes_wrong(Fault::None);
    ended
}

fn signal(process: i32, signal: Signal) {
    kill(Pid::from_raw(process), signal).unwrap();
}

/// The outcomes of the calls that the log tells of.
fn ends(device: &Device) -> Vec<String> {
    let entries = device.ctl(&["audit", "show"]).lines();
    let calls = entries
        .iter()
        .filter(|entry| entry["event"]["operation"] == "call-end");
    calls.map(|entry| entry["event"]["outcome"].to_string()).collect()
}

/// What the device says of the last one: how it ended, or that a part of it may still lie there.
fn came_of(device: &Device) -> String {
    let last = device.ctl(&["backup", "place", "show"]).one()["sending"].take();
    assert_eq!(last["offer"]["sha256"].as_str().unwrap().len(), 64);
    assert!(text(&last["offer"]["to"]).starts_with("https://models.example/backups/"));
    match &last["state"]["failed"] {
        Value::Null => text(&last["state"]),
        failed if failed["left"] == true => "left".to_owned(),
        failed => text(&failed["reason"]),
    }
}

#[test]
fn a_backup_on_its_way_ends_with_the_vault_the_profile_or_the_gateway_and_counts_as_nothing() {
    let server = Server::s3();
    let (device, _) = device(&server, "s3");
    opens(&device);

    let said = meanwhile(&server, &device, || device.ctl(&["lock"]).lines().clear());
    said.failed(3, "locked");
    device.unlock();
    assert_eq!(came_of(&device), "withdrawn");
    opens(&device);
    nothing_counts(&server, &device);

    let said = meanwhile(&server, &device, || {
        device.ctl(&["profile", "set", "OFFLINE_ONLY"]).one();
    });
    let said = said.failed(1, "unavailable");
    assert!(
        said.contains("profile was changed") && !said.contains("answered"),
        "{said}"
    );
    nothing_counts(&server, &device);
    opens(&device);

    let said = meanwhile(&server, &device, || {
        for gateway in gateways(&device) {
            signal(gateway, Signal::SIGKILL);
        }
    });
    let said = said.failed(1, "unavailable");
    assert!(said.contains("gateway"), "{said}");
    assert_eq!(came_of(&device), "gateway-broke");
    nothing_counts(&server, &device);
    assert_eq!(ends(&device), vec![r#"{"failed":"unavailable"}"#; 3]);

    send(&device).one();
    assert_eq!(server.files().len(), 1);
    assert!(!last(&device).is_null());
}

#[test]
fn a_backup_on_its_way_ends_with_the_daemon_and_counts_as_nothing() {
    let server = Server::s3();
    let (mut device, _) = device(&server, "s3");
    for (end, left) in [(Signal::SIGTERM, "withdrawn"), (Signal::SIGKILL, "left")] {
        opens(&device);
        let daemon = device.pid();
        let said = meanwhile(&server, &device, || signal(daemon, end));
        assert_ne!(said.code, Some(0), "{}", said.out);
        device = starts(device.wait());
        device.unlock();
        assert_eq!(came_of(&device), left);
        nothing_counts(&server, &device);
        device.ctl(&["audit", "verify"]).one();
    }
    opens(&device);
    send(&device).one();
    assert_eq!(server.files().len(), 1);
    let device = starts(device.kill());
    device.unlock();
    assert_eq!(came_of(&device), "sent");
}

#[test]
fn one_backup_is_sent_at_a_time() {
    let server = Server::webdav();
    let (device, _) = device(&server, "webdav");
    opens(&device);
    let first = meanwhile(&server, &device, || {
        let said = send(&device).failed(1, "conflict");
        assert!(said.contains("on its way"), "{said}");
        server.goes_wrong(Fault::None);
    });
    first.one();
    assert_eq!(server.files().len(), 1);
}

/// Some megabytes that no compressor makes smaller.
fn document(place: &Place, name: &str, megabytes: u32) -> String {
    let path = place.path(name);
    let mut state = 1u64;
    let bytes = (0..megabytes * 1_000_000).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    fs::write(&path, bytes.collect::<Vec<u8>>()).unwrap();
    path_text(&path).to_owned()
}

#[test]
fn a_backup_that_finds_no_room_is_not_sent_and_one_that_does_is() {
    with_disk_of(100, |disk| {
        let server = Server::webdav();
        let device = Device::start(Place::with_data(disk.path().join("data")));
        device.set_up();
        let device = knows(device, &server, "webdav");
        for name in ["one.bin", "two.bin"] {
            let path = document(&device.place, name, 14);
            device.ctl(&["import", &path]).one();
        }
        opens(&device);
        let said = send(&device).failed(1, "full");
        assert!(said.contains("needed"), "{said}");
        assert!(server.is_unasked());
        nothing_counts(&server, &device);
        let documents = device.list("documents");
        assert_eq!(documents.len(), 2);

        device
            .ctl(&["delete", "documents", documents[0]["id"].as_str().unwrap()])
            .one();
        send(&device).one();
        assert_eq!(server.files().len(), 1);
        assert!(fs::metadata(&server.files()[0]).unwrap().len() > 14_000_000);
    });
}
