//! The index of one category: its parts, and when they are merged.

use std::collections::HashSet;

use pocket_core::{Entry, Reading, Record, RecordId, Timestamp};

use crate::fields::Card;
use crate::languages::Languages;
use crate::part::{Part, Terms};
use crate::{Files, SearchError};

/// Bytes in memory after which a part is sealed: bounded for boards of 512 MB.
const MOST_BYTES: usize = 2 * 1024 * 1024;
/// Records in memory after which a part is sealed: what is read again after a cut, at most.
const MOST_RECORDS: usize = 4_096;
/// Records below which a part is not rewritten for the dead in it alone.
const FEW: usize = 1_024;

/// The revision under which a document is kept whose text is still to come. No record has it: what the
/// device reads out of a file changes no revision, and the index must not take the document for known.
const UNREAD: u32 = 0;

/// Which state of a record is indexed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Version {
    /// When it was last changed.
    pub updated: Timestamp,
    /// Counts its changes.
    pub revision: u32,
}

/// The index of one category. The last part is in memory and takes what is new.
pub struct Index {
    pub(crate) parts: Vec<Numbered>,
    next: u32,
}

/// A part, by a number that it keeps while others come and go.
pub(crate) struct Numbered {
    pub(crate) number: u32,
    pub(crate) part: Part,
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

impl Index {
    /// One that holds nothing.
    pub fn new() -> Self {
        let mut index = Self {
            parts: Vec::new(),
            next: 0,
        };
        index.add(Part::empty());
        index
    }

    /// Reads the sealed parts: the numbers of their files, in the order of [`Index::sealed`], with
    /// their lengths in bytes.
    ///
    /// # Errors
    /// [`SearchError`]: make a new one.
    pub fn load(files: &Files<'_>, sealed: &[(u32, u64)]) -> Result<Self, SearchError> {
        let mut index = Self {
            parts: Vec::new(),
            next: 0,
        };
        for (file, size) in sealed {
            index.add(Part::load(files, *file, *size)?);
        }
        index.add(Part::empty());
        Ok(index)
    }

    fn add(&mut self, part: Part) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.parts.push(Numbered { number, part });
    }

    /// From now on another part takes what is new.
    pub(crate) fn open_part(&mut self) {
        self.add(Part::empty());
    }

    /// Puts a sealed part in the place of those that it was made from.
    pub(crate) fn replace(&mut self, numbers: &[u32], part: Part) {
        let at = self.parts.iter().position(|part| numbers.contains(&part.number));
        self.parts.retain(|part| !numbers.contains(&part.number));
        self.add(part);
        if let Some(part) = self.parts.pop() {
            self.parts.insert(at.unwrap_or(0).min(self.parts.len()), part);
        }
    }

    pub(crate) fn part(&self, number: u32) -> Option<&Part> {
        let part = self.parts.iter().find(|part| part.number == number);
        part.map(|part| &part.part)
    }

    /// Takes in a record, in the place of what it was before.
    pub fn put(&mut self, entry: &Entry) {
        self.remove(entry.id);
        let version = Version {
            updated: entry.updated,
            revision: if is_unread(entry) { UNREAD } else { entry.revision },
        };
        if let Some(open) = self.parts.last_mut() {
            open.part.put(entry, version);
        }
    }

    /// Forgets a record.
    pub fn remove(&mut self, id: RecordId) {
        for part in &mut self.parts {
            if let Some(doc) = part.part.find(id) {
                part.part.bury(doc);
            }
        }
    }

    /// Which state of a record it holds.
    pub fn version(&self, id: RecordId) -> Option<Version> {
        self.parts.iter().rev().find_map(|part| {
            let doc = part.part.find(id)?;
            part.part.members.get(doc as usize).map(|member| member.version)
        })
    }

