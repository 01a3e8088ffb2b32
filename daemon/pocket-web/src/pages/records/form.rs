//! A record as a form, and the form read back. What has no field in the form stays as it was.

use pocket_core::{
    Category, Contact, Content, Conversation, Document, Failure, FailureKind, Labelled, Memory, Message,
    Note, Outbox, Record, Task, Timestamp, When,
};

use crate::fields::Fields;
use crate::words::{Words, fill};

use super::invalid;
use super::view::repeat_in_words;

/// A field of the form.
pub(crate) struct Input {
    /// Its name in the form.
    pub(crate) name: &'static str,
    /// What people read.
    pub(crate) label: &'static str,
    /// What to write there; may be empty.
    pub(crate) hint: &'static str,
    /// What stands there; of a box, empty when it is not ticked.
    pub(crate) value: String,
    /// What it is made of.
    pub(crate) kind: Kind,
    /// Whether a record can't be without.
    pub(crate) required: bool,
    /// What is stored, in words, where others have changed that meanwhile.
    pub(crate) stored: Option<String>,
}

/// What a field is made of.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A box to tick.
    Box,
    /// A day, without a time.
    Day,
    /// One line.
    Line,
    /// A whole number, from and to.
    Number(u8, u8),
    /// How a task repeats.
    Repeat,
    /// Many lines.
    Text,
}

impl Kind {
    /// The `type` of an `input` element.
    pub(crate) const fn html(self) -> &'static str {
        match self {
            Self::Box => "checkbox",
            Self::Day => "date",
            Self::Line | Self::Repeat | Self::Text => "text",
            Self::Number(..) => "number",
        }
    }

    /// The bounds of a number.
    pub(crate) const fn bounds(self) -> Option<(u8, u8)> {
        match self {
            Self::Number(least, most) => Some((least, most)),
            _ => None,
        }
    }
}

/// An empty record of a category that has forms.
pub(crate) fn blank(category: Category) -> Option<Record> {
    Some(match category {
        Category::Audit | Category::Documents | Category::Secrets | Category::Settings => return None,
        Category::Contacts => Record::Contact(Contact::default()),
        Category::Conversations => Record::Conversation(Conversation::default()),
        Category::Memory => Record::Memory(Memory::default()),
        Category::Notes => Record::Note(Note::default()),
        Category::Outbox => Record::Outbox(Outbox::default()),
        Category::Tasks => Record::Task(Task::default()),
    })
}

/// The form of a record.
pub(crate) fn inputs(t: &Words, record: &Record) -> Vec<Input> {
    match record {
        Record::Contact(contact) => contact_inputs(t, contact),
        Record::Conversation(conversation) => vec![
            required("title", t.with_whom, &conversation.title),
            line("channel", t.channel, &conversation.channel),
            text("messages", t.add_messages, "").hint(t.add_messages_hint),
            tags_input(t, &conversation.tags),
        ],
        Record::Document(document) => vec![
            required("name", t.name, &document.name),
            line("media_type", t.media_type, &document.media_type),
            text("note", t.note, &document.note),
            tags_input(t, &document.tags),
        ],
        Record::Memory(memory) => memory_inputs(t, memory),
        Record::Note(note) => vec![
            line("title", t.title, &note.title),
            text("body", t.text, &note.body).hint(t.markdown_hint),
            tags_input(t, &note.tags),
        ],
        Record::Outbox(outbox) => vec![
            required("to", t.to, &outbox.to),
            line("channel", t.channel, &outbox.channel),
            line("subject", t.subject, &outbox.subject),
            text("body", t.text, &outbox.body),
        ],
        Record::Secret(_) | Record::Setting(_) => Vec::new(),
        Record::Task(task) => task_inputs(t, task),
    }
}

