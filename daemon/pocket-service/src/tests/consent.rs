//! Nothing leaves unless the owner saw it.

use pocket_core::{
    Agent, Ask, Asked, CallFailure, Consent, ConsentDetail, ConsentState, Contact, Labelled, OperationKind,
    OutboxState, Profile, StandingConsent, Timestamp, audit,
};
use pocket_grant::Report;
use sha2::{Digest, Sha256};

use super::time::{Clocks, MINUTE};
use super::*;
use crate::{Call, Calls, Way};

const KEY: &str = "sk-test-0123456789abcdef";
const QUESTION: &str =
    "What shall I give Annegret Moosbichler for her birthday? Write to annegret@example.org.";

/// A device with someone in its contacts, a provider with a key, and an open profile.
struct Desk {
    device: Device,
    calls: Calls,
}

impl Desk {
    fn new(profile: Profile) -> Self {
        let mut device = Device::new();
        let calls = device.service.as_mut().unwrap().take_calls().unwrap();
        let desk = Self { device, calls };
        desk.device.add(Record::Contact(Contact {
            name: "Annegret Moosbichler".to_owned(),
            emails: vec![Labelled {
                label: String::new(),
                value: "annegret@example.org".to_owned(),
            }],
            ..Contact::default()
        }));
        let key = Operation::SecretSet {
            name: "key".to_owned(),
            note: String::new(),
        };
        let key = Request::new(owner(), key).with_payload(secret(KEY));
        desk.device.handle().call_blocking(key).map(drop).unwrap();
        desk.provider(Provider {
            secret: Some("key".to_owned()),
            ..provider("https://api.example.com/v1")
        });
        desk.open(profile);
        desk
    }

    fn provider(&self, provider: Provider) {
        let add = Operation::ProviderAdd(Box::new(provider));
        self.device.ask(add).map(drop).unwrap();
    }

    fn open(&self, profile: Profile) {
        let minutes = Some(60);
        let set = Operation::ProfileSet { profile, minutes };
        self.device.ask(set).map(drop).unwrap();
    }

    fn call(&self, actor: Actor, operation: Operation) -> Result<Answer, Failure> {
        let reply = self.device.handle().call_blocking(Request::new(actor, operation));
        reply.map(|reply| reply.answer)
    }

    fn ask_as(&self, actor: Actor, ask: Ask, text: &str) -> Result<Asked, Failure> {
        let request = Request::new(actor, Operation::Ask(Box::new(ask))).with_payload(secret(text));
        match self.device.handle().call_blocking(request)?.answer {
            Answer::Asked(asked) => Ok(*asked),
            _ => panic!("another answer"),
        }
    }

    fn ask(&self, text: &str) -> Result<Consent, Failure> {
        self.ask_as(owner(), Ask::default(), text)
            .map(|asked| asked.question)
    }

    fn approve(&self, consent: &Consent) -> Result<Answer, Failure> {
        let (id, sha256) = (consent.id, consent.sha256.clone());
        self.call(owner(), Operation::ConsentApprove { id, sha256 })
    }

    fn deny(&self, consent: &Consent) -> Result<Answer, Failure> {
        self.call(owner(), Operation::ConsentDeny { id: consent.id })
    }

    fn show(&self, id: RecordId) -> (ConsentDetail, Vec<u8>) {
        let reply = self
            .device
            .ask(Operation::ConsentShow { id, picture: None })
            .map_err(|f| f.message)
            .unwrap();
        let Answer::Consent(detail) = reply.answer else {
            panic!("another answer");
        };
        (*detail, reply.payload.unwrap().expose_bytes().to_vec())
    }

