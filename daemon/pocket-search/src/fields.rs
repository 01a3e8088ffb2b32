//! What of a record is found by which field, and what a list needs to know of it.

use pocket_core::{Entry, Record, Timestamp, When};
use serde::{Deserialize, Serialize};

use crate::words::for_each_word;

/// Where in a record a word stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Field {
    /// Lists, paths, sources, web addresses.
    Place,
    /// Who: names in messages, addresses, telephone numbers, organisations.
    People,
    /// Labels.
    Tag,
    /// The text itself.
    Text,
    /// Title, name, subject.
    Title,
}

impl Field {
    /// Its name in a query; `None` for a word that names none.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "title" | "name" | "subject" => Self::Title,
            "text" | "body" => Self::Text,
            "tag" | "tags" => Self::Tag,
            "from" | "to" | "with" | "who" => Self::People,
            "list" | "path" | "source" | "place" => Self::Place,
            _ => return None,
        })
    }

    const fn code(self) -> u32 {
        match self {
            Self::Text => 0,
            Self::Title => 1,
            Self::Tag => 2,
            Self::People => 3,
            Self::Place => 4,
        }
    }

    /// How much a word counts here.
    const fn weight(self) -> u32 {
        match self {
            Self::Title => 4,
            Self::Tag => 3,
            Self::People => 2,
            Self::Text | Self::Place => 1,
        }
    }

    /// Whether a place lies in this field.
    pub(crate) const fn holds(self, place: u32) -> bool {
        place >> FIELD_SHIFT == self.code()
    }
}

const FIELD_SHIFT: u32 = 27;
/// Words between two values of a field, so that no phrase spans them.
const GAP: u32 = 8;
const MOST_WORDS: u32 = (1 << FIELD_SHIFT) - 1;

/// The words of one record: each with its weight and places.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) words: std::collections::BTreeMap<String, (u32, Vec<u32>)>,
    pub(crate) length: u32,
    next: [u32; 5],
}

impl Gathered {
    pub(crate) fn of(record: &Record) -> Self {
        let mut gathered = Self::default();
        for_each_value(record, &mut |field, text| gathered.add(field, text));
        // Fields are met as the record has them; places must ascend.
        gathered
            .words
            .values_mut()
            .for_each(|(_, places)| places.sort_unstable());
        gathered
    }

    fn add(&mut self, field: Field, text: &str) {
        let Some(next) = self.next.get_mut(field.code() as usize) else {
            return;
        };
        for_each_word(text, true, &mut |word, _| {
            let place = (field.code() << FIELD_SHIFT) | *next;
            *next = next.saturating_add(1).min(MOST_WORDS);
            self.length = self.length.saturating_add(1);
            if let Some((weight, places)) = self.words.get_mut(word) {
                *weight = weight.saturating_add(field.weight());
                places.push(place);
            } else {
                self.words.insert(word.to_owned(), (field.weight(), vec![place]));
            }
        });
        *next = next.saturating_add(GAP).min(MOST_WORDS);
    }
}

