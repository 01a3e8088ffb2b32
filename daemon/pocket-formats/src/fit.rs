//! Fitting what a foreign file says into the limits of a record, and saying what was lost.

use pocket_core::{Content, Record, RecordId, Timestamp};
use serde_json::{Map, Value};

use crate::text::cut;
use crate::{Item, Remark, Why, lossless};

/// Longest single line that a record takes, in bytes.
const MAX_LINE: usize = 1024;
/// Most entries of a list that a record takes.
pub(crate) const MAX_LIST: usize = 256;

/// What an export adds to a record that another program would not know.
#[derive(Default)]
pub(crate) struct Kept {
    /// The record's id.
    pub(crate) id: Option<RecordId>,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
    /// When it was last changed.
    pub(crate) updated: Option<Timestamp>,
    /// Fields that the format could not spell.
    pub(crate) fields: Map<String, Value>,
}

/// Collects what the owner should know about one record while it is read.
#[derive(Default)]
pub(crate) struct Fitter {
    remarks: Vec<Remark>,
}

impl Fitter {
    /// Adds a remark, once.
    pub(crate) fn remark(&mut self, remark: Remark) {
        remark.add_to(&mut self.remarks);
    }

    /// `text` on one line, at most 1 KiB long.
    pub(crate) fn line(&mut self, text: &str) -> String {
        let line = one_line(text);
        let short = cut(line.trim(), MAX_LINE);
        if short.len() < line.trim().len() {
            self.remark(Remark::LongLine);
        }
        short.to_owned()
    }

    /// The first 256 of `list`.
    pub(crate) fn list<T>(&mut self, mut list: Vec<T>) -> Vec<T> {
        if list.len() > MAX_LIST {
            list.truncate(MAX_LIST);
            self.remark(Remark::LongList);
        }
        list
    }

    /// `tags` as lines, without empty ones and repeats.
    pub(crate) fn tags(&mut self, tags: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut seen: Vec<String> = Vec::new();
        for tag in tags {
            let tag = self.line(&tag);
            if seen.len() > MAX_LIST {
                break;
            }
            if !tag.is_empty() && !seen.contains(&tag) {
                seen.push(tag);
            }
        }
        self.list(seen)
    }

    /// The finished item, or why the record is not acceptable.
    pub(crate) fn finish(mut self, record: Record, kept: Kept) -> Result<Item, Why> {
        let record = if kept.fields.is_empty() {
            record
        } else if let Some(whole) = lossless::restore(&record, kept.fields) {
            whole
        } else {
            self.remark(Remark::OurFields);
            record
        };
        let content = Content::check(record).map_err(|invalid| Why::from(&invalid))?;
        Ok(Item {
            id: kept.id,
            created: kept.created,
            updated: kept.updated,
            content,
            remarks: self.remarks,
            file: None,
        })
    }
}

/// `text` with each line break (and NUL) turned into a space.
fn one_line(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r', '\0'], " ")
}
