//! Numbers by which states, tax offices and insurances know people: recognised by their form and their
//! check digits. What has neither is found beside a word that names it (`named.rs`).

mod letters;
mod numbers;

use crate::Kind;
use crate::labels::{Field, Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// Most digits and groups of a number.
const MOST_DIGITS: usize = 18;
const MOST_GROUPS: usize = 8;

/// A number as it is written: its digits, how many stand together, and the signs between.
pub(super) struct Written {
    digits: Vec<u32>,
    groups: Vec<usize>,
    signs: Vec<char>,
}

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    for at in 0..view.len() {
        if is_word(view.before(at)) {
            continue;
        }
        if view.small(at).is_ascii_digit() {
            finds.extend(number(view, labels, at));
        }
        let joined =
            at >= 2 && matches!(view.before(at), '-' | '/' | '.' | '_') && is_word(view.before(at - 1));
        if view.small(at).is_ascii_alphanumeric() && !joined {
            finds.extend(letters::find(view, at));
        }
        if view.small(at) == '<' || view.plain(at).is_ascii_uppercase() {
            finds.extend(machine_readable(view, at));
        }
    }
}

/// The longest number with right check digits that begins at `at`.
fn number(view: &View, labels: &Labels, at: usize) -> Option<Find> {
    let second =
        at >= 2 && matches!(view.before(at), '.' | '-' | '/' | ',') && view.before(at - 1).is_ascii_digit();
    if second {
        return None;
    }
    let mut written = Written {
        digits: Vec::new(),
        groups: vec![0],
        signs: Vec::new(),
    };
    let mut found = None;
    let mut place = at;
    while written.digits.len() <= MOST_DIGITS {
        let letter = view.small(place);
        if let Some(digit) = letter.to_digit(10) {
            written.digits.push(digit);
            if let Some(group) = written.groups.last_mut() {
                *group += 1;
            }
            let next = view.small(place + 1);
            if !is_word(next) && !goes_on(view, place + 1, &written) && numbers::is_known(&written) {
                found = Some(place + 1);
            }
        } else if is_sign(letter)
            && view.small(place + 1).is_ascii_digit()
            && written.groups.len() < MOST_GROUPS
        {
            written.signs.push(letter);
            written.groups.push(0);
        } else {
            break;
        }
        place += 1;
    }
    let other = labels.nearest(at, 20) == Some(Field::Plain);
    found
        .filter(|_| !other)
        .map(|end| Find::new(Kind::Identity, at, end))
}

/// Whether another group follows that is like the ones before: then it is another number.
fn goes_on(view: &View, end: usize, written: &Written) -> bool {
    let like = written.signs.last().is_some_and(|sign| *sign == view.small(end));
    let next = skip_some(view, end + 1, 9, |letter| letter.is_ascii_digit());
    like && written.groups.last() == Some(&(next - end - 1))
}

fn is_sign(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '.' | '/' | '+')
}

/// A line of a passport that machines read (ICAO 9303): capitals, digits and `<` alone.
fn machine_readable(view: &View, at: usize) -> Option<Find> {
    if at > 0 && !matches!(view.before(at), '\n' | ' ' | '"') {
        return None;
    }
    let end = skip_some(view, at, 48, |letter| {
        letter.is_ascii_alphanumeric() || letter == '<'
    });
    let length = end - at;
    let capital = (at..end).all(|at| !view.plain(at).is_ascii_lowercase());
    let filled = (at..end).filter(|at| view.small(*at) == '<').count() >= 2;
    (matches!(length, 28..=46) && capital && filled).then(|| Find::new(Kind::Identity, at, end))
}
