//! A link to the owner's broker, over one connection to a gateway.

use std::path::Path;

use pocket_crypto::secret::Key;
use pocket_grant::{LinkReport, LinkWord, SealedLink, body_length, decode_link_report, greeting, word_frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;

use crate::carry::call;

/// Reports that wait to be taken; then the gateway has to wait.
const REPORTS: usize = 16;
/// Words that wait to be said.
const WORDS: usize = 16;

/// A link: what is told of it, and what is said over it. Dropping it closes the link.
pub struct Line {
    reports: Receiver<LinkReport>,
    words: Sender<LinkWord>,
    task: AbortHandle,
}

impl Line {
    /// Runs `link`, which tells what it hears and says what it is given.
    pub(crate) fn of<F>(link: impl FnOnce(Sender<LinkReport>, Receiver<LinkWord>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (reporter, reports) = mpsc::channel(REPORTS);
        let (words, said) = mpsc::channel(WORDS);
        let task = tokio::spawn(link(reporter, said)).abort_handle();
        Self { reports, words, task }
    }

    /// What is told next; `None` once the link is over. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Option<LinkReport> {
        self.reports.recv().await
    }

    /// Says something. Over a link that is no more, nothing is said.
    pub async fn say(&self, word: LinkWord) {
        self.words.send(word).await.unwrap_or_default();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Opens the link at the gateway at `socket`, and keeps it until either side has enough.
pub(crate) async fn keep(
    socket: &Path,
    key: &Key,
    link: &SealedLink,
    (reports, words): (&Sender<LinkReport>, Receiver<LinkWord>),
) -> Option<()> {
    let stream = call(socket).await.ok()?;
    let (mut from, mut to) = stream.into_split();
    to.write_all(&greeting(key)).await.ok()?;
    to.write_all(link.expose_frame()).await.ok()?;
    tokio::select! {
        () = tell(&mut from, reports) => {}
        () = say(&mut to, words) => {}
    }
    Some(())
}

async fn tell(from: &mut OwnedReadHalf, reports: &Sender<LinkReport>) {
    while let Some(report) = hear(from).await {
        if reports.send(report).await.is_err() {
            return;
        }
    }
}

async fn hear(from: &mut OwnedReadHalf) -> Option<LinkReport> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix).await.ok()?;
    let mut body = vec![0; body_length(prefix).ok()?];
    from.read_exact(&mut body).await.ok()?;
    decode_link_report(&body).ok()
}

async fn say(to: &mut OwnedWriteHalf, mut words: Receiver<LinkWord>) {
    while let Some(word) = words.recv().await {
        if to.write_all(&word_frame(word)).await.is_err() {
            return;
        }
    }
}
