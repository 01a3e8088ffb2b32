//! A long body that is kept elsewhere: in a bucket that speaks S3, or in a folder of a WebDAV server.
//!
//! It goes through this program twice, and is never here as a whole: once to be checked against its grant, before the
//! first packet, and once to be sent. Its last piece waits until all that was sent has the grant's digest too, so that
//! what was changed in between never comes to its end. What does not come to its end leaves nothing that counts.

use std::cell::Cell;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use pocket_core::{CallFailure, Method, PlaceStep, Terms};
use pocket_grant::{Headers, Report, ToGateway};
use pocket_post::{Metered, Traffic, of_head};
use rusty_s3::actions::{DeleteObject, HeadObject, PutObject, S3Action};
use rusty_s3::{Bucket, Credentials, UrlStyle};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
#[cfg(any(test, feature = "fuzzing"))]
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::pin;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::timeout;

use crate::host::HostName;
use crate::route::Route;
use crate::service::next;
use crate::tls::Trust;

/// How long nothing may go out or come in.
const STALLED: Duration = Duration::from_secs(180);
/// How long a signature holds: one that begins late, since the request before took long, is still let in.
const SIGNED: Duration = Duration::from_secs(15 * 60);
/// Largest head of an answer, in bytes.
const MOST_HEAD: usize = 64 * 1024;
/// What a request says it comes from, as every other.
const AGENT: &str = "PocketAI";
/// How the name ends under which nothing counts.
const PART: &str = ".part";

/// Who logs in at the place, out of what came with the call.
pub(crate) struct Login {
    user: String,
    password: String,
    region: Option<String>,
}

impl Login {
    /// # Errors
    /// [`CallFailure::RequestInvalid`] when something is missing, or is none of these.
    pub(crate) fn new(headers: &Headers) -> Result<Self, CallFailure> {
        let mut told: [Option<String>; 3] = [None, None, None];
        for header in headers.iter() {
            let place = ["user", "password", "region"]
                .iter()
                .position(|name| *name == header.name);
            let text = header
                .value
                .expose_str()
                .map_err(|_| CallFailure::RequestInvalid)?;
            let place = place.and_then(|place| told.get_mut(place));
            *place.ok_or(CallFailure::RequestInvalid)? = Some(text.to_owned());
        }
        let [user, password, region] = told;
        match (user, password) {
            (Some(user), Some(password)) if !user.contains(':') => Ok(Self {
                user,
                password,
                region,
            }),
            _ => Err(CallFailure::RequestInvalid),
        }
    }
}

/// A body that is kept elsewhere, whose grant holds and which was heard once with the grant's digest.
#[must_use]
pub(crate) struct Kept {
    pub(crate) terms: Terms,
    pub(crate) host: HostName,
    pub(crate) login: Login,
}

/// The pieces of the body on their way to the server, or why there are no more.
pub(crate) type Piece = Result<Bytes, CallFailure>;

/// Hears the body once, and gives its digest.
///
/// # Errors
/// [`CallFailure::BodyChanged`] when it is longer than was granted; `None` when the other side broke off.
pub(crate) async fn hear(
    from: &mut (impl AsyncRead + Unpin),
    length: u64,
) -> Result<[u8; 32], Option<CallFailure>> {
    let (mut digest, mut left) = (Sha256::new(), length);
    while left > 0 {
        let piece = piece(from, &mut left).await?;
        digest.update(&piece);
    }
    Ok(digest.finalize().into())
}

async fn piece(from: &mut (impl AsyncRead + Unpin), left: &mut u64) -> Result<Vec<u8>, Option<CallFailure>> {
    let Ok(ToGateway::Piece(piece)) = next(from).await else {
        return Err(None);
    };
    let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
    // One that is empty would get nobody further.
    let less = left.checked_sub(length).filter(|_| length > 0);
    *left = less.ok_or(Some(CallFailure::BodyChanged))?;
    Ok(piece)
}

