//! Taking connections, and bringing them to an end.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, warn};

use crate::body::KeptComing;
use crate::limits::Limits;
use crate::stream::KeptRead;

/// Most bytes of a request's head, and of what is read at a time: 64 KiB. hyper's own are 400.
const BUFFER: usize = 64 * 1024;
/// How long to wait when no connection can be taken, for want of file descriptors, say.
const PAUSE: Duration = Duration::from_secs(1);

/// What every connection is given. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    router: Router,
    limits: Limits,
    places: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl Server {
    /// A server of `router` within `limits`.
    pub(crate) fn new(router: Router, limits: Limits) -> Self {
        Self {
            router,
            limits,
            places: Arc::new(Semaphore::new(limits.connections)),
            closing: watch::Sender::new(false),
        }
    }

    /// Serves until `shutdown` is done and what is under way has ended, or took too long.
    pub(crate) async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = connections.join_next() => tell_panic(ended),
                (stream, place) = self.next(&listener) => {
                    connections.spawn(self.clone().talk(stream, place));
                }
            }
        }
        // Whoever still waits to be taken learns at once that nobody will.
        drop(listener);
        self.closing.send_replace(true);
        let all_ended = async {
            while let Some(ended) = connections.join_next().await {
                tell_panic(ended);
            }
        };
        if timeout(self.limits.farewell, all_ended).await.is_err() {
            debug!("an answer was still under way when the door closed");
        }
    }

    /// The next connection, once there is a place for it: one that was not accepted holds no file
    /// descriptor. Cancelling it loses nothing.
    async fn next(&self, listener: &TcpListener) -> (TcpStream, OwnedSemaphorePermit) {
        let places = Arc::clone(&self.places);
        let place = places
            .acquire_owned()
            .await
            .expect("nobody closes this semaphore");
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, place),
                Err(error) => {
                    warn!(%error, "no connection could be taken");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection to its end, and gives its place back.
    async fn talk(self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Otherwise the last packet of each small answer waits for the peer's delayed
        // acknowledgement, 40 ms. An answer that is merely slow is no reason to refuse one.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP_NODELAY was not set");
        }
        let stream = TokioIo::new(KeptRead::new(stream, self.limits.answer));
        let router = TowerToHyperService::new(self.router);
        let limit = self.limits.body;
        let service = service_fn(move |request: Request<Incoming>| {
            router.call(request.map(|body| KeptComing::new(body, limit)))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Runs from the end of an answer on as well: it is the limit of idle connections too.
            .header_read_timeout(self.limits.head)
            .max_buf_size(BUFFER)
            .serve_connection(stream, service);
        tokio::pin!(connection);
        let mut closing = self.closing.subscribe();
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            _ = closing.wait_for(|closing| *closing) => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "a connection failed");
        }
        drop(place);
    }
}

/// A handler that panics ends its connection; that it did is to be seen.
fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection ended in a panic");
    }
}
