//! The audit log: what was decided and done, and whether the log is whole.

use std::collections::HashMap;

use askama::Template;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use pocket_core::audit::{Entry, Outcome, Refusal};
use pocket_core::{ActorRef, Answer, Door as DoorName, Failure, Operation, RecordId};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::agents;
use crate::present::{Moment, Notice, Shell, page, title_of};
use crate::trouble::Trouble;

/// Entries on a page.
const PAGE: u32 = 100;

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

/// The log as a file of JSON lines, oldest first, as `pocketctl audit verify FILE` reads it.
pub(crate) async fn export(State(door): State<Door>) -> Result<Response, Trouble> {
    let reply = door.ask(Operation::AuditExport).await?;
    let payload = reply.payload.ok_or_else(unexpected)?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"pocketai-audit.jsonl\"",
        ),
    ];
    Ok((headers, Body::from(payload.expose_bytes().to_vec())).into_response())
}
