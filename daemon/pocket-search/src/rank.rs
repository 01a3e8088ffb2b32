//! Which records fit best. BM25 (Robertson and Zaragoza, 2009) with weighted fields, over all categories
//! that are asked as if they were one; what was changed lately is a little better.

use std::cmp::Ordering;
use std::collections::HashMap;

use pocket_core::{Category, RecordId, Timestamp};

use crate::languages::Languages;
use crate::meaning::{Meaning, Place, Step, like, steps};
use crate::part::{Files, Member};
use crate::postings::Doc;
use crate::query::{Form, How, Query, What};
use crate::{Index, SearchError};

/// How soon more occurrences stop to count.
const K1: f32 = 1.2;
/// How much long records are held against themselves.
const B: f32 = 0.5;
/// A record that was changed just now is better by so much.
const FRESH: f32 = 0.15;
/// In how many days that fades to a third.
const FADES: f32 = 180.0;
/// A word in more than one of so many records is left out beside rarer ones.
const COMMON: u64 = 8;
/// What a record must reach of the best one's share of the question.
const SHARE: f32 = 0.3;
/// How much a word of a query counts that only holds sentences together, beside others.
const SMALL: f32 = 0.3;
/// How much a word counts that is only akin to one of the query.
pub(crate) const AKIN: f32 = 0.4;
/// The share of a word that a record with akin ones alone answers: less than [`SHARE`], so that a search
/// for one word finds no other.
const AKIN_SHARE: f32 = 0.25;
/// How much of its score a record keeps that answers next to nothing of the question.
const UNANSWERED: f32 = 0.3;
/// Words of a query for which other spellings are looked for: each walks through the dictionaries.
const MOST_ALIKE: usize = 8;

/// A record that fits.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where it is.
    pub category: Category,
    /// Which one.
    pub id: RecordId,
    /// How well; more is better.
    pub score: f32,
    /// When it was changed.
    pub updated: Timestamp,
}

/// The terms that a query turned out to mean: what a snippet marks.
#[derive(Default)]
pub struct Meant(pub(crate) HashMap<String, u32>);

/// The best `limit` records, the best first, and what the words of the query meant.
///
/// # Errors
/// [`SearchError`]: make the index anew.
pub fn search(
    indexes: &[(Category, &Index)],
    query: &Query,
    limit: usize,
    now: Timestamp,
    files: &Files<'_>,
) -> Result<(Vec<Found>, Meant), SearchError> {
    let mut search = Search::new(indexes, query);
    search.expand(files)?;
    let mut found = Vec::new();
    for part in &search.parts {
        search.rank(part, now, files, &mut found)?;
    }
    let most = found.iter().map(|(share, _)| *share).fold(0.0, f32::max);
    let mut found: Vec<Found> = found
        .into_iter()
        .filter(|(share, _)| *share >= most * SHARE)
        .map(|(_, found)| found)
        .collect();
    let order = |one: &Found, other: &Found| {
        let score = other.score.partial_cmp(&one.score).unwrap_or(Ordering::Equal);
        score.then_with(|| (other.updated, other.id).cmp(&(one.updated, one.id)))
    };
    if found.len() > limit {
        if limit > 0 {
            found.select_nth_unstable_by(limit - 1, order);
        }
        found.truncate(limit);
    }
    found.sort_by(order);
    Ok((found, search.meant()))
}

/// A search under way.
struct Search<'a> {
    parts: Vec<Place<'a>>,
    query: &'a Query,
    /// Living records, and the words in one on average.
    records: u64,
    average: f32,
    /// What each clause is worth; nothing when it is left out.
    worth: Vec<f32>,
    /// How much a word counts that is only akin to that of the clause.
    akin: Vec<f32>,
    /// Those of all the records.
    languages: Languages,
}

