//! A model for the device to ask: over HTTPS with an authority of the test's own, or behind a Unix socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// The name by which the cloud's model is reached.
pub(crate) const HOST: &str = "models.example";
/// No request comes later than this, or the device hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A request as the model got it.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The words of the last to speak.
    pub(crate) fn asked(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        let turns = body["messages"].as_array().unwrap();
        turns.last().unwrap()["content"].as_str().unwrap().to_owned()
    }
}

/// A model that says of each question what it is told to, piece by piece.
pub(crate) struct Model {
    requests: Receiver<Request>,
}

impl Model {
    /// In the cloud: itself, where it listens, and the certificate of its authority as PEM.
    pub(crate) fn in_the_cloud(answers: fn(&Request) -> Vec<String>) -> (Self, SocketAddr, String) {
        Self::listening(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    /// The same, where the listener is.
    pub(crate) fn listening(
        listener: TcpListener,
        answers: fn(&Request) -> Vec<String>,
    ) -> (Self, SocketAddr, String) {
        Self::serving(listener, answers, Line::Closed)
    }

    /// In the cloud, and keeps each line open behind its answer for as long as the test runs.
    pub(crate) fn that_never_hangs_up(answers: fn(&Request) -> Vec<String>) -> (Self, SocketAddr, String) {
        Self::serving(TcpListener::bind("127.0.0.1:0").unwrap(), answers, Line::Open)
    }

    fn serving(
        listener: TcpListener,
        answers: fn(&Request) -> Vec<String>,
        line: Line,
    ) -> (Self, SocketAddr, String) {
        let (config, authority) = tls();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream.unwrap());
                serve(&mut stream, &sender, answers, line);
                match line {
                    Line::Closed => {
                        stream.conn.send_close_notify();
                        // Whoever went away has its reasons.
                        stream.flush().unwrap_or_default();
                    }
                    Line::Open => open.push(stream),
                }
            }
        });
        (Self { requests }, address, authority)
    }

    /// On this device.
    pub(crate) fn on_the_device(socket: &Path, answers: fn(&Request) -> Vec<String>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&mut stream.unwrap(), &sender, answers, Line::Closed);
            }
        });
        Self { requests }
    }

    /// The next request that came.
    pub(crate) fn request(&self) -> Request {
        self.requests.recv_timeout(HANGS).expect("the device asks")
    }

    /// Whether nobody has asked.
    pub(crate) fn is_unasked(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

/// What becomes of a line once the answer was given.
#[derive(Clone, Copy)]
enum Line {
    Closed,
    Open,
}

/// Reads one request and streams the answer.
fn serve<S: Read + Write>(
    stream: &mut S,
    sender: &Sender<Request>,
    answers: fn(&Request) -> Vec<String>,
    line: Line,
) {
    let Some(request) = read(stream) else { return };
    let pieces = answers(&request);
    let events = pieces
        .iter()
        .map(|piece| json!({"choices": [{"delta": {"content": piece}}]}).to_string());
    let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}).to_string();
    let events = events.chain([end, "[DONE]".to_owned()]);
    let body: String = events.map(|event| format!("data: {event}\n\n")).collect();
    let length = match line {
        Line::Closed => format!("Content-Length: {}\r\n", body.len()),
        Line::Open => String::new(),
    };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{length}Connection: close\r\n\r\n");
    sender.send(request).unwrap_or_default();
    for part in [head, body] {
        stream.write_all(part.as_bytes()).unwrap_or_default();
    }
    stream.flush().unwrap_or_default();
}

/// A request with a body of known length; `None` from someone who closes without one.
fn read(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body })
}

pub(crate) fn tls() -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([HOST.to_owned()])
        .unwrap()
        .signed_by(&own, &issuer)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(own.serialize_der()).unwrap(),
        )
        .unwrap();
    (Arc::new(config), pem)
}
