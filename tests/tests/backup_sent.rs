//! Backups that the device sends: by the real gateway, over TLS, to real servers. Before them stands a front of the
//! test's own, which has the certificate, notes what comes, and goes wrong when it is told to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write, copy};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::backup::{full, verify};
use crate::device::{Device, Done, Place, path_text, program, text, workspace};
use crate::model::{HOST, tls};
use crate::relay::relay;

mod paged;
mod stopped;

const USER: &str = "ann";
const PASSWORD: &str = "canary-of-the-place";
/// How the name ends under which nothing counts.
const PART: &str = ".part ";
/// A server that does not listen by then never will.
const HANGS: Duration = Duration::from_secs(60);

/// What goes wrong at the front.
#[derive(Clone, Copy, Default)]
enum Fault {
    /// It answers requests that begin so, and the server never hears of them.
    Answers(&'static [(&'static str, &'static str)]),
    /// The line breaks when so many bytes of a body have gone through.
    Breaks(u64),
    /// The line is held there, until this is no longer what goes wrong.
    Holds(u64),
    #[default]
    None,
}

/// A server behind its front.
struct Server {
    folder: TempDir,
    child: Child,
    front: SocketAddr,
    authority: String,
    fault: Arc<Mutex<Fault>>,
    heads: Receiver<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    fn webdav() -> Self {
        let mut command = Command::new("rclone");
        Self::start("install rclone", |folder, port| {
            command
                .args(["serve", "webdav", folder, "--addr", &format!("127.0.0.1:{port}")])
                .args(["--user", USER, "--pass", PASSWORD, "--config", "/dev/null"]);
            command
        })
    }

    fn s3() -> Self {
        let own = workspace().join("target/s3s-fs/bin/s3s-fs");
        let mut command = Command::new(if own.exists() { own } else { "s3s-fs".into() });
        Self::start("install s3s-fs, as tests/run does", |folder, port| {
            command
                .args(["--host", "127.0.0.1", "--port", &port.to_string()])
                .args(["--access-key", USER, "--secret-key", PASSWORD, folder]);
            command
        })
    }

    fn start(lacking: &str, command: impl FnOnce(&str, u16) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backups")).unwrap();
        let port = free_port();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command(path_text(folder.path()), port)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|_| panic!("{lacking}"));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < HANGS, "the server does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        let (config, authority) = tls();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let front = listener.local_addr().unwrap();
        let fault = Arc::new(Mutex::new(Fault::None));
        let (sender, heads) = channel();
        let goes_wrong = Arc::clone(&fault);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (config, sender) = (Arc::clone(&config), sender.clone());
                let goes_wrong = Arc::clone(&goes_wrong);
                // Whoever went away has its reasons.
                thread::spawn(move || {
                    pass(stream.unwrap(), &config, port, (&sender, &goes_wrong)).unwrap_or_default();
                });
            }
        });
        Self {
            folder,
            child,
            front,
            authority,
            fault,
            heads,
        }
    }

    fn goes_wrong(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// The methods of the requests that came since this was asked last.
    fn methods(&self) -> Vec<String> {
        let heads = self.heads.try_iter();
        heads
            .map(|head| head.split(' ').next().unwrap().to_owned())
            .collect()
    }

    /// What lies in the folder.
    fn files(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("backups")).unwrap();
        folder.map(|entry| entry.unwrap().path()).collect()
    }

    fn is_unasked(&self) -> bool {
        self.heads.try_recv().is_err()
    }
}

/// Passes one request on, and the answer back.
fn pass(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    port: u16,
    (heads, faults): (&Sender<String>, &Mutex<Fault>),
) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut reader = BufReader::new(StreamOwned::new(connection, stream));
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: u64 = length.map_or(0, |length| length.parse().unwrap());
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let fault = *faults.lock().unwrap();
    let answer = match fault {
        Fault::Answers(all) => all
            .iter()
            .find(|(method, _)| head.starts_with(method) && (*method != "HEAD" || head.contains(PART)))
            .map(|(_, status)| *status),
        Fault::Breaks(_) | Fault::Holds(_) | Fault::None => None,
    };
    heads.send(head.clone()).unwrap_or_default();
    if let Some(status) = answer {
        copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes())?;
    } else {
        server.write_all(head.as_bytes())?;
        let first = match fault {
            Fault::Breaks(bytes) | Fault::Holds(bytes) => bytes.min(length),
            Fault::Answers(_) | Fault::None => length,
        };
        copy(&mut reader.by_ref().take(first), &mut server)?;
        if first < length {
            while matches!(*faults.lock().unwrap(), Fault::Holds(_)) {
                thread::sleep(Duration::from_millis(50));
            }
            if matches!(fault, Fault::Breaks(_)) {
                return Ok(());
            }
            // Who went away meanwhile sends no more; the server would wait for it.
            if copy(&mut reader.by_ref().take(length - first), &mut server)? < length - first {
                return Ok(());
            }
        }
        copy(&mut server, reader.get_mut())?;
    }
    let line = reader.get_mut();
    line.conn.send_close_notify();
    line.flush()
}

