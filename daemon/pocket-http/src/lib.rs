//! How is HTTP served on loopback? Within limits: whoever can open a connection to this machine may
//! hold few of them, for a short time, and never the file descriptors that other doors need.
//!
//! | who | limit |
//! |---|---|
//! | connections at a time | 64; further ones wait in the system's queue, where they take no descriptor of ours |
//! | the head of a request; the pause before it on an open connection | 10 s |
//! | a request's body | 16 KiB, or its end, within each 60 s that it is waited for |
//! | a client that does not read its answer | 60 s |
//! | requests under way once the daemon stops | 3 s |
//!
//! An answer that takes its time, an event stream say, has no limit. This crate must never look at
//! what is asked or answered, and never listen by itself: a door brings its listener and its router.

mod body;
mod limits;
mod server;
mod stream;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;

use axum::Router;
use tokio::net::TcpListener;

use crate::limits::Limits;
use crate::server::Server;

/// Serves `router` on `listener` until `shutdown` is done and requests under way are answered, or
/// three seconds have passed. `TCP_NODELAY` is set on each connection.
///
/// # Errors
/// None at present: a connection that fails is that connection's end, and a listener that can't
/// take one is tried again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    Server::new(router, Limits::default())
        .run(listener, shutdown)
        .await;
    Ok(())
}
