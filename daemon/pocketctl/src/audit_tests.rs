use pocket_core::audit::{Chain, Event, Mac};
use pocket_core::{Door, Timestamp};

use super::*;

/// A log of `count` entries, one a line.
fn log(count: usize) -> (Vec<Entry>, String) {
    let event = Event {
        at: Timestamp::from_millis(1),
        actor: ActorRef::Owner(Door::Control),
        operation: OperationKind::AuditExport,
        category: None,
        records: Vec::new(),
        count: 0,
        outcome: Outcome::Done,
    };
    let chain = Chain::new(Head::default(), |_: &[u8]| [7; 32]);
    let entries = chain.link(vec![event; count]);
    let lines = entries.iter().map(|entry| json_line(&json!(entry)) + "\n");
    let text = lines.collect();
    (entries, text)
}

fn fail(error: &io::Error) -> Problem {
    Problem::local(error.to_string(), "")
}

#[test]
fn every_piece_begins_where_the_one_before_ended() {
    let (entries, text) = log(10);
    let mut sent = String::new();
    let mut standings = Vec::new();
    let verdict = in_pieces(&mut text.as_bytes(), 700, fail, |piece| {
        let piece = piece.expose_str().unwrap();
        let (standing, lines) = piece.split_once('\n').unwrap();
        standings.push(serde_json::from_str::<Standing>(standing).unwrap());
        sent.push_str(lines);
        Ok(Ok(u64::try_from(sent.lines().count()).unwrap()))
    });
    assert!(matches!(verdict, Ok(Ok(10))));
    assert_eq!(sent, text);
    assert!(standings.len() > 2, "{}", standings.len());
    assert_eq!(standings[0].after, Head::default());
    for standing in &standings[1..] {
        let place = usize::try_from(standing.after.sequence).unwrap();
        assert_eq!(standing.after, Head::default().after(&entries[..place]));
        assert_ne!(standing.after.mac, Mac::default());
    }
    let more: Vec<bool> = standings.iter().map(|standing| standing.more).collect();
    let all_but_the_last: Vec<bool> = (1..=more.len()).map(|number| number < more.len()).collect();
    assert_eq!(more, all_but_the_last);
}

#[test]
fn a_device_that_verified_another_number_of_entries_is_not_believed() {
    let (_, text) = log(10);
    for number in [1, 3, 11] {
        let verdict = in_pieces(&mut text.as_bytes(), 700, fail, |_| Ok(Ok(number)));
        assert!(verdict.is_err(), "{number}");
    }
}

#[test]
fn what_is_no_log_is_sent_in_pieces_that_a_request_can_hold() {
    let bytes = vec![b'x'; 10_000];
    let mut largest = 0;
    let verdict = in_pieces(&mut bytes.as_slice(), 700, fail, |piece| {
        largest = largest.max(piece.len());
        Ok(Err(Broken::Edited(1)))
    });
    assert!(matches!(verdict, Ok(Err(Broken::Edited(1)))));
    assert!(largest < 1000, "{largest}");
    let empty = in_pieces(&mut io::empty(), 700, fail, |_| Ok(Err(Broken::Edited(2))));
    assert!(matches!(empty, Ok(Err(Broken::Edited(2)))));
}
