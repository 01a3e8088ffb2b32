//! The unlocked device: one way through for every request.

mod admin;
mod agents;
mod asking;
mod backup;
mod broker;
mod committing;
mod consent;
mod documents;
mod exported;
mod health;
mod housekeeping;
mod index;
mod log;
mod opening;
mod press;
mod reading;
mod records;
mod rekey;
mod remember;
mod rows;
mod scrub;
mod search;
mod secrets;
mod status;
mod update;
mod usage;
mod work;

use pocket_core::audit::{Chain, Event, Outcome, Refusal};
use pocket_core::{
    Actor, ActorRef, Answer, Category, Decision, DeviceSettings, Failure, FailureKind, Finding, Lease,
    Operation, OperationKind, Permit, Question, Reason, RecordId, Recording, Timestamp, decide,
};
use pocket_crypto::{Keyring, SecretBytes, Unlocked};
use pocket_privacy::CleanPicture;
use pocket_store::Store;
use tracing::warn;

pub(crate) use backup::{BackupKey, Restoring, failed as backup_failed};
pub(crate) use broker::Linked;
pub(crate) use housekeeping::{Housekeeping, Ticked};
pub(crate) use reading::Extracted;
pub(crate) use work::{Slice, Work};

use crate::engine::{Next, Now};
use crate::failure;
use crate::handle::{Reply, Request, Shown};
use crate::keys::Device;
use crate::locked::{verify, with_passphrase};
use crate::outbound::Outbound;
use crate::passphrase::NewPassphrase;

use agents::Agents;
use backup::Backups;
use broker::Brokers;
use consent::Consents;
use documents::Uploads;
use exported::Exported;
use index::Indexes;
use press::Presses;
use reading::Unread;
use rekey::Stale;

/// The name under which the lease of the profile is kept.
const LEASE: &str = "lease";
/// The name under which it is kept when everything was last exported.
const EXPORTED: &str = "exported";
/// The name under which the counter of the newest keyring is kept.
const KEYRING: &str = "keyring";

/// Everything that is in memory while the device is unlocked. Dropping it wipes the keys.
pub(crate) struct Vault {
    keys: Unlocked,
    keyring: Keyring,
    store: Store,
    chain: Chain<AuditMac>,
    /// Whether the next answer promises what is not on disk yet.
    must_sync: bool,
    /// Records that were changed since the last sync, for who wants to hear of it.
    touched: Vec<(Category, RecordId)>,
    lease: Lease,
    settings: DeviceSettings,
    consents: Consents,
    presses: Presses,
    broker: Brokers,
    outbound: Outbound,
    pub(crate) agents: Agents,
    uploads: Uploads,
    /// A release for the device itself that comes in.
    incoming: Option<update::Incoming>,
    /// One that the gateway fetches.
    fetching: Option<update::Fetching>,
    unread: Unread,
    housekeeping: Housekeeping,
    stale: Stale,
    indexes: Indexes,
    /// When everything was last exported.
    exported: Exported,
    backups: Backups,
    /// When everything was last read.
    checked: Option<Timestamp>,
    /// Whether a category is being re-keyed: one at a time.
    rekeying: bool,
    /// A keyring was perhaps written, perhaps not: the vault must be locked.
    unsure: bool,
    /// What a check of the store does not look at: keyring, permissions, the count of wrong guesses.
    outside: Vec<Finding>,
    /// What is damaged in the store, as far as it is known.
    findings: Vec<Finding>,
    /// Rows of the engine's own that this version does not understand.
    unknown: Vec<Finding>,
}

/// The keyed MAC of the audit chain; the key stays in the store.
type AuditMac = Box<dyn Fn(&[u8]) -> [u8; 32] + Send>;

/// What is done also to a copy that may be dropped: its record alone would go with it. To lock in panic revokes.
const fn may_be_lost(operation: &Operation) -> bool {
    use Operation as O;
    matches!(
        operation,
        O::AuditVerify { .. }
            | O::Check { accept_loss: false }
            | O::FactoryReset { .. }
            | O::Lock { all: false }
    )
}

/// The word that a factory reset asks for.
pub(crate) fn typed_erase(confirm: &str) -> Result<(), Failure> {
    if confirm == "ERASE" {
        return Ok(());
    }
    Err(failure::invalid(
        "the reset was not confirmed",
        "type ERASE in capital letters to destroy everything",
    ))
}

