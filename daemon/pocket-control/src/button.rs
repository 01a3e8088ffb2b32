//! The door of the device's own button: who may say that a finger is on it? Root alone, as which the program that
//! watches the button runs; not even the daemon's own user, as which the owner's commands from elsewhere are
//! handed on. A connection means that there is a button. Each byte on it is a press; it is answered with
//! [`TAKEN`] when something waited for one, else with [`NOTHING`].

use std::future::Future;
use std::io;
use std::time::Duration;

use pocket_service::{ButtonReport, Handle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, warn};

/// What waited for the press is done.
const TAKEN: u8 = b'+';
/// Nothing waited for it, or it could not be done.
const NOTHING: u8 = b'-';
/// Buttons at a time: more than any device has.
const MOST: usize = 8;
/// How long to wait when no connection can be taken, for want of file descriptors, say.
const PAUSE: Duration = Duration::from_millis(100);

/// Listens to the buttons until `shutdown` resolves.
///
/// # Errors
/// None at present: a button whose connection fails connects again.
pub async fn serve_buttons(
    listener: UnixListener,
    handle: Handle,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mut buttons = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            Some(_) = buttons.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if buttons.len() < MOST && is_root(&stream) => {
                    buttons.spawn(listen(stream, handle.clone()));
                }
                Ok(_) => warn!("someone who is not root, or one too many, said to be the button"),
                Err(error) => {
                    warn!(%error, "no button could be let in");
                    sleep(PAUSE).await;
                }
            },
        }
    }
}

/// The kernel vouches for who calls (`SO_PEERCRED`).
fn is_root(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|credentials| credentials.uid() == 0)
}

/// Tells what one button does, from its coming to its going.
async fn listen(mut stream: UnixStream, handle: Handle) {
    if handle.button(ButtonReport::Here).await.is_err() {
        return;
    }
    while let Ok(1) = stream.read(&mut [0]).await {
        let answer = match handle.button(ButtonReport::Pressed).await {
            Ok(()) => TAKEN,
            Err(failure) => {
                debug!(
                    kind = failure.kind.name(),
                    "a press of the button counted for nothing"
                );
                NOTHING
            }
        };
        if stream.write_all(&[answer]).await.is_err() {
            break;
        }
    }
    // With the engine gone there is nobody to tell.
    handle.button(ButtonReport::Gone).await.unwrap_or_default();
}
