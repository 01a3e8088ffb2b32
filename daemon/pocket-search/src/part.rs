//! One part of an index: the records in it, and its terms, in memory or in a sealed file.
//!
//! A sealed part, as bytes:
//!
//! ```text
//! lists    for each term: length of records, length of places (LEB128), records, places
//! terms    a finite-state transducer from the term to where its list begins and how many records it has
//! records  id 16 | updated i64 | revision u32 | length u32 (words), little-endian
//! cards    for each record: length (LEB128), postcard
//! footer   "PAISEARC" | version u64 | begin of terms, records, cards, footer u64 | records u64
//! ```

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::{Bound, ControlFlow};

use fst::{IntoStreamer, Streamer};
use levenshtein_automata::DFA;
use pocket_core::{Entry, RecordId, Timestamp};

use crate::fields::{Card, Gathered};
use crate::languages::Languages;
use crate::postings::{Doc, Postings, Reader, put};
use crate::{SearchError, Version};

const MAGIC: &[u8; 8] = b"PAISEARC";
/// Version of the bytes above. Another one is not read: the index is made anew.
pub(crate) const FORMAT: u64 = 1;
pub(crate) const FOOTER: usize = 56;
pub(crate) const RECORD: usize = 32;
/// Bits of a term's number that say where its list begins; the rest counts its records.
const PLACE_BITS: u32 = 40;
/// Bytes read, opened and kept at once.
const PIECE: u64 = 64 * 1024;
/// Pieces that are kept: 3 MiB.
const KEPT: usize = 48;

/// The sealed files of an index, and the pieces of them that were read last.
pub struct Files<'a> {
    read: &'a dyn Fn(u32, u64, usize) -> Result<Vec<u8>, SearchError>,
    kept: RefCell<VecDeque<(u32, u64, Vec<u8>)>>,
}

/// Pieces of files, to be used again: [`Files::into_kept`].
#[derive(Default)]
pub struct Kept(VecDeque<(u32, u64, Vec<u8>)>);

impl<'a> Files<'a> {
    /// `read` gives up to so many bytes of a file from an offset on, fewer only at its end.
    pub fn new(read: &'a dyn Fn(u32, u64, usize) -> Result<Vec<u8>, SearchError>, kept: Kept) -> Self {
        Self {
            read,
            kept: RefCell::new(kept.0),
        }
    }

    /// What was read last.
    pub fn into_kept(self) -> Kept {
        Kept(self.kept.into_inner())
    }

    pub(crate) fn get(&self, file: u32, offset: u64, length: usize) -> Result<Vec<u8>, SearchError> {
        let mut bytes = Vec::with_capacity(length);
        let mut at = offset;
        while bytes.len() < length {
            let within = usize::try_from(at % PIECE).unwrap_or(0);
            let step = self.piece(file, at / PIECE, |piece| {
                let piece = piece.get(within..).unwrap_or_default();
                let piece = piece.get(..length - bytes.len()).unwrap_or(piece);
                bytes.extend_from_slice(piece);
                piece.len()
            })?;
            if step == 0 {
                return Err(SearchError::Damaged);
            }
            at = at.saturating_add(step as u64);
        }
        Ok(bytes)
    }

    fn piece<T>(&self, file: u32, number: u64, take: impl FnOnce(&[u8]) -> T) -> Result<T, SearchError> {
        let mut kept = self.kept.borrow_mut();
        let known = kept.iter().position(|(of, at, _)| (*of, *at) == (file, number));
        let piece = match known.and_then(|at| kept.remove(at)) {
            Some(piece) => piece,
            None => {
                let offset = number.saturating_mul(PIECE);
                let length = usize::try_from(PIECE).unwrap_or(usize::MAX);
                (file, number, (self.read)(file, offset, length)?)
            }
        };
        let taken = take(&piece.2);
        kept.push_front(piece);
        kept.truncate(KEPT);
        Ok(taken)
    }
}

/// A record in a part.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) id: RecordId,
    pub(crate) version: Version,
    /// Its words.
    pub(crate) length: u32,
}

/// Records and their terms.
pub(crate) struct Part {
    pub(crate) members: Vec<Member>,
    alive: Vec<bool>,
    pub(crate) living: u32,
    /// Words in the living.
    pub(crate) words: u64,
    pub(crate) terms: Terms,
    pub(crate) languages: Languages,
}

