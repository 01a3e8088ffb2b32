//! Documents: their bytes in and out, 1 MiB at a time, so that a file of any size passes through a
//! small memory.

use std::io;

use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::{
    Answer, Category, Content, Document, Entry, Failure, FailureKind, NewEntry, Operation, Record, RecordId,
};
use pocket_crypto::SecretBytes;

use crate::door::{Door, cookie, unexpected};
use crate::fields::FORM_TOKEN;
use crate::guard::Owner;
use crate::pages::records::form::split_tags;
use crate::perimeter::Sandboxed;
use crate::present::{Shell, go, page, page_after};
use crate::trouble::Trouble;
use crate::words::Words;

/// Most bytes of a text field in front of the files.
const FIELD_BYTES: usize = 8 * 1024;
/// Largest picture that is shown, in bytes: 25 MiB.
const MOST_PICTURE: u64 = 25 * 1024 * 1024;
/// How much of a text is shown, in bytes: 64 KiB.
const EXCERPT: usize = 64 * 1024;
/// Most files at once.
const MOST_FILES: usize = 256;

#[derive(Template)]
#[template(path = "upload.html")]
struct UploadPage {
    shell: Shell,
}

/// Asks for files.
pub(crate) async fn upload(owner: Owner) -> Result<Response, Trouble> {
    page(&UploadPage {
        shell: Shell::new(&owner, owner.look.words().upload_title, "/records/documents"),
    })
}

/// Takes them in. The form's token is the first part: not a byte of a file is taken before it.
pub(crate) async fn submit_upload(
    State(door): State<Door>,
    owner: Owner,
    headers: HeaderMap,
    mut form: Multipart,
) -> Result<Response, Trouble> {
    let first = form
        .next_field()
        .await
        .map_err(|_| Trouble::NotAForm)?
        .ok_or(Trouble::NotAForm)?;
    let is_token = first.name() == Some(FORM_TOKEN);
    let token = short_text(owner.look.words(), first)
        .await
        .map_err(|_| Trouble::NotAForm)?;
    let session = cookie(&headers, &door.session_cookie()).unwrap_or_default();
    if !is_token || !door.form_token_matches(session, &token) {
        return Err(Trouble::StaleForm(None));
    }
    match take_in(&door, owner.look.words(), form).await {
        Ok(()) => Ok(go("/records/documents?done=uploaded")),
        Err(failure) => {
            let shell =
                Shell::new(&owner, owner.look.words().upload_title, "/records/documents").failed(&failure);
            page_after(&failure, &UploadPage { shell })
        }
    }
}

/// Stores each file of the form as soon as it is complete.
async fn take_in(door: &Door, t: &Words, mut form: Multipart) -> Result<(), Failure> {
    let mut common = Document::default();
    let mut files = 0;
    while let Some(field) = form.next_field().await.map_err(|_| broken_off(t))? {
        match field.name().unwrap_or_default() {
            "note" => common.note = short_text(t, field).await?.replace("\r\n", "\n"),
            "tags" => common.tags = split_tags(&short_text(t, field).await?),
            "file" if field.file_name().is_some_and(|name| !name.is_empty()) => {
                files += 1;
                if files > MOST_FILES {
                    return Err(invalid(t.too_many_files, t.too_many_files_do));
                }
                take_in_file(door, t, &common, field).await?;
            }
            _ => {}
        }
    }
    if files == 0 {
        return Err(invalid(t.no_file, t.no_file_do));
    }
    Ok(())
}

async fn take_in_file(door: &Door, t: &Words, common: &Document, field: Field<'_>) -> Result<(), Failure> {
    let document = Document {
        name: file_name(field.file_name().unwrap_or_default()),
        media_type: field
            .content_type()
            .unwrap_or("application/octet-stream")
            .chars()
            .take(127)
            .collect(),
        ..common.clone()
    };
    // Looked at before the bytes come, which may take minutes.
    let checked = Content::check(Record::Document(document));
    let content = checked.map_err(|error| invalid(&error.to_string(), t.rename_file))?;
    let Answer::Upload(upload) = door.ask(Operation::UploadBegin).await?.answer else {
        return Err(unexpected());
    };
    send_bytes(door, t, upload, field).await?;
    let item = NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: Some(upload),
        content,
    };
    door.ask(Operation::Add {
        items: vec![item],
        import: false,
    })
    .await
    .map(drop)
}

