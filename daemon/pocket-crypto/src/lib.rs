//! How is it sealed?
//!
//! The key ladder, sealed records ([`seal`]), sealed blobs ([`stream`]), the keyring with its
//! keyslots ([`keyring`]), and the texts that a person or a program holds instead of a key
//! ([`passphrase`], [`recovery`], [`token`]). Everything is bytes in, value out.
//!
//! It must never touch a file, a clock, the environment or a global source of randomness
//! (`rng` is an argument everywhere), never return plaintext that did not authenticate, never
//! print a secret (no type that holds one is `Debug`, `Clone` or serde), and never answer damage
//! by making a new key.

pub mod backup;
mod crockford;
mod encode;
pub mod keyring;
pub mod labels;
mod padding;
pub mod passphrase;
pub mod recovery;
pub mod seal;
pub mod secret;
pub mod stream;
pub mod token;

pub use keyring::{Keyring, Unlocked};
pub use padding::padme;
pub use recovery::RecoveryKey;
pub use seal::{Context, MacKey, OpenError, Sealer, mac};
pub use secret::{Key, SecretBytes};
