//! Values that a label names: `password: x`, `"api_key": "x"`, `Passport No. x`, `Tel.: x`.

use crate::Kind;
use crate::find::{key, person};
use crate::labels::{Field, Labels, Mention, Value, skip_some, value};
use crate::resolve::Find;
use crate::view::{View, is_word};

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    finds.extend((0..view.len()).filter_map(|at| login(view, at)));
    for mention in labels.all() {
        if let Some(value) = value(view, *mention) {
            finds.extend(of_field(view, *mention, &value));
        }
    }
}

fn of_field(view: &View, mention: Mention, value: &Value) -> Option<Find> {
    let Value {
        start,
        end,
        marked,
        enclosed,
    } = *value;
    match mention.field {
        Field::Password if marked || is_flag(view, mention) => password(view, start, end, enclosed),
        Field::Token if marked => token(view, start, end, enclosed),
        Field::Address if marked => whole(view, Kind::Address, start, end, enclosed),
        Field::Identity => number(view, Kind::Identity, start, end, if marked { 4 } else { 5 }),
        Field::Account => number(view, Kind::Iban, start, end, if marked { 5 } else { 8 }),
        Field::Card => number(view, Kind::Card, start, end, 12),
        Field::CardCheck => check_digits(view, start),
        Field::Vehicle => number(view, Kind::Vehicle, start, end, 2),
        Field::Person if marked => person::value(view, start, end, enclosed),
        _ => None,
    }
}

/// `--password x`, without anything between them.
fn is_flag(view: &View, mention: Mention) -> bool {
    view.before(mention.start) == '-' && view.small(mention.end) == ' '
}

/// `-u name:password`, `--user name:password`: what follows the colon.
fn login(view: &View, at: usize) -> Option<Find> {
    let flag = ["-u ", "--user "].into_iter().find(|flag| view.has(at, flag))?;
    let name = at + flag.len();
    let colon = skip_some(view, name, 64, |letter| {
        !letter.is_whitespace() && letter != ':' && letter != '\0'
    });
    let end = skip_some(view, colon + 1, 128, |letter| {
        !letter.is_whitespace() && letter != '\0'
    });
    let own = view.before(at) == ' ' && view.small(colon) == ':' && end > colon + 1;
    own.then(|| Find::new(Kind::Secret, colon + 1, end))
}

/// What is said in the place of a password without being one.
const NO_SECRETS: &str = " none null nil undefined true false yes no empty required optional string str text varchar password \
    passwort secret token key changed updated reset invalid incorrect wrong expired missing forgotten hidden redacted masked \
    strong weak safe secure protected leer falsch richtig geheim abgelaufen vergessen the a an my your to is not now too very \
    already never always still only in on at for of and or was will can must should has have be been ist nicht noch jetzt zu sehr \
    falsche richtige abgelaufene dem den der das die ihrem ihr option int bool char char* input field label type es el la un no le ";

/// Any word may be one.
fn password(view: &View, start: usize, end: usize, enclosed: bool) -> Option<Find> {
    let end = if enclosed { end } else { word_of(view, start, end) };
    let text = view.plain_text(start..end);
    let small = text.to_lowercase();
    let is_said = NO_SECRETS.contains(&format!(" {small} "));
    // A name of one, a call, a mask: in code and in templates.
    let is_code = text.contains(['(', '{', '<', '$'])
        && !text.contains(|letter: char| letter.is_ascii_digit())
        || text.starts_with("${")
        || text.starts_with("{{")
        || text.starts_with('&') && !text.contains(|letter: char| letter.is_ascii_digit())
        || text.contains("::")
        || text.starts_with("os.")
        || text.starts_with("process.env")
        || text.starts_with("env.")
        || text
            .chars()
            .all(|letter| matches!(letter, '*' | '•' | 'x' | '.' | '-' | '_'));
    let spaced = enclosed && text.split_whitespace().count() > 8;
    let long_enough = text.chars().count() >= 3;
    (long_enough && !is_said && !is_code && !spaced).then(|| Find::new(Kind::Secret, start, end))
}

/// The word at `start`. A sign of the sentence behind it stays.
fn word_of(view: &View, start: usize, end: usize) -> usize {
    fn ends(letter: char) -> bool {
        letter.is_whitespace() || matches!(letter, '"' | '<' | '>' | '\0')
    }
    let mut word = skip_some(view, start, 128, |letter| !ends(letter)).min(end);
    while word > start && matches!(view.before(word), '.' | ',' | ';' | ')' | '\'' | '}' | ']') {
        word -= 1;
    }
    word
}

