//! Describing a file that is kept as it is.

use mime_guess::mime;
use pocket_core::Document;

use crate::fit::Fitter;
use crate::text::file_name;

/// Longest file whose text goes into the record as well: 1 MiB.
const MAX_TEXT: usize = 1024 * 1024;
/// Longest path that a record takes, in bytes.
const MAX_PATH: usize = 1024;

/// Describes the document at `path` (relative, with `/`): its name, media type and path, and its
/// text when it is plain text of at most 1 MiB in UTF-8. `size` is the length of the whole file in
/// bytes, `head` its beginning: the text is only taken when `head` is all of it. The bytes
/// themselves are uploaded apart.
pub fn document(path: &str, size: u64, head: &[u8]) -> Document {
    let mut fitter = Fitter::default();
    let name = match fitter.line(file_name(path)) {
        name if name.is_empty() => "document".to_owned(),
        name => name,
    };
    let whole = u64::try_from(head.len()) == Ok(size);
    let text = whole.then(|| plain_text(&name, head)).flatten();
    let media_type = match media_type(&name, head) {
        Some(media_type) => media_type,
        None if text.is_some() => "text/plain".to_owned(),
        None => "application/octet-stream".to_owned(),
    };
    let has_line_break = path.contains(['\n', '\r', '\0']);
    Document {
        name,
        media_type,
        path: if path.len() > MAX_PATH || has_line_break {
            String::new()
        } else {
            path.to_owned()
        },
        text: text.unwrap_or_default(),
        ..Document::default()
    }
}

fn media_type(name: &str, head: &[u8]) -> Option<String> {
    let by_name = mime_guess::from_path(name).first_raw().map(str::to_owned);
    by_name.or_else(|| by_first_bytes(head).map(str::to_owned))
}

/// The few kinds that commonly lose their extension.
fn by_first_bytes(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 6] = [
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"PK\x03\x04", "application/zip"),
        (b"OggS", "audio/ogg"),
    ];
    KNOWN
        .into_iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, media_type)| media_type)
}

/// The text of a file that is nothing but text. Markup is left to whoever extracts text from it.
fn plain_text(name: &str, bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_TEXT || bytes.contains(&0) || by_first_bytes(bytes).is_some() {
        return None;
    }
    let guess = mime_guess::from_path(name).first();
    let is_plain = guess.is_none_or(|kind| {
        (kind.type_() == mime::TEXT && kind.subtype() != mime::HTML && kind.subtype() != mime::XML)
            || kind.subtype() == mime::JSON
    });
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    is_plain
        .then(|| std::str::from_utf8(bytes).ok())
        .flatten()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_described_and_plain_text_is_taken_in() {
        for (path, bytes, media_type, has_text) in [
            ("a/readme.txt", b"hello".as_slice(), "text/plain", true),
            ("a/table.csv", b"1,2", "text/csv", true),
            ("LICENSE", b"Permission is", "text/plain", true),
            ("page.html", b"<p>", "text/html", false),
            ("scan", b"%PDF-1.7", "application/pdf", false),
            ("latin.txt", b"caf\xe9", "text/plain", false),
            ("blob", b"\x00\x01", "application/octet-stream", false),
        ] {
            let size = u64::try_from(bytes.len()).unwrap();
            let document = document(path, size, bytes);
            assert_eq!(document.media_type, media_type, "{path}");
            assert_eq!(!document.text.is_empty(), has_text, "{path}");
            assert_eq!(document.path, path);
            assert_eq!(document.name, file_name(path));
        }
        assert!(document("a.txt", 100, b"only the head").text.is_empty());
        assert_eq!(document("", 0, b"").name, "document");
    }
}
