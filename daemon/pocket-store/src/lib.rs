//! Where is it kept?
//!
//! The data folder: its lock and version, the keyring file, the device secret, sealed records in
//! sled, sealed blobs beside it, the heads that make silent loss visible, and the factory reset.
//! The rules that the store follows, and what was measured, are in `docs/design/0001-store.md`.
//!
//! This is the only crate that names sled, and no type of sled appears in its interface. It must
//! never write a byte of the owner's data unsealed, never acknowledge what is not on the disk, never
//! answer damage by making a new key or an empty store, and never answer from a category known to be
//! short as if it were whole. It decides nothing: a change comes with the audit entries that allow it.

mod ahead;
pub mod atomic;
mod attempts;
mod audit_log;
mod blob;
mod changes;
mod check;
mod commit;
mod database;
mod device_secret;
mod erase;
mod error;
mod folder;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod heads;
mod keyring_file;
mod keys;
mod loss;
mod open;
mod plan;
mod read;
mod rekey;
mod reset;
mod row;
mod scan;
mod search_index;
mod shelf;
mod space;
mod store;
mod v1;

pub use blob::{BlobRef, BlobWriter, FileReader};
pub use changes::Changes;
pub use device_secret::{DeviceSecretError, DeviceSecretPlace};
pub use error::StoreError;
pub use folder::{Folder, FolderError};
pub use keyring_file::{KeyringFileError, KeyringRead};
pub use keys::{KEY_CODES, KeySet};
pub use read::Walk;
pub use reset::{ResetError, ResetRun, clear_proof, read_proof};
pub use search_index::StoredIndex;
pub use shelf::Version;
pub use space::Space;
pub use store::{Opened, Store};

#[cfg(test)]
mod tests;
