//! The decision table. Every request from every door passes here, and nowhere else.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::permit::{Permit, Recording};
use crate::{
    Actor, ActorRef, Category, Door, Lease, Operation, OperationKind, Profile, ProviderName, Scopes,
    Sensitivity, StandingConsent, Timestamp, Verb,
};

/// What policy says.
#[must_use]
pub enum Decision {
    /// It may happen, once, after it was recorded as the permit says.
    Allow(Permit),
    /// The owner has to be asked first.
    AskOwner(Question),
    /// It may not happen.
    Refuse(Reason),
}

/// What the owner has to decide before a cloud call: until then there is no leave for it.
#[derive(Debug, Eq, PartialEq)]
#[must_use]
pub struct Question {
    actor: ActorRef,
    categories: Vec<Category>,
    profile: Profile,
}

impl Question {
    /// Whose records go along.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// Leave to keep the question until the owner has answered it, and for nothing else.
    pub fn keep(&self) -> Permit {
        Permit::new(
            self.actor,
            OperationKind::Ask,
            self.categories.clone(),
            Recording::First,
        )
    }

    /// Leave for the call without asking, where the owner consented ahead of time; and what is left of
    /// that consent. `None` where it does not cover this call: then the owner is to be asked.
    pub fn by_standing(
        &self,
        standing: &StandingConsent,
        provider: &ProviderName,
        bytes: u64,
        now: Timestamp,
    ) -> Option<(Permit, StandingConsent)> {
        if self.profile != Profile::Custom {
            return None;
        }
        let left = standing.after(self.actor, provider, &self.categories, bytes, now)?;
        let permit = Permit::new(
            self.actor,
            OperationKind::AskStanding,
            self.categories.clone(),
            Recording::First,
        );
        Some((permit, left))
    }
}

/// Why policy refuses. Kept in the audit log; says nothing of content.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Nobody has shown who they are.
    #[error("you have not shown who you are")]
    Anonymous,
    /// The audit log is not written by hand.
    #[error("the audit log is written by the device alone")]
    AuditIsFixed,
    /// Critical data stays.
    #[error("{0} never leaves the device")]
    NeverLeaves(Category),
    /// The profile keeps the owner's own network shut.
    #[error("the profile {0} does not open your own network")]
    NetworkShut(Profile),
    /// No program to send with.
    #[error("there is no gateway program here: nothing can leave the device")]
    NoGateway,
    /// Outside the agent's scopes.
    #[error("the agent has no scope for {1} on {0}")]
    NoScope(Category, &'static str),
    /// Agents may not.
    #[error("only the owner may do this")]
    OwnerOnly,
    /// The passphrase must come with the request.
    #[error("this needs the passphrase again")]
    PassphraseNeeded,
    /// The profile keeps the cloud shut.
    #[error("the profile {0} lets nothing go to the cloud")]
    Profile(Profile),
    /// Secrets have commands of their own.
    #[error("secrets are set with `pocketctl secret set NAME`, from standard input")]
    SecretsApart,
    /// Only over the owner's own socket.
    #[error("only `pocketctl` on the device itself may do this")]
    WrongDoor,
}

/// Who may do a kind of operation.
enum Needs {
    /// Anyone; the operation itself asks for a secret, or shows nothing.
    Anyone,
    /// The owner, or an agent with this verb on each category touched.
    Scope(Verb),
    /// The owner.
    Owner,
    /// The owner, on the control socket.
    OwnerAtDevice,
    /// The owner, with the passphrase in this very request.
    OwnerWithPassphrase,
    /// The owner, or an agent that may send and read what goes along, if the profile opens the cloud.
    Cloud,
    /// The owner, if the profile opens the cloud.
    OwnerOfCloud,
    /// The owner, or an agent about what it asked for itself.
    Known,
    /// The device itself.
    Device,
    /// The device itself, if the profile opens the owner's own network.
    OwnNetwork,
    /// The owner, if the profile opens the owner's own network.
    OwnerOfNetwork,
    /// Nobody by asking: [`Question::by_standing`] alone gives leave.
    StandingConsent,
}

/// Decides on `operation`. `lease` is what the owner set; doubt ends in a refusal.
pub fn decide(lease: Lease, actor: &Actor, operation: &Operation, now: Timestamp) -> Decision {
    let categories = operation.categories();
    let profile = lease.in_force(now);
    match check(profile, actor, operation.kind(), &categories) {
        Err(reason) => Decision::Refuse(reason),
        Ok(Answer::OfOwner) => Decision::AskOwner(Question {
            actor: actor.reference(),
            categories,
            profile,
        }),
        Ok(Answer::Yes) => {
            let recording = recording(actor, operation.kind(), &categories);
            Decision::Allow(Permit::new(
                actor.reference(),
                operation.kind(),
                categories,
                recording,
            ))
        }
    }
}

