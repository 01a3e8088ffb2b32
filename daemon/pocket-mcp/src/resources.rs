//! Records as resources: what a person attaches to a conversation, and what a client watches.
//!
//! `pocket://CATEGORY/ID` is a record, `pocket://documents/ID?page=N` one page of a document's text.
//! Notes and documents are listed; everything that an agent may read can be read and watched by its
//! address.

use pocket_core::{Answer, Category, Entry, Failure, FailureKind, Operation, Record, RecordId, Verb};
use rmcp::model::{
    ErrorData, ListResourceTemplatesResult, ListResourcesResult, MetaObject, ReadResourceResult, Resource,
    ResourceContents, ResourceTemplate,
};
use serde_json::Value;

use crate::cut;
use crate::desk::{Desk, unexpected};
use crate::results::{self, is_untrusted};
use crate::server::in_words;

const SCHEME: &str = "pocket://";
/// What is listed, in this order. People attach these; the rest is found by tools.
const LISTED: [Category; 2] = [Category::Notes, Category::Documents];
/// Resources on one page of the list: with their titles they stay under 8 kB.
const PAGE: u32 = 40;
/// Most bytes of one resource. A person has chosen it, so it may be longer than a tool's result.
const MOST: usize = 64 * 1024;
/// Bytes of a title in a list.
const LINE: usize = 100;
/// The mark in `_meta` of what is not the owner's own words.
const UNTRUSTED: &str = "pocketai/untrusted";
/// The mark in `_meta` of what is longer than what is shown.
const TRUNCATED: &str = "pocketai/truncated";

/// The address of a record.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct Address {
    pub(crate) category: Category,
    pub(crate) id: RecordId,
    page: Option<usize>,
}

impl Address {
    /// Reads an address; `None` when it is none of a record's.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (category, rest) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        let (id, page) = match rest.split_once("?page=") {
            Some((id, page)) => (id, Some(page.parse().ok()?)),
            None => (rest, None),
        };
        let category: Category = category.parse().ok()?;
        Some(Self {
            category,
            id: id.parse().ok()?,
            page,
        })
    }
}

/// What can be addressed.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    let record = ResourceTemplate::new("pocket://{category}/{id}", "record")
        .with_title("A record")
        .with_description("A note, fact, task, contact, conversation or document that this agent may read")
        .with_mime_type("text/markdown");
    let page = ResourceTemplate::new("pocket://documents/{id}?page={page}", "page")
        .with_title("A page of a document")
        .with_mime_type("text/plain");
    ListResourceTemplatesResult::with_all_items(vec![record, page])
}

/// A page of notes and documents that the agent may read, the newest first.
pub(crate) async fn list(desk: &Desk, cursor: Option<&str>) -> Result<ListResourcesResult, ErrorData> {
    let scopes = &desk.agent().scopes;
    let readable = LISTED
        .into_iter()
        .filter(|category| scopes.allow(*category, Verb::Read));
    let readable: Vec<Category> = readable.collect();
    let (mut place, mut after) = match cursor {
        None => (0, None),
        Some(cursor) => begin(&readable, cursor).ok_or_else(no_such_cursor)?,
    };
    // An empty category is passed over: an empty page tells a client nothing.
    while let Some(category) = readable.get(place).copied() {
        let limit = PAGE;
        let page = match desk
            .ask(Operation::List {
                category,
                after,
                limit,
            })
            .await
        {
            Ok(Answer::Page(page)) => page,
            Ok(_) => return Err(told(&unexpected())),
            Err(failure) => return Err(told(&failure)),
        };
        let last = page.entries.last().map(|entry| entry.id);
        let resources: Vec<Resource> = page.entries.iter().map(resource).collect();
        let next = match (page.more, last) {
            (true, Some(last)) => Some(format!("{category}:{last}")),
            _ => readable.get(place + 1).map(|category| format!("{category}:")),
        };
        if !resources.is_empty() || next.is_none() {
            let mut listed = ListResourcesResult::with_all_items(resources);
            listed.next_cursor = next;
            return Ok(listed);
        }
        (place, after) = (place + 1, None);
    }
    Ok(ListResourcesResult::default())
}

