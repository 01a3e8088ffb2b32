//! What the parity file says of the file that it belongs to, at its beginning and again at its end; and what
//! it says of a group's blocks, twice as well.

use std::io::{Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use crate::ParityError;
use crate::plan::{BLOCK, CHECK, DIGEST, Plan, STEP};

/// How a head begins, whatever version made it.
const KIND: &[u8] = b"pocketai-parity-";
/// How one of this version begins.
const MAGIC: &[u8] = b"pocketai-parity-1\n";
/// Bytes of a head ahead of its digest: magic, length (8, little endian), percent (1), SHA-256 of the file.
const SAID: usize = MAGIC.len() + 8 + 1 + 32;

/// What a head says.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) plan: Plan,
    /// SHA-256 of the whole file.
    pub(crate) sha256: [u8; 32],
}

impl Head {
    pub(crate) fn to_block(self) -> [u8; BLOCK] {
        let said = [
            MAGIC,
            &self.plan.length.to_le_bytes(),
            &[self.plan.percent],
            &self.sha256,
        ]
        .concat();
        let digest = Sha256::digest(&said);
        let mut block = [0; BLOCK];
        block
            .iter_mut()
            .zip(said.iter().chain(&digest))
            .for_each(|(to, from)| *to = *from);
        block
    }

    fn from_block(block: &[u8; BLOCK]) -> Result<Self, ParityError> {
        let (said, rest) = block.split_at(SAID);
        if said.starts_with(KIND) && !said.starts_with(MAGIC) {
            return Err(ParityError::Newer);
        }
        if !rest.starts_with(&Sha256::digest(said)) {
            return Err(ParityError::NotParity);
        }
        let parts = said.strip_prefix(MAGIC).and_then(|said| {
            let (length, said) = said.split_first_chunk::<8>()?;
            let (percent, sha256) = said.split_first()?;
            Some(Self {
                plan: Plan::new(u64::from_le_bytes(*length), *percent)?,
                sha256: sha256.try_into().ok()?,
            })
        });
        parts.ok_or(ParityError::NotParity)
    }

    /// Reads the first one, or the one at the end.
    pub(crate) fn read(parity: &mut (impl Read + Seek)) -> Result<Self, ParityError> {
        let size = parity.seek(SeekFrom::End(0)).map_err(ParityError::Read)?;
        let mut block = [0; BLOCK];
        read_at(parity, 0, &mut block);
        let first = Self::from_block(&block);
        // Where the end is lost there is no head at the end either: what the first one said counts.
        let head = first.or_else(|error| {
            let last = size.checked_sub(STEP);
            let found = last.map(|last| {
                read_at(parity, last, &mut block);
                Self::from_block(&block)
            });
            found.and_then(Result::ok).ok_or(error)
        })?;
        if head.plan.total() / 2 > size {
            return Err(ParityError::NotParity);
        }
        Ok(head)
    }

    /// How many of its two copies are lost.
    pub(crate) fn lost(&self, parity: &mut (impl Read + Seek)) -> u64 {
        let mut block = [0; BLOCK];
        let copies = self.plan.heads_at().map(|at| {
            read_at(parity, at, &mut block);
            u64::from(block != self.to_block())
        });
        copies.iter().sum()
    }

    /// Whether a file of `size` bytes can be what is left of the one that it is for. A head is believed before
    /// anything that it says was proved, and one on a sparse file may claim any length: nothing that long
    /// is read or written for it.
    pub(crate) fn fits(&self, size: u64) -> Result<(), ParityError> {
        let missing = self.plan.length.saturating_sub(size).div_ceil(STEP);
        if missing > self.plan.parity_blocks() {
            return Err(ParityError::Another);
        }
        Ok(())
    }
}

/// The digest that a block is known by.
pub(crate) fn digest(block: &[u8]) -> [u8; DIGEST] {
    let mut short = [0; DIGEST];
    let whole = Sha256::digest(block);
    short.iter_mut().zip(&whole).for_each(|(to, from)| *to = *from);
    short
}

/// The digests of a group, of the file's blocks and of its parity.
pub(crate) struct Section {
    pub(crate) data: Vec<[u8; DIGEST]>,
    pub(crate) parity: Vec<[u8; DIGEST]>,
}

impl Section {
    pub(crate) fn to_bytes(&self, head: &Head, group: u64) -> Vec<u8> {
        let length = head.plan.section() - CHECK;
        let mut bytes = self.data.concat();
        bytes.extend(self.parity.concat());
        bytes.resize(length, 0);
        let check = check(head, group, &bytes);
        bytes.extend(check);
        bytes
    }

    /// One of the two copies that is whole, and how many are not.
    pub(crate) fn read(parity: &mut (impl Read + Seek), head: &Head, group: u64) -> (Option<Self>, u64) {
        let mut bytes = vec![0; head.plan.section()];
        let copies = head.plan.sections_at(group).map(|at| {
            read_at(parity, at, &mut bytes);
            let (digests, found) = bytes.split_at_checked(bytes.len().checked_sub(CHECK)?)?;
            if found != check(head, group, digests) {
                return None;
            }
            let (digests, _) = digests.as_chunks::<DIGEST>();
            let (data, rest) = digests.split_at_checked(head.plan.data(group))?;
            Some(Self {
                data: data.to_vec(),
                parity: rest.get(..head.plan.parity)?.to_vec(),
            })
        });
        let lost = copies.iter().map(|copy| u64::from(copy.is_none())).sum();
        (copies.into_iter().flatten().next(), lost)
    }
}

/// Bound to the file and the group: no section is taken for another.
fn check(head: &Head, group: u64, digests: &[u8]) -> [u8; CHECK] {
    let mut sha = Sha256::new();
    sha.update(head.sha256);
    sha.update(group.to_le_bytes());
    sha.update(digests);
    sha.finalize().into()
}

/// Reads what is there; what can't be read, and what is behind the end, are zeros. Digests judge it.
pub(crate) fn read_at(source: &mut (impl Read + Seek), at: u64, into: &mut [u8]) {
    let mut done = 0;
    if source.seek(SeekFrom::Start(at)).is_ok() {
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match source.read(rest) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    }
    into.iter_mut().skip(done).for_each(|byte| *byte = 0);
}
