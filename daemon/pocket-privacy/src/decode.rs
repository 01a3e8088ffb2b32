//! A text as its reader puts it together: entities of HTML stand for their letters, and a word that is
//! broken at the end of a line is one.

/// Longest run of blanks and signs of quotation at the beginning of a line that a word is carried over.
const MOST_MARGIN: usize = 16;
/// Longest entity between its signs, in bytes.
const LONGEST_ENTITY: usize = 9;

/// What the piece at the beginning of a text stands for: a letter or nothing, and its length in bytes.
pub(crate) struct Piece {
    pub(crate) letter: Option<char>,
    pub(crate) length: usize,
}

/// Reads the piece at the beginning of `rest`, behind the letter `before`, if it is not just a letter.
pub(crate) fn read(before: char, rest: &str) -> Option<Piece> {
    match rest.chars().next()? {
        '&' => entity(rest),
        hyphen @ ('-' | '\u{ad}' | '\u{2010}' | '\u{2011}') if before.is_alphabetic() => {
            let length = line_break(rest.get(hyphen.len_utf8()..)?)?;
            Some(Piece {
                letter: None,
                length: length.saturating_add(hyphen.len_utf8()),
            })
        }
        _ => None,
    }
}

/// The length of the end of a line, and of the margin of the next one before a letter.
fn line_break(rest: &str) -> Option<usize> {
    let next = rest.trim_start_matches([' ', '\r']).strip_prefix('\n')?;
    let margin = next
        .bytes()
        .take(MOST_MARGIN)
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'>'))
        .count();
    let word = next.get(margin..)?;
    let goes_on = word.chars().next().is_some_and(char::is_alphabetic);
    goes_on.then(|| rest.len().saturating_sub(word.len()))
}

fn entity(rest: &str) -> Option<Piece> {
    let inner = rest.get(1..)?;
    let (letter, length) = match inner.strip_prefix('#') {
        Some(number) => {
            let (letter, length) = numeric(number)?;
            (letter, length.saturating_add(2))
        }
        None => {
            let length = inner.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';')?;
            (named(inner.get(..length)?)?, length.saturating_add(2))
        }
    };
    Some(Piece {
        letter: Some(letter),
        length,
    })
}

/// `103;` or `x67;`. The end is optional, as browsers have it.
fn numeric(number: &str) -> Option<(char, usize)> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let length = digits
        .bytes()
        .take(LONGEST_ENTITY)
        .take_while(|byte| char::from(*byte).is_digit(radix))
        .count();
    let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
    let end = usize::from(digits.as_bytes().get(length) == Some(&b';'));
    let prefix = number.len().saturating_sub(digits.len());
    Some((
        char::from_u32(code)?,
        prefix.saturating_add(length).saturating_add(end),
    ))
}

/// The names that every reader of HTML or XML knows. Accents go, as they go from every letter.
fn named(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "apos" => '\'',
        "gt" => '>',
        "lt" => '<',
        "quot" => '"',
        "nbsp" => ' ',
        "shy" => '\u{ad}',
        "zwj" => '\u{200d}',
        "zwnj" => '\u{200c}',
        "szlig" => 'ß',
        "aelig" => 'æ',
        "AElig" => 'Æ',
        "commat" => '@',
        "period" => '.',
        _ => {
            let letter = name.chars().next().filter(char::is_ascii_alphabetic)?;
            let accents = [
                "acute", "caron", "cedil", "circ", "grave", "ring", "slash", "tilde", "uml",
            ];
            accents.contains(&name.get(1..)?).then_some(letter)?
        }
    })
}
