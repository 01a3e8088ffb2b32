//! `pocketctl connect`, from one machine to another: the owner's computer, with its ssh, and a device with
//! Debian's sshd, configured as on the image.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::device::{Device, Place, path_text, program, workspace};
use crate::silence::http::exchange;
use crate::silence::network::{Network, THERE, run};

const SKIPPED: &str = "skipped: a network of the test's own needs root";
const PAGE: &str = "127.0.0.1:7878";
const AGENTS: &str = "127.0.0.1:7879";

/// A browser that was not opened by then never will be.
const HANGS: Duration = Duration::from_secs(60);

/// A device elsewhere, and the computer that this test runs on.
struct Both {
    network: Network,
    device: Option<Device>,
    sshd: Child,
    folder: TempDir,
}

impl Both {
    /// `None` for who may not make networks.
    fn enter() -> Option<Self> {
        program("pocketd");
        let network = Network::enter()?;
        let folder = tempfile::tempdir().unwrap();
        // Of this thread and its programs alone: the network has a view of the mounts of its own.
        run("mount", &["-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"]);
        fs::create_dir_all("/run/sshd").unwrap();
        fs::create_dir_all("/run/ssh-owner").unwrap();
        let mut both = Self {
            device: Some(network.there(start)),
            sshd: Command::new("true").spawn().unwrap(),
            network,
            folder,
        };
        both.sshd.wait().unwrap();
        both.make_keys();
        both.let_in();
        both.serve();
        Some(both)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Puts a file in the place of one of the system, for this thread's programs.
    fn replace(&self, file: &str, text: &str) {
        let name = file.replace('/', "-");
        fs::write(self.path(&name), text).unwrap();
        run("mount", &["--bind", path_text(&self.path(&name)), file]);
    }

    fn make_keys(&self) {
        for name in ["host", "owners", "strangers"] {
            run(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-f", path_text(&self.path(name))],
            );
        }
        fs::write("/run/ssh-owner/authorized_keys", self.text("owners.pub")).unwrap();
        fs::write(self.path("known"), format!("{THERE} {}", self.text("host.pub"))).unwrap();
        let known = path_text(&self.path("known")).to_owned();
        self.replace(
            "/etc/ssh/ssh_config",
            &format!("Host *\nUserKnownHostsFile {known}\nIdentityAgent none\n"),
        );
    }

    /// The owner is a user of the machine, as of the image.
    fn let_in(&self) {
        let with = |file: &str, line: &str| {
            let all = fs::read_to_string(file).unwrap();
            let others = all.lines().filter(|line| !line.starts_with("owner:"));
            let text = others.chain([line]).collect::<Vec<_>>().join("\n") + "\n";
            self.replace(file, &text);
        };
        with("/etc/passwd", "owner:x:61000:61000::/:/bin/bash");
        with("/etc/shadow", "owner:*:20000::::::");
        fs::set_permissions(self.path("-etc-shadow"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The image's own configuration; its host key alone lies elsewhere.
    fn serve(&mut self) {
        let image = fs::read_to_string(workspace().join("image/root/etc/ssh/sshd_config")).unwrap();
        let host_key = "HostKey /data/ssh/ssh_host_ed25519_key";
        assert!(image.contains(host_key));
        let own = format!("HostKey {}", path_text(&self.path("host")));
        fs::write(self.path("sshd_config"), image.replace(host_key, &own)).unwrap();
        let config = self.path("sshd_config");
        let mut sshd = self.network.there(|| {
            let mut sshd = Command::new("/usr/sbin/sshd");
            sshd.args(["-D", "-e", "-f", path_text(&config)]);
            sshd.stderr(Stdio::piped())
                .spawn()
                .expect("install openssh-server")
        });
        let mut lines = BufReader::new(sshd.stderr.take().unwrap()).lines();
        let listens = lines.any(|line| line.unwrap().contains("Server listening on"));
        assert!(listens, "sshd does not start");
        let mut log = File::create(self.path("sshd.log")).unwrap();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writeln!(log, "{line}").unwrap_or_default();
            }
        });
        self.sshd = sshd;
    }

    /// The command on the owner's computer.
    fn connect(&self, key: &str, more: &[&str]) -> Command {
        let mut command = Command::new(program("pocketctl"));
        command.args(more).args(["connect", &THERE.to_string()]);
        command.arg("--key").arg(self.path(key));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command
    }

    /// The command, once it says that it is connected, and what it said.
    fn connected(&self) -> (Child, Value) {
        let mut child = self.connect("owners", &["--json"]).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let Ok(told) = serde_json::from_str(&line) else {
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("it does not connect: {said}\nsshd: {}", self.text("sshd.log"));
        };
        (child, told)
    }

    /// What it says when it can't.
    #[track_caller]
    fn fails(&self, mut command: Command) -> String {
        let done = command.output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{said}");
        said
    }
}

impl Drop for Both {
    fn drop(&mut self) {
        self.sshd.kill().unwrap_or_default();
        self.sshd.wait().map(drop).unwrap_or_default();
    }
}

/// The device, with its doors where the image has them.
fn start() -> Device {
    let place = Place::new();
    let mut command = Command::new(program("pocketd"));
    command.arg("--data-dir").arg(place.data());
    command.args(["--ui", PAGE, "--mcp", AGENTS]);
    command
        .env("HOME", place.path(""))
        .env("XDG_CONFIG_HOME", place.path("config"));
    command
        .env_remove("STATE_DIRECTORY")
        .env_remove("RUNTIME_DIRECTORY");
    match Device::start_command(place, command) {
        Ok(device) => device,
        Err((_, refused)) => panic!("the daemon did not start: {}", refused.words),
    }
}

fn asked(door: &str, path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {door}\r\nConnection: close\r\n\r\n");
    exchange(door, request.as_bytes()).expect("an answer").status
}

fn is_free(door: &str) -> bool {
    TcpListener::bind(door).is_ok()
}

/// The ssh that `child` runs.
fn ssh_of(child: &Child) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let children = fs::read_to_string(children).unwrap();
    Pid::from_raw(children.trim().parse().expect("one program runs"))
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap())
}