/// Hands the body on as it is heard for the second time, the last piece only when all of it has the grant's digest.
/// Done means that all of it was handed on; it stays here for ever when something went wrong, which the pieces say.
pub(crate) async fn feed(from: &mut (impl AsyncRead + Unpin), terms: (u64, [u8; 32]), to: Sender<Piece>) {
    let (length, sha256) = terms;
    let (mut digest, mut left) = (Sha256::new(), length);
    while left > 0 {
        let heard = piece(from, &mut left)
            .await
            .map_err(|reason| reason.unwrap_or(CallFailure::Withdrawn));
        let piece = heard.and_then(|piece| {
            digest.update(&piece);
            let same = left > 0 || <[u8; 32]>::from(digest.clone().finalize()) == sha256;
            same.then(|| Bytes::from(piece)).ok_or(CallFailure::BodyChanged)
        });
        let over = piece.is_err();
        if to.send(piece).await.is_err() || over {
            return pending().await;
        }
    }
}

/// The body of a request: none, or pieces that come one by one.
#[derive(Default)]
struct Pieces {
    pieces: Option<Receiver<Piece>>,
    left: u64,
    /// Why they broke off.
    broke: Rc<Cell<Option<CallFailure>>>,
}

/// The body does not come to its end.
#[derive(Debug, Error)]
#[error("the body does not come to its end")]
struct Cut;

