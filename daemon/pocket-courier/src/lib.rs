//! How does a call get out, or to a model on this device?
//!
//! [`Gateway`] is the daemon's way to `pocket-gateway`: at a socket that a service manager holds, or a child
//! of the daemon; either exists only while something may leave. [`local`] speaks to a model's server over a Unix
//! socket, which no network is needed for. Both tell what becomes of a call as [`Reports`]. A link to the
//! owner's broker, which the gateway keeps, is a [`Line`].
//!
//! This crate must never open a connection to anything but a Unix socket, send without a grant to the
//! gateway, or log what a call carries.

mod carry;
mod child;
mod gateway;
mod leash;
mod link;
mod local;
mod reports;

pub use gateway::Gateway;
pub use link::Line;
pub use local::{LocalLimits, local};
pub use reports::Reports;
