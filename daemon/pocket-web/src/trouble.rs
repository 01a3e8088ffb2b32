//! What goes wrong, as a page in words. The one place where failures become HTTP.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use pocket_core::{Failure, FailureKind};

use crate::fields::Fields;
use crate::guard::append_cookie;
use crate::look::Look;
use crate::present::{Notice, Phrase, phrase};
use crate::words::Words;

/// Why a request was not answered with what it asked for.
pub(crate) enum Trouble {
    /// The engine said no.
    Failure(Failure),
    /// Sent by a page that is not this door's.
    ForeignPage,
    /// What was typed is kept, and shown again there.
    Kept {
        /// Path of the next page.
        next: String,
        /// The cookie that opens it, if the browser has none yet.
        cookie: Option<String>,
    },
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
        | FailureKind::Newer
        | FailureKind::Uncertain => StatusCode::INTERNAL_SERVER_ERROR,
        FailureKind::Full => StatusCode::INSUFFICIENT_STORAGE,
        FailureKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        FailureKind::Locked | FailureKind::WrongCredential => StatusCode::UNAUTHORIZED,
        FailureKind::NotFound => StatusCode::NOT_FOUND,
        FailureKind::Refused => StatusCode::FORBIDDEN,
        FailureKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        FailureKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// What is to be told. The answer of a handler carries it as far as the perimeter, which knows in
/// which language: a handler that fails need not.
#[derive(Clone)]
pub(crate) struct Told(Arc<Trouble>);

/// The page that says so. Outside of any session: it shows nothing of the owner's but what the
/// request itself brought.
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    look: Look,
    title: &'static str,
    message: Phrase,
    remedy: Phrase,
    again: Option<Again<'a>>,
}

/// A form to send again.
struct Again<'a> {
    action: &'a str,
    form_token: &'a str,
    fields: &'a Fields,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let locked = matches!(&self, Self::Failure(failure) if failure.kind == FailureKind::Locked);
        let wait = if let Self::Throttled(seconds) = &self {
            Some(*seconds)
        } else {
            None
        };
        let mut response = match &self {
            Self::Kept { next, cookie } => {
                let mut response = Redirect::to(next).into_response();
                if let Some(cookie) = cookie {
                    append_cookie(&mut response, cookie);
                }
                return response;
            }
            Self::LogIn { next } => Redirect::to(&login_path(next)).into_response(),
            told => told.status().into_response(),
        };
        if let Some(value) = wait.and_then(|seconds| HeaderValue::from_str(&seconds.to_string()).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        if locked {
            response.extensions_mut().insert(VaultLocked);
        }
        if !matches!(self, Self::LogIn { .. }) {
            response.extensions_mut().insert(Told(Arc::new(self)));
        }
        response
    }
}

impl Told {
    /// Puts the page into the answer that brought this.
    pub(crate) fn tell(&self, look: Look, response: Response) -> Response {
        let mut page = Html(self.0.page(look)).into_response();
        *page.status_mut() = response.status();
        for (name, value) in response.headers() {
            if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
                page.headers_mut().append(name, value.clone());
            }
        }
        page
    }
}

/// The login page, knowing where to go afterwards.
pub(crate) fn login_path(next: &str) -> String {
    if next == "/" {
        return "/unlock".to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    format!("/unlock?{query}")
}

impl Trouble {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Failure(failure) => status_of(failure.kind),
            Self::ForeignPage | Self::StaleForm(_) => StatusCode::FORBIDDEN,
            Self::Kept { .. } | Self::LogIn { .. } | Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Template | Self::Unguarded => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn page(&self, look: Look) -> String {
        let t = look.words();
        let (title, message, remedy) = self.words(look, t);
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
            look,
            title,
            message,
            remedy,
            again,
        };
        // Only a writer that fails makes rendering fail, and this one is memory.
        page.render().unwrap_or_default()
    }

    fn words(&self, look: Look, t: &'static Words) -> (&'static str, Phrase, Phrase) {
        let (title, message, remedy) = match self {
            Self::Failure(failure) => {
                let Notice { message, remedy, .. } = Notice::of(look, failure);
                return (title_of(t, failure.kind), message, remedy);
            }
            Self::Throttled(seconds) => {
                let remedy = phrase(t, t.too_many_do, &[*seconds]);
                return (t.too_many, t.too_many_why.into(), remedy);
            }
            other => other.fixed_words(t),
        };
        (title, message.into(), remedy.into())
    }

    const fn fixed_words(&self, t: &'static Words) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ForeignPage => (t.refused, t.foreign_page, t.foreign_page_do),
            Self::Kept { .. } | Self::LogIn { .. } | Self::SignedOut => {
                (t.logged_out, t.logged_out_why, t.logged_out_do)
            }
            Self::NotAForm => (t.not_understood, t.not_a_form, t.not_a_form_do),
            Self::NotFound => (t.no_such_page, t.no_such_page_why, t.begin_at_home),
            Self::StaleForm(Some(_)) => (t.send_it_again, t.stale_record, t.stale_record_do),
            Self::StaleForm(None) => (t.out_of_date, t.stale_form, t.stale_form_do),
            Self::TooLarge => (t.too_large, t.too_large_why, t.too_large_do),
            Self::WrongMethod => (t.not_possible_here, t.wrong_method, t.begin_at_home),
            Self::WrongHost => (t.wrong_address, t.wrong_host, t.wrong_host_do),
            Self::Failure(_) | Self::Template | Self::Throttled(_) | Self::Unguarded => {
                (t.broke, t.broke_why, t.broke_do)
            }
        }
    }
}

const fn title_of(t: &Words, kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Conflict => t.kind_conflict,
        FailureKind::ConsentNeeded => t.kind_consent,
        FailureKind::Damaged | FailureKind::Newer => t.kind_damaged,
        FailureKind::DeviceSecretForeign | FailureKind::DeviceSecretMissing => t.device_secret,
        FailureKind::Full => t.kind_full,
        FailureKind::Internal => t.broke,
        FailureKind::Invalid => t.kind_invalid,
        FailureKind::Locked => t.kind_locked,
        FailureKind::NotFound => t.kind_not_found,
        FailureKind::NotSetUp => t.kind_not_set_up,
        FailureKind::Refused => t.refused,
        FailureKind::Throttled => t.kind_throttled,
        FailureKind::Unavailable => t.kind_unavailable,
        FailureKind::Uncertain => t.kind_uncertain,
        FailureKind::WrongCredential => t.kind_credential,
    }
}
