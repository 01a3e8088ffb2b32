//! The daemon's way to its gateway.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pocket_core::{CallFailure, Grant, LinkLeave};
use pocket_crypto::SecretBytes;
use pocket_crypto::secret::Key;
use pocket_grant::{Headers, SealedCall, SealedLink};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::carry::{Body, Seen, carry};
use crate::child::{Kept, Program, keep};
use crate::link::{Line, keep as keep_link};
use crate::reports::Reports;

/// How long a gateway may take to listen.
const START: Duration = Duration::from_secs(30);

/// A way to a gateway. Cheap to clone; with the last clone its child ends.
///
/// Nothing is sent, and no child exists, until [`Gateway::set_wanted`].
#[derive(Clone)]
pub struct Gateway {
    socket: Arc<Path>,
    key: Arc<Key>,
    wanted: watch::Sender<bool>,
    ready: watch::Receiver<bool>,
}

impl Gateway {
    /// One at `socket`, which a service manager holds; with a `leash`, only while that is held. `key` is fresh
    /// at each start of the daemon. Must be called within a tokio runtime.
    pub fn service(socket: PathBuf, leash: Option<PathBuf>, key: Key) -> Self {
        match leash {
            Some(leash) => Self::kept(Kept::Leash(leash), socket, key),
            None => Self {
                socket: socket.into(),
                key: Arc::new(key),
                wanted: watch::Sender::new(false),
                ready: watch::channel(true).1,
            },
        }
    }

    /// One that `program` is started for, with `arguments`, to listen at `socket`: it lives only while it is
    /// wanted, and is started again when it ends by itself. Must be called within a tokio runtime.
    pub fn child(program: PathBuf, socket: PathBuf, arguments: Vec<OsString>, key: Key) -> Self {
        let program = Program {
            program,
            arguments,
            socket: socket.clone(),
        };
        Self::kept(Kept::Child(program), socket, key)
    }

    fn kept(kept: Kept, socket: PathBuf, key: Key) -> Self {
        let wanted = watch::Sender::new(false);
        let (sender, ready) = watch::channel(false);
        tokio::spawn(keep(kept, wanted.subscribe(), sender));
        Self {
            socket: socket.into(),
            key: Arc::new(key),
            wanted,
            ready,
        }
    }

    /// Whether anything may leave. Once it may not, every call ends and the child is killed.
    pub fn set_wanted(&self, wanted: bool) {
        self.wanted
            .send_if_modified(|now| std::mem::replace(now, wanted) != wanted);
    }

    /// Makes the call that `grant` allows, with `headers` and `body`; the grant is used up. Must be called
    /// within a tokio runtime.
    pub fn send(&self, grant: Grant, headers: &Headers, body: Vec<u8>) -> Reports {
        self.carry(grant, headers, Body::Held(body))
    }

    /// Has `file` kept where `grant` says, by whom `headers` name; the grant is used up. Must be called within a tokio
    /// runtime.
    pub fn keep(&self, grant: Grant, headers: &Headers, file: File) -> Reports {
        let length = grant.terms().body_length;
        self.carry(grant, headers, Body::File(Arc::new(file), length))
    }

    fn carry(&self, grant: Grant, headers: &Headers, body: Body) -> Reports {
        let call = SealedCall::new(grant, headers, &self.key);
        let (socket, key) = (Arc::clone(&self.socket), Arc::clone(&self.key));
        // Not the sender: with the last way to it the gateway ends, whoever it is at work for.
        let (mut wanted, ready) = (self.wanted.subscribe(), self.ready.clone());
        Reports::of(move |reports| async move {
            let seen = Seen::default();
            let length = body.length();
            let carried = async {
                let call = call.map_err(|_| CallFailure::RequestInvalid)?;
                if call.body_length() != length {
                    return Err(CallFailure::BodyChanged);
                }
                listening(ready).await?;
                carry(&socket, &key, &call, &body, (&seen, &reports)).await
            };
            let carried = tokio::select! {
                // First: what may not leave is not even begun. Its sender gone, nothing is wanted either.
                biased;
                _ = wanted.wait_for(|wanted| !wanted) => Err(CallFailure::Withdrawn),
                carried = carried => carried,
            };
            if let Err(reason) = carried {
                // A gateway that was stopped, or has lost its last way in, breaks off what it is at.
                let stopped = wanted.has_changed().is_err() || !*wanted.borrow();
                let reason = if stopped { CallFailure::Withdrawn } else { reason };
                reports
                    .send(seen.failed(reason, length))
                    .await
                    .unwrap_or_default();
            }
        })
    }

    /// Opens the link that `leave` allows, with the broker's `password`; the leave is used up. Must be called
    /// within a tokio runtime.
    pub fn link(&self, leave: LinkLeave, password: Option<&SecretBytes>) -> Line {
        let link = SealedLink::new(leave, password, &self.key);
        let (socket, key) = (Arc::clone(&self.socket), Arc::clone(&self.key));
        let (mut wanted, ready) = (self.wanted.subscribe(), self.ready.clone());
        Line::of(move |reports, words| async move {
            let kept = async {
                let link = link.ok()?;
                listening(ready).await.ok()?;
                keep_link(&socket, &key, &link, (&reports, words)).await
            };
            tokio::select! {
                // First: what may not leave is not even begun.
                biased;
                _ = wanted.wait_for(|wanted| !wanted) => {}
                _ = kept => {}
            }
        })
    }
}

/// Resolves once the gateway listens.
async fn listening(mut ready: watch::Receiver<bool>) -> Result<(), CallFailure> {
    if *ready.borrow() {
        return Ok(());
    }
    match timeout(START, ready.wait_for(|ready| *ready)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(CallFailure::GatewayAbsent),
    }
}
