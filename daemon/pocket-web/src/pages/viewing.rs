//! Documents as they are looked at: preview, picture, pages and text. Never a byte of the file itself:
//! every picture was made anew by the reader, which has no power over the device.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use pocket_core::{
    Actor, Category, Document, Door as DoorName, Operation, ReaderJob, Reading, Record, Unreadable,
};

use crate::door::Door;
use crate::pages::records::{id_named, read};
use crate::perimeter::Sandboxed;
use crate::present::{Phrase, counted, go, records_path};
use crate::trouble::Trouble;
use crate::words::{Words, fill};

/// How much of a text is shown, in bytes: 64 KiB.
const EXCERPT: usize = 64 * 1024;
/// What separates the pages of a text.
const PAGE_BREAK: char = '\u{c}';

/// A document on its page.
#[derive(Default)]
pub(crate) struct View {
    /// What the owner should know of how it was read.
    pub(crate) remark: String,
    /// Whether it could not be read, and may be read again.
    pub(crate) again: bool,
    /// The address of the picture to look at.
    pub(crate) picture: Option<String>,
    /// Which page that is, of how many.
    pub(crate) page: String,
    /// The number of the page before.
    pub(crate) previous: Option<u32>,
    /// The number of the page after.
    pub(crate) next: Option<u32>,
    /// The text of the page, or the beginning of a text without pages.
    pub(crate) text: Option<String>,
    /// Whether the text goes on.
    pub(crate) more: bool,
}

impl View {
    /// Of a document whose address is `path`, at one of its pages.
    pub(crate) fn new(
        t: &Words,
        id: pocket_core::RecordId,
        document: &Document,
        page: u32,
        reader: bool,
    ) -> Self {
        let drawn = !document.thumbnail.is_empty();
        let mut view = Self {
            remark: remark(t, document.reading, reader),
            again: reader && matches!(document.reading, Reading::Failed(_)),
            ..Self::default()
        };
        let text = if drawn && document.pages > 0 {
            let page = page.clamp(1, document.pages);
            view.picture = Some(format!("/documents/{id}/pages/{page}"));
            view.page = fill(t.page_of, &[&page.to_string(), &document.pages.to_string()]);
            view.previous = (page > 1).then(|| page - 1);
            view.next = (page < document.pages).then(|| page + 1);
            let index = usize::try_from(page - 1).unwrap_or(usize::MAX);
            document.text.split(PAGE_BREAK).nth(index).unwrap_or_default()
        } else {
            view.picture = drawn.then(|| format!("/documents/{id}/view"));
            &document.text
        };
        let shown = beginning(text);
        view.more = shown.len() < text.len();
        view.text = (!shown.trim().is_empty()).then(|| shown.replace(PAGE_BREAK, "\n\n"));
        view
    }
}

/// Up to [`EXCERPT`] bytes, whole letters.
fn beginning(text: &str) -> &str {
    if text.len() <= EXCERPT {
        return text;
    }
    let end = (0..=EXCERPT).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

fn remark(t: &Words, reading: Reading, reader: bool) -> String {
    match reading {
        Reading::Done | Reading::None => String::new(),
        Reading::Pending if reader => t.reading_pending.to_owned(),
        Reading::Pending => t.reading_no_reader.to_owned(),
        Reading::Partly => t.reading_partly.to_owned(),
        Reading::Failed(reason) => fill(t.reading_failed, &[why(t, reason)]),
    }
}

/// Why a file can't be read, in the owner's language.
pub(crate) const fn why(t: &Words, reason: Unreadable) -> &'static str {
    match reason {
        Unreadable::Broke => t.unreadable_broke,
        Unreadable::Damaged => t.unreadable_damaged,
        Unreadable::NoSuchPage => t.unreadable_page,
        Unreadable::Protected => t.unreadable_protected,
        Unreadable::TooLarge => t.unreadable_large,
        Unreadable::TooLong => t.unreadable_long,
        Unreadable::Unsafe => t.unreadable_unsafe,
        Unreadable::Unsupported => t.unreadable_unsupported,
    }
}

