//! A file on its way in: to the reader, and what the reader makes of it to the engine. What is held of it
//! at one time is a batch of records and a piece of a file, about 1 MiB each.

use pocket_core::{
    Added, Answer, Content, Document, Failure, FailureKind, FileHead, NewEntry, Operation, ReaderJob, Record,
    RecordId, Unreadable,
};
use pocket_formats::{ImportLine, Item};
use pocket_service::{Lines, ReadError, Running};

use super::reasons;
use super::report::Report;
use crate::door::{Door, unexpected};
use crate::pages::upload::Pieces;
use crate::pages::viewing::why;
use crate::parts::Part;
use crate::present::length;
use crate::words::Words;

/// How much of a file's beginning tells what it is, in bytes: as much as `pocketctl import` looks at.
const DESCRIBED: usize = 1024 * 1024;
/// Bytes of text in one request to the engine, about: 1 MiB.
const MOST_BATCH: usize = 1024 * 1024;

/// Where records go, and what is said of them.
pub(super) struct Target<'a> {
    door: &'a Door,
    /// The texts of the page.
    pub(super) t: &'static Words,
    /// What became of them.
    pub(super) report: Report,
}

impl<'a> Target<'a> {
    pub(super) fn new(door: &'a Door, t: &'static Words) -> Self {
        Self {
            door,
            t,
            report: Report::default(),
        }
    }

    async fn reader(&self, job: ReaderJob, path: &str, size: u64) -> Result<Running, ReadError> {
        let head = FileHead {
            job,
            name: path.to_owned(),
            media_type: String::new(),
            size,
        };
        self.door.reader().begin(head).await
    }

    async fn add(&self, items: Vec<NewEntry>) -> Result<Vec<Added>, Failure> {
        match self
            .door
            .ask(Operation::Add { items, import: true })
            .await?
            .answer
        {
            Answer::Added(added) => Ok(added),
            _ => Err(unexpected()),
        }
    }

