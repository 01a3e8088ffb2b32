//! Places on the earth: decimal degrees, degrees and minutes, plus codes.

use crate::Kind;
use crate::labels::{Field, Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    let mut done = 0;
    for at in 0..view.len() {
        if at < done {
            continue;
        }
        let letter = view.small(at);
        let begins = !is_word(view.before(at)) && view.before(at) != '.';
        let number =
            letter.is_ascii_digit() || matches!(letter, '-' | '+') && view.small(at + 1).is_ascii_digit();
        let found = match letter {
            _ if begins && number => degrees(view, at)
                .or_else(|| pair(view, labels, at))
                .or_else(|| lone(view, labels, at)),
            '+' => plus_code(view, at),
            _ => None,
        };
        if let Some((start, end)) = found {
            done = end;
            finds.push(Find::new(Kind::Coordinates, start, end));
        }
    }
}

/// A decimal number with a point: where it ends, how many digits are behind the point, and its whole part.
fn decimal(view: &View, at: usize) -> Option<(usize, usize, u32)> {
    let sign = skip_some(view, at, 1, |letter| matches!(letter, '-' | '+'));
    let point = skip_some(view, sign, 4, |letter| letter.is_ascii_digit());
    let whole = view.text(sign..point).parse().ok()?;
    if !matches!(view.small(point), '.' | ',') {
        return None;
    }
    let end = skip_some(view, point + 1, 20, |letter| letter.is_ascii_digit());
    let goes_on = view.small(end) == '.' && view.small(end + 1).is_ascii_digit();
    (end > point + 1 && !goes_on).then_some((end, end - point - 1, whole))
}

/// `48.137154, 11.576124`, `48.137154° N, 11.576124° E`, `geo:48.1,11.5`, `@48.1371,11.5761,17z`.
fn pair(view: &View, labels: &Labels, at: usize) -> Option<(usize, usize)> {
    let (end, digits, latitude) = decimal(view, at)?;
    let next = past_sign(view, end);
    let between = skip_some(view, next, 3, |letter| {
        matches!(letter, ',' | ';' | ' ' | '/' | '|' | '\n')
    });
    let comma = (next..between).any(|at| matches!(view.small(at), ',' | ';' | '/'));
    let (end, other_digits, longitude) = decimal(view, between).filter(|_| between > next)?;
    let told = labels.before(Field::Coordinate, at, 24)
        || view.before(at) == '@'
        || view.before(at) == ':'
        || next > end;
    let exact = digits.min(other_digits) >= 4
        || digits.min(other_digits) >= 2 && digits.max(other_digits) >= 3 && told;
    let on_earth = latitude <= 90 && longitude <= 180 || longitude <= 90 && latitude <= 180;
    let scheme = at.checked_sub(4).filter(|start| view.has(*start, "geo:"));
    (exact && on_earth && (comma || told || digits >= 5))
        .then(|| (scheme.unwrap_or(at), past_sign(view, end)))
}

/// A number beside a word for latitude or longitude.
fn lone(view: &View, labels: &Labels, at: usize) -> Option<(usize, usize)> {
    let (end, digits, whole) = decimal(view, at)?;
    let told = labels.nearest(at, 8) == Some(Field::Coordinate);
    let degree = past_sign(view, end) > end && digits >= 3;
    let point = (at..end).any(|at| view.small(at) == '.');
    (told && digits >= if point { 2 } else { 4 } && whole <= 180 || degree)
        .then(|| (at, past_sign(view, end)))
}

/// Past a degree sign and a letter for the direction.
fn past_sign(view: &View, at: usize) -> usize {
    let sign = skip_some(view, at, 1, |letter| letter == '°');
    let letter = skip_some(view, sign, 1, |letter| letter == ' ');
    let direction =
        matches!(view.plain(letter), 'N' | 'S' | 'E' | 'W' | 'O') && !is_word(view.small(letter + 1));
    if direction { letter + 1 } else { sign }
}

/// `48°08'14"N 11°34'31"E`, `N 48° 8.23'`: as far as such numbers follow one another.
fn degrees(view: &View, at: usize) -> Option<(usize, usize)> {
    let mut end = one_angle(view, at)?;
    let next = skip_some(view, end, 3, |letter| matches!(letter, ' ' | ',' | ';' | '/'));
    let next = skip_some(view, next, 2, |letter| {
        matches!(letter, 'n' | 's' | 'e' | 'w' | 'o' | ' ')
    });
    if let Some(other) = one_angle(view, next) {
        end = other;
    }
    let start = view.skip_back(at, 2, |letter| {
        matches!(letter, 'n' | 's' | 'e' | 'w' | 'o' | ' ')
    });
    let start = if view.small(start) == ' ' { at } else { start };
    Some((start, end))
}

fn one_angle(view: &View, at: usize) -> Option<usize> {
    let degrees = skip_some(
        view,
        skip_some(view, at, 1, |letter| letter == '-'),
        3,
        |letter| letter.is_ascii_digit(),
    );
    let minutes = skip_some(view, degrees, 1, |letter| letter == ' ');
    if degrees == at || !matches!(view.small(minutes), '°' | 'º') {
        return None;
    }
    let mut end = minutes + 1;
    let mut parts = 0;
    for _ in 0..2 {
        let from = skip_some(view, end, 1, |letter| letter == ' ');
        let number = skip_some(view, from, 9, |letter| letter.is_ascii_digit() || letter == '.');
        let mark = skip_some(view, number, 2, |letter| matches!(letter, '\'' | '"' | '′' | '″'));
        if number == from || mark == number {
            break;
        }
        (end, parts) = (mark, parts + 1);
    }
    (parts > 0).then(|| past_sign(view, end))
}

/// `8FVC9G8F+6X` (Open Location Code); `at` is its plus sign.
fn plus_code(view: &View, at: usize) -> Option<(usize, usize)> {
    let is_code = |letter: char| "23456789cfghjmpqrvwx".contains(letter);
    let start = view.skip_back(at, 8, is_code);
    let end = skip_some(view, at + 1, 4, is_code);
    let letters = |from: usize, to: usize| (from..to).any(|at| view.plain(at).is_ascii_uppercase());
    let digits = (start..end).any(|at| view.small(at).is_ascii_digit());
    let whole = !is_word(view.before(start)) && !is_word(view.small(end));
    let right = matches!(at - start, 4 | 6 | 8) && matches!(end - at - 1, 2 | 3);
    (right && whole && digits && letters(start, end)).then_some((start, end))
}
