//! What the pages have in common: the frame around them, and how times, sizes and names are shown.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use pocket_core::{Category, Failure, Status, Timestamp};

use crate::guard::Owner;
use crate::trouble::{Trouble, status_of};

/// Something to tell the owner on top of a page.
#[derive(Clone)]
pub(crate) struct Notice {
    /// Whether it went well.
    pub(crate) good: bool,
    /// What happened.
    pub(crate) message: String,
    /// What to do; may be empty.
    pub(crate) remedy: String,
}

impl From<&Failure> for Notice {
    fn from(failure: &Failure) -> Self {
        Self {
            good: false,
            message: failure.message.clone(),
            remedy: failure.remedy.clone(),
        }
    }
}

/// The frame around a page of the owner's.
pub(crate) struct Shell {
    /// The title.
    pub(crate) title: String,
    /// The section of the menu that the page belongs to, by its path.
    pub(crate) here: String,
    /// What its forms must bring along.
    pub(crate) form_token: String,
    /// What may leave.
    pub(crate) profile: &'static str,
    /// Until when, for any but the default.
    pub(crate) profile_until: Option<Moment>,
    /// What to tell.
    pub(crate) notice: Option<Notice>,
}

impl Shell {
    /// The frame of a page with this title, in the section of this path.
    pub(crate) fn new(owner: &Owner, title: impl Into<String>, here: impl Into<String>) -> Self {
        let Status {
            profile,
            profile_until,
            ..
        } = owner.status.as_ref();
        Self {
            title: title.into(),
            here: here.into(),
            form_token: owner.form_token.clone(),
            profile: profile.name(),
            profile_until: profile_until.map(Moment),
            notice: None,
        }
    }

    /// The same, telling what the page before has done.
    #[must_use]
    pub(crate) fn done(self, code: Option<&str>) -> Self {
        let notice = code.and_then(done_words).map(|message| Notice {
            good: true,
            message: message.to_owned(),
            remedy: String::new(),
        });
        Self { notice, ..self }
    }

    /// The same, telling what went wrong.
    #[must_use]
    pub(crate) fn failed(self, failure: &Failure) -> Self {
        Self {
            notice: Some(Notice::from(failure)),
            ..self
        }
    }

    /// Whether the menu's entry of this path is the current one.
    pub(crate) fn is_here(&self, path: &str) -> bool {
        self.here == path
    }

    /// The menu: path and words.
    pub(crate) fn menu(&self) -> Vec<(String, &'static str)> {
        let mut menu = vec![("/".to_owned(), "Home"), ("/search".to_owned(), "Search")];
        menu.extend(RECORD_CATEGORIES.map(|category| (records_path(category), title_of(category))));
        let tools = [
            ("/secrets", "Secrets"),
            ("/agents", "Agents"),
            ("/profile", "Profile"),
            ("/audit", "Audit log"),
            ("/settings", "Settings"),
            ("/device", "Device"),
        ];
        menu.extend(tools.map(|(path, words)| (path.to_owned(), words)));
        menu
    }
}

/// What to say after an action. The codes stand in the address, so nothing but these is shown.
fn done_words(code: &str) -> Option<&'static str> {
    Some(match code {
        "added" => "Added.",
        "confirmed" => "Your recovery key is confirmed.",
        "deleted" => "Deleted.",
        "erased" => "Erased: the key of this category is destroyed, and all that it sealed.",
        "others" => "All sessions were ended; this is a new one.",
        "passphrase" => "Your passphrase is changed. All other sessions were ended.",
        "profile" => "The profile is set.",
        "revoked" => "Revoked: the agent's token is worth nothing from now on.",
        "saved" => "Saved.",
        "unlocked" => "Welcome back.",
        "uploaded" => "Uploaded and sealed.",
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
pub(crate) fn records_path(category: Category) -> String {
    match category {
        Category::Audit | Category::Secrets | Category::Settings => format!("/{category}"),
        _ => format!("/records/{category}"),
    }
}

/// A category in words.
pub(crate) const fn title_of(category: Category) -> &'static str {
    match category {
        Category::Audit => "Audit log",
        Category::Contacts => "Contacts",
        Category::Conversations => "Conversations",
        Category::Documents => "Documents",
        Category::Memory => "Memory",
        Category::Notes => "Notes",
        Category::Outbox => "Outbox",
        Category::Secrets => "Secrets",
        Category::Settings => "Settings",
        Category::Tasks => "Tasks",
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

/// A number of bytes in words: `1.5 MiB`.
pub(crate) fn bytes_in_words(bytes: u64) -> String {
    if bytes == 1 {
        return "1 byte".to_owned();
    }
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut unit = 1024;
    let mut name = "KiB";
    for larger in ["MiB", "GiB"] {
        if bytes / unit >= 1024 {
            unit *= 1024;
            name = larger;
        }
    }
    let tenths = bytes.saturating_mul(10) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

/// A count with its noun: `1 record`, `2 records`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Result<Response, Trouble> {
    Ok(Html(template.render()?).into_response())
}

/// A page that shows a form again, with what was wrong.
pub(crate) fn page_after(failure: &Failure, template: &impl Template) -> Result<Response, Trouble> {
    if failure.kind == pocket_core::FailureKind::Locked {
        return Err(Trouble::Failure(failure.clone()));
    }
    Ok((status_of(failure.kind), Html(template.render()?)).into_response())
}

/// Sends the browser on after a change, so that loading anew does not repeat it.
pub(crate) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_words() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (1024 * 1024 * 1024, "1.0 GiB"),
            (u64::MAX, "1717986918.3 GiB"),
        ] {
            assert_eq!(bytes_in_words(bytes), words);
        }
    }

    #[test]
    fn moments_are_to_the_minute() {
        let at = Moment(Timestamp::from_millis(1_795_316_645_123));
        assert_eq!(at.text(), "2026-11-22 03:04 UTC");
    }
}
