//! Files of strangers, read by a program of its own: started for one file, without any power, with a
//! limit on its time and on its answer, and killed when the vault locks.
//!
//! Plaintext goes through pipes alone; it is on no disk, in no argument and in no environment.

mod lines;

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use pocket_core::{
    Actor, Answer, Document, Failure, FailureKind, FileHead, LockState, Operation, ReaderJob, RecordId,
    Strength, Unreadable,
};
use pocket_crypto::SecretBytes;
use pocket_privacy::{CleanPicture, MOST_PICTURE};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

pub use self::lines::Lines;
use crate::failure;
use crate::handle::{Handle, Request};

/// The name of the program, beside the daemon's own.
pub const PROGRAM: &str = "pocket-reader";
/// Readers at once: one for what the owner looks at, one for what came in. Each may take 384 MiB.
const AT_ONCE: usize = 2;
/// How long one may take for what the owner waits for.
const SHORT: Duration = Duration::from_secs(40);
/// How long one may take for what no one waits for, or for bytes that come from a browser.
const LONG: Duration = Duration::from_secs(300);
/// How long one may wait for bytes that come from far away, and for records to be written to a slow card.
const IMPORT: Duration = Duration::from_secs(30 * 60);
/// How long one may take for a passphrase, while someone types it.
const BRIEF: Duration = Duration::from_secs(5);
/// Largest estimate, in bytes.
const MOST_ESTIMATE: u64 = 1024;
/// How much of a picture is given to a reader at once, in bytes.
const PIECE: usize = 64 * 1024;
/// Largest picture or text, in bytes.
const MOST_SHOWN: u64 = 16 * 1024 * 1024;

/// Why nothing was read out of a file.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The device could not give the bytes, or locked meanwhile.
    #[error("{}", .0.message)]
    Failure(Failure),
    /// There is no program to read with.
    #[error("the program {PROGRAM} is not here: {path}", path = .0.display())]
    Missing(PathBuf),
    /// The file can't be read.
    #[error("the file could not be read: {0}")]
    Unreadable(#[from] Unreadable),
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl ReadError {
    /// The same in words for the owner.
    pub fn into_failure(self) -> Failure {
        let message = self.to_string();
        match self {
            Self::Failure(failure) => failure,
            Self::Missing(_) => Failure::new(
                FailureKind::Unavailable,
                message,
                "install it beside pocketd, or name it with --reader, and start pocketd again",
            ),
            Self::Unreadable(_) => Failure::new(
                FailureKind::Invalid,
                message,
                "it is kept as it is: download it, and open it with a program that you trust",
            ),
        }
    }
}

/// A way to have files read. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    handle: Handle,
    program: Arc<Path>,
    places: Arc<Semaphore>,
    /// For passphrases, which must not wait behind a file.
    estimates: Arc<Semaphore>,
}

