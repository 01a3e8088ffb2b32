//! The tools: their names, what they say of themselves, their schemas.
//!
//! A client puts all of this before its model with every conversation, so words are counted here: the
//! whole list takes 3,000 tokens at most (`tests/mcp/tokens.sh`).

use std::sync::LazyLock;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{Tool as Definition, ToolAnnotations};
use schemars::JsonSchema;

use crate::arguments::{
    AddArguments, CloudArguments, ConsentArguments, ContactsArguments, DeleteArguments, EditArguments,
    ForgetArguments, GetArguments, ListArguments, NoArguments, RecallArguments, RememberArguments,
    SearchArguments, TasksArguments,
};
use crate::results::{
    AskResult, ConsentResult, ListResult, Outcome, Outcomes, RecordResult, RowsResult, SearchResult,
    StatusResult,
};
use crate::schema;

/// A tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Add,
    CloudAsk,
    ConsentStatus,
    Contacts,
    Delete,
    Edit,
    Forget,
    Get,
    List,
    Recall,
    Remember,
    Search,
    Status,
    Tasks,
}

/// What a call changes. Clients ask their user before they call a tool that changes something.
enum Effect {
    /// Nothing.
    None,
    /// Something is added; nothing is lost, but a second call adds a second one.
    Adds,
    /// Something is added; a second call changes nothing more.
    AddsOnce,
    /// What was there before is replaced; a second call makes another revision.
    Replaces,
    /// Something is gone; a second call changes nothing more.
    Removes,
}

/// The definitions, made once: rmcp asks for one with every request.
static DEFINITIONS: LazyLock<Vec<Definition>> =
    LazyLock::new(|| Tool::ALL.into_iter().map(Tool::define).collect());

