//! A release that is fetched. Who would carry the call is played by the test.

use pocket_core::{CallFailure, Fetch, FetchFault, Method, PressFor, Profile, WebAddress};
use pocket_grant::Report;
use sha2::{Digest, Sha256};

use super::*;
use crate::{ButtonReport, Call, Calls, Way};

const ADDRESS: &str = "https://releases.example.org:8443/new.raucb?signed=1";

struct Fetcher {
    system: System,
    calls: Calls,
}

impl Fetcher {
    fn new(profile: Profile) -> Self {
        let mut system = System::new();
        let calls = system.0.service.as_mut().unwrap().take_calls().unwrap();
        let fetcher = Self { system, calls };
        fetcher.open(profile);
        fetcher
    }

    fn open(&self, profile: Profile) {
        let minutes = Some(60);
        let set = Operation::ProfileSet { profile, minutes };
        self.system.0.ask(set).map(drop).unwrap();
    }

    fn ask(&self) -> Result<Answer, Failure> {
        let from = Box::new(ADDRESS.parse::<WebAddress>().unwrap());
        self.system
            .0
            .ask(Operation::UpdateFetch { from })
            .map(|reply| reply.answer)
    }

    fn next_call(&mut self) -> Option<Call> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                biased;
                call = self.calls.next() => call,
                () = async {} => None,
            }
        })
    }

    /// One under way.
    fn begun(&mut self) -> Call {
        assert_eq!(kind(self.ask()), None);
        self.next_call().unwrap()
    }

    fn report(&self, call: &Call, report: Report) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.system.0.handle().report(call.id, report))
    }

    fn button(&self, report: ButtonReport) -> Option<FailureKind> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        kind(runtime.block_on(self.system.0.handle().button(report)))
    }

    fn fetch(&self) -> Option<Fetch> {
        self.system.0.status().update.unwrap().fetch
    }

    fn fault(&self) -> FetchFault {
        self.fetch().unwrap().fault.unwrap()
    }

    /// Nothing came of it, and nothing of it is there.
    fn nothing_came(&self, call: &mut Call, fault: &FetchFault) {
        assert_eq!(self.fault(), *fault);
        assert!(is_given_up(call), "{fault:?}: it is still carried");
        assert_eq!(kind(self.report(call, piece(b"x"))), Some(FailureKind::NotFound));
        self.is_clean();
        assert!(self.system.logged(OperationKind::CallEnd) > 0, "{fault:?}");
    }

    fn is_clean(&self) {
        for name in ["offered", "incoming"] {
            assert!(!self.system.spool(name).exists(), "{name} takes room");
        }
        assert!(self.system.request().is_none());
    }
}

/// Whether whoever carries it is told to stop.
fn is_given_up(call: &mut Call) -> bool {
    use tokio::sync::oneshot::error::TryRecvError;
    matches!(call.given_up.try_recv(), Err(TryRecvError::Closed))
}

fn head(status: u16, length: Option<u64>, leads_to: Option<&str>) -> Report {
    Report::Head {
        status,
        media_type: None,
        length,
        leads_to: leads_to.map(str::to_owned),
    }
}

fn piece(bytes: &[u8]) -> Report {
    Report::Piece(bytes.to_vec())
}

const ENDED: Report = Report::Ended {
    sent: 120,
    received: 5000,
};

#[test]
fn what_the_owner_let_be_fetched_is_asked_for_once_and_looked_at_like_any_other() {
    let mut fetcher = Fetcher::new(Profile::CloudWithConsent);
    let mut call = fetcher.begun();
    assert!(fetcher.next_call().is_none());
    let Way::Out(grant) = &call.way else {
        panic!("it does not go out");
    };
    let terms = grant.terms();
    assert_eq!((terms.host.as_str(), terms.port), ("releases.example.org", 8443));
    assert_eq!(
        (terms.method, terms.path.as_str()),
        (Method::Get, "/new.raucb?signed=1")
    );
    assert_eq!(
        (terms.body_length, call.body.len(), call.headers.iter().count()),
        (0, 0, 0)
    );
    assert_eq!(terms.body_sha256.as_slice(), Sha256::digest(b"").as_slice());
    assert_eq!(terms.most_answer, Operation::MOST_DOCUMENT);
    fetcher.report(&call, head(200, Some(6), None)).unwrap();
    fetcher.report(&call, piece(b"bun")).unwrap();
    let fetch = fetcher.fetch().unwrap();
    assert_eq!(
        (fetch.from.to_string().as_str(), fetch.received, fetch.size),
        (ADDRESS, 3, Some(6))
    );
    assert_eq!(fetch.fault, None);
    assert!(!fetcher.system.spool("offered").exists() && !is_given_up(&mut call));
    // One at a time, whatever door it comes by.
    assert_eq!(kind(fetcher.ask()), Some(FailureKind::Conflict));
    assert_eq!(fetcher.system.chunk(0, b"another"), Some(FailureKind::Conflict));
    assert_eq!(fetcher.system.offer(), Some(FailureKind::Conflict));
    fetcher.report(&call, piece(b"dle")).unwrap();
    fetcher.report(&call, ENDED).unwrap();
    assert_eq!(fs::read(fetcher.system.spool("offered")).unwrap(), b"bundle");
    assert_eq!(fetcher.system.step(), UpdateStep::Looking);
    assert_eq!(fetcher.fetch(), None);
    assert_eq!(fetcher.system.request().as_deref(), Some("look\n"));
    for kind in [
        OperationKind::CallEnd,
        OperationKind::CallReceived,
        OperationKind::CallSent,
    ] {
        assert_eq!(fetcher.system.logged(kind), 1, "{kind:?}");
    }
    assert_eq!(
        fetcher.system.logged(OperationKind::UpdateFetch),
        2,
        "done, and refused"
    );
}

