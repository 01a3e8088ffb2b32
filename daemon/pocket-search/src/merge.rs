//! Several parts become one sealed part, piece by piece. The dead are left out: no word of a deleted
//! record is in what is written.

use std::ops::ControlFlow;

use crate::part::{Files, List, Member, Part, footer, list_head, number_of};
use crate::postings::{Doc, Postings, for_each_placed, put};
use crate::{Index, SearchError};

/// Terms that are looked for ahead in each part.
const AHEAD: usize = 256;

/// A merge under way. The index may change meanwhile.
pub struct Merge {
    inputs: Vec<Input>,
    members: Vec<Member>,
    builder: fst::MapBuilder<Vec<u8>>,
    offset: u64,
}

struct Input {
    number: u32,
    /// What each of its records is called in the new part; `None` for the dead.
    names: Vec<Option<Doc>>,
    /// Terms that come next, the last first.
    ahead: Vec<String>,
    /// The last term that was looked for ahead.
    after: Option<String>,
    exhausted: bool,
}

impl Merge {
    /// Begins one, if any is worth it.
    pub fn begin(index: &mut Index) -> Option<Self> {
        let numbers = index.worth_merging();
        (!numbers.is_empty()).then(|| Self::of(index, &numbers))
    }

    /// Merges everything: afterwards one part holds what there is, and nothing else.
    pub fn begin_all(index: &mut Index) -> Option<Self> {
        let numbers = index.all_parts();
        (!numbers.is_empty()).then(|| Self::of(index, &numbers))
    }

    fn of(index: &mut Index, numbers: &[u32]) -> Self {
        if index.is_open(numbers) {
            index.open_part();
        }
        let mut members = Vec::new();
        let mut inputs = Vec::new();
        for number in numbers {
            let Some(part) = index.part(*number) else { continue };
            let mut names = Vec::with_capacity(part.members.len());
            for (member, doc) in part.members.iter().zip(0..) {
                let name = part
                    .lives(doc)
                    .then(|| Doc::try_from(members.len()).ok())
                    .flatten();
                names.push(name);
                members.extend(name.map(|_| *member));
            }
            inputs.push(Input {
                number: *number,
                names,
                ahead: Vec::new(),
                after: None,
                exhausted: false,
            });
        }
        Self {
            inputs,
            members,
            builder: fst::MapBuilder::memory(),
            offset: 0,
        }
    }

    /// Writes on, as long as `go_on` says; `true` once only [`Merge::finish`] is left.
    ///
    /// # Errors
    /// [`SearchError`] when a part can't be read; what `out` says.
    pub fn step<E: From<SearchError>>(
        &mut self,
        index: &Index,
        files: &Files<'_>,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<bool, E> {
        loop {
            for input in &mut self.inputs {
                input.look_ahead(index);
            }
            let next = self.inputs.iter().filter_map(|input| input.ahead.last()).min();
            let Some(term) = next.cloned() else {
                return Ok(true);
            };
            self.write_term(&term, index, files, out)?;
            if !go_on() {
                return Ok(false);
            }
        }
    }

    fn write_term<E: From<SearchError>>(
        &mut self,
        term: &str,
        index: &Index,
        files: &Files<'_>,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut merged = Postings::default();
        for input in &mut self.inputs {
            if input.ahead.last().is_none_or(|next| next != term) {
                continue;
            }
            input.ahead.pop();
            let part = index.part(input.number).ok_or(SearchError::Damaged)?;
            let List { records, places } = part.list(term, files)?.ok_or(SearchError::Damaged)?;
            for_each_placed(&records, &places, &mut |doc, weight, places| {
                if let Some(name) = input.names.get(doc as usize).copied().flatten() {
                    merged.push(name, weight, places);
                }
            })?;
        }
        if merged.count == 0 {
            return Ok(());
        }
        let number = number_of(self.offset, merged.count);
        self.builder
            .insert(term, number)
            .map_err(|_| SearchError::Damaged)?;
        for bytes in [list_head(&merged), merged.records, merged.places] {
            self.offset = self.offset.saturating_add(bytes.len() as u64);
            out(&bytes)?;
        }
        Ok(())
    }

    /// Writes the end, and puts the new part in the place of the old ones. `file` is its number from
    /// now on.
    ///
    /// # Errors
    /// As [`Merge::step`]; the index is then as it was.
    pub fn finish<E: From<SearchError>>(
        self,
        index: &mut Index,
        files: &Files<'_>,
        file: u32,
        out: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let terms = self.builder.into_inner().map_err(|_| SearchError::Damaged)?;
        out(&terms)?;
        let records = self.offset.saturating_add(terms.len() as u64);
        let mut bytes = Vec::with_capacity(self.members.len() * crate::part::RECORD);
        self.members.iter().for_each(|member| member.encode(&mut bytes));
        out(&bytes)?;
        let cards = records.saturating_add(bytes.len() as u64);
        bytes.clear();
        for input in &self.inputs {
            let part = index.part(input.number).ok_or(SearchError::Damaged)?;
            part.for_each_card(files, &mut |doc, card| {
                if input.names.get(doc as usize).copied().flatten().is_some() {
                    put(card.len() as u64, &mut bytes);
                    bytes.extend_from_slice(card);
                }
            })?;
        }
        out(&bytes)?;
        let end = cards.saturating_add(bytes.len() as u64);
        out(&footer([self.offset, records, cards, end], self.members.len()))?;
        let mut part = Part::sealed(file, terms, self.members, (cards, end))?;
        let mut numbers = Vec::new();
        for input in self.inputs {
            let old = index.part(input.number).ok_or(SearchError::Damaged)?;
            let died = input.names.iter().zip(0..).filter(|(_, doc)| !old.lives(*doc));
            died.filter_map(|(name, _)| *name)
                .for_each(|name| part.bury(name));
            numbers.push(input.number);
        }
        index.replace(&numbers, part);
        Ok(())
    }
}

impl Input {
    fn look_ahead(&mut self, index: &Index) {
        if self.exhausted || !self.ahead.is_empty() {
            return;
        }
        let Some(part) = index.part(self.number) else {
            self.exhausted = true;
            return;
        };
        let mut ahead = Vec::with_capacity(AHEAD);
        part.for_each_term("", self.after.as_deref(), &mut |term, _| {
            ahead.push(term.to_owned());
            if ahead.len() < AHEAD {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        self.exhausted = ahead.is_empty();
        if let Some(last) = ahead.last() {
            self.after = Some(last.clone());
        }
        ahead.reverse();
        self.ahead = ahead;
    }
}
