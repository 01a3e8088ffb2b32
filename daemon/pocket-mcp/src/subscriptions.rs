//! Telling a client that a record which it watches has changed.
//!
//! Who watches is looked at anew before each word: a revoked agent, or one whose scopes do not allow
//! it, hears nothing, and a revoked one's watch ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pocket_core::{FailureKind, RecordId, Verb};
use pocket_service::{Handle, Touched};
use rmcp::RoleServer;
use rmcp::model::{ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, SubscriptionSink};
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use crate::resources::Address;

/// Most records that one request may watch.
const MOST_IN_ONE: usize = 64;
/// Most records that are watched over sessions, all agents together.
const MOST: usize = 512;
/// How often a watch looks whether its client is there still.
const LOOK: Duration = Duration::from_secs(30);

/// Where to tell it.
pub(crate) enum Teller {
    /// A stream that one request keeps open (2026-07-28).
    Listening(SubscriptionSink),
    /// A session (2025-11-25).
    Session(Peer<RoleServer>),
}

impl Teller {
    /// Tells it; `false` when nobody listens any more.
    async fn tell(&self, uri: &str) -> bool {
        match self {
            Self::Listening(sink) => sink.notify_resource_updated(uri).await.is_ok(),
            Self::Session(peer) => {
                let update = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(update).await.is_ok()
            }
        }
    }

    fn is_gone(&self) -> bool {
        match self {
            // Its request ends with it.
            Self::Listening(_) => false,
            Self::Session(peer) => peer.is_transport_closed(),
        }
    }
}

/// Of what a client wants to watch, what can be watched: records by their address.
pub(crate) fn watchable(requested: &SubscriptionFilter) -> SubscriptionFilter {
    let uris = requested.resource_subscriptions.iter().flatten();
    let uris: Vec<String> = uris
        .filter(|uri| Address::parse(uri).is_some())
        .take(MOST_IN_ONE)
        .cloned()
        .collect();
    let builder = SubscriptionFilter::builder();
    if uris.is_empty() {
        builder.build()
    } else {
        builder.resource_subscriptions(uris).build()
    }
}

/// Tells of each change to the records at `uris`, on behalf of `agent`, until it is revoked or nobody
/// listens any more.
pub(crate) async fn follow(handle: Handle, agent: RecordId, uris: Vec<String>, teller: Teller) {
    let watched: Vec<(Touched, String)> = uris
        .into_iter()
        .filter_map(|uri| Address::parse(&uri).map(|address| ((address.category, address.id), uri)))
        .collect();
    let mut touched = handle.touched();
    let mut changes = handle.changes();
    loop {
        let told = tokio::select! {
            record = touched.recv() => match record {
                Ok(record) => Some(record),
                // Some were missed: any of them may have changed.
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => return,
            },
            changed = changes.changed() => {
                if changed.is_err() || revoked(&handle, agent).await {
                    return;
                }
                continue;
            }
            () = tokio::time::sleep(LOOK) => {
                if teller.is_gone() {
                    return;
                }
                continue;
            }
        };
        let concerned = watched
            .iter()
            .filter(|(record, _)| told.is_none_or(|told| told == *record));
        for ((category, _), uri) in concerned {
            match handle.agent_by_id(agent).await {
                Ok(agent) if agent.scopes.allow(*category, Verb::Read) => {
                    if !teller.tell(uri).await {
                        return;
                    }
                }
                Err(failure) if failure.kind == FailureKind::WrongCredential => return,
                Ok(_) | Err(_) => {}
            }
        }
    }
}

async fn revoked(handle: &Handle, agent: RecordId) -> bool {
    let known = handle.agent_by_id(agent).await;
    known.is_err_and(|failure| failure.kind == FailureKind::WrongCredential)
}

/// A session, and what it watches.
type Key = (String, String);

/// What is watched over sessions.
#[derive(Clone, Default)]
pub(crate) struct Watches(Arc<Mutex<HashMap<Key, AbortHandle>>>);

impl Watches {
    /// Begins to watch; watching the same once more changes nothing. `false` when there are too many.
    pub(crate) fn begin(
        &self,
        session: String,
        uri: String,
        watch: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let mut open = self.open();
        open.retain(|_, task| !task.is_finished());
        let key = (session, uri);
        if open.contains_key(&key) {
            return true;
        }
        let mine = open.keys().filter(|(session, _)| *session == key.0).count();
        if mine >= MOST_IN_ONE || open.len() >= MOST {
            return false;
        }
        open.insert(key, tokio::spawn(watch).abort_handle());
        true
    }

    /// Ends it, if it was begun.
    pub(crate) fn end(&self, session: String, uri: String) {
        if let Some(task) = self.open().remove(&(session, uri)) {
            task.abort();
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Key, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
