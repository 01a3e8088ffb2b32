use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use pocket_core::{CallFailure, Method, RecordId, Terms, Timestamp};
use pocket_crypto::SecretBytes;
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::frame::{MAX_FRAME, body_length};
use crate::{Headers, SealedCall};

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

pub(crate) fn terms() -> Terms {
    Terms {
        id: RecordId::from_bytes([1; 16]),
        host: "api.example.org".to_owned(),
        port: 443,
        path: "/v1/chat".to_owned(),
        method: Method::Post,
        body_sha256: [2; 32],
        body_length: 70_000,
        most_answer: 1000,
        patience_millis: 5000,
        expires: Timestamp::from_millis(1_800_000_000_000),
        nonce: [3; 16],
        pin: Some([4; 32]),
    }
}

fn headers() -> Headers {
    let mut headers = Headers::default();
    headers.push("authorization", SecretBytes::new(b"Bearer canary".to_vec()));
    headers.push("content-type", SecretBytes::new(b"application/json".to_vec()));
    headers
}

fn body(frame: &[u8]) -> &[u8] {
    let (prefix, body) = frame.split_first_chunk::<4>().unwrap();
    assert_eq!(body_length(*prefix), Ok(body.len()));
    body
}

fn call(frame: &[u8]) -> UncheckedCall {
    match decode_to_gateway(body(frame)).unwrap() {
        ToGateway::Call(call) => call,
        _ => panic!("not a call"),
    }
}

#[test]
fn a_call_comes_out_as_it_went_in() {
    let sealed = SealedCall::forged(&terms(), &headers(), &key(7)).unwrap();
    assert_eq!(sealed.body_length(), 70_000);
    let opened = call(sealed.expose_frame()).open(&key(7));
    let (read, sent) = opened.map(|call| call.into_parts()).ok().unwrap();
    assert!(read == terms());
    let pairs: Vec<_> = sent
        .iter()
        .map(|header| (header.name.as_str(), header.value.expose_bytes()))
        .collect();
    assert_eq!(pairs[0], ("authorization", &b"Bearer canary"[..]));
    assert_eq!(pairs[1], ("content-type", &b"application/json"[..]));
    assert_eq!(pairs.len(), 2);
}

#[test]
fn a_call_is_authenticated_as_documented() {
    let sealed = SealedCall::forged(&terms(), &headers(), &key(7)).unwrap();
    let (kind, rest) = body(sealed.expose_frame()).split_first().unwrap();
    let (code, said) = rest.split_at(32);
    let mac_key = key(7).derive("pocketai/1 grant", b"");
    let mac = Hmac::<Sha256>::new_from_slice(mac_key.expose_bytes()).unwrap();
    assert_eq!(mac.chain_update(said).finalize().into_bytes().as_slice(), code);
    assert_eq!(*kind, 1);
}

#[test]
fn a_call_under_another_key_or_with_any_bit_changed_is_forged() {
    let sealed = SealedCall::forged(&terms(), &headers(), &key(7)).unwrap();
    assert_eq!(
        call(sealed.expose_frame()).open(&key(8)).err(),
        Some(CallFailure::Forged)
    );
    for place in 5..sealed.expose_frame().len() {
        let mut frame = sealed.expose_frame().to_vec();
        frame[place] ^= 1;
        assert_eq!(
            call(&frame).open(&key(7)).err(),
            Some(CallFailure::Forged),
            "{place}"
        );
    }
}

#[test]
fn a_call_that_does_not_fit_is_not_made() {
    let mut headers = headers();
    headers.push("x", SecretBytes::new(vec![b'x'; MAX_FRAME]));
    assert!(SealedCall::forged(&terms(), &headers, &key(7)).is_err());
}

#[test]
fn a_greeting_tells_its_version_first() {
    let frame = greeting(&key(9));
    let said = body(&frame);
    let Ok(ToGateway::Greeting {
        version: VERSION,
        key: Some(told),
    }) = decode_to_gateway(said)
    else {
        panic!("not the greeting")
    };
    assert!(told.matches(&key(9)));
    let mut newer = said.to_vec();
    newer[1] = newer[1].wrapping_add(1);
    newer.push(0);
    assert!(matches!(
        decode_to_gateway(&newer),
        Ok(ToGateway::Greeting { key: None, .. })
    ));
    for damaged in [&said[..said.len() - 1], &said[..2], &[said, &[0]].concat()] {
        assert!(decode_to_gateway(damaged).is_err());
    }
}

#[test]
fn a_body_is_cut_into_pieces_and_put_together_again() {
    let whole: Vec<u8> = (0..=u8::MAX).cycle().take(2 * MAX_PIECE + 5).collect();
    let mut seen = Vec::new();
    let mut count = 0;
    for (ahead, piece) in body_frames(&whole) {
        let frame = [&ahead[..], piece].concat();
        match decode_to_gateway(body(&frame)).unwrap() {
            ToGateway::Piece(piece) => seen.extend(piece),
            _ => panic!("not a piece"),
        }
        count += 1;
    }
    assert!(seen == whole);
    assert_eq!((count, body_frames(&[]).count()), (3, 0));
    let long = [&[PIECE][..], &vec![0; MAX_PIECE + 1]].concat();
    assert!(decode_to_gateway(&long).is_err());
}

#[test]
fn reports_come_out_as_they_went_in_and_nothing_may_follow_them() {
    let address: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
    let reports = [
        Report::Connected { address },
        Report::Head {
            status: 200,
            media_type: Some("text/event-stream".to_owned()),
            length: Some(u64::MAX),
            leads_to: None,
        },
        Report::Piece(vec![5; MAX_PIECE]),
        Report::Step {
            step: pocket_core::PlaceStep::Put,
            status: 507,
        },
        Report::Ended {
            sent: 1,
            received: u64::MAX,
        },
        Report::refused(CallFailure::Replayed),
    ];
    for report in reports {
        let frame = report_frame(&report).unwrap();
        let read = decode_report(body(&frame)).unwrap();
        assert!(report_frame(&read).unwrap() == frame);
        assert!(decode_report(&[body(&frame), &[0]].concat()).is_err());
    }
    assert!(report_frame(&Report::Piece(vec![0; MAX_PIECE + 64])).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), kind in 0u8..6) {
        crate::decode_any(&bytes);
        crate::decode_any(&[&[kind][..], &bytes].concat());
    }

    #[test]
    fn no_change_of_a_call_makes_it_panic(place in 0usize..200, byte in any::<u8>()) {
        let sealed = SealedCall::forged(&terms(), &headers(), &key(7)).unwrap();
        let mut said = body(sealed.expose_frame())[33..].to_vec();
        let place = place % said.len();
        said[place] = byte;
        crate::decode_any(&said);
    }
}
