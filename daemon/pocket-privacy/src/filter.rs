//! The one way for a text out of the device, and the way back for the answer.

use std::collections::HashMap;
use std::ops::Range;

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::find;
use crate::placeholder::{self, LONGEST, Placeholder, Spelling};
use crate::resolve::{Find, resolve};
use crate::view::View;
use crate::{Kind, Known, visible};

/// Longest text that is filtered, in bytes: 2 MiB. Longer ones are no question, and would take memory
/// that a small board has not.
pub const MOST_TEXT: usize = 2 * 1024 * 1024;

/// A text is longer than is filtered. Nothing of it may leave.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the text is longer than 2 MiB: ask with less of it")]
pub struct TooLong;

/// A text from which all that was recognised has been taken out. Only [`Filter::feed`] makes one, so
/// that what takes this type can't be given anything else. Wiped when it is dropped.
#[must_use]
pub struct Filtered {
    text: Zeroizing<String>,
    replacements: Vec<Replacement>,
}

/// One thing that was replaced.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Replacement {
    /// What it is.
    pub kind: Kind,
    /// The bytes of the original in which it stood.
    pub original: Range<usize>,
    /// The bytes of the result in which its placeholder stands.
    pub result: Range<usize>,
}

impl Filtered {
    /// What may leave.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What was replaced, in the order of the text.
    pub fn replacements(&self) -> &[Replacement] {
        &self.replacements
    }

    /// How many places of each kind were replaced, kinds without any left out.
    pub fn counts(&self) -> Vec<(Kind, usize)> {
        let of = |kind| self.replacements.iter().filter(|one| one.kind == kind).count();
        let counts = Kind::ALL.into_iter().map(|kind| (kind, of(kind)));
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// The texts of one question: the same thing has the same placeholder in all of them. Keeps what was
/// taken out, for the answer; wiped when it is dropped.
#[derive(Default)]
pub struct Filter {
    /// The number of each thing, by what it is.
    numbers: HashMap<Thing, u32>,
    /// How many things of a kind there are, and how many ways of writing one.
    counts: HashMap<Kind, u32>,
    variants: HashMap<(Kind, u32), u32>,
    /// The placeholder of each way of writing a thing, and back.
    given: HashMap<(Kind, u32, String), Placeholder>,
    originals: HashMap<Placeholder, String>,
}

/// What makes two finds the same thing.
#[derive(Eq, Hash, PartialEq)]
enum Thing {
    /// One of those that were known by name.
    Known(Kind, u32),
    /// Whatever is written alike but for case, accents, spaces and signs.
    Written(Kind, String),
}

impl Drop for Filter {
    fn drop(&mut self) {
        for (mut thing, _) in self.numbers.drain() {
            if let Thing::Written(_, text) = &mut thing {
                text.zeroize();
            }
        }
        for ((_, _, mut text), _) in self.given.drain() {
            text.zeroize();
        }
        for (_, mut text) in self.originals.drain() {
            text.zeroize();
        }
    }
}

impl Filter {
    /// For a new question.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes out of `text` what is `known` and what is recognised, and what shows nothing: nobody who
    /// reads what leaves could see it.
    ///
    /// # Errors
    /// [`TooLong`] over [`MOST_TEXT`].
    pub fn feed(&mut self, text: &str, known: &Known) -> Result<Filtered, TooLong> {
        if text.len() > MOST_TEXT {
            return Err(TooLong);
        }
        let decoded = decoded(text, known);
        let view = View::of(text);
        let mut finds = found(&view, known);
        finds.extend(decoded.into_iter().map(|(find, bytes)| {
            let Range { start, end } = view.letters_in(&bytes);
            Find { start, end, ..find }
        }));
        Ok(self.replace(text, &view, &resolve(finds)))
    }

    fn replace(&mut self, text: &str, view: &View, finds: &[Find]) -> Filtered {
        let mut result = Zeroizing::new(String::with_capacity(text.len()));
        let mut replacements = Vec::with_capacity(finds.len());
        let mut copied = 0;
        for find in finds {
            let mut original = view.bytes(&(find.start..find.end));
            // Two letters may be of one that was written: what of it is gone is gone.
            original.start = original.start.max(copied);
            let Some(written) = text.get(original.clone()).filter(|written| !written.is_empty()) else {
                continue;
            };
            let between = text.get(copied..original.start);
            visible::push(between.unwrap_or_default(), &mut result);
            let placeholder = self.placeholder(find, view, written);
            let start = result.len();
            result.push_str(&placeholder.text());
            copied = original.end;
            replacements.push(Replacement {
                kind: find.kind,
                original,
                result: start..result.len(),
            });
        }
        visible::push(text.get(copied..).unwrap_or_default(), &mut result);
        Filtered {
            text: result,
            replacements,
        }
    }

    fn placeholder(&mut self, find: &Find, view: &View, written: &str) -> Placeholder {
        let kind = find.kind;
        let thing = find.entity.map_or_else(
            || Thing::Written(kind, essence(kind, view, find)),
            |entity| Thing::Known(kind, entity),
        );
        let counts = &mut self.counts;
        let number = *self.numbers.entry(thing).or_insert_with(|| next(counts, kind));
        let (variants, originals) = (&mut self.variants, &mut self.originals);
        let given = self.given.entry((kind, number, written.to_owned()));
        *given.or_insert_with(|| {
            let placeholder = Placeholder {
                kind,
                number,
                variant: next(variants, (kind, number)).saturating_sub(1),
            };
            originals.insert(placeholder, written.to_owned());
            placeholder
        })
    }

    /// Learns again what a placeholder stands for, so that an answer can be restored by another filter than
    /// the one that gave it. What is no placeholder is not learnt.
    pub fn recall(&mut self, placeholder: &str, original: &str) {
        let read = placeholder::read(placeholder.as_bytes(), 0, Spelling::Clear);
        if let Some((name, end)) = read
            && end == placeholder.len()
        {
            self.originals.insert(name, original.to_owned());
        }
    }

    /// Puts back into `answer` what was taken out. Placeholders that were never given stay as they are;
    /// so does everything else.
    pub fn restore(&self, answer: &str) -> String {
        let mut restored = String::with_capacity(answer.len());
        let mut copied = 0;
        let mut at = 0;
        while at < answer.len() {
            let found = placeholder::read(answer.as_bytes(), at, Spelling::Clear);
            let original = found.and_then(|(name, end)| Some((self.originals.get(&name)?, end)));
            match original {
                Some((original, end)) => {
                    restored.push_str(answer.get(copied..at).unwrap_or_default());
                    restored.push_str(original);
                    (at, copied) = (end, end);
                }
                None => at = at.saturating_add(1),
            }
        }
        restored.push_str(answer.get(copied..).unwrap_or_default());
        restored
    }

    /// Puts back what was taken out into an answer that comes in pieces.
    pub fn answering(&self) -> Answering<'_> {
        Answering {
            filter: self,
            kept: String::new(),
        }
    }
}

fn found(view: &View, known: &Known) -> Vec<Find> {
    let mut finds = Vec::new();
    known.find(view, &mut finds);
    find::all(view, &mut finds);
    finds
}

/// What is found where the text is read decoded, with the bytes in which it stands. It is found beside
/// what the text as written gives, so that decoding hides nothing.
fn decoded(text: &str, known: &Known) -> Vec<(Find, Range<usize>)> {
    let Some(view) = View::decoded(text) else {
        return Vec::new();
    };
    let finds = found(&view, known).into_iter();
    finds
        .map(|find| (find, view.bytes(&(find.start..find.end))))
        .collect()
}

fn next<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, u32>, of: K) -> u32 {
    let count = counts.entry(of).or_default();
    *count = count.saturating_add(1);
    *count
}