impl<'a> Search<'a> {
    fn new(indexes: &[(Category, &'a Index)], query: &'a Query) -> Self {
        let mut parts = Vec::new();
        for (category, index) in indexes {
            let languages = index.languages();
            let filled = index.parts.iter().filter(|part| part.part.living > 0);
            parts.extend(filled.map(|part| Place {
                category: *category,
                part: &part.part,
                languages,
                meanings: Vec::new(),
            }));
        }
        let records: u64 = indexes.iter().map(|(_, index)| index.len()).sum();
        let words: u64 = indexes.iter().map(|(_, index)| index.words()).sum();
        Self {
            parts,
            query,
            records,
            average: (real(words) / real(records.max(1))).max(1.0),
            worth: Vec::new(),
            akin: Vec::new(),
            languages: indexes
                .iter()
                .fold(Languages::default(), |all, (_, index)| all.or(index.languages())),
        }
    }

    /// Finds what every clause means: first the words themselves and their forms; where no record has
    /// any, what begins so, then what is spelt alike.
    fn expand(&mut self, files: &Files<'_>) -> Result<(), SearchError> {
        let query = self.query;
        let mut counts = Vec::new();
        let mut alike = 0;
        for clause in &query.clauses {
            let mut count = 0;
            for step in steps(&clause.what) {
                count = 0;
                let like = if *step == Step::Alike {
                    like(&clause.what)
                } else {
                    None
                };
                alike += usize::from(like.is_some());
                let like = like.filter(|_| alike <= MOST_ALIKE);
                for place in &mut self.parts {
                    let meaning = place.mean(clause, *step, like.as_ref(), files)?;
                    count += meaning.count();
                    place.meanings.push(meaning);
                }
                if count > 0 {
                    break;
                }
                self.parts.iter_mut().for_each(|place| drop(place.meanings.pop()));
            }
            if count == 0 {
                let parts = self.parts.iter_mut();
                parts.for_each(|place| place.meanings.push(Meaning::default()));
            }
            counts.push(count);
        }
        let rare = |count: u64| count > 0 && count.saturating_mul(COMMON) <= self.records;
        let any_rare = query.clauses.iter().zip(&counts);
        let any_rare = any_rare
            .filter(|(clause, _)| clause.how != How::Not)
            .any(|(_, count)| rare(*count));
        let worth = query
            .clauses
            .iter()
            .zip(counts)
            .map(|(clause, count)| match clause.how {
                How::Not => 0.0,
                How::Should if any_rare && !rare(count) => 0.0,
                How::Must | How::Should if self.is_small(&clause.what) => SMALL * self.rarity(count),
                How::Must | How::Should => self.rarity(count),
            });
        self.worth = worth.collect();
        self.akin = (0..query.clauses.len())
            .map(|clause| self.akin_to(clause))
            .collect();
        Ok(())
    }

    /// Words that are only akin count by how rare they are themselves.
    fn akin_to(&self, clause: usize) -> f32 {
        let meanings = self.parts.iter().filter_map(|place| place.meanings.get(clause));
        let (own, akin) = meanings.fold((0, 0), |(own, akin), meaning| {
            (own + meaning.count(), akin + meaning.akin_count())
        });
        AKIN * self.rarity(own + akin) / self.rarity(own)
    }

    fn is_small(&self, what: &What) -> bool {
        matches!(what, What::Word(word, Form::Plain) if self.languages.is_small(word))
    }

    /// The rarer, the more it says; never nothing.
    fn rarity(&self, count: u64) -> f32 {
        let (records, count) = (real(self.records), real(count).min(real(self.records)));
        (1.0 + (records - count + 0.5) / (count + 0.5)).ln()
    }

    fn meant(self) -> Meant {
        let mut meant = HashMap::new();
        for place in self.parts {
            for ((clause, meaning), number) in self.query.clauses.iter().zip(place.meanings).zip(0u32..) {
                if let What::Phrase(words) = &clause.what {
                    meant.extend(words.iter().map(|word| (word.clone(), number)));
                }
                if clause.how != How::Not {
                    meant.extend(meaning.into_terms().map(|term| (term, number)));
                }
            }
        }
        Meant(meant)
    }

    /// Adds the records of a part that fit, with the share of the question that each answers.
    fn rank(
        &self,
        place: &Place<'_>,
        now: Timestamp,
        files: &Files<'_>,
        found: &mut Vec<(f32, Found)>,
    ) -> Result<(), SearchError> {
        let mut board = Board::new(place.part.members.len());
        let clauses = self.query.clauses.iter().zip(&place.meanings).zip(&self.worth);
        for (((clause, meaning), worth), number) in clauses.zip(0u32..) {
            if clause.how == How::Should && *worth == 0.0 {
                continue;
            }
            let akin = self.akin.get(number as usize).copied().unwrap_or(0.0);
            place.weigh((clause, meaning), akin, files, &mut board)?;
            board.settle(number, |doc, weight| {
                let length = place
                    .part
                    .members
                    .get(doc as usize)
                    .map_or(0, |member| member.length);
                let long = 1.0 - B + B * real(u64::from(length)) / self.average;
                worth * weight * (K1 + 1.0) / (weight + K1 * long)
            });
        }
        let (must, not, any) = self.masks();
        for (member, doc) in place.part.members.iter().zip(0..) {
            let hits = board.hits.get(doc as usize).copied().unwrap_or(0);
            let fits = hits & must == must && hits & not == 0 && (any == 0 || hits & any != 0);
            if !fits || !place.part.lives(doc) || !self.in_time(member) {
                continue;
            }
            let share = self.share(hits, board.akin.get(doc as usize).copied().unwrap_or(0));
            let score = board.scores.get(doc as usize).copied().unwrap_or(0.0);
            let age = now.since(member.version.updated).as_secs_f32() / 86_400.0;
            let fresh = 1.0 + FRESH * (-age / FADES).exp();
            found.push((
                share,
                Found {
                    category: place.category,
                    id: member.id,
                    score: if any == 0 {
                        fresh
                    } else {
                        score * (UNANSWERED + (1.0 - UNANSWERED) * share) * fresh
                    },
                    updated: member.version.updated,
                },
            ));
        }
        Ok(())
    }

    /// The share of the question that a record answers which meets the clauses `hits`, those in `akin`
    /// only by akin words.
    fn share(&self, hits: u32, akin: u32) -> f32 {
        let total: f32 = self.worth.iter().sum();
        if total <= 0.0 {
            return 1.0;
        }
        let met = (0u32..)
            .zip(&self.worth)
            .filter(|(bit, _)| hits & (1 << bit) != 0);
        let part = |bit: u32| if akin & (1 << bit) == 0 { 1.0 } else { AKIN_SHARE };
        met.map(|(bit, worth)| worth * part(bit)).sum::<f32>() / total
    }

    /// The clauses that must be met, must not, and those of which one must be.
    fn masks(&self) -> (u32, u32, u32) {
        let of = |how| {
            let clauses = self.query.clauses.iter().zip(0u32..);
            let chosen = clauses.filter(|(clause, _)| clause.how == how);
            chosen.fold(0u32, |mask, (_, bit)| mask | 1 << bit)
        };
        let must = of(How::Must);
        (must, of(How::Not), must | of(How::Should))
    }

    fn in_time(&self, member: &Member) -> bool {
        let at = member.version.updated;
        self.query.after.is_none_or(|after| at >= after) && self.query.before.is_none_or(|before| at < before)
    }
}

/// The scores of one part.
pub(crate) struct Board {
    scores: Vec<f32>,
    /// Which clauses a record meets, a bit for each.
    hits: Vec<u32>,
    /// Which of them only by words that are akin.
    akin: Vec<u32>,
    weights: Vec<f32>,
    touched: Vec<Doc>,
    /// Those of the touched that hold akin words alone.
    distant: Vec<Doc>,
}

impl Board {
    fn new(records: usize) -> Self {
        Self {
            scores: vec![0.0; records],
            hits: vec![0; records],
            akin: vec![0; records],
            weights: vec![0.0; records],
            touched: Vec::new(),
            distant: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, doc: Doc, weight: f32) {
        if let Some(known) = self.weights.get_mut(doc as usize) {
            if *known == 0.0 {
                self.touched.push(doc);
            }
            *known += weight;
        }
    }

    /// The same for a word that is only akin; to be called after all [`Board::add`] of a clause.
    pub(crate) fn add_akin(&mut self, doc: Doc, weight: f32) {
        if self.weights.get(doc as usize).is_some_and(|known| *known == 0.0) {
            self.distant.push(doc);
        }
        self.add(doc, weight);
    }

    /// Turns the weights of a clause into scores.
    fn settle(&mut self, clause: u32, score: impl Fn(Doc, f32) -> f32) {
        for doc in self.touched.drain(..) {
            let at = doc as usize;
            let weight = self.weights.get_mut(at).map_or(0.0, std::mem::take);
            if let (Some(total), Some(hits)) = (self.scores.get_mut(at), self.hits.get_mut(at)) {
                *total += score(doc, weight);
                *hits |= 1 << clause;
            }
        }
        for doc in self.distant.drain(..) {
            if let Some(akin) = self.akin.get_mut(doc as usize) {
                *akin |= 1 << clause;
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts that only rank: what is lost beyond 24 bits changes no order that anyone sees"
)]
pub(crate) const fn real(number: u64) -> f32 {
    number as f32
}
