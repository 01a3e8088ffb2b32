//! What an operation is called where its particulars do not matter: in policy and in the audit log.

use serde::{Deserialize, Serialize};

/// The kind of an operation or of something that the device did by itself: what policy decides on
/// and what the audit log calls it.
///
/// Like every enum that is stored, it lies on the disk by its number: a new one goes to the end, and into
/// `stored.txt`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each stands for the operation of the same name; the device's own are explained"
)]
pub enum OperationKind {
    /// A check that goes on with what is left where something is missing for good.
    AcceptLoss,
    Add,
    AgentAdd,
    AgentLimit,
    AgentList,
    AgentRevoke,
    AgentRotate,
    /// A cloud model was asked: the owner's consent decides.
    Ask,
    /// A model on this device was asked.
    AskLocal,
    /// A cloud model was asked, to which the owner had consented ahead of time.
    AskStanding,
    AuditExport,
    AuditShow,
    AuditVerify,
    Authenticate,
    /// The device locked itself: the owner was idle.
    AutoLock,
    /// A link to the owner's broker was opened.
    BrokerLink,
    BrokerRemove,
    BrokerSet,
    BrokerShow,
    BrokerTest,
    /// A call out has ended, or one to a model on this device.
    CallEnd,
    /// So many bytes came in by a call.
    CallReceived,
    /// So many bytes went out by a call.
    CallSent,
    CategoryErase,
    CategoryRekey,
    Check,
    ConsentApprove,
    ConsentDeny,
    /// Nobody answered a question in time.
    ConsentExpire,
    ConsentList,
    ConsentShow,
    ConsentStatus,
    Delete,
    Edit,
    /// An export was begun.
    Export,
    /// An export was written to its end.
    ExportDone,
    /// The text and the preview of a document were read out of its bytes.
    Extract,
    FactoryReset,
    /// Wrong passphrases were tried while the vault was locked and nothing could be recorded.
    FailedUnlocks,
    /// The gateway trusts more than it usually does: an authority or an address of the owner's own.
    GatewayWidened,
    Get,
    Health,
    /// A changed keyring is on disk: what was allowed before is done.
    KeyringWritten,
    List,
    Lock,
    PassphraseChange,
    ProfileSet,
    ProfileShow,
    ProviderAdd,
    ProviderList,
    ProviderRemove,
    /// Records older than their category's retention were removed.
    Purge,
    ReadAgain,
    ReadBlob,
    RecoveryConfirm,
    RecoveryNew,
    /// A category from which something was deleted was sealed anew, so that it is gone for good.
    Rekey,
    /// The device runs again after it was not stopped cleanly; up to a second of read records may
    /// be missing before this entry.
    Resume,
    Search,
    SecretDelete,
    SecretList,
    SecretSet,
    /// A row was written and read back, to see whether the store works.
    SelfTest,
    Setup,
    SetupCode,
    /// The owner consented ahead of time.
    StandingAdd,
    /// With so many bytes in all: part of a consent ahead of time.
    StandingBytes,
    /// For so many calls: part of a consent ahead of time.
    StandingCalls,
    /// For so many minutes: part of a consent ahead of time.
    StandingMinutes,
    /// The owner took that back.
    StandingRemove,
    Status,
    /// The device was stopped cleanly.
    Stop,
    Unlock,
    UploadBegin,
    UploadChunk,
    /// A backup was begun.
    BackupCreate,
    /// A backup was written to its end.
    BackupDone,
    /// An archive was opened to see whether it is whole.
    BackupDrill,
    /// To whom backups are sealed was set: the owner's recovery key was at hand.
    BackupKey,
    BackupRecipientAdd,
    BackupRecipientRemove,
    /// What a backup held was brought back to a new device.
    BackupRestore,
    /// What came of opening an archive to see whether it is whole.
    BackupDrilled,
    /// The button on the device was pressed, for what waited for it.
    Press,
    PressSet,
    UpdateChunk,
    /// A release was let into the other slot.
    UpdateInstall,
    /// A release for the device itself was handed in, to be looked at.
    UpdateOffer,
    BackupSchedule,
    /// The owner had a release fetched from elsewhere.
    UpdateFetch,
    UpdateFetchStop,
    /// A new archive was sealed on the device, to be sent once the owner consents.
    BackupOffer,
    BackupPlaceRemove,
    BackupPlaceSet,
    /// The owner consented to sending the very archive.
    BackupSend,
    /// What was sent lies there, whole.
    BackupSent,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 96] = [
        Self::AcceptLoss,
        Self::Add,
        Self::AgentAdd,
        Self::AgentLimit,
        Self::AgentList,
        Self::AgentRevoke,
        Self::AgentRotate,
        Self::Ask,
        Self::AskLocal,
        Self::AskStanding,
        Self::AuditExport,
        Self::AuditShow,
        Self::AuditVerify,
        Self::Authenticate,
        Self::AutoLock,
        Self::BrokerLink,
        Self::BrokerRemove,
        Self::BrokerSet,
        Self::BrokerShow,
        Self::BrokerTest,
        Self::CallEnd,
        Self::CallReceived,
        Self::CallSent,
        Self::CategoryErase,
        Self::CategoryRekey,
        Self::Check,
        Self::ConsentApprove,
        Self::ConsentDeny,
        Self::ConsentExpire,
        Self::ConsentList,
        Self::ConsentShow,
        Self::ConsentStatus,
        Self::Delete,
        Self::Edit,
        Self::Export,
        Self::ExportDone,
        Self::Extract,
        Self::FactoryReset,
        Self::FailedUnlocks,
        Self::GatewayWidened,
        Self::Get,
        Self::Health,
        Self::KeyringWritten,
        Self::List,
        Self::Lock,
        Self::PassphraseChange,
        Self::ProfileSet,
        Self::ProfileShow,
        Self::ProviderAdd,
        Self::ProviderList,
        Self::ProviderRemove,
        Self::Purge,
        Self::ReadAgain,
        Self::ReadBlob,
        Self::RecoveryConfirm,
        Self::RecoveryNew,
        Self::Rekey,
        Self::Resume,
        Self::Search,
        Self::SecretDelete,
        Self::SecretList,
        Self::SecretSet,
        Self::SelfTest,
        Self::Setup,
        Self::SetupCode,
        Self::StandingAdd,
        Self::StandingBytes,
        Self::StandingCalls,
        Self::StandingMinutes,
        Self::StandingRemove,
        Self::Status,
        Self::Stop,
        Self::Unlock,
        Self::UpdateChunk,
        Self::UpdateFetch,
        Self::UpdateFetchStop,
        Self::UpdateInstall,
        Self::UpdateOffer,
        Self::UploadBegin,
        Self::UploadChunk,
        Self::BackupCreate,
        Self::BackupDone,
        Self::BackupDrill,
        Self::BackupKey,
        Self::BackupRecipientAdd,
        Self::BackupRecipientRemove,
        Self::BackupRestore,
        Self::BackupDrilled,
        Self::Press,
        Self::PressSet,
        Self::BackupSchedule,
        Self::BackupOffer,
        Self::BackupPlaceRemove,
        Self::BackupPlaceSet,
        Self::BackupSend,
        Self::BackupSent,
    ];

    /// Whether it is part of a consent ahead of time: its entry names consent, agent and provider.
    pub const fn is_of_standing(self) -> bool {
        matches!(
            self,
            Self::StandingBytes | Self::StandingCalls | Self::StandingMinutes
        )
    }

    /// Whether it may change data or the state of the device.
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Self::AgentList
                | Self::AuditExport
                | Self::AuditShow
                | Self::AuditVerify
                | Self::Authenticate
                | Self::BackupCreate
                | Self::BrokerShow
                | Self::ConsentList
                | Self::ConsentShow
                | Self::ConsentStatus
                | Self::Export
                | Self::ExportDone
                | Self::Get
                | Self::Health
                | Self::List
                | Self::ProfileShow
                | Self::ProviderList
                | Self::ReadBlob
                | Self::Search
                | Self::SecretList
                | Self::SetupCode
                | Self::Status
                | Self::UpdateChunk
                | Self::UploadBegin
                | Self::UploadChunk
        )
    }

    /// The name in the audit log.
    #[expect(clippy::too_many_lines, reason = "a table, one line a kind")]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AcceptLoss => "accept-loss",
            Self::Add => "add",
            Self::AgentAdd => "agent-add",
            Self::AgentLimit => "agent-limit",
            Self::AgentList => "agent-list",
            Self::AgentRevoke => "agent-revoke",
            Self::AgentRotate => "agent-rotate",
            Self::Ask => "ask",
            Self::AskLocal => "ask-local",
            Self::AskStanding => "ask-standing",
            Self::AuditExport => "audit-export",
            Self::AuditShow => "audit-show",
            Self::AuditVerify => "audit-verify",
            Self::Authenticate => "authenticate",
            Self::AutoLock => "auto-lock",
            Self::BackupCreate => "backup-create",
            Self::BackupDone => "backup-done",
            Self::BackupDrill => "backup-drill",
            Self::BackupDrilled => "backup-drilled",
            Self::BackupKey => "backup-key",
            Self::BackupRecipientAdd => "backup-recipient-add",
            Self::BackupRecipientRemove => "backup-recipient-remove",
            Self::BackupRestore => "backup-restore",
            Self::BackupOffer => "backup-offer",
            Self::BackupPlaceRemove => "backup-place-remove",
            Self::BackupPlaceSet => "backup-place-set",
            Self::BackupSchedule => "backup-schedule",
            Self::BackupSend => "backup-send",
            Self::BackupSent => "backup-sent",
            Self::BrokerLink => "broker-link",
            Self::BrokerRemove => "broker-remove",
            Self::BrokerSet => "broker-set",
            Self::BrokerShow => "broker-show",
            Self::BrokerTest => "broker-test",
            Self::CallEnd => "call-end",
            Self::CallReceived => "call-received",
            Self::CallSent => "call-sent",
            Self::CategoryErase => "category-erase",
            Self::CategoryRekey => "category-rekey",
            Self::Check => "check",
            Self::ConsentApprove => "consent-approve",
            Self::ConsentDeny => "consent-deny",
            Self::ConsentExpire => "consent-expire",
            Self::ConsentList => "consent-list",
            Self::ConsentShow => "consent-show",
            Self::ConsentStatus => "consent-status",
            Self::Delete => "delete",
            Self::Edit => "edit",
            Self::Export => "export",
            Self::ExportDone => "export-done",
            Self::Extract => "extract",
            Self::FactoryReset => "factory-reset",
            Self::FailedUnlocks => "failed-unlocks",
            Self::GatewayWidened => "gateway-widened",
            Self::Get => "get",
            Self::Health => "health",
            Self::KeyringWritten => "keyring-written",
            Self::List => "list",
            Self::Lock => "lock",
            Self::PassphraseChange => "passphrase-change",
            Self::Press => "press",
            Self::PressSet => "press-set",
            Self::ProfileSet => "profile-set",
            Self::ProfileShow => "profile-show",
            Self::ProviderAdd => "provider-add",
            Self::ProviderList => "provider-list",
            Self::ProviderRemove => "provider-remove",
            Self::Purge => "purge",
            Self::ReadAgain => "read-again",
            Self::ReadBlob => "read-blob",
            Self::RecoveryConfirm => "recovery-confirm",
            Self::RecoveryNew => "recovery-new",
            Self::Rekey => "rekey",
            Self::Resume => "resume",
            Self::Search => "search",
            Self::SecretDelete => "secret-delete",
            Self::SecretList => "secret-list",
            Self::SecretSet => "secret-set",
            Self::SelfTest => "self-test",
            Self::Setup => "setup",
            Self::SetupCode => "setup-code",
            Self::StandingAdd => "standing-add",
            Self::StandingBytes => "standing-bytes",
            Self::StandingCalls => "standing-calls",
            Self::StandingMinutes => "standing-minutes",
            Self::StandingRemove => "standing-remove",
            Self::Status => "status",
            Self::Stop => "stop",
            Self::Unlock => "unlock",
            Self::UpdateChunk => "update-chunk",
            Self::UpdateFetch => "update-fetch",
            Self::UpdateFetchStop => "update-fetch-stop",
            Self::UpdateInstall => "update-install",
            Self::UpdateOffer => "update-offer",
            Self::UploadBegin => "upload-begin",
            Self::UploadChunk => "upload-chunk",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_reads_changes_nothing() {
        for kind in [
            OperationKind::AuditShow,
            OperationKind::Export,
            OperationKind::Get,
            OperationKind::Search,
            OperationKind::Status,
        ] {
            assert!(!kind.changes(), "{}", kind.name());
        }
        for kind in [
            OperationKind::Add,
            OperationKind::Ask,
            OperationKind::BackupRestore,
            OperationKind::ConsentApprove,
            OperationKind::Delete,
            OperationKind::Lock,
            OperationKind::ProfileSet,
            OperationKind::Unlock,
        ] {
            assert!(kind.changes(), "{}", kind.name());
        }
    }

    #[test]
    fn three_entries_name_a_consent_ahead_of_time() {
        let of: Vec<_> = OperationKind::ALL
            .into_iter()
            .filter(|kind| kind.is_of_standing())
            .map(OperationKind::name)
            .collect();
        assert_eq!(of, ["standing-bytes", "standing-calls", "standing-minutes"]);
    }
}
