//! New documents, read one by one: their text for the search, a preview for the lists. Which are new is
//! in the records, so a restart or a lock loses nothing.

use pocket_core::{
    Actor, Answer, Document, Entry, Extract, Failure, ReaderJob, Reading, Record, RecordId, Thumbnail,
    Unreadable,
};
use tracing::{info, warn};

use crate::handle::Errand;
use crate::reader::{ReadError, Reader};
use crate::vault::Extracted;

/// Reads documents as they come in, for as long as the engine runs. Without a program to read with, they
/// wait.
pub async fn read_documents(reader: Reader) {
    if !reader.is_installed() {
        warn!(
            program = %reader.program().display(),
            "documents are not read: there is no such program"
        );
        return;
    }
    let mut changes = reader.handle().changes();
    loop {
        changes.mark_unchanged();
        match read_next(&reader).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(ReadError::Unreadable(Unreadable::Unsafe)) => {
                warn!("documents are not read: {}", Unreadable::Unsafe);
                return;
            }
            // Locked, or there was no writing it down: the next change brings another chance.
            Err(error) => info!(%error, "a document waits to be read"),
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Reads the next one; `false` when none waits.
async fn read_next(reader: &Reader) -> Result<bool, ReadError> {
    let Some(entry) = next(reader).await? else {
        return Ok(false);
    };
    let Record::Document(document) = entry.content.record() else {
        return Ok(false);
    };
    let extracted = extract(reader, entry.id, document).await?;
    let errand = Errand::TakeExtracted(Box::new(extracted));
    reader.handle().errand(errand).await?;
    Ok(true)
}

async fn next(reader: &Reader) -> Result<Option<Entry>, ReadError> {
    let locked = |failure: &Failure| failure.kind == pocket_core::FailureKind::Locked;
    match reader.handle().errand(Errand::NextUnread).await {
        Ok(reply) => Ok(match reply.answer {
            Answer::Entry(entry) => Some(*entry),
            _ => None,
        }),
        Err(failure) if locked(&failure) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// What is in a document. That it can't be read is an outcome like another; only a device that can't
/// go on is an error.
async fn extract(reader: &Reader, id: RecordId, document: &Document) -> Result<Extracted, ReadError> {
    let text = outcome(
        reader
            .document(&Actor::Device, id, document, ReaderJob::Text)
            .await,
    )?;
    let text = text.and_then(|bytes| decode(&bytes));
    let extract = match text {
        Ok(extract) => extract,
        Err(reason) => {
            return Ok(Extracted {
                id,
                reading: Reading::Failed(reason),
                text: String::new(),
                pages: 0,
                thumbnail: Thumbnail::default(),
            });
        }
    };
    // What has pages can be drawn, and so can a picture, which has no text.
    let thumbnail = if extract.pages > 0 || extract.text.is_empty() {
        let drawn = reader
            .document(&Actor::Device, id, document, ReaderJob::Thumbnail)
            .await;
        outcome(drawn)?.ok().and_then(Thumbnail::new).unwrap_or_default()
    } else {
        Thumbnail::default()
    };
    Ok(Extracted {
        id,
        reading: if extract.cut {
            Reading::Partly
        } else {
            Reading::Done
        },
        text: extract.text,
        pages: extract.pages,
        thumbnail,
    })
}

/// Whether the file was read, apart from whether the device could have it read at all.
fn outcome(read: Result<Vec<u8>, ReadError>) -> Result<Result<Vec<u8>, Unreadable>, ReadError> {
    match read {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(ReadError::Unreadable(reason)) if reason != Unreadable::Unsafe => Ok(Err(reason)),
        Err(error) => Err(error),
    }
}

/// The text as its reader sent it. It is trusted with nothing: what is too long is cut here again.
pub(crate) fn decode(bytes: &[u8]) -> Result<Extract, Unreadable> {
    let extract: Extract = postcard::from_bytes(bytes).map_err(|_| Unreadable::Broke)?;
    if extract.text.len() > pocket_core::MOST_TEXT {
        return Err(Unreadable::Broke);
    }
    Ok(extract)
}
