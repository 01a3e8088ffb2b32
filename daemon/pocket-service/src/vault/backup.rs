//! Backups: to whom they are sealed, what goes into one, and what is known of the last.
//!
//! A backup is read while the device goes on. What is changed behind the reader's back is read again, until
//! nothing was changed since: the archive is the state at its end.

mod gathering;
mod restore;
mod sealing;
mod sending;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use pocket_core::audit::Outcome;
use pocket_core::{
    Answer, BACKUP_FORMAT, BackupFacts, BackupFault, BackupJob, BackupPlace, BackupReport, BackupSchedule,
    BackupSending, BackupStatus, Category, Entry, Failure, FailureKind, OperationKind, RecordId, Timestamp,
    is_age_recipient,
};
use pocket_crypto::Key;
use pocket_store::{Changes, Walk};
use serde::{Deserialize, Serialize};

use super::records::random_id;
use super::rows::{Rows, encode};
use super::{Act, Vault};
use crate::engine::Now;
use crate::failure;
use crate::handle::Reply;

pub(crate) use restore::Restoring;
pub(crate) use sealing::BackupKey;
use sealing::Frames;
use sending::Sending;

/// The row of what is known of backups.
const ROW: &str = "backup";
/// The row of the owner's key: public half, what vouches, and the mark of the recovery key that they are of.
const KEY: &str = "backup-key";
/// The row of the key that drills open the newest archive with.
const DRILL: &str = "backup-drill";
/// The row of the same for the archive that is being made.
const NEXT_DRILL: &str = "backup-drill-next";
/// The row of how often one is wanted.
const SCHEDULE: &str = "backup-schedule";
/// In an archive: whom the owner added. On the device it stands in [`ROW`].
const RECIPIENTS: &str = "backup-recipients";
/// The rows of the device's own that go along, by how their names begin.
const ROWS: [&str; 6] = [
    "agent/",
    "agent-usage/",
    SCHEDULE,
    "broker",
    super::press::ROW,
    "provider/",
];
/// A row that begins like one of them and stays: what a broker told of, once.
const STAYS: &str = "broker-captures";

/// Most recipients besides the owner: each costs a header line and a key exchange.
const MOST_RECIPIENTS: usize = 16;

/// What the device knows of backups.
#[derive(Clone, Default, Deserialize, Serialize)]
struct Kept {
    last: Option<Timestamp>,
    unfinished: Option<Timestamp>,
    drilled: Option<Timestamp>,
    recipients: Vec<String>,
    epoch: u64,
    /// What the newest archive says of itself.
    newest: Option<BackupFacts>,
}

/// Backups, as the engine has them in memory.
#[derive(Default)]
pub(super) struct Backups {
    kept: Kept,
    schedule: Option<BackupSchedule>,
    place: Option<BackupPlace>,
    backing: Option<Backing>,
    sending: Option<Sending>,
    /// What came of the one before.
    sent: Option<BackupSending>,
}

impl Backups {
    pub(super) fn load(rows: &mut Rows<'_>) -> Result<Self, Failure> {
        Ok(Self {
            kept: rows.read(ROW)?.unwrap_or_default(),
            schedule: rows.read(SCHEDULE)?,
            place: rows.read(sending::PLACE)?,
            backing: None,
            sending: None,
            sent: rows.read(sending::SENDING)?.map(sending::read_back),
        })
    }

    /// A record was changed: what was read of it is old.
    pub(super) fn touch(&mut self, category: Category, id: RecordId) {
        if let Some(backing) = &mut self.backing {
            backing.touched.insert((category, id));
        }
    }

    /// What is being read is gone.
    pub(super) fn give_up(&mut self) {
        self.backing = None;
    }
}

/// A backup that is being made.
struct Backing {
    id: RecordId,
    stage: Stage,
    queue: VecDeque<Entry>,
    /// A document whose bytes are being read, and how many were.
    file: Option<(Entry, u64)>,
    /// The documents whose bytes went in, with their digests.
    files: HashMap<RecordId, String>,
    touched: BTreeSet<(Category, RecordId)>,
    /// Entries of the audit log that went in.
    audited: u64,
    /// What it says of itself, once all was read.
    facts: Option<BackupFacts>,
}

