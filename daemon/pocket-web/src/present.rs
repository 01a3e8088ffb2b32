//! What the pages have in common: the frame around them, and how times and names are shown.

mod numbers;

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use pocket_core::{Category, Failure, FailureKind, PressStatus, Profile, Status, Timestamp};

use crate::guard::Owner;
use crate::look::{Language, Look};
use crate::trouble::{Trouble, status_of};
use crate::words::Words;

pub(crate) use numbers::{Phrase, bytes_in_words, counted, counted_plain, filled, grouped, number, phrase};

/// Something to tell the owner on top of a page.
#[derive(Clone)]
pub(crate) struct Notice {
    /// Whether it went well.
    pub(crate) good: bool,
    /// What happened.
    pub(crate) message: Phrase,
    /// What to do; may be empty.
    pub(crate) remedy: Phrase,
    /// Whether it can be undone.
    pub(crate) undo: bool,
}

impl Notice {
    /// That it went well.
    pub(crate) fn good(message: impl Into<Phrase>) -> Self {
        Self {
            good: true,
            message: message.into(),
            remedy: Phrase::default(),
            undo: false,
        }
    }

    /// What went wrong.
    pub(crate) fn bad(message: impl Into<Phrase>, remedy: impl Into<Phrase>) -> Self {
        Self {
            good: false,
            message: message.into(),
            remedy: remedy.into(),
            undo: false,
        }
    }

    /// A failure, in the language of the page as far as its kind tells enough. The device itself
    /// speaks English: what only its own words say is shown as they are.
    pub(crate) fn of(look: Look, failure: &Failure) -> Self {
        let t = look.words();
        let translated = match failure.kind {
            _ if look.language == Language::English => None,
            FailureKind::Conflict => Some((t.failed_conflict, t.failed_conflict_do)),
            FailureKind::Full => Some((t.failed_full, t.failed_full_do)),
            FailureKind::Internal => Some((t.internal, t.unexpected_do)),
            FailureKind::NotFound => Some((t.failed_not_found, t.failed_not_found_do)),
            FailureKind::Throttled => Some((t.failed_throttled, t.failed_throttled_do)),
            FailureKind::Unavailable => Some((t.failed_unavailable, t.failed_unavailable_do)),
            FailureKind::Uncertain => Some((t.failed_uncertain, t.failed_uncertain_do)),
            FailureKind::WrongCredential => Some((t.failed_credential, t.failed_credential_do)),
            _ => None,
        };
        match translated {
            Some((message, remedy)) => Self::bad(message, remedy),
            None => Self::bad(failure.message.clone(), failure.remedy.clone()),
        }
    }
}

/// An entry of the menu.
pub(crate) struct Place {
    /// Where it leads.
    pub(crate) path: &'static str,
    /// Its icon.
    pub(crate) icon: &'static str,
    /// Its words.
    pub(crate) words: &'static str,
}

/// The frame around a page of the owner's.
pub(crate) struct Shell {
    /// How it looks to this browser.
    pub(crate) look: Look,
    /// The title.
    pub(crate) title: String,
    /// The section of the menu that the page belongs to, by its path.
    pub(crate) here: String,
    /// What its forms must bring along.
    pub(crate) form_token: String,
    /// What may leave.
    pub(crate) profile: Profile,
    /// Until when, for any but the default.
    pub(crate) profile_until: Option<Moment>,
    /// How it is with the button on the device.
    pub(crate) press: Option<PressStatus>,
    /// What to tell.
    pub(crate) notice: Option<Notice>,
    /// Whether a form on it shows what was typed and is not saved.
    pub(crate) unsaved: bool,
}

impl Shell {
    /// The frame of a page with this title, in the section of this path.
    pub(crate) fn new(owner: &Owner, title: impl Into<String>, here: impl Into<String>) -> Self {
        let Status {
            profile,
            profile_until,
            press,
            ..
        } = owner.status.as_ref();
        Self {
            look: owner.look,
            title: title.into(),
            here: here.into(),
            form_token: owner.form_token.clone(),
            profile: *profile,
            profile_until: profile_until.map(Moment),
            press: *press,
            notice: None,
            unsaved: false,
        }
    }

