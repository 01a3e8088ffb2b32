//! Many patterns looked for at once: sorted, each with the longest other that it begins with, so that
//! one search by halves gives all that stand at a place.

use zeroize::Zeroize;

use crate::Kind;
use crate::labels::skip_some;
use crate::view::{View, is_unspaced, is_word};

/// Most letters that may be left out between two that are looked for: `Anna, Weber`, `(0) 171`.
const MOST_GAP: usize = 4;
/// Bits of the table that says of most places at once that nothing begins there.
const BITS: u32 = 1 << 16;

/// Where a pattern counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// With nothing of its kind (letter or digit) on either side.
    Alone,
    /// Wherever it stands.
    Anywhere,
    /// From the beginning of a word, whatever follows within it: scripts that write particles onto names.
    Beginning,
    /// A word that begins with a capital letter, or one with an ending behind it.
    Capital,
    /// The beginning of a word with a capital letter, with an ending in place of its own last letter.
    Stem,
    /// A word, or one with an ending behind it.
    Word,
}

struct Pattern {
    letters: Vec<char>,
    kind: Kind,
    place: Place,
    /// Whose it is: in order.
    entities: Vec<u32>,
    /// The longest other pattern that this one begins with.
    within: Option<usize>,
}

/// Patterns to be looked for.
#[derive(Default)]
pub(super) struct Dictionary {
    patterns: Vec<Pattern>,
    begins: Vec<u64>,
}

impl Drop for Dictionary {
    fn drop(&mut self) {
        for pattern in &mut self.patterns {
            pattern.letters.zeroize();
        }
    }
}

/// Something that stands in a text, in letters of its view.
pub(super) struct Found<'a> {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) entities: &'a [u32],
}

impl Found<'_> {
    /// Whose it is, if it is one's alone.
    pub(super) fn entity(&self) -> Option<u32> {
        match self.entities {
            [entity] => Some(*entity),
            _ => None,
        }
    }
}

/// The letters of a text that count, with their places in it.
pub(super) struct Stream {
    letters: Vec<char>,
    places: Vec<usize>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.letters.zeroize();
    }
}

impl Stream {
    pub(super) fn of(view: &View, counts: impl Fn(char) -> bool) -> Self {
        let places: Vec<usize> = (0..view.len()).filter(|at| counts(view.small(*at))).collect();
        let letters = places.iter().map(|at| view.small(*at)).collect();
        Self { letters, places }
    }

    /// Where letters stand in the text, unless too much was left out between them.
    fn span(&self, at: usize, length: usize) -> Option<(usize, usize)> {
        let places = self.places.get(at..at.saturating_add(length))?;
        let near = places
            .windows(2)
            .all(|pair| matches!(pair, [first, second] if second - first <= MOST_GAP + 1));
        let (first, last) = (places.first()?, places.last()?);
        near.then(|| (*first, last.saturating_add(1)))
    }
}

impl Dictionary {
    pub(super) const fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// One more pattern. A single letter is none, unless it is a word of its own.
    pub(super) fn add(&mut self, letters: &[char], kind: Kind, place: Place, entity: u32) {
        let alone = letters.first().is_some_and(|letter| is_unspaced(*letter)) && place == Place::Alone;
        if letters.len() < 2 && !(alone && letters.len() == 1) {
            return;
        }
        self.patterns.push(Pattern {
            letters: letters.to_vec(),
            kind,
            place,
            entities: vec![entity],
            within: None,
        });
    }

    /// All patterns are there.
    pub(super) fn close(&mut self) {
        self.patterns.sort_by(|one, other| {
            let key = |pattern: &Pattern| (pattern.kind, pattern.place as u8);
            one.letters.cmp(&other.letters).then(key(one).cmp(&key(other)))
        });
        self.patterns.dedup_by(|next, kept| {
            let same = (next.kind, next.place) == (kept.kind, kept.place) && next.letters == kept.letters;
            if same {
                kept.entities.append(&mut next.entities);
                kept.entities.sort_unstable();
                kept.entities.dedup();
                next.letters.zeroize();
            }
            same
        });
        self.begins = vec![0; usize::try_from(BITS / 64).unwrap_or_default()];
        let mut around: Vec<usize> = Vec::new();
        for index in 0..self.patterns.len() {
            while let Some(last) = around.last()
                && !self.begins_with(index, *last)
            {
                around.pop();
            }
            let within = around.last().copied();
            if let Some(pattern) = self.patterns.get_mut(index) {
                pattern.within = within;
                let (word, bit) = hash(&pattern.letters);
                if let Some(bits) = self.begins.get_mut(word) {
                    *bits |= bit;
                }
            }
            around.push(index);
        }
    }

