//! Updates that the device fetches, by the real gateway, over TLS.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;
use crate::model::{HOST, tls};

/// Whole answers by path, head included.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl Answers {
    fn put(&self, path: &str, head: &str, body: &[u8]) -> String {
        let answer = [format!("HTTP/1.1 {head}\r\n\r\n").as_bytes(), body].concat();
        self.0.lock().unwrap().insert(path.to_owned(), answer);
        format!("https://{HOST}{path}")
    }

    fn file(&self, path: &str, body: &[u8]) -> String {
        self.put(path, &format!("200 OK\r\nContent-Length: {}", body.len()), body)
    }
}

/// A path under which the line stays open behind what is there of the answer.
const STALLS: &str = "/stalls.raucb";

/// Where releases are published.
struct Publisher {
    answers: Answers,
    requests: Receiver<String>,
}

fn publisher() -> (Publisher, SocketAddr, String) {
    let (config, authority) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answers = Answers::default();
    let (sender, requests) = channel();
    let published = answers.clone();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            open.extend(publish(stream.unwrap(), &config, &published, &sender));
        }
    });
    (Publisher { answers, requests }, address, authority)
}

type Line = StreamOwned<ServerConnection, TcpStream>;

/// Answers one request. Gives a line that is to stay open.
fn publish(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    answers: &Answers,
    requests: &Sender<String>,
) -> Option<Line> {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let path = request.split(' ').nth(1).unwrap().to_owned();
    requests.send(request).unwrap();
    let answer = answers.0.lock().unwrap().get(&path).cloned().unwrap();
    let mut line = reader.into_inner();
    // Whoever went away has its reasons.
    line.write_all(&answer).unwrap_or_default();
    line.flush().unwrap_or_default();
    if path == STALLS {
        return Some(line);
    }
    line.conn.send_close_notify();
    line.flush().unwrap_or_default();
    None
}

impl Publisher {
    fn is_unasked(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

impl System {
    /// One that finds the publisher, and trusts whoever vouches for it.
    fn with_publisher() -> Option<(Self, Publisher)> {
        let (publisher, address, authority) = publisher();
        let system = Self::with(|place| {
            let trusted = place.path("authority.pem");
            fs::write(&trusted, authority).unwrap();
            let trusted = path_text(&trusted);
            format!("[gateway]\ntrust_ca = [{trusted:?}]\nresolve = [\"{HOST}:443={address}\"]\n")
        })?;
        Some((system, publisher))
    }

    fn fetch(&self, url: &str) -> Done {
        self.brings(&["update", "fetch", url, "--yes"])
    }

    fn opens(&self) {
        self.device.ctl(&["profile", "set", "CLOUD_WITH_CONSENT"]).one();
    }

    /// Nothing of what was fetched is there.
    fn is_clean(&self) {
        assert!(!self.spool("incoming").exists() && !self.spool("request").exists());
        self.is_untouched();
    }
}

#[test]
fn a_release_is_fetched_with_consent_then_shown_and_installed_like_any_other() {
    let Some((system, publisher)) = System::with_publisher() else {
        return println!("{SKIPPED}");
    };
    let bundle = fs::read(system.bundle("2.10", "release")).unwrap();
    let url = publisher.answers.file("/new.raucb?signed=1", &bundle);
    let said = system.fetch(&url).failed(1, "refused");
    assert!(said.contains("OFFLINE_ONLY"), "{said}");
    assert!(publisher.is_unasked());
    system.opens();
    // Nobody at a terminal says yes, and nobody said so ahead.
    system.device.ctl(&["update", "fetch", &url]).failed(2, "usage");
    assert!(publisher.is_unasked());
    let offered = &system.fetch(&url).one()["step"]["offered"];
    assert_eq!(
        (&offered["release"], &offered["age"]),
        (&"2.10".into(), &"newer".into())
    );
    assert_eq!(
        publisher.requests.try_recv().unwrap(),
        format!(
            "GET /new.raucb?signed=1 HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: PocketAI\r\n\
             accept-encoding: identity\r\nconnection: close\r\n\r\n"
        )
    );
    assert!(publisher.is_unasked(), "it asked twice");
    assert!(!system.data("slot-b").exists());
    system.install(&[]).one();
    assert!(system.act().status.success());
    assert!(fs::read(system.data("slot-b")).unwrap() == bundle);
    system.device.ctl(&["audit", "verify"]).one();
}

#[test]
fn whatever_else_a_server_gives_leaves_nothing_behind() {
    let Some((system, publisher)) = System::with_publisher() else {
        return println!("{SKIPPED}");
    };
    system.opens();
    let good = fs::read(system.bundle("3.0", "release")).unwrap();
    let foreign = fs::read(system.bundle("3.0", "stranger")).unwrap();
    for other in [&foreign[..], b"#!/bin/sh\nreboot\n"] {
        let said = system
            .fetch(&publisher.answers.file("/other.raucb", other))
            .failed(1, "refused");
        assert!(said.contains("not signed"), "{said}");
        system.is_clean();
    }
    let whole = format!("200 OK\r\nContent-Length: {}", good.len());
    let elsewhere = format!("302 Found\r\nLocation: https://{HOST}/there.raucb\r\nContent-Length: 0");
    publisher.answers.file("/there.raucb", &good);
    while publisher.requests.try_recv().is_ok() {}
    for (head, body, says) in [
        (whole.as_str(), &good[..good.len() - 1], "cut off"),
        (&elsewhere, b"", "leads to https://models.example/there.raucb"),
        ("404 Not Found\r\nContent-Length: 2", b"no", "404"),
        (
            "200 OK\r\nContent-Length: 1073741825",
            b"",
            "larger than was allowed",
        ),
    ] {
        let url = publisher.answers.put("/bad.raucb", head, body);
        let said = system.fetch(&url).failed(1, "unavailable");
        assert!(said.contains(says), "{head}: {said}");
        system.is_clean();
        assert!(
            publisher.requests.try_recv().is_ok() && publisher.is_unasked(),
            "{head}"
        );
    }
}

#[test]
fn a_fetch_ends_when_the_owner_stops_it_or_lets_nothing_out_any_more() {
    let Some((system, publisher)) = System::with_publisher() else {
        return println!("{SKIPPED}");
    };
    let half = vec![7; 100_000];
    let url = publisher
        .answers
        .put(STALLS, "200 OK\r\nContent-Length: 200000", &half);
    let ends: [(&[&str], &str); 2] = [
        (&["update", "stop"], "you stopped it"),
        (&["profile", "set", "OFFLINE_ONLY"], "the profile was changed"),
    ];
    for (end, says) in ends {
        system.opens();
        thread::scope(|scope| {
            let place = &system.device.place;
            let fetched = scope.spawn(|| place.ctl(&["update", "fetch", &url, "--yes"]));
            loop {
                let fetch = system.shows()["fetch"].take();
                if fetch["received"] == half.len() && fetch["fault"].is_null() {
                    break;
                }
                assert!(!fetched.is_finished(), "it did not wait");
            }
            assert!(system.spool("incoming").exists());
            system.device.ctl(end).one();
            let said = fetched.join().unwrap().failed(1, "unavailable");
            assert!(said.contains(says), "{said}");
        });
        system.is_clean();
    }
}
