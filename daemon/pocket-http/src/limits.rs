//! How much and how long.

use std::time::Duration;

/// The limits of a door.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Connections at a time.
    pub(crate) connections: usize,
    /// From the beginning of a connection, or the end of the last answer, to the end of a request's
    /// head.
    pub(crate) head: Duration,
    /// For each [`crate::body::LEAST`] bytes of a request's body.
    pub(crate) body: Duration,
    /// How long a client may take nothing of its answer.
    pub(crate) answer: Duration,
    /// How long requests under way may take once the daemon stops.
    pub(crate) farewell: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A browser opens six, and one more for each page with live updates. Two doors with 64
            // leave most of the usual 1,024 descriptors to the store and the control socket.
            connections: 64,
            head: Duration::from_secs(10),
            body: Duration::from_secs(60),
            answer: Duration::from_secs(60),
            farewell: Duration::from_secs(3),
        }
    }
}
