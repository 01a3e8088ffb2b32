//! What can't be undone: destroying what was deleted, erasing a category, and the factory reset.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Category, Failure, FailureKind, Operation};
use serde::Deserialize;

use crate::again::Again;
use crate::door::{Door, drop_cookie};
use crate::fields::Fields;
use crate::guard::{Owner, append_cookie};
use crate::pages::Done;
use crate::present::{Moment, Notice, Phrase, Shell, go, grouped, number, page, page_after, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

/// The word that a reset asks for, in every language: the command line asks for the same.
const WORD: &str = "ERASE";

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage {
    shell: Shell,
    choices: Vec<(&'static str, &'static str, String)>,
    chosen: String,
}

fn erase_page(shell: Shell, owner: &Owner, chosen: String) -> ErasePage {
    let t = shell.look.words();
    let erasable = owner
        .status
        .categories
        .iter()
        .filter(|status| status.category != Category::Audit);
    let choices = erasable
        .map(|status| {
            (
                status.category.name(),
                title_of(t, status.category),
                grouped(t, status.records),
            )
        })
        .collect();
    ErasePage {
        shell,
        choices,
        chosen,
    }
}

/// Asks which category to erase.
pub(crate) async fn erase(owner: Owner, again: Again) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().erase_category, "/device");
    let form = erase_page(again.tell(shell), &owner, again.text_or("category", String::new));
    again.page(&form)
}

/// Erases it.
pub(crate) async fn submit_erase(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match erase_category(&door, owner.look.words(), &fields).await {
        Ok(()) => Ok(go("/device?done=erased")),
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().erase_category, "/device").failed(&failure);
            let chosen = fields.line("category").to_owned();
            page_after(&failure, &erase_page(shell, &owner, chosen))
        }
    }
}

#[derive(Template)]
#[template(path = "rekey.html")]
struct RekeyPage {
    shell: Shell,
    /// Categories with remains: name, title, since when.
    remains: Vec<(&'static str, &'static str, Moment)>,
    asks: bool,
}

fn rekey_page(door: &Door, shell: Shell, owner: &Owner) -> RekeyPage {
    let t = shell.look.words();
    let categories = owner.status.categories.iter();
    let remains = categories.filter_map(|status| {
        let since = Moment(status.deleted_since?);
        Some((status.category.name(), title_of(t, status.category), since))
    });
    RekeyPage {
        shell,
        remains: remains.collect(),
        asks: door.asks(owner),
    }
}

/// Shows which categories hold the remains of what was deleted.
pub(crate) async fn rekey(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().rekey, "/device").done(done.code());
    page(&rekey_page(&door, shell, &owner))
}

/// Destroys them in one.
pub(crate) async fn submit_rekey(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    match destroy_remains(&door, &owner, &fields).await {
        Ok(()) => Ok(go("/device/rekey?done=rekeyed")),
        Err(failure) => {
            let shell = Shell::new(&owner, t.rekey, "/device").failed(&failure);
            page_after(&failure, &rekey_page(&door, shell, &owner))
        }
    }
}

async fn destroy_remains(door: &Door, owner: &Owner, fields: &Fields) -> Result<(), Failure> {
    let category = category(owner.look.words(), fields)?;
    door.confirm(owner, fields).await?;
    door.ask(Operation::CategoryRekey { category }).await.map(drop)
}

fn category(t: &Words, fields: &Fields) -> Result<Category, Failure> {
    let chosen = fields.line("category").parse();
    chosen.map_err(|_: pocket_core::UnknownCategory| {
        Failure::new(FailureKind::Invalid, t.no_category, t.choose)
    })
}

async fn erase_category(door: &Door, t: &Words, fields: &Fields) -> Result<(), Failure> {
    let category = category(t, fields)?;
    let request = door.request(Operation::CategoryErase { category });
    door.send(request.with_passphrase(fields.secret("passphrase")))
        .await
        .map(drop)
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage {
    shell: Shell,
    /// 1: what will be gone; 2: the word; 3: the passphrase.
    step: u8,
    counts: Vec<(&'static str, Phrase)>,
    confirm: String,
}

/// How far the owner has come.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reached {
    step: u8,
    confirm: String,
}

fn reset_page(shell: Shell, owner: &Owner, step: u8, confirm: &str) -> ResetPage {
    let t = owner.look.words();
    let counted = owner.status.categories.iter();
    ResetPage {
        shell,
        step,
        counts: counted
            .map(|status| (title_of(t, status.category), number(t, status.records)))
            .collect(),
        confirm: confirm.to_owned(),
    }
}

/// Asks in three steps whether to destroy everything.
pub(crate) async fn reset(owner: Owner, Query(reached): Query<Reached>) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let mut shell = Shell::new(&owner, t.factory_reset, "/device");
    let typed = reached.confirm.trim() == WORD;
    let step = match reached.step {
        3 if typed => 3,
        3 => {
            shell.notice = Some(Notice::bad(t.not_the_word, t.type_erase));
            2
        }
        2 => 2,
        _ => 1,
    };
    page(&reset_page(shell, &owner, step, WORD))
}

/// Destroys it. The page of the first run shows the evidence.
pub(crate) async fn submit_reset(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let confirm = fields.line("confirm").to_owned();
    let request = door.request(Operation::FactoryReset { confirm });
    match door
        .send(request.with_passphrase(fields.secret("passphrase")))
        .await
    {
        Ok(_) => {
            door.sessions().end_all();
            let mut response = go("/setup");
            append_cookie(&mut response, &drop_cookie(&door.session_cookie()));
            Ok(response)
        }
        Err(failure) => {
            let shell = Shell::new(&owner, owner.look.words().factory_reset, "/device").failed(&failure);
            let step = if fields.line("confirm") == WORD { 3 } else { 2 };
            page_after(&failure, &reset_page(shell, &owner, step, WORD))
        }
    }
}
