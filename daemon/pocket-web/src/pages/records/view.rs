//! How a record is shown.

use pocket_core::{
    Contact, Conversation, Document, Entry, Labelled, Memory, Note, Origin, Outbox, Record, Task, When,
};

use crate::present::{Moment, bytes_in_words, counted, records_path};

/// Longest title in a list, in characters.
const TITLE: usize = 120;

/// A line of a list.
pub(crate) struct Row {
    /// Where the record is shown.
    pub(crate) path: String,
    /// What it is called.
    pub(crate) title: String,
    /// A few more words on it.
    pub(crate) detail: String,
    /// Whether it is a task that is done.
    pub(crate) done: bool,
    /// Its labels.
    pub(crate) tags: Vec<String>,
    /// When it was last changed.
    pub(crate) updated: Moment,
}

impl From<&Entry> for Row {
    fn from(entry: &Entry) -> Self {
        let record = entry.content.record();
        Self {
            path: path(entry),
            title: title(record),
            detail: detail(record),
            done: matches!(record, Record::Task(task) if task.done),
            tags: tags(record).to_vec(),
            updated: Moment(entry.updated),
        }
    }
}

/// Where a record is shown.
pub(crate) fn path(entry: &Entry) -> String {
    let category = entry.content.category();
    match entry.content.record() {
        Record::Secret(_) | Record::Setting(_) => records_path(category),
        _ => format!("{}/{}", records_path(category), entry.id),
    }
}

/// What to call a record, cut to one line's length.
pub(crate) fn title(record: &Record) -> String {
    shortened(record.title())
}

fn shortened(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let mut short: String = line.chars().take(TITLE).collect();
    if short.len() < line.len() {
        short.push('\u{2026}');
    }
    short
}

/// What follows the line that serves as the title.
fn after_first_line(text: &str) -> String {
    let (_, rest) = text.trim_start().split_once('\n').unwrap_or_default();
    shortened(rest)
}

fn tags(record: &Record) -> &[String] {
    match record {
        Record::Contact(contact) => &contact.tags,
        Record::Conversation(conversation) => &conversation.tags,
        Record::Document(document) => &document.tags,
        Record::Memory(memory) => &memory.tags,
        Record::Note(note) => &note.tags,
        Record::Task(task) => &task.tags,
        Record::Outbox(_) | Record::Secret(_) | Record::Setting(_) => &[],
    }
}

fn detail(record: &Record) -> String {
    match record {
        Record::Contact(contact) => {
            let first = |list: &[Labelled]| {
                list.first()
                    .map(|labelled| labelled.value.clone())
                    .unwrap_or_default()
            };
            joined([
                contact.organisation.clone(),
                first(&contact.phones),
                first(&contact.emails),
            ])
        }
        Record::Conversation(conversation) => {
            let count = u64::try_from(conversation.messages.len()).unwrap_or(u64::MAX);
            joined([
                conversation.channel.clone(),
                counted(count, "message"),
                String::new(),
            ])
        }
        Record::Document(document) => joined([
            document.media_type.clone(),
            bytes_in_words(document.size),
            String::new(),
        ]),
        Record::Memory(memory) if memory.subject.is_empty() => memory.source.clone(),
        Record::Memory(memory) => shortened(&memory.text),
        Record::Note(note) if note.title.is_empty() => after_first_line(&note.body),
        Record::Note(note) => shortened(&note.body),
        Record::Outbox(outbox) => joined([
            outbox.channel.clone(),
            outbox.to.clone(),
            state(outbox).to_owned(),
        ]),
        Record::Secret(secret) => secret.note.clone(),
        Record::Setting(setting) => setting.value.clone(),
        Record::Task(task) => {
            let due = task.due.as_ref().map(|due| format!("due {}", spaced(due)));
            joined([
                due.unwrap_or_default(),
                task.list.clone(),
                priority(task.priority),
            ])
        }
    }
}

fn joined(parts: [String; 3]) -> String {
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    said.join(" \u{b7} ")
}

fn priority(priority: Option<u8>) -> String {
    priority
        .map(|priority| format!("priority {priority}"))
        .unwrap_or_default()
}

fn spaced(when: &When) -> String {
    when.as_str().replace('T', " ")
}

const fn state(outbox: &Outbox) -> &'static str {
    match outbox.state {
        pocket_core::OutboxState::Draft => "draft",
        pocket_core::OutboxState::Failed => "failed",
        pocket_core::OutboxState::Queued => "queued",
        pocket_core::OutboxState::Sent => "sent",
    }
}

/// Who brought a record in, in words.
pub(crate) const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Agent => "an agent",
        Origin::Import => "an import",
        Origin::Owner => "you",
    }
}

/// A field of a record with what it says.
pub(crate) struct Fact {
    /// The field in words.
    pub(crate) label: &'static str,
    /// What it says.
    pub(crate) value: Value,
}

/// What a field says, by the way in which it is shown.
pub(crate) enum Value {
    /// One line.
    Line(String),
    /// One under the other, each with a label that may be empty.
    List(Vec<(String, String)>),
    /// Messages: when, from whom, what.
    Messages(Vec<(String, String, String)>),
    /// Labels.
    Tags(Vec<String>),
    /// As it was typed.
    Text(String),
}

