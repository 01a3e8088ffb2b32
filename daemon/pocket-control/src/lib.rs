//! The owner's command-line door: who may speak on the control socket, and for how long?
//!
//! The kernel vouches for who calls (`SO_PEERCRED`). Only two may: the user that runs the daemon,
//! who could read its files anyway, and root, who could do anything anyway. Everyone else is turned
//! away in words. Whoever is let in is the owner at the device; the passphrase is asked for again
//! where policy says so. On an installed device the daemon has a user of its own, so that in
//! practice the owner uses `sudo pocketctl`.
//!
//! A socket of its own is the button's ([`serve_buttons`]): there root alone may speak, and says nothing but that it
//! was pressed.
//!
//! A connection may also become an agent's, with that agent's token: it is then handed to the
//! agents' door, which this crate does not know.
//!
//! This crate must never decide on an operation, keep a secret longer than it takes to pass it on,
//! or log what passes.

mod bind;
mod button;
mod connection;
mod places;
mod server;

pub use bind::{BindError, bind};
pub use button::serve_buttons;
pub use server::serve;
