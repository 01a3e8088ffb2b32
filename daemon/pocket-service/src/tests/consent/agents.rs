//! Agents that ask: within their scopes, not too often, and with consent ahead of time.

use super::*;

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
    let standing = |calls| {
        Operation::StandingAdd(StandingTerms {
            agent: "one".parse().unwrap(),
            provider: "mine".parse().unwrap(),
            category: None,
            calls,
            bytes: 10_000,
            minutes: 10,
        })
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
    assert!(desk.logged(OperationKind::StandingCalls).is_empty());
    desk.call(owner(), standing(2)).map(drop).unwrap();
    for (kind, count) in [
        (OperationKind::StandingBytes, 10_000),
        (OperationKind::StandingCalls, 2),
        (OperationKind::StandingMinutes, 10),
    ] {
        let logged = &desk.logged(kind)[0];
        assert_eq!((logged.count, logged.category), (count, None));
        let Actor::Agent(Agent { id, .. }) = agent else {
            panic!("no agent");
        };
        let provider = "mine".parse::<pocket_core::ProviderName>().unwrap();
        assert_eq!(logged.records[1..], [id, provider.id()]);
    }
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
    let logged = desk.logged(OperationKind::StandingRemove);
    assert!(
        logged
            .iter()
            .any(|event| event.records.first() == Some(&id) && event.count == 5)
    );
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
fn what_could_not_be_sent_ahead_of_time_leaves_no_file_behind() {
    let desk = Desk::new(Profile::Custom);
    let agent = desk.agent("one", "cloud");
    let terms = StandingTerms {
        agent: "one".parse().unwrap(),
        provider: "mine".parse().unwrap(),
        category: None,
        calls: 5,
        bytes: 10_000,
        minutes: 10,
    };
    let name = "key".to_owned();
    for operation in [Operation::StandingAdd(terms), Operation::SecretDelete { name }] {
        desk.call(owner(), operation).map(drop).unwrap();
    }
    let refused = desk.ask_as(agent, Ask::default(), QUESTION);
    assert_eq!(kind(refused), Some(FailureKind::NotFound), "its key is gone");
    let mut left = vec![desk.device.folder.path().join("data/blobs")];
    while let Some(path) = left.pop() {
        assert!(path.is_dir(), "{} is left", path.display());
        let inside = std::fs::read_dir(path).unwrap();
        left.extend(inside.map(|item| item.unwrap().path()));
    }
}
