//! One call, over one connection to a gateway.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::unistd::{Uid, geteuid};
use pocket_core::CallFailure;
use pocket_crypto::secret::Key;
use pocket_grant::{Report, SealedCall, body_frames, body_length, decode_report, greeting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::Sender;

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
            Report::Head { .. } | Report::Ended { .. } | Report::Failed { .. } => {}
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

/// Calls the gateway at `socket`, and passes on what it tells. Done means that it told the end.
pub(crate) async fn carry(
    socket: &Path,
    key: &Key,
    call: &SealedCall,
    body: &[u8],
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
    body: &[u8],
) -> std::io::Result<OwnedWriteHalf> {
    to.write_all(&greeting(key)).await?;
    to.write_all(call.expose_frame()).await?;
    for (ahead, piece) in body_frames(body) {
        to.write_all(&ahead).await?;
        to.write_all(piece).await?;
    }
    Ok(to)
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
