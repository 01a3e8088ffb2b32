//! What is spoken on the control socket?
//!
//! A connection begins with eight bytes from each side ([`GREETING`]): a name and the version of
//! this protocol, so that two programs of different versions say so in words. After that the
//! caller sends requests and the device answers each in turn, all as frames:
//!
//! ```text
//! frame   = length:u32 body            length of the body, big-endian, at most MAX_FRAME
//! body    = header part*               the header is postcard; parts are secrets and file pieces
//! part    = 0 | 1 length:u32 byte*     absent, or present with its length, big-endian
//! ```
//!
//! A request has two parts (passphrase, payload), or one (the token) when it asks for the agents'
//! door; a reply has one (payload). Secrets stay out of the header because their types have no
//! serde on purpose.
//!
//! This crate knows the bytes, the way to the socket and a blocking client. It must never decide
//! anything, and never panic, whatever the bytes are. Decoding costs at most a few dozen times the
//! memory of the frame; the peer is the owner of the device (see `pocket-control`).

mod client;
mod frame;
mod greeting;
mod location;
mod message;

pub use client::{Client, ConnectError};
pub use frame::{FrameTooLarge, MAX_FRAME, ReadError, body_length, read_body};
pub use greeting::{GREETING, GreetingError, VERSION, check_greeting};
pub use location::{MAX_SOCKET_PATH, SYSTEM_SOCKET, control_path, data_folder};
pub use message::{
    Call, Garbled, Reply, ToDaemon, decode_reply, decode_request, encode_reply, encode_request,
};

/// Takes any bytes for a body of either direction and throws the result away: what the fuzzer calls.
pub fn decode_any(bytes: &[u8]) {
    drop(decode_request(bytes));
    drop(decode_reply(bytes));
    if let Some((greeting, _)) = bytes.split_first_chunk() {
        let _ = check_greeting(greeting);
    }
}
