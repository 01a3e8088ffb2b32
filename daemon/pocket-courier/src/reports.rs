//! What is told of a call, as it comes.

use pocket_grant::Report;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;

/// Reports that wait to be taken; then the other side has to wait.
const WAITING: usize = 16;

/// What is told of a call, one after the other. Dropping it gives the call up.
pub struct Reports {
    told: Receiver<Report>,
    task: AbortHandle,
}

impl Reports {
    /// Runs `call`, which tells its end last.
    pub(crate) fn of<F>(call: impl FnOnce(Sender<Report>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (sender, told) = mpsc::channel(WAITING);
        let task = tokio::spawn(call(sender)).abort_handle();
        Self { told, task }
    }

    /// The next one; `None` behind [`Report::Ended`] and [`Report::Failed`].
    pub async fn next(&mut self) -> Option<Report> {
        self.told.recv().await
    }
}

impl Drop for Reports {
    fn drop(&mut self) {
        self.task.abort();
    }
}
