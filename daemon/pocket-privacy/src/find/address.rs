//! Postal addresses: a street with a number, in the orders of many countries, and what belongs to it:
//! flat, postcode, town.

mod east;
mod town;
mod words;

use crate::Kind;
use crate::labels::{Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_word};
use words::{AFTER, BEFORE, ENDINGS, UNITS};

/// Longest name of a street that is one word with hyphens, in letters.
const LONGEST_NAME: usize = 60;
/// Most words between the word for a street and its number.
const MOST_WORDS: usize = 7;

pub(super) fn find(view: &View, _labels: &Labels, finds: &mut Vec<Find>) {
    let mut done = 0;
    for at in 0..view.len() {
        if at < done {
            continue;
        }
        let found = if view.begins_word(at) {
            street(view, at)
                .map(|(start, end)| (town::before(view, start), town::behind(view, units(view, end))))
                .or_else(|| town::alone(view, at))
        } else {
            None
        };
        if let Some((start, end)) = found.or_else(|| east::find(view, at)) {
            done = end;
            finds.push(Find::new(Kind::Address, start, end));
        }
    }
}

/// A street with its number.
fn street(view: &View, at: usize) -> Option<(usize, usize)> {
    if view.small(at).is_ascii_digit() {
        return numbered(view, at);
    }
    let end = view.word_end(at);
    if FLATS.contains(&view.text(at..end).as_str()) {
        return flat(view, at, end);
    }
    if BEFORE.contains(&format!(" {} ", view.text(at..end))) {
        return named(view, at, end);
    }
    ended(view, at, end)
}

/// Words that begin an address in Britain.
const FLATS: [&str; 7] = ["flat", "studio", "apt", "apartment", "suite", "unit", "house"];

/// `Flat 7, Jones Light`: here the street has no number of its own.
fn flat(view: &View, at: usize, word: usize) -> Option<(usize, usize)> {
    let number = skip_some(view, word, 2, |letter| matches!(letter, ' ' | '.'));
    let house = house_number(view, number).filter(|_| number > word && view.plain(at).is_uppercase())?;
    let place = skip_some(view, house, 3, |letter| matches!(letter, ' ' | ',' | '\n'));
    let street = numbered(view, place)
        .map(|(_, end)| end)
        .or_else(|| to_suffix(view, place));
    street.filter(|_| place > house).map(|end| (at, end))
}

/// `12 Mill Lane`, `12, rue de la Paix`, `12 bis avenue Foch`.
fn numbered(view: &View, at: usize) -> Option<(usize, usize)> {
    let number = house_number(view, at)?;
    let mut place = skip_some(view, number, 2, |letter| matches!(letter, ' ' | ','));
    for word in ["bis ", "ter ", "quater "] {
        if view.has(place, word) {
            place += word.len();
        }
    }
    (place > number && !view.small(place).is_numeric()).then_some(())?;
    let first = view.word_end(place);
    if BEFORE.contains(&format!(" {} ", view.text(place..first)))
        && words::is_french(&view.text(place..first))
    {
        let (end, count) = name(view, past_point(view, first), MOST_WORDS);
        return (count > 0).then_some((at, end));
    }
    to_suffix(view, place).map(|end| (at, end))
}

/// Words with capitals, up to one for a street: `Mill Lane`, `Park Avenue South`.
fn to_suffix(view: &View, at: usize) -> Option<usize> {
    let mut place = at;
    for count in 0..5 {
        let word = view.word_end(place);
        let capital = view.plain(place).is_uppercase() || view.small(place).is_ascii_digit();
        if count > 0 && AFTER.contains(&format!(" {} ", view.text(place..word))) {
            return Some(direction(view, word));
        }
        if word == place || !capital {
            return None;
        }
        let joined = matches!(view.small(word), '\'' | '-') && view.small(word + 1).is_alphabetic();
        let word = if joined { view.word_end(word + 1) } else { word };
        place = skip_some(view, word, 2, |letter| matches!(letter, ' ' | '.'));
        if place == word {
            return None;
        }
    }
    None
}

fn direction(view: &View, at: usize) -> usize {
    const WAYS: [&str; 12] = [
        " ne", " nw", " se", " sw", " n", " s", " e", " w", " north", " south", " east", " west",
    ];
    let way = WAYS
        .iter()
        .filter(|way| view.has(at, way) && !is_word(view.small(at + way.len())));
    way.map(|way| at + way.len())
        .filter(|_| view.plain(at + 1).is_uppercase())
        .max()
        .unwrap_or(at)
}

/// `Via Roma 12`, `Calle de Alcalá, 34`, `ул. Ленина, д. 5`, `ul. Kwiatowa 12/3`.
fn named(view: &View, at: usize, word: usize) -> Option<(usize, usize)> {
    let (end, count) = name(view, past_point(view, word), MOST_WORDS);
    if count == 0 {
        return None;
    }
    // What looks like a postcode is one: `avenue Foch, 75116 Paris` has no number.
    let coded = town::follows(view, end).then_some(end);
    coded
        .or_else(|| house_number(view, before_number(view, end)))
        .map(|end| (at, end))
}

/// Signs and small words between a street and its number: `, д. `, ` nº `, ` No: `.
fn before_number(view: &View, at: usize) -> usize {
    const MARKS: [&str; 11] = [
        "no:", "no.", "nº", "no ", "n.", "n ", "nr.", "nr ", "num.", "д.", "дом ",
    ];
    let place = skip_some(view, at, 3, |letter| matches!(letter, ' ' | ',' | '.'));
    let mark = MARKS.iter().find(|mark| view.has(place, mark));
    mark.map_or(place, |mark| {
        skip_some(view, place + mark.chars().count(), 2, |letter| {
            matches!(letter, ' ' | '.' | ':')
        })
    })
}

