//! The daemon as the kernel sees it: what it may dump, and whom it speaks to.

use std::fs;

use crate::device::{Device, Place, path_text};

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

#[test]
fn offline_not_one_packet_leaves_the_machine() {
    let place = Place::new();
    let command = place.traced("trace=socket,connect,bind,sendto,sendmsg,sendmmsg");
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not run under strace")
    };
    device.set_up();
    let id = device.add(
        "notes",
        &[
            "title=Plans",
            "body=see https://example.org/ and mail a@example.org",
        ],
    );
    device.ctl(&["search", "plans"]).lines();
    device.ctl(&["get", "notes", &id]).one();
    device.ctl(&["ask", "--no-wait", "what"]).failed(1, "refused");
    let model = [
        "--url",
        "https://api.example.org/v1",
        "--protocol",
        "openai",
        "--model",
        "m",
    ];
    let add = ["provider", "add", "far"];
    device.ctl(&[&add[..], &model[..]].concat()).one();
    device.ctl(&["ask", "--no-wait", "what"]).failed(1, "refused");
    // Opened, asked, and not answered: no is the answer.
    device.ctl(&["profile", "set", "CLOUD_WITH_CONSENT"]).one();
    assert_eq!(device.ctl(&["ask", "--no-wait", "what"]).code, Some(4));
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read"])
        .one();
    device
        .ctl(&["export", path_text(&device.place.path("export"))])
        .one();
    device
        .place
        .ctl_as_owner(
            &["factory-reset", "--confirm", "ERASE"],
            crate::device::PASSPHRASE,
        )
        .one();
    let (place, _) = device.stop();
    let trace = fs::read_to_string(place.path("trace")).unwrap();
    let served = trace
        .lines()
        .filter(|line| line.contains("bind(") && line.contains("127.0.0.1"));
    assert_eq!(
        served.count(),
        2,
        "the trace does not show the two doors: {trace}"
    );
    let outward: Vec<&str> = trace.lines().filter(|line| is_outward(line)).collect();
    assert!(outward.is_empty(), "{outward:#?}");
}

/// Whether a traced call names an address outside this machine, or makes a socket for one.
pub(crate) fn is_outward(line: &str) -> bool {
    let inet = line.contains("AF_INET") || line.contains("AF_NETLINK") || line.contains("AF_PACKET");
    let loopback = line.contains("inet_addr(\"127.") || line.contains("\"::1\"");
    if line.contains("socket(") {
        return inet && !line.contains("SOCK_STREAM");
    }
    inet && !loopback
}

#[test]
fn an_outward_call_would_be_seen() {
    for line in [
        r#"12 connect(9, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("93.184.216.34")}, 16) = 0"#,
        r#"12 sendto(9, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("8.8.8.8")}, 16) = 1"#,
        r"12 socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 9",
        r"12 socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) = 9",
    ] {
        assert!(is_outward(line), "{line}");
    }
    for line in [
        r#"12 connect(9, {sa_family=AF_UNIX, sun_path="/x"}, 5) = 0"#,
        r#"12 bind(9, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16) = 0"#,
        r"12 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 9",
    ] {
        assert!(!is_outward(line), "{line}");
    }
}
