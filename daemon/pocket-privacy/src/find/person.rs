//! Names that are in no contact, where the text itself says that they are names. What says nothing of
//! the kind can't be told from other words without a model.

use crate::Kind;
use crate::labels::{Labels, skip_some};
use crate::resolve::Find;
use crate::view::{View, is_unspaced, is_word};

/// Most words of a name.
const MOST_WORDS: usize = 5;

/// Words in front of a name, folded.
const TITLES: &[&str] = &[
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "professor",
    "sir",
    "madam",
    "lord",
    "lady",
    "rev",
    "fr",
    "herr",
    "herrn",
    "frau",
    "familie",
    "monsieur",
    "m",
    "mme",
    "madame",
    "mlle",
    "mademoiselle",
    "me",
    "senor",
    "sr",
    "senora",
    "sra",
    "srta",
    "senorita",
    "don",
    "dona",
    "signor",
    "signora",
    "sig",
    "signorina",
    "dott",
    "dottor",
    "dottoressa",
    "ing",
    "avv",
    "senhor",
    "senhora",
    "exmo",
    "dhr",
    "mevr",
    "mevrouw",
    "meneer",
    "mw",
    "pan",
    "pani",
    "panu",
    "pana",
    "panem",
    "panie",
    "fru",
    "froken",
    "hr",
    "herra",
    "rouva",
    "uncle",
    "aunt",
    "onkel",
    "tante",
    "oncle",
    "tio",
    "tia",
    "zio",
    "zia",
    "господин",
    "г-н",
    "г-жа",
    "госпожа",
    "sayin",
    "bay",
    "bayan",
    "dear",
];

/// Words of a greeting: a name follows, and the line ends or a comma comes.
const GREETINGS: &[&str] = &[
    "dear",
    "hi",
    "hello",
    "hey",
    "liebe",
    "lieber",
    "hallo",
    "sehr geehrte",
    "sehr geehrter",
    "guten tag",
    "moin",
    "servus",
    "cher",
    "chere",
    "bonjour",
    "salut",
    "querido",
    "querida",
    "estimado",
    "estimada",
    "hola",
    "caro",
    "cara",
    "gentile",
    "ciao",
    "egregio",
    "prezado",
    "prezada",
    "ola",
    "oi",
    "beste",
    "geachte",
    "kaere",
    "hei",
    "hej",
    "kara",
    "basta",
    "witaj",
    "drogi",
];

/// Ends of a letter: a name stands on the next line.
const ENDS: &[&str] = &[
    "regards",
    "best regards",
    "kind regards",
    "best",
    "sincerely",
    "yours sincerely",
    "yours",
    "cheers",
    "thanks",
    "many thanks",
    "love",
    "best wishes",
    "warm regards",
    "mit freundlichen grussen",
    "freundliche grusse",
    "viele grusse",
    "liebe grusse",
    "herzliche grusse",
    "beste grusse",
    "lg",
    "vg",
    "mfg",
    "dein",
    "deine",
    "cordialement",
    "bien cordialement",
    "bien a vous",
    "amicalement",
    "salutations",
    "atentamente",
    "un saludo",
    "saludos",
    "saludos cordiales",
    "un abrazo",
    "cordiali saluti",
    "distinti saluti",
    "saluti",
    "atenciosamente",
    "cumprimentos",
    "abracos",
    "met vriendelijke groet",
    "groeten",
    "pozdrawiam",
    "z powazaniem",
    "с уважением",
    "vanliga halsningar",
];

pub(super) fn find(view: &View, _labels: &Labels, finds: &mut Vec<Find>) {
    for at in 0..view.len() {
        let letter = view.small(at);
        if view.begins_word(at) {
            finds.extend(titled(view, at));
            finds.extend(greeted(view, at));
            if at == 0 || view.before(at) == '\n' || view.before(at) == ' ' {
                finds.extend(signed(view, at));
            }
        }
        if letter == '<' {
            finds.extend(before_address(view, at));
        }
        if matches!(letter, '様' | '氏' | '君' | '殿' | '님' | '씨')
            || view.has(at, "さん")
            || view.has(at, "先生")
            || view.has(at, "女士")
        {
            finds.extend(before_honour(view, at));
        }
    }
}

