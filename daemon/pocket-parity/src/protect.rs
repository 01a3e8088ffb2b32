//! A file into its parity.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};

use reed_solomon_simd::ReedSolomonEncoder;
use sha2::{Digest, Sha256};

use crate::ParityError;
use crate::head::{Head, Section, digest};
use crate::plan::{BLOCK, Plan};

/// Writes to `out` the parity of `file`, `percent` (1 to 100) of its length and some; gives the SHA-256 of the
/// file as it was read for it.
///
/// # Errors
/// [`ParityError`]: why there is none. What was written so far is worth nothing then.
pub fn protect(
    file: &mut (impl Read + Seek),
    percent: u8,
    out: &mut (impl Write + Seek),
) -> Result<[u8; 32], ParityError> {
    let length = file.seek(SeekFrom::End(0)).map_err(ParityError::Read)?;
    let plan = Plan::new(length, percent).ok_or(ParityError::Size)?;
    let sha256 = whole(file, length)?;
    let head = Head { plan, sha256 };
    for group in 0..plan.groups {
        protect_group(file, &head, group, out)?;
    }
    for at in plan.heads_at() {
        write_at(out, at, &head.to_block())?;
    }
    Ok(sha256)
}

/// The digest of the whole file, which must not change meanwhile.
fn whole(file: &mut (impl Read + Seek), length: u64) -> Result<[u8; 32], ParityError> {
    file.rewind().map_err(ParityError::Read)?;
    let mut sha = Sha256::new();
    let mut piece = vec![0; 64 * BLOCK];
    let mut read = 0u64;
    loop {
        match file.read(&mut piece) {
            Ok(0) if read == length => return Ok(sha.finalize().into()),
            Ok(0) => return Err(ParityError::Read(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                sha.update(piece.get(..count).unwrap_or_default());
                read = read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(ParityError::Read(error)),
        }
    }
}

fn protect_group(
    file: &mut (impl Read + Seek),
    head: &Head,
    group: u64,
    out: &mut (impl Write + Seek),
) -> Result<(), ParityError> {
    let plan = &head.plan;
    let data = plan.data(group);
    let encoder = ReedSolomonEncoder::new(data, plan.parity, BLOCK);
    let mut encoder = encoder.map_err(|_| ParityError::Size)?;
    let mut section = Section {
        data: Vec::with_capacity(data),
        parity: Vec::with_capacity(plan.parity),
    };
    for index in 0..data {
        let at = plan.data_at(group, index);
        let block = read(file, at, plan.data_length(at)).map_err(ParityError::Read)?;
        section.data.push(digest(&block));
        encoder.add_original_shard(block).map_err(|_| ParityError::Size)?;
    }
    let encoded = encoder.encode().map_err(|_| ParityError::Size)?;
    for (index, block) in encoded.recovery_iter().enumerate() {
        section.parity.push(digest(block));
        write_at(out, plan.parity_at(group, index), block)?;
    }
    let bytes = section.to_bytes(head, group);
    let mut each = plan.sections_at(group).into_iter();
    each.try_for_each(|at| write_at(out, at, &bytes))
}

/// A block; behind the end of the file are zeros.
fn read(file: &mut (impl Read + Seek), at: u64, length: usize) -> io::Result<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    file.seek(SeekFrom::Start(at))?;
    let (there, _) = block.split_at_mut(length);
    file.read_exact(there)?;
    Ok(block)
}

pub(crate) fn write_at(out: &mut (impl Write + Seek), at: u64, bytes: &[u8]) -> Result<(), ParityError> {
    let written = out.seek(SeekFrom::Start(at)).and_then(|_| out.write_all(bytes));
    written.map_err(ParityError::Write)
}