fn contact_inputs(t: &Words, contact: &Contact) -> Vec<Input> {
    let labelled = t.labelled_hint;
    vec![
        required("name", t.name, &contact.name),
        line("nickname", t.nickname, &contact.nickname),
        line("organisation", t.organisation, &contact.organisation),
        line("role", t.role, &contact.role),
        text("phones", t.telephone, &labelled_text(&contact.phones)).hint(labelled),
        text("emails", t.email, &labelled_text(&contact.emails)).hint(labelled),
        text("addresses", t.address, &labelled_text(&contact.addresses)).hint(labelled),
        text("urls", t.web, &contact.urls.join("\n")).hint(t.one_a_line),
        line("birthday", t.birthday, &contact.birthday),
        text("note", t.note, &contact.note),
        tags_input(t, &contact.tags),
    ]
}

fn memory_inputs(t: &Words, memory: &Memory) -> Vec<Input> {
    vec![
        line("subject", t.about, &memory.subject).hint(t.about_hint),
        Input {
            required: true,
            ..text("text", t.fact, &memory.text)
        },
        line("source", t.source, &memory.source).hint(t.source_hint),
        number("confidence", t.confidence, memory.confidence, 0, 100).hint(t.confidence_hint),
        day(t, "valid_from", t.holds_from, memory.valid_from.as_ref()),
        day(t, "valid_until", t.holds_until, memory.valid_until.as_ref()),
        tags_input(t, &memory.tags),
    ]
}

fn task_inputs(t: &Words, task: &Task) -> Vec<Input> {
    let done = Input {
        kind: Kind::Box,
        ..line("done", t.done, if task.done { "yes" } else { "" })
    };
    vec![
        required("title", t.what_to_do, &task.title),
        day(t, "due", t.due, task.due.as_ref()),
        day(t, "start", t.start, task.start.as_ref()),
        line("list", t.list, &task.list),
        number("priority", t.priority, task.priority, 1, 9).hint(t.priority_hint),
        Input {
            kind: Kind::Repeat,
            ..line("repeat", t.repeats, &task.repeat)
        }
        .hint(t.repeats_hint),
        text("notes", t.notes_on_it, &task.notes),
        tags_input(t, &task.tags),
        done,
    ]
}

fn line(name: &'static str, label: &'static str, value: &str) -> Input {
    Input {
        name,
        label,
        hint: "",
        value: value.to_owned(),
        kind: Kind::Line,
        required: false,
        stored: None,
    }
}

fn required(name: &'static str, label: &'static str, value: &str) -> Input {
    Input {
        required: true,
        ..line(name, label, value)
    }
}

fn text(name: &'static str, label: &'static str, value: &str) -> Input {
    Input {
        kind: Kind::Text,
        ..line(name, label, value)
    }
}

fn number(name: &'static str, label: &'static str, value: Option<u8>, least: u8, most: u8) -> Input {
    let value = value.map(|number| number.to_string()).unwrap_or_default();
    Input {
        kind: Kind::Number(least, most),
        ..line(name, label, &value)
    }
}

/// A calendar, unless the value has a time, which a calendar would lose.
fn day(t: &Words, name: &'static str, label: &'static str, when: Option<&When>) -> Input {
    let value = when.map_or("", When::as_str);
    if value.len() > 10 {
        return line(name, label, value).hint(t.day_hint);
    }
    Input {
        kind: Kind::Day,
        ..line(name, label, value)
    }
}

fn tags_input(t: &Words, tags: &[String]) -> Input {
    line("tags", t.tags, &tags.join(", ")).hint(t.tags_hint)
}

impl Input {
    fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }
}

impl Input {
    /// What stands there, as people read it.
    fn in_words(&self, t: &Words) -> String {
        match (self.kind, self.value.as_str()) {
            (Kind::Box, "") => t.not_done.to_owned(),
            (Kind::Box, _) => t.done.to_owned(),
            (Kind::Repeat, "") => t.never.to_owned(),
            (Kind::Repeat, rule) => repeat_in_words(t, rule).to_owned(),
            (_, "") => t.nothing_there.to_owned(),
            (_, text) => text.to_owned(),
        }
    }

