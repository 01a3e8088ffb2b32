//! Records as people and scripts see them.

use pocket_core::{Entry, Timestamp};
use serde_json::{Map, Value, json};

use crate::exit::Problem;
use crate::fields::shape;
use crate::output::{columns, escape, escape_lines};

/// Longest title in a list, in characters.
const TITLE: usize = 100;

/// The fields of a record as a JSON object.
pub(crate) fn fields(entry: &Entry) -> Result<Map<String, Value>, Problem> {
    let fields = entry
        .content
        .record()
        .serialize_fields(serde_json::value::Serializer);
    match fields {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Problem::unexpected()),
    }
}

/// The whole entry in JSON (`docs/cli.md`, "Entries").
pub(crate) fn to_json(entry: &Entry) -> Result<Value, Problem> {
    Ok(json!({
        "id": entry.id,
        "category": entry.content.category(),
        "created": entry.created,
        "updated": entry.updated,
        "revision": entry.revision,
        "origin": entry.origin,
        "title": entry.content.record().title(),
        "fields": fields(entry)?,
    }))
}

/// The whole entry for people.
pub(crate) fn to_text(entry: &Entry) -> Result<String, Problem> {
    let fields = fields(entry)?;
    let mut short = vec![
        vec!["id".to_owned(), entry.id.to_string()],
        vec!["created".to_owned(), moment(entry.created)],
        vec![
            "changed".to_owned(),
            format!("{}, revision {}", moment(entry.updated), entry.revision),
        ],
    ];
    let mut long = Vec::new();
    for (name, _) in shape(entry.content.category()) {
        let text = fields.get(*name).map(value_text).unwrap_or_default();
        if text.contains('\n') {
            long.push(format!("{name}:\n{}", escape_lines(&text)));
        } else if !text.is_empty() {
            short.push(vec![(*name).to_owned(), escape(&text)]);
        }
    }
    let parts: Vec<String> = std::iter::once(columns(&short)).chain(long).collect();
    Ok(parts.join("\n\n"))
}

/// A row of a list: id, day of the last change, title.
pub(crate) fn row(entry: &Entry) -> String {
    let day = entry.updated.to_string();
    let title = entry.content.record().title();
    let mut short: String = title.chars().take(TITLE).collect();
    if short.len() < title.len() {
        short.push('…');
    }
    format!(
        "{}  {}  {}",
        entry.id,
        day.get(..10).unwrap_or(&day),
        escape(&short)
    )
}

/// An instant to the second, in UTC.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..19).map_or_else(
        || text.clone(),
        |second| format!("{} UTC", second.replace('T', " ")),
    )
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(false) => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.iter().any(|item| item.get("text").is_some()) => {
            let lines: Vec<String> = list.iter().map(message_text).collect();
            format!("{}\n", lines.join("\n"))
        }
        Value::Array(list) => list.iter().map(value_text).collect::<Vec<_>>().join(", "),
        Value::Object(pair) => {
            let part = |name: &str| pair.get(name).and_then(Value::as_str).unwrap_or_default();
            let (label, value) = (part("label"), part("value"));
            let label = if label.is_empty() { part("name") } else { label };
            if label.is_empty() {
                value.to_owned()
            } else {
                format!("{label}: {value}")
            }
        }
    }
}

fn message_text(message: &Value) -> String {
    let part = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    let head = [part("at"), part("from")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if head.is_empty() {
        part("text").to_owned()
    } else {
        format!("{head}: {}", part("text"))
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{Contact, Content, Conversation, Labelled, Message, Note, Origin, Record, RecordId};

    use super::*;

    fn entry(record: Record) -> Entry {
        let Ok(content) = Content::check(record) else {
            panic!("a good record");
        };
        Entry {
            id: RecordId::from_bytes([0xab; 16]),
            created: Timestamp::from_millis(1_795_316_645_123),
            updated: Timestamp::from_millis(1_795_316_645_123),
            revision: 2,
            origin: Origin::Owner,
            content,
        }
    }

    fn text(record: Record) -> String {
        to_text(&entry(record)).unwrap_or_else(|_| panic!("no text"))
    }

    #[test]
    fn an_entry_prints_its_fields_and_nothing_that_moves_the_cursor() {
        let note = Note {
            title: "Milk\u{1b}[2J".to_owned(),
            body: "one\n\u{9b}two".to_owned(),
            tags: vec!["a".to_owned(), "b".to_owned()],
            ..Note::default()
        };
        let row = row(&entry(Record::Note(note.clone())));
        assert_eq!(row, format!("{}  2026-11-22  Milk\\u{{1b}}[2J", "ab".repeat(16)));
        let text = text(Record::Note(note));
        assert!(text.contains("created  2026-11-22 03:04:05 UTC"), "{text}");
        assert!(text.contains("tags     a, b"), "{text}");
        assert!(text.ends_with("body:\none\n\\u{9b}two"), "{text}");
    }

    #[test]
    fn labels_and_messages_are_spelt_out() {
        let phones = vec![Labelled {
            label: "home".to_owned(),
            value: "110".to_owned(),
        }];
        let contact = Contact {
            name: "Ann".to_owned(),
            phones,
            ..Contact::default()
        };
        assert!(text(Record::Contact(contact)).ends_with("phones   home: 110"));
        let at = "2026-11-22T10:00".parse().ok();
        let messages = vec![Message {
            at,
            from: "Ann".to_owned(),
            text: "hi".to_owned(),
        }];
        let chat = Conversation {
            title: "Ann".to_owned(),
            messages,
            ..Conversation::default()
        };
        assert!(text(Record::Conversation(chat)).ends_with("messages:\n2026-11-22T10:00:00 Ann: hi"));
    }

    #[test]
    fn json_holds_the_fields_as_an_object() {
        let note = Note {
            title: "Milk".to_owned(),
            ..Note::default()
        };
        let json = to_json(&entry(Record::Note(note))).unwrap_or_else(|_| panic!("no JSON"));
        assert_eq!(json["id"], "ab".repeat(16));
        assert_eq!(json["category"], "notes");
        assert_eq!(json["created"], "2026-11-22T03:04:05.123Z");
        assert_eq!(json["origin"], "owner");
        assert_eq!(json["fields"]["title"], "Milk");
    }
}
