//! A text as it is read: folded, so that the many ways to write one thing look alike, with the way back
//! to the bytes that were written.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use zeroize::Zeroize;

use crate::decode;
use crate::visible::{self, is_hidden};

/// One letter of the folded text. A letter that folds to two (`ß`) is there twice, with the same bytes.
#[derive(Zeroize)]
struct Letter {
    /// Without accent and case.
    small: char,
    /// Without accent.
    plain: char,
    start: u32,
    end: u32,
}

/// Longest word that is looked at, in letters: what reads to the end of a word from many places of it must
/// not read all of a text each time.
const LONGEST_WORD: usize = 128;

/// A folded text. Wiped when it is dropped.
pub(crate) struct View {
    letters: Vec<Letter>,
    /// How many letters were looked at: what grows faster than the text is an attack waiting to happen.
    #[cfg(test)]
    pub(crate) looks: std::cell::Cell<usize>,
}

impl Drop for View {
    fn drop(&mut self) {
        self.letters.zeroize();
    }
}

impl View {
    /// Reads `text`, which has less than 4 GiB.
    pub(crate) fn of(text: &str) -> Self {
        let mut view = Self::empty();
        view.letters.reserve_exact(text.len());
        view.add_all(text, 0..text.len());
        view.unmask();
        view
    }

