//! Of what format a file is: by its bytes first, by its name where many formats are but text.

use std::io::Cursor;

use pocket_core::FileHead;
use zip::ZipArchive;

/// How far into a file a PDF may begin, as its readers have always allowed.
const PDF_HEAD: usize = 1024;

/// A format that is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Epub,
    Excel,
    Html,
    OpenDocument,
    Pdf,
    /// A picture, of whatever kind.
    Picture,
    PowerPoint,
    Rtf,
    /// Anything else: perhaps text.
    Text,
    Word,
    /// An archive of no kind that is read.
    Zip,
}

impl Kind {
    pub(crate) fn of(head: &FileHead, bytes: &[u8]) -> Self {
        let first = bytes.get(..PDF_HEAD).unwrap_or(bytes);
        if first.windows(5).any(|window| window == b"%PDF-") {
            Self::Pdf
        } else if bytes.starts_with(b"PK\x03\x04") {
            in_zip(bytes)
        } else if bytes.starts_with(b"{\\rtf") {
            Self::Rtf
        } else if image::guess_format(bytes).is_ok() {
            Self::Picture
        } else if is_html(head, first) {
            Self::Html
        } else {
            Self::Text
        }
    }
}

/// What an archive holds, by the one part that all of its kind have.
fn in_zip(bytes: &[u8]) -> Kind {
    let Ok(archive) = ZipArchive::new(Cursor::new(bytes)) else {
        return Kind::Zip;
    };
    let parts = [
        ("word/document.xml", Kind::Word),
        ("xl/workbook.xml", Kind::Excel),
        ("ppt/presentation.xml", Kind::PowerPoint),
        ("META-INF/container.xml", Kind::Epub),
        ("content.xml", Kind::OpenDocument),
    ];
    let held = parts
        .into_iter()
        .find(|(name, _)| archive.index_for_name(name).is_some());
    held.map_or(Kind::Zip, |(_, kind)| kind)
}

fn is_html(head: &FileHead, first: &[u8]) -> bool {
    let name = head.name.to_lowercase();
    let said = head.media_type.starts_with("text/html")
        || head.media_type.starts_with("application/xhtml")
        || [".html", ".htm", ".xhtml"].iter().any(|end| name.ends_with(end));
    let start = String::from_utf8_lossy(first).trim_start().to_lowercase();
    said || start.starts_with("<!doctype html") || start.starts_with("<html")
}
