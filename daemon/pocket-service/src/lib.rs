//! The one owner of the state: a synchronous engine on a thread of its own, behind an asynchronous
//! handle.
//!
//! Every request takes the same way: the door made a typed operation of it, policy decides, the
//! decision is recorded, then it is done, and no answer leaves before what it promises is on disk.
//! A locked device and an unlocked one are two engines: the locked one knows only status, setup,
//! unlock and reset.
//!
//! This crate must never open a socket, parse a foreign format, or hold the owner's data in a log
//! line. It runs two other programs: one reads the files of strangers ([`Reader`]), one seals and opens
//! backups ([`Archives`]).

mod attachments;
mod backup;
mod engine;
mod extraction;
mod failure;
mod handle;
mod keys;
mod locked;
mod outbound;
mod passphrase;
mod reader;
mod reset;
mod service;
mod setup;
#[cfg(test)]
mod tests;
mod vault;

pub use attachments::{Attachments, MOST_ATTACHED};
pub use backup::{ARCHIVER, Archives, Opening, Sealing};
pub use extraction::read_documents;
pub use handle::{ButtonReport, Handle, Reply, Request, Touched};
pub use outbound::{Call, Calls, GatewayTrust, Link, Links, Way};
pub use passphrase::HashCost;
pub use reader::{Lines, PROGRAM, ReadError, Reader, Running};
pub use service::{Config, Service, StartError, Updates};
