//! What every HTTP request passes before the protocol sees it: the token, the limits, and whose
//! session it is. Host and Origin are checked right behind, by the SDK, against [`crate::router`]'s
//! lists.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pocket_core::{Agent, Failure, FailureKind};
use pocket_crypto::{SecretBytes, token};
use pocket_service::Handle;
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::json;

use crate::callers::{Callers, Digest, Proof};
use crate::server::{Caller, in_words, nobody_can_tell};

/// The header that names a session, in the revisions of the protocol that have them.
pub(crate) const SESSION: &str = "mcp-session-id";

/// The gate. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate {
    handle: Handle,
    sessions: Arc<LocalSessionManager>,
    callers: Arc<Mutex<Callers>>,
}

/// Why a request goes no further.
enum Turned {
    /// No token, or none that is an agent's.
    Away(Option<Failure>),
    /// A session that this token did not begin, or that is over.
    NoSession,
    /// Too many.
    Slower(Duration),
    /// Too many of this agent's.
    TooOften(Failure),
    /// The engine gives no answer.
    Unavailable(Failure),
}

impl Gate {
    /// A gate before `sessions`.
    pub(crate) fn new(handle: Handle, sessions: Arc<LocalSessionManager>) -> Self {
        Self {
            handle,
            sessions,
            callers: Arc::new(Mutex::new(Callers::new())),
        }
    }

    /// Lets a request through to the protocol, or not.
    pub(crate) async fn pass(State(gate): State<Self>, request: Request, next: Next) -> Response {
        match gate.through(request, next).await {
            Ok(response) => response,
            Err(turned) => turned.into_response(),
        }
    }

    async fn through(&self, mut request: Request, next: Next) -> Result<Response, Turned> {
        let shown = bearer(request.headers()).ok_or(Turned::Away(None))?;
        // The token goes no further: neither the SDK nor its log lines see it.
        request.headers_mut().remove(AUTHORIZATION);
        let digest = token::hash(&shown);
        let caller = self.recognise(&digest, shown).await?;
        let proof = if caller.is_ok() {
            Proof::Right
        } else {
            Proof::Unproven
        };
        self.callers()
            .passed(&digest, proof, Instant::now())
            .map_err(Turned::Slower)?;

        let session = session_id(request.headers());
        if let Some(id) = &session
            && !self.callers().owns(&digest, id, Instant::now())
        {
            return Err(Turned::NoSession);
        }
        let ends = request.method() == Method::DELETE;
        request.extensions_mut().insert(Caller(caller));
        let response = in_our_words(next.run(request).await);
        match session {
            Some(id) if ends && response.status().is_success() => {
                self.callers().unbind(&id);
                // The SDK says 202, which the Python client takes for a failure.
                return Ok(StatusCode::NO_CONTENT.into_response());
            }
            Some(_) => {}
            None => self.bind(&digest, response.headers(), proof).await,
        }
        Ok(response)
    }

    /// Whose token it is. While the vault is locked nobody can tell: the caller then gets as far as
    /// the list of tools, which is no secret, and each call says what the owner can do.
    async fn recognise(&self, digest: &Digest, shown: String) -> Result<Result<Agent, Failure>, Turned> {
        match self.handle.agent(SecretBytes::new(shown.into_bytes())).await {
            Ok(agent) => Ok(Ok(agent)),
            Err(failure) if nobody_can_tell(&failure) => Ok(Err(failure)),
            Err(failure) if failure.kind == FailureKind::WrongCredential => {
                let (sessions, counted) = self.callers().failed(digest, Instant::now());
                for session in sessions {
                    self.close(session).await;
                }
                counted.map_err(Turned::Slower)?;
                Err(Turned::Away(Some(failure)))
            }
            Err(failure) if failure.kind == FailureKind::Throttled => Err(Turned::TooOften(failure)),
            Err(failure) => Err(Turned::Unavailable(failure)),
        }
    }