    fn status(&self, id: RecordId) -> Asked {
        match self.call(owner(), Operation::ConsentStatus { id, from: 0 }) {
            Ok(Answer::Asked(asked)) => *asked,
            _ => panic!("no status"),
        }
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

    fn report(&self, id: RecordId, report: Report) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.device.handle().report(id, report))
    }

    fn agent(&self, name: &str, scopes: &str) -> Actor {
        let name = name.parse().unwrap();
        let scopes: pocket_core::Scopes = scopes.parse().unwrap();
        let add = Operation::AgentAdd {
            name,
            scopes: scopes.clone(),
        };
        match self.call(owner(), add) {
            Ok(Answer::Agent(agent)) => Actor::Agent(Agent { id: agent.id, scopes }),
            _ => panic!("no agent"),
        }
    }

    fn restart(&mut self) {
        self.device.restart();
        self.calls = self.device.service.as_mut().unwrap().take_calls().unwrap();
        self.device.unlock();
    }

    fn log(&self) -> Vec<audit::Event> {
        let show = Operation::AuditShow {
            before: None,
            limit: 500,
        };
        match self.call(owner(), show) {
            Ok(Answer::Audit(entries)) => entries.into_iter().map(|entry| entry.event).collect(),
            _ => panic!("no log"),
        }
    }

    fn logged(&self, kind: OperationKind) -> Vec<audit::Event> {
        let mut events = self.log();
        events.retain(|event| event.operation == kind);
        events
    }
}

fn head() -> Report {
    Report::Head {
        status: 200,
        media_type: Some("text/event-stream".to_owned()),
    }
}

fn piece(text: &str) -> Report {
    let chunk = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    Report::Piece(format!("data: {chunk}\n\n").into_bytes())
}

fn end() -> Report {
    Report::Ended {
        sent: 700,
        received: 900,
    }
}

const DONE: &[u8] =
    b"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

#[test]
fn what_the_owner_saw_leaves_once_and_the_answer_is_put_back() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let asked = desk.ask(QUESTION).unwrap();
    assert_eq!(asked.state, ConsentState::Waiting);
    assert!(desk.next_call().is_none(), "it left before the owner saw it");

    let (detail, bytes) = desk.show(asked.id);
    let shown = String::from_utf8(bytes.clone()).unwrap();
    for hidden in ["Annegret", "Moosbichler", "annegret@example.org", KEY] {
        assert!(!shown.contains(hidden), "{hidden} would leave: {shown}");
    }
    assert_eq!(detail.parts.len(), 1);
    assert_eq!(detail.parts[0].original, QUESTION);
    assert!(shown.contains("What shall I give"));
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(asked.sha256, digest);

    let mut other = asked.clone();
    other.sha256 = format!("{:064x}", 1);
    assert_eq!(kind(desk.approve(&other)), Some(FailureKind::Conflict));
    assert!(desk.next_call().is_none());
    desk.approve(&asked).map(drop).unwrap();
    let call = desk.next_call().unwrap();
    assert_eq!(call.body, bytes, "other bytes leave than were shown");
    let Way::Out(grant) = call.way else {
        panic!("it does not go out");
    };
    let terms = grant.into_terms();
    assert_eq!((terms.host.as_str(), terms.port), ("api.example.com", 443));
    assert_eq!(terms.path, asked.path);
    assert_eq!(terms.body_sha256.as_slice(), Sha256::digest(&bytes).as_slice());
    let key = call
        .headers
        .iter()
        .find(|header| header.name == "authorization")
        .unwrap();
    assert_eq!(key.value.expose_str().unwrap(), format!("Bearer {KEY}"));
    assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::Conflict), "twice");
    assert!(desk.next_call().is_none(), "it leaves twice");

    desk.report(asked.id, head()).unwrap();
    let placeholder = &detail.parts[0].redacted[range(detail.parts[0].marks[0].redacted)];
    desk.report(asked.id, piece("A book for ")).unwrap();
    desk.report(asked.id, piece(&placeholder[..4])).unwrap();
    let so_far = desk.status(asked.id);
    assert_eq!(
        (so_far.text.as_str(), so_far.question.state),
        ("A book for ", ConsentState::Sending)
    );
    desk.report(asked.id, piece(&placeholder[4..])).unwrap();
    desk.report(asked.id, Report::Piece(DONE.to_vec())).unwrap();
    desk.report(asked.id, end()).unwrap();
    assert_eq!(kind(desk.report(asked.id, end())), Some(FailureKind::NotFound));
    let over = desk.status(asked.id);
    assert_eq!(over.text, "A book for Annegret Moosbichler");
    let (sent, received) = (700, 900);
    assert_eq!(over.question.state, ConsentState::Answered { sent, received });
    assert_eq!(outbox(&desk, asked.id), OutboxState::Sent);

    assert_eq!(desk.logged(OperationKind::Ask)[0].outcome, audit::Outcome::Asked);
    assert_eq!(desk.logged(OperationKind::ConsentApprove).len(), 3);
    assert_eq!(desk.logged(OperationKind::CallSent)[0].count, 700);
    assert_eq!(desk.logged(OperationKind::CallReceived)[0].count, 900);
    assert_eq!(desk.logged(OperationKind::CallEnd).len(), 1);
    desk.restart();
    assert_eq!(desk.status(asked.id).text, "A book for Annegret Moosbichler");
}

