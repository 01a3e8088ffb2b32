//! What would leave, as the owner sees it and decides on it.

use axum::http::StatusCode;
use pocket_core::{Answer, Contact, Content, NewEntry, Operation, Profile, Record};

use super::browser::{Browser, Device, PASSPHRASE};
use super::work::added;

const QUESTION: &str = "What shall I give <Annegret Moosbichler>?";

/// A device with someone in its contacts, a model, and an open profile.
async fn desk() -> (Device, Browser) {
    let (device, mut owner) = Device::with_owner().await;
    let contact = Record::Contact(Contact {
        name: "Annegret Moosbichler".to_owned(),
        ..Contact::default()
    });
    let items = vec![NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content: Content::check(contact).unwrap(),
    }];
    device
        .control(Operation::Add { items, import: false })
        .await
        .unwrap();
    let model = [
        ("name", "mine"),
        ("place", "https://api.example.com/v1"),
        ("protocol", "openai"),
        ("model", "small-1"),
        ("price_in", "2.50"),
        ("price_out", "10"),
        ("currency", "EUR"),
    ];
    let taken = owner.submit("/models/new", "/models/new", &model).await;
    assert_eq!(taken.location(), "/models?done=saved", "{}", taken.text);
    let profile = Profile::CloudWithConsent;
    let minutes = Some(60);
    device
        .control(Operation::ProfileSet { profile, minutes })
        .await
        .unwrap();
    (device, owner)
}

/// Asks on the page; gives where the question is shown.
async fn ask(owner: &mut Browser, text: &str) -> String {
    let fields = [("provider", "mine"), ("text", text), ("purpose", "a present")];
    let asked = owner.submit("/ask", "/ask", &fields).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text);
    asked.location().to_owned()
}

fn digest(page: &str) -> &str {
    let (_, rest) = page.split_once("name=\"sha256\" value=\"").unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test]
async fn a_question_shows_what_leaves_and_waits_for_a_deliberate_yes() {
    let (_device, mut owner) = desk().await;
    let path = ask(&mut owner, QUESTION).await;
    let page = owner.get(&path).await.text;
    for part in [
        "<del title=\"name\">Annegret Moosbichler</del><ins>[PERSON_1]</ins>",
        "What shall I give &#60;",
        "a present",
        "small-1",
        "https://api.example.com/v1",
        "1 × name",
        "EUR",
        "accesskey=\"n\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (_, bytes) = page.split_once("<pre class=\"bytes\">").unwrap();
    let bytes = bytes.split("</pre>").next().unwrap();
    assert!(
        bytes.contains("[PERSON_1]") && !bytes.contains("Annegret"),
        "{bytes}"
    );
    let list = owner.get("/consent").await.text;
    assert!(
        list.contains("1 call waits") && list.contains(&format!("href=\"{path}\"")),
        "{list}"
    );
    assert!(owner.get("/").await.text.contains("1 call waits"));

    let sha256 = digest(&page).to_owned();
    let approve = format!("{path}/approve");
    let unread = owner.submit(&path, &approve, &[("sha256", &sha256)]).await;
    assert!(
        unread.text.contains("you have not said that you read it"),
        "{}",
        unread.text
    );
    let other = "0".repeat(64);
    let fields = [("sha256", other.as_str()), ("read", "on")];
    let other = owner.submit(&path, &approve, &fields).await;
    assert!(
        other.text.contains("not the bytes that you saw"),
        "{}",
        other.text
    );
    let fields = [("sha256", sha256.as_str()), ("read", "on")];
    let sent = owner.submit(&path, &approve, &fields).await;
    assert_eq!(sent.location(), format!("{path}?done=sent"), "{}", sent.text);
    let page = owner.get(&path).await.text;
    assert!(page.contains("on its way") && page.contains("Stop it"), "{page}");
    assert!(!page.contains("name=\"sha256\""), "it can be sent again: {page}");
    let stopped = owner.submit(&path, &format!("{path}/deny"), &[]).await;
    assert_eq!(stopped.location(), "/consent?done=denied");
    assert!(owner.get(&path).await.text.contains("stopped by the owner"));
}

