//! A gateway that was started, and calls to it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pocket_core::{CallFailure, Method, PlaceStep, RecordId, Terms, Timestamp};
use pocket_crypto::SecretBytes;
use pocket_crypto::secret::Key;
use pocket_grant::{Headers, Report, SealedCall, body_frames, body_length, decode_report, greeting};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

use crate::server::Authority;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pocket-gateway");
pub(crate) const HOST: &str = "model.test";
pub(crate) const BODY: &[u8] = b"{\"question\":\"canary-body\"}";

pub(crate) struct Running {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) folder: TempDir,
}

impl Running {
    /// One that trusts `authority` and finds the host at `server`.
    pub(crate) fn start(authority: &Authority, server: SocketAddr) -> Self {
        Self::with(authority, &[format!("--resolve={HOST}:443={server}")])
    }

    pub(crate) fn with(authority: &Authority, more: &[String]) -> Self {
        Self::launch(Command::new(PROGRAM), authority, more)
    }

    /// One in a network of its own that leads nowhere, where `hosts` says who is where; `None` where this
    /// user may not make one.
    ///
    /// Its name server is on its own loopback, if anyone listens there.
    pub(crate) fn apart(authority: &Authority, hosts: &str) -> Option<Self> {
        let namespace = ["--user", "--map-root-user", "--mount", "--net"];
        let may = Command::new("unshare").args(namespace).arg("true").status();
        if !may.is_ok_and(|status| status.success()) {
            return None;
        }
        let (file, servers) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        fs::write(file.path(), hosts).unwrap();
        fs::write(
            servers.path(),
            "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        )
        .unwrap();
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" /etc/resolv.conf && \
                      ip link set lo up && shift && exec \"$@\"";
        command.args(namespace).args(["sh", "-c", script]);
        command.arg(file.path()).arg(servers.path()).arg(PROGRAM);
        Some(Self::launch(command, authority, &[]))
    }

    fn launch(mut command: Command, authority: &Authority, more: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, authority.pem()).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .arg("--socket")
            .arg(folder.path().join("socket"))
            .arg("--trust-ca")
            .arg(ca)
            .arg("--while-stdin")
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let running = Self {
            input: child.stdin.take(),
            child,
            folder,
        };
        assert_eq!(line, "ready\n", "{}", running.log());
        running
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> bool {
        self.child.wait().unwrap().success()
    }

    pub(crate) fn connect(&self) -> Line {
        Line(UnixStream::connect(self.socket()).unwrap())
    }

    /// What comes of a call on `terms` with [`BODY`].
    pub(crate) fn call(&self, terms: &Terms) -> Told {
        let mut line = self.connect();
        line.ask(terms, BODY);
        line.hear()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

pub(crate) fn key() -> Key {
    Key::from_bytes([7; 32])
}

/// Terms as the daemon would set them, each with a nonce of its own.
pub(crate) fn terms() -> Terms {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Terms {
        id: RecordId::from_bytes([0xab; 16]),
        host: HOST.to_owned(),
        port: 443,
        path: "/v1/canary-path?x=1".to_owned(),
        method: Method::Post,
        body_sha256: Sha256::digest(BODY).into(),
        body_length: u64::try_from(BODY.len()).unwrap(),
        most_answer: 100_000,
        patience_millis: 60_000,
        expires: Timestamp::from_millis(i64::try_from(now).unwrap()).plus(Duration::from_secs(600)),
        nonce: [NEXT.fetch_add(1, Ordering::Relaxed); 16],
        pin: None,
    }
}

pub(crate) fn headers() -> Headers {
    let mut headers = Headers::default();
    headers.push("authorization", SecretBytes::new(b"Bearer canary-key".to_vec()));
    headers.push("content-type", SecretBytes::new(b"application/json".to_vec()));
    headers
}

/// A connection to a gateway.
pub(crate) struct Line(pub(crate) UnixStream);

impl Line {
    /// The gateway may have had enough before the end: what it says of that is heard later.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap_or_default();
    }

    pub(crate) fn call(&mut self, terms: &Terms) {
        self.say(&greeting(&key()));
        self.say(
            SealedCall::forged(terms, &headers(), &key())
                .unwrap()
                .expose_frame(),
        );
    }

    /// A call without headers of its own and without a body.
    pub(crate) fn call_bare(&mut self, terms: &Terms) {
        self.say(&greeting(&key()));
        let call = SealedCall::forged(terms, &Headers::default(), &key()).unwrap();
        self.say(call.expose_frame());
    }

    /// A call with a body to be kept elsewhere, as who logs in there.
    pub(crate) fn call_keep(&mut self, terms: &Terms) {
        self.say(&greeting(&key()));
        let mut login = Headers::default();
        login.push("user", SecretBytes::new(b"ann".to_vec()));
        login.push("password", SecretBytes::new(b"canary-password".to_vec()));
        self.say(SealedCall::forged(terms, &login, &key()).unwrap().expose_frame());
    }

    pub(crate) fn body(&mut self, body: &[u8]) {
        for (ahead, piece) in body_frames(body) {
            self.say(&ahead);
            self.say(piece);
        }
    }

    pub(crate) fn ask(&mut self, terms: &Terms, body: &[u8]) {
        self.call(terms);
        self.body(body);
    }

    /// The next report, if the gateway says one.
    pub(crate) fn next(&mut self) -> Option<Report> {
        let mut prefix = [0; 4];
        self.0.read_exact(&mut prefix).ok()?;
        let mut body = vec![0; body_length(prefix).unwrap()];
        self.0.read_exact(&mut body).unwrap();
        Some(decode_report(&body).unwrap())
    }

    pub(crate) fn hear(&mut self) -> Told {
        let mut told = Told::default();
        while let Some(report) = self.next() {
            assert!(told.end.is_none(), "something follows the last report");
            match report {
                Report::Connected { address } => told.address = Some(address),
                Report::Head {
                    status,
                    media_type,
                    length,
                    leads_to,
                } => {
                    (told.length, told.leads_to) = (length, leads_to);
                    told.head = Some((status, media_type));
                }
                Report::Piece(piece) => told.answer.extend(piece),
                Report::Step { step, status } => told.steps.push((step, status)),
                Report::Ended { sent, received } => told.end = Some((None, sent, received)),
                Report::Failed {
                    reason,
                    sent,
                    received,
                } => told.end = Some((Some(reason), sent, received)),
            }
        }
        told
    }
}

/// All that was told of a call.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) head: Option<(u16, Option<String>)>,
    pub(crate) length: Option<u64>,
    pub(crate) leads_to: Option<String>,
    pub(crate) answer: Vec<u8>,
    pub(crate) steps: Vec<(PlaceStep, u16)>,
    end: Option<(Option<CallFailure>, u64, u64)>,
}

impl Told {
    /// Why it failed; `None` when the answer is whole.
    pub(crate) fn failure(&self) -> Option<CallFailure> {
        self.end.expect("nothing was told of its end").0
    }

    pub(crate) fn traffic(&self) -> (u64, u64) {
        let (_, sent, received) = self.end.expect("nothing was told of its end");
        (sent, received)
    }

    /// Why it was refused, nothing having left.
    pub(crate) fn refusal(&self) -> Option<CallFailure> {
        assert_eq!((self.address, self.traffic()), (None, (0, 0)));
        self.failure()
    }
}
