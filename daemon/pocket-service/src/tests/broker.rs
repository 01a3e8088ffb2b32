//! The link to the owner's broker: open while the profile says so, told numbers alone, and what comes in is
//! kept once.

use pocket_core::{
    ActorRef, Broker, BrokerStatus, LinkFault, LinkState, OperationKind, Origin, Profile, Refused, Transport,
    audit,
};
use pocket_grant::LinkReport;

use super::*;
use crate::{Link, Links};

pub(super) fn broker() -> Broker {
    Broker {
        host: "127.0.0.1".to_owned(),
        port: 1883,
        transport: Transport::Plain,
        user: None,
        secret: None,
        prefix: Broker::USUAL_PREFIX.to_owned(),
    }
}

/// A device with a broker, and who carries its links.
struct House {
    device: Device,
    links: Links,
    runtime: tokio::runtime::Runtime,
}

impl House {
    fn new(profile: Profile) -> Self {
        let mut device = Device::new();
        let links = device.service.as_mut().unwrap().take_links().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let house = Self {
            device,
            links,
            runtime,
        };
        house.device.ask(set(broker())).map(drop).unwrap();
        house.open(profile);
        house
    }

    fn open(&self, profile: Profile) {
        let minutes = Some(60);
        let set = Operation::ProfileSet { profile, minutes };
        self.device.ask(set).map(drop).unwrap();
    }

    /// The link that the engine opens next, within a few of its looks at the clock.
    fn link(&mut self) -> Option<Link> {
        let wait = Duration::from_secs(4);
        self.runtime
            .block_on(async { tokio::time::timeout(wait, self.links.next()).await })
            .ok()
            .flatten()
    }

    fn told(&self, link: &Link, report: LinkReport) -> Option<FailureKind> {
        kind(
            self.runtime
                .block_on(self.device.handle().linked(link.number, report)),
        )
    }

    fn status(&self) -> BrokerStatus {
        match self.device.ask(Operation::BrokerShow).map(|reply| reply.answer) {
            Ok(Answer::Broker(Some(status))) => *status,
            _ => panic!("no broker"),
        }
    }

    fn notes(&self) -> Vec<Entry> {
        let list = Operation::List {
            category: Category::Notes,
            after: None,
            limit: 500,
        };
        match self.device.ask(list).map(|reply| reply.answer) {
            Ok(Answer::Page(page)) => page.entries,
            _ => panic!("no page"),
        }
    }

    fn log(&self) -> Vec<audit::Event> {
        let show = Operation::AuditShow {
            before: None,
            limit: 500,
        };
        match self.device.ask(show).map(|reply| reply.answer) {
            Ok(Answer::Audit(entries)) => entries.into_iter().map(|entry| entry.event).collect(),
            _ => panic!("no log"),
        }
    }

    /// How many entries of the broker say this.
    fn logged(&self, kind: OperationKind, outcome: audit::Outcome) -> usize {
        let says = |event: &&audit::Event| {
            event.actor == ActorRef::Broker && event.operation == kind && event.outcome == outcome
        };
        self.log().iter().filter(says).count()
    }
}

fn set(broker: Broker) -> Operation {
    Operation::BrokerSet(Box::new(broker))
}

fn captured(packet: u16, redelivered: bool, text: &str) -> LinkReport {
    LinkReport::Captured {
        number: 1,
        packet,
        redelivered,
        text: text.to_owned(),
    }
}