/// A device that finds the server, and trusts whoever vouches for it; and its recovery key.
fn device(server: &Server, kind: &str) -> (Device, String) {
    let (device, recovery) = full();
    (knows(device, server, kind), recovery)
}

fn knows(device: Device, server: &Server, kind: &str) -> Device {
    let (place, _) = device.stop();
    let trusted = place.path("authority.pem");
    fs::write(&trusted, &server.authority).unwrap();
    let trusted = path_text(&trusted);
    let lines = format!(
        "[gateway]\ntrust_ca = [{trusted:?}]\nresolve = [\"{HOST}:443={}\"]\n",
        server.front
    );
    fs::write(configuration(&place), lines).unwrap();
    let device = starts(place);
    device.unlock();
    let secret = ["secret", "set", "place"];
    device.place.ctl_given(&secret, None, PASSWORD.as_bytes()).one();
    let folder = format!("https://{HOST}/backups/");
    let set = [
        "backup", "place", "set", kind, &folder, "--user", USER, "--secret", "place",
    ];
    device.ctl(&set).one();
    device
}

fn configuration(place: &Place) -> PathBuf {
    place.path("config.toml")
}

fn starts(place: Place) -> Device {
    let mut command = place.command();
    command.arg("--config").arg(configuration(&place));
    match Device::start_command(place, command) {
        Ok(device) => device,
        Err((_, refused)) => panic!("the daemon did not start: {}", refused.words),
    }
}

fn opens(device: &Device) {
    device.ctl(&["profile", "set", "CLOUD_WITH_CONSENT"]).one();
}

fn send(device: &Device) -> Done {
    device.ctl(&["backup", "send", "--yes"])
}

fn last(device: &Device) -> serde_json::Value {
    device.ctl(&["status"]).one()["backup"]["last"].take()
}

/// What counts nowhere: nothing lies there, and the device does not take it for a backup.
fn nothing_counts(server: &Server, device: &Device) {
    assert_eq!(server.files(), Vec::<PathBuf>::new());
    assert!(last(device).is_null());
    let files = fs::read_dir(device.place.data()).unwrap();
    let mut names = files.map(|file| file.unwrap().file_name());
    assert!(names.all(|name| name != "sending"), "the archive has a name");
}

fn is_sent_with_consent_and_opens_when_it_is_taken_back(server: &Server, kind: &str, methods: &[&str]) {
    let (device, recovery) = device(server, kind);
    let said = send(&device).failed(1, "refused");
    assert!(said.contains("OFFLINE_ONLY"), "{said}");
    opens(&device);
    // Nobody at a terminal says yes, and nobody said so ahead.
    device.ctl(&["backup", "send"]).failed(2, "usage");
    assert!(server.is_unasked());
    nothing_counts(server, &device);

    let sent = send(&device).one();
    assert_eq!(server.methods(), methods);
    let files = server.files();
    let [file] = files.as_slice() else {
        panic!("{files:?}");
    };
    let outside = ["backup", "verify", "--outside", path_text(file)];
    assert_eq!(device.ctl(&outside).one()["sha256"], sent["sha256"]);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(text(&sent["sent"]), format!("https://{HOST}/backups/{name}"));
    assert_eq!(verify(&device.place, &recovery, file).one()["whole"], true);
    // It counts, and has not been tried.
    let backup = device.ctl(&["status"]).one()["backup"].take();
    assert!(
        !backup["last"].is_null() && backup["drilled"].is_null(),
        "{backup}"
    );
    device.ctl(&["backup", "drill", path_text(file)]).one();
    let log: String = device
        .ctl(&["audit", "show"])
        .lines()
        .iter()
        .map(ToString::to_string)
        .collect();
    for kind in ["backup-offer", "backup-send", "call-sent", "backup-sent"] {
        assert!(log.contains(&format!("\"{kind}\"")), "{kind}: {log}");
    }
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn a_backup_goes_to_a_webdav_folder_with_consent_and_opens_when_it_is_taken_back() {
    let server = Server::webdav();
    is_sent_with_consent_and_opens_when_it_is_taken_back(
        &server,
        "webdav",
        &["HEAD", "PUT", "HEAD", "MOVE", "HEAD"],
    );
}

#[test]
fn what_a_webdav_folder_does_not_take_whole_counts_as_nothing() {
    let server = Server::webdav();
    let (device, _) = device(&server, "webdav");
    opens(&device);
    for (fault, says, methods) in [
        (
            Fault::Answers(&[("PUT", "507 Insufficient Storage")]),
            "answered 507",
            &["HEAD", "PUT", "DELETE"][..],
        ),
        (
            Fault::Answers(&[(
                "PUT",
                "301 Moved Permanently\r\nlocation: https://elsewhere.example/",
            )]),
            "answered 301",
            &["HEAD", "PUT", "DELETE"],
        ),
        (Fault::Breaks(100_000), "connection", &["HEAD", "PUT", "DELETE"]),
        (
            Fault::Answers(&[("HEAD", "200 OK")]),
            "to HEAD the place answered 200",
            &["HEAD", "PUT", "HEAD", "DELETE"],
        ),
        (
            Fault::Answers(&[("MOVE", "500 Internal Server Error")]),
            "answered 500",
            &["HEAD", "PUT", "HEAD", "MOVE", "DELETE"],
        ),
    ] {
        server.goes_wrong(fault);
        let said = send(&device).failed(1, "unavailable");
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("may still lie there"), "{said}");
        assert_eq!(server.methods(), methods, "{said}");
        nothing_counts(&server, &device);
    }
    // What can't be removed either is told of.
    server.goes_wrong(Fault::Answers(&[
        ("PUT", "500 Internal Server Error"),
        ("DELETE", "500 Internal Server Error"),
    ]));
    let said = send(&device).failed(1, "unavailable");
    assert!(said.contains("may still lie there"), "{said}");
    server.methods();
    // Who is not let in there does not send anything either.
    server.goes_wrong(Fault::None);
    device
        .place
        .ctl_given(&["secret", "set", "place"], None, b"wrong")
        .one();
    let said = send(&device).failed(1, "unavailable");
    assert!(said.contains("answered 401"), "{said}");
    assert_eq!(server.methods(), ["HEAD"]);
    nothing_counts(&server, &device);
}

