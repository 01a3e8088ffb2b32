//! The record of every decision and change.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use pocket_core::audit::{Broken, Entry, Head, Outcome, Standing};
use pocket_core::{ActorRef, Answer, Failure, FailureKind, Operation, OperationKind};
use pocket_crypto::SecretBytes;
use serde_json::{Value, json};

use crate::arguments::AuditCommand;
use crate::entry::moment;
use crate::exit::Problem;
use crate::export::create;
use crate::output::{columns, escape, json_line};
use crate::session::Session;

/// How much of an exported log is sent at a time: 4 MiB, which with one more line, as long at most,
/// stays below what one request may have.
const PIECE: u64 = 4 * 1024 * 1024;

pub(crate) fn run(session: &mut Session, command: AuditCommand) -> Result<(), Problem> {
    match command {
        AuditCommand::Export { file } => export(session, &file),
        AuditCommand::Show { limit, before } => show(session, before, limit),
        AuditCommand::Verify { file } => verify(session, file.as_deref()),
    }
}

fn show(session: &mut Session, before: Option<u64>, limit: u32) -> Result<(), Problem> {
    let entries = read(session, before, limit)?;
    if session.output.is_json() {
        return entries
            .iter()
            .try_for_each(|entry| session.output.print(&json!(entry), ""));
    }
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    session.output.print(&Value::Null, &columns(&rows))
}

fn verify(session: &mut Session, file: Option<&Path>) -> Result<(), Problem> {
    let verdict = match file {
        Some(path) => verify_file(session, path)?,
        None => verdict(session, None)?,
    };
    let entries = verdict.map_err(|broken| {
        let remedy = "someone or something changed it: keep a copy, and find out who had the device";
        Failure::new(FailureKind::Damaged, broken.to_string(), remedy)
    })?;
    let text = format!("the audit log is whole: {entries} entries");
    session
        .output
        .print(&json!({"verified": true, "entries": entries}), &text)
}

/// Sends an exported log a piece at a time.
fn verify_file(session: &mut Session, path: &Path) -> Result<Result<u64, Broken>, Problem> {
    let fail = |error: &io::Error| Problem::file("read", path, error);
    let mut log = BufReader::new(File::open(path).map_err(|error| fail(&error))?);
    in_pieces(&mut log, PIECE, fail, |piece| verdict(session, Some(piece)))
}

/// Asks for one piece after the other. The device keeps nothing between two of them: each says after
/// which entry it begins, and that this is the one with which the piece before ended is seen to here.
fn in_pieces(
    log: &mut impl BufRead,
    size: u64,
    fail: impl Fn(&io::Error) -> Problem,
    mut ask: impl FnMut(SecretBytes) -> Result<Result<u64, Broken>, Problem>,
) -> Result<Result<u64, Broken>, Problem> {
    let mut after = Head::default();
    loop {
        let piece = Piece::read(log, size).map_err(|error| fail(&error))?;
        let verified = match ask(piece.payload(after))? {
            Ok(verified) => verified,
            Err(broken) => return Ok(Err(broken)),
        };
        if !piece.more {
            return Ok(Ok(verified));
        }
        after = piece.head().ok_or_else(Problem::unexpected)?;
        if after.sequence != verified {
            return Err(Problem::unexpected());
        }
    }
}

fn verdict(session: &mut Session, log: Option<SecretBytes>) -> Result<Result<u64, Broken>, Problem> {
    let operation = Operation::AuditVerify {
        exported: log.is_some(),
    };
    match session.call(operation, None, log)?.answer {
        Answer::AuditVerified(verdict) => Ok(verdict),
        _ => Err(Problem::unexpected()),
    }
}

/// Whole lines of an exported log.
struct Piece {
    lines: Vec<u8>,
    /// Where the last of the lines begins.
    last: usize,
    /// Whether more lines follow.
    more: bool,
}

impl Piece {
    /// Reads lines of about `size` bytes together. What is longer than that without the end of a line
    /// is no log; it is cut there, and the device says so.
    fn read(log: &mut impl BufRead, size: u64) -> io::Result<Self> {
        let mut lines = Vec::new();
        let mut last = 0;
        let mut room = size;
        while room > 0 {
            let begin = lines.len();
            let read = log.by_ref().take(size).read_until(b'\n', &mut lines)?;
            if read == 0 {
                break;
            }
            last = begin;
            room = room.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        }
        let more = !log.fill_buf()?.is_empty();
        Ok(Self { lines, last, more })
    }