    /// The choices of a repeat: the plain ones, and what an import brought.
    pub(crate) fn rules(&self, t: &'static Words) -> Vec<(String, String)> {
        let plain = [
            "",
            "FREQ=DAILY",
            "FREQ=WEEKLY",
            "FREQ=WEEKLY;INTERVAL=2",
            "FREQ=MONTHLY",
            "FREQ=YEARLY",
        ];
        let own = Some(self.value.as_str()).filter(|own| !plain.contains(own));
        let words = |rule: &str| match rule {
            "" => t.never.to_owned(),
            rule => repeat_in_words(t, rule).to_owned(),
        };
        plain
            .into_iter()
            .chain(own)
            .map(|rule| (rule.to_owned(), words(rule)))
            .collect()
    }
}

/// The form as it begins: with what was typed into it before, if that was kept.
pub(crate) fn begun(t: &Words, record: &Record, kept: Option<&Fields>) -> Vec<Input> {
    kept.map_or_else(|| inputs(t, record), |kept| typed(t, record, kept))
}

/// The form again, as it was typed.
pub(crate) fn typed(t: &Words, record: &Record, fields: &Fields) -> Vec<Input> {
    let refill = |input: Input| Input {
        value: fields.text(input.name).to_owned(),
        ..input
    };
    inputs(t, record).into_iter().map(refill).collect()
}

/// The same, with what is stored in `record` beside each field that differs.
pub(crate) fn compared(t: &Words, record: &Record, fields: &Fields) -> Vec<Input> {
    let pairs = inputs(t, record).into_iter().zip(typed(t, record, fields));
    let compare = |(stored, typed): (Input, Input)| Input {
        // Messages are only ever added.
        stored: (stored.value != typed.value && typed.name != "messages").then(|| stored.in_words(t)),
        ..typed
    };
    pairs.map(compare).collect()
}

/// Reads the form over `record`.
///
/// # Errors
/// [`FailureKind::Invalid`] names the field.
pub(crate) fn read(t: &Words, record: &Record, fields: &Fields, now: Timestamp) -> Result<Content, Failure> {
    let read = match record.clone() {
        Record::Contact(contact) => Record::Contact(read_contact(contact, fields)),
        Record::Conversation(conversation) => Record::Conversation(read_conversation(conversation, fields)),
        Record::Document(document) => Record::Document(Document {
            name: own(fields, "name"),
            media_type: own(fields, "media_type"),
            note: fields.text("note").to_owned(),
            tags: read_tags(&document.tags, fields),
            ..document
        }),
        Record::Memory(memory) => Record::Memory(read_memory(t, memory, fields)?),
        Record::Note(note) => Record::Note(Note {
            title: own(fields, "title"),
            body: fields.text("body").to_owned(),
            tags: read_tags(&note.tags, fields),
            ..note
        }),
        Record::Outbox(outbox) => Record::Outbox(Outbox {
            channel: own(fields, "channel"),
            to: own(fields, "to"),
            subject: own(fields, "subject"),
            body: fields.text("body").to_owned(),
            ..outbox
        }),
        Record::Task(task) => Record::Task(read_task(t, task, fields, now)?),
        fixed @ (Record::Secret(_) | Record::Setting(_)) => fixed,
    };
    invalid::check(t, read)
}

fn own(fields: &Fields, name: &str) -> String {
    fields.line(name).to_owned()
}

fn read_contact(contact: Contact, fields: &Fields) -> Contact {
    let unchanged_urls = fields.text("urls") == contact.urls.join("\n");
    let urls = if unchanged_urls {
        contact.urls
    } else {
        lines(fields.text("urls"))
    };
    Contact {
        name: own(fields, "name"),
        nickname: own(fields, "nickname"),
        organisation: own(fields, "organisation"),
        role: own(fields, "role"),
        phones: read_labelled(contact.phones, fields.text("phones")),
        emails: read_labelled(contact.emails, fields.text("emails")),
        addresses: read_labelled(contact.addresses, fields.text("addresses")),
        urls,
        birthday: own(fields, "birthday"),
        note: fields.text("note").to_owned(),
        tags: read_tags(&contact.tags, fields),
    }
}