    /// Whether the button on the device is waited for.
    pub(crate) fn awaits_press(&self) -> bool {
        self.press.is_some_and(|press| press.waiting.is_some())
    }

    /// The same, telling what the page before has done.
    #[must_use]
    pub(crate) fn done(self, code: Option<&str>) -> Self {
        let words = self.look.words();
        let notice = code.and_then(|code| done_words(words, code)).map(Notice::good);
        Self { notice, ..self }
    }

    /// The same, telling what went wrong.
    #[must_use]
    pub(crate) fn failed(self, failure: &Failure) -> Self {
        Self {
            notice: Some(Notice::of(self.look, failure)),
            unsaved: true,
            ..self
        }
    }

    /// The page up to its content. Rendered apart: as a part of each template, it would be compiled into
    /// each (200 kB).
    pub(crate) fn head(&self) -> String {
        // Only a writer that fails makes rendering fail, and this one is memory.
        FrameHead { shell: self }.render().unwrap_or_default()
    }

    /// What follows the content.
    pub(crate) fn foot(&self) -> String {
        FrameFoot { shell: self }.render().unwrap_or_default()
    }

    /// Whether nothing may leave.
    pub(crate) fn is_offline(&self) -> bool {
        self.profile == Profile::OfflineOnly
    }

    /// Whether the menu's entry of this path is the current one.
    pub(crate) fn is_here(&self, path: &str) -> bool {
        self.here == path
    }

    /// The menu, in groups.
    pub(crate) fn menu(&self) -> [Vec<Place>; 3] {
        let t = self.look.words();
        let place = |(path, icon, words)| Place { path, icon, words };
        let kept = RECORD_CATEGORIES
            .map(|category| (records_path(category), category.name(), title_of(t, category)));
        [
            [
                ("/", "home", t.home),
                ("/search", "search", t.search),
                ("/consent", "consent", t.consent),
            ]
            .map(place)
            .into(),
            kept.into_iter()
                .chain([("/secrets", "secrets", t.secrets)])
                .map(place)
                .collect(),
            [
                ("/agents", "agents", t.agents),
                ("/profile", "profile", t.profile),
                ("/audit", "audit", t.audit_log),
                ("/settings", "settings", t.settings),
                ("/device", "device", t.device),
            ]
            .map(place)
            .into(),
        ]
    }

    /// The bar at the foot of a small screen: what is needed most.
    pub(crate) fn tabs(&self) -> [Place; 4] {
        let t = self.look.words();
        [
            ("/", "home", t.home),
            ("/records/notes", "notes", t.notes),
            ("/records/tasks", "tasks", t.tasks),
            ("/search", "search", t.search),
        ]
        .map(|(path, icon, words)| Place { path, icon, words })
    }
}

#[derive(Template)]
#[template(path = "frame_head.html")]
struct FrameHead<'a> {
    shell: &'a Shell,
}

#[derive(Template)]
#[template(path = "frame_foot.html")]
struct FrameFoot<'a> {
    shell: &'a Shell,
}

/// What to say after an action. The codes stand in the address, so nothing but these is shown.
fn done_words(t: &Words, code: &str) -> Option<&'static str> {
    Some(match code {
        "added" => t.done_added,
        "again" => t.done_again,
        "confirmed" => t.done_confirmed,
        "deleted" => t.done_deleted,
        "denied" => t.done_denied,
        "erased" => t.done_erased,
        "passphrase" => t.done_passphrase,
        "profile" => t.done_profile,
        "rekeyed" => t.done_rekeyed,
        "restored" => t.done_restored,
        "revoked" => t.done_revoked,
        "saved" => t.done_saved,
        "sent" => t.done_sent,
        "tried" => t.done_tried,
        "uploaded" => t.done_uploaded,
        _ => return None,
    })
}

/// The categories that have pages of records, in the order of the menu.
pub(crate) const RECORD_CATEGORIES: [Category; 7] = [
    Category::Memory,
    Category::Notes,
    Category::Tasks,
    Category::Contacts,
    Category::Conversations,
    Category::Documents,
    Category::Outbox,
];

