//! Writing records out: which category goes into which file, and how a stream begins and ends.

use pocket_core::{Category, Document, Entry, Record, RecordId};
use thiserror::Error;

use crate::lines::DOCUMENTS;
use crate::names::safe_part;
use crate::{contacts_out, lines, memory, tasks_out};

/// Longest file name of a document in an export, without its id, in bytes.
const MAX_NAME: usize = 60;

/// The categories that are exported: all but secrets and the audit log, in the order in which people are shown it.
pub const EXPORTED: [Category; 8] = [
    Category::Memory,
    Category::Notes,
    Category::Tasks,
    Category::Contacts,
    Category::Conversations,
    Category::Documents,
    Category::Outbox,
    Category::Settings,
];

/// A file of an export.
pub struct ExportFile {
    /// Its path inside the export, relative, with `/`; safe on every system, at most 100 bytes
    /// between two `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A record of this category is not written that way: notes are files of their own
/// ([`crate::export_note`]), the rest are streams ([`append`]); secrets are never written.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{0} are not exported this way")]
pub struct Unexportable(pub Category);

/// The file that takes all records of a category; `None` for notes, which are files of their own,
/// and for secrets and the audit log, which this crate never writes.
pub const fn stream_path(category: Category) -> Option<&'static str> {
    match category {
        Category::Audit | Category::Notes | Category::Secrets => None,
        Category::Contacts => Some("contacts.vcf"),
        Category::Conversations => Some("conversations.jsonl"),
        Category::Documents => Some("documents.jsonl"),
        Category::Memory => Some("memory.jsonl"),
        Category::Outbox => Some("outbox.jsonl"),
        Category::Settings => Some("settings.jsonl"),
        Category::Tasks => Some("tasks.ics"),
    }
}

/// What a stream begins with.
pub const fn header(category: Category) -> &'static [u8] {
    match category {
        Category::Tasks => tasks_out::HEADER,
        _ => b"",
    }
}

/// What a stream ends with.
pub const fn footer(category: Category) -> &'static [u8] {
    match category {
        Category::Tasks => tasks_out::FOOTER,
        _ => b"",
    }
}

/// Adds an entry to the stream of its category.
///
/// # Errors
/// [`Unexportable`] for notes and secrets; nothing is added then.
pub fn append(entry: &Entry, out: &mut Vec<u8>) -> Result<(), Unexportable> {
    match entry.content.record() {
        Record::Contact(contact) => contacts_out::append(entry, contact, out),
        Record::Conversation(_) | Record::Outbox(_) | Record::Setting(_) => lines::append(entry, None, out),
        Record::Document(document) => lines::append(entry, document_path(entry.id, document), out),
        Record::Memory(memory) => memory::append(entry, memory, out),
        Record::Note(_) | Record::Secret(_) => return Err(Unexportable(entry.content.category())),
        Record::Task(task) => tasks_out::append(entry, task, out),
    }
    Ok(())
}

/// Where an export keeps the bytes of a document: `documents/<id>-<name>`. `None` when it has none.
pub fn document_path(id: RecordId, document: &Document) -> Option<String> {
    let has_bytes = !document.sha256.is_empty();
    has_bytes.then(|| format!("{DOCUMENTS}/{id}-{}", short_name(&document.name)))
}

/// The name, shortened before its extension.
fn short_name(name: &str) -> String {
    let safe = safe_part(name, usize::MAX);
    if safe.len() <= MAX_NAME {
        return safe;
    }
    match safe.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => {
            let stem = safe_part(stem, MAX_NAME - 1 - extension.len());
            format!("{stem}.{extension}")
        }
        _ => safe_part(&safe, MAX_NAME),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_names_are_short_and_safe() {
        let long = short_name(&format!("{}.pdf", "é".repeat(200)));
        assert!(long.len() <= MAX_NAME && long.ends_with("é.pdf"));
        assert_eq!(short_name("../../x"), "-..-x");
        assert_eq!(short_name(&format!("a.{}", "b".repeat(100))).len(), MAX_NAME);
    }
}
