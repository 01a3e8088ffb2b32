//! The blocking client.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pocket_core::{Failure, FailureKind, Operation};
use pocket_crypto::SecretBytes;
use thiserror::Error;

use crate::frame::{ReadError, read_body};
use crate::greeting::{GREETING, GreetingError, check_greeting};
use crate::location::MAX_SOCKET_PATH;
use crate::message::{Call, Reply, ToDaemon, decode_reply, encode_request};

/// How long the greeting may take. Answers have no limit: a check of a full card takes minutes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nobody answers at the control socket.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Nobody listens there.
    #[error("pocketd is not running: nobody listens at {path}")]
    Absent {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is another user's.
    #[error("the control socket {path} is another user's")]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// The connection failed otherwise.
    #[error("the control socket {path} can't be used")]
    Failed {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No socket can have this path.
    #[error("the path of the control socket has {} bytes, and the system takes at most {MAX_SOCKET_PATH}: {path}", path.as_os_str().len())]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// Something else listens there, or another version.
    #[error("at the control socket {path}: {reason}")]
    Foreign {
        /// The socket.
        path: PathBuf,
        /// What is different.
        reason: GreetingError,
    },
}

impl ConnectError {
    /// The same as a failure in words, with what to do.
    pub fn failure(&self) -> Failure {
        let (kind, remedy) = match self {
            Self::Absent { .. } => (
                FailureKind::Unavailable,
                "start it: pocketd, or cargo run --release; or name its socket with --control PATH",
            ),
            Self::Denied { .. } => (
                FailureKind::Refused,
                "use it as the user that runs pocketd, or as root",
            ),
            Self::Failed { .. } => (
                FailureKind::Unavailable,
                "check the path, and that pocketd still runs",
            ),
            Self::TooLong { .. } => (
                FailureKind::Invalid,
                "use a shorter one: --control PATH, for pocketd as well",
            ),
            Self::Foreign { .. } => (
                FailureKind::Unavailable,
                "use pocketctl and pocketd of the same release",
            ),
        };
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}"));
        Failure::new(kind, format!("{self}{}", cause.unwrap_or_default()), remedy)
    }

    fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Self::Absent { path },
            ErrorKind::PermissionDenied => Self::Denied { path },
            _ => Self::Failed { path, source },
        }
    }
}

/// A connection to the device, for one request after the other.
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the control socket and exchanges greetings.
    ///
    /// # Errors
    /// [`ConnectError`] says what is at `path` instead of a device.
    pub fn connect(path: &Path) -> Result<Self, ConnectError> {
        if path.as_os_str().len() > MAX_SOCKET_PATH {
            let path = path.to_path_buf();
            return Err(ConnectError::TooLong { path });
        }
        let stream = UnixStream::connect(path).map_err(|source| ConnectError::from_io(path, source))?;
        let theirs = greet(&stream).map_err(|source| ConnectError::from_io(path, source))?;
        check_greeting(&theirs).map_err(|reason| ConnectError::Foreign {
            path: path.to_path_buf(),
            reason,
        })?;
        Ok(Self { stream })
    }

    /// Asks for `operation` and waits for the answer, as long as it takes.
    ///
    /// # Errors
    /// The device's [`Failure`], or one of kind [`FailureKind::Unavailable`] when the connection
    /// ends; after that one the client is of no more use.
    pub fn call(
        &mut self,
        operation: Operation,
        passphrase: Option<SecretBytes>,
        payload: Option<SecretBytes>,
    ) -> Result<Reply, Failure> {
        let call = Call {
            operation,
            passphrase,
            payload,
        };
        self.exchange(&ToDaemon::Call(Box::new(call)))
    }

    /// Sends a file along with the next call.
    ///
    /// # Errors
    /// As [`Client::call`]; what can't be read does not go along.
    pub fn attach(&mut self, name: String, bytes: SecretBytes) -> Result<(), Failure> {
        self.exchange(&ToDaemon::Attach { name, bytes }).map(drop)
    }

    /// The connection, to ask the kernel about it.
    pub const fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The next bytes of the archive that the last call began to seal; none at its end.
    ///
    /// # Errors
    /// As [`Client::call`]; what came before is no archive then.
    pub fn next_piece(&mut self) -> Result<Option<SecretBytes>, Failure> {
        self.exchange(&ToDaemon::Next).map(|reply| reply.payload)
    }

    /// Gives more bytes of the archive that the last call began to open.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn feed(&mut self, bytes: SecretBytes) -> Result<(), Failure> {
        self.exchange(&ToDaemon::Feed { bytes }).map(drop)
    }

    /// That was all of it; what came of it.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn finish(&mut self) -> Result<Reply, Failure> {
        self.exchange(&ToDaemon::Finish)
    }

    /// Turns the connection into the agents' door for whoever holds `token`.
    ///
    /// # Errors
    /// The device's [`Failure`] when it does not know the token or is locked.
    pub fn into_mcp(mut self, token: SecretBytes) -> Result<UnixStream, Failure> {
        self.exchange(&ToDaemon::Mcp { token })?;
        Ok(self.stream)
    }

    fn exchange(&mut self, request: &ToDaemon) -> Result<Reply, Failure> {
        let frame = encode_request(request)
            .map_err(|error| Failure::new(FailureKind::Invalid, error.to_string(), "send less at a time"))?;
        // As with the greeting, what a device says before it closes is read.
        let sent = self.stream.write_all(&frame);
        let body = match (read_body(&mut self.stream), sent) {
            (Ok(body), _) => body,
            (Err(ReadError::Closed), Err(error)) => return Err(cut(&ReadError::Failed(error))),
            (Err(error), _) => return Err(cut(&error)),
        };
        decode_reply(&body).map_err(|error| {
            let remedy = "use pocketctl and pocketd of the same release";
            Failure::new(FailureKind::Unavailable, error.to_string(), remedy)
        })?
    }
}

