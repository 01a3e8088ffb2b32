//! The button on the device as a second factor: what needs it, and waiting for it.

use std::thread;
use std::time::Duration;

use pocket_core::{Answer, FailureKind, Operation, PressFor, PressStatus};
use serde_json::json;

use crate::arguments::ButtonCommand;
use crate::exit::Problem;
use crate::session::Session;
use crate::{status, terminal};

/// Between one look at the device and the next.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) fn run(session: &mut Session, command: ButtonCommand) -> Result<(), Problem> {
    match command {
        ButtonCommand::Need { what } => need(session, what),
        ButtonCommand::Show => {
            let press = press(session)?;
            let button = match press.button {
                true => "there is a button, and it answers",
                false => "no button of this device answers",
            };
            let text = format!("a press is needed for: {}\n{button}", press.need);
            session.output.print(&json!(press), &text)
        }
    }
}

fn need(session: &mut Session, need: PressFor) -> Result<(), Problem> {
    let passphrase = session
        .passphrases
        .ask("Passphrase, to set what needs the button: ")?;
    let set = Operation::PressSet { need };
    let answer = session.call(set, Some(passphrase), None)?.answer;
    wait(session, &answer)?;
    let now = press(session)?;
    if now.need != need {
        return Err(not_pressed());
    }
    let text = format!("a press is needed for: {need}");
    session.output.print(&json!(now), &text)
}

/// Where the answer says that the button is waited for, waits with it: until it was pressed, or nobody waits any more.
pub(crate) fn wait(session: &mut Session, answer: &Answer) -> Result<(), Problem> {
    let Answer::PressNeeded { seconds } = answer else {
        return Ok(());
    };
    // Whoever reads JSON finds it in the status.
    if !session.output.is_json() {
        terminal::say(&format!(
            "Hold the button on the device for three seconds, within {seconds} seconds. A short press locks the \
             device: that is a no."
        ));
    }
    while press(session)?.waiting.is_some() {
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Nobody has pressed it, or what it confirmed could not be done.
pub(crate) fn not_pressed() -> Problem {
    pocket_core::Failure::new(
        FailureKind::ConsentNeeded,
        "the button on the device was not pressed in time: nothing was done",
        "do it again, and hold the button for three seconds; pocketctl audit show tells what happened",
    )
    .into()
}

fn press(session: &mut Session) -> Result<PressStatus, Problem> {
    let status = status::read(session)?;
    status.press.ok_or_else(|| {
        pocket_core::Failure::new(
            FailureKind::Locked,
            "the vault is locked",
            "open it with `pocketctl unlock`",
        )
        .into()
    })
}
