//! How is all that a device holds sealed into one archive, and opened again?
//!
//! An archive is an age file, so that the standard tool opens it, around a tar of open formats: JSON lines,
//! the documents' bytes, a manifest with the digest of each member, and what vouches for the manifest
//! (`docs/design/0005-backup.md`). The program of this crate is started for one job. It gets keys and bytes
//! on standard input, answers on standard output, and has given up everything else before it reads the first
//! byte: whatever an archive makes it do, there is no file, network or other process within its reach.
//!
//! This crate must never open a file, speak to a network, start a process, or print; never give
//! [`BackupItem::End`] for an archive that did not prove whole; and never keep a key.

mod frame;
mod layout;
mod manifest;
mod names;
mod open;
mod outside;
mod seal;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pocket_core::{BackupFault, BackupItem, BackupJob};
use pocket_crypto::Key;
use zeroize::Zeroizing;

/// Does the one job that `input` begins with; writes the answer to `out`.
///
/// # Errors
/// [`BackupFault`]: why not, as one of few words.
pub fn run(input: &mut impl Read, out: &mut impl Write) -> Result<(), BackupFault> {
    catch_unwind(AssertUnwindSafe(|| job(input, out))).unwrap_or(Err(BackupFault::Broke))
}

fn job(input: &mut impl Read, out: &mut impl Write) -> Result<(), BackupFault> {
    let body = frame::read(input)?.ok_or(BackupFault::Broke)?;
    let (job, keys) = postcard::take_from_bytes::<BackupJob>(&body).map_err(|_| BackupFault::Broke)?;
    match job {
        BackupJob::Inspect => answer(out, &outside::inspect(input)?),
        BackupJob::Name => {
            let [identity] = split(keys)?;
            let text = names::both(&identity);
            out.write_all(text.as_bytes()).map_err(|_| BackupFault::Broke)
        }
        BackupJob::Open => {
            let [identity, vouching] = split(keys)?;
            let report = open::open(input, &identity, &vouching, &mut |item, bytes| {
                frame::write(out, item, bytes)
            })?;
            frame::write(out, &BackupItem::End(Box::new(report.facts)), b"")
        }
        BackupJob::Seal { owner, others } => {
            let [vouching, drill] = split(keys)?;
            seal::seal(
                input,
                out,
                &names::recipients(&owner, &others, &drill)?,
                &vouching,
                usize::try_from(open::MOST_LINES).map_err(|_| BackupFault::Broke)?,
            )
        }
        BackupJob::Verify => {
            let [identity, vouching] = split(keys)?;
            answer(out, &open::open(input, &identity, &vouching, &mut |_, _| Ok(()))?)
        }
    }
}

fn answer(out: &mut impl Write, answer: &impl serde::Serialize) -> Result<(), BackupFault> {
    frame::write(out, answer, b"")
}

/// Keys of 32 bytes, and nothing else.
fn split<const N: usize>(bytes: &[u8]) -> Result<[Key; N], BackupFault> {
    let (keys, rest) = bytes.as_chunks::<32>();
    let keys: Vec<Key> = keys
        .iter()
        .map(|key| Key::from_bytes(*Zeroizing::new(*key)))
        .collect();
    match (keys.try_into(), rest) {
        (Ok(keys), []) => Ok(keys),
        _ => Err(BackupFault::Broke),
    }
}
