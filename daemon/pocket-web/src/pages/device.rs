//! The device itself: what can be done with it, and the check of everything that it keeps.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use pocket_core::{Answer, CheckReport, Operation};
use std::time::Instant;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Shell, counted, page};
use crate::trouble::Trouble;

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
    let sessions = door.sessions().count(Instant::now());
    page(&DevicePage {
        shell: Shell::new(&owner, "Device", "/device").done(done.code()),
        version: owner.status.version.clone(),
        device_secret: owner.status.device_secret.clone(),
        sessions: counted(u64::try_from(sessions).unwrap_or(u64::MAX), "session"),
        unconfirmed: owner.status.recovery_confirmed == Some(false),
    })
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    shell: Shell,
    report: Option<CheckReport>,
}

/// Offers the check.
pub(crate) async fn check(owner: Owner) -> Result<Response, Trouble> {
    page(&CheckPage {
        shell: Shell::new(&owner, "Check", "/device"),
        report: None,
    })
}

/// Reads everything, and shows what is damaged.
pub(crate) async fn submit_check(
    State(door): State<Door>,
    owner: Owner,
    fields: Fields,
) -> Result<Response, Trouble> {
    let accept_loss = fields.ticked("accept_loss");
    let Answer::Check(report) = door.ask(Operation::Check { accept_loss }).await?.answer else {
        return Err(unexpected().into());
    };
    page(&CheckPage {
        shell: Shell::new(&owner, "Check", "/device"),
        report: Some(report),
    })
}