fn range(place: (u32, u32)) -> std::ops::Range<usize> {
    usize::try_from(place.0).unwrap()..usize::try_from(place.1).unwrap()
}

fn outbox(desk: &Desk, id: RecordId) -> OutboxState {
    match desk
        .device
        .get(Category::Outbox, id)
        .map(|entry| entry.content.into_record())
    {
        Ok(Record::Outbox(outbox)) => outbox.state,
        _ => panic!("no message"),
    }
}

#[test]
fn without_the_profile_nothing_is_asked_and_nothing_approved() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let asked = desk.ask(QUESTION).unwrap();
    for profile in [Profile::OfflineOnly, Profile::LocalNetwork] {
        desk.open(profile);
        assert_eq!(kind(desk.ask(QUESTION)), Some(FailureKind::Refused));
        assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::Refused));
    }
    assert!(desk.next_call().is_none());
    desk.open(Profile::CloudWithConsent);
    desk.deny(&asked).map(drop).unwrap();
    assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::Conflict));
    assert!(desk.next_call().is_none());
    assert_eq!(outbox(&desk, asked.id), OutboxState::Failed);
}

#[test]
fn closing_the_profile_or_saying_no_gives_up_what_is_on_its_way() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let first = desk.ask(QUESTION).unwrap();
    desk.approve(&first).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    assert!(
        call.given_up
            .try_recv()
            .is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty)
    );
    desk.open(Profile::OfflineOnly);
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
    assert!(matches!(
        desk.status(first.id).question.state,
        ConsentState::Failed { .. }
    ));
    assert_eq!(kind(desk.report(first.id, head())), Some(FailureKind::NotFound));

    desk.open(Profile::CloudWithConsent);
    let second = desk.ask("Another question").unwrap();
    desk.approve(&second).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    desk.deny(&second).map(drop).unwrap();
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
    let third = desk.ask("A third question").unwrap();
    desk.approve(&third).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    desk.device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
}

#[test]
fn a_restart_sends_nothing_again_and_lengthens_nothing() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let waiting = desk.ask(QUESTION).unwrap();
    let sending = desk.ask("Another question").unwrap();
    desk.approve(&sending).map(drop).unwrap();
    drop(desk.next_call().unwrap());
    desk.restart();
    assert!(desk.next_call().is_none(), "it is sent again");
    assert!(matches!(
        desk.status(sending.id).question.state,
        ConsentState::Failed { .. }
    ));
    assert_eq!(kind(desk.approve(&sending)), Some(FailureKind::Conflict));
    assert_eq!(desk.status(waiting.id).question, waiting);
    desk.approve(&waiting).map(drop).unwrap();
    assert!(desk.next_call().is_some());
    let (detail, _) = desk.show(waiting.id);
    let placeholder = &detail.parts[0].redacted[range(detail.parts[0].marks[0].redacted)];
    desk.report(waiting.id, head()).unwrap();
    desk.report(waiting.id, piece(placeholder)).unwrap();
    desk.report(waiting.id, Report::Piece(DONE.to_vec())).unwrap();
    desk.report(waiting.id, end()).unwrap();
    assert_eq!(desk.status(waiting.id).text, "Annegret Moosbichler");
}

