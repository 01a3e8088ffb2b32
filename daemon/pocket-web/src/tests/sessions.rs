//! First run, login, logout, lock.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt;
use pocket_core::{Credential, Operation};
use tower::ServiceExt;

use super::browser::{Browser, Device, HOST, PASSPHRASE};

#[tokio::test]
async fn the_first_run_gives_a_recovery_key_and_asks_for_two_groups_of_it() {
    let device = Device::new();
    let mut browser = device.browser();
    assert_eq!(browser.get("/").await.location(), "/unlock");
    assert_eq!(browser.get("/unlock").await.location(), "/setup");

    let code = device.setup_code().await;
    let wrong = [
        ("code", code.as_str()),
        ("passphrase", PASSPHRASE),
        ("passphrase_again", "another"),
    ];
    let answer = browser.submit("/setup", "/setup", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("the two passphrases differ") && answer.text.contains(&code));
    assert!(!answer.text.contains(PASSPHRASE));
    let wrong = [
        ("code", "AAAA-AAAA"),
        ("passphrase", PASSPHRASE),
        ("passphrase_again", PASSPHRASE),
    ];
    let answer = browser.submit("/setup", "/setup", &wrong).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text.contains("this is not the setup code"));

    let device = Device::new();
    let mut browser = device.browser();
    let code = device.setup_code().await;
    let right = [
        ("code", code.as_str()),
        ("passphrase", PASSPHRASE),
        ("passphrase_again", PASSPHRASE),
    ];
    let key_page = browser.submit("/setup", "/setup", &right).await;
    assert_eq!(key_page.status, StatusCode::OK);
    let groups: Vec<&str> = key_page
        .text
        .split("<li><code>")
        .skip(1)
        .map(|rest| &rest[..5])
        .collect();
    assert_eq!(groups.len(), 8, "{}", key_page.text);

    let home = browser.get("/").await;
    assert!(home.text.contains("Your recovery key is not confirmed."));
    let confirm = browser.get("/device/recovery/confirm").await;
    let asked = asked_groups(&confirm.text);
    let wrong = [("first", "AAAAA"), ("second", "BBBBB")];
    let answer = browser
        .submit("/device/recovery/confirm", "/device/recovery/confirm", &wrong)
        .await;
    assert!(answer.status.is_client_error(), "{}", answer.text);
    let right = [("first", groups[asked.0 - 1]), ("second", groups[asked.1 - 1])];
    let answer = browser
        .submit("/device/recovery/confirm", "/device/recovery/confirm", &right)
        .await;
    assert_eq!(answer.location(), "/?done=confirmed", "{}", answer.text);
    assert!(!browser.get("/").await.text.contains("not confirmed"));
}

