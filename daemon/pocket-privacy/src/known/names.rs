//! Names of people: the parts of a name, the ways to write them together, and who is meant.

use super::LEAST_ANYWHERE;
use super::dictionary::{Dictionary, Found, Place};
use crate::Kind;
use crate::resolve::Find;
use crate::view::{View, is_unspaced, is_word};

/// Most letters between two parts of one name: `, `, ` von der `.
const MOST_BETWEEN: usize = 12;

/// Words in names that are not a name alone: particles, titles.
const PARTICLES: [&str; 59] = [
    "al", "and", "ap", "as", "bei", "ben", "bin", "bint", "da", "dal", "das", "de", "del", "della", "den",
    "der", "des", "di", "die", "do", "dos", "dr", "du", "e", "el", "frau", "herr", "ibn", "in", "jr", "la",
    "las", "le", "los", "md", "miss", "mr", "mrs", "ms", "mx", "of", "phd", "prof", "sir", "sr", "st", "te",
    "ten", "ter", "the", "to", "und", "van", "vom", "von", "y", "zu", "zum", "zur",
];

/// Names that are words of a language as well, which stand in many texts in lower case.
const WORDS: [&str; 130] = [
    "amber",
    "april",
    "art",
    "august",
    "autumn",
    "baker",
    "bell",
    "berg",
    "bill",
    "bird",
    "bishop",
    "black",
    "blanc",
    "bon",
    "braun",
    "brook",
    "brown",
    "bush",
    "butler",
    "cash",
    "chase",
    "christian",
    "church",
    "clay",
    "cliff",
    "clara",
    "cook",
    "cooper",
    "cross",
    "cruz",
    "dean",
    "dick",
    "drew",
    "duke",
    "earl",
    "eva",
    "faith",
    "farmer",
    "field",
    "fischer",
    "fisher",
    "flora",
    "ford",
    "forest",
    "fox",
    "frank",
    "frost",
    "fuchs",
    "gene",
    "ginger",
    "gold",
    "grace",
    "grand",
    "grant",
    "gray",
    "green",
    "grey",
    "gross",
    "guy",
    "hall",
    "harmony",
    "herbst",
    "hill",
    "hope",
    "hunt",
    "hunter",
    "iris",
    "ivy",
    "jack",
    "jade",
    "jan",
    "jean",
    "joy",
    "june",
    "jung",
    "justice",
    "kaiser",
    "king",
    "klein",
    "koch",
    "lake",
    "lane",
    "lang",
    "law",
    "lee",
    "lily",
    "long",
    "love",
    "luna",
    "luz",
    "major",
    "mark",
    "marsh",
    "martin",
    "mason",
    "may",
    "melody",
    "mill",
    "miles",
    "milan",
    "moon",
    "moore",
    "nick",
    "olive",
    "page",
    "pan",
    "park",
    "patience",
    "paz",
    "penny",
    "pierce",
    "pope",
    "price",
    "ray",
    "rich",
    "rob",
    "rock",
    "rosa",
    "rose",
    "ruby",
    "sage",
    "stone",
    "sue",
    "summer",
    "victor",
    "wells",
    "will",
    "winter",
    "wolf",
    "young",
];

/// Adds a name: all of it, and its parts.
pub(super) fn add(dictionary: &mut Dictionary, name: &str, entity: u32, initials: &mut String) {
    for spelling in spellings(name) {
        add_spelling(dictionary, &spelling, entity, initials);
    }
}

/// The name as it is folded, and with its umlauts written as two letters.
fn spellings(name: &str) -> Vec<String> {
    let mut spelt = String::new();
    for letter in name.chars() {
        match letter {
            'ä' | 'Ä' => spelt.push_str("ae"),
            'ö' | 'Ö' | 'ø' | 'Ø' => spelt.push_str("oe"),
            'ü' | 'Ü' => spelt.push_str("ue"),
            'å' | 'Å' => spelt.push_str("aa"),
            _ => spelt.push(letter),
        }
    }
    let mut spellings = vec![name.to_owned()];
    if spelt != name {
        spellings.push(spelt);
    }
    spellings
}

