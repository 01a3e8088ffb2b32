//! Tells open pages that something changed, as server-sent events.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use tokio::sync::watch;

use crate::door::Door;
use crate::session::SessionId;

/// How often an open stream looks whether its session is still alive.
const LOOK: Duration = Duration::from_secs(15);

struct Stream {
    door: Door,
    session: SessionId,
    changes: watch::Receiver<u64>,
    over: bool,
}

/// An event `changed` with each change of data or state, `over` when the session is; then the end.
pub(crate) async fn stream(
    State(door): State<Door>,
    Extension(session): Extension<SessionId>,
) -> impl IntoResponse {
    let mut changes = door.handle().changes();
    // The page that opens the stream shows what is true now.
    changes.mark_unchanged();
    let events = stream::unfold(
        Stream {
            door,
            session,
            changes,
            over: false,
        },
        next,
    );
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn next(mut stream: Stream) -> Option<(Result<Event, Infallible>, Stream)> {
    if stream.over {
        return None;
    }
    loop {
        let changed = tokio::time::timeout(LOOK, stream.changes.changed()).await;
        // Not the session alone: who ends the sessions at a lock may hear of it after us.
        stream.over =
            !stream.door.sessions().lives(stream.session, Instant::now()) || !stream.door.is_unlocked().await;
        let name = match changed {
            // The engine stopped: the stream ends and the page shows that the device is gone.
            Ok(Err(_)) => return None,
            _ if stream.over => "over",
            Ok(Ok(())) => "changed",
            Err(_) => continue,
        };
        // An event without data is not delivered (HTML, "server-sent events").
        return Some((Ok(Event::default().event(name).data(name)), stream));
    }
}
