//! Telephone numbers: with their country, and as countries write their own.

use crate::Kind;
use crate::find::date;
use crate::labels::{Field, Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// Digits of a number with its country (ITU-T E.164), with a prefix to dial abroad.
const MOST_DIGITS: usize = 15;
/// Groups of digits in one number.
const MOST_GROUPS: usize = 8;
/// Letters before a number in which a word says that it is one.
const TOLD_WITHIN: usize = 28;

/// Groups in which numbers without a zero in front are written, with the digits the first may begin with.
const GROUPINGS: [(&[usize], &str); 24] = [
    (&[3, 3, 4], "23456789"),
    (&[1, 3, 3, 4], "1"),
    (&[3, 3, 3], "56789"),
    (&[3, 2, 2, 2], "6789"),
    (&[2, 2, 2, 2], "23456789"),
    (&[3, 2, 3], "23456789"),
    (&[2, 3, 3], "23456789"),
    (&[2, 5, 4], "123456789"),
    (&[2, 4, 4], "123456789"),
    (&[3, 4, 4], "1"),
    (&[5, 5], "6789"),
    (&[3, 7], "123456789"),
    (&[3, 6], "3"),
    (&[3, 3, 2, 2], "3459"),
    (&[1, 3, 3, 2, 2], "78"),
    (&[1, 4, 2, 2, 2], "78"),
    (&[3, 3, 2, 3], "23456789"),
    (&[2, 3, 2, 2], "123456789"),
    (&[2, 7], "123456789"),
    (&[2, 3, 4], "123456789"),
    (&[4, 3, 3], "123456789"),
    (&[4, 6], "67"),
    (&[3, 3, 3, 3], "3"),
    (&[2, 3, 3, 2], "23456789"),
];

/// A group of digits.
#[derive(Clone, Copy)]
struct Group {
    start: usize,
    end: usize,
}

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    let mut dates = Vec::new();
    date::each(view, &mut |date| dates.push((date.start, date.end)));
    let mut dates = dates.into_iter().peekable();
    let mut at = 0;
    while at < view.len() {
        while dates.next_if(|(_, end)| *end <= at).is_some() {}
        if let Some((_, end)) = dates.next_if(|(start, _)| *start == at) {
            at = end;
            continue;
        }
        if !view.small(at).is_ascii_digit() || !may_begin(view, at) {
            at += 1;
            continue;
        }
        let until = dates.peek().map_or(view.len(), |(start, _)| *start);
        let groups = run(view, at, until);
        at = one(view, labels, &groups, finds)
            .or_else(|| groups.first().map(|group| group.end))
            .unwrap_or(at + 1)
            .max(at + 1);
    }
}

/// Whether a number may begin at a digit: not within a word or another number.
fn may_begin(view: &View, at: usize) -> bool {
    let before = view.before(at);
    let second = at >= 2 && view.before(at - 1).is_ascii_digit();
    let within = is_word(before) || matches!(before, '.' | ',' | ':' | '-') && second;
    !within && !matches!(before, '$' | '€' | '£' | '#' | '_')
}

/// The groups of digits from `at` on that may be one number.
fn run(view: &View, at: usize, until: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut start = at;
    while groups.len() < MOST_GROUPS {
        let end = skip_some(view, start, 17, |letter| letter.is_ascii_digit());
        groups.push(Group { start, end });
        let next = skip_some(view, end, 3, |letter| {
            matches!(letter, ' ' | '-' | '.' | '/' | '(' | ')')
        });
        if next == end || next >= until || !view.small(next).is_ascii_digit() {
            break;
        }
        start = next;
    }
    groups
}

/// The longest number that begins with the first group; gives where it ends.
fn one(view: &View, labels: &Labels, groups: &[Group], finds: &mut Vec<Find>) -> Option<usize> {
    let first = groups.first()?;
    let nearest = labels.nearest(first.start, TOLD_WITHIN);
    let told = nearest == Some(Field::Phone) || nearest.is_none() && is_sign(view, first.start);
    for count in (1..=groups.len()).rev() {
        let part = groups.get(..count)?;
        let last = part.last()?;
        let digits: usize = part.iter().map(|group| group.end - group.start).sum();
        if is_word(view.small(last.end)) && extension(view, last.end) == last.end || is_amount(view, last.end)
        {
            continue;
        }
        let number = Number {
            view,
            groups: part,
            digits,
        };
        if number.is_phone(told, nearest == Some(Field::Plain)) {
            let start = opening(view, first.start);
            let end = extension(view, last.end);
            finds.push(Find::new(Kind::Phone, start, end));
            return Some(end);
        }
    }
    None
}

