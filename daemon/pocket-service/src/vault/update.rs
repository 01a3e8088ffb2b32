//! A new release for the device itself, on its way to the program that can install it. That program is not
//! this one: what is written here is a bundle and a request, and what it says of itself is read back.

mod fetch;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use pocket_core::{Age, Answer, Failure, FailureKind, Operation, UpdateFault, UpdateOffer, UpdateStep};
use pocket_store::StoreError;
use pocket_store::atomic::write_atomically;

use super::documents::piece;
use super::{Act, Vault};
use crate::failure;
use crate::keys::Device;

pub(super) use fetch::{Fetching, forget_half};

/// Where a bundle is while it comes in.
const INCOMING: &str = "incoming";
/// Where it is once it is whole.
const OFFERED: &str = "offered";

/// A bundle that comes in.
pub(super) struct Incoming {
    file: File,
    path: PathBuf,
    size: u64,
}

/// What was given up takes no room.
impl Drop for Incoming {
    fn drop(&mut self) {
        fs::remove_file(&self.path).unwrap_or_default();
    }
}

impl Vault {
    pub(super) fn update_chunk(&mut self, device: &Device, act: Act, offset: u64) -> Result<Answer, Failure> {
        let spool = device.updates()?.spool.clone();
        is_free(device)?;
        if self.is_fetching() {
            return Err(fetch::under_way());
        }
        let piece = piece(act.payload)?;
        self.admit(act.permit, &[], act.now)?;
        let former = self.incoming.take();
        self.incoming = if offset == 0 {
            self.fetching = None;
            // Its file has the name that the next one takes.
            drop(former);
            Some(begin(spool.join(INCOMING))?)
        } else {
            former.filter(|former| former.size == offset)
        };
        self.keep_piece(piece.expose_bytes())?;
        Ok(Answer::Done)
    }

    /// Keeps the next bytes of a bundle; all of it is given up where that fails.
    fn keep_piece(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut incoming = self.incoming.take().ok_or_else(interrupted)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.find_room(length, incoming.size)?;
        let written = incoming.file.write_all(bytes);
        written.map_err(|error| not_written(&error))?;
        incoming.size = incoming.size.saturating_add(length);
        self.incoming = Some(incoming);
        Ok(())
    }

    /// Whether so many more bytes find room behind those that are there. All of them need it twice: whoever
    /// looks at a bundle copies it first. And what the owner keeps must still find room.
    fn find_room(&self, length: u64, there: u64) -> Result<(), Failure> {
        let whole = there.saturating_add(length);
        if whole > Operation::MOST_DOCUMENT {
            return Err(failure::invalid(
                "the bundle is larger than 1 GiB",
                "this is no bundle for this device",
            ));
        }
        let space = self.store.space().map_err(|error| failure::store(&error))?;
        if space.free < space.needed.saturating_add(length).saturating_add(whole) {
            return Err(failure::store(&StoreError::Full(space)));
        }
        Ok(())
    }

    pub(super) fn update_offer(&mut self, device: &Device, act: Act) -> Result<Answer, Failure> {
        device.updates()?;
        is_free(device)?;
        if self.is_fetching() {
            return Err(fetch::under_way());
        }
        if self.incoming.is_none() {
            return Err(interrupted());
        }
        self.admit(act.permit, &[], act.now)?;
        self.hand_in(device)?;
        Ok(Answer::Done)
    }

    /// Has the bundle that came in looked at.
    fn hand_in(&mut self, device: &Device) -> Result<(), Failure> {
        let spool = &device.updates()?.spool;
        let incoming = self.incoming.take().ok_or_else(interrupted)?;
        // On the disk before anything comes of it.
        self.sync()?;
        let handed = incoming
            .file
            .sync_all()
            .and_then(|()| fs::rename(spool.join(INCOMING), spool.join(OFFERED)))
            .and_then(|()| write_atomically(&device.updates_request(spool), b"look\n", 0o600));
        handed.map_err(|error| not_written(&error))
    }

    pub(super) fn update_install(
        &mut self,
        device: &Device,
        act: Act,
        (sha256, older): (&str, bool),
    ) -> Result<Answer, Failure> {
        let spool = &device.updates()?.spool;
        let offer = installable(device, sha256, older)?;
        self.admit(act.permit, &[], act.now)?;
        self.sync()?;
        let word = if older { "older" } else { "newer" };
        let request = format!("install {} {word}\n", offer.sha256);
        let asked = write_atomically(&device.updates_request(spool), request.as_bytes(), 0o600);
        asked.map_err(|error| not_written(&error))?;
        Ok(Answer::Done)
    }
}

/// The release that is offered, if it may be installed now and is the one that was shown.
pub(super) fn installable(device: &Device, sha256: &str, older: bool) -> Result<UpdateOffer, Failure> {
    let status = device.update_status().ok_or_else(unknown)?;
    if !status.good {
        return Err(Failure::new(
            FailureKind::Conflict,
            UpdateFault::OnTrial.reason(),
            "unlock the device, and wait until it has shown that: pocketctl update show",
        ));
    }
    let offer = status.offer().filter(|offer| offer.sha256 == sha256);
    let offer = offer.ok_or_else(|| {
        Failure::new(
            FailureKind::Conflict,
            "this is not the release that is offered now",
            "look again at what is offered, and decide on that",
        )
    })?;
    if offer.age == Age::Older && !older {
        return Err(Failure::new(
            FailureKind::Conflict,
            format!(
                "release {} is older than {}, which runs: flaws that were mended may be back",
                offer.release, status.release
            ),
            "if you mean it, say so: tick the box on the page, or --older",
        ));
    }
    Ok(offer.clone())
}

fn begin(path: PathBuf) -> Result<Incoming, Failure> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path);
    let file = opened.map_err(|error| not_written(&error))?;
    Ok(Incoming { file, path, size: 0 })
}

/// One at a time: what is being looked at or installed is not pulled away.
fn is_free(device: &Device) -> Result<(), Failure> {
    match device.update_status().ok_or_else(unknown)?.step {
        UpdateStep::Failed(_) | UpdateStep::Idle | UpdateStep::Offered(_) => Ok(()),
        UpdateStep::Installed(_) | UpdateStep::Installing(_) | UpdateStep::Looking => Err(Failure::new(
            FailureKind::Conflict,
            "an update is under way already",
            "wait for its end: pocketctl update show",
        )),
    }
}

fn interrupted() -> Failure {
    Failure::new(
        FailureKind::Conflict,
        "this bundle was not sent in one go, or another one was begun",
        "send it again from its first byte",
    )
}

fn unknown() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "the part of the system that installs updates says nothing that is understood",
        "start the device again, or update it by a stick (docs/flashing.md)",
    )
}

fn not_written(error: &io::Error) -> Failure {
    let (kind, remedy) = failure::disk(error);
    Failure::new(kind, format!("the update could not be kept: {error}"), remedy)
}
