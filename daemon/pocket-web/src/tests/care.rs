//! What the owner does with the device rather than with records: agents, profile, log, keys, and what
//! can't be undone.

use axum::http::StatusCode;

use pocket_core::{Answer, Content, NewEntry, Note, Operation, Record};

use super::browser::{Device, PASSPHRASE};
use super::work::added;

#[tokio::test]
async fn an_agents_token_is_shown_once() {
    let (device, mut owner) = Device::with_owner().await;
    let nothing = owner
        .submit("/agents/new", "/agents/new", &[("name", "helper")])
        .await;
    assert!(nothing.text.contains("the agent may do nothing yet"));
    let fields = [
        ("name", "helper"),
        ("scope", "notes:read"),
        ("scope", "notes:search"),
        ("scope", "tasks:write"),
        ("passphrase", PASSPHRASE),
    ];
    let page = owner.submit("/agents/new", "/agents/new", &fields).await.text;
    // What a client is to be told is this device, and not where such devices usually are.
    for told in [
        "http://127.0.0.1:45933/mcp",
        "--control",
        "/run/some where/control.sock",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let (_, rest) = page.split_once(">pai_").unwrap();
    let token = format!("pai_{}", rest.split('<').next().unwrap());
    // Before it is looked up, which counts as a use.
    let list = owner.get("/agents").await.text;
    assert!(list.contains("helper") && list.contains("never used") && !list.contains(&token));
    let agent = device
        .handle
        .agent(pocket_crypto::SecretBytes::new(token.clone().into_bytes()))
        .await
        .unwrap();
    assert_eq!(agent.scopes.to_string(), "notes:read+search,tasks:write");
    assert!(
        list.contains("0 of 20,000 records") && list.contains("600 calls a minute"),
        "{list}"
    );

    let old = token;
    for (passphrase, given) in [("not this one", false), (PASSPHRASE, true)] {
        let fields = [("name", "helper"), ("passphrase", passphrase)];
        let page = owner
            .submit("/agents/rotate?name=helper", "/agents/rotate", &fields)
            .await;
        assert_eq!(page.text.contains(">pai_"), given);
    }
    let refused = device
        .handle
        .agent(pocket_crypto::SecretBytes::new(old.into_bytes()))
        .await;
    assert!(refused.is_err(), "the old token is worth nothing");
    let token = "pai_".to_owned();
    owner
        .submit(
            "/agents/revoke?name=helper",
            "/agents/revoke",
            &[("name", "helper")],
        )
        .await;
    assert!(
        device
            .handle
            .agent(pocket_crypto::SecretBytes::new(token.into_bytes()))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn profile_and_settings_are_set_and_checked() {
    let (_device, mut owner) = Device::with_owner().await;
    let fields = [("profile", "CLOUD_WITH_CONSENT"), ("minutes", "5")];
    let denied = owner.submit("/profile", "/profile", &fields).await;
    assert_ne!(
        denied.status,
        StatusCode::SEE_OTHER,
        "a session alone opens nothing"
    );
    let fields = [fields[0], fields[1], ("passphrase", PASSPHRASE)];
    assert_eq!(
        owner.submit("/profile", "/profile", &fields).await.location(),
        "/profile?done=profile"
    );
    let page = owner.get("/").await.text;
    assert!(
        page.contains("CLOUD_WITH_CONSENT") && page.contains("until <time"),
        "{page}"
    );
    let wrong = owner
        .submit(
            "/profile",
            "/profile",
            &[("profile", "CUSTOM"), ("minutes", "1441")],
        )
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);

    let fields = [
        ("auto_lock_minutes", "7"),
        ("retention_days.notes", "30"),
        ("retention_days.outbox", "0"),
    ];
    assert_eq!(
        owner.submit("/settings", "/settings", &fields).await.location(),
        "/settings?done=saved"
    );
    let again = [("auto_lock_minutes", "8"), ("retention_days.notes", "31")];
    assert_eq!(
        owner.submit("/settings", "/settings", &again).await.location(),
        "/settings?done=saved"
    );
    let page = owner.get("/settings").await.text;
    for (name, value) in [
        ("auto_lock_minutes", "8"),
        ("retention_days.notes", "31"),
        ("retention_days.outbox", "0"),
    ] {
        let (_, rest) = page.split_once(&format!("name=\"{name}\"")).unwrap();
        assert!(
            rest.split('>')
                .next()
                .unwrap()
                .contains(&format!("value=\"{value}\"")),
            "{name}"
        );
    }
    let wrong = [("auto_lock_minutes", "9"), ("retention_days.notes", "-1")];
    assert_eq!(
        owner.submit("/settings", "/settings", &wrong).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(owner.get("/").await.text.contains("kept 31 days"));
}

#[tokio::test]
async fn the_audit_log_is_shown_verified_and_exported() {
    let (device, mut owner) = Device::with_owner().await;
    for number in 0..130 {
        let item = Note {
            title: format!("n{number}"),
            ..Note::default()
        };
        let content = Content::check(Record::Note(item)).ok().unwrap();
        let items = vec![NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: None,
            content,
        }];
        device
            .control(Operation::Add { items, import: false })
            .await
            .unwrap();
    }
    let page = owner.get("/audit").await.text;
    assert!(
        page.contains("you by pocketctl") && page.contains("rel=\"next\""),
        "{page}"
    );
    let verified = owner.submit("/audit", "/audit/verify", &[]).await.text;
    assert!(verified.contains("The log is whole:"), "{verified}");

    let file = owner.submit("/audit", "/audit/export", &[]).await;
    assert_eq!(file.header("content-type"), "application/x-ndjson");
    let sequences = file.text.lines().map(|line| {
        serde_json::from_str::<pocket_core::audit::Entry>(line)
            .unwrap()
            .sequence
    });
    assert!(sequences.eq(1..=u64::try_from(file.text.lines().count()).unwrap()));
    let actor = pocket_core::Actor::Owner {
        door: pocket_core::Door::Control,
        passphrase_shown: false,
    };
    let request = pocket_service::Request::new(actor, Operation::AuditVerify { exported: true });
    let reply = device
        .handle
        .call(request.with_payload(pocket_crypto::SecretBytes::new(file.bytes.to_vec())))
        .await;
    assert!(matches!(reply.unwrap().answer, Answer::AuditVerified(Ok(_))));
}

#[tokio::test]
async fn a_new_passphrase_ends_every_other_session() {
    let (device, mut owner) = Device::with_owner().await;
    let mut other = device.browser();
    other.log_in().await;
    let path = "/device/passphrase";
    let new = "another four words";
    let wrong = [("passphrase", PASSPHRASE), ("new", new), ("new_again", "differs")];
    assert_eq!(
        owner.submit(path, path, &wrong).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let before = owner.session().cloned();
    let right = [("passphrase", PASSPHRASE), ("new", new), ("new_again", new)];
    let answer = owner.submit(path, path, &right).await;
    assert_eq!(answer.location(), "/?done=passphrase", "{}", answer.text);
    assert_ne!(owner.session().cloned(), before);
    assert_eq!(owner.get("/").await.status, StatusCode::OK);
    assert_eq!(other.get("/").await.location(), "/unlock");
    assert_eq!(other.log_in().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_new_recovery_key_needs_the_passphrase_and_opens_the_vault() {
    let (_device, mut owner) = Device::with_owner().await;
    let path = "/device/recovery";
    let page = owner.submit(path, path, &[("passphrase", PASSPHRASE)]).await;
    assert_eq!(page.status, StatusCode::OK);
    let groups: Vec<&str> = page
        .text
        .split("<li><code>")
        .skip(1)
        .map(|rest| &rest[..5])
        .collect();
    owner.submit("/", "/lock", &[]).await;
    let key = groups.join("-");
    let answer = owner
        .submit(
            "/unlock",
            "/unlock",
            &[("with", "recovery"), ("recovery_key", &key)],
        )
        .await;
    assert_eq!(answer.location(), "/", "{}", answer.text);
    let denied = owner.submit(path, path, &[("passphrase", "not this one")]).await;
    assert_eq!(denied.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_remains_of_what_was_deleted_are_shown_and_destroyed() {
    let (_device, mut owner) = Device::with_owner().await;
    let path = "/device/rekey";
    let nothing = "Nothing that was deleted or changed is left.";
    assert!(owner.get(path).await.text.contains(nothing));
    let record = added(&mut owner, "notes", &[("title", "Trip")]).await;
    let delete = format!("{record}/delete");
    owner.submit(&delete, &delete, &[]).await;
    let page = owner.get(path).await.text;
    assert!(page.contains("Remains since") && page.contains("Notes"), "{page}");
    let answer = owner.submit(path, path, &[("category", "notes")]).await;
    assert_eq!(answer.location(), "/device/rekey?done=rekeyed", "{}", answer.text);
    assert!(owner.get(path).await.text.contains(nothing));
    let refused = owner.submit(path, path, &[("category", "audit")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
}

#[tokio::test]
async fn erasing_a_category_and_the_reset_need_the_passphrase() {
    let (device, mut owner) = Device::with_owner().await;
    added(&mut owner, "notes", &[("title", "Trip")]).await;
    added(&mut owner, "tasks", &[("title", "Milk")]).await;
    let path = "/device/erase";
    let answer = owner
        .submit(path, path, &[("category", "notes"), ("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(answer.location(), "/device?done=erased", "{}", answer.text);
    assert!(
        owner
            .get("/records/notes")
            .await
            .text
            .contains("Nothing here yet.")
    );
    assert!(owner.get("/records/tasks").await.text.contains("Milk"));
    let alone = [("accept_loss", "yes")];
    let denied = owner.submit("/device/check", "/device/check", &alone).await;
    assert_ne!(denied.status, StatusCode::OK, "a session alone gives nothing up");
    assert!(
        owner
            .submit(
                "/device/check",
                "/device/check",
                &[("accept_loss", "yes"), ("passphrase", PASSPHRASE)]
            )
            .await
            .text
            .contains("Everything is whole.")
    );

    let path = "/device/reset";
    let answer = owner
        .submit(path, path, &[("confirm", "erase"), ("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
    let answer = owner
        .submit(path, path, &[("confirm", "ERASE"), ("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(
        (answer.location(), owner.session()),
        ("/setup", None),
        "{}",
        answer.text
    );
    let page = owner.get("/setup").await.text;
    assert!(
        page.contains("Everything is gone") && page.contains("0 – none"),
        "{page}"
    );
    drop(device);
}

#[tokio::test]
async fn a_wrong_passphrase_stops_the_reset_and_is_told_at_home() {
    let (_device, mut owner) = Device::with_owner().await;
    let fields = [("confirm", "ERASE"), ("passphrase", "not this one")];
    let answer = owner.submit("/device/reset", "/device/reset", &fields).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    assert!(owner.get("/").await.text.contains("1 wrong passphrase"));
}

#[tokio::test]
async fn storage_is_shown_by_category_in_bytes_and_the_last_export_is_remembered() {
    let (device, mut owner) = Device::with_owner().await;
    added(
        &mut owner,
        "notes",
        &[("title", "Trip"), ("body", &"words ".repeat(9_000))],
    )
    .await;
    let home = owner.get("/").await.text;
    assert!(
        home.contains("<span>1 record</span>") && home.contains(" taken, ") && home.contains(" free"),
        "{home}"
    );
    assert!(home.contains("<dt>Last export</dt><dd>Never"), "{home}");
    let page = owner.get("/device/storage").await;
    let order: Vec<&str> = ["Notes", "Tasks", "Kept by the database"]
        .into_iter()
        .filter(|title| page.text.contains(title))
        .collect();
    assert_eq!(order.len(), 3, "{}", page.text);
    let (_, chart) = page.text.split_once("<ul class=\"chart").unwrap();
    assert!(
        chart.find("Notes").unwrap() < chart.find("Tasks").unwrap(),
        "the largest first"
    );
    let raw = String::from_utf8_lossy(&page.bytes);
    assert!(
        raw.contains("<data value=\"") && raw.contains("</data> KiB"),
        "{raw}"
    );
    device.control(Operation::Export).await.unwrap();
    let begun = owner.get("/").await.text;
    assert!(
        begun.contains("Never <span") && begun.contains("begun and not finished"),
        "{begun}"
    );
    device.control(Operation::ExportDone).await.unwrap();
    // However much happens afterwards.
    for _ in 0..3 {
        device.control(Operation::AuditExport).await.unwrap();
    }
    assert!(
        owner
            .get("/")
            .await
            .text
            .contains("<dt>Last export</dt><dd><time")
    );
}

#[tokio::test]
async fn while_nothing_can_leave_the_page_says_so() {
    let (_device, mut owner) = Device::with_owner().await;
    let page = owner.get("/consent").await.text;
    for part in [
        "Nothing waits for your consent.",
        "In this profile nothing leaves",
        "href=\"/profile\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for path in ["/", "/records/notes"] {
        assert!(owner.get(path).await.text.contains("href=\"/consent\""), "{path}");
    }
}

#[tokio::test]
async fn a_page_in_german_says_in_german_what_failed() {
    let (_device, mut owner) = Device::with_owner().await;
    owner
        .submit(
            "/profile",
            "/profile",
            &[("profile", "CUSTOM"), ("passphrase", "not this one")],
        )
        .await;
    owner
        .cookies
        .insert("pocketai_look_7878".to_owned(), "de.light".to_owned());
    let log = owner.get("/audit").await.text;
    assert!(log.contains("falsche Passphrase"), "{log}");
    let wrong = owner
        .submit("/records/notes/new", "/records/notes/new", &[("title", "")])
        .await;
    assert!(
        wrong.text.contains("\u{201e}Titel\u{201c} ist leer"),
        "{}",
        wrong.text
    );
    let wrong = owner
        .submit("/settings", "/settings", &[("auto_lock_minutes", "1441")])
        .await;
    assert!(
        wrong.text.contains("Das automatische Sperren nimmt"),
        "{}",
        wrong.text
    );
}
