//! Archives, sealed and opened by a program of its own: it links what the daemon has no room for, and reads
//! what others could have made. Like the reader of files it has no power, and is killed when the vault locks.
//!
//! Plaintext goes through pipes alone; it is on no disk, in no argument and in no environment.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use pocket_core::{Answer, BackupFault, BackupReport, Failure, FailureKind, Operation};
use pocket_crypto::SecretBytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::failure;
use crate::handle::{Errand, Handle, Reply, Request};
use crate::vault::backup_failed;

/// The name of the program, beside the daemon's own.
pub const ARCHIVER: &str = "pocket-backup";
/// Bytes of an archive that are handed on at once.
const PIECE: usize = 256 * 1024;
/// Bytes of items that are brought back at once, unless one has more.
const MOST_ITEMS: usize = 512 * 1024;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest report on an archive, in bytes.
const MOST_REPORT: u64 = 64 * 1024;

/// A way to seal and open archives. Cheap to clone.
#[derive(Clone)]
pub struct Archives {
    handle: Handle,
    program: Arc<Path>,
    places: Arc<Semaphore>,
}

/// An archive that is being sealed. Dropping it gives it up.
pub struct Sealing {
    output: ChildStdout,
    child: Child,
    feeding: JoinHandle<Result<(), Failure>>,
    _place: OwnedSemaphorePermit,
}

/// An archive that is being opened: its bytes are fed to it. Dropping it gives it up.
pub struct Opening {
    input: Option<ChildStdin>,
    end: JoinHandle<Result<Reply, Failure>>,
}

impl Archives {
    /// Archives are sealed and opened by `program`.
    pub fn new(handle: Handle, program: PathBuf) -> Self {
        Self {
            handle,
            program: program.into(),
            // Each may take 384 MiB, and there is one store.
            places: Arc::new(Semaphore::new(1)),
        }
    }

    /// Begins a backup, with [`Operation::BackupCreate`], or with [`Operation::BackupOffer`] for [`Archives::spool`].
    ///
    /// # Errors
    /// [`Failure`]: why there will be none.
    pub async fn seal(&self, request: Request) -> Result<Sealing, Failure> {
        let place = self.place().await?;
        let reply = self.handle.call(request).await?;
        let (Answer::Upload(id), Some(job)) = (reply.answer, reply.payload) else {
            return Err(failure::internal("a backup did not begin"));
        };
        let (child, mut input, output) = self.start()?;
        let handle = self.handle.clone();
        let feeding = tokio::spawn(async move {
            let mut fed = input.write_all(job.expose_bytes()).await;
            while fed.is_ok() {
                let reply = handle.errand(Errand::BackupPiece(id)).await?;
                let frames = reply.payload.as_ref().map(SecretBytes::expose_bytes);
                fed = input.write_all(frames.unwrap_or_default()).await;
                if matches!(reply.answer, Answer::Done) {
                    break;
                }
            }
            // One that reads no more says why by how it ends.
            input.shutdown().await.unwrap_or_default();
            Ok(())
        });
        Ok(Sealing {
            output,
            child,
            feeding,
            _place: place,
        })
    }

    /// Hands the next bytes of the archive to the engine, which has them on its disk until they are sent; `None` when
    /// all of it is there. Who asked sees them too.
    ///
    /// # Errors
    /// [`Failure`]: there will be nothing to send.
    pub async fn spool(&self, sealing: &mut Sealing) -> Result<Option<Vec<u8>>, Failure> {
        let piece = sealing.next().await?;
        self.handle.errand(Errand::BackupSpool(piece.clone())).await?;
        Ok(piece)
    }

    /// Begins to open an archive: with [`Operation::BackupDrill`] to see whether it is whole, with
    /// [`Operation::BackupRestore`] to make a new device of it.
    ///
    /// # Errors
    /// [`Failure`]: why not.
    pub async fn open(&self, request: Request) -> Result<Opening, Failure> {
        let place = self.place().await?;
        let is_drill = matches!(request.operation, Operation::BackupDrill);
        let reply = self.handle.call(request).await?;
        let job = reply
            .payload
            .ok_or_else(|| failure::internal("an archive is not to be opened"))?;
        let started = self.start();
        let handle = self.handle.clone();
        if started.is_err() && !is_drill {
            // What was begun for it is undone.
            drop(handle.errand(Errand::RestoreEnd { whole: false }).await);
        }
        let (child, mut input, output) = started?;
        // One that is gone already says why by how it ended.
        input.write_all(job.expose_bytes()).await.unwrap_or_default();
        let end = tokio::spawn(async move {
            let _place = place;
            if is_drill {
                drill(&handle, child, output).await
            } else {
                restore(&handle, child, output).await
            }
        });
        Ok(Opening {
            input: Some(input),
            end,
        })
    }

