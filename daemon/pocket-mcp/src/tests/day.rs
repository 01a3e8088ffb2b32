//! What an agent does in a day: over each transport, over a lock, and more than fits one answer.

use pocket_core::{FailureKind, Operation};
use rmcp::model::ClientConfig;
use serde_json::{Value, json};

use super::device::{Client, Device, call, refusal, secret, try_call};
use super::*;

/// Everything an agent does in a day.
pub(super) async fn a_day(client: &Client) {
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 14);

    facts(client).await;
    tasks(client).await;
    let words = refusal(client, "cloud_ask", json!({"text": "How are walnuts cracked?"})).await;
    assert!(
        words.contains("OFFLINE_ONLY") && words.contains(" \u{2014} "),
        "{words}"
    );
    assert_eq!(
        call(client, "consent_status", json!({})).await["waiting"],
        json!([])
    );
    let status = call(client, "status", json!({})).await;
    assert_eq!(status["state"], "unlocked");
    assert_eq!(
        status["may"][0],
        json!({"category": "memory", "verbs": ["read", "search", "write", "delete"]})
    );
}

async fn facts(client: &Client) {
    let fact = json!({"text": "Anna is allergic to walnuts", "subject": "Anna", "tags": ["health"], "confidence": 90});
    let added = call(client, "remember", json!({"facts": [fact]})).await["results"][0].clone();
    assert_eq!(added["outcome"], "added");
    let again = json!({"facts": [{"text": "anna is allergic  to walnuts.", "subject": "Anna"}]});
    let again = call(client, "remember", again).await["results"][0].clone();
    assert_eq!(
        (&again["outcome"], &again["id"]),
        (&json!("already-here"), &added["id"])
    );
    let found = call(client, "recall", json!({"query": "walnuts allergic"})).await;
    assert_eq!(found["records"][0]["id"], added["id"]);
    assert_eq!(
        found["records"][0]["fields"]["text"],
        "Anna is allergic to walnuts"
    );
    assert_eq!(found["records"][0]["untrusted"], true);

    // A newer fact takes its place; the older one is history.
    let newer = json!({"facts": [{"text": "Anna may eat walnuts again", "subject": "Anna",
        "valid_from": "2026-01-01", "supersedes": added["id"]}]});
    call(client, "remember", newer).await;
    for (history, count) in [(false, 1), (true, 2)] {
        let found = call(client, "recall", json!({"query": "walnuts", "history": history})).await;
        assert_eq!(found["records"].as_array().unwrap().len(), count, "{found}");
    }
    let ended = call(client, "get", json!({"category": "memory", "id": added["id"]})).await;
    assert_eq!(ended["fields"]["valid_until"], "2026-01-01");
    let forgotten = call(client, "forget", json!({"ids": [added["id"], added["id"]]})).await;
    assert_eq!(
        (
            &forgotten["results"][0]["outcome"],
            &forgotten["results"][1]["outcome"]
        ),
        (&json!("deleted"), &json!("not-found"))
    );
}

async fn tasks(client: &Client) {
    let milk = json!({"title": "Buy milk", "due": "2026-12-01", "tags": ["shop"], "list": "home"});
    let tax = json!({"title": "File taxes", "due": "2026-11-30", "priority": 1});
    let tasks = json!({"category": "tasks", "records": [milk, tax]});
    let ids = call(client, "add", tasks).await["results"].clone();
    let (id, tax) = (ids[0]["id"].clone(), ids[1]["id"].clone());
    let open = call(client, "tasks", json!({})).await;
    assert_eq!(titles(open), ["File taxes", "Buy milk"], "what is due first");
    for narrow in [json!({"list": "Home"}), json!({"tag": "shop"})] {
        assert_eq!(titles(call(client, "tasks", narrow).await), ["Buy milk"]);
    }
    let soon = call(client, "tasks", json!({"due_by": "2026-11-30"})).await;
    assert_eq!(titles(soon), ["File taxes"]);
    let first = call(client, "tasks", json!({"limit": 1})).await;
    let second = call(client, "tasks", json!({"limit": 1, "after": first["next"]})).await;
    assert_eq!(
        (titles(second.clone()), second["next"].clone()),
        (vec!["Buy milk".to_owned()], Value::Null)
    );
    call(client, "delete", json!({"category": "tasks", "ids": [tax]})).await;
    let shown = call(client, "get", json!({"category": "tasks", "id": id})).await;
    assert_eq!(shown["fields"]["title"], "Buy milk");
    assert_eq!(
        (shown["revision"].clone(), shown["origin"].clone()),
        (json!(1), json!("agent"))
    );
    one_task(client, id).await;
}

