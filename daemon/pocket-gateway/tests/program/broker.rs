//! A real broker, Debian's mosquitto, and who publishes and listens there.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pocket_core::{DeviceState, LinkFault, LinkTerms, Profile, Refused, Timestamp};
use pocket_crypto::SecretBytes;
use pocket_grant::{LinkReport, LinkWord, SealedLink, body_length, decode_link_report, greeting, word_frame};
use tempfile::TempDir;

use crate::gateway::{Running, key};
use crate::server::Authority;

pub(crate) const DEVICE: &str = "0123456789abcdef";
pub(crate) const USER: &str = "pocketai";
pub(crate) const PASSWORD: &str = "canary-password";
/// Where Debian has servers, which is not on everyone's path.
const PLACES: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that keeps what it has over a restart, and lets in who has the password.
pub(crate) struct Mosquitto {
    folder: TempDir,
    pub(crate) port: u16,
    encrypted: bool,
    child: Option<Child>,
}

impl Mosquitto {
    pub(crate) fn plain() -> Self {
        Self::start(None)
    }

    /// One with a certificate of `authority` for these names.
    pub(crate) fn encrypted(authority: &Authority, names: &[&str]) -> Self {
        Self::start(Some((authority, names)))
    }

    fn start(identity: Option<(&Authority, &[&str])>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let made = Command::new("mosquitto_passwd")
            .env("PATH", PLACES)
            .args(["-b", "-c", &at("passwords"), USER, PASSWORD])
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "install mosquitto and mosquitto-clients"
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut lines = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence true\n\
             persistence_location {}/\nautosave_on_changes true\nautosave_interval 1\nuser root\n\
             log_dest stderr\nlog_type all\nmax_queued_messages 10000\n",
            at("passwords"),
            folder.path().display()
        );
        if let Some((authority, names)) = identity {
            let (certificate, private) = authority.issue_for(names);
            fs::write(at("cert.pem"), certificate).unwrap();
            fs::write(at("key.pem"), private).unwrap();
            lines += &format!("certfile {}\nkeyfile {}\n", at("cert.pem"), at("key.pem"));
            fs::write(at("ca.pem"), authority.pem()).unwrap();
        }
        fs::write(at("conf"), lines).unwrap();
        let mut broker = Self {
            port,
            encrypted: identity.is_some(),
            folder,
            child: None,
        };
        broker.run();
        broker
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn run(&mut self) {
        let mut child = Command::new("mosquitto")
            .env("PATH", PLACES)
            .arg("-c")
            .arg(self.folder.path().join("conf"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let running = lines.any(|line| line.unwrap().ends_with("running"));
        assert!(running, "mosquitto does not start");
        // What it says from now on has to go somewhere.
        thread::spawn(move || lines.count());
        self.child = Some(child);
    }

    /// Ends it; what it has is on its disk.
    pub(crate) fn end(&mut self) {
        let mut child = self.child.take().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
        child.wait().unwrap();
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let (host, port) = ("127.0.0.1", self.port.to_string());
        command.args(["-h", host, "-p", &port, "-u", USER, "-P", PASSWORD]);
        if self.encrypted {
            command.arg("--cafile").arg(self.folder.path().join("ca.pem"));
            command.arg("--insecure");
        }
        command
    }

    /// Publishes to a topic of the device; returns once the broker has it.
    pub(crate) fn publish(&self, topic: &str, payload: &[u8], more: &[&str]) {
        let from = if payload.is_empty() { "-n" } else { "-s" };
        let mut child = self
            .client("mosquitto_pub")
            .args(["-q", "1", from, "-t", &format!("pocketai/{DEVICE}/{topic}")])
            .args(more)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(payload).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Leaves a text for the device.
    pub(crate) fn capture(&self, text: &str) {
        self.publish("capture", text.as_bytes(), &[]);
    }

    /// Leaves many texts for the device, a line each.
    pub(crate) fn capture_all(&self, texts: &[String]) {
        let topic = format!("pocketai/{DEVICE}/capture");
        let mut child = self
            .client("mosquitto_pub")
            .args(["-q", "1", "-l", "-t", &topic])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = texts.join("\n") + "\n";
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Hears everything that is said there.
    pub(crate) fn listen(&self) -> Ear {
        let mut child = self
            .client("mosquitto_sub")
            .args(["-q", "1", "-t", "#", "-F", "%r %t %p"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, heard) = channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Ear { child, heard }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}

/// Who hears everything.
pub(crate) struct Ear {
    child: Child,
    heard: Receiver<String>,
}

impl Ear {
    /// The payload that is said next at a topic that ends so; and whether it was retained.
    pub(crate) fn hear(&self, topic: &str) -> (String, bool) {
        loop {
            let line = self.heard.recv_timeout(PATIENCE);
            let line = line.expect("nothing is said any more");
            let (retained, rest) = line.trim_end().split_once(' ').unwrap();
            let (at, payload) = rest.split_once(' ').unwrap_or((rest, ""));
            if at.ends_with(topic) {
                return (payload.to_owned(), retained == "1");
            }
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Terms as the daemon would set them, each with a nonce of its own.
pub(crate) fn terms(port: u16) -> LinkTerms {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    LinkTerms {
        host: "127.0.0.1".to_owned(),
        port,
        encrypted: false,
        ca: None,
        user: Some(USER.to_owned()),
        device: DEVICE.to_owned(),
        prefix: "homeassistant".to_owned(),
        expires: now().plus(Duration::from_secs(600)),
        nonce: [NEXT.fetch_add(1, Ordering::Relaxed); 16],
    }
}

pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    Timestamp::from_millis(i64::try_from(now).unwrap())
}

pub(crate) const STATE: DeviceState = DeviceState {
    healthy: true,
    storage: 42,
    profile: Profile::LocalNetwork,
    waiting: 3,
};

/// A link as the daemon has it.
pub(crate) struct Link(pub(crate) UnixStream);

impl Link {
    pub(crate) fn open(gateway: &Running, terms: &LinkTerms) -> Self {
        Self::with(gateway, terms, PASSWORD)
    }

    pub(crate) fn with(gateway: &Running, terms: &LinkTerms, password: &str) -> Self {
        let password = SecretBytes::new(password.as_bytes().to_vec());
        let sealed = SealedLink::forged(terms, Some(&password), &key()).unwrap();
        let mut link = Self::sealed(gateway.socket().as_path(), sealed.expose_frame());
        link.say(LinkWord::State(STATE));
        link
    }

    pub(crate) fn sealed(socket: &Path, frame: &[u8]) -> Self {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&greeting(&key())).unwrap();
        stream.write_all(frame).unwrap();
        Self(stream)
    }

    /// The gateway may have had enough: what it says of that is heard later.
    pub(crate) fn say(&mut self, word: LinkWord) {
        self.0.write_all(&word_frame(word)).unwrap_or_default();
    }

    pub(crate) fn hear(&mut self) -> LinkReport {
        let mut prefix = [0; 4];
        self.0.read_exact(&mut prefix).expect("nothing is told any more");
        let mut body = vec![0; body_length(prefix).unwrap()];
        self.0.read_exact(&mut body).unwrap();
        decode_link_report(&body).unwrap()
    }

    /// Waits until the broker is connected; says whether it remembers the device.
    pub(crate) fn connected(&mut self) -> bool {
        loop {
            match self.hear() {
                LinkReport::Connected { resumed } => return resumed,
                LinkReport::Lost(_) => {}
                _ => panic!("something else is told first"),
            }
        }
    }

    /// The fault that is told next.
    pub(crate) fn fault(&mut self) -> LinkFault {
        match self.hear() {
            LinkReport::Lost(fault) | LinkReport::Ended(fault) => fault,
            _ => panic!("no fault"),
        }
    }

    /// The next text: its number, the broker's number, whether it is offered again, and what it says.
    pub(crate) fn refused(&mut self) -> (u32, Refused) {
        match self.hear() {
            LinkReport::Refused { number, why } => (number, why),
            _ => panic!("not refused"),
        }
    }

    pub(crate) fn captured(&mut self) -> (u32, u16, bool, String) {
        loop {
            match self.hear() {
                LinkReport::Captured {
                    number,
                    packet,
                    redelivered,
                    text,
                } => return (number, packet, redelivered, text),
                LinkReport::Connected { .. } | LinkReport::Lost(_) => {}
                _ => panic!("something else is told first"),
            }
        }
    }

    /// Takes the next text in for good, and gives what it says.
    pub(crate) fn take(&mut self) -> String {
        let (number, _, _, text) = self.captured();
        self.say(LinkWord::Settled(number));
        text
    }
}
