//! Documents: their bytes out, 1 MiB at a time, so that a file of any size passes through a small
//! memory.

use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use pocket_core::{Answer, Category, Failure, Operation, Record, RecordId};

use crate::door::{Door, unexpected};
use crate::pages::records;
use crate::perimeter::Sandboxed;
use crate::trouble::Trouble;

/// Sends a document's bytes as a file to keep. Never as a page: what a stranger wrote must not run
/// here.
pub(crate) async fn download(State(door): State<Door>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let id: RecordId = id.parse().map_err(|_| Trouble::NotFound)?;
    let entry = records::read(&door, Category::Documents, id).await?;
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
}