fn read_conversation(conversation: Conversation, fields: &Fields) -> Conversation {
    let tags = read_tags(&conversation.tags, fields);
    let added = lines(fields.text("messages"))
        .into_iter()
        .map(|line| match line.split_once(": ") {
            Some((from, text)) => Message {
                at: None,
                from: from.to_owned(),
                text: text.to_owned(),
            },
            None => Message {
                text: line,
                ..Message::default()
            },
        });
    Conversation {
        title: own(fields, "title"),
        channel: own(fields, "channel"),
        tags,
        messages: conversation.messages.into_iter().chain(added).collect(),
    }
}

fn read_memory(t: &Words, memory: Memory, fields: &Fields) -> Result<Memory, Failure> {
    Ok(Memory {
        subject: own(fields, "subject"),
        text: fields.text("text").to_owned(),
        tags: read_tags(&memory.tags, fields),
        source: own(fields, "source"),
        confidence: read_number(t, fields, "confidence", t.confidence)?,
        valid_from: read_day(t, fields, "valid_from", t.holds_from)?,
        valid_until: read_day(t, fields, "valid_until", t.holds_until)?,
    })
}

fn read_task(t: &Words, task: Task, fields: &Fields, now: Timestamp) -> Result<Task, Failure> {
    let done = fields.ticked("done");
    let completed = match (task.done, done) {
        (true, true) => task.completed,
        (false, true) => Some(When::from_instant(now)),
        (_, false) => None,
    };
    Ok(Task {
        title: own(fields, "title"),
        notes: fields.text("notes").to_owned(),
        list: own(fields, "list"),
        tags: read_tags(&task.tags, fields),
        done,
        completed,
        start: read_day(t, fields, "start", t.start)?,
        due: read_day(t, fields, "due", t.due)?,
        priority: read_number(t, fields, "priority", t.priority)?,
        repeat: own(fields, "repeat"),
    })
}

fn read_number(t: &Words, fields: &Fields, name: &str, label: &str) -> Result<Option<u8>, Failure> {
    match fields.line(name) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Failure::new(
                FailureKind::Invalid,
                fill(t.not_a_number, &[label]),
                t.digits_only,
            )
        }),
    }
}

fn read_day(t: &Words, fields: &Fields, name: &str, label: &str) -> Result<Option<When>, Failure> {
    match fields.line(name) {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Failure::new(FailureKind::Invalid, fill(t.not_a_date, &[label]), t.day_hint)),
    }
}

/// Tags that an import brought in may hold commas: those that nobody touched stay as they are.
fn read_tags(before: &[String], fields: &Fields) -> Vec<String> {
    let text = fields.text("tags");
    if text == before.join(", ") {
        before.to_vec()
    } else {
        split_tags(text)
    }
}

/// Tags with commas between them.
pub(crate) fn split_tags(text: &str) -> Vec<String> {
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(str::to_owned).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

fn labelled_text(list: &[Labelled]) -> String {
    let line = |labelled: &Labelled| {
        if labelled.label.is_empty() {
            labelled.value.clone()
        } else {
            format!("{}: {}", labelled.label, labelled.value)
        }
    };
    list.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// As with tags, what nobody touched stays as it is.
fn read_labelled(before: Vec<Labelled>, text: &str) -> Vec<Labelled> {
    if text == labelled_text(&before) {
        return before;
    }
    let read = |line: String| match line.split_once(": ") {
        Some((label, value)) => Labelled {
            label: label.to_owned(),
            value: value.trim().to_owned(),
        },
        None => Labelled {
            label: String::new(),
            value: line,
        },
    };
    lines(text).into_iter().map(read).collect()
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
