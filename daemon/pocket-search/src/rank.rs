//! Which records fit best. BM25 (Robertson and Zaragoza, 2009) with weighted fields, over all categories
//! that are asked as if they were one; what was changed lately is a little better.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::OnceLock;

use levenshtein_automata::{DFA, LevenshteinAutomatonBuilder};
use pocket_core::{Category, RecordId, Timestamp};

use crate::languages::{Languages, Stem};
use crate::part::{Files, List, Member, Part};
use crate::postings::{Doc, for_each, for_each_placed};
use crate::query::{Clause, Form, How, Query, What};
use crate::words::is_unspaced;
use crate::{Field, Index, SearchError};

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
const SHARE: f32 = 0.4;
/// Terms that one word may stand for, in a part.
const MOST_TERMS: usize = 64;
/// Words of a query for which other spellings are looked for: each walks through the dictionaries.
const MOST_ALIKE: usize = 8;
/// Letters of the longest word for which they are.
const LONGEST_ALIKE: usize = 24;
/// Terms that are looked through for forms of a word, in a part.
const MOST_FORMS: usize = 1_000;

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
}

/// A part, and what the clauses mean in it.
struct Place<'a> {
    category: Category,
    part: &'a Part,
    languages: Languages,
    meanings: Vec<Meaning>,
}

/// What a clause means in a part.
#[derive(Default)]
struct Meaning {
    /// Terms, how much each counts, and how many records have it.
    terms: Vec<(String, f32, u32)>,
    /// For a phrase: the records where it stands, and how often.
    phrase: Vec<(Doc, u32)>,
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
                How::Must | How::Should => self.rarity(count),
            });
        self.worth = worth.collect();
        Ok(())
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
                    meant.extend(meaning.terms.into_iter().map(|(term, ..)| (term, number)));
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
            place.weigh(clause, meaning, files, &mut board)?;
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
        let total: f32 = self.worth.iter().sum();
        for (member, doc) in place.part.members.iter().zip(0..) {
            let hits = board.hits.get(doc as usize).copied().unwrap_or(0);
            let fits = hits & must == must && hits & not == 0 && (any == 0 || hits & any != 0);
            if !fits || !place.part.lives(doc) || !self.in_time(member) {
                continue;
            }
            let share: f32 = (0u32..)
                .zip(&self.worth)
                .filter(|(bit, _)| hits & (1 << bit) != 0)
                .map(|(_, worth)| worth)
                .sum();
            let share = if total > 0.0 { share / total } else { 1.0 };
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
                        score * (0.5 + 0.5 * share) * fresh
                    },
                    updated: member.version.updated,
                },
            ));
        }
        Ok(())
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

/// In which order one tries to understand a clause.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Step {
    Alike,
    Beginning,
    Forms,
    Phrase,
}

const fn steps(what: &What) -> &'static [Step] {
    match what {
        What::Phrase(_) => &[Step::Phrase],
        What::Word(_, Form::Fuzzy) => &[Step::Alike],
        What::Word(_, Form::Plain) => &[Step::Forms, Step::Beginning, Step::Alike],
        What::Word(_, Form::Prefix) => &[Step::Beginning],
    }
}

