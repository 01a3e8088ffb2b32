//! The audit log: what was decided and done, and whether the log is whole.

use std::collections::HashMap;
use std::io;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::audit::{Entry, Event, Outcome, Refusal};
use pocket_core::{
    ActorRef, Answer, Category, Door as DoorName, Failure, Operation, OperationKind, RecordId,
};
use serde::Deserialize;

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::agents;
use crate::pages::asking::providers;
use crate::present::{Moment, Notice, Phrase, Shell, bytes_in_words, filled, number, page, phrase, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// Entries on a page.
const PAGE: u32 = 100;
/// Entries of an export that are in memory at once.
const STRETCH: u64 = 500;

/// Entries that are looked through for a page at most, when only some are wanted.
const LOOKED_THROUGH: usize = 20;

/// Which entries.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Only {
    /// What agents did.
    Agents,
    /// All.
    All,
    /// What changed something.
    Changes,
    /// What was refused or failed.
    Refused,
}

impl Only {
    fn named(name: &str) -> Self {
        let known = [Self::Agents, Self::Changes, Self::Refused];
        known
            .into_iter()
            .find(|only| only.name() == name)
            .unwrap_or(Self::All)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Agents => "agents",
            Self::All => "all",
            Self::Changes => "changes",
            Self::Refused => "refused",
        }
    }

    fn takes(self, entry: &Entry) -> bool {
        let event = &entry.event;
        match self {
            Self::Agents => matches!(event.actor, ActorRef::Agent(_)),
            Self::All => true,
            Self::Changes => event.operation.changes(),
            Self::Refused => is_bad(event.outcome),
        }
    }
}

/// From where on, and which.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    before: Option<u64>,
    only: String,
    #[serde(rename = "in")]
    place: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    kinds: [(&'static str, &'static str); 4],
    only: &'static str,
    places: Vec<(&'static str, &'static str)>,
    place: String,
    rows: Vec<Row>,
    older: Option<String>,
    first_page: bool,
}

/// An entry in words.
pub(crate) struct Row {
    /// Its number.
    pub(crate) sequence: Phrase,
    /// When.
    pub(crate) at: Moment,
    /// Who did it.
    pub(crate) who: String,
    /// What it was.
    pub(crate) what: Phrase,
    /// In which category; may be empty.
    pub(crate) place: &'static str,
    /// What became of it.
    pub(crate) outcome: String,
    /// Whether that was no.
    pub(crate) bad: bool,
}

/// The names of the agents and of the models that there are.
pub(crate) struct Names {
    agents: HashMap<RecordId, String>,
    providers: HashMap<RecordId, String>,
}

impl Names {
    /// Asks for them.
    pub(crate) async fn of(door: &Door) -> Result<Self, Failure> {
        let agents = agents::all(door).await?.into_iter();
        let providers = providers(door).await?.into_iter();
        Ok(Self {
            agents: agents
                .map(|agent| (agent.id, agent.name.as_str().to_owned()))
                .collect(),
            providers: providers
                .map(|provider| (provider.name.id(), provider.name.to_string()))
                .collect(),
        })
    }
}

/// The newest entries.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let shell = Shell::new(&owner, owner.look.words().audit_log, "/audit");
    page(&audit_page(&door, shell, &asked).await?)
}

async fn audit_page(door: &Door, shell: Shell, asked: &Asked) -> Result<AuditPage, Failure> {
    let t = shell.look.words();
    let names = Names::of(door).await?;
    let (entries, more) = chosen(door, asked).await?;
    let rows = entries.iter().map(|entry| row(t, entry, &names)).collect();
    let older = more.map(|before| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("before", &before.to_string())
            .append_pair("only", Only::named(&asked.only).name())
            .append_pair("in", &asked.place)
            .finish();
        format!("/audit?{query}")
    });
    let places = Category::ALL
        .into_iter()
        .map(|category| (category.name(), title_of(t, category)));
    Ok(AuditPage {
        kinds: [
            (Only::All.name(), t.only_all),
            (Only::Changes.name(), t.only_changes),
            (Only::Refused.name(), t.only_refused),
            (Only::Agents.name(), t.only_agents),
        ],
        only: Only::named(&asked.only).name(),
        places: places.collect(),
        place: asked.place.clone(),
        shell,
        rows,
        older,
        first_page: asked.before.is_none(),
    })
}

/// The entries that are asked for, and from which number on there may be more.
async fn chosen(door: &Door, asked: &Asked) -> Result<(Vec<Entry>, Option<u64>), Failure> {
    let place: Option<Category> = asked.place.parse().ok();
    let only = Only::named(&asked.only);
    let narrow = only != Only::All || place.is_some();
    let mut before = asked.before;
    let mut found = Vec::new();
    for _ in 0..LOOKED_THROUGH {
        let limit = if narrow { Operation::MOST_LISTED } else { PAGE };
        let some = entries(door, before, limit).await?;
        before = some
            .last()
            .map(|last| last.sequence)
            .filter(|sequence| *sequence > 1);
        for entry in some {
            let here = place.is_none_or(|place| entry.event.category == Some(place));
            if here && only.takes(&entry) {
                found.push(entry);
            }
            if found.len() == usize::try_from(PAGE).unwrap_or(usize::MAX) {
                let last = found.last().map(|last| last.sequence);
                return Ok((found, last.filter(|sequence| *sequence > 1)));
            }
        }
        if before.is_none() || !narrow {
            break;
        }
    }
    Ok((found, before))
}

