//! What is told of a call.

use std::net::SocketAddr;

use pocket_core::{CallFailure, PlaceStep};
use serde::{Deserialize, Serialize};

/// What is told of a call, one after the other; nothing follows [`Report::Ended`] or [`Report::Failed`].
///
/// It has no `Debug`: an answer is content.
#[derive(Deserialize, Serialize)]
pub enum Report {
    /// There is an encrypted connection to this very address, and it is the host's.
    Connected {
        /// The address.
        address: SocketAddr,
    },
    /// The answer begins.
    Head {
        /// The HTTP status. A redirect is an answer like another: it is never followed.
        status: u16,
        /// What the answer says it is, in visible ASCII.
        media_type: Option<String>,
        /// How many bytes follow, if it says so.
        length: Option<u64>,
        /// Where a redirect leads, in visible ASCII: for people to read.
        leads_to: Option<String>,
    },
    /// The next bytes of the answer.
    Piece(Vec<u8>),
    /// Of a body that is kept elsewhere: one request was answered so.
    Step {
        /// Which.
        step: PlaceStep,
        /// The HTTP status.
        status: u16,
    },
    /// The answer is whole.
    Ended {
        /// Bytes that went out, encryption and its overhead included.
        sent: u64,
        /// Bytes that came in, likewise.
        received: u64,
    },
    /// There is no whole answer.
    Failed {
        /// Why.
        reason: CallFailure,
        /// Bytes that went out all the same.
        sent: u64,
        /// Bytes that came in.
        received: u64,
    },
}

impl Report {
    /// A call that failed before a byte went out.
    pub const fn refused(reason: CallFailure) -> Self {
        Self::Failed {
            reason,
            sent: 0,
            received: 0,
        }
    }

    /// Whether nothing follows.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Failed { .. })
    }
}
