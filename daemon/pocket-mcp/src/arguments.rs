//! What each tool takes, parsed as it comes in.

use std::borrow::Cow;

use pocket_core::{Category, Failure, FailureKind, RecordId, When};
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
        json_schema!({ "type": "string" })
    }
}

/// A date or a time.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Date(pub(crate) When);

impl JsonSchema for Date {
    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// No arguments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoArguments {}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListArguments {
    pub(crate) category: CategoryName,
    #[schemars(range(max = 100), extend("default" = 20))]
    pub(crate) limit: Option<u32>,
    /// `next` of the last page
    pub(crate) after: Option<Id>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetArguments {
    pub(crate) category: CategoryName,
    pub(crate) id: Id,
    /// Only this field, from `offset` on
    pub(crate) field: Option<String>,
    /// `next_offset` of a cut
    pub(crate) offset: Option<usize>,
    /// Only this page of a document's text, from 1
    #[schemars(range(min = 1))]
    pub(crate) page: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddArguments {
    pub(crate) category: CategoryName,
    /// By category: notes {title, body, tags, path}; tasks {title, notes, list, tags, done, start,
    /// due, priority 1-9, repeat}; contacts {name, organisation, role, phones, emails and addresses
    /// [{label, value}], urls, birthday, note, tags}; conversations {title, channel, tags, messages
    /// [{at, from, text}]}; documents {name, media_type, text, note, tags}; outbox {channel, to,
    /// subject, body}
    #[schemars(length(max = 100))]
    pub(crate) records: Vec<Map<String, Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditArguments {
    pub(crate) category: CategoryName,
    pub(crate) id: Id,
    /// Named as in `add`; the others stay
    pub(crate) fields: Map<String, Value>,
    /// The one that you read: refused if it has changed since
    pub(crate) revision: Option<u32>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteArguments {
    pub(crate) category: CategoryName,
    #[schemars(length(max = 100))]
    pub(crate) ids: Vec<Id>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetArguments {
    #[schemars(length(max = 100))]
    pub(crate) ids: Vec<Id>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchArguments {
    /// Words; also "a phrase", begin*, roughly~, title:word, #tag, -not, after:2026-01-31
    pub(crate) query: String,
    /// Only here
    pub(crate) category: Option<CategoryName>,
    #[schemars(range(max = 100), extend("default" = 20))]
    pub(crate) limit: Option<u32>,
    /// `next` of the last page
    pub(crate) after: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactArguments {
    /// One self-contained sentence
    pub(crate) text: String,
    /// Whom or what it is about
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Where it comes from
    #[serde(default)]
    pub(crate) source: String,
    /// Percent
    #[schemars(range(min = 0, max = 100))]
    pub(crate) confidence: Option<u8>,
    pub(crate) valid_from: Option<Date>,
    pub(crate) valid_until: Option<Date>,
    /// Id of the older fact that this one replaces
    pub(crate) supersedes: Option<Id>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RememberArguments {
    #[schemars(length(max = 100))]
    pub(crate) facts: Vec<FactArguments>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecallArguments {
    pub(crate) query: String,
    /// Also facts that hold no longer
    #[serde(default)]
    pub(crate) history: bool,
    #[schemars(range(max = 100), extend("default" = 20))]
    pub(crate) limit: Option<u32>,
    /// `next` of the last page
    pub(crate) after: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksArguments {
    /// Done ones instead of open ones
    #[serde(default)]
    pub(crate) done: bool,
    pub(crate) list: Option<String>,
    pub(crate) tag: Option<String>,
    /// Due on or before this day
    pub(crate) due_by: Option<Date>,
    #[schemars(range(max = 100), extend("default" = 20))]
    pub(crate) limit: Option<u32>,
    /// `next` of the last page
    pub(crate) after: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactsArguments {
    /// Part of a name, number, address or organisation
    pub(crate) query: String,
    #[schemars(range(max = 100), extend("default" = 20))]
    pub(crate) limit: Option<u32>,
    /// `next` of the last page
    pub(crate) after: Option<usize>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudArguments {
    pub(crate) text: String,
    // For the owner, not for the model.
    pub(crate) purpose: Option<String>,
    /// category:id of records
    pub(crate) with: Option<Vec<Named>>,
    pub(crate) provider: Option<String>,
}

/// A record by its category and id, in one word.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) category: Category,
    pub(crate) id: RecordId,
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (category, id) = text
            .split_once(':')
            .ok_or_else(|| D::Error::custom("a record is named category:id"))?;
        Ok(Self {
            category: category.parse().map_err(D::Error::custom)?,
            id: id.parse().map_err(D::Error::custom)?,
        })
    }
}

impl JsonSchema for Named {
    fn schema_name() -> Cow<'static, str> {
        "Named".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentArguments {
    pub(crate) id: Option<Id>,
    // `next` of the last answer.
    pub(crate) from: Option<usize>,
}
