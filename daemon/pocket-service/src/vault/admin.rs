//! The device rather than its records: lock, profile, passphrase, recovery key, erasing a category.

use std::time::Duration;

use pocket_core::audit::Outcome;
use pocket_core::{ActorRef, Answer, Category, Failure, FailureKind, Lease, OperationKind, Profile};
use pocket_crypto::{Key, Keyring, Unlocked};
use pocket_store::Changes;

use super::{Act, BackupKey, EXPORTED, Exported, KEYRING, LEASE, Vault, Work, event};
use crate::engine::Now;
use crate::failure;
use crate::handle::Reply;
use crate::keys::Device;
use crate::setup::groups;
use crate::vault::rows::encode;

impl Vault {
    /// Locks; in panic it revokes every agent and shuts every profile first.
    pub(super) fn lock(&mut self, act: Act, all: bool) -> Result<(), Failure> {
        // What can't be written down is over all the same.
        self.stop_fetch(act.now).map(drop).unwrap_or_default();
        self.stop_sending(act.now).map(drop).unwrap_or_default();
        let mut changes = Changes::new();
        if all {
            let rows = self.agent_rows();
            changes = rows
                .iter()
                .fold(changes, |changes, row| changes.remove_system(row));
            changes = changes.remove_system(LEASE);
        }
        self.commit(act.permit, &[], changes, act.now)?;
        self.settle()
    }

    /// Begins an export, and remembers when.
    pub(super) fn export(&mut self, act: Act) -> Result<Answer, Failure> {
        let exported = Exported {
            unfinished: Some(act.now.wall),
            ..self.exported
        };
        self.note_export(act, exported)
    }

    /// The export has come to its end.
    pub(super) fn export_done(&mut self, act: Act) -> Result<Answer, Failure> {
        let exported = Exported {
            last: Some(act.now.wall),
            unfinished: None,
        };
        self.note_export(act, exported)
    }

    fn note_export(&mut self, act: Act, exported: Exported) -> Result<Answer, Failure> {
        let changes = Changes::new().mark_system(EXPORTED, exported.row());
        self.commit(act.permit, &[], changes, act.now)?;
        self.exported = exported;
        Ok(Answer::Done)
    }

    pub(super) fn profile_show(&mut self, act: Act) -> Result<Answer, Failure> {
        self.admit(act.permit, &[], act.now)?;
        Ok(self.profile(act.now.wall))
    }

    pub(super) fn profile_set(
        &mut self,
        act: Act,
        profile: Profile,
        minutes: Option<u32>,
    ) -> Result<Answer, Failure> {
        let length = minutes.map_or(Lease::USUAL, |minutes| {
            Duration::from_secs(u64::from(minutes) * 60)
        });
        if length.is_zero() || length > Lease::LONGEST {
            return Err(failure::invalid(
                "a profile is leased for 1 to 1440 minutes",
                "give such a number",
            ));
        }
        let lease = Lease::new(profile, act.now.wall, length);
        // Closing must work on a full disk too: no lease is OFFLINE_ONLY.
        let changes = match profile {
            Profile::OfflineOnly => Changes::new().remove_system(LEASE),
            _ => Changes::new().put_system(LEASE, encode(&lease)),
        };
        let now = act.now;
        self.commit(act.permit, &[], changes, now)?;
        self.lease = lease;
        self.stop_what_may_not_leave(now)?;
        // One that is now allowed is opened by the clock, once everyone knows of the profile.
        self.shut_link(now);
        Ok(self.profile(now.wall))
    }

    fn profile(&self, now: pocket_core::Timestamp) -> Answer {
        Answer::Profile {
            profile: self.lease.in_force(now),
            until: self.lease.ends(now),
        }
    }

    /// Changes the keyring: recorded first, then written, then said to be done. `erased` is the category
    /// whose key goes by that.
    fn change_keyring<T>(
        &mut self,
        device: &Device,
        act: Act,
        erased: Option<Category>,
        change: impl FnOnce(&mut Unlocked, &mut Act) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut act = act;
        let mut keys = self.keys.draft();
        let result = change(&mut keys, &mut act)?;
        let keyring = keys.to_keyring(&mut rand::rng()).map_err(failure::edit)?;
        let now = act.now;
        self.admit(act.permit, &[], now)?;
        self.sync()?;
        if let Some(erased) = erased {
            self.store
                .announce_erase(erased)
                .map_err(|error| failure::store(&error))?;
        }
        if let Err(failure) = self.replace_keyring(device, keys, keyring) {
            if erased.is_some() && !self.unsure {
                // Best effort: what is left of it is forgotten when the store is opened next.
                drop(self.store.forget_next());
            }
            return Err(failure);
        }
        if let Some(erased) = erased {
            self.stale.set(erased, None);
        }
        self.note_keyring(now)?;
        Ok(result)
    }

    /// Writes the keyring; from then on its keys are those that count.
    pub(super) fn replace_keyring(
        &mut self,
        device: &Device,
        keys: Unlocked,
        keyring: Keyring,
    ) -> Result<(), Failure> {
        if let Err(failure) = device.write_keyring(&keyring) {
            // Where the old one still lies there, nothing has happened.
            self.unsure = device.keyring_counter() != Some(self.keyring.counter());
            return Err(if self.unsure {
                failure::unsure(&failure)
            } else {
                failure
            });
        }
        self.keys = keys;
        self.keyring = keyring;
        Ok(())
    }

    /// Whether it is unknown which keyring lies on the disk.
    pub(crate) const fn is_unsure(&self) -> bool {
        self.unsure
    }

