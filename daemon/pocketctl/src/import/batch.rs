//! Records on their way to the device, many in one request.

use pocket_core::{Added, Answer, Failure, FailureKind, NewEntry, Operation};

use super::report::{Report, Skip};
use crate::exit::Problem;
use crate::records::MOST_BYTES;
use crate::session::Session;

/// What a record needs beside its texts, at most, in bytes.
const OVERHEAD: usize = 1024;

/// A record, and where it comes from.
pub(super) struct Waiting {
    /// Index of the file in the report.
    pub(super) file: usize,
    /// Where in the file.
    pub(super) place: String,
    pub(super) entry: NewEntry,
}

/// Records that wait to be sent.
#[derive(Default)]
pub(super) struct Batch {
    waiting: Vec<Waiting>,
    bytes: usize,
}

impl Batch {
    /// Takes one more; sends what is there when that makes it too many.
    pub(super) fn push(
        &mut self,
        session: &mut Session,
        report: &mut Report,
        item: Waiting,
    ) -> Result<(), Problem> {
        let mut bytes = OVERHEAD;
        item.entry
            .content
            .record()
            .for_each_text(&mut |text| bytes += text.len());
        if self.waiting.len() == Operation::MOST_ITEMS || self.bytes + bytes > MOST_BYTES {
            self.flush(session, report)?;
        }
        self.bytes += bytes;
        self.waiting.push(item);
        Ok(())
    }

    /// Sends what is there.
    pub(super) fn flush(&mut self, session: &mut Session, report: &mut Report) -> Result<(), Problem> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        match send(session, &waiting) {
            Ok(added) => added
                .into_iter()
                .zip(&waiting)
                .for_each(|(added, item)| note(report, item, added)),
            // One bad record makes the device refuse them all: the good ones get another chance.
            Err(Problem::Failure(failure)) if is_about_one(&failure) => {
                for item in &waiting {
                    match send(session, std::slice::from_ref(item)) {
                        Ok(added) => added.into_iter().for_each(|added| note(report, item, added)),
                        Err(Problem::Failure(failure)) if is_about_one(&failure) => {
                            skip(report, item, &failure.message);
                        }
                        Err(problem) => return Err(problem),
                    }
                }
            }
            Err(problem) => return Err(problem),
        }
        Ok(())
    }
}

/// Whether the failure says something of a record, and not of the device.
const fn is_about_one(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Conflict | FailureKind::Invalid | FailureKind::NotFound | FailureKind::Refused
    )
}

fn send(session: &mut Session, waiting: &[Waiting]) -> Result<Vec<Added>, Problem> {
    let items = waiting.iter().map(|item| item.entry.clone()).collect();
    match session.ask(Operation::Add { items, import: true })? {
        Answer::Added(added) if added.len() == waiting.len() => Ok(added),
        _ => Err(Problem::unexpected()),
    }
}

fn note(report: &mut Report, item: &Waiting, added: Added) {
    let Some(file) = report.files.get_mut(item.file) else {
        return;
    };
    match added {
        Added::AlreadyHere(_) => file.already_here += 1,
        Added::Differs(id) => {
            let reason = format!("record {id} is here and says something else; it was left as it is");
            skip(report, item, &reason);
        }
        Added::New(_) => file.imported += 1,
    }
}

fn skip(report: &mut Report, item: &Waiting, reason: &str) {
    let file = report
        .files
        .get(item.file)
        .map(|file| file.file.clone())
        .unwrap_or_default();
    report.skipped.push(Skip::place(file, item.place.clone(), reason));
}
