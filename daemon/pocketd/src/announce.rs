//! What the daemon says on its console.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use pocket_core::{Actor, Answer, Door, LockState, Operation, Status};
use pocket_service::{Handle, Request};

use crate::configuration::{Arguments, Configuration};

/// One line a door, so that programs can read where it listens too.
pub(crate) fn listening(ui: SocketAddr, mcp: SocketAddr, control: &Path) {
    say(&format!(
        "PocketAI {}\nui: http://{ui}/\nmcp: http://{mcp}/mcp\ncontrol: {}",
        env!("CARGO_PKG_VERSION"),
        control.display()
    ));
}

/// Says what to do next: at the start, and whenever the device turns new by a reset.
pub(crate) async fn next_steps(handle: Handle, control: PathBuf) {
    let mut changes = handle.changes();
    let mut was_new = None;
    loop {
        let new = status(&handle)
            .await
            .is_some_and(|status| status.state == LockState::FirstRun);
        match (was_new, new) {
            (None | Some(false), true) => invite(&handle, &control).await,
            (None, false) => say(&format!(
                "Unlock it on the page above, or type: {}",
                ctl(&control, "unlock")
            )),
            _ => {}
        }
        was_new = Some(new);
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn invite(handle: &Handle, control: &Path) {
    if let Some(code) = setup_code(handle).await {
        let command = ctl(control, "setup");
        say(&format!(
            "setup code: {code}\nOpen the page above and type the code, or type: {command}"
        ));
    }
}

/// How the device is, as anyone may know.
pub(crate) async fn status(handle: &Handle) -> Option<Box<Status>> {
    let request = Request::new(Actor::Nobody(Door::Control), Operation::Status);
    match handle.call(request).await.ok()?.answer {
        Answer::Status(status) => Some(status),
        _ => None,
    }
}

async fn setup_code(handle: &Handle) -> Option<String> {
    let actor = Actor::Owner {
        door: Door::Control,
        passphrase_shown: false,
    };
    let reply = handle
        .call(Request::new(actor, Operation::SetupCode))
        .await
        .ok()?;
    reply.payload?.expose_str().map(str::to_owned).ok()
}

/// The command as it must be typed here: from the source tree, from the path, or by its place.
fn ctl(control: &Path, command: &str) -> String {
    let usual = Configuration::read(Arguments::none()).is_ok_and(|usual| usual.control == control);
    let place = if usual {
        String::new()
    } else {
        format!(" --control {}", control.display())
    };
    format!("{}{place} {command}", program())
}

fn program() -> String {
    if std::env::var_os("CARGO").is_some() {
        return "cargo pocketctl".to_owned();
    }
    let on_path = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join("pocketctl").exists()));
    let beside = std::env::current_exe().map(|program| program.with_file_name("pocketctl"));
    match beside {
        Ok(beside) if !on_path && beside.exists() => beside.display().to_string(),
        _ => "pocketctl".to_owned(),
    }
}

/// A failure to start, with its causes, in one piece.
pub(crate) fn failure(error: &dyn std::error::Error) {
    let mut text = format!("pocketd: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("\n  because: {error}"));
        cause = error.source();
    }
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}

/// A console that is gone is no reason to stop.
fn say(text: &str) {
    let mut console = io::stdout().lock();
    writeln!(console, "{text}")
        .and_then(|()| console.flush())
        .unwrap_or_default();
}
