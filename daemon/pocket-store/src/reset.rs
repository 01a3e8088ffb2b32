//! The factory reset, on disk: keys first, and a journal so that a cut at any point is taken up again.
//!
//! `reset.journal`: `"PAIRSET\0" | version u16 little-endian | postcard | SHA-256 of all before`. It is
//! written before anything is destroyed, and moved on after each step; each step can be repeated. A
//! journal that can't be read means that a reset was begun: it begins again at the first step.
//!
//! The journal holds a few sealed rows for the proof, and never the keyring: a copy of that would open
//! with the recovery key until the last step. The keyring is tried from memory, in the process that
//! began the reset; after a power cut there is none left to try.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pocket_core::{ResetProof, ResetStep, Timestamp};
use pocket_crypto::keyring::SlotKind;
use pocket_crypto::{Context, Key, Keyring, Sealer, labels};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::atomic::{overwrite_and_remove, read_if_there, remove_durably, sync_folder, write_atomically};
use crate::attempts::ATTEMPTS;
use crate::blob::BLOBS;
use crate::database::{DAMAGED, DB};
use crate::heads::HEADS;
use crate::keyring_file::COPIES;
use crate::{DeviceSecretError, DeviceSecretPlace, Folder, Store};

/// The reserve of room that the store keeps.
const BALLAST: &str = "ballast";
const JOURNAL: &str = "reset.journal";
const PROOF: &str = "reset.proof";
const MAGIC: &[u8; 8] = b"PAIRSET\0";
const VERSION: u16 = 1;
const CHECKSUM: usize = 32;
/// A journal is a few sealed rows; a longer file is none.
const LONGEST: u64 = 1024 * 1024;
/// Sealed rows that are kept for the proof.
const SAMPLES: usize = 8;
/// What a new device has in its folder.
const OF_A_NEW_DEVICE: [&str; 5] = ["VERSION", "lock", "run", JOURNAL, PROOF];

/// Why the reset could not go on. It can be tried again at any time.
#[derive(Debug, Error)]
pub enum ResetError {
    /// The proof of the last reset can't be read.
    #[error("the proof of the last reset is damaged: set the device up, or remove {path}", path = path.display())]
    DamagedProof {
        /// The file.
        path: PathBuf,
    },
    /// The device secret can't be destroyed.
    #[error("the reset can't go on")]
    DeviceSecret(#[from] DeviceSecretError),
    /// The file system refused.
    #[error("the reset can't {action} {path}: check the card, then try again", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ResetError {
    fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// A factory reset that was begun.
#[must_use]
pub struct ResetRun {
    journal: JournalV1,
    /// Only in the process that began it.
    keyring: Option<Keyring>,
}

#[derive(Deserialize, Serialize)]
struct JournalV1 {
    step: ResetStep,
    begun: Timestamp,
    ring_id: Option<[u8; 16]>,
    samples: Vec<SampleV1>,
}

/// A sealed row, and what it is bound to.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct SampleV1 {
    pub(crate) category: u8,
    pub(crate) generation: u32,
    pub(crate) id: Vec<u8>,
    pub(crate) schema: u16,
    pub(crate) sealed: Vec<u8>,
}

impl ResetRun {
    /// Begins a reset: from here on there is no way back, also after a power cut. Nothing is destroyed
    /// yet; drop the store, then call [`ResetRun::run`]. `store` gives sealed rows for the proof; a
    /// reset from the locked state has none.
    ///
    /// # Errors
    /// [`ResetError::Io`]: the device is then as it was.
    pub fn begin(folder: &Folder, store: Option<&Store>, now: Timestamp) -> Result<Self, ResetError> {
        // What can't be read can't be tried either; it is destroyed all the same.
        let keyring = folder.read_keyring().ok().flatten().map(|read| read.keyring);
        let journal = JournalV1 {
            step: ResetStep::FIRST,
            begun: now,
            ring_id: keyring.as_ref().map(Keyring::ring_id),
            samples: store.map(|store| store.samples(SAMPLES)).unwrap_or_default(),
        };
        let run = Self { journal, keyring };
        match run.save(folder) {
            Err(error) if error.is_full() => run.save_on_full_disk(folder)?,
            saved => saved?,
        }
        Ok(run)
    }

    /// The reset that was begun and not finished, if there is one. To be looked for before anything
    /// else is read from the folder.
    ///
    /// # Errors
    /// [`ResetError::Io`].
    pub fn pending(folder: &Folder) -> Result<Option<Self>, ResetError> {
        let path = folder.join(JOURNAL);
        let bytes = read_if_there(&path, LONGEST).map_err(ResetError::io("read", &path))?;
        Ok(bytes.map(|bytes| {
            let journal = decode(&bytes).unwrap_or_else(|| JournalV1 {
                step: ResetStep::FIRST,
                begun: Timestamp::default(),
                ring_id: None,
                samples: Vec::new(),
            });
            let keyring = folder.read_keyring().ok().flatten().map(|read| read.keyring);
            Self { journal, keyring }
        }))
    }

