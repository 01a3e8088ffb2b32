//! Who is connected. There are few places, and a connection that idles gives its own up to a caller
//! who wants one: programs that were forgotten must not keep the owner out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long to wait for a place that was asked back. An idle connection gives it up at once.
const GIVEN_UP: Duration = Duration::from_secs(1);
/// What [`Place::since`] says of a connection that is at work.
const BUSY: u64 = 0;

/// All places, kept by the one who lets callers in.
pub(crate) struct Places {
    free: Arc<Semaphore>,
    taken: Vec<Weak<Place>>,
    turns: Arc<AtomicU64>,
    urgent: bool,
}

/// The place of one connection, for as long as it lives.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    /// The turn at which it began to idle, or [`BUSY`].
    since: AtomicU64,
    turns: Arc<AtomicU64>,
    leave: Notify,
    /// Whether it is one of those that are kept for what can't wait.
    pub(crate) urgent: bool,
}

impl Places {
    /// So many, kept for what can't wait.
    pub(crate) fn urgent(number: usize) -> Self {
        Self {
            urgent: true,
            ..Self::new(number)
        }
    }

    /// So many.
    pub(crate) fn new(number: usize) -> Self {
        Self {
            urgent: false,
            free: Arc::new(Semaphore::new(number)),
            taken: Vec::new(),
            turns: Arc::new(AtomicU64::new(BUSY)),
        }
    }

    /// A place for one more; where there is none, that of the connection which has idled longest.
    /// `None` when all of them are at work.
    pub(crate) async fn take(&mut self) -> Option<Arc<Place>> {
        self.taken.retain(|place| place.strong_count() > 0);
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => self.ask_back().await?,
        };
        let place = Arc::new(Place {
            _permit: permit,
            since: AtomicU64::new(BUSY),
            turns: Arc::clone(&self.turns),
            leave: Notify::new(),
            urgent: self.urgent,
        });
        self.taken.push(Arc::downgrade(&place));
        Some(place)
    }

    async fn ask_back(&self) -> Option<OwnedSemaphorePermit> {
        let idle = self.taken.iter().filter_map(Weak::upgrade);
        let longest = idle
            .map(|place| (place.since.load(Ordering::Relaxed), place))
            .filter(|(since, _)| *since != BUSY)
            .min_by_key(|(since, _)| *since);
        longest?.1.leave.notify_one();
        // One that was asked something in this very moment answers first, and may take too long.
        let given = timeout(GIVEN_UP, Arc::clone(&self.free).acquire_owned()).await;
        given.ok()?.ok()
    }
}

impl Place {
    /// Waits for `work`, which is the peer's next move, unless the place is wanted by another
    /// before: `None`. What has come already is taken first.
    pub(crate) async fn idle<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.since.store(turn, Ordering::Relaxed);
        let came = tokio::select! {
            biased;
            came = work => Some(came),
            () = self.leave.notified() => None,
        };
        self.since.store(BUSY, Ordering::Relaxed);
        came
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::task::JoinHandle;

    use super::*;

    /// Idles in its place until that is wanted.
    async fn idle(place: Arc<Place>) -> bool {
        place.idle(pending::<()>()).await.is_none()
    }

    /// On the paused clock a minute passes as soon as nothing else can happen.
    async fn gave_way(idle: JoinHandle<bool>) -> bool {
        timeout(Duration::from_secs(60), idle)
            .await
            .is_ok_and(Result::unwrap)
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_idles_longest_gives_way() {
        let mut places = Places::new(3);
        let busy = places.take().await.unwrap();
        assert_eq!(
            busy.idle(ready(7)).await,
            Some(7),
            "it was idle, and is at work again"
        );
        let first = tokio::spawn(idle(places.take().await.unwrap()));
        tokio::task::yield_now().await;
        let second = tokio::spawn(idle(places.take().await.unwrap()));
        tokio::task::yield_now().await;
        let third = places.take().await.expect("the first gives way");
        assert!(gave_way(first).await && !second.is_finished());
        let fourth = places.take().await.expect("the second gives way");
        assert!(gave_way(second).await);
        assert!(places.take().await.is_none(), "all are at work");
        drop(fourth);
        assert!(places.take().await.is_some());
        drop((busy, third));
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_come_is_answered_before_the_place_is_given_up() {
        let mut places = Places::new(1);
        let place = places.take().await.unwrap();
        place.leave.notify_one();
        assert_eq!(place.idle(ready("a request")).await, Some("a request"));
        let wanted = timeout(Duration::from_secs(60), place.idle(pending::<()>()));
        assert_eq!(wanted.await, Ok(None));
    }
}
