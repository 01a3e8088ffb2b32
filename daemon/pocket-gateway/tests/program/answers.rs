//! What servers do with a request that may leave.

use pocket_core::{CallFailure as F, Method, PlaceStep, Terms};
use sha2::{Digest, Sha256};

use crate::gateway::{BODY, HOST, Running, terms};
use crate::server::{Act, Authority, Flaw, Server, ok};

struct Met {
    gateway: Running,
    server: Server,
}

fn meet(act: Act) -> Met {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(Flaw::None), act);
    Met {
        gateway: Running::start(&authority, server.address),
        server,
    }
}

#[test]
fn what_was_granted_arrives_to_the_byte_and_the_answer_comes_back() {
    let met = meet(ok("{\"answer\":\"canary-answer\"}"));
    let told = met.gateway.call(&terms());
    assert_eq!(told.failure(), None);
    assert_eq!(told.address, Some(met.server.address));
    assert_eq!(told.head, Some((200, Some("application/json".to_owned()))));
    assert_eq!(told.answer, b"{\"answer\":\"canary-answer\"}");
    let expected = format!(
        "POST /v1/canary-path?x=1 HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: PocketAI\r\naccept-encoding: identity\r\n\
         connection: close\r\nauthorization: Bearer canary-key\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{}",
        BODY.len(),
        str::from_utf8(BODY).unwrap()
    );
    assert_eq!(met.server.request(), expected);
    let (sent, received) = told.traffic();
    assert!(
        sent > u64::try_from(expected.len()).unwrap() && received > 26,
        "{sent} {received}"
    );
    let log = met.gateway.log();
    assert!(
        log.contains("a call was made") && log.contains("abababab"),
        "{log}"
    );
    for word in ["canary", "question", HOST, "Bearer"] {
        assert!(!log.contains(word), "{log}");
    }
}

#[test]
fn a_body_of_many_pieces_arrives_whole() {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(Flaw::None), ok("{}"));
    let gateway = Running::start(&authority, server.address);
    let body = "x".repeat(300_000);
    let mut terms = terms();
    terms.body_length = 300_000;
    terms.body_sha256 = Sha256::digest(&body).into();
    let mut line = gateway.connect();
    line.ask(&terms, body.as_bytes());
    assert_eq!(line.hear().failure(), None);
    assert!(server.request().ends_with(&format!("\r\n\r\n{body}")));
}

#[test]
fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = Server::start(&Authority::new().issue(Flaw::None), ok("{}"));
    let location = elsewhere.address;
    let redirect = format!("HTTP/1.1 307 Go\r\nLocation: https://{location}/\r\nContent-Length: 0\r\n\r\n");
    let met = meet(Act::Answer(redirect.into_bytes()));
    let told = met.gateway.call(&terms());
    assert_eq!(told.leads_to, Some(format!("https://{location}/")));
    assert_eq!((told.failure(), told.head), (None, Some((307, None))));
    assert!(elsewhere.is_untouched());
    assert_eq!(met.server.connections(), 1);
}

#[test]
fn whole_answers_come_in_any_framing() {
    for (answer, body) in [
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "ok",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            "ab",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", "to the end"),
        ("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", ""),
    ] {
        let told = meet(Act::Answer(answer.into())).gateway.call(&terms());
        assert_eq!(told.failure(), None, "{answer}");
        assert_eq!(told.answer, body.as_bytes());
    }
}

#[test]
fn an_answer_that_is_not_whole_or_not_plain_is_a_failure_of_its_kind() {
    let endless = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n".to_vec();
    let header = format!("x: {}\r\n", "y".repeat(1000)).into_bytes();
    for (act, failure) in [
        (
            Act::BreakOff(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into()),
            F::AnswerTruncated,
        ),
        // Without a length, only the proper end of the encryption says that nothing was cut off.
        (
            Act::BreakOff(b"HTTP/1.1 200 OK\r\n\r\nabc".into()),
            F::AnswerTruncated,
        ),
        (
            Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into()),
            F::AnswerTruncated,
        ),
        (Act::Answer(Vec::new()), F::ConnectionLost),
        (Act::BreakOff(b"HTTP/1.1 2".into()), F::ConnectionLost),
        (
            Act::Answer(b"220 smtp.example ESMTP\r\n".into()),
            F::AnswerGarbled,
        ),
        (
            Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx".into()),
            F::AnswerEncoded,
        ),
        (
            Act::Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\nx".into()),
            F::AnswerTooLarge,
        ),
        (Act::Repeat(endless, vec![b'z'; 5000]), F::AnswerTooLarge),
        (
            Act::Repeat(b"HTTP/1.1 200 OK\r\n".into(), header),
            F::AnswerHeadTooLarge,
        ),
    ] {
        let met = meet(act);
        let told = met.gateway.call(&terms());
        assert_eq!(told.failure(), Some(failure));
        assert!(told.answer.len() <= 100_000);
        assert!(told.traffic().0 > 0, "the request had left");
        assert_eq!(met.server.connections(), 1, "it was tried again");
    }
}