#[test]
fn a_backup_goes_to_a_bucket_with_consent_and_opens_when_it_is_taken_back() {
    let server = Server::s3();
    is_sent_with_consent_and_opens_when_it_is_taken_back(&server, "s3", &["HEAD", "PUT", "HEAD"]);
}

#[test]
fn what_a_bucket_does_not_take_whole_counts_as_nothing() {
    let server = Server::s3();
    let (device, _) = device(&server, "s3");
    opens(&device);
    for (fault, says) in [
        (
            Fault::Answers(&[("PUT", "503 Slow Down")]),
            "to PUT the place answered 503",
        ),
        (Fault::Breaks(100_000), "connection"),
    ] {
        server.goes_wrong(fault);
        let said = send(&device).failed(1, "unavailable");
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("may still lie there"), "{said}");
        assert_eq!(server.methods(), ["HEAD", "PUT"], "{said}");
        nothing_counts(&server, &device);
    }
    // One that takes it and does not have it.
    server.goes_wrong(Fault::Answers(&[("PUT", "200 OK")]));
    let said = send(&device).failed(1, "unavailable");
    assert!(said.contains("to HEAD the place answered 404"), "{said}");
    assert_eq!(server.methods(), ["HEAD", "PUT", "HEAD", "DELETE"]);
    nothing_counts(&server, &device);
    // Who signs with another key is not let in.
    server.goes_wrong(Fault::None);
    device
        .place
        .ctl_given(&["secret", "set", "place"], None, b"wrong")
        .one();
    let said = send(&device).failed(1, "unavailable");
    assert!(
        said.contains("answered 403") || said.contains("connection"),
        "{said}"
    );
    nothing_counts(&server, &device);
}

#[test]
fn an_archive_that_was_changed_behind_the_consent_does_not_leave() {
    let server = Server::webdav();
    let (device, _) = device(&server, "webdav");
    opens(&device);
    // Between the offer and the consent stands who asks: here, someone who writes into the file of the daemon.
    let door = device.place.path("door.sock");
    let listener = UnixListener::bind(&door).unwrap();
    let descriptors = PathBuf::from(format!("/proc/{}/fd", device.pid()));
    let mut changed = false;
    let control = device.place.data().join("run/control.sock");
    relay(listener, control, move |_| {
        let all = fs::read_dir(&descriptors).unwrap();
        let found = all
            .map(|entry| entry.unwrap().path())
            .find(|path| fs::read_link(path).is_ok_and(|at| path_text(&at).ends_with("/sending (deleted)")));
        // Once a megabyte is there; what comes behind that is written behind it.
        if let Some(path) = found.filter(|path| !changed && fs::metadata(path).unwrap().len() > 1_000_000) {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.write_at(b"changed", 500_000).unwrap();
            changed = true;
        }
    });
    let sent = Command::new(program("pocketctl"))
        .args(["--json", "--control", path_text(&door), "backup", "send", "--yes"])
        .output()
        .unwrap();
    let said = String::from_utf8(sent.stderr).unwrap();
    assert!(said.contains("not the ones that were approved"), "{said}");
    assert!(server.is_unasked());
    nothing_counts(&server, &device);
}
