//! Everything that can be asked of the device, as typed values.

use serde::{Deserialize, Serialize};

use crate::{
    AgentLimits, AgentName, Ask, BackupPlace, BackupSchedule, Broker, Browse, Category, Content,
    OperationKind, PressFor, Profile, Provider, ProviderName, RecordId, Scopes, StandingTerms, Timestamp,
    WebAddress,
};

/// What one unlocks with. The secret itself travels beside the operation, never inside it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Credential {
    /// The owner's passphrase, together with the device secret.
    Passphrase,
    /// The recovery key from the owner's paper.
    RecoveryKey,
}

/// A record to add.
#[derive(Clone, Deserialize, Serialize)]
pub struct NewEntry {
    /// The id that an export gave it; without one, the device makes it.
    pub id: Option<RecordId>,
    /// When it first came in, if an export says so.
    pub created: Option<Timestamp>,
    /// When it was last changed, if an export says so.
    pub updated: Option<Timestamp>,
    /// The finished upload that holds the document's bytes.
    pub upload: Option<RecordId>,
    /// What it says.
    pub content: Content,
}

/// A fact to remember.
#[derive(Clone, Deserialize, Serialize)]
pub struct NewFact {
    /// What it says: a [`crate::Memory`].
    pub content: Content,
    /// The older fact that it takes the place of. That one stays, with the end of its validity set: it
    /// is history from then on.
    pub supersedes: Option<RecordId>,
}

