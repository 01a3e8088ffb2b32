//! What may take long, cut into pieces: each leaves the vault in order, so that requests, a lock
//! among them, come in between.

use std::time::{Duration, Instant};

use pocket_core::{Answer, Failure, FailureKind};

use super::Vault;
use super::asking::Asking;
use super::housekeeping::Purge;
use super::log::Verifying;
use super::reading::Finding;
use super::rekey::Rekeying;
use super::search::{Browsing, Searching};
use crate::engine::Now;
use crate::handle::Reply;
use crate::keys::Device;

/// How long one piece may take: what everyone else waits at most while work goes on.
const PIECE: Duration = Duration::from_millis(20);

/// Work under way, with what it has found so far.
pub(crate) enum Work {
    Ask(Box<Asking>),
    Browse(Browsing),
    Check,
    FindUnread(Finding),
    Index,
    Purge(Purge),
    Rekey(Box<Rekeying>),
    Search(Box<Searching>),
    Verify(Verifying),
}

impl Work {
    /// What to call it in the journal.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Ask(_) => "ask",
            Self::Browse(_) => "list",
            Self::Check => "check",
            Self::FindUnread(_) => "find-unread",
            Self::Index => "index",
            Self::Purge(_) => "purge",
            Self::Rekey(_) => "rekey",
            Self::Search(_) => "search",
            Self::Verify(_) => "audit-verify",
        }
    }

    /// Whether it changes what the owner sees.
    pub(crate) const fn changes(&self) -> bool {
        matches!(self, Self::Ask(_) | Self::Purge(_) | Self::Rekey(_))
    }
}

/// The time of one piece.
pub(crate) struct Slice {
    until: Instant,
}

impl Slice {
    pub(crate) fn begin() -> Self {
        Self {
            until: Instant::now() + PIECE,
        }
    }

    /// Whether there is time for another row.
    pub(super) fn go_on(&self) -> bool {
        Instant::now() < self.until
    }
}

impl Vault {
    /// Does one piece; gives the answer once the work is done.
    pub(crate) fn work(
        &mut self,
        device: &Device,
        work: &mut Work,
        slice: &Slice,
        now: Now,
    ) -> Result<Option<Reply>, Failure> {
        let answer = match work {
            Work::Ask(asking) => self.ask_on(asking, slice, now)?,
            Work::Browse(browsing) => self.browse_on(browsing, slice, now)?.map(Answer::Browsed),
            Work::Check => self.check_on(device, slice, now)?.map(Answer::Check),
            Work::FindUnread(finding) => self.find_unread_on(finding, slice)?,
            Work::Index => self.index_on(slice, now).then_some(Answer::Done),
            Work::Purge(purge) => self.purge_on(purge, slice, now)?.then_some(Answer::Done),
            Work::Rekey(rekeying) => self
                .rekey_on(device, rekeying, slice, now)?
                .then_some(Answer::Done),
            Work::Search(searching) => self.search_on(searching, slice, now)?.map(Answer::Hits),
            Work::Verify(verifying) => self.verify_on(verifying, slice)?.map(Answer::AuditVerified),
        };
        Ok(answer.map(Reply::from))
    }

    /// Who asked for the work has gone away.
    pub(crate) fn give_up(&mut self, work: Work, now: Now) {
        match work {
            Work::Check => self.store.abandon_scrub(),
            Work::Rekey(rekeying) => self.end_rekey(&rekeying, FailureKind::Unavailable, now),
            Work::Ask(_)
            | Work::Browse(_)
            | Work::Index
            | Work::FindUnread(_)
            | Work::Purge(_)
            | Work::Search(_)
            | Work::Verify(_) => {}
        }
    }
}
