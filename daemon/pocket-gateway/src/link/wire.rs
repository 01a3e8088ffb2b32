//! Packets on a connection. A message that is too large is read over, so that its number is known and it can
//! be refused: a broker offers again and again what nobody confirms.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use pocket_core::LinkFault;
use rumqttc::mqttbytes::Error;
use rumqttc::mqttbytes::v4::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::own::Stream;

/// Largest packet that is taken in: a capture, its topic, and room to spare.
const MOST_PACKET: usize = 16 * 1024;
/// Longest topic of a message that is read over.
const MOST_TOPIC: usize = 256;
/// How long the broker may take to take a packet.
const WRITE: Duration = Duration::from_secs(10);

/// How long the broker may take to end a connection that was parted from.
const PARTING: Duration = Duration::from_secs(2);

/// What has come.
#[derive(Debug)]
pub(super) enum Heard {
    Packet(Packet),
    /// A message that is too large; its number is 0 where nobody waits for its confirmation.
    TooLarge {
        topic: String,
        packet: u16,
    },
}

/// A message that is read over.
struct Skipped {
    topic: String,
    packet: u16,
    left: usize,
}

/// A connection.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
    skipped: Option<Skipped>,
    /// When bytes came last: a large message over a slow line is life too. MQTT lets none be over 256 MiB.
    heard: Instant,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            stream,
            read: BytesMut::new(),
            skipped: None,
            heard: Instant::now(),
        }
    }

    /// When something came last, if only a part of a packet.
    pub(super) const fn heard(&self) -> Instant {
        self.heard
    }

    /// The next packet. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Result<Heard, LinkFault> {
        loop {
            if let Some(heard) = self.parse()? {
                return Ok(heard);
            }
            self.read.reserve(MOST_PACKET);
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) | Err(_) => return Err(LinkFault::Lost),
                Ok(_) => self.heard = Instant::now(),
            }
        }
    }

    pub(super) async fn send(&mut self, packet: &Packet) -> Result<(), LinkFault> {
        let mut bytes = BytesMut::new();
        packet
            .write(&mut bytes, MOST_PACKET)
            .map_err(|_| LinkFault::Garbled)?;
        let sent = async {
            self.stream.write_all(&bytes).await?;
            self.stream.flush().await
        };
        match timeout(WRITE, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LinkFault::Lost),
            Err(_) => Err(LinkFault::Silent),
        }
    }

    /// Says farewell, so that no last will is published, and waits for the broker's end: were the connection closed
    /// over what is unread, the last confirmations could be lost with it.
    pub(super) async fn part(&mut self) {
        let parted = async {
            self.send(&Packet::Disconnect).await?;
            while self.next().await.is_ok() {}
            Ok::<_, LinkFault>(())
        };
        // One that does not end is left all the same.
        drop(timeout(PARTING, parted).await);
    }

    /// What can be read of what is there; `None` when more has to come.
    fn parse(&mut self) -> Result<Option<Heard>, LinkFault> {
        if self.skipped.is_none() {
            match Packet::read(&mut self.read, MOST_PACKET) {
                Ok(packet) => return Ok(Some(Heard::Packet(packet))),
                Err(Error::InsufficientBytes(_)) => return Ok(None),
                Err(Error::PayloadSizeLimitExceeded(_)) => match begin_skipping(&mut self.read)? {
                    None => return Ok(None),
                    skipped => self.skipped = skipped,
                },
                Err(_) => return Err(LinkFault::Garbled),
            }
        }
        Ok(self.go_on_skipping())
    }

    fn go_on_skipping(&mut self) -> Option<Heard> {
        let mut skipped = self.skipped.take()?;
        let over = skipped.left.min(self.read.len());
        self.read.advance(over);
        skipped.left -= over;
        if skipped.left > 0 {
            self.skipped = Some(skipped);
            return None;
        }
        let Skipped { topic, packet, .. } = skipped;
        Some(Heard::TooLarge { topic, packet })
    }
}

