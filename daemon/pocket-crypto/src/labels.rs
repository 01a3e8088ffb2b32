//! Every label that separates one derived key from another. Two uses of a key never share a label,
//! and a label is never changed: data sealed under the old one would no longer open.

/// Category key to the key that seals its records.
pub const RECORD_SEAL: &str = "pocketai/1 record seal";
/// Category key to the key that blinds its record keys.
pub const RECORD_ID: &str = "pocketai/1 record id";
/// Category key to the key of its order-independent set digest.
pub const SET_DIGEST: &str = "pocketai/1 set digest";
/// Category key to the key that seals its search index.
pub const INDEX_SEAL: &str = "pocketai/1 index seal";
/// Category key to the key that blinds the terms of its search index.
pub const INDEX_TERM: &str = "pocketai/1 index term";
/// Key of one blob and salt to the key of one blob's chunks.
pub const BLOB_STREAM: &str = "pocketai/1 blob stream";
/// Ring to the key of the audit chain.
pub const AUDIT_CHAIN: &str = "pocketai/1 audit chain";
/// Ring to the key that authenticates the heads kept beside the store.
pub const STORE_HEAD: &str = "pocketai/1 store head";
/// Ring to the key that seals the daemon's own settings.
pub const SETTINGS: &str = "pocketai/1 settings";
/// Ring to the key that authenticates browser sessions.
pub const SESSION: &str = "pocketai/1 session";
/// Recovery key to the age identity that opens backups.
pub const BACKUP_IDENTITY: &str = "pocketai/1 backup identity";
/// Recovery key to the key that vouches for what is in a backup.
pub const BACKUP_VOUCHING: &str = "pocketai/1 backup vouching";
/// The daemon's key of this start to the key that authenticates its calls to the gateway.
pub const GRANT: &str = "pocketai/1 grant";
/// The same to the key that authenticates its links to the owner's broker.
pub const LINK: &str = "pocketai/1 link";

/// ROOT to the key that seals the key table.
pub const KEY_TABLE: &str = "pocketai/1 key table";
/// Argon2id output, and the device secret if there is one, to the key of the passphrase slot.
pub const SLOT_PASSPHRASE: &str = "pocketai/1 slot passphrase";
/// Device secret to the key of the device slot.
pub const SLOT_DEVICE: &str = "pocketai/1 slot device";
/// Recovery key to the key of the recovery slot.
pub const SLOT_RECOVERY: &str = "pocketai/1 slot recovery";
/// Slot key to the key that wraps ROOT.
pub const SLOT_WRAP: &str = "pocketai/1 slot wrap";
/// Slot key to the key of its key-check value.
pub const SLOT_CHECK: &str = "pocketai/1 slot check";
/// Device secret to the key that tells a foreign device secret from a wrong passphrase.
pub const DEVICE_CHECK: &str = "pocketai/1 device check";
/// Ring to the key of the recovery groups' tags.
pub const RECOVERY_GROUP: &str = "pocketai/1 recovery group";
