//! What people type as FIELD=VALUE, and JSON objects, turned into records.

use pocket_core::{Category, Content, NewEntry, Record};
use serde_json::{Map, Value, json};

use crate::exit::Problem;

/// How a field's value is spelt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// The device sets it.
    Device,
    /// `true` or `false`.
    Flag,
    /// `LABEL:VALUE`, repeated.
    Labelled,
    /// `FROM:TEXT`, repeated.
    Messages,
    /// A whole number, or nothing.
    Number,
    /// `NAME:VALUE`, repeated.
    Properties,
    /// As it is.
    Text,
    /// As it is, repeated.
    Texts,
    /// A day or a time, or nothing.
    When,
}

type Shape = &'static [(&'static str, Kind)];

/// The fields of a category, in the order in which people are shown them.
pub(crate) const fn shape(category: Category) -> Shape {
    use Kind as K;
    match category {
        Category::Audit => &[],
        Category::Contacts => &[
            ("name", K::Text),
            ("nickname", K::Text),
            ("organisation", K::Text),
            ("role", K::Text),
            ("phones", K::Labelled),
            ("emails", K::Labelled),
            ("addresses", K::Labelled),
            ("urls", K::Texts),
            ("birthday", K::Text),
            ("tags", K::Texts),
            ("note", K::Text),
        ],
        Category::Conversations => &[
            ("title", K::Text),
            ("channel", K::Text),
            ("tags", K::Texts),
            ("messages", K::Messages),
        ],
        Category::Documents => &[
            ("name", K::Text),
            ("media_type", K::Text),
            ("path", K::Text),
            ("size", K::Device),
            ("sha256", K::Device),
            ("reading", K::Device),
            ("pages", K::Device),
            ("tags", K::Texts),
            ("note", K::Text),
            ("text", K::Text),
        ],
        Category::Memory => &[
            ("subject", K::Text),
            ("text", K::Text),
            ("tags", K::Texts),
            ("source", K::Text),
            ("confidence", K::Number),
            ("valid_from", K::When),
            ("valid_until", K::When),
        ],
        Category::Notes => &[
            ("title", K::Text),
            ("tags", K::Texts),
            ("path", K::Text),
            ("properties", K::Properties),
            ("body", K::Text),
        ],
        Category::Outbox => &[
            ("channel", K::Text),
            ("to", K::Text),
            ("subject", K::Text),
            ("state", K::Text),
            ("body", K::Text),
        ],
        Category::Secrets => &[("name", K::Text), ("note", K::Text)],
        Category::Settings => &[("name", K::Text), ("value", K::Text)],
        Category::Tasks => &[
            ("title", K::Text),
            ("list", K::Text),
            ("done", K::Flag),
            ("due", K::When),
            ("start", K::When),
            ("completed", K::When),
            ("priority", K::Number),
            ("repeat", K::Text),
            ("tags", K::Texts),
            ("notes", K::Text),
        ],
    }
}

/// FIELD=VALUE arguments as the fields of a record of `category`.
pub(crate) fn parse(category: Category, arguments: &[String]) -> Result<Map<String, Value>, Problem> {
    let mut fields = Map::new();
    for argument in arguments {
        let (name, text) = argument.split_once('=').ok_or_else(|| {
            Problem::usage(
                format!("{argument:?} is not FIELD=VALUE"),
                format!("the fields of {category} are {}", names(category)),
            )
        })?;
        let kind = kind(category, name)?;
        match element(name, kind, text)? {
            Element::One(value) => {
                if fields.insert(name.to_owned(), value).is_some() {
                    return Err(Problem::usage(
                        format!("{name} is given twice"),
                        "it is one value, not a list",
                    ));
                }
            }
            Element::Listed(value) => {
                let list = fields.entry(name).or_insert_with(|| json!([]));
                if let (Some(list), Some(value)) = (list.as_array_mut(), value) {
                    list.push(value);
                }
            }
        }
    }
    Ok(fields)
}

/// The fields as a checked record.
pub(crate) fn content(category: Category, fields: Map<String, Value>) -> Result<Content, Problem> {
    let remedy = || format!("the fields of {category} are {}", names(category));
    let record = Record::deserialize_fields(category, Value::Object(fields))
        .map_err(|error| Problem::usage(format!("{category}: {error}"), remedy()))?;
    Content::check(record).map_err(|error| Problem::usage(error.to_string(), remedy()))
}

