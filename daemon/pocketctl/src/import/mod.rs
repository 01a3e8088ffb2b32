//! Bringing files in: which format each has, what is in it, and off to the device.

mod batch;
mod report;
mod upload;
mod walk;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use indicatif::ProgressBar;
use pocket_core::{Content, NewEntry, Operation, Record};
use pocket_formats::{Format, HEAD_BYTES, Item, MAX_TEXT_BYTES, detect, document, parse};

use self::batch::{Batch, Waiting};
use self::report::{FileReport, Report, Skip};
pub(crate) use self::upload::piece;
use self::upload::upload;
use self::walk::{Found, open, walk};
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::terminal::progress;

/// How much of a document's beginning its description is made from: 1 MiB, all of a short text.
const DESCRIBED: u64 = 1024 * 1024;

pub(crate) fn run(session: &mut Session, paths: &[PathBuf]) -> Result<(), Problem> {
    let walk = walk(paths)?;
    // Locked or not set up is better said before a long read than after it.
    session.ask(Operation::ProfileShow)?;
    let bar = progress(session.output, u64::try_from(walk.found.len()).ok());
    let mut import = Import::new(walk.skipped, &walk.found);
    let outcome = import.all(session, &walk.found, &bar);
    bar.finish_and_clear();
    let told = tell(session, &import.report);
    // What the device said weighs more than that nothing came in, or that nobody reads the summary.
    outcome.and(told)
}

/// One run.
struct Import<'a> {
    batch: Batch,
    report: Report,
    /// Every file of this run, by where it lies.
    by_file: HashMap<PathBuf, &'a Found>,
    /// Files that an export named as a document's bytes: they are no documents of their own.
    claimed: HashSet<PathBuf>,
}

impl<'a> Import<'a> {
    fn new(skipped: Vec<Skip>, found: &'a [Found]) -> Self {
        Self {
            batch: Batch::default(),
            report: Report {
                skipped,
                ..Report::default()
            },
            by_file: found.iter().map(|found| (found.file.clone(), found)).collect(),
            claimed: HashSet::new(),
        }
    }

    /// JSON lines first, since they may name other files as the bytes of their documents; and the
    /// outer ones before the inner, since those bytes may look like JSON lines themselves.
    fn order(&self, found: &'a [Found]) -> Vec<&'a Found> {
        let is_lines = |found: &&Found| {
            found
                .file
                .extension()
                .is_some_and(|extension| extension == "jsonl")
        };
        let (mut lines, others): (Vec<_>, Vec<_>) = found.iter().partition(is_lines);
        lines.sort_by_key(|found| found.file.components().count());
        lines.into_iter().chain(others).collect()
    }

    /// Every file, and then what is left to send.
    fn all(&mut self, session: &mut Session, found: &'a [Found], bar: &ProgressBar) -> Result<(), Problem> {
        for found in self.order(found) {
            bar.set_message(escape(&found.path));
            self.file(session, found)?;
            bar.inc(1);
        }
        self.batch.flush(session, &mut self.report)
    }

    /// One file. Whatever is wrong with it is written down, and the rest goes on; what is wrong with
    /// the device ends the import.
    fn file(&mut self, session: &mut Session, found: &Found) -> Result<(), Problem> {
        if self.claimed.contains(&found.file) {
            return Ok(());
        }
        match read(found) {
            Err(reason) => {
                self.report.skipped.push(Skip::file(&found.shown, reason));
                Ok(())
            }
            Ok(Opened::Document { file, size, head }) => self.document(session, found, file, size, &head),
            Ok(Opened::Text { format, bytes }) => self.text(session, found, format, &bytes),
        }
    }

    fn text(
        &mut self,
        session: &mut Session,
        found: &Found,
        format: Format,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        let parsed = match parse(format, &found.path, bytes) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.report
                    .skipped
                    .push(Skip::file(&found.shown, error.to_string()));
                return Ok(());
            }
        };
        let index = self.open_report(found, format);
        let skipped = parsed.skipped.into_iter();
        self.report.skipped.extend(
            skipped.map(|skipped| Skip::place(&found.shown, skipped.at.to_string(), skipped.why.to_string())),
        );
        for (number, item) in parsed.items.into_iter().enumerate() {
            self.item(session, found, index, number + 1, item)?;
        }
        Ok(())
    }

    fn item(
        &mut self,
        session: &mut Session,
        found: &Found,
        file: usize,
        number: usize,
        item: Item,
    ) -> Result<(), Problem> {
        if let Some(report) = self.report.files.get_mut(file) {
            let remarks = item
                .remarks
                .iter()
                .map(|remark| format!("record {number}: {remark}"));
            report.remarks.extend(remarks);
        }
        let place = format!("record {number}");
        let mut entry = NewEntry {
            id: item.id,
            created: item.created,
            updated: item.updated,
            upload: None,
            content: item.content,
        };
        let Some(name) = item.file else {
            return self
                .batch
                .push(session, &mut self.report, Waiting { file, place, entry });
        };
        match self.claim(found, &name) {
            Ok(bytes) => {
                entry.upload = Some(upload(session, bytes)?);
                self.batch
                    .push(session, &mut self.report, Waiting { file, place, entry })?;
                // The device keeps few unfinished uploads.
                self.batch.flush(session, &mut self.report)
            }
            Err(reason) => {
                self.report.skipped.push(Skip::place(&found.shown, place, reason));
                Ok(())
            }
        }
    }

    /// The file beside `found` that holds a document's bytes. Only one that the walk found will do:
    /// an export's lines may have been written by anyone.
    fn claim(&mut self, found: &Found, name: &str) -> Result<File, String> {
        let file = found
            .file
            .parent()
            .map(|folder| folder.join(name))
            .unwrap_or_default();
        let Some(bytes) = self.by_file.get(&file) else {
            return Err(format!(
                "its bytes are missing: there is no file {name} beside it"
            ));
        };
        let (file, size) = opened(bytes)?;
        small_enough(size)?;
        self.claimed.insert(bytes.file.clone());
        Ok(file)
    }

    fn document(
        &mut self,
        session: &mut Session,
        found: &Found,
        file: File,
        size: u64,
        head: &[u8],
    ) -> Result<(), Problem> {
        let record = Record::Document(document(&found.path, size, head));
        let content = match Content::check(record) {
            Ok(content) => content,
            Err(error) => {
                self.report
                    .skipped
                    .push(Skip::file(&found.shown, error.to_string()));
                return Ok(());
            }
        };
        let index = self.open_report(found, Format::Document);
        let upload = Some(upload(session, file)?);
        let entry = NewEntry {
            id: None,
            created: None,
            updated: None,
            upload,
            content,
        };
        self.batch.push(
            session,
            &mut self.report,
            Waiting {
                file: index,
                place: String::new(),
                entry,
            },
        )?;
        self.batch.flush(session, &mut self.report)
    }

    /// A new line in the report; its index.
    fn open_report(&mut self, found: &Found, format: Format) -> usize {
        let report = FileReport {
            file: found.shown.clone(),
            format,
            imported: 0,
            already_here: 0,
            remarks: Vec::new(),
        };
        self.report.files.push(report);
        self.report.files.len() - 1
    }
}

