//! Search by reading: every word of the query must stand in the record. Good for the thousands of
//! records of a first device; the index comes with a crate of its own.

use std::cmp::Reverse;
use std::ops::ControlFlow;

use pocket_core::{Category, Entry, Failure, Hit, Operation, Record, RecordId, Timestamp};
use pocket_store::{StoreError, Walk};

use super::records::{MOST_PAGE, size};
use super::{Act, Slice, Vault, Work};
use crate::failure;

/// Characters of a snippet before and after the place.
const AROUND: usize = 60;
/// Longest query in bytes.
const LONGEST: usize = 1024;

/// A search under way.
pub(crate) struct Searching {
    categories: Vec<Category>,
    words: Vec<String>,
    limit: usize,
    /// Categories that were not read yet, the next one last.
    left: Vec<Category>,
    walk: Option<(Category, Walk)>,
    best: Vec<Found>,
}

impl Searching {
    fn begin_again(&mut self) {
        self.left = self.categories.iter().rev().copied().collect();
        self.walk = None;
        self.best.clear();
    }

    fn consider(&mut self, category: Category, entry: &Entry) {
        if let Some(score) = score(entry.content.record(), &self.words) {
            self.best.push(Found {
                score,
                updated: entry.updated,
                category,
                id: entry.id,
            });
            if self.best.len() >= self.limit.saturating_mul(2) {
                keep_best(&mut self.best, self.limit);
            }
        }
    }
}

impl Vault {
    pub(super) fn search(
        &mut self,
        act: Act,
        categories: &[Category],
        query: &str,
        limit: u32,
    ) -> Result<Work, Failure> {
        let words = words(query);
        if words.is_empty() || query.len() > LONGEST {
            return Err(failure::invalid(
                "there is nothing to search for",
                "give one to a few words, 1 KiB at most",
            ));
        }
        let categories: Vec<Category> = categories
            .iter()
            .copied()
            .filter(|category| category.holds_records())
            .collect();
        self.admit(act.permit, &[], act.now)?;
        categories.iter().try_for_each(|category| self.whole(*category))?;
        let limit = usize::try_from(limit.clamp(1, Operation::MOST_LISTED)).unwrap_or(usize::MAX);
        let mut searching = Searching {
            categories,
            words,
            limit,
            left: Vec::new(),
            walk: None,
            best: Vec::new(),
        };
        searching.begin_again();
        Ok(Work::Search(searching))
    }

    /// Reads on; gives what was found once everything was read.
    pub(super) fn search_on(
        &self,
        searching: &mut Searching,
        slice: &Slice,
    ) -> Result<Option<Vec<Hit>>, Failure> {
        loop {
            let Some((category, mut walk)) = searching.walk.take() else {
                let Some(category) = searching.left.pop() else {
                    keep_best(&mut searching.best, searching.limit);
                    return self.hits(&searching.best, &searching.words).map(Some);
                };
                searching.walk = Some((category, self.store.begin_walk(category)));
                continue;
            };
            let walked = self.store.walk(&mut walk, &mut |entry| {
                searching.consider(category, &entry);
                if slice.go_on() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            match walked {
                Ok(true) => {}
                Ok(false) => {
                    searching.walk = Some((category, walk));
                    return Ok(None);
                }
                Err(StoreError::Moved) => searching.begin_again(),
                Err(error) => return Err(failure::store(&error)),
            }
        }
    }

    /// The records found, as many as one answer may hold.
    fn hits(&self, found: &[Found], words: &[String]) -> Result<Vec<Hit>, Failure> {
        let mut hits = Vec::new();
        let mut bytes = 0;
        for found in found {
            let entry = self.store.get(found.category, found.id);
            // Deleted since it was found.
            let Some(entry) = entry.map_err(|error| failure::store(&error))? else {
                continue;
            };
            bytes += size(&entry);
            hits.push(Hit {
                snippet: snippet(entry.content.record(), words),
                entry,
            });
            if bytes >= MOST_PAGE {
                break;
            }
        }
        Ok(hits)
    }
}

/// Where something was found. The record itself is read again at the end: many large ones may fit.
struct Found {
    score: u32,
    updated: Timestamp,
    category: Category,
    id: RecordId,
}

/// The best first; among equals the newest.
fn keep_best(found: &mut Vec<Found>, limit: usize) {
    found.sort_by_key(|found| Reverse((found.score, found.updated, found.id)));
    found.truncate(limit);
}

fn words(query: &str) -> Vec<String> {
    query.split_whitespace().map(str::to_lowercase).collect()
}

/// How well a record fits: `None` unless each word stands in it; words in the title count most.
fn score(record: &Record, words: &[String]) -> Option<u32> {
    let title = record.title().to_lowercase();
    let mut texts = Vec::new();
    record.for_each_text(&mut |text| texts.push(text.to_lowercase()));
    words.iter().try_fold(0u32, |score, word| {
        let places: usize = texts
            .iter()
            .map(|text| text.matches(word.as_str()).take(10).count())
            .sum();
        let weight = if title.contains(word.as_str()) { 20 } else { 0 };
        (places > 0).then(|| {
            score
                .saturating_add(u32::try_from(places).unwrap_or(10))
                .saturating_add(weight)
        })
    })
}

/// The words around the first place outside the title where one of `words` stands; the beginning of
/// the longest text when there is none.
fn snippet(record: &Record, words: &[String]) -> String {
    let title = record.title();
    let mut texts = Vec::new();
    record.for_each_text(&mut |text| {
        if text != title && !text.is_empty() {
            texts.push(text);
        }
    });
    let place = |text: &&&str| {
        words
            .iter()
            .any(|word| text.to_lowercase().contains(word.as_str()))
    };
    let Some(text) = texts.iter().find(place).or_else(|| texts.first()) else {
        return String::new();
    };
    let folded = text.to_lowercase();
    let at = words
        .iter()
        .filter_map(|word| folded.find(word.as_str()))
        .min()
        .unwrap_or(0);
    // Folding may change the length of a few letters: the place is close, never out of bounds.
    let at = folded.get(..at).map_or(0, |before| before.chars().count());
    let from = at.saturating_sub(AROUND);
    let piece: String = text.chars().skip(from).take(2 * AROUND).collect();
    let piece = piece.split_whitespace().collect::<Vec<_>>().join(" ");
    let before = if from > 0 { "…" } else { "" };
    let after = if text.chars().count() > from + 2 * AROUND {
        "…"
    } else {
        ""
    };
    format!("{before}{piece}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocket_core::Note;

    fn note(title: &str, body: &str) -> Record {
        Record::Note(Note {
            title: title.to_owned(),
            body: body.to_owned(),
            ..Note::default()
        })
    }

    #[test]
    fn every_word_must_stand_and_titles_count_most() {
        let words = words("Blood TEST");
        let title = score(&note("Blood test", ""), &words);
        let body = score(&note("Doctor", "the blood test of May"), &words);
        assert!(title > body && body.is_some());
        assert_eq!(score(&note("Blood", "pressure"), &words), None);
    }

    #[test]
    fn a_snippet_shows_the_place_and_never_breaks_a_letter() {
        let long = format!("{} needle {}", "ß İ 漢 ".repeat(50), "after ".repeat(50));
        let snippet = snippet(&note("Title", &long), &words("needle"));
        assert!(snippet.contains("needle"), "{snippet}");
        assert!(snippet.starts_with('…') && snippet.ends_with('…'));
    }
}
