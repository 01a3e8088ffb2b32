//! The typed records of each category.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Category, Content, Reading, RecordId, Thumbnail, Timestamp, When};

/// A value with a label: a phone number with "home", say.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Labelled {
    /// What it is for; may be empty.
    pub label: String,
    /// The value.
    pub value: String,
}

/// A named property that a note carried in its front matter and that has no field of its own.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Property {
    /// Its key.
    pub name: String,
    /// Its value as JSON text.
    pub value: String,
}

/// A fact to remember.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Memory {
    /// Whom or what the fact is about.
    pub subject: String,
    /// The fact.
    pub text: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Where it comes from.
    pub source: String,
    /// How sure one is, in percent.
    pub confidence: Option<u8>,
    /// When it began to hold.
    pub valid_from: Option<When>,
    /// When it ceased to hold.
    pub valid_until: Option<When>,
}

impl Memory {
    /// Whether it has ceased to hold at `now`: it is history then.
    pub fn is_history(&self, now: Timestamp) -> bool {
        self.valid_until.as_ref().is_some_and(|end| end.is_past(now))
    }
}

/// A note in Markdown.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Note {
    /// Its title.
    pub title: String,
    /// The Markdown text, links included.
    pub body: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The file it came from, relative, with `/`; may be empty.
    pub path: String,
    /// What else the front matter said.
    pub properties: Vec<Property>,
}

/// Something to do.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Task {
    /// What to do.
    pub title: String,
    /// More words on it.
    pub notes: String,
    /// The list it stands on.
    pub list: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Whether it is done.
    pub done: bool,
    /// When it was done.
    pub completed: Option<When>,
    /// When it may be begun.
    pub start: Option<When>,
    /// When it is due.
    pub due: Option<When>,
    /// 1 (first) to 9 (last), as in RFC 5545.
    pub priority: Option<u8>,
    /// How it repeats: the value of an RFC 5545 `RRULE`; may be empty.
    pub repeat: String,
}

/// A person or an organisation.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// The full name as shown.
    pub name: String,
    /// What friends call them.
    pub nickname: String,
    /// Where they work.
    pub organisation: String,
    /// What they do there.
    pub role: String,
    /// Telephone numbers.
    pub phones: Vec<Labelled>,
    /// E-mail addresses.
    pub emails: Vec<Labelled>,
    /// Postal addresses, each on one line.
    pub addresses: Vec<Labelled>,
    /// Web addresses.
    pub urls: Vec<String>,
    /// Day of birth, as the source wrote it.
    pub birthday: String,
    /// Remarks.
    pub note: String,
    /// Labels.
    pub tags: Vec<String>,
}

/// One message of a conversation.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Message {
    /// When it was sent.
    pub at: Option<When>,
    /// Who sent it; empty for a notice of the service itself.
    pub from: String,
    /// What it says.
    pub text: String,
}

/// A chat.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conversation {
    /// With whom, or about what.
    pub title: String,
    /// Where it took place: `whatsapp`, say.
    pub channel: String,
    /// Labels.
    pub tags: Vec<String>,
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

/// A file.
#[derive(Clone, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Document {
    /// The file's name.
    pub name: String,
    /// Its media type (RFC 6838).
    pub media_type: String,
    /// The file it came from, relative, with `/`; may be empty.
    pub path: String,
    /// The text in it, as far as it is known.
    pub text: String,
    /// Remarks.
    pub note: String,
    /// Labels.
    pub tags: Vec<String>,
    /// Its length in bytes. Set by the device.
    pub size: u64,
    /// SHA-256 of the bytes as 64 hexadecimal digits; empty when there are no bytes. Set by the device.
    pub sha256: String,
    /// How far its text has been read out of its bytes. Set by the device.
    pub reading: Reading,
    /// How many pages it has; 0 when it has none, or nobody counted. Set by the device.
    pub pages: u32,
    /// A small picture of it. Set by the device; stored, and in no JSON.
    pub thumbnail: Thumbnail,
}

