//! What a word of a query means in a part of an index: which terms, and how much each counts.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use levenshtein_automata::{DFA, LevenshteinAutomatonBuilder};
use pocket_core::Category;

use crate::languages::{Languages, Stem};
use crate::part::{Files, List, Part};
use crate::postings::{Doc, for_each, for_each_placed};
use crate::query::{Clause, Form, What};
use crate::rank::{AKIN, Board, real};
use crate::words::is_unspaced;
use crate::{Field, SearchError};

/// Terms that one word may stand for, in a part.
const MOST_TERMS: usize = 64;
/// Letters of the longest word for which they are.
const LONGEST_ALIKE: usize = 24;
/// Terms that are looked through for forms of a word, in a part.
const MOST_FORMS: usize = 1_000;
/// Terms that count as akin to a word, in a part.
const MOST_AKIN: usize = 32;
/// Letters that akin words begin with alike, at least; two thirds of the word if that is more.
const ALIKE_BEGINNING: usize = 5;

/// A part, and what the clauses mean in it.
pub(crate) struct Place<'a> {
    pub(crate) category: Category,
    pub(crate) part: &'a Part,
    pub(crate) languages: Languages,
    pub(crate) meanings: Vec<Meaning>,
}

/// What a clause means in a part.
#[derive(Default)]
pub(crate) struct Meaning {
    /// Terms, how much each counts, and how many records have it.
    pub(crate) terms: Vec<(String, f32, u32)>,
    /// For a phrase: the records where it stands, and how often.
    phrase: Vec<(Doc, u32)>,
    /// Terms that only begin as the word does, and how many records have each: other words of its
    /// family, and words put together with it, which no stemmer knows. They count less.
    akin: Vec<(String, u32)>,
}

/// In which order one tries to understand a clause.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Step {
    Akin,
    Alike,
    Beginning,
    Forms,
    Phrase,
}

pub(crate) const fn steps(what: &What) -> &'static [Step] {
    match what {
        What::Phrase(_) => &[Step::Phrase],
        What::Word(_, Form::Fuzzy) => &[Step::Alike],
        What::Word(_, Form::Plain) => &[Step::Forms, Step::Beginning, Step::Alike, Step::Akin],
        What::Word(_, Form::Prefix) => &[Step::Beginning],
    }
}

impl Place<'_> {
    pub(crate) fn mean(
        &self,
        clause: &Clause,
        step: Step,
        like: Option<&DFA>,
        files: &Files<'_>,
    ) -> Result<Meaning, SearchError> {
        match (&clause.what, step) {
            (What::Phrase(words), _) => Ok(Meaning {
                phrase: self.phrase(words, clause.field, files)?,
                ..Meaning::default()
            }),
            (What::Word(..), Step::Akin) if !clause.is_loose() => Ok(Meaning::default()),
            (What::Word(word, _), Step::Akin) => {
                let akin = self.akin(word, &[]).into_iter();
                Ok(Meaning::of(
                    akin.map(|(term, count)| (term, AKIN, count)).collect(),
                ))
            }
            (What::Word(word, _), Step::Alike) => Ok(Meaning::of(self.alike(word, like))),
            (What::Word(word, _), Step::Beginning) => Ok(Meaning::of(self.beginning(word))),
            (What::Word(word, _), Step::Forms | Step::Phrase) => {
                let terms = self.forms(word);
                let akin = if clause.is_loose() {
                    self.akin(word, &terms)
                } else {
                    Vec::new()
                };
                Ok(Meaning {
                    akin,
                    ..Meaning::of(terms)
                })
            }
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

    /// Other words that begin as `word` does: of many, those that are about as long.
    fn akin(&self, word: &str, but: &[(String, f32, u32)]) -> Vec<(String, u32)> {
        let length = word.chars().count();
        let alike = (length * 2).div_ceil(3).max(ALIKE_BEGINNING);
        let Some((end, _)) = word.char_indices().chain([(word.len(), ' ')]).nth(alike) else {
            return Vec::new();
        };
        let mut seen = 0;
        let mut terms = Vec::new();
        let beginning = word.get(..end).unwrap_or(word);
        self.part.for_each_term(beginning, None, &mut |term, count| {
            seen += 1;
            if but.iter().all(|(known, ..)| known != term) {
                terms.push((term.to_owned(), count));
            }
            if seen < MOST_FORMS {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        terms.sort_by_key(|(term, _)| term.chars().count().abs_diff(length));
        terms.truncate(MOST_AKIN);
        terms
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

    /// Adds up how much a clause weighs in each record; words that are only akin, `akin` times as much.
    pub(crate) fn weigh(
        &self,
        (clause, meaning): (&Clause, &Meaning),
        akin: f32,
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
        // Last: the board tells records that have nothing nearer.
        for (term, _) in &meaning.akin {
            if let Some(List { records, .. }) = self.part.list(term, files)? {
                for_each(&records, &mut |doc, weight| {
                    board.add_akin(doc, akin * real(u64::from(weight)))
                })?;
            }
        }
        Ok(())
    }
}

impl Meaning {
    fn of(terms: Vec<(String, f32, u32)>) -> Self {
        Self {
            terms,
            ..Self::default()
        }
    }

    /// About how many records hold words that are only akin.
    pub(crate) fn akin_count(&self) -> u64 {
        self.akin.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// Every term that it stands for.
    pub(crate) fn into_terms(self) -> impl Iterator<Item = String> {
        let terms = self.terms.into_iter().map(|(term, ..)| term);
        terms.chain(self.akin.into_iter().map(|(term, _)| term))
    }

    /// About how many records it stands for, akin words left out.
    pub(crate) fn count(&self) -> u64 {
        let terms = self.terms.iter().map(|(_, _, count)| u64::from(*count));
        terms.sum::<u64>() + self.phrase.len() as u64
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
pub(crate) fn like(what: &What) -> Option<DFA> {
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
