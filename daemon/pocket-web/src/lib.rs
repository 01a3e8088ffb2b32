//! How does the owner use the device? The page on the loopback address: first run, unlock, every
//! category, agents, profile, audit and the actions that destroy things.
//!
//! This crate must never decide what may happen (the engine behind [`Handle`] does), keep a
//! passphrase or key longer than the request that brought it, load anything from outside the
//! program, or trust a caller for being local: every request passes [`perimeter`] and the guard
//! that `routes.txt` names.

mod again;
mod archive;
mod assets;
mod door;
mod events;
mod exporting;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod guard;
mod kept;
mod limit;
mod look;
mod markdown;
mod pages;
mod parts;
mod perimeter;
mod present;
mod query;
mod routes;
mod session;
#[cfg(test)]
mod tests;
mod trouble;
mod words;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use pocket_service::{Archives, Handle, Reader};
use tokio::net::TcpListener;

/// Where the device is served: its page shows clients how to reach it.
pub struct Addresses {
    /// This door.
    pub ui: SocketAddr,
    /// The agents' door.
    pub mcp: SocketAddr,
    /// The control socket.
    pub control: PathBuf,
}

/// The page as a service for HTTP/1.1. `address` is the one that the listener is bound to: requests
/// that name another host or port are refused.
pub fn router(handle: Handle, reader: Reader, archives: Archives, addresses: Addresses) -> Router {
    routes::build(door::Door::new(handle, reader, archives, addresses))
}

/// Serves `router` on `listener` until `shutdown` is done and requests under way are answered, or
/// three seconds have passed: the event streams of open pages never end by themselves.
///
/// # Errors
/// What the operating system says of the listener.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    pocket_http::serve(listener, router, shutdown).await
}
