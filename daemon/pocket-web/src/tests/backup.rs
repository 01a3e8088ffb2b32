//! Backups by the page. What seals them here gives back what it is given: the real one is tested over the real
//! programs.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt;
use pocket_core::{Answer, BackupSchedule, BackupStatus, Operation};
use tower::ServiceExt;

use super::browser::{Browser, Device, HOST, PASSPHRASE};

const HERE: &str = "/device/backup";
const RIGHT: [(&str, &str); 1] = [("passphrase", PASSPHRASE)];

async fn status(device: &Device) -> BackupStatus {
    match device.control(Operation::Status).await.unwrap().answer {
        Answer::Status(status) => status.backup.unwrap(),
        _ => panic!("no status"),
    }
}

/// A download that is not taken yet.
async fn begin(owner: &mut Browser) -> Response {
    let token = owner.get(HERE).await.form_token();
    let cookies = owner
        .cookies
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let request = Request::post(HERE)
        .header(header::HOST, HOST)
        .header(header::COOKIE, cookies.collect::<Vec<_>>().join("; "))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!(
            "form_token={token}&passphrase={}",
            PASSPHRASE.replace(' ', "+")
        )));
    let response = owner.router.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response
}

#[tokio::test]
async fn one_that_is_downloaded_counts_once_all_of_it_was_taken() {
    let (device, mut owner) = Device::with_owner().await;
    let page = owner.get(HERE).await.text;
    assert!(page.contains("There is no backup yet."), "{page}");
    let wrong = owner.submit(HERE, HERE, &[("passphrase", "not this one")]).await;
    assert!(wrong.status.is_client_error() && wrong.header("content-disposition").is_empty());
    assert_eq!(status(&device).await.unfinished, None, "nothing was begun");

    // A browser that goes away has none.
    let mut stream = begin(&mut owner).await.into_body().into_data_stream();
    assert!(stream.next().await.unwrap().is_ok());
    drop(stream);
    let answer = owner.submit(HERE, HERE, &RIGHT).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let name = answer.header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"pocketai-2") && name.ends_with("Z.age\""),
        "{name}"
    );
    assert!(!answer.bytes.is_empty());
    while status(&device).await.last.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&device).await.unfinished, None);
    let page = owner.get(HERE).await.text;
    assert_eq!(
        page.matches("finished a backup").count(),
        1,
        "what was made is listed, and nothing else: {page}"
    );
    let home = owner.get("/").await.text;
    assert!(home.contains("/device/backup\">Backups</a>"), "{home}");
}

#[tokio::test]
async fn a_browser_that_takes_no_more_does_not_keep_the_place() {
    let (device, mut owner) = Device::with_owner().await;
    let stalled = begin(&mut owner).await;
    // From here on time jumps on whenever nothing else happens.
    tokio::time::pause();
    let answer = owner.submit(HERE, HERE, &RIGHT).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let mut stream = stalled.into_body().into_data_stream();
    let mut broke_off = false;
    while let Some(piece) = stream.next().await {
        broke_off |= piece.is_err();
    }
    assert!(broke_off, "what was not taken in time must not look whole");
    drop(device);
}

#[tokio::test]
async fn the_schedule_and_who_else_opens_backups_are_set_by_forms() {
    let (device, mut owner) = Device::with_owner().await;
    let path = "/device/backup/schedule";
    let set = owner.submit(HERE, path, &[("days", "7"), ("newest", "4")]).await;
    assert_eq!(set.location(), "/device/backup?done=saved");
    let weekly = Some(BackupSchedule { days: 7, newest: 4 });
    assert_eq!(status(&device).await.schedule, weekly);
    let page = owner.get(HERE).await.text;
    assert!(
        page.contains("value=\"7\" checked") && page.contains("value=\"4\""),
        "{page}"
    );
    for (days, newest) in [
        ("7", "0"),
        ("-1", "4"),
        ("x", "4"),
        ("7", "x"),
        ("40", "4"),
        ("", ""),
    ] {
        let refused = owner
            .submit(HERE, path, &[("days", days), ("newest", newest)])
            .await;
        assert!(refused.status.is_client_error(), "{days}, {newest}");
    }
    assert_eq!(status(&device).await.schedule, weekly);
    owner.submit(HERE, path, &[("days", "0"), ("newest", "4")]).await;
    assert_eq!(status(&device).await.schedule, None);

    let path = "/device/backup/recipient";
    let one = format!("age1{}", "q".repeat(58));
    let without = owner.submit(HERE, path, &[("recipient", &one)]).await;
    assert!(without.status.is_client_error(), "it takes the passphrase");
    let add = [("recipient", one.as_str()), ("passphrase", PASSPHRASE)];
    let added = owner.submit(HERE, path, &add).await;
    assert_eq!(added.location(), "/device/backup?done=saved", "{}", added.text);
    assert!(owner.get(HERE).await.text.contains(&one));
    let remove = [("recipient", one.as_str()), ("remove", "yes")];
    owner.submit(HERE, path, &remove).await;
    assert!(status(&device).await.recipients.is_empty());
}
