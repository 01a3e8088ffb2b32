//! Over real sockets, with the SDK's own client, against a real engine.

mod device;

use std::sync::{Mutex, PoisonError};

use pocket_core::{Answer, FailureKind, Operation};
use rmcp::model::ClientConfig;
use serde_json::{Value, json};
use tracing_subscriber::filter::LevelFilter;

use self::device::{Client, Device, bearer, call, owner, refusal, secret, try_call};
use super::*;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}"#;
const LIST_TOOLS: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
const LIST_TOOLS_MODERN: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const ALL: &str =
    "memory:read+search+write+delete,notes:read+search+write+delete,tasks:read+search+write+delete";

/// Everything an agent does in a day.
async fn a_day(client: &Client) {
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 9);

    let fact = json!({"text": "Anna is allergic to walnuts", "subject": "Anna", "tags": ["health"], "confidence": 90});
    let added = call(client, "remember", fact.clone()).await;
    assert_eq!(added["outcome"], "added");
    let again = call(client, "remember", fact).await;
    assert_eq!(
        (&again["outcome"], &again["id"]),
        (&json!("already-here"), &added["id"])
    );
    let found = call(client, "recall", json!({"query": "walnuts allergic"})).await;
    assert_eq!(found["facts"][0]["id"], added["id"]);
    assert_eq!(found["facts"][0]["fields"]["text"], "Anna is allergic to walnuts");

    let task =
        json!({"category": "tasks", "fields": {"title": "Buy milk", "due": "2026-12-01", "tags": ["shop"]}});
    let id = call(client, "add", task).await["id"].clone();
    let shown = call(client, "get", json!({"category": "tasks", "id": id})).await;
    assert_eq!(shown["fields"]["title"], "Buy milk");
    assert_eq!(
        (shown["revision"].clone(), shown["origin"].clone()),
        (json!(1), json!("agent"))
    );

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
    let hits = call(client, "search", json!({"query": "milk"})).await;
    assert_eq!(
        (hits["hits"][0]["category"].clone(), hits["hits"][0]["id"].clone()),
        (json!("tasks"), id.clone())
    );
    let none = call(client, "search", json!({"query": "milk", "category": "notes"})).await;
    assert_eq!(none["hits"], json!([]));

    assert_eq!(
        call(client, "delete", json!({"category": "tasks", "id": id})).await["outcome"],
        "deleted"
    );
    let gone = refusal(client, "get", json!({"category": "tasks", "id": id})).await;
    assert!(gone.contains(" \u{2014} "), "{gone}");
    let status = call(client, "status", json!({})).await;
    assert_eq!(status["state"], "unlocked");
    assert_eq!(
        status["may"][0],
        json!({"category": "memory", "verbs": ["read", "search", "write", "delete"]})
    );
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
async fn only_a_right_token_in_the_header_opens_the_door() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let right = bearer(&token);
    assert_eq!(
        device
            .post(&[("Authorization", &right)], INITIALIZE)
            .await
            .status(),
        200
    );
    let wrong = bearer("pai_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for headers in [
        &[][..],
        &[("Authorization", wrong.as_str())],
        &[("X-Token", token.as_str())],
    ] {
        for body in [INITIALIZE, LIST_TOOLS] {
            let answer = device.post(headers, body).await;
            assert_eq!(answer.status(), 401);
            assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer"));
            assert!(!answer.0.contains("serverInfo") && !answer.0.contains("inputSchema"));
        }
    }
    for method in ["GET", "DELETE", "OPTIONS"] {
        assert_eq!(device.send(method, &[], "").await.status(), 401, "{method}");
    }
    device.stop().await;
}

#[tokio::test]
async fn wrong_tokens_run_out_but_known_agents_do_not_notice() {
    let device = Device::start().await;
    let token = bearer(&device.agent("laptop", ALL).await);
    assert_eq!(
        device
            .post(&[("Authorization", &token)], INITIALIZE)
            .await
            .status(),
        200
    );
    let mut statuses = Vec::new();
    for number in 0..25 {
        let wrong = format!("Bearer pai_{number}");
        let answer = device.post(&[("Authorization", &wrong)], INITIALIZE).await;
        assert_eq!(answer.header("Retry-After").is_some(), answer.status() == 429);
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [[401; 20].as_slice(), &[429; 5]].concat());
    assert_eq!(
        device
            .post(&[("Authorization", &token)], INITIALIZE)
            .await
            .status(),
        200
    );
    device.stop().await;
}