/// Where a cursor goes on. It is the agent's text, and no proof of anything: the category must be one
/// that it may read.
pub(crate) fn begin(readable: &[Category], cursor: &str) -> Option<(usize, Option<RecordId>)> {
    let (category, id) = cursor.split_once(':')?;
    let place = readable.iter().position(|known| known.name() == category)?;
    if id.is_empty() {
        return Some((place, None));
    }
    Some((place, Some(id.parse().ok()?)))
}

fn resource(entry: &Entry) -> Resource {
    let record = entry.content.record();
    let (title, _) = cut::start(record.title(), LINE);
    let uri = format!("{SCHEME}{}/{}", record.category(), entry.id);
    Resource::new(uri, title).with_mime_type(media_type(record))
}

/// Reads a record.
pub(crate) async fn read(desk: &Desk, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let address = Address::parse(uri).ok_or_else(|| not_found(uri))?;
    let entry = match desk.entry(address.category, address.id).await {
        Ok(entry) => entry,
        Err(failure) if failure.kind == FailureKind::NotFound => return Err(not_found(uri)),
        Err(failure) => return Err(told(&failure)),
    };
    let untrusted = is_untrusted(&entry);
    let record = entry.content.record();
    let text = match address.page {
        None => Some(text(record)),
        Some(page) => page_of(record, page),
    };
    let text = text.ok_or_else(|| not_found(uri))?;
    let (shown, truncated) = cut::start(&text, MOST);
    let mut meta = MetaObject::new();
    meta.0.insert(UNTRUSTED.to_owned(), Value::Bool(untrusted));
    meta.0.insert(TRUNCATED.to_owned(), Value::Bool(truncated));
    let contents = ResourceContents::text(shown, uri)
        .with_mime_type(media_type(record))
        .with_meta(meta);
    Ok(ReadResourceResult::new(vec![contents]))
}

const fn media_type(record: &Record) -> &'static str {
    match record {
        Record::Note(_) => "text/markdown",
        Record::Document(_) | Record::Memory(_) => "text/plain",
        _ => "application/json",
    }
}

fn text(record: &Record) -> String {
    match record {
        Record::Note(note) if note.title.is_empty() => note.body.clone(),
        Record::Note(note) => format!("# {}\n\n{}", note.title, note.body),
        Record::Document(document) => document.text.clone(),
        Record::Memory(memory) => memory.text.clone(),
        other => Value::Object(results::shown_fields(other)).to_string(),
    }
}

fn page_of(record: &Record, page: usize) -> Option<String> {
    let Record::Document(document) = record else {
        return None;
    };
    results::page_text(&document.text, page).map(str::to_owned)
}

/// A failure as a client shows it.
pub(crate) fn told(failure: &Failure) -> ErrorData {
    match failure.kind {
        FailureKind::Internal => ErrorData::internal_error(in_words(failure), None),
        _ => ErrorData::invalid_params(in_words(failure), None),
    }
}

/// The address is not quoted: errors are logged, and it is the agent's text. The client has it in `data`.
fn not_found(uri: &str) -> ErrorData {
    let message = "there is no such resource \u{2014} look it up with `resources/list` or the tool `search`";
    ErrorData::resource_not_found(message, Some(serde_json::json!({ "uri": uri })))
}

pub(crate) fn no_such_cursor() -> ErrorData {
    ErrorData::invalid_params(
        "this cursor is none of ours \u{2014} begin again without one",
        None,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_record_and_perhaps_a_page() {
        let id = "0123456789abcdef0123456789abcdef";
        let note = Address::parse(&format!("pocket://notes/{id}")).unwrap();
        assert_eq!((note.category, note.page), (Category::Notes, None));
        let page = Address::parse(&format!("pocket://documents/{id}?page=3")).unwrap();
        assert_eq!((page.category, page.page), (Category::Documents, Some(3)));
        for wrong in [
            "pocket://notes",
            "pocket://notes/7",
            "pocket://cellar/0123456789abcdef0123456789abcdef",
            "file:///etc/passwd",
            "pocket://notes/0123456789abcdef0123456789abcdef?page=x",
            "pocket://notes/0123456789abcdef0123456789abcdef/../../x",
        ] {
            assert!(Address::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_cursor_leads_nowhere_that_the_agent_may_not_read() {
        let readable = [Category::Notes];
        assert_eq!(begin(&readable, "notes:"), Some((0, None)));
        for wrong in ["documents:", "notes", "notes:7", ""] {
            assert_eq!(begin(&readable, wrong), None, "{wrong}");
        }
    }
}
