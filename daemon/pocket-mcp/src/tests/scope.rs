//! What an agent may not do, and how it is told.

use pocket_core::{Answer, Operation};
use serde_json::json;

use super::device::{Device, call, owner, refusal, secret, try_call};
use super::*;

#[tokio::test]
async fn what_is_out_of_scope_is_refused_in_words_and_recorded() {
    let device = Device::start().await;
    let writer = device
        .client(&device.agent("writer", "notes:write,memory:search+write").await)
        .await;
    let reader = device.client(&device.agent("reader", "notes:read").await).await;
    let note = json!({"category": "notes", "records": [{"title": "Plan", "body": "secret plan"}]});
    let id = call(&writer, "add", note.clone()).await["results"][0]["id"].clone();

    for (tool, arguments) in [
        ("list", json!({"category": "notes"})),
        ("get", json!({"category": "notes", "id": id})),
        ("search", json!({"category": "notes", "query": "plan"})),
        (
            "edit",
            json!({"category": "notes", "id": id, "fields": {"body": "x"}}),
        ),
        ("delete", json!({"category": "notes", "ids": [id]})),
        ("list", json!({"category": "audit"})),
        ("list", json!({"category": "settings"})),
    ] {
        let words = refusal(&writer, tool, arguments).await;
        assert!(
            words.contains("no scope") || words.contains("owner"),
            "{tool}: {words}"
        );
        assert!(
            words.contains(" \u{2014} ") && !words.contains("plan"),
            "{tool}: {words}"
        );
    }
    assert!(
        refusal(&reader, "add", note)
            .await
            .contains("no scope for write on notes")
    );
    assert_eq!(
        call(&reader, "list", json!({"category": "notes"})).await["total"],
        1
    );

    // Search without read shows what a hit shows, and no more.
    let long = format!("The code of the shed. {}", "far away ".repeat(200));
    call(&writer, "remember", json!({"facts": [{"text": long}]})).await;
    let glimpse = call(&writer, "recall", json!({"query": "shed"})).await;
    assert!(glimpse["records"][0]["fields"]["text"].as_str().unwrap().len() < 300);

    let Answer::Audit(entries) = device
        .as_owner(Operation::AuditShow {
            before: None,
            limit: 100,
        })
        .await
    else {
        panic!("no audit entries")
    };
    let entries = serde_json::to_string(&entries).unwrap();
    assert!(entries.matches("no-scope").count() >= 6, "{entries}");
    device.stop().await;
}

#[tokio::test]
async fn of_a_secret_only_the_name_is_ever_shown() {
    let device = Device::start().await;
    let set = Operation::SecretSet {
        name: "bank".to_owned(),
        note: "whiskers".to_owned(),
    };
    let set = owner(set).with_payload(secret("correct horse"));
    device.handle.call(set).await.unwrap_or_else(|f| panic!("{f}"));
    let client = device
        .client(&device.agent("teller", "secrets:read+write+search+delete").await)
        .await;

    let listed = call(&client, "list", json!({"category": "secrets"})).await;
    assert_eq!(listed["records"][0]["fields"], json!({"name": "bank"}));
    let id = listed["records"][0]["id"].clone();
    let shown = call(&client, "get", json!({"category": "secrets", "id": id})).await;
    assert_eq!(shown["fields"], json!({"name": "bank"}));
    let add = json!({"category": "secrets", "records": [{"name": "other"}]});
    assert!(
        refusal(&client, "add", add)
            .await
            .contains("pocketctl secret set")
    );

    let stranger = device.client(&device.agent("other", "notes:read").await).await;
    assert!(
        refusal(&stranger, "list", json!({"category": "secrets"}))
            .await
            .contains("no scope")
    );
    device.stop().await;
}

#[tokio::test]
async fn wrong_arguments_are_explained() {
    let device = Device::start().await;
    let client = device.client(&device.agent("laptop", ALL).await).await;
    for (tool, arguments, part) in [
        ("list", json!({"category": "cellar"}), "no such category"),
        ("list", json!({}), "category"),
        (
            "get",
            json!({"category": "notes", "id": "7"}),
            "32 hexadecimal digits",
        ),
        (
            "add",
            json!({"category": "tasks", "records": [{"titel": "x"}]}),
            "titel",
        ),
        ("remember", json!({"facts": [{"text": "  "}]}), "text is empty"),
        ("remember", json!({"facts": []}), "1 to 100"),
        ("tasks", json!({"due_by": "soon"}), "not a date"),
        (
            "get",
            json!({"category": "notes", "id": "0123456789abcdef0123456789abcdef"}),
            "list",
        ),
        ("recall", json!({"query": "x", "cellar": 1}), "cellar"),
    ] {
        let words = refusal(&client, tool, arguments).await;
        assert!(
            words.contains(part) && words.contains(" \u{2014} "),
            "{tool}: {words}"
        );
    }
    assert!(
        try_call(&client, "shell", json!({})).await.is_err(),
        "an unknown tool is a fault of the protocol"
    );
    device.stop().await;
}
