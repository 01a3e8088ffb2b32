//! How the device is.

use pocket_core::{Answer, BackupLack, BackupStatus, Finding, LockState, Operation, PressFor, Status};
use serde_json::{Value, json};

use crate::entry::moment;
use crate::exit::Problem;
use crate::output::{columns, escape};
use crate::session::Session;
use crate::update;

pub(crate) fn run(session: &mut Session) -> Result<(), Problem> {
    let status = read(session)?;
    session.output.print(&to_json(&status), &to_text(&status))
}

/// The device's status.
pub(crate) fn read(session: &mut Session) -> Result<Box<Status>, Problem> {
    match session.ask(Operation::Status)? {
        Answer::Status(status) => Ok(status),
        _ => Err(Problem::unexpected()),
    }
}

/// Findings as lines for people.
pub(crate) fn findings(findings: &[Finding]) -> String {
    let line = |finding: &Finding| {
        format!(
            "{}: {}\n  {}",
            escape(&finding.what),
            escape(&finding.problem),
            escape(&finding.remedy)
        )
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `state` is always a word; what is damaged stands beside it.
fn to_json(status: &Status) -> Value {
    let mut json = json!(status);
    json["state"] = json!(word(&status.state));
    if let LockState::Damaged { message, remedy } = &status.state {
        json["damage"] = json!({"message": message, "remedy": remedy});
    }
    json
}

const fn word(state: &LockState) -> &'static str {
    match state {
        LockState::Damaged { .. } => "damaged",
        LockState::FirstRun => "first-run",
        LockState::Locked => "locked",
        LockState::Unlocked => "unlocked",
    }
}

fn to_text(status: &Status) -> String {
    let mut rows = vec![row("state", state(&status.state))];
    rows.push(row("version", escape(&status.version)));
    if let Some(update) = &status.update {
        rows.push(row("system", update::runs(update)));
    }
    let until = status
        .profile_until
        .map(|until| format!(" until {}", moment(until)));
    rows.push(row(
        "profile",
        format!("{}{}", status.profile, until.unwrap_or_default()),
    ));
    if let Some(recovery) = recovery(status) {
        rows.push(row("recovery key", recovery));
    }
    if let Some(press) = status.press.filter(|press| press.need != PressFor::Off) {
        rows.push(row("button needed for", press.need.to_string()));
    }
    if !status.device_secret.is_empty() {
        rows.push(row("device secret", escape(&status.device_secret)));
    }
    if status.failed_unlocks > 0 {
        let wait = format!(
            "{}; the next guess may come in {} s",
            status.failed_unlocks, status.wait_seconds
        );
        rows.push(row("wrong passphrases", wait));
    }
    if let Some(proof) = &status.reset {
        let proof = format!(
            "{}: {} old pieces tried {} times, {} opened, {} files left",
            moment(proof.at),
            proof.samples,
            proof.tried,
            proof.opened,
            proof.files_left
        );
        rows.push(row("last reset", proof));
    }
    if let Some(storage) = &status.storage {
        let storage = format!(
            "{} bytes taken, {} free, of which {} must stay so",
            storage.taken, storage.free, storage.needed
        );
        rows.push(row("storage", storage));
        let checked = status.last_check.map_or_else(|| "never".to_owned(), moment);
        rows.push(row("last check", checked));
        let exported = status.last_export.map_or_else(|| "never".to_owned(), moment);
        let unfinished = status
            .unfinished_export
            .map(|at| format!("; begun and not finished: {}", moment(at)));
        rows.push(row("last export", exported + &unfinished.unwrap_or_default()));
    }
    if let Some(backup) = &status.backup {
        rows.push(row("backup", backup_text(backup)));
    }
    for category in &status.categories {
        let kept = category.retention_days.map(|days| format!(", kept {days} days"));
        let deleted = category
            .deleted_since
            .map(|since| format!(", deleted ones not destroyed since {}", moment(since)));
        rows.push(row(
            category.category.name(),
            format!(
                "{} in {} bytes{}{}",
                category.records,
                category.bytes,
                kept.unwrap_or_default(),
                deleted.unwrap_or_default()
            ),
        ));
    }
    let mut text = columns(&rows);
    if !status.findings.is_empty() {
        text = format!("{text}\n\nDamaged:\n{}", findings(&status.findings));
    }
    text
}

/// How the owner's backups are, and what they lack.
fn backup_text(backup: &BackupStatus) -> String {
    let last = backup.last.map_or_else(|| "none yet".to_owned(), moment);
    let tried = backup.drilled.map(|at| format!(", tried {}", moment(at)));
    let unfinished = backup
        .unfinished
        .map(|at| format!("; begun and not finished: {}", moment(at)));
    let lack = backup.lack.map(|lack| match lack {
        BackupLack::NoBackup => "; make one: pocketctl backup create",
        BackupLack::NoKey => "; show the recovery key first: pocketctl unlock --recovery",
        BackupLack::Overdue => {
            "; the schedule wants one: put the stick in, or pocketctl backup keep --scheduled DIR"
        }
        BackupLack::Stale => "; try it again: pocketctl backup drill",
        BackupLack::Unproved => "; it does not protect you before: pocketctl recovery confirm",
        BackupLack::Untried => "; see whether it opens: pocketctl backup drill",
    });
    [
        last,
        tried.unwrap_or_default(),
        unfinished.unwrap_or_default(),
        lack.unwrap_or_default().to_owned(),
    ]
    .concat()
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}

fn state(state: &LockState) -> String {
    match state {
        LockState::Damaged { message, remedy } => {
            format!("damaged: {} ({})", escape(message), escape(remedy))
        }
        LockState::FirstRun => "new: nobody owns it yet (pocketctl setup)".to_owned(),
        LockState::Locked => "locked (pocketctl unlock)".to_owned(),
        LockState::Unlocked => "unlocked".to_owned(),
    }
}

fn recovery(status: &Status) -> Option<String> {
    if let Some((first, second)) = status.recovery_groups {
        return Some(format!(
            "groups {first} and {second} are still to be typed back (pocketctl recovery confirm)"
        ));
    }
    status
        .recovery_confirmed
        .map(|confirmed| if confirmed { "confirmed" } else { "not confirmed" }.to_owned())
}
