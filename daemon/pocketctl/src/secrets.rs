//! Passwords and tokens: set, named, removed; never shown.

use pocket_core::{Answer, Operation};
use pocket_crypto::SecretBytes;
use serde_json::json;

use crate::arguments::SecretCommand;
use crate::entry::moment;
use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::session::Session;
use crate::terminal;

pub(crate) fn run(session: &mut Session, command: SecretCommand) -> Result<(), Problem> {
    match command {
        SecretCommand::Delete { name } => {
            let operation = Operation::SecretDelete { name: name.clone() };
            session.ask(operation)?;
            session
                .output
                .print(&json!({"deleted": name}), &format!("deleted {}", escape(&name)))
        }
        SecretCommand::List => list(session),
        SecretCommand::Set { name, note } => {
            let value = value()?;
            session.call(
                Operation::SecretSet {
                    name: name.clone(),
                    note,
                },
                None,
                Some(value),
            )?;
            session
                .output
                .print(&json!({"set": name}), &format!("set {}", escape(&name)))
        }
    }
}

fn list(session: &mut Session) -> Result<(), Problem> {
    let Answer::Secrets(secrets) = session.ask(Operation::SecretList)? else {
        return Err(Problem::unexpected());
    };
    if !session.output.is_json() {
        let row = |secret: &pocket_core::SecretSummary| {
            vec![escape(&secret.name), moment(secret.updated), escape(&secret.note)]
        };
        let rows: Vec<Vec<String>> = secrets.iter().map(row).collect();
        return session.output.print(&json!(null), &columns(&rows));
    }
    secrets
        .iter()
        .try_for_each(|secret| session.output.print(&json!(secret), ""))
}

/// The value: typed without echo, or all of standard input without one newline at its end.
fn value() -> Result<SecretBytes, Problem> {
    let value = if terminal::is_present() {
        terminal::ask_hidden("Value: ")?
    } else {
        let input = terminal::read_input()?;
        let bytes = input.strip_suffix(b"\n").unwrap_or(&input);
        SecretBytes::new(bytes.strip_suffix(b"\r").unwrap_or(bytes).to_vec())
    };
    if value.is_empty() {
        return Err(Problem::usage(
            "the value is empty",
            "send it on standard input: pocketctl secret set NAME <FILE",
        ));
    }
    Ok(value)
}
