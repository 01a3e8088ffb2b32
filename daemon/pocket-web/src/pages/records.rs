//! The records of a category: list, view, add, edit, delete.

pub(crate) mod form;
pub(crate) mod view;

use std::time::{SystemTime, UNIX_EPOCH};

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use pocket_core::{
    Added, Answer, Category, Content, Entry, Failure, FailureKind, NewEntry, Operation, Record, RecordId,
    Timestamp, When,
};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{
    Moment, RECORD_CATEGORIES, Shell, counted, go, page, page_after, records_path, title_of,
};
use crate::trouble::Trouble;

use form::{Input, Kind};
use view::{Fact, Row, Value};

/// Records on a page.
const PAGE: u32 = 50;

/// From where on, and what was done before.
#[derive(Deserialize)]
pub(crate) struct From {
    after: Option<String>,
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "records.html")]
struct ListPage {
    shell: Shell,
    category: &'static str,
    add_path: String,
    add_words: &'static str,
    count: String,
    rows: Vec<Row>,
    first_page: bool,
    more: Option<RecordId>,
}

/// A page of records, the newest first.
pub(crate) async fn list(
    State(door): State<Door>,
    owner: Owner,
    Path(category): Path<String>,
    Query(from): Query<From>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let after = from
        .after
        .map(|id| id.parse())
        .transpose()
        .map_err(|_| Trouble::NotFound)?;
    let listed = door
        .ask(Operation::List {
            category,
            after,
            limit: PAGE,
        })
        .await?;
    let Answer::Page(records) = listed.answer else {
        return Err(unexpected().into());
    };
    let documents = category == Category::Documents;
    page(&ListPage {
        shell: Shell::new(&owner, title_of(category), records_path(category)).done(from.done.as_deref()),
        category: category.name(),
        add_path: if documents {
            "/documents/upload".to_owned()
        } else {
            format!("/records/{category}/new")
        },
        add_words: if documents { "Upload" } else { "Add" },
        count: counted(records.total, "record"),
        rows: records.entries.iter().map(Row::from).collect(),
        first_page: after.is_none(),
        more: records
            .entries
            .last()
            .map(|last| last.id)
            .filter(|_| records.more),
    })
}

fn category_named(name: &str) -> Result<Category, Trouble> {
    let category = name.parse().map_err(|_| Trouble::NotFound)?;
    if RECORD_CATEGORIES.contains(&category) {
        Ok(category)
    } else {
        Err(Trouble::NotFound)
    }
}

fn id_named(text: &str) -> Result<RecordId, Trouble> {
    text.parse().map_err(|_| Trouble::NotFound)
}

async fn read(door: &Door, category: Category, id: RecordId) -> Result<Entry, Failure> {
    match door.ask(Operation::Get { category, id }).await?.answer {
        Answer::Entry(entry) => Ok(*entry),
        _ => Err(unexpected()),
    }
}

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage {
    shell: Shell,
    back: String,
    path: String,
    facts: Vec<Fact>,
    file: Option<String>,
    task_done: Option<bool>,
    created: Moment,
    updated: Moment,
    changes: String,
    origin: &'static str,
    id: RecordId,
}

/// One record.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Path((category, id)): Path<(String, String)>,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let entry = read(&door, category, id_named(&id)?).await?;
    let record = entry.content.record();
    let (file, task_done) = match record {
        Record::Document(document) if !document.sha256.is_empty() => {
            (Some(format!("/documents/{}/file", entry.id)), None)
        }
        Record::Task(task) => (None, Some(task.done)),
        _ => (None, None),
    };
    page(&RecordPage {
        shell: Shell::new(&owner, view::title(record), records_path(category)).done(done.code()),
        back: records_path(category),
        path: view::path(&entry),
        facts: view::facts(record),
        file,
        task_done,
        created: Moment(entry.created),
        updated: Moment(entry.updated),
        changes: counted(entry.revision.saturating_sub(1).into(), "change"),
        origin: view::origin(entry.origin),
        id: entry.id,
    })
}

#[derive(Template)]
#[template(path = "record_form.html")]
struct FormPage {
    shell: Shell,
    action: String,
    back: String,
    revision: Option<u32>,
    inputs: Vec<Input>,
}

/// An empty form.
pub(crate) async fn add(owner: Owner, Path(category): Path<String>) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let inputs = form::inputs(&form::blank(category).ok_or(Trouble::NotFound)?);
    page(&add_page(&owner, category, inputs))
}

fn add_page(owner: &Owner, category: Category, inputs: Vec<Input>) -> FormPage {
    FormPage {
        shell: Shell::new(
            owner,
            format!("Add to {}", title_of(category)),
            records_path(category),
        ),
        action: format!("/records/{category}/new"),
        back: records_path(category),
        revision: None,
        inputs,
    }
}