impl Document {
    /// The same but for what the device found out about its bytes, which says nothing of who it is.
    pub fn is_same_file(&self, other: &Self) -> bool {
        let bare = |document: &Self| Self {
            reading: Reading::None,
            pages: 0,
            thumbnail: Thumbnail::default(),
            ..document.clone()
        };
        bare(self) == bare(other)
    }
}

/// By hand for the preview, which is for the store alone.
impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = serializer.is_human_readable();
        let mut fields = serializer.serialize_struct("Document", if shown { 10 } else { 11 })?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("media_type", &self.media_type)?;
        fields.serialize_field("path", &self.path)?;
        fields.serialize_field("text", &self.text)?;
        fields.serialize_field("note", &self.note)?;
        fields.serialize_field("tags", &self.tags)?;
        fields.serialize_field("size", &self.size)?;
        fields.serialize_field("sha256", &self.sha256)?;
        fields.serialize_field("reading", &self.reading)?;
        fields.serialize_field("pages", &self.pages)?;
        if !shown {
            fields.serialize_field("thumbnail", &self.thumbnail)?;
        }
        fields.end()
    }
}

/// The name of a secret, and what it is for. Its value is sealed apart and is not part of the record.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretName {
    /// The name by which it is asked for.
    pub name: String,
    /// Remarks.
    pub note: String,
}

/// How far a message to be sent has come.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxState {
    /// Being written.
    #[default]
    Draft,
    /// Approved, waiting for its turn.
    Queued,
    /// Handed over.
    Sent,
    /// Given up.
    Failed,
}

/// A message to be sent.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    /// By which channel.
    pub channel: String,
    /// To whom.
    pub to: String,
    /// About what.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// How far it has come.
    pub state: OutboxState,
}

/// One setting of the device.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setting {
    /// Which one.
    pub name: String,
    /// What it is set to.
    pub value: String,
}

/// A record of any category but the audit log.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub enum Record {
    /// In `contacts`.
    Contact(Contact),
    /// In `conversations`.
    Conversation(Conversation),
    /// In `documents`.
    Document(Document),
    /// In `memory`.
    Memory(Memory),
    /// In `notes`.
    Note(Note),
    /// In `outbox`.
    Outbox(Outbox),
    /// In `secrets`.
    Secret(SecretName),
    /// In `settings`.
    Setting(Setting),
    /// In `tasks`.
    Task(Task),
}

impl Record {
    /// Schema version of the types above as they are stored. Grows when one of them changes; a
    /// reader of the older shape is then kept beside, frozen.
    pub const SCHEMA: u16 = 1;

    /// The category that it belongs to.
    pub const fn category(&self) -> Category {
        match self {
            Self::Contact(_) => Category::Contacts,
            Self::Conversation(_) => Category::Conversations,
            Self::Document(_) => Category::Documents,
            Self::Memory(_) => Category::Memory,
            Self::Note(_) => Category::Notes,
            Self::Outbox(_) => Category::Outbox,
            Self::Secret(_) => Category::Secrets,
            Self::Setting(_) => Category::Settings,
            Self::Task(_) => Category::Tasks,
        }
    }

    /// What to call it in a list.
    pub fn title(&self) -> &str {
        match self {
            Self::Contact(contact) => &contact.name,
            Self::Conversation(conversation) => &conversation.title,
            Self::Document(document) => &document.name,
            Self::Memory(memory) if memory.subject.is_empty() => &memory.text,
            Self::Memory(memory) => &memory.subject,
            Self::Note(note) if note.title.is_empty() => note.body.lines().next().unwrap_or_default(),
            Self::Note(note) => &note.title,
            Self::Outbox(outbox) if outbox.subject.is_empty() => &outbox.to,
            Self::Outbox(outbox) => &outbox.subject,
            Self::Secret(secret) => &secret.name,
            Self::Setting(setting) => &setting.name,
            Self::Task(task) => &task.title,
        }
    }

