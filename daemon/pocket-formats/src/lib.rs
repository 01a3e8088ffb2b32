//! How do open file formats spell our records? Markdown notes, vCard, iCalendar, todo.txt, the
//! memory file of the reference MCP memory server, WhatsApp chat exports, and the JSON lines of our
//! own export: bytes come in and records go out, and the other way round.
//!
//! This crate must never read a file, a clock, the environment or the network, and holds no key. It
//! never writes a secret. Whatever bytes it is given, it answers with what it understood, what it
//! skipped and why; it does not panic.

mod contacts;
mod contacts_out;
mod detect;
mod document;
mod export;
mod fit;
mod folder;
mod front_matter;
mod hashtags;
mod import_line;
mod lines;
mod lossless;
mod markdown;
mod markdown_out;
mod memory;
mod names;
mod parts;
mod reason;
mod tasks;
mod tasks_out;
mod text;
mod todo_txt;
mod unfold;
mod whatsapp;

use pocket_core::{Content, RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use detect::{Format, HEAD_BYTES, detect};
pub use document::document;
pub use export::{EXPORTED, ExportFile, Unexportable, append, document_path, footer, header, stream_path};
pub use folder::{below, plain_path};
pub use import_line::ImportLine;
pub use markdown_out::{NoteNames, export_note};
pub use parts::{Part, Parts};
pub use reason::{At, Remark, Why};

/// Largest file that is read as text: 64 MiB. Larger ones can come in as documents.
pub const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// One record that came out of a file.
#[derive(Deserialize, Serialize)]
pub struct Item {
    /// Its id, if it comes from an export of this device.
    pub id: Option<RecordId>,
    /// When it was made, if the file says so.
    pub created: Option<Timestamp>,
    /// When it was last changed, if the file says so.
    pub updated: Option<Timestamp>,
    /// What it says.
    pub content: Content,
    /// What the owner should know of how it was read.
    pub remarks: Vec<Remark>,
    /// The file with the document's bytes, relative to the folder of the export, with `/`.
    pub file: Option<String>,
}

/// Something in a file that did not come in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Skipped {
    /// Where.
    pub at: At,
    /// Why.
    pub why: Why,
}

/// What a file gave.
#[derive(Default)]
pub struct Parsed {
    /// The records.
    pub items: Vec<Item>,
    /// What was left out.
    pub skipped: Vec<Skipped>,
}

impl Parsed {
    fn skip(&mut self, at: At, why: Why) {
        self.skipped.push(Skipped { at, why });
    }

    /// Takes a finished item, or the reason why there is none.
    fn take(&mut self, at: At, item: Result<Item, Why>) {
        match item {
            Ok(item) => self.items.push(item),
            Err(why) => self.skip(at, why),
        }
    }
}

/// A file as a whole cannot be read in a format.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParseError {
    /// Documents hold bytes, not records.
    #[error("a document holds no records: describe it with `document` and upload its bytes")]
    NoRecords,
    /// It holds bytes that no text has.
    #[error("the file is not text: import it as a document")]
    NotText,
    /// It is larger than [`MAX_TEXT_BYTES`].
    #[error("the file is larger than 64 MiB: split it, or import it as a document")]
    TooLarge,
}

/// Reads the records in a file. `path` is relative to the folder that is imported, with `/`.
///
/// # Errors
/// [`ParseError`] when nothing can be read at all; a part that cannot be read is in
/// [`Parsed::skipped`] instead.
pub fn parse(format: Format, path: &str, bytes: &[u8]) -> Result<Parsed, ParseError> {
    if format == Format::Document {
        return Err(ParseError::NoRecords);
    }
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(ParseError::TooLarge);
    }
    let text = text::decode(bytes).ok_or(ParseError::NotText)?;
    let mut parsed = match format {
        Format::Calendar => tasks::read(path, &text.text),
        Format::Chat => whatsapp::read(path, &text.text),
        Format::Contacts => contacts::read(&text.text),
        Format::Document => return Err(ParseError::NoRecords),
        Format::ExportLines => lines::read(&text.text),
        Format::Markdown => markdown::read(path, &text.text),
        Format::MemoryLines => memory::read(path, &text.text),
        Format::TodoTxt => todo_txt::read(path, &text.text),
    };
    if let Some(remark) = text.remark {
        for item in &mut parsed.items {
            remark.add_to(&mut item.remarks);
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod round_trip_tests;
