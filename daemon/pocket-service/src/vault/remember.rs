//! Facts: the same one is not kept twice, and one that takes the place of another ends it.
//!
//! Who remembers tells the same thing again and again. So the id of a fact is made from its subject and
//! its words, and a fact that is kept and holds still is not added again. One that had ended and is told
//! anew is a fact of its own: it holds from now on, and the first one stays what it was.

use pocket_core::{
    Actor, Answer, Category, Content, Entry, Failure, Memory, NewFact, Operation, Record, RecordId, When,
};

use super::records::{Batch, checked, origin};
use super::{Act, Vault};
use crate::failure;

/// Where a fact belongs.
enum Place {
    /// It is kept already, and holds.
    Kept(RecordId),
    /// Nothing is there yet.
    Free(RecordId),
}

impl Vault {
    pub(super) fn remember(
        &mut self,
        actor: &Actor,
        act: Act,
        facts: Vec<NewFact>,
    ) -> Result<Answer, Failure> {
        if facts.len() > Operation::MOST_ITEMS {
            return Err(failure::invalid(
                format!("{} facts at once are too many", facts.len()),
                format!("send at most {}", Operation::MOST_ITEMS),
            ));
        }
        let mut batch = Batch::new(origin(actor, false), false, act.now);
        for fact in facts {
            self.take_fact(&mut batch, fact)?;
        }
        self.finish(act, batch)
    }

    fn take_fact(&self, batch: &mut Batch, fact: NewFact) -> Result<(), Failure> {
        let Record::Memory(memory) = fact.content.record() else {
            return Err(failure::invalid(
                "only a fact can be remembered",
                "add it with `add`",
            ));
        };
        if let Some(old) = fact.supersedes {
            self.end(batch, old, memory)?;
        }
        match self.place(batch, memory)? {
            Place::Kept(id) => batch.here(id),
            Place::Free(id) => batch.make(id, fact.content),
        }
        Ok(())
    }

    /// Where the fact belongs: the first place of its words that is free or where they hold.
    fn place(&self, batch: &Batch, memory: &Memory) -> Result<Place, Failure> {
        let mut time = 0u32;
        loop {
            let id = self.store.content_id(&key(memory, time));
            if batch.holds(id) {
                return Ok(Place::Kept(id));
            }
            match self.fact(id)? {
                None => return Ok(Place::Free(id)),
                Some((_, kept)) if same(&kept, memory) && !kept.is_history(batch.now.wall) => {
                    return Ok(Place::Kept(id));
                }
                // It has ended, or was changed into something else since.
                Some(_) => time = time.saturating_add(1),
            }
        }
    }

    /// Ends the fact `old` where `new` begins.
    fn end(&self, batch: &mut Batch, old: RecordId, new: &Memory) -> Result<(), Failure> {
        let Some((entry, mut memory)) = self.fact(old)? else {
            return Err(failure::not_found(
                &format!("fact to supersede: {old}"),
                "give the id that `recall` shows, or leave it out",
            ));
        };
        if batch.holds(old) || memory.is_history(batch.now.wall) || same(&memory, new) {
            return Ok(());
        }
        let now = When::from_instant(batch.now.wall);
        // A day lasts until its end: one that begins today takes the place of the old one at once.
        let begins = new.valid_from.clone().filter(|begins| begins.day() != now.day());
        memory.valid_until = Some(begins.unwrap_or(now));
        batch.replace(entry, checked(Record::Memory(memory))?);
        Ok(())
    }

    fn fact(&self, id: RecordId) -> Result<Option<(Entry, Memory)>, Failure> {
        let entry = self
            .store
            .get(Category::Memory, id)
            .map_err(|error| failure::store(&error))?;
        Ok(entry.and_then(|entry| match entry.content.record() {
            Record::Memory(memory) => {
                let memory = memory.clone();
                Some((entry, memory))
            }
            _ => None,
        }))
    }
}

/// What the id of a fact is made from, for the first time that it is told, and for later ones.
fn key(memory: &Memory, time: u32) -> Content {
    Content::unsealed(Record::Memory(Memory {
        subject: folded(&memory.subject),
        text: folded(&memory.text),
        source: time.to_string(),
        ..Memory::default()
    }))
}

fn same(one: &Memory, other: &Memory) -> bool {
    folded(&one.subject) == folded(&other.subject) && folded(&one.text) == folded(&other.text)
}

/// Without what people do not tell apart: case, spaces, a full stop at the end.
fn folded(text: &str) -> String {
    let words: Vec<&str> = text.trim().trim_end_matches('.').split_whitespace().collect();
    words.join(" ").to_lowercase()
}
