//! The daemon's end, with a gateway that it starts itself, and a grant that came the only way there is.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use pocket_core::audit::{Chain, Head, Outcome};
use pocket_core::{
    Actor, CallFailure as F, Decision, Door, Grant, Lease, Operation, Profile, Terms, Timestamp, decide,
};
use pocket_courier::{Gateway, Reports};
use pocket_grant::Report;
use tempfile::TempDir;

use crate::gateway::{BODY, HOST, headers, key, terms};
use crate::server::{Act, Authority, Flaw, Server, ok};

struct Met {
    server: Server,
    gateway: Gateway,
    _folder: TempDir,
}

fn meet(act: Act) -> Met {
    let authority = Authority::new();
    let server = Server::start(&authority.issue(Flaw::None), act);
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    let arguments: Vec<OsString> = vec![
        "--trust-ca".into(),
        ca.into(),
        format!("--resolve={HOST}:443={}", server.address).into(),
    ];
    let program = PathBuf::from(env!("CARGO_BIN_EXE_pocket-gateway"));
    let gateway = Gateway::child(program, folder.path().join("socket"), arguments, key());
    Met {
        server,
        gateway,
        _folder: folder,
    }
}

/// The owner approves, and it is recorded.
fn grant(terms: Terms) -> Grant {
    let now = Timestamp::from_millis(1_000_000);
    let owner = Actor::Owner {
        door: Door::Web,
        passphrase_shown: true,
    };
    let lease = Lease::new(Profile::CloudWithConsent, now, Lease::USUAL);
    let approve = Operation::ConsentApprove {
        id: terms.id,
        sha256: "00".repeat(32),
    };
    let Decision::Allow(permit) = decide(lease, &owner, &approve, now) else {
        panic!("not allowed")
    };
    let chain = Chain::new(Head::default(), |_: &[u8]| [0; 32]);
    let draft = chain.draft(permit, &[], Outcome::Done, now);
    let recorded = draft.recorded(|_, _| Ok::<_, ()>(())).unwrap();
    Grant::new(recorded, terms).unwrap()
}

async fn piece(reports: &mut Reports) {
    loop {
        match reports
            .next()
            .await
            .expect("it ended before a piece of the answer")
        {
            Report::Piece(_) => return,
            Report::Step { .. } => panic!("nothing is kept"),
            Report::Failed { reason, .. } => panic!("{reason}"),
            Report::Connected { .. } | Report::Ended { .. } | Report::Head { .. } => {}
        }
    }
}

async fn end(mut reports: Reports) -> (Vec<u8>, Option<F>, u64) {
    let mut answer = Vec::new();
    while let Some(report) = reports.next().await {
        match report {
            Report::Piece(piece) => answer.extend(piece),
            Report::Ended { sent, .. } => return (answer, None, sent),
            Report::Step { .. } => panic!("nothing is kept"),
            Report::Failed { reason, sent, .. } => return (answer, Some(reason), sent),
            Report::Connected { .. } | Report::Head { .. } => {}
        }
    }
    panic!("nothing was told of its end")
}

#[tokio::test]
async fn a_granted_call_goes_out_and_its_answer_comes_back() {
    let met = meet(ok("{\"a\":1}"));
    met.gateway.set_wanted(true);
    let (answer, failure, sent) = end(met.gateway.send(grant(terms()), &headers(), BODY.to_vec())).await;
    assert_eq!((answer.as_slice(), failure), (&b"{\"a\":1}"[..], None));
    assert!(sent > u64::try_from(BODY.len()).unwrap());
    assert!(met.server.request().ends_with("canary-body\"}"));
}

#[tokio::test]
async fn nothing_goes_out_while_nothing_may() {
    let met = meet(ok("{}"));
    let refused = end(met.gateway.send(grant(terms()), &headers(), BODY.to_vec())).await;
    assert_eq!(refused, (Vec::new(), Some(F::Withdrawn), 0));
    met.gateway.set_wanted(true);
    met.gateway.set_wanted(false);
    let refused = end(met.gateway.send(grant(terms()), &headers(), BODY.to_vec())).await;
    assert_eq!(refused, (Vec::new(), Some(F::Withdrawn), 0));
    assert!(met.server.is_untouched());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_ends_when_nothing_may_leave_any_more_and_when_nobody_listens() {
    let met = meet(Act::Hold(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".into(),
    ));
    met.gateway.set_wanted(true);
    let mut reports = met.gateway.send(grant(terms()), &headers(), BODY.to_vec());
    piece(&mut reports).await;
    met.gateway.set_wanted(false);
    let (_, failure, sent) = end(reports).await;
    assert_eq!(failure, Some(F::Withdrawn));
    assert_eq!(
        sent,
        u64::try_from(BODY.len()).unwrap(),
        "all of it may have left"
    );
    met.server.left();
    met.gateway.set_wanted(true);
    let mut reports = met.gateway.send(grant(terms()), &headers(), BODY.to_vec());
    piece(&mut reports).await;
    drop(reports);
    met.server.left();
    let mut reports = met.gateway.send(grant(terms()), &headers(), BODY.to_vec());
    piece(&mut reports).await;
    drop(met.gateway);
    assert_eq!(end(reports).await.1, Some(F::Withdrawn));
    met.server.left();
}

#[tokio::test]
async fn a_gateway_refuses_what_was_changed_and_says_why() {
    let met = meet(ok("{}"));
    met.gateway.set_wanted(true);
    let changed = end(met.gateway.send(grant(terms()), &headers(), b"other".to_vec())).await;
    // Another length is not even handed over.
    assert_eq!(changed.1, Some(F::BodyChanged));
    let same_length = vec![b'x'; BODY.len()];
    let changed = end(met.gateway.send(grant(terms()), &headers(), same_length)).await;
    assert_eq!(changed, (Vec::new(), Some(F::BodyChanged), 0));
    assert!(met.server.is_untouched());
}

#[tokio::test]
async fn a_service_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let gateway = Gateway::service(folder.path().join("socket"), None, key());
    gateway.set_wanted(true);
    let absent = end(gateway.send(grant(terms()), &headers(), BODY.to_vec())).await;
    assert_eq!(absent, (Vec::new(), Some(F::GatewayAbsent), 0));
}

#[tokio::test]
async fn a_gateway_that_goes_silent_in_the_middle_has_broken_down() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let gateway = Gateway::service(socket, None, key());
    gateway.set_wanted(true);
    let broke = end(gateway.send(grant(terms()), &headers(), BODY.to_vec())).await;
    assert_eq!(broke, (Vec::new(), Some(F::GatewayBroke), 0));
}
