//! Sealed blobs: AES-256-GCM in the STREAM construction, in chunks of 64 KiB that can be opened in
//! any order.
//!
//! Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
//! Misuse-Resistance", CRYPTO 2015. The chunk's index and whether it is the last are in its nonce:
//! reordered, dropped, added or truncated chunks don't authenticate. The key is fresh for each blob
//! (derived with the blob's own random salt), so chunks don't move between blobs either.
//!
//! The blob's salt, its true length and its chunk count are kept in the record that names it; pad
//! the plaintext to [`padme`] bytes before sealing.

use aead_stream::{NewStream, StreamBE32, StreamPrimitive};
use aes_gcm::Aes256Gcm;
use aes_gcm::aead::Payload;
use zeroize::Zeroizing;

use crate::encode::join;
use crate::labels;
pub use crate::padding::padme;
use crate::seal::OpenError;
use crate::secret::Key;

/// The cipher suite of blobs, bound into every chunk; a record that names a blob keeps it too.
pub const SUITE_AES_256_GCM_STREAM: u8 = 2;
/// Plaintext bytes in every chunk but the last, which may be shorter.
pub const CHUNK: usize = 64 * 1024;
/// What sealing adds to each chunk, in bytes.
pub const OVERHEAD: usize = 16;
/// Sealed bytes of every chunk but the last.
pub const SEALED_CHUNK: usize = CHUNK + OVERHEAD;

/// Why a blob could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// The chunk's length is not what its place asks for.
    #[error("a chunk of a blob is {found} bytes, and it must be {CHUNK} (only the last may be shorter)")]
    ChunkLength {
        /// The length that came.
        found: usize,
    },
    /// The chunk counter is used up.
    #[error("a blob holds at most 2^32 chunks of {CHUNK} bytes")]
    TooManyChunks,
}

/// Seals one blob from its first chunk to its last.
pub struct BlobSealer {
    stream: BlobStream,
    next: u32,
}

impl BlobSealer {
    /// `salt` is random and fresh for each blob: using one twice under a key reuses nonces. `context`
    /// says where the blob belongs, and must be the same to open it.
    pub fn new(key: &Key, salt: [u8; 32], context: &[u8]) -> Self {
        Self {
            stream: BlobStream::new(key, salt, context),
            next: 0,
        }
    }

    /// Seals the next chunk of exactly [`CHUNK`] bytes into [`SEALED_CHUNK`] bytes.
    ///
    /// # Errors
    /// A wrong length, or more chunks than the counter can say; the sealer stays as it was.
    pub fn seal_chunk(&mut self, chunk: &[u8]) -> Result<Vec<u8>, BlobError> {
        if chunk.len() != CHUNK {
            return Err(BlobError::ChunkLength { found: chunk.len() });
        }
        let following = self.next.checked_add(1).ok_or(BlobError::TooManyChunks)?;
        let sealed = self.stream.seal(self.next, false, chunk);
        self.next = following;
        Ok(sealed)
    }

    /// Seals the last chunk, of 0 to [`CHUNK`] bytes, which closes the blob.
    ///
    /// # Errors
    /// When `last` is longer than a chunk.
    pub fn finish(self, last: &[u8]) -> Result<Vec<u8>, BlobError> {
        if last.len() > CHUNK {
            return Err(BlobError::ChunkLength { found: last.len() });
        }
        Ok(self.stream.seal(self.next, true, last))
    }
}

/// Opens the chunks of one blob, in any order.
pub struct BlobOpener(BlobStream);

impl BlobOpener {
    /// Takes what [`BlobSealer::new`] took.
    pub fn new(key: &Key, salt: [u8; 32], context: &[u8]) -> Self {
        Self(BlobStream::new(key, salt, context))
    }

    /// Opens chunk number `index` (from 0); `last` must be true for the last chunk and only there. A
    /// blob is whole only if the chunk that closes it was opened too.
    ///
    /// # Errors
    /// [`OpenError::TooShort`] and [`OpenError::NotAuthentic`]; no plaintext comes back with one.
    pub fn open_chunk(&self, index: u32, last: bool, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        if sealed.len() < OVERHEAD || (!last && sealed.len() < SEALED_CHUNK) {
            return Err(OpenError::TooShort);
        }
        if sealed.len() > SEALED_CHUNK {
            return Err(OpenError::NotAuthentic);
        }
        self.0.open(index, last, sealed)
    }
}

/// The cipher of one blob.
struct BlobStream {
    stream: StreamBE32<Aes256Gcm>,
    associated: Vec<u8>,
}

impl BlobStream {
    fn new(key: &Key, salt: [u8; 32], context: &[u8]) -> Self {
        let key = key.derive(labels::BLOB_STREAM, &salt);
        // The nonce's fixed part is zero, as in age: the key is used for this blob alone.
        Self {
            stream: StreamBE32::new(key.expose_bytes().into(), &[0; 7].into()),
            associated: join(&[&[SUITE_AES_256_GCM_STREAM], context]),
        }
    }

    fn seal(&self, index: u32, last: bool, chunk: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: chunk,
            aad: &self.associated,
        };
        self.stream
            .encrypt(index, last, payload)
            .expect("a chunk is far below AES-GCM's limit of 64 GiB")
    }

    fn open(&self, index: u32, last: bool, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut plaintext = Zeroizing::new(sealed.to_vec());
        self.stream
            .decrypt_in_place(index, last, &self.associated, &mut *plaintext)
            .map_err(|_| OpenError::NotAuthentic)?;
        Ok(plaintext)
    }
}

#[cfg(test)]
mod tests;