    /// Reads `text` as [`decode`] puts it together, if that differs from how it is written.
    pub(crate) fn decoded(text: &str) -> Option<Self> {
        let mut view = Self::empty();
        let (mut at, mut copied, mut before) = (0, 0, '\0');
        while let Some(letter) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let piece = decode::read(before, text.get(at..).unwrap_or_default());
            match piece {
                Some(piece) => {
                    view.add_all(text, copied..at);
                    copied = at.saturating_add(piece.length);
                    if let Some(letter) = piece.letter {
                        view.add(letter, at, piece.length);
                        before = letter;
                    }
                    at = copied;
                }
                None => {
                    before = letter;
                    at = at.saturating_add(letter.len_utf8());
                }
            }
        }
        if copied == 0 {
            return None;
        }
        view.add_all(text, copied..at);
        view.unmask();
        Some(view)
    }

    /// How many letters there are.
    pub(crate) const fn len(&self) -> usize {
        self.letters.len()
    }

    /// A letter without accent and case; U+0000 beyond the end.
    pub(crate) fn small(&self, at: usize) -> char {
        #[cfg(test)]
        self.looks.set(self.looks.get() + 1);
        self.letters.get(at).map_or('\0', |letter| letter.small)
    }

    /// A letter without accent; U+0000 beyond the end.
    pub(crate) fn plain(&self, at: usize) -> char {
        self.letters.get(at).map_or('\0', |letter| letter.plain)
    }

    /// The letter before, without accent and case; U+0000 at the beginning.
    pub(crate) fn before(&self, at: usize) -> char {
        at.checked_sub(1).map_or('\0', |before| self.small(before))
    }

    /// Whether a word begins here.
    pub(crate) fn begins_word(&self, at: usize) -> bool {
        is_word(self.small(at)) && !is_word(self.before(at))
    }

    /// Whether no word goes on here.
    pub(crate) fn ends_word(&self, at: usize) -> bool {
        !is_word(self.small(at)) || !is_word(self.before(at))
    }

    /// Where the word ends that goes on at `at`, after [`LONGEST_WORD`] letters at the latest.
    pub(crate) fn word_end(&self, at: usize) -> usize {
        let end = at.saturating_add(LONGEST_WORD).min(self.len());
        let rest = self.letters.get(at..end).unwrap_or_default();
        let length = rest.iter().position(|letter| !is_word(letter.small));
        #[cfg(test)]
        self.looks.set(self.looks.get() + length.unwrap_or(rest.len()));
        at.saturating_add(length.unwrap_or(rest.len()))
    }

    /// The first place from `at` on whose letter is not one of `such`.
    pub(crate) fn skip(&self, at: usize, such: fn(char) -> bool) -> usize {
        let rest = self.letters.get(at..).unwrap_or_default();
        let length = rest.iter().position(|letter| !such(letter.small));
        #[cfg(test)]
        self.looks.set(self.looks.get() + length.unwrap_or(rest.len()));
        at.saturating_add(length.unwrap_or(rest.len()))
    }

    /// The first place up to `at` from which on all letters are `such`, at most `most` of them.
    pub(crate) fn skip_back(&self, at: usize, most: usize, such: fn(char) -> bool) -> usize {
        let begin = at.saturating_sub(most);
        let before = self.letters.get(begin..at).unwrap_or_default();
        let length = before.iter().rev().position(|letter| !such(letter.small));
        at.saturating_sub(length.unwrap_or(before.len()))
    }

    /// The end of a web address that was read up to `end`: signs behind it belong to the sentence.
    pub(crate) fn skip_back_to_word(&self, end: usize, from: usize) -> usize {
        let mut end = end;
        while end > from
            && matches!(
                self.before(end),
                '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '\'' | '*' | '_'
            )
        {
            end -= 1;
        }
        end
    }

    /// Whether the folded text goes on with `word`, which is folded.
    pub(crate) fn has(&self, at: usize, word: &str) -> bool {
        word.chars()
            .enumerate()
            .all(|(index, letter)| self.small(at.saturating_add(index)) == letter)
    }

    /// Whether the text goes on with `word`, case included.
    pub(crate) fn has_plain(&self, at: usize, word: &str) -> bool {
        word.chars()
            .enumerate()
            .all(|(index, letter)| self.plain(at.saturating_add(index)) == letter)
    }

    /// The letters of a range, without accent and case.
    pub(crate) fn text(&self, range: Range<usize>) -> String {
        let letters = self.letters.get(range).unwrap_or_default();
        #[cfg(test)]
        self.looks.set(self.looks.get() + letters.len());
        letters.iter().map(|letter| letter.small).collect()
    }

    /// The letters of a range, without accent.
    pub(crate) fn plain_text(&self, range: Range<usize>) -> String {
        let letters = self.letters.get(range).unwrap_or_default();
        letters.iter().map(|letter| letter.plain).collect()
    }

    /// The bytes of the original in which a range stands.
    pub(crate) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        let letters = self.letters.get(range.clone()).unwrap_or_default();
        match (letters.first(), letters.last()) {
            (Some(first), Some(last)) => place(first.start)..place(last.end),
            _ => 0..0,
        }
    }

    /// The letters that stand in these bytes of the original.
    pub(crate) fn letters_in(&self, bytes: &Range<usize>) -> Range<usize> {
        let first = |at: usize| self.letters.partition_point(|letter| place(letter.start) < at);
        first(bytes.start)..first(bytes.end)
    }

    const fn empty() -> Self {
        Self {
            letters: Vec::new(),
            #[cfg(test)]
            looks: std::cell::Cell::new(0),
        }
    }

    fn add_all(&mut self, text: &str, bytes: Range<usize>) {
        let from = bytes.start;
        for (at, letter) in text.get(bytes).unwrap_or_default().char_indices() {
            self.add(letter, from.saturating_add(at), letter.len_utf8());
        }
    }

    /// Adds a letter that stands in `length` bytes from `start` on.
    fn add(&mut self, letter: char, start: usize, length: usize) {
        let (start, end) = (offset(start), offset(start.saturating_add(length)));
        fold(letter, &mut |plain, small| {
            self.letters.push(Letter {
                small,
                plain,
                start,
                end,
            });
        });
    }

    /// Turns letters of other scripts that look like Latin ones into those, in words that mix scripts.
    fn unmask(&mut self) {
        let mut at = 0;
        while at < self.letters.len() {
            let end = self.skip(at, |letter| letter.is_alphanumeric()).max(at + 1);
            let word = self.letters.get_mut(at..end).unwrap_or_default();
            let latin = word.iter().any(|letter| letter.small.is_ascii_alphabetic());
            if latin && word.iter().any(|letter| !letter.small.is_ascii()) {
                for letter in word {
                    letter.small = looks_like(letter.small);
                    letter.plain = looks_like(letter.plain);
                }
            }
            at = end;
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// What words are made of: letters, digits, and the vowel signs of Indic scripts.
pub(crate) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '\u{900}'..='\u{dff}' | '\u{e31}'..='\u{e4e}')
}

