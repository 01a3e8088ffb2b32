//! File names that every system takes, out of texts that people wrote.

use crate::text::cut;

/// `text` as one part of a path, of at most `most` bytes: no separators, no control or invisible
/// direction marks, no leading dot, no trailing dot or space, no device name of Windows, not empty.
pub(crate) fn safe_part(text: &str, most: usize) -> String {
    let safe: String = text
        .chars()
        .map(|next| if is_unsafe(next) { '-' } else { next })
        .collect();
    let safe = trim(&safe);
    let safe = trim(cut(safe, most));
    if safe.is_empty() {
        "untitled".to_owned()
    } else if is_device(safe) {
        format!("_{}", trim(cut(safe, most.saturating_sub(1))))
    } else {
        safe.to_owned()
    }
}

/// `name` with `.extension`, of at most `most` bytes, and `mark` between the two.
pub(crate) fn with_extension(stem: &str, mark: &str, extension: &str, most: usize) -> String {
    let room = most.saturating_sub(mark.len() + 1 + extension.len());
    format!("{}{mark}.{extension}", safe_part(stem, room))
}

fn trim(text: &str) -> &str {
    text.trim_start_matches(|next: char| next == '.' || next.is_whitespace())
        .trim_end_matches(|next: char| next == '.' || next.is_whitespace())
}

fn is_unsafe(next: char) -> bool {
    next.is_control()
        || matches!(next, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(next, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Names that Windows keeps for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_ascii_uppercase();
    let numbered = |device: &str| {
        let number = stem.strip_prefix(device).unwrap_or_default();
        number.len() == 1 && number.bytes().all(|digit| digit.is_ascii_digit())
    };
    matches!(
        stem.as_str(),
        "AUX" | "CON" | "CONIN$" | "CONOUT$" | "NUL" | "PRN"
    ) || numbered("COM")
        || numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_everywhere() {
        for (text, name) in [
            ("Garden plan", "Garden plan"),
            ("../../etc/passwd", "-..-etc-passwd"),
            ("..", "untitled"),
            (" .hidden. ", "hidden"),
            ("a/b\\c:d", "a-b-c-d"),
            ("con", "_con"),
            ("Com1.notes", "_Com1.notes"),
            ("console", "console"),
            ("x\u{202e}dm.exe", "x-dm.exe"),
            ("", "untitled"),
        ] {
            assert_eq!(safe_part(text, 100), name, "{text}");
        }
        assert_eq!(safe_part(&"é".repeat(100), 21), "é".repeat(10));
        let long = with_extension(&"x".repeat(300), " 0123", "md", 100);
        assert_eq!(long.len(), 100);
        assert!(long.ends_with(" 0123.md"));
    }
}
