//! The button on the device: a short press locks it; one of about three seconds says yes to what waits for that; ten
//! seconds, and then another press within five, have it reset. It decides nothing: lock and yes are told to
//! pocketd, and the reset is asked of the system, which does it also where pocketd can't start.

mod door;
mod led;
mod press;

use std::error::Error;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use evdev::{Device, EventSummary};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pocket_core::Operation;
use pocket_wire::{Client, SYSTEM_SOCKET};
use tracing::{info, warn};

use crate::door::Door;
use crate::led::{Led, Light};
use crate::press::{Act, Button};

/// Watches a button of the device.
#[derive(Parser)]
#[command(name = "pocket-button", version)]
struct Arguments {
    /// The input device
    #[arg(long, value_name = "PATH")]
    device: PathBuf,
    /// The light that shows what a press has come to, a folder of /sys/class/leds
    #[arg(long, value_name = "DIR")]
    led: Option<PathBuf>,
    /// Only if it is held down now: end with code 0 once a reset was confirmed, with 1 as soon as it can't be
    #[arg(long)]
    at_start: bool,
    /// The file that is made to ask for a reset
    #[arg(long, value_name = "PATH", default_value = "/run/pocket-button/reset")]
    reset: PathBuf,
    /// Where the daemon listens to the button
    #[arg(long, value_name = "PATH", default_value = "/run/pocketai-button/press.sock")]
    press: PathBuf,
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = SYSTEM_SOCKET)]
    control: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .init();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            tracing::error!("{}: {error}", arguments.device.display());
            ExitCode::from(2)
        }
    }
}

/// Watches until the device is gone, or what is asked at the start is known: whether to reset.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let mut device = Device::open(&arguments.device)?;
    device.set_nonblocking(true)?;
    let led = Led::new(arguments.led.clone());
    let mut button = Button::default();
    if arguments.at_start {
        if device.get_key_state()?.iter().next().is_none() {
            return Ok(false);
        }
        act(arguments, &led, button.down(Instant::now()));
    }
    // Before the system has started there is nobody to say yes to.
    let new = || Door::new(arguments.press.clone(), Instant::now());
    let mut door = (!arguments.at_start).then(new);
    loop {
        if let Some(door) = &mut door {
            door.keep(Instant::now());
        }
        wait(&device, door.as_mut(), button.due())?;
        let mut acts = Vec::from_iter(button.wait(Instant::now()));
        acts.extend(pressed(&mut device, &mut button)?);
        for done in acts {
            act(arguments, &led, Some(done));
            if let (Act::Yes, Some(door)) = (done, &mut door) {
                say_yes(door);
            }
            match done {
                Act::Reset if arguments.at_start => return Ok(true),
                Act::Cancel | Act::Lock | Act::Yes if arguments.at_start => return Ok(false),
                _ => {}
            }
        }
    }
}

/// Until something happens, or it is time.
fn wait(device: &Device, door: Option<&mut Door>, due: Option<Instant>) -> io::Result<()> {
    let again = door.as_ref().and_then(|door| door.due());
    let due = due.into_iter().chain(again).min();
    let left = due.map(|due| due.saturating_duration_since(Instant::now()));
    let timeout = match left {
        None => PollTimeout::NONE,
        // Rounded up: a moment too early is a moment of looking again and again.
        Some(left) => PollTimeout::try_from(left.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX),
    };
    let fds = [Some(device.as_fd()), door.as_ref().and_then(|door| door.fd())];
    let mut fds: Vec<PollFd<'_>> = fds
        .into_iter()
        .flatten()
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    match poll(&mut fds, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // What is not asked for is the end.
    let ended = fds.get(1).and_then(PollFd::any).unwrap_or(false);
    if let Some(door) = door.filter(|_| ended) {
        door.lost();
    }
    Ok(())
}

fn say_yes(door: &mut Door) {
    if door.press(Instant::now()) {
        info!("pressed: what waited for it is done");
    } else {
        info!("pressed for three seconds, and nothing waited for that");
    }
}

/// What has been done with it. Any key of the device is its button.
fn pressed(device: &mut Device, button: &mut Button) -> io::Result<Vec<Act>> {
    let events = match device.fetch_events() {
        Ok(events) => events,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let now = Instant::now();
    let acts = events.filter_map(|event| match event.destructure() {
        EventSummary::Key(_, _, 0) => button.up(now),
        EventSummary::Key(_, _, 1) => button.down(now),
        _ => None,
    });
    Ok(acts.collect())
}

fn act(arguments: &Arguments, led: &Led, act: Option<Act>) {
    match act {
        None => {}
        Some(Act::Feel) => led.shine(Light::Steady),
        Some(Act::Arm) => {
            info!("held for ten seconds: another press within five resets the device");
            led.shine(Light::Blink);
        }
        Some(Act::Cancel | Act::Yes) => led.shine(Light::Own),
        Some(Act::Lock) => {
            led.shine(Light::Own);
            if !arguments.at_start {
                lock(&arguments.control);
            }
        }
        Some(Act::Reset) => {
            info!("pressed again: the device is to be reset");
            led.shine(Light::Steady);
            if !arguments.at_start {
                ask_for_reset(&arguments.reset);
            }
        }
    }
}

fn lock(control: &Path) {
    let asked = Client::connect(control)
        .map_err(|error| error.failure())
        .and_then(|mut client| client.call(Operation::Lock { all: false }, None, None));
    match asked {
        Ok(_) => info!("locked"),
        Err(failure) => warn!(reason = failure.message, "the device could not be locked"),
    }
}

/// The system looks for this file, and does the rest.
fn ask_for_reset(path: &Path) {
    let made = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path);
    if let Err(error) = made.and_then(|file| file.sync_all()) {
        warn!(%error, path = %path.display(), "the reset could not be asked for");
    }
}
