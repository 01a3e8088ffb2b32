//! The link to the owner's broker: what it says there, what it takes in, and where it never goes.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use pocket_core::{DeviceState, LinkFault as F, LinkTerms, Profile, Refused};
use pocket_grant::{LinkReport, LinkWord, SealedLink};

use crate::broker::{Link, Mosquitto, PASSWORD, STATE, now, terms};
use crate::gateway::Running;
use crate::server::Authority;

fn gateway() -> Running {
    Running::with(&Authority::new(), &[])
}

fn encrypted(port: u16, authority: &Authority) -> LinkTerms {
    LinkTerms {
        encrypted: true,
        ca: Some(authority.pem().to_owned()),
        ..terms(port)
    }
}

/// A text that is the next one: nothing came before it.
fn mark(broker: &Mosquitto, link: &mut Link, text: &str) {
    broker.capture(text);
    assert_eq!(link.take(), text);
}

#[test]
fn home_assistant_is_told_what_the_device_is_and_how() {
    let authority = Authority::new();
    for (broker, terms) in [
        (Mosquitto::plain(), None),
        (Mosquitto::encrypted(&authority, &["127.0.0.1"]), Some(&authority)),
    ] {
        let gateway = gateway();
        let terms = terms.map_or_else(
            || terms_of(&broker),
            |authority| encrypted(broker.port, authority),
        );
        let ear = broker.listen();
        let mut link = Link::open(&gateway, &terms);
        assert!(!link.connected(), "the broker has never seen the device");
        let (config, _) = ear.hear("homeassistant/device/pocketai-0123456789abcdef/config");
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        check_description(&config);
        assert_eq!(ear.hear("/availability").0, "online");
        let state: serde_json::Value = serde_json::from_str(&ear.hear("/state").0).unwrap();
        let expected = serde_json::json!({
            "health": "good", "storage": 42, "profile": "LOCAL_NETWORK", "waiting": 3,
        });
        assert_eq!(state, expected);
        let ill = DeviceState {
            healthy: false,
            waiting: 0,
            profile: Profile::Custom,
            ..STATE
        };
        link.say(LinkWord::State(ill));
        let state: serde_json::Value = serde_json::from_str(&ear.hear("/state").0).unwrap();
        assert_eq!(
            (&state["health"], &state["profile"]),
            (&"attention".into(), &"CUSTOM".into())
        );
        let late = broker.listen();
        let (availability, retained) = late.hear("/availability");
        assert!(
            retained && availability == "online",
            "who comes later knows it too"
        );
        drop(link);
        assert_eq!(ear.hear("/availability").0, "offline", "its last will");
        assert!(!gateway.log().contains(PASSWORD) && !gateway.log().contains("127.0.0.1"));
    }
}

fn terms_of(broker: &Mosquitto) -> LinkTerms {
    terms(broker.port)
}

/// What Home Assistant asks of a device's description: identifiers, origin, and for each component its
/// platform, an id of its own and its topics.
fn check_description(config: &serde_json::Value) {
    let client = "pocketai-0123456789abcdef";
    let topic = |name: &str| serde_json::json!(format!("pocketai/0123456789abcdef/{name}"));
    assert_eq!(config["device"]["identifiers"][0], client);
    assert_eq!(config["origin"]["name"], "PocketAI");
    let components = config["components"].as_object().unwrap();
    let mut ids = HashSet::new();
    for (name, platform) in [
        ("connection", "binary_sensor"),
        ("health", "binary_sensor"),
        ("storage", "sensor"),
        ("profile", "sensor"),
        ("waiting", "sensor"),
        ("lock", "button"),
    ] {
        let component = &components[name];
        assert_eq!(component["platform"], platform, "{name}");
        assert!(ids.insert(component["unique_id"].as_str().unwrap()), "{name}");
        match name {
            "connection" => assert_eq!(component["state_topic"], topic("availability")),
            "lock" => {
                assert_eq!(component["command_topic"], topic("lock"));
                assert_eq!(component["payload_press"], "LOCK");
            }
            _ => {
                assert_eq!(component["state_topic"], topic("state"));
                assert!(
                    component["value_template"]
                        .as_str()
                        .unwrap()
                        .contains("value_json.")
                );
            }
        }
        if name != "connection" {
            assert_eq!(component["availability_topic"], topic("availability"));
        }
    }
    assert_eq!(components.len(), 6);
    assert_eq!(components["health"]["device_class"], "problem");
    assert_eq!(components["storage"]["unit_of_measurement"], "%");
}