#[test]
fn patience_ends_whatever_the_server_waits_for() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec();
    let drip = Act::Repeat(
        b"HTTP/1.1 103 Hints\r\n\r\n".into(),
        b"HTTP/1.1 103 Hints\r\n\r\n".into(),
    );
    for act in [
        Act::Silent,
        Act::Hold(Vec::new()),
        Act::Hold(b"HTTP/1.1 200 OK\r\nx".into()),
        Act::Hold(head),
        drip,
    ] {
        let met = meet(act);
        let mut terms = terms();
        terms.patience_millis = 400;
        let told = met.gateway.call(&terms);
        assert_eq!(told.failure(), Some(F::OutOfTime));
        met.server.left();
    }
}

#[test]
fn a_call_that_is_given_up_leaves_the_server_at_once() {
    let met = meet(Act::Hold(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into(),
    ));
    let mut line = met.gateway.connect();
    line.ask(&terms(), BODY);
    assert!(met.server.request().ends_with("}"));
    drop(line);
    met.server.left();
}

#[test]
fn nobody_there_is_said() {
    let authority = Authority::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = Running::start(&authority, free.local_addr().unwrap());
    drop(free);
    assert_eq!(gateway.call(&terms()).refusal(), Some(F::Unreachable));
}

/// Many pieces, more than the socket to the daemon holds.
const FILE: usize = 5_000_000;

fn fetch() -> Terms {
    Terms {
        method: Method::Get,
        path: "/release.raucb".to_owned(),
        body_sha256: Sha256::digest(b"").into(),
        body_length: 0,
        most_answer: 5_000_000,
        ..terms()
    }
}

#[test]
fn a_file_is_fetched_whole_and_nothing_is_sent_for_it_but_where_it_lies() {
    let file = "0123456789".repeat(FILE / 10);
    let met = meet(ok(&file));
    let mut line = met.gateway.connect();
    line.call_bare(&fetch());
    let told = line.hear();
    assert_eq!((told.failure(), told.length), (None, Some(5_000_000)));
    assert!(told.answer == file.as_bytes());
    assert_eq!(
        met.server.request(),
        format!(
            "GET /release.raucb HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: PocketAI\r\n\
             accept-encoding: identity\r\nconnection: close\r\n\r\n"
        )
    );
}

#[test]
fn a_fetch_with_a_body_never_leaves() {
    let met = meet(ok("{}"));
    let sends = Terms {
        body_sha256: terms().body_sha256,
        body_length: terms().body_length,
        ..fetch()
    };
    let told = met.gateway.call(&sends);
    assert_eq!(told.refusal(), Some(F::RequestInvalid));
    assert!(met.server.is_untouched());
}

/// Some pieces.
const KEPT: usize = 300_000;

fn keep(body: &str) -> Terms {
    Terms {
        method: Method::KeepWebdav,
        path: "/backups/one.age".to_owned(),
        body_sha256: Sha256::digest(body).into(),
        body_length: u64::try_from(body.len()).unwrap(),
        ..terms()
    }
}

fn nothing_there() -> Act {
    Act::Answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec())
}

#[test]
fn nothing_leaves_of_what_is_not_the_body_that_was_granted() {
    let body = "0123456789".repeat(KEPT / 10);
    let met = meet(nothing_there());
    let mut line = met.gateway.connect();
    line.call_keep(&keep(&body));
    line.body(body.replace('9', "8").as_bytes());
    assert_eq!(line.hear().refusal(), Some(F::BodyChanged));
    for path in ["one.age", "/backups/one.age?x", "/../one.age", "/a b"] {
        let mut line = met.gateway.connect();
        line.call_keep(&Terms {
            path: path.to_owned(),
            ..keep(&body)
        });
        line.body(body.as_bytes());
        assert_eq!(line.hear().refusal(), Some(F::RequestInvalid), "{path}");
    }
    assert!(met.server.is_untouched());
}

#[test]
fn a_body_that_is_changed_while_it_is_sent_never_comes_to_its_end() {
    let body = "0123456789".repeat(KEPT / 10);
    let met = meet(nothing_there());
    let mut line = met.gateway.connect();
    line.call_keep(&keep(&body));
    line.body(body.as_bytes());
    line.body(body.replace('9', "8").as_bytes());
    let told = line.hear();
    assert_eq!(told.failure(), Some(F::BodyChanged));
    assert_eq!(told.steps, [(PlaceStep::Look, 404), (PlaceStep::Remove, 404)]);
    assert!(
        met.server
            .request()
            .starts_with("HEAD /backups/one.age HTTP/1.1\r\n")
    );
    let put = met.server.request();
    assert!(put.starts_with("PUT /backups/one.age.part HTTP/1.1\r\n"), "{put}");
    assert!(put.contains(&format!("content-length: {KEPT}\r\n")));
    let (_, sent) = put.split_once("\r\n\r\n").unwrap();
    assert!(sent.len() < KEPT, "all of it came");
    assert!(
        met.server
            .request()
            .starts_with("DELETE /backups/one.age.part HTTP/1.1\r\n")
    );
}