impl Reader {
    /// Readers are started from `program`.
    pub fn new(handle: Handle, program: PathBuf) -> Self {
        Self {
            handle,
            program: program.into(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
            estimates: Arc::new(Semaphore::new(1)),
        }
    }

    /// Whether the program is there.
    pub fn is_installed(&self) -> bool {
        self.program.is_file()
    }

    /// The engine whose files are read.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Where the program should be.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Does something with a document's bytes, which `actor` may read; gives the bytes of the answer.
    ///
    /// # Errors
    /// [`ReadError`]: why there is no answer.
    pub async fn document(
        &self,
        actor: &Actor,
        id: RecordId,
        document: &Document,
        job: ReaderJob,
    ) -> Result<Vec<u8>, ReadError> {
        let mut running = self
            .begin(FileHead {
                job,
                name: document.name.clone(),
                media_type: document.media_type.clone(),
                size: document.size,
            })
            .await?;
        let mut offset = 0;
        while offset < document.size {
            let request = Request::new(actor.clone(), Operation::ReadBlob { id, offset });
            let reply = self.handle.call(request).await?;
            let (Answer::Blob { .. }, Some(piece)) = (reply.answer, reply.payload) else {
                return Err(failure::internal("a document gave no bytes").into());
            };
            if piece.is_empty() || !running.feed(piece.expose_bytes()).await {
                break;
            }
            offset = offset.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
        running.finish().await
    }

    /// How hard a passphrase is to guess; `None` when nothing here can tell. Also while the vault is
    /// locked: there is none yet when the first passphrase is chosen.
    pub async fn strength(&self, passphrase: &SecretBytes) -> Option<Strength> {
        let head = FileHead {
            job: ReaderJob::Strength,
            name: String::new(),
            media_type: String::new(),
            size: u64::try_from(passphrase.len()).ok()?,
        };
        let mut running = self.begin(head).await.ok()?;
        running.feed(passphrase.expose_bytes()).await;
        let answer = running.finish().await.ok()?;
        postcard::from_bytes(&answer).ok()
    }

    /// Makes a picture that may be sent elsewhere out of any that can be decoded: pixels alone, no side
    /// longer than `side`.
    ///
    /// # Errors
    /// [`ReadError`]: why there is none; a reader whose answer holds more than pixels has broken down.
    pub async fn clean_picture(&self, bytes: &[u8], side: u32) -> Result<CleanPicture, ReadError> {
        let head = FileHead {
            job: ReaderJob::Pixels {
                side,
                most: u32::try_from(MOST_PICTURE).unwrap_or(u32::MAX),
            },
            name: String::new(),
            media_type: String::new(),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        };
        let made = self.all(head, bytes).await?;
        CleanPicture::check(made).map_err(|_| Unreadable::Broke.into())
    }

    /// Has a file read whose bytes are all here.
    pub(crate) async fn all(&self, head: FileHead, bytes: &[u8]) -> Result<Vec<u8>, ReadError> {
        let mut running = self.begin(head).await?;
        for piece in bytes.chunks(PIECE) {
            if !running.feed(piece).await {
                break;
            }
        }
        running.finish().await
    }

    /// Starts a reader for a file whose bytes are fed to it one after the other.
    ///
    /// # Errors
    /// [`ReadError`] when there is no program, the file is too large, or the vault is locked.
    pub async fn begin(&self, head: FileHead) -> Result<Running, ReadError> {
        if head.size > pocket_core::MOST_READ {
            return Err(Unreadable::TooLarge.into());
        }
        let places = match head.job {
            ReaderJob::Strength => &self.estimates,
            _ => &self.places,
        };
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.map_err(|_| failure::stopping())?;
        let head_bytes = postcard::to_stdvec(&head)
            .map_err(|_| failure::internal("what is asked of a reader can't be written down"))?;
        let length = u32::try_from(head_bytes.len()).map_err(|_| Unreadable::TooLarge)?;
        let mut running = self.start(head.job, place)?;
        running.feed(&length.to_le_bytes()).await;
        running.feed(&head_bytes).await;
        Ok(running)
    }

    fn start(&self, job: ReaderJob, place: OwnedSemaphorePermit) -> Result<Running, ReadError> {
        let missing = || ReadError::Missing(self.program.to_path_buf());
        let mut child = Command::new(&*self.program)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a library has to say of a file may quote it.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| missing())?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(missing());
        };
        let (patience, most) = match job {
            ReaderJob::Strength => (BRIEF, MOST_ESTIMATE),
            ReaderJob::Page { .. } | ReaderJob::Picture | ReaderJob::Pixels { .. } => (SHORT, MOST_SHOWN),
            ReaderJob::Text | ReaderJob::Thumbnail => (LONG, MOST_SHOWN),
            ReaderJob::Describe => (LONG, MOST_SHOWN),
            ReaderJob::Import => (IMPORT, MOST_SHOWN),
        };
        // A passphrase is no content of the vault.
        let watched = (job != ReaderJob::Strength).then(|| self.handle.clone());
        let (given_up, cancelled) = oneshot::channel();
        Ok(Running {
            input: Some(input),
            output,
            most,
            end: tokio::spawn(supervise(child, watched, patience, cancelled, place)),
            given_up,
        })
    }
}

