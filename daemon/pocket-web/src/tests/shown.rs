//! What needs the passphrase again, though the session is alive.

use axum::http::StatusCode;

use super::browser::{Device, PASSPHRASE};
use super::work::added;

/// A form that asks for the passphrase once in five minutes: its address, its fields, and where it leads.
type Guarded = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

const GUARDED: [Guarded; 4] = [
    (
        "/secrets/set",
        &[("name", "bank.pin"), ("value", "1234")],
        "/secrets?done=saved",
    ),
    (
        "/secrets/delete?name=bank.pin",
        &[("name", "bank.pin")],
        "/secrets?done=deleted",
    ),
    (
        "/device/rekey",
        &[("category", "notes")],
        "/device/rekey?done=rekeyed",
    ),
    ("/settings", &[("auto_lock_minutes", "0")], "/settings?done=saved"),
];

async fn with_remains() -> (Device, super::browser::Browser) {
    let (device, mut owner) = Device::with_owner().await;
    let record = added(&mut owner, "notes", &[("title", "Trip")]).await;
    let delete = format!("{record}/delete");
    owner.submit(&delete, &delete, &[]).await;
    (device, owner)
}

const FIVE_MINUTES: std::time::Duration = std::time::Duration::from_secs(5 * 60);

#[tokio::test]
async fn within_five_minutes_of_the_passphrase_it_is_not_asked_again() {
    let (_device, mut owner) = with_remains().await;
    for (page, fields, led) in GUARDED {
        assert!(
            !owner.get(page).await.text.contains("name=\"passphrase\""),
            "{page}"
        );
        let action = page.split('?').next().unwrap();
        let answer = owner.submit(page, action, fields).await;
        assert_eq!(answer.location(), led, "{}", answer.text);
    }
}

#[tokio::test]
async fn after_five_minutes_the_passphrase_is_asked_for_once_and_by_each_session() {
    let (device, mut owner) = with_remains().await;
    for (page, fields, led) in GUARDED {
        let action = page.split('?').next().unwrap();
        device.door.sessions().age(FIVE_MINUTES);
        let mut other = device.browser();
        other.log_in().await;
        assert!(
            owner.get(page).await.text.contains("name=\"passphrase\""),
            "{page}"
        );
        let denied = owner.submit(page, action, fields).await;
        assert_eq!(denied.status, StatusCode::FORBIDDEN, "{page}");
        assert!(
            denied.text.contains("Your passphrase is needed"),
            "{}",
            denied.text
        );
        assert!(denied.text.contains("name=\"passphrase\"") && !denied.text.contains("1234"));
        let wrong = [fields, &[("passphrase", "not this one")]].concat();
        assert_eq!(
            owner.submit(page, action, &wrong).await.status,
            StatusCode::UNAUTHORIZED
        );
        let right = [fields, &[("passphrase", PASSPHRASE)]].concat();
        let answer = owner.submit(page, action, &right).await;
        assert_eq!(answer.location(), led, "{}", answer.text);
        assert!(
            !owner.get(page).await.text.contains("name=\"passphrase\""),
            "{page}"
        );
    }
    // What gives everything away or can't be put right is always asked about.
    for always in [
        "/device/erase",
        "/device/recovery",
        "/device/passphrase",
        "/export",
        "/agents/new",
    ] {
        assert!(
            owner.get(always).await.text.contains("name=\"passphrase\""),
            "{always}"
        );
    }
}

#[tokio::test]
async fn a_wrong_passphrase_is_wrong_within_the_five_minutes_too() {
    let (_device, mut owner) = with_remains().await;
    let fields = [("category", "notes"), ("passphrase", "not this one")];
    let denied = owner.submit("/device/rekey", "/device/rekey", &fields).await;
    assert_eq!(denied.status, StatusCode::UNAUTHORIZED);
    // To lock later, or never less, needs nothing.
    let later = [("auto_lock_minutes", "90")];
    assert_eq!(
        owner.submit("/settings", "/settings", &later).await.location(),
        "/settings?done=saved"
    );
}
