//! Nothing leaves unless the owner saw it.

mod agents;
mod answers;
mod ends;
mod press;

use pocket_core::{
    Agent, Ask, Asked, CallFailure, Consent, ConsentDetail, ConsentState, Contact, Labelled, OperationKind,
    OutboxState, Profile, StandingConsent, StandingTerms, Timestamp, audit,
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
        length: None,
        leads_to: None,
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
    let has_none = || match desk.call(owner(), Operation::Health { strict: true }) {
        Ok(Answer::Check(report)) => report.findings.iter().any(|finding| finding.what == "gateway"),
        _ => panic!("no report"),
    };
    assert!(!has_none(), "nothing may leave");
    desk.open(Profile::CloudWithConsent);
    assert!(has_none());
    let refused = desk.ask(QUESTION).err().unwrap();
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.remedy.contains("pocket-gateway"), "{}", refused.remedy);
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
