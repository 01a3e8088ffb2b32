//! The first run: the setup code, and making the device someone's.

use pocket_core::{ActorRef, Answer, Attempts, Failure, FailureKind, Operation, Reason, ResetProof};
use pocket_crypto::{Key, Keyring, SecretBytes, token};
use tracing::info;

use crate::engine::{Now, State};
use crate::failure;
use crate::handle::{Reply, Request};
use crate::keys::Device;
use crate::passphrase::NewPassphrase;
use crate::reset;
use crate::vault::Vault;

/// A device that no one owns yet.
pub(crate) struct FirstRun {
    code: SecretBytes,
    guesses: Attempts,
    proof: Option<ResetProof>,
}

impl FirstRun {
    /// With a setup code that no one has seen: it is new with each start.
    pub(crate) fn new(proof: Option<ResetProof>) -> Self {
        Self {
            code: token::setup_code(&mut rand::rng()),
            guesses: Attempts::default(),
            proof,
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
            Operation::Setup => match self.set_up(device, &request, new, now) {
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
        let wait = self.guesses.wait(now.wall);
        if !wait.is_zero() {
            return Err(failure::throttled(wait.as_secs().max(1)));
        }
        let typed = request
            .payload
            .as_ref()
            .and_then(|code| code.expose_str().ok())
            .unwrap_or_default();
        if !token::setup_code_matches(&self.code, typed) {
            self.guesses = self.guesses.failed(now.wall);
            return Err(Failure::new(
                FailureKind::WrongCredential,
                "this is not the setup code",
                "read it on the device's console or journal, or type `pocketctl setup-code`",
            ));
        }
        let new =
            new.ok_or_else(|| failure::invalid("the passphrase is missing", "choose one and send it"))?;
        let made = make(device, request.actor.reference(), &new, now);
        if made.is_err() {
            // Undone at once, so that the owner can try again.
            reset::resume(device, now)?;
        }
        made
    }
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
    device.mark_setup()?;
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
    let recovery = keys.set_recovery(&mut rng);
    let keyring = keys.to_keyring(&mut rng).map_err(failure::edit)?;
    device.write_keyring(&keyring)?;
    let groups = groups(keys.recovery_challenge());
    let vault = Vault::create(device, keys, keyring, actor, now)?;
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

/// The groups to read back as people count them, from 1.
pub(crate) fn groups(challenge: Option<[u8; 2]>) -> Option<(u8, u8)> {
    challenge.map(|[first, second]| (first.saturating_add(1), second.saturating_add(1)))
}
