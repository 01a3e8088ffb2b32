//! One connection to the broker: who we are, how the device is, and what comes in.
//!
//! A text that came is confirmed to the broker only once the daemon has said that it is on its disk, one after
//! the other: until then the broker keeps it. What goes out is the newest only, and retained.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use pocket_core::{LinkFault, Refused};
use pocket_grant::{LinkReport, LinkWord, MOST_CAPTURE};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, LastWill, Login, Packet, PubAck, Publish, SubAck, Subscribe,
    SubscribeFilter, SubscribeReasonCode,
};
use tokio::time::{interval, timeout};

use super::own::Stream;
use super::topics::{self, LOCK, OFFLINE, ONLINE, Topics};
use super::wire::{Heard, Wire};
use super::{Daemon, End, Opened};

/// How long a broker may take to say whether it lets us in.
const GREETING: Duration = Duration::from_secs(10);
/// What the broker is told: it gives us up after one and a half times this.
const KEEP_ALIVE: u16 = 30;
/// How often we say that we are still here.
const PING: Duration = Duration::from_secs(20);
/// How long the broker may say nothing.
const SILENCE: Duration = Duration::from_secs(45);
/// Messages that may wait for the daemon. What comes beyond that is left to the broker, which offers again what
/// nobody confirmed to whoever connects anew: some offer 20 more after each confirmation, and all at once later.
const MOST_WAITING: usize = 64;

/// A text that waits for the daemon.
struct Capture {
    /// Its number at the broker; 0 where nobody waits for its confirmation.
    packet: u16,
    redelivered: bool,
    /// Or why it can't be kept.
    text: Result<String, Refused>,
}

pub(super) struct Session<'a> {
    wire: Wire,
    topics: Topics,
    daemon: &'a mut Daemon,
    captures: VecDeque<Capture>,
    /// The capture that the daemon has: its number there, and at the broker.
    offered: Option<(u32, u16)>,
    /// Whether the broker was left with texts that it offers again to a new connection alone.
    left: bool,
    /// Messages of ours that the broker has not confirmed.
    unconfirmed: HashSet<u16>,
    /// That one of them which says how the device is; a newer one waits for it.
    state: Option<u16>,
    /// Whether there is a newer one.
    newer: bool,
    last: u16,
}

impl<'a> Session<'a> {
    /// Introduces us, and waits for the answer.
    pub(super) async fn open(
        stream: Box<dyn Stream>,
        opened: &Opened,
        daemon: &'a mut Daemon,
    ) -> Result<Self, End> {
        // Retained is what the state says: it must be there first.
        daemon.state().await?;
        let topics = Topics::of(&opened.terms);
        let mut wire = Wire::new(stream);
        let introduced = async {
            wire.send(&Packet::Connect(introduction(&topics, opened))).await?;
            let answer = timeout(GREETING, wire.next()).await;
            let_in(answer.map_err(|_| LinkFault::Silent)??)
        };
        let ConnAck { session_present, .. } = daemon.meanwhile(introduced).await??;
        let resumed = session_present;
        daemon.tell(&LinkReport::Connected { resumed }).await?;
        let mut session = Self {
            wire,
            topics,
            daemon,
            captures: VecDeque::new(),
            offered: None,
            left: false,
            unconfirmed: HashSet::new(),
            state: None,
            newer: false,
            last: 0,
        };
        session.begin().await?;
        Ok(session)
    }

    /// Asks for what is ours, and says what we are.
    async fn begin(&mut self) -> Result<(), End> {
        // A press that nobody heard must not lock the device hours later: it is not kept for us.
        let lock = SubscribeFilter::new(self.topics.lock.clone(), QoS::AtMostOnce);
        let capture = SubscribeFilter::new(self.topics.capture.clone(), QoS::AtLeastOnce);
        let mut subscribe = Subscribe::new_many([lock, capture]);
        subscribe.pkid = self.number();
        self.wire.send(&Packet::Subscribe(subscribe)).await?;
        let description = self.topics.description().to_string();
        self.publish(self.topics.discovery.clone(), description).await?;
        self.publish(self.topics.availability.clone(), ONLINE.to_owned())
            .await?;
        self.publish_state().await
    }

