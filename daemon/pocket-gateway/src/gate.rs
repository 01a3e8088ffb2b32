//! What a grant is checked for before anything leaves.

use std::collections::HashMap;

use pocket_core::{CallFailure, LinkFault, Method, Terms, Timestamp};
use pocket_crypto::secret::Key;
use pocket_grant::{Headers, MOST_BODY, MOST_KEPT, UncheckedCall, UncheckedLink};
use pocket_post::Request;
use sha2::{Digest, Sha256};

use crate::host::HostName;
use crate::keep::{Kept, Login};
use crate::link::Opened;

/// How many grants are remembered one by one: 65,536, some megabytes.
const MOST_REMEMBERED: usize = 65_536;

/// Which daemon may call: any whose user is right, or the one whose key was heard first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Daemons {
    /// The daemon may be started anew while this program runs: a service manager holds the socket.
    Any,
    /// This program ends with the daemon that started it.
    First,
}

/// Remembers, for the life of the program, what was used, and by whom it may be called.
pub(crate) struct Gate {
    daemons: Daemons,
    first: Option<Key>,
    used: Used,
}

/// A grant that holds, and the body is still to come.
#[must_use]
pub(crate) struct Admitted {
    terms: Terms,
    headers: Headers,
    host: HostName,
}

/// A request that may leave: its grant holds, was never used before, and names these very bytes.
#[must_use]
pub(crate) struct Approved {
    pub(crate) terms: Terms,
    pub(crate) host: HostName,
    pub(crate) request: Request,
}

impl Gate {
    /// Nothing was used yet.
    pub(crate) fn new(daemons: Daemons) -> Self {
        Self {
            daemons,
            first: None,
            used: Used::default(),
        }
    }

    /// Whether a daemon with `key` may call.
    ///
    /// # Errors
    /// [`CallFailure::Forged`] when another one does, and only the first may.
    pub(crate) fn greeted(&mut self, key: &Key) -> Result<(), CallFailure> {
        match (self.daemons, &self.first) {
            (Daemons::First, Some(first)) if !first.matches(key) => Err(CallFailure::Forged),
            (Daemons::First, None) => {
                self.first = Some(Key::from_bytes(*key.expose_bytes()));
                Ok(())
            }
            (Daemons::Any, _) | (Daemons::First, Some(_)) => Ok(()),
        }
    }

    /// Checks who made the call, for how long, and that it comes for the first time: from here on its
    /// grant is used, whatever becomes of it.
    ///
    /// # Errors
    /// [`CallFailure`]: why nothing may leave.
    pub(crate) fn admit(
        &mut self,
        call: UncheckedCall,
        key: &Key,
        now: Timestamp,
    ) -> Result<Admitted, CallFailure> {
        let (terms, headers) = call.open(key)?.into_parts();
        if terms.expires <= now {
            return Err(CallFailure::Expired);
        }
        self.used.take(terms.nonce, terms.expires)?;
        let lengths = match terms.method {
            Method::Get => 0..=0,
            Method::KeepS3 | Method::KeepWebdav => 1..=MOST_KEPT,
            Method::Post => 0..=MOST_BODY,
        };
        if !lengths.contains(&terms.body_length) || terms.port == 0 {
            return Err(CallFailure::RequestInvalid);
        }
        let host = HostName::new(&terms.host)?;
        Ok(Admitted { terms, headers, host })
    }

    /// Checks who opened the link, until when, and that it is opened for the first time.
    ///
    /// # Errors
    /// [`LinkFault`]: why there can be no link.
    pub(crate) fn admit_link(
        &mut self,
        link: UncheckedLink,
        key: &Key,
        now: Timestamp,
    ) -> Result<Opened, LinkFault> {
        let (terms, password) = link.open(key)?.into_parts();
        if terms.expires <= now {
            return Err(LinkFault::Expired);
        }
        let first = self.used.take(terms.nonce, terms.expires);
        first.map_err(|_| LinkFault::Forged)?;
        Ok(Opened { terms, password })
    }
}

impl Admitted {
    /// How many bytes the body has, at most [`MOST_BODY`].
    pub(crate) const fn body_length(&self) -> u64 {
        self.terms.body_length
    }

    /// Whether the body is one that nobody holds whole.
    pub(crate) const fn keeps(&self) -> bool {
        self.terms.method.keeps()
    }

    /// Checks a body that is kept elsewhere, and was heard once, against the grant.
    ///
    /// # Errors
    /// [`CallFailure::BodyChanged`] when the grant names other bytes, [`CallFailure::RequestInvalid`] when the path is
    /// none, or nobody is named who logs in there.
    pub(crate) fn approve_kept(self, digest: [u8; 32]) -> Result<Kept, CallFailure> {
        let Self { terms, headers, host } = self;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
        if digest != terms.body_sha256 {
            return Err(CallFailure::BodyChanged);
        }
        if !terms.path.starts_with('/') || !terms.path.bytes().all(plain) || terms.path.contains("/../") {
            return Err(CallFailure::RequestInvalid);
        }
        let login = Login::new(&headers)?;
        Ok(Kept { terms, host, login })
    }

    /// Checks the body against the grant.
    ///
    /// # Errors
    /// [`CallFailure::BodyChanged`] when the grant names other bytes, [`CallFailure::RequestInvalid`] when
    /// the path or a header is none that a call may have.
    pub(crate) fn approve(self, body: Vec<u8>) -> Result<Approved, CallFailure> {
        let Self { terms, headers, host } = self;
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let digest: [u8; 32] = Sha256::digest(&body).into();
        if length != terms.body_length || digest != terms.body_sha256 {
            return Err(CallFailure::BodyChanged);
        }
        let at = match terms.port {
            443 => host.as_str().to_owned(),
            port => format!("{}:{port}", host.as_str()),
        };
        let request = Request::new(terms.method, (&at, &terms.path), &headers, body)?;
        Ok(Approved { terms, host, request })
    }
}

/// The grants that were used, by their nonces. When there are too many to remember one by one, those that
/// end first are forgotten, and with them every other that ends as early: none can be used twice.
#[derive(Default)]
struct Used {
    nonces: HashMap<[u8; 16], Timestamp>,
    forgotten: Option<Timestamp>,
}

impl Used {
    fn take(&mut self, nonce: [u8; 16], expires: Timestamp) -> Result<(), CallFailure> {
        let forgotten = self.forgotten.is_some_and(|last| expires <= last);
        if forgotten || self.nonces.insert(nonce, expires).is_some() {
            return Err(CallFailure::Replayed);
        }
        if self.nonces.len() > MOST_REMEMBERED {
            let mut ends: Vec<Timestamp> = self.nonces.values().copied().collect();
            ends.sort_unstable();
            self.forgotten = ends.get(ends.len() / 2).copied();
            let last = self.forgotten;
            self.nonces.retain(|_, ends| Some(*ends) > last);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