    /// The ring whose device secret must go, where it is known: for [`DeviceSecretPlace::choose`].
    pub fn ring_id(&self) -> Option<[u8; 16]> {
        self.journal
            .ring_id
            .or_else(|| self.keyring.as_ref().map(Keyring::ring_id))
    }

    /// When it was begun.
    pub fn begun(&self) -> Timestamp {
        self.journal.begun
    }

    /// Takes the reset to its end and leaves the proof in the folder. The store must be closed.
    /// `place` is where the device secret lies, when the ring is still known. `candidates` is every key
    /// that is left, the new device's own first: each is tried on the old sealed data, alone and
    /// together with the new device's. No two of the former owner's are tried together: passphrase
    /// and device secret do open it, which is why the secret is destroyed.
    ///
    /// # Errors
    /// [`ResetError`]; what was destroyed stays destroyed, and the reset stays pending.
    pub fn run(
        mut self,
        folder: &Folder,
        place: Option<&DeviceSecretPlace>,
        candidates: &[&Key],
        now: Timestamp,
    ) -> Result<ResetProof, ResetError> {
        loop {
            self.perform(folder, place)?;
            let Some(next) = self.journal.step.next() else {
                break;
            };
            self.journal.step = next;
            match self.save(folder) {
                // The older journal stays: after a cut, a step is done twice.
                Err(error) if error.is_full() => {}
                saved => saved?,
            }
        }
        let proof = self.prove(folder, place, candidates, now)?;
        let path = folder.join(PROOF);
        let bytes = encode(&proof);
        write_atomically(&path, &bytes, 0o600).map_err(ResetError::io("write", &path))?;
        let journal = folder.join(JOURNAL);
        overwrite_and_remove(&journal).map_err(ResetError::io("remove", &journal))?;
        Ok(proof)
    }

    fn perform(&self, folder: &Folder, place: Option<&DeviceSecretPlace>) -> Result<(), ResetError> {
        match self.journal.step {
            ResetStep::DeviceSecret => {
                let destroyed = place.map_or(Ok(()), DeviceSecretPlace::destroy);
                if destroyed.is_err() {
                    // Its storage may be read-only. The other half of the keys goes all the same.
                    remove_keyring(folder)?;
                }
                Ok(destroyed?)
            }
            ResetStep::Keyring => remove_keyring(folder),
            ResetStep::Heads => remove_all(folder, |name| name == HEADS || name == ATTEMPTS),
            ResetStep::Blobs => remove_all(folder, |name| name == BLOBS),
            ResetStep::Store => remove_all(folder, |name| name == DB || name.starts_with(DAMAGED)),
            // Again before the proof: a cut may have left the temporary file of the proof itself.
            ResetStep::Remains | ResetStep::Proof => {
                remove_all(folder, |name| !OF_A_NEW_DEVICE.contains(&name))
            }
        }
    }

    fn prove(
        &self,
        folder: &Folder,
        place: Option<&DeviceSecretPlace>,
        candidates: &[&Key],
        now: Timestamp,
    ) -> Result<ResetProof, ResetError> {
        let mut proof = ResetProof {
            at: now,
            samples: 0,
            tried: 0,
            opened: 0,
            files_left: files_left(folder, place)?,
        };
        if let Some(keyring) = &self.keyring {
            for key in candidates {
                let attempts = match candidates {
                    [own, ..] if !own.matches(key) => keyring.attempt_all(&[*own, *key]),
                    _ => keyring.attempt_all(&[*key]),
                };
                proof.tried = proof.tried.saturating_add(attempts.tried);
                proof.opened = proof.opened.saturating_add(attempts.opened);
            }
            let slots = [SlotKind::Passphrase, SlotKind::Device, SlotKind::Recovery];
            let slots = slots.into_iter().filter(|kind| keyring.has_slot(*kind)).count();
            proof.samples = proof.samples.saturating_add(count(slots.saturating_add(1)));
        }
        for sample in &self.journal.samples {
            proof.samples = proof.samples.saturating_add(1);
            for key in candidates {
                for opened in sample.try_key(key) {
                    proof.tried = proof.tried.saturating_add(1);
                    proof.opened = proof.opened.saturating_add(u32::from(opened));
                }
            }
        }
        Ok(proof)
    }