    fn begins_with(&self, index: usize, other: usize) -> bool {
        match (self.patterns.get(index), self.patterns.get(other)) {
            (Some(pattern), Some(other)) => pattern.letters.starts_with(&other.letters),
            _ => false,
        }
    }

    /// Gives everything that stands in `stream`, in its order.
    pub(super) fn find<'a>(&'a self, view: &View, stream: &Stream, visit: &mut dyn FnMut(Found<'a>)) {
        for at in 0..stream.letters.len() {
            let rest = stream.letters.get(at..).unwrap_or_default();
            let begins = |letters: &[char]| {
                let (word, bit) = hash(letters);
                self.begins.get(word).is_some_and(|bits| bits & bit != 0)
            };
            if !begins(rest) && !begins(rest.get(..1).unwrap_or_default()) {
                continue;
            }
            let above = self
                .patterns
                .partition_point(|pattern| pattern.letters.as_slice() <= rest);
            let mut candidate = above.checked_sub(1);
            while let Some(pattern) = candidate.and_then(|index| self.patterns.get(index)) {
                if rest.starts_with(&pattern.letters)
                    && let Some((start, end)) = stream.span(at, pattern.letters.len())
                    && let Some(end) = pattern.place.counts(view, start, end)
                {
                    visit(Found {
                        kind: pattern.kind,
                        start,
                        end,
                        entities: &pattern.entities,
                    });
                }
                candidate = pattern.within;
            }
        }
    }
}

/// The word of the table, and the bit in it, for letters by the first two.
fn hash(letters: &[char]) -> (usize, u64) {
    let letter = |at: usize| letters.get(at).map_or(0, |letter| u32::from(*letter));
    let hash = letter(0)
        .wrapping_mul(0x9e37)
        .wrapping_add(letter(1).wrapping_mul(0x85eb))
        % BITS;
    (usize::try_from(hash / 64).unwrap_or_default(), 1 << (hash % 64))
}

impl Place {
    /// Where a find ends that would end at `end`, if it counts.
    fn counts(self, view: &View, start: usize, end: usize) -> Option<usize> {
        let whole = || begins(view, start) && ends(view, end);
        match self {
            Self::Alone => {
                (alone(view.before(start), view.small(start)) && ends_alone(view, end)).then_some(end)
            }
            Self::Anywhere => Some(end),
            Self::Beginning => begins(view, start).then_some(end),
            Self::Capital if !view.plain(start).is_uppercase() => None,
            Self::Stem => {
                let capital = view.plain(start).is_uppercase();
                (capital && begins(view, start))
                    .then(|| ending(view, end))
                    .flatten()
            }
            Self::Capital | Self::Word if whole() => Some(end),
            Self::Capital | Self::Word if begins(view, start) => ending(view, end),
            Self::Capital | Self::Word => None,
        }
    }
}

fn alone(before: char, first: char) -> bool {
    !is_word(before) || before.is_numeric() != first.is_numeric()
}

fn ends_alone(view: &View, end: usize) -> bool {
    alone(view.small(end), view.before(end))
}

/// Whether a name may begin here: not within a word, unless a capital letter or an escape says so.
fn begins(view: &View, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return true;
    };
    let capital = view.plain(at).is_uppercase() && view.plain(before).is_lowercase();
    !view.small(before).is_alphabetic() || capital || view.before(before) == '\\'
}

fn ends(view: &View, at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return true;
    };
    !view.small(at).is_alphabetic() || view.plain(at).is_uppercase() && view.plain(before).is_lowercase()
}

/// Where a word ends whose ending begins at `at`, if it is one. What follows a name in lower case is
/// taken for an ending only in a few letters.
fn ending(view: &View, at: usize) -> Option<usize> {
    let end = skip_some(view, at, 6, char::is_alphabetic);
    let text = view.text(at..end);
    ENDINGS.contains(&text.as_str()).then_some(end)
}

/// Endings of names in languages that have them, folded.
const ENDINGS: [&str; 72] = [
    "s", "es", "ens", "n", "en", "ns", "a", "e", "i", "o", "u", "y", "ie", "em", "om", "ou", "im", "owi",
    "ovi", "ova", "ove", "owa", "owej", "iem", "ami", "ach", "ow", "in", "ina", "chen", "lein", "le", "li",
    "lle", "lla", "lta", "ssa", "sta", "an", "nak", "nek", "val", "vel", "t", "ra", "re", "tol", "hoz",
    "hez", "nin", "nun", "ya", "ye", "dan", "den", "us", "um", "ae", "у", "а", "ы", "е", "и", "я", "ю", "ои",
    "еи", "ом", "ем", "ов", "ова", "ович",
];
