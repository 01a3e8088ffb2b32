//! Into the unlocked state and out of it.

use pocket_core::audit::{Chain, Event, Outcome};
use pocket_core::{
    Actor, ActorRef, Attempts, Category, DeviceSettings, Failure, Finding, Lease, Operation, OperationKind,
    Record,
};
use pocket_crypto::{Keyring, RecoveryKey, Unlocked};
use pocket_store::{Changes, KeySet, Store};

use super::{
    Agents, AuditMac, BackupKey, Backups, Brokers, Consents, EXPORTED, Exported, Housekeeping, Indexes,
    KEYRING, LEASE, Stale, Unread, Uploads, Vault,
};
use crate::engine::{Now, Opening};
use crate::failure;
use crate::keys::Device;
use crate::vault::press::Presses;
use crate::vault::rows::Rows;
use crate::vault::scrub::CHECKED;

impl Vault {
    /// Makes the store of a new device, with its first record.
    pub(crate) fn create(
        device: &Device,
        keys: Unlocked,
        keyring: Keyring,
        recovery: &RecoveryKey,
        actor: ActorRef,
        now: Now,
    ) -> Result<Self, Failure> {
        let opened = Store::open(&device.folder, key_set(&keys)?).map_err(|error| failure::store(&error))?;
        let mut vault = Self::assemble(device, keys, keyring, opened.store, opened.findings, now)?;
        vault.note(vec![own(actor, OperationKind::Setup, 0, Outcome::Done, now)])?;
        let mark = vault.keys.recovery_mark();
        let changes = BackupKey::of(recovery).put(Changes::new(), mark);
        vault.note_keyring_with(changes, now)?;
        vault.sync()?;
        Ok(vault)
    }

    /// Opens the store here and now.
    pub(crate) fn open(device: &Device, opening: Opening) -> Result<Self, Failure> {
        let keys = key_set(&opening.keys)?;
        let opened = Store::open(&device.folder, keys).map_err(|error| failure::store(&error))?;
        Self::enter(device, opening, opened)
    }

    /// Takes the store that was opened, and records how the vault came to be open.
    pub(crate) fn enter(
        device: &Device,
        opening: Opening,
        opened: pocket_store::Opened,
    ) -> Result<Self, Failure> {
        let Opening {
            keys,
            keyring,
            actor,
            guesses,
            now,
            housekeeping,
            backup_key,
            ..
        } = opening;
        let mut vault = Self::assemble(device, keys, keyring, opened.store, opened.findings, now)?;
        if let Some(housekeeping) = housekeeping {
            vault.housekeeping = housekeeping;
        }
        if let Ok(updates) = device.updates() {
            super::update::forget_half(&updates.spool);
        }
        vault.compare_keyring()?;
        vault.settle_interrupted(now)?;
        let mut events = Vec::new();
        if !vault.was_closed_cleanly()? {
            events.push(own(
                ActorRef::Device,
                OperationKind::Resume,
                0,
                Outcome::Done,
                now,
            ));
        }
        if vault.outbound.is_widened() {
            vault.note_widened(&mut events, now);
        }
        let failures = guesses.failures();
        if failures > 0 {
            events.push(own(
                ActorRef::Device,
                OperationKind::FailedUnlocks,
                failures,
                Outcome::Done,
                now,
            ));
        }
        events.push(own(actor, OperationKind::Unlock, 0, Outcome::Done, now));
        vault.note(events)?;
        if let Some(key) = &backup_key {
            vault.keep_backup_key(key, now)?;
        }
        vault.sync()?;
        Ok(vault)
    }

    /// Closes the store after a failed write; gives what it takes to open it again.
    pub(crate) fn close_store(self, now: Now) -> Opening {
        let Self {
            keys,
            keyring,
            store,
            housekeeping,
            ..
        } = self;
        drop(store);
        Opening {
            keys,
            keyring,
            actor: ActorRef::Device,
            guesses: Attempts::default(),
            now,
            housekeeping: Some(housekeeping),
            backup_key: None,
            reply: None,
            deferred: Vec::new(),
        }
    }

    fn assemble(
        device: &Device,
        keys: Unlocked,
        keyring: Keyring,
        store: Store,
        findings: Vec<Finding>,
        now: Now,
    ) -> Result<Self, Failure> {
        let chain = Chain::new(store.audit_head(), Box::new(store.audit_mac()) as AuditMac);
        let mut vault = Self {
            keys,
            keyring,
            store,
            chain,
            must_sync: false,
            touched: Vec::new(),
            lease: Lease::default(),
            settings: DeviceSettings::default(),
            consents: Consents::default(),
            presses: Presses::default(),
            broker: Brokers::default(),
            outbound: device.outbound.clone(),
            agents: Agents::default(),
            uploads: Uploads::default(),
            incoming: None,
            fetching: None,
            unread: Unread::default(),
            housekeeping: Housekeeping::new(now),
            stale: Stale::default(),
            indexes: Indexes::default(),
            exported: Exported::default(),
            backups: Backups::default(),
            checked: None,
            unsure: false,
            rekeying: false,
            outside: device.findings.clone(),
            findings,
            unknown: Vec::new(),
        };
        vault.recall()?;
        Ok(vault)
    }

