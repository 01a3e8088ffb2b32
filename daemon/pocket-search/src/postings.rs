//! The list of a term: the records that hold it, how much it weighs in each, and where it stands.
//!
//! Two runs of LEB128 numbers: `record delta, weight` for each record, records ascending; and
//! `count, place deltas` for each of them, in the same order. A place is the field in the upper five
//! bits and the number of the word below.

use crate::SearchError;

/// Number of a record within its part of the index.
pub(crate) type Doc = u32;

/// The list of one term.
#[derive(Clone, Default)]
pub(crate) struct Postings {
    /// How many records hold the term.
    pub(crate) count: u32,
    last: Doc,
    /// Records and weights.
    pub(crate) records: Vec<u8>,
    /// Places.
    pub(crate) places: Vec<u8>,
}

impl Postings {
    /// Adds a record, which must come after those that are there. `places` ascend.
    pub(crate) fn push(&mut self, doc: Doc, weight: u32, places: &[u32]) {
        let before = if self.count == 0 { 0 } else { self.last };
        put(u64::from(doc.saturating_sub(before)), &mut self.records);
        put(u64::from(weight), &mut self.records);
        put(places.len() as u64, &mut self.places);
        let mut last = 0;
        for place in places {
            put(u64::from(place.saturating_sub(last)), &mut self.places);
            last = *place;
        }
        self.last = doc;
        self.count = self.count.saturating_add(1);
    }
}

/// Gives each record and its weight.
pub(crate) fn for_each(bytes: &[u8], visit: &mut dyn FnMut(Doc, u32)) -> Result<(), SearchError> {
    let mut reader = Reader(bytes);
    let mut doc: Doc = 0;
    while !reader.0.is_empty() {
        doc = doc.checked_add(reader.number()?).ok_or(SearchError::Damaged)?;
        visit(doc, reader.number()?);
    }
    Ok(())
}

/// Gives each record, its weight and its places.
pub(crate) fn for_each_placed(
    records: &[u8],
    places: &[u8],
    visit: &mut dyn FnMut(Doc, u32, &[u32]),
) -> Result<(), SearchError> {
    let mut reader = Reader(places);
    let mut here = Vec::new();
    let mut failed = Ok(());
    for_each(records, &mut |doc, weight| {
        if failed.is_ok() {
            failed = reader.places(&mut here);
            visit(doc, weight, &here);
        }
    })?;
    failed
}

/// Reads numbers; none is trusted to be there.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn number(&mut self) -> Result<u32, SearchError> {
        u32::try_from(self.long()?).map_err(|_| SearchError::Damaged)
    }

    pub(crate) fn long(&mut self) -> Result<u64, SearchError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(SearchError::Damaged)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(SearchError::Damaged)
    }

    fn places(&mut self, here: &mut Vec<u32>) -> Result<(), SearchError> {
        here.clear();
        let mut last: u32 = 0;
        for _ in 0..self.number()? {
            last = last.checked_add(self.number()?).ok_or(SearchError::Damaged)?;
            here.push(last);
        }
        Ok(())
    }
}

/// Writes a number.
pub(crate) fn put(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_comes_back(
            lists in proptest::collection::btree_map(any::<u32>(), (any::<u32>(), proptest::collection::btree_set(any::<u32>(), 0..9)), 0..40),
        ) {
            let mut postings = Postings::default();
            for (doc, (weight, places)) in &lists {
                postings.push(*doc, *weight, &places.iter().copied().collect::<Vec<_>>());
            }
            let mut found = std::collections::BTreeMap::new();
            for_each_placed(&postings.records, &postings.places, &mut |doc, weight, places| {
                found.insert(doc, (weight, places.iter().copied().collect()));
            }).unwrap();
            prop_assert_eq!(found, lists);
        }

        #[test]
        fn no_bytes_panic(records: Vec<u8>, places: Vec<u8>) {
            let _outcome = for_each_placed(&records, &places, &mut |_, _, _| {});
        }
    }
}
