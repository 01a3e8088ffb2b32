//! A server far away, as a provider has one: HTTPS under an authority of the test's own. It keeps what it
//! was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The name that its certificate has.
pub(crate) const HOST: &str = "api.example.com";

/// A request as it came in.
#[derive(Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The server.
pub(crate) struct Far {
    pub(crate) address: SocketAddr,
    /// The authority, as PEM.
    authority: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Far {
    /// One that answers each request with `text`, as a stream of OpenAI's.
    pub(crate) fn answering(text: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (config, authority) = identity();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                // A caller that breaks off is its own affair.
                drop(answer(StreamOwned::new(connection, stream), &kept, text));
            }
        });
        Self {
            address,
            authority,
            received,
        }
    }

    /// What came in.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Writes the configuration of a device that trusts it, and finds it.
    pub(crate) fn configure(&self, folder: &Path) {
        let authority = folder.join("authority.pem");
        fs::write(&authority, &self.authority).unwrap();
        let configuration = format!(
            "[gateway]\ntrust_ca = [{:?}]\nresolve = [\"{HOST}:443={}\"]\n",
            authority, self.address
        );
        fs::write(folder.join("pocketd.toml"), configuration).unwrap();
    }
}

fn identity() -> (Arc<ServerConfig>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let own = own.signed_by(&own_key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    (Arc::new(config), authority)
}

fn answer(
    mut stream: StreamOwned<ServerConnection, TcpStream>,
    received: &Mutex<Vec<Received>>,
    text: &str,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        let count = stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if count == 0 {
            return Ok(());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length: usize = length.split('\r').next().unwrap().parse().unwrap();
    let mut body = bytes.split_off(end);
    while body.len() < length {
        let count = stream.read(&mut piece)?;
        body.extend_from_slice(&piece[..count]);
    }
    received.lock().unwrap().push(Received { head, body });
    let chunk = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    let end = serde_json::json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    let events = format!("data: {chunk}\n\ndata: {end}\n\ndata: [DONE]\n\n");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {}\r\n\r\n",
        events.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(events.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