#[test]
fn a_link_is_open_only_while_a_profile_opens_the_owners_network() {
    for (profile, open) in [
        (Profile::OfflineOnly, false),
        (Profile::CloudWithConsent, false),
        (Profile::LocalNetwork, true),
        (Profile::Custom, true),
    ] {
        let mut house = House::new(profile);
        let link = house.link();
        assert_eq!(link.is_some(), open, "{profile}");
        let links = |house: &House| {
            let log = house.log();
            log.iter()
                .filter(|event| event.operation == OperationKind::BrokerLink)
                .count()
        };
        assert_eq!(links(&house), usize::from(open), "{profile}");
        let tested = kind(house.device.ask(Operation::BrokerTest));
        assert_eq!(tested, (!open).then_some(FailureKind::Refused), "{profile}");
        let Some(mut link) = link else { continue };
        assert!(
            link.given_up.try_recv().is_err_and(|end| end == closed()),
            "a test begins afresh"
        );
        let mut link = house.link().expect("a test opens another link");
        assert!(link.given_up.try_recv().is_err_and(|end| end != closed()));
        house.open(Profile::OfflineOnly);
        assert!(link.given_up.try_recv().is_err_and(|end| end == closed()));
        let late = house.told(&link, LinkReport::LockPressed);
        assert_eq!(
            late,
            Some(FailureKind::NotFound),
            "nobody listens to a link that was given up"
        );
        assert_eq!(house.status().link, LinkState::Shut);
    }
}

fn closed() -> tokio::sync::oneshot::error::TryRecvError {
    tokio::sync::oneshot::error::TryRecvError::Closed
}

#[test]
fn a_link_carries_what_was_set_and_the_password_and_ends_with_the_lease() {
    let mut house = House::new(Profile::OfflineOnly);
    let mut wanted = Broker {
        user: Some("pocketai".to_owned()),
        secret: Some("mqtt".to_owned()),
        transport: Transport::Tls { ca: None },
        port: 8883,
        ..broker()
    };
    let missing = kind(house.device.ask(set(wanted.clone())));
    assert_eq!(
        missing,
        Some(FailureKind::NotFound),
        "the secret is not there yet"
    );
    let secret_set = Operation::SecretSet {
        name: "mqtt".to_owned(),
        note: String::new(),
    };
    let request = Request::new(owner(), secret_set).with_payload(secret("canary"));
    house.device.handle().call_blocking(request).map(drop).unwrap();
    let device = house.status().device;
    house.device.ask(set(wanted.clone())).map(drop).unwrap();
    assert_eq!(house.status().device, device, "the broker finds it again");
    house.open(Profile::LocalNetwork);
    let link = house.link().unwrap();
    let password = link.password.map(|password| password.expose_bytes().to_vec());
    assert_eq!(password.as_deref(), Some(&b"canary"[..]));
    let state = *link.states.borrow();
    assert_eq!(
        (state.profile, state.waiting, state.healthy),
        (Profile::LocalNetwork, 0, true)
    );
    let terms = link.leave.into_terms();
    assert_eq!(
        (terms.host.as_str(), terms.port, terms.encrypted),
        ("127.0.0.1", 8883, true)
    );
    assert_eq!(
        (terms.user.as_deref(), &terms.device),
        (Some("pocketai"), &device)
    );
    assert_eq!(Some(terms.expires), house.device.status().profile_until);
    wanted.transport = Transport::Plain;
    let plain = kind(house.device.ask(set(wanted)));
    assert_eq!(
        plain,
        Some(FailureKind::Invalid),
        "the password would be readable"
    );
}

#[test]
fn a_link_that_nobody_keeps_and_one_that_broke_are_opened_again() {
    let mut house = House::new(Profile::LocalNetwork);
    drop(house.link().unwrap());
    let link = house.link().expect("one that is dropped is opened again");
    assert_eq!(house.told(&link, LinkReport::Connected { resumed: false }), None);
    assert!(matches!(house.status().link, LinkState::Connected(_)));
    assert_eq!(house.told(&link, LinkReport::Lost(LinkFault::Silent)), None);
    let status = house.status();
    assert_eq!(status.link, LinkState::Connecting);
    assert_eq!(status.fault.map(|(fault, _)| fault), Some(LinkFault::Silent));
    assert_eq!(
        house.told(&link, LinkReport::Ended(LinkFault::GatewayAbsent)),
        None
    );
    assert!(house.link().is_some());
    house.device.ask(Operation::BrokerRemove).map(drop).unwrap();
    let late = house.told(&link, LinkReport::Connected { resumed: true });
    assert_eq!(late, Some(FailureKind::NotFound));
    assert_eq!(
        kind(house.device.ask(Operation::BrokerRemove)),
        Some(FailureKind::NotFound)
    );
}