impl Tool {
    /// Every tool, in the order in which they are shown.
    const ALL: [Self; 14] = [
        Self::Recall,
        Self::Remember,
        Self::Forget,
        Self::Search,
        Self::Tasks,
        Self::Contacts,
        Self::List,
        Self::Get,
        Self::Add,
        Self::Edit,
        Self::Delete,
        Self::CloudAsk,
        Self::ConsentStatus,
        Self::Status,
    ];

    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    /// All definitions.
    pub(crate) fn definitions() -> &'static [Definition] {
        &DEFINITIONS
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::CloudAsk => "cloud_ask",
            Self::ConsentStatus => "consent_status",
            Self::Contacts => "contacts",
            Self::Delete => "delete",
            Self::Edit => "edit",
            Self::Forget => "forget",
            Self::Get => "get",
            Self::List => "list",
            Self::Recall => "recall",
            Self::Remember => "remember",
            Self::Search => "search",
            Self::Status => "status",
            Self::Tasks => "tasks",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Add => "Add records",
            Self::CloudAsk => "Ask a model",
            Self::ConsentStatus => "Consent",
            Self::Contacts => "Look up contacts",
            Self::Delete => "Delete records",
            Self::Edit => "Edit a record",
            Self::Forget => "Forget facts",
            Self::Get => "Read a record",
            Self::List => "List records",
            Self::Recall => "Recall facts",
            Self::Remember => "Remember facts",
            Self::Search => "Search everything",
            Self::Status => "Status and permissions",
            Self::Tasks => "Look at tasks",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Add => "Adds 1 to 100 records to a category, all or none. For facts use `remember`.",
            Self::CloudAsk => {
                "Asks another model. In the cloud it needs the owner's leave for the words: tell them, then \
                 call `consent_status`."
            }
            Self::ConsentStatus => "Says which of your questions wait for the owner; with `id`, the answer.",
            Self::Contacts => "Finds people by name, number or address, with how to reach them.",
            Self::Delete => "Deletes records for good.",
            Self::Edit => "Replaces the named fields of a record and keeps the others.",
            Self::Forget => {
                "Deletes facts for good. For a fact that has changed, `remember` the new one with \
                 `supersedes` instead."
            }
            Self::Get => {
                "Reads one record whole; a long field is cut, and `cut` says where to go on. Documents \
                 can be read page by page. Of secrets only the name is shown."
            }
            Self::List => "Lists a category, the newest first, long fields cut.",
            Self::Recall => {
                "Finds facts about the owner and their world. Call it before answering anything personal. \
                 Facts that no longer hold are left out unless `history`."
            }
            Self::Remember => {
                "Remembers lasting facts. The same fact is kept once. One that contradicts an older fact \
                 names it in `supersedes`: the older one becomes history."
            }
            Self::Search => {
                "Full-text search over all that you may search. Gives titles and the words around the \
                 place; `get` reads on."
            }
            Self::Status => "Says whether the device is unlocked, and what you may do.",
            Self::Tasks => "Lists open or done tasks, what is due first, by list, tag or day.",
        }
    }

    const fn effect(self) -> Effect {
        match self {
            Self::Add | Self::CloudAsk => Effect::Adds,
            Self::Remember => Effect::AddsOnce,
            Self::Delete | Self::Forget => Effect::Removes,
            Self::Edit => Effect::Replaces,
            Self::ConsentStatus
            | Self::Contacts
            | Self::Get
            | Self::List
            | Self::Recall
            | Self::Search
            | Self::Status
            | Self::Tasks => Effect::None,
        }
    }

    fn define(self) -> Definition {
        match self {
            Self::Add => self.with_schemas::<AddArguments, Outcomes>(),
            Self::CloudAsk => self.with_schemas::<CloudArguments, AskResult>(),
            Self::ConsentStatus => self.with_schemas::<ConsentArguments, ConsentResult>(),
            Self::Contacts => self.with_schemas::<ContactsArguments, RowsResult>(),
            Self::Delete => self.with_schemas::<DeleteArguments, Outcomes>(),
            Self::Edit => self.with_schemas::<EditArguments, Outcome>(),
            Self::Forget => self.with_schemas::<ForgetArguments, Outcomes>(),
            Self::Get => self.with_schemas::<GetArguments, RecordResult>(),
            Self::List => self.with_schemas::<ListArguments, ListResult>(),
            Self::Recall => self.with_schemas::<RecallArguments, RowsResult>(),
            Self::Remember => self.with_schemas::<RememberArguments, Outcomes>(),
            Self::Search => self.with_schemas::<SearchArguments, SearchResult>(),
            Self::Status => self.with_schemas::<NoArguments, StatusResult>(),
            Self::Tasks => self.with_schemas::<TasksArguments, RowsResult>(),
        }
    }

    fn with_input<Arguments: JsonSchema + 'static>(self) -> Definition {
        let input =
            schema_for_input::<Arguments>().expect("arguments are a struct, so their schema is an object");
        Definition::new(self.name(), self.description(), schema::input(&input))
            .with_title(self.title())
            .with_annotations(self.annotations())
    }

    fn with_schemas<Arguments, Output>(self) -> Definition
    where
        Arguments: JsonSchema + 'static,
        Output: JsonSchema + 'static,
    {
        let output = schema::output(&schema_for_output::<Output>());
        self.with_input::<Arguments>()
            .with_raw_output_schema(output.into())
    }

    fn annotations(self) -> ToolAnnotations {
        // All but this happens on the device.
        let hints = ToolAnnotations::new().open_world(matches!(self, Self::CloudAsk));
        let (destroys, repeatable) = match self.effect() {
            // The other two hints mean nothing then.
            Effect::None => return hints.read_only(true),
            Effect::Adds => (false, false),
            Effect::AddsOnce => (false, true),
            Effect::Replaces => (true, false),
            Effect::Removes => (true, true),
        };
        hints
            .read_only(false)
            .destructive(destroys)
            .idempotent(repeatable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_found_by_its_name_and_describes_itself() {
        for tool in Tool::ALL {
            assert_eq!(Tool::named(tool.name()), Some(tool));
        }
        assert_eq!(Tool::named("shell"), None);
        for definition in Tool::definitions() {
            let name = definition.name.as_ref();
            assert_eq!(definition.input_schema["type"], "object", "{name}");
            assert_eq!(definition.input_schema["additionalProperties"], false, "{name}");
            let output = definition.output_schema.as_ref().unwrap();
            assert_eq!(output["type"], "object", "{name}");
            let hints = definition.annotations.as_ref().unwrap();
            assert_eq!(hints.open_world_hint, Some(name == "cloud_ask"));
        }
    }

    #[test]
    fn the_tools_that_change_something_say_so() {
        let hinted = |hint: fn(&ToolAnnotations) -> Option<bool>| -> Vec<&str> {
            let definitions = Tool::definitions().iter();
            let hinted = definitions.filter(|one| one.annotations.as_ref().and_then(hint) == Some(true));
            hinted.map(|one| one.name.as_ref()).collect()
        };
        assert_eq!(
            hinted(|hints| hints.read_only_hint),
            [
                "recall",
                "search",
                "tasks",
                "contacts",
                "list",
                "get",
                "consent_status",
                "status"
            ]
        );
        assert_eq!(
            hinted(|hints| hints.destructive_hint),
            ["forget", "edit", "delete"]
        );
        assert!(!hinted(|hints| hints.idempotent_hint).contains(&"add"));
    }

    #[test]
    fn schemas_say_what_a_model_needs_and_no_more() {
        let remember = Tool::definitions()
            .iter()
            .find(|one| one.name == "remember")
            .unwrap();
        let schema = serde_json::to_string(&remember.input_schema).unwrap();
        for noise in ["$schema", "$ref", "\"null\"", "uint", "\"default\""] {
            assert!(!schema.contains(noise), "{noise}: {schema}");
        }
        let fact = &remember.input_schema["properties"]["facts"]["items"];
        assert_eq!(fact["required"], serde_json::json!(["text"]));
        assert_eq!(fact["properties"]["confidence"]["maximum"], 100);
        assert_eq!(fact["properties"]["supersedes"]["type"], "string");
    }

    #[test]
    fn the_schema_offers_no_category_that_an_agent_cannot_have() {
        let list = Tool::definitions().iter().find(|one| one.name == "list").unwrap();
        let offered = list.input_schema["properties"]["category"]["enum"]
            .as_array()
            .unwrap();
        assert_eq!(offered.len(), 8);
        assert!(!offered.iter().any(|name| name == "audit" || name == "settings"));
    }
}
