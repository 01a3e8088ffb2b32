//! A link to the owner's own broker, for as long as the daemon wants it and its leave lasts.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod own;
mod session;
mod topics;
mod wire;

use std::cell::RefCell;
use std::time::Duration;

use pocket_core::{DeviceState, LinkFault, LinkTerms, Timestamp};
use pocket_crypto::SecretBytes;
use pocket_grant::{LinkReport, LinkWord, ToGateway, body_length, decode_to_gateway, link_report_frame};
use rand::RngExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

use crate::tls::Trust;
use session::Session;

/// Words that wait to be heard: the daemon says few.
const WAITING: usize = 16;
/// How long the daemon may take to take a report.
const FRAME: Duration = Duration::from_secs(30);
/// The pause before a broker is tried again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause. After a connection that lasted so long, the pauses begin anew.
const LAST_PAUSE: Duration = Duration::from_secs(120);

/// The link that there is: a newer one ends it.
#[derive(Default)]
pub(crate) struct Only(RefCell<Option<oneshot::Sender<()>>>);

impl Only {
    /// Ends the one before; gives what tells the end of this one.
    fn take(&self) -> oneshot::Receiver<()> {
        let (ours, replaced) = oneshot::channel();
        self.0.replace(Some(ours));
        replaced
    }
}

/// Why a connection, or the whole link, is over.
enum End {
    /// The daemon has gone, or says what makes no sense.
    Daemon,
    Fault(LinkFault),
    /// Nothing is wrong: the broker has more texts, for a new connection.
    Again,
}

impl From<LinkFault> for End {
    fn from(fault: LinkFault) -> Self {
        Self::Fault(fault)
    }
}

/// The daemon, at the other end of its connection.
struct Daemon {
    to: OwnedWriteHalf,
    words: mpsc::Receiver<LinkWord>,
    /// How the device is, as it said last.
    state: Option<DeviceState>,
    /// How many captures it was given.
    captures: u32,
}

impl Daemon {
    async fn tell(&mut self, report: &LinkReport) -> Result<(), End> {
        let frame = link_report_frame(report).map_err(|_| End::Daemon)?;
        match timeout(FRAME, self.to.write_all(&frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Daemon),
        }
    }

    /// The next word. Cancelling it loses none.
    async fn hear(&mut self) -> Result<LinkWord, End> {
        let word = self.words.recv().await.ok_or(End::Daemon)?;
        if let LinkWord::State(state) = word {
            self.state = Some(state);
        }
        Ok(word)
    }

    /// What comes of `work`, unless the daemon goes while it lasts. What it says meanwhile is how the device is,
    /// or about a connection that is no more.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                // First of all: who does not want the link any more must not see it introduce itself.
                biased;
                word = self.hear() => drop(word?),
                done = &mut work => return Ok(done),
            }
        }
    }

    /// How the device is.
    async fn state(&mut self) -> Result<DeviceState, End> {
        loop {
            if let Some(state) = self.state {
                return Ok(state);
            }
            self.hear().await?;
        }
    }
}

/// What a link is opened with.
pub(crate) struct Opened {
    pub(crate) terms: LinkTerms,
    pub(crate) password: Option<SecretBytes>,
}

/// Keeps the link until its leave ends, the daemon goes, or another one is opened.
pub(crate) async fn attend(only: &Only, opened: Opened, (from, to): (OwnedReadHalf, OwnedWriteHalf)) {
    let (sender, words) = mpsc::channel(WAITING);
    let mut hearing = spawn_local(hear(from, sender));
    let mut daemon = Daemon {
        to,
        words,
        state: None,
        captures: 0,
    };
    let leave = until(opened.terms.expires);
    let replaced = only.take();
    let end = tokio::select! {
        // Whatever is under way: the daemon gives no reason, and waits for nothing.
        _ = &mut hearing => End::Daemon,
        end = keep(&opened, &mut daemon) => end,
        () = leave => End::Fault(LinkFault::Expired),
        _ = replaced => End::Daemon,
    };
    hearing.abort();
    if let End::Fault(fault) = end {
        warn!(reason = %fault, "the link to the broker is over");
        // One that has gone needs no end.
        daemon.tell(&LinkReport::Ended(fault)).await.unwrap_or_default();
    }
}