/// Decides on something that the device does by itself: auto-lock, purge, resume, stop.
pub fn decide_own(kind: OperationKind) -> Result<Permit, Reason> {
    check(Profile::OfflineOnly, &Actor::Device, kind, &[])?;
    Ok(Permit::new(
        Actor::Device.reference(),
        kind,
        Vec::new(),
        Recording::First,
    ))
}

/// Decides whether the device may link itself to the owner's broker now.
///
/// # Errors
/// [`Reason::NetworkShut`] unless the profile in force opens the owner's own network.
pub fn decide_link(lease: Lease, now: Timestamp) -> Result<Permit, Reason> {
    let profile = lease.in_force(now);
    check(profile, &Actor::Device, OperationKind::BrokerLink, &[])?;
    Ok(Permit::new(
        Actor::Device.reference(),
        OperationKind::BrokerLink,
        Vec::new(),
        Recording::First,
    ))
}

/// What the table says, where it does not say no.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    /// That the owner decides.
    OfOwner,
    Yes,
}

fn check(
    profile: Profile,
    actor: &Actor,
    kind: OperationKind,
    categories: &[Category],
) -> Result<Answer, Reason> {
    fixed_categories(kind, categories)?;
    match (needs(kind), actor) {
        (_, Actor::Broker) => of_broker(profile, kind, categories),
        (Needs::Anyone, _)
        | (Needs::Known, Actor::Agent(_))
        | (Needs::Known | Needs::Scope(_) | Needs::Owner, Actor::Owner { .. })
        | (
            Needs::OwnerAtDevice,
            Actor::Owner {
                door: Door::Control, ..
            },
        )
        | (
            Needs::OwnerWithPassphrase,
            Actor::Owner {
                passphrase_shown: true,
                ..
            },
        )
        | (Needs::Device, Actor::Device) => Ok(Answer::Yes),
        (Needs::OwnNetwork, Actor::Device) => network(profile).map(|()| Answer::Yes),
        (Needs::OwnerOfNetwork, Actor::Owner { .. }) => network(profile).map(|()| Answer::Yes),
        // It reads the text out of new documents, and records that with what came of it.
        (Needs::Scope(Verb::Read), Actor::Device) if kind == OperationKind::ReadBlob => Ok(Answer::Yes),
        (_, Actor::Nobody(_)) => Err(Reason::Anonymous),
        (Needs::Cloud, Actor::Owner { .. }) => cloud(profile, categories).map(|()| Answer::OfOwner),
        (Needs::Cloud, Actor::Agent(agent)) => {
            scope(&agent.scopes, Verb::Send, &[Category::Outbox])?;
            scope(&agent.scopes, Verb::Read, categories)?;
            cloud(profile, categories).map(|()| Answer::OfOwner)
        }
        (Needs::OwnerOfCloud, Actor::Owner { .. }) => cloud(profile, &[]).map(|()| Answer::Yes),
        (Needs::Scope(verb), Actor::Agent(agent)) => {
            scope(&agent.scopes, verb, categories).map(|()| Answer::Yes)
        }
        (Needs::OwnerAtDevice, Actor::Owner { .. }) => Err(Reason::WrongDoor),
        (Needs::OwnerWithPassphrase, Actor::Owner { .. }) => Err(Reason::PassphraseNeeded),
        (_, Actor::Agent(_) | Actor::Device | Actor::Owner { .. }) => Err(Reason::OwnerOnly),
    }
}

/// What no one may do, the owner included.
fn fixed_categories(kind: OperationKind, categories: &[Category]) -> Result<(), Reason> {
    let writes = matches!(
        kind,
        OperationKind::Add
            | OperationKind::Edit
            | OperationKind::Delete
            | OperationKind::CategoryErase
            | OperationKind::CategoryRekey
    );
    if writes && categories.contains(&Category::Audit) {
        return Err(Reason::AuditIsFixed);
    }
    let bypasses = matches!(kind, OperationKind::Add | OperationKind::Edit);
    if bypasses && categories.contains(&Category::Secrets) {
        return Err(Reason::SecretsApart);
    }
    Ok(())
}

fn scope(scopes: &Scopes, verb: Verb, categories: &[Category]) -> Result<(), Reason> {
    let lacking = categories.iter().find(|category| !scopes.allow(**category, verb));
    lacking.map_or(Ok(()), |category| Err(Reason::NoScope(*category, verb.name())))
}

/// All that whoever may publish at the broker can do: leave a note, and lock.
fn of_broker(profile: Profile, kind: OperationKind, categories: &[Category]) -> Result<Answer, Reason> {
    match kind {
        OperationKind::Add if categories == [Category::Notes] => {}
        OperationKind::Lock => {}
        _ => return Err(Reason::OwnerOnly),
    }
    network(profile).map(|()| Answer::Yes)
}