/// Letters of scripts that put no spaces between words.
pub(crate) const fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
        | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// A text folded as a view folds it.
pub(crate) fn folded(text: &str) -> String {
    let view = View::of(text);
    view.text(0..view.len())
}

/// Gives each letter that `letter` folds to, without accent, and without accent and case.
fn fold(letter: char, visit: &mut dyn FnMut(char, char)) {
    if is_invisible(letter) {
        return;
    }
    let letter = visible::control(letter).unwrap_or(letter);
    if letter.is_ascii() {
        let plain = if letter == '\r' || letter == '\t' {
            ' '
        } else {
            letter
        };
        return visit(plain, plain.to_ascii_lowercase());
    }
    if let Some(sign) = sign(letter) {
        return visit(sign, sign);
    }
    if matches!(letter, '\u{ac00}'..='\u{d7a3}') {
        // Syllables of Hangul stay whole: taken apart, every name would be three times as long.
        return visit(letter, letter);
    }
    decompose_compatible(letter, |part| {
        let part = sign(part).unwrap_or(part);
        if is_combining_mark(part) && !matches!(part, '\u{900}'..='\u{dff}') || is_invisible(part) {
            return;
        }
        spell(part, visit);
    });
}

/// One letter in the place of the several that mean it, in both cases.
fn spell(letter: char, visit: &mut dyn FnMut(char, char)) {
    let two = |first: char, second: char, visit: &mut dyn FnMut(char, char)| {
        let upper = letter.is_uppercase();
        let shown = |c: char| if upper { c.to_ascii_uppercase() } else { c };
        visit(shown(first), first);
        visit(shown(second), second);
    };
    match letter {
        'ß' | 'ẞ' => two('s', 's', visit),
        'æ' | 'Æ' => two('a', 'e', visit),
        'œ' | 'Œ' => two('o', 'e', visit),
        'þ' | 'Þ' => two('t', 'h', visit),
        'ø' => visit('o', 'o'),
        'Ø' => visit('O', 'o'),
        'đ' | 'ð' => visit('d', 'd'),
        'Đ' | 'Ð' => visit('D', 'd'),
        'ł' => visit('l', 'l'),
        'Ł' => visit('L', 'l'),
        'ı' => visit('i', 'i'),
        'ς' => visit('σ', 'σ'),
        'ى' | 'ی' => visit('ي', 'ي'),
        'ک' => visit('ك', 'ك'),
        _ => {
            let digit = digit(letter);
            let plain = digit.unwrap_or(letter);
            visit(plain, plain.to_lowercase().next().unwrap_or(plain));
        }
    }
}

/// Digits of other scripts, which stand in blocks of ten.
fn digit(letter: char) -> Option<char> {
    const ZEROS: [u32; 22] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
        0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0xff10,
    ];
    let code = u32::from(letter);
    let value = ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10));
    value.and_then(|value| char::from_digit(value, 10))
}

