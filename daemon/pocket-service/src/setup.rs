//! The first run: the setup code, and making the device someone's.

use pocket_core::{
    ActorRef, Answer, Attempts, BackupJob, Failure, FailureKind, Operation, Reason, ResetProof,
};
use pocket_crypto::{Key, Keyring, RecoveryKey, SecretBytes, Unlocked, token};
use tracing::info;

use crate::engine::{Now, State};
use crate::failure;
use crate::handle::{Reply, Request};
use crate::keys::Device;
use crate::locked::parse_recovery_key;
use crate::passphrase::NewPassphrase;
use crate::reset;
use crate::vault::{Restoring, Vault};

/// A device that no one owns yet.
pub(crate) struct FirstRun {
    code: SecretBytes,
    guesses: Attempts,
    proof: Option<ResetProof>,
    /// The device that is being made of a backup.
    restoring: Option<Box<Restoring>>,
}

impl FirstRun {
    /// With a setup code that no one has seen: it is new with each start.
    pub(crate) fn new(proof: Option<ResetProof>) -> Self {
        Self {
            code: token::setup_code(&mut rand::rng()),
            guesses: Attempts::default(),
            proof,
            restoring: None,
        }
    }

    /// The proof of the reset that made the device new.
    pub(crate) fn proof(&self) -> Option<ResetProof> {
        self.proof.clone()
    }

