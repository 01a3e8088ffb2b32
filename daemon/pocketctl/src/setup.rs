//! Making a new device someone's.

use std::path::PathBuf;

use pocket_core::Operation;
use pocket_crypto::SecretBytes;
use serde_json::json;

use crate::exit::Problem;
use crate::output::escape;
use crate::recovery::{Destination, deliver};
use crate::session::Session;
use crate::terminal;

pub(crate) fn run(
    session: &mut Session,
    code: Option<String>,
    recovery_out: Option<PathBuf>,
) -> Result<(), Problem> {
    let destination = Destination::choose(session, recovery_out)?;
    session.passphrases.check()?;
    let code = match code {
        Some(code) => SecretBytes::new(code.into_bytes()),
        None if terminal::is_present() => {
            let typed =
                terminal::ask("Setup code (the device's console and pocketctl setup-code show it): ")?;
            SecretBytes::new(typed.as_bytes().to_vec())
        }
        // Who may use this socket may read the code from it, too.
        None => read_code(session)?,
    };
    let passphrase = session.passphrases.ask_new("New passphrase: ")?;
    session.hang_up();
    let destination = destination.open()?;
    let reply = session.call(Operation::Setup, Some(passphrase), Some(code));
    deliver(session, destination, reply)
}

pub(crate) fn code(session: &mut Session) -> Result<(), Problem> {
    let code = read_code(session)?;
    let code = code.expose_str().map_err(|_| Problem::unexpected())?;
    session.output.print(&json!({"code": code}), &escape(code))
}

pub(crate) fn read_code(session: &mut Session) -> Result<SecretBytes, Problem> {
    session
        .call(Operation::SetupCode, None, None)?
        .payload
        .ok_or_else(Problem::unexpected)
}