/// Says that there can be no link, and why.
pub(crate) async fn refuse(to: OwnedWriteHalf, fault: LinkFault) {
    let (_, words) = mpsc::channel(1);
    let mut daemon = Daemon {
        to,
        words,
        state: None,
        captures: 0,
    };
    warn!(reason = %fault, "no link to the broker was opened");
    daemon.tell(&LinkReport::Ended(fault)).await.unwrap_or_default();
}

/// Connects again and again, and tells the daemon what comes of it.
async fn keep(opened: &Opened, daemon: &mut Daemon) -> End {
    let Ok(trust) = trust(&opened.terms) else {
        return LinkFault::AuthorityInvalid.into();
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = Instant::now();
        let fault = match connect(opened, &trust, daemon).await {
            End::Daemon => return End::Daemon,
            End::Fault(fault) => fault,
            End::Again => {
                // At once, but for a broker that would have us do nothing else.
                let rest = FIRST_PAUSE.saturating_sub(begun.elapsed());
                if let Err(end) = daemon.meanwhile(sleep(rest)).await {
                    return end;
                }
                continue;
            }
        };
        info!(reason = %fault, "the broker is not connected");
        if let Err(end) = daemon.tell(&LinkReport::Lost(fault)).await {
            return end;
        }
        if begun.elapsed() >= LAST_PAUSE {
            pause = FIRST_PAUSE;
        }
        if let Err(end) = daemon.meanwhile(sleep(jittered(pause))).await {
            return end;
        }
        pause = LAST_PAUSE.min(pause * 2);
    }
}

/// One connection, from its beginning to its end.
async fn connect(opened: &Opened, trust: &Trust, daemon: &mut Daemon) -> End {
    let stream = match daemon.meanwhile(own::reach(&opened.terms, trust)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(fault)) => return fault.into(),
        Err(end) => return end,
    };
    match Session::open(stream, opened, daemon).await {
        Ok(mut session) => {
            info!("the broker is connected");
            session.run().await
        }
        Err(end) => end,
    }
}

/// From half of it to all of it: a broker that comes back is not met by everyone at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

fn trust(terms: &LinkTerms) -> Result<Trust, crate::tls::CaError> {
    match &terms.ca {
        Some(pem) => Trust::only(pem),
        None => Trust::new(&[]),
    }
}

/// Resolves at `end`, however the clock is set meanwhile.
async fn until(end: Timestamp) {
    const LOOK: Duration = Duration::from_secs(1);
    while crate::service::now() < end {
        sleep(LOOK).await;
    }
}

/// Hears what the daemon says until it goes, or breaks the protocol.
async fn hear(mut from: OwnedReadHalf, words: mpsc::Sender<LinkWord>) {
    while let Some(word) = next(&mut from).await {
        if words.send(word).await.is_err() {
            return;
        }
    }
}

async fn next(from: &mut OwnedReadHalf) -> Option<LinkWord> {
    let mut prefix = [0; 4];
    from.read_exact(&mut prefix).await.ok()?;
    let mut body = vec![0; body_length(prefix).ok()?];
    from.read_exact(&mut body).await.ok()?;
    match decode_to_gateway(&body) {
        Ok(ToGateway::Said(word)) => Some(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_never_longer_nor_much_shorter_than_they_should_be() {
        for _ in 0..1000 {
            let pause = jittered(LAST_PAUSE);
            assert!(pause <= LAST_PAUSE && pause >= LAST_PAUSE / 2, "{pause:?}");
        }
    }
}