/// Stores a new record.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    Path(category): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let blank = form::blank(category).ok_or(Trouble::NotFound)?;
    match store_new(&door, &blank, &fields).await {
        Ok(id) => Ok(go(&format!("/records/{category}/{id}?done=added"))),
        Err(failure) => {
            let mut form = add_page(&owner, category, form::typed(&blank, &fields));
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

async fn store_new(door: &Door, blank: &Record, fields: &Fields) -> Result<RecordId, Failure> {
    let content = form::read(blank, fields, now())?;
    let entry = NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content,
    };
    match door
        .ask(Operation::Add {
            items: vec![entry],
            import: false,
        })
        .await?
        .answer
    {
        Answer::Added(added) => match added.first() {
            Some(Added::AlreadyHere(id) | Added::Differs(id) | Added::New(id)) => Ok(*id),
            None => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}

/// The form of a record that is there.
pub(crate) async fn edit(
    State(door): State<Door>,
    owner: Owner,
    Path((category, id)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let entry = read(&door, category, id_named(&id)?).await?;
    let inputs = form::inputs(entry.content.record());
    page(&edit_page(&owner, &entry, Some(entry.revision), inputs))
}

fn edit_page(owner: &Owner, entry: &Entry, revision: Option<u32>, inputs: Vec<Input>) -> FormPage {
    let record = entry.content.record();
    let path = view::path(entry);
    FormPage {
        shell: Shell::new(
            owner,
            format!("Edit {}", view::title(record)),
            records_path(record.category()),
        ),
        action: format!("{path}/edit"),
        back: path,
        revision,
        inputs,
    }
}

/// Stores what the form says.
pub(crate) async fn submit_edit(
    State(door): State<Door>,
    owner: Owner,
    Path((category, id)): Path<(String, String)>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let entry = read(&door, category, id_named(&id)?).await?;
    let revision = fields.line("revision").parse().ok();
    match store_edited(&door, &entry, revision, &fields).await {
        Ok(()) => Ok(go(&format!("{}?done=saved", view::path(&entry)))),
        Err(failure) => {
            // After a conflict the owner has been told: to save again is to mean it.
            let conflict = failure.kind == FailureKind::Conflict;
            let revision = if conflict { Some(entry.revision) } else { revision };
            let inputs = form::typed(entry.content.record(), &fields);
            let mut form = edit_page(&owner, &entry, revision, inputs);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

async fn store_edited(
    door: &Door,
    entry: &Entry,
    revision: Option<u32>,
    fields: &Fields,
) -> Result<(), Failure> {
    let content = Box::new(form::read(entry.content.record(), fields, now())?);
    door.ask(Operation::Edit {
        id: entry.id,
        content,
        revision,
    })
    .await
    .map(drop)
}

/// Ticks a task off, or takes the tick away.
pub(crate) async fn tick(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let entry = read(&door, Category::Tasks, id_named(&id)?).await?;
    let Record::Task(mut task) = entry.content.record().clone() else {
        return Err(Trouble::NotFound);
    };
    task.done = !task.done;
    task.completed = task.done.then(|| When::from_instant(now()));
    let content = Content::check(Record::Task(task)).map_err(|_| unexpected())?;
    let operation = Operation::Edit {
        id: entry.id,
        content: Box::new(content),
        revision: Some(entry.revision),
    };
    door.ask(operation).await?;
    Ok(go(&format!("{}?done=saved", view::path(&entry))))
}

#[derive(Template)]
#[template(path = "confirm_delete.html")]
struct DeletePage {
    shell: Shell,
    question: String,
    name: String,
    button: &'static str,
    back: String,
}

/// Asks before a record is deleted.
pub(crate) async fn delete(
    State(door): State<Door>,
    owner: Owner,
    Path((category, id)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let entry = read(&door, category, id_named(&id)?).await?;
    let title = view::title(entry.content.record());
    page(&DeletePage {
        shell: Shell::new(&owner, "Delete", records_path(category)),
        question: format!("Delete \u{201c}{title}\u{201d}? It can't be brought back."),
        name: String::new(),
        button: "Delete",
        back: view::path(&entry),
    })
}

/// Deletes it.
pub(crate) async fn submit_delete(
    State(door): State<Door>,
    Path((category, id)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    door.ask(Operation::Delete {
        category,
        id: id_named(&id)?,
    })
    .await?;
    Ok(go(&format!("{}?done=deleted", records_path(category))))
}

fn now() -> Timestamp {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