#[test]
fn nothing_is_fetched_where_nothing_may_leave() {
    let mut fetcher = Fetcher::new(Profile::OfflineOnly);
    for profile in [Profile::OfflineOnly, Profile::LocalNetwork] {
        fetcher.open(profile);
        assert_eq!(kind(fetcher.ask()), Some(FailureKind::Refused), "{profile}");
        assert!(fetcher.next_call().is_none() && fetcher.fetch().is_none());
    }
    assert_eq!(fetcher.system.logged(OperationKind::UpdateFetch), 2);
    let agent = Actor::Nobody(Door::Mcp);
    let from = Box::new(ADDRESS.parse::<WebAddress>().unwrap());
    fetcher.open(Profile::Custom);
    let request = Request::new(agent, Operation::UpdateFetch { from });
    assert_eq!(
        kind(fetcher.system.0.handle().call_blocking(request)),
        Some(FailureKind::Refused)
    );
    assert!(fetcher.next_call().is_none());
    fetcher.is_clean();
}

#[test]
fn an_answer_that_is_no_file_leaves_nothing() {
    let elsewhere: WebAddress = "https://b.example/x".parse().unwrap();
    let cases = [
        (
            head(302, None, Some("https://b.example/x")),
            FetchFault::Elsewhere(Some(elsewhere)),
        ),
        (
            head(308, Some(0), Some("http://b.example/x")),
            FetchFault::Elsewhere(None),
        ),
        (head(301, Some(0), None), FetchFault::Elsewhere(None)),
        (head(404, Some(9), None), FetchFault::Status(404)),
        (head(206, Some(9), None), FetchFault::Status(206)),
        (
            head(200, Some(Operation::MOST_DOCUMENT + 1), None),
            FetchFault::NotKept("the bundle is larger than 1 GiB".to_owned()),
        ),
        (
            Report::refused(CallFailure::CertificateName),
            FetchFault::Call(CallFailure::CertificateName),
        ),
    ];
    let mut fetcher = Fetcher::new(Profile::CloudWithConsent);
    for (report, fault) in cases {
        let mut call = fetcher.begun();
        fetcher.report(&call, report).unwrap();
        fetcher.nothing_came(&mut call, &fault);
    }
    // What came to nothing is in nobody's way.
    assert_eq!(fetcher.system.chunk(0, b"bundle"), None);
    assert_eq!((fetcher.system.offer(), fetcher.fetch()), (None, None));
}

#[test]
fn a_fetch_that_is_cut_off_leaves_nothing() {
    let mut fetcher = Fetcher::new(Profile::CloudWithConsent);
    let half = |fetcher: &mut Fetcher| {
        let call = fetcher.begun();
        fetcher.report(&call, head(200, Some(6), None)).unwrap();
        fetcher.report(&call, piece(b"bun")).unwrap();
        assert!(fetcher.system.spool("incoming").exists());
        call
    };
    let mut call = half(&mut fetcher);
    let reason = CallFailure::AnswerTruncated;
    let (sent, received) = (120, 99);
    fetcher
        .report(
            &call,
            Report::Failed {
                reason,
                sent,
                received,
            },
        )
        .unwrap();
    fetcher.nothing_came(&mut call, &FetchFault::Call(reason));

    let mut call = half(&mut fetcher);
    assert_eq!(kind(fetcher.system.0.ask(Operation::UpdateFetchStop)), None);
    fetcher.nothing_came(&mut call, &FetchFault::Stopped);
    assert_eq!(
        kind(fetcher.system.0.ask(Operation::UpdateFetchStop)),
        Some(FailureKind::NotFound)
    );

    let mut call = half(&mut fetcher);
    fetcher.open(Profile::OfflineOnly);
    fetcher.nothing_came(&mut call, &FetchFault::Call(CallFailure::Withdrawn));
    fetcher.open(Profile::CloudWithConsent);

    let mut call = half(&mut fetcher);
    let ends = fetcher.system.logged(OperationKind::CallEnd);
    fetcher
        .system
        .0
        .ask(Operation::Lock { all: false })
        .map(drop)
        .unwrap();
    assert!(is_given_up(&mut call));
    fetcher.is_clean();
    fetcher.system.0.unlock();
    assert_eq!(
        fetcher.system.logged(OperationKind::CallEnd),
        ends + 1,
        "cut off unseen"
    );
    assert_eq!(fetcher.fetch(), None);
}

#[test]
fn what_came_half_before_the_device_died_is_gone_when_it_is_opened() {
    let system = System::new();
    system.0.ask(Operation::Lock { all: false }).map(drop).unwrap();
    fs::write(system.spool("incoming"), "half").unwrap();
    system.0.unlock();
    assert!(!system.spool("incoming").exists());
}

#[test]
fn an_owner_who_wants_a_press_for_each_consent_is_asked_for_one() {
    let mut fetcher = Fetcher::new(Profile::CloudWithConsent);
    assert_eq!(fetcher.button(ButtonReport::Here), None);
    let waits = |answer| matches!(answer, Ok(Answer::PressNeeded { .. }));
    let need = PressFor::Every;
    let set = fetcher
        .system
        .0
        .ask_with(Operation::PressSet { need }, PASSPHRASE);
    assert!(waits(set.map(|reply| reply.answer)));
    assert_eq!(fetcher.button(ButtonReport::Pressed), None);
    assert!(waits(fetcher.ask()) && waits(fetcher.ask()));
    assert!(fetcher.next_call().is_none() && fetcher.fetch().is_none());
    assert_eq!(fetcher.button(ButtonReport::Pressed), None);
    assert!(fetcher.next_call().is_some() && fetcher.next_call().is_none());
}
