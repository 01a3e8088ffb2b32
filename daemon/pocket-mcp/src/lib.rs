//! The agents' door: what may a program do that holds a token?
//!
//! An MCP server, over streamable HTTP on loopback ([`router`], [`serve`]) and over a stream for the
//! stdio bridge ([`serve_stream`]). Both eras of the protocol are served on one endpoint: the
//! stateless one (2026-07-28) and the one with sessions (2025-11-25 and older).
//!
//! Who calls is found out again for each request, so that a revoked token ends at once, on open
//! connections too. A session belongs to the token that began it. A tool that can't do what it was
//! asked says in its own result why, and what the owner can do; protocol errors are for faults of
//! the protocol alone.
//!
//! | what comes in over HTTP | answer |
//! |---|---|
//! | no token, a wrong one, a revoked one | 401 with `WWW-Authenticate` |
//! | a foreign `Host` or `Origin` | 403 |
//! | another agent's session, or one that is over | 404 |
//! | more requests a minute than its owner allows an agent; more than 20 wrong tokens of all | 429 with `Retry-After` |
//! | anything while the vault is locked | as usual, but each tool says that it is locked: nobody can tell then whose a token is, and clients that were started first need not be started again |
//! | anything while the engine is gone | 503 |
//!
//! This crate must never show the value of a secret, take a token from anywhere but the
//! `Authorization` header or the bridge, hold the owner's data between two calls, or decide what is
//! allowed: the engine asks policy, and records it.
//!
//! The SDK logs whole messages at its `debug` and `trace` levels, and parts of some at `info`: whoever
//! sets up logging must keep the target `rmcp` at `warn` or above, whatever the owner asks for.

mod arguments;
mod callers;
mod cut;
mod desk;
mod found;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod gate;
mod progress;
mod prompts;
mod resources;
mod results;
mod schema;
mod server;
mod subscriptions;
mod tools;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::any_service;
use pocket_core::Failure;
use pocket_crypto::SecretBytes;
use pocket_service::Handle;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ServerHandler, ServiceExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::gate::Gate;
use crate::server::Server;

/// Most bytes of one request: 1 MiB. Larger things come in as files, by the owner's hand.
const MOST_REQUEST: usize = 1024 * 1024;
/// How long a session may be idle. Long, since people pause and many clients do not begin anew; the
/// number of sessions is what bounds the memory.
const LONGEST_IDLE: Duration = Duration::from_secs(12 * 60 * 60);

/// The HTTP side at `/mcp`, for a listener on `address`: requests must name that address, or
/// `localhost` with its port, as their host. [`serve`] serves it within limits on connections and time.
pub fn router(handle: Handle, address: SocketAddr) -> Router {
    router_with(handle, address, StreamableHttpServerConfig::default())
}

/// Serves [`router`] on `listener` until `shutdown` is done; open sessions are closed then.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(
    listener: TcpListener,
    handle: Handle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let config = StreamableHttpServerConfig::default();
    let stop = config.cancellation_token.clone();
    let router = router_with(handle, listener.local_addr()?, config);
    let shutdown = async move {
        shutdown.await;
        // Otherwise the streams that clients keep open would hold the shutdown up for ever.
        stop.cancel();
    };
    pocket_http::serve(listener, router, shutdown).await
}

/// Serves one client over a stream of JSON lines (the stdio transport), on behalf of the agent whose
/// `token` it showed. Ends when the stream does.
///
/// # Errors
/// The [`Failure`] that the engine has for a token that is no agent's; nothing was served then. A
/// locked vault is no error: each tool says so.
pub async fn serve_stream<S>(handle: Handle, token: SecretBytes, stream: S) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let copy = SecretBytes::new(token.expose_bytes().to_vec());
    if let Err(failure) = handle.agent(copy).await
        && !server::nobody_can_tell(&failure)
    {
        return Err(failure);
    }
    let (read, write) = tokio::io::split(stream);
    let transport = AsyncRwTransport::new_server(read, write).with_max_line_length(MOST_REQUEST);
    match Server::over_stream(handle, Arc::new(token))
        .serve(transport)
        .await
    {
        Ok(running) => match running.waiting().await {
            Ok(reason) => tracing::debug!(?reason, "a stream has ended"),
            Err(error) => tracing::warn!(%error, "a stream has ended badly"),
        },
        // A client that leaves before it said anything is no fault of the device's.
        Err(_) => tracing::debug!("a stream has ended before the protocol began"),
    }
    Ok(())
}

fn router_with(handle: Handle, address: SocketAddr, config: StreamableHttpServerConfig) -> Router {
    let server = Server::over_http(handle.clone());
    router_for(server, handle, address, config)
}

/// The gate and the protocol before `server`.
fn router_for<S: ServerHandler + Clone>(
    server: S,
    handle: Handle,
    address: SocketAddr,
    config: StreamableHttpServerConfig,
) -> Router {
    // With the port: otherwise a page on any other port of this machine would pass.
    let hosts = [address.to_string(), format!("localhost:{}", address.port())];
    let origins = hosts.iter().map(|host| format!("http://{host}"));
    let config = config
        .with_allowed_origins(origins)
        .enforce_origin_validation()
        .with_allowed_hosts(hosts)
        .with_json_response(true)
        .with_max_request_body_bytes(MOST_REQUEST);
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(LONGEST_IDLE);
    let sessions = Arc::new(sessions);
    let gate = Gate::new(handle, sessions.clone());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let service = any_service(service).layer(from_fn_with_state(gate, Gate::pass));
    Router::new().route("/mcp", service)
}

#[cfg(test)]
mod tests;
