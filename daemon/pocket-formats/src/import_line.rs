//! What files hold, as lines of JSON: the way in which it reaches the device from who read them.

use pocket_core::{Document, Unreadable};
use serde::{Deserialize, Serialize};

use crate::{Format, Item, ParseError, Skipped};

/// One thing that was found in a file.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportLine {
    /// It is an archive: its files come in one after the other.
    Archive,
    /// So many bytes of a file stand behind this line.
    Bytes(u32),
    /// It is a file to keep as it is. In an archive its bytes follow.
    Document(Document),
    /// The bytes of a file of an archive are whole.
    End,
    /// Nothing in it can be read, and why.
    Failed(ParseError),
    /// A file of an archive begins, by its path in it.
    File(String),
    /// So many files of an archive are hidden, and left alone.
    Hidden(u64),
    /// A record. If it names a file, the bytes of that file follow.
    Item(Box<Item>),
    /// It holds records, in this format.
    Records(Format),
    /// A file of an archive, or the rest of one, can't be read, and why.
    Refused(Unreadable),
    /// Something that is left out.
    Skipped(Skipped),
}

impl ImportLine {
    /// Adds it to `out` as a line.
    pub fn append(&self, out: &mut Vec<u8>) {
        serde_json::to_writer(&mut *out, self).expect("texts, numbers and lists are JSON always");
        out.push(b'\n');
    }

    /// Reads a line; `None` when it is none. Records in it are checked as those from any door.
    pub fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_read_arrives_as_it_was() {
        let list = b"(A) 2026-01-02 Buy milk +home\n\x01\nx 2026-01-03 Done\n";
        let parsed = parse(Format::TodoTxt, "todo.txt", list).unwrap_or_default();
        assert!(parsed.items.len() > 1);
        for item in parsed.items {
            let (content, created) = (item.content.clone(), item.created);
            let mut line = Vec::new();
            ImportLine::Item(Box::new(item)).append(&mut line);
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let Some(ImportLine::Item(back)) = ImportLine::read(&line) else {
                panic!("it does not read back")
            };
            assert!(back.content == content && back.created == created);
        }
        assert!(ImportLine::read(br#"{"item":{"id":null,"created":null}}"#).is_none());
        assert!(ImportLine::read(b"[[[[").is_none());
    }
}
