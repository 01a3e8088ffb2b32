//! Messages to bytes and back.

use pocket_crypto::secret::Key;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::call::UncheckedCall;
use crate::frame::{FrameTooLarge, LENGTH, MAX_PIECE, prefix};
use crate::link::{LinkWord, UncheckedLink, decode_word};
use crate::report::Report;

/// Version of what is spoken. Grows whenever a message, the terms of a grant or a report changes shape.
pub const VERSION: u16 = 5;

const GREETING: u8 = 0;
pub(crate) const CALL: u8 = 1;
const PIECE: u8 = 2;
pub(crate) const LINK: u8 = 3;
pub(crate) const SAID: u8 = 4;

/// The body is no message of this protocol. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the message can't be read: it is damaged, or from another version of PocketAI")]
pub struct Garbled;

/// What the daemon says.
pub enum ToGateway {
    /// The first words: who calls has this key, and speaks this version.
    Greeting {
        /// The version.
        version: u16,
        /// The key, if it is this version: how another one greets is not known.
        key: Option<Key>,
    },
    /// The call.
    Call(UncheckedCall),
    /// A link to the owner's broker.
    Link(UncheckedLink),
    /// The next bytes of the request's body.
    Piece(Vec<u8>),
    /// A word over a link that is open.
    Said(LinkWord),
}

/// The daemon's first frame. Wiped on drop.
pub fn greeting(key: &Key) -> Zeroizing<Vec<u8>> {
    let key = key.expose_bytes();
    let length = u32::try_from(1 + 2 + key.len()).expect("three bytes and a key are a short frame");
    let mut frame = Zeroizing::new(Vec::with_capacity(LENGTH + 1 + 2 + key.len()));
    frame.extend_from_slice(&length.to_le_bytes());
    frame.push(GREETING);
    frame.extend_from_slice(&VERSION.to_le_bytes());
    frame.extend_from_slice(key);
    frame
}

/// The body of a request as frames, of at most [`MAX_PIECE`] bytes each: what stands ahead of each piece,
/// and the piece.
pub fn body_frames(body: &[u8]) -> impl Iterator<Item = ([u8; LENGTH + 1], &[u8])> {
    body.chunks(MAX_PIECE).map(|piece| {
        let [a, b, c, d] = prefix(1 + piece.len()).expect("a piece and its kind fit into a frame");
        ([a, b, c, d, PIECE], piece)
    })
}

/// A message of the daemon, out of the body of a frame.
///
/// # Errors
/// [`Garbled`] for what the daemon does not say.
pub fn decode_to_gateway(body: &[u8]) -> Result<ToGateway, Garbled> {
    match body.split_first() {
        Some((&GREETING, rest)) => {
            let (version, key) = rest.split_first_chunk().ok_or(Garbled)?;
            let version = u16::from_le_bytes(*version);
            let key = match (version, <[u8; 32]>::try_from(key)) {
                (VERSION, Ok(key)) => Some(Key::from_bytes(key)),
                (VERSION, Err(_)) => return Err(Garbled),
                _ => None,
            };
            Ok(ToGateway::Greeting { version, key })
        }
        Some((&CALL, call)) => UncheckedCall::new(call).map(ToGateway::Call),
        Some((&LINK, link)) => UncheckedLink::new(link).map(ToGateway::Link),
        Some((&SAID, said)) => decode_word(said).map(ToGateway::Said),
        Some((&PIECE, piece)) if piece.len() <= MAX_PIECE => Ok(ToGateway::Piece(piece.to_vec())),
        _ => Err(Garbled),
    }
}

/// A report as a whole frame.
///
/// # Errors
/// [`FrameTooLarge`] for a piece of more than [`MAX_PIECE`] bytes.
pub fn report_frame(report: &Report) -> Result<Vec<u8>, FrameTooLarge> {
    let body = postcard::to_extend(report, vec![0; LENGTH]);
    let mut frame = body.expect("a report has no type that postcard can't write");
    let length = prefix(frame.len() - LENGTH)?;
    frame[..LENGTH].copy_from_slice(&length);
    Ok(frame)
}

/// A report, out of the body of a frame.
///
/// # Errors
/// [`Garbled`] for what a gateway does not say.
pub fn decode_report(body: &[u8]) -> Result<Report, Garbled> {
    match postcard::take_from_bytes(body) {
        Ok((report, [])) => Ok(report),
        _ => Err(Garbled),
    }
}

#[cfg(test)]
pub(crate) mod tests;