#[test]
fn the_page_and_the_agents_door_are_reached_until_ctrl_c() {
    let Some(both) = Both::enter() else {
        return println!("{SKIPPED}");
    };
    let (mut child, told) = both.connected();
    assert_eq!(told["page"], format!("http://{PAGE}/"));
    assert_eq!(told["agents"], format!("http://{AGENTS}/mcp"));
    assert_eq!(asked(PAGE, "/setup"), 200);
    assert_eq!(asked(AGENTS, "/mcp"), 401);
    let ssh = ssh_of(&child);
    kill(pid(&child), Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(kill(ssh, None).is_err(), "its ssh is left");
    assert!(is_free(PAGE) && is_free(AGENTS));
}

#[test]
fn a_connection_that_breaks_is_told_in_words() {
    let Some(both) = Both::enter() else {
        return println!("{SKIPPED}");
    };
    let (mut child, _) = both.connected();
    kill(ssh_of(&child), Signal::SIGKILL).unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(said.contains("has ended"), "{said}");
}

#[test]
fn the_owners_browser_is_opened_at_the_page() {
    let Some(both) = Both::enter() else {
        return println!("{SKIPPED}");
    };
    let (script, pipe) = (both.path("browser"), both.path("pipe"));
    fs::write(&script, "#!/bin/sh\necho \"$1\" >\"$PIPE\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    run("mkfifo", &[path_text(&pipe)]);
    let mut command = both.connect("owners", &[]);
    // What a desktop would have set by itself does not count: only this browser is there.
    for name in [
        "XDG_DATA_DIRS",
        "XDG_DATA_HOME",
        "XDG_CONFIG_DIRS",
        "XDG_CONFIG_HOME",
    ] {
        command.env(name, both.path("none"));
    }
    command
        .env("DISPLAY", ":77")
        .env("BROWSER", &script)
        .env("PIPE", &pipe);
    let mut child = command.spawn().unwrap();
    let (sender, opened) = channel();
    std::thread::spawn(move || sender.send(fs::read_to_string(&pipe).unwrap()));
    let opened = opened.recv_timeout(HANGS).expect("no browser is opened");
    assert_eq!(opened, format!("http://{PAGE}/\n"));
    kill(pid(&child), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains(&format!("page    http://{PAGE}/")), "{said}");
}

#[test]
fn what_stands_in_the_way_is_named_with_its_remedy() {
    let Some(mut both) = Both::enter() else {
        return println!("{SKIPPED}");
    };
    let said = both.fails(both.connect("strangers", &[]));
    assert!(
        said.contains("does not take your key") && said.contains("authorized_keys"),
        "{said}"
    );
    let mut without = both.connect("owners", &[]);
    without.env("PATH", both.path("none"));
    let said = both.fails(without);
    assert!(said.contains("there is no ssh on this computer"), "{said}");
    let taken = TcpListener::bind(AGENTS).unwrap();
    let said = both.fails(both.connect("owners", &[]));
    assert!(said.contains("port 7879 of this computer is taken"), "{said}");
    drop(taken);
    let mut closed = both.connect("owners", &[]);
    closed.args(["--port", "9"]);
    let said = both.fails(closed);
    assert!(said.contains("does not answer"), "{said}");
    let other = format!("{THERE} {}", both.text("strangers.pub"));
    fs::write(both.path("known"), other).unwrap();
    let said = both.fails(both.connect("owners", &[]));
    assert!(said.contains("is not the device"), "{said}");
    drop(both.device.take());
}