#[test]
fn a_broker_that_is_not_the_owners_gets_no_password() {
    let authority = Authority::new();
    let (gateway, stranger) = (gateway(), Authority::new());
    let broker = Mosquitto::encrypted(&authority, &["broker.test"]);
    let fault = |terms: &LinkTerms| Link::open(&gateway, terms).fault();
    assert_eq!(fault(&encrypted(broker.port, &authority)), F::CertificateName);
    assert_eq!(fault(&encrypted(broker.port, &stranger)), F::CertificateIssuer);
    let public = LinkTerms {
        ca: None,
        ..encrypted(broker.port, &authority)
    };
    assert_eq!(fault(&public), F::CertificateIssuer);
    let garbage = LinkTerms {
        ca: Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()),
        ..encrypted(broker.port, &authority)
    };
    assert_eq!(fault(&garbage), F::AuthorityInvalid);
    let plain = Mosquitto::plain();
    assert_eq!(fault(&encrypted(plain.port, &authority)), F::TlsFailed);
    let wrong = Link::with(&gateway, &terms_of(&plain), "not the password").fault();
    assert_eq!(wrong, F::LoginRefused);
}

#[test]
fn nothing_is_connected_to_beyond_the_owners_network() {
    let gateway = gateway();
    for (host, fault) in [
        ("8.8.8.8", F::AddressPublic),
        ("224.0.0.1", F::AddressPublic),
        ("0.0.0.0", F::AddressPublic),
        ("100.64.0.1", F::AddressPublic),
        ("2606:4700::1111", F::AddressPublic),
        ("ff02::1", F::AddressPublic),
        ("::ffff:127.0.0.1", F::AddressPublic),
        ("no-such-host.invalid", F::HostUnknown),
        ("127.0.0.1", F::Unreachable),
    ] {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let elsewhere = LinkTerms {
            host: host.to_owned(),
            ..terms(free)
        };
        assert_eq!(Link::open(&gateway, &elsewhere).fault(), fault, "{host}");
    }
}

#[test]
fn a_link_is_opened_by_the_daemon_once_and_until_its_end() {
    let (gateway, broker) = (gateway(), Mosquitto::plain());
    let terms = terms_of(&broker);
    let sealed = SealedLink::forged(&terms, None, &pocket_crypto::secret::Key::from_bytes([9; 32])).unwrap();
    let forged = Link::sealed(&gateway.socket(), sealed.expose_frame()).fault();
    assert_eq!(forged, F::Forged);
    let over = LinkTerms {
        expires: now(),
        ..terms.clone()
    };
    assert_eq!(Link::open(&gateway, &over).fault(), F::Expired);
    let ear = broker.listen();
    let short = LinkTerms {
        expires: now().plus(Duration::from_secs(3)),
        ..terms_of(&broker)
    };
    let mut link = Link::open(&gateway, &short);
    link.connected();
    assert_eq!(ear.hear("/availability").0, "online");
    assert_eq!(link.fault(), F::Expired);
    assert_eq!(ear.hear("/availability").0, "offline");
    let mut first = Link::open(&gateway, &terms);
    first.connected();
    assert_eq!(
        Link::open(&gateway, &terms).fault(),
        F::Forged,
        "it was opened before"
    );
    let mut second = Link::open(&gateway, &terms_of(&broker));
    second.connected();
    let mut end = [0; 1];
    assert_eq!(first.0.read(&mut end).unwrap(), 0, "there is one link at a time");
    mark(&broker, &mut second, "still here");
}

#[test]
fn texts_come_one_by_one_and_again_until_they_are_on_the_disk() {
    let (gateway, broker) = (gateway(), Mosquitto::plain());
    let mut link = Link::open(&gateway, &terms_of(&broker));
    link.connected();
    for text in ["first", "second", "third"] {
        broker.capture(text);
    }
    let (number, packet, redelivered, text) = link.captured();
    assert_eq!((text.as_str(), redelivered), ("first", false));
    // One that nobody offered settles nothing.
    link.say(LinkWord::Settled(number + 1));
    drop(link);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    assert!(link.connected(), "the broker remembers the device");
    let (number, again, redelivered, text) = link.captured();
    assert_eq!((text.as_str(), again, redelivered), ("first", packet, true));
    link.say(LinkWord::Settled(number));
    let (number, _, _, text) = link.captured();
    assert_eq!(text, "second");
    link.say(LinkWord::Settled(number));
    let (_, third, _, text) = link.captured();
    assert_eq!(text, "third");
    drop((link, gateway));
    // Another gateway, too. What was settled at the last moment may come again: the engine knows it by number
    // and words.
    let gateway = self::gateway();
    let mut link = Link::open(&gateway, &terms_of(&broker));
    loop {
        let (number, packet, redelivered, text) = link.captured();
        assert!(redelivered);
        link.say(LinkWord::Settled(number));
        if text == "third" {
            assert_eq!(packet, third);
            break;
        }
    }
    mark(&broker, &mut link, "fourth");
}