impl Body for Pieces {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(Some(Err(Cut)));
        };
        pieces.poll_recv(context).map(|piece| match piece {
            Some(Ok(bytes)) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.left = self.left.saturating_sub(length);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(reason)) => {
                self.broke.set(Some(reason));
                Some(Err(Cut))
            }
            None => Some(Err(Cut)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What was answered.
struct Answered {
    status: StatusCode,
    /// What it says of the length of what lies there.
    length: Option<u64>,
}

/// One body on its way to its place.
pub(crate) struct Keeper<'a> {
    pub(crate) kept: &'a Kept,
    pub(crate) route: Route,
    pub(crate) trust: &'a Trust,
    pub(crate) traffic: &'a Traffic,
    pub(crate) reports: &'a Sender<Report>,
}

impl Keeper<'_> {
    /// Sends the body, and sees that all of it lies there under its name. What does not is removed again, if it can be.
    ///
    /// # Errors
    /// [`CallFailure`]: why it is not kept.
    pub(crate) async fn keep(&self, pieces: Receiver<Piece>) -> Result<(), CallFailure> {
        let whole = &self.kept.terms.path;
        let part = format!("{whole}{PART}");
        let by_webdav = self.kept.terms.method == Method::KeepWebdav;
        let first = if by_webdav { &part } else { whole };
        let lies = Cell::new(None);
        let kept = async {
            self.is_free(whole).await?;
            self.put(first, pieces, &lies).await?;
            self.look(first).await?;
            if by_webdav {
                self.name(&part).await?;
                lies.set(Some(whole.as_str()));
                self.look(whole).await?;
            }
            Ok(())
        };
        let kept = kept.await;
        if let (Err(_), Some(path)) = (&kept, lies.get()) {
            // As well as can be: that it could not be done is told by that nothing tells that it was.
            self.ask(PlaceStep::Remove, path, Pieces::default())
                .await
                .map(drop)
                .unwrap_or_default();
        }
        kept
    }

    /// Nothing is to be overwritten, and nothing of the body leaves for who does not let this login in. Whether there
    /// is anything, a bucket tells only those who may list it.
    async fn is_free(&self, path: &str) -> Result<(), CallFailure> {
        let answered = self.ask(PlaceStep::Look, path, Pieces::default()).await?;
        let in_bucket = self.kept.terms.method == Method::KeepS3;
        let forbidden = answered.status == StatusCode::FORBIDDEN && in_bucket;
        taken(answered.status == StatusCode::NOT_FOUND || forbidden)
    }

    async fn put<'p>(
        &self,
        path: &'p str,
        pieces: Receiver<Piece>,
        lies: &Cell<Option<&'p str>>,
    ) -> Result<(), CallFailure> {
        let broke = Rc::new(Cell::new(None));
        let body = Pieces {
            pieces: Some(pieces),
            left: self.kept.terms.body_length,
            broke: Rc::clone(&broke),
        };
        // A bucket has nothing before it has all of it; of a folder, who knows.
        if self.kept.terms.method == Method::KeepWebdav {
            lies.set(Some(path));
        }
        let answered = self.ask(PlaceStep::Put, path, body).await;
        let answered = answered.map_err(|reason| broke.take().unwrap_or(reason))?;
        taken(answered.status.is_success())?;
        lies.set(Some(path));
        Ok(())
    }

    async fn look(&self, path: &str) -> Result<(), CallFailure> {
        let answered = self.ask(PlaceStep::Look, path, Pieces::default()).await?;
        taken(answered.status == StatusCode::OK && answered.length == Some(self.kept.terms.body_length))
    }

    async fn name(&self, part: &str) -> Result<(), CallFailure> {
        let answered = self.ask(PlaceStep::Name, part, Pieces::default()).await?;
        taken(answered.status.is_success())
    }

    /// Makes one request over a connection of its own.
    async fn ask(&self, step: PlaceStep, path: &str, body: Pieces) -> Result<Answered, CallFailure> {
        let request = self.request(step, path)?.header(CONTENT_LENGTH, body.left);
        let request = request.body(body).map_err(|_| CallFailure::RequestInvalid)?;
        let (stream, address) = self.route.connect().await?;
        let stream = Metered::new(stream, self.traffic.clone());
        let stream = self.trust.greet(&self.kept.host, None, stream).await?;
        if step == PlaceStep::Put {
            self.tell(Report::Connected { address }).await?;
        }
        let answered = self.unless_stalled(exchange(stream, request)).await?;
        let status = answered.status.as_u16();
        self.tell(Report::Step { step, status }).await?;
        Ok(answered)
    }

    async fn tell(&self, report: Report) -> Result<(), CallFailure> {
        let told = self.reports.send(report).await;
        told.map_err(|_| CallFailure::Withdrawn)
    }

    /// Ends what stands still.
    async fn unless_stalled<T>(
        &self,
        work: impl Future<Output = Result<T, CallFailure>>,
    ) -> Result<T, CallFailure> {
        pin!(work);
        let moved = || (self.traffic.sent(), self.traffic.received());
        let mut before = moved();
        loop {
            if let Ok(done) = timeout(STALLED, &mut work).await {
                return done;
            }
            let now = moved();
            if now == before {
                return Err(CallFailure::OutOfTime);
            }
            before = now;
        }
    }

    fn at(&self) -> String {
        match self.kept.terms.port {
            443 => self.kept.host.as_str().to_owned(),
            port => format!("{}:{port}", self.kept.host.as_str()),
        }
    }

    fn request(&self, step: PlaceStep, path: &str) -> Result<Builder, CallFailure> {
        let method = match step {
            PlaceStep::Look => "HEAD",
            PlaceStep::Name => "MOVE",
            PlaceStep::Put => "PUT",
            PlaceStep::Remove => "DELETE",
        };
        let request = Request::builder()
            .method(method)
            .header(HOST, self.at())
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close");
        if self.kept.terms.method == Method::KeepS3 {
            return self.signed(step, path, request);
        }
        let Login { user, password, .. } = &self.kept.login;
        let basic = format!(
            "Basic {}",
            Base64::encode_string(format!("{user}:{password}").as_bytes())
        );
        let mut basic = HeaderValue::try_from(basic).map_err(|_| CallFailure::RequestInvalid)?;
        basic.set_sensitive(true);
        let request = request.uri(path).header(AUTHORIZATION, basic);
        Ok(match step {
            PlaceStep::Name => request
                .header(
                    "destination",
                    format!("https://{}{}", self.at(), self.kept.terms.path),
                )
                .header("overwrite", "F"),
            PlaceStep::Look | PlaceStep::Put | PlaceStep::Remove => request,
        })
    }

    /// The request as the owner of the bucket signs it. With the digest of the body, which the server compares.
    fn signed(&self, step: PlaceStep, path: &str, request: Builder) -> Result<Builder, CallFailure> {
        let invalid = || CallFailure::RequestInvalid;
        let (bucket, object) = path.trim_start_matches('/').split_once('/').ok_or_else(invalid)?;
        let endpoint = format!("https://{}", self.at()).parse().map_err(|_| invalid())?;
        let Login {
            user,
            password,
            region,
        } = &self.kept.login;
        let region = region.clone().ok_or_else(invalid)?;
        let bucket =
            Bucket::new(endpoint, UrlStyle::Path, bucket.to_owned(), region).map_err(|_| invalid())?;
        let login = Credentials::new(user.clone(), password.clone());
        let (url, request) = match step {
            PlaceStep::Look => (
                HeadObject::new(&bucket, Some(&login), object).sign(SIGNED),
                request,
            ),
            PlaceStep::Name => return Err(invalid()),
            PlaceStep::Put => {
                let digest = Base64::encode_string(&self.kept.terms.body_sha256);
                let mut put = PutObject::new(&bucket, Some(&login), object);
                put.headers_mut().insert("x-amz-checksum-sha256", digest.clone());
                (put.sign(SIGNED), request.header("x-amz-checksum-sha256", digest))
            }
            PlaceStep::Remove => (
                DeleteObject::new(&bucket, Some(&login), object).sign(SIGNED),
                request,
            ),
        };
        // The very path that was granted, and behind it the signature.
        if url.path() != path {
            return Err(invalid());
        }
        Ok(request.uri(format!("{path}?{}", url.query().unwrap_or_default())))
    }
}

