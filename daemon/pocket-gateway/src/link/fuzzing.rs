//! What a broker says, for tests that have it say any bytes. In no product.

use std::io::Cursor;

use pocket_core::{DeviceState, LinkTerms, Profile, Timestamp};
use pocket_grant::{LinkReport, LinkWord, MOST_CAPTURE, body_length, decode_link_report};
use tokio::io::{AsyncReadExt, join, sink};
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::session::Session;
use super::{Daemon, Opened, WAITING};

/// Introduces us to a broker that says `bytes`, in two pieces of which the first is `cut` bytes long, whatever it
/// hears; whatever comes of that is settled. Must not panic.
///
/// # Panics
/// When something has a defect, or the daemon is given a text that it should not be given.
pub fn hear_broker(bytes: &[u8], cut: usize) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a test may have a runtime").block_on(async {
        let (ours, theirs) = UnixStream::pair().expect("a test may have a socket");
        let (sender, words) = mpsc::channel(WAITING);
        let (_, to) = ours.into_split();
        let mut daemon = Daemon {
            to,
            words,
            state: Some(state()),
            captures: 0,
        };
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        let said = Cursor::new(first.to_vec()).chain(Cursor::new(second.to_vec()));
        let linked = async move {
            let stream = Box::new(join(said, sink()));
            if let Ok(mut session) = Session::open(stream, &opened(), &mut daemon).await {
                session.run().await;
            }
        };
        tokio::join!(linked, settle(theirs, sender));
    });
}

const fn state() -> DeviceState {
    DeviceState {
        healthy: true,
        storage: 1,
        profile: Profile::LocalNetwork,
        waiting: 0,
    }
}

fn opened() -> Opened {
    let terms = LinkTerms {
        host: "broker.home.arpa".to_owned(),
        port: 1883,
        encrypted: false,
        ca: None,
        user: None,
        device: "1".to_owned(),
        prefix: "homeassistant".to_owned(),
        expires: Timestamp::from_millis(i64::MAX),
        nonce: [0; 16],
    };
    Opened {
        terms,
        password: None,
    }
}

/// The daemon: it settles whatever it is given, until the link is gone.
async fn settle(mut from: UnixStream, words: mpsc::Sender<LinkWord>) {
    let mut prefix = [0; 4];
    while from.read_exact(&mut prefix).await.is_ok() {
        let length = body_length(prefix).expect("our own frame");
        let mut body = vec![0; length];
        from.read_exact(&mut body).await.expect("our own frame, whole");
        match decode_link_report(&body).expect("our own report") {
            LinkReport::Captured { number, text, .. } => {
                assert!(text.len() <= MOST_CAPTURE && !text.trim().is_empty());
                words.send(LinkWord::Settled(number)).await.unwrap_or_default();
            }
            LinkReport::Refused { number, .. } => {
                words.send(LinkWord::Settled(number)).await.unwrap_or_default();
            }
            LinkReport::Connected { .. }
            | LinkReport::Ended(_)
            | LinkReport::LockPressed
            | LinkReport::Lost(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It lets us in, confirms what we ask and say, leaves two texts and a press.
    const SAID: &[u8] = b"\x20\x02\x00\x00\x90\x04\x00\x01\x00\x01\x40\x02\x00\x02\
        \x32\x1d\x00\x12pocketai/1/capture\x00\x07hello w\
        \x30\x18\x00\x12pocketai/1/captureMilk\x30\x15\x00\x0fpocketai/1/lockLOCK";

    #[test]
    fn nothing_that_a_broker_says_makes_it_panic_wherever_it_ends() {
        for end in 0..=SAID.len() {
            hear_broker(&SAID[..end], end / 2);
        }
    }
}