#[tokio::test]
async fn a_foreign_page_or_name_is_refused_although_the_token_is_right() {
    let device = Device::start().await;
    let token = bearer(&device.agent("laptop", ALL).await);
    let port = device.address.port();
    let (own, other) = (
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
    );
    let (named, wrong_port) = (format!("localhost:{port}"), format!("127.0.0.1:{}", port ^ 1));
    let cases = [
        ("Origin", own.as_str(), 200),
        ("Origin", other.as_str(), 403),
        ("Origin", "http://127.0.0.1", 403),
        ("Origin", "https://evil.example", 403),
        ("Origin", "null", 403),
        ("Host", named.as_str(), 200),
        ("Host", wrong_port.as_str(), 403),
        ("Host", "127.0.0.1", 403),
        ("Host", "evil.example", 403),
    ];
    for (header, value, status) in cases {
        let answer = device
            .post(&[("Authorization", &token), (header, value)], INITIALIZE)
            .await;
        assert_eq!(answer.status(), status, "{header}: {value}");
    }
    device.stop().await;
}

#[tokio::test]
async fn what_the_protocol_refuses_stays_refused() {
    let device = Device::start().await;
    let token = bearer(&device.agent("laptop", ALL).await);
    let authorized = ("Authorization", token.as_str());
    let array = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}}}"#,
        array(100_000)
    );
    let huge = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","x":"{}"}}"#,
        "x".repeat(1_100_000)
    );
    let modern = ("MCP-Protocol-Version", "2026-07-28");
    for (header, body, status) in [
        (modern, deep.as_str(), 415),
        (modern, &huge, 413),
        (modern, "not json", 415),
        (("Content-Type", "text/plain"), INITIALIZE, 415),
        (("Accept", "text/html"), INITIALIZE, 406),
        (("MCP-Protocol-Version", "1999-12-31"), LIST_TOOLS, 400),
    ] {
        assert_eq!(
            device.post(&[authorized, header], body).await.status(),
            status,
            "{header:?} {body:.40}"
        );
    }
    for (method, status) in [("tools/list", 200), ("tools/call", 400)] {
        let answer = device
            .post(&[authorized, modern, ("Mcp-Method", method)], LIST_TOOLS_MODERN)
            .await;
        assert_eq!(
            answer.status(),
            status,
            "a header that says {method}: {}",
            answer.0
        );
    }
    assert_eq!(device.send("PUT", &[authorized], INITIALIZE).await.status(), 405);
    device.stop().await;
}

#[tokio::test]
async fn a_session_is_of_no_use_to_another_agent_and_ends_with_its_token() {
    let device = Device::start().await;
    let anna = bearer(&device.agent("anna", ALL).await);
    let bert = bearer(&device.agent("bert", ALL).await);
    let begun = device.post(&[("Authorization", &anna)], INITIALIZE).await;
    let session = ("Mcp-Session-Id", begun.header("Mcp-Session-Id").unwrap());
    assert_eq!(
        device
            .post(&[("Authorization", &anna), session], LIST_TOOLS)
            .await
            .status(),
        200
    );
    assert_eq!(
        device
            .post(&[("Authorization", &bert), session], LIST_TOOLS)
            .await
            .status(),
        404
    );
    assert_eq!(
        device
            .send("DELETE", &[("Authorization", &bert), session], "")
            .await
            .status(),
        404
    );
    assert_eq!(
        device
            .post(&[("Authorization", &anna), session], LIST_TOOLS)
            .await
            .status(),
        200
    );

    let ended = device.post(&[("Authorization", &anna)], INITIALIZE).await;
    let ended = ("Mcp-Session-Id", ended.header("Mcp-Session-Id").unwrap());
    assert_eq!(
        device
            .send("DELETE", &[("Authorization", &anna), ended], "")
            .await
            .status(),
        204
    );
    assert_eq!(
        device
            .post(&[("Authorization", &anna), ended], LIST_TOOLS)
            .await
            .status(),
        404
    );

    device
        .as_owner(Operation::AgentRevoke {
            name: "anna".parse().unwrap(),
        })
        .await;
    assert_eq!(
        device
            .post(&[("Authorization", &anna), session], LIST_TOOLS)
            .await
            .status(),
        401
    );
    device.stop().await;
}

#[tokio::test]
async fn an_agent_holds_eight_sessions_and_no_more() {
    let device = Device::start().await;
    let token = bearer(&device.agent("laptop", ALL).await);
    let mut sessions = Vec::new();
    for _ in 0..9 {
        let begun = device.post(&[("Authorization", &token)], INITIALIZE).await;
        sessions.push(begun.header("Mcp-Session-Id").unwrap().to_owned());
    }
    for (number, session) in sessions.iter().enumerate() {
        let answer = device
            .post(
                &[("Authorization", &token), ("Mcp-Session-Id", session)],
                LIST_TOOLS,
            )
            .await;
        assert_eq!(
            answer.status(),
            if number == 0 { 404 } else { 200 },
            "session {number}"
        );
    }
    device.stop().await;
}

