//! The audit chain: metadata only, each entry bound to the one before by a keyed MAC.
//!
//! `mac(n) = HMAC-SHA256(key, canonical(n))`, where `canonical(n)` holds `mac(n-1)`. The first
//! entry's predecessor is 32 zero bytes. The MAC itself is computed by the caller's key; nothing
//! here holds one.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::permit::{Draft, Permit};
use crate::policy::Reason;
use crate::{ActorRef, Category, FailureKind, OperationKind, RecordId, Timestamp};

/// Most record ids in one entry, so that it stays a small value for the store.
const MOST_RECORDS: usize = 64;

/// How it ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It may happen; written before the act.
    Allowed,
    /// The owner is asked.
    Asked,
    /// It happened; written in one transaction with it.
    Done,
    /// It was tried and could not be done.
    Failed(FailureKind),
    /// Policy refused it.
    Refused(Refusal),
}

/// The kind of a refusal, without its particulars.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each stands for the policy reason of the same name")]
pub enum Refusal {
    Anonymous,
    AuditIsFixed,
    NetworkShut,
    NeverLeaves,
    NoGateway,
    NoScope,
    OwnerOnly,
    PassphraseNeeded,
    Profile,
    SecretsApart,
    WrongDoor,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Anonymous => Self::Anonymous,
            Reason::AuditIsFixed => Self::AuditIsFixed,
            Reason::NetworkShut(_) => Self::NetworkShut,
            Reason::NeverLeaves(_) => Self::NeverLeaves,
            Reason::NoGateway => Self::NoGateway,
            Reason::NoScope(..) => Self::NoScope,
            Reason::OwnerOnly => Self::OwnerOnly,
            Reason::PassphraseNeeded => Self::PassphraseNeeded,
            Reason::Profile(_) => Self::Profile,
            Reason::SecretsApart => Self::SecretsApart,
            Reason::WrongDoor => Self::WrongDoor,
        }
    }
}

/// What an entry says.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: ActorRef,
    /// What.
    pub operation: OperationKind,
    /// On which category.
    pub category: Option<Category>,
    /// On which records.
    pub records: Vec<RecordId>,
    /// How many things it touched: records, or guesses.
    pub count: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// One entry of the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Entry {
    /// Its place, from 1, without gaps.
    pub sequence: u64,
    /// What it says.
    pub event: Event,
    /// The MAC of the entry before.
    pub previous: Mac,
    /// Its own MAC.
    pub mac: Mac,
}

/// 32 bytes; hexadecimal in JSON.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mac(pub [u8; 32]);

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            serializer.serialize_str(&text)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer).map(Self);
        }
        let text = String::deserialize(deserializer)?;
        let invalid = || serde::de::Error::custom("a MAC is 64 hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = text.get(index * 2..index * 2 + 2).ok_or_else(invalid)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
        }
        Ok(Self(bytes))
    }
}

/// Where a chain stands: how many entries, and the MAC of the last.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Head {
    /// Number of the last entry; 0 for an empty log.
    pub sequence: u64,
    /// Its MAC.
    pub mac: Mac,
}

impl Head {
    /// The head after `entries`.
    #[must_use]
    pub fn after(self, entries: &[Entry]) -> Self {
        entries.last().map_or(self, |last| Self {
            sequence: last.sequence,
            mac: last.mac,
        })
    }
}

/// How far an exported log is verified that is sent in pieces: the first line of each piece, as JSON.
/// The next entry must name the MAC of the one before and have a MAC of its own, so that a place
/// which the log does not have makes that entry a foreign one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// The last entry that was verified.
    pub after: Head,
    /// Whether pieces follow this one: the log need not end with it.
    pub more: bool,
}

/// The end of the log, ready to take more. The MAC key stays with the closure.
pub struct Chain<M> {
    head: Head,
    mac: M,
}

impl<M: Fn(&[u8]) -> [u8; 32]> Chain<M> {
    /// Continues the log that ends at `head`.
    pub const fn new(head: Head, mac: M) -> Self {
        Self { head, mac }
    }

    /// Where it stands.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Moves on: `entries` are in the chain now.
    pub fn advance(&mut self, entries: &[Entry]) {
        self.head = self.head.after(entries);
    }

    /// The audit entries for `permit`: one for each category touched, several when there are many
    /// records. The chain itself moves only with [`Chain::advance`], once they are written.
    pub fn draft(
        &self,
        permit: Permit,
        records: &[(Category, RecordId)],
        outcome: Outcome,
        at: Timestamp,
    ) -> Draft {
        let event = |category, records: &[(Category, RecordId)]| Event {
            at,
            actor: permit.actor(),
            operation: permit.kind(),
            category,
            records: records.iter().map(|(_, id)| *id).collect(),
            count: u32::try_from(records.len()).unwrap_or(u32::MAX),
            outcome,
        };
        let mut events = Vec::new();
        for same in records.chunk_by(|left, right| left.0 == right.0) {
            let category = same.first().map(|(category, _)| *category);
            events.extend(same.chunks(MOST_RECORDS).map(|records| event(category, records)));
        }
        if events.is_empty() {
            events.extend(
                permit
                    .categories()
                    .iter()
                    .map(|category| event(Some(*category), &[])),
            );
        }
        if events.is_empty() {
            events.push(event(None, &[]));
        }
        let entries = self.link(events);
        Draft::new(permit, entries)
    }

