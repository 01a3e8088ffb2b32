//! What of a text can be seen. What shows nothing can carry a message that nobody reads, so nothing of it
//! leaves but where a script or an emoji needs it.

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';

/// What shows nothing by itself: Unicode's default-ignorable characters (tags, zero-width letters,
/// directions, variants), those of annotations, and controls that break no line.
pub(crate) const fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{8}' | '\u{e}'..='\u{1b}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// What a control does that ends a line or a field.
pub(crate) const fn control(letter: char) -> Option<char> {
    match letter {
        '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\u{1c}'..='\u{1f}' => Some(' '),
        _ => None,
    }
}

/// Appends to `result` what can be seen of `text`.
pub(crate) fn push(text: &str, result: &mut String) {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if is_hidden(letter) {
            let before = result.chars().next_back().unwrap_or_default();
            let behind = letters.peek().copied().unwrap_or_default();
            if !is_needed(before, letter, behind) {
                continue;
            }
        }
        result.push(control(letter).unwrap_or(letter));
    }
}

/// Whether what stands around a hidden letter is written or drawn otherwise without it.
fn is_needed(before: char, letter: char, behind: char) -> bool {
    match letter {
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER if is_joining(before) => {
            is_joining(behind) || is_virama(before)
        }
        ZERO_WIDTH_JOINER => (is_emoji(before) || before == '\u{fe0f}') && is_emoji(behind),
        '\u{fe0e}' | '\u{fe0f}' => {
            is_emoji(before) || behind == KEYCAP && matches!(before, '0'..='9' | '#' | '*')
        }
        '\u{180b}'..='\u{180d}' => is_mongolian(before),
        '\u{180e}' => is_mongolian(before) && is_mongolian(behind),
        _ => false,
    }
}

/// Scripts whose letters join: the Arabic ones, and those of India and their relatives.
fn is_joining(letter: char) -> bool {
    let script = matches!(letter,
        '\u{620}'..='\u{65f}' | '\u{66e}'..='\u{6d3}' | '\u{6d5}'..='\u{8ff}' | '\u{900}'..='\u{dff}'
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}' | '\u{1820}'..='\u{18aa}'
        | '\u{1b00}'..='\u{1b4b}' | '\u{a840}'..='\u{aaff}' | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{10fff}' | '\u{11000}'..='\u{11fff}');
    script && !letter.is_numeric()
}

/// The sign by which letters of India lose their vowel; a joiner behind it chooses the form, also at the
/// end of a word.
const fn is_virama(letter: char) -> bool {
    matches!(
        letter,
        '\u{94d}'
            | '\u{9cd}'
            | '\u{a4d}'
            | '\u{acd}'
            | '\u{b4d}'
            | '\u{bcd}'
            | '\u{c4d}'
            | '\u{ccd}'
            | '\u{d4d}'
            | '\u{dca}'
    )
}

const fn is_mongolian(letter: char) -> bool {
    matches!(letter, '\u{1820}'..='\u{18aa}')
}

/// Signs that are drawn in colour, and the colours of skin.
const fn is_emoji(letter: char) -> bool {
    matches!(letter,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2934}' | '\u{2935}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible(text: &str) -> String {
        let mut result = String::new();
        push(text, &mut result);
        result
    }

    #[test]
    fn what_shows_nothing_is_dropped() {
        for (written, seen) in [
            ("a\u{e0068}\u{e0069}\u{e007f}b", "ab"),
            ("\u{fff9}a\u{fffa}b\u{fffb}", "ab"),
            ("a\u{200b}b\u{200c}c\u{200d}d\u{2060}\u{feff}\u{ad}", "abcd"),
            ("\u{202e}ab\u{202c}\u{2066}c\u{2069}\u{200e}\u{61c}", "abc"),
            ("a\u{fe0f}b\u{e0101}1\u{fe0f}", "ab1"),
            ("a\0b\u{1b}[1m\u{7f}\u{9b}", "ab[1m"),
            ("a\u{c}b\u{1f}c\u{2028}d\te\r\n", "a\nb c\nd\te\r\n"),
            ("☺\u{fe0f}\u{fe0f}\u{fe0e}\u{200d}\u{200d}x", "☺\u{fe0f}x"),
        ] {
            assert_eq!(visible(written), seen, "{written:?}");
        }
    }

    #[test]
    fn what_a_script_or_an_emoji_needs_stays() {
        for text in [
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "ക\u{d4d}\u{200d} ",
            "👩\u{200d}👩\u{200d}👧",
            "🏳\u{fe0f}\u{200d}🌈",
            "👩🏽\u{200d}🚀",
            "1\u{fe0f}\u{20e3} ☺\u{fe0f}",
            "ᠠ\u{180b}ᠡ",
        ] {
            assert_eq!(visible(text), text, "{text:?}");
        }
    }
}
