//! Where backups are sent, by the page. The sending itself is tested over the real programs.

use axum::http::StatusCode;
use pocket_core::{Answer, BackupPlace, Operation, PlaceProtocol, PressFor};
use pocket_service::ButtonReport;

use super::browser::{Browser, Device, PASSPHRASE};

const HERE: &str = "/device/backup/send";
const WEBDAV: [(&str, &str); 4] = [
    ("protocol", "webdav"),
    ("folder", "https://dav.example.org/ann/"),
    ("user", "ann"),
    ("secret", "dav"),
];

async fn place(device: &Device) -> Option<BackupPlace> {
    match device.control(Operation::Status).await.unwrap().answer {
        Answer::Status(status) => status.backup.unwrap().place,
        _ => panic!("no status"),
    }
}

async fn with_secret() -> (Device, Browser) {
    let (device, mut owner) = Device::with_owner().await;
    let secret = [("name", "dav"), ("value", "x"), ("passphrase", PASSPHRASE)];
    let set = owner.submit("/secrets/set", "/secrets/set", &secret).await;
    assert_eq!(set.status, StatusCode::SEE_OTHER, "{}", set.text);
    (device, owner)
}

#[tokio::test]
async fn a_place_is_set_shown_and_removed() {
    let (device, mut owner) = with_secret().await;
    let page = owner.get("/device/backup").await.text;
    assert!(page.contains(HERE), "{page}");
    let page = owner.get(HERE).await.text;
    assert!(
        !page.contains("/send/offer") && !page.contains("name=\"remove\""),
        "{page}"
    );
    let set = owner.submit(HERE, HERE, &WEBDAV).await;
    assert_eq!(set.location(), "/device/backup/send?done=saved", "{}", set.text);
    assert_eq!(place(&device).await.unwrap().protocol, PlaceProtocol::Webdav);
    let page = owner.get(HERE).await.text;
    assert!(
        page.contains("Backups go to https://dav.example.org/ann/, as ann, with the secret “dav”."),
        "{page}"
    );
    let bucket = [
        ("protocol", "s3"),
        ("folder", "https://s3.example.org/box/"),
        ("user", "id"),
        ("secret", "dav"),
        ("region", "eu-1"),
    ];
    let set = owner.submit(HERE, HERE, &bucket).await;
    assert_eq!(set.location(), "/device/backup/send?done=saved", "{}", set.text);
    let region = PlaceProtocol::S3 {
        region: "eu-1".to_owned(),
    };
    assert_eq!(place(&device).await.unwrap().protocol, region);
    let page = owner.get(HERE).await.text;
    assert!(
        page.contains("value=\"s3\" selected") && page.contains("value=\"eu-1\""),
        "{page}"
    );
    let removed = owner.submit(HERE, HERE, &[("remove", "yes")]).await;
    assert_eq!(
        removed.location(),
        "/device/backup/send?done=saved",
        "{}",
        removed.text
    );
    assert_eq!(place(&device).await, None);
}

#[tokio::test]
async fn a_place_that_makes_no_sense_is_refused_and_what_was_typed_stands_there_still() {
    let (device, mut owner) = with_secret().await;
    for (field, value) in [
        ("folder", "http://dav.example.org/ann/"),
        ("folder", "https://dav.example.org/ann"),
        ("folder", "https://127.0.0.1/ann/"),
        ("protocol", "s3"),
        ("user", "a:b"),
        ("secret", "unknown"),
    ] {
        let fields = WEBDAV.map(|(name, typed)| (name, if name == field { value } else { typed }));
        let refused = owner.submit(HERE, HERE, &fields).await;
        assert!(refused.status.is_client_error(), "{field} {value}");
        assert!(
            refused.text.contains("role=\"alert\"") || refused.text.contains("notice"),
            "{}",
            refused.text
        );
        let stays = WEBDAV.iter().find(|(name, _)| *name == "user" && field != "user");
        if let Some((_, user)) = stays {
            assert!(
                refused.text.contains(&format!("value=\"{user}\"")),
                "{}",
                refused.text
            );
        }
        assert_eq!(place(&device).await, None, "{field} {value}");
    }
}

#[tokio::test]
async fn an_owner_whose_button_is_waited_for_is_told_here_too() {
    let (device, mut owner) = Device::with_owner().await;
    let hurry = "data-hurry";
    assert!(!owner.get(HERE).await.text.contains(hurry));
    device.handle.button(ButtonReport::Here).await.unwrap();
    let every = Operation::PressSet {
        need: PressFor::Every,
    };
    let asked = device.control_with_passphrase(every).await.unwrap();
    assert!(matches!(asked.answer, Answer::PressNeeded { .. }));
    let page = owner.get(HERE).await.text;
    assert!(page.contains(hurry), "{page}");
}