/// The terms of a part.
pub(crate) enum Terms {
    /// Being filled.
    Memory(Memory),
    /// In a sealed file.
    Sealed(Sealed),
}

/// Terms in memory.
#[derive(Default)]
pub(crate) struct Memory {
    lists: BTreeMap<String, Postings>,
    cards: Vec<Card>,
    numbers: HashMap<RecordId, Doc>,
    /// About how many bytes it takes.
    pub(crate) size: usize,
}

/// Terms in a sealed file.
pub(crate) struct Sealed {
    pub(crate) file: u32,
    terms: fst::Map<Vec<u8>>,
    cards: u64,
    footer: u64,
    /// Numbers of the members, by their ids.
    by_id: Vec<Doc>,
}

/// A term's list, as it was read.
pub(crate) struct List<'a> {
    pub(crate) records: Cow<'a, [u8]>,
    pub(crate) places: Cow<'a, [u8]>,
}

impl Part {
    /// An empty one, in memory.
    pub(crate) fn empty() -> Self {
        Self::with(Vec::new(), Terms::Memory(Memory::default()))
    }

    fn with(members: Vec<Member>, terms: Terms) -> Self {
        Self {
            alive: vec![true; members.len()],
            living: u32::try_from(members.len()).unwrap_or(u32::MAX),
            words: members.iter().map(|member| u64::from(member.length)).sum(),
            members,
            terms,
            languages: Languages::default(),
        }
    }

    /// A sealed one, from what was just written.
    pub(crate) fn sealed(
        file: u32,
        terms: Vec<u8>,
        members: Vec<Member>,
        (cards, footer): (u64, u64),
    ) -> Result<Self, SearchError> {
        let terms = fst::Map::new(terms).map_err(|_| SearchError::Damaged)?;
        let count = Doc::try_from(members.len()).map_err(|_| SearchError::Damaged)?;
        let mut by_id: Vec<Doc> = (0..count).collect();
        by_id.sort_unstable_by_key(|doc| members.get(*doc as usize).map(|member| member.id));
        let sealed = Sealed {
            file,
            terms,
            cards,
            footer,
            by_id,
        };
        let mut part = Self::with(members, Terms::Sealed(sealed));
        part.languages = Languages::detect(&|term| part.count(term) > 0);
        Ok(part)
    }

    /// Reads a sealed one of `size` bytes.
    pub(crate) fn load(files: &Files<'_>, file: u32, size: u64) -> Result<Self, SearchError> {
        let at = size.checked_sub(FOOTER as u64).ok_or(SearchError::Damaged)?;
        let footer = files.get(file, at, FOOTER)?;
        let mut numbers = footer.strip_prefix(MAGIC).ok_or(SearchError::Damaged)?;
        let mut next = || -> Result<u64, SearchError> {
            let (number, rest) = numbers.split_first_chunk().ok_or(SearchError::Damaged)?;
            numbers = rest;
            Ok(u64::from_le_bytes(*number))
        };
        let (format, terms, records, cards, end) = (next()?, next()?, next()?, next()?, next()?);
        if format != FORMAT || end != at {
            return Err(SearchError::Damaged);
        }
        let length = |from: u64, to: u64| {
            let length = to.checked_sub(from).ok_or(SearchError::Damaged)?;
            usize::try_from(length).map_err(|_| SearchError::Damaged)
        };
        let members = files.get(file, records, length(records, cards)?)?;
        let (members, rest) = members.as_chunks::<RECORD>();
        if !rest.is_empty() {
            return Err(SearchError::Damaged);
        }
        let members = members.iter().map(Member::decode).collect();
        let terms = files.get(file, terms, length(terms, records)?)?;
        Self::sealed(file, terms, members, (cards, end))
    }

    /// Number of a living record.
    pub(crate) fn find(&self, id: RecordId) -> Option<Doc> {
        let doc = match &self.terms {
            Terms::Memory(memory) => memory.numbers.get(&id).copied(),
            Terms::Sealed(sealed) => {
                let of = |doc: &Doc| self.members.get(*doc as usize).map(|member| member.id);
                let at = sealed.by_id.binary_search_by_key(&Some(id), of).ok()?;
                sealed.by_id.get(at).copied()
            }
        };
        doc.filter(|doc| self.lives(*doc))
    }

