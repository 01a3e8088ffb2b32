//! Bringing in what other programs wrote. A stranger's file is read by the reader; what comes back is
//! lines of records, and a file that holds none is kept as a document.

use askama::Template;
use axum::extract::State;
use axum::extract::multipart::{Field, Multipart};
use axum::http::HeaderMap;
use axum::response::Response;
use pocket_core::{
    Added, Answer, Content, Failure, FailureKind, FileHead, NewEntry, Operation, ReaderJob, Record,
    Unreadable,
};
use pocket_formats::{ImportLine, Item};
use pocket_service::ReadError;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::upload::{Pieces, broken_off, file_name, invalid, proven};
use crate::pages::viewing::why;
use crate::present::{Shell, counted_plain, length, page, page_after};
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// How much of a file's beginning tells what it is, in bytes: as much as `pocketctl import` looks at.
const DESCRIBED: usize = 1024 * 1024;
/// Bytes of text in one request to the engine, about: 1 MiB.
const MOST_BATCH: usize = 1024 * 1024;
/// Most files in one form.
const MOST_FILES: usize = 256;
/// Lines about one file in the report, at most.
const MOST_LINES: usize = 20;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
    /// Whether files can be read here.
    reader: bool,
}

#[derive(Template)]
#[template(path = "import_done.html")]
struct DonePage {
    shell: Shell,
    sum: String,
    files: Vec<FileReport>,
}

/// What became of one file.
#[derive(Default)]
struct FileReport {
    name: String,
    /// What came in and what was here already, in words.
    sum: String,
    new: u64,
    already: u64,
    /// What was left out and why; what the owner should know.
    lines: Vec<String>,
    /// More of those than are shown.
    more: usize,
}

impl FileReport {
    fn tell(&mut self, line: String) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(line);
        } else {
            self.more += 1;
        }
    }

    fn note(&mut self, t: &Words, added: Added) {
        match added {
            Added::AlreadyHere(_) => self.already += 1,
            Added::Differs(id) => self.tell(fill(t.import_differs, &[&id.to_string()])),
            Added::New(_) => self.new += 1,
        }
    }

    fn sum_up(&mut self, t: &Words) {
        let (new, already) = (
            counted_plain(t, self.new, t.n_imported),
            counted_plain(t, self.already, t.n_already_here),
        );
        self.sum = match (self.new, self.already) {
            (0, 0) => t.nothing_imported.to_owned(),
            (_, 0) => new,
            (0, _) => already,
            _ => format!("{new}, {already}"),
        };
    }
}

/// Asks for files.
pub(crate) async fn show(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    page(&import_page(&door, &owner))
}

fn import_page(door: &Door, owner: &Owner) -> ImportPage {
    ImportPage {
        shell: Shell::new(owner, owner.look.words().import_title, "/device"),
        reader: door.reader().is_installed(),
    }
}