/// A request, from any door. Secrets (passphrases, codes, secret values, tokens) and chunks of
/// files travel beside it, so that it can be stored in no log by mistake.
#[derive(Clone, Deserialize, Serialize)]
pub enum Operation {
    /// Adds records. With `import`, the same content is never added twice.
    Add {
        /// What to add, at most [`Operation::MOST_ITEMS`].
        items: Vec<NewEntry>,
        /// Whether they come from files that the owner imports.
        import: bool,
    },
    /// Makes an agent; the answer brings its token, once.
    AgentAdd {
        /// What the owner calls it.
        name: AgentName,
        /// What it may do.
        scopes: Scopes,
    },
    /// Sets how much an agent may do.
    AgentLimit {
        /// Which one.
        name: AgentName,
        /// How much.
        limits: AgentLimits,
    },
    /// Lists the agents.
    AgentList,
    /// Takes an agent's token away, at once.
    AgentRevoke {
        /// Which one.
        name: AgentName,
    },
    /// Gives an agent a new token in place of the one it has; the answer brings it, once.
    AgentRotate {
        /// Which one.
        name: AgentName,
    },
    /// Asks a model. The text travels beside it. The device itself knows whether the model is in the
    /// cloud, and the owner has to consent, or here.
    Ask(Box<Ask>),
    /// The same, once it is known that the model is on this device.
    AskLocal(Box<Ask>),
    /// Reads the audit log out for the owner to keep; recorded, unlike [`Operation::AuditShow`].
    AuditExport,
    /// Shows entries of the audit log, the newest first.
    AuditShow {
        /// Show entries older than this sequence number.
        before: Option<u64>,
        /// At most this many, up to [`Operation::MOST_LISTED`].
        limit: u32,
    },
    /// Verifies the whole audit log; or, beside it, an exported one.
    AuditVerify {
        /// Whether an exported log travels beside the operation, as JSON lines.
        exported: bool,
    },
    /// Shows the passphrase: a session of the owner begins.
    Authenticate,
    /// Begins a backup: who asked then takes the sealed archive, piece by piece.
    BackupCreate,
    /// The archive is on a disk, whole.
    BackupDone,
    /// Begins to open an archive with the key that was made for it, to see whether it is whole; it follows
    /// piece by piece.
    BackupDrill,
    /// Begins a backup to be sent: it is sealed onto the device, where it waits for the owner's consent.
    BackupOffer {
        /// What it is to be called where it is sent.
        name: String,
    },
    /// Forgets where backups are sent.
    BackupPlaceRemove,
    /// Sets where backups are sent.
    BackupPlaceSet(Box<BackupPlace>),
    /// Has backups sealed to someone else too.
    BackupRecipientAdd {
        /// An age recipient, `age1…`.
        recipient: String,
    },
    /// Not any more.
    BackupRecipientRemove {
        /// Which one.
        recipient: String,
    },
    /// Begins to make a new device of an archive, which follows piece by piece. Beside it: the setup code
    /// and the recovery key, a line each; the passphrase is the new one.
    BackupRestore,
    /// Sets how often a backup is wanted; never by itself when `None`.
    BackupSchedule(Option<BackupSchedule>),
    /// Has the gateway send the archive that was shown: once, and these very bytes.
    BackupSend {
        /// The SHA-256 of it, as 64 hexadecimal digits.
        sha256: String,
    },
    /// Forgets the owner's broker.
    BrokerRemove,
    /// Sets where the owner's broker is.
    BrokerSet(Box<Broker>),
    /// Shows where it is, and how the link to it is.
    BrokerShow,
    /// Connects to it now, afresh.
    BrokerTest,
    /// Lists records in an order of one's own, or those alone that fit.
    Browse {
        /// Which category.
        category: Category,
        /// What of it.
        browse: Box<Browse>,
    },
    /// Destroys the key of a category, and all that it sealed.
    CategoryErase {
        /// Which one.
        category: Category,
    },
    /// Seals a category anew and destroys its old key: what was deleted from it is unreadable then.
    CategoryRekey {
        /// Which one.
        category: Category,
    },
    /// Reads everything and says what is damaged.
    Check {
        /// Whether to go on with what is left where something is missing for good.
        accept_loss: bool,
    },
    /// Lets the bytes of a question leave, once.
    ConsentApprove {
        /// Which question.
        id: RecordId,
        /// The SHA-256 of the bytes that the owner saw, as 64 hexadecimal digits.
        sha256: String,
    },
    /// Keeps them here, or stops them on their way.
    ConsentDeny {
        /// Which question.
        id: RecordId,
    },
    /// Lists the questions, those that wait first; an agent's own for an agent.
    ConsentList,
    /// Shows exactly what would leave: the bytes travel beside the answer, or those of one picture in them.
    ConsentShow {
        /// Which question.
        id: RecordId,
        /// Which of its pictures, from 0.
        picture: Option<u32>,
    },
    /// Says what has become of a question; of an agent's own for an agent.
    ConsentStatus {
        /// Which question.
        id: RecordId,
        /// The answer's text from this byte on.
        from: u64,
    },
    /// Removes a record.
    Delete {
        /// Where it is.
        category: Category,
        /// Which one.
        id: RecordId,
    },
    /// Replaces what a record says.
    Edit {
        /// Which one.
        id: RecordId,
        /// What it shall say.
        content: Box<Content>,
        /// The revision that was edited; refused when the record has moved on meanwhile.
        revision: Option<u32>,
    },
    /// Begins a full export: afterwards the door lists and reads as usual.
    Export,
    /// The export was written to its end.
    ExportDone,
    /// Destroys all keys and data, and makes a new device.
    FactoryReset {
        /// The typed word, which must be `ERASE`.
        confirm: String,
    },
    /// Reads one record.
    Get {
        /// Where it is.
        category: Category,
        /// Which one.
        id: RecordId,
    },
    /// Says whether the device really works: opens, decrypts, writes, verifies.
    Health {
        /// Whether to write and read back a record too.
        strict: bool,
    },
    /// Lists records by pages, the newest first.
    List {
        /// Which category.
        category: Category,
        /// Begin after this record.
        after: Option<RecordId>,
        /// At most this many, up to [`Operation::MOST_LISTED`].
        limit: u32,
    },
    /// Locks the vault: keys leave the memory.
    Lock {
        /// Panic: revoke every agent too.
        all: bool,
    },
    /// Replaces the passphrase; old and new travel beside it.
    PassphraseChange,
    /// Sets which consents need a press of the button on the device; itself confirmed by one.
    PressSet {
        /// Which.
        need: PressFor,
    },
    /// Sets what may leave.
    ProfileSet {
        /// To which profile.
        profile: Profile,
        /// For how many minutes; an hour when unsaid.
        minutes: Option<u32>,
    },
    /// Shows what may leave.
    ProfileShow,
    /// Adds a model that can be asked, or replaces the one of its name.
    ProviderAdd(Box<Provider>),
    /// Lists the models that can be asked.
    ProviderList,
    /// Forgets one.
    ProviderRemove {
        /// Its name.
        name: ProviderName,
    },
    /// Has a document read again that could not be read.
    ReadAgain {
        /// Which one.
        id: RecordId,
    },
    /// Reads a piece of a document's bytes.
    ReadBlob {
        /// The document.
        id: RecordId,
        /// From this byte on.
        offset: u64,
    },
    /// Types part of the recovery key back; the groups travel beside it, separated by a space.
    RecoveryConfirm,
    /// Replaces the recovery key; the answer brings the new one, once.
    RecoveryNew,
    /// Adds facts, each unless the same words about the same subject are kept and hold still.
    Remember {
        /// What to remember, at most [`Operation::MOST_ITEMS`].
        facts: Vec<NewFact>,
    },
    /// Searches.
    Search {
        /// Where; all that the actor may search when empty.
        categories: Vec<Category>,
        /// For which words.
        query: String,
        /// At most this many, up to [`Operation::MOST_LISTED`].
        limit: u32,
    },
    /// Removes a secret.
    SecretDelete {
        /// Its name.
        name: String,
    },
    /// Lists the names of the secrets.
    SecretList,
    /// Sets a secret; its value travels beside it.
    SecretSet {
        /// Its name.
        name: String,
        /// Remarks.
        note: String,
    },
    /// Makes the device someone's: setup code and passphrase travel beside it, the answer brings
    /// the recovery key, once.
    Setup,
    /// Shows the setup code, on the owner's own socket only.
    SetupCode,
    /// Consents ahead of time, in `CUSTOM` alone.
    StandingAdd(StandingTerms),
    /// Takes that back.
    StandingRemove {
        /// Which one.
        id: RecordId,
    },
    /// Says how the device is.
    Status,
    /// Opens the vault.
    Unlock {
        /// With what.
        with: Credential,
    },
    /// Takes in the next bytes of a new release for the device itself; they travel beside the operation.
    UpdateChunk {
        /// How many came before: with 0, it begins anew.
        offset: u64,
    },
    /// Has the gateway fetch a new release for the device itself: once, from this very address.
    UpdateFetch {
        /// Where it lies.
        from: Box<WebAddress>,
    },
    /// Fetches no further.
    UpdateFetchStop,
    /// Has the release that was shown installed into the other slot; then the device starts again.
    UpdateInstall {
        /// The SHA-256 of the bundle that the owner was shown, as 64 hexadecimal digits.
        sha256: String,
        /// Whether it may be older than the one that runs.
        older: bool,
    },
    /// The bytes of a new release are all there: its signature is looked at.
    UpdateOffer,
    /// Begins to take in a document's bytes; the answer brings the upload's id.
    UploadBegin,
    /// Takes the next piece in; it travels beside the operation.
    UploadChunk {
        /// Which upload.
        upload: RecordId,
    },
}

