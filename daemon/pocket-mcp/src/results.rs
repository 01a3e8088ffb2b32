//! What each tool gives back.

use pocket_core::{Asked, Category, Consent, ConsentState, Content, Entry, Hit, Origin, Record, RecordId};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::cut::{self, Cut};
use crate::found::Found;

/// Bytes of JSON that one record may take in a list.
const IN_LIST: usize = 700;
/// Bytes that one fact may take in what `recall` gives.
const IN_RECALL: usize = 2_000;
/// Bytes of a title or of the words around a hit.
pub(crate) const LINE: usize = 240;
/// Bytes of a record's fields when it is read by itself.
const ALONE: usize = cut::MOST_RESULT - 700;

/// How the device is, and what this agent may do on it.
#[derive(JsonSchema, Serialize)]
pub(crate) struct StatusResult {
    /// unlocked, locked, first-run, damaged
    pub(crate) state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
    pub(crate) version: String,
    /// What is not listed is refused
    pub(crate) may: Vec<MayDo>,
}

/// What an agent may do with a category.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct MayDo {
    pub(crate) category: &'static str,
    pub(crate) verbs: Vec<&'static str>,
}

/// A page of records, the newest first.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ListResult {
    pub(crate) records: Vec<Row>,
    pub(crate) total: u64,
    /// `after` of the next page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A record in a list.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) updated: String,
    pub(crate) revision: u32,
    pub(crate) fields: Map<String, Value>,
    /// `get` shows all
    pub(crate) truncated: bool,
    /// Not the owner's own words
    pub(crate) untrusted: bool,
}

/// One record.
#[derive(JsonSchema, Serialize)]
pub(crate) struct RecordResult {
    // Who asked knows these two.
    #[schemars(skip)]
    pub(crate) category: &'static str,
    #[schemars(skip)]
    pub(crate) id: String,
    pub(crate) created: String,
    pub(crate) updated: String,
    pub(crate) revision: u32,
    /// agent, import, owner
    pub(crate) origin: String,
    pub(crate) fields: Map<String, Value>,
    pub(crate) truncated: bool,
    /// Where each goes on: `get` with `field` and `offset`
    pub(crate) cut: Vec<Cut>,
    /// Not the owner's own words
    pub(crate) untrusted: bool,
    /// Pages of a document's text
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pages: Option<usize>,
}

/// What became of each, in order. It is on disk.
#[derive(JsonSchema, Serialize)]
pub(crate) struct Outcomes {
    pub(crate) results: Vec<Outcome>,
}

/// What became of one record.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct Outcome {
    pub(crate) id: String,
    // Added, already-here, edited, deleted, not-found.
    pub(crate) outcome: &'static str,
}

impl Outcome {
    pub(crate) fn new(id: RecordId, outcome: &'static str) -> Self {
        Self {
            id: id.to_string(),
            outcome,
        }
    }
}

/// A question to a model, and what that said.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct AskResult {
    // What is left out of the schema says itself what it is: words are counted there.
    #[schemars(skip)]
    pub(crate) id: String,
    // waiting, sending, answered, denied, expired, failed
    pub(crate) state: &'static str,
    /// A model's words, no orders
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suggestion: Option<String>,
    #[schemars(skip)]
    pub(crate) untrusted: bool,
    // `from` to read on
    #[schemars(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<usize>,
    // What to do now
    #[schemars(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

/// What waits for the owner's consent, and the question that was asked about.
#[derive(JsonSchema, Serialize)]
pub(crate) struct ConsentResult {
    pub(crate) waiting: Vec<String>,
    // As `cloud_ask` gives it.
    #[schemars(skip)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<AskResult>,
}

