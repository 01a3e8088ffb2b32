//! Numbers with letters in them, by country, and the numbers of vehicles.

use crate::Kind;
use crate::find::bank::alphanumerics;
use crate::resolve::Find;
use crate::view::{View, is_word};

/// A form: `A` a letter, `9` a digit, `X` either; and what else has to hold of it.
struct Form {
    mask: &'static str,
    kind: Kind,
    holds: fn(&str) -> bool,
}

const fn form(mask: &'static str, holds: fn(&str) -> bool) -> Form {
    Form {
        mask,
        kind: Kind::Identity,
        holds,
    }
}

const FORMS: [Form; 17] = [
    form("AA999999A", national_insurance),
    form("99999999A", spain),
    form("A9999999A", |text| {
        spain(text) || text.starts_with(['S', 'T', 'F', 'G', 'M'])
    }),
    form("AAAAAAXXAXXAXXXA", italy),
    form("AAAAA9999A", |text| {
        text.get(3..4).is_some_and(|kind| "ABCFGHLJPT".contains(kind))
    }),
    form("AAAA999999AAAAAAXX", |text| {
        text.get(10..11).is_some_and(|sex| "HMX".contains(sex)) && day(text, 8, 6)
    }),
    form("AAAA999999XXX", |text| day(text, 8, 6)),
    form("9999999A", ireland),
    form("9999999AA", ireland),
    form("999999999X", |text| finland(text, 6)),
    form("999999A999X", |text| {
        finland(text, 7) && text.get(6..7).is_some_and(|sign| "ABCDEFYXWVU".contains(sign))
    }),
    form("99999999A999", pension),
    form("A999999999", taiwan),
    form("99999999999999999X", china),
    form("AXXXX999999XX9AA", |text| {
        text.bytes()
            .skip(1)
            .take(4)
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'9')
    }),
    form("999999A99999999", france),
    Form {
        mask: "XXXXXXXXXXXXXXXXX",
        kind: Kind::Vehicle,
        holds: vehicle,
    },
];

pub(super) fn find(view: &View, at: usize) -> Option<Find> {
    let (letters, places) = alphanumerics(view, at, 18);
    if letters.len() < 8 {
        return None;
    }
    // Numbers of this kind are written in capitals.
    if places
        .iter()
        .take(8)
        .any(|at| view.plain(*at).is_ascii_lowercase())
    {
        return None;
    }
    let text: String = letters.iter().map(char::to_ascii_uppercase).collect();
    FORMS.iter().find_map(|form| {
        let length = form.mask.len();
        let own = text.get(..length)?;
        let end = places.get(length - 1)?.saturating_add(1);
        let capital = places
            .iter()
            .take(length)
            .all(|at| !view.plain(*at).is_ascii_lowercase());
        // `AB 12 34 56 C` has signs between, `AB 12 34 - no` does not end there.
        let signs = end - at - length;
        let fits =
            capital && fits(own, form.mask) && !is_word(view.small(end)) && signs <= 6 && (form.holds)(own);
        let whole = length < 17 || signs <= 2;
        (fits && whole).then(|| Find::new(form.kind, at, end))
    })
}

fn fits(text: &str, mask: &str) -> bool {
    text.bytes().zip(mask.bytes()).all(|(letter, mask)| match mask {
        b'A' => letter.is_ascii_alphabetic(),
        b'9' => letter.is_ascii_digit(),
        _ => true,
    })
}

fn number(text: &str, from: usize, to: usize) -> Option<u64> {
    text.get(from..to)?.parse().ok()
}

fn day(text: &str, day: usize, month: usize) -> bool {
    matches!(number(text, day, day + 2), Some(1..=31))
        && matches!(number(text, month, month + 2), Some(1..=12))
}

fn letter(text: &str, at: usize) -> char {
    text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or(' ')
}

/// The letter of `table` at `index`.
fn of(table: &str, index: u64) -> char {
    usize::try_from(index)
        .ok()
        .and_then(|at| table.chars().nth(at))
        .unwrap_or(' ')
}

/// National Insurance number of the United Kingdom.
fn national_insurance(text: &str) -> bool {
    let (first, second) = (letter(text, 0), letter(text, 1));
    let no_office = ["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"]
        .iter()
        .any(|one| text.starts_with(one));
    !"DFIQUV".contains(first) && !"DFIOQUV".contains(second) && !no_office && "ABCD".contains(letter(text, 8))
}

/// DNI and NIE.
fn spain(text: &str) -> bool {
    let foreign = match letter(text, 0) {
        'X' => Some("0"),
        'Y' => Some("1"),
        'Z' => Some("2"),
        _ => None,
    };
    let digits = match foreign {
        Some(first) => [first, text.get(1..8).unwrap_or_default()].concat(),
        None => text.get(..8).unwrap_or_default().to_owned(),
    };
    let value: Option<u64> = digits.parse().ok();
    value.is_some_and(|value| of("TRWAGMYFPDXBNJZSQVHLCKE", value % 23) == letter(text, 8))
}