#[test]
fn a_text_from_the_broker_is_a_note_of_the_inbox_and_marked_as_from_outside() {
    let mut house = House::new(Profile::LocalNetwork);
    let link = house.link().unwrap();
    assert_eq!(
        house.told(&link, captured(1, false, "  \nBuy milk\nand bread")),
        None
    );
    let notes = house.notes();
    assert_eq!(notes.len(), 1);
    let Record::Note(note) = notes[0].content.record() else {
        panic!("not a note")
    };
    assert_eq!(
        (note.title.as_str(), note.body.as_str()),
        ("Buy milk", "  \nBuy milk\nand bread")
    );
    assert_eq!(note.tags, ["inbox"]);
    assert_eq!(notes[0].origin, Origin::Broker);
    assert_eq!(house.logged(OperationKind::Add, audit::Outcome::Done), 1);
    assert_eq!(
        house.told(
            &link,
            LinkReport::Refused {
                number: 1,
                why: Refused::TooLong
            }
        ),
        None
    );
    assert_eq!(
        house.told(
            &link,
            LinkReport::Refused {
                number: 2,
                why: Refused::NotText
            }
        ),
        None
    );
    assert_eq!(
        house.status().refused.map(|(refused, _)| refused),
        Some(Refused::NotText)
    );
    let invalid = audit::Outcome::Failed(FailureKind::Invalid);
    assert_eq!(
        house.logged(OperationKind::Add, invalid),
        1,
        "a flood does not fill the log"
    );
}

#[test]
fn a_text_that_is_offered_again_is_kept_once_over_a_restart_and_another_of_the_same_words_is_kept() {
    let mut house = House::new(Profile::LocalNetwork);
    let link = house.link().unwrap();
    for (packet, redelivered, notes) in [
        (1, false, 1),
        // Offered again: the same.
        (1, true, 1),
        // Never heard before, though it was offered before.
        (2, true, 2),
        // A first offer is always another one, whatever its number and words.
        (1, false, 3),
        (2, true, 3),
        // Nobody offers again what has no number.
        (0, false, 4),
        (0, true, 5),
    ] {
        assert_eq!(house.told(&link, captured(packet, redelivered, "milk")), None);
        assert_eq!(house.notes().len(), notes, "{packet} {redelivered}");
    }
    assert_eq!(house.told(&link, captured(1, true, "bread")), None);
    assert_eq!(house.notes().len(), 6, "other words are another text");
    house.device.ask(set(broker())).map(drop).unwrap();
    let link = house.link().unwrap();
    assert_eq!(house.told(&link, captured(2, true, "milk")), None);
    assert_eq!(house.notes().len(), 6, "a broker that was set again is the same");
    house.device.restart();
    house.links = house.device.service.as_mut().unwrap().take_links().unwrap();
    house.device.unlock();
    let link = house.link().unwrap();
    assert_eq!(house.told(&link, LinkReport::Connected { resumed: true }), None);
    assert_eq!(house.told(&link, captured(2, true, "milk")), None);
    assert_eq!(house.notes().len(), 6, "it is remembered on the disk");
    assert_eq!(house.told(&link, LinkReport::Connected { resumed: false }), None);
    assert_eq!(house.told(&link, captured(2, true, "milk")), None);
    assert_eq!(house.notes().len(), 7, "a broker that forgot us counts anew");
}