/// Takes them in, one after the other, and says what became of each.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    if !proven(&door, t, &headers, &mut form).await? {
        return Err(Trouble::StaleForm(None));
    }
    let mut files = Vec::new();
    match take(&door, t, form, &mut files).await {
        Ok(()) => done(&owner, files),
        Err(failure) => {
            let mut form = import_page(&door, &owner);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

fn done(owner: &Owner, mut files: Vec<FileReport>) -> Result<Response, Trouble> {
    let t = owner.look.words();
    files.iter_mut().for_each(|file| file.sum_up(t));
    let mut all = FileReport {
        new: files.iter().map(|file| file.new).sum(),
        already: files.iter().map(|file| file.already).sum(),
        ..FileReport::default()
    };
    all.sum_up(t);
    page(&DonePage {
        shell: Shell::new(owner, t.import_done, "/device"),
        sum: all.sum,
        files,
    })
}

async fn take(
    door: &Door,
    t: &Words,
    mut form: Multipart,
    files: &mut Vec<FileReport>,
) -> Result<(), Failure> {
    while let Some(field) = form.next_field().await.map_err(|_| broken_off(t))? {
        if field.file_name().is_none_or(str::is_empty) {
            continue;
        }
        if files.len() == MOST_FILES {
            return Err(invalid(t.too_many_files, t.too_many_files_do));
        }
        let mut report = FileReport {
            name: file_name(field.file_name().unwrap_or_default()),
            ..FileReport::default()
        };
        let mut file = Incoming::new(field);
        match bring_in(door, t, &mut file, &mut report).await {
            Ok(()) => {}
            // Something is wrong with this file alone: the others go on.
            Err(ReadError::Unreadable(reason)) => report.tell(why(t, reason).to_owned()),
            Err(error) => return Err(error.into_failure()),
        }
        file.pass_by(t).await?;
        files.push(report);
    }
    if files.is_empty() {
        return Err(invalid(t.no_file, t.no_file_do));
    }
    Ok(())
}

/// A file on its way in: its beginning, and what of it has not come yet.
struct Incoming<'a> {
    head: Vec<u8>,
    field: Field<'a>,
    ended: bool,
}

impl<'a> Incoming<'a> {
    const fn new(field: Field<'a>) -> Self {
        Self {
            head: Vec::new(),
            field,
            ended: false,
        }
    }

    async fn next(&mut self, t: &Words) -> Result<Option<axum::body::Bytes>, Failure> {
        let next = self.field.chunk().await.map_err(|_| broken_off(t))?;
        self.ended = next.is_none();
        Ok(next)
    }

    /// Waits for the beginning.
    async fn begin(&mut self, t: &Words) -> Result<(), Failure> {
        while self.head.len() < DESCRIBED {
            match self.next(t).await? {
                Some(bytes) => self.head.extend_from_slice(&bytes),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// What no one wants of it: the next file comes behind it.
    async fn pass_by(&mut self, t: &Words) -> Result<(), Failure> {
        while !self.ended {
            self.next(t).await?;
        }
        Ok(())
    }
}

async fn bring_in(
    door: &Door,
    t: &Words,
    file: &mut Incoming<'_>,
    report: &mut FileReport,
) -> Result<(), ReadError> {
    file.begin(t).await?;
    let described = file.head.get(..DESCRIBED).unwrap_or(&file.head);
    // Of a longer file only this is known yet: that it is longer than its beginning.
    let size = length(described.len()).saturating_add(u64::from(!file.ended));
    let mut reader = door
        .reader()
        .begin(FileHead {
            job: ReaderJob::Describe,
            name: report.name.clone(),
            media_type: String::new(),
            size,
        })
        .await?;
    reader.feed(described).await;
    let answer = reader.finish().await?;
    match ImportLine::read(&answer) {
        Some(ImportLine::Document(document)) => {
            let content = Content::check(Record::Document(document));
            let content = content.map_err(|_| Unreadable::Broke)?;
            keep(door, t, file, content, report).await
        }
        Some(ImportLine::Records(_)) => records(door, t, file, report).await,
        _ => Err(Unreadable::Broke.into()),
    }
}

/// A file that is kept as it is.
async fn keep(
    door: &Door,
    t: &Words,
    file: &mut Incoming<'_>,
    content: Content,
    report: &mut FileReport,
) -> Result<(), ReadError> {
    let mut pieces = Pieces::begin(door).await?;
    pieces.push(door, t, &std::mem::take(&mut file.head)).await?;
    while let Some(bytes) = file.next(t).await? {
        pieces.push(door, t, &bytes).await?;
    }
    let item = NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: Some(pieces.finish(door).await?),
        content,
    };
    for added in add(door, vec![item]).await? {
        report.note(t, added);
    }
    Ok(())
}

/// A file that holds records.
async fn records(
    door: &Door,
    t: &Words,
    file: &mut Incoming<'_>,
    report: &mut FileReport,
) -> Result<(), ReadError> {
    let head = FileHead {
        job: ReaderJob::Import,
        name: report.name.clone(),
        media_type: String::new(),
        size: length(file.head.len()),
    };
    let mut reader = door.reader().begin(head).await?;
    let mut wanted = reader.feed(&std::mem::take(&mut file.head)).await;
    while wanted && let Some(bytes) = file.next(t).await? {
        wanted = reader.feed(&bytes).await;
    }
    let answer = reader.finish().await?;
    let (mut batch, mut bytes, mut number) = (Vec::new(), 0, 0);
    for line in answer
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        match ImportLine::read(line).ok_or(Unreadable::Broke)? {
            ImportLine::Item(item) => {
                number += 1;
                let Some(item) = accepted(t, *item, number, report) else {
                    continue;
                };
                if batch.len() == Operation::MOST_ITEMS || bytes + line.len() > MOST_BATCH {
                    send(door, t, std::mem::take(&mut batch), report).await?;
                    bytes = 0;
                }
                bytes += line.len();
                batch.push(item);
            }
            ImportLine::Skipped(skipped) => report.tell(format!("{}: {}", skipped.place, skipped.reason)),
            ImportLine::Failed(reason) => report.tell(reason),
            ImportLine::Document(_) | ImportLine::Records(_) => return Err(Unreadable::Broke.into()),
        }
    }
    send(door, t, batch, report).await?;
    Ok(())
}

/// A record to add; those of an export whose bytes lie in other files need all of them at once.
fn accepted(t: &Words, item: Item, number: u64, report: &mut FileReport) -> Option<NewEntry> {
    let place = fill(t.import_place, &[&number.to_string()]);
    if item.file.is_some() {
        report.tell(format!("{place}: {}", t.import_bytes_apart));
        return None;
    }
    if let Some(note) = item.note {
        report.tell(format!("{place}: {note}"));
    }
    Some(NewEntry {
        id: item.id,
        created: item.created,
        updated: item.updated,
        upload: None,
        content: item.content,
    })
}

/// Adds records together; if the device refuses them for one, each gets a chance of its own.
async fn send(door: &Door, t: &Words, batch: Vec<NewEntry>, report: &mut FileReport) -> Result<(), Failure> {
    if batch.is_empty() {
        return Ok(());
    }
    match add(door, batch.clone()).await {
        Ok(all) => all.into_iter().for_each(|added| report.note(t, added)),
        Err(failure) if is_about_one(&failure) => {
            for item in batch {
                match add(door, vec![item]).await {
                    Ok(one) => one.into_iter().for_each(|added| report.note(t, added)),
                    Err(failure) if is_about_one(&failure) => report.tell(failure.message),
                    Err(failure) => return Err(failure),
                }
            }
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// Whether the failure says something of a record, and not of the device.
const fn is_about_one(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Conflict | FailureKind::Invalid | FailureKind::NotFound | FailureKind::Refused
    )
}

async fn add(door: &Door, items: Vec<NewEntry>) -> Result<Vec<Added>, Failure> {
    match door.ask(Operation::Add { items, import: true }).await?.answer {
        Answer::Added(added) => Ok(added),
        _ => Err(unexpected()),
    }
}
