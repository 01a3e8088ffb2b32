//! What every request passes and every answer carries: the name asked for, the page it came from,
//! the headers that keep a browser from being used against its owner.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::door::Door;
use crate::look::Look;
use crate::trouble::{Told, Trouble};

/// Everything from this program alone; no script or style inside the page; no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; connect-src 'self'";

/// For bytes of strangers that are shown: whatever they hold, it may not run, load or send.
const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'";

/// Marks an answer whose bytes came from a stranger.
#[derive(Clone, Copy)]
pub(crate) struct Sandboxed;

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Lets a request through if it is meant for this door and not sent by a foreign page.
pub(crate) async fn pass(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let checked = check(&door, request.method(), request.uri(), request.headers());
    let look = Look::of(request.headers(), &door.look_cookie());
    let mut response = match checked {
        Ok(()) => {
            request.extensions_mut().insert(look);
            next.run(request).await
        }
        Err(trouble) => trouble.into_response(),
    };
    if let Some(told) = response.extensions_mut().remove::<Told>() {
        response = told.tell(look, response);
    }
    let sandboxed = response.extensions_mut().remove::<Sandboxed>().is_some();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if sandboxed {
        let policy = HeaderValue::from_static(SANDBOX);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(door: &Door, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Trouble> {
    let host = only(headers, &header::HOST).ok_or(Trouble::WrongHost)?;
    let named = |name: &str| door.is_named(name);
    if !named(host)
        || uri
            .authority()
            .is_some_and(|authority| !named(authority.as_str()))
    {
        return Err(Trouble::WrongHost);
    }
    let site = FetchSite::of(headers);
    check_origin(host, site, headers)?;
    let change = !matches!(*method, Method::GET | Method::HEAD);
    match site {
        FetchSite::Absent | FetchSite::Own => Ok(()),
        FetchSite::Foreign if change => Err(Trouble::ForeignPage),
        // A link on a foreign page may lead here; it brings no session along. Nothing of this door
        // is to be embedded or fetched by one.
        FetchSite::Foreign if text(headers, "sec-fetch-mode") == Some("navigate") => Ok(()),
        FetchSite::Foreign => Err(Trouble::ForeignPage),
    }
}

/// Where the browser says that the request came from (W3C Fetch Metadata). Pages can't set it.
#[derive(Clone, Copy, Eq, PartialEq)]
enum FetchSite {
    /// The caller is no browser, or an old one.
    Absent,
    /// Another site, or another port of this host.
    Foreign,
    /// A page of this door, or the owner's own hand.
    Own,
}

impl FetchSite {
    fn of(headers: &HeaderMap) -> Self {
        match text(headers, "sec-fetch-site") {
            None => Self::Absent,
            Some("same-origin" | "none") => Self::Own,
            Some(_) => Self::Foreign,
        }
    }
}

/// Under `Referrer-Policy: no-referrer` a browser sends `Origin: null` with the forms of this very
/// door (Fetch, "append a request `Origin` header"), so that is right when the browser says that
/// the request is of the same origin, and only then.
fn check_origin(host: &str, site: FetchSite, headers: &HeaderMap) -> Result<(), Trouble> {
    if !headers.contains_key(header::ORIGIN) {
        return Ok(());
    }
    let origin = only(headers, &header::ORIGIN).ok_or(Trouble::ForeignPage)?;
    let own = origin
        .strip_prefix("http://")
        .is_some_and(|origin| origin.eq_ignore_ascii_case(host));
    let unnamed = origin == "null" && site == FetchSite::Own;
    if own || unnamed {
        Ok(())
    } else {
        Err(Trouble::ForeignPage)
    }
}

/// A header's value, if it is there once and is ASCII.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let first = values.next()?;
    if values.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

/// A header's value; of one that is there but unreadable, a text that matches nothing.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("unreadable"))
}