enum Stage {
    /// These categories are left; the first is being read.
    Records(VecDeque<Category>, Option<Walk>),
    /// All were read once; what was changed since comes, then the audit log.
    Rest,
}

impl Vault {
    pub(super) fn backup_status(&self, now: Timestamp) -> BackupStatus {
        let kept = &self.backups.kept;
        let sending = self.backups.sending.as_ref().and_then(Sending::shown);
        BackupStatus {
            ready: matches!(self.backup_key(), Ok(Some(_))),
            last: kept.last,
            unfinished: kept.unfinished,
            drilled: kept.drilled,
            recipients: kept.recipients.clone(),
            epoch: kept.epoch,
            schedule: self.backups.schedule,
            place: self.backups.place.clone(),
            sending: sending.or_else(|| self.backups.sent.clone()),
            lack: None,
        }
        .judged(self.keys.recovery_confirmed(), now)
    }

    fn backup_key(&self) -> Result<Option<BackupKey>, Failure> {
        let row = self.store.system(KEY).map_err(|error| failure::store(&error))?;
        let mark = self.keys.recovery_mark();
        Ok(row
            .zip(mark)
            .and_then(|(row, mark)| BackupKey::from_row(&row, mark)))
    }

    /// The recovery key is at hand: keeps what backups are sealed with, which is not what opens them.
    pub(crate) fn keep_backup_key(&mut self, key: &BackupKey, now: Now) -> Result<(), Failure> {
        let Some(mark) = self.keys.recovery_mark() else {
            return Ok(());
        };
        if self.store.system_whole().is_err() || self.backup_key()?.is_some() {
            return Ok(());
        }
        let permit = pocket_core::decide_own(OperationKind::BackupKey).map_err(failure::refused)?;
        // What was sealed to an earlier key opens with that one alone: it is no backup of this owner's any more.
        let kept = Kept {
            last: None,
            drilled: None,
            newest: None,
            ..self.backups.kept.clone()
        };
        let changes = Changes::new()
            .put_system(KEY, key.row(mark))
            .put_system(ROW, encode(&kept))
            .remove_system(DRILL);
        self.commit(permit, &[], changes, now)?;
        self.backups.kept = kept;
        Ok(())
    }

    /// Begins a backup: the payload is for the program that seals it, and for nobody else.
    pub(super) fn backup_create(&mut self, act: Act) -> Result<Reply, Failure> {
        let drill = Key::generate(&mut rand::rng());
        let next = Changes::new().put_system(NEXT_DRILL, drill.expose_bytes().to_vec());
        self.backup_begin(act, &drill, next)
    }

    fn backup_begin(&mut self, act: Act, drill: &Key, changes: Changes) -> Result<Reply, Failure> {
        let key = self.backup_key()?.ok_or_else(no_key)?;
        for category in Category::ALL {
            self.whole(category)?;
        }
        let kept = Kept {
            unfinished: Some(act.now.wall),
            ..self.backups.kept.clone()
        };
        self.keep(act, kept, changes)?;
        let id = random_id();
        let categories = Category::ALL
            .into_iter()
            .filter(|category| category.holds_records());
        self.backups.backing = Some(Backing {
            id,
            stage: Stage::Records(categories.collect(), None),
            queue: VecDeque::new(),
            file: None,
            files: HashMap::new(),
            touched: BTreeSet::new(),
            audited: 0,
            facts: None,
        });
        let job = BackupJob::Seal {
            owner: key.public,
            others: self.backups.kept.recipients.clone(),
        };
        let keys = [*key.vouching.expose_bytes(), *drill.expose_bytes()].concat();
        let mut frames = Frames::default();
        frames.add(&job, &keys)?;
        Ok(frames.reply(Answer::Upload(id)))
    }

