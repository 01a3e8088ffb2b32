//! A backup that is sent elsewhere. It is sealed onto the disk first, so that the owner's consent names its very
//! bytes; nothing else leaves. It counts as a backup once the place was seen to have all of it.

use std::fs::{File, OpenOptions, remove_file};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use pocket_core::audit::Outcome;
use pocket_core::{
    ActorRef, Answer, BackupFacts, BackupOffer, BackupPlace, BackupSending, CallFailure, Failure,
    FailureKind, Grant, OperationKind, PlaceProtocol, PlaceStep, Reason, RecordId, SendingState, Terms,
    decide_own,
};
use pocket_crypto::{Key, SecretBytes};
use pocket_grant::{Headers, Report};
use pocket_store::{Changes, StoreError};
use rand::Rng;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::{DRILL, Kept, ROW, replaced};
use crate::engine::Now;
use crate::failure;
use crate::handle::Reply;
use crate::keys::Device;
use crate::outbound::{Call, Way};
use crate::vault::records::random_id;
use crate::vault::rows::encode;
use crate::vault::{Act, Vault, amounts_of, event};

/// The row of where backups are sent.
pub(super) const PLACE: &str = "backup-place";
/// The row of the one that was sent last, or was to be: what it was, where to, and what came of it.
pub(super) const SENDING: &str = "backup-sending";
/// What the archive is called on the disk for the moment until it has no name any more.
const SPOOL: &str = "sending";
/// How long it may take; the profile ends it earlier.
const PATIENCE_MILLIS: u32 = 12 * 60 * 60 * 1000;
/// How long a gateway may take to begin.
const GRANTED: Duration = Duration::from_secs(60);

/// A backup that is sealed to be sent, waits for consent, or is on its way.
pub(in crate::vault) struct Sending {
    offer: BackupOffer,
    /// What opens it for a drill, once it counts.
    drill: Key,
    stage: Stage,
}

enum Stage {
    /// It comes piece by piece. The file has no name: however this ends, nothing of it is left.
    Sealing(File, Sha256),
    /// All of it is there: its digest, and what it says of itself.
    Offered(File, [u8; 32], BackupFacts),
    UnderWay(Running),
}

/// A call that sends it.
struct Running {
    id: RecordId,
    facts: BackupFacts,
    connected: bool,
    /// What the place answered last.
    answer: Option<(PlaceStep, u16)>,
    /// Whether it may still have something of it that does not count.
    left: bool,
    /// Dropped, it tells who carries the call that nobody wants it any more.
    _wanted: oneshot::Sender<()>,
}

impl Sending {
    /// What the owner sees of it; nothing before all of it is there.
    pub(super) fn shown(&self) -> Option<BackupSending> {
        let state = match &self.stage {
            Stage::Sealing(..) => return None,
            Stage::Offered(..) => SendingState::Offered,
            Stage::UnderWay(_) => SendingState::UnderWay,
        };
        Some(BackupSending {
            offer: self.offer.clone(),
            state,
        })
    }

    fn running(&mut self) -> Option<&mut Running> {
        match &mut self.stage {
            Stage::UnderWay(running) => Some(running),
            Stage::Sealing(..) | Stage::Offered(..) => None,
        }
    }
}

/// What came of the one before, as it is read back. One that was on its way ended with the device: what the place has
/// of it is not known.
pub(super) fn read_back(before: BackupSending) -> BackupSending {
    let state = match before.state {
        SendingState::UnderWay => SendingState::Failed {
            reason: CallFailure::Withdrawn,
            answer: None,
            left: true,
        },
        state => state,
    };
    BackupSending { state, ..before }
}

impl Vault {
    pub(in crate::vault) fn backup_place_set(
        &mut self,
        act: Act,
        place: BackupPlace,
    ) -> Result<Answer, Failure> {
        let place = place.checked().map_err(|error| {
            failure::invalid(error.to_string(), "see `pocketctl backup place set --help`")
        })?;
        self.secret_named(&place.secret)?;
        let changes = Changes::new().put_system(PLACE, encode(&place));
        self.commit(act.permit, &[], changes, act.now)?;
        self.backups.place = Some(place);
        Ok(Answer::Done)
    }