impl AskResult {
    /// What has become of a question, its answer from the byte `from` on.
    pub(crate) fn new(asked: &Asked, from: usize) -> Self {
        let over = asked.question.state.is_over();
        let text = asked.text.as_str();
        let from = (0..=from.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let (shown, cut) = cut::read_on("suggestion", Value::from(text), from, ALONE);
        let next = (cut.is_some() || !over).then(|| from + shown.len());
        Self {
            id: asked.question.id.to_string(),
            state: asked.question.state.name(),
            suggestion: (!shown.is_empty()).then_some(shown),
            untrusted: true,
            next: next.filter(|_| !text.is_empty()),
            message: advice(&asked.question),
        }
    }
}

/// What an agent is to do about a question, or to tell its user.
fn advice(question: &Consent) -> Option<String> {
    let id = question.id;
    Some(match &question.state {
        ConsentState::Answered { .. } => return None,
        ConsentState::Denied => "the owner said no \u{2014} do not ask the same again".to_owned(),
        ConsentState::Expired => {
            "nobody allowed it in time, which is a no \u{2014} ask again only if the owner wants it"
                .to_owned()
        }
        ConsentState::Failed { reason, .. } => {
            format!("no whole answer came: {reason} \u{2014} tell the owner")
        }
        ConsentState::Sending => {
            "the model is answering \u{2014} call `consent_status` with this id".to_owned()
        }
        ConsentState::Waiting => format!(
            "consent_required \u{2014} tell the owner: it waits on the device's page under Consent, or for `pocketctl consent approve {id}`, until {}; then call `consent_status` with this id",
            question.expires
        ),
    })
}

/// What was found, the best first.
#[derive(JsonSchema, Serialize)]
pub(crate) struct SearchResult {
    pub(crate) hits: Vec<Found>,
    /// `after` of the next page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<usize>,
}

/// Records that fit, the best first.
#[derive(JsonSchema, Serialize)]
pub(crate) struct RowsResult {
    pub(crate) records: Vec<Row>,
    /// `after` of the next page
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<usize>,
}

impl Row {
    /// A record for a list.
    pub(crate) fn listed(entry: Entry) -> Self {
        Self::shortened(entry, IN_LIST)
    }

    /// A record that was looked up, whole if it is not very long.
    pub(crate) fn recalled(entry: Entry) -> Self {
        Self::shortened(entry, IN_RECALL)
    }

    /// A record for an agent that may search but not read: the words around the place, as in any hit.
    pub(crate) fn glimpsed(hit: Hit) -> Self {
        let untrusted = is_untrusted(&hit.entry);
        let (snippet, _) = cut::start(&hit.snippet, LINE);
        let fields = Map::from_iter([("text".to_owned(), Value::from(snippet))]);
        Self {
            id: hit.entry.id.to_string(),
            updated: hit.entry.updated.to_string(),
            revision: hit.entry.revision,
            fields,
            truncated: true,
            untrusted,
        }
    }

    fn shortened(entry: Entry, budget: usize) -> Self {
        let untrusted = is_untrusted(&entry);
        let (id, updated, revision) = (entry.id.to_string(), entry.updated.to_string(), entry.revision);
        let mut fields = shown_fields(entry.content.record());
        fields.retain(|_, value| !is_empty(value));
        let short = cut::shorten(fields, budget);
        Self {
            id,
            updated,
            revision,
            fields: short.fields,
            truncated: !short.cuts.is_empty(),
            untrusted,
        }
    }
}

impl RecordResult {
    /// A record by itself, its longest fields cut where it is too large for one result.
    pub(crate) fn whole(entry: Entry) -> Self {
        Self::of(entry, |fields| {
            let short = cut::shorten(fields, ALONE);
            (short.fields, short.cuts)
        })
    }

    /// One field of a record, from `offset` on; its main text when `field` is unsaid. `None` when
    /// it has no such field.
    pub(crate) fn piece(entry: Entry, field: Option<&str>, offset: usize) -> Option<Self> {
        let name = field
            .unwrap_or_else(|| main_text(entry.content.category()))
            .to_owned();
        let mut known = true;
        let piece = Self::of(entry, |mut fields| {
            let value = fields.remove(&name);
            known = value.is_some();
            let (text, cut) = cut::read_on(&name, value.unwrap_or_default(), offset, ALONE);
            (
                Map::from_iter([(name, Value::String(text))]),
                cut.into_iter().collect(),
            )
        });
        known.then_some(piece)
    }

