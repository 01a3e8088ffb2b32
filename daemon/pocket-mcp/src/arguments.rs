//! What each tool takes, parsed as it comes in.

use std::borrow::Cow;

use pocket_core::{Category, Failure, FailureKind, RecordId};
use rmcp::model::JsonObject;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads a tool's arguments.
///
/// # Errors
/// [`FailureKind::Invalid`] says which argument is wrong.
pub(crate) fn parse<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| {
        let remedy = "correct the arguments; the tool's input schema lists them";
        Failure::new(FailureKind::Invalid, format!("wrong arguments: {error}"), remedy)
    })
}

/// A category by its name. Audit and settings parse, so that policy refuses and records them; the
/// schema does not offer them, since no agent can have a scope on them.
#[derive(Clone, Copy)]
pub(crate) struct CategoryName(pub(crate) Category);

impl<'de> Deserialize<'de> for CategoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for CategoryName {
    fn schema_name() -> Cow<'static, str> {
        "Category".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let offered = Category::ALL.into_iter();
        let offered = offered.filter(|category| !matches!(category, Category::Audit | Category::Settings));
        let names: Vec<&str> = offered.map(Category::name).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// A record's id.
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(pub(crate) RecordId);

impl JsonSchema for Id {
    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F]{32}$" })
    }
}

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoArguments {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArguments {
    /// Which category to list.
    pub(crate) category: CategoryName,
    /// Most records in the answer, 1 to 100; 20 when unsaid. Fewer come when they are long.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before, to go on from there.
    pub(crate) after: Option<Id>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetArguments {
    /// Where the record is.
    pub(crate) category: CategoryName,
    /// Its id, as `list`, `search` or `recall` gave it.
    pub(crate) id: Id,
    /// Read only this field, from `offset` on: for fields that were cut.
    pub(crate) field: Option<String>,
    /// The `next_offset` of a cut; without `field`, it goes on in the record's main text.
    pub(crate) offset: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddArguments {
    /// Where it belongs.
    pub(crate) category: CategoryName,
    /// What it says. memory: text, subject, tags, source, confidence (0 to 100), valid_from,
    /// valid_until. notes: title, body (Markdown), tags, path. tasks: title, notes, list, tags,
    /// done, completed, start, due, priority (1 to 9), repeat. contacts: name, nickname,
    /// organisation, role, phones, emails and addresses (each a list of {label, value}), urls,
    /// birthday, note, tags. conversations: title, channel, tags, messages (a list of {at, from,
    /// text}). documents: name, media_type, text, note, tags, path. outbox: channel, to, subject,
    /// body. Dates are RFC 3339 or a plain YYYY-MM-DD.
    pub(crate) fields: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditArguments {
    /// Where the record is.
    pub(crate) category: CategoryName,
    /// Its id.
    pub(crate) id: Id,
    /// The fields to replace, named as in `add`; all others stay as they are.
    pub(crate) fields: Map<String, Value>,
    /// The revision that was read: the edit is refused if the record has changed since.
    pub(crate) revision: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteArguments {
    /// Where the record is.
    pub(crate) category: CategoryName,
    /// Its id.
    pub(crate) id: Id,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArguments {
    /// The words to look for.
    pub(crate) query: String,
    /// Search only here; without it, everywhere that this agent may search.
    pub(crate) category: Option<CategoryName>,
    /// Most hits in the answer, 1 to 100; 20 when unsaid.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before, to go on from there.
    pub(crate) after: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RememberArguments {
    /// The fact, as one self-contained sentence.
    pub(crate) text: String,
    /// Whom or what it is about.
    #[serde(default)]
    pub(crate) subject: String,
    /// Labels.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Where it comes from.
    #[serde(default)]
    pub(crate) source: String,
    /// How sure one is, in percent.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) confidence: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecallArguments {
    /// The words to look for.
    pub(crate) query: String,
    /// Most facts in the answer, 1 to 100; 20 when unsaid.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before, to go on from there.
    pub(crate) after: Option<usize>,
}
