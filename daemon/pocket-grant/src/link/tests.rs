use pocket_core::{Profile, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{Headers, SealedCall, ToGateway, body_length, decode_to_gateway};

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn terms() -> LinkTerms {
    LinkTerms {
        host: "broker.lan".to_owned(),
        port: 8883,
        encrypted: true,
        ca: Some("-----BEGIN CERTIFICATE-----".to_owned()),
        user: Some("pocketai".to_owned()),
        device: "0123456789abcdef".to_owned(),
        prefix: "homeassistant".to_owned(),
        expires: Timestamp::from_millis(1_800_000_000_000),
        nonce: [3; 16],
    }
}

fn password() -> SecretBytes {
    SecretBytes::new(b"canary".to_vec())
}

fn body(frame: &[u8]) -> &[u8] {
    let (prefix, body) = frame.split_first_chunk::<4>().unwrap();
    assert_eq!(body_length(*prefix), Ok(body.len()));
    body
}

fn link(frame: &[u8]) -> UncheckedLink {
    match decode_to_gateway(body(frame)).unwrap() {
        ToGateway::Link(link) => link,
        _ => panic!("not a link"),
    }
}

#[test]
fn a_link_comes_out_as_it_went_in() {
    for given in [None, Some(password())] {
        let sealed = SealedLink::forged(&terms(), given.as_ref(), &key(7)).unwrap();
        let opened = link(sealed.expose_frame()).open(&key(7)).ok().unwrap();
        let (read, password) = opened.into_parts();
        assert!(read == terms());
        let password = password.map(|password| password.expose_bytes().to_vec());
        assert_eq!(password, given.map(|given| given.expose_bytes().to_vec()));
    }
}

#[test]
fn a_link_under_another_key_or_with_any_bit_changed_is_forged() {
    let sealed = SealedLink::forged(&terms(), Some(&password()), &key(7)).unwrap();
    let frame = sealed.expose_frame();
    assert_eq!(link(frame).open(&key(8)).err(), Some(LinkFault::Forged));
    for place in 5..frame.len() {
        let mut frame = frame.to_vec();
        frame[place] ^= 1;
        assert_eq!(
            link(&frame).open(&key(7)).err(),
            Some(LinkFault::Forged),
            "{place}"
        );
    }
}

#[test]
fn a_call_does_not_pass_for_a_link_nor_a_link_for_a_call() {
    let sealed = SealedLink::forged(&terms(), None, &key(7)).unwrap();
    let mut frame = sealed.expose_frame().to_vec();
    frame[LENGTH] = crate::message::CALL;
    let Ok(ToGateway::Call(call)) = decode_to_gateway(body(&frame)) else {
        panic!("not a call")
    };
    assert_eq!(call.open(&key(7)).err(), Some(pocket_core::CallFailure::Forged));
    let call = SealedCall::forged(&crate::message::tests::terms(), &Headers::default(), &key(7)).unwrap();
    let mut frame = call.expose_frame().to_vec();
    frame[LENGTH] = LINK;
    assert_eq!(link(&frame).open(&key(7)).err(), Some(LinkFault::Forged));
}

#[test]
fn words_and_reports_come_out_as_they_went_in_and_nothing_may_follow_them() {
    let state = DeviceState {
        healthy: true,
        storage: 42,
        profile: Profile::LocalNetwork,
        waiting: 3,
    };
    for word in [LinkWord::Settled(u32::MAX), LinkWord::State(state)] {
        let frame = word_frame(word);
        assert!(matches!(decode_to_gateway(body(&frame)), Ok(ToGateway::Said(said)) if said == word));
        assert!(decode_to_gateway(&[body(&frame), &[0]].concat()).is_err());
    }
    let captured = |length| LinkReport::Captured {
        number: 1,
        packet: u16::MAX,
        redelivered: true,
        text: "x".repeat(length),
    };
    for report in [
        captured(MOST_CAPTURE),
        LinkReport::Connected { resumed: true },
        LinkReport::Ended(LinkFault::Expired),
        LinkReport::LockPressed,
        LinkReport::Lost(LinkFault::Silent),
        LinkReport::Refused {
            number: 1,
            why: Refused::TooLong,
        },
    ] {
        let frame = link_report_frame(&report).unwrap();
        let read = decode_link_report(body(&frame)).unwrap();
        assert!(link_report_frame(&read).unwrap() == frame);
        assert!(decode_link_report(&[body(&frame), &[0]].concat()).is_err());
    }
    let long = link_report_frame(&captured(MOST_CAPTURE + 1)).unwrap();
    assert!(decode_link_report(body(&long)).is_err());
}

proptest! {
    #[test]
    fn no_change_of_a_link_makes_it_panic(place in 0usize..200, byte in any::<u8>()) {
        let sealed = SealedLink::forged(&terms(), Some(&password()), &key(7)).unwrap();
        let mut said = body(sealed.expose_frame())[33..].to_vec();
        let place = place % said.len();
        said[place] = byte;
        crate::decode_any(&said);
    }
}