#[test]
fn an_answer_that_is_none_is_a_failure_with_its_reason() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let reports: [Vec<Report>; 4] = [
        vec![Report::refused(CallFailure::CertificateName)],
        vec![head(), Report::Piece(b"data: {garbage\n\n".to_vec()), end()],
        vec![end()],
        vec![
            Report::Head {
                status: 302,
                media_type: None,
            },
            end(),
        ],
    ];
    for (number, reports) in reports.into_iter().enumerate() {
        let asked = desk.ask(&format!("Question {number}")).unwrap();
        desk.approve(&asked).map(drop).unwrap();
        for report in reports {
            drop(desk.report(asked.id, report));
        }
        let state = desk.status(asked.id).question.state;
        assert!(
            matches!(&state, ConsentState::Failed { reason, .. } if !reason.is_empty()),
            "{state:?}"
        );
    }
}

#[test]
fn a_model_on_the_device_is_asked_offline_and_sees_the_text_as_it_is() {
    let mut desk = Desk::new(Profile::OfflineOnly);
    desk.provider(Provider {
        name: "here".parse().unwrap(),
        ..provider("unix:/run/model.sock")
    });
    let here = Ask {
        provider: Some("here".parse().unwrap()),
        ..Ask::default()
    };
    let asked = desk.ask_as(owner(), here, QUESTION).unwrap().question;
    assert_eq!(asked.state, ConsentState::Sending);
    let call = desk.next_call().unwrap();
    assert!(matches!(&call.way, Way::Local { socket, .. } if socket == "/run/model.sock"));
    assert!(
        String::from_utf8(call.body)
            .unwrap()
            .contains("Annegret Moosbichler")
    );
    assert!(call.headers.iter().all(|header| header.name != "authorization"));
    desk.report(asked.id, head()).unwrap();
    desk.report(asked.id, piece("A book")).unwrap();
    desk.report(asked.id, Report::Piece(DONE.to_vec())).unwrap();
    desk.report(asked.id, end()).unwrap();
    assert_eq!(desk.status(asked.id).text, "A book");
    assert!(
        desk.logged(OperationKind::CallSent).is_empty(),
        "nothing left the device"
    );
    desk.open(Profile::CloudWithConsent);
    let several = desk.ask_as(owner(), Ask::default(), QUESTION);
    assert_eq!(kind(several), Some(FailureKind::Invalid), "which of two models?");
}

#[test]
fn records_go_along_filtered_but_what_is_critical_never() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let id = desk
        .device
        .add(note("Plans", "Call Annegret Moosbichler about the cellar."));
    let with = |category, id| Ask {
        with: vec![(category, id)],
        ..Ask::default()
    };
    let asked = desk
        .ask_as(owner(), with(Category::Notes, id), "What now?")
        .unwrap()
        .question;
    assert_eq!(asked.categories, [Category::Notes]);
    let (detail, bytes) = desk.show(asked.id);
    let shown = String::from_utf8(bytes).unwrap();
    assert!(
        shown.contains("about the cellar") && !shown.contains("Annegret"),
        "{shown}"
    );
    assert_eq!(detail.parts[0].record, Some((Category::Notes, id)));
    for category in Category::ALL
        .into_iter()
        .filter(|category| category.never_leaves())
    {
        let refused = desk.ask_as(owner(), with(category, id), "What now?");
        assert_eq!(kind(refused), Some(FailureKind::Refused), "{category}");
    }
    let missing = desk.ask_as(owner(), with(Category::Tasks, id), "What now?");
    assert_eq!(kind(missing), Some(FailureKind::NotFound));
    assert!(desk.next_call().is_none());
}

