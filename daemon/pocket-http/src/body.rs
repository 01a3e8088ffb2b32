//! A request's body that has to keep coming.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Bytes that must come within the limit, lest a byte a minute keeps a connection for ever: 16 KiB.
pub(crate) const LEAST: usize = 16 * 1024;

/// A body that fails when less than [`LEAST`] bytes of it, and not its end, came in the time given.
/// Time counts from when the body is first waited for.
pub(crate) struct KeptComing<B> {
    inner: B,
    limit: Duration,
    came: usize,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<B> KeptComing<B> {
    /// `inner`, with so much time for each [`LEAST`] bytes.
    pub(crate) const fn new(inner: B, limit: Duration) -> Self {
        Self {
            inner,
            limit,
            came: 0,
            deadline: None,
        }
    }

    fn count(&mut self, frame: &Frame<Bytes>) {
        self.came += frame.data_ref().map_or(0, Bytes::len);
        if self.came >= LEAST {
            self.came = 0;
            self.deadline = None;
        }
    }
}

impl<B> Body for KeptComing<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            if let Some(Ok(frame)) = &frame {
                this.count(frame);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(deadline.as_mut().poll(context));
        let late = io::Error::new(io::ErrorKind::TimedOut, "the body of the request stopped coming");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body as AnyBody;
    use futures_util::{StreamExt, stream};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    /// How many bytes come through, of 100 pieces of this size with so many seconds before each.
    async fn through(piece: usize, seconds: u64) -> usize {
        let pieces = stream::unfold(0, move |number| async move {
            sleep(Duration::from_secs(seconds)).await;
            (number < 100).then(|| (Ok::<_, Infallible>(Bytes::from(vec![0; piece])), number + 1))
        });
        let body = KeptComing::new(AnyBody::from_stream(pieces), LIMIT);
        let mut pieces = AnyBody::new(body).into_data_stream();
        let mut bytes = 0;
        while let Some(Ok(piece)) = pieces.next().await {
            bytes += piece.len();
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_be_slow_but_not_drip() {
        assert_eq!(through(LEAST, 59).await, 100 * LEAST, "each piece in time");
        assert_eq!(through(LEAST, 61).await, 0, "silence");
        assert_eq!(through(LEAST / 2, 29).await, 50 * LEAST, "two pieces in time");
        assert_eq!(through(1, 7).await, 8, "a byte every seven seconds");
    }
}
