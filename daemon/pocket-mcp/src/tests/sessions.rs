//! Whose a session is, and when it ends.

use pocket_core::Operation;
use serde_json::json;

use super::device::{Device, call, try_call};
use super::*;

#[tokio::test]
async fn a_session_is_of_no_use_to_another_agent_and_ends_with_its_token() {
    let device = Device::start().await;
    let anna = device.agent("anna", ALL).await;
    let bert = device.agent("bert", ALL).await;
    let session = device.begin(&anna).await;
    let tools = |token: &str, session: &str| device.post(LIST_TOOLS).token(token).session(session);
    let end = |token: &str, session: &str| device.request("DELETE", "").token(token).session(session);
    assert_eq!(tools(&anna, &session).status().await, 200);
    assert_eq!(tools(&bert, &session).status().await, 404);
    assert_eq!(end(&bert, &session).status().await, 404);
    assert_eq!(tools(&anna, &session).status().await, 200);

    let ended = device.begin(&anna).await;
    assert_eq!(end(&anna, &ended).status().await, 204);
    assert_eq!(tools(&anna, &ended).status().await, 404);

    device
        .as_owner(Operation::AgentRevoke {
            name: "anna".parse().unwrap(),
        })
        .await;
    assert_eq!(tools(&anna, &session).status().await, 401);
    device.stop().await;
}

#[tokio::test]
async fn an_agent_holds_eight_sessions_and_no_more() {
    let device = Device::start().await;
    let token = device.agent("laptop", ALL).await;
    let mut sessions = Vec::new();
    for _ in 0..9 {
        sessions.push(device.begin(&token).await);
    }
    for (number, session) in sessions.iter().enumerate() {
        let request = device.post(LIST_TOOLS).token(&token).session(session);
        let expected = if number == 0 { 404 } else { 200 };
        assert_eq!(request.status().await, expected, "session {number}");
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
