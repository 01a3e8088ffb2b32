//! A category that is written into files: as few as stay small enough to be read back.

use pocket_core::{Category, Entry, Timestamp};

use crate::export::{ExportFile, Unexportable, append, footer, header, stream_path};

/// Most bytes of a category in one file, unless a single record has more: 8 MiB. Files above
/// [`crate::MAX_TEXT_BYTES`] are not read back, and who writes an archive has all of a file in memory
/// once, since a file there begins with its size.
const MOST_PART: usize = 8 * 1024 * 1024;

/// A file that is complete.
pub struct Part {
    /// Its path and its bytes.
    pub file: ExportFile,
    /// When the newest of its records was last changed.
    pub changed: Timestamp,
}

/// The files of one category: `contacts.vcf`, `contacts-2.vcf` and so on, each whole by itself.
pub struct Parts {
    category: Category,
    name: &'static str,
    number: u32,
    changed: Timestamp,
    bytes: Vec<u8>,
}

impl Parts {
    /// Begins the files of `category`; `None` for those that are not written as streams (see
    /// [`stream_path`]).
    pub const fn of(category: Category) -> Option<Self> {
        match stream_path(category) {
            Some(name) => Some(Self {
                category,
                name,
                number: 1,
                changed: Timestamp::from_millis(0),
                bytes: Vec::new(),
            }),
            None => None,
        }
    }

    /// Takes an entry; gives the part that was complete without it, if it did not fit in there.
    ///
    /// # Errors
    /// [`Unexportable`] for a record of a category that is not written this way; nothing is added.
    pub fn add(&mut self, entry: &Entry) -> Result<Option<Part>, Unexportable> {
        let mut bytes = Vec::new();
        append(entry, &mut bytes)?;
        let is_full = self.bytes.len().saturating_add(bytes.len()) > MOST_PART;
        let full = if is_full { self.take() } else { None };
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(header(self.category));
        }
        self.bytes.append(&mut bytes);
        self.changed = self.changed.max(entry.updated);
        Ok(full)
    }

    /// The last part. `None` when there was no entry: an empty category has no file.
    pub fn finish(mut self) -> Option<Part> {
        self.take()
    }

    fn take(&mut self) -> Option<Part> {
        if self.bytes.is_empty() {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.extend_from_slice(footer(self.category));
        let path = part_name(self.name, self.number);
        self.number = self.number.saturating_add(1);
        let changed = std::mem::replace(&mut self.changed, Timestamp::from_millis(0));
        Some(Part {
            file: ExportFile { path, bytes },
            changed,
        })
    }
}

/// `memory.jsonl` for the first part, `memory-2.jsonl` for the second.
fn part_name(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if number > 1 => format!("{stem}-{number}.{extension}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{Content, Origin, Record, RecordId, Task};

    use super::*;
    use crate::{Format, HEAD_BYTES, detect, parse};

    fn task(number: u8, notes: usize) -> Entry {
        let task = Task {
            title: format!("Task {number}"),
            notes: "n".repeat(notes),
            ..Task::default()
        };
        Entry {
            id: RecordId::from_bytes([number; 16]),
            created: Timestamp::from_millis(1000),
            updated: Timestamp::from_millis(1000 * i64::from(number)),
            revision: 1,
            origin: Origin::Owner,
            content: Content::check(Record::Task(task)).unwrap(),
        }
    }

    #[test]
    fn each_part_is_whole_and_read_back_and_none_is_larger_than_it_may_be() {
        let mut parts = Parts::of(Category::Tasks).unwrap();
        let mut written = Vec::new();
        for number in 1..=7 {
            written.extend(parts.add(&task(number, 3_000_000)).unwrap());
        }
        written.extend(parts.finish());
        let names: Vec<&str> = written.iter().map(|part| part.file.path.as_str()).collect();
        assert_eq!(names, ["tasks.ics", "tasks-2.ics", "tasks-3.ics", "tasks-4.ics"]);
        let mut read = Vec::new();
        for part in &written {
            let ExportFile { path, bytes } = &part.file;
            assert!(bytes.len() <= MOST_PART + footer(Category::Tasks).len());
            assert!(bytes.starts_with(header(Category::Tasks)));
            assert!(bytes.ends_with(footer(Category::Tasks)));
            assert!(detect(path, &bytes[..HEAD_BYTES]) == Format::Calendar);
            let parsed = parse(Format::Calendar, path, bytes).unwrap();
            assert!(parsed.skipped.is_empty());
            let ids: Vec<RecordId> = parsed.items.iter().filter_map(|item| item.id).collect();
            let newest = ids.last().map(|id| i64::from(id.as_bytes()[0]) * 1000);
            assert_eq!(newest, Some(part.changed.millis()));
            read.extend(ids);
        }
        let all: Vec<RecordId> = (1..=7).map(|number| RecordId::from_bytes([number; 16])).collect();
        assert_eq!(read, all);
    }

    #[test]
    fn a_category_without_records_or_without_a_stream_has_no_file() {
        assert!(Parts::of(Category::Memory).unwrap().finish().is_none());
        for category in [Category::Audit, Category::Notes, Category::Secrets] {
            assert!(Parts::of(category).is_none());
        }
        let mut parts = Parts::of(Category::Memory).unwrap();
        let note = Content::check(Record::Note(pocket_core::Note {
            title: "A note".to_owned(),
            ..pocket_core::Note::default()
        }));
        let entry = Entry {
            content: note.unwrap(),
            ..task(1, 0)
        };
        assert!(parts.add(&entry).is_err());
        assert!(parts.finish().is_none());
    }

    #[test]
    fn a_record_that_is_larger_than_a_part_has_one_of_its_own() {
        let mut parts = Parts::of(Category::Tasks).unwrap();
        assert!(parts.add(&task(1, 10)).unwrap().is_none());
        let first = parts.add(&task(2, 8_300_000)).unwrap().unwrap();
        let second = parts.add(&task(3, 10)).unwrap().unwrap();
        assert!(first.file.bytes.len() < 1000 && second.file.bytes.len() > MOST_PART);
        assert_eq!(parts.finish().unwrap().file.path, "tasks-3.ics");
    }
}
