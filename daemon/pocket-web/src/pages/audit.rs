//! The audit log: what was decided and done, and whether the log is whole.

use std::collections::HashMap;
use std::io;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::audit::{Entry, Outcome, Refusal};
use pocket_core::{ActorRef, Answer, Door as DoorName, Failure, Operation, OperationKind, RecordId};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::agents;
use crate::present::{Moment, Notice, Shell, page, title_of};
use crate::trouble::Trouble;

/// Entries on a page.
const PAGE: u32 = 100;
/// Entries of an export that are in memory at once.
const STRETCH: u64 = 500;

/// From where on.
#[derive(Deserialize)]
pub(crate) struct From {
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    rows: Vec<Row>,
    older: Option<u64>,
    first_page: bool,
}

struct Row {
    sequence: u64,
    at: Moment,
    who: String,
    what: String,
    place: &'static str,
    outcome: String,
    bad: bool,
}

/// The newest entries.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(from): Query<From>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, "Audit log", "/audit");
    page(&audit_page(&door, shell, from.before).await?)
}

async fn audit_page(door: &Door, shell: Shell, before: Option<u64>) -> Result<AuditPage, Failure> {
    let entries = entries(door, before, PAGE).await?;
    let names: HashMap<RecordId, String> = agents::all(door)
        .await?
        .into_iter()
        .map(|agent| (agent.id, agent.name.as_str().to_owned()))
        .collect();
    let older = entries
        .last()
        .map(|last| last.sequence)
        .filter(|sequence| *sequence > 1);
    let rows = entries.iter().map(|entry| row(entry, &names)).collect();
    Ok(AuditPage {
        shell,
        rows,
        older,
        first_page: before.is_none(),
    })
}

async fn entries(door: &Door, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, Failure> {
    match door.ask(Operation::AuditShow { before, limit }).await?.answer {
        Answer::Audit(entries) => Ok(entries),
        _ => Err(unexpected()),
    }
}

fn row(entry: &Entry, names: &HashMap<RecordId, String>) -> Row {
    let event = &entry.event;
    let count = if event.count > 1 {
        format!(" ({})", event.count)
    } else {
        String::new()
    };
    Row {
        sequence: entry.sequence,
        at: Moment(event.at),
        who: who(event.actor, names),
        what: format!("{}{count}", event.operation.name().replace('-', " ")),
        place: event.category.map_or("", title_of),
        outcome: outcome(event.outcome),
        bad: matches!(event.outcome, Outcome::Failed(_) | Outcome::Refused(_)),
    }
}

fn who(actor: ActorRef, names: &HashMap<RecordId, String>) -> String {
    match actor {
        ActorRef::Agent(id) => names.get(&id).map_or_else(
            || format!("former agent {}", id.to_string().get(..8).unwrap_or_default()),
            |name| format!("agent {name}"),
        ),
        ActorRef::Device => "the device".to_owned(),
        ActorRef::Nobody(door) => format!("someone {}", by(door)),
        ActorRef::Owner(door) => format!("you {}", by(door)),
    }
}

const fn by(door: DoorName) -> &'static str {
    match door {
        DoorName::Control => "by pocketctl",
        DoorName::Mcp => "by MCP",
        DoorName::Web => "on this page",
    }
}

fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Allowed => "allowed".to_owned(),
        Outcome::Done => "done".to_owned(),
        Outcome::Failed(kind) => format!("failed: {}", kind.name().replace('-', " ")),
        Outcome::Refused(refusal) => format!("refused: {}", refusal_in_words(refusal)),
    }
}

const fn refusal_in_words(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Anonymous => "not shown who it is",
        Refusal::AuditIsFixed => "the log is written by the device alone",
        Refusal::NoGateway => "no gateway",
        Refusal::NoScope => "outside its scopes",
        Refusal::OwnerOnly => "the owner\u{2019}s alone",
        Refusal::PassphraseNeeded => "passphrase needed",
        Refusal::Profile => "profile keeps the cloud shut",
        Refusal::SecretsApart => "secrets have commands of their own",
        Refusal::WrongDoor => "only on the device itself",
    }
}

/// Walks the whole log, and says whether it is whole.
pub(crate) async fn verify(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    let Answer::AuditVerified(verdict) = door.ask(Operation::AuditVerify { exported: false }).await?.answer
    else {
        return Err(unexpected().into());
    };
    let notice = match verdict {
        Ok(count) => Notice {
            good: true,
            message: format!("The log is whole: {count} entries, each bound to the one before."),
            remedy: String::new(),
        },
        Err(broken) => Notice {
            good: false,
            message: format!("The log is not whole: {broken}."),
            remedy: "Someone has changed the stored log. Export it, and ask who had the card or the device."
                .to_owned(),
        },
    };
    let mut shell = Shell::new(&owner, "Audit log", "/audit");
    shell.notice = Some(notice);
    page(&audit_page(&door, shell, None).await?)
}

/// The log as a file of JSON lines, oldest first, as `pocketctl audit verify FILE` reads it. Its last
/// entry is that of this very export.
pub(crate) async fn export(State(door): State<Door>) -> Result<Response, Trouble> {
    door.ask(Operation::AuditExport).await?;
    let newest = entries(&door, None, Operation::MOST_LISTED).await?;
    let own = newest
        .iter()
        .find(|entry| entry.event.operation == OperationKind::AuditExport);
    let last = own.ok_or_else(unexpected)?.sequence;
    let lines = stream::try_unfold((door, 1), move |(door, first)| async move {
        let Some(lines) = stretch(&door, first, last).await.map_err(io::Error::other)? else {
            return Ok(None);
        };
        io::Result::Ok(Some((lines, (door, first.saturating_add(STRETCH)))))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"pocketai-audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// The entries from `first` on as JSON lines, at most [`STRETCH`] of them and none after `last`.
async fn stretch(door: &Door, first: u64, last: u64) -> Result<Option<String>, Failure> {
    if first > last {
        return Ok(None);
    }
    // Numbers have no gaps, so the entries before this one are exactly the stretch.
    let before = first.saturating_add(STRETCH).min(last.saturating_add(1));
    let limit = u32::try_from(before.saturating_sub(first)).unwrap_or(Operation::MOST_LISTED);
    let mut lines = String::new();
    for entry in entries(door, Some(before), limit).await?.iter().rev() {
        lines.push_str(&serde_json::to_string(entry).map_err(|_| unexpected())?);
        lines.push('\n');
    }
    Ok(Some(lines))
}