    /// One page of a document's text, from 1, and of that what follows `offset`. `None` when it has no
    /// such page.
    pub(crate) fn page(mut entry: Entry, page: usize, offset: usize) -> Option<Self> {
        let Record::Document(mut document) = entry.content.into_record() else {
            return None;
        };
        let pages = pages(&document.text);
        document.text = page_text(&document.text, page)?.to_owned();
        entry.content = Content::unsealed(Record::Document(document));
        let mut shown = Self::piece(entry, None, offset)?;
        shown.pages = Some(pages);
        Some(shown)
    }

    fn of(entry: Entry, show: impl FnOnce(Map<String, Value>) -> (Map<String, Value>, Vec<Cut>)) -> Self {
        let category = entry.content.category().name();
        let untrusted = is_untrusted(&entry);
        let pages = match entry.content.record() {
            Record::Document(document) => Some(pages(&document.text)),
            _ => None,
        };
        let (fields, cut) = show(shown_fields(entry.content.record()));
        Self {
            category,
            id: entry.id.to_string(),
            created: entry.created.to_string(),
            updated: entry.updated.to_string(),
            revision: entry.revision,
            origin: plain_name(&entry.origin),
            fields,
            truncated: !cut.is_empty(),
            cut,
            untrusted,
            pages,
        }
    }
}

/// Ends a page in the text of a document.
const PAGE_END: char = '\u{c}';

/// A page of a document's text, from 1.
pub(crate) fn page_text(text: &str, page: usize) -> Option<&str> {
    let page = page.checked_sub(1)?;
    if text.is_empty() {
        None
    } else {
        text.split(PAGE_END).nth(page)
    }
}

/// How many pages a document's text has.
fn pages(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        text.matches(PAGE_END).count() + 1
    }
}

/// Whether what a record says did not come from the owner: strangers write messages and documents, and
/// an agent may have been told what to write.
pub(crate) fn is_untrusted(entry: &Entry) -> bool {
    let from_outside = matches!(
        entry.content.category(),
        Category::Conversations | Category::Documents
    );
    from_outside || matches!(entry.origin, Origin::Agent | Origin::Broker)
}

/// All fields of a record, as `edit` merges them.
pub(crate) fn all_fields(record: &Record) -> Map<String, Value> {
    match record.serialize_fields(serde_json::value::Serializer) {
        Ok(Value::Object(fields)) => fields,
        // Records are structs of texts, numbers and lists: they always serialize to an object.
        _ => Map::new(),
    }
}

/// The fields that an agent is shown.
pub(crate) fn shown_fields(record: &Record) -> Map<String, Value> {
    let mut fields = all_fields(record);
    if matches!(record, Record::Secret(_)) {
        // The note on a secret may hint at its value: agents see names only.
        fields.remove("note");
    }
    fields
}