#[tokio::test]
async fn a_no_keeps_it_here_and_a_session_that_is_over_loses_no_question() {
    let (device, mut owner) = desk().await;
    let path = ask(&mut owner, QUESTION).await;
    let denied = owner.submit("/consent", &format!("{path}/deny"), &[]).await;
    assert_eq!(denied.location(), "/consent?done=denied");
    let page = owner.get("/consent?done=denied").await.text;
    assert!(
        page.contains("It stays here.") && page.contains("denied"),
        "{page}"
    );
    assert!(!owner.get(&path).await.text.contains("name=\"read\""));
    let profile = Profile::OfflineOnly;
    let minutes = None;
    device
        .control(Operation::ProfileSet { profile, minutes })
        .await
        .unwrap();
    let fields = [("provider", "mine"), ("text", "Another <question>")];
    let refused = owner.submit("/ask", "/ask", &fields).await;
    assert!(
        refused.text.contains("lets nothing go to the cloud"),
        "{}",
        refused.text
    );
    assert!(
        refused.text.contains("Another &#60;question&#62;"),
        "what was typed is lost"
    );
    assert!(
        owner
            .get("/consent")
            .await
            .text
            .contains("In this profile nothing leaves")
    );
}

#[tokio::test]
async fn records_go_along_and_a_model_is_named_and_forgotten() {
    let (_device, mut owner) = desk().await;
    let fields = [("title", "Plans"), ("body", "Call Annegret Moosbichler.")];
    let path = added(&mut owner, "notes", &fields).await;
    let id = path.rsplit('/').next().unwrap();
    let form = owner.get(&format!("/ask?with=notes:{id}")).await.text;
    assert!(form.contains(&format!("value=\"notes:{id}\" checked")), "{form}");
    let with = format!("notes:{id}");
    let fields = [("text", "What now?"), ("with", with.as_str())];
    let asked = owner.submit("/ask", "/ask", &fields).await;
    let page = owner.get(asked.location()).await.text;
    assert!(
        page.contains(&format!("href=\"/records/notes/{id}\"")) && page.contains("(personal)"),
        "{page}"
    );
    let wrong = [
        ("name", "other"),
        ("place", "http://api.example.com"),
        ("protocol", "openai"),
        ("model", "x"),
    ];
    let refused = owner.submit("/models/new", "/models/new", &wrong).await;
    assert!(
        refused.text.contains("https://HOST") && refused.text.contains("value=\"other\""),
        "{}",
        refused.text
    );
    let list = owner.get("/models").await.text;
    assert!(
        list.contains("small-1") && list.contains("2.50 / 10.00 EUR"),
        "{list}"
    );
    let gone = owner
        .submit("/models", "/models/remove", &[("name", "mine")])
        .await;
    assert_eq!(gone.location(), "/models?done=deleted");
    assert!(
        owner
            .get("/ask")
            .await
            .text
            .contains("There is no model to ask yet.")
    );
}

#[tokio::test]
async fn consent_ahead_of_time_is_offered_in_custom_alone() {
    let (device, mut owner) = desk().await;
    assert!(
        !owner
            .get("/consent")
            .await
            .text
            .contains("href=\"/consent/standing\"")
    );
    let name = "helper".parse().unwrap();
    let scopes = "cloud".parse().unwrap();
    device
        .control(Operation::AgentAdd { name, scopes })
        .await
        .unwrap();
    let fields = [
        ("agent", "helper"),
        ("provider", "mine"),
        ("category", "notes"),
        ("calls", "3"),
        ("bytes", "1000"),
        ("minutes", "10"),
        ("passphrase", PASSPHRASE),
    ];
    let refused = owner
        .submit("/consent/standing", "/consent/standing", &fields)
        .await;
    assert!(
        refused.text.contains("only in the profile CUSTOM"),
        "{}",
        refused.text
    );
    let profile = Profile::Custom;
    let minutes = Some(60);
    device
        .control(Operation::ProfileSet { profile, minutes })
        .await
        .unwrap();
    let taken = owner
        .submit("/consent/standing", "/consent/standing", &fields)
        .await;
    assert_eq!(taken.location(), "/consent?done=saved", "{}", taken.text);
    let list = owner.get("/consent").await.text;
    assert!(list.contains("3 calls left") && list.contains("helper"), "{list}");
    let log = owner.get("/audit").await.text;
    for words in [
        "consent given ahead: most calls, agent helper to mine (3)",
        "consent given ahead: most bytes, agent helper to mine (1,000 bytes)",
        "consent given ahead: minutes, agent helper to mine (10)",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    owner
        .submit("/settings", "/settings/look", &[("language", "de")])
        .await;
    let log = owner.get("/audit").await.text;
    let words = "im Voraus zugestimmt: höchstens Aufrufe, Agent helper an mine (3)";
    assert!(log.contains(words), "{log}");
    owner
        .submit("/settings", "/settings/look", &[("language", "en")])
        .await;
    let Ok(Answer::Consents { standing, .. }) = device
        .control(Operation::ConsentList)
        .await
        .map(|reply| reply.answer)
    else {
        panic!("no list");
    };
    let end = format!("/consent/standing/{}/end", standing[0].id);
    owner.submit("/consent", &end, &[]).await;
    assert!(!owner.get("/consent").await.text.contains("3 calls left"));
}
