use pocket_core::RecordId;
use pocket_crypto::SecretBytes;
use pocket_grant::{Headers, SealedCall, ToGateway, decode_to_gateway};

use super::*;

const BODY: &[u8] = b"{\"a\":1}";

fn now() -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000)
}

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

fn terms() -> Terms {
    Terms {
        id: RecordId::from_bytes([1; 16]),
        host: "api.example.org".to_owned(),
        port: 443,
        path: "/v1/chat".to_owned(),
        method: Method::Post,
        body_sha256: Sha256::digest(BODY).into(),
        body_length: 7,
        most_answer: 1000,
        patience_millis: 5000,
        expires: Timestamp::from_millis(now().millis() + 1),
        nonce: [3; 16],
        pin: None,
    }
}

fn call(terms: &Terms, header: (&str, &[u8])) -> UncheckedCall {
    let mut headers = Headers::default();
    headers.push(header.0, SecretBytes::new(header.1.to_vec()));
    let sealed = SealedCall::forged(terms, &headers, &key(7)).unwrap();
    match decode_to_gateway(&sealed.expose_frame()[4..]).unwrap() {
        ToGateway::Call(call) => call,
        _ => panic!("not a call"),
    }
}

fn judged(gate: &mut Gate, terms: &Terms, body: &[u8]) -> Result<Approved, CallFailure> {
    let admitted = gate.admit(call(terms, ("x", b"y")), &key(7), now())?;
    admitted.approve(body.to_vec())
}

fn refused(change: impl FnOnce(&mut Terms)) -> Option<CallFailure> {
    let mut terms = terms();
    change(&mut terms);
    judged(&mut Gate::new(Daemons::Any), &terms, BODY).err()
}

#[test]
fn what_is_as_granted_may_leave() {
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|terms| terms.port = 8443), None);
}

#[test]
fn what_is_not_as_granted_may_not() {
    use CallFailure as F;
    assert_eq!(refused(|terms| terms.expires = now()), Some(F::Expired));
    assert_eq!(refused(|terms| terms.body_sha256[31] ^= 1), Some(F::BodyChanged));
    assert_eq!(refused(|terms| terms.body_length = 8), Some(F::BodyChanged));
    assert_eq!(refused(|terms| terms.body_length = 6), Some(F::BodyChanged));
    assert_eq!(
        refused(|terms| terms.body_length = MOST_BODY + 1),
        Some(F::RequestInvalid)
    );
    assert_eq!(refused(|terms| terms.port = 0), Some(F::RequestInvalid));
    assert_eq!(
        refused(|terms| terms.path = "v1".to_owned()),
        Some(F::RequestInvalid)
    );
    assert_eq!(
        refused(|terms| terms.path = "/\r\nX: y".to_owned()),
        Some(F::RequestInvalid)
    );
    for host in [
        "127.0.0.1",
        "localhost",
        "a.example.org.",
        "u@example.org",
        "[::1]",
        "",
    ] {
        assert_eq!(
            refused(|terms| terms.host = host.to_owned()),
            Some(F::HostInvalid),
            "{host}"
        );
    }
    let changed = judged(&mut Gate::new(Daemons::Any), &terms(), b"{\"a\":2}");
    assert_eq!(changed.err(), Some(F::BodyChanged));
}

#[test]
fn a_header_that_ends_a_line_does_not_leave() {
    let mut gate = Gate::new(Daemons::Any);
    let admitted = gate.admit(call(&terms(), ("x", b"y\r\nz: a")), &key(7), now());
    let approved = admitted.and_then(|admitted| admitted.approve(BODY.to_vec()));
    assert_eq!(approved.err(), Some(CallFailure::RequestInvalid));
}

#[test]
fn a_call_of_another_daemon_is_forged_and_uses_nothing_up() {
    let mut gate = Gate::new(Daemons::Any);
    let forged = gate.admit(call(&terms(), ("x", b"y")), &key(8), now());
    assert_eq!(forged.err(), Some(CallFailure::Forged));
    assert!(judged(&mut gate, &terms(), BODY).is_ok());
}

#[test]
fn a_grant_is_used_up_by_being_shown_even_with_another_body() {
    let mut gate = Gate::new(Daemons::Any);
    assert_eq!(
        judged(&mut gate, &terms(), b"other!!").err(),
        Some(CallFailure::BodyChanged)
    );
    assert_eq!(
        judged(&mut gate, &terms(), BODY).err(),
        Some(CallFailure::Replayed)
    );
    let mut longer = terms();
    longer.expires = Timestamp::from_millis(i64::MAX);
    assert_eq!(
        judged(&mut gate, &longer, BODY).err(),
        Some(CallFailure::Replayed)
    );
}

#[test]
fn a_child_is_called_by_one_daemon_and_a_service_by_each_in_turn() {
    let mut child = Gate::new(Daemons::First);
    assert_eq!(child.greeted(&key(1)), Ok(()));
    assert_eq!(child.greeted(&key(2)), Err(CallFailure::Forged));
    assert_eq!(child.greeted(&key(1)), Ok(()));
    let mut service = Gate::new(Daemons::Any);
    assert_eq!(service.greeted(&key(1)), Ok(()));
    assert_eq!(service.greeted(&key(2)), Ok(()));
}

#[test]
fn what_is_no_longer_remembered_can_still_not_be_used_twice() {
    let mut used = Used::default();
    let total = 3 * MOST_REMEMBERED;
    let of = |number: usize| {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        (nonce, Timestamp::from_millis(i64::try_from(number / 7).unwrap()))
    };
    let taken = (0..total).filter(|number| {
        let (nonce, expires) = of(*number);
        used.take(nonce, expires).is_ok()
    });
    // A few that end with the last of the forgotten ones are refused with them.
    let taken = taken.count();
    assert!(taken > total - 100, "{taken}");
    assert!(used.nonces.len() <= MOST_REMEMBERED);
    assert!(used.forgotten.is_some());
    for number in 0..total {
        let (nonce, expires) = of(number);
        assert_eq!(used.take(nonce, expires), Err(CallFailure::Replayed), "{number}");
    }
}