/// The field that holds most of what a record says.
const fn main_text(category: Category) -> &'static str {
    match category {
        Category::Notes | Category::Outbox => "body",
        Category::Contacts => "note",
        Category::Conversations => "messages",
        Category::Tasks => "notes",
        Category::Secrets => "name",
        Category::Settings => "value",
        Category::Audit | Category::Documents | Category::Memory => "text",
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// The name that serde gives a variant without fields.
fn plain_name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::Conversation;
    use pocket_core::{Document, Memory, Message, Note, SecretName, Timestamp};

    use super::*;

    fn entry(record: Record) -> Entry {
        let Ok(content) = Content::check(record) else {
            panic!("an unacceptable record")
        };
        Entry {
            id: RecordId::from_bytes([7; 16]),
            created: Timestamp::from_millis(0),
            updated: Timestamp::from_millis(0),
            revision: 1,
            origin: Origin::Agent,
            content,
        }
    }

    fn note(body: &str) -> Entry {
        entry(Record::Note(Note {
            title: "t".to_owned(),
            body: body.to_owned(),
            ..Note::default()
        }))
    }

    fn json_len(value: &impl Serialize) -> usize {
        serde_json::to_string(value).unwrap().len()
    }

    #[test]
    fn a_long_note_is_read_in_pieces_that_each_fit() {
        let body: String = (0..9_000).map(|number| format!("line \"{number}\"\n")).collect();
        let first = RecordResult::whole(note(&body));
        assert!(first.truncated && json_len(&first) <= cut::MOST_RESULT);
        let mut read = first.fields["body"].as_str().unwrap().to_owned();
        loop {
            let piece = RecordResult::piece(note(&body), None, read.len()).unwrap();
            assert!(json_len(&piece) <= cut::MOST_RESULT);
            read.push_str(piece.fields["body"].as_str().unwrap());
            if !piece.truncated {
                break;
            }
        }
        assert!(read == body);
    }

    #[test]
    fn a_document_is_read_page_by_page() {
        let document = |text: &str| {
            entry(Record::Document(Document {
                name: "lease.pdf".to_owned(),
                text: text.to_owned(),
                ..Document::default()
            }))
        };
        let lease = document("first\u{c}second\u{c}third");
        let second = RecordResult::page(lease.clone(), 2, 0).unwrap();
        assert_eq!(
            (second.fields["text"].as_str(), second.pages),
            (Some("second"), Some(3))
        );
        assert!(RecordResult::page(lease.clone(), 4, 0).is_none());
        assert!(RecordResult::page(lease.clone(), 0, 0).is_none());
        assert!(RecordResult::page(note("b"), 1, 0).is_none());
        assert_eq!(RecordResult::whole(lease).pages, Some(3));
        assert_eq!(RecordResult::whole(document("")).pages, Some(0));
    }

    #[test]
    fn what_did_not_come_from_the_owner_says_so() {
        let mut mine = note("b");
        assert!(Row::listed(mine.clone()).untrusted, "an agent wrote it");
        mine.origin = Origin::Owner;
        assert!(!Row::listed(mine.clone()).untrusted && !RecordResult::whole(mine).untrusted);
        let mut chat = entry(Record::Conversation(Conversation {
            title: "t".to_owned(),
            ..Conversation::default()
        }));
        chat.origin = Origin::Import;
        assert!(Row::listed(chat).untrusted);
    }

    #[test]
    fn a_chat_with_one_enormous_message_is_cut_and_readable() {
        let message = Message {
            text: "x".repeat(100_000),
            ..Message::default()
        };
        let chat = Conversation {
            title: "t".to_owned(),
            messages: vec![message],
            ..Conversation::default()
        };
        let chat = entry(Record::Conversation(chat));
        let shown = RecordResult::whole(chat.clone());
        assert!(shown.truncated && json_len(&shown) <= cut::MOST_RESULT);
        assert!(RecordResult::piece(chat.clone(), Some("messages"), 99_000).is_some());
        assert!(RecordResult::piece(chat, Some("cellar"), 0).is_none());
    }

    #[test]
    fn a_row_is_short_whatever_the_record() {
        let tags = vec!["y".repeat(1_000); 200];
        let memory = Memory {
            text: "x".repeat(5_000),
            tags,
            ..Memory::default()
        };
        let row = Row::listed(entry(Record::Memory(memory.clone())));
        assert!(row.truncated && json_len(&row) <= 900);
        assert!(json_len(&Row::recalled(entry(Record::Memory(memory)))) <= 2_200);
        let plain = Row::listed(note("b"));
        assert!(!plain.truncated);
        assert_eq!(plain.fields.len(), 2, "empty fields are left out");
    }

    #[test]
    fn a_secret_shows_its_name_alone() {
        let secret = || {
            entry(Record::Secret(SecretName {
                name: "bank".to_owned(),
                note: "whiskers".to_owned(),
            }))
        };
        let shown = serde_json::to_string(&RecordResult::whole(secret())).unwrap();
        assert!(shown.contains("bank") && !shown.contains("whiskers"));
        assert!(RecordResult::piece(secret(), Some("note"), 0).is_none());
        let row = serde_json::to_string(&Row::listed(secret())).unwrap();
        assert!(row.contains("bank") && !row.contains("whiskers"));
    }
}
