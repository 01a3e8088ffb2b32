//! What the log must not hold.

use std::sync::{Mutex, PoisonError};

use serde_json::json;
use tracing_subscriber::filter::LevelFilter;

use super::day::a_day;
use super::device::{Device, call, refusal, try_call};
use super::*;

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
        refusal(&client, "add", json!({"category": "walnuts", "records": [{}]})).await;
        client.cancel().await.unwrap();
    }
    for body in [
        r#"{"walnuts":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"walnuts"}"#,
    ] {
        device.post(body).token(&token).send().await;
    }
    device.stop().await;

    let lines = String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap();
    assert!(lines.contains("the log is kept"));
    for told in ["walnuts", "Anna", "milk", token.as_str()] {
        assert!(!lines.contains(told), "{told}: {lines}");
    }
}
