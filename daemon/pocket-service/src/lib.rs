//! The one owner of the state: a synchronous engine on a thread of its own, behind an asynchronous
//! handle.
//!
//! Every request takes the same way: the door made a typed operation of it, policy decides, the
//! decision is recorded, then it is done, and no answer leaves before what it promises is on disk.
//! A locked device and an unlocked one are two engines: the locked one knows only status, setup,
//! unlock and reset.
//!
//! This crate must never open a socket, parse a foreign format, or hold the owner's data in a log
//! line.

mod engine;
mod failure;
mod handle;
mod keys;
mod locked;
mod passphrase;
mod reset;
mod service;
mod setup;
#[cfg(test)]
mod tests;
mod vault;

pub use handle::{Handle, Reply, Request, Touched};
pub use passphrase::HashCost;
pub use service::{Config, Service, StartError};
