//! Forms that came in after their session had ended, or from a page of the session before: kept until their writer has logged in again.
//!
//! The vault may be locked meanwhile, so a form is not kept readable: it is sealed under a key that
//! only the browser's cookie holds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pocket_crypto::{Context, Key, Sealer};
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use crate::fields::Fields;
use crate::session::{CookieToken, SessionId};

/// How long a form is kept.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// Most forms at once.
const MOST: usize = 4;

/// Whether a field of the form that was sent to `path` may be kept. What is not named here is not:
/// never a passphrase, and never the value of a secret.
pub(crate) fn may_be_kept(path: &str, name: &str) -> bool {
    match path {
        "/agents/new" => matches!(name, "name" | "scope"),
        "/ask" => matches!(name, "provider" | "text" | "purpose" | "with"),
        "/consent/standing" => matches!(
            name,
            "agent" | "provider" | "category" | "calls" | "bytes" | "minutes"
        ),
        "/device/backup/send" => matches!(name, "folder" | "protocol" | "region" | "secret" | "user"),
        "/device/erase" => name == "category",
        "/documents/upload" => matches!(name, "note" | "tags"),
        "/models/new" => matches!(
            name,
            "name" | "place" | "protocol" | "model" | "secret" | "price_in" | "price_out" | "currency"
        ),
        "/profile" => matches!(name, "profile" | "minutes"),
        "/secrets/set" => matches!(name, "name" | "note"),
        "/settings" => name == "auto_lock_minutes" || name.starts_with("retention_days."),
        // The forms of records hold nothing else than what the record says.
        _ => path.starts_with("/records/"),
    }
}

struct Form {
    browser: SessionId,
    path: String,
    sealed: Vec<u8>,
    since: Instant,
}

/// The forms that are kept.
pub(crate) struct Kept {
    forms: Mutex<VecDeque<Form>>,
    taking_in: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            forms: Mutex::default(),
            taking_in: Semaphore::new(1),
        }
    }
}

impl Kept {
    /// Leave to take one in; `None` while another is being taken in.
    pub(crate) fn begin(&self) -> Option<SemaphorePermit<'_>> {
        self.taking_in.try_acquire().ok()
    }

    /// Keeps a form that was sent to `path`; gives the cookie that opens it, unless that is the one
    /// which opens another of the same browser's already.
    pub(crate) fn keep(
        &self,
        path: &str,
        fields: &Fields,
        before: Option<&str>,
        now: Instant,
    ) -> Option<CookieToken> {
        let before = before.filter(|cookie| self.waits(cookie, now));
        let fresh = before.is_none().then(CookieToken::generate);
        let cookie = fresh.as_ref().map(CookieToken::expose_str).or(before)?;
        let text = Zeroizing::new(fields.to_text());
        let sealed = key(cookie).map_or_else(Vec::new, |key| {
            Sealer::new(&key).seal(&mut rand::rng(), &context(path), text.as_bytes())
        });
        let browser = SessionId::of(cookie);
        let mut forms = self.alive(now);
        // Sent again from the same page: the later one counts.
        forms.retain(|form| form.browser != browser || form.path != path || path.ends_with("/new"));
        forms.push_back(Form {
            browser,
            path: path.to_owned(),
            sealed,
            since: now,
        });
        while forms.len() > MOST {
            forms.pop_front();
        }
        drop(forms);
        fresh
    }

    /// Whether the browser with this cookie has a form here.
    pub(crate) fn waits(&self, cookie: &str, now: Instant) -> bool {
        self.alive(now)
            .iter()
            .any(|form| form.browser == SessionId::of(cookie))
    }

    /// Takes the form for `path` out.
    pub(crate) fn take(&self, cookie: &str, path: &str, now: Instant) -> Option<Fields> {
        let browser = SessionId::of(cookie);
        let mut forms = self.alive(now);
        let at = forms
            .iter()
            .position(|form| form.browser == browser && form.path == path)?;
        let form = forms.remove(at)?;
        let text = Sealer::new(&key(cookie)?)
            .open(&context(path), &form.sealed)
            .ok()?;
        Some(Fields::from_text(&text))
    }

    fn alive(&self, now: Instant) -> std::sync::MutexGuard<'_, VecDeque<Form>> {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms.retain(|form| now.saturating_duration_since(form.since) < LONGEST);
        forms
    }
}

