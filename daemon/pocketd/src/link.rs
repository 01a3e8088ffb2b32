//! Keeps the engine's link to the owner's broker, by the gateway.

use std::time::Duration;

use pocket_core::{FailureKind, LinkFault, Refused};
use pocket_courier::{Gateway, Line};
use pocket_grant::{LinkReport, LinkWord};
use pocket_service::{Handle, Link};
use tokio::time::{Instant, sleep_until};

/// How long a text waits that can't be kept at the moment: too many came, or there is no room.
const LATER: Duration = Duration::from_secs(10);

/// A text that the engine has not taken yet. It has no `Debug`: it is content.
struct Held {
    number: u32,
    packet: u16,
    redelivered: bool,
    /// Or why it can't be kept, which the log must have before the broker forgets it.
    text: Result<String, Refused>,
    again: Instant,
}

/// Nobody wants the link any more.
struct Over;

/// The engine at one end, the gateway at the other.
struct Keeper {
    number: u64,
    handle: Handle,
    line: Line,
    held: Option<Held>,
}

/// Keeps `link` until it is given up, or the gateway ends it.
pub(crate) async fn keep(link: Link, handle: Handle, gateway: Gateway) {
    let Link {
        number,
        leave,
        password,
        mut states,
        mut given_up,
    } = link;
    let line = gateway.link(leave, password.as_ref());
    let state = *states.borrow_and_update();
    line.say(LinkWord::State(state)).await;
    let mut keeper = Keeper {
        number,
        handle,
        line,
        held: None,
    };
    loop {
        let again = keeper.held.as_ref().map(|held| held.again);
        let done = tokio::select! {
            report = keeper.line.next() => keeper.pass_on(report).await,
            changed = states.changed() => match changed {
                Ok(()) => {
                    let state = *states.borrow_and_update();
                    keeper.line.say(LinkWord::State(state)).await;
                    Ok(())
                }
                Err(_) => Err(Over),
            },
            () = until(again) => keeper.offer().await,
            _ = &mut given_up => Err(Over),
        };
        if let Err(Over) = done {
            return;
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Keeper {
    /// Passes on what the gateway tells; a link that is over is told once.
    async fn pass_on(&mut self, report: Option<LinkReport>) -> Result<(), Over> {
        let report = report.unwrap_or(LinkReport::Ended(LinkFault::GatewayAbsent));
        let (number, packet, redelivered, text) = match report {
            LinkReport::Captured {
                number,
                packet,
                redelivered,
                text,
            } => (number, packet, redelivered, Ok(text)),
            LinkReport::Refused { number, why } => (number, 0, false, Err(why)),
            report => return self.tell(report).await,
        };
        self.held = Some(Held {
            number,
            packet,
            redelivered,
            text,
            again: Instant::now(),
        });
        self.offer().await
    }

    async fn tell(&self, report: LinkReport) -> Result<(), Over> {
        let last = matches!(report, LinkReport::Ended(_));
        let passed = self.handle.linked(self.number, report).await;
        if last || passed.is_err() {
            Err(Over)
        } else {
            Ok(())
        }
    }

    /// Offers the engine the text that waits; the broker keeps it until it is taken.
    async fn offer(&mut self) -> Result<(), Over> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        let number = held.number;
        let report = match &held.text {
            Ok(text) => LinkReport::Captured {
                number,
                packet: held.packet,
                redelivered: held.redelivered,
                text: text.clone(),
            },
            Err(why) => LinkReport::Refused { number, why: *why },
        };
        match self.handle.linked(self.number, report).await {
            Ok(()) => {
                let settled = LinkWord::Settled(number);
                self.held = None;
                self.line.say(settled).await;
                Ok(())
            }
            Err(failure) if matches!(failure.kind, FailureKind::Locked | FailureKind::NotFound) => Err(Over),
            Err(_) => {
                held.again = Instant::now() + LATER;
                Ok(())
            }
        }
    }
}