/// A reader at work. Dropping it kills the reader.
pub struct Running {
    input: Option<ChildStdin>,
    output: ChildStdout,
    most: u64,
    end: JoinHandle<End>,
    given_up: oneshot::Sender<()>,
}

impl Running {
    /// Gives it the next bytes; `false` when it wants no more, for a reason that it says at the end.
    pub async fn feed(&mut self, bytes: &[u8]) -> bool {
        let Some(input) = &mut self.input else {
            return false;
        };
        let taken = input.write_all(bytes).await.is_ok();
        if !taken {
            self.input = None;
        }
        taken
    }

    /// The bytes have ended; gives an answer that may be large, a line at a time.
    pub async fn finish_in_lines(mut self) -> Lines {
        self.end_input().await;
        Lines::new(self.output, self.end, self.given_up)
    }

    async fn end_input(&mut self) {
        if let Some(mut input) = self.input.take() {
            // One that is gone already says why by how it ended.
            input.shutdown().await.unwrap_or_default();
        }
    }

    /// The bytes have ended; gives the answer.
    ///
    /// # Errors
    /// [`ReadError`]: why there is none.
    pub async fn finish(mut self) -> Result<Vec<u8>, ReadError> {
        self.end_input().await;
        let answer = collect(self.output, self.most).await;
        let end = self.end.await.map_err(|_| failure::stopping())?;
        match end {
            End::Locked => Err(failure::locked().into()),
            End::TooLong => Err(Unreadable::TooLong.into()),
            End::Exited(status) if status.success() => Ok(answer?),
            End::Exited(status) => Err(reason(status).into()),
        }
    }
}

/// How a reader ended.
enum End {
    Exited(ExitStatus),
    Locked,
    TooLong,
}

/// Waits for the end of a reader, and brings it about when it takes too long, the vault locks, or no one
/// wants the answer any more.
async fn supervise(
    mut child: Child,
    watched: Option<Handle>,
    patience: Duration,
    cancelled: oneshot::Receiver<()>,
    place: OwnedSemaphorePermit,
) -> End {
    let end = tokio::select! {
        ended = child.wait() => ended.map_or(End::TooLong, End::Exited),
        () = locked(watched) => End::Locked,
        () = tokio::time::sleep(patience) => End::TooLong,
        _ = cancelled => End::TooLong,
    };
    // One that has ended by itself is past killing.
    child.kill().await.unwrap_or_default();
    drop(place);
    end
}

/// Resolves when the vault is not open; never for what has nothing to do with it.
async fn locked(watched: Option<Handle>) {
    let Some(handle) = watched else {
        return std::future::pending().await;
    };
    let mut changes = handle.changes();
    loop {
        changes.mark_unchanged();
        if !is_unlocked(&handle).await || changes.changed().await.is_err() {
            return;
        }
    }
}

async fn is_unlocked(handle: &Handle) -> bool {
    let status = handle.call(Request::new(Actor::Device, Operation::Status)).await;
    matches!(status.map(|reply| reply.answer), Ok(Answer::Status(status)) if status.state == LockState::Unlocked)
}

/// The answer of a reader, up to `most` bytes.
async fn collect(output: ChildStdout, most: u64) -> Result<Vec<u8>, Unreadable> {
    let mut answer = Vec::new();
    let mut limited = output.take(most.saturating_add(1));
    limited
        .read_to_end(&mut answer)
        .await
        .map_err(|_| Unreadable::Broke)?;
    if u64::try_from(answer.len()).is_ok_and(|length| length <= most) {
        Ok(answer)
    } else {
        Err(Unreadable::TooLarge)
    }
}

/// What the end of a reader says of its file.
fn reason(status: ExitStatus) -> Unreadable {
    use std::os::unix::process::ExitStatusExt;
    /// The kernel's signal for a process that has used up its processor time.
    const SIGXCPU: i32 = 24;
    match (status.code(), status.signal()) {
        (_, Some(SIGXCPU)) => Unreadable::TooLong,
        (Some(code), _) => u8::try_from(code).map_or(Unreadable::Broke, Unreadable::of_code),
        _ => Unreadable::Broke,
    }
}