/// The fields of a record that say something.
pub(crate) fn facts(record: &Record) -> Vec<Fact> {
    let mut facts = match record {
        Record::Contact(contact) => contact_facts(contact),
        Record::Conversation(conversation) => conversation_facts(conversation),
        Record::Document(document) => document_facts(document),
        Record::Memory(memory) => memory_facts(memory),
        Record::Note(note) => note_facts(note),
        Record::Outbox(outbox) => outbox_facts(outbox),
        Record::Secret(secret) => vec![line("Name", &secret.name), line("Note", &secret.note)],
        Record::Setting(setting) => vec![line("Name", &setting.name), line("Value", &setting.value)],
        Record::Task(task) => task_facts(task),
    };
    facts.push(Fact {
        label: "Tags",
        value: Value::Tags(tags(record).to_vec()),
    });
    facts.retain(|fact| fact.value.says_something());
    facts
}

impl Value {
    fn says_something(&self) -> bool {
        match self {
            Self::Line(text) | Self::Text(text) => !text.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Messages(messages) => !messages.is_empty(),
            Self::Tags(tags) => !tags.is_empty(),
        }
    }
}

fn line(label: &'static str, text: &str) -> Fact {
    Fact {
        label,
        value: Value::Line(text.to_owned()),
    }
}

fn text(label: &'static str, text: &str) -> Fact {
    Fact {
        label,
        value: Value::Text(text.to_owned()),
    }
}

fn day(label: &'static str, when: Option<&When>) -> Fact {
    line(label, &when.map(spaced).unwrap_or_default())
}

fn list(label: &'static str, list: &[Labelled]) -> Fact {
    let pairs = list
        .iter()
        .map(|labelled| (labelled.label.clone(), labelled.value.clone()));
    Fact {
        label,
        value: Value::List(pairs.collect()),
    }
}

fn contact_facts(contact: &Contact) -> Vec<Fact> {
    let urls = contact
        .urls
        .iter()
        .map(|url| (String::new(), url.clone()))
        .collect();
    vec![
        line("Name", &contact.name),
        line("Nickname", &contact.nickname),
        line("Organisation", &contact.organisation),
        line("Role", &contact.role),
        list("Telephone", &contact.phones),
        list("E-mail", &contact.emails),
        list("Address", &contact.addresses),
        Fact {
            label: "Web",
            value: Value::List(urls),
        },
        line("Birthday", &contact.birthday),
        text("Note", &contact.note),
    ]
}

fn conversation_facts(conversation: &Conversation) -> Vec<Fact> {
    let messages = conversation.messages.iter().map(|message| {
        let at = message.at.as_ref().map(spaced).unwrap_or_default();
        (at, message.from.clone(), message.text.clone())
    });
    vec![
        line("Channel", &conversation.channel),
        Fact {
            label: "Messages",
            value: Value::Messages(messages.collect()),
        },
    ]
}

fn document_facts(document: &Document) -> Vec<Fact> {
    vec![
        line("Type", &document.media_type),
        line("Size", &bytes_in_words(document.size)),
        line("From file", &document.path),
        text("Note", &document.note),
        text("Text in it", &document.text),
        line("SHA-256", &document.sha256),
    ]
}

fn memory_facts(memory: &Memory) -> Vec<Fact> {
    let confidence = memory
        .confidence
        .map(|percent| format!("{percent} %"))
        .unwrap_or_default();
    vec![
        line("About", &memory.subject),
        text("Fact", &memory.text),
        line("Source", &memory.source),
        line("Confidence", &confidence),
        day("Holds from", memory.valid_from.as_ref()),
        day("Holds until", memory.valid_until.as_ref()),
    ]
}

fn note_facts(note: &Note) -> Vec<Fact> {
    let properties = note
        .properties
        .iter()
        .map(|property| (property.name.clone(), property.value.clone()));
    vec![
        text("Text", &note.body),
        Fact {
            label: "Properties",
            value: Value::List(properties.collect()),
        },
        line("From file", &note.path),
    ]
}

fn outbox_facts(outbox: &Outbox) -> Vec<Fact> {
    vec![
        line("State", state(outbox)),
        line("Channel", &outbox.channel),
        line("To", &outbox.to),
        line("Subject", &outbox.subject),
        text("Text", &outbox.body),
    ]
}

fn task_facts(task: &Task) -> Vec<Fact> {
    vec![
        line("State", if task.done { "done" } else { "to do" }),
        day("Done on", task.completed.as_ref()),
        day("Due", task.due.as_ref()),
        day("Start", task.start.as_ref()),
        line("List", &task.list),
        line(
            "Priority",
            &task
                .priority
                .map(|priority| priority.to_string())
                .unwrap_or_default(),
        ),
        line("Repeats", &task.repeat),
        text("Notes", &task.notes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let record = Record::Note(Note {
            title: "\u{fc}".repeat(500),
            ..Note::default()
        });
        assert_eq!(title(&record).chars().count(), TITLE + 1);
        let record = Record::Memory(Memory {
            text: "\n  \nfirst\nsecond".to_owned(),
            ..Memory::default()
        });
        assert_eq!(title(&record), "first");
    }

    #[test]
    fn empty_fields_are_not_shown() {
        let note = Note {
            title: "t".to_owned(),
            body: "b".to_owned(),
            ..Note::default()
        };
        let labels: Vec<&str> = facts(&Record::Note(note)).iter().map(|fact| fact.label).collect();
        assert_eq!(labels, ["Text"]);
    }
}
