//! A call, sealed by the daemon and opened by the gateway.

use pocket_core::{CallFailure, Grant, Terms};
use pocket_crypto::SecretBytes;
use pocket_crypto::labels;
use pocket_crypto::secret::Key;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::frame::FrameTooLarge;
use crate::message::{CALL, Garbled};
use crate::sealed::{self, Foreign, Unchecked};

/// A header of a request. Its value may be a key of the owner.
pub struct Header {
    /// The name, in lower case.
    pub name: String,
    /// The value.
    pub value: SecretBytes,
}

/// The headers that a caller adds to a request.
#[derive(Default)]
pub struct Headers(Vec<Header>);

impl Headers {
    /// Adds one.
    pub fn push(&mut self, name: impl Into<String>, value: SecretBytes) {
        let name = name.into();
        self.0.push(Header { name, value });
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Header> {
        self.0.iter()
    }
}

#[derive(Serialize)]
struct Written<'a> {
    terms: &'a Terms,
    headers: Vec<(&'a str, &'a [u8])>,
}

#[derive(Deserialize)]
struct Read<'a> {
    terms: Terms,
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
}

/// A call that a grant was used up for, as a whole frame. Its buffer is wiped on drop.
pub struct SealedCall {
    frame: Zeroizing<Vec<u8>>,
    body_length: u64,
}

impl SealedCall {
    /// Uses `grant` up for a call with `headers`, under the daemon's `key`.
    ///
    /// # Errors
    /// [`FrameTooLarge`] when the path and the headers take more room than one frame has.
    pub fn new(grant: Grant, headers: &Headers, key: &Key) -> Result<Self, FrameTooLarge> {
        seal(&grant.into_terms(), headers, key)
    }

    /// A call without a grant, for tests of what becomes of one.
    ///
    /// # Errors
    /// As [`SealedCall::new`].
    #[cfg(any(test, feature = "forging"))]
    pub fn forged(terms: &Terms, headers: &Headers, key: &Key) -> Result<Self, FrameTooLarge> {
        seal(terms, headers, key)
    }

    /// The frame.
    pub fn expose_frame(&self) -> &[u8] {
        &self.frame
    }

    /// How long the body of the request is to be, in bytes.
    pub const fn body_length(&self) -> u64 {
        self.body_length
    }
}

fn seal(terms: &Terms, headers: &Headers, key: &Key) -> Result<SealedCall, FrameTooLarge> {
    let pairs = headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.expose_bytes()));
    let written = Written {
        terms,
        headers: pairs.collect(),
    };
    Ok(SealedCall {
        frame: sealed::seal(CALL, labels::GRANT, &written, key)?,
        body_length: terms.body_length,
    })
}

/// A call as it came: nobody knows yet who made it.
pub struct UncheckedCall(Unchecked);

impl UncheckedCall {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Garbled> {
        Unchecked::new(bytes).map(Self)
    }

    /// What is in it, if it was made under `key`. Compares in constant time, and reads nothing before.
    ///
    /// # Errors
    /// [`CallFailure::Forged`] when it was not; [`CallFailure::GatewayVersion`] when it was, and makes
    /// no sense here.
    pub fn open(self, key: &Key) -> Result<OpenedCall, CallFailure> {
        let call = self.0.open(labels::GRANT, key);
        let call = call.map_err(|Foreign| CallFailure::Forged)?;
        let (terms, headers) = parse(call).map_err(|Garbled| CallFailure::GatewayVersion)?;
        Ok(OpenedCall { terms, headers })
    }
}

pub(crate) fn parse(call: &[u8]) -> Result<(Terms, Headers), Garbled> {
    let (read, rest): (Read<'_>, _) = postcard::take_from_bytes(call).map_err(|_| Garbled)?;
    if !rest.is_empty() {
        return Err(Garbled);
    }
    let mut headers = Headers::default();
    for (name, value) in read.headers {
        headers.push(name, SecretBytes::new(value.to_vec()));
    }
    Ok((read.terms, headers))
}

/// A call that the daemon made: only [`UncheckedCall::open`] gives one.
#[must_use]
pub struct OpenedCall {
    terms: Terms,
    headers: Headers,
}

impl OpenedCall {
    /// On which terms.
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Uses it up.
    pub fn into_parts(self) -> (Terms, Headers) {
        (self.terms, self.headers)
    }
}
