//! What goes into a backup, read piece by piece while the device goes on.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use pocket_core::{Answer, BackupItem, Category, Document, Entry, Failure, Record, RecordId};
use pocket_store::Walk;

use super::sealing::Frames;
use super::{Backing, RECIPIENTS, ROWS, Stage, is_own_row, replaced};
use crate::engine::Now;
use crate::failure;
use crate::handle::Reply;
use crate::vault::rows::encode;
use crate::vault::{Slice, Vault};

/// Most bytes in one piece, unless a single record has more.
const MOST_PIECE: usize = 512 * 1024;
/// Bytes of a document that are read at once.
const CHUNK: usize = 256 * 1024;
/// Entries of the audit log that are read at once.
const ENTRIES: usize = 128;

impl Vault {
    /// The next frames of a backup: [`Answer::Done`] with the last.
    pub(crate) fn backup_piece(&mut self, id: RecordId, slice: &Slice, now: Now) -> Result<Reply, Failure> {
        let mut backing = self
            .backups
            .backing
            .take_if(|backing| backing.id == id)
            .ok_or_else(replaced)?;
        let mut frames = Frames::default();
        loop {
            let ended = self.backup_step(&mut backing, &mut frames, now)?;
            if ended || frames.0.len() >= MOST_PIECE || !slice.go_on() {
                self.backups.backing = Some(backing);
                let answer = if ended { Answer::Done } else { Answer::Upload(id) };
                return Ok(frames.reply(answer));
            }
        }
    }

    /// One thing more; `true` when that was all.
    fn backup_step(&self, backing: &mut Backing, frames: &mut Frames, now: Now) -> Result<bool, Failure> {
        if let Some((entry, offset)) = backing.file.take() {
            self.backup_chunk(backing, frames, entry, offset)?;
        } else if let Some(entry) = backing.queue.pop_front() {
            self.backup_entry(backing, frames, entry)?;
        } else if let Stage::Records(left, walk) = &mut backing.stage {
            match left.front().copied() {
                None => backing.stage = Stage::Rest,
                Some(category) => {
                    let walk = walk.get_or_insert_with(|| self.store.begin_walk(category));
                    if self.backup_walk(walk, &mut backing.queue)? {
                        backing.stage = Stage::Records(left.split_off(1), None);
                    }
                }
            }
        } else if let Some((category, id)) = backing.touched.pop_first() {
            match self
                .store
                .get(category, id)
                .map_err(|error| failure::store(&error))?
            {
                Some(entry) => backing.queue.push_back(entry),
                None => frames.add(&BackupItem::Removed(category, id), b"")?,
            }
        } else {
            let from = backing.audited.saturating_add(1);
            let entries = self.store.audit_from(from, ENTRIES);
            let entries = entries.map_err(|error| failure::store(&error))?;
            let Some(last) = entries.last() else {
                let facts = self.backup_facts(now)?;
                self.backup_rows(frames)?;
                frames.add(&BackupItem::End(Box::new(facts.clone())), b"")?;
                backing.facts = Some(facts);
                return Ok(true);
            };
            backing.audited = last.sequence;
            frames.add(&BackupItem::Audit(entries), b"")?;
        }
        Ok(false)
    }

    /// Reads some records; `true` at the end of the category.
    fn backup_walk(&self, walk: &mut Walk, queue: &mut VecDeque<Entry>) -> Result<bool, Failure> {
        let mut bytes = 0;
        let mut visit = |entry: Entry| {
            let record = entry.content.record();
            record.for_each_text(&mut |text| bytes += text.len());
            queue.push_back(entry);
            if bytes < CHUNK && queue.len() < ENTRIES {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        self.store
            .walk(walk, &mut visit)
            .map_err(|error| failure::store(&error))
    }

    fn backup_entry(&self, backing: &mut Backing, frames: &mut Frames, entry: Entry) -> Result<(), Failure> {
        if let Record::Document(document) = entry.content.record()
            && !document.sha256.is_empty()
        {
            let known = backing.files.get(&entry.id);
            if known.is_some_and(|known| *known != document.sha256) {
                return Err(replaced());
            }
            if known.is_none() {
                let head = file_head(entry.id, document);
                frames.add(&head, b"")?;
                backing.files.insert(entry.id, document.sha256.clone());
                backing.file = Some((entry, 0));
                return Ok(());
            }
        }
        self.backup_record(frames, entry)
    }

    fn backup_record(&self, frames: &mut Frames, entry: Entry) -> Result<(), Failure> {
        let (id, category) = (entry.id, entry.content.category());
        frames.add(&BackupItem::Record(Box::new(entry)), b"")?;
        if category == Category::Secrets
            && let Some(value) = self
                .store
                .secret_value(id)
                .map_err(|error| failure::store(&error))?
        {
            frames.add(&BackupItem::Value(id), value.expose_bytes())?;
        }
        Ok(())
    }

    fn backup_chunk(
        &self,
        backing: &mut Backing,
        frames: &mut Frames,
        entry: Entry,
        offset: u64,
    ) -> Result<(), Failure> {
        let read = self.store.read_blob(entry.id, offset, CHUNK);
        let (piece, size) = read
            .map_err(|error| failure::store(&error))?
            .ok_or_else(replaced)?;
        let read = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if !piece.is_empty() {
            frames.add(&BackupItem::Piece, &piece)?;
        }
        if read >= size {
            return self.backup_record(frames, entry);
        }
        if piece.is_empty() {
            return Err(replaced());
        }
        backing.file = Some((entry, read));
        Ok(())
    }

    fn backup_rows(&self, frames: &mut Frames) -> Result<(), Failure> {
        // In a row of its own: what else stands beside it is of this device alone.
        let name = RECIPIENTS.to_owned();
        frames.add(&BackupItem::Row { name }, &encode(&self.backups.kept.recipients))?;
        for prefix in ROWS {
            let names = self.store.system_names(prefix);
            for name in names.map_err(|error| failure::store(&error))? {
                let row = self.store.system(&name).map_err(|error| failure::store(&error))?;
                if let Some(row) = row.filter(|_| is_own_row(&name)) {
                    frames.add(&BackupItem::Row { name }, &row)?;
                }
            }
        }
        Ok(())
    }
}

fn file_head(id: RecordId, document: &Document) -> BackupItem {
    BackupItem::File {
        id,
        size: document.size,
        name: document.name.clone(),
    }
}