/// Reads the head of a message (MQTT 3.1.1, 3.3) and leaves its payload; `None` when more has to come.
fn begin_skipping(read: &mut BytesMut) -> Result<Option<Skipped>, LinkFault> {
    const PUBLISH: u8 = 3;
    let mut head = read.as_ref();
    let first = head.try_get_u8().map_err(|_| LinkFault::Garbled)?;
    if first >> 4 != PUBLISH {
        return Err(LinkFault::Garbled);
    }
    let (mut length, mut shift) = (0_usize, 0_u32);
    loop {
        let Ok(byte) = head.try_get_u8() else {
            return Ok(None);
        };
        length |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
        if shift > 21 {
            return Err(LinkFault::Garbled);
        }
    }
    let Ok(topic_length) = head.try_get_u16() else {
        return Ok(None);
    };
    let topic_length = usize::from(topic_length);
    if topic_length > MOST_TOPIC {
        return Err(LinkFault::Garbled);
    }
    let confirmed = (first >> 1) & 3 > 0;
    if head.len() < topic_length + 2 {
        return Ok(None);
    }
    let (topic, mut head) = head.split_at(topic_length);
    let topic = str::from_utf8(topic).map_err(|_| LinkFault::Garbled)?.to_owned();
    let packet = if confirmed { head.get_u16() } else { 0 };
    let seen = 2 + topic_length + if confirmed { 2 } else { 0 };
    let left = length.checked_sub(seen).ok_or(LinkFault::Garbled)?;
    if confirmed && packet == 0 {
        return Err(LinkFault::Garbled);
    }
    let over = read.len() - head.len();
    read.advance(over);
    Ok(Some(Skipped { topic, packet, left }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rumqttc::mqttbytes::QoS;
    use rumqttc::mqttbytes::v4::Publish;
    use tokio::io::duplex;
    use tokio::runtime::Builder;

    use super::*;

    /// What is heard of these bytes, until the end or the first fault.
    fn hear(bytes: &[u8]) -> (Vec<Heard>, LinkFault) {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut far, near) = duplex(64);
            let mut wire = Wire::new(Box::new(near));
            let hearing = async {
                let mut all = Vec::new();
                loop {
                    match wire.next().await {
                        Ok(heard) => all.push(heard),
                        Err(fault) => {
                            // Who is not heard any more should not wait.
                            drop(wire);
                            return (all, fault);
                        }
                    }
                }
            };
            let saying = async move {
                far.write_all(bytes).await.unwrap_or_default();
                drop(far);
            };
            tokio::join!(hearing, saying).0
        })
    }

    fn publish(length: usize, qos: QoS) -> Vec<u8> {
        let mut publish = Publish::new("pocketai/1/capture", qos, vec![b'x'; length]);
        publish.pkid = 7;
        let mut bytes = BytesMut::new();
        publish.write(&mut bytes).unwrap();
        bytes.to_vec()
    }

    #[test]
    fn a_message_that_is_too_large_is_read_over_and_the_next_is_heard() {
        for (qos, number) in [(QoS::AtLeastOnce, 7), (QoS::AtMostOnce, 0)] {
            let small = publish(5, qos);
            let all = [small.clone(), publish(3 * MOST_PACKET, qos), small].concat();
            let (heard, fault) = hear(&all);
            assert_eq!(fault, LinkFault::Lost);
            assert!(matches!(heard[0], Heard::Packet(Packet::Publish(_))));
            let Heard::TooLarge { topic, packet } = &heard[1] else {
                panic!("it was taken in")
            };
            assert_eq!((topic.as_str(), *packet), ("pocketai/1/capture", number));
            assert!(matches!(heard[2], Heard::Packet(Packet::Publish(_))));
            assert_eq!(heard.len(), 3);
        }
    }

    #[test]
    fn a_part_of_a_message_is_a_sign_of_life() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut far, near) = duplex(64);
            let mut wire = Wire::new(Box::new(near));
            let begun = wire.heard();
            far.write_all(&publish(3 * MOST_PACKET, QoS::AtLeastOnce)[..50])
                .await
                .unwrap();
            tokio::select! {
                biased;
                _ = wire.next() => panic!("it is not all there"),
                () = std::future::ready(()) => {}
            }
            assert!(wire.heard() > begun);
        });
    }

    #[test]
    fn what_is_large_and_no_message_is_garbage() {
        // A CONNACK of a megabyte; a message whose topic fills it; one that ends before its topic does.
        for garbage in [
            &[0x20, 0x80, 0x80, 0x40][..],
            &[0x32, 0x80, 0x80, 0x40, 0xff, 0xff, b'x'],
            &[0xff; 100],
            &[0; 100],
        ] {
            let (heard, fault) = hear(garbage);
            assert!(heard.is_empty());
            assert_eq!(fault, LinkFault::Garbled);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            hear(&bytes);
        }

        #[test]
        fn no_message_makes_it_panic(first in 0x20u8..0xf0, bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let length = u8::try_from(bytes.len()).unwrap();
            hear(&[&[first, length][..], &bytes].concat());
            hear(&[&[0x32, length | 0x80, 0x80, 1][..], &bytes].concat());
        }
    }
}