/// `Lindenstraße 12a`, `Berliner Str. 5`, `Storgatan 3`, `Kalverstraat 12-II`.
fn ended(view: &View, at: usize, word: usize) -> Option<(usize, usize)> {
    let mut word = word;
    while word < at + LONGEST_NAME
        && matches!(view.small(word), '-' | '\'')
        && view.small(word + 1).is_alphabetic()
    {
        word = view.word_end(word + 1);
    }
    let text = view.text(at..word);
    let last = text.rsplit(['-', '\'']).next().unwrap_or_default();
    let alone = ENDINGS.split_whitespace().any(|ending| ending == last);
    let joined = ENDINGS
        .split_whitespace()
        .any(|ending| last.len() >= ending.len() + 2 && last.ends_with(ending) && ending.len() >= 3);
    let capital = view.plain(at).is_uppercase() || alone;
    if !(alone || joined) || !capital {
        return None;
    }
    let number = before_number(view, past_point(view, word));
    let house = house_number(view, number).filter(|_| number > word)?;
    let start = if alone && !text.contains('-') {
        words_before(view, at)
    } else {
        at
    };
    (start < at || !alone || text.contains('-')).then_some((start, house))
}

/// Back over the words with capital letters before a word for a street.
fn words_before(view: &View, at: usize) -> usize {
    let mut start = at;
    for _ in 0..3 {
        let end = view.skip_back(start, 1, |letter| letter == ' ');
        let word = view.skip_back(end, 30, |letter| {
            is_word(letter) || matches!(letter, '-' | '.' | '\'')
        });
        let own = (end < start && word < end).then_some(word);
        match own.filter(|word| view.plain(*word).is_uppercase() || view.small(*word).is_ascii_digit()) {
            Some(word) => start = word,
            None => break,
        }
    }
    start
}

/// The words of a street's name: with capitals, or small ones between.
fn name(view: &View, at: usize, most: usize) -> (usize, usize) {
    const SMALL: [&str; 32] = [
        "de", "la", "le", "les", "du", "des", "del", "della", "delle", "dei", "degli", "di", "da", "do",
        "dos", "das", "el", "los", "las", "l", "d", "dell", "san", "sainte", "saint", "y", "e", "van", "von",
        "der", "den", "al",
    ];
    let (mut end, mut place, mut count) = (at, at, 0);
    for _ in 0..most {
        let word = view.word_end(place);
        let capital = view.plain(place).is_uppercase()
            || !view.plain(place).is_lowercase() && view.plain(place).is_alphabetic();
        let small = SMALL.contains(&view.text(place..word).as_str());
        if word == place || !capital && !small {
            break;
        }
        if capital {
            (end, count) = (word, count + 1);
        }
        let next = skip_some(view, word, 1, |letter| letter == '.');
        place = skip_some(view, next, 1, |letter| matches!(letter, ' ' | '-' | '\''));
        if place == word {
            break;
        }
    }
    (end, count)
}

/// A number of a house: `12`, `12a`, `12-14`, `12/3`, `12 B`. Four digits of a year are one too.
fn house_number(view: &View, at: usize) -> Option<usize> {
    let mut end = skip_some(view, at, 6, |letter| letter.is_ascii_digit());
    if end == at || end - at > 5 {
        return None;
    }
    for _ in 0..2 {
        let sign = skip_some(view, end, 1, |letter| matches!(letter, '-' | '/'));
        let more = skip_some(view, sign, 4, |letter| letter.is_ascii_digit());
        if sign > end && more > sign {
            end = more;
        }
    }
    let spaced = skip_some(view, end, 1, |letter| letter == ' ');
    if view.small(end).is_ascii_alphabetic() && !is_word(view.small(end + 1)) {
        end += 1;
    } else if spaced > end
        && view.small(spaced).is_ascii_alphabetic()
        && !is_word(view.small(spaced + 1))
        && view.small(spaced + 1) != '.'
        && view.plain(spaced).is_uppercase()
    {
        end = spaced + 1;
    }
    let goes_on = is_word(view.small(end))
        || matches!(view.small(end), '.' | ',' | ':') && view.small(end + 1).is_ascii_digit();
    (!goes_on).then_some(end)
}

fn past_point(view: &View, at: usize) -> usize {
    let point = skip_some(view, at, 1, |letter| letter == '.');
    skip_some(view, point, 1, |letter| letter == ' ').min(if point > at { at + 2 } else { at + 1 })
}

/// Past flats, floors and stairs behind a street: `, Apt. 4`, ` 3º B`, ` к. 3`.
fn units(view: &View, at: usize) -> usize {
    let mut end = at;
    for _ in 0..4 {
        let place = skip_some(view, end, 3, |letter| {
            matches!(letter, ' ' | ',' | '.' | '\n' | '-')
        });
        let word = view.word_end(place);
        let unit = UNITS.contains(&format!(" {} ", view.text(place..word))) || view.small(place) == '#';
        if !unit || place == end && view.small(place) != '#' {
            break;
        }
        let number = skip_some(view, word.max(place), 3, |letter| {
            matches!(letter, ' ' | '.' | '#' | ':' | 'º')
        });
        let close = skip_some(view, number, 8, |letter| {
            is_word(letter) || matches!(letter, '/' | '-' | 'º')
        });
        let numbered =
            (number..close).any(|at| view.small(at).is_numeric()) || close - number <= 2 && close > number;
        if !numbered {
            break;
        }
        end = close;
    }
    end
}
