//! What the engine tells without doing anything: how the device is, who an agent is, how to hash.

use pocket_core::{Actor, Agent, Failure, LockState, RecordId};
use pocket_crypto::SecretBytes;

use super::{Engine, Now, State};
use crate::failure;
use crate::passphrase::Kdf;

impl Engine {
    pub(super) fn status(&self, actor: &Actor, now: Now) -> pocket_core::Status {
        let owner = matches!(actor, Actor::Owner { .. });
        let mut status = self.device.status(now.wall);
        status.state = match &self.state {
            State::Damaged(failure) => LockState::Damaged {
                message: failure.message.clone(),
                remedy: failure.remedy.clone(),
            },
            State::FirstRun(_) => LockState::FirstRun,
            State::Locked(_) | State::Opening(_) => LockState::Locked,
            State::Unlocked(_) => LockState::Unlocked,
        };
        if owner {
            status.update = self.device.update_status();
            if let (State::Unlocked(vault), Some(update)) = (&self.state, &mut status.update) {
                update.fetch = vault.fetch_status();
            }
        }
        match &self.state {
            State::FirstRun(first_run) => {
                status.reset = first_run.proof();
                // A restore that was cut: everyone may know, there is nothing of anyone here.
                status.findings.clone_from(&self.device.findings);
            }
            State::Unlocked(vault) if owner => vault.describe(&self.device, &mut status, now),
            _ => {}
        }
        status
    }

    /// Tells which records were changed, once that is on disk.
    pub(super) fn tell_touched(&mut self) {
        if let State::Unlocked(vault) = &mut self.state {
            for record in vault.take_touched() {
                // Nobody may be listening.
                self.touched.send(record).map(drop).unwrap_or_default();
            }
        }
    }

    pub(super) fn agent_by_id(&self, id: RecordId) -> Result<Agent, Failure> {
        match &self.state {
            State::Unlocked(vault) => vault.agents.by_id(id),
            State::FirstRun(_) => Err(failure::not_set_up()),
            State::Locked(_) | State::Opening(_) => Err(failure::locked()),
            State::Damaged(failure) => Err(failure.clone()),
        }
    }

    pub(super) fn agent(&mut self, token: &SecretBytes, now: Now) -> Result<Agent, Failure> {
        match &mut self.state {
            State::Unlocked(vault) => {
                let agent = vault.agents.authenticate(token)?;
                vault.agents.count(agent.id, now.wall)?;
                Ok(agent)
            }
            State::FirstRun(_) => Err(failure::not_set_up()),
            State::Locked(_) | State::Opening(_) => Err(failure::locked()),
            State::Damaged(failure) => Err(failure.clone()),
        }
    }

    /// Does not count as a guess: nothing can be tried with it.
    pub(super) fn passphrase_salt(&self) -> Option<[u8; 32]> {
        let keyring = match &self.state {
            State::Locked(locked) => locked.keyring(),
            State::Opening(opening) => &opening.keyring,
            State::Unlocked(vault) => vault.keyring(),
            State::Damaged(_) | State::FirstRun(_) => return None,
        };
        keyring.passphrase_params().map(|(salt, _)| salt)
    }

    pub(crate) fn kdf(&mut self, now: Now) -> Result<Kdf, Failure> {
        self.device.may_guess(now.wall)?;
        let keyring = match &self.state {
            State::Locked(locked) => locked.keyring(),
            State::Unlocked(vault) => vault.keyring(),
            State::FirstRun(_) => return Err(failure::not_set_up()),
            State::Opening(_) => return Err(failure::opening()),
            State::Damaged(failure) => return Err(failure.clone()),
        };
        let (salt, params) = keyring
            .passphrase_params()
            .ok_or_else(|| failure::not_found("passphrase slot", "open it with the recovery key"))?;
        Ok(Kdf { salt, params })
    }
}