#[test]
fn a_broker_that_forgot_us_counts_anew_after_a_crash_too() {
    let mut house = House::new(Profile::LocalNetwork);
    let link = house.link().unwrap();
    assert_eq!(house.told(&link, captured(1, false, "milk")), None);
    assert_eq!(house.told(&link, LinkReport::Connected { resumed: false }), None);
    house.device.restart();
    house.links = house.device.service.as_mut().unwrap().take_links().unwrap();
    house.device.unlock();
    let link = house.link().unwrap();
    assert_eq!(house.told(&link, LinkReport::Connected { resumed: true }), None);
    // Its first offer never reached the engine.
    assert_eq!(house.told(&link, captured(1, true, "milk")), None);
    assert_eq!(house.notes().len(), 2);
    // A number that another text has had since then is no longer that of the one before.
    assert_eq!(house.told(&link, captured(1, false, "bread")), None);
    assert_eq!(house.told(&link, captured(1, true, "milk")), None);
    assert_eq!(house.notes().len(), 4);
}

#[test]
fn a_link_ends_at_once_with_the_secret_that_it_was_opened_with() {
    let mut house = House::new(Profile::LocalNetwork);
    let put = |house: &House, value: &str| {
        let operation = Operation::SecretSet {
            name: "mqtt".to_owned(),
            note: String::new(),
        };
        let request = Request::new(owner(), operation).with_payload(secret(value));
        house.device.handle().call_blocking(request).map(drop).unwrap();
    };
    put(&house, "old");
    let with_secret = Broker {
        user: Some("pocketai".to_owned()),
        secret: Some("mqtt".to_owned()),
        transport: Transport::PlainWithPassword,
        ..broker()
    };
    drop(house.link());
    house.device.ask(set(with_secret)).map(drop).unwrap();
    let mut link = house.link().unwrap();
    put(&house, "new");
    assert!(link.given_up.try_recv().is_err_and(|end| end == closed()));
    let mut link = house.link().unwrap();
    let password = link
        .password
        .as_ref()
        .map(|password| password.expose_bytes().to_vec());
    assert_eq!(password.as_deref(), Some(&b"new"[..]));
    let delete = Operation::SecretDelete {
        name: "mqtt".to_owned(),
    };
    house.device.ask(delete).map(drop).unwrap();
    assert!(link.given_up.try_recv().is_err_and(|end| end == closed()));
    let fault = house.status().fault.map(|(fault, _)| fault);
    assert_eq!(fault, Some(LinkFault::SecretMissing));
}

#[test]
fn too_many_texts_in_a_minute_wait_at_the_broker_and_one_entry_says_so() {
    let mut house = House::new(Profile::LocalNetwork);
    let link = house.link().unwrap();
    let mut refused = 0;
    for packet in 1..=70 {
        match house.told(&link, captured(packet, false, &format!("text {packet}"))) {
            None => {}
            Some(FailureKind::Throttled) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((house.notes().len(), refused), (60, 10));
    assert!(house.status().holding);
    let throttled = audit::Outcome::Failed(FailureKind::Throttled);
    assert_eq!(house.logged(OperationKind::Add, throttled), 1);
    assert_eq!(
        house.told(&link, LinkReport::LockPressed),
        None,
        "a flood holds no lock back"
    );
    assert_eq!(state(&house.device), LockState::Locked);
}

#[test]
fn a_press_of_the_button_locks_and_the_log_says_who() {
    let mut house = House::new(Profile::LocalNetwork);
    let mut link = house.link().unwrap();
    assert_eq!(house.told(&link, LinkReport::LockPressed), None);
    assert_eq!(state(&house.device), LockState::Locked);
    assert!(link.given_up.try_recv().is_err_and(|end| end == closed()));
    let locked = house.told(&link, captured(1, false, "late"));
    assert_eq!(locked, Some(FailureKind::Locked), "it stays at the broker");
    house.device.unlock();
    assert_eq!(house.logged(OperationKind::Lock, audit::Outcome::Done), 1);
}
