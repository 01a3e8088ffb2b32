//! Runs the page on a listener.

use std::future::Future;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How long requests that are under way may take after the shutdown began. The event streams of
/// open pages never end by themselves.
const GRACE: Duration = Duration::from_secs(3);

/// Serves `router` on `listener` until `shutdown` is done and requests under way are answered, or
/// three seconds have passed.
///
/// # Errors
/// What the operating system says of the listener.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Without it the last packet of each small answer waits for the peer's delayed
        // acknowledgement, 40 ms. An answer that is merely slow is no reason to refuse one.
        drop(stream.set_nodelay(true));
    });
    let (begin, begun) = oneshot::channel::<()>();
    let shutdown = async move {
        shutdown.await;
        // The other side is gone only when serving ended already.
        begin.send(()).unwrap_or_default();
    };
    let given_up = async {
        if begun.await.is_ok() {
            tokio::time::sleep(GRACE).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = axum::serve(listener, router).with_graceful_shutdown(shutdown).into_future() => served,
        () = given_up => Ok(()),
    }
}
