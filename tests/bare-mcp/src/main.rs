//! What does the protocol cost by itself?
//!
//! An MCP server that keeps lines of text in memory and looks through all of them: no disk, no seal, no
//! policy, no audit. `tests/bench` measures it beside PocketAI, so that what the SDK costs is not
//! taken for PocketAI's. Speaks over standard input and output; with `--http`, over HTTP on a port of
//! its own choice, which it prints. Must never keep anything, and is in no product.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Hits that one search gives.
const MOST_HITS: usize = 10;

/// The lines, shared by all sessions.
#[derive(Clone, Default)]
struct Bare {
    lines: Arc<Mutex<Vec<String>>>,
}

impl Bare {
    fn remember(&self, arguments: &JsonObject) -> Value {
        let texts = arguments.get("texts").and_then(Value::as_array);
        let texts = texts.into_iter().flatten().filter_map(Value::as_str);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(texts.map(str::to_owned));
        json!({ "lines": lines.len() })
    }

    fn recall(&self, arguments: &JsonObject) -> Value {
        let query = arguments.get("query").and_then(Value::as_str).unwrap_or_default();
        let words: Vec<&str> = query.split_whitespace().collect();
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let hits = lines
            .iter()
            .filter(|line| words.iter().all(|word| line.contains(word)));
        json!({ "hits": hits.take(MOST_HITS).collect::<Vec<_>>() })
    }
}

impl ServerHandler for Bare {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<ListToolsResult, ErrorData>> + Send + '_ {
        std::future::ready(Ok(ListToolsResult::with_all_items(tools())))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools().into_iter().find(|tool| tool.name == name)
    }

    fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> impl Future<Output = Result<CallToolResponse, ErrorData>> + Send + '_ {
        let arguments = request.arguments.unwrap_or_default();
        let result = match request.name.as_ref() {
            "remember" => self.remember(&arguments),
            "recall" => self.recall(&arguments),
            _ => return std::future::ready(Err(ErrorData::invalid_params("no such tool", None))),
        };
        let text = ContentBlock::text(result.to_string());
        std::future::ready(Ok(CallToolResult::success(vec![text]).into()))
    }
}

fn tools() -> Vec<Tool> {
    let schema = |argument: &str, of: Value| {
        let schema = json!({ "type": "object", "properties": { argument: of }, "required": [argument] });
        Arc::new(schema.as_object().cloned().unwrap_or_default())
    };
    let texts = schema("texts", json!({ "type": "array", "items": { "type": "string" } }));
    let query = schema("query", json!({ "type": "string" }));
    vec![
        Tool::new("remember", "Keeps lines of text in memory", texts),
        Tool::new("recall", "The lines that hold every word of the query", query),
    ]
}

async fn over_http() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("listen")?;
    let address = listener.local_addr().context("the address listened on")?;
    let bare = Bare::default();
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(bare.clone()), sessions, config);
    println!("mcp: http://{address}/mcp");
    let router = axum::Router::new().route_service("/mcp", service);
    // With Nagle's algorithm, which is on otherwise, a call takes 40 ms.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        if let Err(error) = stream.set_nodelay(true) {
            eprintln!("no TCP_NODELAY: {error}");
        }
    });
    axum::serve(listener, router).await.context("serve")
}

async fn over_stdio() -> anyhow::Result<()> {
    let transport = AsyncRwTransport::new_server(tokio::io::stdin(), tokio::io::stdout());
    let running = Bare::default().serve(transport).await.context("begin")?;
    running.waiting().await.context("serve")?;
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start")?;
    match std::env::args().nth(1).as_deref() {
        Some("--http") => runtime.block_on(over_http()),
        None => runtime.block_on(over_stdio()),
        Some(other) => anyhow::bail!("{other} is not known: bare-mcp [--http]"),
    }
}