#[test]
fn an_agent_asks_within_its_scopes_and_sees_its_own() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let mute = desk.agent("mute", "notes:read");
    assert_eq!(
        kind(desk.ask_as(mute, Ask::default(), QUESTION)),
        Some(FailureKind::Refused)
    );
    let agent = desk.agent("one", "cloud,notes:read");
    let other = desk.agent("two", "cloud");
    let id = desk.device.add(note("Plans", "The cellar."));
    let blind = Ask {
        with: vec![(Category::Notes, id)],
        ..Ask::default()
    };
    assert_eq!(
        kind(desk.ask_as(other.clone(), blind, "What now?")),
        Some(FailureKind::Refused)
    );

    let asked = desk
        .ask_as(agent.clone(), Ask::default(), QUESTION)
        .unwrap()
        .question;
    let again = desk
        .ask_as(agent.clone(), Ask::default(), QUESTION)
        .unwrap()
        .question;
    assert_eq!((again.id, again.repeats), (asked.id, 1), "folded into one");
    let see = |actor: &Actor, id| desk.call(actor.clone(), Operation::ConsentStatus { id, from: 0 });
    assert!(see(&agent, asked.id).is_ok());
    assert_eq!(kind(see(&other, asked.id)), Some(FailureKind::NotFound));
    let listed = |actor: &Actor| match desk.call(actor.clone(), Operation::ConsentList) {
        Ok(Answer::Consents { questions, .. }) => questions.len(),
        _ => panic!("no list"),
    };
    assert_eq!((listed(&agent), listed(&other), listed(&owner())), (1, 0, 1));
    for operation in [
        Operation::ConsentShow {
            id: asked.id,
            picture: None,
        },
        Operation::ConsentDeny { id: asked.id },
        Operation::ConsentApprove {
            id: asked.id,
            sha256: asked.sha256,
        },
    ] {
        assert_eq!(
            kind(desk.call(agent.clone(), operation)),
            Some(FailureKind::Refused)
        );
    }
}

#[test]
fn an_agent_can_not_tire_the_owner_into_a_yes() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let agent = desk.agent("one", "cloud");
    let other = desk.agent("two", "cloud");
    let asked = desk
        .ask_as(agent.clone(), Ask::default(), QUESTION)
        .unwrap()
        .question;
    desk.deny(&asked).map(drop).unwrap();
    assert_eq!(
        kind(desk.ask_as(agent.clone(), Ask::default(), QUESTION)),
        Some(FailureKind::Refused),
        "a no is a no"
    );
    for number in 0..3 {
        desk.ask_as(agent.clone(), Ask::default(), &format!("Question {number}"))
            .map(drop)
            .unwrap();
    }
    let more = desk.ask_as(agent.clone(), Ask::default(), "One more");
    assert_eq!(kind(more), Some(FailureKind::Throttled));
    let refused = || match desk.call(owner(), Operation::ConsentList) {
        Ok(Answer::Consents { refused, .. }) => refused.iter().map(|(_, count)| *count).collect::<Vec<_>>(),
        _ => panic!("no list"),
    };
    assert_eq!(refused(), [1]);
    for number in 0..12 {
        let pressed = desk.ask_as(agent.clone(), Ask::default(), &format!("And {number}"));
        assert_eq!(kind(pressed), Some(FailureKind::Throttled));
    }
    assert_eq!(refused(), [10], "no work is done any more for who goes on");
    let throttled = audit::Outcome::Failed(FailureKind::Throttled);
    assert_eq!(desk.logged(OperationKind::Ask)[0].outcome, throttled);
    assert!(
        desk.ask_as(other, Ask::default(), "One more").is_ok(),
        "the other agent asks as before"
    );
    let waiting = desk
        .ask_as(owner(), Ask::default(), "Of an agent that goes")
        .unwrap()
        .question;
    assert!(desk.approve(&waiting).is_ok(), "the owner's own");
    let Ok(Answer::Consents { questions, .. }) = desk.call(owner(), Operation::ConsentList) else {
        panic!("no list");
    };
    let orphan = questions
        .iter()
        .find(|consent| consent.asker == agent.reference() && consent.state == ConsentState::Waiting);
    let name = "one".parse().unwrap();
    desk.call(owner(), Operation::AgentRevoke { name })
        .map(drop)
        .unwrap();
    assert!(desk.approve(orphan.unwrap()).is_err(), "its agent is gone");
}