const fn network(profile: Profile) -> Result<(), Reason> {
    if profile.opens_local_network() {
        Ok(())
    } else {
        Err(Reason::NetworkShut(profile))
    }
}

fn cloud(profile: Profile, categories: &[Category]) -> Result<(), Reason> {
    if let Some(category) = categories.iter().find(|category| category.never_leaves()) {
        return Err(Reason::NeverLeaves(*category));
    }
    if profile.opens_cloud() {
        Ok(())
    } else {
        Err(Reason::Profile(profile))
    }
}

#[expect(
    clippy::too_many_lines,
    reason = "one closed table: each kind stands in it once"
)]
const fn needs(kind: OperationKind) -> Needs {
    use OperationKind as K;
    match kind {
        K::Authenticate | K::BackupRestore | K::Setup | K::Status | K::Unlock => Needs::Anyone,
        K::Add | K::Edit | K::UploadBegin | K::UploadChunk => Needs::Scope(Verb::Write),
        K::Delete => Needs::Scope(Verb::Delete),
        K::AskLocal | K::Get | K::List | K::ReadBlob => Needs::Scope(Verb::Read),
        K::Search => Needs::Scope(Verb::Search),
        K::Ask => Needs::Cloud,
        K::AskStanding => Needs::StandingConsent,
        K::BackupOffer | K::BackupSend | K::ConsentApprove | K::StandingAdd | K::UpdateFetch => {
            Needs::OwnerOfCloud
        }
        K::ConsentList | K::ConsentStatus | K::ProviderList => Needs::Known,
        K::BrokerLink => Needs::OwnNetwork,
        K::BrokerTest => Needs::OwnerOfNetwork,
        K::SetupCode => Needs::OwnerAtDevice,
        K::BackupRecipientAdd
        | K::CategoryErase
        | K::FactoryReset
        | K::PassphraseChange
        | K::PressSet
        | K::RecoveryNew
        | K::UpdateInstall => Needs::OwnerWithPassphrase,
        K::AutoLock
        | K::BackupDrilled
        | K::BackupKey
        | K::BackupSent
        | K::CallEnd
        | K::CallReceived
        | K::CallSent
        | K::ConsentExpire
        | K::Extract
        | K::FailedUnlocks
        | K::GatewayWidened
        | K::KeyringWritten
        | K::Press
        | K::Purge
        | K::Rekey
        | K::Resume
        | K::SelfTest
        | K::StandingBytes
        | K::StandingCalls
        | K::StandingMinutes
        | K::Stop => Needs::Device,
        K::AcceptLoss
        | K::AgentAdd
        | K::AgentLimit
        | K::AgentList
        | K::AgentRevoke
        | K::AgentRotate
        | K::AuditExport
        | K::AuditShow
        | K::AuditVerify
        | K::BackupCreate
        | K::BackupDone
        | K::BackupDrill
        | K::BackupPlaceRemove
        | K::BackupPlaceSet
        | K::BackupRecipientRemove
        | K::BackupSchedule
        | K::BrokerRemove
        | K::BrokerSet
        | K::BrokerShow
        | K::CategoryRekey
        | K::Check
        | K::ConsentDeny
        | K::ConsentShow
        | K::Export
        | K::ExportDone
        | K::Health
        | K::Lock
        | K::ProfileSet
        | K::ProfileShow
        | K::ProviderAdd
        | K::ProviderRemove
        | K::ReadAgain
        | K::RecoveryConfirm
        | K::SecretDelete
        | K::SecretList
        | K::SecretSet
        | K::StandingRemove
        | K::UpdateChunk
        | K::UpdateFetchStop
        | K::UpdateOffer => Needs::Owner,
    }
}

/// How durable the record must be before the act (docs/architecture.md, "One way through").
fn recording(actor: &Actor, kind: OperationKind, categories: &[Category]) -> Recording {
    use OperationKind as K;
    let reads = matches!(kind, K::Get | K::List | K::ReadBlob | K::Search);
    let critical = categories
        .iter()
        .any(|category| category.sensitivity() == Sensitivity::Critical);
    match (reads, actor) {
        (true, Actor::Device | Actor::Owner { .. }) => Recording::None,
        (true, _) if critical => Recording::First,
        (true, _) => Recording::Soon,
        (false, _) => match kind {
            K::AgentList
            | K::AuditShow
            | K::BrokerShow
            | K::ConsentList
            | K::ConsentShow
            | K::ConsentStatus
            | K::Health
            | K::ProfileShow
            | K::ProviderList
            | K::SecretList
            | K::SetupCode
            | K::Status
            // A piece of an upload changes nothing until `Add`, or an offer, names the whole.
            | K::UpdateChunk
            | K::UploadChunk => Recording::None,
            _ => Recording::First,
        },
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
