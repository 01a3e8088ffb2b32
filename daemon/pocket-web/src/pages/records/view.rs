//! How a record is shown.

use pocket_core::{
    Contact, Document, Entry, Labelled, Memory, Note, Origin, Outbox, OutboxState, Record, RecordId, Task,
    Timestamp, When,
};

use crate::pages::viewing::pages_in_words;
use crate::present::{Moment, Phrase, bytes_in_words, counted, length, phrase, records_path};
use crate::words::Words;

/// Longest title in a list, in characters.
const TITLE: usize = 120;

/// Messages of a conversation on a page.
const MESSAGES: usize = 200;
/// What people call themselves in a chat that they keep.
const SELF: [&str; 4] = ["me", "you", "ich", "du"];

/// A line of a list.
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: RecordId,
    /// Where the record is shown.
    pub(crate) path: String,
    /// What it is called.
    pub(crate) title: String,
    /// A few more words on it.
    pub(crate) detail: Phrase,
    /// Whether it is a document with a small picture.
    pub(crate) preview: bool,
    /// Its id, if it is a task.
    pub(crate) task: Option<RecordId>,
    /// Whether it is a task that is done.
    pub(crate) done: bool,
    /// When it is due.
    pub(crate) due: Option<String>,
    /// Whether that is past.
    pub(crate) overdue: bool,
    /// Whether it comes again.
    pub(crate) repeats: bool,
    /// Its labels.
    pub(crate) tags: Vec<String>,
    /// When it was last changed.
    pub(crate) updated: Moment,
}

impl Row {
    /// Of an entry, as it is seen at `now`.
    pub(crate) fn new(entry: &Entry, t: &Words, now: Timestamp) -> Self {
        let record = entry.content.record();
        let mut row = Self {
            id: entry.id,
            path: path(entry),
            title: title(record),
            detail: detail(t, record),
            preview: matches!(record, Record::Document(document) if !document.thumbnail.is_empty()),
            task: None,
            done: false,
            due: None,
            overdue: false,
            repeats: false,
            tags: tags(record).to_vec(),
            updated: Moment(entry.updated),
        };
        if let Record::Task(task) = record {
            row.task = Some(entry.id);
            row.done = task.done;
            row.repeats = !task.repeat.is_empty();
            row.due = task.due.as_ref().map(|due| due.as_str().to_owned());
            let today = When::from_instant(now);
            row.overdue = !task.done && task.due.as_ref().is_some_and(|due| due.day() < today.day());
        }
        row
    }
}

