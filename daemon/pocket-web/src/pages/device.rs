//! The device itself: what can be done with it, and the check of everything that it keeps.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, CheckReport, Operation};
use std::time::Instant;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Shell, counted, length, page, page_after};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::fill;

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    shell: Shell,
    version: String,
    device_secret: String,
    sessions: String,
    unconfirmed: bool,
}

/// What can be done with the device.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let sessions = door.sessions().count(Instant::now());
    page(&DevicePage {
        shell: Shell::new(&owner, t.device, "/device").done(done.code()),
        version: owner.status.version.clone(),
        device_secret: owner.status.device_secret.clone(),
        sessions: counted(length(sessions), t.n_sessions),
        unconfirmed: owner.status.recovery_confirmed == Some(false),
    })
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    shell: Shell,
    report: Option<CheckReport>,
    verdict: String,
    was_read: String,
}

/// Offers the check.
pub(crate) async fn check(owner: Owner) -> Result<Response, Trouble> {
    page(&check_page(Shell::new(
        &owner,
        owner.look.words().check,
        "/device",
    )))
}

const fn check_page(shell: Shell) -> CheckPage {
    CheckPage {
        shell,
        report: None,
        verdict: String::new(),
        was_read: String::new(),
    }
}

/// Reads everything, and shows what is damaged.
pub(crate) async fn submit_check(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let accept_loss = fields.ticked("accept_loss");
    if accept_loss && let Err(failure) = door.ask_again(owner.session, fields.secret("passphrase")).await {
        let form = check_page(Shell::new(&owner, t.check, "/device").failed(&failure));
        return page_after(&failure, &form);
    }
    let Answer::Check(report) = door.ask(Operation::Check { accept_loss }).await?.answer else {
        return Err(unexpected().into());
    };
    page(&CheckPage {
        shell: Shell::new(&owner, owner.look.words().check, "/device"),
        verdict: if report.findings.is_empty() {
            t.all_whole.to_owned()
        } else {
            counted(length(report.findings.len()), t.n_damaged)
        },
        was_read: fill(
            t.was_read,
            &[
                &report.records.to_string(),
                &report.blobs.to_string(),
                &report.audit.to_string(),
            ],
        ),
        report: Some(report),
    })
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportPage {
    shell: Shell,
}

/// Says how to bring in what one has: files of strangers are read by `pocketctl`, not by the process
/// that holds the keys.
pub(crate) async fn import(owner: Owner) -> Result<Response, Trouble> {
    page(&ImportPage {
        shell: Shell::new(&owner, owner.look.words().import_title, "/device"),
    })
}