/// Where a category is shown.
pub(crate) const fn records_path(category: Category) -> &'static str {
    match category {
        Category::Audit => "/audit",
        Category::Contacts => "/records/contacts",
        Category::Conversations => "/records/conversations",
        Category::Documents => "/records/documents",
        Category::Memory => "/records/memory",
        Category::Notes => "/records/notes",
        Category::Outbox => "/records/outbox",
        Category::Secrets => "/secrets",
        Category::Settings => "/settings",
        Category::Tasks => "/records/tasks",
    }
}

/// A category in words.
pub(crate) const fn title_of(t: &Words, category: Category) -> &'static str {
    match category {
        Category::Audit => t.audit_log,
        Category::Contacts => t.contacts,
        Category::Conversations => t.conversations,
        Category::Documents => t.documents,
        Category::Memory => t.memory,
        Category::Notes => t.notes,
        Category::Outbox => t.outbox,
        Category::Secrets => t.secrets,
        Category::Settings => t.settings,
        Category::Tasks => t.tasks,
    }
}

/// What a profile opens, in words.
pub(crate) const fn meaning_of(t: &Words, profile: Profile) -> &'static str {
    match profile {
        Profile::CloudWithConsent => t.means_consent,
        Profile::Custom => t.means_custom,
        Profile::LocalNetwork => t.means_local,
        Profile::OfflineOnly => t.means_offline,
    }
}

/// An instant, to be shown in a `time` element.
#[derive(Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Moment {
    /// RFC 3339, for the machine.
    pub(crate) fn iso(self) -> String {
        self.0.to_string()
    }

    /// To the minute and in UTC, for people; the script turns it into the time of the place.
    pub(crate) fn text(self) -> String {
        let iso = self.iso();
        match (iso.get(..10), iso.get(11..16)) {
            (Some(day), Some(time)) => format!("{day} {time} UTC"),
            _ => iso,
        }
    }
}

/// A length as a count.
pub(crate) fn length(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Trouble> {
    Ok(Html(template.render()?).into_response())
}

/// A page that shows a form again, with what was wrong.
pub(crate) fn page_after(failure: &Failure, template: &impl Template) -> Result<Response, Trouble> {
    if failure.kind == FailureKind::Locked {
        return Err(Trouble::Failure(failure.clone()));
    }
    Ok((status_of(failure.kind), Html(template.render()?)).into_response())
}

/// Sends the browser on after a change, so that loading anew does not repeat it.
pub(crate) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// A path on this very door; anything else leads home. A browser takes `//host` and `/\host` for
/// other hosts.
pub(crate) fn own_path(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if own && next.bytes().all(|byte| byte.is_ascii_graphic()) {
        next
    } else {
        "/"
    }
}

/// Filters of templates.
#[expect(unreachable_pub, reason = "askama makes a public type of each filter")]
pub(crate) mod filters {
    /// A text as a part of a query.
    #[askama::filter_fn]
    pub(crate) fn encoded(text: impl std::fmt::Display, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(form_urlencoded::byte_serialize(text.to_string().as_bytes()).collect())
    }

    /// A day, or a day and a time, as `2026-11-22 10:30`.
    #[askama::filter_fn]
    pub(crate) fn spaced(text: impl std::fmt::Display, _: &dyn askama::Values) -> askama::Result<String> {
        let text = text.to_string();
        let until = if text.len() > 16 { 16 } else { text.len() };
        let zone = if text.ends_with('Z') { " UTC" } else { "" };
        Ok(format!(
            "{}{zone}",
            text.get(..until).unwrap_or(&text).replace('T', " ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_to_the_minute() {
        let at = Moment(Timestamp::from_millis(1_795_316_645_123));
        assert_eq!(at.text(), "2026-11-22 03:04 UTC");
    }

    #[test]
    fn one_goes_on_to_no_other_host() {
        for own in ["/", "/records/notes?after=a&x=b", "/search?q=%2F%2Fx"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in [
            "",
            "notes",
            "//evil",
            "/\\evil",
            "http://evil",
            "/a\nb",
            "/\t/evil",
            "/\u{e4}",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign:?}");
        }
    }
}
