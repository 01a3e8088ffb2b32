//! Resources, prompts, completions, watches, cancelled calls: what is not a tool.

use pocket_core::{AgentLimits, Operation};
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    ArgumentInfo, ClientConfig, CompleteRequestParams, GetPromptRequestParams, PaginatedRequestParams,
    ReadResourceRequestParams, Reference, ResourceContents, ResourceUpdatedNotificationParam,
    SubscribeRequestParams,
};
use rmcp::service::{NotificationContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::device::{Client, Device, call, refusal, secret};
use super::*;

async fn note(client: &Client, title: &str, body: &str) -> String {
    let note = json!({"category": "notes", "records": [{"title": title, "body": body}]});
    call(client, "add", note).await["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn read(client: &Client, uri: &str) -> (String, Value) {
    let read = client
        .read_resource(ReadResourceRequestParams::new(uri))
        .await
        .unwrap();
    let Some(ResourceContents::TextResourceContents { text, meta, .. }) = read.contents.into_iter().next()
    else {
        panic!("no text")
    };
    (text, serde_json::to_value(meta).unwrap())
}

#[tokio::test]
async fn notes_are_listed_in_pages_and_read_by_their_address() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    for client in [device.client(&token).await, device.modern_client(&token).await] {
        for number in 0..45 {
            note(&client, &format!("Note {number}"), "body").await;
        }
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let asked = PaginatedRequestParams::default().with_cursor(cursor);
            let page = client.list_resources(Some(asked)).await.unwrap();
            seen.extend(page.resources.into_iter().map(|resource| resource.uri));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        seen.sort();
        seen.dedup();
        assert!(
            seen.len() >= 45 && seen.iter().all(|uri| uri.starts_with("pocket://notes/")),
            "{}",
            seen.len()
        );
        let (text, meta) = read(&client, &seen[0]).await;
        assert!(
            text.starts_with("# Note ") && text.ends_with("\n\nbody"),
            "{text}"
        );
        assert_eq!(meta["pocketai/untrusted"], true, "an agent wrote it");
        for wrong in [
            "pocket://notes/0123456789abcdef0123456789abcdef",
            "pocket://secrets/0123456789abcdef0123456789abcdef",
            "file:///etc/passwd",
        ] {
            let refused = client.read_resource(ReadResourceRequestParams::new(wrong)).await;
            assert!(refused.unwrap_err().to_string().contains(" \u{2014} "), "{wrong}");
        }
        let stray = PaginatedRequestParams::default().with_cursor(Some("documents:".to_owned()));
        assert!(client.list_resources(Some(stray)).await.is_err());
        assert_eq!(client.list_all_resource_templates().await.unwrap().len(), 2);
        client.cancel().await.unwrap();
    }
    device.stop().await;
}

/// What lies outside an agent's scopes looks to it as if it were not there, or as if it were: alike.
#[tokio::test]
async fn what_an_agent_may_not_read_it_cannot_tell_from_nothing() {
    let device = Device::start().await;
    let writer = device.client(&device.agent("writer", ALL).await).await;
    let there = note(&writer, "Plan", "secret plan").await;
    let stranger = device.client(&device.agent("stranger", "tasks:read").await).await;
    let nowhere = "0123456789abcdef0123456789abcdef";
    let words = |id: &str| {
        let id = id.to_owned();
        let stranger = &stranger;
        async move {
            let uri = ReadResourceRequestParams::new(format!("pocket://notes/{id}"));
            let resource = stranger.read_resource(uri).await.unwrap_err().to_string();
            let tool = refusal(stranger, "get", json!({"category": "notes", "id": id})).await;
            let edit = json!({"category": "notes", "id": id, "fields": {"body": "x"}});
            let edit = refusal(stranger, "edit", edit).await;
            let delete = json!({"category": "notes", "ids": [id]});
            (resource, tool, edit, refusal(stranger, "delete", delete).await)
        }
    };
    assert_eq!(words(&there).await, words(nowhere).await);
    assert!(stranger.list_all_resources().await.unwrap().is_empty());
    let found = call(&stranger, "search", json!({"query": "plan"})).await;
    assert_eq!(found["hits"], json!([]));
    device.stop().await;
}

#[tokio::test]
async fn prompts_are_filled_in_and_arguments_completed() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let client = device.client(&token).await;
    let facts = json!({"facts": [{"text": "likes tea", "subject": "Anna"}, {"text": "likes rum", "subject": "Hanna"},
        {"text": "likes gin", "subject": "Bert"}]});
    call(&client, "remember", facts).await;
    let prompts = client.list_all_prompts().await.unwrap();
    let names: Vec<&str> = prompts.iter().map(|prompt| prompt.name.as_str()).collect();
    assert_eq!(names, ["brief_me", "what_do_you_know", "plan"]);
    let filled = GetPromptRequestParams::new("what_do_you_know")
        .with_arguments(serde_json::from_value(json!({"subject": "Anna"})).unwrap());
    let filled = client.get_prompt(filled).await.unwrap();
    assert!(serde_json::to_string(&filled).unwrap().contains("about Anna?"));
    for wrong in ["what_do_you_know", "shell"] {
        assert!(
            client
                .get_prompt(GetPromptRequestParams::new(wrong))
                .await
                .is_err()
        );
    }

    let complete = |client: &Client, reference: Reference, name: &str, value: &str| {
        let asked = CompleteRequestParams::new(reference, ArgumentInfo::new(name, value));
        let peer = client.peer().clone();
        async move { peer.complete(asked).await.unwrap().completion.values }
    };
    let subject = || Reference::for_prompt("what_do_you_know");
    assert_eq!(
        complete(&client, subject(), "subject", "ann").await,
        ["Anna", "Hanna"]
    );
    let template = || Reference::for_resource("pocket://{category}/{id}");
    assert_eq!(complete(&client, template(), "category", "n").await, ["notes"]);
    let stranger = device
        .client(&device.agent("stranger", "notes:write").await)
        .await;
    assert!(complete(&stranger, subject(), "subject", "").await.is_empty());
    assert!(complete(&stranger, template(), "category", "").await.is_empty());
    device.stop().await;
}

