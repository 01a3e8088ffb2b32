//! What makes a record acceptable.

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

use crate::{Category, Record};

/// Largest record, all its texts together: 8 MiB. A longer chat comes in as several records; a
/// larger file is a document, whose bytes lie outside the record.
const MAX_RECORD_BYTES: usize = 8 * 1024 * 1024;
/// Longest single-line field (title, name, tag, path): 1 KiB.
const MAX_LINE_BYTES: usize = 1024;
/// What a message takes beside its texts: time and lengths.
const MESSAGE_BYTES: usize = 32;
/// Most entries of a list inside a record, messages of a conversation excepted.
const MAX_LIST: usize = 256;

/// Why a record is not acceptable: which field, and what is wrong with it. Never quotes the value.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{category}: {field} {problem}")]
pub struct InvalidRecord {
    category: Category,
    field: &'static str,
    problem: Problem,
}

/// What is wrong with a field of a record.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// The record says nothing without it.
    #[error("is empty: give it a text")]
    Empty,
    /// Not one line.
    #[error("holds a line break: it must be a single line")]
    LineBreak,
    /// No percentage.
    #[error("is over 100: it is a percentage")]
    NoPercentage,
    /// No priority.
    #[error("must be 1 (first) to 9 (last)")]
    NoPriority,
    /// The record as a whole is over 8 MiB.
    #[error("is larger than 8 MiB: split it, or keep it as a document")]
    TooLarge,
    /// A line is over 1 KiB.
    #[error("is longer than 1 KiB: put long text into the body or note")]
    TooLong,
    /// A list is too long.
    #[error("has more than 256 entries")]
    TooMany,
}

impl InvalidRecord {
    /// What the record would be.
    pub const fn category(&self) -> Category {
        self.category
    }

    /// The name of the field.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// What is wrong with it.
    pub const fn problem(&self) -> Problem {
        self.problem
    }
}

/// A record that has been checked: it names itself, and no field is over its limit.
#[derive(Clone, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Content(Record);

impl Content {
    /// Checks a record.
    ///
    /// # Errors
    /// [`InvalidRecord`] names the first field at fault.
    pub fn check(record: Record) -> Result<Self, InvalidRecord> {
        let category = record.category();
        let refuse = |field, problem| {
            Err(InvalidRecord {
                category,
                field,
                problem,
            })
        };
        let (field, text) = required(&record);
        if text.trim().is_empty() {
            return refuse(field, Problem::Empty);
        }
        for (field, line) in lines(&record) {
            if line.len() > MAX_LINE_BYTES {
                return refuse(field, Problem::TooLong);
            }
            if line.contains(['\n', '\r', '\0']) {
                return refuse(field, Problem::LineBreak);
            }
        }
        if longest_list(&record) > MAX_LIST {
            return refuse("a list", Problem::TooMany);
        }
        if let Some((field, problem)) = out_of_range(&record) {
            return refuse(field, problem);
        }
        let mut bytes = messages(&record).saturating_mul(MESSAGE_BYTES);
        record.for_each_text(&mut |text| bytes = bytes.saturating_add(text.len()));
        if bytes > MAX_RECORD_BYTES {
            return refuse("the record", Problem::TooLarge);
        }
        Ok(Self(record))
    }

    /// A record that was checked before it was sealed, by whatever limits held then. Only for what has
    /// just been unsealed: the seal vouches for it, and a limit that was lowered since must not make it
    /// unreadable.
    pub const fn unsealed(record: Record) -> Self {
        Self(record)
    }

    /// The record.
    pub const fn record(&self) -> &Record {
        &self.0
    }

    /// The record, out of its wrapper.
    pub fn into_record(self) -> Record {
        self.0
    }

