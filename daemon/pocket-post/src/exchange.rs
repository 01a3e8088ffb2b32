//! One request, one answer.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, TRANSFER_ENCODING};
use hyper_util::rt::TokioIo;
use pocket_core::CallFailure;
use pocket_grant::{MAX_PIECE, Report};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::pin;
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;

use crate::request::Request;

/// Largest head of an answer, in bytes.
const MOST_HEAD: usize = 64 * 1024;
/// Most headers of an answer.
const MOST_HEADERS: usize = 100;
/// Longest media type that is passed on, in bytes.
const MOST_MEDIA_TYPE: usize = 128;
/// Longest address that a redirect may name, in bytes.
const MOST_LOCATION: usize = 2048;

/// What an answer may take.
#[derive(Clone, Copy)]
pub struct Limits {
    /// From the first byte of the request to the head of the answer.
    pub first_byte: Duration,
    /// From one piece of the answer to the next.
    pub between: Duration,
    /// Most bytes of the answer's body.
    pub most_answer: u64,
}

/// Sends `request` over `stream`, and reports the head and the pieces of the answer to `reports`. Done
/// means that the answer is whole. Who no longer listens to the reports ends it.
///
/// # Errors
/// [`CallFailure`]: why there is no whole answer.
pub async fn exchange<S>(
    stream: S,
    request: Request,
    limits: Limits,
    reports: &Sender<Report>,
) -> Result<(), CallFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| CallFailure::ConnectionLost)?;
    let asked = async {
        let answer = timeout(limits.first_byte, sender.send_request(request.inner)).await;
        let answer = answer.map_err(|_| CallFailure::OutOfTime)?;
        read(answer.map_err(|error| of_head(&error))?, limits, reports).await
    };
    pin!(connection, asked);
    let mut running = true;
    loop {
        tokio::select! {
            done = &mut asked => return done,
            // Its error comes out of the other as well.
            _ = &mut connection, if running => running = false,
        }
    }
}

async fn read(
    answer: hyper::Response<Incoming>,
    limits: Limits,
    reports: &Sender<Report>,
) -> Result<(), CallFailure> {
    let (head, mut body) = answer.into_parts();
    if head.status.is_informational() {
        return Err(CallFailure::AnswerGarbled);
    }
    plain(&head.headers)?;
    if body.size_hint().lower() > limits.most_answer {
        return Err(CallFailure::AnswerTooLarge);
    }
    let redirects = head.status.is_redirection();
    let told = Report::Head {
        status: head.status.as_u16(),
        media_type: said(&head.headers, CONTENT_TYPE, MOST_MEDIA_TYPE),
        length: body.size_hint().exact(),
        leads_to: said(&head.headers, LOCATION, MOST_LOCATION).filter(|_| redirects),
    };
    tell(reports, told).await?;
    let mut left = limits.most_answer;
    while let Some(frame) = next(&mut body, limits.between).await? {
        let frame = frame.map_err(|error| of_body(&error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(length).ok_or(CallFailure::AnswerTooLarge)?;
        for piece in data.chunks(MAX_PIECE) {
            tell(reports, Report::Piece(piece.to_vec())).await?;
        }
    }
    Ok(())
}

async fn next(
    body: &mut Incoming,
    patience: Duration,
) -> Result<Option<hyper::Result<Frame<Bytes>>>, CallFailure> {
    let frame = timeout(patience, body.frame()).await;
    frame.map_err(|_| CallFailure::OutOfTime)
}

async fn tell(reports: &Sender<Report>, report: Report) -> Result<(), CallFailure> {
    reports.send(report).await.map_err(|_| CallFailure::Withdrawn)
}

/// Refuses what would have to be decoded: nobody asked for it, and a few bytes may stand for very many.
fn plain(headers: &HeaderMap) -> Result<(), CallFailure> {
    let all = |name, allowed: &str| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| value.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
    };
    if all(CONTENT_ENCODING, "identity") && all(TRANSFER_ENCODING, "chunked") {
        Ok(())
    } else {
        Err(CallFailure::AnswerEncoded)
    }
}

/// What a header of the answer says, if it says so in at most so many visible characters.
fn said(headers: &HeaderMap, name: HeaderName, most: usize) -> Option<String> {
    let said = headers.get(name)?.to_str().ok()?.trim();
    let visible = said.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    (!said.is_empty() && said.len() <= most && visible).then(|| said.to_owned())
}

/// Why no head of an answer came.
pub fn of_head(error: &hyper::Error) -> CallFailure {
    if error.is_parse_too_large() {
        CallFailure::AnswerHeadTooLarge
    } else if error.is_parse() {
        CallFailure::AnswerGarbled
    } else {
        CallFailure::ConnectionLost
    }
}

fn of_body(error: &hyper::Error) -> CallFailure {
    if error.is_parse() {
        CallFailure::AnswerGarbled
    } else {
        CallFailure::AnswerTruncated
    }
}

#[cfg(test)]
mod tests;
