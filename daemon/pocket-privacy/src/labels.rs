//! Words that say what stands beside them: `phone:`, `geb. am`, `"api_key"`, the head of a table.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::view::{View, folded, is_unspaced, is_word};

mod words;

/// What a label says of its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// The number of an account.
    Account,
    /// A postal address, or a part of one.
    Address,
    /// A birth: a date beside it is a day of birth.
    Birth,
    /// A payment card.
    Card,
    /// The check digits of a card.
    CardCheck,
    /// A place on the earth.
    Coordinate,
    /// An e-mail address.
    Email,
    /// A number by which a state, an insurance or an office knows a person.
    Identity,
    /// A name.
    Person,
    /// A password, which may be any word.
    Password,
    /// A telephone number.
    Phone,
    /// A number that identifies no person: of an order, a book, a version.
    Plain,
    /// The words of a wallet.
    Seed,
    /// A key or token.
    Token,
    /// A street, which is a part of an address.
    Vehicle,
}

/// A label in a text, in letters of its view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mention {
    pub(crate) field: Field,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Most letters of a label, and most words.
const LONGEST: usize = 30;
const MOST_WORDS: usize = 5;

/// All labels of a text, in its order.
pub(crate) struct Labels {
    mentions: Vec<Mention>,
}

impl Labels {
    pub(crate) fn of(view: &View) -> Self {
        let mut mentions = Vec::new();
        let mut at = 0;
        while at < view.len() {
            if !begins(view, at) {
                at += 1;
                continue;
            }
            match longest(view, at) {
                Some(mention) => {
                    at = mention.end.max(at + 1);
                    mentions.push(mention);
                }
                None => at += 1,
            }
        }
        Self { mentions }
    }

    pub(crate) fn all(&self) -> &[Mention] {
        &self.mentions
    }

    /// Whether a label of `field` ends at most `within` letters before `at`, and no other one after it
    /// that would say otherwise.
    pub(crate) fn before(&self, field: Field, at: usize, within: usize) -> bool {
        self.mentions_before(at, within)
            .any(|mention| mention.field == field)
    }

    /// The label that is nearest before `at`, if it ends at most `within` letters before.
    pub(crate) fn nearest(&self, at: usize, within: usize) -> Option<Field> {
        self.mentions_before(at, within)
            .next()
            .map(|mention| mention.field)
    }

    /// Whether a label of `field` begins at most `within` letters behind `at`.
    pub(crate) fn behind(&self, field: Field, at: usize, within: usize) -> bool {
        let first = self.mentions.partition_point(|mention| mention.start < at);
        let rest = self.mentions.get(first..).unwrap_or_default().iter();
        rest.take_while(|mention| mention.start <= at.saturating_add(within))
            .any(|mention| mention.field == field)
    }

    fn mentions_before(&self, at: usize, within: usize) -> impl Iterator<Item = &Mention> {
        let behind = self.mentions.partition_point(|mention| mention.end <= at);
        let before = self.mentions.get(..behind).unwrap_or_default().iter().rev();
        before.take_while(move |mention| mention.end.saturating_add(within) >= at)
    }

    /// The label that is exactly `from..to`, but for signs around it: the head of a column.
    pub(crate) fn within(&self, from: usize, to: usize) -> Option<Field> {
        let first = self.mentions.partition_point(|mention| mention.start < from);
        let inside = self.mentions.get(first..).unwrap_or_default().iter();
        inside
            .take_while(|mention| mention.end <= to)
            .last()
            .map(|mention| mention.field)
    }
}

/// Whether a label may begin here: at a word, and at a capital letter within one (`birthDate`).
fn begins(view: &View, at: usize) -> bool {
    let letter = view.small(at);
    if !letter.is_alphabetic() {
        return false;
    }
    let before = view.before(at);
    let capital = || {
        let previous = at.checked_sub(1).map_or('\0', |before| view.plain(before));
        view.plain(at).is_uppercase() && previous.is_lowercase()
    };
    !before.is_alphanumeric() || is_unspaced(letter) || is_unspaced(before) || capital()
}

/// The longest label that begins at `at`.
fn longest(view: &View, at: usize) -> Option<Mention> {
    let table = table();
    let mut word = String::new();
    let mut found = None;
    let mut words = 0;
    let mut place = at;
    while word.len() <= LONGEST * 3 && place < at + LONGEST + MOST_WORDS {
        let letter = view.small(place);
        if letter.is_alphabetic() || letter == '\'' {
            if letter != '\'' {
                word.push(letter);
            }
            place += 1;
            if ends(view, place)
                && let Some(field) = table.get(word.as_str())
            {
                found = Some(Mention {
                    field: *field,
                    start: at,
                    end: place,
                });
            }
        } else if matches!(letter, ' ' | '_' | '-' | '.' | '/') && words + 1 < MOST_WORDS && !word.is_empty()
        {
            words += 1;
            place += 1;
            if matches!(letter, '.') && view.small(place) == ' ' {
                place += 1;
            }
        } else {
            break;
        }
    }
    found
}

