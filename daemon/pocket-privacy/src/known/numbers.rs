//! Known numbers, addresses and secrets: the several ways to write one of them.

use base64ct::{Base64Unpadded, Encoding};

use super::LEAST_ANYWHERE;
use super::dictionary::{Dictionary, Place};
use crate::Kind;
use crate::resolve::Find;
use crate::view::{View, folded, is_word};

/// Digits of a telephone number that are looked for within longer ones.
const LEAST_PHONE: usize = 7;

/// Adds a telephone number, with and without its country and trunk digits.
pub(super) fn add(dictionary: &mut Dictionary, number: &str, entity: u32) {
    let folded = folded(number);
    let digits: Vec<char> = folded.chars().filter(char::is_ascii_digit).collect();
    let international = folded.trim_start().starts_with('+') || digits.starts_with(&['0', '0']);
    let own = own_digits(&digits, international);
    for letters in [digits.as_slice(), own] {
        let place = if letters.len() < LEAST_PHONE {
            Place::Alone
        } else {
            Place::Anywhere
        };
        dictionary.add(letters, Kind::Phone, place, entity);
    }
}

/// The digits without those of the country and the trunk.
fn own_digits(digits: &[char], international: bool) -> &[char] {
    let start = digits.iter().position(|digit| *digit != '0').unwrap_or(0);
    let digits = digits.get(start..).unwrap_or_default();
    let own = if international {
        let own = digits.get(country(digits)..).unwrap_or_default();
        own.strip_prefix(&['0']).unwrap_or(own)
    } else if digits.len() == 11 && digits.first() == Some(&'1') && start == 0 {
        digits.get(1..).unwrap_or_default()
    } else {
        digits
    };
    if own.len() < 5 { digits } else { own }
}

/// How many digits the country at the beginning has (ITU-T E.164).
pub(crate) fn country(digits: &[char]) -> usize {
    const TWO: [&str; 42] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
        "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
        "82", "84", "86", "90", "91", "92", "93", "94",
    ];
    let two: String = digits.iter().take(2).collect();
    match digits.first() {
        Some('1' | '7') => 1,
        _ if TWO.contains(&two.as_str()) || matches!(two.as_str(), "95" | "98") => 2,
        _ => 3,
    }
}

/// A known number with the digits in front of it that belong to it.
pub(super) fn with_country(view: &View, start: usize, end: usize, entity: Option<u32>) -> Find {
    let begin = view.skip_back(start, 9, |letter| {
        letter.is_ascii_digit() || "+() -./".contains(letter)
    });
    let international = (begin..start)
        .find(|at| view.small(*at) == '+' || view.has(*at, "00") && !view.before(*at).is_ascii_digit());
    let trunk = view.skip_back(start, 2, |letter| letter.is_ascii_digit());
    let start = international.unwrap_or(trunk);
    let start = if view.before(start) == '(' {
        start.saturating_sub(1)
    } else {
        start
    };
    Find {
        entity,
        ..Find::new(Kind::Phone, start, end)
    }
}

/// Long and short words for a street.
const STREETS: [(&str, &str); 9] = [
    ("strasse", "str"),
    ("street", "st"),
    ("avenue", "ave"),
    ("road", "rd"),
    ("drive", "dr"),
    ("lane", "ln"),
    ("boulevard", "blvd"),
    ("court", "ct"),
    ("platz", "pl"),
];

/// Adds a postal address: all of it, and each part that names a house.
pub(super) fn add_address(dictionary: &mut Dictionary, address: &str, entity: u32) {
    add_spelt(dictionary, address, entity);
    let parts: Vec<&str> = address
        .split([',', ';', '\n', '\u{ff0c}', '\u{3001}'])
        .map(str::trim)
        .collect();
    for (index, part) in parts.iter().enumerate() {
        let numbered = part.chars().any(char::is_numeric) && part.chars().any(char::is_alphabetic);
        let named = part.contains(' ') && index == 0 && parts.len() > 1;
        if numbered || named {
            add_spelt(dictionary, part, entity);
        }
    }
}

fn add_spelt(dictionary: &mut Dictionary, text: &str, entity: u32) {
    let squeezed = |text: &str| -> Vec<char> { text.chars().filter(|letter| is_word(*letter)).collect() };
    let text = folded(text);
    let mut add = |letters: &[char]| {
        let place = if letters.len() < LEAST_ANYWHERE {
            Place::Alone
        } else {
            Place::Anywhere
        };
        dictionary.add(letters, Kind::Address, place, entity);
    };
    add(&squeezed(&text));
    for (long, short) in STREETS {
        if text.contains(long) {
            add(&squeezed(&text.replace(long, short)));
        } else if text.contains(&format!("{short}.")) {
            add(&squeezed(&text.replace(&format!("{short}."), long)));
        }
    }
}

/// The ways in which the value of a secret is written.
pub(super) fn writings(value: &str) -> Vec<String> {
    let trimmed = value.trim();
    let mut ways = vec![trimmed.to_owned()];
    if trimmed.len() >= 8 {
        let hexadecimal: String = trimmed.bytes().map(|byte| format!("{byte:02x}")).collect();
        ways.extend([
            in_json(trimmed),
            in_address(trimmed),
            Base64Unpadded::encode_string(trimmed.as_bytes()),
            hexadecimal,
        ]);
    }
    ways.sort_unstable();
    ways.dedup();
    ways
}

fn in_json(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

fn in_address(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
