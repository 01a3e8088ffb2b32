//! The tools: their names, what they say of themselves, their schemas.

use std::sync::LazyLock;

use rmcp::handler::server::tool::{schema_for_input, schema_for_output};
use rmcp::model::{Tool as Definition, ToolAnnotations};
use schemars::JsonSchema;

use crate::arguments::{
    AddArguments, DeleteArguments, EditArguments, GetArguments, ListArguments, NoArguments, RecallArguments,
    RememberArguments, SearchArguments,
};
use crate::results::{
    AddedResult, DoneResult, ListResult, RecallResult, RecordResult, SearchResult, StatusResult,
};

/// A tool.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    Add,
    Delete,
    Edit,
    Get,
    List,
    Recall,
    Remember,
    Search,
    Status,
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
    const ALL: [Self; 9] = [
        Self::Recall,
        Self::Remember,
        Self::Search,
        Self::List,
        Self::Get,
        Self::Add,
        Self::Edit,
        Self::Delete,
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
            Self::Delete => "delete",
            Self::Edit => "edit",
            Self::Get => "get",
            Self::List => "list",
            Self::Recall => "recall",
            Self::Remember => "remember",
            Self::Search => "search",
            Self::Status => "status",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Add => "Add a record",
            Self::Delete => "Delete a record",
            Self::Edit => "Edit a record",
            Self::Get => "Read a record",
            Self::List => "List records",
            Self::Recall => "Recall facts",
            Self::Remember => "Remember a fact",
            Self::Search => "Search",
            Self::Status => "Status and permissions",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Add => {
                "Adds one record to a category and gives its id. For facts to remember, `remember` is \
                 simpler. Secrets cannot be added here: their owner sets them. Needs write on the category."
            }
            Self::Delete => "Deletes one record for good. Needs delete on its category.",
            Self::Edit => {
                "Replaces the named fields of a record and keeps the others. Pass the `revision` that you \
                 read, so that nobody's change in between is overwritten. Needs read and write on its category."
            }
            Self::Get => {
                "Reads one record with all its fields. A very long field is cut; `cut` says how to read on. \
                 Of a secret only the name is shown, never its value. Needs read on its category."
            }
            Self::List => {
                "Lists the records of a category, the newest first, long fields cut. Pass `next` as `after` \
                 for more. Needs read on the category."
            }
            Self::Recall => {
                "Searches the facts that the owner's assistants remembered, the best match first. Call this \
                 before you answer anything personal. Needs search on memory, and read to see facts whole."
            }
            Self::Remember => {
                "Remembers one fact about the owner or their world, for you and their other assistants. \
                 The same words are kept once; `recall` first to find facts that differ. Needs write on memory."
            }
            Self::Search => {
                "Full-text search over notes, tasks, contacts, conversations, documents and memory, or in one \
                 category. Gives titles and the words around the place; `get` reads a record. Needs search \
                 on the categories."
            }
            Self::Status => {
                "Says whether the device is unlocked, and what this agent may do with which category. Call it \
                 first, or when something was refused."
            }
        }
    }

    const fn effect(self) -> Effect {
        match self {
            Self::Add => Effect::Adds,
            Self::Remember => Effect::AddsOnce,
            Self::Delete => Effect::Removes,
            Self::Edit => Effect::Replaces,
            Self::Get | Self::List | Self::Recall | Self::Search | Self::Status => Effect::None,
        }
    }

    fn define(self) -> Definition {
        match self {
            Self::Add => self.with_schemas::<AddArguments, AddedResult>(),
            Self::Delete => self.with_schemas::<DeleteArguments, DoneResult>(),
            Self::Edit => self.with_schemas::<EditArguments, DoneResult>(),
            Self::Get => self.with_schemas::<GetArguments, RecordResult>(),
            Self::List => self.with_schemas::<ListArguments, ListResult>(),
            Self::Recall => self.with_schemas::<RecallArguments, RecallResult>(),
            Self::Remember => self.with_schemas::<RememberArguments, AddedResult>(),
            Self::Search => self.with_schemas::<SearchArguments, SearchResult>(),
            Self::Status => self.with_schemas::<NoArguments, StatusResult>(),
        }
    }

    fn with_schemas<Arguments, Output>(self) -> Definition
    where
        Arguments: JsonSchema + 'static,
        Output: JsonSchema + 'static,
    {
        let input =
            schema_for_input::<Arguments>().expect("arguments are a struct, so their schema is an object");
        Definition::new(self.name(), self.description(), input)
            .with_title(self.title())
            .with_raw_output_schema(schema_for_output::<Output>())
            .with_annotations(self.annotations())
    }

    fn annotations(self) -> ToolAnnotations {
        let (reads_only, destroys, repeatable) = match self.effect() {
            Effect::None => (true, false, true),
            Effect::Adds => (false, false, false),
            Effect::AddsOnce => (false, false, true),
            Effect::Replaces => (false, true, false),
            Effect::Removes => (false, true, true),
        };
        ToolAnnotations::with_title(self.title())
            .read_only(reads_only)
            .destructive(destroys)
            .idempotent(repeatable)
            // All of it happens on the device.
            .open_world(false)
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
            assert_eq!(definition.input_schema["type"], "object", "{}", definition.name);
            assert_eq!(
                definition.input_schema["additionalProperties"], false,
                "{}",
                definition.name
            );
            let output = definition.output_schema.as_ref().unwrap();
            assert_eq!(output["type"], "object", "{}", definition.name);
            let hints = definition.annotations.as_ref().unwrap();
            assert_eq!(hints.open_world_hint, Some(false));
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
            ["recall", "search", "list", "get", "status"]
        );
        assert_eq!(hinted(|hints| hints.destructive_hint), ["edit", "delete"]);
        assert!(!hinted(|hints| hints.idempotent_hint).contains(&"add"));
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
