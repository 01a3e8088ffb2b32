//! The units of the image, as far as they can be looked at without booting it: how exposed the services are,
//! and what must stand in them. `image/build` has the image's own systemd verify them, and `tests/image/run`
//! boots them.

use std::fs;
use std::process::Command;

use crate::device::workspace;

/// `systemd-analyze security` counts from 0 (safe) to 10; it takes the limit in tenths.
const MOST_EXPOSED: [(&str, u32); 8] = [
    ("systemd/pocketd.service", 15),
    ("systemd/pocket-gateway.service", 25),
    ("systemd/pocket-control-owner.service", 15),
    ("systemd/pocket-health.service", 20),
    ("systemd/pocket-keep.service", 20),
    ("systemd/pocket-egress@.service", 20),
    ("systemd/pocket-update-asked.service", 30),
    ("image/kiosk/root/usr/lib/systemd/system/pocket-kiosk.service", 25),
];

#[test]
fn no_service_is_more_exposed_than_it_may_be() {
    for (unit, limit) in MOST_EXPOSED {
        let file = workspace().join(unit);
        let looked = Command::new("systemd-analyze")
            .args(["security", "--no-pager", "--offline=true"])
            .arg(format!("--threshold={limit}"))
            .arg(&file)
            .output()
            .expect("systemd-analyze is part of systemd: apt-get install systemd");
        let told = String::from_utf8_lossy(&looked.stdout);
        assert!(told.contains("Overall exposure level"), "{unit}: {looked:?}");
        assert!(looked.status.success(), "{unit} is above {limit} tenths:\n{told}");
    }
}

#[test]
fn the_daemon_has_no_network_and_no_privilege() {
    let unit = unit("pocketd.service");
    for line in [
        "User=pocketai",
        "PrivateNetwork=yes",
        "CapabilityBoundingSet=",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "MemorySwapMax=0",
        "Type=notify",
    ] {
        assert!(unit.lines().any(|found| found == line), "pocketd.service: {line}");
    }
    let sockets: Vec<_> = unit_lines("pocketd.socket", "ListenStream=");
    assert_eq!(
        sockets,
        ["127.0.0.1:7878", "127.0.0.1:7879", "/run/pocketai/control.sock"],
        "the daemon takes them in this order"
    );
}

#[test]
fn the_buttons_door_is_roots_alone() {
    let unit = unit("pocketd-button.socket");
    for line in [
        "ListenStream=/run/pocketai-button/press.sock",
        "FileDescriptorName=pocketai-button",
        "Service=pocketd.service",
        "SocketUser=root",
        "SocketMode=0600",
        "DirectoryMode=0700",
    ] {
        assert!(
            unit.lines().any(|found| found == line),
            "pocketd-button.socket: {line}"
        );
    }
    // The owner's commands are handed on as pocketd's user, and not to this door.
    let handed_on = self::unit("pocket-control-owner.service");
    assert!(handed_on.contains("\nUser=pocketai\n") && !handed_on.contains("pocketai-button"));
}

#[test]
fn nothing_but_its_leash_starts_the_gateway() {
    for folder in ["systemd", "image/units"] {
        for entry in fs::read_dir(workspace().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let named = text
                .lines()
                .filter(|line| !line.starts_with('#') && line.contains("pocket-gateway"))
                .count();
            let may = [
                "pocket-gateway.service",
                "pocket-gateway.socket",
                "pocket-egress@.service",
            ];
            assert!(
                named == 0 || may.contains(&name.as_str()),
                "{name} names the gateway"
            );
        }
    }
    assert!(!unit("pocket-gateway.socket").contains("[Install]"));
    assert!(!unit("pocket-gateway.service").contains("[Install]"));
}

#[test]
fn nobody_declares_a_slot_good_by_hand() {
    let unit = unit("pocket-mark-good.service");
    assert!(unit.contains("\nRefuseManualStart=yes\n"));
    assert!(unit.contains("\nRequiredBy=multi-user.target\n"));
}

#[test]
fn no_password_lets_anyone_in() {
    let sshd = fs::read_to_string(workspace().join("image/root/etc/ssh/sshd_config")).unwrap();
    for line in [
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin no",
        "AuthenticationMethods publickey",
        "AllowUsers owner",
        "ForceCommand /usr/lib/pocketai/owner-shell",
    ] {
        assert!(sshd.lines().any(|found| found == line), "sshd_config: {line}");
    }
    let masked = fs::read_to_string(workspace().join("image/units/masked.list")).unwrap();
    for unit in ["getty@.service", "serial-getty@.service", "debug-shell.service"] {
        assert!(masked.lines().any(|line| line == unit), "{unit} is not masked");
    }
}

#[test]
fn what_is_locked_is_whole() {
    for (lock, list) in [("root.lock", "root.list"), ("tools.lock", "tools.list")] {
        let folder = workspace().join("image/packages");
        let lock = fs::read_to_string(folder.join(lock)).unwrap();
        for line in lock.lines() {
            let words: Vec<_> = line.split(' ').collect();
            assert!(
                matches!(words[..], [_, _, sum, path]
                    if sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()) && path.ends_with(".deb")),
                "{line}"
            );
        }
        let list = fs::read_to_string(folder.join(list)).unwrap();
        for name in list
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
        {
            assert!(
                lock.lines().any(|line| line.split(' ').next() == Some(name)),
                "{name} is not locked: run image/lock"
            );
        }
    }
}

fn unit(name: &str) -> String {
    fs::read_to_string(workspace().join("systemd").join(name)).unwrap()
}

fn unit_lines(name: &str, key: &str) -> Vec<String> {
    let text = unit(name);
    let values = text.lines().filter_map(|line| line.strip_prefix(key));
    values.map(str::to_owned).collect()
}
