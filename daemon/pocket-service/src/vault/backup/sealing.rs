//! What a backup is sealed with, and what is said to the program that seals it.

use pocket_core::{Answer, Failure};
use pocket_crypto::{Key, RecoveryKey, SecretBytes, backup};
use pocket_store::Changes;
use serde::Serialize;

use super::KEY;
use crate::failure;
use crate::handle::Reply;

/// What backups are sealed with.
pub(crate) struct BackupKey {
    pub(super) public: [u8; 32],
    pub(super) vouching: Key,
}

impl BackupKey {
    pub(crate) fn of(recovery: &RecoveryKey) -> Self {
        Self {
            public: backup::public(&recovery.backup_identity()),
            vouching: recovery.backup_vouching(),
        }
    }

    /// The change that keeps it, together with the ring of which the recovery key is.
    pub(in crate::vault) fn put(&self, changes: Changes, mark: Option<[u8; 32]>) -> Changes {
        match mark {
            Some(mark) => changes.put_system(KEY, self.row(mark)),
            None => changes,
        }
    }

    pub(super) fn row(&self, mark: [u8; 32]) -> Vec<u8> {
        [self.public, *self.vouching.expose_bytes(), mark].concat()
    }

    pub(super) fn from_row(row: &[u8], mark: [u8; 32]) -> Option<Self> {
        let [public, vouching, of] = row.as_chunks::<32>().0 else {
            return None;
        };
        (*of == mark).then(|| Self {
            public: *public,
            vouching: Key::from_bytes(*vouching),
        })
    }
}

/// Frames for the program that seals.
#[derive(Default)]
pub(super) struct Frames(pub(super) Vec<u8>);

impl Frames {
    pub(super) fn add(&mut self, value: &impl Serialize, bytes: &[u8]) -> Result<(), Failure> {
        let head = postcard::to_stdvec(value).map_err(|_| failure::internal("a backup can't be encoded"))?;
        let length = u32::try_from(head.len().saturating_add(bytes.len()));
        let length = length.map_err(|_| failure::internal("a backup can't be encoded"))?;
        for part in [length.to_le_bytes().as_slice(), &head, bytes] {
            self.0.extend_from_slice(part);
        }
        Ok(())
    }

    pub(super) fn reply(self, answer: Answer) -> Reply {
        Reply {
            answer,
            payload: Some(SecretBytes::new(self.0)),
        }
    }
}