/// What of a find makes it the thing it is.
fn essence(kind: Kind, view: &View, find: &Find) -> String {
    let range = find.start..find.end;
    match kind {
        // Here every sign and the case count.
        Kind::Key | Kind::Literal | Kind::Secret | Kind::Url => view.plain_text(range),
        _ => {
            let mut text = view.text(range);
            text.retain(|letter| letter.is_alphanumeric() || matches!(letter, '@' | '.' | ':'));
            if matches!(kind, Kind::Card | Kind::Iban | Kind::Identity | Kind::Phone) {
                text.retain(char::is_alphanumeric);
            }
            text
        }
    }
}

/// An answer that comes in pieces. A placeholder that a piece breaks off waits for the next.
pub struct Answering<'a> {
    filter: &'a Filter,
    kept: String,
}

impl Answering<'_> {
    /// Takes the next piece; gives what can be shown by now.
    pub fn push(&mut self, piece: &str) -> String {
        self.kept.push_str(piece);
        let ready = self.ready();
        let rest = self.kept.split_off(ready);
        let shown = self.filter.restore(&self.kept);
        self.kept = rest;
        shown
    }

    /// The answer has ended; gives the rest.
    pub fn finish(mut self) -> String {
        let kept = std::mem::take(&mut self.kept);
        self.filter.restore(&kept)
    }

    /// Up to where no placeholder can still be under way. A space ends all but those in brackets.
    fn ready(&self) -> usize {
        let mut from = self.kept.len().saturating_sub(LONGEST);
        while !self.kept.is_char_boundary(from) {
            from = from.saturating_sub(1);
        }
        let tail = self.kept.get(from..).unwrap_or_default();
        let cut = |at: usize| from.saturating_add(at);
        let bracket = tail.find(['[', '\\', '%']);
        let word = tail.rfind(|letter: char| !is_name(letter));
        let word = word.map_or(from, |at| {
            cut(at).saturating_add(tail.get(at..).map_or(0, first_length))
        });
        bracket.map_or(word, |at| cut(at).min(word))
    }
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '\\')
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests;