    fn backup_facts(&self, now: Now) -> Result<BackupFacts, Failure> {
        let counts = Category::ALL
            .into_iter()
            .filter(|category| category.holds_records())
            .map(|category| Ok((category, self.store.count(category)?)));
        // As the manifest has them, which a drill compares with these.
        let counts: Result<BTreeMap<_, _>, _> = counts.collect();
        Ok(BackupFacts {
            format: BACKUP_FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.device_name(),
            epoch: self.backups.kept.epoch,
            made: now.wall,
            audit: self.chain.head(),
            counts: counts
                .map_err(|error| failure::store(&error))?
                .into_iter()
                .collect(),
        })
    }

    fn device_name(&self) -> String {
        RecordId::from_bytes(self.keyring.ring_id()).to_string()
    }

    /// The archive is on a disk: its key is the one that drills use from now on.
    pub(super) fn backup_done(&mut self, act: Act) -> Result<Answer, Failure> {
        let finished = self.backups.backing.take_if(|backing| backing.facts.is_some());
        let facts = finished.and_then(|backing| backing.facts).ok_or_else(replaced)?;
        let drill = self
            .store
            .system(NEXT_DRILL)
            .map_err(|error| failure::store(&error))?;
        let drill = drill.ok_or_else(replaced)?;
        let kept = Kept {
            last: Some(facts.made),
            unfinished: None,
            // It was another that was tried.
            drilled: None,
            newest: Some(facts),
            ..self.backups.kept.clone()
        };
        let changes = Changes::new()
            .put_system(DRILL, drill.to_vec())
            .remove_system(NEXT_DRILL);
        self.keep(act, kept, changes)?;
        Ok(Answer::Done)
    }

    /// Begins a drill: the payload is for the program that opens the archive, and for nobody else.
    pub(super) fn backup_drill(&mut self, act: Act) -> Result<Reply, Failure> {
        let key = self.backup_key()?.ok_or_else(no_key)?;
        let drill = self.store.system(DRILL).map_err(|error| failure::store(&error))?;
        let drill = drill.ok_or_else(|| {
            failure::not_found(
                "backup that could be tried",
                "make one first: `pocketctl backup create`",
            )
        })?;
        self.admit(act.permit, &[], act.now)?;
        let keys = [drill.as_slice(), key.vouching.expose_bytes()].concat();
        let mut frames = Frames::default();
        frames.add(&BackupJob::Verify, &keys)?;
        Ok(frames.reply(Answer::Done))
    }

    /// The evidence of a drill.
    pub(crate) fn backup_drilled(
        &mut self,
        found: Result<BackupReport, BackupFault>,
        now: Now,
    ) -> Result<Answer, Failure> {
        let kept = &self.backups.kept;
        let report = match found {
            Ok(report) if kept.newest.as_ref() == Some(&report.facts) => report,
            Ok(_) => return self.drill_failed(another(), now),
            Err(BackupFault::WrongKey) => return self.drill_failed(another(), now),
            Err(fault) => {
                // What was known to open does not any more.
                if let BackupFault::Damaged | BackupFault::Differs = fault {
                    self.backups.kept.drilled = None;
                }
                return self.drill_failed(failed(fault), now);
            }
        };
        let kept = Kept {
            drilled: Some(now.wall),
            ..kept.clone()
        };
        let permit = pocket_core::decide_own(OperationKind::BackupDrilled).map_err(failure::refused)?;
        let changes = Changes::new().put_system(ROW, encode(&kept));
        self.commit(permit, &[], changes, now)?;
        self.backups.kept = kept;
        Ok(Answer::Backup(Box::new(report)))
    }

    fn drill_failed(&mut self, failure: Failure, now: Now) -> Result<Answer, Failure> {
        let outcome = Outcome::Failed(failure.kind);
        let permit = pocket_core::decide_own(OperationKind::BackupDrilled).map_err(failure::refused)?;
        let changes = Changes::new().put_system(ROW, encode(&self.backups.kept));
        self.commit_as(permit, &[], changes, outcome, now).map(drop)?;
        Err(failure)
    }