/// A file that was opened, and read as far as its format needs.
enum Opened {
    Document { file: File, size: u64, head: Vec<u8> },
    Text { format: Format, bytes: Vec<u8> },
}

fn read(found: &Found) -> Result<Opened, String> {
    let (mut file, size) = opened(found)?;
    let mut bytes = Vec::new();
    let most = u64::try_from(MAX_TEXT_BYTES).unwrap_or(u64::MAX);
    read_up_to(&mut file, DESCRIBED, &mut bytes)?;
    let head = bytes.get(..HEAD_BYTES).unwrap_or(&bytes);
    let format = detect(&found.path, head);
    if format == Format::Document {
        small_enough(size)?;
        let file = opened(found)?.0;
        return Ok(Opened::Document {
            file,
            size,
            head: bytes,
        });
    }
    // One byte more than the limit, so that the parser says it.
    read_up_to(
        &mut file,
        most.saturating_sub(DESCRIBED).saturating_add(1),
        &mut bytes,
    )?;
    Ok(Opened::Text { format, bytes })
}

fn opened(found: &Found) -> Result<(File, u64), String> {
    let file = open(&found.file).map_err(|error| format!("it can't be read: {error}"))?;
    let size = file
        .metadata()
        .map_err(|error| format!("it can't be read: {error}"))?
        .len();
    Ok((file, size))
}

fn small_enough(size: u64) -> Result<(), String> {
    if size > Operation::MOST_DOCUMENT {
        return Err("it is larger than 1 GiB".to_owned());
    }
    Ok(())
}

fn read_up_to(file: &mut File, most: u64, bytes: &mut Vec<u8>) -> Result<(), String> {
    let read = file.take(most).read_to_end(bytes);
    read.map(|_| ())
        .map_err(|error| format!("it can't be read: {error}"))
}

/// Prints the summary. Nothing at all came in is a failure; anything else is not.
fn tell(session: &Session, report: &Report) -> Result<(), Problem> {
    session.output.print(&report.to_json(), &report.to_text())?;
    if report.imported() + report.already_here() == 0 {
        return Err(Problem::local(
            "nothing was imported",
            "see the reasons for what was skipped",
        ));
    }
    Ok(())
}