fn ends(view: &View, at: usize) -> bool {
    let letter = view.small(at);
    let last = at.saturating_sub(1);
    !letter.is_alphabetic()
        || is_unspaced(view.small(last))
        || view.plain(at).is_uppercase() && view.plain(last).is_lowercase()
}

/// The field of each label, folded and without what stands between its words.
fn table() -> &'static HashMap<String, Field> {
    static TABLE: OnceLock<HashMap<String, Field>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = HashMap::new();
        for (field, words) in words::ALL {
            for word in words.split_whitespace() {
                let mut word = folded(word);
                word.retain(is_word);
                table.insert(word, field);
            }
        }
        table
    })
}

/// Where the value of a label stands.
pub(crate) struct Value {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether something as `:` or `=` says that it is the value.
    pub(crate) marked: bool,
    /// Whether quotes or brackets say where it ends.
    pub(crate) enclosed: bool,
}

/// Longest value, in letters.
const LONGEST_VALUE: usize = 400;

/// The value behind a label on its line.
pub(crate) fn value(view: &View, mention: Mention) -> Option<Value> {
    let mut at = mention.end;
    // `password2:`, `token (new):`, `"name" :`, `**Name:**`.
    at = view.skip(at, |letter| letter.is_ascii_digit());
    at = past_brackets(view, at);
    at = skip_some(view, at, 4, |letter| {
        matches!(letter, ' ' | '"' | '\'' | '*' | '_' | ']' | ')')
    });
    let (at, marked) = past_mark(view, at);
    let at = skip_some(view, at, 12, |letter| {
        matches!(letter, ' ' | '\t' | '*' | '_' | '[')
    });
    let close = match view.small(at) {
        quote @ ('"' | '\'') => quote,
        '「' => '」',
        _ if at > 0 && view.before(at) == '>' => '<',
        _ => '\0',
    };
    let start = if close == '\0' || close == '<' { at } else { at + 1 };
    let end = value_end(view, start, close);
    (end > start).then_some(Value {
        start,
        end,
        marked,
        enclosed: close != '\0',
    })
}

fn value_end(view: &View, start: usize, close: char) -> usize {
    let most = start.saturating_add(LONGEST_VALUE).min(view.len());
    let mut at = start;
    while at < most {
        let letter = view.small(at);
        let ends = letter == '\n' || close != '\0' && letter == close && view.before(at) != '\\';
        if ends {
            break;
        }
        at += 1;
    }
    while at > start && view.before(at) == ' ' {
        at -= 1;
    }
    at
}

/// Past at most `most` letters that are `such`.
pub(crate) fn skip_some(view: &View, at: usize, most: usize, such: fn(char) -> bool) -> usize {
    let mut end = at;
    while end < at.saturating_add(most) && such(view.small(end)) {
        end += 1;
    }
    end
}

fn past_brackets(view: &View, at: usize) -> usize {
    let open = skip_some(view, at, 1, |letter| letter == ' ');
    if view.small(open) != '(' {
        return at;
    }
    let close = skip_some(view, open, 24, |letter| letter != ')' && letter != '\n');
    if view.small(close) == ')' { close + 1 } else { at }
}

/// Past `:`, `=`, `=>`, `:=`, `|`, `>`, and past words that say the same.
fn past_mark(view: &View, at: usize) -> (usize, bool) {
    let end = skip_some(view, at, 3, |letter| {
        matches!(letter, ':' | '=' | '>' | '|' | '：')
    });
    if end > at {
        // `secret::Key` and `token == other` are code.
        let code = view.has(at, "::") || view.has(at, "==");
        return (end, !code);
    }
    const IS: &[&str] = &[
        "ar",
        "er",
        "は",
        "is",
        "ist",
        "lautet",
        "war",
        "was",
        "est",
        "es",
        "e",
        "to",
        "lyder",
        "jest",
        "is now",
        "ist jetzt",
        "是",
    ];
    let said = IS.iter().filter(|word| {
        view.has(at, word)
            && (view.ends_word(at + word.chars().count())
                || is_unspaced(view.before(at + word.chars().count())))
    });
    let longest = said.max_by_key(|word| word.len());
    longest.map_or((at, false), |word| {
        let end = at + word.chars().count();
        (
            skip_some(view, end, 2, |letter| matches!(letter, ' ' | ':')),
            true,
        )
    })
}