    /// Entries that say `events`, linked to the head: for refusals and failures, which need no permit.
    pub fn link(&self, events: Vec<Event>) -> Vec<Entry> {
        let mut head = self.head;
        let link = |event| {
            let sequence = head.sequence.saturating_add(1);
            let mac = Mac((self.mac)(&canonical(sequence, &event, head.mac)));
            let entry = Entry {
                sequence,
                event,
                previous: head.mac,
                mac,
            };
            head = Head { sequence, mac };
            entry
        };
        events.into_iter().map(link).collect()
    }
}

/// The bytes that the MAC covers: the label, then every field, each with its length ahead as four
/// bytes, most significant first.
fn canonical(sequence: u64, event: &Event, previous: Mac) -> Vec<u8> {
    let mut bytes = b"pocketai audit entry 1".to_vec();
    let mut put = |field: &[u8]| {
        let length = u32::try_from(field.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(field);
    };
    put(&sequence.to_be_bytes());
    put(&event.at.millis().to_be_bytes());
    put(&actor_bytes(event.actor));
    put(event.operation.name().as_bytes());
    put(event.category.map_or("", Category::name).as_bytes());
    let records: Vec<u8> = event.records.iter().flat_map(|id| *id.as_bytes()).collect();
    put(&records);
    put(&event.count.to_be_bytes());
    // The derived Debug text of a closed set of field-less names: stable, and tested below.
    put(format!("{:?}", event.outcome).as_bytes());
    put(&previous.0);
    bytes
}

fn actor_bytes(actor: ActorRef) -> Vec<u8> {
    match actor {
        ActorRef::Agent(id) => [b"agent".as_slice(), id.as_bytes()].concat(),
        ActorRef::Broker => b"broker".to_vec(),
        ActorRef::Device => b"device".to_vec(),
        ActorRef::Nobody(door) => format!("nobody {door:?}").into_bytes(),
        ActorRef::Owner(door) => format!("owner {door:?}").into_bytes(),
    }
}

/// What is wrong with a log, and where.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Error, PartialEq, Serialize)]
pub enum Broken {
    /// The entry's content was changed.
    #[error("audit entry {0} was edited")]
    Edited(u64),
    /// The entry belongs to another device's log.
    #[error("audit entry {0} is foreign: it was not written by this device")]
    Foreign(u64),
    /// Entries are missing.
    #[error("audit entries {first} to {last} are missing")]
    Missing {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// The entry stands in another's place.
    #[error("audit entry {0} is out of its place")]
    Moved(u64),
    /// The end was cut off.
    #[error("the audit log ends at entry {found}, but the device recorded up to {expected}")]
    Truncated {
        /// The last entry found.
        found: u64,
        /// The last that there must be.
        expected: u64,
    },
}

/// Walks a log from its beginning.
pub struct Verifier<M> {
    head: Head,
    mac: M,
}

impl<M: Fn(&[u8]) -> [u8; 32]> Verifier<M> {
    /// Begins before the first entry.
    pub fn new(mac: M) -> Self {
        Self::resume(mac, Head::default())
    }

    /// Goes on behind an entry that was verified before.
    pub const fn resume(mac: M, head: Head) -> Self {
        Self { head, mac }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    /// [`Broken`] when it is not the entry that must come next; the walk should end there.
    pub fn step(&mut self, entry: &Entry) -> Result<(), Broken> {
        let genuine = (self.mac)(&canonical(entry.sequence, &entry.event, entry.previous)) == entry.mac.0;
        let expected = self.head.sequence.saturating_add(1);
        match (
            genuine,
            entry.sequence == expected,
            entry.previous == self.head.mac,
        ) {
            (true, true, true) => {
                self.head = Head {
                    sequence: entry.sequence,
                    mac: entry.mac,
                };
                Ok(())
            }
            (true, false, _) if entry.sequence > expected => Err(Broken::Missing {
                first: expected,
                last: entry.sequence.saturating_sub(1),
            }),
            (true, ..) => Err(Broken::Moved(entry.sequence)),
            (false, _, true) => Err(Broken::Edited(expected)),
            (false, true, false) => Err(Broken::Foreign(expected)),
            (false, false, false) => Err(Broken::Foreign(entry.sequence)),
        }
    }

    /// Ends the walk at what must be the head; gives the number of entries.
    ///
    /// # Errors
    /// [`Broken::Truncated`] when entries are missing at the end; [`Broken::Foreign`] when the last
    /// one is not the one that the device remembers.
    pub fn finish(self, head: Head) -> Result<u64, Broken> {
        if self.head.sequence > head.sequence
            || (self.head.sequence == head.sequence && self.head.mac != head.mac)
        {
            return Err(Broken::Foreign(self.head.sequence));
        }
        if self.head.sequence < head.sequence {
            return Err(Broken::Truncated {
                found: self.head.sequence,
                expected: head.sequence,
            });
        }
        Ok(self.head.sequence)
    }

    /// Where the walk stands.
    pub const fn head(&self) -> Head {
        self.head
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
