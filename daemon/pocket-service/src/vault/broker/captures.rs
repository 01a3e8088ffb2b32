//! Texts that come from the broker: each is kept once, as a note of the inbox, and not too many of them.
//!
//! A broker offers a text again when it can't know whether it was heard (MQTT 3.1.1, 4.4): under its old
//! number, and marked as such. So the last ones are remembered by number and digest, in the row that is
//! written together with the note: over a crash of anyone, the same text is not kept twice, and another one
//! of the same words is.

use std::collections::VecDeque;

use pocket_core::audit::Outcome;
use pocket_core::{
    Actor, ActorRef, Category, Content, Decision, Entry, Failure, FailureKind, NewEntry, Note, Operation,
    OperationKind, Origin, Permit, Record, Refused, Timestamp, decide,
};
use pocket_store::{Changes, Store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Linked;
use crate::engine::Now;
use crate::failure;
use crate::vault::records::{checked, random_id};
use crate::vault::usage::{Calls, Charge, Usage};
use crate::vault::{Vault, event};

/// The name of the row.
pub(super) const ROW: &str = "broker-captures";
/// The label that shows which notes came in this way.
const TAG: &str = "inbox";
/// Texts that are kept in a minute: more than a household says.
const A_MINUTE: u32 = 60;
/// How many numbers are remembered: more than brokers have under way, fewer than they count before they
/// begin anew.
const REMEMBERED: usize = 256;
/// Longest title, in characters.
const TITLE: usize = 80;

/// The row. A newer shape gets a variant of its own.
#[derive(Deserialize, Serialize)]
enum Stored<'a> {
    V1 { usage: &'a [u8], taken: VecDeque<Taken> },
}

/// A text that was kept: the broker's number for it, and its SHA-256.
type Taken = (u16, [u8; 32]);

#[derive(Clone, Default)]
pub(super) struct Captures {
    usage: Usage,
    taken: VecDeque<Taken>,
    minute: Option<Calls>,
    /// When it was last put on record that texts are held back.
    holding: Option<Timestamp>,
    /// When one was last put on record that can't be kept.
    refusing: Option<Timestamp>,
}

impl Captures {
    pub(super) fn load(store: &Store) -> Result<Self, Failure> {
        let row = store.system(ROW).map_err(|error| failure::store(&error))?;
        let Some(row) = row else {
            return Ok(Self::default());
        };
        Ok(match postcard::from_bytes(&row) {
            Ok(Stored::V1 { usage, taken }) => Self {
                usage: Usage::read(usage),
                taken,
                ..Self::default()
            },
            // It counts as used up: it fails closed.
            Err(_) => Self {
                usage: Usage::read(&[]),
                ..Self::default()
            },
        })
    }

    pub(super) fn put(&self, changes: Changes) -> Changes {
        let stored = Stored::V1 {
            usage: &self.usage.row(),
            taken: self.taken.clone(),
        };
        let row = postcard::to_stdvec(&stored).expect("encoding into memory can't fail");
        changes.put_system(ROW, row)
    }

    /// For a broker that was set again: its share is whole, and what it may offer again is still known.
    pub(super) fn renewed(&self) -> Self {
        Self {
            taken: self.taken.clone(),
            ..Self::default()
        }
    }

    pub(super) const fn is_holding(&self) -> bool {
        self.holding.is_some()
    }

    /// The same for a broker that counts anew; `None` when nothing is remembered anyway.
    pub(super) fn without_numbers(&self) -> Option<Self> {
        (!self.taken.is_empty()).then(|| Self {
            taken: VecDeque::new(),
            ..self.clone()
        })
    }

    fn count(&mut self, now: Timestamp) -> Result<(), Failure> {
        match &mut self.minute {
            Some(minute) => minute.count(A_MINUTE, now),
            None => {
                self.minute = Some(Calls::first(now));
                Ok(())
            }
        }
    }

    /// The same with one more.
    fn with(&self, taken: Taken, charge: Charge) -> Result<Self, Failure> {
        let mut after = Self {
            usage: self.usage.charged(charge)?,
            holding: None,
            ..self.clone()
        };
        // Nobody offers again what has no number.
        if taken.0 != 0 {
            // A number is another text's only once the broker has done with the one before.
            after.taken.retain(|(packet, _)| *packet != taken.0);
            after.taken.push_back(taken);
        }
        if after.taken.len() > REMEMBERED {
            after.taken.pop_front();
        }
        Ok(after)
    }
}

impl Vault {
    /// Keeps a text as a note, unless it is kept already. A failure that is not [`FailureKind::Invalid`]
    /// passes: the text stays at the broker until then.
    pub(super) fn capture(
        &mut self,
        (packet, redelivered): (u16, bool),
        text: &str,
        now: Now,
    ) -> Result<Linked, Failure> {
        let taken = (packet, Sha256::digest(text).into());
        if redelivered && self.broker.captures.taken.contains(&taken) {
            return Ok(Linked::Nothing);
        }
        let kept = self.keep_capture(taken, text, now);
        match &kept {
            Err(failure) if failure.kind == FailureKind::Invalid => {
                return self.note_refused_capture(Refused::NotText, now);
            }
            Err(failure) => self.note_holding(failure.kind, now)?,
            Ok(()) => {}
        }
        kept.map(|()| Linked::Changed)
    }

    fn keep_capture(&mut self, taken: Taken, text: &str, now: Now) -> Result<(), Failure> {
        let content = inbox_note(text)?;
        let operation = Operation::Add {
            items: vec![NewEntry {
                id: None,
                created: None,
                updated: None,
                upload: None,
                content: content.clone(),
            }],
            import: false,
        };
        let permit = match decide(self.lease, &Actor::Broker, &operation, now.wall) {
            Decision::Allow(permit) => permit,
            Decision::AskOwner(_) => {
                return Err(failure::internal("policy asks the owner about a capture"));
            }
            Decision::Refuse(reason) => return Err(failure::refused(reason)),
        };
        self.broker.captures.count(now.wall)?;
        self.write_capture(permit, taken, content, now)
    }

    /// The note and what is remembered of it, in one transaction.
    fn write_capture(
        &mut self,
        permit: Permit,
        taken: Taken,
        content: Content,
        now: Now,
    ) -> Result<(), Failure> {
        let entry = Entry {
            id: random_id(),
            created: now.wall,
            updated: now.wall,
            revision: 1,
            origin: Origin::Broker,
            content,
        };
        let mut charge = Charge::default();
        charge.add(&entry);
        let after = self.broker.captures.with(taken, charge)?;
        let records = [(Category::Notes, entry.id)];
        let changes = after.put(Changes::new().put(entry, None));
        self.commit(permit, &records, changes, now)?;
        self.broker.captures = after;
        Ok(())
    }

    /// That texts are held back is on record once a minute, however many there are.
    fn note_holding(&mut self, kind: FailureKind, now: Now) -> Result<(), Failure> {
        let noted = due(self.broker.captures.holding, now);
        self.broker.captures.holding.get_or_insert(now.wall);
        if noted {
            self.broker.captures.holding = Some(now.wall);
            self.note_capture(kind, now)?;
        }
        Ok(())
    }

    /// So it is with one that can't be kept.
    pub(super) fn note_refused_capture(&mut self, refused: Refused, now: Now) -> Result<Linked, Failure> {
        self.broker.refused = Some((refused, now.wall));
        if due(self.broker.captures.refusing, now) {
            self.broker.captures.refusing = Some(now.wall);
            self.note_capture(FailureKind::Invalid, now)?;
        }
        Ok(Linked::Changed)
    }

    fn note_capture(&mut self, kind: FailureKind, now: Now) -> Result<(), Failure> {
        let outcome = Outcome::Failed(kind);
        let category = Some(Category::Notes);
        let event = event(ActorRef::Broker, OperationKind::Add, category, outcome, now);
        self.note(vec![event])
    }
}

/// Whether a minute has passed, by a clock that may have been set back.
fn due(last: Option<Timestamp>, now: Now) -> bool {
    last.is_none_or(|last| now.wall < last || now.wall.since(last) >= crate::vault::usage::MINUTE)
}

/// A note of the inbox: its first line is its title.
fn inbox_note(text: &str) -> Result<Content, Failure> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let plain = |c: &char| !c.is_control();
    let title = first
        .unwrap_or_default()
        .chars()
        .filter(plain)
        .take(TITLE)
        .collect();
    checked(Record::Note(Note {
        title,
        body: text.to_owned(),
        tags: vec![TAG.to_owned()],
        ..Note::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_ends_the_holding_and_is_remembered_within_bounds() {
        let mut captures = Captures {
            holding: Some(Timestamp::from_millis(1)),
            ..Captures::default()
        };
        assert!(captures.is_holding());
        for packet in 1..=300 {
            captures = captures.with((packet, [0; 32]), Charge::default()).ok().unwrap();
        }
        assert!(!captures.is_holding());
        assert_eq!(captures.taken.len(), REMEMBERED);
        assert_eq!(captures.taken.back(), Some(&(300, [0; 32])));
        assert_eq!(captures.renewed().taken, captures.taken);
    }

    #[test]
    fn a_share_that_is_used_up_takes_no_more_until_the_broker_is_set_again() {
        let used = Captures {
            usage: Usage::read(&[9, 9]),
            ..Captures::default()
        };
        let more = used.with((1, [0; 32]), Charge::bytes(1));
        assert_eq!(more.err().map(|failure| failure.kind), Some(FailureKind::Refused));
        assert!(used.renewed().with((1, [0; 32]), Charge::bytes(1)).is_ok());
    }
}
