//! Numbers of accounts and payment cards, by their check digits.

use crate::Kind;
use crate::labels::{Field, Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// How long the IBAN of each country is (the SWIFT registry).
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 \
    EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 \
    LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 \
    RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    for at in 0..view.len() {
        let found = match view.small(at) {
            'a'..='z' if view.begins_word(at) => iban(view, labels, at),
            '0'..='9' if !is_word(view.before(at)) => card(view, at),
            _ => None,
        };
        finds.extend(found);
    }
}

fn iban(view: &View, labels: &Labels, at: usize) -> Option<Find> {
    let letters = (view.small(at), view.small(at + 1));
    let third = skip_some(view, at + 2, 1, |letter| letter == ' ');
    let checks = view.small(third).is_ascii_digit() && view.small(third + 1).is_ascii_digit();
    if !letters.1.is_ascii_lowercase() || !checks {
        return None;
    }
    let (digits, places) = alphanumerics(view, at, 34);
    let country: String = digits.iter().take(2).map(char::to_ascii_uppercase).collect();
    let length = LENGTHS
        .split_whitespace()
        .find_map(|one| one.strip_prefix(&country));
    let length: usize = length?.parse().ok()?;
    let own = digits.get(..length)?;
    let end = places.get(length.checked_sub(1)?)?.saturating_add(1);
    let told = labels.before(Field::Account, at, 24);
    let right = mod_97(own) == Some(1);
    // With a wrong check digit it is still somebody's, when it is said to be one.
    (right || told && own.iter().filter(|letter| letter.is_ascii_digit()).count() > 9)
        .then(|| Find::new(Kind::Iban, at, end))
}

/// Up to `most` letters and digits from `at` on with their places; between them may stand one sign each.
pub(super) fn alphanumerics(view: &View, at: usize, most: usize) -> (Vec<char>, Vec<usize>) {
    let (mut letters, mut places) = (Vec::new(), Vec::new());
    let mut place = at;
    while letters.len() < most {
        if view.small(place).is_ascii_alphanumeric() {
            letters.push(view.small(place));
            places.push(place);
        } else if !matches!(view.small(place), ' ' | '-' | '.' | '/')
            || !view.before(place).is_ascii_alphanumeric()
        {
            break;
        }
        place += 1;
    }
    (letters, places)
}

/// The remainder of ISO 7064, with the first four letters at the end.
fn mod_97(letters: &[char]) -> Option<u32> {
    let (head, rest) = letters.split_at_checked(4)?;
    rest.iter().chain(head).try_fold(0, |sum: u32, letter| {
        let value = letter.to_digit(36)?;
        let shift = if value > 9 { 100 } else { 10 };
        Some((sum * shift + value) % 97)
    })
}

/// Most groups of digits of a card, and letters of a run of them.
const MOST_GROUPS: usize = 7;

fn card(view: &View, at: usize) -> Option<Find> {
    let mut digits = Vec::new();
    let mut found = None;
    let mut place = at;
    let mut groups = 1;
    while digits.len() <= 19 && groups <= MOST_GROUPS {
        let letter = view.small(place);
        if let Some(digit) = letter.to_digit(10) {
            digits.push(digit);
            let ends = !view.small(place + 1).is_ascii_digit();
            if ends && is_card(&digits) {
                found = Some(place + 1);
            }
        } else if matches!(letter, ' ' | '-' | '.') && view.before(place).is_ascii_digit() {
            groups += 1;
        } else {
            break;
        }
        place += 1;
    }
    let end = found.filter(|end| !view.small(*end).is_alphabetic())?;
    Some(Find::new(Kind::Card, at, end))
}

/// Prefix, length and check digit of a payment card.
fn is_card(digits: &[u32]) -> bool {
    let first = |count: usize| digits.iter().take(count).fold(0, |sum, digit| sum * 10 + digit);
    let length = digits.len();
    let known = match first(1) {
        4 => matches!(length, 13 | 16 | 19),
        5 => {
            matches!(first(2), 51..=55) && length == 16
                || first(2) != 59 && (12..=19).contains(&length) && is_maestro(first(2))
        }
        2 => {
            (2221..=2720).contains(&first(4)) && length == 16 || matches!(first(4), 2200..=2204 | 2014 | 2149)
        }
        3 => match first(2) {
            34 | 37 => length == 15,
            30 | 36 | 38 | 39 => (14..=19).contains(&length),
            35 => (16..=19).contains(&length),
            _ => false,
        },
        6 => (14..=19).contains(&length) || length == 12 || length == 13,
        9 => matches!(first(4), 9792) && length == 16,
        1 => matches!(first(4), 1800) && length == 15,
        _ => false,
    };
    known && length >= 12 && luhn(digits)
}

const fn is_maestro(first: u32) -> bool {
    matches!(first, 50 | 56 | 57 | 58)
}

/// The check digit of cards, and of many other numbers (ISO/IEC 7812-1).
pub(super) fn luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, digit)| match index % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
}
