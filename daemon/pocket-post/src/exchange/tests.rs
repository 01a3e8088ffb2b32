use pocket_core::{Method, WebAddress};
use pocket_crypto::SecretBytes;
use pocket_grant::Headers;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use super::*;
use crate::{Metered, Traffic};

const LIMITS: Limits = Limits {
    first_byte: Duration::from_secs(10),
    between: Duration::from_secs(20),
    most_answer: 1000,
};

fn request() -> Request {
    let mut headers = Headers::default();
    headers.push("Authorization", SecretBytes::new(b"Bearer k".to_vec()));
    let to = ("api.example.org", "/v1/chat?x=1");
    Request::new(Method::Post, to, &headers, b"{\"a\":1}".to_vec())
        .ok()
        .unwrap()
}

/// What came of an exchange: the status and media type, the body, and how it ended.
struct Seen {
    head: Option<(u16, Option<String>)>,
    length: Option<u64>,
    leads_to: Option<String>,
    body: Vec<u8>,
    end: Result<(), CallFailure>,
}

/// A server that reads the whole request, and then says `answer` in pieces, and closes.
async fn server(mut stream: DuplexStream, answer: Vec<u8>) -> Vec<u8> {
    let mut heard = vec![0; 4096];
    let mut length = 0;
    while !heard[..length].ends_with(b"{\"a\":1}") {
        length += stream.read(&mut heard[length..]).await.unwrap();
    }
    heard.truncate(length);
    for piece in answer.chunks(700) {
        if stream.write_all(piece).await.is_err() {
            break;
        }
    }
    heard
}

async fn answered(answer: &[u8]) -> (Seen, String) {
    let (ours, theirs) = duplex(4096);
    let server = tokio::spawn(server(theirs, answer.to_vec()));
    let seen = gather(ours).await;
    (seen, String::from_utf8(server.await.unwrap()).unwrap())
}

async fn gather(stream: DuplexStream) -> Seen {
    let (reports, mut told) = mpsc::channel(4);
    let posting = tokio::spawn(async move { exchange(stream, request(), LIMITS, &reports).await });
    let mut seen = Seen {
        head: None,
        length: None,
        leads_to: None,
        body: Vec::new(),
        end: Ok(()),
    };
    while let Some(report) = told.recv().await {
        match report {
            Report::Head {
                status,
                media_type,
                length,
                leads_to,
            } => {
                (seen.length, seen.leads_to) = (length, leads_to);
                seen.head = Some((status, media_type));
            }
            Report::Piece(piece) => seen.body.extend(piece),
            Report::Connected { .. } | Report::Step { .. } | Report::Ended { .. } | Report::Failed { .. } => {
                panic!("not said here")
            }
        }
    }
    seen.end = posting.await.unwrap();
    seen
}

#[tokio::test]
async fn the_request_is_this_to_the_byte() {
    let (seen, heard) =
        answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: a/b\r\n\r\nok").await;
    assert_eq!(
        heard,
        "POST /v1/chat?x=1 HTTP/1.1\r\nhost: api.example.org\r\nuser-agent: PocketAI\r\n\
         accept-encoding: identity\r\nconnection: close\r\nauthorization: Bearer k\r\n\
         content-length: 7\r\n\r\n{\"a\":1}"
    );
    assert_eq!(seen.head, Some((200, Some("a/b".to_owned()))));
    assert_eq!((seen.body.as_slice(), seen.end), (&b"ok"[..], Ok(())));
}

#[tokio::test]
async fn whole_answers_are_taken_in_every_framing() {
    for (answer, status, body) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            200,
            "abcde",
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
            200,
            "until the end",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx",
            201,
            "x",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n",
            302,
            "",
        ),
        (
            "HTTP/1.1 500 No\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nno",
            500,
            "no",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n",
            200,
            "a",
        ),
    ] {
        let (seen, _) = answered(answer.as_bytes()).await;
        assert_eq!(seen.end, Ok(()), "{answer}");
        assert_eq!(
            (seen.head.unwrap().0, seen.body.as_slice()),
            (status, body.as_bytes()),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn what_is_no_whole_plain_answer_is_a_failure_of_its_kind() {
    use CallFailure as F;
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 * MOST_HEAD));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(MOST_HEADERS + 1));
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "z".repeat(1001));
    for (answer, failure) in [
        ("", F::ConnectionLost),
        ("HTTP/1.1 200", F::ConnectionLost),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", F::AnswerGarbled),
        ("\0\0\0\0\0\0\0\0\r\n\r\n", F::AnswerGarbled),
        ("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", F::AnswerGarbled),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
            F::AnswerGarbled,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
            F::AnswerGarbled,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            F::AnswerGarbled,
        ),
        (&long, F::AnswerHeadTooLarge),
        (&many, F::AnswerHeadTooLarge),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
            F::AnswerTruncated,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            F::AnswerTruncated,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            F::AnswerTruncated,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
            F::AnswerTooLarge,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000\r\n\r\n",
            F::AnswerTooLarge,
        ),
        (&endless, F::AnswerTooLarge),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
            F::AnswerEncoded,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            F::AnswerEncoded,
        ),
    ] {
        let (seen, _) = answered(answer.as_bytes()).await;
        let start = answer.get(..60).unwrap_or(answer);
        assert_eq!(seen.end, Err(failure), "{start:?}");
        assert!(seen.body.len() <= 1000);
    }
}

