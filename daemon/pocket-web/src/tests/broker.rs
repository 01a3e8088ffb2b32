//! The owner's broker, on the page.

use axum::http::StatusCode;
use pocket_core::{Operation, Profile};

use super::browser::{Device, PASSPHRASE};

const FIELDS: [(&str, &str); 5] = [
    ("host", "192.168.1.5"),
    ("tls", "on"),
    ("port", ""),
    ("user", ""),
    ("secret", ""),
];

/// The fields with others in their places.
fn with<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let other = |name: &str| others.iter().find(|(known, _)| *known == name).copied();
    let mut fields: Vec<_> = FIELDS
        .iter()
        .map(|field| other(field.0).unwrap_or(*field))
        .collect();
    fields.extend(
        others
            .iter()
            .filter(|(name, _)| !FIELDS.iter().any(|field| field.0 == *name)),
    );
    fields
}

#[tokio::test]
async fn a_broker_is_set_shown_tested_and_removed() {
    let (device, mut owner) = Device::with_owner().await;
    let empty = owner.get("/broker").await.text;
    assert!(empty.contains("No broker is set."), "{empty}");
    let set = owner.submit("/broker", "/broker", &with(&[])).await;
    assert_eq!(set.location(), "/broker?done=saved", "{}", set.text);
    let shown = owner.get("/broker").await.text;
    assert!(
        shown.contains("192.168.1.5:8883") && shown.contains("Not connected"),
        "{shown}"
    );
    let shut = owner.submit("/broker", "/broker/test", &[]).await;
    assert!(
        shut.text.contains("does not open your own network"),
        "{}",
        shut.text
    );
    let (profile, minutes) = (Profile::LocalNetwork, Some(5));
    let open = Operation::ProfileSet { profile, minutes };
    device.control(open).await.unwrap();
    let tested = owner.submit("/broker", "/broker/test", &[]).await;
    // There is no gateway in this test: that is said too.
    assert!(
        tested.location() == "/broker" || tested.text.contains("gateway"),
        "{}",
        tested.text
    );
    let gone = owner.submit("/broker", "/broker/remove", &[]).await;
    assert_eq!(gone.location(), "/broker?done=deleted");
    assert!(owner.get("/broker").await.text.contains("No broker is set."));
    let again = owner.submit("/broker", "/broker/remove", &[]).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_can_not_be_a_broker_is_named_and_what_was_typed_stays() {
    let (_device, mut owner) = Device::with_owner().await;
    for (others, words) in [
        (&[("host", "8.8.8.8")][..], "not in your own network"),
        (&[("host", "mqtt://broker")], "without mqtt://"),
        (&[("port", "0")], "from 1 to 65535"),
        (&[("port", "x")], "from 1 to 65535"),
        (&[("prefix", "a b")], "discovery prefix has"),
        (&[("ca", "nothing")], "PEM form"),
        (&[("secret", "mqtt")], "a password needs a user"),
        (
            &[("tls", "off"), ("user", "u"), ("secret", "mqtt")],
            "can read the password",
        ),
    ] {
        let refused = owner.submit("/broker", "/broker", &with(others)).await;
        assert!(refused.text.contains(words), "{words}: {}", refused.text);
        assert!(!refused.status.is_success(), "{words}");
        for (_, typed) in others.iter().filter(|(name, _)| *name != "tls") {
            assert!(refused.text.contains(typed), "{typed} is lost");
        }
    }
    let missing = [
        ("tls", "off"),
        ("readable", "yes"),
        ("user", "u"),
        ("secret", "mqtt"),
    ];
    let missing = owner.submit("/broker", "/broker", &with(&missing)).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "the secret is not there");
    let stolen = with(&[("passphrase", "not this one")]);
    let stolen = owner.submit("/broker", "/broker", &stolen).await;
    assert_eq!(stolen.status, StatusCode::UNAUTHORIZED);
    assert!(owner.get("/broker").await.text.contains("No broker is set."));
}

#[tokio::test]
async fn a_password_that_can_be_read_is_warned_of() {
    let (device, mut owner) = Device::with_owner().await;
    let secret = [
        ("name", "mqtt"),
        ("value", "canary-value"),
        ("passphrase", PASSPHRASE),
    ];
    owner.submit("/secrets/set", "/secrets/set", &secret).await;
    let readable = [
        ("tls", "off"),
        ("readable", "yes"),
        ("user", "u"),
        ("secret", "mqtt"),
    ];
    let set = owner.submit("/broker", "/broker", &with(&readable)).await;
    assert_eq!(set.location(), "/broker?done=saved", "{}", set.text);
    let shown = owner.get("/broker").await.text;
    assert!(shown.contains("Everyone in your network can read it"), "{shown}");
    assert!(!shown.contains("canary-value"));
    drop(device);
}