fn add_spelling(dictionary: &mut Dictionary, name: &str, entity: u32, initials: &mut String) {
    let folded = crate::view::folded(name);
    let all: Vec<Vec<char>> = folded
        .split(|letter: char| !is_word(letter))
        .filter(|part| !part.is_empty())
        .map(|part| part.chars().collect())
        .collect();
    let mut add = |letters: &[char], place| dictionary.add(letters, Kind::Person, place, entity);
    let whole = all.concat();
    if whole.iter().copied().any(is_unspaced) {
        add(&whole, Place::Anywhere);
        if let [_, _, ..] = all.as_slice() {
            all.iter().for_each(|part| add(part, Place::Anywhere));
        } else {
            // The family's name is the first letter, in Japan the first two or three; friends leave it out.
            if let ([family, ..], 2..=3) = (whole.as_slice(), whole.len()) {
                // One letter stands in too many words: it counts where it is a word.
                add(&[*family], Place::Alone);
            }
            let cuts = (1..4).filter_map(|at| whole.split_at_checked(at));
            for (family, given) in cuts.filter(|(_, given)| !given.is_empty()) {
                add(
                    given,
                    if given.len() == 1 {
                        Place::Alone
                    } else {
                        Place::Anywhere
                    },
                );
                if family.len() > 1 {
                    add(family, Place::Anywhere);
                }
            }
        }
        return;
    }
    let parts: Vec<&[char]> = all
        .iter()
        .map(Vec::as_slice)
        .filter(|part| !is_particle(part))
        .collect();
    add(
        &whole,
        if all.len() > 1 && whole.len() >= LEAST_ANYWHERE {
            Place::Anywhere
        } else {
            Place::Alone
        },
    );
    // With the particles in front of it, as many as there are: `van den Berg`.
    for (at, _) in all.iter().enumerate().filter(|(_, part)| !is_particle(part)) {
        let before = all.get(..at).unwrap_or_default();
        let particles = before.iter().rev().take_while(|part| is_particle(part)).count();
        let own = all.get(at - particles..=at).unwrap_or_default();
        if particles > 0 {
            add(&own.concat(), Place::Alone);
        }
    }
    for part in &parts {
        initials.extend(part.first());
        add_part(part, &mut add);
    }
    if let [first, .., last] = parts.as_slice() {
        add_pairs(first, last, &mut add);
    }
}

/// First and last name, without what is between them, in both orders, and with one of them cut short.
fn add_pairs(first: &[char], last: &[char], add: &mut dyn FnMut(&[char], Place)) {
    let long = first.len().saturating_add(last.len()) >= LEAST_ANYWHERE;
    let place = if long { Place::Anywhere } else { Place::Alone };
    add(&[first, last].concat(), place);
    add(&[last, first].concat(), place);
    let short = |name: &'_ [char]| name.first().copied().into_iter().collect::<Vec<_>>();
    add(&[short(first).as_slice(), last].concat(), Place::Alone);
    add(&[first, short(last).as_slice()].concat(), Place::Alone);
    add(&[last, short(first).as_slice()].concat(), Place::Alone);
}

/// One name alone.
fn add_part(part: &[char], add: &mut dyn FnMut(&[char], Place)) {
    let text: String = part.iter().collect();
    let cased = part.first().is_some_and(|letter| letter.is_lowercase());
    match part.len() {
        0 | 1 => {}
        2 if cased => add(part, Place::Capital),
        _ if part
            .iter()
            .any(|letter| matches!(letter, '\u{ac00}'..='\u{d7a3}')) =>
        {
            add(part, Place::Beginning);
            if let [_, given @ ..] = part
                && given.len() == 2
            {
                add(given, Place::Beginning);
            }
        }
        _ if !cased => add(part, Place::Anywhere),
        _ if WORDS.contains(&text.as_str()) => add(part, Place::Capital),
        _ => {
            add(part, Place::Word);
            if let [stem @ .., last] = part
                && stem.len() >= 3
                && "aeioyаяьи".contains(*last)
            {
                add(stem, Place::Stem);
            }
        }
    }
}