    /// Reads back what the engine keeps in memory: lease, agents, settings. What is damaged fails
    /// closed: no lease is OFFLINE_ONLY, no agent has access, settings are as they were delivered.
    pub(super) fn recall(&mut self) -> Result<(), Failure> {
        self.lease = Lease::default();
        self.agents = Agents::default();
        self.stale = Stale::default();
        self.consents = Consents::default();
        self.broker = Brokers::default();
        self.exported = Exported::default();
        self.checked = None;
        self.unknown.clear();
        self.backups = Backups::default();
        if self.store.system_whole().is_ok() {
            let mut rows = Rows::of(&self.store);
            self.lease = rows.read(LEASE)?.unwrap_or_default();
            self.agents = Agents::load(&mut rows)?;
            self.consents = Consents::load(&mut rows, self.outbound.clone())?;
            self.broker = Brokers::load(&mut rows)?;
            self.checked = rows.read(CHECKED)?;
            self.backups = Backups::load(&mut rows)?;
            self.unknown = rows.unknown();
            self.stale = Stale::load(&self.store)?;
            let exported = self
                .store
                .system(EXPORTED)
                .map_err(|error| failure::store(&error))?;
            self.exported = Exported::from_row(&exported.unwrap_or_default());
        }
        self.recall_press()?;
        self.recall_settings()
    }

    /// Reads the settings anew, after one was changed.
    pub(super) fn recall_settings(&mut self) -> Result<(), Failure> {
        let mut settings = DeviceSettings::default();
        if self.store.whole(Category::Settings).is_err() {
            self.settings = settings;
            return Ok(());
        }
        self.store
            .scan(Category::Settings, &mut |entry| {
                if let Record::Setting(setting) = entry.content.record() {
                    // One that an older version knew and this one does not is left alone.
                    settings.apply(setting).unwrap_or_default();
                }
                std::ops::ControlFlow::Continue(())
            })
            .map_err(|error| failure::store(&error))?;
        self.settings = settings;
        Ok(())
    }

    /// An older keyring put back opens with an older passphrase: the store remembers the newest.
    fn compare_keyring(&mut self) -> Result<(), Failure> {
        if self.store.system_whole().is_err() {
            return Ok(());
        }
        let newest = self
            .store
            .system(KEYRING)
            .map_err(|error| failure::store(&error))?;
        let newest = newest
            .and_then(|bytes| <[u8; 8]>::try_from(bytes.as_slice()).ok())
            .map(u64::from_be_bytes);
        if newest.is_some_and(|newest| newest > self.keyring.counter()) {
            self.outside.push(Finding {
                what: "keyring".to_owned(),
                problem: "an older keyring was put back: an older passphrase or recovery key may open it"
                    .to_owned(),
                remedy: "change the passphrase and make a new recovery key".to_owned(),
            });
        }
        Ok(())
    }

    /// What the gateway trusts besides is the owner's to know each time.
    fn note_widened(&mut self, events: &mut Vec<Event>, now: Now) {
        self.outside.push(Finding {
            what: "gateway".to_owned(),
            problem: "it trusts a certificate authority or an address that the configuration names"
                .to_owned(),
            remedy: "remove trust_ca and resolve from [gateway] in the configuration, unless you set them"
                .to_owned(),
        });
        let kind = OperationKind::GatewayWidened;
        events.push(own(ActorRef::Device, kind, 0, Outcome::Done, now));
    }

    fn was_closed_cleanly(&self) -> Result<bool, Failure> {
        if self.store.whole(Category::Audit).is_err() {
            return Ok(false);
        }
        let last = self
            .store
            .audit_before(None, 1)
            .map_err(|error| failure::store(&error))?;
        let closing = [OperationKind::Lock, OperationKind::AutoLock, OperationKind::Stop];
        Ok(last
            .first()
            .is_none_or(|entry| closing.contains(&entry.event.operation)))
    }

    /// Records the end and puts everything on disk: the vault is ready to be dropped.
    pub(crate) fn close(&mut self, kind: OperationKind, now: Now) -> Result<(), Failure> {
        let permit = pocket_core::decide_own(kind).map_err(failure::refused)?;
        // What can't be written down is over all the same.
        self.stop_fetch(now).map(drop).unwrap_or_default();
        self.stop_sending(now).map(drop).unwrap_or_default();
        self.admit(permit, &[], now)?;
        self.settle()
    }

    /// Everything on disk, the outside head too.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.store
            .sync()
            .and_then(|()| self.store.tick())
            .map_err(|error| failure::store(&error))
    }

    /// Records that the device is about to be reset. The last entry that this log gets.
    pub(crate) fn record_reset(
        &mut self,
        actor: &Actor,
        operation: &Operation,
        now: Now,
    ) -> Result<(), Failure> {
        match pocket_core::decide(self.lease, actor, operation, now.wall) {
            pocket_core::Decision::Allow(permit) => {
                self.admit(permit, &[], now)?;
                self.sync()
            }
            pocket_core::Decision::AskOwner(_) => Err(failure::internal("a reset is no cloud call")),
            pocket_core::Decision::Refuse(reason) => Err(failure::refused(reason)),
        }
    }
}

fn own(actor: ActorRef, operation: OperationKind, count: u32, outcome: Outcome, now: Now) -> Event {
    Event {
        at: now.wall,
        actor,
        operation,
        category: None,
        records: Vec::new(),
        count,
        outcome,
    }
}

/// The keys that the store works with.
pub(super) fn key_set(keys: &Unlocked) -> Result<KeySet, Failure> {
    KeySet::new(keys).map_err(|error| failure::store(&error))
}
