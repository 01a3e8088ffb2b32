//! Everything but secrets as one file of open formats. It is made as it is sent: neither the memory
//! nor the disk ever holds the whole.

use std::io;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::{Answer, Category, Document, Entry, Failure, Operation, Page, Record, RecordId};
use pocket_formats::{EXPORTED, NoteNames, Part, Parts, document_path, export_note};
use tokio::sync::mpsc;

use crate::archive::{Archive, BrokenOff};
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::documents;
use crate::present::{Phrase, Shell, length, page, page_after, phrase};
use crate::trouble::Trouble;

/// Pieces that are ready before the browser has taken the one before.
const AHEAD: usize = 1;

#[derive(Template)]
#[template(path = "export.html")]
struct ExportPage {
    shell: Shell,
    /// Records that went out, while an export is under way.
    progress: Option<u64>,
    total: u64,
    words: Phrase,
}

/// Says what an export has in it and what not, and offers it.
pub(crate) async fn show(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().export_everything, "/device");
    page(&export_page(&door, shell, &owner))
}

fn export_page(door: &Door, shell: Shell, owner: &Owner) -> ExportPage {
    let counted = owner.status.categories.iter();
    let total = counted
        .filter(|status| EXPORTED.contains(&status.category))
        .map(|status| status.records)
        .sum();
    let progress = door.exporting().records();
    let t = shell.look.words();
    ExportPage {
        words: phrase(t, t.export_progress, &[progress.unwrap_or(0), total]),
        shell,
        progress,
        total,
    }
}

/// Sends the archive, after the passphrase was shown and it was recorded that it is made.
pub(crate) async fn submit(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    if let Err(failure) = door.ask_again(owner.session, fields.secret("passphrase")).await {
        let shell = Shell::new(&owner, owner.look.words().export_everything, "/device").failed(&failure);
        return page_after(&failure, &export_page(&door, shell, &owner));
    }
    door.ask(Operation::Export).await?;
    let (out, pieces) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let _running = door.exporting().begin();
        // One that fails breaks off without its end, and the browser says so; it can't be told why.
        if write(&door, Archive::new(out)).await.is_ok() {
            drop(door.ask(Operation::ExportDone).await);
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"pocketai-export.tar\"",
        ),
    ];
    let body = Body::from_stream(stream::try_unfold(pieces, next_piece));
    Ok((headers, body).into_response())
}

type Pieces = mpsc::Receiver<Option<Bytes>>;

/// `None` is the end. An archive whose maker is gone before must not look whole.
async fn next_piece(mut pieces: Pieces) -> io::Result<Option<(Bytes, Pieces)>> {
    match pieces.recv().await {
        Some(Some(piece)) => Ok(Some((piece, pieces))),
        Some(None) => Ok(None),
        None => Err(io::Error::other("the export broke off")),
    }
}

async fn write(door: &Door, archive: Archive) -> Result<(), BrokenOff> {
    for category in EXPORTED {
        match Parts::of(category) {
            Some(parts) => records(door, &archive, category, parts).await?,
            None => notes(door, &archive).await?,
        }
    }
    archive.end().await
}

/// All records of a category; documents bring files of their own along.
async fn records(
    door: &Door,
    archive: &Archive,
    category: Category,
    mut parts: Parts,
) -> Result<(), BrokenOff> {
    let mut listing = Listing::of(door, category);
    while let Some(entries) = listing.next().await? {
        for entry in entries {
            let full = parts.add(&entry).map_err(|_| BrokenOff)?;
            send(archive, full).await?;
            if let Record::Document(described) = entry.content.record() {
                document(door, archive, &entry, described).await?;
            }
        }
    }
    send(archive, parts.finish()).await
}

async fn send(archive: &Archive, part: Option<Part>) -> Result<(), BrokenOff> {
    match part {
        Some(Part { file, changed }) => archive.file(&file.path, changed, file.bytes).await,
        None => Ok(()),
    }
}

async fn notes(door: &Door, archive: &Archive) -> Result<(), BrokenOff> {
    let mut names = NoteNames::default();
    let mut listing = Listing::of(door, Category::Notes);
    while let Some(entries) = listing.next().await? {
        for entry in entries {
            let file = export_note(&entry, &mut names).map_err(|_| BrokenOff)?;
            archive.file(&file.path, entry.updated, file.bytes).await?;
        }
    }
    Ok(())
}

/// The bytes of a document that has any.
async fn document(
    door: &Door,
    archive: &Archive,
    entry: &Entry,
    described: &Document,
) -> Result<(), BrokenOff> {
    let Some(path) = document_path(entry.id, described) else {
        return Ok(());
    };
    let file = archive.begin(&path, entry.updated, described.size).await?;
    let mut offset = 0u64;
    while offset < described.size {
        let (size, piece) = documents::read(door, entry.id, offset).await?;
        if size != described.size || piece.is_empty() {
            return Err(BrokenOff);
        }
        offset = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        file.write(piece).await?;
    }
    file.end().await
}

/// The records of a category, some at a time.
struct Listing<'a> {
    door: &'a Door,
    category: Category,
    after: Option<RecordId>,
    over: bool,
}

impl<'a> Listing<'a> {
    const fn of(door: &'a Door, category: Category) -> Self {
        Self {
            door,
            category,
            after: None,
            over: false,
        }
    }

    async fn next(&mut self) -> Result<Option<Vec<Entry>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let list = Operation::List {
            category: self.category,
            after: self.after,
            limit: Operation::MOST_LISTED,
        };
        let Answer::Page(Page { entries, more, .. }) = self.door.ask(list).await?.answer else {
            return Err(unexpected());
        };
        self.after = entries.last().map(|entry| entry.id);
        // A page that is empty and yet not the last would turn this into an endless loop.
        self.over = !more || self.after.is_none();
        self.door.exporting().add(length(entries.len()));
        Ok(Some(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_archive_whose_maker_is_gone_is_an_error_and_not_an_end() {
        let (out, mut pieces) = mpsc::channel(2);
        out.send(Some(Bytes::from_static(b"half"))).await.unwrap();
        drop(out);
        pieces = next_piece(pieces).await.unwrap().unwrap().1;
        assert!(next_piece(pieces).await.is_err());

        let (out, pieces) = mpsc::channel(1);
        out.send(None).await.unwrap();
        assert!(next_piece(pieces).await.unwrap().is_none());
    }
}
