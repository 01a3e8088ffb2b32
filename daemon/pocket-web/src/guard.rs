//! Who may use a route: each has one of these guards, and `routes.txt` lists which.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pocket_core::{LockState, Status};

use crate::door::{Door, cookie, set_cookie};
use crate::fields::{FORM_TOKEN, Fields};
use crate::kept::may_be_kept;
use crate::look::Look;
use crate::session::{CookieToken, NoSession, SessionId};
use crate::trouble::{Trouble, VaultLocked, login_path};

/// Most bytes of a form: 64 KiB.
const FORM_BYTES: usize = 64 * 1024;
/// Most bytes of a form that carries nothing but a passphrase: 4 KiB.
const ESTIMATE_BYTES: usize = 4 * 1024;
/// Most bytes of a text that goes with an upload: 8 KiB.
pub(crate) const UPLOAD_TEXT_BYTES: usize = 8 * 1024;
/// Most bytes of a form that carries a record: the 8 MiB of its texts, and what is around them.
const RECORD_BYTES: usize = 9 * 1024 * 1024;

/// The guard of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Guard {
    /// Anyone: a part of the program itself, the same on every device.
    Asset,
    /// Anyone; brings the form's token along, in at most 4 KiB, 240 times a minute. For what changes
    /// nothing and must not stand in an address.
    Estimate,
    /// A session, which it does not keep alive: a page that waits is no owner at work.
    Events,
    /// As [`Guard::Owner`]; what someone typed whose session was over is kept, but for passphrases and
    /// the values of secrets.
    Form,
    /// A session; a change brings the form's token along, in at most 64 KiB.
    Owner,
    /// As [`Guard::Form`], in at most 9 MiB.
    Record,
    /// A session; the handler checks the form's token in the first part, before it takes a byte of
    /// the file that follows. Of someone whose session was over the texts before the file are kept.
    Upload,
    /// Anyone; a change brings the form's token along, in at most 64 KiB, 20 times a minute.
    Visitor,
}

impl Guard {
    /// Most bytes that it reads of a form; `None` where the handler reads it.
    const fn form_bytes(self) -> Option<usize> {
        match self {
            Self::Asset | Self::Estimate | Self::Events | Self::Upload => None,
            Self::Form | Self::Owner | Self::Visitor => Some(FORM_BYTES),
            Self::Record => Some(RECORD_BYTES),
        }
    }

    /// Whether a form is kept for someone whose session was over.
    const fn keeps(self) -> bool {
        matches!(self, Self::Form | Self::Record | Self::Upload)
    }
}

/// Someone without a session.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// What the forms of the page must bring along.
    pub(crate) form_token: String,
    /// The session whose cookie came along, if it is alive.
    pub(crate) session: Option<SessionId>,
    /// How the page looks to them.
    pub(crate) look: Look,
}

/// The owner: a session is alive and the vault is open.
#[derive(Clone)]
pub(crate) struct Owner {
    /// Which session.
    pub(crate) session: SessionId,
    /// What the forms of the page must bring along.
    pub(crate) form_token: String,
    /// How the device is.
    pub(crate) status: Arc<Status>,
    /// How the page looks to them.
    pub(crate) look: Look,
}

/// Lets a request in to where its guard allows.
pub(crate) async fn enter(
    State((door, guard)): State<(Door, Guard)>,
    request: Request,
    next: Next,
) -> Response {
    let outcome = match guard {
        Guard::Asset => Ok(next.run(request).await),
        Guard::Estimate => estimate(&door, request, next).await,
        Guard::Events => watch(&door, request, next).await,
        Guard::Visitor => visit(&door, request, next).await,
        Guard::Form | Guard::Owner | Guard::Record | Guard::Upload => own(&door, guard, request, next).await,
    };
    outcome.unwrap_or_else(IntoResponse::into_response)
}

async fn watch(door: &Door, mut request: Request, next: Next) -> Result<Response, Trouble> {
    let session = session(door, request.headers()).ok_or(Trouble::SignedOut)?;
    if !door.sessions().lives(session, Instant::now()) {
        return Err(Trouble::SignedOut);
    }
    request.extensions_mut().insert(session);
    Ok(next.run(request).await)
}