/// How many pages a document has, in words.
pub(crate) fn pages_in_words(t: &Words, document: &Document) -> Phrase {
    if document.pages == 0 {
        return Phrase::default();
    }
    counted(t, document.pages.into(), t.n_pages)
}

/// Has it read again.
pub(crate) async fn read_again(
    State(door): State<Door>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let id = id_named(&id)?;
    door.ask(Operation::ReadAgain { id }).await?;
    Ok(go(&format!("{}/{id}", records_path(Category::Documents))))
}

/// The preview.
pub(crate) async fn thumbnail(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let entry = read(&door, Category::Documents, id_named(&id)?).await?;
    match entry.content.record() {
        Record::Document(document) if !document.thumbnail.is_empty() => {
            picture(document.thumbnail.bytes().to_vec())
        }
        _ => Err(Trouble::NotFound),
    }
}

/// A picture, made anew from its pixels.
pub(crate) async fn view(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    made(&door, &id, ReaderJob::Picture).await
}

/// A page, as a picture.
pub(crate) async fn page(
    State(door): State<Door>,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Trouble> {
    made(&door, &id, ReaderJob::Page { number }).await
}

async fn made(door: &Door, id: &str, job: ReaderJob) -> Result<Response, Trouble> {
    let entry = read(door, Category::Documents, id_named(id)?).await?;
    let Record::Document(document) = entry.content.record() else {
        return Err(Trouble::NotFound);
    };
    if document.sha256.is_empty() {
        return Err(Trouble::NotFound);
    }
    let owner = Actor::Owner {
        door: DoorName::Web,
        passphrase_shown: false,
    };
    let made = door.reader().document(&owner, entry.id, document, job).await;
    picture(made.map_err(pocket_service::ReadError::into_failure)?)
}

/// Bytes as a picture, if they begin as one of the two kinds that the reader makes. In a sandbox: who
/// made them is trusted with nothing.
pub(crate) fn picture(bytes: Vec<u8>) -> Result<Response, Trouble> {
    let kind = picture_type(&bytes).ok_or(Trouble::NotFound)?;
    let mut response = bytes.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.extensions_mut().insert(Sandboxed);
    Ok(response)
}

/// The media type of a picture that the reader made, by the bytes that every file of its kind begins
/// with.
fn picture_type(first: &[u8]) -> Option<&'static str> {
    match first {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{RecordId, Thumbnail};

    use super::*;
    use crate::words::ENGLISH;

    fn document(text: &str, pages: u32) -> Document {
        Document {
            text: text.to_owned(),
            pages,
            reading: Reading::Done,
            thumbnail: Thumbnail::new(b"\xff\xd8\xff".to_vec()).unwrap_or_default(),
            ..Document::default()
        }
    }

    #[test]
    fn a_page_is_shown_with_its_text_and_its_neighbours() {
        let id = RecordId::from_bytes([1; 16]);
        let view = |page| View::new(&ENGLISH, id, &document("one\u{c}two\u{c}three", 3), page, true);
        let (first, middle, beyond) = (view(0), view(2), view(99));
        assert_eq!(
            (first.previous, first.next, first.text.as_deref()),
            (None, Some(2), Some("one"))
        );
        assert_eq!((middle.previous, middle.next), (Some(1), Some(3)));
        assert_eq!(middle.picture, Some(format!("/documents/{id}/pages/2")));
        assert_eq!((beyond.next, beyond.text.as_deref()), (None, Some("three")));
        let plain = View::new(&ENGLISH, id, &document(&"\u{fc}".repeat(EXCERPT), 0), 1, true);
        assert!(plain.more && plain.text.is_some_and(|text| text.len() <= EXCERPT));
        assert_eq!(plain.picture, Some(format!("/documents/{id}/view")));
    }

    #[test]
    fn only_the_two_kinds_that_the_reader_makes_are_pictures() {
        assert_eq!(picture_type(b"\x89PNG\r\n\x1a\n\0"), Some("image/png"));
        assert_eq!(picture_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        for other in [b"<svg xmlns=".as_slice(), b"GIF89a", b"RIFF\0\0\0\0WEBP", b""] {
            assert_eq!(picture_type(other), None);
        }
    }
}
