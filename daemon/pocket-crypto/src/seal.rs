//! Sealed records: XAES-256-GCM with a random nonce, bound to where the record belongs.
//!
//! A sealed record is `suite (1) | nonce (24) | ciphertext | tag (16)`. The plaintext inside is
//! `length (u32, little-endian) | bytes | zeros` up to a Padmé length. Associated data: suite,
//! category, generation, record id and schema version, each preceded by its length, so a record
//! moved to another place, or opened as another version, does not authenticate.
//!
//! XAES-256-GCM: <https://github.com/C2SP/C2SP/blob/main/XAES-256-GCM.md>. Its 192-bit nonce may be
//! random for 2^80 messages under one key: there is no counter that a power cut could turn back.

use hmac::{Hmac, KeyInit as _, Mac};
use rand::CryptoRng;
use sha2::Sha256;
use xaes_256_gcm::Xaes256Gcm;
use xaes_256_gcm::aead::AeadInOut;
use zeroize::{Zeroize, Zeroizing};

use crate::encode::{join, length_prefix};
use crate::padding::padme;
use crate::secret::Key;

/// The first byte of everything sealed with XAES-256-GCM.
pub const SUITE_XAES_256_GCM: u8 = 1;
/// The longest plaintext that [`Sealer::seal`] takes, in bytes: 1 GiB, far above any record (blobs
/// go through [`crate::stream`]) and far below what the length field can say.
pub const MAX_PLAINTEXT: usize = 1 << 30;

const NONCE: usize = 24;
const TAG: usize = 16;
const LENGTH: usize = 4;
const HEADER: usize = 1 + NONCE;

/// Where a record belongs. Sealed and opened with the same values, or it does not open.
pub struct Context<'a> {
    /// The category's code.
    pub category: u8,
    /// The generation of the category's key.
    pub generation: u32,
    /// The record's id.
    pub id: &'a [u8],
    /// The version of the record's encoding.
    pub schema: u16,
}

impl Context<'_> {
    fn associated_data(&self) -> Vec<u8> {
        join(&[
            &[SUITE_XAES_256_GCM],
            &[self.category],
            &self.generation.to_be_bytes(),
            self.id,
            &self.schema.to_be_bytes(),
        ])
    }
}

/// Why sealed bytes did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Authentic, but the padding inside is not what the sealer writes.
    #[error("the sealed data is authentic but its padding is malformed")]
    BadPadding,
    /// Changed, moved, or sealed under another key.
    #[error("the sealed data was changed, moved, or sealed under another key")]
    NotAuthentic,
    /// Shorter than the shortest sealed message.
    #[error("the sealed data is too short: its end is missing")]
    TooShort,
    /// Sealed with a cipher suite that this version does not know.
    #[error("the sealed data uses cipher suite {0}, which this version does not know: update the software")]
    UnknownSuite(u8),
}

/// Seals and opens records under one key. Keeps the expanded cipher, so make it once for each key.
pub struct Sealer(Xaes256Gcm);

impl Sealer {
    /// A sealer for `key`.
    pub fn new(key: &Key) -> Self {
        Self(Xaes256Gcm::new(key.expose_bytes().into()))
    }

    /// Seals `plaintext`; the result is `41 + padme(4 + plaintext.len())` bytes long.
    ///
    /// # Panics
    /// When `plaintext` is longer than [`MAX_PLAINTEXT`].
    pub fn seal(&self, rng: &mut impl CryptoRng, context: &Context<'_>, plaintext: &[u8]) -> Vec<u8> {
        self.seal_bound(rng, &context.associated_data(), plaintext)
    }

    /// Opens what [`Sealer::seal`] made with the same context.
    ///
    /// # Errors
    /// See [`OpenError`]; no byte of plaintext comes back with one.
    pub fn open(&self, context: &Context<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.open_bound(&context.associated_data(), sealed)
    }

    /// As [`Sealer::seal`], with associated data made by the caller.
    pub(crate) fn seal_bound(
        &self,
        rng: &mut impl CryptoRng,
        associated: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        assert!(
            plaintext.len() <= MAX_PLAINTEXT,
            "a record is at most 1 GiB; larger data is a blob"
        );
        let length = u32::try_from(plaintext.len()).expect("checked above: below 2^30");
        let padded = usize::try_from(padme(u64::from(length) + LENGTH as u64))
            .expect("at most 12 % over 2^30, which any supported usize holds");

        // One allocation of the final size: growing would leave plaintext behind in freed memory.
        let mut sealed = Vec::with_capacity(HEADER + padded + TAG);
        sealed.resize(HEADER, SUITE_XAES_256_GCM);
        rng.fill_bytes(&mut sealed[1..]);
        sealed.extend_from_slice(&length.to_le_bytes());
        sealed.extend_from_slice(plaintext);
        sealed.resize(HEADER + padded, 0);

        let (header, body) = sealed.split_at_mut(HEADER);
        let nonce = <[u8; NONCE]>::try_from(&header[1..]).expect("the header is one byte and the nonce");
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), associated, body.into())
            .expect("lengths are far below AES-GCM's limit of 64 GiB");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// As [`Sealer::open`], with associated data made by the caller.
    pub(crate) fn open_bound(
        &self,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (&suite, rest) = sealed.split_first().ok_or(OpenError::TooShort)?;
        if suite != SUITE_XAES_256_GCM {
            return Err(OpenError::UnknownSuite(suite));
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(OpenError::TooShort)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(OpenError::TooShort)?;
        if body.len() < LENGTH {
            return Err(OpenError::TooShort);
        }
        let mut plaintext = Zeroizing::new(body.to_vec());
        self.0
            .decrypt_inout_detached(
                nonce.into(),
                associated,
                plaintext.as_mut_slice().into(),
                tag.into(),
            )
            .map_err(|_| OpenError::NotAuthentic)?;
        unpad(plaintext)
    }
}

/// Takes the length and the padding off in place.
fn unpad(mut padded: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (length, rest) = padded
        .split_first_chunk::<LENGTH>()
        .ok_or(OpenError::BadPadding)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| OpenError::BadPadding)?;
    let (_, zeros) = rest.split_at_checked(length).ok_or(OpenError::BadPadding)?;
    let expected = padme((LENGTH as u64).saturating_add(length as u64));
    if padded.len() as u64 != expected || zeros.iter().any(|&byte| byte != 0) {
        return Err(OpenError::BadPadding);
    }
    padded.copy_within(LENGTH..LENGTH + length, 0);
    // `truncate` forgets the tail without wiping it; the buffer may live long, so wipe it now.
    padded[length..].zeroize();
    padded.truncate(length);
    Ok(padded)
}

/// HMAC-SHA256 (RFC 2104) over `parts`, each preceded by its length (u64, big-endian): blinded
/// record keys, set digests, the audit chain. For many under one key there is [`MacKey`].
pub fn mac(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    MacKey::new(key).mac(parts)
}

/// A key of [`mac`] that has been taken in already: half of the work on a short message. Wiped on drop.
pub struct MacKey(Hmac<Sha256>);

impl MacKey {
    /// Takes `key` in.
    pub fn new(key: &Key) -> Self {
        Self(Hmac::new_from_slice(key.expose_bytes()).expect("HMAC takes a key of any length"))
    }

    /// The same as [`mac`] under the key.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&length_prefix(part));
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests;
