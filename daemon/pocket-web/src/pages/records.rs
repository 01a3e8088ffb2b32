//! The records of a category: the view of one, and what list, form and deletion share.

pub(crate) mod edit;
pub(crate) mod form;
pub(crate) mod invalid;
pub(crate) mod listing;
pub(crate) mod remove;
pub(crate) mod show;
pub(crate) mod tick;
pub(crate) mod view;

use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use pocket_core::{
    Answer, Category, Content, Entry, Failure, FailureKind, NewEntry, Operation, Record, RecordId, Timestamp,
};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::markdown;
use crate::pages::viewing::View;
use crate::present::{Moment, Phrase, RECORD_CATEGORIES, Shell, counted, filters, go, page, records_path};
use crate::query::Query;
use crate::trouble::Trouble;

use view::{Fact, Message, Value};

/// What was done before, and the part of a long conversation or document that is wanted.
#[derive(Deserialize)]
pub(crate) struct Asked {
    done: Option<String>,
    before: Option<usize>,
    page: Option<u32>,
}

pub(crate) fn category_named(name: &str) -> Result<Category, Trouble> {
    let category = name.parse().map_err(|_| Trouble::NotFound)?;
    if RECORD_CATEGORIES.contains(&category) {
        Ok(category)
    } else {
        Err(Trouble::NotFound)
    }
}

pub(crate) fn id_named(text: &str) -> Result<RecordId, Trouble> {
    text.parse().map_err(|_| Trouble::NotFound)
}

pub(crate) async fn read(door: &Door, category: Category, id: RecordId) -> Result<Entry, Failure> {
    match door.ask(Operation::Get { category, id }).await?.answer {
        Answer::Entry(entry) => Ok(*entry),
        _ => Err(unexpected()),
    }
}

/// The record that the address names, read: a page that needs it is not made without it.
pub(crate) struct Stored(pub(crate) Entry);

impl FromRequestParts<Door> for Stored {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Trouble> {
        let named = Path::<(String, String)>::from_request_parts(parts, door).await;
        let Path((category, id)) = named.map_err(|_| Trouble::NotFound)?;
        Ok(Self(
            read(door, category_named(&category)?, id_named(&id)?).await?,
        ))
    }
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    shell: Shell,
    back: &'static str,
    path: String,
    prose: Option<String>,
    view: View,
    thread: Vec<Message>,
    earlier: Option<usize>,
    facts: Vec<Fact>,
    file: Option<String>,
    task_done: Option<bool>,
    created: Moment,
    updated: Moment,
    changes: Phrase,
    origin: &'static str,
    id: RecordId,
    /// Where a model is asked about it, if it may leave at all.
    ask: Option<String>,
}

/// One record.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Stored(entry): Stored,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let mut shown = record_page(&owner, &entry, &asked);
    match entry.content.record() {
        Record::Document(document) if !document.sha256.is_empty() => {
            shown.file = Some(format!("/documents/{}/file", entry.id));
            // Shown as it is looked at, below.
            let text = owner.look.words().text_in_it;
            shown.facts.retain(|fact| fact.label != text);
            let (page, reader) = (asked.page.unwrap_or(1), door.reader().is_installed());
            shown.view = View::new(owner.look.words(), entry.id, document, page, reader);
        }
        Record::Task(task) => shown.task_done = Some(task.done),
        _ => {}
    }
    page(&shown)
}

fn record_page(owner: &Owner, entry: &Entry, asked: &Asked) -> RecordPage {
    let t = owner.look.words();
    let record = entry.content.record();
    let back = records_path(record.category());
    let prose = match record {
        Record::Note(note) => markdown::render(&note.body).filter(|html| !html.is_empty()),
        _ => None,
    };
    let (thread, earlier) = view::thread(record, asked.before);
    RecordPage {
        shell: Shell::new(owner, view::title(record), back).done(asked.done.as_deref()),
        back,
        path: view::path(entry),
        facts: view::facts(t, record, prose.is_some()),
        prose,
        view: View::default(),
        thread,
        earlier,
        file: None,
        task_done: None,
        created: Moment(entry.created),
        updated: Moment(entry.updated),
        changes: match entry.revision.saturating_sub(1) {
            0 => Phrase::default(),
            changes => counted(t, changes.into(), t.n_changes),
        },
        origin: view::origin(t, entry.origin),
        ask: (!record.category().never_leaves())
            .then(|| format!("/ask?with={}:{}", record.category(), entry.id)),
        id: entry.id,
    }
}

/// The operation that adds one new record.
pub(crate) fn add_one(content: Content) -> Operation {
    let entry = NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content,
    };
    Operation::Add {
        items: vec![entry],
        import: false,
    }
}

/// Which note.
#[derive(Deserialize)]
pub(crate) struct Named {
    title: Option<String>,
}

/// Follows a `[[link]]`: to the note of that title, else to the search for it.
pub(crate) async fn named(State(door): State<Door>, Query(named): Query<Named>) -> Result<Response, Trouble> {
    let title = named.title.unwrap_or_default();
    let words = title.split('#').next().unwrap_or_default().trim();
    let operation = Operation::Search {
        categories: vec![Category::Notes],
        query: words.to_owned(),
        limit: 50,
    };
    let hits = match door.ask(operation).await.map(|reply| reply.answer) {
        Ok(Answer::Hits(hits)) => hits,
        Ok(_) => return Err(unexpected().into()),
        Err(failure) if failure.kind == FailureKind::Invalid => Vec::new(),
        Err(failure) => return Err(failure.into()),
    };
    let same = |title: &str| title.to_lowercase() == words.to_lowercase();
    let found = hits.iter().find(|hit| match hit.entry.content.record() {
        Record::Note(note) => {
            let file = note.path.rsplit('/').next().unwrap_or_default();
            same(&note.title) || same(file.trim_end_matches(".md"))
        }
        _ => false,
    });
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("q", words)
        .append_pair("in", "notes")
        .finish();
    Ok(go(&found.map_or_else(
        || format!("/search?{query}"),
        |hit| view::path(&hit.entry),
    )))
}

pub(crate) fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
