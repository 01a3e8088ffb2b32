//! An agent that was taken over, with the little that it may do: it learns nothing, and stops nothing.

use pocket_core::{Category, Operation};
use rmcp::model::{PaginatedRequestParams, ReadResourceRequestParams};
use serde_json::{Value, json};

use super::device::{Client, Device, call, owner, secret, try_call};
use super::*;

/// A word that stands in everything of the owner's, and that no answer may hold.
const CANARY: &str = "walnuts";
const EVERYTHING: &str = "memory:write,notes:write,tasks:write,contacts:write,conversations:write,\
    documents:write,outbox:write";

/// A record of each category that an agent may write, each with the word in it; their ids.
async fn owned(device: &Device) -> Vec<(&'static str, String)> {
    let writer = device.client(&device.agent("writer", EVERYTHING).await).await;
    let mut ids = Vec::new();
    for (category, record) in [
        ("memory", json!({"text": CANARY})),
        ("notes", json!({"title": CANARY})),
        ("tasks", json!({"title": CANARY})),
        ("contacts", json!({"name": CANARY})),
        ("conversations", json!({"title": CANARY})),
        ("documents", json!({"name": CANARY})),
        ("outbox", json!({"to": CANARY})),
    ] {
        let added = call(&writer, "add", json!({"category": category, "records": [record]})).await;
        ids.push((category, added["results"][0]["id"].as_str().unwrap().to_owned()));
    }
    let set = owner(Operation::SecretSet {
        name: CANARY.to_owned(),
        note: String::new(),
    });
    device
        .handle
        .call(set.with_payload(secret(CANARY)))
        .await
        .unwrap_or_else(|f| panic!("{f}"));
    ids
}

/// All that is said to a call, whatever becomes of it.
async fn said(client: &Client, tool: &'static str, arguments: Value) -> String {
    match try_call(client, tool, arguments).await {
        Ok(result) => serde_json::to_string(&result).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_it_asks_for_it_is_not_told() {
    let device = Device::start().await;
    let ids = owned(&device).await;
    let thief = device.client(&device.agent("thief", "tasks:delete").await).await;
    let mut heard = Vec::new();
    for category in Category::ALL.map(Category::name) {
        heard.push(said(&thief, "list", json!({"category": category})).await);
        heard.push(said(&thief, "search", json!({"query": "w", "category": category})).await);
        let listed = PaginatedRequestParams::default().with_cursor(Some(format!("{category}:")));
        heard.push(format!("{:?}", thief.list_resources(Some(listed)).await));
    }
    for (category, id) in &ids {
        let found = json!({"category": category, "id": id});
        heard.push(said(&thief, "get", found.clone()).await);
        heard.push(
            said(
                &thief,
                "edit",
                json!({"category": category, "id": id, "fields": {}}),
            )
            .await,
        );
        let supersedes = json!({"facts": [{"text": "x", "supersedes": id}]});
        heard.push(said(&thief, "remember", supersedes).await);
        if *category != "tasks" {
            heard.push(said(&thief, "delete", json!({"category": category, "ids": [id]})).await);
        }
        let uri = ReadResourceRequestParams::new(format!("pocket://{category}/{id}"));
        heard.push(format!("{:?}", thief.read_resource(uri).await));
    }
    for (tool, arguments) in [
        ("recall", json!({"query": "w"})),
        ("search", json!({"query": "w"})),
        ("contacts", json!({"query": "w"})),
        ("tasks", json!({})),
        ("status", json!({})),
        ("consent_status", json!({})),
        (
            "cloud_ask",
            json!({"text": "what is kept here?", "provider": "x"}),
        ),
        ("forget", json!({"ids": [ids[0].1]})),
    ] {
        heard.push(said(&thief, tool, arguments).await);
    }
    for words in heard {
        assert!(!words.contains(CANARY), "{words}");
    }
    // And nothing of it came to harm.
    for (category, id) in ids {
        let get = Operation::Get {
            category: category.parse().unwrap(),
            id: id.parse().unwrap(),
        };
        device.as_owner(get).await;
    }
    device.stop().await;
}

#[tokio::test]
async fn what_it_sends_stops_nothing() {
    let device = Device::start().await;
    let token = device.agent("thief", ALL).await;
    let thief = device.client(&token).await;
    let deep = (0..120).fold(json!(1), |inside, _| json!([inside]));
    let long = "w".repeat(900_000);
    for (tool, arguments) in [
        ("search", json!({"query": long})),
        ("search", json!({"query": "\u{0}\u{202e}\u{feff}\"*~^:()[]{}"})),
        (
            "search",
            json!({"query": "w", "after": u64::MAX, "limit": u32::MAX}),
        ),
        ("recall", json!({"query": "w", "after": -1})),
        (
            "add",
            json!({"category": "notes", "records": [{"title": "\u{0}"}]}),
        ),
        (
            "add",
            json!({"category": "notes", "records": vec![json!({"title": "x"}); 101]}),
        ),
        ("add", json!({"category": "notes", "records": [deep]})),
        (
            "add",
            json!({"category": "tasks", "records": [{"title": "x", "repeat": "FREQ=SECONDLY;COUNT=999999999"}]}),
        ),
        (
            "get",
            json!({"category": "documents", "id": "0".repeat(32), "page": u64::MAX}),
        ),
        (
            "get",
            json!({"category": "notes", "id": "0".repeat(32), "offset": u64::MAX}),
        ),
        ("tasks", json!({"after": u64::MAX})),
        ("delete", json!({"category": "notes", "ids": []})),
        (
            "remember",
            json!({"facts": [{"text": "x", "confidence": 4_000_000_000u64}]}),
        ),
    ] {
        let words = said(&thief, tool, arguments).await;
        assert!(
            words.len() < 20_000 && !words.contains("panicked"),
            "{tool}: {words}"
        );
    }
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        nested.as_str(),
        "{",
        "\u{feff}{}",
        "[]",
        "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":1}",
    ] {
        let status = device.post(body).token(&token).status().await;
        assert!((400..500).contains(&status), "{status}");
    }
    // An answer to a question that nobody asked opens nothing.
    let forged = FORGED.replace("TOOL", "cloud_ask");
    let answer = device
        .post(&forged)
        .token(&token)
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", "cloud_ask")
        .header("MCP-Protocol-Version", "2026-07-28")
        .send()
        .await;
    assert!(answer.0.contains("OFFLINE_ONLY"), "{}", answer.0);

    let other = device.client(&device.agent("other", ALL).await).await;
    assert_eq!(call(&other, "status", json!({})).await["state"], "unlocked");
    device.stop().await;
}
