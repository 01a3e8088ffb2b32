//! Updates of the device's own system, on the page. Who would install them is played by the test.

#![expect(
    clippy::disallowed_methods,
    reason = "who installs is no door, and speaks by files"
)]

use std::fs;

use axum::http::StatusCode;

use super::browser::{Answer, Browser, Device, PASSPHRASE};

const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn says(device: &Device, rest: &str) {
    let text = format!("slot=B\nrelease=2.0\ngood=yes\ntries=0\n{rest}\n");
    fs::write(device.folder.path().join("state"), text).unwrap();
}

fn offers(device: &Device, age: &str) {
    says(
        device,
        &format!("step=offered\noffer=7.7\nage={age}\nsha256={SUM}"),
    );
}

/// The request to who installs, which is taken.
fn request(device: &Device) -> Option<String> {
    let path = device.folder.path().join("request");
    let text = fs::read_to_string(&path).ok()?;
    fs::remove_file(path).unwrap();
    Some(text)
}

async fn hand_in(owner: &mut Browser, token: &str, bytes: &[u8]) -> Answer {
    let parts = [
        ("form_token", None, token.as_bytes()),
        ("file", Some("new.raucb"), bytes),
    ];
    owner.send_parts("/device/update", &parts).await
}

async fn install(owner: &mut Browser, fields: &[(&str, &str)]) -> Answer {
    owner
        .submit("/device/update", "/device/update/install", fields)
        .await
}

#[tokio::test]
async fn a_bundle_is_handed_in_whole_and_only_with_the_forms_token() {
    let (device, mut owner) = Device::with_owner().await;
    let page = owner.get("/device/update").await;
    assert!(page.text.contains("does not update itself") && !page.text.contains("type=\"file\""));
    says(&device, "step=idle");
    let page = owner.get("/device/update").await;
    assert!(page.text.contains("release 2.0 in slot B") && page.text.contains("has shown that it works"));
    let token = page.form_token();
    let bundle: Vec<u8> = (0..=255).cycle().take(2_500_000).collect();
    assert!(
        hand_in(&mut owner, "stale", &bundle)
            .await
            .status
            .is_client_error()
    );
    assert!(hand_in(&mut owner, &token, b"").await.status.is_client_error());
    assert!(request(&device).is_none() && !device.folder.path().join("offered").exists());
    let handed = hand_in(&mut owner, &token, &bundle).await;
    assert_eq!(
        (handed.status, handed.location()),
        (StatusCode::SEE_OTHER, "/device/update")
    );
    assert!(fs::read(device.folder.path().join("offered")).unwrap() == bundle);
    let page = owner.get("/device/update").await;
    assert!(page.text.contains("is being checked") && !page.text.contains("type=\"file\""));
    assert_eq!(request(&device).as_deref(), Some("look\n"));
    let mut stranger = device.browser();
    assert!(hand_in(&mut stranger, &token, &bundle).await.status != StatusCode::OK);
    assert!(request(&device).is_none());
}

#[tokio::test]
async fn what_is_shown_is_installed_with_the_passphrase() {
    let (device, mut owner) = Device::with_owner().await;
    offers(&device, "newer");
    let page = owner.get("/device/update").await.text;
    assert!(page.contains("Release 7.7 is signed") && page.contains(SUM) && !page.contains("name=\"older\""));
    let passphrase = ("passphrase", PASSPHRASE);
    let other = SUM.replace('0', "1");
    for fields in [
        [("sha256", SUM), ("passphrase", "wrong")],
        [("sha256", &other), passphrase],
    ] {
        assert!(install(&mut owner, &fields).await.status.is_client_error());
        assert!(request(&device).is_none());
    }
    install(&mut owner, &[("sha256", SUM), passphrase]).await;
    let page = owner.get("/device/update").await.text;
    assert!(page.contains("Release 7.7 is being written"));
    assert_eq!(request(&device).unwrap(), format!("install {SUM} newer\n"));
}

