//! Who is let in, and what is turned away before a tool is called.

use super::device::Device;
use super::*;

#[tokio::test]
async fn only_a_right_token_in_the_header_opens_the_door() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    assert_eq!(device.post(INITIALIZE).token(&token).status().await, 200);
    for body in [INITIALIZE, LIST_TOOLS] {
        for request in [
            device.post(body),
            device
                .post(body)
                .token("pai_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            device.post(body).header("X-Token", &token),
        ] {
            let answer = request.send().await;
            assert_eq!(answer.status(), 401);
            assert!(answer.header("WWW-Authenticate").unwrap().starts_with("Bearer"));
            assert!(!answer.0.contains("serverInfo") && !answer.0.contains("inputSchema"));
        }
    }
    for method in ["GET", "DELETE", "OPTIONS"] {
        assert_eq!(device.request(method, "").status().await, 401, "{method}");
    }
    device.stop().await;
}

#[tokio::test]
async fn wrong_tokens_run_out_but_known_agents_do_not_notice() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    assert_eq!(device.post(INITIALIZE).token(&token).status().await, 200);
    let mut statuses = Vec::new();
    for number in 0..25 {
        let wrong = format!("pai_{number}");
        let answer = device.post(INITIALIZE).token(&wrong).send().await;
        assert_eq!(answer.header("Retry-After").is_some(), answer.status() == 429);
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [[401; 20].as_slice(), &[429; 5]].concat());
    assert_eq!(device.post(INITIALIZE).token(&token).status().await, 200);
    device.stop().await;
}

#[tokio::test]
async fn while_it_is_locked_strangers_run_out_but_known_agents_do_not_notice() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    assert_eq!(device.post(INITIALIZE).token(&token).status().await, 200);
    device.lock().await;
    let mut statuses = Vec::new();
    for number in 0..65 {
        let stranger = format!("pai_{number}");
        statuses.push(device.post(INITIALIZE).token(&stranger).status().await);
    }
    assert_eq!(statuses, [[200; 60].as_slice(), &[429; 5]].concat());
    assert_eq!(device.post(INITIALIZE).token(&token).status().await, 200);
    device.stop().await;
}

#[tokio::test]
async fn a_foreign_page_or_name_is_refused_although_the_token_is_right() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
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
            .post(INITIALIZE)
            .token(&token)
            .header(header, value)
            .send()
            .await;
        assert_eq!(answer.status(), status, "{header}: {value}");
        assert!(status == 200 || answer.says("127.0.0.1"), "{}", answer.0);
    }
    device.stop().await;
}

#[tokio::test]
async fn what_the_protocol_refuses_stays_refused() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
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
    for ((header, value), body, status, words) in [
        (modern, deep.as_str(), 415, "send one JSON-RPC message"),
        (modern, &huge, 413, "1 MiB"),
        (modern, "not json", 415, "send one JSON-RPC message"),
        (
            ("Content-Type", "text/plain"),
            INITIALIZE,
            415,
            "application/json",
        ),
        (("Accept", "text/html"), INITIALIZE, 406, "text/event-stream"),
        (("MCP-Protocol-Version", "1999-12-31"), LIST_TOOLS, 400, ""),
    ] {
        let request = device.post(body).token(&token).header(header, value);
        let answer = request.send().await;
        assert_eq!(answer.status(), status, "{header} {body:.40}");
        assert!(words.is_empty() || answer.says(words), "{}", answer.0);
    }
    for (method, status) in [("tools/list", 200), ("tools/call", 400)] {
        let answer = device
            .post(LIST_TOOLS_MODERN)
            .token(&token)
            .header(modern.0, modern.1)
            .header("Mcp-Method", method)
            .send()
            .await;
        assert_eq!(
            answer.status(),
            status,
            "a header that says {method}: {}",
            answer.0
        );
    }
    let put = device.request("PUT", INITIALIZE).token(&token).send().await;
    assert_eq!(put.status(), 405);
    assert!(put.says("POST") && put.header("Allow").is_some(), "{}", put.0);
    device.stop().await;
}
