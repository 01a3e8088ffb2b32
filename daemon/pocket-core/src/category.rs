//! The categories of the owner's data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A kind of data that is sealed under a key of its own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// The record of every decision and change.
    Audit,
    /// People.
    Contacts,
    /// Chats, message by message.
    Conversations,
    /// Files and the text extracted from them.
    Documents,
    /// Facts that an assistant should know.
    Memory,
    /// Markdown notes.
    Notes,
    /// Messages that wait to be sent.
    Outbox,
    /// Passwords and tokens: named, never shown.
    Secrets,
    /// How the device behaves.
    Settings,
    /// Things to do.
    Tasks,
}

/// How much harm the loss of a category does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Little harm.
    Medium,
    /// Personal.
    High,
    /// Medical, financial, credentials: an agent's read is on disk in the audit log before it happens.
    Critical,
}

impl Category {
    /// Every category, in the order in which people are shown them.
    pub const ALL: [Self; 10] = [
        Self::Memory,
        Self::Notes,
        Self::Tasks,
        Self::Contacts,
        Self::Conversations,
        Self::Documents,
        Self::Secrets,
        Self::Outbox,
        Self::Settings,
        Self::Audit,
    ];

    /// The name that people type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Contacts => "contacts",
            Self::Conversations => "conversations",
            Self::Documents => "documents",
            Self::Memory => "memory",
            Self::Notes => "notes",
            Self::Outbox => "outbox",
            Self::Secrets => "secrets",
            Self::Settings => "settings",
            Self::Tasks => "tasks",
        }
    }

    /// The number that stands for the category inside sealed data. Never reused, never changed.
    pub const fn code(self) -> u8 {
        match self {
            Self::Memory => 1,
            Self::Notes => 2,
            Self::Tasks => 3,
            Self::Contacts => 4,
            Self::Conversations => 5,
            Self::Documents => 6,
            Self::Secrets => 7,
            Self::Outbox => 8,
            Self::Settings => 9,
            Self::Audit => 10,
        }
    }

    /// How much harm its loss does.
    pub const fn sensitivity(self) -> Sensitivity {
        match self {
            Self::Documents | Self::Secrets => Sensitivity::Critical,
            Self::Settings | Self::Tasks => Sensitivity::Medium,
            Self::Audit
            | Self::Contacts
            | Self::Conversations
            | Self::Memory
            | Self::Notes
            | Self::Outbox => Sensitivity::High,
        }
    }

    /// Whether nothing of it leaves the device, filtered or not, whoever consents: what is critical, and
    /// how the device is set up and what was done on it, which helps no model, and an attacker.
    pub fn never_leaves(self) -> bool {
        self.sensitivity() == Sensitivity::Critical || matches!(self, Self::Audit | Self::Settings)
    }

    /// Days that a record is kept when the owner has set nothing; `None` is for ever.
    pub const fn default_retention_days(self) -> Option<u32> {
        match self {
            // Sent or abandoned messages are of no use after a season.
            Self::Outbox => Some(90),
            _ => None,
        }
    }

    /// Whether records are written through `add` and `edit`. The audit log is written by the
    /// device alone.
    pub const fn holds_records(self) -> bool {
        !matches!(self, Self::Audit)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No category has this name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "no such category: there are memory, notes, tasks, contacts, conversations, documents, secrets, outbox, settings and audit"
)]
pub struct UnknownCategory;

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, UnknownCategory> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == text)
            .ok_or(UnknownCategory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_unique_and_read_back() {
        for category in Category::ALL {
            assert_eq!(category.name().parse(), Ok(category));
            let same = Category::ALL
                .into_iter()
                .filter(|other| other.code() == category.code());
            assert_eq!(same.count(), 1, "{category}");
        }
        assert_eq!("Notes".parse::<Category>(), Err(UnknownCategory));
    }

    #[test]
    fn the_outbox_alone_is_cleared_unasked_and_the_audit_log_alone_holds_no_records() {
        for category in Category::ALL {
            let days = (category == Category::Outbox).then_some(90);
            assert_eq!(category.default_retention_days(), days, "{category}");
            assert_eq!(
                category.holds_records(),
                category != Category::Audit,
                "{category}"
            );
        }
    }
}
