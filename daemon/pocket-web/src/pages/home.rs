//! The home page: how the device is.

use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use pocket_core::{Category, CategoryStatus, Finding, LockState, Profile};

use crate::guard::Owner;
use crate::pages::Done;
use crate::present::{Shell, counted, page, records_path, title_of};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    state: &'static str,
    version: String,
    device_secret: String,
    meaning: &'static str,
    unconfirmed: bool,
    failed_unlocks: String,
    findings: Vec<Finding>,
    cards: Vec<Card>,
}

struct Card {
    path: String,
    title: &'static str,
    count: String,
    kept: String,
    critical: bool,
}

impl From<&CategoryStatus> for Card {
    fn from(status: &CategoryStatus) -> Self {
        let noun = if status.category == Category::Audit {
            "entr"
        } else {
            ""
        };
        let count = match (noun.is_empty(), status.records) {
            (true, records) => counted(records, "record"),
            (false, 1) => "1 entry".to_owned(),
            (false, entries) => format!("{entries} entries"),
        };
        let kept = status
            .retention_days
            .map(|days| format!("kept {}", counted(days.into(), "day")));
        Self {
            path: records_path(status.category),
            title: title_of(status.category),
            count,
            kept: kept.unwrap_or_default(),
            critical: status.sensitivity == pocket_core::Sensitivity::Critical,
        }
    }
}

/// State, profile, counts and what needs the owner's eye.
pub(crate) async fn show(owner: Owner, Query(done): Query<Done>) -> Result<Response, Trouble> {
    let status = owner.status.as_ref();
    let failed = status.failed_unlocks;
    page(&HomePage {
        shell: Shell::new(&owner, "Home", "/").done(done.code()),
        state: state_in_words(&status.state),
        version: status.version.clone(),
        device_secret: status.device_secret.clone(),
        meaning: Profile::meaning(status.profile),
        unconfirmed: status.recovery_confirmed == Some(false),
        failed_unlocks: if failed == 0 {
            String::new()
        } else {
            counted(failed.into(), "wrong passphrase")
        },
        findings: status.findings.clone(),
        cards: status.categories.iter().map(Card::from).collect(),
    })
}

const fn state_in_words(state: &LockState) -> &'static str {
    match state {
        LockState::Damaged { .. } => "Damaged",
        LockState::FirstRun => "Not set up",
        LockState::Locked => "Locked",
        LockState::Unlocked => "Unlocked",
    }
}
