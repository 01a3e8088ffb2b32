//! What agents remember, and how much they may.

use pocket_core::{AgentLimits, Memory, NewFact, Origin, Scopes};

use super::*;

const SCOPES: &str = "memory:read+search+write+delete,notes:read+write+delete";

/// An agent, and what it shows.
fn agent(device: &Device, name: &str) -> (Actor, SecretBytes) {
    let scopes: Scopes = SCOPES.parse().unwrap();
    let name = name.parse().unwrap();
    let token = device
        .ask(Operation::AgentAdd { name, scopes })
        .unwrap()
        .payload
        .unwrap();
    (recognised(device, &token).unwrap(), token)
}

fn recognised(device: &Device, token: &SecretBytes) -> Result<Actor, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let token = SecretBytes::new(token.expose_bytes().to_vec());
    runtime.block_on(device.handle().agent(token)).map(Actor::Agent)
}

fn tell(device: &Device, actor: &Actor, facts: Vec<NewFact>) -> Result<Vec<Added>, Failure> {
    let request = Request::new(actor.clone(), Operation::Remember { facts });
    match device.handle().call_blocking(request)?.answer {
        Answer::Added(added) => Ok(added),
        _ => panic!("another answer"),
    }
}

fn fact(text: &str, supersedes: Option<RecordId>) -> NewFact {
    let memory = Memory {
        subject: "Anna".to_owned(),
        text: text.to_owned(),
        ..Memory::default()
    };
    NewFact {
        content: Content::check(Record::Memory(memory)).unwrap(),
        supersedes,
    }
}

fn memory(device: &Device, id: RecordId) -> (Memory, u32) {
    let entry = device.get(Category::Memory, id).unwrap();
    match entry.content.record() {
        Record::Memory(memory) => (memory.clone(), entry.revision),
        _ => panic!("no fact"),
    }
}

fn id(added: Added) -> RecordId {
    match added {
        Added::New(id) | Added::AlreadyHere(id) | Added::Differs(id) => id,
    }
}

#[test]
fn a_fact_is_kept_once_and_a_newer_one_ends_it() {
    let mut device = Device::new();
    let (actor, token) = agent(&device, "claude");
    let told = tell(
        &device,
        &actor,
        vec![fact("Lives in Bonn", None), fact("lives in  BONN.", None)],
    )
    .unwrap();
    assert!(
        matches!(told[..], [Added::New(first), Added::AlreadyHere(same)] if first == same),
        "{told:?}"
    );
    let bonn = id(told[0]);

    let paris = tell(&device, &actor, vec![fact("Lives in Paris", Some(bonn))]).unwrap();
    assert!(matches!(paris[..], [Added::New(_)]));
    let (ended, revision) = memory(&device, bonn);
    assert!(ended.valid_until.is_some() && ended.text == "Lives in Bonn");
    assert_eq!(revision, 2);

    // Told twice, as after a lost answer: nothing is doubled, and the old one has not ended twice.
    device.restart();
    device.unlock();
    let actor = recognised(&device, &token).unwrap_or(actor);
    let again = tell(&device, &actor, vec![fact("Lives in Paris", Some(bonn))]).unwrap();
    assert_eq!(again, vec![Added::AlreadyHere(id(paris[0]))]);
    assert_eq!(memory(&device, bonn).1, 2);

    // What is true anew is a fact of its own; the first one stays history.
    let back = tell(&device, &actor, vec![fact("Lives in Bonn", Some(id(paris[0])))]).unwrap();
    assert!(matches!(back[..], [Added::New(new)] if new != bonn), "{back:?}");
    let unknown = RecordId::from_bytes([9; 16]);
    assert_eq!(
        kind(tell(&device, &actor, vec![fact("x", None), fact("y", Some(unknown))]).map(drop)),
        Some(FailureKind::NotFound)
    );
    let told = tell(&device, &actor, vec![fact("x", None)]).unwrap();
    assert!(
        matches!(told[..], [Added::New(_)]),
        "all or none: x was not added before"
    );
}

