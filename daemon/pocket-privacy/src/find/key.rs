//! Keys that open services, private keys, the words of wallets.

use crate::Kind;
use crate::labels::{Field, Labels, skip_some, value};
use crate::resolve::Find;
use crate::view::{View, is_word};

/// How keys of known services begin, and how many letters follow at least.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("sk-or-", 20),
    ("sk-svcacct-", 20),
    ("sk-", 20),
    ("sk_live_", 12),
    ("sk_test_", 12),
    ("pk_live_", 12),
    ("pk_test_", 12),
    ("rk_live_", 12),
    ("rk_test_", 12),
    ("whsec_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("gldt-", 16),
    ("glrt-", 16),
    ("glcbt-", 16),
    ("glsoat-", 16),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xoxe-", 10),
    ("xoxe.", 10),
    ("xapp-", 10),
    ("AKIA", 16),
    ("ASIA", 16),
    ("ABIA", 16),
    ("ACCA", 16),
    ("AIza", 30),
    ("ya29.", 20),
    ("GOCSPX-", 20),
    ("1//0", 30),
    ("hf_", 20),
    ("npm_", 20),
    ("pypi-", 20),
    ("dop_v1_", 20),
    ("doo_v1_", 20),
    ("shpat_", 16),
    ("shpss_", 16),
    ("shpca_", 16),
    ("shppa_", 16),
    ("SG.", 30),
    ("key-", 32),
    ("AC", 32),
    ("SK", 32),
    ("EAA", 40),
    ("sq0atp-", 16),
    ("sq0csp-", 16),
    ("EAAA", 40),
    ("dp.pt.", 20),
    ("lin_api_", 20),
    ("ntn_", 20),
    ("secret_", 30),
    ("PMAK-", 20),
    ("figd_", 20),
    ("r8_", 20),
    ("gsk_", 20),
    ("xai-", 20),
    ("pplx-", 20),
    ("hvs.", 20),
    ("hvb.", 20),
    ("tskey-", 16),
    ("AGE-SECRET-KEY-1", 20),
    ("dckr_pat_", 16),
    ("NRAK-", 16),
    ("sntrys_", 20),
    ("glc_", 20),
];

pub(super) fn find(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    let mut done = 0;
    for at in 0..view.len() {
        if at < done {
            continue;
        }
        let found = if view.has_plain(at, "-----BEGIN ") {
            block(view, at)
        } else if is_word(view.small(at)) && !is_word(view.before(at)) {
            prefixed(view, at)
                .or_else(|| web_token(view, at))
                .or_else(|| scheme(view, at))
                .or_else(|| lone(view, at))
        } else {
            None
        };
        if let Some((start, end)) = found {
            done = end;
            finds.push(Find::new(Kind::Key, start, end));
        }
    }
    wallets(view, labels, finds);
}

/// What keys are written with.
pub(super) fn is_token(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_.~+/=".contains(letter)
}

/// Longest token that is looked at, in letters: of a longer one the rest is one of its own.
const LONGEST_TOKEN: usize = 1024;

/// The end of the token that begins at `at`, without signs of the sentence.
fn token_end(view: &View, at: usize, such: fn(char) -> bool) -> usize {
    let mut end = skip_some(view, at, LONGEST_TOKEN, such);
    while end > at && matches!(view.before(end), '.' | '-' | '/' | '~' | '+') {
        end -= 1;
    }
    end
}

fn prefixed(view: &View, at: usize) -> Option<(usize, usize)> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    // The longest of them, so that a token is read once.
    let own = PREFIXES.iter().filter(|(prefix, _)| view.has_plain(at, prefix));
    own.max_by_key(|(prefix, _)| prefix.len())
        .and_then(|(prefix, least)| {
            let behind = at + prefix.len();
            let end = token_end(view, behind, is_part);
            let digits = (behind..end).any(|at| view.small(at).is_ascii_digit());
            let mixed = prefix.len() > 3 && (behind..end).any(|at| view.plain(at).is_ascii_uppercase());
            (end - behind >= *least && (digits || mixed)).then_some((at, end))
        })
}

/// JSON web tokens: three parts of Base64, the first two of JSON.
fn web_token(view: &View, at: usize) -> Option<(usize, usize)> {
    if !view.has_plain(at, "eyJ") {
        return None;
    }
    let end = token_end(view, at, |letter| {
        letter.is_ascii_alphanumeric() || "-_.=".contains(letter)
    });
    (end - at >= 30 && view.text(at..end).contains('.')).then_some((at, end))
}

/// `Bearer TOKEN`, `Basic TOKEN`, behind which nothing else says that it is one.
fn scheme(view: &View, at: usize) -> Option<(usize, usize)> {
    let word = ["bearer", "basic", "digest", "apikey"]
        .into_iter()
        .find(|word| view.has(at, word))?;
    let start = at + word.len();
    let from = skip_some(view, start, 2, |letter| letter == ' ');
    let end = token_end(view, from, is_token);
    let text = view.plain_text(from..end);
    (from > start && text.len() >= 12 && is_random(&text)).then_some((from, end))
}