    /// What the device is sent. That it begins with our own line is what keeps a line of the file from
    /// being taken for it.
    fn payload(&self, after: Head) -> SecretBytes {
        let standing = json_line(&json!(Standing {
            after,
            more: self.more,
        }));
        SecretBytes::new([standing.as_bytes(), b"\n", &self.lines].concat())
    }

    /// Where the log stands after the last line.
    fn head(&self) -> Option<Head> {
        let entry: Entry = serde_json::from_slice(self.lines.get(self.last..)?).ok()?;
        Some(Head::default().after(&[entry]))
    }
}

/// Writes the log from its beginning, a page at a time: an entry's place is its number.
fn export(session: &mut Session, path: &Path) -> Result<(), Problem> {
    let file = create(path)?;
    let written = write(session, path, file);
    if written.is_err() {
        // Half a log would later look like a damaged one.
        fs::remove_file(path).unwrap_or_default();
    }
    let entries = written?;
    let text = format!(
        "{entries} entries written to {}",
        escape(&path.display().to_string())
    );
    session.output.print(
        &json!({"file": path.to_string_lossy(), "entries": entries}),
        &text,
    )
}

fn write(session: &mut Session, path: &Path, file: File) -> Result<u64, Problem> {
    let fail = |error| Problem::file("write", path, &error);
    session.ask(Operation::AuditExport)?;
    let last = newest_export(session)?;
    let mut out = BufWriter::new(file);
    let mut written = 0u64;
    let mut done = 0u64;
    while done < last {
        let page = last.saturating_sub(done).min(u64::from(Operation::MOST_LISTED));
        done = done.saturating_add(page);
        let limit = u32::try_from(page).unwrap_or(Operation::MOST_LISTED);
        let entries = read(session, Some(done.saturating_add(1)), limit)?;
        for entry in entries.iter().rev().filter(|entry| entry.sequence > done - page) {
            writeln!(out, "{}", json_line(&json!(entry))).map_err(fail)?;
            written += 1;
        }
    }
    let file = out.into_inner().map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)?;
    Ok(written)
}

/// The number of the newest entry of an export: our own, which was just recorded. Others may have
/// been recorded since, and a log that ended at one of those would later verify as cut off.
fn newest_export(session: &mut Session) -> Result<u64, Problem> {
    let mut before = None;
    loop {
        let entries = read(session, before, Operation::MOST_LISTED)?;
        let own = entries
            .iter()
            .find(|entry| entry.event.operation == OperationKind::AuditExport);
        if let Some(own) = own {
            return Ok(own.sequence);
        }
        let oldest = entries.last().ok_or_else(Problem::unexpected)?;
        before = Some(oldest.sequence);
    }
}

/// Entries older than `before`, the newest first.
fn read(session: &mut Session, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, Problem> {
    match session.ask(Operation::AuditShow { before, limit })? {
        Answer::Audit(entries) => Ok(entries),
        _ => Err(Problem::unexpected()),
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let event = &entry.event;
    let category = event.category.map(|category| category.name()).unwrap_or_default();
    let what = match event.records.as_slice() {
        [id] if event.count > 1 => format!("{id}  {} bytes", event.count),
        [] if event.count > 0 => event.count.to_string(),
        [] => String::new(),
        [one] => one.to_string(),
        many => format!("{} records", many.len()),
    };
    vec![
        entry.sequence.to_string(),
        moment(event.at),
        actor(event.actor),
        event.operation.name().to_owned(),
        category.to_owned(),
        outcome(event.outcome),
        what,
    ]
}

fn actor(actor: ActorRef) -> String {
    match actor {
        ActorRef::Agent(id) => format!("agent {}", id.to_string().get(..8).unwrap_or_default()),
        ActorRef::Broker => "broker".to_owned(),
        ActorRef::Device => "device".to_owned(),
        ActorRef::Nobody(door) => format!("nobody at {}", word(&json!(door))),
        ActorRef::Owner(door) => format!("owner at {}", word(&json!(door))),
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Asked => "asked the owner".to_owned(),
        Outcome::Allowed => "allowed".to_owned(),
        Outcome::Done => "done".to_owned(),
        Outcome::Failed(kind) => format!("failed: {}", kind.name()),
        Outcome::Refused(refusal) => format!("refused: {}", word(&json!(refusal))),
    }
}

/// The name that JSON has for a variant without fields.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