/// Keeps texts as the engine does: by number and words, if one is offered again.
#[derive(Default)]
struct Kept {
    known: HashSet<(u16, String)>,
    texts: Vec<String>,
}

impl Kept {
    fn take(&mut self, link: &mut Link, settle: bool) -> String {
        let (number, packet, redelivered, text) = link.captured();
        let known = self.known.contains(&(packet, text.clone()));
        if !(redelivered && known) {
            self.known.insert((packet, text.clone()));
            self.texts.push(text.clone());
        }
        if settle {
            link.say(LinkWord::Settled(number));
        }
        text
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_the_broker_goes_and_comes_back() {
    let (gateway, mut broker) = (gateway(), Mosquitto::plain());
    let mut link = Link::open(&gateway, &terms_of(&broker));
    link.connected();
    let (mut kept, mut sent) = (Kept::default(), Vec::new());
    for round in 0..3 {
        for text in 0..10 {
            let text = format!("text {round} {text}");
            broker.capture(&text);
            sent.push(text);
        }
        // Some are settled, one is on the disk but not settled, the others wait at the broker.
        for _ in 0..5 {
            kept.take(&mut link, true);
        }
        kept.take(&mut link, false);
        broker.end();
        assert_eq!(link.fault(), F::Lost);
        broker.run();
    }
    broker.capture("the last");
    sent.push("the last".to_owned());
    while kept.take(&mut link, true) != "the last" {}
    let mut texts = kept.texts;
    texts.sort();
    sent.sort();
    assert_eq!(texts, sent);
}

#[test]
fn a_burst_of_texts_is_taken_in_turn_and_ends_nothing() {
    let (gateway, broker) = (gateway(), Mosquitto::plain());
    let mut link = Link::open(&gateway, &terms_of(&broker));
    link.connected();
    let all = |kind: &str| (0..150).map(|n| format!("{kind} {n}")).collect::<Vec<_>>();
    // Once while it is connected, and once while it is away.
    let mut sent = all("burst");
    broker.capture_all(&sent);
    let mut kept = Kept::default();
    for round in 0..2 {
        while kept.texts.len() < sent.len() {
            kept.take(&mut link, true);
        }
        if round == 0 {
            drop(link);
            broker.capture_all(&all("away"));
            sent.extend(all("away"));
            link = Link::open(&gateway, &terms_of(&broker));
        }
    }
    broker.capture("the last");
    while kept.take(&mut link, true) != "the last" {}
    sent.push("the last".to_owned());
    let mut texts = kept.texts;
    texts.sort();
    sent.sort();
    assert_eq!(texts, sent);
}

#[test]
fn what_is_no_text_is_refused_in_words_and_does_not_come_again() {
    let (gateway, broker) = (gateway(), Mosquitto::plain());
    broker.publish("capture", b"kept for everyone", &["-r"]);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    link.connected();
    let refused = |link: &mut Link| {
        let (number, why) = link.refused();
        link.say(LinkWord::Settled(number));
        why
    };
    assert_eq!(refused(&mut link), Refused::Retained);
    broker.publish("capture", b"", &["-r"]);
    assert_eq!(refused(&mut link), Refused::Empty);
    let long = vec![b'x'; 8 * 1024];
    for (payload, reason) in [
        (&[0xff, 0xfe, 0x00][..], Refused::NotText),
        (b"\x1b[2J", Refused::NotText),
        (b" \n\t ", Refused::Empty),
        (&[&long[..], b"x"].concat(), Refused::TooLong),
        (&vec![b'x'; 20 * 1024 * 1024], Refused::TooLong),
    ] {
        broker.publish("capture", payload, &[]);
        assert_eq!(refused(&mut link), reason);
    }
    broker.publish("capture", &long, &[]);
    assert_eq!(link.take().len(), 8 * 1024);
    mark(&broker, &mut link, "\u{fc}ml\u{e4}ut \u{1f600}\nsecond line");
    drop(link);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    assert!(link.connected());
    broker.capture("nothing came again");
    // What was settled at the last moment may; what was refused does not.
    while link.take() != "nothing came again" {}
    // Nor is it forgotten before the daemon has it on record.
    broker.publish("capture", b"\x1b[2J", &[]);
    assert_eq!(link.refused().1, Refused::NotText);
    drop(link);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    assert!(link.connected());
    assert_eq!(link.refused().1, Refused::NotText);
}

#[test]
fn a_press_of_the_button_is_passed_on_and_an_old_one_is_not() {
    let (gateway, broker) = (gateway(), Mosquitto::plain());
    broker.publish("lock", b"LOCK", &["-r"]);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    link.connected();
    mark(&broker, &mut link, "one");
    // One that is too large is none, and ends nothing, however often it is met.
    broker.publish("lock", &[b'L'; 100_000], &["-r"]);
    drop(link);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    mark(&broker, &mut link, "still here");
    broker.publish("lock", b"UNLOCK", &[]);
    broker.publish("lock", b"LOCK ", &[]);
    mark(&broker, &mut link, "two");
    // A text that waits does not hold it back.
    broker.capture("waits");
    link.captured();
    broker.publish("lock", b"LOCK", &[]);
    assert!(matches!(link.hear(), LinkReport::LockPressed));
    drop(link);
    broker.publish("lock", b"LOCK", &[]);
    let mut link = Link::open(&gateway, &terms_of(&broker));
    assert_eq!(link.take(), "waits");
    mark(&broker, &mut link, "nobody locks what was away");
}

/// All that a broker reads of a link that is given up once it has begun to speak, and is not answered.
fn given_up(encrypted_with: Option<&Authority>) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let gateway = gateway();
    let terms = encrypted_with.map_or_else(|| terms(port), |authority| encrypted(port, authority));
    let link = Link::open(&gateway, &terms);
    let (mut stream, _) = listener.accept().unwrap();
    // Shorter than what the gateway itself waits for a greeting.
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut begun = [0; 20];
    stream.read_exact(&mut begun).unwrap();
    drop(link);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the link was not given up");
    [&begun[..], &rest].concat()
}

#[test]
fn a_link_that_nobody_wants_ends_while_the_broker_keeps_it_waiting() {
    // Before the greeting of TLS is answered, no word of MQTT is said; without TLS no more than the introduction.
    const HANDSHAKE: u8 = 0x16;
    let greeted = given_up(Some(&Authority::new()));
    assert_eq!(greeted[0], HANDSHAKE);
    let canary = PASSWORD.as_bytes();
    assert!(!greeted.windows(canary.len()).any(|bytes| bytes == canary));
    let introduced = given_up(None);
    assert_eq!(introduced[0], 0x10, "a CONNECT, and nothing after it");
    assert!(
        introduced[1] < 0x80 || introduced[2] == 1,
        "its length has two digits at most"
    );
    let (more, high) = (introduced[1] >> 7, usize::from(introduced[2]));
    let length = usize::from(introduced[1] & 0x7f) + usize::from(more) * 128 * high;
    assert_eq!(introduced.len(), 2 + usize::from(more) + length);
}

#[test]
fn a_broker_that_breaks_the_protocol_is_left() {
    let connack = [0x20, 2, 0, 0];
    let topic = |name: &str| [&[0, 37][..], b"pocketai/0123456789abcdef/", name.as_bytes()].concat();
    let publish = |flags: u8, rest: &[u8]| {
        let length = u8::try_from(rest.len()).unwrap();
        [&[0x30 | flags, length][..], rest].concat()
    };
    let foreign = publish(2, b"\0\x05other\0\x07text");
    let twice = publish(4, &[&topic("capture,,,,")[..], b"\0\x07text"].concat());
    for (says, fault) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".repeat(9), F::Garbled),
        (vec![0xff; 4096], F::Garbled),
        (vec![0x20, 2, 0, 9], F::Garbled),
        (vec![0x20, 2, 0, 1], F::Garbled),
        (vec![0x20, 2, 0, 2], F::NotAllowed),
        (vec![0x20, 2, 0, 3], F::Unreachable),
        (vec![0x20, 2, 0, 5], F::LoginRefused),
        (vec![0xd0, 0], F::Garbled),
        (Vec::new(), F::Lost),
        ([&connack[..], &[0x40, 2, 0, 99]].concat(), F::Garbled),
        (
            [&connack[..], &[0x90, 4, 0, 1, 0x80, 0x80]].concat(),
            F::NotAllowed,
        ),
        ([&connack[..], &[0x90, 3, 0, 1, 0]].concat(), F::NotAllowed),
        ([&connack[..], &foreign].concat(), F::Garbled),
        ([&connack[..], &twice].concat(), F::Garbled),
        ([&connack[..], &[0xe0, 0]].concat(), F::Garbled),
        (
            [&connack[..], &[0x20, 0x80, 0x80, 0x80, 0x7f]].concat(),
            F::Garbled,
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = says.clone();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 20]).unwrap();
            stream.write_all(&said).unwrap();
            if said.len() > 4 || said.is_empty() {
                // Nothing more: whoever is still there hears the end.
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
            stream.read_to_end(&mut Vec::new()).unwrap_or_default();
        });
        let gateway = gateway();
        let mut link = Link::open(&gateway, &terms(port));
        let told = loop {
            match link.hear() {
                LinkReport::Connected { .. } => {}
                LinkReport::Lost(fault) => break fault,
                _ => panic!("it was heard"),
            }
        };
        assert_eq!(told, fault, "{says:?}");
        drop(link);
        server.join().unwrap();
    }
}