/// A client that keeps what it is told.
struct Watcher(mpsc::UnboundedSender<String>);

impl ClientHandler for Watcher {
    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.0.send(params.uri).unwrap();
    }

    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }
}

async fn watcher(
    device: &Device,
    token: &str,
) -> (
    RunningService<RoleClient, Watcher>,
    mpsc::UnboundedReceiver<String>,
) {
    let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{}/mcp", device.address));
    let transport = StreamableHttpClientTransport::from_config(config.auth_header(token));
    let (sender, heard) = mpsc::unbounded_channel();
    let client = Watcher(sender)
        .serve_with_lifecycle(transport, ClientLifecycleMode::Initialize)
        .await
        .unwrap();
    (client, heard)
}

#[tokio::test]
#[expect(deprecated, reason = "clients of 2025-11-25 watch records so")]
async fn who_watches_a_record_hears_of_its_changes_until_it_is_revoked() {
    let device = Device::start().await;
    let writer = device.client(&device.agent("writer", ALL).await).await;
    let (mine, other) = (
        note(&writer, "Mine", "1").await,
        note(&writer, "Other", "1").await,
    );
    let edit = |id: &str, body: &str| json!({"category": "notes", "id": id, "fields": {"body": body}});

    let (reader, mut heard) = watcher(&device, &device.agent("reader", "notes:read").await).await;
    let (blind, mut unheard) = watcher(&device, &device.agent("blind", "tasks:read").await).await;
    let uri = format!("pocket://notes/{mine}");
    for client in [&reader, &blind] {
        client
            .subscribe(SubscribeRequestParams::new(uri.clone()))
            .await
            .unwrap();
    }
    call(&writer, "edit", edit(&other, "2")).await;
    call(&writer, "edit", edit(&mine, "2")).await;
    assert_eq!(heard.recv().await, Some(uri.clone()));
    assert!(heard.try_recv().is_err(), "of the other note it hears nothing");

    let revoke = Operation::AgentRevoke {
        name: "reader".parse().unwrap(),
    };
    device.as_owner(revoke).await;
    call(&writer, "edit", edit(&mine, "3")).await;
    // A second watcher is told after the first would have been.
    let (witness, mut told) = watcher(&device, &device.agent("witness", "notes:read").await).await;
    witness
        .subscribe(SubscribeRequestParams::new(uri.clone()))
        .await
        .unwrap();
    call(&writer, "edit", edit(&mine, "4")).await;
    assert_eq!(told.recv().await, Some(uri));
    assert!(heard.try_recv().is_err(), "a revoked agent heard of a change");
    assert!(
        unheard.try_recv().is_err(),
        "an agent heard of what it may not read"
    );
    device.stop().await;
}

