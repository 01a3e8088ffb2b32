//! The home page: how the device is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::audit::Entry;
use pocket_core::{Answer, Category, CategoryStatus, Failure, Finding, LockState, Operation, OperationKind};

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::{Done, audit};
use crate::present::{Moment, Shell, counted, meaning_of, page, records_path, title_of};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// Entries of the audit log that are looked through for the last export.
const LOOKED_AT: u32 = 200;
/// Entries that are shown.
const SHOWN: usize = 6;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    state: &'static str,
    version: String,
    meaning: &'static str,
    unconfirmed: bool,
    failed_unlocks: String,
    findings: Vec<Finding>,
    cards: Vec<Card>,
    activity: Vec<audit::Row>,
    last_export: Option<Moment>,
}

struct Card {
    path: &'static str,
    icon: &'static str,
    title: &'static str,
    count: String,
    /// In percent of the fullest category.
    share: u64,
    kept: String,
    critical: bool,
}

fn card(t: &Words, status: &CategoryStatus, most: u64) -> Card {
    let kept = status
        .retention_days
        .map(|days| fill(t.kept_for, &[&counted(days.into(), t.n_days)]));
    let share = status.records.saturating_mul(100).checked_div(most).unwrap_or(0);
    Card {
        path: records_path(status.category),
        icon: status.category.name(),
        title: title_of(t, status.category),
        count: counted(status.records, t.n_records),
        // A single record among thousands is still seen.
        share: if status.records == 0 { 0 } else { share.max(1) },
        kept: kept.unwrap_or_default(),
        critical: status.sensitivity == pocket_core::Sensitivity::Critical,
    }
}

/// State, profile, counts, what happened and what needs the owner's eye.
pub(crate) async fn show(
    State(door): State<Door>,
    owner: Owner,
    Query(done): Query<Done>,
) -> Result<Response, Trouble> {
    let t = owner.look.words();
    let entries = latest(&door).await?;
    let names = audit::Names::of(&door).await?;
    let status = owner.status.as_ref();
    let kept = status
        .categories
        .iter()
        .filter(|status| !matches!(status.category, Category::Audit | Category::Settings));
    let most = kept.clone().map(|status| status.records).max().unwrap_or(0);
    page(&HomePage {
        shell: Shell::new(&owner, t.home, "/").done(done.code()),
        state: state_in_words(t, &status.state),
        version: status.version.clone(),
        meaning: meaning_of(t, status.profile),
        unconfirmed: status.recovery_confirmed == Some(false),
        failed_unlocks: match status.failed_unlocks {
            0 => String::new(),
            failed => counted(failed.into(), t.n_wrong_passphrases),
        },
        findings: status.findings.clone(),
        cards: kept.map(|status| card(t, status, most)).collect(),
        activity: entries
            .iter()
            .take(SHOWN)
            .map(|entry| audit::row(t, entry, &names))
            .collect(),
        last_export: entries
            .iter()
            .find(|entry| entry.event.operation == OperationKind::Export)
            .map(|entry| Moment(entry.event.at)),
    })
}

async fn latest(door: &Door) -> Result<Vec<Entry>, Failure> {
    let show = Operation::AuditShow {
        before: None,
        limit: LOOKED_AT,
    };
    match door.ask(show).await?.answer {
        Answer::Audit(entries) => Ok(entries),
        _ => Err(unexpected()),
    }
}

const fn state_in_words(t: &Words, state: &LockState) -> &'static str {
    match state {
        LockState::Damaged { .. } => t.state_damaged,
        LockState::FirstRun => t.state_new,
        LockState::Locked => t.state_locked,
        LockState::Unlocked => t.state_unlocked,
    }
}
