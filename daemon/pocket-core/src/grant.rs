//! Leave for one call out of the device, to the byte. The gateway connects for nothing else.

use serde::{Deserialize, Serialize};

use crate::permit::RecordedPermit;
use crate::{OperationKind, RecordId, Timestamp};

/// What a call does at the server. All are HTTPS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Method {
    /// It gets a file. It has no body.
    Get,
    /// It sends a long body to a store that speaks S3, and looks at what lies there then.
    KeepS3,
    /// It sends a long body to a folder of a WebDAV server, under a name that does not count, looks whether all of it
    /// came, and only then gives it the name in the path.
    KeepWebdav,
    /// It sends a body, and gets an answer.
    Post,
}

impl Method {
    /// Whether it keeps a long body elsewhere: that goes through the gateway twice, once to be checked and once to
    /// be sent, and nobody holds it whole.
    pub const fn keeps(self) -> bool {
        matches!(self, Self::KeepS3 | Self::KeepWebdav)
    }
}

/// What a call may be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Terms {
    /// The question that the owner answered.
    pub id: RecordId,
    /// The host's name, in lower case, as its certificate must have it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, beginning with a slash, with its query.
    pub path: String,
    /// What it does there.
    pub method: Method,
    /// SHA-256 of the body.
    pub body_sha256: [u8; 32],
    /// Length of the body in bytes.
    pub body_length: u64,
    /// Most bytes of an answer.
    pub most_answer: u64,
    /// Milliseconds that the whole call may take.
    pub patience_millis: u32,
    /// When the leave ends.
    pub expires: Timestamp,
    /// Never the same again: a gateway takes each once.
    pub nonce: [u8; 16],
    /// SHA-256 of the public key (SubjectPublicKeyInfo) that the server must have, if the owner pinned it.
    pub pin: Option<[u8; 32]>,
}

/// Leave for one call: made of a recorded permit, and used up by sending it.
///
/// It can't be copied:
///
/// ```compile_fail
/// fn twice(grant: pocket_core::Grant) -> (pocket_core::Grant, pocket_core::Grant) {
///     (grant.clone(), grant)
/// }
/// ```
///
/// nor made by hand:
///
/// ```compile_fail
/// fn forge(terms: pocket_core::Terms) -> pocket_core::Grant {
///     pocket_core::Grant { terms }
/// }
/// ```
///
/// Once, it can be used:
///
/// ```
/// fn once(grant: pocket_core::Grant) -> pocket_core::Terms {
///     grant.into_terms()
/// }
/// ```
#[must_use]
pub struct Grant {
    terms: Terms,
}

impl Grant {
    /// Leave for a call on `terms`, for which `permit` is used up; `None` when the permit is for anything but
    /// such a call out: what the owner let be fetched sends no body.
    pub fn new(permit: RecordedPermit, terms: Terms) -> Option<Self> {
        let RecordedPermit { kind } = permit;
        let such = match terms.method {
            Method::Get => kind == OperationKind::UpdateFetch && terms.body_length == 0,
            Method::KeepS3 | Method::KeepWebdav => kind == OperationKind::BackupSend,
            Method::Post => matches!(kind, OperationKind::AskStanding | OperationKind::ConsentApprove),
        };
        such.then_some(Self { terms })
    }

    /// On which terms.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Uses it up.
    pub fn into_terms(self) -> Terms {
        self.terms
    }
}