/// The sign of a telephone, or one that only dials.
fn is_sign(view: &View, at: usize) -> bool {
    let before = view.skip_back(at, 3, |letter| matches!(letter, ' ' | ':' | '.' | '+' | '('));
    let sign = view.before(before);
    matches!(sign, '☎' | '✆' | '📞' | '📱' | '☏' | '℡')
        || before >= 1 && matches!(sign, 't' | 'm' | 'f') && {
            let letter = before - 1;
            !is_word(view.before(letter)) && before < at
        }
}

/// A number before a unit, a percentage or a currency counts something.
fn is_amount(view: &View, end: usize) -> bool {
    let at = skip_some(view, end, 1, |letter| letter == ' ');
    let sign = matches!(view.small(at), '%' | '€' | '$' | '£' | '°' | '₹' | '¥');
    let decimal = view.small(end) == ',' && view.small(end + 1).is_ascii_digit()
        || view.small(end) == ':' && view.small(end + 1).is_ascii_digit();
    sign || decimal
        || ["eur", "usd", "euro", "kb", "mb", "gb", "bytes", "kwh"]
            .iter()
            .any(|unit| at > end && view.has(at, unit) && view.ends_word(at + unit.len()))
}

/// The plus sign and the bracket in front of the first digit.
fn opening(view: &View, at: usize) -> usize {
    let mut start = at;
    for _ in 0..3 {
        match view.before(start) {
            '+' | '(' => start -= 1,
            ' ' if start >= 2 && view.before(start - 1) == '+' => start -= 2,
            _ => break,
        }
    }
    // A bracket that closes behind the number belongs to the text.
    if view.small(start) == '(' && view.small(start + 1) != '+' {
        let close = skip_some(view, start + 1, 7, |letter| letter.is_ascii_digit());
        if view.small(close) != ')'
            || skip_some(view, close + 1, 3, |letter| " -./".contains(letter)) == close + 1
                && !view.small(close + 1).is_ascii_digit()
        {
            return start + 1;
        }
    }
    start
}

/// Past an extension behind a number: `x123`, `ext. 4`, `Durchwahl 12`.
fn extension(view: &View, end: usize) -> usize {
    const WORDS: [&str; 11] = [
        "ext.",
        "ext",
        "extension",
        "x",
        "durchwahl",
        "dw",
        "app.",
        "poste",
        "int.",
        "wew.",
        "доб.",
    ];
    let from = skip_some(view, end, 2, |letter| matches!(letter, ' ' | ','));
    let word = WORDS
        .iter()
        .filter(|word| view.has(from, word))
        .max_by_key(|word| word.len());
    let Some(word) = word else {
        return end;
    };
    let digits = skip_some(view, from + word.chars().count(), 2, |letter| {
        matches!(letter, ' ' | '.' | ':')
    });
    let close = skip_some(view, digits, 7, |letter| letter.is_ascii_digit());
    let right = (1..=6).contains(&(close - digits)) && !is_word(view.small(close));
    if right { close } else { end }
}

/// Groups of digits that may be a telephone number.
struct Number<'a> {
    view: &'a View,
    groups: &'a [Group],
    digits: usize,
}