#[test]
fn a_standing_consent_sends_without_asking_until_it_is_used_up_or_custom_ends() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let agent = desk.agent("one", "cloud,notes:read");
    let standing = |calls| Operation::StandingAdd {
        agent: "one".parse().unwrap(),
        provider: "mine".parse().unwrap(),
        category: None,
        calls,
        bytes: 10_000,
        minutes: 10,
    };
    assert_eq!(
        kind(desk.call(owner(), standing(2))),
        Some(FailureKind::Invalid),
        "not in this profile"
    );
    desk.open(Profile::Custom);
    assert_eq!(
        kind(desk.call(agent.clone(), standing(2))),
        Some(FailureKind::Refused)
    );
    desk.call(owner(), standing(2)).map(drop).unwrap();
    for number in 0..2 {
        let asked = desk
            .ask_as(agent.clone(), Ask::default(), &format!("{QUESTION} {number}"))
            .unwrap()
            .question;
        assert_eq!((asked.state, asked.standing), (ConsentState::Sending, true));
        let call = desk.next_call().unwrap();
        assert!(
            !String::from_utf8(call.body).unwrap().contains("Annegret"),
            "it leaves unfiltered"
        );
    }
    let third = desk.ask_as(agent, Ask::default(), QUESTION).unwrap().question;
    assert_eq!(third.state, ConsentState::Waiting, "used up");
    let own = desk.ask("The owner's").unwrap();
    assert_eq!(own.state, ConsentState::Waiting, "another asker");

    desk.call(owner(), standing(5)).map(drop).unwrap();
    let standing_now = |desk: &Desk| -> Vec<StandingConsent> {
        match desk.call(owner(), Operation::ConsentList) {
            Ok(Answer::Consents { standing, .. }) => standing,
            _ => panic!("no list"),
        }
    };
    let id = standing_now(&desk)[0].id;
    desk.call(owner(), Operation::StandingRemove { id })
        .map(drop)
        .unwrap();
    assert!(standing_now(&desk).is_empty());
    desk.call(owner(), standing(5)).map(drop).unwrap();
    desk.open(Profile::CloudWithConsent);
    desk.open(Profile::Custom);
    assert!(standing_now(&desk).is_empty(), "it outlived its profile");
    desk.call(owner(), standing(5)).map(drop).unwrap();
    desk.restart();
    assert!(standing_now(&desk).is_empty(), "it outlived a restart");
    assert!(desk.next_call().is_none());
}

#[test]
fn a_changed_provider_a_missing_key_and_a_deleted_question_send_nothing() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let asked = desk.ask(QUESTION).unwrap();
    desk.provider(Provider {
        secret: Some("key".to_owned()),
        ..provider("https://elsewhere.example.com/v1")
    });
    assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::Conflict));
    let asked = desk.ask("Another question").unwrap();
    desk.device
        .ask(Operation::SecretDelete {
            name: "key".to_owned(),
        })
        .map(drop)
        .unwrap();
    assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::NotFound));
    let id = asked.id;
    let category = Category::Outbox;
    desk.device
        .ask(Operation::Delete { category, id })
        .map(drop)
        .unwrap();
    assert_eq!(kind(desk.approve(&asked)), Some(FailureKind::NotFound));
    assert!(desk.next_call().is_none());
    assert!(desk.logged(OperationKind::CallEnd).is_empty());
}

#[test]
fn without_a_gateway_a_cloud_question_is_refused() {
    let mut device = Device::new();
    device.stop();
    let config = Config {
        gateway: GatewayTrust::Absent,
        ..config(device.folder.path())
    };
    device.service = Some(Service::start(config).unwrap());
    device.unlock();
    let calls = device.service.as_mut().unwrap().take_calls().unwrap();
    let desk = Desk { device, calls };
    desk.provider(provider("https://api.example.com/v1"));
    desk.open(Profile::CloudWithConsent);
    let refused = desk.ask(QUESTION).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.remedy.contains("pocket-gateway"), "{}", refused.remedy);
}

/// A question that waits, on a device whose clocks are moved by hand.
fn waiting() -> (Clocks, Consent) {
    let mut clocks = Clocks::new();
    let add = Operation::ProviderAdd(Box::new(provider("https://api.example.com/v1")));
    clocks.ask(add).map(drop).unwrap();
    let profile = Profile::CloudWithConsent;
    let minutes = Some(60);
    clocks
        .ask(Operation::ProfileSet { profile, minutes })
        .map(drop)
        .unwrap();
    let ask = Request::new(owner(), Operation::Ask(Box::default())).with_payload(secret(QUESTION));
    match clocks.run(ask).map(|reply| reply.answer) {
        Ok(Answer::Asked(asked)) => (clocks, asked.question),
        _ => panic!("nothing asked"),
    }
}

