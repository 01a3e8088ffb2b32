//! The two programs of the owner's computer that are run: its ssh, and what opens its browser.

use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Destination, PORTS, Way};
use crate::exit::Problem;
use crate::output::escape;
use crate::terminal;

/// What opens the page, by system.
#[cfg(target_os = "macos")]
const OPENER: &str = "open";
#[cfg(not(target_os = "macos"))]
const OPENER: &str = "xdg-open";

/// Whatever `~/.ssh/config` says: a tunnel of our own that ends with us, no session, nothing of this computer
/// lent to the device, and no password, which no device takes.
const OPTIONS: [&str; 10] = [
    "ControlMaster=no",
    "ControlPath=none",
    "ConnectTimeout=20",
    "ExitOnForwardFailure=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PreferredAuthentications=publickey",
    "PermitLocalCommand=no",
    "ServerAliveCountMax=3",
    "ServerAliveInterval=15",
];

/// Most lines of ssh that are remembered: the last say why it ended.
const REMEMBERED: usize = 20;

/// A running ssh.
pub(super) struct Tunnel(Child);

impl Tunnel {
    /// Starts ssh, which may ask its user for things at the terminal.
    pub(super) fn open(way: &Way) -> Result<Self, Problem> {
        let child = command(way).spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Problem::local(
                "there is no ssh on this computer",
                "install it: apt-get install openssh-client, or your system's package of OpenSSH",
            ),
            _ => Problem::local(
                format!("ssh can't be run: {error}"),
                "check your installation of ssh",
            ),
        })?;
        Ok(Self(child))
    }

    /// Passes on what ssh says, and tells once it has ended.
    pub(super) fn listen(&mut self, ended: impl FnOnce(Vec<String>) + Send + 'static) {
        let words = self.0.stderr.take().expect("it was piped, and is taken once");
        thread::spawn(move || {
            let mut said = Vec::new();
            for line in BufReader::new(words).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                said.push(line);
                if !was_stopped(&said) {
                    terminal::say(&escape(&said[said.len() - 1]));
                }
                if said.len() > REMEMBERED {
                    said.remove(0);
                }
            }
            ended(said);
        });
    }

    /// Ends it, and waits for its end.
    pub(super) fn close(mut self) {
        if let Ok(None) = self.0.try_wait() {
            let pid = i32::try_from(self.0.id()).expect("process numbers are below 2^22");
            // Gone meanwhile is as good as ended.
            kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap_or_default();
        }
        self.0.wait().map(drop).unwrap_or_default();
    }
}

fn command(way: &Way) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.args(["-N", "-T"]);
    for option in OPTIONS {
        ssh.args(["-o", option]);
    }
    for port in PORTS {
        ssh.args(["-L", &format!("127.0.0.1:{port}:127.0.0.1:{port}")]);
    }
    if let Some(key) = &way.key {
        ssh.args(["-o", "IdentitiesOnly=yes", "-i"]).arg(key);
    }
    if let Some(port) = way.port {
        ssh.args(["-p", &port.to_string()]);
    }
    ssh.args(["-l", &way.to.user, "--", &way.to.host]);
    ssh.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    ssh
}

/// Whether ssh was ended by the same Ctrl-C as we: its user knows.
pub(super) fn was_stopped(said: &[String]) -> bool {
    said.last().is_some_and(|line| line.contains("Killed by signal"))
}

/// Why there is no tunnel, by the last that ssh said; its own words stand above.
pub(super) fn why(said: &[String], to: &Destination) -> Problem {
    let last = |words: &str| said.iter().rev().any(|line| line.contains(words));
    let host = &to.host;
    let (message, remedy) = if last("Permission denied") {
        (
            format!("{host} does not take your key"),
            "name the key with --key FILE; its public half has to be in pocketai/authorized_keys on the card's \
             first partition (docs/flashing.md), which is read when the device starts",
        )
    } else if last("Host key verification failed") || last("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        (
            format!("{host} is not the device that this computer knows by that name"),
            "after a factory reset or a new card that is right: ssh-keygen -R HOST, and connect again. Otherwise \
             something else answers in its place",
        )
    } else if last("Could not resolve hostname") {
        (
            format!("nothing is known by the name {host}"),
            "check the name, or use the device's address: your router lists it",
        )
    } else if last("administratively prohibited") {
        (
            format!("{host} lets nobody through to a page"),
            "is it a PocketAI device?",
        )
    } else {
        (
            format!("{host} does not answer"),
            "is it switched on, and in the same network? The first start takes some minutes",
        )
    };
    Problem::local(message, remedy)
}

/// Opens the page in the owner's browser; why not, otherwise.
pub(super) fn browse(page: &str) -> Result<(), String> {
    let screens = ["DISPLAY", "WAYLAND_DISPLAY"];
    let has_screen = screens.iter().any(|name| std::env::var_os(name).is_some());
    if OPENER == "xdg-open" && !has_screen {
        return Err("There is no screen here: open the page in a browser yourself.".to_owned());
    }
    let mut opener = Command::new(OPENER);
    opener.arg(page);
    opener
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // In a group of its own: Ctrl-C is not meant for the browser.
    std::os::unix::process::CommandExt::process_group(&mut opener, 0);
    let failed = "No browser could be opened: open the page yourself.";
    let mut child = opener.spawn().map_err(|_| failed.to_owned())?;
    thread::spawn(move || {
        if !child.wait().is_ok_and(|status| status.success()) {
            terminal::say(failed);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Way {
        Way {
            to: "pocketai.local".parse().ok().unwrap(),
            key: Some("/k".into()),
            port: Some(2222),
            print: true,
        }
    }

    #[test]
    fn both_doors_are_reached_and_only_from_this_computer() {
        let command = command(&way());
        let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
        for expected in [
            ["-L", "127.0.0.1:7878:127.0.0.1:7878"],
            ["-L", "127.0.0.1:7879:127.0.0.1:7879"],
            ["-o", "ExitOnForwardFailure=yes"],
            ["-i", "/k"],
            ["-p", "2222"],
            ["-l", "owner"],
            ["--", "pocketai.local"],
        ] {
            assert!(
                words.windows(2).any(|two| two == expected),
                "{expected:?}: {words:?}"
            );
        }
    }

    #[test]
    fn what_ssh_says_becomes_a_remedy() {
        let told = |line: &str| match why(&[line.to_owned()], &way().to) {
            Problem::Local { message, .. } => message,
            _ => panic!("it is on this side"),
        };
        assert!(told("owner@x: Permission denied (publickey).").contains("does not take your key"));
        assert!(told("Host key verification failed.").contains("not the device"));
        assert!(told("ssh: Could not resolve hostname x: Name or service not known").contains("by the name"));
        assert!(told("ssh: connect to host x port 22: Connection refused").contains("does not answer"));
    }
}
