//! The factory reset, from the engine's side: the machine itself lies in the store.

use pocket_core::{Failure, FailureKind, ResetProof};
use pocket_crypto::Key;
use pocket_store::{ResetError, ResetRun};
use tracing::info;

use crate::engine::Now;
use crate::keys::Device;
use crate::vault::Vault;

/// Writes the journal: from here on the reset is finished whatever happens.
pub(crate) fn begin(device: &Device, vault: Option<&Vault>, now: Now) -> Result<ResetRun, Failure> {
    let run =
        ResetRun::begin(&device.folder, vault.map(Vault::store), now.wall).map_err(|error| failed(&error))?;
    info!("factory reset begun");
    Ok(run)
}

/// Finishes a reset, or undoes a setup, that was cut short. `true` when there was one.
pub(crate) fn resume(device: &mut Device, now: Now) -> Result<bool, Failure> {
    let pending = ResetRun::pending(&device.folder).map_err(|error| failed(&error))?;
    let undone = pending.is_none() && device.setup_was_cut();
    let run = match pending {
        None if undone => begin(device, None, now)?,
        None => return Ok(false),
        Some(run) => run,
    };
    let was_restore = device.restore_was_cut();
    finish(device, run, Vec::new(), now)?;
    if was_restore {
        device.find_cut_restore();
    }
    if undone {
        // Nobody's data was destroyed: there is nothing to prove.
        clear_proof(device)?;
    }
    Ok(true)
}

/// Goes through the steps to the end. `former` are the keys that the former owner had: after the reset
/// none of them may open anything.
pub(crate) fn finish(
    device: &mut Device,
    run: ResetRun,
    former: Vec<Key>,
    now: Now,
) -> Result<ResetProof, Failure> {
    // What the next owner's device could at most try: a key as it will have.
    let fresh = Key::generate(&mut rand::rng());
    let candidates: Vec<&Key> = std::iter::once(&fresh).chain(&former).collect();
    let place = run.ring_id().map(|ring_id| device.secret_place(ring_id));
    let proof = run
        .run(&device.folder, place.as_ref(), &candidates, now.wall)
        .map_err(|error| failed(&error))?;
    device.forget();
    info!(
        tried = proof.tried,
        opened = proof.opened,
        files_left = proof.files_left,
        "factory reset finished"
    );
    Ok(proof)
}

/// The proof of the last reset; `None` too when it can't be read, since it protects nothing.
pub(crate) fn proof(device: &Device) -> Option<ResetProof> {
    pocket_store::read_proof(&device.folder).ok().flatten()
}

/// The device has an owner again: the proof has served.
pub(crate) fn clear_proof(device: &Device) -> Result<(), Failure> {
    pocket_store::clear_proof(&device.folder).map_err(|error| failed(&error))
}

fn failed(error: &ResetError) -> Failure {
    Failure::new(
        FailureKind::Internal,
        error.to_string(),
        "check the disk and start the device again: a reset that was begun goes on by itself",
    )
}
