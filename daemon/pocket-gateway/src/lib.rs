//! The only way out of the device.
//!
//! `pocketd` has no network. This program has no key, no data and no memory of what it sends: it takes a
//! grant and the bytes, checks that the one names the other ([`gate`]), resolves the host once and only to
//! public addresses ([`route`]), connects to the very address that it checked, encrypted to the host that
//! the grant names, sends the bytes once, and hands back what comes ([`pocket_post`]).
//!
//! A sealed archive may be a call's body too, to be kept elsewhere ([`keep`]): it is sent in a few requests, to the
//! path that the grant names and to none but that and `.part` behind it.
//!
//! Instead of a call it may be handed a link: to the owner's own MQTT broker, at an address of the owner's own
//! network and no other ([`link`]), for as long as the daemon wants it.
//!
//! It must never send anything without a grant, read a file of the owner, follow a redirect, ask a proxy
//! or the environment, try anything a second time, or log what it carries, to where or with what.

mod gate;
mod host;
mod keep;
mod link;
mod public;
mod route;
pub mod sandbox;
mod service;
mod tls;

pub use gate::Daemons;
#[cfg(any(test, feature = "fuzzing"))]
pub use keep::hear_place;
#[cfg(any(test, feature = "fuzzing"))]
pub use link::fuzzing::hear_broker;
pub use route::{Exception, Exceptions, InvalidException};
pub use service::{Gateway, serve};
pub use tls::{CaError, Trust};
