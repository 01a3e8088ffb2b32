//! The manifest: what is in an archive, each member with its digest, and what vouches for it.

use std::collections::BTreeMap;

use pocket_core::audit::Head;
use pocket_core::{BACKUP_FORMAT, BackupFacts, BackupFault, Category, Timestamp};
use pocket_crypto::{Key, mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Its name in the archive.
pub(crate) const NAME: &str = "manifest.json";
/// The name of what vouches for it, the last member: HMAC-SHA256, as hexadecimal digits.
pub(crate) const VOUCHER: &str = "manifest.hmac";
/// What it says of itself.
const PRODUCT: &str = "PocketAI backup";

/// A member, as the manifest has it.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Member {
    pub(crate) fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: digest(bytes),
        }
    }
}

/// What an archive of any format says first of all.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    product: String,
    format: u32,
    version: String,
    device: String,
    epoch: u64,
    made: Timestamp,
    audit: Head,
    counts: BTreeMap<Category, u64>,
    members: Vec<Member>,
}

/// The manifest's bytes.
pub(crate) fn write(facts: &BackupFacts, members: &[Member]) -> Result<Vec<u8>, BackupFault> {
    let manifest = Manifest {
        product: PRODUCT.to_owned(),
        format: facts.format,
        version: facts.version.clone(),
        device: facts.device.clone(),
        epoch: facts.epoch,
        made: facts.made,
        audit: facts.audit,
        counts: facts.counts.iter().copied().collect(),
        members: members.to_vec(),
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest).map_err(|_| BackupFault::Broke)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What a manifest says, if it says the same of the members as was found.
pub(crate) fn read(bytes: &[u8], found: &[Member]) -> Result<BackupFacts, BackupFault> {
    let Format { format } = serde_json::from_slice(bytes).map_err(|_| BackupFault::Foreign)?;
    if format > BACKUP_FORMAT {
        return Err(BackupFault::Newer);
    }
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|_| BackupFault::Foreign)?;
    if manifest.product != PRODUCT || manifest.format == 0 {
        return Err(BackupFault::Foreign);
    }
    if manifest.members != found {
        return Err(BackupFault::Differs);
    }
    Ok(BackupFacts {
        format: manifest.format,
        version: manifest.version,
        device: manifest.device,
        epoch: manifest.epoch,
        made: manifest.made,
        audit: manifest.audit,
        counts: manifest.counts.into_iter().collect(),
    })
}

/// What vouches for a manifest, as it lies in the archive.
pub(crate) fn voucher(key: &Key, manifest: &[u8]) -> Vec<u8> {
    format!("{}\n", hex(&mac(key, &[manifest]))).into_bytes()
}

/// Whether this vouches for the manifest. Compared by a MAC of both, so that time tells nothing.
pub(crate) fn vouches(key: &Key, manifest: &[u8], voucher: &[u8]) -> bool {
    mac(key, &[voucher]) == mac(key, &[&self::voucher(key, manifest)])
}

/// SHA-256, as hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    let pairs = digits.as_chunks::<2>().0;
    Some(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