/// Something long that nobody would write by hand.
fn lone(view: &View, at: usize) -> Option<(usize, usize)> {
    let end = skip_some(view, at, 257, |letter| {
        letter.is_ascii_alphanumeric() || "-_+/=".contains(letter)
    });
    if !(32..=256).contains(&(end - at)) || matches!(view.before(at), '/' | '.' | '#' | '@') {
        return None;
    }
    let text = view.plain_text(at..end);
    let hashed = ["sha1-", "sha256-", "sha384-", "sha512-", "h1:"]
        .iter()
        .any(|word| {
            text.starts_with(word)
                || at
                    .checked_sub(word.len())
                    .is_some_and(|start| view.has(start, word))
        });
    (!hashed && is_mixed(&text) && changes(&text) >= 10).then_some((at, end))
}

/// Whether a text looks as if it had been drawn by lot: letters and digits mixed, no words.
pub(super) fn is_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let uuid = text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4;
    let commit = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let capitals = text.bytes().filter(u8::is_ascii_uppercase).count();
    // Words that are written together have few capitals.
    let tossed =
        capitals >= text.len() / 4 && letters - capitals >= text.len() / 4 && changes(text) >= text.len() / 4;
    let mixed = digits >= 2 && letters >= 4 && changes(text) >= text.len() / 6;
    (mixed || tossed) && !uuid && !commit
}

/// Upper and lower case and digits, and no number written in hexadecimal.
fn is_mixed(text: &str) -> bool {
    let has = |such: fn(&u8) -> bool| text.bytes().filter(such).count();
    has(u8::is_ascii_uppercase) >= 3
        && has(u8::is_ascii_lowercase) >= 3
        && has(u8::is_ascii_digit) >= 2
        && has(|byte| matches!(byte, b'/' | b'-' | b'_')) * 8 <= text.len()
        && !text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// How often the kind of letter changes.
fn changes(text: &str) -> usize {
    let kind = |byte: &u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.iter().skip(1));
    pairs.filter(|(one, other)| kind(one) != kind(other)).count()
}

/// Longest private key, in letters.
const LONGEST_BLOCK: usize = 16 * 1024;

/// From `-----BEGIN … PRIVATE KEY-----` to its end, or as far as it goes.
fn block(view: &View, at: usize) -> Option<(usize, usize)> {
    let head = skip_some(view, at + 11, 64, |letter| letter != '-' && letter != '\n');
    let title = view.text(at + 11..head);
    if !title.contains("private") {
        return None;
    }
    let mut end = head + 5;
    while end < head + LONGEST_BLOCK && end < view.len() {
        if view.has_plain(end, "-----END ") {
            let close = skip_some(view, end + 9, 64, |letter| letter != '-' && letter != '\n');
            return Some((at, skip_some(view, close, 5, |letter| letter == '-')));
        }
        // A line of it may be quoted, escaped or indented.
        let letter = view.small(end);
        if !(letter.is_ascii_alphanumeric() || letter.is_whitespace() || "+/=-_:,.\\\"'>()|".contains(letter))
        {
            break;
        }
        end += 1;
    }
    Some((at, end))
}

/// Numbers of words that a wallet has (BIP 39).
const WALLETS: [usize; 5] = [12, 15, 18, 21, 24];
/// Small words of English that are in no such list, and in most sentences.
const SMALL: &str = " the and for are was not but his her its our were been would could their which with from have has had \
    than these those who into they them also does did got gets via per ";

fn wallets(view: &View, labels: &Labels, finds: &mut Vec<Find>) {
    for mention in labels.all().iter().filter(|mention| mention.field == Field::Seed) {
        if let Some(value) = value(view, *mention).filter(|value| value.marked) {
            let (end, words) = words(view, value.start, false);
            if words >= 10 {
                finds.push(Find::new(Kind::Key, value.start, end));
            }
        }
    }
    let mut at = 0;
    while at < view.len() {
        if !view.begins_word(at) {
            at += 1;
            continue;
        }
        let (end, count) = words(view, at, true);
        let alone = !matches!(view.small(end), '.' | ',' | ';' | '\'' | ':' | ')') && view.before(at) != '-';
        if WALLETS.contains(&count) && alone {
            finds.push(Find::new(Kind::Key, at, end));
        }
        at = end.max(view.word_end(at)).max(at + 1);
    }
}

/// How far words of three to eight small letters follow one another, each after one space.
fn words(view: &View, at: usize, strict: bool) -> (usize, usize) {
    let (mut end, mut from, mut count) = (at, at, 0);
    while count < 30 {
        let next = skip_some(view, from, 9, |letter| letter.is_ascii_lowercase());
        let small = !strict || (from..next).all(|at| view.plain(at).is_ascii_lowercase());
        let length = next - from;
        if !(3..=8).contains(&length) || !small || is_word(view.small(next)) {
            break;
        }
        if strict && SMALL.contains(&format!(" {} ", view.text(from..next))) {
            return (next, 0);
        }
        (end, count) = (next, count + 1);
        let between: fn(char) -> bool = if strict {
            |letter| letter == ' '
        } else {
            |letter| matches!(letter, ' ' | ',' | '\n')
        };
        let gap = skip_some(view, next, 2, between);
        if gap == next {
            break;
        }
        from = gap;
    }
    (end, count)
}
