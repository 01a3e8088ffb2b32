//! Lengths and bodies.

use std::io::{self, ErrorKind, Read};

use thiserror::Error;
use zeroize::Zeroizing;

/// Largest body in bytes: 10 MiB. A record is at most 8 MiB of text, a piece of a file 1 MiB.
pub const MAX_FRAME: usize = 10 * 1024 * 1024;

/// A body over [`MAX_FRAME`].
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a message of {length} bytes is over the control socket's limit of {MAX_FRAME} bytes")]
pub struct FrameTooLarge {
    /// Its length in bytes.
    pub length: usize,
}

/// The length of the body that these four bytes announce.
///
/// # Errors
/// [`FrameTooLarge`] when it is over [`MAX_FRAME`]: nothing more should be read then.
pub fn body_length(prefix: [u8; 4]) -> Result<usize, FrameTooLarge> {
    let length = usize::try_from(u32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(FrameTooLarge { length });
    }
    Ok(length)
}

/// Why no body came.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The other side closed the connection, before or within a frame.
    #[error("the connection was closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed")]
    Failed(#[source] io::Error),
    /// The other side announced too much.
    #[error(transparent)]
    TooLarge(#[from] FrameTooLarge),
}

/// Reads one frame and gives its body; blocks until it is whole. The buffer is wiped on drop and
/// never grows, so no copy is left behind.
///
/// # Errors
/// [`ReadError`] says whether the peer closed, the connection failed, or the frame is too large.
pub fn read_body(from: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let mut prefix = [0; 4];
    fill(from, &mut prefix)?;
    let mut body = Zeroizing::new(vec![0; body_length(prefix)?]);
    fill(from, &mut body)?;
    Ok(body)
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<(), ReadError> {
    from.read_exact(buffer).map_err(|error| match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => ReadError::Closed,
        _ => ReadError::Failed(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_frame_is_read_and_not_a_byte_more() {
        let mut bytes = &b"\0\0\0\x02abc"[..];
        assert_eq!(read_body(&mut bytes).unwrap().as_slice(), b"ab");
        assert_eq!(bytes, b"c");
    }

    #[test]
    fn a_cut_frame_is_closed_and_an_oversized_one_is_refused_unread() {
        for cut in [&b""[..], b"\0\0", b"\0\0\0\x05abcd"] {
            assert!(matches!(read_body(&mut &cut[..]), Err(ReadError::Closed)));
        }
        let mut bytes = &b"\x00\xa0\x00\x01rest"[..];
        assert!(matches!(
            read_body(&mut bytes),
            Err(ReadError::TooLarge(FrameTooLarge { length })) if length == MAX_FRAME + 1
        ));
        assert_eq!(bytes, b"rest");
        assert_eq!(body_length([0, 0xa0, 0, 0]), Ok(MAX_FRAME));
    }
}
