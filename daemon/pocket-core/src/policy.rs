//! The decision table. Every request from every door passes here, and nowhere else.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::permit::{Permit, Recording};
use crate::{Actor, Category, Door, Lease, Operation, OperationKind, Profile, Sensitivity, Timestamp, Verb};

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

/// What the owner has to decide before a cloud call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question {
    /// Under which profile it was asked.
    pub profile: Profile,
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
    /// No program to send with.
    #[error("this version has no gateway: nothing can leave the device")]
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
    /// The owner or an agent, if the profile opens the cloud.
    Cloud,
    /// The owner, or an agent about what it asked for itself.
    Known,
    /// The device itself.
    Device,
}

/// Decides on `operation`. `lease` is what the owner set; doubt ends in a refusal.
pub fn decide(lease: Lease, actor: &Actor, operation: &Operation, now: Timestamp) -> Decision {
    let categories = operation.categories();
    match check(lease.in_force(now), actor, operation.kind(), &categories) {
        Err(reason) => Decision::Refuse(reason),
        Ok(Some(question)) => Decision::AskOwner(question),
        Ok(None) => {
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

fn check(
    profile: Profile,
    actor: &Actor,
    kind: OperationKind,
    categories: &[Category],
) -> Result<Option<Question>, Reason> {
    fixed_categories(kind, categories)?;
    match (needs(kind), actor) {
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
        | (Needs::Device, Actor::Device) => Ok(None),
        // It reads the text out of new documents, and records that with what came of it.
        (Needs::Scope(Verb::Read), Actor::Device) if kind == OperationKind::ReadBlob => Ok(None),
        (_, Actor::Nobody(_)) => Err(Reason::Anonymous),
        (Needs::Cloud, Actor::Owner { .. } | Actor::Agent(_)) => cloud(profile).map(Some),
        (Needs::Scope(verb), Actor::Agent(agent)) => {
            let lacking = categories
                .iter()
                .find(|category| !agent.scopes.allow(**category, verb));
            lacking.map_or(Ok(None), |category| Err(Reason::NoScope(*category, verb.name())))
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

fn cloud(profile: Profile) -> Result<Question, Reason> {
    match profile {
        Profile::CloudWithConsent | Profile::Custom => Ok(Question { profile }),
        Profile::LocalNetwork | Profile::OfflineOnly => Err(Reason::Profile(profile)),
    }
}

const fn needs(kind: OperationKind) -> Needs {
    use OperationKind as K;
    match kind {
        K::Authenticate | K::Setup | K::Status | K::Unlock => Needs::Anyone,
        K::Add | K::Edit | K::UploadBegin | K::UploadChunk => Needs::Scope(Verb::Write),
        K::Delete => Needs::Scope(Verb::Delete),
        K::Get | K::List | K::ReadBlob => Needs::Scope(Verb::Read),
        K::Search => Needs::Scope(Verb::Search),
        K::Ask => Needs::Cloud,
        K::ConsentList => Needs::Known,
        K::SetupCode => Needs::OwnerAtDevice,
        K::CategoryErase | K::FactoryReset | K::PassphraseChange | K::RecoveryNew => {
            Needs::OwnerWithPassphrase
        }
        K::AutoLock
        | K::Extract
        | K::FailedUnlocks
        | K::KeyringWritten
        | K::Purge
        | K::Rekey
        | K::Resume
        | K::SelfTest
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
        | K::CategoryRekey
        | K::Check
        | K::Export
        | K::Health
        | K::Lock
        | K::ProfileSet
        | K::ProfileShow
        | K::RecoveryConfirm
        | K::SecretDelete
        | K::SecretList
        | K::SecretSet => Needs::Owner,
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
            | K::ConsentList
            | K::Health
            | K::ProfileShow
            | K::SecretList
            | K::SetupCode
            | K::Status
            // A piece of an upload changes nothing until `Add` names the whole.
            | K::UploadChunk => Recording::None,
            _ => Recording::First,
        },
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