#[tokio::test]
async fn odd_media_types_are_left_out() {
    let long = "x".repeat(MOST_MEDIA_TYPE + 1);
    for (said, passed) in [
        ("text/event-stream; charset=utf-8", true),
        ("", false),
        ("a\tb", false),
        ("\u{e4}", false),
        (long.as_str(), false),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: {said}\r\nContent-Length: 0\r\n\r\n");
        let (seen, _) = answered(answer.as_bytes()).await;
        let expected = passed.then(|| said.to_owned());
        assert_eq!(seen.head, Some((200, expected)), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_left() {
    let (ours, theirs) = duplex(4096);
    let seen = gather(ours).await;
    assert_eq!(seen.end, Err(CallFailure::OutOfTime));
    drop(theirs);
}

#[tokio::test]
async fn who_no_longer_listens_ends_it() {
    let (ours, theirs) = duplex(4096);
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let server = tokio::spawn(server(theirs, answer));
    let (reports, told) = mpsc::channel(1);
    drop(told);
    let end = exchange(ours, request(), LIMITS, &reports).await;
    assert_eq!(end, Err(CallFailure::Withdrawn));
    drop(server.await.unwrap());
}

#[tokio::test]
async fn every_byte_is_counted_both_ways() {
    let (ours, mut theirs) = duplex(16);
    let traffic = Traffic::default();
    let mut ours = Metered::new(ours, traffic.clone());
    let other = tokio::spawn(async move {
        let mut heard = [0; 40];
        theirs.read_exact(&mut heard).await.unwrap();
        theirs.write_all(&[1; 25]).await.unwrap();
    });
    ours.write_all(&[2; 40]).await.unwrap();
    let mut all = Vec::new();
    ours.read_to_end(&mut all).await.unwrap();
    other.await.unwrap();
    assert_eq!((traffic.sent(), traffic.received()), (40, 25));
}

#[tokio::test]
async fn a_file_is_asked_for_with_the_very_lines_that_the_owner_was_shown() {
    let address: WebAddress = "https://a.example:8443/x?y".parse().unwrap();
    let (ours, mut theirs) = duplex(4096);
    let to = ("a.example:8443", address.path());
    let request = Request::new(Method::Get, to, &Headers::default(), Vec::new());
    let (reports, _told) = mpsc::channel(4);
    let asked = tokio::spawn(async move { exchange(ours, request?, LIMITS, &reports).await });
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\n") {
        theirs.read_buf(&mut heard).await.unwrap();
    }
    theirs
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(asked.await.unwrap(), Ok(()));
    let shown = address.request().replace('\n', "\r\n");
    assert_eq!(String::from_utf8(heard).unwrap(), format!("{shown}\r\n"));
}

#[tokio::test]
async fn how_long_an_answer_is_and_where_it_leads_is_told() {
    let (seen, _) = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nLocation: /here\r\n\r\nok").await;
    assert_eq!((seen.length, seen.leads_to), (Some(2), None));
    let (seen, _) = answered(b"HTTP/1.1 302 Go\r\nLocation: https://b.example/\r\n\r\n").await;
    assert_eq!(
        (seen.length, seen.leads_to.as_deref()),
        (None, Some("https://b.example/"))
    );
    let long = format!(
        "HTTP/1.1 302 Go\r\nContent-Length: 0\r\nLocation: /{}\r\n\r\n",
        "x".repeat(2048)
    );
    for answer in [
        &long,
        "HTTP/1.1 302 Go\r\nContent-Length: 0\r\nLocation: /\u{e4}\r\n\r\n",
    ] {
        let (seen, _) = answered(answer.as_bytes()).await;
        assert_eq!((seen.head, seen.leads_to), (Some((302, None)), None), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_is_given_up() {
    let (ours, theirs) = duplex(4096);
    let stalls = tokio::spawn(async move {
        let mut theirs = theirs;
        let mut heard = Vec::new();
        while !heard.ends_with(b"{\"a\":1}") {
            theirs.read_buf(&mut heard).await.unwrap();
        }
        let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";
        theirs.write_all(half).await.unwrap();
        std::future::pending::<()>().await;
        drop(theirs);
    });
    let seen = gather(ours).await;
    assert_eq!(
        (seen.body.as_slice(), seen.end),
        (&b"half"[..], Err(CallFailure::OutOfTime))
    );
    stalls.abort();
}