    pub(super) fn backup_recipient_add(&mut self, act: Act, recipient: String) -> Result<Answer, Failure> {
        if !is_age_recipient(&recipient) {
            return Err(failure::invalid(
                "this is no age recipient",
                "give one of the form age1…, as `age-keygen` prints it",
            ));
        }
        let mut kept = self.backups.kept.clone();
        if !kept.recipients.contains(&recipient) {
            kept.recipients.push(recipient);
        }
        if kept.recipients.len() > MOST_RECIPIENTS {
            return Err(failure::invalid(
                format!("more than {MOST_RECIPIENTS} recipients"),
                "remove one first: `pocketctl backup recipient remove`",
            ));
        }
        self.keep(act, kept, Changes::new())?;
        Ok(Answer::Done)
    }

    pub(super) fn backup_recipient_remove(&mut self, act: Act, recipient: &str) -> Result<Answer, Failure> {
        let mut kept = self.backups.kept.clone();
        if !kept.recipients.iter().any(|known| known == recipient) {
            return Err(failure::not_found(
                "such recipient",
                "see them: `pocketctl backup recipient list`",
            ));
        }
        kept.recipients.retain(|known| known != recipient);
        self.keep(act, kept, Changes::new())?;
        Ok(Answer::Done)
    }

    pub(super) fn backup_schedule(
        &mut self,
        act: Act,
        schedule: Option<BackupSchedule>,
    ) -> Result<Answer, Failure> {
        if schedule.is_some_and(|schedule| !schedule.is_valid()) {
            return Err(failure::invalid(
                "a backup is made every 1 to 31 days, and 1 to 1000 are kept",
                "give numbers within that",
            ));
        }
        let changes = match &schedule {
            Some(schedule) => Changes::new().put_system(SCHEDULE, encode(schedule)),
            None => Changes::new().remove_system(SCHEDULE),
        };
        self.commit(act.permit, &[], changes, act.now)?;
        self.backups.schedule = schedule;
        Ok(Answer::Done)
    }

    fn keep(&mut self, act: Act, kept: Kept, changes: Changes) -> Result<(), Failure> {
        let changes = changes.put_system(ROW, encode(&kept));
        self.commit(act.permit, &[], changes, act.now)?;
        self.backups.kept = kept;
        Ok(())
    }
}

/// Whether a row of the device's own goes along.
fn is_own_row(name: &str) -> bool {
    name != STAYS && ROWS.iter().any(|prefix| name.starts_with(prefix))
}

fn no_key() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "the device has not been shown the recovery key, to which backups are sealed",
        "lock it and open it with `pocketctl unlock --recovery`, or make a new key: `pocketctl recovery new`",
    )
}

fn replaced() -> Failure {
    Failure::new(
        FailureKind::Conflict,
        "this backup was given up: another was begun, or what it was reading was erased",
        "begin it anew: `pocketctl backup create`",
    )
}

fn another() -> Failure {
    Failure::new(
        FailureKind::NotFound,
        "this is not the newest backup of this device: only that one can be tried without the recovery key",
        "name the newest, or verify this one with the recovery key: `pocketctl backup verify`",
    )
}

/// An archive that is not good, in words.
pub(crate) fn failed(fault: BackupFault) -> Failure {
    let (kind, remedy) = match fault {
        BackupFault::Newer => (FailureKind::Newer, "update the software"),
        BackupFault::WrongKey => (
            FailureKind::WrongCredential,
            "type the recovery key that the device had when the backup was made",
        ),
        BackupFault::Broke | BackupFault::Unsafe => {
            (FailureKind::Unavailable, "see the device's log, and try again")
        }
        BackupFault::Recipient => (
            FailureKind::Invalid,
            "remove it: `pocketctl backup recipient remove`",
        ),
        BackupFault::TooMany => (
            FailureKind::Invalid,
            "export documents to a folder, and delete them here: `pocketctl export`",
        ),
        _ => (FailureKind::Damaged, "use another copy of it, or an older one"),
    };
    Failure::new(kind, format!("the backup is not good: {fault}"), remedy)
}
