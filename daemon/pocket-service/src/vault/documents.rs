//! The bytes of documents, piece by piece.

use std::time::{Duration, Instant};

use pocket_core::{Actor, ActorRef, Answer, Category, Failure, FailureKind, Operation, RecordId};
use pocket_crypto::SecretBytes;
use pocket_store::{BlobRef, BlobWriter};

use super::records::random_id;
use super::{Act, Vault};
use crate::failure;
use crate::handle::Reply;

/// Uploads under way at once: each holds an open file.
const MOST: usize = 8;
/// An upload that is not continued for so long is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// Uploads under way. Dropping one removes what had come in.
#[derive(Default)]
pub(crate) struct Uploads(Vec<Upload>);

struct Upload {
    id: RecordId,
    owner: ActorRef,
    writer: BlobWriter,
    size: u64,
    last: Instant,
}

impl Uploads {
    fn position(&self, actor: &Actor, id: RecordId) -> Result<usize, Failure> {
        let mine = |upload: &Upload| upload.id == id && upload.owner == actor.reference();
        self.0.iter().position(mine).ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                "no such upload is under way",
                "begin it again from the first byte",
            )
        })
    }

    /// The whole of an upload: the sealed file and the SHA-256 of its bytes.
    pub(super) fn finish(&mut self, actor: &Actor, id: RecordId) -> Result<(BlobRef, String), Failure> {
        let position = self.position(actor, id)?;
        self.0
            .remove(position)
            .writer
            .finish()
            .map_err(|error| failure::store(&error))
    }

    /// Gives up what was not continued.
    pub(super) fn expire(&mut self, now: Instant) {
        self.0
            .retain(|upload| now.saturating_duration_since(upload.last) < PATIENCE);
    }
}

/// The piece of a file that travels beside.
pub(super) fn piece(payload: Option<SecretBytes>) -> Result<SecretBytes, Failure> {
    let piece = payload.ok_or_else(|| failure::invalid("the piece is missing", "send it beside"))?;
    if piece.len() > Operation::MOST_CHUNK {
        return Err(failure::invalid(
            "the piece is too large",
            "send at most 1 MiB at a time",
        ));
    }
    Ok(piece)
}

impl Vault {
    pub(super) fn upload_begin(&mut self, actor: &Actor, act: Act) -> Result<Answer, Failure> {
        self.uploads.expire(act.now.steady);
        if self.uploads.0.len() >= MOST {
            return Err(Failure::new(
                FailureKind::Throttled,
                "too many uploads are under way",
                "wait until one of them is finished",
            ));
        }
        self.admit(act.permit, &[], act.now)?;
        let writer = self
            .store
            .begin_blob(Category::Documents)
            .map_err(|error| failure::store(&error))?;
        let id = random_id();
        self.uploads.0.push(Upload {
            id,
            owner: actor.reference(),
            writer,
            size: 0,
            last: act.now.steady,
        });
        Ok(Answer::Upload(id))
    }

    pub(super) fn upload_chunk(&mut self, actor: &Actor, act: Act, id: RecordId) -> Result<Answer, Failure> {
        let piece = piece(act.payload)?;
        let position = self.uploads.position(actor, id)?;
        self.admit(act.permit, &[], act.now)?;
        let upload = self
            .uploads
            .0
            .get_mut(position)
            .ok_or_else(|| failure::not_found("upload", "begin it again"))?;
        let size = u64::try_from(piece.len())
            .unwrap_or(u64::MAX)
            .saturating_add(upload.size);
        let written = if size > Operation::MOST_DOCUMENT {
            Err(failure::invalid("the document is larger than 1 GiB", "split it"))
        } else {
            upload
                .writer
                .write(piece.expose_bytes())
                .map_err(|error| failure::store(&error))
        };
        upload.last = act.now.steady;
        upload.size = size;
        if written.is_err() {
            // A piece that is missing in the middle can't be made good: the upload is given up.
            self.uploads.0.remove(position);
        }
        written.map(|()| Answer::Done)
    }

    pub(super) fn read_blob(&mut self, act: Act, id: RecordId, offset: u64) -> Result<Reply, Failure> {
        self.admit(act.permit, &[(Category::Documents, id)], act.now)?;
        self.existing(Category::Documents, id)?;
        let read = self
            .store
            .read_blob(id, offset, Operation::MOST_CHUNK)
            .map_err(|error| failure::store(&error))?;
        let (piece, size) =
            read.ok_or_else(|| failure::not_found("file", "the document has only text: read that"))?;
        Ok(Reply {
            answer: Answer::Blob { size },
            payload: Some(SecretBytes::new(piece.to_vec())),
        })
    }
}
