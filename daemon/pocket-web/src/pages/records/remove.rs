//! Deleting, and putting back.

use std::time::Instant;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use pocket_core::{Category, Entry, Failure, FailureKind, NewEntry, Operation, Record, RecordId};

use super::{Stored, category_named, id_named, read, view};
use crate::door::Door;
use crate::fields::Fields;
use crate::guard::Owner;
use crate::present::{Shell, go, own_path, page, records_path};
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// Most bytes that are held so that they can be put back; above, the owner is asked before.
const MOST_HELD: usize = 8 * 1024 * 1024;
/// Most records in one form.
const MOST: usize = 200;

/// The page that asks before something is deleted.
#[derive(Template)]
#[template(path = "confirm_delete.html")]
pub(crate) struct AskFirst {
    /// The frame.
    pub(crate) shell: Shell,
    /// What to answer.
    pub(crate) question: String,
    /// What it is about, if it is more than one.
    pub(crate) items: Vec<String>,
    /// Where the answer goes; empty for the address of the page.
    pub(crate) action: String,
    /// What goes with it.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// The words on the button.
    pub(crate) button: &'static str,
    /// Whether to ask for the passphrase too.
    pub(crate) asks: bool,
    /// Where to go instead.
    pub(crate) back: String,
}

/// Asks before a record is deleted that can't be put back.
pub(crate) async fn delete(owner: Owner, Stored(entry): Stored) -> Result<Response, Trouble> {
    let t = owner.look.words();
    page(&AskFirst {
        shell: Shell::new(&owner, t.delete, records_path(entry.content.category())),
        question: fill(t.delete_question, &[&view::title(entry.content.record())]),
        items: Vec::new(),
        action: String::new(),
        hidden: vec![("sure", "yes".to_owned())],
        button: t.delete,
        asks: false,
        back: view::path(&entry),
    })
}

/// Deletes one.
pub(crate) async fn submit_delete(
    State(door): State<Door>,
    owner: Owner,
    Stored(entry): Stored,
    fields: Fields,
) -> Result<Response, Trouble> {
    let category = entry.content.category();
    delete_all(&door, &owner, category, vec![entry], fields.ticked("sure")).await
}

/// Deletes those that are ticked in a list.
pub(crate) async fn submit_delete_many(
    State(door): State<Door>,
    owner: Owner,
    Path(category): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let mut entries = Vec::new();
    for id in fields.all("id").take(MOST) {
        match read(&door, category, id_named(id)?).await {
            Ok(entry) => entries.push(entry),
            // Someone else was faster: gone is gone.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => return Err(failure.into()),
        }
    }
    if entries.is_empty() {
        return Ok(go(records_path(category)));
    }
    delete_all(&door, &owner, category, entries, fields.ticked("sure")).await
}

async fn delete_all(
    door: &Door,
    owner: &Owner,
    category: Category,
    entries: Vec<Entry>,
    sure: bool,
) -> Result<Response, Trouble> {
    let held = can_be_held(&entries);
    if !held && !sure {
        return page(&ask_first(owner, category, &entries));
    }
    let mut gone = Vec::new();
    for entry in entries {
        let id = entry.id;
        match door.ask(Operation::Delete { category, id }).await {
            Ok(_) => gone.push(entry),
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => {
                // What is gone already can be put back, whatever stopped the rest.
                keep(door, owner, gone, held);
                return Err(failure.into());
            }
        }
    }
    keep(door, owner, gone, held);
    Ok(go(&format!("{}?done=deleted", records_path(category))))
}

fn keep(door: &Door, owner: &Owner, gone: Vec<Entry>, held: bool) {
    if held && !gone.is_empty() {
        door.sessions().keep_deleted(owner.session, gone, Instant::now());
    }
}

/// Whether all of them can be put back from memory: a document's bytes can not.
fn can_be_held(entries: &[Entry]) -> bool {
    let mut bytes = 0usize;
    for entry in entries {
        if matches!(entry.content.record(), Record::Document(document) if !document.sha256.is_empty()) {
            return false;
        }
        let record = entry.content.record();
        record.for_each_text(&mut |text| bytes = bytes.saturating_add(text.len()));
    }
    bytes <= MOST_HELD
}

fn ask_first(owner: &Owner, category: Category, entries: &[Entry]) -> AskFirst {
    let t = owner.look.words();
    let sure = ("sure", "yes".to_owned());
    let ids = entries.iter().map(|entry| ("id", entry.id.to_string()));
    AskFirst {
        shell: Shell::new(owner, t.delete, records_path(category)),
        question: t.delete_these.to_owned(),
        items: entries
            .iter()
            .map(|entry| view::title(entry.content.record()))
            .collect(),
        action: format!("/records/{category}/delete"),
        hidden: std::iter::once(sure).chain(ids).collect(),
        button: t.delete,
        asks: false,
        back: records_path(category).to_owned(),
    }
}

/// Puts back what this session deleted last.
pub(crate) async fn undo(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let entries = door.sessions().take_deleted(owner.session, Instant::now());
    if entries.is_empty() {
        return Err(too_late(owner.look.words()).into());
    }
    let items = entries.iter().map(as_new).collect();
    if let Err(failure) = door.ask(Operation::Add { items, import: false }).await {
        door.sessions()
            .keep_deleted(owner.session, entries, Instant::now());
        return Err(failure.into());
    }
    let back = own_path(fields.text("back"));
    let back = back.split('?').next().unwrap_or("/");
    Ok(go(&format!("{back}?done=restored")))
}

fn as_new(entry: &Entry) -> NewEntry {
    NewEntry {
        id: Some::<RecordId>(entry.id),
        created: Some(entry.created),
        updated: Some(entry.updated),
        upload: None,
        content: entry.content.clone(),
    }
}

fn too_late(t: &Words) -> Failure {
    Failure::new(FailureKind::Conflict, t.undo_too_late, t.undo_too_late_do)
}
