//! The way from the owner's computer to a device elsewhere: ssh's tunnel to its page and its agents' door,
//! and the browser in front of it. Nothing here speaks to a device of this computer.

mod page;
mod programs;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use self::page::Knock;
use self::programs::Tunnel;
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::terminal;

/// The page's port and the agents', on the device and here: the page answers to its own name only, and that
/// has the port in it.
const PORTS: [u16; 2] = [7878, 7879];
const PAGE: &str = "http://127.0.0.1:7878/";
const AGENTS: &str = "http://127.0.0.1:7879/mcp";
/// The one user of the image that comes in by ssh.
const OWNER: &str = "owner";
/// How long the page may take once there is a tunnel: the daemon starts within seconds, also on a small board.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between one look at the page and the next.
const PAUSE: Duration = Duration::from_millis(300);

/// How to reach a device.
#[derive(Args)]
pub(crate) struct Way {
    /// Where it is: a name or an address; owner comes in when no user is said
    #[arg(value_name = "[USER@]HOST")]
    to: Destination,
    /// The private key to come in with; ssh's own choice when unsaid
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where its ssh listens; 22 when unsaid, or what ~/.ssh/config says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Print the page's address, and open no browser
    #[arg(long)]
    print: bool,
}

/// Who comes in where.
#[derive(Clone)]
struct Destination {
    user: String,
    host: String,
}

impl FromStr for Destination {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (user, host) = text.rsplit_once('@').unwrap_or((OWNER, text));
        let strange = |c: char| c.is_whitespace() || c.is_control() || "'\"`$\\;&|<>(){}/".contains(c);
        // What begins with a dash would be an option of ssh.
        let is_name = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(strange);
        if is_name(user) && is_name(host) {
            Ok(Self {
                user: user.to_owned(),
                host: host.to_owned(),
            })
        } else {
            Err("write HOST or USER@HOST, such as pocketai.local or owner@192.168.1.20")
        }
    }
}

/// What happens meanwhile.
enum Event {
    /// The page answers.
    Answers,
    /// ssh is there no more; what it said.
    Ended(Vec<String>),
    /// The owner wants it to end.
    Stop,
}

/// Holds the tunnel until the owner ends it, or it breaks.
pub(crate) fn run(session: &Session, way: &Way) -> Result<(), Problem> {
    if session.is_named() {
        return Err(Problem::usage(
            "connect goes to a device elsewhere, and needs no control socket",
            "leave --control and --data-dir out",
        ));
    }
    page::are_free(&PORTS)?;
    let (sender, events) = channel();
    let stopping = stop_on_signals(sender.clone())?;
    let mut tunnel = Tunnel::open(way)?;
    tunnel.listen(move |said| sender.send(Event::Ended(said)).unwrap_or_default());
    let ended = hold(session, way, &events);
    tunnel.close();
    stopping.close();
    ended
}

/// Ctrl-C, the terminal's end, and a service manager's wish end it alike.
fn stop_on_signals(sender: Sender<Event>) -> Result<signal_hook::iterator::Handle, Problem> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| {
        Problem::local(
            format!("can't listen for Ctrl-C: {error}"),
            "run the command again",
        )
    })?;
    let handle = signals.handle();
    thread::spawn(move || {
        for _ in signals.forever() {
            sender.send(Event::Stop).unwrap_or_default();
        }
    });
    Ok(handle)
}

fn hold(session: &Session, way: &Way, events: &Receiver<Event>) -> Result<(), Problem> {
    match await_page(events)? {
        Event::Answers => {}
        Event::Ended(said) => return Err(programs::why(&said, &way.to)),
        Event::Stop => return Ok(()),
    }
    tell(session, way)?;
    match events.recv() {
        Ok(Event::Ended(said)) if !programs::was_stopped(&said) => Err(Problem::local(
            format!("the connection to {} has ended", way.to.host),
            "is the device switched on, and in the same network? Connect again",
        )),
        _ => Ok(()),
    }
}

/// Until the page answers through the tunnel. While there is no tunnel ssh has the say, and may be waiting for
/// its user; from then on the device has.
fn await_page(events: &Receiver<Event>) -> Result<Event, Problem> {
    let mut opened: Option<Instant> = None;
    loop {
        match page::knock(PORTS[0]) {
            Knock::Answers => return Ok(Event::Answers),
            Knock::Silent if opened.is_none() => opened = Some(Instant::now()),
            Knock::Silent | Knock::Shut => {}
        }
        if opened.is_some_and(|opened| opened.elapsed() > PATIENCE) {
            return Err(Problem::local(
                "the device lets you in, but its page does not answer",
                "look what it says: ssh owner@HOST pocketctl status; or start it again",
            ));
        }
        match events.recv_timeout(PAUSE) {
            Ok(event) => return Ok(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Event::Stop),
        }
    }
}

fn tell(session: &Session, way: &Way) -> Result<(), Problem> {
    let host = &way.to.host;
    let text = format!(
        "Connected to {}. Ctrl-C ends it.\n  page    {PAGE}\n  agents  {AGENTS}",
        escape(host)
    );
    let json = json!({"host": host, "user": way.to.user, "page": PAGE, "agents": AGENTS});
    session.output.print(&json, &text)?;
    if !way.print && !session.output.is_json() {
        // The address is printed: whoever has no browser here can type it.
        programs::browse(PAGE).unwrap_or_else(|reason| terminal::say(&reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_never_an_option_of_ssh() {
        let read = |text: &str| text.parse::<Destination>().ok().map(|to| (to.user, to.host));
        let named = |user: &str, host: &str| Some((user.to_owned(), host.to_owned()));
        assert_eq!(read("pocketai.local"), named("owner", "pocketai.local"));
        assert_eq!(read("me@fe80::1%eth0"), named("me", "fe80::1%eth0"));
        for text in [
            "",
            "-oProxyCommand=id",
            "me@-oProxyCommand=id",
            "-l@host",
            "@host",
            "me@",
            "a b",
            "host;id",
            "$(id)",
            "ho\u{1b}st",
            "ssh://host",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
