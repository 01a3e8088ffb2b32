//! What only the daemon can have said: a message with its code.

use hmac::{Hmac, KeyInit, Mac};
use pocket_crypto::secret::Key;
use serde::Serialize;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::frame::{FrameTooLarge, LENGTH, MAX_FRAME, prefix};
use crate::message::Garbled;

/// Bytes of HMAC-SHA256.
const MAC: usize = 32;

/// `message` as a whole frame of `kind`, under the daemon's `key` for `label`.
///
/// In one buffer of the largest size: one that grew would leave copies of secrets.
pub(crate) fn seal(
    kind: u8,
    label: &str,
    message: &impl Serialize,
    key: &Key,
) -> Result<Zeroizing<Vec<u8>>, FrameTooLarge> {
    const AHEAD: usize = LENGTH + 1 + MAC;
    let mut frame = Zeroizing::new(vec![0; LENGTH + MAX_FRAME]);
    let room = frame.get_mut(AHEAD..).unwrap_or_default();
    let too_large = FrameTooLarge {
        length: MAX_FRAME + 1,
    };
    let used = postcard::to_slice(message, room).map_err(|_| too_large)?;
    let code = mac(label, key, used).finalize().into_bytes();
    let length = AHEAD + used.len();
    frame.truncate(length);
    let (start, rest) = frame.split_at_mut(LENGTH);
    start.copy_from_slice(&prefix(length - LENGTH)?);
    let (first, rest) = rest.split_at_mut(1);
    first.copy_from_slice(&[kind]);
    let (place, _) = rest.split_at_mut(MAC);
    place.copy_from_slice(&code);
    Ok(frame)
}

fn mac(label: &str, key: &Key, message: &[u8]) -> Hmac<Sha256> {
    let key = key.derive(label, b"");
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_bytes());
    mac.expect("HMAC takes a key of any length").chain_update(message)
}

/// A message as it came: nobody knows yet who made it.
pub(crate) struct Unchecked {
    mac: [u8; MAC],
    message: Zeroizing<Vec<u8>>,
}

/// It was not made under the key, for this use of it.
pub(crate) struct Foreign;

impl Unchecked {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Garbled> {
        let (mac, message) = bytes.split_first_chunk::<MAC>().ok_or(Garbled)?;
        Ok(Self {
            mac: *mac,
            message: Zeroizing::new(message.to_vec()),
        })
    }

    /// The message, if it was made under `key` for `label`. Compares in constant time.
    pub(crate) fn open(&self, label: &str, key: &Key) -> Result<&[u8], Foreign> {
        mac(label, key, &self.message)
            .verify_slice(&self.mac)
            .map_err(|_| Foreign)?;
        Ok(&self.message)
    }
}
