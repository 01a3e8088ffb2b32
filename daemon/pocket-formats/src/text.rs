//! From the bytes of a file to its text.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::Remark;

/// A file's text.
pub(crate) struct Text {
    /// The text, without byte order mark. Line ends are as the file has them.
    pub(crate) text: String,
    /// What the owner should know of how it was read.
    pub(crate) remark: Option<Remark>,
}

/// Decodes UTF-8; UTF-16 with a byte order mark; anything else as Windows-1252, the superset of
/// Latin-1 that old programs wrote. `None` when the bytes are no text: they hold NUL bytes or
/// broken UTF-16.
pub(crate) fn decode(bytes: &[u8]) -> Option<Text> {
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return utf_16(UTF_16LE, rest);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return utf_16(UTF_16BE, rest);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(text) = UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
        let text = text.into_owned();
        return Some(Text { text, remark: None });
    }
    if bytes.contains(&0) {
        return None;
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    Some(Text {
        text: text.into_owned(),
        remark: Some(Remark::Latin),
    })
}

fn utf_16(encoding: &'static encoding_rs::Encoding, bytes: &[u8]) -> Option<Text> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(Text {
        text: text.into_owned(),
        remark: Some(Remark::Utf16),
    })
}

/// The longest beginning of `text` that has at most `most` bytes and ends between characters.
pub(crate) fn cut(text: &str, most: usize) -> &str {
    let most = most.min(text.len());
    (0..=most)
        .rev()
        .find_map(|end| text.get(..end))
        .unwrap_or_default()
}

/// The name of the file at `path`, without folders.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The name of the file at `path`, without folders and extension.
pub(crate) fn stem(path: &str) -> &str {
    let name = file_name(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// Whether two texts are the same but for the case of their ASCII letters.
pub(crate) fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<(String, bool)> {
        decode(bytes).map(|text| (text.text, text.remark.is_some()))
    }

    #[test]
    fn each_encoding_is_read_and_binary_is_refused() {
        assert_eq!(read("é\r\n".as_bytes()), Some(("é\r\n".to_owned(), false)));
        assert_eq!(read(b"\xef\xbb\xbfa"), Some(("a".to_owned(), false)));
        assert_eq!(read(b"\xff\xfee\x00\xe9\x00"), Some(("eé".to_owned(), true)));
        assert_eq!(read(b"\xfe\xff\x00e\x00\xe9"), Some(("eé".to_owned(), true)));
        assert_eq!(read(b"caf\xe9 \x80"), Some(("café €".to_owned(), true)));
        assert_eq!(read(b"\xff\xfe\x00\xd8"), None);
        assert_eq!(read(b"\xe9\x00\x01"), None);
    }

    #[test]
    fn stems_are_found_on_any_path() {
        assert_eq!(stem("a/b.c/d.e.md"), "d.e");
        assert_eq!(stem(".hidden"), ".hidden");
        assert_eq!(stem("a\\b.txt"), "b");
        assert_eq!(cut("aé", 2), "a");
    }
}