/// A word that begins with a capital letter, or of a script without them; and where it ends.
fn name_word(view: &View, at: usize) -> Option<usize> {
    let first = view.plain(at);
    let caseless = first.is_alphabetic() && !first.is_lowercase() && !first.is_uppercase();
    if !(first.is_uppercase() || caseless) || is_word(view.before(at)) && view.before(at) != '\'' {
        return None;
    }
    let mut end = view.word_end(at);
    while end < at + 30 && matches!(view.small(end), '-' | '\'') && view.small(end + 1).is_alphabetic() {
        end = view.word_end(end + 1);
    }
    let digits = (at..end).any(|at| view.small(at).is_numeric());
    (!digits && end - at <= 30).then(|| {
        if end - at == 1 && view.small(end) == '.' {
            end + 1
        } else {
            end
        }
    })
}

/// The words of a name from `at` on: where they end, and how many there are.
fn name(view: &View, at: usize, most: usize) -> (usize, usize) {
    let (mut end, mut place, mut words) = (at, at, 0);
    while words < most {
        let Some(word) = name_word(view, place) else {
            let particle = particle(view, place);
            if particle == place || words == 0 && !view.small(place).is_lowercase() {
                break;
            }
            place = particle;
            continue;
        };
        (end, words) = (word, words + 1);
        let next = skip_some(view, word, 1, |letter| letter == ' ');
        if next == word && view.before(word) != '.' {
            break;
        }
        place = next;
    }
    (end, words)
}

/// Past a small word within a name and the space behind it.
fn particle(view: &View, at: usize) -> usize {
    const PARTICLES: [&str; 22] = [
        "von ", "van ", "der ", "den ", "de ", "la ", "da ", "di ", "dos ", "das ", "do ", "del ", "della ",
        "du ", "le ", "zu ", "ter ", "ten ", "al-", "bin ", "el ", "y ",
    ];
    let found = PARTICLES.iter().find(|word| view.has(at, word));
    found.map_or(at, |word| at + word.len())
}

/// `Frau Dr. Weber`: the name, without its titles.
fn titled(view: &View, at: usize) -> Option<Find> {
    let end = view.word_end(at);
    let word = title(view, at, end)?;
    let mut from = word;
    for _ in 0..3 {
        match title(view, from, view.word_end(from)) {
            Some(next) => from = next,
            None => break,
        }
    }
    let (end, words) = name(view, from, MOST_WORDS - 1);
    (words > 0).then(|| Find::new(Kind::Person, from, end))
}

/// Past a title and the space behind it.
fn title(view: &View, at: usize, end: usize) -> Option<usize> {
    if end - at > 12 || !view.plain(at).is_uppercase() && !view.has(at, "г-") {
        return None;
    }
    let word = view.text(at..end);
    // `MS` is a state and a disease.
    if end - at > 1 && view.plain(at + 1).is_uppercase() {
        return None;
    }
    let known = TITLES.contains(&word.as_str()) && word != "dear";
    // `M. Dupont`, but no other single letter; `Me` is a title in French, with its point only.
    let point = view.small(end) == '.';
    let short = matches!(word.as_str(), "m" | "me" | "fr" | "bay" | "pan" | "don") && !point && word != "don";
    let next = skip_some(view, end, 2, |letter| matches!(letter, '.' | ' '));
    (known && !short && view.before(next) == ' ').then_some(next)
}

/// `Dear Anna,`
fn greeted(view: &View, at: usize) -> Option<Find> {
    let word = GREETINGS
        .iter()
        .find(|word| view.has(at, word) && view.ends_word(at + word.chars().count()))?;
    let behind = at + word.chars().count();
    if !view.plain(at).is_uppercase() && view.before(at) != '\n' && at != 0 {
        return None;
    }
    let from = skip_some(view, behind, 1, |letter| letter == ' ');
    if title(view, from, view.word_end(from)).is_some() {
        return None;
    }
    let (end, words) = name(view, from, 4);
    let ends = matches!(
        view.small(end),
        ',' | '!' | '\n' | '\0' | ':' | '.' | '-' | '\\' | '"'
    );
    let role = [
        "team", "sir", "madam", "all", "alle", "damen", "herren", "herr", "frau", "customer", "kunde",
        "world", "there", "everyone",
    ]
    .iter()
    .any(|word| view.has(from, word) && view.ends_word(from + word.len()));
    (words > 0 && from > behind && ends && !role).then(|| Find::new(Kind::Person, from, end))
}