/// Signs and spaces that stand for one of ASCII.
const fn sign(letter: char) -> Option<char> {
    Some(match letter {
        '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}'
        | '\u{2800}' => ' ',
        '\u{2010}'..='\u{2015}'
        | '\u{2212}'
        | '\u{2043}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}'
        | '\u{2e3a}' => '-',
        '\u{b7}' | '\u{2024}' | '\u{3002}' | '\u{ff61}' | '\u{ff0e}' | '\u{2219}' | '\u{22c5}'
        | '\u{6d4}' => '.',
        '\u{2018}'..='\u{201b}' | '\u{2bc}' | '\u{2b9}' | '\u{60}' | '\u{b4}' | '\u{2032}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2033}' => '"',
        '\u{2236}' | '\u{a789}' | '\u{2d0}' => ':',
        '\u{2044}' | '\u{2215}' | '\u{29f8}' => '/',
        '\u{3001}' | '\u{60c}' | '\u{66b}' => ',',
        _ => return None,
    })
}

/// What a word is the same without: what shows nothing, and what makes an Arabic one longer.
const fn is_invisible(letter: char) -> bool {
    is_hidden(letter) || letter == '\u{640}'
}

/// The Latin letter that one of Cyrillic or Greek is taken for.
const fn looks_like(letter: char) -> char {
    match letter {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'н' => 'h',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' => 'u',
        'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'С' => 'C',
        'Е' | 'Ε' => 'E',
        'Н' | 'Η' => 'H',
        'І' | 'Ι' => 'I',
        'Ј' => 'J',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'О' | 'Ο' => 'O',
        'Р' | 'Ρ' => 'P',
        'Ѕ' => 'S',
        'Т' | 'Τ' => 'T',
        'Х' | 'Χ' => 'X',
        'У' | 'Υ' => 'Y',
        'Ζ' => 'Z',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ways_to_write_one_thing_look_alike() {
        for (written, read) in [
            ("Ünïcode Straße", "unicode strasse"),
            ("０１７１ ٠١٢٣ ۴۵ ०१", "0171 0123 45 01"),
            ("a\u{200b}b\u{ad}c\u{a0}d\u{202f}e", "abc d e"),
            ("x＠y．z", "x@y.z"),
            ("1\u{2013}2\u{2212}3", "1-2-3"),
            ("pаypаl", "paypal"),
            ("Анна", "анна"),
            ("ÆØÅ Łódź", "aeoa lodz"),
            ("김민수", "김민수"),
            ("a\u{e0068}b\u{fff9}c\u{fffa}d\u{fffb}e\u{1bca0}f\0g", "abcdefg"),
            ("a\u{c}b\u{1f}c\u{85}d", "a\nb c\nd"),
        ] {
            assert_eq!(folded(written), read, "{written}");
        }
    }

    #[test]
    fn there_is_a_way_back_to_the_bytes() {
        let view = View::of("x ß\u{200b}é y");
        assert_eq!(view.text(0..view.len()), "x sse y");
        assert_eq!(view.bytes(&(2..3)), 2..4);
        assert_eq!(view.bytes(&(4..5)), 7..9);
        assert_eq!(view.bytes(&(9..12)), 0..0);
    }

    #[test]
    fn entities_and_broken_words_are_read_as_what_they_stand_for() {
        let decoded = |text: &str| View::decoded(text).map(|view| view.text(0..view.len()));
        for (written, read) in [
            ("Anne&#103;ret &#x4D;oos&#98ichler", "annegret moosbichler"),
            ("a&amp;lt;b &quot;&commat;&Uuml;&szlig;", "a&lt;b \"@uss"),
            ("Anne-\ngret Moos\u{ad}\r\n> bichler", "annegret moosbichler"),
            ("&#45;-\n&#97;", "--\na"),
        ] {
            assert_eq!(decoded(written).as_deref(), Some(read), "{written}");
        }
        for text in [
            "a - b-1-\n2",
            "-----BEGIN\n-----\nMII",
            "AT&T; &#xd800; &nosuch;",
            "x-",
            "&#",
            "&",
            "a-\n",
        ] {
            assert_eq!(decoded(text), None, "{text}");
        }
        let view = View::decoded("x &#103;y").expect("an entity");
        assert_eq!(view.bytes(&(2..3)), 2..8);
        assert_eq!(View::of("x &#103;y").letters_in(&(2..8)), 2..8);
    }
}