/// The bytes of a file, in pieces of exactly 1 MiB but for the last.
async fn send_bytes(door: &Door, t: &Words, upload: RecordId, mut field: Field<'_>) -> Result<(), Failure> {
    let mut piece: Vec<u8> = Vec::with_capacity(Operation::MOST_CHUNK);
    let mut size = 0u64;
    while let Some(bytes) = field.chunk().await.map_err(|_| broken_off(t))? {
        size = size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if size > Operation::MOST_DOCUMENT {
            return Err(invalid(t.file_too_large, t.file_too_large_do));
        }
        let mut rest = bytes.as_ref();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(Operation::MOST_CHUNK - piece.len()));
            piece.extend_from_slice(now);
            rest = later;
            if piece.len() == Operation::MOST_CHUNK {
                let full = std::mem::replace(&mut piece, Vec::with_capacity(Operation::MOST_CHUNK));
                send_piece(door, upload, full).await?;
            }
        }
    }
    if piece.is_empty() {
        Ok(())
    } else {
        send_piece(door, upload, piece).await
    }
}

async fn send_piece(door: &Door, upload: RecordId, piece: Vec<u8>) -> Result<(), Failure> {
    let request = door.request(Operation::UploadChunk { upload });
    door.send(request.with_payload(SecretBytes::new(piece)))
        .await
        .map(drop)
}

async fn short_text(t: &Words, mut field: Field<'_>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| broken_off(t))? {
        if bytes.len() + chunk.len() > FIELD_BYTES {
            return Err(invalid(t.field_too_long, t.correct_field));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| invalid(t.field_no_text, t.correct_field))
}

/// The last part of a name that a browser may have sent with folders, in either notation.
fn file_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.trim().is_empty() {
        "unnamed".to_owned()
    } else {
        name
    }
}

fn invalid(message: &str, remedy: &str) -> Failure {
    Failure::new(FailureKind::Invalid, message, remedy)
}

fn broken_off(t: &Words) -> Failure {
    invalid(t.upload_broke_off, t.upload_broke_off_do)
}

/// Sends a document's bytes as a file to keep. Never as a page: what a stranger wrote must not run
/// here.
pub(crate) async fn download(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id: RecordId = id.parse().map_err(|_| Trouble::NotFound)?;
    let entry = document(&door, id).await?;
    let Record::Document(document) = entry.content.record() else {
        return Err(Trouble::NotFound);
    };
    let (size, first) = read(&door, id, 0).await?;
    let mut response = send(door, id, size, first);
    let disposition = HeaderValue::from_str(&disposition(&document.name));
    let disposition = disposition.unwrap_or_else(|_| HeaderValue::from_static("attachment"));
    response
        .headers_mut()
        .insert(header::CONTENT_DISPOSITION, disposition);
    response.extensions_mut().insert(Sandboxed);
    Ok(response)
}

/// What a document's bytes are, as far as the page can show them without harm.
pub(crate) enum Inside {
    /// A picture of a kind that holds pixels and nothing that acts; never SVG.
    Picture,
    /// The beginning of a text.
    Text(String),
    /// Anything else: to be downloaded.
    Unknown,
}

/// Looks at the first bytes. What the file calls itself counts for nothing with pictures.
pub(crate) async fn look_into(door: &Door, id: RecordId, document: &Document) -> Result<Inside, Failure> {
    if document.size == 0 {
        return Ok(Inside::Unknown);
    }
    let (size, first) = read(door, id, 0).await?;
    if picture_type(&first).is_some() && size <= MOST_PICTURE {
        return Ok(Inside::Picture);
    }
    Ok(excerpt(&first).map_or(Inside::Unknown, Inside::Text))
}

