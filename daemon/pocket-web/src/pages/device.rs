//! The device itself: what can be done with it, and the check of everything that it keeps.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::{Answer, CheckReport, Finding, Operation, Status, Storage};
use std::time::Instant;

use crate::door::{Door, unexpected};
use crate::fields::Fields;
use crate::guard::Owner;
use crate::pages::Done;
use crate::pages::update::system_in_words;
use crate::present::{
    Phrase, Shell, bytes_in_words, counted, filled, length, page, page_after, phrase, records_path, title_of,
};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    shell: Shell,
    version: String,
    device_secret: String,
    sessions: Phrase,
    storage: Phrase,
    system: Phrase,
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
        sessions: counted(t, length(sessions), t.n_sessions),
        storage: room_in_words(t, owner.status.storage),
        system: system_in_words(t, owner.status.update.as_ref()),
        unconfirmed: owner.status.recovery_confirmed == Some(false),
    })
}

/// What is taken, and what is free.
pub(crate) fn room_in_words(t: &Words, room: Option<Storage>) -> Phrase {
    let room = room.map(|room| [room.taken, room.free].map(|bytes| bytes_in_words(t, bytes)));
    room.map_or_else(|| t.room_unknown.into(), |room| filled(t.room, &room))
}

#[derive(Template)]
#[template(path = "storage.html")]
struct StoragePage {
    shell: Shell,
    bars: Vec<Bar>,
    taken: Phrase,
    free: Phrase,
    needed: Phrase,
    known: bool,
}

/// What something takes on the disk.
struct Bar {
    /// Where it is shown; empty for what is no category.
    path: &'static str,
    icon: &'static str,
    title: &'static str,
    /// How many records; says nothing for what is no category.
    count: Phrase,
    bytes: u64,
    size: Phrase,
    /// In percent of the largest category; of what is none, nothing.
    share: Option<u64>,
}

/// What each category takes, and the room that is left.
pub(crate) async fn storage(owner: Owner) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let status = owner.status.as_ref();
    let room = status.storage;
    let room_of = |part: fn(&Storage) -> u64| room.as_ref().map_or(0, part);
    page(&StoragePage {
        shell: Shell::new(&owner, t.storage, "/device"),
        bars: bars(t, status),
        taken: bytes_in_words(t, room_of(|room| room.taken)),
        free: bytes_in_words(t, room_of(|room| room.free)),
        needed: bytes_in_words(t, room_of(|room| room.needed)),
        known: room.is_some(),
    })
}

/// The largest first; what the database needs besides comes last.
fn bars(t: &Words, status: &Status) -> Vec<Bar> {
    let mut bars: Vec<Bar> = status
        .categories
        .iter()
        .map(|status| Bar {
            path: records_path(status.category),
            icon: status.category.name(),
            title: title_of(t, status.category),
            count: counted(t, status.records, t.n_records),
            bytes: status.bytes,
            size: bytes_in_words(t, status.bytes),
            share: None,
        })
        .collect();
    bars.sort_by_key(|bar| std::cmp::Reverse(bar.bytes));
    let sealed: u64 = bars.iter().map(|bar| bar.bytes).sum();
    let most = bars.iter().map(|bar| bar.bytes).max().unwrap_or(0);
    for bar in &mut bars {
        bar.share = Some(share(bar.bytes, most));
    }
    if let Some(room) = status.storage {
        let rest = room.taken.saturating_sub(sealed);
        bars.push(Bar {
            path: "",
            icon: "device",
            title: t.database_order,
            count: Phrase::default(),
            bytes: rest,
            size: bytes_in_words(t, rest),
            share: None,
        });
    }
    bars
}

/// In percent of the most; a single byte among millions is still seen.
pub(crate) fn share(part: u64, most: u64) -> u64 {
    let percent = part.saturating_mul(100).checked_div(most).unwrap_or(0);
    if part == 0 { 0 } else { percent.max(1) }
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    shell: Shell,
    report: Option<CheckReport>,
    verdict: Phrase,
    was_read: Phrase,
}

/// Offers the check.
pub(crate) async fn check(owner: Owner) -> Result<Response, Trouble> {
    page(&check_page(Shell::new(
        &owner,
        owner.look.words().check,
        "/device",
    )))
}

fn check_page(shell: Shell) -> CheckPage {
    CheckPage {
        shell,
        report: None,
        verdict: Phrase::default(),
        was_read: Phrase::default(),
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
    let (Answer::Check(mut report), Answer::Check(tried)) = (
        door.ask(Operation::Check { accept_loss }).await?.answer,
        door.ask(Operation::Health { strict: true }).await?.answer,
    ) else {
        return Err(unexpected().into());
    };
    let unknown = |finding: &Finding| !report.findings.contains(finding);
    let more: Vec<Finding> = tried.findings.into_iter().filter(unknown).collect();
    report.findings.extend(more);
    page(&CheckPage {
        shell: Shell::new(&owner, owner.look.words().check, "/device"),
        verdict: if report.findings.is_empty() {
            t.all_whole.into()
        } else {
            counted(t, length(report.findings.len()), t.n_damaged)
        },
        was_read: phrase(t, t.was_read, &[report.records, report.blobs, report.audit]),
        report: Some(report),
    })
}