/// A token has to look like one.
fn token(view: &View, start: usize, end: usize, enclosed: bool) -> Option<Find> {
    let from = skip_scheme(view, start);
    let word = skip_some(view, from, 1024, |letter| {
        key::is_token(letter) || "!@#$%^&*:,?".contains(letter)
    })
    .min(end);
    let mut word = word;
    while word > from && matches!(view.before(word), '.' | ',' | ':' | ')' | '?' | '!') {
        word -= 1;
    }
    if enclosed && word < end {
        return None;
    }
    let text = view.plain_text(from..word);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let dotted = text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        });
    let code = text.contains("::") || text.starts_with('&') || text.contains("://");
    let long = text.len() >= 24 && !dotted && !code && (digits > 0 || key::is_random(&text));
    let mixed =
        text.len() >= 8 && !code && digits >= 2 && letters >= 2 || text.len() >= 6 && digits == text.len();
    (long || mixed).then(|| Find::new(Kind::Key, from, word))
}

fn skip_scheme(view: &View, start: usize) -> usize {
    let scheme = ["bearer ", "basic ", "token ", "apikey "]
        .into_iter()
        .find(|word| view.has(start, word));
    scheme.map_or(start, |word| start + word.len())
}

/// All of a value, up to the sign that ends it.
fn whole(view: &View, kind: Kind, start: usize, end: usize, enclosed: bool) -> Option<Find> {
    fn ends(letter: char) -> bool {
        matches!(letter, '|' | '<' | '{' | '[' | '"' | '\t')
    }
    let end = if enclosed {
        end
    } else {
        skip_some(view, start, end - start, |letter| !ends(letter))
    };
    let mut end = end;
    while end > start && matches!(view.before(end), ' ' | ',' | ';' | '.') {
        end -= 1;
    }
    let letters = (start..end).filter(|at| is_word(view.small(*at))).count();
    let digits = (start..end).any(|at| view.small(at).is_numeric());
    let text = view.text(start..end);
    let code = text.contains("::") || text.contains("://") || text.contains(['(', ')', '@', '&']);
    let words = enclosed && view.plain(start).is_uppercase() && text.contains(' ');
    (letters >= 3 && end - start <= 200 && !code && (digits || words)).then(|| Find::new(kind, start, end))
}

/// A number of letters and digits, `least` digits at the least, maybe in groups. Words between it and its
/// label are few: `Passport No. is`.
fn number(view: &View, kind: Kind, start: usize, end: usize, least: usize) -> Option<Find> {
    let mut at = start;
    for _ in 0..4 {
        if let Some(found) = number_at(view, at, least) {
            return Some(Find::new(kind, at, found));
        }
        let word = view.word_end(at);
        let next = skip_some(view, word, 3, |letter| {
            matches!(letter, ' ' | '.' | ':' | '#' | '°' | '-')
        });
        if word == at && next == word || next >= end {
            break;
        }
        at = next;
    }
    None
}

fn number_at(view: &View, at: usize, least: usize) -> Option<usize> {
    let (mut end, mut digits) = (at, 0);
    let mut place = at;
    for _ in 0..8 {
        let group = skip_some(view, place, 24, is_word);
        let own = (place..group)
            .filter(|at| view.small(*at).is_ascii_digit())
            .count();
        // Groups without digits are capital letters: `AB 123456 C`, `M-AB 1234`.
        let capitals =
            (place..group).all(|at| view.plain(at).is_uppercase() || view.small(at).is_ascii_digit());
        if group == place || own == 0 && (group - place > 4 || !capitals) {
            break;
        }
        digits += own;
        end = group;
        let next = skip_some(view, group, 1, |letter| matches!(letter, ' ' | '-' | '.' | '/'));
        if next == group {
            break;
        }
        place = next;
    }
    (digits >= least && end - at <= 40).then_some(end)
}

fn check_digits(view: &View, start: usize) -> Option<Find> {
    let end = skip_some(view, start, 5, |letter| letter.is_ascii_digit());
    (matches!(end - start, 3 | 4) && !is_word(view.small(end))).then(|| Find::new(Kind::Card, start, end))
}
