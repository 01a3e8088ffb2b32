//! The way to pocketd: a socket on which root alone may speak. That it is open tells pocketd that there is a button;
//! a byte on it, that the button was pressed as a yes.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tracing::debug;

/// How often pocketd is looked for while it is not there.
const AGAIN: Duration = Duration::from_secs(2);
/// How long pocketd may take to do what waited for the press: it is written to a card.
const PATIENCE: Duration = Duration::from_secs(10);
/// What it answers when something waited.
const TAKEN: u8 = b'+';

/// The connection, while there is one.
pub(crate) struct Door {
    path: PathBuf,
    stream: Option<UnixStream>,
    again: Instant,
}

impl Door {
    pub(crate) const fn new(path: PathBuf, now: Instant) -> Self {
        Self {
            path,
            stream: None,
            again: now,
        }
    }

    /// Connects, if it is time to.
    pub(crate) fn keep(&mut self, now: Instant) {
        if self.stream.is_some() || now < self.again {
            return;
        }
        self.again = now + AGAIN;
        self.stream = UnixStream::connect(&self.path).ok();
    }

    /// When to look for pocketd again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.stream.is_none().then_some(self.again)
    }

    /// What becomes readable when pocketd ends.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(AsFd::as_fd)
    }

    /// pocketd says nothing unasked: it has ended.
    pub(crate) fn lost(&mut self) {
        self.stream = None;
    }

    /// Says that the button was pressed as a yes; whether something waited for that.
    pub(crate) fn press(&mut self, now: Instant) -> bool {
        self.keep(now);
        match self.ask() {
            Ok(answer) => answer == TAKEN,
            Err(error) => {
                debug!(%error, "pocketd does not hear of the press");
                self.lost();
                false
            }
        }
    }

    fn ask(&mut self) -> io::Result<u8> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"p")?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn it_tells_of_a_press_and_whether_that_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("button.sock");
        let now = Instant::now();
        let mut door = Door::new(path.clone(), now);
        assert!(!door.press(now), "nobody listens");
        assert_eq!(door.due(), Some(now + AGAIN));
        let listener = UnixListener::bind(&path).unwrap();
        let pocketd = thread::spawn(move || {
            for answer in [b"+", b"-"] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut press = [0];
                stream.read_exact(&mut press).unwrap();
                stream.write_all(answer).unwrap();
            }
        });
        assert!(!door.press(now), "too soon to look again");
        let later = now + AGAIN;
        assert!(door.press(later));
        assert!(door.fd().is_some() && door.due().is_none());
        assert!(!door.press(later), "it hung up: the press counts for nothing");
        assert!(!door.press(later + AGAIN), "nothing waited");
        pocketd.join().unwrap();
    }
}
