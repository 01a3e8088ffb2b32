//! One call, over one connection to a gateway.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::unistd::{Uid, geteuid};
use pocket_core::CallFailure;
use pocket_crypto::secret::Key;
use pocket_grant::{Report, SealedCall, body_frames, body_length, decode_report, greeting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::Sender;

/// Bytes of a file that are read at once.
const AT_ONCE: usize = 256 * 1024;

/// What was passed on of a call, whose gateway may never tell its end.
#[derive(Default)]
pub(crate) struct Seen {
    connected: AtomicBool,
    received: AtomicU64,
}

impl Seen {
    fn note(&self, report: &Report) {
        match report {
            Report::Connected { .. } => self.connected.store(true, Ordering::Relaxed),
            Report::Piece(piece) => {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.received.fetch_add(length, Ordering::Relaxed);
            }
            Report::Head { .. } | Report::Step { .. } | Report::Ended { .. } | Report::Failed { .. } => {}
        }
    }

    /// The end of a call with a body of `body` bytes: once there was a connection, all of them may have left.
    pub(crate) fn failed(&self, reason: CallFailure, body: u64) -> Report {
        let connected = self.connected.load(Ordering::Relaxed);
        Report::Failed {
            reason,
            sent: if connected { body } else { 0 },
            received: self.received.load(Ordering::Relaxed),
        }
    }
}

/// The body of a call.
pub(crate) enum Body {
    /// In a file, of so many bytes: said twice, to be checked and to be sent, and never held whole.
    File(Arc<File>, u64),
    Held(Vec<u8>),
}

impl Body {
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::File(_, length) => *length,
            Self::Held(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }
}

/// Calls the gateway at `socket`, and passes on what it tells. Done means that it told the end.
pub(crate) async fn carry(
    socket: &Path,
    key: &Key,
    call: &SealedCall,
    body: &Body,
    (seen, reports): (&Seen, &Sender<Report>),
) -> Result<(), CallFailure> {
    let stream = self::call(socket).await?;
    let (mut from, to) = stream.into_split();
    let said = async {
        // One that has heard enough says why: that is in its reports.
        let to = say(to, key, call, body).await.ok();
        // Open until the end: closing it would give the call up.
        std::future::pending::<()>().await;
        drop(to);
    };
    tokio::select! {
        told = tell(&mut from, seen, reports) => told,
        () = said => Err(CallFailure::GatewayBroke),
    }
}

/// A connection to the gateway at `socket`: who listens there was the daemon's own user, or the service
/// manager.
pub(crate) async fn call(socket: &Path) -> Result<UnixStream, CallFailure> {
    let stream = UnixStream::connect(socket).await;
    let stream = stream.map_err(|_| CallFailure::GatewayAbsent)?;
    let peer = stream.peer_cred().map_err(|_| CallFailure::GatewayAbsent)?;
    if peer.uid() != geteuid().as_raw() && !Uid::from_raw(peer.uid()).is_root() {
        return Err(CallFailure::GatewayAbsent);
    }
    Ok(stream)
}

async fn say(
    mut to: OwnedWriteHalf,
    key: &Key,
    call: &SealedCall,
    body: &Body,
) -> std::io::Result<OwnedWriteHalf> {
    to.write_all(&greeting(key)).await?;
    to.write_all(call.expose_frame()).await?;
    match body {
        Body::Held(bytes) => say_bytes(&mut to, bytes).await?,
        Body::File(file, length) => {
            for _ in 0..2 {
                say_file(&mut to, file, *length).await?;
            }
        }
    }
    Ok(to)
}

async fn say_bytes(to: &mut OwnedWriteHalf, bytes: &[u8]) -> std::io::Result<()> {
    for (ahead, piece) in body_frames(bytes) {
        to.write_all(&ahead).await?;
        to.write_all(piece).await?;
    }
    Ok(())
}

async fn say_file(to: &mut OwnedWriteHalf, file: &Arc<File>, length: u64) -> std::io::Result<()> {
    let mut offset = 0;
    while offset < length {
        let size = usize::try_from(length - offset)
            .unwrap_or(usize::MAX)
            .min(AT_ONCE);
        let file = Arc::clone(file);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, offset).map(|()| bytes)
        });
        let bytes = read.await.map_err(|_| Error::from(ErrorKind::Other))??;
        say_bytes(to, &bytes).await?;
        offset += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    }
    Ok(())
}

async fn tell(from: &mut OwnedReadHalf, seen: &Seen, reports: &Sender<Report>) -> Result<(), CallFailure> {
    loop {
        let report = hear(from).await.ok_or(CallFailure::GatewayBroke)?;
        let last = report.is_last();
        seen.note(&report);
        reports.send(report).await.map_err(|_| CallFailure::Withdrawn)?;
        if last {
            return Ok(());
        }
    }
}

async fn hear(from: &mut OwnedReadHalf) -> Option<Report> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix).await.ok()?;
    let mut body = vec![0; body_length(prefix).ok()?];
    from.read_exact(&mut body).await.ok()?;
    decode_report(&body).ok()
}
