//! Over real sockets, with limits that are short.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::limits::Limits;
use crate::server::Server;

const SHORT: Duration = Duration::from_millis(200);
/// Only ends tests that have failed.
const LONG: Duration = Duration::from_secs(30);
/// Limits that no test reaches; each shortens the one that it is about.
const GENEROUS: Limits = Limits {
    connections: 64,
    head: LONG,
    body: LONG,
    answer: LONG,
    farewell: LONG,
};
const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// A served router.
struct Door {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Door {
    async fn open(router: Router, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::new(router, limits);
        let served = tokio::spawn(server.run(listener, async { stopped.await.unwrap_or_default() }));
        Self {
            address,
            stop,
            served,
        }
    }

    async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

/// What comes until the other end closes; a reset is an end too.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut bytes)).await;
    drop(read.expect("the connection stays open"));
    String::from_utf8(bytes).unwrap()
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn two_hundred_half_requests_do_not_keep_a_whole_one_out() {
    let limits = Limits {
        head: SHORT,
        ..GENEROUS
    };
    let door = Door::open(hello(), limits).await;
    let before = descriptors();
    let mut half = Vec::new();
    for _ in 0..200 {
        half.push(door.send(b"GET / HTTP/1.1\r\nX: ").await);
        let ours = descriptors().saturating_sub(before + half.len());
        assert!(ours <= limits.connections, "{ours} accepted");
    }
    let mut whole = door.send(WHOLE).await;
    let answer = rest(&mut whole).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"),
        "{answer}"
    );
    for mut stream in half {
        assert_eq!(rest(&mut stream).await, "");
    }
}

/// What the handler of the next test shares with it.
#[derive(Clone)]
struct Rush {
    inside: watch::Sender<usize>,
    most: watch::Sender<usize>,
    leave: Arc<Semaphore>,
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait_without_a_descriptor() {
    let limits = Limits {
        connections: 4,
        ..GENEROUS
    };
    let rush = Rush {
        inside: watch::Sender::new(0),
        most: watch::Sender::new(0),
        leave: Arc::new(Semaphore::new(0)),
    };
    let stay = async |State(rush): State<Rush>| {
        rush.inside.send_modify(|inside| *inside += 1);
        let inside = *rush.inside.borrow();
        rush.most.send_modify(|most| *most = inside.max(*most));
        rush.leave.acquire().await.unwrap().forget();
        rush.inside.send_modify(|inside| *inside -= 1);
    };
    let router = Router::new().route("/", get(stay)).with_state(rush.clone());
    let door = Door::open(router, limits).await;
    let mut streams = Vec::new();
    for _ in 0..12 {
        streams.push(door.send(WHOLE).await);
    }
    let mut inside = rush.inside.subscribe();
    timeout(LONG, inside.wait_for(|inside| *inside >= 4))
        .await
        .unwrap()
        .unwrap();
    rush.leave.add_permits(streams.len());
    for stream in &mut streams {
        assert!(rest(stream).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(*rush.most.borrow(), 4);
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_answer() {
    let limits = Limits {
        head: SHORT,
        ..GENEROUS
    };
    let door = Door::open(hello(), limits).await;
    let mut stream = door.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = rest(&mut stream).await;
    assert!(answer.ends_with("hello") && !answer.contains("connection: close"));
}

#[tokio::test]
async fn a_head_that_has_no_end_is_refused_before_it_fills_the_memory() {
    let door = Door::open(hello(), GENEROUS).await;
    let request = |length: usize| {
        let long = "x".repeat(length);
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {long}\r\n\r\n")
    };
    let mut fits = door.send(request(32 * 1024).as_bytes()).await;
    assert!(rest(&mut fits).await.starts_with("HTTP/1.1 200 "));
    let mut stream = TcpStream::connect(door.address).await.unwrap();
    // It is closed before all of it was sent.
    drop(stream.write_all(request(128 * 1024).as_bytes()).await);
    assert!(!rest(&mut stream).await.contains("200"));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_cut() {
    let limits = Limits {
        body: SHORT,
        ..GENEROUS
    };
    let read = async |request: Request<Body>| match to_bytes(request.into_body(), usize::MAX).await {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    let door = Door::open(Router::new().route("/", post(read)), limits).await;
    let half = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nand then";
    let mut stream = door.send(half).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 408 "));
}

/// Tells when it is dropped.
struct Last(mpsc::UnboundedSender<()>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.send(()).unwrap_or_default();
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = Limits {
        answer: SHORT,
        ..GENEROUS
    };
    let (tell, mut gone) = mpsc::unbounded_channel();
    let endless = async move || {
        let last = Last(tell.clone());
        Body::from_stream(stream::repeat_with(move || {
            let _kept = &last;
            std::io::Result::Ok(Bytes::from_static(&[0; 64 * 1024]))
        }))
    };
    let door = Door::open(Router::new().route("/", get(endless)), limits).await;
    let stream = door.send(WHOLE).await;
    let ended = timeout(LONG, gone.recv()).await;
    assert_eq!(ended.expect("the answer goes on"), Some(()));
    drop(stream);
}

#[tokio::test]
async fn what_is_under_way_is_answered_after_the_shutdown_began() {
    let (entered, mut inside) = mpsc::channel(1);
    let leave = Arc::new(Semaphore::new(0));
    let stay = {
        let leave = Arc::clone(&leave);
        async move || {
            entered.send(()).await.unwrap();
            leave.acquire().await.unwrap().forget();
            "answered"
        }
    };
    let door = Door::open(Router::new().route("/", get(stay)), GENEROUS).await;
    let mut stream = door.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    inside.recv().await.unwrap();
    door.stop.send(()).unwrap();
    while TcpStream::connect(door.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    leave.add_permits(1);
    assert!(rest(&mut stream).await.ends_with("answered"));
    timeout(LONG, door.served).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_after_the_farewell() {
    let limits = Limits {
        farewell: SHORT,
        ..GENEROUS
    };
    let (entered, mut inside) = mpsc::channel(1);
    let stay = async move || {
        entered.send(()).await.unwrap();
        pending::<()>().await;
    };
    let door = Door::open(Router::new().route("/", get(stay)), limits).await;
    let mut stream = door.send(WHOLE).await;
    inside.recv().await.unwrap();
    door.stop.send(()).unwrap();
    timeout(LONG, door.served).await.unwrap().unwrap();
    assert_eq!(rest(&mut stream).await, "");
}