    /// The category that it belongs to.
    pub const fn category(&self) -> Category {
        self.0.category()
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::check(Record::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// The field without which a record says nothing.
fn required(record: &Record) -> (&'static str, &str) {
    match record {
        Record::Contact(contact) => ("name", &contact.name),
        Record::Conversation(conversation) => ("title", &conversation.title),
        Record::Document(document) => ("name", &document.name),
        Record::Memory(memory) => ("text", &memory.text),
        Record::Note(note) if note.title.is_empty() => ("title", &note.body),
        Record::Note(note) => ("title", &note.title),
        Record::Outbox(outbox) => ("to", &outbox.to),
        Record::Secret(secret) => ("name", &secret.name),
        Record::Setting(setting) => ("name", &setting.name),
        Record::Task(task) => ("title", &task.title),
    }
}

/// The fields that are one line each.
fn lines(record: &Record) -> Vec<(&'static str, &str)> {
    fn tags(tags: &[String]) -> impl Iterator<Item = (&'static str, &str)> {
        tags.iter().map(|tag| ("a tag", tag.as_str()))
    }
    match record {
        Record::Contact(contact) => tags(&contact.tags)
            .chain([
                ("name", contact.name.as_str()),
                ("nickname", &contact.nickname),
                ("birthday", &contact.birthday),
            ])
            .chain(
                contact
                    .phones
                    .iter()
                    .map(|phone| ("a phone number", phone.value.as_str())),
            )
            .chain(
                contact
                    .emails
                    .iter()
                    .map(|email| ("an e-mail address", email.value.as_str())),
            )
            .collect(),
        Record::Conversation(conversation) => tags(&conversation.tags)
            .chain([
                ("title", conversation.title.as_str()),
                ("channel", &conversation.channel),
            ])
            .collect(),
        Record::Document(document) => tags(&document.tags)
            .chain([
                ("name", document.name.as_str()),
                ("media_type", &document.media_type),
                ("path", &document.path),
                ("sha256", &document.sha256),
            ])
            .collect(),
        Record::Memory(memory) => tags(&memory.tags)
            .chain([("subject", memory.subject.as_str()), ("source", &memory.source)])
            .collect(),
        Record::Note(note) => tags(&note.tags)
            .chain([("title", note.title.as_str()), ("path", &note.path)])
            .collect(),
        Record::Outbox(outbox) => {
            vec![
                ("channel", outbox.channel.as_str()),
                ("to", &outbox.to),
                ("subject", &outbox.subject),
            ]
        }
        Record::Secret(secret) => vec![("name", secret.name.as_str()), ("note", &secret.note)],
        Record::Setting(setting) => vec![("name", setting.name.as_str()), ("value", &setting.value)],
        Record::Task(task) => tags(&task.tags)
            .chain([
                ("title", task.title.as_str()),
                ("list", &task.list),
                ("repeat", &task.repeat),
            ])
            .collect(),
    }
}

const fn messages(record: &Record) -> usize {
    match record {
        Record::Conversation(conversation) => conversation.messages.len(),
        _ => 0,
    }
}

fn longest_list(record: &Record) -> usize {
    match record {
        Record::Contact(contact) => {
            let labelled = [
                contact.phones.len(),
                contact.emails.len(),
                contact.addresses.len(),
            ];
            labelled
                .into_iter()
                .chain([contact.urls.len(), contact.tags.len()])
                .max()
                .unwrap_or(0)
        }
        Record::Conversation(conversation) => conversation.tags.len(),
        Record::Document(document) => document.tags.len(),
        Record::Memory(memory) => memory.tags.len(),
        Record::Note(note) => note.tags.len().max(note.properties.len()),
        Record::Task(task) => task.tags.len(),
        Record::Outbox(_) | Record::Secret(_) | Record::Setting(_) => 0,
    }
}

fn out_of_range(record: &Record) -> Option<(&'static str, Problem)> {
    match record {
        Record::Memory(memory) if memory.confidence.is_some_and(|percent| percent > 100) => {
            Some(("confidence", Problem::NoPercentage))
        }
        Record::Task(task) if task.priority.is_some_and(|priority| !(1..=9).contains(&priority)) => {
            Some(("priority", Problem::NoPriority))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Contact, Conversation, Document, Labelled, Memory, Message, Note, Property, Task};

    fn refused(record: Record) -> String {
        match Content::check(record) {
            Ok(_) => "accepted".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_empty_overlong_or_broken_field_is_named() {
        let note = |title: &str| {
            Record::Note(Note {
                title: title.to_owned(),
                ..Note::default()
            })
        };
        assert_eq!(refused(note("")), "notes: title is empty: give it a text");
        assert!(refused(note(&"x".repeat(1025))).starts_with("notes: title is longer"));
        assert!(refused(note("a\nb")).contains("line break"));
        assert_eq!(refused(note(&"x".repeat(1024))), "accepted");
        let task = Task {
            title: "t".to_owned(),
            priority: Some(10),
            ..Task::default()
        };
        assert!(refused(Record::Task(task)).starts_with("tasks: priority"));
        let memory = Memory {
            text: "t".to_owned(),
            confidence: Some(101),
            ..Memory::default()
        };
        assert!(refused(Record::Memory(memory)).starts_with("memory: confidence"));
        let tags = vec![String::new(); 257];
        let memory = Memory {
            text: "t".to_owned(),
            tags,
            ..Memory::default()
        };
        assert!(refused(Record::Memory(memory)).contains("256"));
        let body = "x".repeat(MAX_RECORD_BYTES + 1);
        let note = Note {
            title: "t".to_owned(),
            body,
            ..Note::default()
        };
        assert!(refused(Record::Note(note)).contains("8 MiB"));
    }

    #[test]
    fn content_is_checked_when_it_is_read_from_bytes() {
        let bytes = postcard::to_stdvec(&Record::Task(Task::default())).unwrap();
        assert!(postcard::from_bytes::<Content>(&bytes).is_err());
        let good = Record::Task(Task {
            title: "t".to_owned(),
            ..Task::default()
        });
        let bytes = postcard::to_stdvec(&good).unwrap();
        assert!(postcard::from_bytes::<Content>(&bytes).is_ok_and(|content| *content.record() == good));
    }

    #[test]
    fn what_is_just_within_the_limits_is_taken() {
        let note = |body: usize| {
            Record::Note(Note {
                body: "x".repeat(body),
                ..Note::default()
            })
        };
        assert_eq!(refused(note(8_388_608)), "accepted", "without a title");
        assert!(refused(note(8_388_609)).contains("8 MiB"));
        let memory = |confidence, tags| {
            Record::Memory(Memory {
                text: "t".to_owned(),
                confidence,
                tags: vec!["x".to_owned(); tags],
                ..Memory::default()
            })
        };
        assert_eq!(refused(memory(None, 0)), "accepted");
        assert_eq!(refused(memory(Some(100), 256)), "accepted");
        assert!(refused(memory(None, 257)).contains("256"));
        let chat = |messages| {
            Record::Conversation(Conversation {
                title: "t".to_owned(),
                messages: vec![Message::default(); messages],
                ..Conversation::default()
            })
        };
        assert_eq!(refused(chat(262_143)), "accepted");
        assert!(
            refused(chat(262_144)).contains("8 MiB"),
            "messages without a word take room too"
        );
    }

    #[test]
    fn an_error_names_the_field_and_what_is_wrong() {
        let error = |record| Content::check(record).map(|_| ()).unwrap_err();
        let document = Document {
            name: "a\rb".to_owned(),
            ..Document::default()
        };
        let found = error(Record::Document(document));
        assert_eq!(
            (found.category(), found.field(), found.problem()),
            (Category::Documents, "name", Problem::LineBreak)
        );
        let tagged = Task {
            title: "t".to_owned(),
            tags: vec!["fine".to_owned(), "x".repeat(1025)],
            ..Task::default()
        };
        let found = error(Record::Task(tagged));
        assert_eq!((found.field(), found.problem()), ("a tag", Problem::TooLong));
        let phones = vec![Labelled::default(); 257];
        let contact = Contact {
            name: "n".to_owned(),
            phones,
            ..Contact::default()
        };
        assert_eq!(error(Record::Contact(contact)).problem(), Problem::TooMany);
        let properties = vec![Property::default(); 257];
        let note = Note {
            title: "t".to_owned(),
            properties,
            ..Note::default()
        };
        assert_eq!(error(Record::Note(note)).problem(), Problem::TooMany);
    }
}
