//! An answer of a reader that is taken a line at a time, since the whole may be larger than the memory.

use pocket_core::Unreadable;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Take};
use tokio::process::ChildStdout;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{End, ReadError, reason};
use crate::failure;

/// Longest line, in bytes: a record of 8 MiB, each letter of it written as six.
const MOST_LINE: u64 = 48 * 1024 * 1024;
/// Longest answer, in bytes: what an archive may unpack to, and the lines around it.
pub(super) const MOST_ANSWER: u64 = 1024 * 1024 * 1024;

/// The rest of an answer. Dropping it kills the reader.
pub struct Lines {
    output: BufReader<Take<ChildStdout>>,
    end: Option<JoinHandle<End>>,
    _given_up: oneshot::Sender<()>,
}

impl Lines {
    pub(super) fn new(output: ChildStdout, end: JoinHandle<End>, given_up: oneshot::Sender<()>) -> Self {
        Self {
            output: BufReader::new(output.take(MOST_ANSWER)),
            end: Some(end),
            _given_up: given_up,
        }
    }

    /// The next line, without its end; `None` behind the last.
    ///
    /// # Errors
    /// [`ReadError`]: why there are no more.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.output).take(MOST_LINE);
        let read = limited.read_until(b'\n', &mut line).await;
        read.map_err(|_| Unreadable::Broke)?;
        match line.pop() {
            Some(b'\n') => Ok(Some(line)),
            // Whoever writes this one still writes.
            Some(_) if u64::try_from(line.len()).is_ok_and(|length| length + 1 >= MOST_LINE) => {
                Err(Unreadable::TooLarge.into())
            }
            // Whoever wrote it is gone.
            Some(_) => Err(self
                .ended()
                .await
                .err()
                .unwrap_or_else(|| Unreadable::Broke.into())),
            None => self.ended().await.map(|()| None),
        }
    }

    /// The `count` bytes behind the line.
    ///
    /// # Errors
    /// [`ReadError`]: why there are fewer.
    pub async fn bytes(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = vec![0; count];
        match self.output.read_exact(&mut bytes).await {
            Ok(_) => Ok(bytes),
            Err(_) => Err(self
                .ended()
                .await
                .err()
                .unwrap_or_else(|| Unreadable::Broke.into())),
        }
    }

    /// How the reader ended, once it has nothing more to say.
    async fn ended(&mut self) -> Result<(), ReadError> {
        if !self.output.buffer().is_empty() || self.output.get_ref().limit() == 0 {
            return Err(Unreadable::TooLarge.into());
        }
        let Some(end) = self.end.take() else {
            return Ok(());
        };
        match end.await.map_err(|_| failure::stopping())? {
            End::Exited(status) if status.success() => Ok(()),
            End::Exited(status) => Err(reason(status).into()),
            End::Locked => Err(failure::locked().into()),
            End::TooLong => Err(Unreadable::TooLong.into()),
        }
    }
}
