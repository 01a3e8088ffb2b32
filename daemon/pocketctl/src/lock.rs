//! Opening and closing the vault, and changing what opens it.

use pocket_core::{Credential, Operation};
use serde_json::json;

use crate::arguments::PassphraseCommand;
use crate::exit::Problem;
use crate::session::Session;

pub(crate) fn unlock(session: &mut Session, recovery: bool) -> Result<(), Problem> {
    let (with, prompt) = if recovery {
        (Credential::RecoveryKey, "Recovery key: ")
    } else {
        (Credential::Passphrase, "Passphrase: ")
    };
    let shown = session.passphrases.ask(prompt)?;
    session.call(Operation::Unlock { with }, Some(shown), None)?;
    session.output.print(&json!({"state": "unlocked"}), "unlocked")
}

pub(crate) fn lock(session: &mut Session, all: bool) -> Result<(), Problem> {
    session.ask(Operation::Lock { all })?;
    let text = if all {
        "locked, and every agent is revoked"
    } else {
        "locked"
    };
    session
        .output
        .print(&json!({"state": "locked", "agents_revoked": all}), text)
}

pub(crate) fn passphrase(session: &mut Session, command: PassphraseCommand) -> Result<(), Problem> {
    match command {
        PassphraseCommand::Change => {
            let old = session.passphrases.ask("Passphrase: ")?;
            let new = session.passphrases.ask_new("New passphrase: ")?;
            session.call(Operation::PassphraseChange, Some(old), Some(new))?;
            session
                .output
                .print(&json!({"changed": "passphrase"}), "the passphrase is changed")
        }
    }
}
