//! Lengths.

use thiserror::Error;

/// Largest piece of a body in one frame, in bytes: 64 KiB.
pub const MAX_PIECE: usize = 64 * 1024;
/// Largest body of a frame in bytes: a piece and what stands ahead of it, or a call with all its headers.
pub const MAX_FRAME: usize = MAX_PIECE + 64;

/// Longest body of a request, in bytes: 16 MiB. The gateway holds it whole while it checks it.
pub const MOST_BODY: u64 = 16 * 1024 * 1024;

/// Longest body that is kept elsewhere, in bytes: nobody holds it whole.
pub const MOST_KEPT: u64 = pocket_core::BackupPlace::MOST;

/// Bytes of a length.
pub(crate) const LENGTH: usize = 4;

/// A body over [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a message of {length} bytes is over the gateway's limit of {MAX_FRAME} bytes")]
pub struct FrameTooLarge {
    /// Its length in bytes.
    pub length: usize,
}

/// The length of the body that these four bytes announce.
///
/// # Errors
/// [`FrameTooLarge`] when it is over [`MAX_FRAME`]: nothing more should be read then.
pub fn body_length(prefix: [u8; LENGTH]) -> Result<usize, FrameTooLarge> {
    let length = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(FrameTooLarge { length });
    }
    Ok(length)
}

/// The four bytes ahead of a body of `length` bytes.
pub(crate) fn prefix(length: usize) -> Result<[u8; LENGTH], FrameTooLarge> {
    match u32::try_from(length) {
        Ok(short) if length <= MAX_FRAME => Ok(short.to_le_bytes()),
        _ => Err(FrameTooLarge { length }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_little_endian_and_limited_both_ways() {
        assert_eq!(body_length([2, 1, 0, 0]), Ok(258));
        assert_eq!(prefix(258), Ok([2, 1, 0, 0]));
        let most = u32::try_from(MAX_FRAME).unwrap();
        assert_eq!(body_length(most.to_le_bytes()), Ok(MAX_FRAME));
        let over = FrameTooLarge {
            length: MAX_FRAME + 1,
        };
        assert_eq!(body_length((most + 1).to_le_bytes()), Err(over));
        assert_eq!(prefix(MAX_FRAME + 1), Err(over));
        assert!(body_length([0xff; 4]).is_err());
    }
}
