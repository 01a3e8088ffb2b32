//! A connection whose other end has to keep reading.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// A stream that fails when the other end took nothing of what is written for as long as `limit`.
pub(crate) struct KeptRead {
    inner: TcpStream,
    limit: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl KeptRead {
    /// `inner`, with this limit.
    pub(crate) const fn new(inner: TcpStream, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            deadline: None,
        }
    }

    /// What became of a write, unless it waits for too long.
    fn in_time(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.deadline = None;
            return written;
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        deadline
            .as_mut()
            .poll(context)
            .map(|()| Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not read")))
    }
}

impl AsyncRead for KeptRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for KeptRead {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);
    const PIECE: usize = 64 * 1024;

    /// A stream with its limit, and the other end.
    async fn pair() -> (KeptRead, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (KeptRead::new(near, LIMIT), listener.accept().await.unwrap().0)
    }

    /// Writes, plainly or in parts, until it fails; how, and after how many seconds.
    async fn write_on(stream: &mut KeptRead, in_parts: bool) -> (io::ErrorKind, u64) {
        let begun = Instant::now();
        let bytes = vec![0; PIECE];
        loop {
            let written = if in_parts {
                stream.write_vectored(&[IoSlice::new(&bytes)]).await
            } else {
                stream.write(&bytes).await
            };
            if let Err(error) = written {
                return (error.kind(), begun.elapsed().as_secs());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_has_the_whole_limit_from_its_last_byte_on() {
        for in_parts in [false, true] {
            let (mut stream, mut other) = pair().await;
            let half = tokio::time::timeout(LIMIT / 2, write_on(&mut stream, in_parts)).await;
            assert!(half.is_err(), "half of the limit has passed");
            let mut taken = 0;
            while taken < 16 * PIECE {
                taken += other.read(&mut vec![0; PIECE]).await.unwrap();
            }
            let ended = write_on(&mut stream, in_parts).await;
            assert_eq!(ended, (io::ErrorKind::TimedOut, LIMIT.as_secs()), "{in_parts}");
        }
    }
}
