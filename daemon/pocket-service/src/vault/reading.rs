//! The text and the preview of documents: which of them wait, and what was read out of one.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use pocket_core::{
    Answer, Category, Document, Entry, Failure, FailureKind, OperationKind, Reading, Record, RecordId,
    Thumbnail, decide_own,
};
use pocket_store::{Changes, Walk};

use super::records::checked;
use super::{Act, Slice, Vault, Work};
use crate::engine::Now;
use crate::failure;

/// Documents that are remembered as waiting. With more, the records are walked through again.
const MOST: usize = 1024;

/// What was read out of a document.
pub(crate) struct Extracted {
    pub(crate) id: RecordId,
    pub(crate) reading: Reading,
    pub(crate) text: String,
    pub(crate) pages: u32,
    pub(crate) thumbnail: Thumbnail,
}

/// Documents that wait to be read. It is in the records which do; this only saves looking for them.
#[derive(Default)]
pub(crate) struct Unread {
    waiting: VecDeque<RecordId>,
    /// Whether every document that waits is in the list.
    complete: bool,
}

impl Unread {
    fn push(&mut self, id: RecordId) {
        if self.waiting.len() < MOST {
            self.waiting.push_back(id);
        } else {
            self.complete = false;
        }
    }
}

/// A walk through the documents for those that wait.
pub(crate) struct Finding {
    walk: Walk,
    found: Vec<RecordId>,
}

impl Vault {
    /// Remembers a document that has just come in and is to be read.
    pub(super) fn note_unread(&mut self, id: RecordId) {
        self.unread.push(id);
    }

    /// The next document that waits, as an answer; or the walk that finds it.
    pub(crate) fn next_unread(&mut self) -> Result<Result<Answer, Work>, Failure> {
        while let Some(id) = self.unread.waiting.front().copied() {
            let entry = self.store.get(Category::Documents, id);
            let entry = entry.map_err(|error| failure::store(&error))?;
            if let Some(entry) = entry.filter(|entry| is_pending(entry.content.record())) {
                return Ok(Ok(Answer::Entry(Box::new(entry))));
            }
            self.unread.waiting.pop_front();
        }
        if self.unread.complete || self.store.whole(Category::Documents).is_err() {
            return Ok(Ok(Answer::Done));
        }
        Ok(Err(Work::FindUnread(Finding {
            walk: self.store.begin_walk(Category::Documents),
            found: Vec::new(),
        })))
    }

    /// Looks further; the next document that waits once all were met.
    pub(super) fn find_unread_on(
        &mut self,
        finding: &mut Finding,
        slice: &Slice,
    ) -> Result<Option<Answer>, Failure> {
        let Finding { walk, found } = finding;
        let walked = self.store.walk(walk, &mut |entry| {
            if is_pending(entry.content.record()) {
                found.push(entry.id);
            }
            if found.len() < MOST && slice.go_on() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        let all = walked.map_err(|error| failure::store(&error))?;
        if !all && found.len() < MOST {
            return Ok(None);
        }
        self.unread.complete = all;
        for id in std::mem::take(found) {
            if !self.unread.waiting.contains(&id) {
                self.unread.push(id);
            }
        }
        // What was found is pending still, or was changed since and is passed by: one look is enough.
        self.next_unread().map(|next| Some(next.unwrap_or(Answer::Done)))
    }

    /// Has a document wait for its reader again, that could not be read: memory may have been short.
    pub(super) fn read_again(&mut self, act: Act, id: RecordId) -> Result<Answer, Failure> {
        let entry = self.existing(Category::Documents, id)?;
        let Record::Document(document) = entry.content.record() else {
            return Err(failure::internal("a document is none"));
        };
        if !matches!(document.reading, Reading::Failed(_)) {
            return Err(Failure::new(
                FailureKind::Conflict,
                format!(
                    "there is nothing to read again: the document is {}",
                    document.reading
                ),
                "only what could not be read is read again",
            ));
        }
        let content = checked(Record::Document(Document {
            reading: Reading::Pending,
            ..document.clone()
        }))?;
        let blob = self.store.blob_of(id).map_err(|error| failure::store(&error))?;
        let changes = Changes::new().put(Entry { content, ..entry }, blob);
        self.commit_grown(act.permit, &[(Category::Documents, id)], changes, act.now)?;
        self.note_unread(id);
        Ok(Answer::Done)
    }

    /// Writes down what was read out of a document. Its revision and its time do not move: the
    /// owner may be editing it, and has changed nothing.
    pub(crate) fn take_extracted(&mut self, extracted: Extracted, now: Now) -> Result<Answer, Failure> {
        let id = extracted.id;
        let entry = self.store.get(Category::Documents, id);
        let entry = entry.map_err(|error| failure::store(&error))?;
        let Some(entry) = entry else {
            return Ok(Answer::Done);
        };
        let Record::Document(document) = entry.content.record() else {
            return Ok(Answer::Done);
        };
        let read = with(document, extracted);
        let keeps_all = keeps_all(document, &read);
        let content = match checked(Record::Document(read)) {
            Ok(content) => content,
            // The owner's remarks leave no room for so much text.
            Err(_) => checked(Record::Document(Document {
                reading: Reading::Failed(pocket_core::Unreadable::TooLarge),
                ..document.clone()
            }))?,
        };
        let blob = self.store.blob_of(id).map_err(|error| failure::store(&error))?;
        let permit = decide_own(OperationKind::Extract).map_err(failure::refused)?;
        let changes = Changes::new().put(Entry { content, ..entry }, blob);
        let records = [(Category::Documents, id)];
        if keeps_all {
            self.commit_grown(permit, &records, changes, now)?;
        } else {
            self.commit(permit, &records, changes, now)?;
        }
        Ok(Answer::Done)
    }
}

/// The document with what was read out of it. A file without text leaves the words that came along.
fn with(document: &Document, extracted: Extracted) -> Document {
    let text = if extracted.text.is_empty() {
        document.text.clone()
    } else {
        extracted.text
    };
    Document {
        text,
        reading: extracted.reading,
        pages: extracted.pages,
        thumbnail: extracted.thumbnail,
        ..document.clone()
    }
}

/// Whether nothing that was in the document is gone from it: words that came along may make way for those
/// that were read, and so may an earlier preview.
fn keeps_all(before: &Document, after: &Document) -> bool {
    let keeps_text = before.text.is_empty() || before.text == after.text;
    let no_preview = before.thumbnail == Thumbnail::default();
    keeps_text && (no_preview || before.thumbnail == after.thumbnail)
}

/// What an edit leaves as it is: all that only the device knows, and the text that it has read.
pub(super) fn keep_what_was_read(old: &Document, new: &mut Document) {
    new.size = old.size;
    new.sha256.clone_from(&old.sha256);
    new.reading = old.reading;
    new.pages = old.pages;
    new.thumbnail.clone_from(&old.thumbnail);
    if matches!(old.reading, Reading::Done | Reading::Partly) && !old.text.is_empty() {
        new.text.clone_from(&old.text);
    }
}

/// Whether a record is a document whose bytes wait to be read.
pub(super) fn is_pending(record: &Record) -> bool {
    matches!(record, Record::Document(document) if document.reading == Reading::Pending)
}