/// The name below `Best regards,`.
fn signed(view: &View, at: usize) -> Option<Find> {
    let word = ENDS
        .iter()
        .filter(|word| view.has(at, word) && view.ends_word(at + word.chars().count()))
        .max_by_key(|word| word.len())?;
    let behind = skip_some(view, at + word.chars().count(), 2, |letter| {
        matches!(letter, ',' | '.' | '!' | ' ')
    });
    let from = skip_some(view, behind, 8, |letter| {
        matches!(letter, '\n' | ' ' | '-' | '*' | '>' | '\\')
    });
    let breaks = (behind..from).any(|at| view.small(at) == '\n') || view.has(behind, "\\n");
    let from = if view.has(from.saturating_sub(1), "\\n") {
        from + 1
    } else {
        from
    };
    let (end, words) = name(view, from, 4);
    let ends = matches!(view.small(end), '\n' | '\0' | ',' | ' ' | '|' | '"' | '\\' | '<');
    (breaks && words > 0 && ends).then(|| Find::new(Kind::Person, from, end))
}

/// `Anna Weber <a@b.org>`: the name before the address.
fn before_address(view: &View, open: usize) -> Option<Find> {
    let close = skip_some(view, open, 90, |letter| {
        letter != '>' && letter != '\n' && letter != ' '
    });
    let address = (open..close).any(|at| view.small(at) == '@') && view.small(close) == '>';
    let end = view.skip_back(open, 2, |letter| matches!(letter, ' ' | '"'));
    let start = view.skip_back(end, 60, |letter| {
        is_word(letter) || matches!(letter, ' ' | '.' | '-' | '\'' | ',')
    });
    let start = skip_some(view, start, 3, |letter| !is_word(letter));
    let named =
        end > start && (start..end).any(|at| view.plain(at).is_uppercase() || is_unspaced(view.small(at)));
    // A word in lower case before the name belongs to the sentence.
    let start = (start..end)
        .find(|at| view.begins_word(*at) && name_word(view, *at).is_some())
        .unwrap_or(start);
    (address && named).then(|| Find::new(Kind::Person, start, end))
}

/// `王様`: the name before a word of honour.
fn before_honour(view: &View, at: usize) -> Option<Find> {
    let end = view.skip_back(at, 1, |letter| letter == ' ');
    let same = |letter: char| matches!(letter, '\u{4e00}'..='\u{9fff}' | '\u{30a1}'..='\u{30fa}' | '\u{ac00}'..='\u{d7a3}' | 'ー');
    let start = view.skip_back(end, 8, same);
    (2..=6)
        .contains(&(end - start))
        .then(|| Find::new(Kind::Person, start, end))
}

/// The value of a label for names.
pub(super) fn value(view: &View, start: usize, end: usize, enclosed: bool) -> Option<Find> {
    if enclosed {
        let words = view.text(start..end).split_whitespace().count();
        let code = (start..end).any(|at| {
            matches!(view.small(at), '_' | '/' | '(' | '{' | '.' | '@' | ':' | '=') && !view.has(at, ". ")
        });
        let capital = view.plain(start).is_uppercase()
            || !view.plain(start).is_lowercase() && view.plain(start).is_alphabetic();
        return (words <= 6 && capital && !code).then(|| Find::new(Kind::Person, start, end));
    }
    let (end_of_name, words) = name(view, start, MOST_WORDS);
    let unspaced = is_unspaced(view.small(start));
    let last = view.small(end_of_name);
    let ends = end_of_name >= end
        || matches!(
            last,
            ',' | ';' | '|' | '\t' | '<' | ')' | '.' | '\n' | '/' | '"' | '*'
        );
    let found = words > 0
        && !is_type(view, start, end_of_name)
        && (ends || words >= 2 || unspaced)
        && end_of_name - start >= 2;
    // `Weber, Anna` on a line of its own.
    let behind = skip_some(view, end_of_name, 2, |letter| matches!(letter, ',' | ' '));
    let (other, more) = name(view, behind, 2);
    let both = last == ',' && more > 0 && other >= end;
    found.then(|| Find::new(Kind::Person, start, if both { other } else { end_of_name }))
}

/// `AgentName` is a name in code; `McDonald` is one of a person.
fn is_type(view: &View, start: usize, end: usize) -> bool {
    let inner = (start + 2..end).any(|at| view.plain(at).is_uppercase() && view.plain(at - 1).is_lowercase());
    let family = ["mc", "mac", "de", "la", "le", "di", "du", "van", "von", "fitz"]
        .iter()
        .any(|word| view.has(start, word));
    inner && !family
}