    /// Reads the fields of a record of `category`, as JSON has them.
    ///
    /// # Errors
    /// Whatever the deserializer says of the fields; always for [`Category::Audit`].
    pub fn deserialize_fields<'de, D: Deserializer<'de>>(
        category: Category,
        fields: D,
    ) -> Result<Self, D::Error> {
        Ok(match category {
            Category::Audit => return Err(de::Error::custom("the audit log is written by the device alone")),
            Category::Contacts => Self::Contact(Contact::deserialize(fields)?),
            Category::Conversations => Self::Conversation(Conversation::deserialize(fields)?),
            Category::Documents => Self::Document(Document::deserialize(fields)?),
            Category::Memory => Self::Memory(Memory::deserialize(fields)?),
            Category::Notes => Self::Note(Note::deserialize(fields)?),
            Category::Outbox => Self::Outbox(Outbox::deserialize(fields)?),
            Category::Secrets => Self::Secret(SecretName::deserialize(fields)?),
            Category::Settings => Self::Setting(Setting::deserialize(fields)?),
            Category::Tasks => Self::Task(Task::deserialize(fields)?),
        })
    }

    /// Writes the fields alone, without the name of the category around them.
    ///
    /// # Errors
    /// Whatever the serializer says.
    pub fn serialize_fields<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Contact(contact) => contact.serialize(serializer),
            Self::Conversation(conversation) => conversation.serialize(serializer),
            Self::Document(document) => document.serialize(serializer),
            Self::Memory(memory) => memory.serialize(serializer),
            Self::Note(note) => note.serialize(serializer),
            Self::Outbox(outbox) => outbox.serialize(serializer),
            Self::Secret(secret) => secret.serialize(serializer),
            Self::Setting(setting) => setting.serialize(serializer),
            Self::Task(task) => task.serialize(serializer),
        }
    }

    /// Calls `visit` with every text in the record that a person wrote, most telling first.
    pub fn for_each_text<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Contact(contact) => contact.for_each_text(visit),
            Self::Conversation(conversation) => {
                visit(&conversation.title);
                for message in &conversation.messages {
                    visit(&message.from);
                    visit(&message.text);
                }
                visit_all(&conversation.tags, visit);
            }
            Self::Document(document) => {
                visit_each(
                    [&document.name, &document.note, &document.text, &document.path],
                    visit,
                );
                visit_all(&document.tags, visit);
            }
            Self::Memory(memory) => {
                visit_each([&memory.subject, &memory.text, &memory.source], visit);
                visit_all(&memory.tags, visit);
            }
            Self::Note(note) => {
                visit_each([&note.title, &note.body, &note.path], visit);
                visit_all(&note.tags, visit);
                note.properties.iter().for_each(|property| visit(&property.value));
            }
            Self::Outbox(outbox) => visit_each([&outbox.subject, &outbox.to, &outbox.body], visit),
            Self::Secret(secret) => visit_each([&secret.name, &secret.note], visit),
            Self::Setting(setting) => visit_each([&setting.name, &setting.value], visit),
            Self::Task(task) => {
                visit_each([&task.title, &task.notes, &task.list], visit);
                visit_all(&task.tags, visit);
            }
        }
    }
}

impl Contact {
    fn for_each_text<'a>(&'a self, visit: &mut dyn FnMut(&'a str)) {
        visit_each(
            [
                &self.name,
                &self.nickname,
                &self.organisation,
                &self.role,
                &self.note,
            ],
            visit,
        );
        for labelled in self.phones.iter().chain(&self.emails).chain(&self.addresses) {
            visit(&labelled.value);
        }
        visit_all(&self.urls, visit);
        visit_all(&self.tags, visit);
        visit(&self.birthday);
    }
}

fn visit_each<'a, const N: usize>(texts: [&'a String; N], visit: &mut dyn FnMut(&'a str)) {
    texts.into_iter().for_each(|text| visit(text));
}

fn visit_all<'a>(texts: &'a [String], visit: &mut dyn FnMut(&'a str)) {
    texts.iter().for_each(|text| visit(text));
}

/// Who brought a record in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// An agent, over MCP.
    Agent,
    /// Someone in the owner's own network, over the broker.
    Broker,
    /// A file that the owner imported.
    Import,
    /// The owner.
    Owner,
}