/// The media type of a picture, by the bytes that every file of its kind begins with.
fn picture_type(first: &[u8]) -> Option<&'static str> {
    match first {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// The beginning of a text in UTF-8; nothing that holds control characters is one.
fn excerpt(first: &[u8]) -> Option<String> {
    let part = first.get(..EXCERPT).unwrap_or(first);
    let text = match str::from_utf8(part) {
        Ok(text) => text,
        // The cut may go through a letter.
        Err(error) if part.len() - error.valid_up_to() < 4 && part.len() == EXCERPT => {
            str::from_utf8(part.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    (!text.is_empty() && text.chars().all(is_plain)).then(|| text.to_owned())
}

/// Sends a picture to be shown. In a sandbox: whatever else it is, it can't act.
pub(crate) async fn view(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id: RecordId = id.parse().map_err(|_| Trouble::NotFound)?;
    document(&door, id).await?;
    let (size, first) = read(&door, id, 0).await?;
    let kind = picture_type(&first)
        .filter(|_| size <= MOST_PICTURE)
        .ok_or(Trouble::NotFound)?;
    let mut response = send(door, id, size, first);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.extensions_mut().insert(Sandboxed);
    Ok(response)
}

/// A document's bytes from the first piece on, as nothing in particular.
fn send(door: Door, id: RecordId, size: u64, first: Bytes) -> Response {
    let pieces = Pieces {
        door,
        id,
        offset: 0,
        size,
        next: Some(first),
    };
    let mut response = Body::from_stream(stream::try_unfold(pieces, next_piece)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    response
}

async fn document(door: &Door, id: RecordId) -> Result<Entry, Failure> {
    match door
        .ask(Operation::Get {
            category: Category::Documents,
            id,
        })
        .await?
        .answer
    {
        Answer::Entry(entry) => Ok(*entry),
        _ => Err(unexpected()),
    }
}

/// A download under way.
struct Pieces {
    door: Door,
    id: RecordId,
    offset: u64,
    size: u64,
    next: Option<Bytes>,
}

async fn next_piece(mut pieces: Pieces) -> io::Result<Option<(Bytes, Pieces)>> {
    let piece = match pieces.next.take() {
        Some(piece) => piece,
        None if pieces.offset >= pieces.size => return Ok(None),
        // The browser sees a download that broke off, as the length it was told is not reached.
        None => {
            read(&pieces.door, pieces.id, pieces.offset)
                .await
                .map_err(io::Error::other)?
                .1
        }
    };
    if piece.is_empty() {
        return Ok(None);
    }
    pieces.offset = pieces
        .offset
        .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
    Ok(Some((piece, pieces)))
}

/// A piece of a document's bytes, and how many there are in all.
pub(crate) async fn read(door: &Door, id: RecordId, offset: u64) -> Result<(u64, Bytes), Failure> {
    let reply = door.ask(Operation::ReadBlob { id, offset }).await?;
    let Answer::Blob { size } = reply.answer else {
        return Err(unexpected());
    };
    let piece = reply
        .payload
        .map(|piece| Bytes::copy_from_slice(piece.expose_bytes()));
    Ok((size, piece.unwrap_or_default()))
}

/// RFC 6266: the name twice, for old browsers in plain ASCII, for the others as RFC 8187 has it.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || " .-_()".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_can_not_break_out_of_its_header() {
        assert_eq!(
            disposition("M\u{fc}ll\"; x=\r\n.pdf"),
            "attachment; filename=\"M_ll__ x___.pdf\"; filename*=UTF-8''M%C3%BCll%22%3B%20x%3D%0D%0A.pdf"
        );
    }

    #[test]
    fn a_file_name_is_without_folders() {
        for (sent, kept) in [
            ("a.pdf", "a.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\tmp\\a b.txt", "a b.txt"),
            ("x/", "unnamed"),
            ("a\0b\n", "ab"),
        ] {
            assert_eq!(file_name(sent), kept, "{sent:?}");
        }
    }

    #[test]
    fn only_pixels_are_pictures_and_only_plain_text_is_text() {
        assert_eq!(picture_type(b"\x89PNG\r\n\x1a\n\0"), Some("image/png"));
        assert_eq!(picture_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [
            b"<svg xmlns=".as_slice(),
            b"%PDF-1.7",
            b"",
            b"GIF8",
            b"<?xml version",
        ] {
            assert_eq!(picture_type(other), None);
        }
        assert_eq!(excerpt(b"a\n\xc3\xbc").as_deref(), Some("a\n\u{fc}"));
        assert_eq!(excerpt(b"\0\x01"), None);
        assert_eq!(excerpt(b"ab\xff"), None);
        let cut = [vec![b'x'; EXCERPT - 1], "\u{fc}".as_bytes().to_vec()].concat();
        assert_eq!(excerpt(&cut).map(|text| text.len()), Some(EXCERPT - 1));
    }
}
