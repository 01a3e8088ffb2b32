//! What can go wrong in the store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use pocket_core::{FailureKind, Finding, RecordId};
use pocket_crypto::OpenError;
use thiserror::Error;

use crate::Space;

/// Why the store did not do what it was asked to.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The audit entries do not continue the log; nothing was written.
    #[error("audit entry {found} does not follow entry {head}")]
    AuditOrder {
        /// The number of the entry that was to be written.
        found: u64,
        /// Where the log stands.
        head: u64,
    },
    /// A page was asked for after a record that is not there.
    #[error("there is no record {0} to continue after")]
    Cursor(RecordId),
    /// Something sealed did not open, or is not all there.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// What.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// sled could not do it.
    #[error("the store could not {attempted}")]
    Engine {
        /// What was attempted.
        attempted: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is too little room on the disk.
    #[error("the disk is full: {0}")]
    Full(Space),
    /// The file system refused.
    #[error("can't {action} {path}", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The ring has no keys for this code.
    #[error("the keyring has no keys for category code {code}")]
    KeysMissing {
        /// The code.
        code: u8,
    },
    /// Written by a newer version; not touched.
    #[error("{what} has format {found} and this version knows up to {known}")]
    Newer {
        /// What.
        what: String,
        /// Its format.
        found: u16,
        /// The newest known here.
        known: u16,
    },
    /// The category is known to be damaged, and the owner has not accepted the loss.
    #[error("{}: {}", .0.what, .0.problem)]
    NotWhole(Finding),
    /// Nobody wanted it any more.
    #[error("opening the store was given up")]
    GivenUp,
    /// The category was erased or re-keyed while it was read piece by piece.
    #[error("the category was sealed anew while it was being read")]
    Moved,
    /// sled panicked; it is not to be trusted until it is opened again.
    #[error("the store broke down while it tried to {attempted}")]
    Panicked {
        /// What was attempted.
        attempted: &'static str,
    },
    /// A write or sync failed before: open the store again and look what is there.
    #[error("the store must be opened again after a failed write")]
    Reopen,
    /// A sealed file that was removed before a record named it.
    #[error("the uploaded file is gone: its category was erased, or the store was opened again")]
    StaleBlob,
    /// Opening took longer than it ever should.
    #[error("the store did not open within {seconds} seconds")]
    TimedOut {
        /// The limit.
        seconds: u64,
    },
    /// The value is larger than a row or a file may be.
    #[error("{what} is too large to store")]
    TooLarge {
        /// What.
        what: &'static str,
    },
    /// A write or a sync failed half way: the disk may have what was written, or not.
    #[error("{0}; it is not known whether the change was kept")]
    Unsure(#[source] Box<Self>),
}

impl StoreError {
    /// The kind that doors tell apart.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Cursor(_) => FailureKind::NotFound,
            Self::Damaged { .. } | Self::NotWhole(_) | Self::TimedOut { .. } => FailureKind::Damaged,
            Self::Full(_) => FailureKind::Full,
            Self::Newer { .. } => FailureKind::Newer,
            Self::Reopen => FailureKind::Unavailable,
            Self::GivenUp => FailureKind::Locked,
            Self::Moved | Self::StaleBlob => FailureKind::Conflict,
            Self::TooLarge { .. } => FailureKind::Invalid,
            Self::Unsure(_) => FailureKind::Uncertain,
            Self::AuditOrder { .. }
            | Self::Engine { .. }
            | Self::Io { .. }
            | Self::KeysMissing { .. }
            | Self::Panicked { .. } => FailureKind::Internal,
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::NotWhole(finding) => &finding.remedy,
            Self::AuditOrder { .. } | Self::Reopen => "Try again; if it happens again, restart the device.",
            Self::Cursor(_) => "Start again from the first page.",
            Self::Damaged { .. } => "Run `pocketctl check`, and restore what is damaged from a backup.",
            Self::Engine { .. } | Self::Io { .. } => {
                "Check the card and its free space, then restart the device."
            }
            Self::Full(_) => {
                "Delete what you no longer need, or other files on the same disk, or use a larger card."
            }
            Self::KeysMissing { .. } => "Unlock again, so that the category gets its keys.",
            Self::Newer { .. } => "Update the software.",
            Self::Panicked { .. } => "Restart the device and run `pocketctl check`.",
            Self::GivenUp | Self::Moved => "Try it again.",
            Self::StaleBlob => "Upload the file again.",
            Self::TimedOut { .. } => {
                "Restart the device; if it happens again, restore a backup on a new card."
            }
            Self::TooLarge { .. } => "Split it, or keep it as a document.",
            Self::Unsure(error) => {
                return format!(
                    "Look whether it is there before you do it again: it is kept whole or not at all. {}",
                    error.remedy()
                );
            }
        };
        remedy.to_owned()
    }

    /// The same as something to show on the health page.
    pub fn finding(&self) -> Finding {
        match self {
            Self::NotWhole(finding) => finding.clone(),
            other => Finding {
                what: "store".to_owned(),
                problem: other.to_string(),
                remedy: other.remedy(),
            },
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, problem: impl ToString) -> Self {
        Self::Damaged {
            what: what.into(),
            problem: problem.to_string(),
        }
    }

    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn sealed(what: impl Into<String>) -> impl FnOnce(OpenError) -> Self {
        let what = what.into();
        move |error| Self::damaged(what, error)
    }

    /// Whether the disk had no room for it.
    pub(crate) fn is_full(&self) -> bool {
        let full = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        };
        match self {
            Self::Full(_) => true,
            Self::Io { source, .. } => full(source),
            Self::Engine { source, .. } => match source.downcast_ref::<sled::Error>() {
                Some(sled::Error::Io(error)) => full(error),
                _ => false,
            },
            _ => false,
        }
    }
}
