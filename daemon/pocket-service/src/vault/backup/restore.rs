//! What a backup held, brought back to a device that is still new. Until the end nobody can use it, and cut
//! anywhere before, the next start makes it new again.

use std::collections::HashMap;

use pocket_core::audit::Outcome;
use pocket_core::{
    ActorRef, Answer, BackupFacts, BackupItem, Category, Content, Entry, Failure, FailureKind, OperationKind,
    Reading, Record, RecordId, is_age_recipient,
};
use pocket_store::{BlobRef, BlobWriter, Changes};

use super::{Kept, MOST_RECIPIENTS, RECIPIENTS, ROW, is_own_row};
use crate::engine::Now;
use crate::failure;
use crate::vault::rows::{Stored, encode};
use crate::vault::{Vault, agents, event, press};

/// A device that is being made of a backup.
pub(crate) struct Restoring {
    vault: Vault,
    /// The documents' bytes that are here, each waiting for its record.
    files: HashMap<RecordId, BlobRef>,
    /// The file that is coming, and how many bytes are left.
    file: Option<(RecordId, BlobWriter, u64)>,
    facts: Option<BackupFacts>,
    /// To whom backups were sealed besides.
    recipients: Vec<String>,
    /// Whether the button of this device answers.
    has_button: bool,
}

impl Restoring {
    pub(crate) fn new(vault: Vault, has_button: bool) -> Self {
        Self {
            vault,
            files: HashMap::new(),
            file: None,
            facts: None,
            recipients: Vec::new(),
            has_button,
        }
    }

    /// Takes whole frames. What they say was checked by the program that opened the archive; what they are
    /// allowed to be is checked here.
    pub(crate) fn take(&mut self, mut frames: &[u8], now: Now) -> Result<Answer, Failure> {
        let mut changes = Changes::new();
        while let Some((length, rest)) = frames.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| garbled())?;
            let (body, rest) = rest.split_at_checked(length).ok_or_else(garbled)?;
            let (item, bytes) = postcard::take_from_bytes(body).map_err(|_| garbled())?;
            changes = self.item(changes, item, bytes)?;
            frames = rest;
        }
        if !changes.is_empty() {
            self.vault.restored(changes, now)?;
        }
        Ok(Answer::Done)
    }

    fn item(&mut self, changes: Changes, item: BackupItem, bytes: &[u8]) -> Result<Changes, Failure> {
        if self.facts.is_some() {
            return Err(garbled());
        }
        Ok(match item {
            BackupItem::Audit(_) => changes,
            BackupItem::End(facts) => {
                self.facts = Some(*facts);
                changes
            }
            BackupItem::File { id, size, .. } => {
                let writer = self.vault.store.begin_blob(Category::Documents);
                let writer = writer.map_err(|error| failure::store(&error))?;
                self.file = Some((id, writer, size));
                self.finish_file(changes)?
            }
            BackupItem::Piece => {
                let (_, writer, left) = self.file.as_mut().ok_or_else(garbled)?;
                writer.write(bytes).map_err(|error| failure::store(&error))?;
                let length = u64::try_from(bytes.len()).map_err(|_| garbled())?;
                *left = left.checked_sub(length).ok_or_else(garbled)?;
                self.finish_file(changes)?
            }
            BackupItem::Record(entry) => {
                let file = self.files.get(&entry.id).cloned();
                changes.put(to_read_again(*entry, file.is_some()), file)
            }
            BackupItem::Removed(category, id) => changes.remove(category, id),
            BackupItem::Row { name } if name == RECIPIENTS => {
                let Stored::V1(recipients) = postcard::from_bytes(bytes).map_err(|_| garbled())?;
                self.recipients = recipients;
                let most = self.recipients.len() <= MOST_RECIPIENTS;
                if !most || !self.recipients.iter().all(|one| is_age_recipient(one)) {
                    return Err(garbled());
                }
                changes
            }
            // Without a button that choice could never be taken back, nor anything be approved.
            BackupItem::Row { name } if name == press::ROW && !self.has_button => changes,
            BackupItem::Row { name } if is_own_row(&name) => {
                // A token that was revoked since would be good again.
                let row = agents::without_token(&name, bytes).ok_or_else(garbled)?;
                changes.put_system(&name, row)
            }
            BackupItem::Row { .. } => return Err(garbled()),
            BackupItem::Value(id) => {
                changes.put_secret_value(id, &pocket_crypto::SecretBytes::new(bytes.to_vec()))
            }
        })
    }

    fn finish_file(&mut self, changes: Changes) -> Result<Changes, Failure> {
        if let Some((id, writer, _)) = self.file.take_if(|(_, _, left)| *left == 0) {
            let (blob, _) = writer.finish().map_err(|error| failure::store(&error))?;
            self.files.insert(id, blob);
        }
        Ok(changes)
    }

    /// All came, and the archive proved whole: compares, and makes the device the owner's.
    pub(crate) fn finish(mut self, now: Now) -> Result<(Vault, u64), Failure> {
        let facts = self.facts.take().ok_or_else(garbled)?;
        for category in Category::ALL
            .into_iter()
            .filter(|category| category.holds_records())
        {
            let claimed = facts.counts.iter().find(|(of, _)| *of == category);
            let claimed = claimed.map_or(0, |(_, count)| *count);
            let found = self.vault.store.count(category);
            if found.map_err(|error| failure::store(&error))? != claimed {
                return Err(garbled());
            }
        }
        // Leases, consents and what was seen before are not in a backup. The epoch says that they ended.
        let kept = Kept {
            epoch: facts.epoch.saturating_add(1),
            recipients: self.recipients,
            ..Kept::default()
        };
        let changes = Changes::new().put_system(ROW, encode(&kept));
        self.vault.restored(changes, now)?;
        let mut done = event(
            ActorRef::Device,
            OperationKind::BackupRestore,
            None,
            Outcome::Done,
            now,
        );
        done.count = u32::try_from(facts.records()).unwrap_or(u32::MAX);
        self.vault.note(vec![done])?;
        self.vault.recall()?;
        self.vault.settle()?;
        Ok((self.vault, facts.records()))
    }
}

impl Vault {
    fn restored(&mut self, changes: Changes, now: Now) -> Result<(), Failure> {
        let permit = pocket_core::decide_own(OperationKind::BackupRestore).map_err(failure::refused)?;
        self.commit_grown(permit, &[], changes, now)?;
        self.sync()
    }
}

/// A preview is in no archive: the device makes it again, with the text.
fn to_read_again(entry: Entry, has_file: bool) -> Entry {
    let Record::Document(document) = entry.content.record() else {
        return entry;
    };
    let mut document = document.clone();
    document.reading = if has_file { Reading::Pending } else { Reading::None };
    Entry {
        // It was checked a moment ago, and no text of it was changed.
        content: Content::unsealed(Record::Document(document)),
        ..entry
    }
}

fn garbled() -> Failure {
    Failure::new(
        FailureKind::Damaged,
        "the backup does not hold what it says: nothing of it was kept",
        "use another copy of it, or an older one",
    )
}
