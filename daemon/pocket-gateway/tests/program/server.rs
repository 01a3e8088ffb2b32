//! A real HTTPS server of the test's own, with its own authority, that can misbehave.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, PublicKeyData,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with its key.
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

/// How a certificate is wrong.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Flaw {
    None,
    Expired,
    NotYet,
    OtherHost,
}

impl Authority {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Self::named(&format!(
            "authority {} of a test",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ))
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names and addresses, and its key, in PEM form.
    pub(crate) fn issue_for(&self, names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    pub(crate) fn issue(&self, flaw: Flaw) -> Identity {
        let name = if flaw == Flaw::OtherHost {
            "other.test"
        } else {
            crate::gateway::HOST
        };
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(if flaw == Flaw::NotYet { 2990 } else { 2020 }, 1, 1);
        params.not_after = date_time_ymd(if flaw == Flaw::Expired { 2021 } else { 2999 }, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            chain: vec![certificate.der().clone()],
            key,
        }
    }
}

impl Identity {
    /// SHA-256 of its public key.
    pub(crate) fn pin(&self) -> [u8; 32] {
        Sha256::digest(self.key.subject_public_key_info()).into()
    }

    fn config(&self, tls12: bool) -> ServerConfig {
        let versions = if tls12 {
            &rustls::version::TLS12
        } else {
            &rustls::version::TLS13
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[versions])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// What a server does with each connection.
#[derive(Clone)]
pub(crate) enum Act {
    /// Takes the request, says this, and ends properly.
    Answer(Vec<u8>),
    /// Takes the request, says this, and breaks the connection off.
    BreakOff(Vec<u8>),
    /// Takes the request, says this, and then nothing for ever.
    Hold(Vec<u8>),
    /// Takes the request, says this, and then again and again the other.
    Repeat(Vec<u8>, Vec<u8>),
    /// Says this before any encryption, and closes.
    Raw(Vec<u8>),
    /// Takes the connection, and says nothing at all.
    Silent,
}

/// A whole answer with a body.
pub(crate) fn ok(body: &str) -> Act {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nSet-Cookie: a=b";
    Act::Answer(format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes())
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: Receiver<Event>,
}

/// What a server met.
pub(crate) enum Event {
    Connected,
    Request(Vec<u8>),
    Left,
}

impl Server {
    pub(crate) fn start(identity: &Identity, act: Act) -> Self {
        Self::with(identity, act, false)
    }

    pub(crate) fn with(identity: &Identity, act: Act, tls12: bool) -> Self {
        let listener = StdListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (events, heard) = channel();
        let acceptor = TlsAcceptor::from(Arc::new(identity.config(tls12)));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    events.send(Event::Connected).unwrap_or_default();
                    tokio::spawn(attend(stream, acceptor.clone(), act.clone(), events.clone()));
                }
            });
        });
        Self { address, heard }
    }

    /// Whether nobody has connected.
    pub(crate) fn is_untouched(&self) -> bool {
        self.heard.try_recv().is_err()
    }

    /// The request of the first caller; waits for it.
    pub(crate) fn request(&self) -> String {
        loop {
            if let Event::Request(bytes) = self.heard.recv().unwrap() {
                return String::from_utf8(bytes).unwrap();
            }
        }
    }

    /// Waits until a caller is gone.
    pub(crate) fn left(&self) {
        while !matches!(self.heard.recv().unwrap(), Event::Left) {}
    }

    /// How many have connected until now.
    pub(crate) fn connections(&self) -> usize {
        let connected = |event: &Event| matches!(event, Event::Connected);
        self.heard.try_iter().filter(connected).count()
    }
}

async fn attend(mut tcp: TcpStream, acceptor: TlsAcceptor, act: Act, events: Sender<Event>) {
    match act {
        Act::Raw(bytes) => {
            let mut hello = [0; 4096];
            tcp.read(&mut hello).await.map(drop).unwrap_or_default();
            tcp.write_all(&bytes).await.unwrap_or_default();
        }
        Act::Silent => until_left(&mut tcp).await,
        act => {
            if let Ok(mut stream) = acceptor.accept(tcp).await {
                let request = request(&mut stream).await;
                events.send(Event::Request(request)).unwrap_or_default();
                answer(stream, act).await;
            }
        }
    }
    events.send(Event::Left).unwrap_or_default();
}

async fn answer(mut stream: tokio_rustls::server::TlsStream<TcpStream>, act: Act) {
    match act {
        Act::Answer(bytes) => {
            stream.write_all(&bytes).await.unwrap_or_default();
            stream.shutdown().await.unwrap_or_default();
            until_left(&mut stream).await;
        }
        Act::BreakOff(bytes) => {
            stream.write_all(&bytes).await.unwrap_or_default();
            stream.flush().await.unwrap_or_default();
        }
        Act::Hold(bytes) => {
            stream.write_all(&bytes).await.unwrap_or_default();
            stream.flush().await.unwrap_or_default();
            until_left(&mut stream).await;
        }
        Act::Repeat(first, again) => {
            let mut going = stream.write_all(&first).await.is_ok();
            while going {
                going = stream.write_all(&again).await.is_ok();
            }
        }
        Act::Raw(_) | Act::Silent => {}
    }
}

async fn until_left(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}

/// Everything up to the end of the body that the head announces.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut all = Vec::new();
    let mut piece = [0; 16 * 1024];
    while !is_whole(&all) {
        match stream.read(&mut piece).await {
            Ok(read) if read > 0 => all.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    all
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    length.is_none_or(|length| body.len() >= length.parse::<usize>().unwrap())
}
