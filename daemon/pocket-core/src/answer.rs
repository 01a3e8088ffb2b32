//! What the device answers.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::audit::{Broken, Entry as AuditEntry};
use crate::{
    AgentLimits, AgentName, BackupReport, BackupStatus, BrokerStatus, Browsed, Category, Consent, Entry,
    PressStatus, Profile, Provider, RecordId, Scopes, Sensitivity, StandingConsent, Timestamp, UpdateStatus,
};

/// What became of one record of an `Add`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Added {
    /// The very same record is here already.
    AlreadyHere(RecordId),
    /// A record of this id is here and says something else; it was left as it is.
    Differs(RecordId),
    /// It is in.
    New(RecordId),
}

/// A page of records.
#[derive(Clone, Deserialize, Serialize)]
pub struct Page {
    /// The records, the newest first.
    pub entries: Vec<Entry>,
    /// How many records the category holds in all.
    pub total: u64,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// A record that was found.
#[derive(Clone, Deserialize, Serialize)]
pub struct Hit {
    /// The record.
    pub entry: Entry,
    /// The words around the place, on one line.
    pub snippet: String,
    /// What of them fits the question: where it begins and ends, in bytes, ascending.
    pub marks: Vec<(u32, u32)>,
}

/// Whether the vault is open.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockState {
    /// Something on disk is damaged; what and what to do.
    Damaged {
        /// What is damaged.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// Nobody owns the device yet.
    FirstRun,
    /// The keys are not in memory.
    Locked,
    /// The keys are in memory.
    Unlocked,
}

/// A category, counted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CategoryStatus {
    /// Which one.
    pub category: Category,
    /// How much harm its loss does.
    pub sensitivity: Sensitivity,
    /// How many records it holds; entries for the audit log.
    pub records: u64,
    /// Bytes that they take, sealed, with their files; without what the database needs besides.
    pub bytes: u64,
    /// Days that a record is kept after its last change; `None` is for ever.
    pub retention_days: Option<u32>,
    /// Since when it holds what was deleted or replaced and could still be read by whoever gets the
    /// keys: until it is sealed anew.
    pub deleted_since: Option<Timestamp>,
}

/// Room on the disk, in bytes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Storage {
    /// What the device has taken for what it keeps: database and sealed files.
    pub taken: u64,
    /// What is still free.
    pub free: u64,
    /// What must stay free: below, nothing is added any more.
    pub needed: u64,
}

/// How the device is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Whether the vault is open.
    pub state: LockState,
    /// What may leave.
    pub profile: Profile,
    /// When that falls back to `OFFLINE_ONLY`.
    pub profile_until: Option<Timestamp>,
    /// Whether the owner typed part of the recovery key back; `None` while locked.
    pub recovery_confirmed: Option<bool>,
    /// The two groups of the recovery key (from 1) to type back, while that is open.
    pub recovery_groups: Option<(u8, u8)>,
    /// Wrong passphrases since the last right one.
    pub failed_unlocks: u32,
    /// Seconds until the next guess may come.
    pub wait_seconds: u64,
    /// Where the doors listen; `None` while locked too.
    pub doors: Option<Doors>,
    /// Where the device secret lies, and what that protects from.
    pub device_secret: String,
    /// The categories; empty while locked, or for who has no right to know.
    pub categories: Vec<CategoryStatus>,
    /// The room on the disk; `None` while locked, or when the system does not say.
    pub storage: Option<Storage>,
    /// When everything was last read and checked; `None` while locked too.
    pub last_check: Option<Timestamp>,
    /// When everything was last exported to the end; `None` while locked too.
    pub last_export: Option<Timestamp>,
    /// When an export was begun since, that has not come to its end; `None` while locked too.
    pub unfinished_export: Option<Timestamp>,
    /// How backups are; `None` while locked too.
    pub backup: Option<BackupStatus>,
    /// The button on the device as a second factor; `None` while locked.
    pub press: Option<PressStatus>,
    /// The device's own system, where it is one that can be updated so.
    pub update: Option<UpdateStatus>,
    /// What is known to be damaged.
    pub findings: Vec<Finding>,
    /// The proof of the last factory reset, until someone sets the device up.
    pub reset: Option<ResetProof>,
}

/// Where the doors of a running daemon listen: on loopback.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Doors {
    /// The page.
    pub ui: SocketAddr,
    /// The agents' door.
    pub mcp: SocketAddr,
}

/// Something that is damaged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// What: the file, the category, the record.
    pub what: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// What a check read and found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CheckReport {
    /// Records read.
    pub records: u64,
    /// Sealed files read.
    pub blobs: u64,
    /// Audit entries read.
    pub audit: u64,
    /// What is damaged.
    pub findings: Vec<Finding>,
}

/// Evidence that a factory reset destroyed what it should.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ResetProof {
    /// When it was finished.
    pub at: Timestamp,
    /// Old sealed pieces that were tried: the keyring's slots and body, and rows of the store.
    pub samples: u32,
    /// Times that a key was tried on one of them.
    pub tried: u32,
    /// Times that one opened. Anything but 0 is a defect.
    pub opened: u32,
    /// Files of the former owner that are left. Anything but 0 is a defect.
    pub files_left: u32,
}

