//! Silence, as the network sees it: in a network in which packets could leave and would be seen, every door is
//! gone through with all that it offers, also with what is meant to lure something out. Offline, not one packet
//! leaves; with consent, exactly the connection that was granted.

mod commands;
pub(crate) mod http;
pub(crate) mod network;
mod page;
mod steps;
mod tools;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use http::Page;
use network::{Kind, Network, Packet};

use crate::asking::{echo, ended, started, waiting};
use crate::device::{Device, PASSPHRASE, Place, path_text, program, text};
use crate::model::Model;
use crate::webdriver::Browser;

/// Writes files that refer to elsewhere.
const HOSTILE: &str = include_str!("silence/hostile.py");
const SKIPPED: &str = "skipped: a network of the test's own needs root";

/// Under these names Chromium looks for its makers, whatever page it shows and whatever it is told.
const CHROMIUMS: [&str; 3] = [".google.com.", ".googleapis.com.", ".duckduckgo.com."];

/// What came or went, in words.
fn words(packets: &[Packet]) -> Vec<String> {
    packets.iter().map(Packet::to_string).collect()
}

/// What left that Chromium did not send to its makers.
fn lured(packets: &[Packet]) -> Vec<String> {
    let own = |packet: &&Packet| match &packet.kind {
        Kind::Udp(_, to, name) => to.port() == 53 && CHROMIUMS.iter().any(|end| name.ends_with(end)),
        _ => !packet.leaves,
    };
    packets
        .iter()
        .filter(|packet| !own(packet))
        .map(Packet::to_string)
        .collect()
}

fn hostile(place: &Place) -> PathBuf {
    let folder = place.path("hostile");
    let written = Command::new("python3")
        .args(["-c", HOSTILE])
        .arg(&folder)
        .status();
    assert!(written.unwrap().success());
    folder
}

/// Runs a test on a new device in a network of its own: not one packet leaves, from before its start to its end.
fn silently(test: impl FnOnce(&Device, &Path)) {
    in_network(|network, device| {
        test(&device, &hostile(&device.place));
        assert_eq!(words(&network.packets()), [""; 0]);
        let (_place, status) = device.stop();
        assert!(status.success());
        assert_eq!(words(&network.packets()), [""; 0]);
    });
}

fn in_network(test: impl FnOnce(&mut Network, Device)) {
    // Built before, not within.
    program("pocketd");
    match Network::enter() {
        Some(mut network) => test(&mut network, Device::new()),
        None => println!("{SKIPPED}"),
    }
}

#[test]
fn offline_no_command_lets_a_packet_out() {
    silently(|device, hostile| commands::work_through(device, path_text(hostile)));
}

#[test]
fn offline_no_page_lets_a_packet_out() {
    silently(page::work_through);
}

#[test]
fn offline_no_tool_lets_a_packet_out() {
    silently(|device, _| {
        device.set_up();
        tools::work_through(device);
    });
}

#[test]
fn offline_no_stranger_gets_a_packet_out() {
    silently(|device, _| {
        device.set_up();
        let ui = device.ui.trim_start_matches("http://");
        for (door, path) in [(ui, "/unlock"), (&tools::address(device), "/mcp")] {
            strangers(door, path);
        }
    });
}

/// What other programs and pages send to a door to be let out by it: each is refused.
fn strangers(door: &str, path: &str) {
    let own = format!("Host: {door}\r\n");
    for (line, headers) in [
        // A name that was made to mean this machine.
        (format!("GET {path}"), "Host: evil.example\r\n".to_owned()),
        (
            format!("POST {path}"),
            "Host: evil.example\r\nContent-Length: 0\r\n".to_owned(),
        ),
        (format!("GET {path}"), format!("{own}Host: evil.example\r\n")),
        (
            format!("GET {path}"),
            format!("{own}Origin: http://evil.example\r\n"),
        ),
        // A proxy is asked so.
        ("GET http://far.example/".to_owned(), own.clone()),
        (
            "GET http://far.example/".to_owned(),
            "Host: far.example\r\n".to_owned(),
        ),
        (
            "POST https://far.example/v1".to_owned(),
            format!("{own}Content-Length: 0\r\n"),
        ),
        (
            "CONNECT far.example:443".to_owned(),
            "Host: far.example:443\r\n".to_owned(),
        ),
        ("CONNECT far.example:443".to_owned(), own.clone()),
        ("TRACE /".to_owned(), format!("{own}Max-Forwards: 3\r\n")),
        ("OPTIONS *".to_owned(), own.clone()),
        ("GET //far.example/".to_owned(), own.clone()),
        ("GET /../../far.example".to_owned(), own.clone()),
    ] {
        let request = format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let answer = http::exchange(door, request.as_bytes());
        let refused = answer.is_none_or(|answer| answer.status >= 400);
        assert!(refused, "{request}");
    }
    // What a proxy in front would say is not listened to.
    for header in [
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-For: 203.0.113.1",
        "Forwarded: host=evil.example",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\n{own}{header}\r\nConnection: close\r\n\r\n");
        let answer = http::exchange(door, request.as_bytes()).expect("an answer");
        assert!(
            !format!("{}{}", answer.head, answer.body).contains("evil.example"),
            "{request}"
        );
    }
}