impl Operation {
    /// Most records in one `Add`.
    pub const MOST_ITEMS: usize = 256;
    /// Most records or entries in one answer.
    pub const MOST_LISTED: u32 = 500;
    /// Most bytes in one piece of an upload or download: 1 MiB.
    pub const MOST_CHUNK: usize = 1024 * 1024;
    /// Most bytes of one document: 1 GiB.
    pub const MOST_DOCUMENT: u64 = 1024 * 1024 * 1024;

    /// Its kind.
    pub const fn kind(&self) -> OperationKind {
        match self {
            Self::Add { .. } | Self::Remember { .. } => OperationKind::Add,
            Self::AgentAdd { .. } => OperationKind::AgentAdd,
            Self::AgentLimit { .. } => OperationKind::AgentLimit,
            Self::AgentList => OperationKind::AgentList,
            Self::AgentRevoke { .. } => OperationKind::AgentRevoke,
            Self::AgentRotate { .. } => OperationKind::AgentRotate,
            Self::Ask(_) => OperationKind::Ask,
            Self::AskLocal(_) => OperationKind::AskLocal,
            Self::AuditExport => OperationKind::AuditExport,
            Self::AuditShow { .. } => OperationKind::AuditShow,
            Self::AuditVerify { .. } => OperationKind::AuditVerify,
            Self::Authenticate => OperationKind::Authenticate,
            Self::BackupCreate => OperationKind::BackupCreate,
            Self::BackupDone => OperationKind::BackupDone,
            Self::BackupDrill => OperationKind::BackupDrill,
            Self::BackupOffer { .. } => OperationKind::BackupOffer,
            Self::BackupPlaceRemove => OperationKind::BackupPlaceRemove,
            Self::BackupPlaceSet(_) => OperationKind::BackupPlaceSet,
            Self::BackupRecipientAdd { .. } => OperationKind::BackupRecipientAdd,
            Self::BackupRecipientRemove { .. } => OperationKind::BackupRecipientRemove,
            Self::BackupRestore => OperationKind::BackupRestore,
            Self::BackupSchedule(_) => OperationKind::BackupSchedule,
            Self::BackupSend { .. } => OperationKind::BackupSend,
            Self::BrokerRemove => OperationKind::BrokerRemove,
            Self::BrokerSet(_) => OperationKind::BrokerSet,
            Self::BrokerShow => OperationKind::BrokerShow,
            Self::BrokerTest => OperationKind::BrokerTest,
            Self::CategoryErase { .. } => OperationKind::CategoryErase,
            Self::CategoryRekey { .. } => OperationKind::CategoryRekey,
            Self::Check { accept_loss: true } => OperationKind::AcceptLoss,
            Self::Check { accept_loss: false } => OperationKind::Check,
            Self::ConsentApprove { .. } => OperationKind::ConsentApprove,
            Self::ConsentDeny { .. } => OperationKind::ConsentDeny,
            Self::ConsentList => OperationKind::ConsentList,
            Self::ConsentShow { .. } => OperationKind::ConsentShow,
            Self::ConsentStatus { .. } => OperationKind::ConsentStatus,
            Self::Delete { .. } => OperationKind::Delete,
            Self::Edit { .. } => OperationKind::Edit,
            Self::Export => OperationKind::Export,
            Self::ExportDone => OperationKind::ExportDone,
            Self::FactoryReset { .. } => OperationKind::FactoryReset,
            Self::Get { .. } => OperationKind::Get,
            Self::Health { .. } => OperationKind::Health,
            Self::Browse { .. } | Self::List { .. } => OperationKind::List,
            Self::Lock { .. } => OperationKind::Lock,
            Self::PassphraseChange => OperationKind::PassphraseChange,
            Self::PressSet { .. } => OperationKind::PressSet,
            Self::ProfileSet { .. } => OperationKind::ProfileSet,
            Self::ProfileShow => OperationKind::ProfileShow,
            Self::ProviderAdd(_) => OperationKind::ProviderAdd,
            Self::ProviderList => OperationKind::ProviderList,
            Self::ProviderRemove { .. } => OperationKind::ProviderRemove,
            Self::ReadAgain { .. } => OperationKind::ReadAgain,
            Self::ReadBlob { .. } => OperationKind::ReadBlob,
            Self::RecoveryConfirm => OperationKind::RecoveryConfirm,
            Self::RecoveryNew => OperationKind::RecoveryNew,
            Self::Search { .. } => OperationKind::Search,
            Self::SecretDelete { .. } => OperationKind::SecretDelete,
            Self::SecretList => OperationKind::SecretList,
            Self::SecretSet { .. } => OperationKind::SecretSet,
            Self::Setup => OperationKind::Setup,
            Self::SetupCode => OperationKind::SetupCode,
            Self::StandingAdd(_) => OperationKind::StandingAdd,
            Self::StandingRemove { .. } => OperationKind::StandingRemove,
            Self::Status => OperationKind::Status,
            Self::Unlock { .. } => OperationKind::Unlock,
            Self::UpdateChunk { .. } => OperationKind::UpdateChunk,
            Self::UpdateFetch { .. } => OperationKind::UpdateFetch,
            Self::UpdateFetchStop => OperationKind::UpdateFetchStop,
            Self::UpdateInstall { .. } => OperationKind::UpdateInstall,
            Self::UpdateOffer => OperationKind::UpdateOffer,
            Self::UploadBegin => OperationKind::UploadBegin,
            Self::UploadChunk { .. } => OperationKind::UploadChunk,
        }
    }