    /// Gives the reserve up and tries again. Where even that does not help, the reset goes on without a
    /// journal: destroying needs no room, and a device whose keyring is gone opens nothing. Cut before
    /// its end, it is found damaged and can be reset again.
    fn save_on_full_disk(&self, folder: &Folder) -> Result<(), ResetError> {
        let ballast = folder.join(BALLAST);
        remove_durably(&ballast).map_err(ResetError::io("remove", &ballast))?;
        nix::unistd::sync();
        match self.save(folder) {
            Err(error) if error.is_full() => Ok(()),
            saved => saved,
        }
    }

    fn save(&self, folder: &Folder) -> Result<(), ResetError> {
        let path = folder.join(JOURNAL);
        write_atomically(&path, &encode(&self.journal), 0o600).map_err(ResetError::io("write", &path))
    }
}

/// The proof of the last reset, until someone sets the device up.
///
/// # Errors
/// [`ResetError::DamagedProof`], [`ResetError::Io`].
pub fn read_proof(folder: &Folder) -> Result<Option<ResetProof>, ResetError> {
    let path = folder.join(PROOF);
    let bytes = read_if_there(&path, LONGEST).map_err(ResetError::io("read", &path))?;
    bytes
        .map(|bytes| decode(&bytes).ok_or(ResetError::DamagedProof { path }))
        .transpose()
}

/// Removes the proof: the device has an owner again.
///
/// # Errors
/// [`ResetError::Io`].
pub fn clear_proof(folder: &Folder) -> Result<(), ResetError> {
    let path = folder.join(PROOF);
    remove_durably(&path).map_err(ResetError::io("remove", &path))
}

impl SampleV1 {
    /// Tries a key as the one that sealed the row, and as the category key that it came from.
    fn try_key(&self, key: &Key) -> [bool; 2] {
        let context = Context {
            category: self.category,
            generation: self.generation,
            id: &self.id,
            schema: self.schema,
        };
        let opens = |key: &Key| Sealer::new(key).open(&context, &self.sealed).is_ok();
        [opens(key), opens(&key.derive(labels::RECORD_SEAL, &[]))]
    }
}

fn remove_keyring(folder: &Folder) -> Result<(), ResetError> {
    for copy in COPIES {
        for path in [folder.join(copy), folder.join(&format!(".{copy}.tmp"))] {
            overwrite_and_remove(&path).map_err(ResetError::io("destroy", &path))?;
        }
    }
    Ok(())
}

/// Removes everything at the top of the folder whose name matches.
fn remove_all(folder: &Folder, matches: impl Fn(&str) -> bool) -> Result<(), ResetError> {
    for path in top_level(folder)? {
        // A name that is no text can't be one of ours to keep.
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if matches(name) {
            let removed = if path.is_dir() && !path.is_symlink() {
                fs::remove_dir_all(&path)
            } else {
                fs::remove_file(&path)
            };
            removed.map_err(ResetError::io("remove", &path))?;
        }
    }
    sync_folder(folder.path()).map_err(ResetError::io("sync", folder.path()))
}

fn files_left(folder: &Folder, place: Option<&DeviceSecretPlace>) -> Result<u32, ResetError> {
    let foreign = |path: &PathBuf| {
        path.file_name()
            .is_none_or(|name| !OF_A_NEW_DEVICE.iter().any(|ours| name == *ours))
    };
    let left = top_level(folder)?.iter().filter(|path| foreign(path)).count();
    let secret = usize::from(place.is_some_and(DeviceSecretPlace::exists));
    Ok(count(left.saturating_add(secret)))
}

fn top_level(folder: &Folder) -> Result<Vec<PathBuf>, ResetError> {
    let entries = fs::read_dir(folder.path()).map_err(ResetError::io("list", folder.path()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths
        .collect::<Result<_, _>>()
        .map_err(ResetError::io("list", folder.path()))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend(postcard::to_stdvec(value).expect("encoding into memory can't fail"));
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Reads `bytes` as a journal and as a proof, also with a checksum that fits.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_any(bytes: &[u8]) {
    let mut framed = MAGIC.to_vec();
    framed.extend_from_slice(&VERSION.to_le_bytes());
    framed.extend_from_slice(bytes);
    let checksum = Sha256::digest(&framed);
    framed.extend_from_slice(&checksum);
    for bytes in [bytes, &framed] {
        let journal = decode::<JournalV1>(bytes).map(|journal| encode(&journal));
        let proof = decode::<ResetProof>(bytes).map(|proof| encode(&proof));
        std::hint::black_box((journal, proof));
    }
}

fn decode<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Option<T> {
    let (covered, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if Sha256::digest(covered).as_slice() != checksum {
        return None;
    }
    let (version, body) = covered.strip_prefix(MAGIC)?.split_first_chunk::<2>()?;
    (*version == VERSION.to_le_bytes()).then(|| postcard::from_bytes(body).ok())?
}