/// A JSON object as a record to add: its bare fields, or an entry as `get --json` prints it, whose
/// id and times are kept.
pub(crate) fn entry(category: Category, object: Map<String, Value>) -> Result<NewEntry, Problem> {
    let mut object = object;
    let Some(Value::Object(fields)) = object.remove("fields") else {
        return Ok(NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: None,
            content: content(category, object)?,
        });
    };
    if object
        .get("category")
        .is_some_and(|named| named != category.name())
    {
        return Err(Problem::usage(
            format!("an entry of {} can't be added to {category}", object["category"]),
            "name the category that it says",
        ));
    }
    Ok(NewEntry {
        id: part(&object, "id")?,
        created: part(&object, "created")?,
        updated: part(&object, "updated")?,
        upload: None,
        content: content(category, fields)?,
    })
}

/// One line of JSON as an object.
pub(crate) fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Problem::usage(
            "this JSON is not an object",
            "write {\"FIELD\": VALUE, …}",
        )),
        Err(error) => Err(Problem::usage(
            format!("this is not JSON: {error}"),
            "write {\"FIELD\": VALUE, …}",
        )),
    }
}

/// What one argument gives: a value, or one more of a list (`None` empties it).
enum Element {
    Listed(Option<Value>),
    One(Value),
}

fn element(name: &str, kind: Kind, text: &str) -> Result<Element, Problem> {
    let labelled = || text.split_once(':').unwrap_or(("", text));
    let value = match kind {
        Kind::Flag => json!(flag(name, text)?),
        Kind::Number if text.is_empty() => Value::Null,
        Kind::Number => json!(number(name, text)?),
        Kind::When if text.is_empty() => Value::Null,
        Kind::Text | Kind::When => json!(text),
        Kind::Device => {
            return Err(Problem::usage(
                format!("{name} is set by the device"),
                "leave it out",
            ));
        }
        Kind::Labelled | Kind::Messages | Kind::Properties | Kind::Texts if text.is_empty() => {
            return Ok(Element::Listed(None));
        }
        Kind::Labelled => {
            let (label, value) = labelled();
            return Ok(Element::Listed(Some(json!({"label": label, "value": value}))));
        }
        Kind::Messages => {
            let (from, text) = labelled();
            return Ok(Element::Listed(Some(json!({"from": from, "text": text}))));
        }
        Kind::Properties => {
            let (property, value) = labelled();
            let value = if serde_json::from_str::<Value>(value).is_ok() {
                value.to_owned()
            } else {
                json!(value).to_string()
            };
            return Ok(Element::Listed(Some(json!({"name": property, "value": value}))));
        }
        Kind::Texts => return Ok(Element::Listed(Some(json!(text)))),
    };
    Ok(Element::One(value))
}

fn flag(name: &str, text: &str) -> Result<bool, Problem> {
    match text {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        _ => Err(Problem::usage(
            format!("{name} is not {text:?}"),
            "write true or false",
        )),
    }
}

fn number(name: &str, text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| {
        Problem::usage(
            format!("{name} is not {text:?}"),
            "write a whole number, or nothing",
        )
    })
}

fn kind(category: Category, name: &str) -> Result<Kind, Problem> {
    let found = shape(category).iter().find(|(known, _)| *known == name);
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let message = format!("{category} has no field {name:?}");
        let remedy = match category {
            Category::Audit => "the audit log is written by the device alone".to_owned(),
            _ => format!("its fields are {}", names(category)),
        };
        Problem::usage(message, remedy)
    })
}

fn names(category: Category) -> String {
    let names: Vec<&str> = shape(category).iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

fn part<T: std::str::FromStr<Err: std::fmt::Display>>(
    object: &Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Problem> {
    let Some(value) = object.get(name) else {
        return Ok(None);
    };
    let text = value.as_str().unwrap_or_default();
    text.parse().map(Some).map_err(|error| {
        Problem::usage(
            format!("{name}: {error}"),
            "leave it out, or write it as get --json does",
        )
    })
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