/// Codice fiscale. Digits may be written as letters where two people would have the same.
fn italy(text: &str) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12,
        14, 16, 10, 22, 25, 24, 23,
    ];
    let value = |at: usize, letter: char| {
        let own = letter.to_digit(36).unwrap_or_default();
        if at.is_multiple_of(2) {
            usize::try_from(own)
                .ok()
                .and_then(|own| ODD.get(own))
                .copied()
                .unwrap_or_default()
        } else if own > 9 {
            own - 10
        } else {
            own
        }
    };
    let sum: u32 = text
        .chars()
        .take(15)
        .enumerate()
        .map(|(at, letter)| value(at, letter))
        .sum();
    let digit = |letter: char| letter.is_ascii_digit() || "LMNPQRSTUV".contains(letter);
    let numbers = [6, 7, 9, 10, 12, 13, 14]
        .iter()
        .all(|at| digit(letter(text, *at)));
    numbers && of("ABCDEFGHIJKLMNOPQRSTUVWXYZ", u64::from(sum % 26)) == letter(text, 15)
}

/// PPS number.
fn ireland(text: &str) -> bool {
    let sum: u32 = text
        .chars()
        .take(7)
        .zip([8, 7, 6, 5, 4, 3, 2])
        .filter_map(|(digit, weight)| Some(digit.to_digit(10)? * weight))
        .sum();
    let second = text
        .chars()
        .nth(8)
        .and_then(|letter| letter.to_digit(36))
        .map_or(0, |value| (value - 9) * 9);
    of("WABCDEFGHIJKLMNOPQRSTUV", u64::from((sum + second) % 23)) == letter(text, 7)
}

/// Henkilötunnus: a day, three digits from `from` on, a check letter.
fn finland(text: &str, from: usize) -> bool {
    let digits = [
        text.get(..6).unwrap_or_default(),
        text.get(from..from + 3).unwrap_or_default(),
    ]
    .concat();
    let value: Option<u64> = digits.parse().ok();
    let check = value.map(|value| of("0123456789ABCDEFHJKLMNPRSTUVWXY", value % 31));
    day(text, 0, 2) && check == Some(letter(text, from + 3))
}

/// Versicherungsnummer of the German pension: a day of birth, the first letter of the name.
fn pension(text: &str) -> bool {
    let initial = letter(text, 8).to_digit(36).map_or(0, |value| value - 9);
    let digits: Vec<u32> = [
        text.get(..8).unwrap_or_default(),
        &format!("{initial:02}"),
        text.get(9..11).unwrap_or_default(),
    ]
    .concat()
    .chars()
    .filter_map(|digit| digit.to_digit(10))
    .collect();
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let sum: u32 = digits
        .iter()
        .zip(weights)
        .map(|(digit, weight)| digit * weight / 10 + digit * weight % 10)
        .sum();
    day(text, 2, 4) && Some(sum % 10) == letter(text, 11).to_digit(10)
}

fn taiwan(text: &str) -> bool {
    let county = match "ABCDEFGHJKLMNPQRSTUVXYWZIO"
        .find(letter(text, 0))
        .and_then(|at| u32::try_from(at).ok())
    {
        Some(at) => at + 10,
        None => return false,
    };
    let weights = [8, 7, 6, 5, 4, 3, 2, 1, 1];
    let digits = text.chars().skip(1).filter_map(|digit| digit.to_digit(10));
    let sum: u32 = digits.zip(weights).map(|(digit, weight)| digit * weight).sum();
    matches!(letter(text, 1), '1' | '2' | '8' | '9')
        && (county / 10 + county % 10 * 9 + sum).is_multiple_of(10)
}

/// Resident identity number (GB 11643): region, day of birth, check digit by ISO 7064.
fn china(text: &str) -> bool {
    const WEIGHTS: [u64; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = text.chars().filter_map(|digit| digit.to_digit(10)).map(u64::from);
    let sum: u64 = digits.zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    let years = matches!(number(text, 6, 10), Some(1850..=2100));
    years && day(text, 12, 10) && of("10X98765432", sum % 11) == letter(text, 17)
}

/// NIR of Corsica: `2A` and `2B` stand for the departments 19 and 18.
fn france(text: &str) -> bool {
    let digits = text.replacen("2A", "19", 1).replacen("2B", "18", 1);
    let (value, check) = (number(&digits, 0, 13), number(&digits, 13, 15));
    matches!(letter(text, 0), '1' | '2') && value.is_some_and(|value| Some(97 - value % 97) == check)
}

/// Vehicle identification number with its check digit (ISO 3779, 49 CFR 565).
fn vehicle(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let value = |letter: char| {
        letter.to_digit(10).or_else(|| {
            let at = "ABCDEFGHJKLMNPRSTUVWXYZ".find(letter)?;
            "12345678123457923456789".chars().nth(at)?.to_digit(10)
        })
    };
    let sum = text
        .chars()
        .zip(WEIGHTS)
        .try_fold(0, |sum, (letter, weight)| Some(sum + value(letter)? * weight));
    let check = sum.map(|sum| of("0123456789X", u64::from(sum % 11)));
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    letters >= 3 && digits >= 4 && check == Some(letter(text, 8))
}