/// The token may be that of a session or that of a visitor: both type passphrases.
async fn estimate(door: &Door, request: Request, next: Next) -> Result<Response, Trouble> {
    door.count_estimate(Instant::now()).map_err(Trouble::Throttled)?;
    let cookies = [door.session_cookie(), door.visitor_cookie()].map(|name| {
        let brought = cookie(request.headers(), &name);
        brought.unwrap_or_default().to_owned()
    });
    let (mut parts, body) = request.into_parts();
    let fields = Fields::read(Request::from_parts(parts.clone(), body), ESTIMATE_BYTES).await?;
    let shown = fields.text(FORM_TOKEN);
    let known = |cookie: &&String| !cookie.is_empty() && door.form_token_matches(cookie, shown);
    if !cookies.iter().any(|cookie| known(&cookie)) {
        return Err(Trouble::StaleForm(None));
    }
    parts.extensions.insert(fields);
    Ok(next
        .run(Request::from_parts(parts, axum::body::Body::empty()))
        .await)
}

async fn visit(door: &Door, mut request: Request, next: Next) -> Result<Response, Trouble> {
    let now = Instant::now();
    let brought = cookie(request.headers(), &door.visitor_cookie()).map(str::to_owned);
    let session = session(door, request.headers()).filter(|id| door.sessions().lives(*id, now));
    let change = is_change(&request);
    if change {
        door.count_visitor(now).map_err(Trouble::Throttled)?;
        request = with_fields(
            door,
            brought.as_deref().unwrap_or_default(),
            Guard::Visitor,
            request,
        )
        .await?;
    }
    let fresh = brought.is_none().then(CookieToken::generate);
    let known = fresh
        .as_ref()
        .map(CookieToken::expose_str)
        .or(brought.as_deref())
        .unwrap_or_default();
    let form_token = door.form_token(known);
    let look = look(&request)?;
    request.extensions_mut().insert(Visitor {
        form_token,
        session,
        look,
    });
    let mut response = next.run(request).await;
    if let Some(token) = fresh {
        append_cookie(
            &mut response,
            &set_cookie(&door.visitor_cookie(), token.expose_str()),
        );
    }
    Ok(response)
}

async fn own(door: &Door, guard: Guard, mut request: Request, next: Next) -> Result<Response, Trouble> {
    let brought = cookie(request.headers(), &door.session_cookie())
        .unwrap_or_default()
        .to_owned();
    let session = SessionId::of(&brought);
    match door.sessions().touch(session, Instant::now()) {
        Ok(()) => {}
        Err(NoSession::Over) => return Err(signed_out(door, guard, &brought, request).await),
        Err(NoSession::Throttled(seconds)) => return Err(Trouble::Throttled(seconds)),
    }
    let status = Arc::new(door.owner_status().await?);
    if status.state != LockState::Unlocked {
        door.sessions().end_all();
        return Err(signed_out(door, guard, &brought, request).await);
    }
    door.sessions().forget_deleted(Instant::now());
    door.sessions()
        .end_of_other_salts(door.handle().passphrase_salt().await?);
    if !door.sessions().lives(session, Instant::now()) {
        return Err(signed_out(door, guard, &brought, request).await);
    }
    let locked = wanted(&request);
    if is_change(&request) && guard.form_bytes().is_some() {
        request = with_fields(door, &brought, guard, request).await?;
    }
    let form_token = door.form_token(&brought);
    let look = look(&request)?;
    request.extensions_mut().insert(Owner {
        session,
        form_token,
        status,
        look,
    });
    let response = next.run(request).await;
    if response.extensions().get::<VaultLocked>().is_some() {
        door.sessions().end_all();
        return Err(locked);
    }
    Ok(response)
}

/// How the page looks; the perimeter has found it out.
fn look(request: &Request) -> Result<Look, Trouble> {
    request
        .extensions()
        .get::<Look>()
        .copied()
        .ok_or(Trouble::Unguarded)
}

fn is_change(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD)
}

/// The session that the request's cookie names, alive or not.
fn session(door: &Door, headers: &HeaderMap) -> Option<SessionId> {
    cookie(headers, &door.session_cookie()).map(SessionId::of)
}

/// Most bytes of a form that is kept for someone without a session.
const KEPT_BYTES: usize = 1024 * 1024;

