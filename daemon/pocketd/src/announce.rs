//! What the daemon says on its console.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use pocket_core::{Actor, Answer, Door, LockState, Operation, Status};
use pocket_service::{Handle, Request};

/// One line a door, so that programs can read where it listens too.
pub(crate) fn listening(ui: SocketAddr, mcp: SocketAddr, control: &Path) {
    say(&format!(
        "PocketAI {}\nui: http://{ui}/\nmcp: http://{mcp}/mcp\ncontrol: {}",
        env!("CARGO_PKG_VERSION"),
        control.display()
    ));
}

/// Says what to do next: at the start, and whenever the device turns new by a reset.
pub(crate) async fn setup_codes(handle: Handle) {
    let mut changes = handle.changes();
    let mut was_new = None;
    loop {
        let new = status(&handle)
            .await
            .is_some_and(|status| status.state == LockState::FirstRun);
        match (was_new, new) {
            (None | Some(false), true) => invite(&handle).await,
            (None, false) => say(&format!(
                "Unlock it on the page above, or type: {}",
                ctl("unlock")
            )),
            _ => {}
        }
        was_new = Some(new);
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn invite(handle: &Handle) {
    if let Some(code) = setup_code(handle).await {
        let command = ctl("setup");
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

/// The command as it must be typed: from the source tree, or installed.
fn ctl(command: &str) -> String {
    let beside = std::env::current_exe().is_ok_and(|program| program.with_file_name("pocketctl").exists());
    let from_source = std::env::var_os("CARGO").is_some();
    if from_source && !beside {
        format!("cargo pocketctl {command}")
    } else {
        format!("pocketctl {command}")
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