/// Read, changed, found, deleted.
async fn one_task(client: &Client, id: Value) {
    let done = json!({"category": "tasks", "id": id, "fields": {"done": true}, "revision": 1});
    assert_eq!(call(client, "edit", done.clone()).await["outcome"], "edited");
    let shown = call(client, "get", json!({"category": "tasks", "id": id})).await;
    assert_eq!(
        (shown["fields"]["done"].clone(), shown["fields"]["due"].clone()),
        (json!(true), json!("2026-12-01"))
    );
    refusal(client, "edit", done).await;

    let listed = call(client, "list", json!({"category": "tasks"})).await;
    assert_eq!(listed["records"][0]["fields"]["title"], "Buy milk");
    assert_eq!(
        titles(call(client, "tasks", json!({"done": true})).await),
        ["Buy milk"]
    );
    let hits = call(client, "search", json!({"query": "milk"})).await;
    assert_eq!(
        (hits["hits"][0]["category"].clone(), hits["hits"][0]["id"].clone()),
        (json!("tasks"), id.clone())
    );
    let none = call(client, "search", json!({"query": "milk", "category": "notes"})).await;
    assert_eq!(none["hits"], json!([]));

    let deleted = call(client, "delete", json!({"category": "tasks", "ids": [id]})).await;
    assert_eq!(deleted["results"][0]["outcome"], "deleted");
    let gone = refusal(client, "get", json!({"category": "tasks", "id": id})).await;
    assert!(gone.contains(" \u{2014} "), "{gone}");
}

/// The titles of the rows of a result.
fn titles(rows: Value) -> Vec<String> {
    let rows = rows["records"].as_array().unwrap().clone();
    rows.iter()
        .map(|row| row["fields"]["title"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_client_with_a_session_does_everything() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let client = device.client(&token).await;
    a_day(&client).await;
    client.cancel().await.unwrap();
    device.stop().await;
}

#[tokio::test]
async fn a_stateless_client_does_everything() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let client = device.modern_client(&token).await;
    a_day(&client).await;
    client.cancel().await.unwrap();
    device.stop().await;
}

#[tokio::test]
async fn a_client_on_the_bridge_does_everything_until_it_is_revoked() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let served = tokio::spawn(serve_stream(device.handle.clone(), secret(&token), ours));
    let client = ClientConfig::default().serve(theirs).await.unwrap();
    a_day(&client).await;
    device
        .as_owner(Operation::AgentRevoke {
            name: "laptop".parse().unwrap(),
        })
        .await;
    let words = refusal(&client, "list", json!({"category": "tasks"})).await;
    assert!(words.contains(" \u{2014} "), "{words}");
    client.cancel().await.unwrap();
    assert!(served.await.unwrap().is_ok());

    let (ours, _theirs) = tokio::io::duplex(1024);
    let refused = serve_stream(device.handle.clone(), secret(&token), ours).await;
    assert_eq!(
        refused.map_err(|failure| failure.kind),
        Err(FailureKind::WrongCredential)
    );
    device.stop().await;
}

#[tokio::test]
async fn a_locked_device_says_so_and_goes_on_after() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let before = device.client(&token).await;
    call(
        &before,
        "remember",
        json!({"facts": [{"text": "the spare key is under the pot"}]}),
    )
    .await;
    device.lock().await;

    let during = device.client(&token).await;
    for client in [&before, &during] {
        let words = refusal(client, "recall", json!({"query": "key"})).await;
        assert!(
            words.contains("locked") && words.contains("pocketctl unlock"),
            "{words}"
        );
        let status = call(client, "status", json!({})).await;
        assert_eq!(
            (status["state"].clone(), status["may"].clone()),
            (json!("locked"), json!([]))
        );
    }
    let stranger = device.client("pai_nobody").await;
    assert!(
        refusal(&stranger, "recall", json!({"query": "key"}))
            .await
            .contains("locked")
    );

    device.unlock().await;
    for client in [&before, &during] {
        let found = call(client, "recall", json!({"query": "key"})).await;
        assert_eq!(
            found["records"][0]["fields"]["text"],
            "the spare key is under the pot"
        );
    }
    assert!(
        try_call(&stranger, "recall", json!({"query": "key"}))
            .await
            .is_err()
    );
    device.stop().await;
}

#[tokio::test]
async fn long_lists_and_long_notes_come_in_pieces_without_a_gap() {
    let device = Device::start().await;
    let client = device.client(&device.agent("laptop", ALL).await).await;
    for number in 0..60 {
        let text = format!("fact {number} {}", "words ".repeat(60));
        call(&client, "remember", json!({"facts": [{"text": text}]})).await;
    }
    let (mut seen, mut pages, mut after) = (Vec::new(), 0, Value::Null);
    loop {
        let mut arguments = json!({"category": "memory", "limit": 100});
        if !after.is_null() {
            arguments["after"] = after;
        }
        let page = call(&client, "list", arguments).await;
        seen.extend(
            page["records"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].to_string()),
        );
        pages += 1;
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert!(pages > 1, "one page held it all");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 60);

    let first = call(&client, "recall", json!({"query": "words", "limit": 5})).await;
    let second = call(
        &client,
        "recall",
        json!({"query": "words", "limit": 5, "after": first["next"]}),
    )
    .await;
    assert_ne!(first["records"][0]["id"], second["records"][0]["id"]);

    let body: String = (0..3_000).map(|number| format!("line {number}\n")).collect();
    let note = json!({"category": "notes", "records": [{"title": "Long", "body": body}]});
    let id = call(&client, "add", note).await["results"][0]["id"].clone();
    let shown = call(&client, "get", json!({"category": "notes", "id": id})).await;
    assert_eq!(shown["truncated"], true);
    let mut read = shown["fields"]["body"].as_str().unwrap().to_owned();
    while read.len() < body.len() {
        let piece = call(
            &client,
            "get",
            json!({"category": "notes", "id": id, "offset": read.len()}),
        )
        .await;
        read.push_str(piece["fields"]["body"].as_str().unwrap());
    }
    assert_eq!(read, body);
    device.stop().await;
}
