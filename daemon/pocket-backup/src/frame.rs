//! Frames between the daemon and this program: a length (4 bytes, little endian), and a body of a value and
//! the bytes behind it.

use std::io::{self, ErrorKind, Read, Write};

use pocket_core::{BackupFault, MOST_BACKUP_FRAME};
use serde::Serialize;
use zeroize::Zeroizing;

/// The next body; `None` where the frames end. Wiped on drop: the first one holds keys.
pub(crate) fn read(input: &mut impl Read) -> Result<Option<Zeroizing<Vec<u8>>>, BackupFault> {
    let mut length = [0; 4];
    match input.read_exact(&mut length[..1]) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(_) => return Err(BackupFault::Broke),
    }
    input.read_exact(&mut length[1..]).map_err(broke)?;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| BackupFault::Broke)?;
    if length > MOST_BACKUP_FRAME {
        return Err(BackupFault::Broke);
    }
    let mut body = Zeroizing::new(vec![0; length]);
    input.read_exact(&mut body).map_err(broke)?;
    Ok(Some(body))
}

/// Writes a value and the bytes behind it.
pub(crate) fn write(out: &mut impl Write, value: &impl Serialize, bytes: &[u8]) -> Result<(), BackupFault> {
    let head = Zeroizing::new(postcard::to_stdvec(value).map_err(|_| BackupFault::Broke)?);
    let length = head.len().saturating_add(bytes.len());
    if length > MOST_BACKUP_FRAME {
        return Err(BackupFault::Foreign);
    }
    let length = u32::try_from(length).map_err(|_| BackupFault::Foreign)?;
    [length.to_le_bytes().as_slice(), &head, bytes]
        .into_iter()
        .try_for_each(|part| out.write_all(part))
        .map_err(broke)
}

fn broke(_: io::Error) -> BackupFault {
    BackupFault::Broke
}
