//! Questions as they are kept: what of them is content in the outbox, the rest in a row of the engine's own.

use pocket_core::{
    ActorRef, Category, Consent, ConsentState, Entry, Failure, Operation, Origin, Outbox, OutboxState,
    Record, RecordId,
};
use pocket_store::Changes;
use zeroize::Zeroizing;

use super::PREFIX;
use super::content::Content;
use crate::engine::Now;
use crate::failure;
use crate::vault::Vault;
use crate::vault::records::checked;
use crate::vault::rows::encode;

impl Vault {
    /// What a question holds.
    pub(super) fn question_content(&self, id: RecordId) -> Result<Content, Failure> {
        let mut bytes = Zeroizing::new(Vec::new());
        loop {
            let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let piece = self
                .store
                .read_blob(id, offset, Operation::MOST_CHUNK)
                .map_err(|error| failure::store(&error))?;
            let Some((piece, size)) = piece else {
                return Err(failure::not_found("question", "it was deleted from the outbox"));
            };
            bytes.extend_from_slice(&piece);
            if piece.is_empty() || u64::try_from(bytes.len()).is_ok_and(|length| length >= size) {
                return Content::decode(&bytes);
            }
        }
    }

    /// A question with all that it holds.
    pub(super) fn with_question(
        &self,
        changes: Changes,
        consent: &Consent,
        content: &Content,
        now: Now,
    ) -> Result<Changes, Failure> {
        let mut writer = self
            .store
            .begin_blob(Category::Outbox)
            .map_err(|error| failure::store(&error))?;
        writer
            .write(&content.encode())
            .map_err(|error| failure::store(&error))?;
        let (blob, _) = writer.finish().map_err(|error| failure::store(&error))?;
        let record = checked(Record::Outbox(Outbox {
            channel: consent.provider.to_string(),
            to: consent.place.to_string(),
            subject: consent.purpose.clone(),
            body: content.redacted(),
            state: outbox_state(&consent.state),
        }))?;
        let entry = Entry {
            id: consent.id,
            created: consent.asked,
            updated: now.wall,
            revision: 1,
            origin: match consent.asker {
                ActorRef::Agent(_) => Origin::Agent,
                _ => Origin::Owner,
            },
            content: record,
        };
        Ok(changes
            .put(entry, Some(blob))
            .put_system(&row_name(consent.id), encode(consent)))
    }

    /// A question that has come further.
    pub(super) fn with_state(&self, consent: &Consent, now: Now) -> Result<Changes, Failure> {
        let id = consent.id;
        let changes = Changes::new().put_system(&row_name(id), encode(consent));
        let entry = self
            .store
            .get(Category::Outbox, id)
            .map_err(|error| failure::store(&error))?;
        let Some(entry) = entry else {
            return Ok(changes);
        };
        let Record::Outbox(outbox) = entry.content.record() else {
            return Ok(changes);
        };
        let content = checked(Record::Outbox(Outbox {
            state: outbox_state(&consent.state),
            ..outbox.clone()
        }))?;
        let blob = self.store.blob_of(id).map_err(|error| failure::store(&error))?;
        let updated = now.wall;
        let revision = entry.revision.saturating_add(1);
        Ok(changes.put(
            Entry {
                content,
                updated,
                revision,
                ..entry
            },
            blob,
        ))
    }
}

pub(super) fn row_name(id: RecordId) -> String {
    format!("{PREFIX}{id}")
}

const fn outbox_state(state: &ConsentState) -> OutboxState {
    match state {
        ConsentState::Answered { .. } => OutboxState::Sent,
        ConsentState::Denied | ConsentState::Expired | ConsentState::Failed { .. } => OutboxState::Failed,
        ConsentState::Sending => OutboxState::Queued,
        ConsentState::Waiting => OutboxState::Draft,
    }
}
