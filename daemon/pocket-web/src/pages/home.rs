//! The home page: how the device is.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use pocket_core::audit::Entry;
use pocket_core::{
    Answer, BackupLack, BackupStatus, Category, CategoryStatus, Failure, Finding, LockState, Operation,
    Storage,
};

use crate::door::{Door, unexpected};
use crate::guard::Owner;
use crate::pages::device::{room_in_words, share};
use crate::pages::{Done, audit, consent};
use crate::present::{
    Moment, Phrase, Shell, bytes_in_words, counted, filled, length, meaning_of, page, records_path, title_of,
};
use crate::query::Query;
use crate::trouble::Trouble;
use crate::words::Words;

/// Entries of the audit log that are shown.
const SHOWN: u32 = 6;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    state: &'static str,
    version: String,
    meaning: &'static str,
    unconfirmed: bool,
    failed_unlocks: Phrase,
    nearly_full: Option<Phrase>,
    findings: Vec<Finding>,
    cards: Vec<Card>,
    waiting: Option<Phrase>,
    activity: Vec<audit::Row>,
    last_export: Option<Moment>,
    unfinished_export: Option<Moment>,
    last_backup: Option<Moment>,
    backup_lack: &'static str,
    room: Phrase,
}

struct Card {
    path: &'static str,
    icon: &'static str,
    title: &'static str,
    count: Phrase,
    size: Phrase,
    /// In percent of the largest category.
    share: u64,
    kept: Phrase,
    critical: bool,
}

fn card(t: &Words, status: &CategoryStatus, most: u64) -> Card {
    let kept = status.retention_days.map(|days| {
        let days = counted(t, days.into(), t.n_days);
        filled(t.kept_for, &[days])
    });
    Card {
        path: records_path(status.category),
        icon: status.category.name(),
        title: title_of(t, status.category),
        count: counted(t, status.records, t.n_records),
        size: bytes_in_words(t, status.bytes),
        share: share(status.bytes, most),
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
    let names = audit::Names::of(&door).await?;
    let entries = latest(&door).await?;
    let waiting = length(consent::waiting(&door).await?);
    let status = owner.status.as_ref();
    page(&HomePage {
        shell: Shell::new(&owner, t.home, "/").done(done.code()),
        state: state_in_words(t, &status.state),
        version: status.version.clone(),
        meaning: meaning_of(t, status.profile),
        unconfirmed: status.recovery_confirmed == Some(false),
        failed_unlocks: match status.failed_unlocks {
            0 => Phrase::default(),
            failed => counted(t, failed.into(), t.n_wrong_passphrases),
        },
        nearly_full: status.storage.and_then(|room| nearly_full(t, room)),
        findings: status.findings.clone(),
        cards: cards(t, &status.categories),
        waiting: (waiting > 0).then(|| counted(t, waiting, t.n_waiting)),
        activity: entries.iter().map(|entry| audit::row(t, entry, &names)).collect(),
        last_export: status.last_export.map(Moment),
        unfinished_export: status.unfinished_export.map(Moment),
        last_backup: status.backup.as_ref().and_then(|backup| backup.last).map(Moment),
        backup_lack: status
            .backup
            .as_ref()
            .map_or("", |backup| lack_in_words(t, backup)),
        room: room_in_words(t, status.storage),
    })
}

fn cards(t: &Words, categories: &[CategoryStatus]) -> Vec<Card> {
    let kept = categories
        .iter()
        .filter(|status| !matches!(status.category, Category::Audit | Category::Settings));
    let most = kept.clone().map(|status| status.bytes).max().unwrap_or(0);
    kept.map(|status| card(t, status, most)).collect()
}

/// What the owner should do about backups; nothing while one protects.
pub(crate) fn lack_in_words(t: &Words, backup: &BackupStatus) -> &'static str {
    match backup.lack {
        None => "",
        Some(BackupLack::NoBackup) => t.backup_none,
        Some(BackupLack::NoKey) => t.backup_no_key,
        Some(BackupLack::Overdue) => t.backup_overdue,
        Some(BackupLack::Stale) => t.backup_stale,
        Some(BackupLack::Unproved) => t.backup_unproved,
        Some(BackupLack::Untried) => t.backup_untried,
    }
}

/// A warning before nothing can be added any more: at twice what must stay free.
fn nearly_full(t: &Words, room: Storage) -> Option<Phrase> {
    let words = if room.free < room.needed {
        t.disk_full
    } else if room.free < room.needed.saturating_mul(2) {
        t.disk_nearly_full
    } else {
        return None;
    };
    let sizes = [room.free, room.needed].map(|bytes| bytes_in_words(t, bytes));
    Some(filled(words, &sizes))
}

async fn latest(door: &Door) -> Result<Vec<Entry>, Failure> {
    let show = Operation::AuditShow {
        before: None,
        limit: SHOWN,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ENGLISH;

    #[test]
    fn the_owner_is_warned_before_the_disk_is_full() {
        let room = |free| Storage {
            taken: 1,
            free,
            needed: 1_000,
        };
        let told = |free| nearly_full(&ENGLISH, room(free)).map(|told| told.to_string());
        assert_eq!(told(2_000), None);
        assert!(told(1_999).is_some_and(|told| told.starts_with("The disk is nearly full")));
        assert!(told(999).is_some_and(|told| told.starts_with("The disk is full")));
    }
}