    /// Every record that it holds, with its state.
    pub fn members(&self) -> impl Iterator<Item = (RecordId, Version)> {
        self.parts.iter().flat_map(|part| {
            let living = part.part.members.iter().zip(0..);
            let living = living.filter(|(_, doc)| part.part.lives(*doc));
            living.map(|(member, _)| (member.id, member.version))
        })
    }

    /// How many records it holds.
    pub fn len(&self) -> u64 {
        self.parts.iter().map(|part| u64::from(part.part.living)).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of the files of its sealed parts.
    pub fn sealed(&self) -> Vec<u32> {
        let file = |part: &Numbered| match &part.part.terms {
            Terms::Memory(_) => None,
            Terms::Sealed(sealed) => Some(sealed.file),
        };
        self.parts.iter().filter_map(file).collect()
    }

    /// Gives what lists need to know of each record.
    ///
    /// # Errors
    /// [`SearchError`]: make a new one.
    pub fn for_each_card(
        &self,
        files: &Files<'_>,
        visit: &mut dyn FnMut(RecordId, Timestamp, Card),
    ) -> Result<(), SearchError> {
        for part in &self.parts {
            let part = &part.part;
            let mut failed = Ok(());
            part.for_each_card(files, &mut |doc, bytes| {
                let member = part.members.get(doc as usize).filter(|_| part.lives(doc));
                match (member, postcard::from_bytes(bytes)) {
                    (Some(member), Ok(card)) => visit(member.id, member.version.updated, card),
                    (None, _) => {}
                    (Some(_), Err(_)) => failed = Err(SearchError::Damaged),
                }
            })?;
            failed?;
        }
        Ok(())
    }

    pub(crate) fn words(&self) -> u64 {
        self.parts.iter().map(|part| part.part.words).sum()
    }

    pub(crate) fn languages(&self) -> Languages {
        let parts = self.parts.iter().map(|part| part.part.languages());
        parts.fold(Languages::default(), Languages::or)
    }

    /// Whether it is time for a [`crate::Merge`].
    pub fn is_worth_merging(&self) -> bool {
        !self.worth_merging().is_empty()
    }

    /// The parts that are worth merging now; none most of the time. What is in memory goes to a sealed
    /// part when it is large, and takes along the sealed ones that are not much larger: so there are
    /// few, and each record is written a few times.
    pub(crate) fn worth_merging(&self) -> Vec<u32> {
        let Some((open, sealed)) = self.parts.split_last() else {
            return Vec::new();
        };
        let size = match &open.part.terms {
            Terms::Memory(memory) => memory.size,
            Terms::Sealed(_) => 0,
        };
        if open.part.members.len() < MOST_RECORDS && size < MOST_BYTES {
            let wasteful = sealed.iter().find(|part| {
                let all = part.part.members.len();
                all >= FEW && (part.part.living as usize) < all / 2
            });
            return wasteful.map(|part| part.number).into_iter().collect();
        }
        let mut numbers = vec![open.number];
        let mut total = open.part.living;
        for part in sealed.iter().rev() {
            if part.part.living > total.saturating_mul(2) {
                break;
            }
            total = total.saturating_add(part.part.living);
            numbers.push(part.number);
        }
        numbers.reverse();
        numbers
    }

    /// All parts that hold or held a record.
    pub(crate) fn all_parts(&self) -> Vec<u32> {
        let filled = self.parts.iter().filter(|part| !part.part.members.is_empty());
        filled.map(|part| part.number).collect()
    }

    /// Whether what is in memory alone is among these parts.
    pub(crate) fn is_open(&self, numbers: &[u32]) -> bool {
        self.parts
            .last()
            .is_some_and(|open| numbers.contains(&open.number))
    }

    /// Ids that are here twice: there must be none.
    pub fn doubled(&self) -> usize {
        let mut seen = HashSet::new();
        self.members().filter(|(id, _)| !seen.insert(*id)).count()
    }
}

fn is_unread(entry: &Entry) -> bool {
    matches!(entry.content.record(), Record::Document(document) if document.reading == Reading::Pending)
}