    pub(crate) fn handle(
        &mut self,
        device: &mut Device,
        request: Request,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> (Option<State>, Result<Reply, Failure>) {
        match request.operation {
            Operation::SetupCode => (None, self.show_code(&request)),
            Operation::BackupRestore | Operation::Setup if self.restoring.is_some() => {
                (None, Err(failure::busy()))
            }
            Operation::BackupRestore => {
                let restored = device.is_to_stay();
                (
                    None,
                    restored.and_then(|()| self.restore(device, &request, new, now)),
                )
            }
            Operation::Setup => match device
                .is_to_stay()
                .and_then(|()| self.set_up(device, &request, new, now))
            {
                Ok((vault, reply)) => (Some(State::Unlocked(Box::new(vault))), Ok(reply)),
                Err(failure) => (None, Err(failure)),
            },
            _ => (None, Err(failure::not_set_up())),
        }
    }

    fn show_code(&self, request: &Request) -> Result<Reply, Failure> {
        let lease = pocket_core::Lease::default();
        let at = pocket_core::Timestamp::default();
        let permit = match pocket_core::decide(lease, &request.actor, &request.operation, at) {
            pocket_core::Decision::Allow(permit) => permit,
            pocket_core::Decision::AskOwner(_) => return Err(failure::refused(Reason::NoGateway)),
            pocket_core::Decision::Refuse(reason) => return Err(failure::refused(reason)),
        };
        // No log can be written before there are keys: what must be recorded is refused.
        let _leave = permit.unrecorded().map_err(|_| failure::not_set_up())?;
        let code = SecretBytes::new(self.code.expose_bytes().to_vec());
        Ok(Reply {
            answer: Answer::Done,
            payload: Some(code),
        })
    }

    fn set_up(
        &mut self,
        device: &mut Device,
        request: &Request,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> Result<(Vault, Reply), Failure> {
        let typed = request.payload.as_ref();
        let typed = typed.and_then(|code| code.expose_str().ok());
        self.check_code(typed.unwrap_or_default(), now)?;
        let new = new.ok_or_else(no_passphrase)?;
        let made = make(device, request.actor.reference(), &new, now);
        if made.is_err() {
            // Undone at once, so that the owner can try again.
            reset::resume(device, now)?;
        }
        made
    }

    /// Begins to make the device of a backup; the answer is for the program that opens it, and for nobody
    /// else.
    fn restore(
        &mut self,
        device: &mut Device,
        request: &Request,
        new: Option<NewPassphrase>,
        now: Now,
    ) -> Result<Reply, Failure> {
        let typed = request.payload.as_ref();
        let typed = typed
            .and_then(|typed| typed.expose_str().ok())
            .unwrap_or_default();
        let (code, recovery) = typed.split_once('\n').unwrap_or((typed, ""));
        self.check_code(code, now)?;
        let recovery = parse_recovery_key(&SecretBytes::new(recovery.as_bytes().to_vec()))?;
        let new = new.ok_or_else(no_passphrase)?;
        match make_for_restore(device, request.actor.reference(), &new, &recovery, now) {
            Ok(vault) => self.restoring = Some(Box::new(Restoring::new(vault, device.buttons > 0))),
            Err(failure) => {
                reset::resume(device, now)?;
                return Err(failure);
            }
        }
        info!("a backup is being brought back");
        let job = postcard::to_stdvec(&BackupJob::Open)
            .map_err(|_| failure::internal("what is asked of a program can't be written down"))?;
        let (identity, vouching) = (recovery.backup_identity(), recovery.backup_vouching());
        let body = [job.as_slice(), identity.expose_bytes(), vouching.expose_bytes()].concat();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
        Ok(Reply {
            answer: Answer::Done,
            payload: Some(SecretBytes::new([length.as_slice(), &body].concat())),
        })
    }

    /// Takes more of the backup.
    pub(crate) fn restore_items(&mut self, items: &SecretBytes, now: Now) -> Result<Answer, Failure> {
        let restoring = self.restoring.as_mut().ok_or_else(failure::no_restore)?;
        restoring.take(items.expose_bytes(), now)
    }

    /// All of it came, or no more will come: then the device is new again.
    pub(crate) fn restore_end(
        &mut self,
        device: &mut Device,
        whole: bool,
        now: Now,
    ) -> Result<Vault, Failure> {
        let restoring = self.restoring.take().ok_or_else(failure::no_restore)?;
        let finished = if whole {
            restoring.finish(now)
        } else {
            drop(restoring);
            Err(failure::no_restore())
        };
        let finished = finished.and_then(|(vault, records)| {
            device.unmark_setup()?;
            Ok((vault, records))
        });
        match finished {
            Ok((vault, records)) => {
                reset::clear_proof(device)?;
                info!(records, "a backup was brought back");
                Ok(vault)
            }
            Err(failure) => {
                reset::resume(device, now)?;
                Err(failure)
            }
        }
    }

    fn check_code(&mut self, typed: &str, now: Now) -> Result<(), Failure> {
        let wait = self.guesses.wait(now.wall);
        if !wait.is_zero() {
            return Err(failure::throttled(wait.as_secs().max(1)));
        }
        if !token::setup_code_matches(&self.code, typed) {
            self.guesses = self.guesses.failed(now.wall);
            return Err(Failure::new(
                FailureKind::WrongCredential,
                "this is not the setup code",
                "read it on the device's console or journal, or type `pocketctl setup-code`",
            ));
        }
        Ok(())
    }
}

fn no_passphrase() -> Failure {
    failure::invalid("the passphrase is missing", "choose one and send it")
}

/// Makes keys, keyring and store. Cut anywhere before the end, the next start finds the marker and
/// begins anew: nobody has seen a recovery key yet.
fn make(
    device: &mut Device,
    actor: ActorRef,
    new: &NewPassphrase,
    now: Now,
) -> Result<(Vault, Reply), Failure> {
    let mut rng = rand::rng();
    device.forget_cut_restore();
    device.mark_setup()?;
    let mut keys = new_keys(device, new)?;
    let recovery = keys.set_recovery(&mut rng);
    let keyring = keys.to_keyring(&mut rng).map_err(failure::edit)?;
    device.write_keyring(&keyring)?;
    let groups = groups(keys.recovery_challenge());
    let vault = Vault::create(device, keys, keyring, &recovery, actor, now)?;
    device.unmark_setup()?;
    reset::clear_proof(device)?;
    info!("set up");
    let groups = groups.ok_or_else(|| failure::internal("the new recovery key asks for no groups"))?;
    Ok((
        vault,
        Reply {
            answer: Answer::SetUp { groups },
            payload: Some(recovery.to_text()),
        },
    ))
}

/// The same for a device that is made of a backup: the recovery key is the one that opened it, and the mark
/// stays until all of it is there.
fn make_for_restore(
    device: &mut Device,
    actor: ActorRef,
    new: &NewPassphrase,
    recovery: &RecoveryKey,
    now: Now,
) -> Result<Vault, Failure> {
    let mut rng = rand::rng();
    // It is begun anew.
    device.forget_cut_restore();
    device.mark_restore()?;
    let mut keys = new_keys(device, new)?;
    keys.take_recovery(&mut rng, recovery, true);
    let keyring = keys.to_keyring(&mut rng).map_err(failure::edit)?;
    device.write_keyring(&keyring)?;
    Vault::create(device, keys, keyring, recovery, actor, now)
}

/// A new ring that the passphrase opens, with the device secret.
fn new_keys(device: &mut Device, new: &NewPassphrase) -> Result<Unlocked, Failure> {
    let mut rng = rand::rng();
    let mut keys = Keyring::create(&mut rng, &pocket_store::KEY_CODES);
    let secret = Key::generate(&mut rng);
    device.create_secret(keys.ring_id(), &secret)?;
    keys.set_passphrase(
        &mut rng,
        &new.derived,
        new.kdf.salt,
        new.kdf.params,
        Some(&secret),
    );
    Ok(keys)
}

/// The groups to read back as people count them, from 1.
pub(crate) fn groups(challenge: Option<[u8; 2]>) -> Option<(u8, u8)> {
    challenge.map(|[first, second]| (first.saturating_add(1), second.saturating_add(1)))
}