    /// The categories that it touches, without repeats.
    pub fn categories(&self) -> Vec<Category> {
        let mut touched = match self {
            Self::Add { items, .. } => items.iter().map(|item| item.content.category()).collect(),
            Self::Ask(ask) | Self::AskLocal(ask) => ask.with.iter().map(|(category, _)| *category).collect(),
            Self::CategoryErase { category }
            | Self::CategoryRekey { category }
            | Self::Delete { category, .. }
            | Self::Get { category, .. }
            | Self::Browse { category, .. }
            | Self::List { category, .. } => vec![*category],
            Self::Edit { content, .. } => vec![content.category()],
            Self::Remember { facts } => facts.iter().map(|fact| fact.content.category()).collect(),
            Self::ReadAgain { .. } | Self::ReadBlob { .. } | Self::UploadBegin | Self::UploadChunk { .. } => {
                vec![Category::Documents]
            }
            Self::Search { categories, .. } => categories.clone(),
            Self::SecretDelete { .. } | Self::SecretList | Self::SecretSet { .. } => vec![Category::Secrets],
            _ => Vec::new(),
        };
        touched.sort_unstable();
        touched.dedup();
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Note, Record, Task};

    fn content(record: Record) -> Content {
        Content::check(record).unwrap()
    }

    fn task() -> Content {
        content(Record::Task(Task {
            title: "t".to_owned(),
            ..Task::default()
        }))
    }

