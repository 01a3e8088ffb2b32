//! The count of wrong guesses, sealed under the device secret so that it survives a restart and
//! can't be turned back without being noticed.

use std::io;
use std::path::Path;

use pocket_core::{Attempts, Timestamp};
use pocket_crypto::{Context, Key, Sealer, labels};

use crate::atomic::{read_if_there, write_atomically};
use crate::keyring_file::COPIES;
use crate::{Folder, FolderError};

/// The file's name.
pub(crate) const ATTEMPTS: &str = "attempts";
/// Format of the file, bound into its seal.
const SCHEMA: u16 = 1;
/// Free guesses are gone after as many; the next one is let in after the shortest wait.
const WHEN_UNREADABLE: u32 = 5;

impl Folder {
    /// Reads the count. Damage never fails: what can't be read counts as five wrong guesses, which
    /// slows a guesser down and locks no owner out. Without a keyring there is nothing to guess, and a
    /// missing file counts none.
    pub fn read_attempts(&self, device: &Key) -> Attempts {
        match read_if_there(&self.join(ATTEMPTS), 4096) {
            Ok(Some(sealed)) => open(device, &sealed).unwrap_or_else(throttled),
            Ok(None) if !COPIES.iter().any(|copy| self.join(copy).exists()) => Attempts::default(),
            Ok(None) | Err(_) => throttled(),
        }
    }

    /// Writes the count, and returns when it is on the disk.
    ///
    /// # Errors
    /// [`FolderError::Io`]: the guess must then not be tried.
    pub fn write_attempts(&self, device: &Key, attempts: Attempts) -> Result<(), FolderError> {
        let path = self.join(ATTEMPTS);
        write(&path, device, attempts).map_err(FolderError::io("write", &path))
    }
}

fn write(path: &Path, device: &Key, attempts: Attempts) -> io::Result<()> {
    let plain = postcard::to_stdvec(&attempts).map_err(io::Error::other)?;
    let sealed = sealer(device).seal(&mut rand::rng(), &context(), &plain);
    write_atomically(path, &sealed, 0o600)
}

fn open(device: &Key, sealed: &[u8]) -> Option<Attempts> {
    let plain = sealer(device).open(&context(), sealed).ok()?;
    postcard::from_bytes(&plain).ok()
}

fn throttled() -> Attempts {
    (0..WHEN_UNREADABLE).fold(Attempts::default(), |attempts, _| {
        attempts.failed(Timestamp::default())
    })
}

fn sealer(device: &Key) -> Sealer {
    Sealer::new(&device.derive(labels::STORE_HEAD, ATTEMPTS.as_bytes()))
}

fn context() -> Context<'static> {
    Context {
        category: 0,
        generation: 0,
        id: ATTEMPTS.as_bytes(),
        schema: SCHEMA,
    }
}