    /// Binds the session that this response begins, if it does.
    async fn bind(&self, digest: &Digest, headers: &HeaderMap, proof: Proof) {
        let Some(id) = session_id(headers) else { return };
        let closed = self.callers().bind(digest, id, proof, Instant::now());
        if let Some(session) = closed {
            self.close(session).await;
        }
    }

    async fn close(&self, session: String) {
        if let Err(error) = self.sessions.close_session(&session.into()).await {
            tracing::debug!(%error, "a session was over before it was closed");
        }
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Self::Away(why) => {
                let challenge = match why {
                    None => "Bearer realm=\"pocketai\"",
                    Some(_) => "Bearer realm=\"pocketai\", error=\"invalid_token\"",
                };
                let why = why.unwrap_or_else(no_token);
                let mut response = said(StatusCode::UNAUTHORIZED, &in_words(&why));
                response
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
                response
            }
            Self::NoSession => said(
                StatusCode::NOT_FOUND,
                "no such session of yours \u{2014} initialize again",
            ),
            Self::Slower(wait) => {
                let seconds = wait.as_secs() + 1;
                slower(
                    seconds,
                    &format!("too many requests in a minute \u{2014} come back in {seconds} s"),
                )
            }
            // The minute is over then at the latest; the words say how long it is.
            Self::TooOften(failure) => slower(60, &in_words(&failure)),
            Self::Unavailable(failure) => said(StatusCode::SERVICE_UNAVAILABLE, &in_words(&failure)),
        }
    }
}

fn slower(seconds: u64, words: &str) -> Response {
    let mut response = said(StatusCode::TOO_MANY_REQUESTS, words);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The token of RFC 6750, section 2.1; never from the address, where it would end up in histories.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then(|| token.to_owned())
}

fn session_id(headers: &HeaderMap) -> Option<String> {
    headers
        .get(SESSION)
        .map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned())
}

/// What the SDK refuses before it is a call, it refuses in words that tell an agent's author little.
/// They may also quote the request; ours never do.
fn in_our_words(response: Response) -> Response {
    let words = match response.status() {
        StatusCode::FORBIDDEN => {
            "this name or this page may not speak to the device \u{2014} call 127.0.0.1 or localhost, with its port, and from no other page"
        }
        StatusCode::METHOD_NOT_ALLOWED => "this method is none of MCP's \u{2014} POST one JSON-RPC message",
        StatusCode::NOT_ACCEPTABLE => {
            "the answer may come as JSON or as events \u{2014} send `Accept: application/json, text/event-stream`"
        }
        StatusCode::PAYLOAD_TOO_LARGE => {
            "a request has at most 1 MiB \u{2014} send less at a time; the owner brings large files in with `pocketctl import`"
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "the request is not JSON that MCP knows \u{2014} send one JSON-RPC message, with `Content-Type: application/json`"
        }
        _ => return response,
    };
    let mut reworded = said(response.status(), words);
    if let Some(allowed) = response.headers().get(ALLOW) {
        reworded.headers_mut().insert(ALLOW, allowed.clone());
    }
    reworded
}

/// A JSON-RPC error without an id: the body was not read.
fn said(status: StatusCode, words: &str) -> Response {
    let body = json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32_000, "message": words } });
    // The rest of the request is not read, so the connection can't be used again: clients must know.
    let headers = [(CONTENT_TYPE, "application/json"), (CONNECTION, "close")];
    (status, headers, body.to_string()).into_response()
}

fn no_token() -> Failure {
    Failure::new(
        FailureKind::WrongCredential,
        "this request shows no agent token",
        "send `Authorization: Bearer TOKEN`; the owner makes one with `pocketctl agent add NAME --scope ...`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (AUTHORIZATION, HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_one_bearer_token_counts() {
        assert_eq!(bearer(&headers(&["Bearer pai_x"])).as_deref(), Some("pai_x"));
        assert_eq!(bearer(&headers(&["bearer  pai_x "])).as_deref(), Some("pai_x"));
        for none in [
            &[][..],
            &["pai_x"],
            &["Basic pai_x"],
            &["Bearer "],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(bearer(&headers(none)), None, "{none:?}");
        }
    }
}