impl Number<'_> {
    fn is_phone(&self, told: bool, other: bool) -> bool {
        let Some(first) = self.groups.first() else {
            return false;
        };
        let start = first.start;
        let plus = self.view.before(start) == '+'
            || self.view.has(start.saturating_sub(2), "+ ")
            || self.view.has(start.saturating_sub(2), "+(");
        if plus {
            return (7..=MOST_DIGITS).contains(&self.digits)
                || self.digits == 16 && self.view.text(start..first.end + 3).contains("(0");
        }
        if told {
            return (5..=MOST_DIGITS + 1).contains(&self.digits) && !self.is_year();
        }
        if other {
            return false;
        }
        self.abroad() || self.bracketed() || self.trunk() || self.grouped() || self.bare()
    }

    fn first_text(&self) -> String {
        self.groups
            .first()
            .map_or_else(String::new, |group| self.view.text(group.start..group.end))
    }

    fn is_year(&self) -> bool {
        self.groups.len() <= 2
            && self
                .groups
                .iter()
                .all(|group| group.end - group.start == 4 && is_year(self.view, *group))
    }

    /// `0049 171 …`, `001-555-…`
    fn abroad(&self) -> bool {
        let first = self.first_text();
        let long = self.groups.len() > 1 || self.digits >= 12;
        first.starts_with("00") && !first.starts_with("000") && (10..=17).contains(&self.digits) && long
            || first.starts_with("011") && (11..=17).contains(&self.digits) && self.groups.len() > 2
    }

    /// `(030) 123456`, `1 (555) 010-4477`
    fn bracketed(&self) -> bool {
        let area = self.groups.iter().take(2).position(|group| {
            self.view.before(group.start) == '('
                && self.view.small(group.end) == ')'
                && (2..=5).contains(&(group.end - group.start))
        });
        area.is_some_and(|area| self.groups.len() > area + 1)
            && (7..=13).contains(&self.digits)
            && self.evenly()
    }

    /// `0171 2345678`, `01 23 45 67 89`, `0912345678`: the zero that dials within a country.
    fn trunk(&self) -> bool {
        let first = self.first_text();
        let zero = first.starts_with('0') && !first.starts_with("00") && first.len() >= 2;
        let long = if self.groups.len() > 1 { 8..=13 } else { 9..=12 };
        // Two small groups are a time or a share.
        zero && long.contains(&self.digits) && self.evenly()
    }

    /// As one of the ways in which countries group.
    fn grouped(&self) -> bool {
        let lengths: Vec<usize> = self.groups.iter().map(|group| group.end - group.start).collect();
        let begins = self.first_text().chars().next().unwrap_or('0');
        let fits = GROUPINGS
            .iter()
            .any(|(groups, first)| *groups == lengths.as_slice() && first.contains(begins));
        let points = self.separators().iter().filter(|sign| **sign == '.').count();
        let thousands = lengths.iter().skip(1).all(|length| *length == 3) && points > 0;
        let pairs =
            lengths.iter().all(|length| *length == 2) && self.separators().iter().any(|sign| *sign != ' ');
        let two = lengths.len() == 2 && points > 0;
        fits && !thousands && !pairs && !two && self.evenly() && !self.has_year()
    }

    fn has_year(&self) -> bool {
        self.groups
            .iter()
            .any(|group| group.end - group.start == 4 && is_year(self.view, *group))
            && self.groups.len() == 2
    }

    /// Ten digits of North America, eleven of a Chinese mobile telephone, nothing between them.
    fn bare(&self) -> bool {
        let [group] = self.groups else {
            return false;
        };
        let digit = |at: usize| self.view.small(group.start + at);
        match self.digits {
            10 => {
                !matches!(digit(0), '0' | '1')
                    && !matches!(digit(3), '0' | '1')
                    && !is_round(self.view, *group)
            }
            11 => digit(0) == '1' && matches!(digit(1), '3'..='9') && !is_round(self.view, *group),
            _ => false,
        }
    }

    fn separators(&self) -> Vec<char> {
        let pairs = self.groups.iter().zip(self.groups.iter().skip(1));
        pairs.map(|(one, _)| self.view.small(one.end)).collect()
    }

    /// Signs between the groups as one hand writes them: not `1.5 - 2 (3)`.
    fn evenly(&self) -> bool {
        let signs = self.separators();
        let points = signs.iter().filter(|sign| **sign == '.').count();
        let tiny = self
            .groups
            .iter()
            .skip(1)
            .filter(|group| group.end - group.start == 1)
            .count();
        (points == 0 || points >= signs.len().saturating_sub(1)) && tiny <= 1
    }
}

fn is_year(view: &View, group: Group) -> bool {
    matches!(view.text(group.start..group.end).parse::<u32>(), Ok(1900..=2099))
}

/// Ends in zeros, as counts do.
fn is_round(view: &View, group: Group) -> bool {
    view.text(group.start..group.end).ends_with("0000")
}