    /// Records that the keyring on disk is this one, so that an older one put back is seen, and which
    /// categories hold what was deleted under its keys.
    pub(super) fn note_keyring(&mut self, now: Now) -> Result<(), Failure> {
        self.note_keyring_with(Changes::new(), now)
    }

    /// The same, with changes that belong to the new keyring.
    pub(super) fn note_keyring_with(&mut self, changes: Changes, now: Now) -> Result<(), Failure> {
        let permit = pocket_core::decide_own(OperationKind::KeyringWritten).map_err(failure::refused)?;
        let counter = self.keyring.counter().to_be_bytes().to_vec();
        let changes = self.stale.put(changes.mark_system(KEYRING, counter));
        self.commit(permit, &[], changes, now)
    }

    pub(super) fn passphrase_change(&mut self, device: &mut Device, act: Act) -> Result<Answer, Failure> {
        let secret = self.device_secret(device)?;
        self.change_keyring(device, act, None, |keys, act| {
            let new = act
                .new
                .take()
                .ok_or_else(|| failure::invalid("the new passphrase is missing", "send it"))?;
            keys.set_passphrase(
                &mut rand::rng(),
                &new.derived,
                new.kdf.salt,
                new.kdf.params,
                Some(&secret),
            );
            Ok(Answer::Done)
        })
    }

    /// The device secret; a new one where it was lost and the owner came in by the recovery key.
    fn device_secret(&self, device: &mut Device) -> Result<Key, Failure> {
        if let Ok(Some(secret)) = device.read_secret(&self.keyring) {
            return Ok(secret);
        }
        let secret = Key::generate(&mut rand::rng());
        device.create_secret(self.keyring.ring_id(), &secret)?;
        Ok(secret)
    }

    pub(super) fn recovery_new(&mut self, device: &Device, act: Act) -> Result<Reply, Failure> {
        let now = act.now;
        let (reply, key) = self.change_keyring(device, act, None, |keys, _| {
            let recovery = keys.set_recovery(&mut rand::rng());
            let groups = groups(keys.recovery_challenge());
            let groups =
                groups.ok_or_else(|| failure::internal("the new recovery key asks for no groups"))?;
            let reply = Reply {
                answer: Answer::SetUp { groups },
                payload: Some(recovery.to_text()),
            };
            Ok((reply, BackupKey::of(&recovery)))
        })?;
        self.keep_backup_key(&key, now)?;
        Ok(reply)
    }

    pub(super) fn recovery_confirm(&mut self, device: &Device, act: Act) -> Result<Answer, Failure> {
        let [first, second] = self
            .keys
            .recovery_challenge()
            .ok_or_else(|| failure::not_found("recovery key", "make one with `pocketctl recovery new`"))?;
        self.change_keyring(device, act, None, |keys, act| {
            let typed = act.payload.take();
            let typed = typed
                .as_ref()
                .and_then(|typed| typed.expose_str().ok())
                .unwrap_or_default();
            let mut words = typed.split_whitespace();
            let pair = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if keys.confirm_recovery([(first, pair.0), (second, pair.1)]) {
                return Ok(Answer::Done);
            }
            Err(Failure::new(
                FailureKind::WrongCredential,
                format!(
                    "these are not groups {} and {} of the recovery key",
                    first + 1,
                    second + 1
                ),
                "read them from your paper; if it is lost, make a new key with `pocketctl recovery new`",
            ))
        })
    }

    /// Destroys a category: its old key is gone from the keyring first, then what it sealed.
    pub(super) fn category_erase(
        &mut self,
        device: &Device,
        act: Act,
        category: Category,
    ) -> Result<Answer, Failure> {
        self.backups.give_up();
        if matches!(category, Category::Documents) {
            self.uploads = super::Uploads::default();
        }
        let now = act.now;
        self.change_keyring(device, act, Some(category), |keys, _| {
            keys.erase_category(&mut rand::rng(), category.code())
                .map_err(failure::edit)
        })?;
        self.store
            .erase_category(category, super::opening::key_set(&self.keys)?)
            .map_err(|error| failure::store(&error))?;
        self.findings.retain(|finding| finding.what != category.name());
        self.indexes.forget(category);
        if category == Category::Settings {
            self.recall_settings()?;
        }
        let event = event(
            ActorRef::Device,
            OperationKind::CategoryErase,
            Some(category),
            Outcome::Done,
            now,
        );
        self.note(vec![event])?;
        Ok(Answer::Done)
    }

    /// Begins to read everything. With `accept_loss`, what is missing for good is given up first: the
    /// owner has decided it, and it is on record before it happens.
    pub(super) fn check(&mut self, act: Act, accept_loss: bool) -> Result<Work, Failure> {
        if self.store.is_scrubbing() {
            return Err(failure::busy());
        }
        self.admit(act.permit, &[], act.now)?;
        if accept_loss {
            self.sync()?;
            self.accept_loss()?;
        }
        self.store.begin_scrub();
        Ok(Work::Check)
    }

    /// Goes on with what is left, everywhere. The owner has decided it.
    fn accept_loss(&mut self) -> Result<(), Failure> {
        for category in Category::ALL {
            if self.store.whole(category).is_err() {
                self.store
                    .accept_loss(category)
                    .map_err(|error| failure::store(&error))?;
                self.indexes.forget(category);
            }
        }
        if self.store.system_whole().is_err() {
            self.store
                .accept_system_loss()
                .map_err(|error| failure::store(&error))?;
        }
        self.must_sync = true;
        self.recall()
    }
}