/// A record as the store gives it back.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: RecordId,
    /// When it came in.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// 1 when new, one more with each change.
    pub revision: u32,
    /// Who brought it in.
    pub origin: Origin,
    /// What it says.
    pub content: Content,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_from_json_and_unknown_ones_are_refused() {
        let mut json = serde_json::Deserializer::from_str(r#"{"title":"Milk","due":"2026-12-01"}"#);
        let record =
            Record::deserialize_fields(Category::Tasks, &mut json).map_err(|error| error.to_string());
        let task = Task {
            title: "Milk".to_owned(),
            due: "2026-12-01".parse().ok(),
            ..Task::default()
        };
        assert!(record == Ok(Record::Task(task)));
        for (category, json) in [
            (Category::Tasks, r#"{"titel":"Milk"}"#),
            (Category::Tasks, r#"{"due":"soon"}"#),
            (Category::Audit, "{}"),
        ] {
            let mut json = serde_json::Deserializer::from_str(json);
            assert!(Record::deserialize_fields(category, &mut json).is_err());
        }
    }

    #[test]
    fn a_fact_is_history_once_its_time_is_over() {
        let now: Timestamp = "2026-11-22T10:30:00Z".parse().unwrap();
        for (until, over) in [
            (None, false),
            (Some("2026-11-21"), true),
            (Some("2026-11-22"), false),
        ] {
            let memory = Memory {
                valid_until: until.and_then(|day| day.parse().ok()),
                ..Memory::default()
            };
            assert_eq!(memory.is_history(now), over, "{until:?}");
        }
    }

    #[test]
    fn what_the_device_found_out_makes_no_other_file() {
        let file = Document {
            name: "a.pdf".to_owned(),
            ..Document::default()
        };
        let read = Document {
            reading: Reading::Done,
            pages: 3,
            thumbnail: Thumbnail::new(b"\xff\xd8\xff".to_vec()).unwrap(),
            ..file.clone()
        };
        let noted = Document {
            note: "mine".to_owned(),
            ..file.clone()
        };
        assert!(file.is_same_file(&read) && read.is_same_file(&file));
        assert!(!file.is_same_file(&noted));
    }

    #[test]
    fn a_record_is_called_by_what_tells_most() {
        let (text, other) = ("what it says".to_owned(), "its name".to_owned());
        let memory = |subject: &str| Memory {
            subject: subject.to_owned(),
            text: text.clone(),
            ..Memory::default()
        };
        let note = |title: &str| Note {
            title: title.to_owned(),
            body: format!("{text}\nand more"),
            ..Note::default()
        };
        let outbox = |subject: &str| Outbox {
            subject: subject.to_owned(),
            to: text.clone(),
            ..Outbox::default()
        };
        for record in [
            Record::Memory(memory("")),
            Record::Note(note("")),
            Record::Outbox(outbox("")),
        ] {
            assert_eq!(record.title(), text);
        }
        for record in [
            Record::Memory(memory(&other)),
            Record::Note(note(&other)),
            Record::Outbox(outbox(&other)),
        ] {
            assert_eq!(record.title(), other);
        }
    }

    /// What is left out here can be found by no search, and no filter sees it.
    #[test]
    fn every_text_of_a_contact_is_visited() {
        let labelled = |value: &str| {
            let value = value.to_owned();
            vec![Labelled {
                value,
                ..Labelled::default()
            }]
        };
        let contact = Contact {
            name: "name".to_owned(),
            nickname: "nickname".to_owned(),
            organisation: "organisation".to_owned(),
            role: "role".to_owned(),
            phones: labelled("phone"),
            emails: labelled("email"),
            addresses: labelled("address"),
            urls: vec!["url".to_owned()],
            birthday: "birthday".to_owned(),
            note: "note".to_owned(),
            tags: vec!["one".to_owned(), "two".to_owned()],
        };
        let record = Record::Contact(contact);
        let mut seen = Vec::new();
        record.for_each_text(&mut |text| seen.push(text));
        assert_eq!(
            seen.join(" "),
            "name nickname organisation role note phone email address url one two birthday"
        );
    }
}