fn is_particle(part: &[char]) -> bool {
    let text: String = part.iter().collect();
    PARTICLES.contains(&text.as_str())
}

/// A person under way: from where to where, and who it may be.
struct Someone {
    start: usize,
    end: usize,
    entities: Vec<u32>,
}

/// Makes one find of the parts of one person's name that stand together.
pub(super) fn join(view: &View, mut found: Vec<Found<'_>>, initials: &[String], finds: &mut Vec<Find>) {
    found.retain(|one| (one.start..one.end).all(|at| is_within(view.small(at))));
    found.sort_by_key(|one| (one.start, std::cmp::Reverse(one.end)));
    let mut current: Option<Someone> = None;
    for next in found {
        if current.as_mut().is_some_and(|someone| someone.takes(view, &next)) {
            continue;
        }
        let before = current.replace(Someone {
            start: next.start,
            end: next.end,
            entities: next.entities.to_vec(),
        });
        finds.extend(before.map(|someone| someone.into_find(view, initials)));
    }
    finds.extend(current.map(|someone| someone.into_find(view, initials)));
}

impl Someone {
    /// Goes on to `next` if that is a part of the same person's name.
    fn takes(&mut self, view: &View, next: &Found<'_>) -> bool {
        let both: Vec<u32> = self
            .entities
            .iter()
            .copied()
            .filter(|entity| next.entities.contains(entity))
            .collect();
        let overlaps = next.start < self.end;
        if !overlaps && (both.is_empty() || !is_between(view, self.end, next.start)) {
            return false;
        }
        if !both.is_empty() {
            self.entities = both;
        }
        self.end = self.end.max(next.end);
        true
    }

    fn into_find(mut self, view: &View, initials: &[String]) -> Find {
        let entity = match self.entities.as_slice() {
            [entity] => Some(*entity),
            _ => None,
        };
        let letters = entity
            .and_then(|entity| usize::try_from(entity).ok())
            .and_then(|at| initials.get(at));
        if let Some(letters) = letters {
            self.take_initials(view, letters);
        }
        Find {
            entity,
            ..Find::new(Kind::Person, self.start, self.end)
        }
    }

    /// `A. Weber`, `Anna W.`
    fn take_initials(&mut self, view: &View, letters: &str) {
        let is_initial = |at: usize| view.plain(at).is_uppercase() && letters.contains(view.small(at));
        for _ in 0..2 {
            let gap = view.skip_back(self.start, 2, |letter| matches!(letter, '.' | ' ' | '-'));
            let Some(initial) = gap.checked_sub(1).filter(|_| gap < self.start) else {
                break;
            };
            if !is_initial(initial) || is_word(view.before(initial)) {
                break;
            }
            self.start = initial;
        }
        let behind = self.end.saturating_add(1);
        if view.small(self.end) == ' ' && is_initial(behind) && !is_word(view.small(behind.saturating_add(1)))
        {
            self.end = behind.saturating_add(1);
        }
    }
}

/// Whether nothing but signs, particles and initials stands between two parts of a name.
fn is_between(view: &View, from: usize, to: usize) -> bool {
    if to - from > MOST_BETWEEN {
        return false;
    }
    let text = view.text(from..to);
    let signs = text
        .chars()
        .all(|letter| is_word(letter) || " ,.-_'\u{a0}".contains(letter));
    let mut words = text
        .split(|letter: char| !is_word(letter))
        .filter(|word| !word.is_empty());
    signs && words.all(|word| is_initial(word) || is_joint(word))
}

/// A particle within a name. `Anna und Weber` are two.
fn is_joint(word: &str) -> bool {
    PARTICLES.contains(&word) && !matches!(word, "and" | "in" | "of" | "the" | "to" | "und")
}

fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_lowercase) && letters.next().is_none()
}

/// What a name is written with. Other signs part two of them.
fn is_within(letter: char) -> bool {
    is_word(letter) || " ,.-_'/+%".contains(letter)
}