    pub(in crate::vault) fn backup_place_remove(&mut self, act: Act) -> Result<Answer, Failure> {
        self.backups.place.as_ref().ok_or_else(no_place)?;
        self.commit(act.permit, &[], Changes::new().remove_system(PLACE), act.now)?;
        self.backups.place = None;
        Ok(Answer::Done)
    }

    /// Begins a backup that is to be sent; the payload is as that of `backup_create`.
    pub(in crate::vault) fn backup_offer(
        &mut self,
        device: &Device,
        act: Act,
        name: &str,
    ) -> Result<Reply, Failure> {
        let place = self.backups.place.clone().ok_or_else(no_place)?;
        if !self.consents.has_gateway() {
            return Err(failure::refused(Reason::NoGateway));
        }
        self.is_free()?;
        self.secret_named(&place.secret)?;
        let to = place.address_of(name).ok_or_else(|| {
            failure::invalid(
                "an archive's name is 1 to 100 letters, digits and - . _ ~, and with its folder an address",
                "give another name",
            )
        })?;
        let file = spool(device.folder.path()).map_err(|error| not_written(&error))?;
        let drill = Key::generate(&mut rand::rng());
        let reply = self.backup_begin(act, &drill, Changes::new())?;
        self.backups.sending = Some(Sending {
            offer: BackupOffer {
                protocol: place.protocol,
                to,
                size: 0,
                sha256: String::new(),
            },
            drill,
            stage: Stage::Sealing(file, Sha256::new()),
        });
        Ok(reply)
    }

    /// Keeps the next bytes of the archive; all of it is given up where that fails.
    pub(crate) fn backup_spool(&mut self, piece: Option<Vec<u8>>) -> Result<Answer, Failure> {
        let Some(Sending {
            mut offer,
            drill,
            stage: Stage::Sealing(mut file, mut digest),
        }) = self.backups.sending.take()
        else {
            return Err(replaced());
        };
        let stage = if let Some(piece) = piece {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            offer.size = offer.size.saturating_add(length);
            self.has_room(offer.size, length)?;
            file.write_all(&piece).map_err(|error| not_written(&error))?;
            digest.update(&piece);
            Stage::Sealing(file, digest)
        } else {
            let finished = self.backups.backing.take_if(|backing| backing.facts.is_some());
            let facts = finished.and_then(|backing| backing.facts).ok_or_else(replaced)?;
            let sha256: [u8; 32] = digest.finalize().into();
            offer.sha256 = hex(&sha256);
            Stage::Offered(file, sha256, facts)
        };
        self.backups.sending = Some(Sending { offer, drill, stage });
        Ok(Answer::Done)
    }

    /// Whether so many more bytes find room. What the owner keeps must still find it.
    fn has_room(&self, whole: u64, length: u64) -> Result<(), Failure> {
        if whole > BackupPlace::MOST {
            return Err(failure::invalid(
                "the backup is longer than 4 GB: so long a one is not sent",
                "write it to a disk: `pocketctl backup create`",
            ));
        }
        let space = self.store.space().map_err(|error| failure::store(&error))?;
        if space.free < space.needed.saturating_add(length) {
            return Err(failure::store(&StoreError::Full(space)));
        }
        Ok(())
    }