fn question(clocks: &mut Clocks, id: RecordId) -> ConsentState {
    match clocks
        .ask(Operation::ConsentStatus { id, from: 0 })
        .map(|reply| reply.answer)
    {
        Ok(Answer::Asked(asked)) => asked.question.state,
        _ => panic!("no status"),
    }
}

#[test]
fn no_answer_is_no_by_either_clock() {
    let second = Duration::from_secs(1);
    let ten = MINUTE * 10;
    let (mut clocks, asked) = waiting();
    clocks.pass(ten - second, ten - second);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Waiting);
    clocks.pass(second, second);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let show = Operation::AuditShow {
        before: None,
        limit: 1,
    };
    let Ok(Answer::Audit(log)) = clocks.ask(show).map(|reply| reply.answer) else {
        panic!("no log");
    };
    assert_eq!(log[0].event.operation, OperationKind::ConsentExpire);

    // The calendar stands still, or was set back: the other clock goes on.
    let (mut clocks, asked) = waiting();
    clocks.pass(ten, Duration::ZERO);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let (mut clocks, asked) = waiting();
    clocks.now.wall = Timestamp::from_millis(clocks.now.wall.millis() - 1);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let approve = Operation::ConsentApprove {
        id: asked.id,
        sha256: asked.sha256,
    };
    assert!(clocks.ask(approve).is_err());
}

#[test]
fn a_gateway_that_trusts_more_is_told_and_recorded() {
    let mut device = Device::new();
    device.stop();
    let config = Config {
        gateway: GatewayTrust::Widened,
        ..config(device.folder.path())
    };
    device.service = Some(Service::start(config).unwrap());
    device.unlock();
    let findings = device.status().findings;
    assert!(
        findings.iter().any(|finding| finding.what == "gateway"),
        "{findings:?}"
    );
    let show = Operation::AuditShow {
        before: None,
        limit: 5,
    };
    let Ok(Answer::Audit(log)) = device.ask(show).map(|reply| reply.answer) else {
        panic!("no log");
    };
    let widened = |entry: &audit::Entry| entry.event.operation == OperationKind::GatewayWidened;
    assert!(log.iter().any(widened));
}

#[test]
fn an_answer_in_one_piece_is_kept_too() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let asked = desk.ask(QUESTION).unwrap();
    desk.approve(&asked).map(drop).unwrap();
    let media_type = Some("application/json".to_owned());
    desk.report(
        asked.id,
        Report::Head {
            status: 200,
            media_type,
        },
    )
    .unwrap();
    let whole = serde_json::json!({"choices": [{"message": {"content": "A book for [PERSON_1]"}, "finish_reason": "stop"}]});
    desk.report(asked.id, Report::Piece(whole.to_string().into_bytes()))
        .unwrap();
    desk.report(asked.id, end()).unwrap();
    assert_eq!(desk.status(asked.id).text, "A book for Annegret Moosbichler");
}

#[test]
fn of_a_call_that_is_cut_off_all_counts_as_sent_and_a_deleted_question_ends_it() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let address = "192.0.2.1:443".parse().unwrap();
    let asked = desk.ask(QUESTION).unwrap();
    desk.approve(&asked).map(drop).unwrap();
    desk.report(asked.id, Report::Connected { address }).unwrap();
    desk.deny(&asked).map(drop).unwrap();
    assert_eq!(
        u64::from(desk.logged(OperationKind::CallSent)[0].count),
        asked.size
    );

    let asked = desk.ask("Another question").unwrap();
    desk.approve(&asked).map(drop).unwrap();
    let (category, id) = (Category::Outbox, asked.id);
    desk.device
        .ask(Operation::Delete { category, id })
        .map(drop)
        .unwrap();
    // The profile can be closed all the same, and nothing is counted that had no way out.
    desk.open(Profile::OfflineOnly);
    assert_eq!(desk.logged(OperationKind::CallSent)[0].count, 0);
    assert!(desk.report(id, head()).is_err(), "it goes on");
}