    fn note() -> Content {
        content(Record::Note(Note {
            title: "n".to_owned(),
            ..Note::default()
        }))
    }

    /// The categories of an operation are what is decided by: one that were left out would not be asked about.
    #[test]
    fn an_operation_names_every_category_that_it_touches_once() {
        let (id, category) = (RecordId::from_bytes([1; 16]), Category::Tasks);
        let entry = |content| NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: None,
            content,
        };
        let ask = || {
            let with = vec![
                (Category::Tasks, id),
                (Category::Memory, id),
                (Category::Tasks, id),
            ];
            Box::new(Ask {
                with,
                ..Ask::default()
            })
        };
        let of = |operation: Operation| operation.categories();
        let items = vec![entry(task()), entry(note()), entry(task())];
        let import = false;
        assert_eq!(
            of(Operation::Add { items, import }),
            [Category::Notes, Category::Tasks]
        );
        assert_eq!(of(Operation::Ask(ask())), [Category::Memory, Category::Tasks]);
        assert_eq!(
            of(Operation::AskLocal(ask())),
            [Category::Memory, Category::Tasks]
        );
        let fact = NewFact {
            content: note(),
            supersedes: None,
        };
        assert_eq!(of(Operation::Remember { facts: vec![fact] }), [Category::Notes]);
        let edit = Operation::Edit {
            id,
            content: Box::new(note()),
            revision: None,
        };
        assert_eq!(of(edit), [Category::Notes]);
        for operation in [
            Operation::CategoryErase { category },
            Operation::CategoryRekey { category },
            Operation::Delete { category, id },
            Operation::Get { category, id },
        ] {
            assert_eq!(of(operation), [category]);
        }
        assert_eq!(of(Operation::UploadBegin), [Category::Documents]);
        assert_eq!(of(Operation::UploadChunk { upload: id }), [Category::Documents]);
        let search = Operation::Search {
            categories: vec![Category::Tasks, Category::Contacts],
            query: String::new(),
            limit: 1,
        };
        assert_eq!(of(search).len(), 2);
        assert_eq!(of(Operation::SecretList), [Category::Secrets]);
        assert_eq!(of(Operation::Status), []);
    }

    #[test]
    fn sizes_are_those_that_are_documented() {
        assert_eq!(Operation::MOST_CHUNK, 1_048_576);
        assert_eq!(Operation::MOST_DOCUMENT, 1_073_741_824);
    }
}