#[test]
fn what_an_agent_wrote_into_the_owners_record_is_not_the_owners_word() {
    let device = Device::new();
    let (actor, _) = agent(&device, "claude");
    let id = device.add(note("Mine", ""));
    assert_eq!(device.get(Category::Notes, id).unwrap().origin, Origin::Owner);
    let content = Box::new(Content::check(note("Theirs", "")).unwrap());
    let edit = Operation::Edit {
        id,
        content,
        revision: None,
    };
    device
        .handle()
        .call_blocking(Request::new(actor, edit))
        .map(drop)
        .unwrap();
    assert_eq!(device.get(Category::Notes, id).unwrap().origin, Origin::Agent);
}

/// Sets what the agent `claude` may do.
fn limit(device: &Device, records: u32, calls: u32) {
    let limits = AgentLimits {
        calls,
        records,
        bytes: 100_000,
    };
    let name = "claude".parse().unwrap();
    device
        .ask(Operation::AgentLimit { name, limits })
        .map(drop)
        .unwrap();
}

fn refused<T>(outcome: Result<T, Failure>) -> bool {
    kind(outcome) == Some(FailureKind::Refused)
}

#[test]
fn an_agent_writes_no_more_than_its_share_and_a_restart_does_not_renew_it() {
    let mut device = Device::new();
    let (actor, _) = agent(&device, "claude");
    let remember = |device: &Device, text: &str| tell(device, &actor, vec![fact(text, None)]);
    limit(&device, 2, 1_000);
    let kept = remember(&device, "one").unwrap();
    remember(&device, "two").unwrap();
    let over = remember(&device, "three").unwrap_err();
    assert!(over.remedy.contains("pocketctl agent limit"), "{}", over.remedy);
    assert!(
        remember(&device, "one").is_ok(),
        "what is here already costs nothing"
    );

    device.restart();
    device.unlock();
    assert!(refused(remember(&device, "three")));
    let delete = Operation::Delete {
        category: Category::Memory,
        id: id(kept[0]),
    };
    let by_agent = |operation| {
        device
            .handle()
            .call_blocking(Request::new(actor.clone(), operation))
    };
    by_agent(delete).map(drop).unwrap();
    assert!(remember(&device, "three").is_ok(), "what it deletes it has back");

    limit(&device, 100, 1_000);
    assert!(refused(remember(&device, &"x".repeat(200_000))));
    let edit = Operation::Edit {
        id: device.add(note("Mine", "")),
        content: Box::new(Content::check(note("Mine", &"x".repeat(200_000))).unwrap()),
        revision: None,
    };
    assert!(refused(by_agent(edit)));
}

#[test]
fn calls_are_counted_over_a_restart_and_a_rotated_token_is_worth_nothing() {
    let mut device = Device::new();
    let (actor, token) = agent(&device, "claude");
    limit(&device, 100, 5);
    for text in ["one", "two", "three", "four", "five", "six"] {
        tell(&device, &actor, vec![fact(text, None)]).unwrap();
    }
    device.restart();
    device.unlock();
    // Each of the six left its entry in the log, of a time of its own or of the same millisecond.
    let calls: Vec<bool> = (0..5).map(|_| recognised(&device, &token).is_ok()).collect();
    assert!(calls.contains(&false), "the count began anew: {calls:?}");
    assert_eq!(
        kind(recognised(&device, &token)),
        Some(FailureKind::Throttled),
        "and says so"
    );

    let name = "claude".parse().unwrap();
    let rotated = device.ask(Operation::AgentRotate { name }).unwrap();
    let Answer::Agent(agent) = rotated.answer else {
        panic!("no agent")
    };
    assert_eq!((agent.limits.calls, agent.records), (5, 0));
    assert_eq!(
        kind(recognised(&device, &token)),
        Some(FailureKind::WrongCredential)
    );
    limit(&device, 100, 1_000);
    assert!(recognised(&device, &rotated.payload.unwrap()).is_ok());
}

#[test]
fn a_call_that_leaves_no_record_is_a_use_too() {
    let device = Device::new();
    let used = || match device.ask(Operation::AgentList).unwrap().answer {
        Answer::Agents(agents) => agents[0].last_used,
        _ => panic!("no list"),
    };
    let scopes: Scopes = SCOPES.parse().unwrap();
    let name = "laptop".parse().unwrap();
    let made = device.ask(Operation::AgentAdd { name, scopes }).unwrap();
    assert_eq!(used(), None);
    recognised(&device, &made.payload.unwrap()).unwrap();
    assert!(used().is_some());
}