    /// Sends the archive that waits, if it is the one that the owner was shown.
    pub(in crate::vault) fn backup_send(&mut self, act: Act, sha256: &str) -> Result<Answer, Failure> {
        let place = self.backups.place.clone().ok_or_else(no_place)?;
        let waits =
            self.backups.sending.as_ref().filter(|sending| {
                matches!(sending.stage, Stage::Offered(..)) && sending.offer.sha256 == sha256
            });
        let offer = waits.map(|sending| sending.offer.clone()).ok_or_else(|| {
            failure::not_found(
                "such backup that waits to be sent",
                "begin anew: `pocketctl backup send`",
            )
        })?;
        if !self.consents.has_gateway() {
            return Err(failure::refused(Reason::NoGateway));
        }
        let headers = self.login(&place)?;
        let carrier = self.outbound.place().ok_or_else(failure::busy)?;
        let begun = BackupSending {
            offer,
            state: SendingState::UnderWay,
        };
        let changes = Changes::new().put_system(SENDING, encode(&begun));
        let leave = self.commit_as(act.permit, &[], changes, Outcome::Done, act.now)?;
        // On disk before a byte leaves.
        self.sync()?;
        let Some(Sending {
            offer,
            drill,
            stage: Stage::Offered(file, digest, facts),
        }) = self.backups.sending.take()
        else {
            return Err(replaced());
        };
        let terms = terms(&offer, digest, act.now);
        let id = terms.id;
        let grant = Grant::new(leave, terms)
            .ok_or_else(|| failure::internal("a backup was to be sent without consent"))?;
        let (wanted, given_up) = oneshot::channel();
        carrier.send(Call {
            id,
            way: Way::Keep(grant, file),
            body: Vec::new(),
            headers,
            given_up,
        });
        let running = Running {
            id,
            facts,
            connected: false,
            answer: None,
            left: false,
            _wanted: wanted,
        };
        self.backups.sending = Some(Sending {
            offer,
            drill,
            stage: Stage::UnderWay(running),
        });
        Ok(Answer::Done)
    }

    fn login(&self, place: &BackupPlace) -> Result<Headers, Failure> {
        let mut headers = Headers::default();
        headers.push("user", SecretBytes::new(place.user.clone().into_bytes()));
        headers.push("password", self.secret_named(&place.secret)?);
        if let PlaceProtocol::S3 { region } = &place.protocol {
            headers.push("region", SecretBytes::new(region.clone().into_bytes()));
        }
        Ok(headers)
    }

    /// One at a time.
    fn is_free(&mut self) -> Result<(), Failure> {
        if self.backups.sending.as_mut().and_then(Sending::running).is_none() {
            return Ok(());
        }
        Err(Failure::new(
            FailureKind::Conflict,
            "a backup is on its way already",
            "wait for its end, or let nothing out any more: `pocketctl profile set OFFLINE_ONLY`",
        ))
    }

    /// Whether this call is the one that sends a backup.
    pub(in crate::vault) fn sends(&mut self, id: RecordId) -> bool {
        let running = self.backups.sending.as_mut().and_then(Sending::running);
        running.is_some_and(|running| running.id == id)
    }

    /// Takes what is reported of it.
    pub(in crate::vault) fn sending_told(&mut self, report: Report, now: Now) -> Result<bool, Failure> {
        let sending = self.backups.sending.as_mut();
        // A bucket has nothing before it has all of it; of a folder, who knows.
        let in_folder = sending
            .as_ref()
            .is_some_and(|sending| sending.offer.protocol == PlaceProtocol::Webdav);
        let Some(running) = sending.and_then(Sending::running) else {
            return Err(failure::not_found("call", "it was given up"));
        };
        match report {
            Report::Connected { .. } => {
                running.connected = true;
                running.left = in_folder;
                Ok(false)
            }
            Report::Step {
                step: PlaceStep::Remove,
                status,
            } => {
                running.left = !matches!(status, 200..=299 | 404 | 410);
                Ok(false)
            }
            Report::Step { step, status } => {
                running.answer = Some((step, status));
                if step == PlaceStep::Put && (200..=299).contains(&status) {
                    running.left = true;
                }
                Ok(false)
            }
            // Of no call of this kind.
            Report::Head { .. } | Report::Piece(_) => Ok(false),
            Report::Ended { sent, received } => self.sent((sent, received), now).map(|()| true),
            Report::Failed {
                reason,
                sent,
                received,
            } => self
                .end_sending(reason, Some((sent, received)), now)
                .map(|()| true),
        }
    }

    /// What may not leave any more, or never ends because the vault does, is given up; what waits for consent too.
    pub(in crate::vault) fn stop_sending(&mut self, now: Now) -> Result<bool, Failure> {
        let Some(sending) = &mut self.backups.sending else {
            return Ok(false);
        };
        if sending.running().is_some() {
            return self.end_sending(CallFailure::Withdrawn, None, now).map(|()| true);
        }
        self.backups.sending = None;
        Ok(true)
    }

