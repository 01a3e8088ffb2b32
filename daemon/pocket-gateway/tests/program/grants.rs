//! What a gateway does not send. Each is seen to reach no server.

use std::fs::File;
use std::net::UdpSocket;
use std::thread;

use nix::sched::{CloneFlags, setns};
use pocket_core::{CallFailure as F, Terms, Timestamp};
use pocket_crypto::secret::Key;
use pocket_grant::{MOST_BODY, SealedCall, body_frames, greeting};

use crate::gateway::{BODY, Line, Running, headers, key, terms};
use crate::server::{Authority, Flaw, Server, ok};

struct Met {
    gateway: Running,
    server: Server,
}

impl Met {
    fn new() -> Self {
        let authority = Authority::new();
        let server = Server::start(&authority.issue(Flaw::None), ok("{}"));
        Self {
            gateway: Running::start(&authority, server.address),
            server,
        }
    }

    fn refused(&self, change: impl FnOnce(&mut Terms)) -> Option<F> {
        let mut terms = terms();
        change(&mut terms);
        let told = self.gateway.call(&terms);
        assert!(self.server.is_untouched());
        told.refusal()
    }

    /// A line on which `words` were said.
    fn said(&self, words: &[&[u8]]) -> Line {
        let mut line = self.gateway.connect();
        words.iter().for_each(|words| line.say(words));
        line
    }
}

#[test]
fn nothing_leaves_that_is_not_as_granted() {
    let met = Met::new();
    assert_eq!(
        met.refused(|terms| terms.body_sha256[0] ^= 1),
        Some(F::BodyChanged)
    );
    assert_eq!(met.refused(|terms| terms.body_length -= 1), Some(F::BodyChanged));
    assert_eq!(
        met.refused(|terms| terms.body_length = MOST_BODY + 1),
        Some(F::RequestInvalid)
    );
    assert_eq!(
        met.refused(|terms| terms.path.push('\n')),
        Some(F::RequestInvalid)
    );
    assert_eq!(
        met.refused(|terms| terms.expires = Timestamp::from_millis(1_700_000_000_000)),
        Some(F::Expired)
    );
    for host in [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "model.test.",
        "x@model.test",
        "MODEL.test",
    ] {
        assert_eq!(
            met.refused(|terms| terms.host = host.to_owned()),
            Some(F::HostInvalid),
            "{host}"
        );
    }
    assert_eq!(met.gateway.call(&terms()).failure(), None);
}

#[test]
fn a_name_that_leads_into_a_network_is_not_connected_to() {
    let hosts = "127.0.0.1 here.example.org.\n10.1.2.3 inside.example.org.\n::1 here6.example.org.\n\
                 fd00::1 mixed.example.org.\n8.8.8.8 mixed.example.org.\n8.8.8.8 public.example.org.\n";
    let Some(gateway) = Running::apart(&Authority::new(), hosts) else {
        println!("not tested: this user may not make a network of its own");
        return;
    };
    let refused = |host: &str| {
        let mut terms = terms();
        terms.host = host.to_owned();
        gateway.call(&terms).refusal()
    };
    for host in ["here", "inside", "here6", "mixed"] {
        let name = format!("{host}.example.org");
        assert_eq!(refused(&name), Some(F::AddressNotPublic), "{name}");
    }
    // The same, but for the address: there is no way to it from there.
    assert_eq!(refused("public.example.org"), Some(F::Unreachable));
}

/// A name server in the network of `gateway`, which says of every name that it is at `address`; `None` where
/// this user may not enter there.
fn name_server(gateway: &Running, address: [u8; 4]) -> Option<()> {
    let network = File::open(format!("/proc/{}/ns/net", gateway.pid())).ok()?;
    let bound = thread::spawn(move || {
        setns(network, CloneFlags::CLONE_NEWNET).ok()?;
        UdpSocket::bind("127.0.0.1:53").ok()
    });
    let socket = bound.join().unwrap()?;
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            // Behind the head of 12 bytes (RFC 1035) comes the name, then its type and class.
            let name = question[12..].iter().position(|byte| *byte == 0).unwrap();
            let end = 12 + name + 5;
            let is_v4 = question[end - 4..end - 2] == [0, 1];
            let mut answer = question[..end].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]);
            if is_v4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(address);
            }
            assert!(length >= end);
            socket.send_to(&answer, from).unwrap();
        }
    });
    Some(())
}

