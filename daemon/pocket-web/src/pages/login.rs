//! In and out: unlock, log in, log out, lock.

use std::time::Instant;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use pocket_core::{Credential, Failure, LockState, Operation, Status};
use serde::Deserialize;

use crate::door::{Door, cookie, drop_cookie};
use crate::fields::Fields;
use crate::guard::{Owner, Visitor, append_cookie};
use crate::look::Look;
use crate::present::{Notice, Shell, go, own_path, page, page_after};
use crate::query::Query;
use crate::trouble::Trouble;

/// Where to go after the login.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "unlock.html")]
struct UnlockPage {
    look: Look,
    kept: bool,
    title: &'static str,
    form_token: String,
    notice: Option<Notice>,
    next: String,
    locked: bool,
    recovery: bool,
    wait_seconds: u64,
}

fn unlock_page(visitor: &Visitor, status: &Status, next: &str, recovery: bool) -> UnlockPage {
    let locked = status.state == LockState::Locked;
    let t = visitor.look.words();
    UnlockPage {
        look: visitor.look,
        kept: false,
        title: if locked { t.unlock } else { t.log_in },
        form_token: visitor.form_token.clone(),
        notice: None,
        next: own_path(next).to_owned(),
        locked,
        recovery: recovery && locked,
        wait_seconds: status.wait_seconds,
    }
}

/// Asks for the passphrase.
pub(crate) async fn show(
    State(door): State<Door>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let next = wanted.next.unwrap_or_default();
    let status = door.public_status().await?;
    match status.state {
        LockState::FirstRun | LockState::Damaged { .. } => Ok(Redirect::to("/setup").into_response()),
        LockState::Unlocked if visitor.session.is_some() => Ok(go(own_path(&next))),
        LockState::Locked | LockState::Unlocked => {
            let mut form = unlock_page(&visitor, &status, &next, false);
            form.kept = keeps(&door, &headers);
            page(&form)
        }
    }
}

/// Opens the vault, or begins a session where it is open already.
pub(crate) async fn submit(
    State(door): State<Door>,
    visitor: Visitor,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Trouble> {
    let recovery = fields.text("with") == "recovery";
    match log_in(&door, &fields, recovery).await {
        Ok(()) => {
            let mut response = go(own_path(fields.text("next")));
            append_cookie(
                &mut response,
                &door.begin_session(visitor.session, Instant::now()).await?,
            );
            Ok(response)
        }
        Err(failure) => {
            let status = door.public_status().await?;
            let mut form = unlock_page(&visitor, &status, fields.text("next"), recovery);
            form.kept = keeps(&door, &headers);
            form.notice = Some(Notice::of(visitor.look, &failure));
            // Not a page that the guard may take for a vault locked under a session.
            page_after(
                &Failure {
                    kind: told_kind(&failure),
                    ..failure
                },
                &form,
            )
        }
    }
}

/// Whether a form of this browser's waits until its writer has logged in.
fn keeps(door: &Door, headers: &HeaderMap) -> bool {
    cookie(headers, &door.kept_cookie()).is_some_and(|key| door.kept().waits(key, Instant::now()))
}

fn told_kind(failure: &Failure) -> pocket_core::FailureKind {
    match failure.kind {
        pocket_core::FailureKind::Locked => pocket_core::FailureKind::Conflict,
        kind => kind,
    }
}

async fn log_in(door: &Door, fields: &Fields, recovery: bool) -> Result<(), Failure> {
    let status = door.public_status().await?;
    let operation = match status.state {
        LockState::Unlocked => Operation::Authenticate,
        _ if recovery => Operation::Unlock {
            with: Credential::RecoveryKey,
        },
        _ => Operation::Unlock {
            with: Credential::Passphrase,
        },
    };
    let shown = if recovery { "recovery_key" } else { "passphrase" };
    door.ask_as_visitor(operation, Some(fields.secret(shown)), None)
        .await
        .map(drop)
}

/// Ends this session; the vault stays open for the agents.
pub(crate) async fn log_out(State(door): State<Door>, owner: Owner) -> Response {
    door.sessions().end(owner.session);
    out(&door)
}

/// Ends every session of every browser, this one too.
pub(crate) async fn log_out_everywhere(State(door): State<Door>) -> Response {
    door.sessions().end_all();
    out(&door)
}

#[derive(Template)]
#[template(path = "lock_all.html")]
struct LockAllPage {
    shell: Shell,
}

/// Asks before the panic lock.
pub(crate) async fn lock_all(owner: Owner) -> Result<Response, Trouble> {
    page(&LockAllPage {
        shell: Shell::new(&owner, owner.look.words().panic_title, "/device"),
    })
}

/// Locks the vault.
pub(crate) async fn lock(State(door): State<Door>) -> Result<Response, Trouble> {
    lock_now(&door, false).await
}

/// Locks the vault and takes every agent's token away.
pub(crate) async fn submit_lock_all(State(door): State<Door>) -> Result<Response, Trouble> {
    lock_now(&door, true).await
}

async fn lock_now(door: &Door, all: bool) -> Result<Response, Trouble> {
    door.ask(Operation::Lock { all }).await?;
    door.sessions().end_all();
    Ok(out(door))
}

/// To the login page, without a cookie.
fn out(door: &Door) -> Response {
    let mut response = go("/unlock");
    append_cookie(&mut response, &drop_cookie(&door.session_cookie()));
    response
}
