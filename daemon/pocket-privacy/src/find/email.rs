//! E-mail addresses, as they are and as people hide them from machines.

use crate::Kind;
use crate::labels::{Labels, skip_some};
use crate::resolve::Find;
use crate::view::View;

/// Most letters before the sign, and of the host behind it (RFC 5321).
const MOST_LOCAL: usize = 64;
const MOST_HOST: usize = 253;

pub(super) fn find(view: &View, _labels: &Labels, finds: &mut Vec<Find>) {
    for at in 0..view.len() {
        let found = match view.small(at) {
            '@' => plain(view, at, at + 1).or_else(|| spaced(view, at, at + 1)),
            '(' | '[' | '{' | '<' => bracketed(view, at),
            'a' if view.begins_word(at) => word(view, at),
            '%' if view.has(at, "%40") => plain(view, at, at + 3),
            '&' if view.has(at, "&#64;") => plain(view, at, at + 5),
            _ => None,
        };
        finds.extend(found.map(|(start, end)| Find::new(Kind::Email, start, end)));
    }
}

fn is_local(letter: char) -> bool {
    letter.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(letter)
}

fn is_host(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '-'
}

/// `name@example.com`; `sign` is where the sign begins and `behind` where it ends.
fn plain(view: &View, sign: usize, behind: usize) -> Option<(usize, usize)> {
    let start = local(view, sign)?;
    if view.small(behind) == '[' {
        let end = view.skip(behind + 1, |letter| {
            letter.is_ascii_hexdigit() || ".:ipv".contains(letter)
        });
        return (view.small(end) == ']' && end > behind + 4).then_some((start, end + 1));
    }
    host(view, behind).map(|end| (start, end))
}

/// Where the part before the sign begins.
fn local(view: &View, sign: usize) -> Option<usize> {
    if view.before(sign) == '"' {
        let quoted = view.skip_back(sign - 1, MOST_LOCAL, |letter| letter != '"' && letter != '\n');
        return quoted
            .checked_sub(1)
            .filter(|open| view.small(*open) == '"' && quoted + 1 < sign);
    }
    let mut start = view.skip_back(sign, MOST_LOCAL, is_local);
    // Signs around an address belong to the text.
    while start < sign && !view.small(start).is_alphanumeric() && !matches!(view.small(start), '_' | '+') {
        start += 1;
    }
    // What a mark of a web address or an assignment puts before it.
    let last = (start..sign)
        .rev()
        .find(|at| matches!(view.small(*at), '=' | '/' | '?' | '|' | '`'));
    let start = last.map_or(start, |last| last + 1);
    (start < sign && view.before(sign) != '.').then_some(start)
}

/// Where a host name with an upper-level domain ends.
fn host(view: &View, at: usize) -> Option<usize> {
    let mut end = at;
    let mut good = None;
    let mut labels = 0;
    while end < at + MOST_HOST {
        let label = skip_some(view, end, 63, is_host);
        if label == end {
            break;
        }
        labels += 1;
        let top = label - end >= 2 && (end..label).all(|at| !view.small(at).is_ascii_digit())
            || view.has(end, "xn--");
        if labels > 1 && top {
            good = Some(label);
        }
        if view.small(label) != '.' {
            break;
        }
        end = label + 1;
    }
    let mut end = good?;
    while view.before(end) == '-' {
        end -= 1;
    }
    Some(end)
}

/// `name @ example.com`, `name @ example . com`.
fn spaced(view: &View, sign: usize, behind: usize) -> Option<(usize, usize)> {
    let start = local(view, view.skip_back(sign, 1, |letter| letter == ' '))?;
    let at = skip_some(view, behind, 1, |letter| letter == ' ');
    (at > behind || view.before(sign) == ' ').then_some(())?;
    dotted(view, at, true).map(|end| (start, end))
}

/// `name (at) example (dot) com`, `name[at]example.com`.
fn bracketed(view: &View, open: usize) -> Option<(usize, usize)> {
    const SIGNS: [&str; 8] = ["at", "@", "ät", "a", "arobase", "arroba", "chiocciola", "malpa"];
    let (_, behind) = in_brackets(view, open, &SIGNS)?;
    let start = local(view, view.skip_back(open, 1, |letter| letter == ' '))?;
    let at = skip_some(view, behind, 1, |letter| letter == ' ');
    dotted(view, at, true).map(|end| (start, end))
}

/// `name at example dot com`: both have to be said in words.
fn word(view: &View, at: usize) -> Option<(usize, usize)> {
    const SIGNS: [&str; 3] = ["arobase", "arroba", "at"];
    let sign = SIGNS.iter().find(|word| view.has(at, word))?;
    let behind = at + sign.len();
    if view.before(at) != ' ' || view.small(behind) != ' ' {
        return None;
    }
    let start = local(view, at - 1)?;
    let end = dotted(view, behind + 1, false)?;
    // `point` is a dot in French, and a word in English.
    let english = *sign == "at"
        && !view.text(behind..end).contains(" dot ")
        && !view.text(behind..end).contains("punkt");
    (!english).then_some((start, end))
}

/// One of `words` in brackets at `open`: which one, and where the brackets end.
fn in_brackets<'a>(view: &View, open: usize, words: &[&'a str]) -> Option<(&'a str, usize)> {
    let close = match view.small(open) {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        _ => return None,
    };
    let at = skip_some(view, open + 1, 1, |letter| letter == ' ');
    let word = words.iter().find(|word| {
        let end = at + word.chars().count();
        let end = skip_some(view, end, 1, |letter| letter == ' ');
        view.has(at, word) && view.small(end) == close
    })?;
    let end = skip_some(view, at + word.chars().count(), 1, |letter| letter == ' ');
    Some((word, end + 1))
}

/// A host name whose dots may be words; one at least has to be when `signs` is not set.
fn dotted(view: &View, at: usize, signs: bool) -> Option<usize> {
    let mut end = at;
    let mut good = None;
    for part in 0..6 {
        let label = skip_some(view, end, 63, is_host);
        if label == end {
            break;
        }
        if part > 0 && label - end >= 2 && !view.small(end).is_ascii_digit() {
            good = Some(label);
        }
        match dot(view, label, signs) {
            Some(next) => end = next,
            None => break,
        }
    }
    good
}

/// Past a dot, in whatever way it is written.
fn dot(view: &View, at: usize, signs: bool) -> Option<usize> {
    const DOTS: [&str; 6] = ["dot", "punkt", "point", "punto", "ponto", "."];
    let next = skip_some(view, at, 1, |letter| letter == ' ');
    if view.small(at) == '.' && is_host(view.small(at + 1)) {
        return Some(at + 1);
    }
    let end = if let Some((_, end)) = in_brackets(view, next, &DOTS) {
        end
    } else {
        let word = DOTS
            .iter()
            .find(|word| view.has(next, word) && (**word != "." || signs))?;
        let end = next + word.len();
        let spaced = next > at && view.small(end) == ' ';
        (spaced && is_host(view.small(end + 1))).then_some(end)?
    };
    Some(skip_some(view, end, 1, |letter| letter == ' '))
}
