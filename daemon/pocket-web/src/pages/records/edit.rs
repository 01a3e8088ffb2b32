//! Adding and editing a record. Nothing that was typed is lost: not when the session ends on the way,
//! and not when others change or delete the record meanwhile.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use pocket_core::{Added, Answer, Category, Entry, Failure, FailureKind, Operation, Record, RecordId};

use super::form::{self, Input, Kind};
use super::{add_one, category_named, id_named, now, read, view};
use crate::again::Again;
use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::upload;
use crate::present::{Notice, Shell, go, page_after, records_path, title_of};
use crate::trouble::Trouble;
use crate::words::fill;

#[derive(Template)]
#[template(path = "record_form.html")]
struct FormPage {
    shell: Shell,
    action: String,
    back: String,
    revision: Option<u32>,
    inputs: Vec<Input>,
    save: &'static str,
    /// Where the form can be sent instead, to make a record of its own.
    as_new: Option<String>,
}

/// The form of a new record.
pub(crate) async fn add(
    owner: Owner,
    Path(category): Path<String>,
    again: Again,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let blank = form::blank(category).ok_or(Trouble::NotFound)?;
    let inputs = form::begun(owner.look.words(), &blank, again.fields());
    let mut form = add_page(&owner, category, inputs);
    form.shell = again.tell(form.shell);
    again.page(&form)
}

fn add_page(owner: &Owner, category: Category, inputs: Vec<Input>) -> FormPage {
    let t = owner.look.words();
    let title = fill(t.new_in, &[title_of(t, category)]);
    FormPage {
        shell: Shell::new(owner, title, records_path(category)),
        action: format!("/records/{category}/new"),
        back: records_path(category).to_owned(),
        revision: None,
        inputs,
        save: t.save,
        as_new: None,
    }
}

/// Stores what the form says.
pub(crate) async fn submit_add(
    State(door): State<Door>,
    owner: Owner,
    Path(category): Path<String>,
    fields: Fields,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let blank = form::blank(category).ok_or(Trouble::NotFound)?;
    match store_new(&door, &owner, &blank, &fields).await {
        Ok(id) => Ok(go(&format!("{}/{id}?done=added", records_path(category)))),
        Err(failure) => {
            let inputs = form::typed(owner.look.words(), &blank, &fields);
            let mut form = add_page(&owner, category, inputs);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

async fn store_new(door: &Door, owner: &Owner, blank: &Record, fields: &Fields) -> Result<RecordId, Failure> {
    let content = form::read(owner.look.words(), blank, fields, now())?;
    match door.ask(add_one(content)).await?.answer {
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
    again: Again,
) -> Result<Response, Trouble> {
    let category = category_named(&category)?;
    let entry = match (read(&door, category, id_named(&id)?).await, again.fields()) {
        (Ok(entry), _) => entry,
        (Err(failure), Some(fields)) if failure.kind == FailureKind::NotFound => {
            return gone(&owner, category, &failure, fields);
        }
        (Err(failure), _) => return Err(failure.into()),
    };
    let form = match again.fields() {
        Some(fields) if revision(fields) != Some(entry.revision) => changed_meanwhile(&owner, &entry, fields),
        kept => {
            let inputs = form::begun(owner.look.words(), entry.content.record(), kept);
            let form = edit_page(&owner, &entry, inputs);
            FormPage {
                shell: again.tell(form.shell),
                ..form
            }
        }
    };
    again.page(&form)
}

/// The revision that a form was made from.
fn revision(fields: &Fields) -> Option<u32> {
    fields.line("revision").parse().ok()
}

fn edit_page(owner: &Owner, entry: &Entry, inputs: Vec<Input>) -> FormPage {
    let t = owner.look.words();
    let record = entry.content.record();
    let path = view::path(entry);
    let title = fill(t.edit_of, &[&view::title(record)]);
    FormPage {
        shell: Shell::new(owner, title, records_path(record.category())),
        action: format!("{path}/edit"),
        back: path,
        revision: Some(entry.revision),
        inputs,
        save: t.save,
        as_new: None,
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
    let stored = match read(&door, category, id_named(&id)?).await {
        Ok(entry) => {
            let stored = store_edited(&door, &owner, &entry, &fields).await;
            stored.map_err(|failure| (failure, Some(entry)))
        }
        Err(failure) => Err((failure, None)),
    };
    match stored {
        Ok(path) => Ok(go(&format!("{path}?done=saved"))),
        Err((failure, _)) if failure.kind == FailureKind::NotFound => {
            gone(&owner, category, &failure, &fields)
        }
        Err((failure, None)) => Err(failure.into()),
        Err((failure, Some(entry))) if failure.kind == FailureKind::Conflict => {
            page_after(&failure, &changed_meanwhile(&owner, &entry, &fields))
        }
        Err((failure, Some(entry))) => {
            let inputs = form::typed(owner.look.words(), entry.content.record(), &fields);
            let mut form = edit_page(&owner, &entry, inputs);
            form.revision = revision(&fields);
            form.shell = form.shell.failed(&failure);
            page_after(&failure, &form)
        }
    }
}

/// Gives the path of the record.
async fn store_edited(door: &Door, owner: &Owner, entry: &Entry, fields: &Fields) -> Result<String, Failure> {
    let content = form::read(owner.look.words(), entry.content.record(), fields, now())?;
    door.ask(Operation::Edit {
        id: entry.id,
        content: Box::new(content),
        revision: revision(fields),
    })
    .await?;
    Ok(view::path(entry))
}

/// The form of a record that others changed: what was typed, and beside it what is stored now. The owner
/// has been told, so to save again is to mean it.
fn changed_meanwhile(owner: &Owner, entry: &Entry, fields: &Fields) -> FormPage {
    let t = owner.look.words();
    let record = entry.content.record();
    let category = record.category();
    let mut form = edit_page(owner, entry, form::compared(t, record, fields));
    form.as_new = form::blank(category).map(|_| format!("/records/{category}/new"));
    let remedy = match form.as_new {
        Some(_) => t.changed_meanwhile_do,
        None => t.changed_meanwhile_replace,
    };
    form.shell.notice = Some(Notice::bad(t.failed_conflict, remedy));
    form.shell.unsaved = true;
    form
}

/// What was typed into the form of a record that others deleted: it can be stored as a new one. The file
/// of a document is gone with it.
fn gone(owner: &Owner, category: Category, failure: &Failure, fields: &Fields) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let Some(blank) = form::blank(category) else {
        let notice = Notice::bad(t.gone_document, fill(t.gone_document_do, &[fields.line("name")]));
        return page_after(failure, &upload::UploadPage::with(owner, notice, fields));
    };
    let mut form = add_page(owner, category, form::typed(t, &blank, fields));
    form.shell.notice = Some(Notice::bad(t.gone, t.gone_do));
    form.shell.unsaved = true;
    form.save = t.save_as_new;
    page_after(failure, &form)
}
