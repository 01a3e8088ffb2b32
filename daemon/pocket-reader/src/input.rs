//! The one file, as it comes in on standard input.

use std::io::Read;

use pocket_core::{FileHead, MOST_READ, Unreadable};

/// Most bytes of what stands ahead of the file: a path and a media type are at most 1 KiB each.
const MOST_HEAD: u32 = 16 * 1024;

/// A file, and what is to be done with it.
pub struct Input {
    pub(crate) head: FileHead,
    pub(crate) bytes: Vec<u8>,
}

impl Input {
    /// Takes it from `source`: the length of the head (4 bytes, little endian), the head, the bytes.
    ///
    /// # Errors
    /// [`Unreadable::Broke`] for a head that makes no sense, [`Unreadable::TooLarge`] for a file that is
    /// not read.
    pub fn read(source: &mut impl Read) -> Result<Self, Unreadable> {
        let mut length = [0; 4];
        source.read_exact(&mut length).map_err(|_| Unreadable::Broke)?;
        let length = u32::from_le_bytes(length);
        if length > MOST_HEAD {
            return Err(Unreadable::Broke);
        }
        let mut head = Vec::new();
        let mut first = source.take(u64::from(length));
        first.read_to_end(&mut head).map_err(|_| Unreadable::Broke)?;
        let head: FileHead = postcard::from_bytes(&head).map_err(|_| Unreadable::Broke)?;
        if head.size > MOST_READ {
            return Err(Unreadable::TooLarge);
        }
        // All at once: a list that grows would need twice the memory.
        let size = usize::try_from(head.size).map_err(|_| Unreadable::TooLarge)?;
        let mut bytes = Vec::with_capacity(size.saturating_add(1));
        let mut rest = source.take(MOST_READ.saturating_add(1));
        rest.read_to_end(&mut bytes).map_err(|_| Unreadable::Broke)?;
        if u64::try_from(bytes.len()).is_ok_and(|read| read > MOST_READ) {
            return Err(Unreadable::TooLarge);
        }
        Ok(Self { head, bytes })
    }
}
