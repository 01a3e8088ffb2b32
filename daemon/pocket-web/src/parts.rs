//! An upload as its parts come: the form's token first, then short texts, then files of any size, of which a piece at
//! a time is held.

use std::time::Instant;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest, Request};
use pocket_core::{Failure, FailureKind, Operation};

use crate::door::{Door, cookie};
use crate::fields::{FORM_TOKEN, Fields};
use crate::guard::{Owner, UPLOAD_TEXT_BYTES, keep};
use crate::trouble::Trouble;
use crate::words::Words;

/// A form of this session with files in it. Its token was its first part: not a byte of a file is taken before it.
pub(crate) struct Upload {
    form: Multipart,
    t: &'static Words,
}

impl FromRequest<Door> for Upload {
    type Rejection = Trouble;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Trouble> {
        let owner = request.extensions().get::<Owner>().ok_or(Trouble::Unguarded)?;
        let t = owner.look.words();
        let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
        let form = request.extract().await.map_err(|_| Trouble::NotAForm)?;
        let mut upload = Self { form, t };
        let token = upload.token().await?;
        let session = cookie(&headers, &door.session_cookie()).unwrap_or_default();
        if door.form_token_matches(session, &token) {
            return Ok(upload);
        }
        // A form of an earlier session: its texts are shown again, and the files are not taken.
        let Ok(fields) = Fields::before_files(upload.form, UPLOAD_TEXT_BYTES).await else {
            return Err(Trouble::StaleForm(None));
        };
        let kept = keep(door, &headers, &path, &fields, path.clone(), Instant::now());
        Err(kept.unwrap_or(Trouble::StaleForm(None)))
    }
}

impl Upload {
    async fn token(&mut self) -> Result<String, Trouble> {
        let first = self.next().await.map_err(|_| Trouble::NotAForm)?;
        let first = first.ok_or(Trouble::NotAForm)?;
        let is_token = first.name() == FORM_TOKEN;
        let token = first.text().await.map_err(|_| Trouble::NotAForm)?;
        if is_token && !token.is_empty() {
            Ok(token)
        } else {
            Err(Trouble::StaleForm(None))
        }
    }

    /// The next part.
    pub(crate) async fn next(&mut self) -> Result<Option<Part<'_>>, Failure> {
        let t = self.t;
        let field = self.form.next_field().await.map_err(|_| broken_off(t))?;
        Ok(field.map(|field| Part {
            field,
            t,
            ended: false,
        }))
    }

    /// The file of a form that has but one.
    pub(crate) async fn file(&mut self) -> Result<Part<'_>, Failure> {
        let t = self.t;
        self.next().await?.ok_or_else(|| no_file(t))
    }
}

/// One part.
pub(crate) struct Part<'a> {
    field: Field<'a>,
    t: &'static Words,
    ended: bool,
}

impl Part<'_> {
    /// What the form calls it.
    pub(crate) fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// What the file is called; empty when no file was chosen.
    pub(crate) fn file_name(&self) -> &str {
        self.field.file_name().unwrap_or_default()
    }

    /// The media type that the browser gives to the file.
    pub(crate) fn media_type(&self) -> &str {
        self.field.content_type().unwrap_or("application/octet-stream")
    }

    /// Whether all of it has come.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Its next bytes.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let next = self.field.chunk().await.map_err(|_| broken_off(self.t))?;
        self.ended = next.is_none();
        Ok(next)
    }

    /// What no one wants of it: the next part comes behind it.
    pub(crate) async fn pass_by(&mut self) -> Result<(), Failure> {
        while !self.ended {
            self.next().await?;
        }
        Ok(())
    }

    /// All of it, which is a short text.
    pub(crate) async fn text(mut self) -> Result<String, Failure> {
        let t = self.t;
        let mut text = Vec::new();
        while let Some(bytes) = self.next().await? {
            if text.len() + bytes.len() > UPLOAD_TEXT_BYTES {
                return Err(invalid(t.field_too_long, t.correct_field));
            }
            text.extend_from_slice(&bytes);
        }
        String::from_utf8(text).map_err(|_| invalid(t.field_no_text, t.correct_field))
    }
}

/// Bytes that come in any length, cut into the pieces that the engine takes: all of the same length but the last.
#[derive(Default)]
pub(crate) struct Cutter {
    piece: Vec<u8>,
}

impl Cutter {
    /// Takes from the front of `bytes` what the piece has room for; gives the piece once it is full.
    pub(crate) fn cut(&mut self, bytes: &mut &[u8]) -> Option<Vec<u8>> {
        if self.piece.capacity() == 0 {
            self.piece.reserve_exact(Operation::MOST_CHUNK);
        }
        let room = Operation::MOST_CHUNK - self.piece.len();
        let (now, later) = bytes.split_at(bytes.len().min(room));
        self.piece.extend_from_slice(now);
        *bytes = later;
        (self.piece.len() == Operation::MOST_CHUNK).then(|| std::mem::take(&mut self.piece))
    }

    /// What is left at the end, if anything is.
    pub(crate) fn rest(self) -> Option<Vec<u8>> {
        (!self.piece.is_empty()).then_some(self.piece)
    }
}

/// Reads a form as the pages do, to its end or its first fault.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) async fn read_any(form: Multipart) {
    let t = &crate::words::ENGLISH;
    let mut upload = Upload { form, t };
    if upload.token().await.is_err() {
        return;
    }
    while let Ok(Some(mut part)) = upload.next().await {
        if part.file_name().is_empty() {
            let text = part.text().await.unwrap_or_default();
            assert!(text.len() <= UPLOAD_TEXT_BYTES);
            continue;
        }
        let mut cutter = Cutter::default();
        while let Ok(Some(bytes)) = part.next().await {
            drop(cutter.cut(&mut bytes.as_ref()));
        }
    }
}

/// What was sent is at fault.
pub(crate) fn invalid(message: &str, remedy: &str) -> Failure {
    Failure::new(FailureKind::Invalid, message, remedy)
}

/// The browser went away in the middle.
pub(crate) fn broken_off(t: &Words) -> Failure {
    invalid(t.upload_broke_off, t.upload_broke_off_do)
}

/// There is no file in the form.
pub(crate) fn no_file(t: &Words) -> Failure {
    invalid(t.no_file, t.no_file_do)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_of_one_length_but_for_the_last() {
        const MOST: usize = Operation::MOST_CHUNK;
        for (sent, expected) in [
            (vec![], vec![]),
            (vec![1], vec![1]),
            (vec![MOST - 1, 1], vec![MOST]),
            (vec![MOST + 1], vec![MOST, 1]),
            (vec![MOST / 2, 2 * MOST], vec![MOST, MOST, MOST / 2]),
        ] {
            let whole: Vec<u8> = (0..=u8::MAX).cycle().take(sent.iter().sum()).collect();
            let (mut cutter, mut pieces, mut left) = (Cutter::default(), Vec::new(), whole.as_slice());
            for length in sent {
                let (mut bytes, later) = left.split_at(length);
                while !bytes.is_empty() {
                    pieces.extend(cutter.cut(&mut bytes));
                }
                left = later;
            }
            pieces.extend(cutter.rest());
            let lengths: Vec<usize> = pieces.iter().map(Vec::len).collect();
            assert_eq!(lengths, expected);
            assert_eq!(pieces.concat(), whole);
        }
    }
}
