//! The memory file of the reference MCP memory server: one JSON object a line, an entity with its
//! observations or a relation between two entities. Our own export adds a key that the server
//! ignores.

use pocket_core::{Entry, Memory, Record};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fit::{Fitter, Kept};
use crate::markdown::OURS;
use crate::text::file_name;
use crate::{At, Item, Parsed, Why, lossless};

/// The tag of a fact that was a relation.
const RELATION: &str = "relation";
/// The name of the entity that takes the facts about nothing in particular.
const GENERAL: &str = "general";
/// The file name that an export gives.
const FILE: &str = "memory.jsonl";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
enum Line {
    #[serde(rename_all = "camelCase")]
    Entity {
        name: String,
        #[serde(default)]
        entity_type: String,
        #[serde(default)]
        observations: Vec<String>,
        #[serde(default, rename = "pocketai")]
        ours: Option<Ours>,
    },
    #[serde(rename_all = "camelCase")]
    Relation {
        from: String,
        to: String,
        relation_type: String,
        #[serde(default, rename = "pocketai")]
        ours: Option<Ours>,
    },
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ours {
    id: String,
    created: String,
    updated: String,
    fields: Map<String, Value>,
}

impl From<Ours> for Kept {
    fn from(ours: Ours) -> Self {
        Self {
            id: ours.id.parse().ok(),
            created: ours.created.parse().ok(),
            updated: ours.updated.parse().ok(),
            fields: ours.fields,
        }
    }
}

/// Reads all lines.
pub(crate) fn read(path: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, number) in text.lines().zip(1usize..) {
        if !line.trim().is_empty() {
            read_line(path, line, At::Line(number), &mut parsed);
        }
    }
    parsed
}

fn read_line(path: &str, line: &str, at: At, parsed: &mut Parsed) {
    let fact = |subject: &str, text: String, tag: &str| Memory {
        subject: subject.to_owned(),
        text,
        tags: vec![tag.to_owned()],
        source: file_name(path).to_owned(),
        ..Memory::default()
    };
    match serde_json::from_str(line) {
        Ok(Line::Entity {
            name,
            entity_type,
            mut observations,
            ours,
        }) => {
            if observations.is_empty() {
                observations.push(format!("is a {entity_type}"));
            }
            let mut ours = ours.filter(|_| observations.len() == 1);
            for text in observations {
                let kept = ours.take().map(Kept::from).unwrap_or_default();
                parsed.take(at, finish(fact(&name, text, &entity_type), kept));
            }
        }
        Ok(Line::Relation {
            from,
            to,
            relation_type,
            ours,
        }) => {
            let kept = ours.map(Kept::from).unwrap_or_default();
            parsed.take(
                at,
                finish(fact(&from, format!("{relation_type} {to}"), RELATION), kept),
            );
        }
        Err(error) if error.is_data() => parsed.skip(at, Why::NoFact),
        Err(_) => parsed.skip(at, Why::NoJson),
    }
}

fn finish(mut memory: Memory, kept: Kept) -> Result<Item, Why> {
    let mut fitter = Fitter::default();
    memory.subject = fitter.line(&memory.subject);
    memory.source = fitter.line(&memory.source);
    memory.tags = fitter.tags(memory.tags);
    fitter.finish(Record::Memory(memory), kept)
}

/// Adds the entry's line to `out`: an entity with one observation, or a relation, so that the
/// reference server can read the file.
pub(crate) fn append(entry: &Entry, memory: &Memory, out: &mut Vec<u8>) {
    let mut line = standard(memory);
    let mut read = Parsed::default();
    read_line(
        FILE,
        &Value::Object(line.clone()).to_string(),
        At::File,
        &mut read,
    );
    let read = read.items.first().map(|item| item.content.record());
    let mut ours = Map::new();
    ours.insert("id".to_owned(), json!(entry.id));
    ours.insert("created".to_owned(), json!(entry.created));
    ours.insert("updated".to_owned(), json!(entry.updated));
    let lost = lossless::lost(entry.content.record(), read);
    if !lost.is_empty() {
        ours.insert("fields".to_owned(), Value::Object(lost));
    }
    line.insert(OURS.to_owned(), Value::Object(ours));
    out.extend(Value::Object(line).to_string().into_bytes());
    out.push(b'\n');
}

fn standard(memory: &Memory) -> Map<String, Value> {
    let relation = memory.text.split_once(' ').filter(|(kind, to)| {
        let is_relation = memory.tags.len() == 1 && memory.tags.iter().any(|tag| tag == RELATION);
        is_relation && !kind.is_empty() && !to.is_empty()
    });
    let subject = if memory.subject.is_empty() {
        GENERAL
    } else {
        &memory.subject
    };
    let line = match relation {
        Some((kind, to)) => json!({ "type": "relation", "from": subject, "to": to, "relationType": kind }),
        None => json!({
            "type": "entity",
            "name": subject,
            "entityType": memory.tags.first().map_or("fact", String::as_str),
            "observations": [memory.text],
        }),
    };
    line.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_and_relations_become_facts_and_bad_lines_are_named() {
        let text = r#"{"type":"entity","name":"Ann","entityType":"person","observations":["likes tea","is 40"]}
{"type":"entity","name":"Acme","entityType":"company","observations":[]}

{"type":"relation","from":"Ann","to":"Acme Ltd","relationType":"works_at"}
{"type":"entity","name":
{"type":"other"}
[1]"#;
        let parsed = read("x/memory.jsonl", text);
        let facts: Vec<_> = parsed
            .items
            .iter()
            .map(|item| match item.content.record() {
                Record::Memory(fact) => {
                    format!(
                        "{}|{}|{}|{}",
                        fact.subject,
                        fact.text,
                        fact.tags.join(","),
                        fact.source
                    )
                }
                _ => String::new(),
            })
            .collect();
        assert_eq!(
            facts,
            [
                "Ann|likes tea|person|memory.jsonl",
                "Ann|is 40|person|memory.jsonl",
                "Acme|is a company|company|memory.jsonl",
                "Ann|works_at Acme Ltd|relation|memory.jsonl"
            ]
        );
        let places: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.at).collect();
        assert_eq!(places, [At::Line(5), At::Line(6), At::Line(7)]);
    }

    #[test]
    fn deep_json_is_a_bad_line() {
        let parsed = read("m.jsonl", &format!("{{\"type\":{}", "[".repeat(1_000_000)));
        assert_eq!(parsed.skipped.len(), 1);
    }
}