#[tokio::test]
async fn a_stream_of_the_stateless_era_tells_of_changes_and_ends_with_the_agent() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let client = device.modern_client(&token).await;
    let id = note(&client, "Mine", "1").await;
    let listen = LISTEN.replace("ID", &id);
    let mut stream = device
        .post(&listen)
        .token(&token)
        .header("Mcp-Method", "subscriptions/listen")
        .header("MCP-Protocol-Version", "2026-07-28")
        .open()
        .await;
    stream.until("notifications/subscriptions/acknowledged").await;
    call(
        &client,
        "edit",
        json!({"category": "notes", "id": id, "fields": {"body": "2"}}),
    )
    .await;
    stream.until("notifications/resources/updated").await;
    let revoke = Operation::AgentRevoke {
        name: "laptop".parse().unwrap(),
    };
    device.as_owner(revoke).await;
    // The stream is ended by the device, and holds no further notification.
    assert!(!stream.rest().await.contains("resources/updated"));
    device.stop().await;
}

#[tokio::test]
async fn one_agent_has_its_calls_over_all_doors_and_is_told_when_they_are_spent() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let limits = AgentLimits {
        calls: 20,
        ..AgentLimits::default()
    };
    let name = "laptop".parse().unwrap();
    device.as_owner(Operation::AgentLimit { name, limits }).await;
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(serve_stream(device.handle.clone(), secret(&token), ours));
    let client = ClientConfig::default().serve(theirs).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(device.post(INITIALIZE).token(&token).status().await);
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        6,
        "{statuses:?}"
    );
    let answer = device.post(INITIALIZE).token(&token).send().await;
    assert!(
        answer.says("more than 20 times") && answer.header("Retry-After").is_some(),
        "{}",
        answer.0
    );
    assert!(
        refusal(&client, "status", json!({}))
            .await
            .contains("more than 20 times")
    );
    let other = device.agent("other", ALL).await;
    assert_eq!(device.post(INITIALIZE).token(&other).status().await, 200);
    device.stop().await;
}

#[tokio::test]
async fn a_cursor_that_nobody_gave_is_refused() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    for client in [device.client(&token).await, device.modern_client(&token).await] {
        let forged = || Some(PaginatedRequestParams::default().with_cursor(Some("forged".to_owned())));
        let refusals = [
            client.list_tools(forged()).await.map(drop),
            client.list_prompts(forged()).await.map(drop),
            client.list_resource_templates(forged()).await.map(drop),
            client.list_resources(forged()).await.map(drop),
        ];
        for refused in refusals {
            let error = refused.unwrap_err().to_string();
            assert!(
                error.contains("-32602") && error.contains("begin again"),
                "{error}"
            );
        }
        client.cancel().await.unwrap();
    }
    device.stop().await;
}