    /// One that was given up a moment ago is at its end soon.
    async fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(PATIENCE, place).await {
            Ok(place) => place.map_err(|_| failure::stopping()),
            Err(_) => Err(failure::busy()),
        }
    }

    fn start(&self) -> Result<(Child, ChildStdin, ChildStdout), Failure> {
        let missing = || {
            Failure::new(
                FailureKind::Unavailable,
                format!("the program {ARCHIVER} is not here: {}", self.program.display()),
                "install it beside pocketd, or name it with --archiver, and start pocketd again",
            )
        };
        let mut child = Command::new(&*self.program)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| missing())?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok((child, input, output)),
            _ => Err(missing()),
        }
    }
}

impl Sealing {
    /// The next bytes of the archive; `None` when all of it was given, and it is whole.
    ///
    /// # Errors
    /// [`Failure`]: what was given so far is no archive.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut piece = Vec::with_capacity(PIECE);
        let mut limited = (&mut self.output).take(u64::try_from(PIECE).unwrap_or(u64::MAX));
        let read = limited.read_to_end(&mut piece).await;
        if read.is_ok() && !piece.is_empty() {
            return Ok(Some(piece));
        }
        (&mut self.feeding).await.map_err(|_| failure::stopping())??;
        ended(&mut self.child).await.map_err(backup_failed)?;
        Ok(None)
    }
}

impl Drop for Sealing {
    fn drop(&mut self) {
        self.feeding.abort();
    }
}

impl Opening {
    /// Gives it the next bytes of the archive; `false` when it wants no more, for a reason that it says at
    /// the end.
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

    /// The archive has ended; what came of it.
    ///
    /// # Errors
    /// [`Failure`]: why nothing did.
    pub async fn finish(mut self) -> Result<Reply, Failure> {
        if let Some(mut input) = self.input.take() {
            input.shutdown().await.unwrap_or_default();
        }
        self.end.await.map_err(|_| failure::stopping())?
    }
}

async fn drill(handle: &Handle, mut child: Child, output: ChildStdout) -> Result<Reply, Failure> {
    let mut answer = Vec::new();
    let read = output.take(MOST_REPORT).read_to_end(&mut answer).await;
    let report = ended(&mut child).await.and_then(|()| {
        read.ok()
            .and_then(|_| postcard::from_bytes::<BackupReport>(answer.get(4..)?).ok())
            .ok_or(BackupFault::Broke)
    });
    handle.errand(Errand::BackupDrilled(Box::new(report))).await
}

/// Hands items to the engine until they end; then, and only if all proved whole, the device is the owner's.
async fn restore(handle: &Handle, mut child: Child, output: ChildStdout) -> Result<Reply, Failure> {
    let handed = hand_on(handle, output).await;
    if handed.is_err() {
        // It waits for a pipe that nobody reads.
        child.kill().await.unwrap_or_default();
    }
    let ended = ended(&mut child).await;
    let whole = handed.is_ok() && ended.is_ok();
    let end = handle.errand(Errand::RestoreEnd { whole }).await;
    handed?;
    ended.map_err(backup_failed)?;
    end
}

async fn hand_on(handle: &Handle, mut output: ChildStdout) -> Result<(), Failure> {
    let mut frames = Vec::new();
    loop {
        let frame = next_frame(&mut output, &mut frames).await?;
        if frames.len() >= MOST_ITEMS || (!frame && !frames.is_empty()) {
            let items = SecretBytes::new(std::mem::take(&mut frames));
            handle.errand(Errand::RestoreItems(items)).await?;
        }
        if !frame {
            return Ok(());
        }
    }
}

/// Adds a whole frame; `false` when there is none any more.
async fn next_frame(output: &mut ChildStdout, frames: &mut Vec<u8>) -> Result<bool, Failure> {
    let broke = || backup_failed(BackupFault::Broke);
    let mut length = [0; 4];
    if output.read_exact(&mut length).await.is_err() {
        // How it ended says why.
        return Ok(false);
    }
    let size = usize::try_from(u32::from_le_bytes(length)).map_err(|_| broke())?;
    if size > pocket_core::MOST_BACKUP_FRAME {
        return Err(broke());
    }
    let begin = frames.len();
    frames.extend_from_slice(&length);
    frames.resize(begin.saturating_add(4).saturating_add(size), 0);
    let body = frames.get_mut(begin.saturating_add(4)..).unwrap_or_default();
    output.read_exact(body).await.map_err(|_| broke())?;
    Ok(true)
}

/// How the program ended.
async fn ended(child: &mut Child) -> Result<(), BackupFault> {
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(BackupFault::of_code(status.code().unwrap_or_default())),
        Err(_) => Err(BackupFault::Broke),
    }
}
