//! What is spoken to the gateway?
//!
//! `pocketd` opens one connection for each call out of the device, over a Unix socket. Everything on it
//! is frames:
//!
//! ```text
//! frame    = length:u32 body              length of the body, little-endian, at most MAX_FRAME
//! to it    = 0 version:u16 key:[32]       the greeting; the key is fresh at each start of the daemon
//!          | 1 mac:[32] postcard          the call: its terms and its headers
//!          | 2 byte*                      a piece of the body of the request, at most MAX_PIECE
//!          | 3 mac:[32] postcard          a link: its terms and the broker's password
//!          | 4 postcard                   a [`LinkWord`]
//! from it  = postcard                     a [`Report`] of a call, a [`LinkReport`] of a link
//! ```
//!
//! The daemon sends the greeting, the call and the whole body; the gateway answers with reports until
//! [`Report::Ended`] or [`Report::Failed`], which is the last. A body that is kept elsewhere is sent twice: once to
//! be checked, and once more, as fast as the server takes it. Closing the connection gives the call up.
//!
//! Instead of a call, a connection may carry a link to the owner's own broker: behind the greeting the
//! daemon sends the link, then words, the gateway reports, and closing the connection closes the link.
//!
//! A call is made out of a [`pocket_core::Grant`] and nothing else, and the grant is used up by it; the
//! other side gets at its terms only through [`UncheckedCall::open`], which checks who made it. So it is
//! with a link, a [`pocket_core::LinkLeave`] and [`UncheckedLink::open`].
//!
//! This crate must never do any input or output, and never panic, whatever the bytes are. A header's
//! value may be a key of the owner: it is wiped on drop, and nothing that holds it can be printed.

mod call;
mod frame;
mod link;
mod message;
mod report;
mod sealed;

pub use call::{Header, Headers, OpenedCall, SealedCall, UncheckedCall};
pub use frame::{FrameTooLarge, MAX_FRAME, MAX_PIECE, MOST_BODY, MOST_KEPT, body_length};
pub use link::{
    LinkReport, LinkWord, MOST_CAPTURE, OpenedLink, SealedLink, UncheckedLink, decode_link_report,
    link_report_frame, word_frame,
};
pub use message::{
    Garbled, ToGateway, VERSION, body_frames, decode_report, decode_to_gateway, greeting, report_frame,
};
pub use report::Report;

/// Takes any bytes for a body of either direction and throws the result away: what the fuzzer calls.
pub fn decode_any(bytes: &[u8]) {
    let key = pocket_crypto::secret::Key::from_bytes([0; 32]);
    match decode_to_gateway(bytes) {
        Ok(ToGateway::Call(call)) => drop(call.open(&key)),
        Ok(ToGateway::Link(link)) => drop(link.open(&key)),
        _ => {}
    }
    drop(decode_report(bytes));
    drop(decode_link_report(bytes));
    // Behind the code that authenticates it, a call is bytes of the daemon; they are read as if they were not.
    drop(call::parse(bytes));
    drop(link::parse(bytes));
}