impl Place<'_> {
    fn mean(
        &self,
        clause: &Clause,
        step: Step,
        like: Option<&DFA>,
        files: &Files<'_>,
    ) -> Result<Meaning, SearchError> {
        match (&clause.what, step) {
            (What::Phrase(words), _) => Ok(Meaning {
                terms: Vec::new(),
                phrase: self.phrase(words, clause.field, files)?,
            }),
            (What::Word(word, _), step) => Ok(Meaning {
                terms: match step {
                    Step::Alike => self.alike(word, like),
                    Step::Beginning => self.beginning(word),
                    Step::Forms | Step::Phrase => self.forms(word),
                },
                phrase: Vec::new(),
            }),
        }
    }

    /// The word itself, and words of the same stem.
    fn forms(&self, word: &str) -> Vec<(String, f32, u32)> {
        let mut terms = BTreeMap::new();
        for spelling in spellings(word) {
            let count = self.part.count(&spelling);
            if count > 0 {
                terms.insert(spelling, (1.0, count));
            }
        }
        if word.chars().all(is_unspaced) || word.chars().any(is_hangul) {
            // Particles follow without a space; a lone letter begins pairs.
            for (term, _, count) in self.beginning(word) {
                terms.entry(term).or_insert((0.8, count));
            }
        }
        for stem in self.languages.stems(word) {
            self.forms_of(&stem, &mut terms);
        }
        terms
            .into_iter()
            .map(|(term, (weight, count))| (term, weight, count))
            .collect()
    }

    fn forms_of(&self, stem: &Stem, terms: &mut BTreeMap<String, (f32, u32)>) {
        let mut seen = 0;
        self.part
            .for_each_term(stem.beginning(), None, &mut |term, count| {
                seen += 1;
                if !terms.contains_key(term) && stem.is_of(term) {
                    terms.insert(term.to_owned(), (0.9, count));
                }
                if seen < MOST_FORMS {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
    }

    fn beginning(&self, word: &str) -> Vec<(String, f32, u32)> {
        let mut terms = Vec::new();
        self.part.for_each_term(word, None, &mut |term, count| {
            let weight = if term == word { 1.0 } else { 0.7 };
            terms.push((term.to_owned(), weight, count));
            if terms.len() < MOST_TERMS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        terms
    }

    fn alike(&self, word: &str, like: Option<&DFA>) -> Vec<(String, f32, u32)> {
        let Some(like) = like else {
            return self.forms(word);
        };
        let mut terms = Vec::new();
        self.part.for_each_like(like, &mut |term, count| {
            let weight: f32 = if term == word { 1.0 } else { 0.5 };
            terms.push((term.to_owned(), weight, count));
        });
        terms.sort_by(|one, other| other.1.total_cmp(&one.1).then(other.2.cmp(&one.2)));
        terms.truncate(MOST_TERMS);
        terms
    }

    /// Where words stand one behind the other.
    fn phrase(
        &self,
        words: &[String],
        field: Option<Field>,
        files: &Files<'_>,
    ) -> Result<Vec<(Doc, u32)>, SearchError> {
        let mut ends: Option<BTreeMap<Doc, Vec<u32>>> = None;
        for word in words {
            let Some(List { records, places }) = self.part.list(word, files)? else {
                return Ok(Vec::new());
            };
            let mut next = BTreeMap::new();
            for_each_placed(&records, &places, &mut |doc, _, places| {
                let follows = |place: &&u32| match &ends {
                    None => field.is_none_or(|field| field.holds(**place)),
                    Some(ends) => ends.get(&doc).is_some_and(|ends| {
                        place
                            .checked_sub(1)
                            .is_some_and(|before| ends.binary_search(&before).is_ok())
                    }),
                };
                let here: Vec<u32> = places.iter().filter(follows).copied().collect();
                if !here.is_empty() {
                    next.insert(doc, here);
                }
            })?;
            ends = Some(next);
        }
        let times = |places: Vec<u32>| u32::try_from(places.len()).unwrap_or(u32::MAX);
        Ok(ends
            .unwrap_or_default()
            .into_iter()
            .map(|(doc, places)| (doc, times(places)))
            .collect())
    }

    /// Adds up how much a clause weighs in each record.
    fn weigh(
        &self,
        clause: &Clause,
        meaning: &Meaning,
        files: &Files<'_>,
        board: &mut Board,
    ) -> Result<(), SearchError> {
        for (doc, times) in &meaning.phrase {
            // As much as its words would.
            board.add(*doc, 2.0 * real(u64::from(*times)));
        }
        for (term, factor, _) in &meaning.terms {
            let Some(List { records, places }) = self.part.list(term, files)? else {
                continue;
            };
            match clause.field {
                None => for_each(&records, &mut |doc, weight| {
                    board.add(doc, factor * real(u64::from(weight)))
                })?,
                Some(field) => for_each_placed(&records, &places, &mut |doc, _, places| {
                    let times = places.iter().filter(|place| field.holds(**place)).count();
                    if times > 0 {
                        board.add(doc, factor * real(times as u64));
                    }
                })?,
            }
        }
        Ok(())
    }
}

impl Meaning {
    /// About how many records it stands for.
    fn count(&self) -> u64 {
        let terms = self.terms.iter().map(|(_, _, count)| u64::from(*count));
        terms.sum::<u64>() + self.phrase.len() as u64
    }
}

/// The scores of one part.
struct Board {
    scores: Vec<f32>,
    /// Which clauses a record meets, a bit for each.
    hits: Vec<u32>,
    weights: Vec<f32>,
    touched: Vec<Doc>,
}

impl Board {
    fn new(records: usize) -> Self {
        Self {
            scores: vec![0.0; records],
            hits: vec![0; records],
            weights: vec![0.0; records],
            touched: Vec::new(),
        }
    }

    fn add(&mut self, doc: Doc, weight: f32) {
        if let Some(known) = self.weights.get_mut(doc as usize) {
            if *known == 0.0 {
                self.touched.push(doc);
            }
            *known += weight;
        }
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
    }
}

/// The word, and how else it is written where a keyboard has no umlauts.
fn spellings(word: &str) -> Vec<String> {
    let mut spellings = vec![word.to_owned()];
    for (written, folded) in [("ae", "a"), ("oe", "o"), ("ue", "u")] {
        if word.contains(written) {
            spellings.push(word.replace(written, folded));
        }
    }
    spellings
}

const fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7ff}')
}

/// Takes the words that are spelt like this one: a letter off in short words, two in long ones. `None`
/// for the shortest, where that would be another word, and for what is no word.
fn like(what: &What) -> Option<DFA> {
    static ONE: OnceLock<LevenshteinAutomatonBuilder> = OnceLock::new();
    static TWO: OnceLock<LevenshteinAutomatonBuilder> = OnceLock::new();
    let What::Word(word, _) = what else {
        return None;
    };
    let builder = match word.chars().count() {
        4..=7 => ONE.get_or_init(|| LevenshteinAutomatonBuilder::new(1, true)),
        8..=LONGEST_ALIKE => TWO.get_or_init(|| LevenshteinAutomatonBuilder::new(2, true)),
        _ => return None,
    };
    Some(builder.build_dfa(word))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts that only rank: what is lost beyond 24 bits changes no order that anyone sees"
)]
const fn real(number: u64) -> f32 {
    number as f32
}