async fn entries(door: &Door, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, Failure> {
    match door.ask(Operation::AuditShow { before, limit }).await?.answer {
        Answer::Audit(entries) => Ok(entries),
        _ => Err(unexpected()),
    }
}

/// An entry in words.
pub(crate) fn row(t: &Words, entry: &Entry, names: &Names) -> Row {
    let event = &entry.event;
    let what: Phrase = match (event.operation.is_of_standing(), event.records.as_slice()) {
        (true, [_, agent, provider]) => between(t, event, (*agent, *provider), names).into(),
        _ => t.operation(event.operation).into(),
    };
    let what = match event.operation {
        OperationKind::CallReceived | OperationKind::CallSent | OperationKind::StandingBytes => {
            filled("{0} ({1})", &[what, bytes_in_words(t, event.count.into())])
        }
        _ if event.count > 1 || event.operation.is_of_standing() => {
            filled("{0} ({1})", &[what, number(t, event.count.into())])
        }
        _ => what,
    };
    Row {
        sequence: number(t, entry.sequence),
        at: Moment(event.at),
        who: who(t, event.actor, names),
        what,
        place: event.category.map_or("", |category| title_of(t, category)),
        outcome: outcome(t, event.outcome),
        bad: is_bad(event.outcome),
    }
}

/// Whom a consent ahead of time lets ask whom.
fn between(t: &Words, event: &Event, (agent, provider): (RecordId, RecordId), names: &Names) -> String {
    let agent = who(t, ActorRef::Agent(agent), names);
    let provider = match names.providers.get(&provider) {
        Some(name) => name.clone(),
        None => provider.to_string().get(..8).unwrap_or_default().to_owned(),
    };
    fill(
        t.standing_between,
        &[t.operation(event.operation), &agent, &provider],
    )
}

const fn is_bad(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_))
}

pub(crate) fn who(t: &Words, actor: ActorRef, names: &Names) -> String {
    match actor {
        ActorRef::Agent(id) => match names.agents.get(&id) {
            Some(name) => fill(t.agent_named, &[name]),
            None => fill(t.former_agent, &[id.to_string().get(..8).unwrap_or_default()]),
        },
        ActorRef::Broker => t.the_broker.to_owned(),
        ActorRef::Device => t.the_device.to_owned(),
        ActorRef::Nobody(door) => fill(t.someone_by, &[by(t, door)]),
        ActorRef::Owner(door) => fill(t.you_by, &[by(t, door)]),
    }
}

const fn by(t: &Words, door: DoorName) -> &'static str {
    match door {
        DoorName::Control => t.by_pocketctl,
        DoorName::Mcp => t.by_mcp,
        DoorName::Web => t.on_this_page,
    }
}

fn outcome(t: &Words, outcome: Outcome) -> String {
    match outcome {
        Outcome::Allowed => t.allowed.to_owned(),
        Outcome::Asked => t.asked_owner.to_owned(),
        Outcome::Done => t.is_done.to_owned(),
        Outcome::Failed(kind) => fill(t.failed_with, &[t.failure(kind)]),
        Outcome::Refused(refusal) => fill(t.refused_for, &[refusal_in_words(t, refusal)]),
    }
}

const fn refusal_in_words(t: &Words, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Anonymous => t.refusal_anonymous,
        Refusal::AuditIsFixed => t.refusal_audit,
        Refusal::NetworkShut => t.refusal_network,
        Refusal::NeverLeaves => t.refusal_leaves,
        Refusal::NoGateway => t.refusal_gateway,
        Refusal::NoScope => t.refusal_scope,
        Refusal::OwnerOnly => t.refusal_owner,
        Refusal::PassphraseNeeded => t.refusal_passphrase,
        Refusal::Profile => t.refusal_profile,
        Refusal::SecretsApart => t.refusal_secrets,
        Refusal::WrongDoor => t.refusal_door,
    }
}

/// Walks the whole log, and says whether it is whole.
pub(crate) async fn verify(State(door): State<Door>, owner: Owner) -> Result<Response, Trouble> {
    let Answer::AuditVerified(verdict) = door.ask(Operation::AuditVerify { exported: false }).await?.answer
    else {
        return Err(unexpected().into());
    };
    let t = owner.look.words();
    let notice = match verdict {
        Ok(count) => Notice::good(phrase(t, t.log_whole, &[count])),
        Err(broken) => Notice::bad(fill(t.log_broken, &[&broken.to_string()]), t.log_broken_do),
    };
    let mut shell = Shell::new(&owner, t.audit_log, "/audit");
    shell.notice = Some(notice);
    page(&audit_page(&door, shell, &Asked::default()).await?)
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