#[tokio::test]
async fn an_older_release_has_a_box_to_tick() {
    let (device, mut owner) = Device::with_owner().await;
    offers(&device, "older");
    assert!(
        owner
            .get("/device/update")
            .await
            .text
            .contains("flaws that were mended may be back")
    );
    let mut fields = vec![("sha256", SUM), ("passphrase", PASSPHRASE)];
    assert!(install(&mut owner, &fields).await.status.is_client_error());
    assert!(request(&device).is_none());
    fields.push(("older", "yes"));
    install(&mut owner, &fields).await;
    assert_eq!(request(&device).unwrap(), format!("install {SUM} older\n"));
    says(&device, "step=failed\nfault=signature");
    assert!(
        owner
            .get("/device/update")
            .await
            .text
            .contains("not signed for this device")
    );
}

#[tokio::test]
async fn while_a_release_is_on_trial_the_way_back_is_kept() {
    let (device, mut owner) = Device::with_owner().await;
    let text =
        format!("slot=B\nrelease=2.0\ngood=no\ntries=1\nstep=offered\noffer=7.7\nage=newer\nsha256={SUM}\n");
    fs::write(device.folder.path().join("state"), text).unwrap();
    let page = owner.get("/device/update").await.text;
    assert!(page.contains("with 2 more starts") && page.contains("is the way back"));
    assert!(!page.contains("name=\"passphrase\""));
    let fields = [("sha256", SUM), ("passphrase", PASSPHRASE)];
    assert!(install(&mut owner, &fields).await.status.is_client_error());
    assert!(request(&device).is_none());
}

const ADDRESS: &str = "https://releases.example.org/new.raucb";

#[tokio::test]
async fn what_would_leave_to_fetch_a_release_is_shown_before_it_does() {
    let (device, mut owner) = Device::with_owner().await;
    says(&device, "step=idle");
    let page = owner.get("/device/update").await.text;
    assert!(
        page.contains("lets nothing out") && !page.contains("name=\"from\""),
        "{page}"
    );
    let token = owner.get("/device/update").await.form_token();
    let fetch = [("form_token", token.as_str()), ("from", ADDRESS), ("read", "yes")];
    let refused = owner.post("/device/update/fetch", &fetch).await;
    assert!(refused.status.is_client_error(), "{}", refused.status);
    let open = [
        ("profile", "CLOUD_WITH_CONSENT"),
        ("minutes", "5"),
        ("passphrase", PASSPHRASE),
    ];
    owner.submit("/profile", "/profile", &open).await;
    for other in ["http://releases.example.org/x", "https://127.0.0.1/x", ""] {
        let fields = [("from", other), ("read", "yes")];
        let refused = owner
            .submit("/device/update", "/device/update/fetch", &fields)
            .await;
        assert!(refused.status.is_client_error(), "{other}");
    }
    let shown = owner
        .submit("/device/update", "/device/update/fetch", &fetch[1..2])
        .await
        .text;
    assert!(
        shown.contains("GET /new.raucb HTTP/1.1\nhost: releases.example.org\nuser-agent: PocketAI"),
        "{shown}"
    );
    assert!(
        !device.folder.path().join("incoming").exists(),
        "it leaves before the owner's yes"
    );
    let done = owner
        .submit("/device/update", "/device/update/fetch", &fetch[1..])
        .await;
    assert_eq!(
        (done.status, done.location()),
        (StatusCode::SEE_OTHER, "/device/update")
    );
    assert!(device.folder.path().join("incoming").exists());
    let page = owner.get("/device/update").await.text;
    assert!(
        page.contains("is being fetched from releases.example.org"),
        "{page}"
    );
    assert!(
        !page.contains("type=\"file\"") && !page.contains("name=\"from\""),
        "{page}"
    );
    owner.submit("/device/update", "/device/update/stop", &[]).await;
    let page = owner.get("/device/update").await.text;
    assert!(
        page.contains("You stopped it") && page.contains("name=\"from\""),
        "{page}"
    );
    assert!(!device.folder.path().join("incoming").exists());
}
