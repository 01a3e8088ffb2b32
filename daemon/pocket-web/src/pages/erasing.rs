//! What can't be undone: erasing a category, and the factory reset.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Category, Failure, FailureKind, Operation};

use crate::door::{Door, drop_cookie};
use crate::fields::Fields;
use crate::guard::{Owner, append_cookie};
use crate::present::{Shell, go, page, page_after, title_of};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "erase.html")]
struct ErasePage {
    shell: Shell,
    choices: Vec<(&'static str, &'static str, u64)>,
}

fn erase_page(shell: Shell, owner: &Owner) -> ErasePage {
    let erasable = owner
        .status
        .categories
        .iter()
        .filter(|status| status.category != Category::Audit);
    let choices = erasable
        .map(|status| (status.category.name(), title_of(status.category), status.records))
        .collect();
    ErasePage { shell, choices }
}

/// Asks which category to erase.
pub(crate) async fn erase(owner: Owner) -> Result<Response, Trouble> {
    page(&erase_page(
        Shell::new(&owner, "Erase a category", "/device"),
        &owner,
    ))
}

/// Erases it.
pub(crate) async fn submit_erase(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    match erase_category(&door, &fields).await {
        Ok(()) => Ok(go("/device?done=erased")),
        Err(failure) => {
            let shell = Shell::new(&owner, "Erase a category", "/device").failed(&failure);
            page_after(&failure, &erase_page(shell, &owner))
        }
    }
}

async fn erase_category(door: &Door, fields: &Fields) -> Result<(), Failure> {
    let category = fields
        .line("category")
        .parse()
        .map_err(|error: pocket_core::UnknownCategory| {
            Failure::new(FailureKind::Invalid, error.to_string(), "choose one of them")
        })?;
    let request = door.request(Operation::CategoryErase { category });
    door.send(request.with_passphrase(fields.secret("passphrase")))
        .await
        .map(drop)
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage {
    shell: Shell,
}

/// Asks whether to destroy everything.
pub(crate) async fn reset(owner: Owner) -> Result<Response, Trouble> {
    page(&ResetPage {
        shell: Shell::new(&owner, "Factory reset", "/device"),
    })
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
            let shell = Shell::new(&owner, "Factory reset", "/device").failed(&failure);
            page_after(&failure, &ResetPage { shell })
        }
    }
}