/// The key that a cookie of 64 hexadecimal digits is.
fn key(cookie: &str) -> Option<Key> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    if cookie.len() != 64 {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(cookie.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(Key::from_bytes(*bytes))
}

/// A form opens only for the address that it was sent to.
const fn context(path: &str) -> Context<'_> {
    Context {
        category: 0,
        generation: 0,
        id: path.as_bytes(),
        schema: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fields: &Fields) -> String {
        fields.text("title").to_owned()
    }

    #[test]
    fn no_secret_is_kept_whatever_form_it_was_typed_into() {
        let posts = include_str!("../routes.txt").lines();
        let paths = posts.filter_map(|line| line.strip_prefix("POST ")?.split(' ').next());
        let others = paths.filter(|path| !path.starts_with("/records/"));
        let secrets = [
            "code",
            "first",
            "form_token",
            "new",
            "new_again",
            "passphrase",
            "passphrase_again",
            "recovery_key",
            "second",
            "value",
        ];
        let mut seen = 0;
        for path in others {
            assert!(secrets.iter().all(|name| !may_be_kept(path, name)), "{path}");
            seen += 1;
        }
        assert!(seen > 20 && may_be_kept("/secrets/set", "name"));
    }

    #[test]
    fn only_the_browser_that_sent_a_form_gets_it_back_once() {
        let kept = Kept::default();
        let now = Instant::now();
        let fields = Fields::from_pairs(&[("title", "a & b\n\u{fc}"), ("form_token", "x")]);
        let cookie = kept.keep("/records/notes/new", &fields, None, now).unwrap();
        let other = kept
            .keep(
                "/records/notes/new",
                &Fields::from_pairs(&[("title", "other")]),
                None,
                now,
            )
            .unwrap();
        assert!(kept.waits(cookie.expose_str(), now) && !kept.waits("x", now));
        assert!(
            kept.take(cookie.expose_str(), "/records/tasks/new", now)
                .is_none()
        );
        let back = kept.take(cookie.expose_str(), "/records/notes/new", now);
        assert_eq!(back.as_ref().map(text).as_deref(), Some("a & b\n\u{fc}"));
        assert!(
            kept.take(cookie.expose_str(), "/records/notes/new", now)
                .is_none()
        );
        let back = kept.take(other.expose_str(), "/records/notes/new", now);
        assert_eq!(back.as_ref().map(text).as_deref(), Some("other"));
    }

    #[test]
    fn forms_end_and_make_room() {
        let kept = Kept::default();
        let start = Instant::now();
        let fields = Fields::from_pairs(&[("title", "t")]);
        let first = kept.keep("/a", &fields, None, start).unwrap();
        for _ in 0..MOST {
            kept.keep("/b", &fields, None, start).unwrap();
        }
        assert!(!kept.waits(first.expose_str(), start), "the oldest made room");
        let last = kept.keep("/c", &fields, None, start).unwrap();
        assert!(!kept.waits(last.expose_str(), start + LONGEST));
    }

    #[test]
    fn what_is_kept_is_not_readable() {
        let kept = Kept::default();
        kept.keep(
            "/a",
            &Fields::from_pairs(&[("title", "PLAINTEXT")]),
            None,
            Instant::now(),
        );
        let forms = kept.forms.lock().unwrap();
        let sealed = &forms.front().unwrap().sealed;
        assert!(!sealed.windows(9).any(|part| part == b"PLAINTEXT") && !sealed.is_empty());
    }

    #[test]
    fn a_browser_with_two_forms_gets_both_back_by_one_cookie() {
        let kept = Kept::default();
        let now = Instant::now();
        let form = |title| Fields::from_pairs(&[("title", title)]);
        let cookie = kept.keep("/new", &form("one"), None, now).unwrap();
        let cookie = cookie.expose_str();
        assert!(kept.keep("/new", &form("two"), Some(cookie), now).is_none());
        for title in ["one", "two"] {
            let back = kept.take(cookie, "/new", now);
            assert_eq!(back.as_ref().map(text).as_deref(), Some(title));
        }
        // A cookie that opens nothing here is not taken up: anyone could have planted it.
        assert!(
            kept.keep("/new", &form("t"), Some(&"a".repeat(64)), now)
                .is_some()
        );
    }

    #[test]
    fn of_one_page_sent_twice_the_later_form_counts_and_the_older_is_dropped() {
        let kept = Kept::default();
        let now = Instant::now();
        let form = |title| Fields::from_pairs(&[("title", title)]);
        let (edit, other) = ("/records/notes/1/edit", "/records/notes/2/edit");
        let cookie = kept.keep(edit, &form("older"), None, now).unwrap();
        let cookie = cookie.expose_str();
        kept.keep(other, &form("of another page"), Some(cookie), now);
        kept.keep(edit, &form("later"), Some(cookie), now);
        let stranger = kept.keep(edit, &form("of another browser"), None, now).unwrap();
        let back = |cookie, path| kept.take(cookie, path, now).as_ref().map(text);
        assert_eq!(back(cookie, edit).as_deref(), Some("later"));
        assert_eq!(back(cookie, edit), None, "the older one is gone");
        assert_eq!(back(cookie, other).as_deref(), Some("of another page"));
        assert_eq!(
            back(stranger.expose_str(), edit).as_deref(),
            Some("of another browser")
        );
    }

    #[test]
    fn one_is_taken_in_at_a_time() {
        let kept = Kept::default();
        let one = kept.begin();
        assert!(one.is_some() && kept.begin().is_none());
        drop(one);
        assert!(kept.begin().is_some());
    }
}
