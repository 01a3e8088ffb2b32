//! A gateway that the service manager runs, while the daemon holds its leash: a connection that is open as
//! long as something may leave. The daemon needs no right to start or stop anything; when it ends, however
//! it ends, the kernel lets the leash go and the gateway is stopped.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::child::{End, MOST_LINE, unwanted};

/// How long the service manager may take until the gateway's socket is there.
const START: Duration = Duration::from_secs(30);

/// Holds the leash until it is not wanted any more, or is torn from our hand.
pub(crate) async fn hold(
    leash: &Path,
    wanted: &mut watch::Receiver<bool>,
    ready: &watch::Sender<bool>,
) -> End {
    let taken = tokio::select! {
        taken = timeout(START, take(leash)) => taken,
        () = unwanted(wanted) => return End::Stopped,
    };
    let mut held = match taken {
        Ok(Ok(held)) => held,
        Ok(Err(error)) => {
            warn!(%error, leash = %leash.display(), "the service manager does not let the gateway run");
            return End::Broke;
        }
        Err(_) => {
            warn!("the service manager did not let the gateway run in time");
            return End::Broke;
        }
    };
    ready.send_replace(true);
    info!("the gateway may run");
    tokio::select! {
        _ = held.read_u8() => {
            warn!("the service manager has stopped the gateway");
            End::Broke
        }
        () = unwanted(wanted) => {
            // First: who wants it again in this moment waits for the next one.
            ready.send_replace(false);
            info!("the gateway may run no longer");
            End::Stopped
        }
    }
}

/// Taken once the other end says that the gateway can be called. Dropping it lets go.
async fn take(leash: &Path) -> io::Result<BufReader<UnixStream>> {
    let mut held = BufReader::new(UnixStream::connect(leash).await?);
    let mut line = String::new();
    (&mut held).take(MOST_LINE).read_line(&mut line).await?;
    if line == "ready\n" {
        Ok(held)
    } else {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;

    use super::*;
    use crate::child::{Kept, keep};

    /// A service manager's end, and what watches over the daemon's.
    fn kept(folder: &Path) -> (UnixListener, watch::Sender<bool>, watch::Receiver<bool>) {
        let leash: PathBuf = folder.join("leash");
        let listener = UnixListener::bind(&leash).unwrap();
        let (wanted, ready) = (watch::Sender::new(false), watch::Sender::new(false));
        let told = ready.subscribe();
        tokio::spawn(keep(Kept::Leash(leash), wanted.subscribe(), ready));
        (listener, wanted, told)
    }

    #[tokio::test]
    async fn the_leash_is_held_as_long_as_something_may_leave() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, wanted, mut told) = kept(folder.path());
        wanted.send_replace(true);
        let (mut manager, _) = listener.accept().await.unwrap();
        assert!(
            !*told.borrow(),
            "nothing may be sent before the gateway can be called"
        );
        manager.write_all(b"ready\n").await.unwrap();
        told.wait_for(|ready| *ready).await.unwrap();
        wanted.send_replace(false);
        told.wait_for(|ready| !ready).await.unwrap();
        assert_eq!(manager.read(&mut [0]).await.unwrap(), 0, "it still holds it");
        wanted.send_replace(true);
        let (mut manager, _) = listener.accept().await.unwrap();
        manager.write_all(b"ready\n").await.unwrap();
        told.wait_for(|ready| *ready).await.unwrap();
        drop(wanted);
        assert_eq!(manager.read(&mut [0]).await.unwrap(), 0, "it still holds it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_leash_that_is_torn_is_taken_again_and_nothing_is_sent_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (listener, wanted, mut told) = kept(folder.path());
        wanted.send_replace(true);
        let (mut manager, _) = listener.accept().await.unwrap();
        manager.write_all(b"ready\n").await.unwrap();
        told.wait_for(|ready| *ready).await.unwrap();
        drop(manager);
        told.wait_for(|ready| !ready).await.unwrap();
        let (mut manager, _) = listener.accept().await.unwrap();
        manager.write_all(b"no\n").await.unwrap();
        let (mut manager, _) = listener.accept().await.unwrap();
        assert!(!*told.borrow(), "that was no leave");
        manager.write_all(b"ready\n").await.unwrap();
        told.wait_for(|ready| *ready).await.unwrap();
    }
}