    pub(crate) fn lives(&self, doc: Doc) -> bool {
        self.alive.get(doc as usize).copied().unwrap_or(false)
    }

    /// A record is not to be found here any more.
    pub(crate) fn bury(&mut self, doc: Doc) {
        if let Some(alive) = self.alive.get_mut(doc as usize).filter(|alive| **alive) {
            *alive = false;
            self.living = self.living.saturating_sub(1);
            let length = self.members.get(doc as usize).map_or(0, |member| member.length);
            self.words = self.words.saturating_sub(u64::from(length));
        }
    }

    /// Takes in a record, if this part is in memory.
    pub(crate) fn put(&mut self, entry: &Entry, version: Version) {
        let Terms::Memory(memory) = &mut self.terms else {
            return;
        };
        let Ok(doc) = Doc::try_from(self.members.len()) else {
            return;
        };
        let gathered = Gathered::of(entry.content.record());
        let card = Card::of(entry);
        memory.size += 160 + card.title.len();
        for (word, (weight, places)) in gathered.words {
            memory.size += 4 + 3 * places.len();
            if let Some(list) = memory.lists.get_mut(&word) {
                list.push(doc, weight, &places);
            } else {
                memory.size += 120 + word.len();
                let mut list = Postings::default();
                list.push(doc, weight, &places);
                memory.lists.insert(word, list);
            }
        }
        memory.cards.push(card);
        memory.numbers.insert(entry.id, doc);
        self.members.push(Member {
            id: entry.id,
            version,
            length: gathered.length,
        });
        self.alive.push(true);
        self.living += 1;
        self.words += u64::from(gathered.length);
    }

    /// The languages of a part that may still grow.
    pub(crate) fn languages(&self) -> Languages {
        match &self.terms {
            Terms::Memory(_) => Languages::detect(&|term| self.count(term) > 0),
            Terms::Sealed(_) => self.languages,
        }
    }

    /// How many records have the term, dead ones included.
    pub(crate) fn count(&self, term: &str) -> u32 {
        match &self.terms {
            Terms::Memory(memory) => memory.lists.get(term).map_or(0, |list| list.count),
            Terms::Sealed(sealed) => sealed.terms.get(term).map_or(0, count_of),
        }
    }

