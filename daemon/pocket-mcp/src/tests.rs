//! Over real sockets, with the SDK's own client, against a real engine.

mod cancelled;
#[cfg(feature = "conformance")]
mod conformance;
mod day;
mod device;
mod gate;
mod hostile;
mod log;
mod models;
mod resources;
mod scope;
mod sessions;

use super::*;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}"#;
const LIST_TOOLS: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
const LIST_TOOLS_MODERN: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const FORGED: &str = r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"TOOL","arguments":{"text":"hello"},"requestState":"Zm9yZ2Vk","inputResponses":{"consent":{"action":"accept","content":{"approved":true}}},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const LISTEN: &str = r#"{"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["pocket://notes/ID"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const ALL: &str = "memory:read+search+write+delete,notes:read+search+write+delete,tasks:read+search+write+delete,outbox:send";