/// Gives every text of a record with the field that it belongs to, most telling first.
pub(crate) fn for_each_value<'a>(record: &'a Record, visit: &mut dyn FnMut(Field, &'a str)) {
    use Field::{People, Place, Tag, Text, Title};
    let mut tags: &[String] = &[];
    match record {
        Record::Contact(contact) => {
            visit(Title, &contact.name);
            visit(Title, &contact.nickname);
            visit(People, &contact.organisation);
            visit(People, &contact.role);
            for value in contact
                .phones
                .iter()
                .chain(&contact.emails)
                .chain(&contact.addresses)
            {
                visit(People, &value.value);
            }
            visit(Text, &contact.note);
            visit(Text, &contact.birthday);
            contact.urls.iter().for_each(|url| visit(Place, url));
            tags = &contact.tags;
        }
        Record::Conversation(conversation) => {
            visit(Title, &conversation.title);
            visit(Place, &conversation.channel);
            let mut last = "";
            for message in &conversation.messages {
                if message.from != last {
                    last = &message.from;
                    visit(People, last);
                }
                visit(Text, &message.text);
            }
            tags = &conversation.tags;
        }
        Record::Document(document) => {
            visit(Title, &document.name);
            visit(Text, &document.note);
            visit(Text, &document.text);
            visit(Place, &document.path);
            tags = &document.tags;
        }
        Record::Memory(memory) => {
            visit(Title, &memory.subject);
            visit(Text, &memory.text);
            visit(Place, &memory.source);
            tags = &memory.tags;
        }
        Record::Note(note) => {
            visit(Title, &note.title);
            visit(Text, &note.body);
            visit(Place, &note.path);
            inline_tags(&note.body).for_each(|tag| visit(Tag, tag));
            note.properties
                .iter()
                .for_each(|property| visit(Text, &property.value));
            tags = &note.tags;
        }
        Record::Outbox(outbox) => {
            visit(Title, &outbox.subject);
            visit(People, &outbox.to);
            visit(Text, &outbox.body);
            visit(Place, &outbox.channel);
        }
        Record::Secret(secret) => {
            visit(Title, &secret.name);
            visit(Text, &secret.note);
        }
        Record::Setting(setting) => {
            visit(Title, &setting.name);
            visit(Text, &setting.value);
        }
        Record::Task(task) => {
            visit(Title, &task.title);
            visit(Text, &task.notes);
            visit(Place, &task.list);
            tags = &task.tags;
        }
    }
    tags.iter().for_each(|tag| visit(Tag, tag));
}

/// The `#labels` that stand in a text.
fn inline_tags(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('#').filter_map(|(at, mark)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at + mark.len()..)?;
        let end = rest.find(|letter: char| !(letter.is_alphanumeric() || "-_/".contains(letter)));
        let tag = rest.get(..end.unwrap_or(rest.len()))?;
        (before.is_none_or(char::is_whitespace) && !tag.is_empty()).then_some(tag)
    })
}

/// What a list has to know of a record to put it in order and to narrow itself, without reading it.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Card {
    /// The beginning of its title, in small letters: what it is sorted by.
    pub title: String,
    /// When it came in.
    pub created: Timestamp,
    /// Its labels, those in a note's text too.
    pub tags: Vec<String>,
    /// The list that it stands on, if it is a task.
    pub list: String,
    /// When it is due, if it is a task; may be empty.
    pub due: String,
    /// 1 (first) to 9 (last); 10 for a task without.
    pub priority: u8,
    /// Whether it is done.
    pub done: bool,
}

/// Characters of a title that a card keeps.
const TITLE: usize = 48;

impl Card {
    pub(crate) fn of(entry: &Entry) -> Self {
        let record = entry.content.record();
        let title = record.title().chars().take(TITLE).flat_map(char::to_lowercase);
        let mut card = Self {
            title: title.collect(),
            created: entry.created,
            ..Self::default()
        };
        match record {
            Record::Contact(contact) => card.tags.clone_from(&contact.tags),
            Record::Conversation(conversation) => card.tags.clone_from(&conversation.tags),
            Record::Document(document) => card.tags.clone_from(&document.tags),
            Record::Memory(memory) => card.tags.clone_from(&memory.tags),
            Record::Note(note) => {
                let inline = inline_tags(&note.body).map(str::to_owned);
                card.tags = note.tags.iter().cloned().chain(inline).collect();
            }
            Record::Task(task) => {
                card.tags.clone_from(&task.tags);
                card.list.clone_from(&task.list);
                card.due = task.due.as_ref().map_or("", When::as_str).to_owned();
                card.priority = task.priority.unwrap_or(10);
                card.done = task.done;
            }
            Record::Outbox(_) | Record::Secret(_) | Record::Setting(_) => {}
        }
        card
    }
}
