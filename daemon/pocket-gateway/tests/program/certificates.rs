//! Whom the gateway takes for the host of a grant.

use pocket_core::CallFailure as F;
use pocket_core::Terms;

use crate::gateway::{Running, Told, terms};
use crate::server::{Act, Authority, Flaw, Identity, Server, ok};

fn met_by(authority: &Authority, identity: &Identity, terms: &Terms) -> Told {
    let server = Server::start(identity, ok("{}"));
    Running::start(authority, server.address).call(terms)
}

/// The greeting alone had left, and not a byte of the request.
fn failed(told: &Told, failure: F) {
    assert_eq!(told.failure(), Some(failure));
    assert_eq!(told.address, None);
    assert!(told.head.is_none());
}

#[test]
fn a_certificate_that_is_not_the_hosts_gets_nothing() {
    let authority = Authority::new();
    for (flaw, failure) in [
        (Flaw::Expired, F::CertificateExpired),
        (Flaw::NotYet, F::CertificateExpired),
        (Flaw::OtherHost, F::CertificateName),
    ] {
        failed(&met_by(&authority, &authority.issue(flaw), &terms()), failure);
    }
    let stranger = Authority::new().issue(Flaw::None);
    failed(&met_by(&authority, &stranger, &terms()), F::CertificateIssuer);
    let (first, second) = (Authority::named("one name"), Authority::named("one name"));
    failed(
        &met_by(&first, &second.issue(Flaw::None), &terms()),
        F::CertificateInvalid,
    );
}

#[test]
fn a_pin_is_asked_beside_everything_else() {
    let authority = Authority::new();
    let identity = authority.issue(Flaw::None);
    let mut pinned = terms();
    pinned.pin = Some(identity.pin());
    assert_eq!(met_by(&authority, &identity, &pinned).failure(), None);
    let mut other = terms();
    other.pin = Some(authority.issue(Flaw::None).pin());
    failed(&met_by(&authority, &identity, &other), F::CertificatePin);
    // The right key in a certificate of nobody.
    let stranger = Authority::new().issue(Flaw::None);
    let mut pinned = terms();
    pinned.pin = Some(stranger.pin());
    failed(&met_by(&authority, &stranger, &pinned), F::CertificateIssuer);
    let expired = authority.issue(Flaw::Expired);
    let mut pinned = terms();
    pinned.pin = Some(expired.pin());
    failed(&met_by(&authority, &expired, &pinned), F::CertificateExpired);
}

#[test]
fn both_versions_of_tls_are_spoken_and_no_older_one() {
    let authority = Authority::new();
    let identity = authority.issue(Flaw::None);
    for tls12 in [true, false] {
        let server = Server::with(&identity, ok("{}"), tls12);
        let told = Running::start(&authority, server.address).call(&terms());
        assert_eq!(told.failure(), None);
    }
    // Hello of a server of TLS 1.1 (RFC 4346): version, random, no session, a cipher, no compression.
    let hello = [
        &[0x16, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..],
        &[9; 32],
        &[0, 0, 0x2f, 0],
    ]
    .concat();
    let alert = [0x15, 3, 1, 0, 2, 2, 70].to_vec();
    for raw in [hello, alert, b"HTTP/1.1 400 Bad\r\n\r\n".to_vec()] {
        let server = Server::start(&identity, Act::Raw(raw));
        let told = Running::start(&authority, server.address).call(&terms());
        failed(&told, F::TlsFailed);
    }
    let server = Server::start(&identity, Act::Raw(Vec::new()));
    failed(
        &Running::start(&authority, server.address).call(&terms()),
        F::ConnectionLost,
    );
}
