use pocket_core::{
    Added, Category, Content, Credential, Entry, FailureKind, NewEntry, Note, Origin, Page, Record, RecordId,
    Task, Timestamp,
};
use proptest::prelude::*;

use super::*;

const PREFIX: usize = 4;

fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::new(bytes.to_vec())
}

fn request_body(request: &ToDaemon) -> Vec<u8> {
    let frame = encode_request(request).unwrap();
    let length = usize::try_from(u32::from_be_bytes(*frame.first_chunk().unwrap())).unwrap();
    assert_eq!(length, frame.len() - PREFIX);
    frame[PREFIX..].to_vec()
}

fn reply_body(reply: &Result<Reply, Failure>) -> Vec<u8> {
    encode_reply(reply).unwrap()[PREFIX..].to_vec()
}

fn call(operation: Operation, passphrase: Option<&[u8]>, payload: Option<&[u8]>) -> ToDaemon {
    ToDaemon::Call(Box::new(Call {
        operation,
        passphrase: passphrase.map(secret),
        payload: payload.map(secret),
    }))
}

fn content(title: &str) -> Content {
    let note = Note {
        title: title.to_owned(),
        ..Note::default()
    };
    Content::check(Record::Note(note)).unwrap_or_else(|error| panic!("{error}"))
}

fn add(title: &str) -> Operation {
    let item = NewEntry {
        id: Some(RecordId::from_bytes([1; 16])),
        created: Some(Timestamp::from_millis(1)),
        updated: None,
        upload: None,
        content: content(title),
    };
    Operation::Add {
        items: vec![item],
        import: true,
    }
}

fn samples() -> Vec<Vec<u8>> {
    let entry = Entry {
        id: RecordId::from_bytes([2; 16]),
        created: Timestamp::from_millis(5),
        updated: Timestamp::from_millis(6),
        revision: 3,
        origin: Origin::Agent,
        content: content("Seen"),
    };
    let page = Answer::Page(Page {
        entries: vec![entry],
        total: 9,
        more: true,
    });
    vec![
        request_body(&call(add("Bread"), None, Some(b"piece"))),
        request_body(&call(Operation::PassphraseChange, Some(b"old"), Some(b"new"))),
        request_body(&ToDaemon::Mcp {
            token: secret(b"pai_x"),
        }),
        reply_body(&Ok(Reply {
            answer: page,
            payload: None,
        })),
        reply_body(&Ok(Reply {
            answer: Answer::Done,
            payload: Some(secret(b"key")),
        })),
        reply_body(&Err(Failure::new(FailureKind::Locked, "locked", "unlock it"))),
    ]
}

#[test]
fn requests_arrive_as_they_were_sent() {
    let operation = Operation::Unlock {
        with: Credential::RecoveryKey,
    };
    let sent = call(operation, Some(b"open sesame"), None);
    let Ok(ToDaemon::Call(received)) = decode_request(&request_body(&sent)) else {
        panic!("not a call");
    };
    assert!(matches!(
        received.operation,
        Operation::Unlock {
            with: Credential::RecoveryKey
        }
    ));
    assert_eq!(received.passphrase.unwrap().expose_bytes(), b"open sesame");
    assert!(received.payload.is_none());

    let received = decode_request(&request_body(&ToDaemon::Mcp {
        token: secret(b"pai_x"),
    }));
    assert!(matches!(received, Ok(ToDaemon::Mcp { token }) if token.expose_bytes() == b"pai_x"));

    let received = decode_request(&request_body(&call(add("Bread"), None, Some(b""))));
    let Ok(ToDaemon::Call(received)) = received else {
        panic!("not a call");
    };
    assert!(received.payload.unwrap().is_empty());
    let Operation::Add { items, import: true } = received.operation else {
        panic!("not an import");
    };
    assert_eq!(items[0].id, Some(RecordId::from_bytes([1; 16])));
    assert!(items[0].content == content("Bread"));
}

#[test]
fn replies_and_failures_arrive_as_they_were_sent() {
    let answer = Answer::Added(vec![Added::New(RecordId::from_bytes([7; 16]))]);
    let sent = Ok(Reply {
        answer,
        payload: Some(secret(b"token")),
    });
    let received = decode_reply(&reply_body(&sent))
        .unwrap()
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(
        matches!(received.answer, Answer::Added(added) if added == [Added::New(RecordId::from_bytes([7; 16]))])
    );
    assert_eq!(received.payload.unwrap().expose_bytes(), b"token");

    let failure = Failure::new(FailureKind::Full, "no room", "make room");
    let received = decode_reply(&reply_body(&Err(failure.clone()))).unwrap();
    assert!(received.is_err_and(|received| received == failure));
}

#[test]
fn what_is_cut_lengthened_or_against_the_rules_is_garbled() {
    let whole = request_body(&call(Operation::Status, Some(b"abc"), None));
    for cut in 0..whole.len() {
        assert_eq!(decode_request(&whole[..cut]).err(), Some(Garbled), "cut at {cut}");
    }
    let mut longer = whole;
    longer.push(0);
    assert_eq!(decode_request(&longer).err(), Some(Garbled));
    // The token must be there.
    assert_eq!(decode_request(&[1, ABSENT]).err(), Some(Garbled));
    // A record without a title does not come in, however it is spelt.
    let empty = Operation::Search {
        categories: vec![Category::Notes],
        query: String::new(),
        limit: 1,
    };
    assert!(decode_request(&request_body(&call(empty, None, None))).is_ok());
    let mut bytes = request_body(&call(add("x"), None, None));
    let at = bytes.iter().position(|byte| *byte == b'x').unwrap();
    bytes[at] = b' ';
    assert_eq!(decode_request(&bytes).err(), Some(Garbled));
}

#[test]
fn a_message_over_the_limit_is_not_made() {
    let long = vec![0; MAX_FRAME];
    assert!(encode_request(&call(Operation::Status, None, Some(&long))).is_err());
    let task = Task {
        title: "t".to_owned(),
        notes: "x".repeat(1024),
        ..Task::default()
    };
    let Ok(content) = Content::check(Record::Task(task)) else {
        panic!("a good task");
    };
    let entry = Entry {
        id: RecordId::from_bytes([2; 16]),
        created: Timestamp::default(),
        updated: Timestamp::default(),
        revision: 1,
        origin: Origin::Owner,
        content,
    };
    let page = Page {
        entries: vec![entry; 11 * 1024],
        total: 0,
        more: false,
    };
    assert!(
        encode_reply(&Ok(Reply {
            answer: Answer::Page(page),
            payload: None
        }))
        .is_err()
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        crate::decode_any(&bytes);
    }

    #[test]
    fn no_change_of_a_real_message_makes_it_panic(
        sample in 0..6usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = samples()[sample].clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        crate::decode_any(&bytes);
    }

    #[test]
    fn parts_arrive_byte_for_byte(
        passphrase in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
        payload in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..64)),
    ) {
        let sent = call(Operation::Setup, passphrase.as_deref(), payload.as_deref());
        let Ok(ToDaemon::Call(received)) = decode_request(&request_body(&sent)) else {
            panic!("not a call");
        };
        let bytes = |part: Option<SecretBytes>| part.map(|part| part.expose_bytes().to_vec());
        prop_assert_eq!(bytes(received.passphrase), passphrase);
        prop_assert_eq!(bytes(received.payload), payload);
    }
}
