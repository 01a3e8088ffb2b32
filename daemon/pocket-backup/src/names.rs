//! What age calls keys: `age1…` and `AGE-SECRET-KEY-1…`, in Bech32 (BIP 173).

use std::str::FromStr;

use age::Recipient;
use age::x25519;
use bech32::{ToBase32, Variant};
use pocket_core::BackupFault;
use pocket_crypto::{Key, backup};
use zeroize::Zeroizing;

/// The identity as age's own tool takes it.
pub(crate) fn identity(key: &Key) -> Result<x25519::Identity, BackupFault> {
    x25519::Identity::from_str(&identity_text(key)).map_err(|_| BackupFault::Broke)
}

/// The file that `age -d -i FILE` takes.
pub(crate) fn both(key: &Key) -> Zeroizing<String> {
    let public = text("age", &backup::public(key));
    Zeroizing::new(format!("# public key: {public}\n{}\n", *identity_text(key)))
}

/// To whom an archive is sealed.
pub(crate) fn recipients(
    owner: &[u8; 32],
    others: &[String],
    drill: &Key,
) -> Result<Vec<x25519::Recipient>, BackupFault> {
    [text("age", owner), text("age", &backup::public(drill))]
        .iter()
        .chain(others)
        .map(|text| x25519::Recipient::from_str(text).map_err(|_| BackupFault::Recipient))
        .collect()
}

/// As what the library takes.
pub(crate) fn as_dyn(recipients: &[x25519::Recipient]) -> impl Iterator<Item = &dyn Recipient> {
    recipients.iter().map(|recipient| recipient as &dyn Recipient)
}

fn identity_text(key: &Key) -> Zeroizing<String> {
    let lower = Zeroizing::new(text("age-secret-key-", key.expose_bytes()));
    Zeroizing::new(lower.to_uppercase())
}

fn text(kind: &str, bytes: &[u8; 32]) -> String {
    bech32::encode(kind, bytes.to_base32(), Variant::Bech32).expect("both kinds are short lower-case text")
}
