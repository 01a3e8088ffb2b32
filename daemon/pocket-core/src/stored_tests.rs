//! Enums lie on the disk by their number. `stored.txt` says which number means what, for ever.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::audit::{Outcome, Refusal};
use crate::{
    ActorRef, CallFailure, Category, ConsentState, Door, FailureKind, OperationKind, Origin, OutboxState,
    PlaceProtocol, PlaceStep, Profile, Protocol, Reading, Record, SendingState, Transport, Unreadable, Verb,
};

/// `ENUM NUMBER NAME` of each variant. What a variant holds is read from zeros.
fn variants<T: DeserializeOwned + Serialize>(of: &str) -> Vec<String> {
    let mut found = Vec::new();
    for number in 0_u32..1000 {
        let mut bytes = postcard::to_stdvec(&number).expect("a number can be encoded");
        bytes.resize(256, 0);
        let Ok(variant) = postcard::from_bytes::<T>(&bytes) else {
            break;
        };
        let name = match serde_json::to_value(&variant).expect("it can be told as JSON") {
            Value::String(name) => name,
            Value::Object(held) => held.keys().next().expect("a variant has a name").clone(),
            other => panic!("{of} {number} is {other}"),
        };
        found.push(format!("{of} {number} {name}"));
    }
    assert!(found.len() > 1, "{of}: only {} variants can be read", found.len());
    found
}

#[test]
fn a_number_that_lies_on_a_disk_keeps_its_meaning() {
    let now: BTreeSet<String> = [
        variants::<ActorRef>("ActorRef"),
        variants::<CallFailure>("CallFailure"),
        variants::<Category>("Category"),
        variants::<ConsentState>("ConsentState"),
        variants::<Door>("Door"),
        variants::<FailureKind>("FailureKind"),
        variants::<OperationKind>("OperationKind"),
        variants::<Origin>("Origin"),
        variants::<Outcome>("Outcome"),
        variants::<OutboxState>("OutboxState"),
        variants::<PlaceProtocol>("PlaceProtocol"),
        variants::<PlaceStep>("PlaceStep"),
        variants::<Profile>("Profile"),
        variants::<Protocol>("Protocol"),
        variants::<Reading>("Reading"),
        variants::<Record>("Record"),
        variants::<Refusal>("Refusal"),
        variants::<SendingState>("SendingState"),
        variants::<Transport>("Transport"),
        variants::<Unreadable>("Unreadable"),
        variants::<Verb>("Verb"),
    ]
    .concat()
    .into_iter()
    .collect();
    let written: BTreeSet<String> = include_str!("stored.txt").lines().map(str::to_owned).collect();
    let changed: Vec<_> = written.difference(&now).collect();
    assert!(
        changed.is_empty(),
        "these have another meaning now, or none: {changed:#?}; a new variant goes to the end of its enum"
    );
    let unlisted: Vec<_> = now.difference(&written).collect();
    assert!(
        unlisted.is_empty(),
        "add these lines to stored.txt, where they stay: {unlisted:#?}"
    );
}

#[test]
fn every_kind_is_in_the_table() {
    assert_eq!(
        variants::<OperationKind>("OperationKind").len(),
        OperationKind::ALL.len()
    );
}