/// Sends our greeting and reads the other's. A device that turns us away may have closed already:
/// its words are read even where ours no longer arrive.
fn greet(mut stream: &UnixStream) -> io::Result<[u8; 8]> {
    let mut theirs = [0; 8];
    stream.set_read_timeout(Some(PATIENCE))?;
    let sent = stream.write_all(&GREETING);
    stream
        .read_exact(&mut theirs)
        .map_err(|error| sent.err().unwrap_or(error))?;
    stream.set_read_timeout(None)?;
    Ok(theirs)
}

fn cut(error: &ReadError) -> Failure {
    let message = format!("pocketd did not answer: {error}");
    Failure::new(
        FailureKind::Unavailable,
        message,
        "see its log, and whether it still runs",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use pocket_core::Answer;

    use super::*;
    use crate::message::{decode_request, encode_reply};

    fn failure_of(outcome: Result<Reply, Failure>) -> Failure {
        outcome.err().expect("a failure")
    }

    #[test]
    fn an_absent_device_is_named_with_its_path_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let failure = Client::connect(&path).err().unwrap().failure();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        assert!(failure.message.contains(&path.display().to_string()));
        assert!(failure.remedy.contains("pocketd"));
        drop(UnixListener::bind(&path).unwrap());
        assert!(matches!(Client::connect(&path), Err(ConnectError::Absent { .. })));
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("x");
        let path = |length: usize| {
            let missing = length - stem.as_os_str().len();
            PathBuf::from(format!("{}{}", stem.display(), "x".repeat(missing)))
        };
        let listener = UnixListener::bind(path(MAX_SOCKET_PATH)).unwrap();
        assert!(UnixListener::bind(path(MAX_SOCKET_PATH + 1)).is_err());
        drop(listener);
        let failure = Client::connect(&path(MAX_SOCKET_PATH + 1))
            .err()
            .unwrap()
            .failure();
        assert!(failure.message.contains("108 bytes") && failure.remedy.contains("--control"));
        let fits = Client::connect(&path(MAX_SOCKET_PATH));
        assert!(matches!(fits, Err(ConnectError::Absent { .. })));
    }

    #[test]
    fn requests_are_answered_in_turn_until_the_device_hangs_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let device = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&GREETING).unwrap();
            let mut theirs = [0; 8];
            stream.read_exact(&mut theirs).unwrap();
            assert_eq!(theirs, GREETING);
            for _ in 0..2 {
                let body = read_body(&mut stream).unwrap();
                let Ok(ToDaemon::Call(call)) = decode_request(&body) else {
                    panic!("not a call");
                };
                let reply = Ok(Reply {
                    answer: Answer::Done,
                    payload: call.payload,
                });
                stream.write_all(&encode_reply(&reply).unwrap()).unwrap();
            }
        });
        let mut client = Client::connect(&path).unwrap_or_else(|error| panic!("{error}"));
        for text in [b"one", b"two"] {
            let payload = Some(SecretBytes::new(text.to_vec()));
            let reply = client
                .call(Operation::Status, None, payload)
                .unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!(reply.payload.unwrap().expose_bytes(), text);
        }
        device.join().unwrap();
        let failure = failure_of(client.call(Operation::Status, None, None));
        assert_eq!(failure.kind, FailureKind::Unavailable);
    }

    #[test]
    fn a_device_that_turns_us_away_is_heard_though_it_closed_before_we_spoke() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let failure = Failure::new(FailureKind::Throttled, "full", "later");
        near.write_all(&GREETING).unwrap();
        near.write_all(&encode_reply(&Err(failure.clone())).unwrap())
            .unwrap();
        drop(near);
        assert_eq!(greet(&far).unwrap(), GREETING);
        let mut client = Client { stream: far };
        assert_eq!(failure_of(client.call(Operation::Status, None, None)), failure);
    }

    #[test]
    fn something_else_at_the_socket_is_said_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"PAICTL\0\x63").unwrap();
        });
        let failure = Client::connect(&path).err().unwrap().failure();
        other.join().unwrap();
        assert!(failure.message.contains("version 99"), "{failure}");
        assert!(failure.remedy.contains("same release"));
    }
}
