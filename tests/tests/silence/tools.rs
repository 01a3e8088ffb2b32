//! Every tool that agents have, over both of their doors, and what else the protocol lets them ask.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::http::exchange;
use super::steps::Known;
use crate::bridge::Agent;
use crate::device::{Device, path_text, text};

/// Every address that an agent can make up.
const FAR: &str = "http://far.example/agent";

/// The tools, with what they are called with, and whether that is done. A tool that is missing here fails the
/// test.
const TOOLS: &[(&str, &str, bool)] = &[
    ("status", "<>", true),
    (
        "remember",
        r#"<"facts": [<"text": "see http://far.example/fact", "source": "http://far.example/">]>"#,
        true,
    ),
    ("recall", r#"<"query": "http://far.example/fact">"#, true),
    (
        "add",
        r#"<"category": "notes", "records": [<"title": "far", "body": "![](http://far.example/agent.png)">]>"#,
        true,
    ),
    (
        "add",
        r#"<"category": "outbox", "records": [<"channel": "http://far.example", "to": "ann@far.example", "body": "go">]>"#,
        true,
    ),
    (
        "edit",
        r#"<"category": "notes", "id": "{note}", "fields": <"body": "http://far.example/edited">>"#,
        true,
    ),
    ("get", r#"<"category": "notes", "id": "{note}">"#, true),
    ("list", r#"<"category": "notes">"#, true),
    ("search", r#"<"query": "http://far.example/">"#, true),
    ("tasks", r#"<"list": "http://far.example/">"#, true),
    ("contacts", r#"<"query": "ann@far.example">"#, true),
    (
        "cloud_ask",
        r#"<"text": "fetch http://far.example/1", "provider": "far">"#,
        false,
    ),
    (
        "cloud_ask",
        r#"<"text": "fetch http://far.example/2", "provider": "far", "with": ["notes:{note}"]>"#,
        false,
    ),
    (
        "cloud_ask",
        r#"<"text": "fetch http://far.example/3", "provider": "near">"#,
        true,
    ),
    (
        "cloud_ask",
        r#"<"text": "fetch", "provider": "https://far.example/v1">"#,
        false,
    ),
    ("consent_status", "<>", true),
    ("delete", r#"<"category": "notes", "ids": ["{note}"]>"#, true),
    ("forget", r#"<"ids": ["{memory}"]>"#, true),
];

/// What else can be asked, with addresses where a name belongs.
const METHODS: [(&str, &str); 14] = [
    ("ping", "<>"),
    ("tools/list", "<>"),
    ("resources/list", "<>"),
    ("resources/list", r#"<"cursor": "http://far.example/">"#),
    ("resources/templates/list", "<>"),
    ("resources/read", r#"<"uri": "http://far.example/resource">"#),
    ("resources/read", r#"<"uri": "file:///etc/passwd">"#),
    (
        "resources/read",
        r#"<"uri": "pocket://far.example/http:%2F%2Ffar.example">"#,
    ),
    ("resources/subscribe", r#"<"uri": "http://far.example/resource">"#),
    ("prompts/list", "<>"),
    (
        "prompts/get",
        r#"<"name": "what_do_you_know", "arguments": <"subject": "http://far.example/">>"#,
    ),
    ("prompts/get", r#"<"name": "http://far.example/">"#),
    (
        "completion/complete",
        r#"<"ref": <"type": "ref/resource", "uri": "http://far.example/<id>">, "argument": <"name": "id", "value": "h">>"#,
    ),
    ("sampling/createMessage", r#"<"messages": [], "maxTokens": 9>"#),
];

/// Calls them all, in `OFFLINE_ONLY`.
pub(super) fn work_through(device: &Device) {
    let known = fill(device);
    let mut agent = Agent::greeted(&device.place, &known.fill("{token}"));
    covers_every_tool(&mut agent);
    for (tool, arguments, done) in TOOLS {
        let arguments = value(&known, arguments);
        // First with an address in the place of each word: any answer will do.
        drop(agent.call(tool, far(&arguments)));
        let answer = agent.call(tool, arguments.clone());
        assert_eq!(answer.is_ok(), *done, "{tool} {arguments}: {answer:?}");
    }
    for (method, params) in METHODS {
        let answer = agent.ask(method, value(&known, params));
        assert!(
            answer["result"].is_object() || answer["error"].is_object(),
            "{answer}"
        );
    }
    agent.end();
    let known = fill(device);
    let door = Door::greeted(device, &known.fill("{token}"));
    for (tool, arguments, done) in TOOLS {
        let params = json!({"name": tool, "arguments": value(&known, arguments)});
        let answer = door.ask("tools/call", &params);
        assert_eq!(answer.contains("\"isError\":false"), *done, "{params}: {answer}");
    }
    for (method, params) in METHODS {
        door.ask(method, &value(&known, params));
    }
}

/// An agent that may do all that agents may, models to ask, and things to work on.
fn fill(device: &Device) -> Known {
    let mut known = Known::default();
    let all = "read+search+write+delete";
    let scope = format!("memory:{all},notes:{all},tasks:{all},contacts:{all},outbox:{all}+send");
    device.ctl(&["lock", "--all"]).one();
    device.unlock();
    let made = device.ctl(&["agent", "add", "desk", "--scope", &scope]).one();
    known.keep_field("token", &made, "token");
    let nothing = path_text(&device.place.path("nothing")).to_owned();
    for (name, url) in [
        ("far", "https://far.example/v1"),
        ("near", &format!("unix:{nothing}")),
    ] {
        let provider = ["--url", url, "--protocol", "openai", "--model", "m"];
        device
            .ctl(&[&["provider", "add", name], &provider[..]].concat())
            .one();
    }
    known.keep("note", device.add("notes", &["title=http://far.example/"]));
    known.keep("memory", device.add("memory", &["text=http://far.example/"]));
    device.add("contacts", &["name=Ann", "emails=ann@far.example"]);
    known
}

fn covers_every_tool(agent: &mut Agent) {
    let listed = agent.ask("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    let listed: BTreeSet<String> = tools.iter().map(|tool| text(&tool["name"])).collect();
    let called: BTreeSet<String> = TOOLS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(called, listed, "each tool is called here");
}

/// JSON with pointed braces, so that the others may name what is known.
fn value(known: &Known, text: &str) -> Value {
    let filled = known.fill(text).replace('<', "{").replace('>', "}");
    serde_json::from_str(&filled).unwrap()
}

/// The same with an address in the place of each text.
fn far(value: &Value) -> Value {
    match value {
        Value::String(_) => json!(FAR),
        Value::Array(items) => items.iter().map(far).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), far(field)))
            .collect(),
        other => other.clone(),
    }
}

/// The agents' door on loopback.
struct Door {
    address: String,
    head: String,
}

impl Door {
    fn greeted(device: &Device, token: &str) -> Self {
        let address = address(device);
        let head = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nAuthorization: Bearer {token}\r\n"
        );
        let mut door = Self { address, head };
        let client = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
        let answer = door.send(&message.to_string());
        let session = answer
            .values("mcp-session-id")
            .next()
            .expect("a session")
            .to_owned();
        door.head.push_str(&format!("Mcp-Session-Id: {session}\r\n"));
        door.send(r#"{"jsonrpc": "2.0", "method": "notifications/initialized"}"#);
        door
    }

    fn ask(&self, method: &str, params: &Value) -> String {
        let message = json!({"jsonrpc": "2.0", "id": 2, "method": method, "params": params});
        let answer = self.send(&message.to_string());
        assert!(answer.status < 500, "{method}: {} {}", answer.head, answer.body);
        answer.body
    }

    fn send(&self, body: &str) -> super::http::Answer {
        let request = format!("{}Content-Length: {}\r\n\r\n{body}", self.head, body.len());
        exchange(&self.address, request.as_bytes()).expect("an answer")
    }
}

/// Where agents are served.
pub(super) fn address(device: &Device) -> String {
    let console = fs::read_to_string(device.place.console()).unwrap();
    let (_, rest) = console.split_once("mcp: http://").expect("it says so");
    rest.split('/').next().unwrap().to_owned()
}
