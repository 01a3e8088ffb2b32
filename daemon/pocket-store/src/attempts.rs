//! The count of wrong guesses, sealed under the device secret so that it survives a restart and
//! can't be turned back without being noticed.

use std::io;
use std::path::Path;

use pocket_core::{Attempts, Finding, Timestamp};
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
    /// Reads the count, and says what is wrong with the file. Damage never fails: what can't be read
    /// counts as five wrong guesses, which slows a guesser down and locks no owner out. Without a
    /// keyring there is nothing to guess, and a missing file counts none.
    pub fn read_attempts(&self, device: &Key) -> (Attempts, Option<Finding>) {
        let problem = match read_if_there(&self.join(ATTEMPTS), 4096) {
            Ok(Some(sealed)) => match open(device, &sealed) {
                Some(attempts) => return (attempts, None),
                None => "it is damaged".to_owned(),
            },
            Ok(None) if !COPIES.iter().any(|copy| self.join(copy).exists()) => {
                return (Attempts::default(), None);
            }
            Ok(None) => "it is missing".to_owned(),
            Err(error) => format!("it can't be read: {error}"),
        };
        (throttled(), Some(self.unreadable(&problem)))
    }

    fn unreadable(&self, problem: &str) -> Finding {
        Finding {
            what: self.join(ATTEMPTS).display().to_string(),
            problem: format!(
                "{problem}; {WHEN_UNREADABLE} wrong guesses were counted, since it is not known how many there were"
            ),
            remedy: "find out what changed it: it is written anew when the vault is unlocked, unless something else has its name".to_owned(),
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
