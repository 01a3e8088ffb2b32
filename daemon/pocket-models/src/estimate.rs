//! About how much a question is, in tokens.

/// Tokens of one picture: the most that 1568 x 1568 pixels are at 750 pixels a token, Anthropic's own rule of
/// thumb; other providers count fewer.
const PICTURE: u64 = 3_300;
/// Tokens around a message: roles and separators.
const AROUND: u64 = 16;

/// About how many tokens a text and pictures are, from above. A tokenizer makes one token of two to five
/// letters, but a digit, a sign or a character of most other scripts may be one by itself.
pub fn estimate(text: &str, pictures: usize) -> u64 {
    let (mut letters, mut others) = (0_u64, 0_u64);
    for c in text.chars() {
        match c {
            'a'..='z' | 'A'..='Z' | ' ' | '\n' => letters += 1,
            c if c.len_utf8() < 4 => others += 1,
            _ => others += 3,
        }
    }
    let pictures = u64::try_from(pictures)
        .unwrap_or(u64::MAX)
        .saturating_mul(PICTURE);
    pictures.saturating_add(letters.div_ceil(3) + others + AROUND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_lies_above_what_tokenizers_count_and_not_far() {
        // counted with OpenAI's o200k_base or cl100k_base, whichever makes more
        for (text, counted) in [
            ("The quick brown fox jumps over the lazy dog.", 10),
            ("tiktoken is great!", 6),
            ("2 + 2 = 4", 7),
            ("antidisestablishmentarianism", 6),
            ("お誕生日おめでとう", 9),
            ("\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f466}", 8),
        ] {
            let bare = estimate(text, 0) - AROUND;
            assert!((counted..=3 * counted).contains(&bare), "{text}: {bare}");
        }
        assert!(estimate(&"word ".repeat(1000), 0) < 2500);
    }

    #[test]
    fn pictures_count_and_nothing_overflows() {
        assert_eq!(estimate("", 2) - estimate("", 0), 2 * PICTURE);
        assert_eq!(estimate("a", usize::MAX), u64::MAX);
    }
}
