//! What passes over the bridge, and what it must remember of it: which questions are open, and what a
//! device that has just started must be told first.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Ids of the bridge's own requests begin so; their answers are not passed on.
const OWN: &str = "pocketctl/";
/// Most watched records that are remembered; a device takes no more of one client.
const MOST_WATCHED: usize = 64;

/// What is to be done with a line.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Line {
    /// Pass it on.
    Pass,
    /// It answers a question of the bridge's own.
    Swallow,
}

/// One client's traffic.
#[derive(Default)]
pub(super) struct Traffic {
    /// Questions without an answer yet: the text of their ids, and the ids.
    open: BTreeMap<String, Value>,
    /// The client's `initialize`, where its era has one, and what followed it.
    hello: Option<Value>,
    greeted: Option<Vec<u8>>,
    /// The client's requests to watch a record, by its address.
    watched: BTreeMap<String, Value>,
    /// Records whose watch could not begin anew yet: the device was still locked, say.
    unwatched: Vec<String>,
    asked: u64,
}

impl Traffic {
    /// Notes a line from the client that goes to the device.
    pub(super) fn asked(&mut self, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            return;
        };
        let uri = || message["params"]["uri"].as_str().unwrap_or_default().to_owned();
        match message["method"].as_str() {
            Some("initialize") => self.hello = Some(message.clone()),
            Some("notifications/initialized") => self.greeted = Some(line.to_vec()),
            Some("resources/subscribe") if self.watched.len() < MOST_WATCHED => {
                self.watched.insert(uri(), message.clone());
            }
            Some("resources/unsubscribe") => {
                self.watched.remove(&uri());
            }
            _ => {}
        }
        if message["method"].is_string()
            && let Some(id) = message.get("id")
        {
            self.open.insert(id.to_string(), id.clone());
        }
    }

    /// Notes a line from the device.
    pub(super) fn answered(&mut self, line: &[u8]) -> Line {
        let Ok(message) = serde_json::from_slice::<Value>(line) else {
            return Line::Pass;
        };
        match message.get("id") {
            Some(Value::String(id)) if id.starts_with(OWN) => {
                // The address stands behind the number.
                let uri = id.splitn(3, '/').nth(2).unwrap_or_default();
                if message.get("error").is_some() && !uri.is_empty() {
                    self.unwatched.push(uri.to_owned());
                }
                Line::Swallow
            }
            Some(id) if message.get("method").is_none() => {
                self.open.remove(&id.to_string());
                Line::Pass
            }
            _ => Line::Pass,
        }
    }

    /// Whether a question is open.
    pub(super) fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// The errors that answer every open question once the device is gone.
    pub(super) fn lost(&mut self) -> Vec<Vec<u8>> {
        let words = "the device stopped before it answered \u{2014} call again: what was asked may or may not be done";
        std::mem::take(&mut self.open)
            .into_values()
            .map(|id| error(&id, words))
            .collect()
    }

    /// What a device that has just started is told before anything else: who the client is, and what it
    /// watches.
    pub(super) fn again(&mut self) -> Vec<Vec<u8>> {
        let Some(hello) = self.hello.clone() else {
            return Vec::new();
        };
        let mut lines = vec![self.own(hello, "")];
        lines.extend(self.greeted.clone());
        self.unwatched = self.watched.keys().cloned().collect();
        lines.extend(self.watch_again());
        lines
    }

    /// Requests to watch what could not be watched before.
    pub(super) fn watch_again(&mut self) -> Vec<Vec<u8>> {
        let uris = std::mem::take(&mut self.unwatched).into_iter();
        let requests: Vec<(String, Value)> = uris
            .filter_map(|uri| self.watched.get(&uri).cloned().map(|request| (uri, request)))
            .collect();
        let own = |(uri, request): (String, Value)| self.own(request, &uri);
        requests.into_iter().map(own).collect()
    }

    /// A request under an id of the bridge's own.
    fn own(&mut self, mut request: Value, uri: &str) -> Vec<u8> {
        self.asked += 1;
        request["id"] = json!(format!("{OWN}{}/{uri}", self.asked));
        line(&request)
    }
}

/// The answer to a line that could not be passed on, if it was a question.
pub(super) fn refusal(question: &[u8], words: &str) -> Option<Vec<u8>> {
    let message: Value = serde_json::from_slice(question).ok()?;
    let id = message.get("id").filter(|_| message["method"].is_string())?;
    Some(error(id, words))
}

fn error(id: &Value, words: &str) -> Vec<u8> {
    line(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32_000, "message": words } }))
}

fn line(message: &Value) -> Vec<u8> {
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[Vec<u8>]) -> String {
        lines
            .iter()
            .map(|line| String::from_utf8(line.clone()).unwrap())
            .collect()
    }

    #[test]
    fn what_was_open_when_the_device_went_is_answered_once() {
        let mut traffic = Traffic::default();
        traffic.asked(br#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#);
        traffic.asked(br#"{"jsonrpc":"2.0","id":"1","method":"tools/call"}"#);
        traffic.asked(br#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#);
        traffic.asked(br#"{"jsonrpc":"2.0","id":9,"result":{}}"#);
        traffic.asked(b"no json");
        assert_eq!(
            traffic.answered(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
            Line::Pass
        );
        let lost = traffic.lost();
        assert_eq!(lost.len(), 1);
        assert!(text(&lost).contains(r#""id":"1""#) && text(&lost).contains("call again"));
        assert!(!traffic.is_waiting() && traffic.lost().is_empty());
    }

    #[test]
    fn a_new_device_is_told_who_asks_and_what_is_watched() {
        let mut traffic = Traffic::default();
        assert!(traffic.again().is_empty(), "the stateless era has no greeting");
        traffic.asked(
            br#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#,
        );
        traffic.asked(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        for (method, uri) in [("subscribe", "a"), ("subscribe", "b"), ("unsubscribe", "a")] {
            let request = json!({"jsonrpc": "2.0", "id": 5, "method": format!("resources/{method}"), "params": {"uri": uri}});
            traffic.asked(request.to_string().as_bytes());
        }
        let again = traffic.again();
        assert_eq!(again.len(), 3);
        let told = text(&again);
        assert!(
            told.contains("2025-11-25") && told.contains("initialized") && told.contains(r#""uri":"b""#),
            "{told}"
        );
        assert_eq!(
            traffic.answered(br#"{"jsonrpc":"2.0","id":"pocketctl/1/","result":{}}"#),
            Line::Swallow
        );
        assert!(traffic.watch_again().is_empty());
        // Locked still: it is tried again, and once only.
        let refused = br#"{"jsonrpc":"2.0","id":"pocketctl/2/b","error":{"code":1,"message":"locked"}}"#;
        assert_eq!(traffic.answered(refused), Line::Swallow);
        assert!(text(&traffic.watch_again()).contains(r#""uri":"b""#));
        assert!(traffic.watch_again().is_empty());
    }

    #[test]
    fn only_a_question_is_refused() {
        let refused = refusal(br#"{"id":7,"method":"ping"}"#, "no").unwrap();
        assert!(text(&[refused]).contains(r#""id":7"#));
        for other in [&br#"{"method":"x"}"#[..], br#"{"id":7,"result":{}}"#, b"["] {
            assert!(refusal(other, "no").is_none());
        }
    }
}