#[test]
fn offline_no_document_lures_the_browser_out() {
    in_network(|network, device| {
        device.set_up();
        device.ctl(&["import", path_text(&hostile(&device.place))]).one();
        let browser = Browser::open(1280, 800);
        let go = |path: &str| browser.go(&format!("{}{path}", device.ui));
        go("/unlock");
        browser.fill("[name=passphrase]", PASSPHRASE);
        browser.press("main button[type=submit]");
        for category in [
            "notes",
            "contacts",
            "tasks",
            "documents",
            "conversations",
            "memory",
        ] {
            for entry in device.list(category) {
                go(&format!("/records/{category}/{}", text(&entry["id"])));
            }
        }
        go("/search?q=far");
        assert_eq!(lured(&network.packets()), [""; 0]);
        // On a page that is not the device's, the browser does what it is told.
        browser.go("data:text/html,<img src='http://lured.example/'>");
        browser.until("the question where that is", || {
            let seen = lured(&network.packets());
            seen.iter().any(|packet| packet.ends_with("udp lured.example."))
        });
    });
}

#[test]
fn with_consent_exactly_the_granted_connection_leaves() {
    program("pocketd");
    let Some(mut network) = Network::enter() else {
        return println!("{SKIPPED}");
    };
    let listener = network.there(|| TcpListener::bind((network::THERE, 443)).unwrap());
    let (device, model, _) = started(Model::listening(listener, echo), Place::command);
    let denied = waiting(&device, &[]);
    device.ctl(&["consent", "deny", &text(&denied["id"])]).one();
    let question = waiting(&device, &[]);
    let (path, id) = (
        format!("/consent/{}", text(&question["id"])),
        text(&question["id"]),
    );
    let mut page = Page::new(&device.ui);
    page::log_in(&mut page, PASSPHRASE);
    let shown = page.get(&path).body;
    assert_eq!(words(&network.packets()), [""; 0], "nobody has said yes");

    let token = page.token(&path);
    let sha256 = text(&question["sha256"]);
    let yes = page::pairs(&format!("read=on&sha256={sha256}"), &token);
    assert_eq!(page.post(&format!("{path}/approve"), &yes).status, 303);
    let request = model.request();
    assert_eq!(String::from_utf8(request.body).unwrap(), shown_bytes(&shown));
    assert_eq!(header_names(&request.head), HEADERS);
    assert_eq!(ended(&device, &id)["state"], "answered");
    assert_eq!(page.post(&format!("{path}/approve"), &yes).status, 409);
    device.ctl(&["profile", "set", "OFFLINE_ONLY"]).one();
    device
        .ctl(&["ask", "--no-wait", "What now?"])
        .failed(1, "refused");
    let (_place, status) = device.stop();
    assert!(status.success() && model.is_unasked());
    is_one_connection(&network.packets());
}

/// What goes with the bytes that are shown, and nothing else.
const HEADERS: [&str; 7] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

fn header_names(head: &str) -> Vec<String> {
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let mut names: Vec<String> = headers.map(|(name, _)| name.to_lowercase()).collect();
    names.sort();
    names
}

/// The bytes that the consent page says will leave, as a browser shows them.
fn shown_bytes(page: &str) -> String {
    let (_, rest) = page
        .split_once("<pre class=\"bytes\">")
        .expect("the bytes are shown");
    let (escaped, _) = rest.split_once("</pre>").unwrap();
    let mut shown = escaped.to_owned();
    for (reference, letter) in [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
    ] {
        shown = shown.replace(reference, letter);
    }
    shown
}

/// Every packet belongs to one connection, which the device opened to where the grant said.
fn is_one_connection(packets: &[Packet]) {
    let opened = packets.iter().find_map(|packet| match packet.kind {
        Kind::Tcp(from, to, true) if packet.leaves => Some((from, to)),
        _ => None,
    });
    let (own, far) = opened.expect("a connection was opened");
    assert_eq!(
        (own.ip(), far),
        (network::HERE.into(), (network::THERE, 443).into())
    );
    let is_its = |packet: &Packet| match packet.kind {
        Kind::Tcp(from, to, _) if packet.leaves => (from, to) == (own, far),
        Kind::Tcp(from, to, false) => (from, to) == (far, own),
        _ => false,
    };
    assert!(packets.iter().all(is_its), "{:#?}", words(packets));
    let opens = packets
        .iter()
        .filter(|packet| matches!(packet.kind, Kind::Tcp(_, _, true)));
    assert_eq!(opens.count(), 1, "{:#?}", words(packets));
}
