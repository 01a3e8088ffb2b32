//! What an archive shows to who has no key: that it is an age file, to how many it is sealed, its digest.

use std::io::{self, Read};

use pocket_core::{BackupFault, BackupOutside};
use sha2::{Digest, Sha256};

use crate::manifest::hex;

/// Longest header, in bytes: a recipient takes about a hundred.
const MOST_HEADER: usize = 64 * 1024;
/// How age files of version 1 begin.
const MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// Reads an archive to its end.
pub(crate) fn inspect(input: &mut impl Read) -> Result<BackupOutside, BackupFault> {
    let mut digest = Digesting {
        input,
        digest: Sha256::new(),
        bytes: 0,
    };
    let mut header = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        let read = digest.read(&mut piece).map_err(|_| BackupFault::Damaged)?;
        header.extend_from_slice(piece.get(..read).unwrap_or_default());
        if !header.starts_with(MAGIC.get(..header.len().min(MAGIC.len())).unwrap_or_default()) {
            return Err(BackupFault::NotAnArchive);
        }
        if let Some(end) = header.windows(5).position(|window| window == b"\n--- ") {
            break end;
        }
        if read == 0 || header.len() > MOST_HEADER {
            return Err(BackupFault::NotAnArchive);
        }
    };
    let head = header.get(..end.saturating_add(1)).unwrap_or_default();
    let lines = head.split(|byte| *byte == b'\n');
    let recipients = lines.filter(|line| line.starts_with(b"-> X25519 ")).count();
    io::copy(&mut digest, &mut io::sink()).map_err(|_| BackupFault::Damaged)?;
    Ok(BackupOutside {
        recipients: u64::try_from(recipients).unwrap_or(u64::MAX),
        bytes: digest.bytes,
        sha256: hex(&digest.digest.finalize()),
    })
}

struct Digesting<'r, R> {
    input: &'r mut R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Digesting<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.digest.update(into.get(..read).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