    /// The list of a term.
    pub(crate) fn list(&self, term: &str, files: &Files<'_>) -> Result<Option<List<'_>>, SearchError> {
        match &self.terms {
            Terms::Memory(memory) => Ok(memory.lists.get(term).map(|list| List {
                records: Cow::Borrowed(&list.records),
                places: Cow::Borrowed(&list.places),
            })),
            Terms::Sealed(sealed) => sealed
                .terms
                .get(term)
                .map(|number| sealed.read_list(number, files))
                .transpose(),
        }
    }

    /// Gives the terms that begin with `beginning` and lie behind `after`, in order, with the number of
    /// their records.
    pub(crate) fn for_each_term(
        &self,
        beginning: &str,
        after: Option<&str>,
        visit: &mut dyn FnMut(&str, u32) -> ControlFlow<()>,
    ) {
        let start = after.map_or(Bound::Included(beginning), Bound::Excluded);
        match &self.terms {
            Terms::Memory(memory) => {
                let terms = memory.lists.range::<str, _>((start, Bound::Unbounded));
                let mut terms = terms.take_while(|(term, _)| term.starts_with(beginning));
                let _broken = terms.try_for_each(|(term, list)| visit(term, list.count));
            }
            Terms::Sealed(sealed) => {
                let range = sealed.terms.range();
                let range = match start {
                    Bound::Included(term) => range.ge(term),
                    Bound::Excluded(term) => range.gt(term),
                    Bound::Unbounded => range,
                };
                let mut stream = range.into_stream();
                while let Some((term, number)) = stream.next() {
                    let Some(term) = str::from_utf8(term)
                        .ok()
                        .filter(|term| term.starts_with(beginning))
                    else {
                        break;
                    };
                    if visit(term, count_of(number)).is_break() {
                        break;
                    }
                }
            }
        }
    }

    /// Gives the terms that the automaton takes.
    pub(crate) fn for_each_like(&self, dfa: &DFA, visit: &mut dyn FnMut(&str, u32)) {
        match &self.terms {
            Terms::Memory(memory) => {
                let like = |term: &str| matches!(dfa.eval(term), levenshtein_automata::Distance::Exact(_));
                let terms = memory.lists.iter().filter(|(term, _)| like(term));
                terms.for_each(|(term, list)| visit(term, list.count));
            }
            Terms::Sealed(sealed) => {
                let mut stream = sealed.terms.search(dfa).into_stream();
                while let Some((term, number)) = stream.next() {
                    if let Ok(term) = str::from_utf8(term) {
                        visit(term, count_of(number));
                    }
                }
            }
        }
    }

    /// Gives the card of each record as it is stored, dead ones too.
    pub(crate) fn for_each_card(
        &self,
        files: &Files<'_>,
        visit: &mut dyn FnMut(Doc, &[u8]),
    ) -> Result<(), SearchError> {
        match &self.terms {
            Terms::Memory(memory) => {
                for (card, doc) in memory.cards.iter().zip(0..) {
                    visit(doc, &postcard::to_stdvec(card).map_err(|_| SearchError::Damaged)?);
                }
            }
            Terms::Sealed(sealed) => {
                let length = sealed.footer.saturating_sub(sealed.cards);
                let length = usize::try_from(length).map_err(|_| SearchError::Damaged)?;
                let bytes = files.get(sealed.file, sealed.cards, length)?;
                let mut reader = Reader(&bytes);
                for (_, doc) in self.members.iter().zip(0..) {
                    let length = reader.number()? as usize;
                    let (card, rest) = reader.0.split_at_checked(length).ok_or(SearchError::Damaged)?;
                    reader.0 = rest;
                    visit(doc, card);
                }
            }
        }
        Ok(())
    }
}

impl Sealed {
    fn read_list(&self, number: u64, files: &Files<'_>) -> Result<List<'static>, SearchError> {
        let at = number & ((1 << PLACE_BITS) - 1);
        // The two lengths take ten bytes at most; the footer is always behind them.
        let head = files.get(self.file, at, 10)?;
        let mut reader = Reader(&head);
        let (records, places) = (reader.number()? as usize, reader.number()? as usize);
        let at = at.saturating_add((head.len() - reader.0.len()) as u64);
        let mut records_and_places = files.get(
            self.file,
            at,
            records.checked_add(places).ok_or(SearchError::Damaged)?,
        )?;
        let places = records_and_places.split_off(records);
        Ok(List {
            records: Cow::Owned(records_and_places),
            places: Cow::Owned(places),
        })
    }
}

impl Member {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.version.updated.millis().to_le_bytes());
        out.extend_from_slice(&self.version.revision.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
    }

    fn decode(bytes: &[u8; RECORD]) -> Self {
        let number = |from: usize| {
            let bytes = bytes.get(from..).and_then(|rest| rest.first_chunk());
            bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
        };
        let id = bytes.first_chunk().copied().unwrap_or_default();
        let updated = bytes.get(16..).and_then(|rest| rest.first_chunk());
        Self {
            id: RecordId::from_bytes(id),
            version: Version {
                updated: Timestamp::from_millis(updated.map_or(0, |bytes| i64::from_le_bytes(*bytes))),
                revision: number(24),
            },
            length: number(28),
        }
    }
}

/// The footer of a sealed part.
pub(crate) fn footer([terms, records, cards, footer]: [u64; 4], count: usize) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for number in [FORMAT, terms, records, cards, footer, count as u64] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// The number that a term gets: where its list begins, and how many records it has.
pub(crate) fn number_of(at: u64, count: u32) -> u64 {
    let most = (1u32 << (u64::BITS - PLACE_BITS)) - 1;
    (u64::from(count.min(most)) << PLACE_BITS) | at
}

fn count_of(number: u64) -> u32 {
    u32::try_from(number >> PLACE_BITS).unwrap_or(u32::MAX)
}

/// Writes a list's two lengths.
pub(crate) fn list_head(list: &Postings) -> Vec<u8> {
    let mut head = Vec::with_capacity(10);
    put(list.records.len() as u64, &mut head);
    put(list.places.len() as u64, &mut head);
    head
}