    /// Goes on until something ends it.
    pub(super) async fn run(&mut self) -> End {
        let mut ping = interval(PING);
        ping.reset();
        loop {
            let done = tokio::select! {
                heard = self.wire.next() => match heard {
                    Ok(heard) => self.take(heard).await,
                    Err(fault) => Err(fault.into()),
                },
                word = self.daemon.hear() => match word {
                    Ok(word) => self.follow(word).await,
                    Err(end) => Err(end),
                },
                _ = ping.tick() => self.ping().await,
            };
            if let Err(end) = done {
                if matches!(end, End::Again) {
                    self.wire.part().await;
                }
                return end;
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.wire.heard().elapsed() >= SILENCE {
            return Err(LinkFault::Silent.into());
        }
        Ok(self.wire.send(&Packet::PingReq).await?)
    }

    /// Does what the daemon says.
    async fn follow(&mut self, word: LinkWord) -> Result<(), End> {
        match word {
            LinkWord::State(_) => self.publish_state().await,
            LinkWord::Settled(number) => match self.offered {
                Some((offered, packet)) if offered == number => {
                    self.offered = None;
                    self.confirm(packet).await?;
                    self.offer().await
                }
                // Of a connection that is no more: the broker offers it again.
                _ => Ok(()),
            },
        }
    }

    /// Takes what the broker says.
    async fn take(&mut self, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Packet(Packet::Publish(publish)) => self.take_message(publish).await,
            Heard::Packet(Packet::PubAck(PubAck { pkid })) => self.confirmed(pkid).await,
            Heard::Packet(Packet::SubAck(answer)) => Ok(subscribed(&answer)?),
            Heard::Packet(Packet::PingResp) => Ok(()),
            Heard::TooLarge { topic, packet } if topic == self.topics.capture => {
                self.queue(packet, false, Err(Refused::TooLong)).await
            }
            // No press, and someone may have had it kept for whoever comes.
            Heard::TooLarge { topic, packet } if topic == self.topics.lock => self.confirm(packet).await,
            Heard::Packet(_) | Heard::TooLarge { .. } => Err(LinkFault::Garbled.into()),
        }
    }

    async fn take_message(&mut self, publish: Publish) -> Result<(), End> {
        let packet = publish.pkid;
        if publish.qos == QoS::ExactlyOnce {
            // Nobody asked for that.
            return Err(LinkFault::Garbled.into());
        }
        if publish.topic == self.topics.lock {
            self.confirm(packet).await?;
            // One that is retained was pressed at some time, by someone, for whoever comes.
            if !publish.retain && publish.payload.as_ref() == LOCK {
                self.daemon.tell(&LinkReport::LockPressed).await?;
            }
            return Ok(());
        }
        if publish.topic != self.topics.capture {
            return Err(LinkFault::Garbled.into());
        }
        let text = text(&publish);
        self.queue(packet, publish.dup, text).await
    }

    /// What can't be kept waits in turn too: the broker is told to forget it once that is on record.
    async fn queue(
        &mut self,
        packet: u16,
        redelivered: bool,
        text: Result<String, Refused>,
    ) -> Result<(), End> {
        if self.captures.len() >= MOST_WAITING {
            // One that nobody waits for may be lost, as its sender said.
            self.left |= packet != 0;
            return Ok(());
        }
        self.captures.push_back(Capture {
            packet,
            redelivered,
            text,
        });
        self.offer().await
    }

    /// Gives the daemon the next capture, once it has done with the one before.
    async fn offer(&mut self) -> Result<(), End> {
        if self.offered.is_some() {
            return Ok(());
        }
        let Some(capture) = self.captures.pop_front() else {
            return if self.left { Err(End::Again) } else { Ok(()) };
        };
        self.daemon.captures = self.daemon.captures.wrapping_add(1);
        let number = self.daemon.captures;
        self.offered = Some((number, capture.packet));
        let report = match capture.text {
            Ok(text) => LinkReport::Captured {
                number,
                packet: capture.packet,
                redelivered: capture.redelivered,
                text,
            },
            Err(why) => LinkReport::Refused { number, why },
        };
        self.daemon.tell(&report).await
    }

    /// Tells the broker that it need not offer a message again.
    async fn confirm(&mut self, packet: u16) -> Result<(), End> {
        if packet == 0 {
            return Ok(());
        }
        Ok(self.wire.send(&Packet::PubAck(PubAck::new(packet))).await?)
    }

    /// The broker has a message of ours.
    async fn confirmed(&mut self, packet: u16) -> Result<(), End> {
        if !self.unconfirmed.remove(&packet) {
            return Err(LinkFault::Garbled.into());
        }
        if self.state == Some(packet) {
            self.state = None;
            if self.newer {
                return self.publish_state().await;
            }
        }
        Ok(())
    }

    async fn publish_state(&mut self) -> Result<(), End> {
        if self.state.is_some() {
            self.newer = true;
            return Ok(());
        }
        self.newer = false;
        let state = topics::state(self.daemon.state().await?).to_string();
        self.state = Some(self.publish(self.topics.state.clone(), state).await?);
        Ok(())
    }

    async fn publish(&mut self, topic: String, payload: String) -> Result<u16, End> {
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.retain = true;
        publish.pkid = self.number();
        let number = publish.pkid;
        self.unconfirmed.insert(number);
        self.wire.send(&Packet::Publish(publish)).await?;
        Ok(number)
    }

    /// A number that no message under way has.
    fn number(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.unconfirmed.contains(&self.last) {
                return self.last;
            }
        }
    }
}

