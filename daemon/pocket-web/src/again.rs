//! A page whose form shows again what was typed into it when it could not be taken.

use std::convert::Infallible;
use std::time::Instant;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;

use crate::door::{Door, cookie, drop_cookie};
use crate::fields::Fields;
use crate::guard::append_cookie;
use crate::present::{Notice, Shell, page};
use crate::trouble::Trouble;

/// What its writer had typed into the form of this very page when it could not be taken. Taken out: it
/// is shown once.
pub(crate) struct Again {
    fields: Option<Fields>,
    /// Whether there is more in the form than was kept.
    partly: bool,
    /// Makes the browser forget the cookie, once it opens nothing more.
    cookie: Option<String>,
}

impl Again {
    /// What was typed.
    pub(crate) fn fields(&self) -> Option<&Fields> {
        self.fields.as_ref()
    }

    /// A text that was typed; else what stands there otherwise.
    pub(crate) fn text_or(&self, name: &str, otherwise: impl FnOnce() -> String) -> String {
        self.fields()
            .map_or_else(otherwise, |fields| fields.text(name).to_owned())
    }

    /// The frame of the page, telling about it.
    pub(crate) fn tell(&self, mut shell: Shell) -> Shell {
        if self.fields.is_some() {
            let t = shell.look.words();
            let remedy = if self.partly {
                t.kept_partly_do
            } else {
                t.kept_again_do
            };
            shell.notice = Some(Notice {
                remedy: remedy.into(),
                ..Notice::good(t.kept_again)
            });
            shell.unsaved = true;
        }
        shell
    }

    /// The page.
    pub(crate) fn page(self, template: &impl Template) -> Result<Response, Trouble> {
        let mut response = page(template)?;
        if let Some(cookie) = &self.cookie {
            append_cookie(&mut response, cookie);
        }
        Ok(response)
    }
}

impl FromRequestParts<Door> for Again {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, door: &Door) -> Result<Self, Infallible> {
        let now = Instant::now();
        let key = cookie(&parts.headers, &door.kept_cookie());
        let fields = key.and_then(|key| door.kept().take(key, parts.uri.path(), now));
        let over = key.is_some_and(|key| !door.kept().waits(key, now));
        Ok(Self {
            cookie: over.then(|| drop_cookie(&door.kept_cookie())),
            fields,
            partly: !parts.uri.path().starts_with("/records/"),
        })
    }
}
