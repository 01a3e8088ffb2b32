//! What a server answers survives any bytes: to a call or the fetching of an update, and to what keeps a backup
//! elsewhere. What is passed on stays within its limits.
#![no_main]
use std::time::Duration;

use pocket_core::Method;
use pocket_grant::{Headers, MAX_PIECE, Report};
use pocket_post::{Limits, Request, exchange};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::Builder;
use tokio::sync::mpsc;

const MOST: u64 = 1000;
const LIMITS: Limits = Limits {
    first_byte: Duration::from_secs(5),
    between: Duration::from_secs(5),
    most_answer: MOST,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let runtime = Builder::new_current_thread().enable_time().build();
    runtime.expect("a fuzzer may have a runtime").block_on(async {
        post(bytes).await;
        pocket_gateway::hear_place(bytes).await;
    });
});

async fn post(bytes: &[u8]) {
    let (ours, mut theirs) = duplex(64 * 1024);
    let answer = async {
        theirs.read_u8().await.ok()?;
        theirs.write_all(bytes).await.ok()?;
        theirs.shutdown().await.ok()
    };
    let to = ("api.example.org", "/a");
    let request = Request::new(Method::Get, to, &Headers::default(), Vec::new());
    let Ok(request) = request else { unreachable!("it is sound") };
    let (reports, mut told) = mpsc::channel(4);
    let asked = async move { exchange(ours, request, LIMITS, &reports).await };
    let listen = async {
        let mut received = 0;
        while let Some(report) = told.recv().await {
            match report {
                Report::Head { media_type, leads_to, .. } => {
                    let texts = media_type.iter().chain(&leads_to);
                    assert!(texts.into_iter().all(|text| text.len() <= 2048 && !text.contains(['\r', '\n'])));
                }
                Report::Piece(piece) => {
                    assert!(piece.len() <= MAX_PIECE);
                    received += u64::try_from(piece.len()).expect("it is short");
                }
                _ => unreachable!("an exchange tells nothing else"),
            }
        }
        assert!(received <= MOST);
    };
    let (_, _, ()) = tokio::join!(answer, asked, listen);
}