fn introduction(topics: &Topics, opened: &Opened) -> Connect {
    let mut connect = Connect::new(topics.client.clone());
    connect.keep_alive = KEEP_ALIVE;
    // What comes while we are away is kept for us.
    connect.clean_session = false;
    let gone = LastWill::new(&topics.availability, OFFLINE, QoS::AtLeastOnce, true);
    connect.last_will = Some(gone);
    connect.login = opened.terms.user.as_ref().map(|user| Login {
        username: user.clone(),
        password: opened
            .password
            .as_ref()
            .and_then(|password| password.expose_str().ok())
            .unwrap_or_default()
            .to_owned(),
    });
    connect
}

fn let_in(heard: Heard) -> Result<ConnAck, LinkFault> {
    use ConnectReturnCode as Code;
    let Heard::Packet(Packet::ConnAck(answer)) = heard else {
        return Err(LinkFault::Garbled);
    };
    match answer.code {
        Code::Success => Ok(answer),
        // Brokers say either of a password that is wrong.
        Code::BadUserNamePassword | Code::NotAuthorized => Err(LinkFault::LoginRefused),
        Code::BadClientId => Err(LinkFault::NotAllowed),
        Code::RefusedProtocolVersion => Err(LinkFault::Garbled),
        Code::ServiceUnavailable => Err(LinkFault::Unreachable),
    }
}

fn subscribed(answer: &SubAck) -> Result<(), LinkFault> {
    let all = answer
        .return_codes
        .iter()
        .all(|code| matches!(code, SubscribeReasonCode::Success(_)));
    if all && answer.return_codes.len() == 2 {
        Ok(())
    } else {
        Err(LinkFault::NotAllowed)
    }
}

/// The text of a message, if it is one that can be kept.
fn text(publish: &Publish) -> Result<String, Refused> {
    if publish.retain {
        return Err(Refused::Retained);
    }
    if publish.payload.len() > MOST_CAPTURE {
        return Err(Refused::TooLong);
    }
    let text = str::from_utf8(&publish.payload).map_err(|_| Refused::NotText)?;
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if !text.chars().all(printable) {
        return Err(Refused::NotText);
    }
    if text.trim().is_empty() {
        return Err(Refused::Empty);
    }
    Ok(text.to_owned())
}
