//! What is recognised by its form: each recogniser looks for one kind of thing, and gives more rather
//! than less.

mod address;
mod bank;
pub(crate) mod date;
mod email;
mod identity;
mod key;
mod named;
mod network;
mod person;
mod phone;
mod place;
mod table;

use crate::Kind;
use crate::labels::{Field, Labels};
use crate::placeholder::{self, Spelling};
use crate::resolve::Find;
use crate::view::View;

/// Finds everything.
pub(crate) fn all(view: &View, finds: &mut Vec<Find>) {
    let labels = Labels::of(view);
    literals(view, finds);
    births(view, &labels, finds);
    for recogniser in [
        email::find,
        bank::find,
        identity::find,
        key::find,
        network::find,
        phone::find,
    ] {
        recogniser(view, &labels, finds);
    }
    for recogniser in [place::find, address::find, person::find, named::find, table::find] {
        recogniser(view, &labels, finds);
    }
}

/// Text that looks like a placeholder already: it gets one of its own, so that the way back is clear.
fn literals(view: &View, finds: &mut Vec<Find>) {
    let plain = view.plain_text(0..view.len());
    // One byte a letter, so that places in both are the same.
    let bytes: Vec<u8> = plain
        .chars()
        .map(|letter| u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or(0xff))
        .collect();
    let mut at = 0;
    while at < bytes.len() {
        match placeholder::read(&bytes, at, Spelling::Any) {
            Some((_, end)) => {
                finds.push(Find::new(Kind::Literal, at, end));
                at = end;
            }
            None => at = at.saturating_add(1),
        }
    }
}

/// Letters before and behind a date in which a word of birth makes it a day of birth.
const BORN_BEFORE: usize = 40;
const BORN_BEHIND: usize = 16;

fn births(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    date::each(view, &mut |date| {
        let told = labels.before(Field::Birth, date.start, BORN_BEFORE)
            || labels.behind(Field::Birth, date.end, BORN_BEHIND)
            || is_star(view, date.start);
        if told {
            finds.push(Find::new(Kind::BirthDate, date.start, date.end));
        }
    });
}

/// `(* 12.3.1980)`, as genealogists write it; a star at the beginning of a line is a list.
fn is_star(view: &View, start: usize) -> bool {
    let star = view.skip_back(start, 1, |letter| letter == ' ').checked_sub(1);
    let star = star.filter(|star| view.small(*star) == '*');
    star.is_some_and(|star| {
        let before = view.skip_back(star, 80, |letter| letter == ' ').checked_sub(1);
        before.is_some_and(|before| view.small(before) != '\n')
    })
}

#[cfg(test)]
mod tests;
