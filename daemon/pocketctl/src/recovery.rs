//! The recovery key: handing it over once, and having two groups of it typed back.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use pocket_core::{Answer, FailureKind, Operation};
use pocket_crypto::SecretBytes;
use pocket_wire::Reply;
use serde_json::json;

use crate::arguments::RecoveryCommand;
use crate::exit::Problem;
use crate::export::create;
use crate::output::escape;
use crate::session::Session;
use crate::status;
use crate::terminal;

const TRIES: u32 = 3;

/// Where a recovery key shall go.
pub(crate) enum Destination {
    File(PathBuf),
    Screen,
}

impl Destination {
    /// The file that was named, or the screen where someone sits before it.
    pub(crate) fn choose(session: &Session, file: Option<PathBuf>) -> Result<Self, Problem> {
        match file {
            Some(path) => Ok(Self::File(path)),
            None if terminal::is_present() && !session.output.is_json() => Ok(Self::Screen),
            None => Err(Problem::usage(
                "the recovery key would be lost: it is shown once, and nobody sits at a terminal to write it down",
                "name a file for it: --recovery-out FILE",
            )),
        }
    }

    /// Makes the file before there is a key, so that a bad name costs no key.
    pub(crate) fn open(self) -> Result<OpenDestination, Problem> {
        match self {
            Self::File(path) => create(&path).map(|file| OpenDestination::File { path, file }),
            Self::Screen => Ok(OpenDestination::Screen),
        }
    }
}

/// A place that is ready to take a recovery key.
pub(crate) enum OpenDestination {
    File { path: PathBuf, file: File },
    Screen,
}

/// Takes the device's reply to a setup or to a request for a new key, and hands the key over.
pub(crate) fn deliver(
    session: &mut Session,
    destination: OpenDestination,
    reply: Result<Reply, Problem>,
) -> Result<(), Problem> {
    let unpacked = reply.and_then(|reply| match (reply.answer, reply.payload) {
        (Answer::SetUp { groups }, Some(key)) => Ok((groups, key)),
        _ => Err(Problem::unexpected()),
    });
    match (destination, unpacked) {
        (OpenDestination::Screen, Err(problem)) => Err(problem),
        (OpenDestination::Screen, Ok((groups, key))) => show(session, groups, &key),
        (OpenDestination::File { path, file }, Err(problem)) => {
            drop(file);
            // It is ours and empty; if it stays, the next run names it.
            fs::remove_file(&path).unwrap_or_default();
            Err(problem)
        }
        (OpenDestination::File { path, file }, Ok((groups, key))) => write(session, path, file, groups, &key),
    }
}

pub(crate) fn run(session: &mut Session, command: RecoveryCommand) -> Result<(), Problem> {
    match command {
        RecoveryCommand::Confirm => confirm(session),
        RecoveryCommand::New { recovery_out } => {
            let destination = Destination::choose(session, recovery_out)?;
            let passphrase = session.passphrases.ask("Passphrase: ")?;
            let destination = destination.open()?;
            let reply = session.call(Operation::RecoveryNew, Some(passphrase), None);
            deliver(session, destination, reply)
        }
    }
}

fn write(
    session: &Session,
    path: PathBuf,
    mut file: File,
    groups: (u8, u8),
    key: &SecretBytes,
) -> Result<(), Problem> {
    let written = file
        .write_all(key.expose_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        let message = format!(
            "the device is set, but the recovery key is lost: can't write {}: {error}",
            path.display()
        );
        Problem::local(
            message,
            "make room, then make another key: pocketctl recovery new --recovery-out FILE",
        )
    })?;
    let json = json!({"recovery_out": path.to_string_lossy(), "recovery_groups": groups, "recovery_confirmed": false});
    let text = format!(
        "The recovery key is in {}. Put it on paper, away from the device, and remove the file.\n\
         Then type groups {} and {} of it back: pocketctl recovery confirm",
        escape(&path.display().to_string()),
        groups.0,
        groups.1,
    );
    session.output.print(&json, &text)
}

fn show(session: &mut Session, groups: (u8, u8), key: &SecretBytes) -> Result<(), Problem> {
    let key = key.expose_str().map_err(|_| Problem::unexpected())?;
    session.output.remark(&format!(
        "This is the recovery key. It opens the vault when the passphrase is forgotten, and it is shown\n\
         only this once: write it down on paper, and keep the paper away from the device.\n\n    {}\n",
        escape(key)
    ))?;
    session.hang_up();
    if type_back(session, groups)? {
        return session.output.remark("The recovery key is confirmed.");
    }
    session
        .output
        .remark("The recovery key was not typed back. Do it later: pocketctl recovery confirm")
}

fn confirm(session: &mut Session) -> Result<(), Problem> {
    let status = status::read(session)?;
    let Some(groups) = status.recovery_groups else {
        if status.recovery_confirmed == Some(true) {
            return session.output.print(
                &json!({"recovery_confirmed": true}),
                "the recovery key is confirmed already",
            );
        }
        // Locked or new: the device says which, and what to do.
        session.ask(Operation::RecoveryConfirm)?;
        return Err(Problem::unexpected());
    };
    let confirmed = if terminal::is_present() {
        type_back(session, groups)?
    } else {
        pipe_back(session, groups)?
    };
    if confirmed {
        return session.output.print(
            &json!({"recovery_confirmed": true}),
            "the recovery key is confirmed",
        );
    }
    Err(Problem::local(
        "the groups do not match the recovery key",
        "compare with the paper, or make a new key: pocketctl recovery new",
    ))
}

/// Has the two groups typed, three times at most; whether they were right.
fn type_back(session: &mut Session, groups: (u8, u8)) -> Result<bool, Problem> {
    for _ in 0..TRIES {
        let first = terminal::ask(&format!("Type group {} of the recovery key: ", groups.0))?;
        let second = terminal::ask(&format!("Type group {} of the recovery key: ", groups.1))?;
        session.hang_up();
        if check(session, &first, &second)? {
            return Ok(true);
        }
        terminal::say("That does not match.");
    }
    Ok(false)
}

/// Takes the two groups from standard input.
fn pipe_back(session: &mut Session, groups: (u8, u8)) -> Result<bool, Problem> {
    let input = terminal::read_input()?;
    let text = std::str::from_utf8(&input).unwrap_or_default();
    let typed: Vec<&str> = text.split_whitespace().collect();
    let [first, second] = typed.as_slice() else {
        return Err(Problem::usage(
            format!(
                "standard input holds {} words, not two groups of the recovery key",
                typed.len()
            ),
            format!("send groups {} and {}, with a space between", groups.0, groups.1),
        ));
    };
    check(session, first, second)
}

fn check(session: &mut Session, first: &str, second: &str) -> Result<bool, Problem> {
    let typed = SecretBytes::new([first, " ", second].concat().into_bytes());
    match session.call(Operation::RecoveryConfirm, None, Some(typed)) {
        Ok(_) => Ok(true),
        Err(Problem::Failure(failure)) if failure.kind == FailureKind::WrongCredential => Ok(false),
        Err(problem) => Err(problem),
    }
}
