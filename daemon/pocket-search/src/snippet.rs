//! The words around the place where a record fits, with what fits marked.

use std::collections::BTreeSet;
use std::ops::Range;

use pocket_core::Record;

use crate::Field;
use crate::fields::for_each_value;
use crate::rank::Meant;
use crate::words::for_each_word;

/// Characters of a snippet, about.
const LENGTH: usize = 160;
/// Characters that it shows before the first place.
const BEFORE: usize = 40;
/// Bytes of a text that are looked through: a place further on is not shown.
const MOST: usize = 256 * 1024;

/// Words around a place.
#[derive(Default)]
pub struct Snippet {
    /// The text, on one line.
    pub text: String,
    /// What fits in it: ranges of bytes, ascending.
    pub marks: Vec<Range<usize>>,
}

/// The part of a record that fits best outside its title; the beginning of its first text where none
/// does.
pub fn snippet(record: &Record, meant: &Meant) -> Snippet {
    let mut first = "";
    let mut best: Option<(usize, &str, Range<usize>)> = None;
    for_each_value(record, &mut |field, text| {
        let text = beginning(text);
        if field == Field::Title || text.trim().is_empty() {
            return;
        }
        if first.is_empty() {
            first = text;
        }
        if let Some((worth, place)) = densest(text, meant)
            && best.as_ref().is_none_or(|(known, ..)| worth > *known)
        {
            best = Some((worth, text, place));
        }
    });
    match best {
        Some((_, text, place)) => cut(text, place.start, meant),
        None => cut(first, 0, meant),
    }
}

fn beginning(text: &str) -> &str {
    let mut end = text.len().min(MOST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// The window with the most different words of the question, and how many.
fn densest(text: &str, meant: &Meant) -> Option<(usize, Range<usize>)> {
    let mut places: Vec<(Range<usize>, u32)> = Vec::new();
    for_each_word(text, true, &mut |word, range| {
        if let Some(clause) = meant.0.get(word) {
            places.push((range, *clause));
        }
    });
    let mut best = None;
    for (at, (from, _)) in places.iter().enumerate() {
        let near = places.iter().skip(at);
        let near = near.take_while(|(range, _)| range.end <= from.start.saturating_add(LENGTH));
        let different: BTreeSet<u32> = near.map(|(_, clause)| *clause).collect();
        let worth = different.len();
        if best.as_ref().is_none_or(|(known, _)| worth > *known) {
            best = Some((worth, from.clone()));
        }
    }
    best
}

fn cut(text: &str, place: usize, meant: &Meant) -> Snippet {
    let before = text.get(..place).unwrap_or_default();
    let from = before
        .char_indices()
        .rev()
        .take(BEFORE)
        .last()
        .map_or(place, |(at, _)| at);
    // Not in the middle of a word, where there are spaces.
    let from = if from == 0 {
        0
    } else {
        let space = before.get(from..).and_then(|rest| rest.find(char::is_whitespace));
        space.map_or(from, |space| from + space)
    };
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.char_indices().nth(LENGTH).map(|(at, _)| at);
    let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest);
    let mut line = String::new();
    if from > 0 {
        line.push('…');
    }
    for word in piece.split_whitespace() {
        if !line.is_empty() && line != "…" {
            line.push(' ');
        }
        line.push_str(word);
    }
    if end.is_some() {
        line.push('…');
    }
    let mut marks = Vec::new();
    for_each_word(&line, true, &mut |word, range| {
        if meant.0.contains_key(word) {
            marks.push(range);
        }
    });
    Snippet {
        marks: joined(marks),
        text: line,
    }
}

/// Marks that touch or overlap become one.
fn joined(marks: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for mark in marks {
        match joined.last_mut() {
            Some(last) if mark.start <= last.end => last.end = last.end.max(mark.end),
            _ => joined.push(mark),
        }
    }
    joined
}
