//! Backups: an age file that the standard tool opens with the recovery key's identity.

mod create;
mod keep;
mod parity;
mod schedule;
mod send;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use indicatif::ProgressBar;
use pocket_core::{
    Answer, BackupFacts, BackupFault, BackupJob, BackupOutside, BackupReport, Failure, FailureKind, Operation,
};
use pocket_crypto::{RecoveryKey, SecretBytes};
use serde_json::{Map, Value, json};

use crate::arguments::{BackupCommand, RecipientCommand};
use crate::entry::moment;
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::status;
use crate::terminal::progress;

/// The program that seals and opens archives, beside this one.
const PROGRAM: &str = "pocket-backup";
/// How an archive's name ends.
const ENDING: &str = "age";
/// Bytes that are read and sent at once.
const PIECE: usize = 512 * 1024;

pub(crate) fn run(session: &mut Session, command: BackupCommand) -> Result<(), Problem> {
    match command {
        BackupCommand::Create { path, parity } => create::run(session, path, parity),
        BackupCommand::Drill { path } => {
            let path = keep::newest(&path)?;
            let report = drill(session, &path)?;
            tell(session, &path, &report)
        }
        BackupCommand::Identity => identity(session),
        BackupCommand::Keep {
            folder,
            days,
            newest,
            scheduled,
        } => match scheduled {
            true => schedule::keep(session, &folder),
            false => keep::run(session, &folder, days, newest),
        },
        BackupCommand::Place { command } => send::place(session, command),
        BackupCommand::Recipient { command } => recipient(session, command),
        BackupCommand::Repair { file, out } => parity::repair(session, &file, out),
        BackupCommand::Restore { file, code } => restore(session, &file, code),
        BackupCommand::Schedule { command } => schedule::run(session, &command),
        BackupCommand::Send { yes } => send::run(session, yes),
        BackupCommand::Verify { file, outside } => verify(session, &file, outside),
    }
}

/// Tries an archive, and keeps the evidence.
fn drill(session: &mut Session, path: &Path) -> Result<Box<BackupReport>, Problem> {
    let file = open(path)?;
    session.ask(Operation::BackupDrill)?;
    match feed(session, file, path) {
        Ok(Answer::Backup(report)) => Ok(report),
        Ok(_) => Err(Problem::unexpected()),
        Err(problem) => Err(parity::hint(problem, path)),
    }
}

fn open(path: &Path) -> Result<File, Problem> {
    File::open(path).map_err(|error| Problem::file("read", path, &error))
}

/// Sends an archive to the device; what came of it.
fn feed(session: &mut Session, mut file: File, path: &Path) -> Result<Answer, Problem> {
    let size = file.metadata().map(|about| about.len()).ok();
    let bar = progress(session.output, size);
    each_piece(&mut file, path, &bar, &mut |piece| {
        Ok(session.client()?.feed(SecretBytes::new(piece.to_vec()))?)
    })?;
    let reply = session.client()?.finish();
    bar.finish_and_clear();
    Ok(reply?.answer)
}

fn each_piece(
    file: &mut File,
    path: &Path,
    bar: &ProgressBar,
    take: &mut dyn FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = file
            .read(&mut piece)
            .map_err(|error| Problem::file("read", path, &error))?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        take(bytes)?;
        bar.inc(u64::try_from(read).unwrap_or(0));
    }
}

/// What an archive proved to be.
fn tell(session: &Session, path: &Path, report: &BackupReport) -> Result<(), Problem> {
    session
        .output
        .print(&to_json(path, report), &in_words(path, report))
}

fn in_words(path: &Path, report: &BackupReport) -> String {
    let BackupFacts { made, device, .. } = &report.facts;
    format!(
        "{} is whole: {} records, {} files of documents and {} entries of the audit log, made {} on device {}",
        escape(&path.display().to_string()),
        report.facts.records(),
        report.files,
        report.facts.audit.sequence,
        moment(*made),
        escape(device.get(..8).unwrap_or_default()),
    )
}

fn to_json(path: &Path, report: &BackupReport) -> Value {
    let facts = &report.facts;
    let counts: Map<_, _> = facts
        .counts
        .iter()
        .map(|(category, count)| (category.name().to_owned(), json!(count)))
        .collect();
    json!({
        "file": path.to_string_lossy(), "whole": true, "records": facts.records(), "categories": counts,
        "files": report.files, "bytes": report.bytes, "audit": facts.audit, "made": facts.made,
        "device": facts.device, "epoch": facts.epoch, "version": facts.version, "manifest": report.manifest,
    })
}