#[tokio::test]
async fn revoked_on_an_open_session_the_next_call_fails() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    for client in [device.client(&token).await, device.modern_client(&token).await] {
        call(&client, "status", json!({})).await;
        drop(client);
    }
    let client = device.modern_client(&token).await;
    device
        .as_owner(Operation::AgentRevoke {
            name: "laptop".parse().unwrap(),
        })
        .await;
    assert!(
        try_call(&client, "recall", json!({"query": "anything"}))
            .await
            .is_err()
    );
    device.stop().await;
}

#[tokio::test]
async fn what_is_out_of_scope_is_refused_in_words_and_recorded() {
    let device = Device::start().await;
    let writer = device
        .client(&device.agent("writer", "notes:write,memory:search+write").await)
        .await;
    let reader = device.client(&device.agent("reader", "notes:read").await).await;
    let note = json!({"category": "notes", "fields": {"title": "Plan", "body": "secret plan"}});
    let id = call(&writer, "add", note.clone()).await["id"].clone();

    for (tool, arguments) in [
        ("list", json!({"category": "notes"})),
        ("get", json!({"category": "notes", "id": id})),
        ("search", json!({"category": "notes", "query": "plan"})),
        (
            "edit",
            json!({"category": "notes", "id": id, "fields": {"body": "x"}}),
        ),
        ("delete", json!({"category": "notes", "id": id})),
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
    call(&writer, "remember", json!({"text": long})).await;
    let glimpse = call(&writer, "recall", json!({"query": "shed"})).await;
    assert!(glimpse["facts"][0]["fields"]["text"].as_str().unwrap().len() < 300);

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
async fn a_locked_device_says_so_and_goes_on_after() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let before = device.client(&token).await;
    call(
        &before,
        "remember",
        json!({"text": "the spare key is under the pot"}),
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
            found["facts"][0]["fields"]["text"],
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
        call(&client, "remember", json!({"text": text})).await;
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
    assert_ne!(first["facts"][0]["id"], second["facts"][0]["id"]);

    let body: String = (0..3_000).map(|number| format!("line {number}\n")).collect();
    let note = json!({"category": "notes", "fields": {"title": "Long", "body": body}});
    let id = call(&client, "add", note).await["id"].clone();
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
    let add = json!({"category": "secrets", "fields": {"name": "other"}});
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
            json!({"category": "tasks", "fields": {"titel": "x"}}),
            "titel",
        ),
        ("remember", json!({"text": "  "}), "text is empty"),
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

#[tokio::test]
async fn while_it_is_locked_strangers_run_out_but_known_agents_do_not_notice() {
    let device = Device::start().await;
    let token = bearer(&device.agent("laptop", ALL).await);
    let known = [("Authorization", token.as_str())];
    assert_eq!(device.post(&known, INITIALIZE).await.status(), 200);
    device.lock().await;
    let mut statuses = Vec::new();
    for number in 0..65 {
        let stranger = format!("Bearer pai_{number}");
        let answer = device.post(&[("Authorization", &stranger)], INITIALIZE).await;
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [[200; 60].as_slice(), &[429; 5]].concat());
    assert_eq!(device.post(&known, INITIALIZE).await.status(), 200);
    device.stop().await;
}

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// With the level that this crate asks for, nothing that an agent or a record says is in the log.
#[tokio::test]
async fn at_warn_no_log_line_holds_content_or_tokens() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(subscriber.finish());
    tracing::warn!("the log is kept");

    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let clients = [device.client(&token).await, device.modern_client(&token).await];
    a_day(&clients[0]).await;
    for client in clients {
        call(&client, "recall", json!({"query": "walnuts"})).await;
        assert!(try_call(&client, "walnuts", json!({"walnuts": 1})).await.is_err());
        refusal(&client, "add", json!({"category": "walnuts", "fields": {}})).await;
        client.cancel().await.unwrap();
    }
    let authorized = bearer(&token);
    for body in [
        r#"{"walnuts":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"walnuts"}"#,
    ] {
        device.post(&[("Authorization", &authorized)], body).await;
    }
    device.stop().await;

    let lines = String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap();
    assert!(lines.contains("the log is kept"));
    for told in ["walnuts", "Anna", "milk", token.as_str()] {
        assert!(!lines.contains(told), "{told}: {lines}");
    }
}
