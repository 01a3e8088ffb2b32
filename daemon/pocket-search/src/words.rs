//! Text to words: cut by Unicode's rules (UAX 29), folded so that case, accents and the many ways to
//! write one letter make no difference, and in pairs where a script puts no spaces between words.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Longest word in bytes: what is longer (a hash, a picture in Base64) is cut.
pub(crate) const LONGEST: usize = 64;

/// Gives every word of `text` to `visit`, folded, with the bytes of `text` that it stands in. In
/// scripts without spaces each letter comes as a pair with the next one; the last of a run comes alone
/// too, when `lone` says so or when the run is no longer.
pub(crate) fn for_each_word(text: &str, lone: bool, visit: &mut dyn FnMut(&str, Range<usize>)) {
    let mut folded = String::new();
    let mut run = Run::default();
    for (start, word) in text.unicode_word_indices() {
        for piece in pieces(word) {
            let range = start + piece.start..start + piece.end;
            let part = word.get(piece).unwrap_or_default();
            let mut letters = part.chars();
            if letters.next().is_some_and(is_unspaced) {
                run.push(text, range, lone, visit);
                continue;
            }
            run.end(text, lone, visit);
            fold(part, &mut folded);
            if !folded.is_empty() {
                visit(&folded, range);
            }
        }
    }
    run.end(text, lone, visit);
}

/// The words of `text`, folded, as a query has them.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for_each_word(text, false, &mut |word, _| words.push(word.to_owned()));
    words
}

/// Letters that stand without spaces between them.
#[derive(Default)]
struct Run {
    /// The letter before, and how many there were.
    last: Option<Range<usize>>,
    length: usize,
}

impl Run {
    fn push(
        &mut self,
        text: &str,
        range: Range<usize>,
        lone: bool,
        visit: &mut dyn FnMut(&str, Range<usize>),
    ) {
        if self.last.as_ref().is_some_and(|last| last.end != range.start) {
            self.end(text, lone, visit);
        }
        let base = range.start;
        let letters = text.get(range).unwrap_or_default();
        for (at, letter) in letters.char_indices() {
            let here = base + at..base + at + letter.len_utf8();
            if let Some(last) = self.last.replace(here.clone()) {
                tell(text, last.start..here.end, visit);
            }
            self.length += 1;
        }
    }

    fn end(&mut self, text: &str, lone: bool, visit: &mut dyn FnMut(&str, Range<usize>)) {
        if let Some(last) = self.last.take().filter(|_| lone || self.length == 1) {
            tell(text, last, visit);
        }
        self.length = 0;
    }
}

fn tell(text: &str, range: Range<usize>, visit: &mut dyn FnMut(&str, Range<usize>)) {
    let mut folded = String::new();
    fold(text.get(range.clone()).unwrap_or_default(), &mut folded);
    if !folded.is_empty() {
        visit(&folded, range);
    }
}

/// The parts of a word between signs, as in `l'eau`, `snake_case`, `example.org`. Numbers stay whole.
fn pieces(word: &str) -> impl Iterator<Item = Range<usize>> {
    let number = word
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b',');
    let mut start = None;
    let mut letters = word.char_indices();
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        for (at, letter) in letters.by_ref() {
            let within = number || letter.is_alphanumeric() || is_mark(letter) || !letter.is_ascii();
            match (within, start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    start = None;
                    return Some(from..at);
                }
                _ => {}
            }
        }
        ended = true;
        start.take().map(|from| from..word.len())
    })
}

/// Writes `word` folded into `out`.
pub(crate) fn fold(word: &str, out: &mut String) {
    out.clear();
    if word.is_ascii() {
        out.extend(
            word.chars()
                .filter(|letter| *letter != ',')
                .take(LONGEST)
                .map(|letter| letter.to_ascii_lowercase()),
        );
        return;
    }
    for letter in word.nfkd() {
        if letter == '\u{306}' && out.ends_with('и') {
            // Cyrillic й is a letter of its own: endings depend on it.
            out.pop();
            out.push('й');
        } else if !is_mark(letter) && letter != '\u{640}' {
            letter.to_lowercase().for_each(|small| push(small, out));
        }
        if out.len() >= LONGEST {
            break;
        }
    }
    strip_arabic_article(out);
}

/// One letter for the several that mean it.
fn push(letter: char, out: &mut String) {
    match letter {
        'ß' => out.push_str("ss"),
        'æ' => out.push_str("ae"),
        'œ' => out.push_str("oe"),
        'þ' => out.push_str("th"),
        'ø' => out.push('o'),
        'đ' | 'ð' => out.push('d'),
        'ł' => out.push('l'),
        'ı' => out.push('i'),
        'ς' => out.push('σ'),
        'ى' | 'ی' => out.push('ي'),
        'ة' => out.push('ه'),
        'ک' => out.push('ك'),
        'ٱ' => out.push('ا'),
        _ if is_mark(letter) => {}
        _ => out.push(letter),
    }
}

/// The article is written onto the Arabic word: without it a word is found in both forms.
fn strip_arabic_article(word: &mut String) {
    const ARTICLES: [&str; 6] = ["وال", "بال", "كال", "فال", "ال", "لل"];
    let bare = ARTICLES.iter().find_map(|article| word.strip_prefix(article));
    if let Some(bare) = bare.filter(|bare| bare.chars().count() >= 3) {
        *word = bare.to_owned();
    }
}

/// Accents, vowel points and the like, which are often left out. Vowel signs of Indic scripts stay.
const fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c2}' | '\u{5c4}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6dc}'
        | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// Letters of scripts that put no spaces between words: Han, Hiragana, Thai, Lao, Khmer, Burmese.
pub(crate) const fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{309f}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}'
        | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_and_folded() {
        assert_eq!(words("L'Été, Straße & ØRSTED"), ["l", "ete", "strasse", "orsted"]);
        assert_eq!(
            words("snake_case a.b@example.org"),
            ["snake", "case", "a", "b", "example", "org"]
        );
        assert_eq!(words("1,234.50 km"), ["1234.50", "km"]);
        assert_eq!(words("Чёрный"), ["черный"]);
        assert_eq!(words("الكِتابُ"), words("كتاب"));
    }

    #[test]
    fn scripts_without_spaces_come_in_pairs() {
        assert_eq!(words("東京都"), ["東京", "京都"]);
        assert_eq!(words("猫"), ["猫"]);
        let mut all = Vec::new();
        for_each_word("東京 cat", true, &mut |word, range| {
            all.push((word.to_owned(), range))
        });
        let spans: Vec<_> = all
            .iter()
            .map(|(word, range)| (word.as_str(), range.clone()))
            .collect();
        assert_eq!(spans, [("東京", 0..6), ("京", 3..6), ("cat", 7..10)]);
    }

    #[test]
    fn a_span_is_always_a_piece_of_the_text() {
        for text in [
            "",
            "ß İ 漢ก้",
            "a\u{301}b_c",
            "\u{5d0}\u{5b0}",
            "🏴 x",
            "ﬁne",
            "한국어를",
        ] {
            for_each_word(text, true, &mut |word, range| {
                assert!(text.get(range).is_some() && !word.is_empty());
            });
        }
    }
}