#[test]
fn what_a_name_server_says_is_judged_alike() {
    for (address, failure) in [
        ([192, 168, 1, 1], F::AddressNotPublic),
        ([169, 254, 169, 254], F::AddressNotPublic),
        ([8, 8, 8, 8], F::Unreachable),
    ] {
        let gateway = Running::apart(&Authority::new(), "");
        let Some(gateway) = gateway.filter(|gateway| name_server(gateway, address).is_some()) else {
            println!("not tested: this user may not make a network of its own, and enter it");
            return;
        };
        let mut terms = terms();
        terms.host = "asked.example.org".to_owned();
        assert_eq!(gateway.call(&terms).refusal(), Some(failure));
    }
}

#[test]
fn a_name_that_nobody_knows_is_said() {
    let Some(gateway) = Running::apart(&Authority::new(), "") else {
        println!("not tested: this user may not make a network of its own");
        return;
    };
    assert_eq!(gateway.call(&terms()).refusal(), Some(F::HostUnknown));
}

#[test]
fn a_grant_is_used_once_whatever_came_of_it() {
    let met = Met::new();
    let first = terms();
    assert_eq!(met.gateway.call(&first).failure(), None);
    assert_eq!(met.gateway.call(&first).refusal(), Some(F::Replayed));
    let second = terms();
    let mut line = met.gateway.connect();
    line.ask(&second, &b"x".repeat(BODY.len()));
    assert_eq!(line.hear().refusal(), Some(F::BodyChanged));
    assert_eq!(met.gateway.call(&second).refusal(), Some(F::Replayed));
    assert_eq!(met.server.connections(), 1);
}

#[test]
fn a_call_with_another_key_a_changed_bit_or_of_a_second_daemon_is_forged() {
    let met = Met::new();
    let other = Key::from_bytes([8; 32]);
    let call = SealedCall::forged(&terms(), &headers(), &other).unwrap();
    let mut line = met.said(&[&greeting(&key()), call.expose_frame()]);
    assert_eq!(line.hear().refusal(), Some(F::Forged));
    let mut changed = SealedCall::forged(&terms(), &headers(), &key())
        .unwrap()
        .expose_frame()
        .to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let mut line = met.said(&[&greeting(&key()), &changed]);
    assert_eq!(line.hear().refusal(), Some(F::Forged));
    let mut line = met.said(&[&greeting(&other), call.expose_frame()]);
    assert_eq!(line.hear().refusal(), Some(F::Forged));
    assert!(met.server.is_untouched());
}

#[test]
fn another_version_is_told_so() {
    let met = Met::new();
    let mut newer = greeting(&key()).to_vec();
    newer[5] = newer[5].wrapping_add(1);
    assert_eq!(met.said(&[&newer]).hear().refusal(), Some(F::GatewayVersion));
}

#[test]
fn what_is_not_the_protocol_is_cut_off_and_the_next_caller_is_served() {
    let met = Met::new();
    let call = SealedCall::forged(&terms(), &headers(), &key()).unwrap();
    let hello = greeting(&key());
    for words in [
        vec![&b"GET / HTTP/1.1\r\n\r\n"[..]],
        vec![&[0xff; 64]],
        vec![&[0, 0, 0, 0]],
        vec![call.expose_frame()],
        vec![&hello, &hello],
        vec![&hello, call.expose_frame(), &hello],
    ] {
        let told = met.said(&words).hear();
        assert!(told.address.is_none() && told.head.is_none());
    }
    assert!(met.server.is_untouched());
    assert_eq!(met.gateway.call(&terms()).failure(), None);
}

#[test]
fn a_second_body_ends_the_call() {
    let met = Met::new();
    let mut line = met.gateway.connect();
    line.call(&terms());
    let twice: Vec<u8> = body_frames(BODY)
        .chain(body_frames(BODY))
        .flat_map(|(ahead, piece)| [&ahead, piece].concat())
        .collect();
    line.say(&twice);
    let mut ended = false;
    while let Some(report) = line.next() {
        ended |= report.is_last();
    }
    assert!(!ended, "it was not given up");
}

#[test]
fn the_pieces_of_a_body_may_not_be_more_than_granted_nor_empty() {
    let met = Met::new();
    for body in [[BODY, b"x"].concat(), Vec::new()] {
        let mut line = met.gateway.connect();
        line.call(&terms());
        if body.is_empty() {
            line.say(&[1, 0, 0, 0, 2]);
        }
        line.body(&body);
        assert_eq!(line.hear().refusal(), Some(F::BodyChanged));
    }
    assert!(met.server.is_untouched());
}