/// Where a record is shown.
pub(crate) fn path(entry: &Entry) -> String {
    let category = entry.content.category();
    match entry.content.record() {
        Record::Secret(_) | Record::Setting(_) => records_path(category).to_owned(),
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

/// The labels of a record.
pub(crate) fn tags(record: &Record) -> &[String] {
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

fn detail(t: &Words, record: &Record) -> Phrase {
    match record {
        Record::Contact(contact) => {
            let first = |list: &[Labelled]| {
                list.first()
                    .map(|labelled| labelled.value.clone())
                    .unwrap_or_default()
            };
            joined([
                contact.organisation.as_str().into(),
                first(&contact.phones).into(),
                first(&contact.emails).into(),
            ])
        }
        Record::Conversation(conversation) => joined([
            conversation.channel.as_str().into(),
            counted(t, length(conversation.messages.len()), t.n_messages),
            conversation
                .messages
                .last()
                .map(|message| shortened(&message.text))
                .unwrap_or_default()
                .into(),
        ]),
        Record::Document(document) => joined([
            document.media_type.as_str().into(),
            bytes_in_words(t, document.size),
            pages_in_words(t, document),
            shortened(&document.note).into(),
        ]),
        Record::Memory(memory) if memory.subject.is_empty() => memory.source.as_str().into(),
        Record::Memory(memory) => shortened(&memory.text).into(),
        Record::Note(note) if note.title.is_empty() => after_first_line(&note.body).into(),
        Record::Note(note) => shortened(note.body.trim_start_matches(['#', ' '])).into(),
        Record::Outbox(outbox) => joined([
            outbox.channel.as_str().into(),
            outbox.to.as_str().into(),
            state(t, outbox).into(),
        ]),
        Record::Secret(secret) => secret.note.as_str().into(),
        Record::Setting(setting) => setting.value.as_str().into(),
        Record::Task(task) => joined([
            task.list.as_str().into(),
            task.priority
                .map(|priority| phrase(t, t.priority_is, &[priority.into()]))
                .unwrap_or_default(),
            shortened(&task.notes).into(),
        ]),
    }
}

fn joined<const N: usize>(parts: [Phrase; N]) -> Phrase {
    Phrase::joined(parts, " \u{b7} ")
}

const fn state(t: &Words, outbox: &Outbox) -> &'static str {
    match outbox.state {
        OutboxState::Draft => t.state_draft,
        OutboxState::Failed => t.state_failed,
        OutboxState::Queued => t.state_queued,
        OutboxState::Sent => t.state_sent,
    }
}

/// Who brought a record in, in words.
pub(crate) const fn origin(t: &Words, origin: Origin) -> &'static str {
    match origin {
        Origin::Agent => t.an_agent,
        Origin::Broker => t.by_broker,
        Origin::Import => t.an_import,
        Origin::Owner => t.you,
    }
}

/// A message as it is shown.
pub(crate) struct Message {
    /// When; may be empty.
    pub(crate) at: String,
    /// From whom; empty for a notice of the service itself.
    pub(crate) from: String,
    /// What it says.
    pub(crate) text: String,
    /// Whether it is the owner's own.
    pub(crate) own: bool,
}

/// The messages of a conversation before the one of this number, and whether there are earlier ones.
pub(crate) fn thread(record: &Record, before: Option<usize>) -> (Vec<Message>, Option<usize>) {
    let Record::Conversation(conversation) = record else {
        return (Vec::new(), None);
    };
    let all = &conversation.messages;
    let until = before.unwrap_or(all.len()).min(all.len());
    let from = until.saturating_sub(MESSAGES);
    let shown = all.get(from..until).unwrap_or_default();
    let messages = shown.iter().map(|message| Message {
        at: message
            .at
            .as_ref()
            .map(|at| at.as_str().to_owned())
            .unwrap_or_default(),
        from: message.from.clone(),
        text: message.text.clone(),
        own: SELF.contains(&message.from.to_lowercase().as_str()),
    });
    (messages.collect(), (from > 0).then_some(from))
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
    /// A day, or a day and a time.
    Day(String),
    /// One line.
    Line(String),
    /// One under the other.
    Links(Vec<Link>),
    /// A text with numbers in it.
    Phrase(Phrase),
    /// Labels.
    Tags(Vec<String>),
    /// As it was typed.
    Text(String),
}

/// A value that may lead somewhere.
pub(crate) struct Link {
    /// What it is for; may be empty.
    pub(crate) label: String,
    /// What it says.
    pub(crate) text: String,
    /// Where it leads; empty if nowhere.
    pub(crate) href: String,
}

/// The fields of a record that say something. `prose`: a note's text is shown already.
pub(crate) fn facts(t: &Words, record: &Record, prose: bool) -> Vec<Fact> {
    let mut facts = match record {
        Record::Contact(contact) => contact_facts(t, contact),
        Record::Conversation(conversation) => vec![line(t.channel, &conversation.channel)],
        Record::Document(document) => document_facts(t, document),
        Record::Memory(memory) => memory_facts(t, memory),
        Record::Note(note) => note_facts(t, note, prose),
        Record::Outbox(outbox) => outbox_facts(t, outbox),
        Record::Secret(secret) => vec![line(t.name, &secret.name), line(t.note, &secret.note)],
        Record::Setting(setting) => vec![line(t.name, &setting.name), line(t.value, &setting.value)],
        Record::Task(task) => task_facts(t, task),
    };
    facts.push(Fact {
        label: t.tags,
        value: Value::Tags(tags(record).to_vec()),
    });
    facts.retain(|fact| fact.value.says_something());
    facts
}

impl Value {
    fn says_something(&self) -> bool {
        match self {
            Self::Day(text) | Self::Line(text) | Self::Text(text) => !text.is_empty(),
            Self::Links(list) => !list.is_empty(),
            Self::Phrase(phrase) => !phrase.is_empty(),
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
    Fact {
        label,
        value: Value::Day(when.map(|when| when.as_str().to_owned()).unwrap_or_default()),
    }
}

/// Each with a link of this scheme; without a scheme, with none.
fn list(label: &'static str, list: &[Labelled], scheme: &str) -> Fact {
    let links = list.iter().map(|labelled| Link {
        label: labelled.label.clone(),
        href: link_to(scheme, &labelled.value),
        text: labelled.value.clone(),
    });
    Fact {
        label,
        value: Value::Links(links.collect()),
    }
}

/// The scheme is ours and the value cannot leave it: what has no place in a number or an address is
/// dropped or stops the link.
fn link_to(scheme: &str, value: &str) -> String {
    let value = value.trim();
    match scheme {
        "tel:" => {
            let number: String = value
                .chars()
                .filter(|c| c.is_ascii_digit() || "+*#".contains(*c))
                .collect();
            if number.is_empty() {
                String::new()
            } else {
                format!("tel:{}", number.replace('#', "%23"))
            }
        }
        "mailto:" if value.contains('@') && !value.contains([' ', '?', '&', '<', '>', '"', '%']) => {
            format!("mailto:{value}")
        }
        "http" => {
            let lower = value.to_ascii_lowercase();
            let is_web = lower.starts_with("http://") || lower.starts_with("https://");
            if is_web && !value.chars().any(char::is_control) {
                value.to_owned()
            } else {
                String::new()
            }
        }
        _ => String::new(),
    }
}

fn contact_facts(t: &Words, contact: &Contact) -> Vec<Fact> {
    let urls: Vec<Labelled> = contact
        .urls
        .iter()
        .map(|url| Labelled {
            label: String::new(),
            value: url.clone(),
        })
        .collect();
    vec![
        line(t.nickname, &contact.nickname),
        line(t.organisation, &contact.organisation),
        line(t.role, &contact.role),
        list(t.telephone, &contact.phones, "tel:"),
        list(t.email, &contact.emails, "mailto:"),
        list(t.address, &contact.addresses, ""),
        list(t.web, &urls, "http"),
        line(t.birthday, &contact.birthday),
        text(t.note, &contact.note),
    ]
}

fn document_facts(t: &Words, document: &Document) -> Vec<Fact> {
    vec![
        line(t.media_type, &document.media_type),
        Fact {
            label: t.size,
            value: Value::Phrase(bytes_in_words(t, document.size)),
        },
        Fact {
            label: t.pages,
            value: Value::Phrase(pages_in_words(t, document)),
        },
        line(t.from_file, &document.path),
        text(t.note, &document.note),
        text(t.text_in_it, &document.text),
        line(t.sha256, &document.sha256),
    ]
}

fn memory_facts(t: &Words, memory: &Memory) -> Vec<Fact> {
    let confidence = memory
        .confidence
        .map(|percent| format!("{percent} %"))
        .unwrap_or_default();
    vec![
        line(t.about, &memory.subject),
        text(t.fact, &memory.text),
        line(t.source, &memory.source),
        line(t.confidence, &confidence),
        day(t.holds_from, memory.valid_from.as_ref()),
        day(t.holds_until, memory.valid_until.as_ref()),
    ]
}

fn note_facts(t: &Words, note: &Note, prose: bool) -> Vec<Fact> {
    let properties = note.properties.iter().map(|property| Link {
        label: property.name.clone(),
        text: property.value.clone(),
        href: String::new(),
    });
    vec![
        text(t.text, if prose { "" } else { &note.body }),
        Fact {
            label: t.properties,
            value: Value::Links(properties.collect()),
        },
        line(t.from_file, &note.path),
    ]
}

fn outbox_facts(t: &Words, outbox: &Outbox) -> Vec<Fact> {
    vec![
        line(t.state, state(t, outbox)),
        line(t.channel, &outbox.channel),
        line(t.to, &outbox.to),
        line(t.subject, &outbox.subject),
        text(t.text, &outbox.body),
    ]
}

fn task_facts(t: &Words, task: &Task) -> Vec<Fact> {
    vec![
        line(t.state, if task.done { t.is_done } else { t.to_do }),
        day(t.done_on, task.completed.as_ref()),
        day(t.due, task.due.as_ref()),
        day(t.start, task.start.as_ref()),
        line(t.list, &task.list),
        line(
            t.priority,
            &task
                .priority
                .map(|priority| priority.to_string())
                .unwrap_or_default(),
        ),
        line(t.repeats, repeat_in_words(t, &task.repeat)),
        text(t.notes, &task.notes),
    ]
}

/// A repeat in words, if it is one of the plain ones; else the rule as it is.
pub(crate) fn repeat_in_words<'a>(t: &Words, rule: &'a str) -> &'a str {
    match rule {
        "FREQ=DAILY" => t.daily,
        "FREQ=WEEKLY" => t.weekly,
        "FREQ=WEEKLY;INTERVAL=2" => t.fortnightly,
        "FREQ=MONTHLY" => t.monthly,
        "FREQ=YEARLY" => t.yearly,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

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
        let labels: Vec<&str> = facts(&ENGLISH, &Record::Note(note), false)
            .iter()
            .map(|fact| fact.label)
            .collect();
        assert_eq!(labels, ["Text"]);
    }

    #[test]
    fn a_contact_leads_to_no_foreign_scheme() {
        for (scheme, value, href) in [
            ("tel:", "+49 (30) 12-34", "tel:+49301234"),
            ("tel:", "javascript:alert()", ""),
            ("mailto:", "a@b.example", "mailto:a@b.example"),
            ("mailto:", "a@b.example?bcc=c", ""),
            ("http", "HTTPS://a.example", "HTTPS://a.example"),
            ("http", "javascript:http://", ""),
            ("http", "https://a\nb", ""),
            ("", "x", ""),
        ] {
            assert_eq!(link_to(scheme, value), href, "{value}");
        }
    }

    #[test]
    fn a_long_conversation_comes_in_parts() {
        let message = |number: usize| pocket_core::Message {
            text: number.to_string(),
            ..pocket_core::Message::default()
        };
        let record = Record::Conversation(pocket_core::Conversation {
            title: "t".to_owned(),
            messages: (0..450).map(message).collect(),
            ..pocket_core::Conversation::default()
        });
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let (part, earlier) = thread(&record, before);
            seen.splice(0..0, part.into_iter().map(|message| message.text));
            before = earlier;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(
            seen,
            (0..450).map(|number| number.to_string()).collect::<Vec<_>>()
        );
    }
}
