//! Leave to act, as values that can't be forged, copied or used twice.
//!
//! [`crate::decide`] is the only maker of a [`Permit`]. A change eats the [`Draft`] that the audit
//! chain made of the permit, and is written in one transaction with it; a read eats a
//! [`RecordedPermit`].
//!
//! A permit can't be made by hand:
//!
//! ```compile_fail
//! let permit = pocket_core::Permit {};
//! ```
//!
//! nor copied:
//!
//! ```compile_fail
//! fn twice(permit: pocket_core::Permit) -> (pocket_core::Permit, pocket_core::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```
//!
//! nor used twice:
//!
//! ```compile_fail
//! fn twice(permit: pocket_core::Permit) {
//!     let _first = permit.unrecorded();
//!     let _second = permit.unrecorded();
//! }
//! ```
//!
//! nor read from bytes:
//!
//! ```compile_fail
//! fn forge(json: &str) -> pocket_core::RecordedPermit {
//!     serde_json::from_str(json).unwrap()
//! }
//! ```
//!
//! Used once, it compiles:
//!
//! ```
//! fn once(permit: pocket_core::Permit) -> bool {
//!     permit.unrecorded().is_ok()
//! }
//! ```

use crate::audit::Entry;
use crate::{ActorRef, Category, OperationKind};

/// How durable the audit record must be before the act.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recording {
    /// No record: the owner's own reads, and questions about the device.
    None,
    /// In the chain before the answer, on disk within a second.
    Soon,
    /// On disk first.
    First,
}

/// Policy allowed it. Not yet recorded, so not yet leave to act.
#[must_use]
pub struct Permit {
    actor: ActorRef,
    kind: OperationKind,
    categories: Vec<Category>,
    recording: Recording,
}

impl Permit {
    pub(crate) const fn new(
        actor: ActorRef,
        kind: OperationKind,
        categories: Vec<Category>,
        recording: Recording,
    ) -> Self {
        Self {
            actor,
            kind,
            categories,
            recording,
        }
    }

    /// For whom.
    pub const fn actor(&self) -> ActorRef {
        self.actor
    }

    /// For what.
    pub const fn kind(&self) -> OperationKind {
        self.kind
    }

    /// On which categories.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// How durable its record must be.
    pub const fn recording(&self) -> Recording {
        self.recording
    }

    /// Leave to act without a record, where policy says that none is needed.
    ///
    /// # Errors
    /// Gives the permit back when it must be recorded.
    pub fn unrecorded(self) -> Result<RecordedPermit, Self> {
        match self.recording {
            Recording::None => Ok(RecordedPermit { kind: self.kind }),
            Recording::Soon | Recording::First => Err(self),
        }
    }
}

/// A permit with its audit entries, not yet written. Made by [`crate::audit::Chain::draft`].
#[must_use]
pub struct Draft {
    permit: Permit,
    entries: Vec<Entry>,
}

impl Draft {
    pub(crate) const fn new(permit: Permit, entries: Vec<Entry>) -> Self {
        Self { permit, entries }
    }

    /// The entries to write before, or together with, the act.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Leave to act, once `write` has done with the entries what the permit's recording asks.
    ///
    /// # Errors
    /// The error of `write`: the act must then not happen.
    pub fn recorded<E>(
        self,
        write: impl FnOnce(Recording, &[Entry]) -> Result<(), E>,
    ) -> Result<RecordedPermit, E> {
        write(self.permit.recording, &self.entries)?;
        Ok(RecordedPermit {
            kind: self.permit.kind,
        })
    }
}

/// Leave to act, once.
#[must_use]
pub struct RecordedPermit {
    pub(crate) kind: OperationKind,
}

impl RecordedPermit {
    /// For what.
    pub const fn kind(&self) -> OperationKind {
        self.kind
    }
}
