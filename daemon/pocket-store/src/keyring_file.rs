//! The keyring on disk, twice: `keyring.a` and `keyring.b`, so that a bad block in one loses nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use pocket_core::Finding;
use pocket_crypto::Keyring;
use pocket_crypto::keyring::{KeyringError, MAX_FILE};
use thiserror::Error;

use crate::Folder;
use crate::atomic::{overwrite, read_if_there, write_atomically};

/// The two copies, in the order in which they are written.
pub(crate) const COPIES: [&str; 2] = ["keyring.a", "keyring.b"];
/// If one of these is there, then there was a keyring.
const TRACES: [&str; 3] = ["db", "heads", "blobs"];

/// A keyring that was read.
pub struct KeyringRead {
    /// The keyring, still locked.
    pub keyring: Keyring,
    /// One copy was missing, damaged or behind; it was written again from the other where that went.
    pub repaired: Option<Finding>,
}

/// Why there is no keyring to use. Never answered by making a new one.
#[derive(Debug, Error)]
pub enum KeyringFileError {
    /// Neither copy can be used.
    #[error(
        "the keyring is damaged: {problem}; bring keyring.a or keyring.b back from a backup, or reset the device"
    )]
    Damaged {
        /// What is wrong with the copies.
        problem: String,
    },
    /// The file system refused.
    #[error("can't {action} {path}: check the disk and its free space", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Written by a newer version; not touched.
    #[error("the keyring has format {found} and this version knows up to {known}: update the software")]
    Newer {
        /// Its format.
        found: u16,
        /// The newest known here.
        known: u16,
    },
    /// No copy is whole, and one is not given by the file system: nobody knows that it is damaged.
    #[error("the keyring can't be read: {path}: {source}", path = path.display())]
    Unread {
        /// The copy.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

enum Copy {
    Bad(KeyringError),
    Good(Keyring),
    Missing,
    /// A bad block reads as an input/output error; so does a card that is gone.
    Unread(io::Error),
}

impl Folder {
    /// Reads the keyring; `None` on a device that nobody owns yet. The whole copy with the higher
    /// counter counts, and the other is written again from it.
    ///
    /// # Errors
    /// See [`KeyringFileError`]. A missing keyring beside a store is damage.
    pub fn read_keyring(&self) -> Result<Option<KeyringRead>, KeyringFileError> {
        let [a, b] = [self.read_copy(COPIES[0])?, self.read_copy(COPIES[1])?];
        let damaged = |problem: String| Err(KeyringFileError::Damaged { problem });
        match (a, b) {
            (Copy::Missing, Copy::Missing) if TRACES.iter().any(|trace| self.join(trace).exists()) => {
                damaged("both copies are missing, but there is a store".to_owned())
            }
            (Copy::Missing, Copy::Missing) => Ok(None),
            (Copy::Good(a), Copy::Good(b)) if a == b => Ok(Some(KeyringRead {
                keyring: a,
                repaired: None,
            })),
            (Copy::Good(a), Copy::Good(b)) if a.ring_id() != b.ring_id() => {
                damaged("its two copies belong to two devices".to_owned())
            }
            (Copy::Good(a), Copy::Good(b)) if a.counter() >= b.counter() => {
                Ok(self.repair(1, a, "is behind the other copy"))
            }
            (Copy::Good(_), Copy::Good(b)) => Ok(self.repair(0, b, "is behind the other copy")),
            (Copy::Good(good), Copy::Missing) => Ok(self.repair(1, good, "is missing")),
            (Copy::Missing, Copy::Good(good)) => Ok(self.repair(0, good, "is missing")),
            (Copy::Good(good), Copy::Bad(error)) => Ok(self.repair(1, good, &error.to_string())),
            (Copy::Bad(error), Copy::Good(good)) => Ok(self.repair(0, good, &error.to_string())),
            (Copy::Good(good), Copy::Unread(_)) => Ok(self.repair(1, good, "can't be read")),
            (Copy::Unread(_), Copy::Good(good)) => Ok(self.repair(0, good, "can't be read")),
            (Copy::Unread(source), _) => Err(self.unread(0, source)),
            (_, Copy::Unread(source)) => Err(self.unread(1, source)),
            (a, b) => damaged(format!("{}: {}; {}: {}", COPIES[0], say(&a), COPIES[1], say(&b))),
        }
    }

    /// Writes both copies, one after the other, each atomically, and overwrites what the old copy held
    /// as soon as it is replaced, so that a key that was taken out of the ring is not left in freed blocks.
    ///
    /// # Errors
    /// [`KeyringFileError::Io`]; the keyring on disk is then the old one, the new one or one of each,
    /// all of which [`Folder::read_keyring`] understands.
    pub fn write_keyring(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        let bytes = keyring.to_bytes();
        for copy in COPIES {
            let old = OpenOptions::new().write(true).open(self.join(copy)).ok();
            self.write_copy(copy, &bytes)?;
            wipe(old);
        }
        Ok(())
    }

    fn read_copy(&self, copy: &str) -> Result<Copy, KeyringFileError> {
        let path = self.join(copy);
        let bytes = match read_if_there(&path, MAX_FILE as u64) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Copy::Missing),
            Err(error) => return Ok(Copy::Unread(error)),
        };
        match Keyring::parse(&bytes) {
            Ok(keyring) => Ok(Copy::Good(keyring)),
            Err(KeyringError::Newer { found, known }) => Err(KeyringFileError::Newer { found, known }),
            Err(error) => Ok(Copy::Bad(error)),
        }
    }

    fn unread(&self, copy: usize, source: io::Error) -> KeyringFileError {
        KeyringFileError::Unread {
            path: self.join(COPIES[copy]),
            source,
        }
    }

    /// The good copy, after writing the other again from it. Where that can't be written, on a full disk
    /// for example, the good one still opens the device.
    fn repair(&self, bad: usize, keyring: Keyring, problem: &str) -> Option<KeyringRead> {
        let copy = COPIES[bad];
        let old = OpenOptions::new().write(true).open(self.join(copy)).ok();
        let remedy = match self.write_copy(copy, &keyring.to_bytes()) {
            Ok(()) => {
                wipe(old);
                "nothing to do: it was written again from the other copy; if it happens again, replace the card"
            }
            Err(_) => {
                "it can't be written again, and may hold a key that was to be destroyed: make room on the disk, or check its permissions"
            }
        };
        let repaired = Some(Finding {
            what: copy.to_owned(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        });
        Some(KeyringRead { keyring, repaired })
    }

    fn write_copy(&self, copy: &str, bytes: &[u8]) -> Result<(), KeyringFileError> {
        let path = self.join(copy);
        write_atomically(&path, bytes, 0o600).map_err(|source| KeyringFileError::Io {
            action: "write",
            path,
            source,
        })
    }
}

/// Overwrites replaced copies. The new ring is in force whatever becomes of this, and flash may keep
/// the cells anyway, so a failure is no reason to tell the owner that the ring was not written.
fn wipe(old: impl IntoIterator<Item = File>) {
    for file in old {
        drop(overwrite(&file));
    }
}

fn say(copy: &Copy) -> String {
    match copy {
        Copy::Bad(error) => error.to_string(),
        Copy::Good(_) => "whole".to_owned(),
        Copy::Missing => "missing".to_owned(),
        Copy::Unread(error) => error.to_string(),
    }
}
