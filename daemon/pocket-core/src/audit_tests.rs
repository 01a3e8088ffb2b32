use super::*;
use crate::Door;

/// A stand-in with the shape of a MAC: keyed, and different for every input. The real one is
/// HMAC-SHA256, tested where the key lives.
fn mac(key: u64) -> impl Fn(&[u8]) -> [u8; 32] {
    move |bytes| {
        let mut state = key ^ 0xcbf2_9ce4_8422_2325;
        let mut out = [0; 32];
        for (index, byte) in bytes.iter().chain([0; 32].iter()).enumerate() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            out[index % 32] ^= state.to_be_bytes()[0];
        }
        out
    }
}

fn event(count: u32) -> Event {
    Event {
        at: Timestamp::from_millis(1_000),
        actor: ActorRef::Owner(Door::Web),
        operation: OperationKind::Add,
        category: Some(Category::Notes),
        records: vec![RecordId::from_bytes([7; 16])],
        count,
        outcome: Outcome::Done,
    }
}

fn log(key: u64, length: u32) -> (Vec<Entry>, Head) {
    let mut chain = Chain::new(Head::default(), mac(key));
    let entries = chain.link((1..=length).map(event).collect());
    chain.advance(&entries);
    (entries, chain.head())
}

fn verify(entries: &[Entry], head: Head) -> Result<u64, Broken> {
    let mut verifier = Verifier::new(mac(1));
    entries.iter().try_for_each(|entry| verifier.step(entry))?;
    verifier.finish(head)
}

#[test]
fn an_honest_log_verifies_and_continues() {
    let (mut entries, head) = log(1, 5);
    assert_eq!(verify(&entries, head), Ok(5));
    let mut chain = Chain::new(head, mac(1));
    let more = chain.link(vec![event(6)]);
    chain.advance(&more);
    entries.extend(more);
    assert_eq!(verify(&entries, chain.head()), Ok(6));
}

#[test]
fn damage_is_told_apart_and_located() {
    let (honest, head) = log(1, 5);
    let mut edited = honest.clone();
    edited[2].event.count = 99;
    assert_eq!(verify(&edited, head), Err(Broken::Edited(3)));

    let mut moved = honest.clone();
    moved.swap(3, 4);
    assert_eq!(verify(&moved, head), Err(Broken::Missing { first: 4, last: 4 }));
    moved[3] = honest[1].clone();
    assert_eq!(verify(&moved, head), Err(Broken::Moved(2)));

    let mut missing = honest.clone();
    missing.drain(1..3);
    assert_eq!(verify(&missing, head), Err(Broken::Missing { first: 2, last: 3 }));

    let mut foreign = honest.clone();
    foreign[3] = log(2, 5).0[3].clone();
    assert_eq!(verify(&foreign, head), Err(Broken::Foreign(4)));

    // Genuine entries that this device does not remember: of an older copy that went on by itself.
    let fork = Head {
        mac: Mac([1; 32]),
        ..head
    };
    assert_eq!(verify(&honest, fork), Err(Broken::Foreign(5)));
    let shorter = Head {
        sequence: 4,
        mac: honest[3].mac,
    };
    assert_eq!(verify(&honest, shorter), Err(Broken::Foreign(5)));

    assert_eq!(
        verify(&honest[..4], head),
        Err(Broken::Truncated {
            found: 4,
            expected: 5
        })
    );
    assert_eq!(
        verify(&[], head),
        Err(Broken::Truncated {
            found: 0,
            expected: 5
        })
    );
}

#[test]
fn every_field_is_under_the_mac() {
    let (entries, head) = log(1, 1);
    let changes: [fn(&mut Entry); 8] = [
        |entry| entry.event.at = Timestamp::from_millis(2),
        |entry| entry.event.actor = ActorRef::Owner(Door::Control),
        |entry| entry.event.operation = OperationKind::Edit,
        |entry| entry.event.category = None,
        |entry| entry.event.records.clear(),
        |entry| entry.event.count = 0,
        |entry| entry.event.outcome = Outcome::Allowed,
        |entry| entry.mac.0[31] ^= 1,
    ];
    for change in changes {
        let mut entry = entries[0].clone();
        change(&mut entry);
        assert_eq!(verify(&[entry], head), Err(Broken::Edited(1)));
    }
}

#[test]
fn many_records_make_several_small_entries() {
    let permit = crate::policy::decide_own(OperationKind::Purge).unwrap();
    let chain = Chain::new(Head::default(), mac(1));
    let id = RecordId::from_bytes([1; 16]);
    let mut touched = vec![(Category::Notes, id); 130];
    touched.push((Category::Tasks, id));
    let draft = chain.draft(permit, &touched, Outcome::Done, Timestamp::from_millis(0));
    let entry = |entry: &Entry| (entry.event.category, entry.event.records.len(), entry.event.count);
    let entries: Vec<_> = draft.entries().iter().map(entry).collect();
    let notes = Some(Category::Notes);
    assert_eq!(
        entries,
        [
            (notes, 64, 64),
            (notes, 64, 64),
            (notes, 2, 2),
            (Some(Category::Tasks), 1, 1)
        ]
    );
}

/// The canonical bytes are a format: entries written today must verify for ever.
#[test]
fn the_canonical_bytes_do_not_change() {
    let bytes = canonical(1, &event(3), Mac([9; 32]));
    let mut expected = b"pocketai audit entry 1".to_vec();
    for field in [
        &1u64.to_be_bytes()[..],
        &1_000i64.to_be_bytes(),
        b"owner Web",
        b"add",
        b"notes",
        &[7; 16],
        &3u32.to_be_bytes(),
        b"Done",
        &[9; 32],
    ] {
        expected.extend_from_slice(&u32::try_from(field.len()).unwrap().to_be_bytes());
        expected.extend_from_slice(field);
    }
    assert!(bytes == expected);
    let failed = Outcome::Failed(FailureKind::WrongCredential);
    assert_eq!(format!("{failed:?}"), "Failed(WrongCredential)");
}

#[test]
fn a_mac_is_written_as_digits_and_read_back_from_nothing_else() {
    let mac = Mac(std::array::from_fn(|place| u8::try_from(place * 7).unwrap()));
    let json = serde_json::to_string(&mac).unwrap();
    assert!(json.starts_with("\"00070e15"), "{json}");
    assert_eq!(serde_json::from_str::<Mac>(&json).unwrap(), mac);
    let stored = postcard::to_stdvec(&mac).unwrap();
    assert_eq!(stored, mac.0);
    assert_eq!(postcard::from_bytes(&stored), Ok(mac));
    for digits in [
        "0".repeat(62),
        "0".repeat(66),
        "+1".repeat(32),
        "zz".repeat(32),
        "\u{e4}".repeat(32),
    ] {
        assert!(
            serde_json::from_str::<Mac>(&format!("\"{digits}\"")).is_err(),
            "{digits}"
        );
    }
}

#[test]
fn a_walk_knows_where_it_stands() {
    let (entries, head) = log(1, 3);
    let mut verifier = Verifier::new(mac(1));
    assert_eq!(verifier.head(), Head::default());
    for entry in &entries {
        assert_eq!(verifier.step(entry), Ok(()));
        let (sequence, mac) = (entry.sequence, entry.mac);
        assert_eq!(verifier.head(), Head { sequence, mac });
    }
    assert_eq!(verifier.head(), head);
}