/// A secret, without its value.
#[derive(Clone, Deserialize, Serialize)]
pub struct SecretSummary {
    /// Its id.
    pub id: RecordId,
    /// Its name.
    pub name: String,
    /// Remarks.
    pub note: String,
    /// When it was last set.
    pub updated: Timestamp,
}

/// An agent, without its token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AgentSummary {
    /// Its id, as the audit log has it.
    pub id: RecordId,
    /// What the owner calls it.
    pub name: AgentName,
    /// What it may do.
    pub scopes: Scopes,
    /// Since when.
    pub created: Timestamp,
    /// When it last did something.
    pub last_used: Option<Timestamp>,
    /// How much it may do.
    pub limits: AgentLimits,
    /// Records that it has added under this token, less those that it deleted.
    pub records: u32,
    /// Bytes that it has written under this token.
    pub bytes: u64,
}

/// What has become of a question.
#[derive(Clone, Deserialize, Serialize)]
pub struct Asked {
    /// The question.
    pub question: Consent,
    /// What the model has said so far, from the byte on that was asked for: a suggestion, and nothing
    /// more.
    pub text: String,
    /// The whole text's length so far, in bytes.
    pub length: u64,
}

/// A text that would leave.
#[derive(Clone, Deserialize, Serialize)]
pub struct ConsentPart {
    /// What it is: what was asked, or the record that goes along.
    pub record: Option<(Category, RecordId)>,
    /// As it is here.
    pub original: String,
    /// As it would leave.
    pub redacted: String,
    /// What was replaced, in order.
    pub marks: Vec<ConsentMark>,
}

/// A place where something was replaced; in bytes, ends excluded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConsentMark {
    /// What kind of thing it is.
    pub kind: String,
    /// Where it is in the original: from, to.
    pub original: (u32, u32),
    /// Where its placeholder is in what would leave: from, to.
    pub redacted: (u32, u32),
}

/// All that is to be seen of a question.
#[derive(Clone, Deserialize, Serialize)]
pub struct ConsentDetail {
    /// The question.
    pub question: Consent,
    /// Its texts.
    pub parts: Vec<ConsentPart>,
    /// Where pictures stand in the bytes, as text: from, to, in order.
    pub pictured: Vec<(u64, u64)>,
}

impl ConsentDetail {
    /// The bytes as text to be read. What stands for a picture in them is only counted: nobody reads it,
    /// and the picture itself can be looked at.
    pub fn readable(&self, bytes: &[u8]) -> String {
        let mut text = String::new();
        let mut from = 0;
        let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
        for (start, end) in &self.pictured {
            text.push_str(&String::from_utf8_lossy(
                bytes.get(from..at(*start)).unwrap_or_default(),
            ));
            text.push_str(&format!(
                "[{} characters of a picture]",
                end.saturating_sub(*start)
            ));
            from = at(*end);
        }
        text.push_str(&String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()));
        text
    }
}

/// An answer. Secrets (recovery key, token, setup code) and pieces of files travel beside it.
#[derive(Clone, Deserialize, Serialize)]
pub enum Answer {
    /// What became of each record of an `Add`, in order.
    Added(Vec<Added>),
    /// An agent was made; its token travels beside.
    Agent(AgentSummary),
    /// The agents.
    Agents(Vec<AgentSummary>),
    /// Entries of the audit log, the newest first.
    Audit(Vec<AuditEntry>),
    /// The audit log was walked: the number of entries, or what is wrong.
    AuditVerified(Result<u64, Broken>),
    /// A piece of a file travels beside.
    Blob {
        /// Length of the whole file in bytes.
        size: u64,
    },
    /// An archive was opened: what it proved to be.
    Backup(Box<BackupReport>),
    /// The owner's broker, if there is one.
    Broker(Option<Box<BrokerStatus>>),
    /// What there is to see of a category.
    Browsed(Browsed),
    /// What a check found.
    Check(CheckReport),
    /// A question to the owner with all that is to be seen of it; the bytes travel beside.
    Consent(Box<ConsentDetail>),
    /// The questions, and what the owner consented to ahead of time.
    Consents {
        /// Those that wait first, then the newest first.
        questions: Vec<Consent>,
        /// In force now.
        standing: Vec<StandingConsent>,
        /// Agents that asked too much within the hour, and how many of their questions were refused.
        refused: Vec<(RecordId, u32)>,
    },
    /// It is done.
    Done,
    /// A record.
    Entry(Box<Entry>),
    /// What was found, the best first.
    Hits(Vec<Hit>),
    /// A page of records.
    Page(Page),
    /// The models that can be asked.
    Providers(Vec<Provider>),
    /// What has become of a question.
    Asked(Box<Asked>),
    /// It is done once the button on the device is pressed.
    PressNeeded {
        /// How long that is waited for.
        seconds: u64,
    },
    /// What may leave, and until when.
    Profile {
        /// The profile in force.
        profile: Profile,
        /// When it falls back.
        until: Option<Timestamp>,
    },
    /// The device is new; this is the proof.
    Reset(ResetProof),
    /// The names of the secrets.
    Secrets(Vec<SecretSummary>),
    /// The device is set up; the recovery key travels beside. These groups of it (from 1) are to be
    /// typed back.
    SetUp {
        /// The two groups.
        groups: (u8, u8),
    },
    /// How the device is.
    Status(Box<Status>),
    /// An upload was begun.
    Upload(RecordId),
}
