//! Letting callers in, and turning others away.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::unistd::geteuid;
use pocket_core::{Failure, FailureKind};
use pocket_crypto::SecretBytes;
use pocket_service::{Archives, Handle, Reader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::connection::{Connection, End, turn_away};
use crate::places::{Place, Places};

/// Connections at a time. Each may hold a frame of 10 MiB; a person needs one or two. One that idles
/// gives way to the next caller.
const CONNECTIONS: usize = 16;
/// Places beyond these, for a lock and a status alone: long requests of the owner's own programs must
/// not keep the owner from locking.
const URGENT: usize = 2;
/// Agents' connections at a time, counted apart: agents must not shut the owner out.
const AGENTS: usize = 16;
/// How long replies that are being made may take once the daemon stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long turning someone away may take: what is said fits into the socket's buffer.
const TURN_AWAY: Duration = Duration::from_secs(1);
/// How long to wait when no connection can be taken, for want of file descriptors, say.
const PAUSE: Duration = Duration::from_millis(100);

/// What every connection is given.
struct Server<F> {
    handle: Handle,
    reader: Reader,
    archives: Archives,
    mcp: F,
    agents: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

/// Serves the control socket until `shutdown` resolves. A connection whose caller shows an agent's
/// token is handed to `mcp`, after the caller was told so; what that gives back is not looked at.
///
/// # Errors
/// None at present: a connection that fails is that connection's end, and a listener that can't
/// take one is tried again.
pub async fn serve<F, B>(
    listener: UnixListener,
    (handle, reader, archives): (Handle, Reader, Archives),
    mcp: F,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()>
where
    F: Fn(SecretBytes, UnixStream) -> B + Send + Sync + 'static,
    B: Future + Send + 'static,
{
    let server = Arc::new(Server {
        handle,
        reader,
        archives,
        mcp,
        agents: Arc::new(Semaphore::new(AGENTS)),
        closing: watch::Sender::new(false),
    });
    let mut places = [Places::new(CONNECTIONS), Places::urgent(URGENT)];
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.admit(stream, &mut places, &mut tasks).await,
                Err(error) => {
                    warn!(%error, "no connection could be taken");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    server.closing.send_replace(true);
    let finished = timeout(FAREWELL, async { while tasks.join_next().await.is_some() {} }).await;
    if finished.is_err() {
        debug!("a request was still running when the daemon stopped");
    }
    Ok(())
}

impl<F, B> Server<F>
where
    F: Fn(SecretBytes, UnixStream) -> B + Send + Sync + 'static,
    B: Future + Send + 'static,
{
    /// Lets the caller in, if it is the owner and there is room.
    async fn admit(
        self: &Arc<Self>,
        mut stream: UnixStream,
        [usual, urgent]: &mut [Places; 2],
        tasks: &mut JoinSet<()>,
    ) {
        let place = match check_peer(&stream) {
            Ok(()) => match usual.take().await {
                Some(place) => Ok(place),
                None => urgent.take().await.ok_or_else(no_place),
            },
            Err(failure) => Err(failure),
        };
        match place {
            Ok(place) => {
                let server = Arc::clone(self);
                tasks.spawn(async move { server.talk(stream, place).await });
            }
            Err(failure) => {
                warn!(reason = failure.message, "a caller was turned away");
                let told = timeout(TURN_AWAY, turn_away(&mut stream, failure)).await;
                if !matches!(told, Ok(Ok(()))) {
                    debug!("the caller did not wait for the reason");
                }
            }
        }
    }

    async fn talk(self: Arc<Self>, stream: UnixStream, place: Arc<Place>) {
        let connection = Connection::new(
            stream,
            (self.handle.clone(), self.reader.clone(), self.archives.clone()),
            self.closing.subscribe(),
            place,
        );
        // The place ends with the connection.
        match connection.run().await {
            Ok(End::Closed) => {}
            Ok(End::Mcp { token, stream }) => self.hand_over(token, stream).await,
            Err(error) => debug!(%error, "a connection failed"),
        }
    }

    async fn hand_over(&self, token: SecretBytes, stream: UnixStream) {
        let Ok(_place) = Arc::clone(&self.agents).try_acquire_owned() else {
            warn!("an agent's connection was closed: there are {AGENTS} already");
            return;
        };
        let mut closing = self.closing.subscribe();
        tokio::select! {
            _ = (self.mcp)(token, stream) => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }
}

pub(crate) fn no_place() -> Failure {
    let message = format!("{CONNECTIONS} programs are at work at the control socket already");
    Failure::new(
        FailureKind::Throttled,
        message,
        "close one of them, or try again later",
    )
}

/// Only the daemon's own user and root may speak here (see the crate's documentation).
fn check_peer(stream: &UnixStream) -> Result<(), Failure> {
    let uid = stream.peer_cred().map(|credentials| credentials.uid());
    match uid {
        Ok(uid) if is_allowed(uid, geteuid().as_raw()) => Ok(()),
        Ok(uid) => Err(refused(format!("user {uid} may not use the control socket"))),
        Err(error) => Err(refused(format!("it is not known who calls: {error}"))),
    }
}

const fn is_allowed(peer: u32, own: u32) -> bool {
    peer == own || peer == 0
}

fn refused(message: String) -> Failure {
    Failure::new(
        FailureKind::Refused,
        message,
        "use it as the user that runs pocketd, or as root",
    )
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