/// Prints what `age -d -i FILE` takes.
fn identity(session: &mut Session) -> Result<(), Problem> {
    let recovery = recovery_key(session)?;
    let (mut child, mut input) = start()?;
    let identity = recovery.backup_identity();
    send(&mut input, &BackupJob::Name, &[identity.expose_bytes()])?;
    drop(input);
    let answer = SecretBytes::new(answer(&mut child)?);
    let text = answer.expose_str().map_err(|_| Problem::unexpected())?;
    let mut lines = text.lines();
    let recipient = lines
        .next()
        .and_then(|line| line.strip_prefix("# public key: "))
        .unwrap_or_default();
    let json = json!({"recipient": recipient, "identity": lines.next().unwrap_or_default()});
    session.output.print(&json, text.trim_end())
}

fn recovery_key(session: &mut Session) -> Result<RecoveryKey, Problem> {
    let typed = session.passphrases.ask("Recovery key: ")?;
    let text = typed.expose_str().unwrap_or_default();
    RecoveryKey::parse(text).map_err(|error| {
        Problem::usage(
            error.to_string(),
            "type all eight groups as they stand on your paper",
        )
    })
}

fn recipient(session: &mut Session, command: RecipientCommand) -> Result<(), Problem> {
    match command {
        RecipientCommand::Add { recipient } => {
            let passphrase = session.passphrases.ask("Passphrase: ")?;
            let json = json!({"added": recipient});
            let text =
                "the next backups are sealed to it as well: whoever has its key reads all that is in them";
            session.call(
                Operation::BackupRecipientAdd { recipient },
                Some(passphrase),
                None,
            )?;
            session.output.print(&json, text)
        }
        RecipientCommand::List => {
            let backup = status::read(session)?.backup;
            let backup = backup.ok_or_else(locked)?;
            let each = |recipient: &String| {
                session
                    .output
                    .print(&json!({"recipient": recipient}), &escape(recipient))
            };
            backup.recipients.iter().try_for_each(each)
        }
        RecipientCommand::Remove { recipient } => {
            let json = json!({"removed": recipient});
            session.ask(Operation::BackupRecipientRemove { recipient })?;
            session.output.print(
                &json,
                "the next backups are not sealed to it; those that are there stay so",
            )
        }
    }
}

fn locked() -> Problem {
    Failure::new(
        FailureKind::Locked,
        "the vault is locked",
        "unlock it: pocketctl unlock",
    )
    .into()
}

/// Without the device: only the archive, and the recovery key if it is at hand.
fn verify(session: &mut Session, path: &Path, outside: bool) -> Result<(), Problem> {
    let file = open(path)?;
    if outside {
        let seen = inspect(session, file, path)?;
        let told = parity::told(path)?;
        let json = json!({
            "file": path.to_string_lossy(), "whole": Value::Null, "recipients": seen.recipients,
            "bytes": seen.bytes, "sha256": seen.sha256, "as_written": told.as_written,
            "parity_bad": told.parity_bad,
        });
        let text = format!(
            "{} is an age file of {} bytes, sealed to {} keys; its SHA-256 is\n{}\n{}\n\
             Without the recovery key nobody can tell more: not whether it was whole, and not what is in it.",
            escape(&path.display().to_string()),
            seen.bytes,
            seen.recipients,
            seen.sha256,
            parity::in_words(told),
        );
        session.output.print(&json, &text)?;
        return match told.as_written {
            Some(false) => Err(Problem::No),
            _ => Ok(()),
        };
    }
    let recovery = recovery_key(session)?;
    let report = examine(session, file, path, &recovery)?;
    let told = parity::told(path);
    let mut json = to_json(path, &report);
    json["parity_bad"] = json!(told.as_ref().ok().and_then(|told| told.parity_bad));
    let mut text = in_words(path, &report);
    if let Ok(told) = &told {
        text.push('\n');
        text.push_str(parity::in_words(*told));
    }
    session.output.print(&json, &text)?;
    told.map(drop)
}

fn inspect(session: &Session, file: File, path: &Path) -> Result<BackupOutside, Problem> {
    let (child, mut input) = start()?;
    send(&mut input, &BackupJob::Inspect, &[])?;
    postcard::from_bytes(&through(session, child, input, file, path)?).map_err(|_| Problem::unexpected())
}

/// Opens an archive to its end.
fn examine(
    session: &Session,
    file: File,
    path: &Path,
    recovery: &RecoveryKey,
) -> Result<BackupReport, Problem> {
    let (child, mut input) = start()?;
    let (identity, vouching) = (recovery.backup_identity(), recovery.backup_vouching());
    let keys = [identity.expose_bytes(), vouching.expose_bytes()];
    send(&mut input, &BackupJob::Verify, &keys)?;
    let report = through(session, child, input, file, path).map_err(|problem| parity::hint(problem, path))?;
    postcard::from_bytes(&report).map_err(|_| Problem::unexpected())
}

