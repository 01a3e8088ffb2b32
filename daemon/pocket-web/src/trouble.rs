//! What goes wrong, as a page in words. The one place where failures become HTTP.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use pocket_core::{Failure, FailureKind};

use crate::fields::Fields;

/// Why a request was not answered with what it asked for.
pub(crate) enum Trouble {
    /// The engine said no.
    Failure(Failure),
    /// Sent by a page that is not this door's.
    ForeignPage,
    /// A session is needed; where to go afterwards.
    LogIn {
        /// Path and query of the page that was wanted.
        next: String,
    },
    /// The body is no form.
    NotAForm,
    /// No such page.
    NotFound,
    /// The session ended before the form was sent.
    SignedOut,
    /// The form is of an earlier session; its action, the token of now, and what it said.
    StaleForm(Option<(String, String, Fields)>),
    /// A template failed.
    Template,
    /// Too many requests; seconds to wait.
    Throttled(u64),
    /// The body is larger than this route takes.
    TooLarge,
    /// A handler asked for what its guard does not give: a defect of this program.
    Unguarded,
    /// The page can't do that.
    WrongMethod,
    /// The request names another host.
    WrongHost,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<askama::Error> for Trouble {
    fn from(_: askama::Error) -> Self {
        Self::Template
    }
}

/// Marks an answer that was made because the vault is locked: its guard shows the login instead.
#[derive(Clone, Copy)]
pub(crate) struct VaultLocked;

/// The status of a failure of the engine.
pub(crate) const fn status_of(kind: FailureKind) -> StatusCode {
    match kind {
        FailureKind::Conflict | FailureKind::ConsentNeeded | FailureKind::NotSetUp => StatusCode::CONFLICT,
        FailureKind::Damaged
        | FailureKind::DeviceSecretForeign
        | FailureKind::DeviceSecretMissing
        | FailureKind::Internal
        | FailureKind::Newer => StatusCode::INTERNAL_SERVER_ERROR,
        FailureKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::Locked | FailureKind::WrongCredential => StatusCode::UNAUTHORIZED,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Refused => StatusCode::FORBIDDEN,
        FailureKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The page that says so. Outside of any session: it shows nothing of the owner's but what the
/// request itself brought.
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage {
    title: &'static str,
    message: String,
    remedy: String,
    again: Option<Again>,
}

/// A form to send again.
struct Again {
    action: String,
    form_token: String,
    fields: Fields,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let locked = matches!(&self, Self::Failure(failure) if failure.kind == FailureKind::Locked);
        let wait = if let Self::Throttled(seconds) = &self {
            Some(*seconds)
        } else {
            None
        };
        let mut response = match self {
            Self::LogIn { next } => Redirect::to(&login_path(&next)).into_response(),
            told => told.page(),
        };
        if let Some(value) = wait.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if locked {
            response.extensions_mut().insert(VaultLocked);
        }
        response
    }
}

/// The login page, knowing where to go afterwards.
fn login_path(next: &str) -> String {
    if next == "/" {
        return "/unlock".to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("/unlock?{query}")
}

impl Trouble {
    fn page(self) -> Response {
        let (status, title, message, remedy) = self.words();
        let again = if let Self::StaleForm(Some((action, form_token, fields))) = self {
            Some(Again {
                action,
                form_token,
                fields,
            })
        } else {
            None
        };
        let page = TroublePage {
            title,
            message,
            remedy,
            again,
        }
        .render();
        // Only a writer that fails makes rendering fail, and this one is memory.
        (status, Html(page.unwrap_or_default())).into_response()
    }

    fn words(&self) -> (StatusCode, &'static str, String, String) {
        let (status, title, message, remedy) = match self {
            Self::Failure(failure) => {
                let words = (failure.message.clone(), failure.remedy.clone());
                return (status_of(failure.kind), title_of(failure.kind), words.0, words.1);
            }
            Self::Throttled(seconds) => {
                let remedy = format!("Wait {seconds} seconds, then try again.");
                let message = "There were more requests in a minute than one person makes.".to_owned();
                return (
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many requests",
                    message,
                    remedy,
                );
            }
            other => other.fixed_words(),
        };
        (status, title, message.to_owned(), remedy.to_owned())
    }

    const fn fixed_words(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::ForeignPage => (
                StatusCode::FORBIDDEN,
                "Refused",
                "This request was sent by a page that is not PocketAI's.",
                "Open PocketAI itself and do it there.",
            ),
            Self::LogIn { .. } | Self::SignedOut => (
                StatusCode::UNAUTHORIZED,
                "Logged out",
                "Your session ended before this was sent; nothing was changed.",
                "Log in in another tab. Then come back to this one, go one page back, where your text still is, and send it again.",
            ),
            Self::NotAForm => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Not understood",
                "This request is not a form of PocketAI's.",
                "Go back and use the form on the page.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "No such page",
                "There is nothing at this address.",
                "Begin at the home page.",
            ),
            Self::StaleForm(Some(_)) => (
                StatusCode::FORBIDDEN,
                "Send it again?",
                "This form is of an earlier session, so nothing was saved yet.",
                "If you wrote what is shown here, send it again.",
            ),
            Self::StaleForm(None) => (
                StatusCode::FORBIDDEN,
                "Form out of date",
                "This form is of an earlier session; nothing was changed.",
                "Go back, load the page anew and send the form again. Cookies must be allowed for this address.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Too large",
                "This is more than the page takes in at once; nothing was saved.",
                "A record holds at most 8 MiB of text. Keep longer ones as a document.",
            ),
            Self::WrongMethod => (
                StatusCode::METHOD_NOT_ALLOWED,
                "Not possible here",
                "This address can't be used in that way.",
                "Begin at the home page.",
            ),
            Self::WrongHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "Wrong address",
                "PocketAI answers only under the address of this very device.",
                "Open it as http://127.0.0.1 or http://localhost with its port, as pocketd printed it.",
            ),
            Self::Failure(_) | Self::Template | Self::Throttled(_) | Self::Unguarded => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something broke",
                "The page could not be made.",
                "Try again; if it stays, read the journal of pocketd.",
            ),
        }
    }
}

const fn title_of(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Conflict => "Changed meanwhile",
        FailureKind::ConsentNeeded => "Waits for your consent",
        FailureKind::Damaged | FailureKind::Newer => "Stored data can't be used",
        FailureKind::DeviceSecretForeign | FailureKind::DeviceSecretMissing => "Device secret",
        FailureKind::Full => "No space left",
        FailureKind::Internal => "Something broke",
        FailureKind::Invalid => "Not possible",
        FailureKind::Locked => "Locked",
        FailureKind::NotFound => "Not found",
        FailureKind::NotSetUp => "Not set up yet",
        FailureKind::Refused => "Refused",
        FailureKind::Throttled => "Too many tries",
        FailureKind::Unavailable => "Nobody answers",
        FailureKind::WrongCredential => "Wrong passphrase",
    }
}
