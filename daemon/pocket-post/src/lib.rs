//! What comes back when one request is sent over a stream that is already there?
//!
//! One HTTP/1.1 request, one answer, and the stream is done with. The answer is a stranger's: it has a
//! limit on its time and on its bytes, is whole or a failure, and of its head only the status, the
//! media type, the length and where a redirect leads are passed on. Nothing is followed, decoded, tried
//! again or kept.
//!
//! The gateway sends so over an encrypted connection, the daemon over a Unix socket to a model on this
//! device. This crate must never open a connection, resolve a name, or log.

mod exchange;
mod request;
mod traffic;

pub use exchange::{Limits, exchange, of_head};
pub use request::Request;
pub use traffic::{Metered, Traffic};
