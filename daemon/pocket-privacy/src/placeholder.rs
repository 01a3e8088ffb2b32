//! What stands in the place of what was taken out, and how it is recognised again although a model has
//! written it in another way.

use crate::Kind;

/// Longest placeholder in any way of writing it, in bytes.
pub(crate) const LONGEST: usize = 48;
/// Most digits of a number, and most letters behind it.
const MOST_DIGITS: usize = 7;
const MOST_LETTERS: usize = 4;

/// Names one thing: its kind, its number, and which way of writing it this is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Placeholder {
    pub(crate) kind: Kind,
    pub(crate) number: u32,
    pub(crate) variant: u32,
}

impl Placeholder {
    /// As it is put into a text: `[EMAIL_1]`; another way of writing the same thing is `[EMAIL_1b]`.
    pub(crate) fn text(self) -> String {
        format!("[{}_{}{}]", self.kind.word(), self.number, letters(self.variant))
    }
}

/// A number in letters, with `a` for nothing: 0 is empty, 1 is `b`, 26 is `ba`.
fn letters(mut number: u32) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        let digit = u8::try_from(number % 26).unwrap_or_default();
        letters.push(char::from(b'a'.saturating_add(digit)));
        number /= 26;
    }
    letters.iter().rev().collect()
}

fn number_of(letters: &[u8]) -> Option<u32> {
    letters.iter().try_fold(0_u32, |number, letter| {
        let digit = letter.to_ascii_lowercase().checked_sub(b'a')?;
        number.checked_mul(26)?.checked_add(u32::from(digit))
    })
}

/// How freely a placeholder may be written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Spelling {
    /// Any way that could ever be taken for one.
    Any,
    /// Without brackets only in upper case.
    Clear,
}

/// A placeholder that stands at `at`, and where it ends.
pub(crate) fn read(text: &[u8], at: usize, spelling: Spelling) -> Option<(Placeholder, usize)> {
    let opening = OPENINGS.iter().find(|(open, _)| has(text, at, open));
    let Some((open, close)) = opening else {
        return bare(text, at, spelling);
    };
    let inner = spaces(text, at.saturating_add(open.len()));
    let (placeholder, end) = body(text, inner, Separators::Loose)?;
    let end = spaces(text, end);
    has(text, end, close).then(|| (placeholder, end.saturating_add(close.len())))
}

/// Brackets, as they are, as Markdown escapes them, and as a web address does.
const OPENINGS: [(&[u8], &[u8]); 3] = [(b"[", b"]"), (b"\\[", b"\\]"), (b"%5b", b"%5d")];

#[derive(Clone, Copy, Eq, PartialEq)]
enum Separators {
    Loose,
    Strict,
}

fn bare(text: &[u8], at: usize, spelling: Spelling) -> Option<(Placeholder, usize)> {
    let (placeholder, end) = body(text, at, Separators::Strict)?;
    if spelling == Spelling::Any {
        // Also within a word: what stands around it may be replaced itself.
        return Some((placeholder, end));
    }
    let part = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|byte| is_part(*byte));
    let word = placeholder.kind.word().as_bytes();
    let upper = text.get(at..).is_some_and(|written| written.starts_with(word));
    (upper && !part(at.checked_sub(1)) && !part(Some(end))).then_some((placeholder, end))
}

const fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// `EMAIL_1b`, without brackets.
fn body(text: &[u8], at: usize, separators: Separators) -> Option<(Placeholder, usize)> {
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| has(text, at, kind.word().as_bytes()))?;
    let mut end = at.saturating_add(kind.word().len());
    end = match (text.get(end)?, text.get(end.saturating_add(1))) {
        (b'_', _) => end.saturating_add(1),
        (b'\\', Some(b'_')) => end.saturating_add(2),
        (b'-' | b' ', _) if separators == Separators::Loose => end.saturating_add(1),
        _ => return None,
    };
    let digits = run(text, end, MOST_DIGITS, u8::is_ascii_digit);
    end = end.saturating_add(digits.len());
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let letters = run(text, end, MOST_LETTERS, u8::is_ascii_alphabetic);
    let variant = number_of(letters)?;
    let placeholder = Placeholder {
        kind,
        number,
        variant,
    };
    Some((placeholder, end.saturating_add(letters.len())))
}

fn run(text: &[u8], at: usize, most: usize, such: fn(&u8) -> bool) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().take(most).position(|byte| !such(byte));
    rest.get(..length.unwrap_or_else(|| rest.len().min(most)))
        .unwrap_or_default()
}

fn spaces(text: &[u8], at: usize) -> usize {
    at.saturating_add(run(text, at, 1, |byte| *byte == b' ').len())
}

/// Whether the text goes on with `word`, whatever its case.
fn has(text: &[u8], at: usize, word: &[u8]) -> bool {
    let end = at.saturating_add(word.len());
    text.get(at..end)
        .is_some_and(|piece| piece.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Placeholder = Placeholder {
        kind: Kind::Email,
        number: 1,
        variant: 0,
    };

    fn first(text: &str, spelling: Spelling) -> Option<Placeholder> {
        (0..text.len()).find_map(|at| read(text.as_bytes(), at, spelling).map(|(found, _)| found))
    }

    #[test]
    fn ways_in_which_models_write_them() {
        for text in [
            "[EMAIL_1]",
            "[Email_1]",
            "[EMAIL 1]",
            "[email-1]",
            "\\[EMAIL\\_1\\]",
            "mailto:EMAIL_1)",
            "%5BEMAIL_1%5D",
            "**EMAIL_1**",
            "[ EMAIL_1 ]",
            "<EMAIL_1>",
            "`EMAIL_1`",
            "EMAIL\\_1",
        ] {
            assert_eq!(first(text, Spelling::Clear), Some(FIRST), "{text}");
        }
        for text in [
            "email_1",
            "MY_EMAIL_1",
            "EMAIL_1_x",
            "[EMAIL_]",
            "[EMAIL_x]",
            "EMAIL 1",
            "[EMAIL_1",
            "[MAIL_1]",
        ] {
            let found = first(text, Spelling::Clear);
            assert!(found.is_none() || text == "[EMAIL_1", "{text}");
        }
    }

    #[test]
    fn each_reads_back_as_itself() {
        for kind in Kind::ALL {
            for (number, variant) in [(1, 0), (2, 1), (30, 25), (400, 26), (5000, 27), (9, 700)] {
                let placeholder = Placeholder {
                    kind,
                    number,
                    variant,
                };
                let text = placeholder.text();
                let end = text.len();
                assert_eq!(
                    read(text.as_bytes(), 0, Spelling::Clear),
                    Some((placeholder, end)),
                    "{text}"
                );
                assert!(end <= LONGEST);
            }
        }
    }
}