/// Pours a file through the program; the body of the one frame that it answers.
fn through(
    session: &Session,
    mut child: Child,
    mut input: impl Write,
    mut file: File,
    path: &Path,
) -> Result<Vec<u8>, Problem> {
    let bar = progress(session.output, file.metadata().map(|about| about.len()).ok());
    let mut listens = true;
    each_piece(&mut file, path, &bar, &mut |piece| {
        // One that reads no more says why by how it ends.
        listens = listens && input.write_all(piece).is_ok();
        Ok(())
    })?;
    drop(input);
    bar.finish_and_clear();
    let mut answer = answer(&mut child)?;
    Ok(answer.split_off(answer.len().min(4)))
}

/// Verifies the archive, then has the new device made of it.
fn restore(session: &mut Session, path: &Path, code: Option<String>) -> Result<(), Problem> {
    session.passphrases.check()?;
    let state = status::read(session)?.state;
    if state != pocket_core::LockState::FirstRun {
        return Err(Failure::new(
            FailureKind::Conflict,
            "this device has an owner already: a backup is brought back to a new one only",
            "use a new device; or, to give up what is on this one: pocketctl factory-reset",
        )
        .into());
    }
    let code = match code {
        Some(code) => code.into_bytes(),
        None => crate::setup::read_code(session)?.expose_bytes().to_vec(),
    };
    session.hang_up();
    let recovery = recovery_key(session)?;
    let report = examine(session, open(path)?, path, &recovery)?;
    let passphrase = session.passphrases.ask_new("New passphrase: ")?;
    let key = recovery.to_text();
    let payload = SecretBytes::new([code.as_slice(), b"\n", key.expose_bytes()].concat());
    session.call(Operation::BackupRestore, Some(passphrase), Some(payload))?;
    feed(session, open(path)?, path)?;
    let text = format!(
        "{} records of {} are back, with their ids and times. The recovery key stays the same, and the\n\
         passphrase is the one that you have just chosen. Leases and consents of before are void.\n\
         Agents need a new token each: pocketctl agent rotate NAME. Recipients besides you are as they\n\
         were: pocketctl backup recipient list",
        report.facts.records(),
        moment(report.facts.made),
    );
    let mut json = to_json(path, &report);
    json["restored"] = json!(true);
    session.output.print(&json, &text)
}

fn start() -> Result<(Child, std::process::ChildStdin), Problem> {
    let program = std::env::current_exe().map(|own| own.with_file_name(PROGRAM));
    let missing = || {
        Problem::local(
            format!("the program {PROGRAM} is not beside pocketctl"),
            "install both from the same release",
        )
    };
    let program = program.map_err(|_| missing())?;
    let mut child = Command::new(program)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| missing())?;
    let input = child.stdin.take().ok_or_else(missing)?;
    Ok((child, input))
}

/// The first frame: the job, and keys behind it.
fn send(input: &mut impl Write, job: &BackupJob, keys: &[&[u8; 32]]) -> Result<(), Problem> {
    let head = postcard::to_stdvec(job).map_err(|_| Problem::unexpected())?;
    let length = head.len().saturating_add(keys.len().saturating_mul(32));
    let length = u32::try_from(length).map_err(|_| Problem::unexpected())?;
    let mut body = zeroize::Zeroizing::new([length.to_le_bytes().as_slice(), &head].concat());
    keys.iter().for_each(|key| body.extend_from_slice(key.as_slice()));
    // One that is gone already says why by how it ended.
    input.write_all(&body).unwrap_or_default();
    Ok(())
}

fn answer(child: &mut Child) -> Result<Vec<u8>, Problem> {
    let mut answer = Vec::new();
    if let Some(output) = &mut child.stdout {
        output
            .read_to_end(&mut answer)
            .map_err(|_| Problem::unexpected())?;
    }
    let status = child.wait().map_err(|_| Problem::unexpected())?;
    if status.success() {
        return Ok(answer);
    }
    Err(not_good(BackupFault::of_code(status.code().unwrap_or_default())))
}

fn not_good(fault: BackupFault) -> Problem {
    let (kind, remedy) = match fault {
        BackupFault::Newer => (FailureKind::Newer, "update the software"),
        BackupFault::WrongKey => (
            FailureKind::WrongCredential,
            "type the recovery key that the device had when the backup was made",
        ),
        BackupFault::Broke | BackupFault::Unsafe => (FailureKind::Unavailable, "try it on another machine"),
        _ => (FailureKind::Damaged, "use another copy of it, or an older one"),
    };
    Failure::new(kind, format!("the backup is not good: {fault}"), remedy).into()
}
