//! A real broker, Debian's mosquitto, and who publishes and listens there.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) const USER: &str = "pocketai";
pub(crate) const PASSWORD: &str = "canary-of-the-broker";
/// Where Debian has servers, which is not on everyone's path.
const PLACES: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";
/// A broker or a device that has said nothing for this long hangs.
const HANGS: Duration = Duration::from_secs(120);

/// A broker that keeps what it has over a restart, and lets in who has the password.
pub(crate) struct Mosquitto {
    folder: TempDir,
    pub(crate) port: u16,
    encrypted: bool,
    child: Option<Child>,
}

impl Mosquitto {
    pub(crate) fn plain() -> Self {
        Self::start(false)
    }

    /// One with a certificate of an authority of its own, which is in [`Mosquitto::authority`].
    pub(crate) fn encrypted() -> Self {
        Self::start(true)
    }

    fn start(encrypted: bool) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut broker = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
            encrypted,
            child: None,
        };
        let made = Command::new("mosquitto_passwd")
            .env("PATH", PLACES)
            .args(["-b", "-c", &broker.at("passwords"), USER, PASSWORD])
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "install mosquitto and mosquitto-clients"
        );
        let mut lines = format!(
            "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\npersistence true\n\
             persistence_location {}/\nautosave_on_changes true\nautosave_interval 1\nuser root\n\
             log_dest stderr\nlog_type all\n",
            broker.at("passwords"),
            broker.folder.path().display()
        );
        if encrypted {
            broker.certify();
            lines += &format!(
                "certfile {}\nkeyfile {}\n",
                broker.at("cert.pem"),
                broker.at("key.pem")
            );
        }
        fs::write(broker.at("conf"), lines).unwrap();
        broker.run();
        broker
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The certificate of its authority.
    pub(crate) fn authority(&self) -> String {
        self.at("ca.pem")
    }

    fn certify(&self) {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        fs::write(self.at("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let own = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let certificate = certificate.signed_by(&own, &issuer).unwrap();
        fs::write(self.at("cert.pem"), certificate.pem()).unwrap();
        fs::write(self.at("key.pem"), own.serialize_pem()).unwrap();
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn run(&mut self) {
        let mut child = Command::new("mosquitto")
            .env("PATH", PLACES)
            .args(["-c", &self.at("conf")])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(
            lines.any(|line| line.unwrap().ends_with("running")),
            "mosquitto does not start"
        );
        // What it says from now on has to go somewhere.
        std::thread::spawn(move || lines.count());
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
        let port = self.port.to_string();
        command.args(["-h", "127.0.0.1", "-p", &port, "-u", USER, "-P", PASSWORD]);
        if self.encrypted {
            command.args(["--cafile", &self.authority(), "--insecure"]);
        }
        command
    }

    /// Publishes, and returns once the broker has it.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        let mut child = self
            .client("mosquitto_pub")
            .args(["-q", "1", "-s", "-t", topic])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(payload.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Hears everything that is said there from now on, and what is retained.
    pub(crate) fn listen(&self) -> Ear {
        let mut child = self
            .client("mosquitto_sub")
            .args(["-q", "1", "-t", "#", "-v"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, heard) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ear {
            child,
            heard,
            all: Vec::new(),
        }
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
    /// All that was heard so far.
    pub(crate) all: Vec<String>,
}

impl Ear {
    /// Waits until this is said at a topic that ends so.
    pub(crate) fn wait_for(&mut self, topic: &str, payload: &str) {
        loop {
            let line = self.heard.recv_timeout(HANGS);
            let line = line.unwrap_or_else(|_| panic!("{topic} {payload} is never said: {:#?}", self.all));
            self.all.push(line.clone());
            let (at, said) = line.split_once(' ').unwrap_or((&line, ""));
            if at.ends_with(topic) && said.contains(payload) {
                return;
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