fn asked_groups(page: &str) -> (usize, usize) {
    let mut numbers = page
        .split(">Group ")
        .skip(1)
        .map(|rest| rest[..1].parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[tokio::test]
async fn the_cookie_is_for_this_page_alone() {
    let (device, _) = Device::with_owner().await;
    let mut browser = device.browser();
    let answer = browser.log_in().await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("pocketai_session_7878=")
            && cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/")
    );
    assert_eq!(browser.session().map(String::len), Some(64));
}

#[tokio::test]
async fn every_page_of_the_owners_asks_for_a_session() {
    let (device, _) = Device::with_owner().await;
    let listed = include_str!("../../routes.txt")
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let mut tried = 0;
    for route in listed {
        let [method, path, guard] = route.as_slice() else {
            panic!("three words")
        };
        if matches!(*guard, "asset" | "estimate" | "visitor") {
            continue;
        }
        let path = path
            .replace("{category}", "notes")
            .replace("{id}", &"0".repeat(32));
        let request = Request::builder().method(*method).uri(&path);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = device.browser().send(request.body(Body::empty()).unwrap()).await;
        if *method == "GET" && *guard != "events" {
            assert!(answer.location().starts_with("/unlock"), "{path}");
        } else {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        }
        tried += 1;
    }
    assert!(tried > 40);
}

#[tokio::test]
async fn the_login_leads_to_the_page_that_was_wanted_even_after_a_wrong_try() {
    let (device, _) = Device::with_owner().await;
    let mut browser = device.browser();
    let wanted = browser.get("/search?q=a%26b&in=notes").await;
    assert_eq!(
        wanted.location(),
        "/unlock?next=%2Fsearch%3Fq%3Da%2526b%26in%3Dnotes"
    );
    let login = wanted.location().to_owned();
    let page = browser.get(&login).await.text;
    assert!(
        page.contains("name=\"next\" value=\"/search?q=a%26b&#38;in=notes\""),
        "{page}"
    );
    let next = ("next", "/search?q=a%26b&in=notes");
    let wrong = browser
        .submit(&login, "/unlock", &[next, ("passphrase", "not this one")])
        .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(
        wrong.text.contains("value=\"/search?q=a%26b&#38;in=notes\"") && !wrong.text.contains("not this one")
    );
    let right = browser
        .submit(&login, "/unlock", &[next, ("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(right.location(), "/search?q=a%26b&in=notes", "{}", right.text);
    let evil = browser.submit("/device", "/logout", &[]).await;
    assert_eq!(evil.location(), "/unlock");
    let evil = [("next", "//evil.example"), ("passphrase", PASSPHRASE)];
    assert_eq!(
        browser
            .submit("/unlock?next=//evil.example", "/unlock", &evil)
            .await
            .location(),
        "/"
    );
}

#[tokio::test]
async fn a_planted_session_is_worth_nothing_after_the_login() {
    let (device, mut owner) = Device::with_owner().await;
    let planted = "a".repeat(64);
    let mut browser = device.browser();
    browser
        .cookies
        .insert("pocketai_session_7878".to_owned(), planted.clone());
    browser.log_in().await;
    assert_ne!(browser.session(), Some(&planted));

    let before = owner.session().cloned();
    owner.cookies.remove("pocketai_visitor_7878");
    let token = {
        let mut fresh = device.browser();
        let token = fresh.get("/unlock").await.form_token();
        owner.cookies.extend(fresh.cookies);
        token
    };
    owner
        .post("/unlock", &[("form_token", &token), ("passphrase", PASSPHRASE)])
        .await;
    assert_ne!(owner.session().cloned(), before);
    let mut old = device.browser();
    old.cookies
        .insert("pocketai_session_7878".to_owned(), before.unwrap());
    assert_eq!(old.get("/").await.location(), "/unlock");
    assert_eq!(owner.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn logging_out_ends_one_session_or_all() {
    let (device, mut first) = Device::with_owner().await;
    let (mut second, mut third) = (device.browser(), device.browser());
    second.log_in().await;
    third.log_in().await;
    let stolen = first.clone();
    first.submit("/device", "/logout", &[]).await;
    assert_eq!(first.session(), None);
    assert_eq!(stolen.clone().get("/").await.location(), "/unlock");
    assert_eq!(second.get("/").await.status, StatusCode::OK);
    second.submit("/device", "/logout-everywhere", &[]).await;
    assert_eq!(third.get("/").await.location(), "/unlock");
}

#[tokio::test]
async fn a_change_without_a_session_says_so_and_changes_nothing() {
    let (device, mut owner) = Device::with_owner().await;
    let fields = [("profile", "CUSTOM"), ("minutes", "60")];
    let answer = device.browser().post("/profile", &fields).await;
    assert_eq!(answer.location(), "/unlock?next=%2Fprofile");
    let answer = device.browser().post("/logout-everywhere", &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text.contains("Your session ended before this was sent"));
    assert!(owner.get("/profile").await.text.contains("<strong>OFFLINE_ONLY"));
}

#[tokio::test]
async fn a_record_sent_after_the_end_of_its_session_is_in_its_form_after_the_login() {
    let (device, mut owner) = Device::with_owner().await;
    let mut other = device.browser();
    other.log_in().await;
    let form = "/records/notes/new";
    let token = owner.get(form).await.form_token();
    device.control(Operation::Lock { all: false }).await.unwrap();
    let fields = [
        ("form_token", token.as_str()),
        ("title", "Long <i>thoughts</i>"),
        ("body", "two\nlines"),
    ];
    let answer = owner.post(form, &fields).await;
    assert_eq!(answer.location(), "/unlock?next=%2Frecords%2Fnotes%2Fnew");
    let login = owner.get(answer.location()).await.text;
    assert!(
        login.contains("What you wrote is kept.") && !login.contains("Long"),
        "{login}"
    );
    let next = [("next", form), ("passphrase", PASSPHRASE)];
    let answer = owner.submit("/unlock", "/unlock", &next).await;
    assert_eq!(answer.location(), form);
    // Nobody else gets it, not even the owner in another browser.
    other.log_in().await;
    assert!(!other.get(form).await.text.contains("Long"));
    let again = owner.get(form).await;
    assert!(
        again
            .text
            .contains("value=\"Long &#60;i&#62;thoughts&#60;/i&#62;\"")
            && again.text.contains("two\nlines"),
        "{}",
        again.text
    );
    assert!(!owner.get(form).await.text.contains("Long"), "once");
    let token = again.form_token();
    let saved = owner
        .post(form, &[("form_token", &token), ("title", "Long thoughts")])
        .await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_form_of_nobodys_is_not_kept() {
    let (device, mut owner) = Device::with_owner().await;
    owner.submit("/device", "/logout-everywhere", &[]).await;
    device.browser().log_in().await;
    let mut planted = device.browser();
    planted
        .cookies
        .insert("pocketai_session_7878".to_owned(), "a".repeat(64));
    let fields = [("form_token", "b"), ("title", "t")];
    let answer = planted.post("/records/notes/new", &fields).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = planted
        .post("/secrets/set", &[("name", "x"), ("value", "y")])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "no secret is kept");
}

/// Whoever can connect may send such a form: none of it is read beyond what a small board can spare.
#[tokio::test]
async fn a_large_form_without_a_session_is_not_taken_in() {
    let (device, mut owner) = Device::with_owner().await;
    owner.submit("/device", "/logout-everywhere", &[]).await;
    let mut stranger = device.browser();
    let body = "x".repeat(1024 * 1024);
    let answer = stranger
        .post("/records/notes/new", &[("title", "t"), ("body", &body)])
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let answer = stranger
        .post("/records/notes/new", &[("title", "t"), ("body", "short")])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_changed_elsewhere_ends_the_sessions() {
    let (device, mut owner) = Device::with_owner().await;
    let actor = pocket_core::Actor::Owner {
        door: pocket_core::Door::Control,
        passphrase_shown: false,
    };
    let secret = |text: &str| pocket_crypto::SecretBytes::new(text.as_bytes().to_vec());
    let request = pocket_service::Request::new(actor, Operation::PassphraseChange)
        .with_passphrase(secret(PASSPHRASE))
        .with_payload(secret("quite another passphrase"));
    device.handle.call(request).await.map(drop).unwrap();
    assert_eq!(owner.get("/").await.location(), "/unlock");
    let answer = owner.log_in().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "the old passphrase");
    let new = [("passphrase", "quite another passphrase")];
    assert_eq!(owner.submit("/unlock", "/unlock", &new).await.location(), "/");
    assert_eq!(owner.get("/").await.status, StatusCode::OK);
}

/// Waits until the session is over without anyone having asked for a page while it was locked.
async fn until_logged_out(browser: &mut Browser) {
    let gone = async {
        loop {
            let answer = browser.get("/").await;
            if answer.location() == "/unlock" {
                break;
            }
            // Not, say, that there were too many requests.
            assert_eq!(answer.status, StatusCode::OK);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("the session ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_dies_with_the_lock_and_does_not_come_back_with_the_unlock() {
    let (device, mut owner) = Device::with_owner().await;
    let unlock = || {
        device.control_with_passphrase(Operation::Unlock {
            with: Credential::Passphrase,
        })
    };
    device.control(Operation::Lock { all: false }).await.unwrap();
    assert_eq!(owner.get("/").await.location(), "/unlock");
    unlock().await.unwrap();
    assert_eq!(owner.get("/").await.location(), "/unlock");

    // No request while it was locked: the door has to notice by itself.
    owner.log_in().await;
    assert_eq!(owner.get("/").await.status, StatusCode::OK);
    device.control(Operation::Lock { all: false }).await.unwrap();
    unlock().await.unwrap();
    until_logged_out(&mut owner).await;
}

#[tokio::test]
async fn the_page_locks_and_unlocks() {
    let (device, mut owner) = Device::with_owner().await;
    let mut other = owner.clone();
    let answer = owner.submit("/", "/lock", &[]).await;
    assert_eq!((answer.location(), owner.session()), ("/unlock", None));
    assert_eq!(other.get("/").await.location(), "/unlock");
    assert!(owner.get("/unlock").await.text.contains("The device is locked"));
    assert_eq!(owner.log_in().await.location(), "/");
    assert!(owner.get("/").await.text.contains("Unlocked"));

    owner
        .submit(
            "/agents/new",
            "/agents/new",
            &[
                ("name", "helper"),
                ("scope", "notes:read"),
                ("passphrase", PASSPHRASE),
            ],
        )
        .await;
    owner.submit("/lock-all", "/lock-all", &[]).await;
    owner.log_in().await;
    assert!(owner.get("/agents").await.text.contains("No agents yet."));
    drop(device);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_hear_of_changes_and_of_the_end_of_their_session() {
    let (device, owner) = Device::with_owner().await;
    let cookie = format!("pocketai_session_7878={}", owner.session().unwrap());
    let request = Request::get("/events")
        .header(header::HOST, HOST)
        .header(header::COOKIE, cookie);
    let response = device
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(
        response.headers().get(header::CONTENT_TYPE).unwrap(),
        "text/event-stream"
    );
    let mut events = response.into_body().into_data_stream();
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(20), events.next())
            .await
            .expect("an event");
        event.map(|event| String::from_utf8(event.unwrap().to_vec()).unwrap())
    };
    let other = &mut owner.clone();
    other
        .submit("/records/notes/new", "/records/notes/new", &[("title", "Milk")])
        .await;
    assert_eq!(next().await.as_deref(), Some("event: changed\ndata: changed\n\n"));
    device.control(Operation::Lock { all: false }).await.unwrap();
    assert_eq!(
        next().await.as_deref(),
        Some("event: over\ndata: over\n\n"),
        "at once"
    );
    assert_eq!(next().await, None);
}