impl Vault {
    pub(crate) const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Takes one request through: who, may it, record, act, answer.
    pub(crate) fn handle(
        &mut self,
        device: &mut Device,
        request: Request,
        shown: Shown,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> Result<Next, Failure> {
        let Request {
            actor,
            operation,
            payload,
            pictures,
            ..
        } = request;
        let actor = self.identify(device, actor, operation.kind(), &shown, now)?;
        if matches!(actor, Actor::Owner { .. }) {
            self.housekeeping.owner_seen(now);
        }
        let operation = self.place_ask(self.narrow(&actor, operation));
        let beside = Beside {
            payload,
            pictures,
            new,
            shown,
            pressed: false,
            now,
        };
        self.carry_out(device, &actor, operation, beside)
    }

    /// Decides on an operation of someone who is known by now, and does it.
    fn carry_out(
        &mut self,
        device: &mut Device,
        actor: &Actor,
        operation: Operation,
        beside: Beside,
    ) -> Result<Next, Failure> {
        let Beside {
            payload,
            pictures,
            new,
            shown,
            pressed,
            now,
        } = beside;
        match decide(self.lease, actor, &operation, now.wall) {
            Decision::Allow(permit) => {
                self.agents.seen(actor, now.wall);
                let (head, recorded) = (self.chain.head(), permit.recording() != Recording::None);
                let (kind, categories) = (permit.kind(), permit.categories().to_vec());
                if recorded && !may_be_lost(&operation) {
                    device.is_to_stay()?;
                }
                let act = Act {
                    permit,
                    payload,
                    pictures,
                    new,
                    shown,
                    now,
                };
                let done = if !pressed && self.needs_press(&operation) {
                    self.await_press(device, actor, operation, act)
                } else {
                    self.act(device, actor, operation, act)
                };
                if let Err(failure) = &done
                    && recorded
                    && self.chain.head() == head
                {
                    let events = events(
                        actor.reference(),
                        kind,
                        &categories,
                        Outcome::Failed(failure.kind),
                        now,
                    );
                    // Nothing was done. Why not (a full disk, say) is what the caller must hear, also when
                    // the store takes no record of it any more.
                    if let Err(unrecorded) = self.note(events) {
                        warn!(
                            kind = unrecorded.kind.name(),
                            "a failed operation could not be recorded"
                        );
                    }
                }
                done
            }
            Decision::AskOwner(question) => {
                device.is_to_stay()?;
                self.agents.seen(actor, now.wall);
                self.ask_owner(actor, question, operation, (payload, pictures), now)
            }
            Decision::Refuse(reason) => self.refuse(actor, &operation, reason, now),
        }
    }

    /// The actor, with the passphrase that came along verified. A wrong one is recorded.
    fn identify(
        &mut self,
        device: &mut Device,
        actor: Actor,
        kind: OperationKind,
        shown: &Shown,
        now: Now,
    ) -> Result<Actor, Failure> {
        if matches!(shown, Shown::Nothing) || matches!(actor, Actor::Agent(_) | Actor::Broker | Actor::Device)
        {
            return Ok(actor);
        }
        match verify(device, &self.keyring, shown, now) {
            Ok(_) => Ok(with_passphrase(&actor)),
            Err(failure) => {
                let event = event(actor.reference(), kind, None, Outcome::Failed(failure.kind), now);
                self.note(vec![event])?;
                Err(failure)
            }
        }
    }

    /// A search everywhere means everywhere that the actor may search.
    fn narrow(&self, actor: &Actor, operation: Operation) -> Operation {
        match operation {
            Operation::Search {
                categories,
                query,
                limit,
            } if categories.is_empty() => {
                let searchable = |category: &Category| match actor {
                    Actor::Agent(agent) => agent.scopes.allow(*category, pocket_core::Verb::Search),
                    _ => category.holds_records(),
                };
                let categories = Category::ALL.into_iter().filter(searchable).collect();
                Operation::Search {
                    categories,
                    query,
                    limit,
                }
            }
            other => other,
        }
    }

    /// A cloud model is asked: the owner has the last word.
    fn ask_owner(
        &mut self,
        actor: &Actor,
        question: Question,
        operation: Operation,
        (text, pictures): (Option<SecretBytes>, Vec<CleanPicture>),
        now: Now,
    ) -> Result<Next, Failure> {
        let Operation::Ask(ask) = operation else {
            return Err(failure::internal(
                "policy asks the owner about what is no question",
            ));
        };
        let asking = asking::words(text.as_ref())
            .and_then(|text| self.ask(actor, (question, ask), text, pictures, now));
        if let Err(failure) = &asking {
            let outcome = match failure.kind {
                FailureKind::Refused => Outcome::Refused(Refusal::NoGateway),
                kind => Outcome::Failed(kind),
            };
            self.note(vec![event(
                actor.reference(),
                OperationKind::Ask,
                None,
                outcome,
                now,
            )])?;
        }
        asking.map(Next::Work)
    }

    fn refuse(
        &mut self,
        actor: &Actor,
        operation: &Operation,
        reason: Reason,
        now: Now,
    ) -> Result<Next, Failure> {
        let outcome = Outcome::Refused(reason.into());
        self.note(events(
            actor.reference(),
            operation.kind(),
            &operation.categories(),
            outcome,
            now,
        ))?;
        Err(failure::refused(reason))
    }

    fn act(
        &mut self,
        device: &mut Device,
        actor: &Actor,
        operation: Operation,
        act: Act,
    ) -> Result<Next, Failure> {
        let reply: Reply = match operation {
            Operation::Lock { all } => {
                self.lock(act, all)?;
                return Ok(Next::Lock);
            }
            Operation::FactoryReset { confirm } => {
                typed_erase(&confirm)?;
                self.admit(act.permit, &[], act.now)?;
                self.sync()?;
                return Ok(Next::Reset(act.shown.into_key()));
            }
            Operation::AuditVerify { exported: false } => {
                return Ok(Next::Work(self.audit_verify_own(act)?));
            }
            Operation::Browse { category, browse } => {
                return Ok(Next::Work(self.browse(act, category, browse)?));
            }
            Operation::CategoryRekey { category } => {
                return Ok(Next::Work(self.category_rekey(act, category)?));
            }
            Operation::Check { accept_loss } => return Ok(Next::Work(self.check(act, accept_loss)?)),
            Operation::Search {
                categories,
                query,
                limit,
            } => return Ok(Next::Work(self.search(act, &categories, &query, limit)?)),
            Operation::AskLocal(ask) => self.ask_local(actor, act, &ask)?.into(),
            Operation::ConsentApprove { id, sha256 } => {
                self.consent_approve(actor, act, (id, &sha256))?.into()
            }
            Operation::ConsentDeny { id } => self.consent_deny(actor, act, id)?.into(),
            Operation::ConsentList => self.consent_list(actor, act)?.into(),
            Operation::ConsentShow { id, picture } => self.consent_show(actor, act, (id, picture))?,
            Operation::ConsentStatus { id, from } => self.consent_status(actor, act, (id, from))?.into(),
            Operation::Add { items, import } => self.add(actor, act, items, import)?.into(),
            Operation::Remember { facts } => self.remember(actor, act, facts)?.into(),
            Operation::Delete { category, id } => self.delete(act, category, id)?.into(),
            Operation::Edit {
                id,
                content,
                revision,
            } => self.edit(act, id, *content, revision)?.into(),
            Operation::Get { category, id } => self.get(act, category, id)?.into(),
            Operation::List {
                category,
                after,
                limit,
            } => self.list(act, category, after, limit)?.into(),
            Operation::ReadAgain { id } => self.read_again(act, id)?.into(),
            Operation::ReadBlob { id, offset } => self.read_blob(act, id, offset)?,
            Operation::UploadBegin => self.upload_begin(actor, act)?.into(),
            Operation::UploadChunk { upload } => self.upload_chunk(actor, act, upload)?.into(),
            Operation::SecretDelete { name } => self.secret_delete(act, &name)?.into(),
            Operation::SecretList => self.secret_list(act)?.into(),
            Operation::SecretSet { name, note } => self.secret_set(act, name, note)?.into(),
            other => self.administer(device, other, act)?,
        };
        Ok(Next::Stay(reply))
    }

    /// What concerns the device rather than its records.
    fn administer(&mut self, device: &mut Device, operation: Operation, act: Act) -> Result<Reply, Failure> {
        Ok(match operation {
            Operation::AgentAdd { name, scopes } => self.agent_add(act, name, scopes)?,
            Operation::AgentLimit { name, limits } => self.agent_limit(act, &name, limits)?.into(),
            Operation::AgentList => self.agent_list(act)?.into(),
            Operation::AgentRevoke { name } => self.agent_revoke(act, &name)?.into(),
            Operation::AgentRotate { name } => self.agent_rotate(act, &name)?,
            Operation::AuditExport | Operation::Authenticate | Operation::Unlock { .. } => {
                self.admit(act.permit, &[], act.now)?;
                Answer::Done.into()
            }
            Operation::AuditShow { before, limit } => self.audit_show(act, before, limit)?.into(),
            Operation::AuditVerify { .. } => self.audit_verify_exported(act)?.into(),
            Operation::BackupCreate => self.backup_create(act)?,
            Operation::BackupDone => self.backup_done(act)?.into(),
            Operation::BackupDrill => self.backup_drill(act)?,
            Operation::BackupOffer { name } => self.backup_offer(device, act, &name)?,
            Operation::BackupPlaceRemove => self.backup_place_remove(act)?.into(),
            Operation::BackupPlaceSet(place) => self.backup_place_set(act, *place)?.into(),
            Operation::BackupSend { sha256 } => self.backup_send(act, &sha256)?.into(),
            Operation::BackupRecipientAdd { recipient } => self.backup_recipient_add(act, recipient)?.into(),
            Operation::BackupSchedule(schedule) => self.backup_schedule(act, schedule)?.into(),
            Operation::BackupRecipientRemove { recipient } => {
                self.backup_recipient_remove(act, &recipient)?.into()
            }
            Operation::BrokerRemove => self.broker_remove(act)?.into(),
            Operation::BrokerSet(broker) => self.broker_set(act, *broker)?.into(),
            Operation::BrokerShow => self.broker_show(act)?.into(),
            Operation::BrokerTest => self.broker_test(act)?.into(),
            Operation::CategoryErase { category } => self.category_erase(device, act, category)?.into(),
            Operation::Export => self.export(act)?.into(),
            Operation::ExportDone => self.export_done(act)?.into(),
            Operation::Health { strict } => self.health(device, act, strict)?.into(),
            Operation::PassphraseChange => self.passphrase_change(device, act)?.into(),
            Operation::PressSet { need } => self.press_set(act, need)?.into(),
            Operation::ProfileSet { profile, minutes } => self.profile_set(act, profile, minutes)?.into(),
            Operation::ProfileShow => self.profile_show(act)?.into(),
            Operation::ProviderAdd(provider) => self.provider_add(act, *provider)?.into(),
            Operation::ProviderList => self.provider_list(act)?.into(),
            Operation::ProviderRemove { name } => self.provider_remove(act, &name)?.into(),
            Operation::RecoveryConfirm => self.recovery_confirm(device, act)?.into(),
            Operation::RecoveryNew => self.recovery_new(device, act)?,
            Operation::StandingAdd(terms) => self.standing_add(act, terms)?.into(),
            Operation::StandingRemove { id } => self.standing_remove(act, id)?.into(),
            Operation::UpdateChunk { offset } => self.update_chunk(device, act, offset)?.into(),
            Operation::UpdateFetch { from } => self.update_fetch(device, act, *from)?.into(),
            Operation::UpdateFetchStop => self.update_fetch_stop(act)?.into(),
            Operation::UpdateInstall { sha256, older } => {
                self.update_install(device, act, (&sha256, older))?.into()
            }
            Operation::UpdateOffer => self.update_offer(device, act)?.into(),
            Operation::BackupRestore | Operation::Setup | Operation::SetupCode => {
                return Err(Failure::new(
                    FailureKind::Conflict,
                    "this device has an owner already",
                    "to give it away, use `pocketctl factory-reset`",
                ));
            }
            _ => return Err(failure::internal("an operation has no one to do it")),
        })
    }
}

/// What the log says of something that touched no record.
fn event(
    actor: ActorRef,
    operation: OperationKind,
    category: Option<Category>,
    outcome: Outcome,
    now: Now,
) -> Event {
    Event {
        at: now.wall,
        actor,
        operation,
        category,
        records: Vec::new(),
        count: 0,
        outcome,
    }
}

/// What the log says of how many bytes a call sent and received.
fn amounts_of((sent, received): (u64, u64), now: Now) -> Vec<Event> {
    let of = |operation, bytes: u64| Event {
        count: u32::try_from(bytes).unwrap_or(u32::MAX),
        ..event(ActorRef::Device, operation, None, Outcome::Done, now)
    };
    vec![
        of(OperationKind::CallSent, sent),
        of(OperationKind::CallReceived, received),
    ]
}

/// The same for each of the categories that were to be touched.
fn events(
    actor: ActorRef,
    operation: OperationKind,
    categories: &[Category],
    outcome: Outcome,
    now: Now,
) -> Vec<Event> {
    let each = categories
        .iter()
        .map(|category| event(actor, operation, Some(*category), outcome, now));
    let events: Vec<Event> = each.collect();
    if events.is_empty() {
        vec![event(actor, operation, None, outcome, now)]
    } else {
        events
    }
}

/// What travels beside an operation.
struct Beside {
    payload: Option<SecretBytes>,
    pictures: Vec<CleanPicture>,
    new: Option<NewPassphrase>,
    shown: Shown,
    /// Whether the button on the device was pressed for it.
    pressed: bool,
    now: Now,
}

impl Beside {
    /// Nothing but a press of the button.
    const fn pressed(now: Now) -> Self {
        Self {
            payload: None,
            pictures: Vec::new(),
            new: None,
            shown: Shown::Nothing,
            pressed: true,
            now,
        }
    }
}

/// What an operation needs to be done: the permit, and what travels beside.
struct Act {
    permit: Permit,
    payload: Option<SecretBytes>,
    pictures: Vec<CleanPicture>,
    new: Option<NewPassphrase>,
    shown: Shown,
    now: Now,
}
