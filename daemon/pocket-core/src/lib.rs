//! May this happen? The nouns of PocketAI and the rules that govern them: categories, records,
//! actors, operations, profiles, the policy table, permits, the audit chain, and the lock and
//! reset machines.
//!
//! This crate must never read a clock, a file, the environment or a source of randomness: time is
//! an argument, bytes come in and values go out. It holds no key and no secret.
//!
//! Content types ([`Record`], [`Content`], [`Entry`]) deliberately lack `Debug` and `Display`, so
//! that a log line that would show the owner's data does not compile:
//!
//! ```compile_fail
//! fn log(content: &pocket_core::Content) {
//!     println!("{content:?}");
//! }
//! ```

mod actor;
mod answer;
pub mod audit;
mod backup;
mod backup_place;
mod broker;
mod browse;
mod call;
mod category;
mod consent;
mod content;
mod failure;
mod fetch;
mod grant;
mod id;
mod kind;
mod link;
mod lock;
mod operation;
mod permit;
mod policy;
mod preset;
mod press;
mod price;
mod profile;
mod provider;
mod reading;
mod record;
mod reset;
mod settings;
#[cfg(test)]
mod stored_tests;
mod strength;
mod time;
mod update;

pub use actor::{Actor, ActorRef, Agent, AgentLimits, AgentName, Door, InvalidScope, Scope, Scopes, Verb};
pub use answer::{
    Added, AgentSummary, Answer, Asked, CategoryStatus, CheckReport, ConsentDetail, ConsentMark, ConsentPart,
    Doors, Finding, Hit, LockState, Page, ResetProof, SecretSummary, Status, Storage,
};
pub use backup::{
    BACKUP_FORMAT, BackupFacts, BackupFault, BackupItem, BackupJob, BackupLack, BackupOutside, BackupReport,
    BackupSchedule, BackupStatus, MOST_BACKUP_FRAME, is_age_recipient,
};
pub use backup_place::{
    BackupOffer, BackupPlace, BackupSending, InvalidBackupPlace, PlaceProtocol, PlaceStep, SendingState,
};
pub use broker::{Broker, BrokerStatus, InvalidBroker, LinkState, Transport, is_own_network};
pub use browse::{Browse, Browsed, Order};
pub use call::CallFailure;
pub use category::{Category, Sensitivity, UnknownCategory};
pub use consent::{
    Ask, Consent, ConsentError, ConsentState, InvalidStanding, Replaced, StandingConsent, StandingTerms,
    asking,
};
pub use content::{Content, InvalidRecord, Problem};
pub use failure::{Failure, FailureKind};
pub use fetch::{Fetch, FetchFault, InvalidWebAddress, WebAddress};
pub use grant::{Grant, Method, Terms};
pub use id::{InvalidId, RecordId};
pub use kind::OperationKind;
pub use link::{DeviceState, LinkFault, LinkLeave, LinkTerms, Refused};
pub use lock::Attempts;
pub use operation::{Credential, NewEntry, NewFact, Operation};
pub use permit::{Draft, Permit, RecordedPermit, Recording};
pub use policy::{Decision, Question, Reason, decide, decide_link, decide_own};
pub use preset::{PRESETS, Preset};
pub use press::{Press, PressBusy, PressFor, PressStatus, PressWaiting};
pub use price::{Cost, InvalidPrice, Price};
pub use profile::{Lease, Profile, UnknownProfile};
pub use provider::{InvalidProvider, Place, Protocol, Provider, ProviderName, is_host_name};
pub use reading::{
    Extract, FileHead, MOST_READ, MOST_TEXT, MOST_THUMBNAIL, ReaderJob, Reading, SHOWN_SIDE, Thumbnail,
    Unreadable,
};
pub use record::{
    Contact, Conversation, Document, Entry, Labelled, Memory, Message, Note, Origin, Outbox, OutboxState,
    Property, Record, SecretName, Setting, Task,
};
pub use reset::ResetStep;
pub use settings::{DeviceSettings, InvalidSetting};
pub use strength::{Flaw, Strength};
pub use time::{InvalidWhen, Timestamp, When};
pub use update::{
    Age, InvalidUpdateState, MOST_UPDATE_STATE, Release, Slot, UpdateFault, UpdateOffer, UpdateStatus,
    UpdateStep,
};
