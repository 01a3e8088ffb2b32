//! A call, sealed by the daemon and opened by the gateway.

use hmac::{Hmac, KeyInit, Mac};
use pocket_core::{CallFailure, Grant, Terms};
use pocket_crypto::SecretBytes;
use pocket_crypto::labels;
use pocket_crypto::secret::Key;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::frame::{FrameTooLarge, LENGTH, MAX_FRAME, prefix};
use crate::message::{CALL, Garbled};

/// Bytes of HMAC-SHA256.
const MAC: usize = 32;

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

/// In one buffer of the largest size: one that grew would leave copies of secrets.
fn seal(terms: &Terms, headers: &Headers, key: &Key) -> Result<SealedCall, FrameTooLarge> {
    const AHEAD: usize = LENGTH + 1 + MAC;
    let pairs = headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.expose_bytes()));
    let written = Written {
        terms,
        headers: pairs.collect(),
    };
    let mut frame = Zeroizing::new(vec![0; LENGTH + MAX_FRAME]);
    let room = frame.get_mut(AHEAD..).unwrap_or_default();
    let too_large = FrameTooLarge {
        length: MAX_FRAME + 1,
    };
    let used = postcard::to_slice(&written, room).map_err(|_| too_large)?;
    let code = mac(key, used).finalize().into_bytes();
    let length = AHEAD + used.len();
    frame.truncate(length);
    let (start, rest) = frame.split_at_mut(LENGTH);
    start.copy_from_slice(&prefix(length - LENGTH)?);
    let (kind, rest) = rest.split_at_mut(1);
    kind.copy_from_slice(&[CALL]);
    let (place, _) = rest.split_at_mut(MAC);
    place.copy_from_slice(&code);
    Ok(SealedCall {
        frame,
        body_length: terms.body_length,
    })
}

fn mac(key: &Key, call: &[u8]) -> Hmac<Sha256> {
    let key = key.derive(labels::GRANT, b"");
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_bytes());
    mac.expect("HMAC takes a key of any length").chain_update(call)
}

/// A call as it came: nobody knows yet who made it.
pub struct UncheckedCall {
    mac: [u8; MAC],
    call: Zeroizing<Vec<u8>>,
}

impl UncheckedCall {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Garbled> {
        let (mac, call) = bytes.split_first_chunk::<MAC>().ok_or(Garbled)?;
        Ok(Self {
            mac: *mac,
            call: Zeroizing::new(call.to_vec()),
        })
    }

    /// What is in it, if it was made under `key`. Compares in constant time, and reads nothing before.
    ///
    /// # Errors
    /// [`CallFailure::Forged`] when it was not; [`CallFailure::GatewayVersion`] when it was, and makes
    /// no sense here.
    pub fn open(self, key: &Key) -> Result<OpenedCall, CallFailure> {
        mac(key, &self.call)
            .verify_slice(&self.mac)
            .map_err(|_| CallFailure::Forged)?;
        let (terms, headers) = parse(&self.call).map_err(|Garbled| CallFailure::GatewayVersion)?;
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
