//! The doors that are open. One that closes by itself is a failure of the whole device: the owner
//! would find it shut, and nobody would say why.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{error, warn};

/// How a door ended that nobody had told to.
#[derive(Debug, Error)]
pub(crate) enum DoorError {
    #[error("the door {door:?} closed by itself: the daemon stops, so that it can be started anew")]
    Closed { door: &'static str },
    #[error("the door {door:?} failed: the daemon stops, so that it can be started anew")]
    Failed {
        door: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the door {door:?} broke down: the daemon stops, so that it can be started anew")]
    Panicked {
        door: &'static str,
        #[source]
        source: JoinError,
    },
}

/// The open doors, by name.
pub(crate) struct Doors {
    tasks: JoinSet<io::Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl Doors {
    pub(crate) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            names: HashMap::new(),
        }
    }

    /// Opens one.
    pub(crate) fn open(
        &mut self,
        name: &'static str,
        door: impl Future<Output = io::Result<()>> + Send + 'static,
    ) {
        let task = self.tasks.spawn(door);
        self.names.insert(task.id(), name);
    }

    /// Waits until a door closes by itself. Cancelling it loses nothing.
    pub(crate) async fn broken(&mut self) -> DoorError {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, Ok(())))) => DoorError::Closed { door: self.name(id) },
            Some(Ok((id, Err(source)))) => DoorError::Failed {
                door: self.name(id),
                source,
            },
            Some(Err(source)) => DoorError::Panicked {
                door: self.name(source.id()),
                source,
            },
            None => pending().await,
        }
    }

    /// Waits for the doors that were told to close, for so long.
    pub(crate) async fn closed(mut self, grace: Duration) {
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => warn!(%error, "a door closed with an error"),
                    Err(error) => error!(%error, "a door broke down while it closed"),
                }
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            warn!("a door did not close in time");
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names.get(&id).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_that_ends_is_named_however_it_ends() {
        let mut doors = Doors::new();
        doors.open("ui", pending());
        doors.open("mcp", async { panic!("a defect") });
        assert!(matches!(
            doors.broken().await,
            DoorError::Panicked { door: "mcp", .. }
        ));
        doors.open("control", async { Err(io::Error::other("no")) });
        assert!(matches!(
            doors.broken().await,
            DoorError::Failed { door: "control", .. }
        ));
        doors.open("other", async { Ok(()) });
        let broken = doors.broken().await;
        assert!(matches!(broken, DoorError::Closed { door: "other" }), "{broken}");
        assert!(broken.to_string().contains("other"));
    }

    #[tokio::test(start_paused = true)]
    async fn doors_that_were_told_are_waited_for_and_not_for_ever() {
        let begun = tokio::time::Instant::now();
        let mut doors = Doors::new();
        doors.open("ui", async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok(())
        });
        doors.closed(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed().as_secs(), 2);
        let mut doors = Doors::new();
        doors.open("ui", pending());
        doors.closed(Duration::from_secs(5)).await;
        assert_eq!(begun.elapsed().as_secs(), 7);
    }
}