/// Sends one request. What is answered beside the head is of no use, and is not read.
async fn exchange<S>(stream: S, request: Request<Pieces>) -> Result<Answered, CallFailure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MOST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| CallFailure::ConnectionLost)?;
    let asked = sender.send_request(request);
    pin!(connection, asked);
    let mut running = true;
    let (head, _) = loop {
        tokio::select! {
            answer = &mut asked => break answer.map_err(|error| of_head(&error))?.into_parts(),
            // Its error comes out of the other as well.
            _ = &mut connection, if running => running = false,
        }
    };
    let length = head.headers.get(CONTENT_LENGTH);
    Ok(Answered {
        status: head.status,
        length: length.and_then(|value| value.to_str().ok()?.parse().ok()),
    })
}

/// Asks a place that answers `bytes`, for tests that have it answer any bytes; gives the status and the length that
/// it names.
#[cfg(any(test, feature = "fuzzing"))]
pub async fn hear_place(bytes: &[u8]) -> Option<(u16, Option<u64>)> {
    let (ours, mut theirs) = tokio::io::duplex(2 * MOST_HEAD);
    let answer = async {
        // Who answers before it is asked is another matter.
        theirs.read_u8().await.ok()?;
        theirs.write_all(bytes).await.ok()?;
        theirs.shutdown().await.ok()
    };
    let request = Request::head("/a").body(Pieces::default()).ok()?;
    let (_, answered) = tokio::join!(answer, exchange(ours, request));
    answered
        .ok()
        .map(|answered| (answered.status.as_u16(), answered.length))
}

const fn taken(is: bool) -> Result<(), CallFailure> {
    if is { Ok(()) } else { Err(CallFailure::NotKept) }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn of_an_answer_its_status_and_length_count_wherever_it_ends() {
        let runtime = Builder::new_current_thread().build().unwrap();
        for (answer, heard) in [
            (
                &b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"[..],
                Some((200, Some(7))),
            ),
            (b"HTTP/1.1 404 Not Found\r\nx: y\r\n\r\n<html>", Some((404, None))),
            (
                b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
                Some((200, None)),
            ),
            (b"SSH-2.0-x\r\n", None),
        ] {
            assert_eq!(runtime.block_on(hear_place(answer)), heard);
            for end in 0..answer.len() {
                let cut = runtime.block_on(hear_place(&answer[..end]));
                assert!(cut.is_none() || cut == heard);
            }
        }
    }
}