    /// All of it was seen to lie there: it counts, unless a later one was written meanwhile.
    fn sent(&mut self, amounts: (u64, u64), now: Now) -> Result<(), Failure> {
        let Some(Sending {
            offer,
            drill,
            stage: Stage::UnderWay(Running { facts, .. }),
        }) = self.backups.sending.take()
        else {
            return Ok(());
        };
        let sent = BackupSending {
            offer,
            state: SendingState::Sent,
        };
        let mut changes = Changes::new().put_system(SENDING, encode(&sent));
        let mut kept = self.backups.kept.clone();
        if kept.last.is_none_or(|last| last < facts.made) {
            kept = Kept {
                last: Some(facts.made),
                unfinished: None,
                // It was another that was tried.
                drilled: None,
                newest: Some(facts),
                ..kept
            };
            changes = changes.put_system(DRILL, drill.expose_bytes().to_vec());
        }
        self.backups.sent = Some(sent);
        let permit = decide_own(OperationKind::BackupSent).map_err(failure::refused)?;
        let mut events = amounts_of(amounts, now);
        events.push(event(
            ActorRef::Device,
            OperationKind::CallEnd,
            None,
            Outcome::Done,
            now,
        ));
        self.note(events)?;
        self.commit(permit, &[], changes.put_system(ROW, encode(&kept)), now)?;
        self.backups.kept = kept;
        Ok(())
    }

    /// Writes down that it came to nothing, and how much went and came. Of a call that was cut off here it is not
    /// known how much was sent: once there was a connection, all of it counts.
    fn end_sending(
        &mut self,
        reason: CallFailure,
        amounts: Option<(u64, u64)>,
        now: Now,
    ) -> Result<(), Failure> {
        let Some(Sending {
            offer,
            stage: Stage::UnderWay(running),
            ..
        }) = self.backups.sending.take()
        else {
            return Ok(());
        };
        let perhaps = if running.connected { offer.size } else { 0 };
        let state = SendingState::Failed {
            reason,
            // Of what ended otherwise, the answer before tells nothing.
            answer: running.answer.filter(|_| reason == CallFailure::NotKept),
            left: running.left,
        };
        let failed = BackupSending { offer, state };
        let changes = Changes::new().put_system(SENDING, encode(&failed));
        // Whatever becomes of the record.
        self.backups.sent = Some(failed);
        self.note(amounts_of(amounts.unwrap_or((perhaps, 0)), now))?;
        let permit = decide_own(OperationKind::CallEnd).map_err(failure::refused)?;
        let outcome = Outcome::Failed(FailureKind::Unavailable);
        self.commit_as(permit, &[], changes, outcome, now).map(drop)
    }
}

/// A file in `folder` that has no name: the system takes it back when it is closed, in whatever way that comes.
fn spool(folder: &Path) -> io::Result<File> {
    let path = folder.join(SPOOL);
    // Left behind only by a power cut between the next two lines, and then empty.
    remove_file(&path).unwrap_or_default();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    remove_file(&path)?;
    Ok(file)
}

fn terms(offer: &BackupOffer, body_sha256: [u8; 32], now: Now) -> Terms {
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    Terms {
        id: random_id(),
        host: offer.to.host().to_owned(),
        port: offer.to.port(),
        path: offer.to.path().to_owned(),
        method: offer.protocol.method(),
        body_sha256,
        body_length: offer.size,
        most_answer: 0,
        patience_millis: PATIENCE_MILLIS,
        expires: now.wall.plus(GRANTED),
        nonce,
        pin: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_place() -> Failure {
    failure::not_found(
        "place where backups are sent",
        "set one: `pocketctl backup place set`",
    )
}

fn not_written(error: &io::Error) -> Failure {
    let (kind, remedy) = failure::disk(error);
    Failure::new(
        kind,
        format!("the backup could not be kept until it is sent: {error}"),
        remedy,
    )
}