    /// Adds one record. What is wrong with it is told.
    async fn add_one(&mut self, item: NewEntry) -> Result<(), Failure> {
        match self.add(vec![item]).await {
            Ok(all) => all.into_iter().for_each(|added| self.report.note(self.t, added)),
            Err(failure) if is_about_one(&failure) => self.report.tell(failure.message),
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// The bytes of a file as they come: its beginning, and what of it has not come yet.
pub(super) struct Incoming<'a> {
    head: Vec<u8>,
    part: Part<'a>,
}

impl<'a> Incoming<'a> {
    pub(super) const fn new(part: Part<'a>) -> Self {
        Self {
            head: Vec::new(),
            part,
        }
    }

    /// Waits for the beginning.
    async fn begin(&mut self) -> Result<(), Failure> {
        while self.head.len() <= DESCRIBED {
            match self.part.next().await? {
                Some(bytes) => self.head.extend_from_slice(&bytes),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// What no one wants of it: the next file comes behind it.
    pub(super) async fn pass_by(&mut self) -> Result<(), Failure> {
        self.part.pass_by().await
    }
}

/// Brings a file in. Records that are in `batch` at the end are not sent yet.
pub(super) async fn bring_in(
    target: &mut Target<'_>,
    file: &mut Incoming<'_>,
    batch: &mut Batch,
    path: &str,
) -> Result<(), ReadError> {
    file.begin().await?;
    if file.part.has_ended() {
        // All of it is here: one reader does.
        let head = std::mem::take(&mut file.head);
        let mut reader = target.reader(ReaderJob::Import, path, length(head.len())).await?;
        reader.feed(&head).await;
        return take_lines(target, &mut reader.finish_in_lines().await, batch, &head).await;
    }
    let described = file.head.get(..DESCRIBED).unwrap_or(&file.head);
    // Of a longer file only this is known yet: that it is longer than its beginning.
    let size = length(described.len()).saturating_add(1);
    let mut reader = target.reader(ReaderJob::Describe, path, size).await?;
    reader.feed(described).await;
    match ImportLine::read(&reader.finish().await?) {
        Some(ImportLine::Document(document)) => keep(target, file, document).await,
        Some(ImportLine::Archive | ImportLine::Records(_)) => {
            let mut lines = feed(target, file, path).await?;
            take_lines(target, &mut lines, batch, &[]).await
        }
        _ => Err(Unreadable::Broke.into()),
    }
}

/// Has a reader read the whole file.
async fn feed(target: &Target<'_>, file: &mut Incoming<'_>, path: &str) -> Result<Lines, ReadError> {
    let head = std::mem::take(&mut file.head);
    let mut reader = target.reader(ReaderJob::Import, path, length(head.len())).await?;
    let mut wanted = reader.feed(&head).await;
    drop(head);
    while wanted && let Some(bytes) = file.part.next().await? {
        wanted = reader.feed(&bytes).await;
    }
    Ok(reader.finish_in_lines().await)
}

/// A large file that is kept as it is.
async fn keep(target: &mut Target<'_>, file: &mut Incoming<'_>, document: Document) -> Result<(), ReadError> {
    let content = checked(document)?;
    let mut pieces = Pieces::begin(target.door).await?;
    pieces
        .push(target.door, target.t, &std::mem::take(&mut file.head))
        .await?;
    while let Some(bytes) = file.part.next().await? {
        pieces.push(target.door, target.t, &bytes).await?;
    }
    let upload = pieces.finish(target.door).await?;
    Ok(target.add_one(with_bytes(content, upload)).await?)
}

fn checked(document: Document) -> Result<Content, Unreadable> {
    Content::check(Record::Document(document)).map_err(|_| Unreadable::Broke)
}

const fn with_bytes(content: Content, upload: RecordId) -> NewEntry {
    NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: Some(upload),
        content,
    }
}

/// Takes what the reader found. `whole` is the file itself, for a reader that says only what it is.
async fn take_lines(
    target: &mut Target<'_>,
    lines: &mut Lines,
    batch: &mut Batch,
    whole: &[u8],
) -> Result<(), ReadError> {
    let mut number = 0;
    let mut in_archive = false;
    while let Some(line) = lines.next().await? {
        match ImportLine::read(&line).ok_or(Unreadable::Broke)? {
            ImportLine::File(path) => {
                batch.send(target).await?;
                target.report.is_archive();
                target.report.begin(&path);
                (number, in_archive) = (0, true);
            }
            ImportLine::Document(document) => {
                batch.send(target).await?;
                let bytes = if in_archive { None } else { Some(whole) };
                let entry = with_bytes(checked(document)?, RecordId::from_bytes([0; 16]));
                attach(target, lines, entry, bytes).await?;
            }
            ImportLine::Item(item) => {
                number += 1;
                reasons::remarks(target.t, number, &item.remarks, &mut target.report);
                if item.file.is_some() {
                    batch.send(target).await?;
                    attach(target, lines, entry(*item), None).await?;
                } else {
                    batch.push(target, *item, line).await?;
                }
            }
            ImportLine::Skipped(skipped) => target.report.tell(reasons::skipped(target.t, &skipped)),
            ImportLine::Failed(error) => target.report.tell(reasons::failed(target.t, error).to_owned()),
            ImportLine::Refused(reason) => target.report.tell(why(target.t, reason).to_owned()),
            ImportLine::Hidden(files) => target.report.pass_by(files),
            ImportLine::Archive | ImportLine::Bytes(_) | ImportLine::End | ImportLine::Records(_) => {
                return Err(Unreadable::Broke.into());
            }
        }
    }
    Ok(())
}

/// Adds a record with bytes: those that are here, or those that follow.
async fn attach(
    target: &mut Target<'_>,
    lines: &mut Lines,
    mut entry: NewEntry,
    here: Option<&[u8]>,
) -> Result<(), ReadError> {
    let mut pieces = Pieces::begin(target.door).await?;
    match here {
        Some(bytes) => pieces.push(target.door, target.t, bytes).await?,
        None => loop {
            let line = lines.next().await?.ok_or(Unreadable::Broke)?;
            match ImportLine::read(&line) {
                Some(ImportLine::Bytes(count)) => {
                    let count = usize::try_from(count).unwrap_or(usize::MAX);
                    if count > Operation::MOST_CHUNK {
                        return Err(Unreadable::Broke.into());
                    }
                    pieces
                        .push(target.door, target.t, &lines.bytes(count).await?)
                        .await?;
                }
                Some(ImportLine::End) => break,
                // Its bytes are not whole: it does not come in.
                Some(ImportLine::Refused(reason)) => {
                    target.report.tell(why(target.t, reason).to_owned());
                    return Ok(());
                }
                _ => return Err(Unreadable::Broke.into()),
            }
        },
    }
    entry.upload = Some(pieces.finish(target.door).await?);
    Ok(target.add_one(entry).await?)
}

fn entry(item: Item) -> NewEntry {
    NewEntry {
        id: item.id,
        created: item.created,
        updated: item.updated,
        upload: None,
        content: item.content,
    }
}

/// Records that go to the engine together, with the lines that they came in: if the engine refuses them
/// for one, each is read again, and gets a chance of its own.
#[derive(Default)]
pub(super) struct Batch {
    items: Vec<NewEntry>,
    lines: Vec<Vec<u8>>,
    bytes: usize,
}

impl Batch {
    async fn push(&mut self, target: &mut Target<'_>, item: Item, line: Vec<u8>) -> Result<(), Failure> {
        if self.items.len() == Operation::MOST_ITEMS || self.bytes + line.len() > MOST_BATCH {
            self.send(target).await?;
        }
        self.bytes += line.len();
        self.items.push(entry(item));
        self.lines.push(line);
        Ok(())
    }

    /// Sends what is there.
    pub(super) async fn send(&mut self, target: &mut Target<'_>) -> Result<(), Failure> {
        let Self { mut items, lines, .. } = std::mem::take(self);
        match items.len() {
            0 => return Ok(()),
            // There is nobody to blame but itself.
            1 => {
                drop(lines);
                return match items.pop() {
                    Some(item) => target.add_one(item).await,
                    None => Ok(()),
                };
            }
            _ => {}
        }
        match target.add(items).await {
            Ok(all) => {
                all.into_iter()
                    .for_each(|added| target.report.note(target.t, added));
                Ok(())
            }
            Err(failure) if is_about_one(&failure) => {
                for line in lines {
                    if let Some(ImportLine::Item(item)) = ImportLine::read(&line) {
                        target.add_one(entry(*item)).await?;
                    }
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// Whether the failure says something of a record, and not of the device.
const fn is_about_one(failure: &Failure) -> bool {
    matches!(
        failure.kind,
        FailureKind::Conflict | FailureKind::Invalid | FailureKind::NotFound | FailureKind::Refused
    )
}