/// Where someone without a session goes: a page is shown after the login; what was typed into a form is
/// kept and shown in it again.
async fn signed_out(door: &Door, guard: Guard, brought: &str, request: Request) -> Trouble {
    let trouble = wanted(&request);
    if !is_change(&request) || !guard.keeps() {
        return trouble;
    }
    let now = Instant::now();
    if let Err(seconds) = door.count_visitor(now) {
        return Trouble::Throttled(seconds);
    }
    // Whoever can connect may send this: one at a time, and no larger than a small board can spare.
    let Some(_one) = door.kept().begin() else {
        return trouble;
    };
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let read = match guard {
        Guard::Upload => Fields::read_before_files(request, UPLOAD_TEXT_BYTES).await,
        _ if has_parts(&headers) => Fields::read_before_files(request, KEPT_BYTES).await,
        _ => Fields::read(request, KEPT_BYTES).await,
    };
    let Ok(fields) = read else {
        return trouble;
    };
    // A browser that logged out or locked in another tab has no cookie left to go with the token, and
    // after a restart no token is known any more; the perimeter has seen that no foreign page sent this.
    let own = brought.is_empty()
        || door.sessions().count(now) == 0
        || door.form_token_matches(brought, fields.text(FORM_TOKEN));
    if !own {
        return trouble;
    }
    keep(door, &headers, &path, &fields, login_path(&path), now).unwrap_or(trouble)
}

/// Whether a form may have files in it.
fn has_parts(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/"))
}

/// Keeps what may be kept of a form that was sent to `path`, and leads to `next`; `None` if there is
/// nothing to keep.
pub(crate) fn keep(
    door: &Door,
    headers: &HeaderMap,
    path: &str,
    fields: &Fields,
    next: String,
    now: Instant,
) -> Option<Trouble> {
    let fields = fields.only(|name| may_be_kept(path, name));
    if fields.is_empty() {
        return None;
    }
    let before = cookie(headers, &door.kept_cookie());
    let key = door.kept().keep(path, &fields, before, now);
    Some(Trouble::Kept {
        next,
        cookie: key.map(|key| set_cookie(&door.kept_cookie(), key.expose_str())),
    })
}

fn wanted(request: &Request) -> Trouble {
    if is_change(request) {
        return Trouble::SignedOut;
    }
    let wanted = request
        .uri()
        .path_and_query()
        .map_or("/", |wanted| wanted.as_str());
    Trouble::LogIn {
        next: wanted.to_owned(),
    }
}

/// Reads the form and lets it pass if it brings the token of the browser with this cookie along.
async fn with_fields(door: &Door, cookie: &str, guard: Guard, request: Request) -> Result<Request, Trouble> {
    let (parts, body) = request.into_parts();
    let limit = guard.form_bytes().ok_or(Trouble::Unguarded)?;
    let fields = Fields::read(Request::from_parts(parts.clone(), body), limit).await?;
    // The token of a browser without a cookie would be known to anyone.
    if cookie.is_empty() || !door.form_token_matches(cookie, fields.text(FORM_TOKEN)) {
        return Err(stale(door, cookie, guard, &parts, fields));
    }
    let mut request = Request::from_parts(parts, axum::body::Body::empty());
    request.extensions_mut().insert(fields);
    Ok(request)
}

/// A form of an earlier session: shown again with what was typed, to be sent once more.
fn stale(door: &Door, cookie: &str, guard: Guard, parts: &Parts, fields: Fields) -> Trouble {
    let path = parts.uri.path();
    if cookie.is_empty() || !guard.keeps() || fields.text(FORM_TOKEN).is_empty() {
        return Trouble::StaleForm(None);
    }
    if fields.bytes() > KEPT_BYTES {
        return Trouble::StaleForm(Some((path.to_owned(), door.form_token(cookie), fields)));
    }
    keep(
        door,
        &parts.headers,
        path,
        &fields,
        path.to_owned(),
        Instant::now(),
    )
    .unwrap_or(Trouble::StaleForm(None))
}

/// Adds a cookie to an answer.
pub(crate) fn append_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

impl<S: Sync> FromRequestParts<S> for Owner {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Self>().cloned().ok_or(Trouble::Unguarded)
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Self>().cloned().ok_or(Trouble::Unguarded)
    }
}
