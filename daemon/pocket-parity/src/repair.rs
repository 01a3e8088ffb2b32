//! A damaged file and its parity into the file as it was.

use std::io::{Read, Seek, SeekFrom, Write};

use reed_solomon_simd::ReedSolomonDecoder;
use sha2::{Digest, Sha256};

use crate::ParityError;
use crate::head::{Head, Section, digest, read_at};
use crate::plan::BLOCK;
use crate::protect::write_at;

/// What became of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// Bytes that it had when its parity was made.
    pub length: u64,
    /// Blocks of 4096 bytes that it had.
    pub blocks: u64,
    /// Those that are not as they were.
    pub bad: u64,
    /// Those of them that the parity gives back.
    pub mendable: u64,
    /// Those of which nothing is known: all that was said of them is lost.
    pub unknown: u64,
    /// What of the parity file itself is not as it was: heads, copies of digests, parity blocks. Only [`examine`]
    /// reads all of it.
    pub parity_bad: u64,
    /// SHA-256 of the file when its parity was made.
    pub sha256: [u8; 32],
    /// Whether it is as it was: of [`examine`] the file itself, of [`repair`] the one that was written.
    pub whole: bool,
}

/// Says which blocks of `file` are not as they were when `parity` was made of it. What can't be read is bad.
///
/// # Errors
/// [`ParityError`]: nothing can be said.
pub fn examine(
    file: &mut (impl Read + Seek),
    parity: &mut (impl Read + Seek),
) -> Result<Report, ParityError> {
    let (head, size) = heads(file, parity)?;
    let mut report = report(&head);
    report.parity_bad = head.lost(parity);
    for group in 0..head.plan.groups {
        let found = Found::read(file, parity, (&head, group), true);
        report.count(&found, &head);
    }
    report.of_this_file()?;
    report.whole = size == head.plan.length && digest_of(file, &head) == head.sha256;
    Ok(report)
}

/// Writes to `out`, an empty file, what `file` was when `parity` was made of it. Only where the report says
/// `whole` is it that; blocks that the parity can't give back are as they are in `file`.
///
/// # Errors
/// [`ParityError`]: nothing of `out` is worth anything.
pub fn repair(
    file: &mut (impl Read + Seek),
    parity: &mut (impl Read + Seek),
    out: &mut (impl Read + Write + Seek),
) -> Result<Report, ParityError> {
    let (head, _) = heads(file, parity)?;
    let mut report = report(&head);
    for group in 0..head.plan.groups {
        let mut found = Found::read(file, parity, (&head, group), false);
        report.count(&found, &head);
        found.mend(parity, &head, group);
        for (index, block) in found.blocks.iter().enumerate() {
            let at = head.plan.data_at(group, index);
            let there = block.get(..head.plan.data_length(at)).unwrap_or_default();
            write_at(out, at, there)?;
        }
    }
    report.of_this_file()?;
    report.whole = digest_of(out, &head) == head.sha256;
    Ok(report)
}

/// What the parity says, of a file that may be the one, and that file's length.
fn heads(file: &mut impl Seek, parity: &mut (impl Read + Seek)) -> Result<(Head, u64), ParityError> {
    let head = Head::read(parity)?;
    let size = file.seek(SeekFrom::End(0)).map_err(ParityError::Read)?;
    head.fits(size)?;
    Ok((head, size))
}

const fn report(head: &Head) -> Report {
    Report {
        length: head.plan.length,
        blocks: head.plan.blocks(),
        bad: 0,
        mendable: 0,
        unknown: 0,
        parity_bad: 0,
        sha256: head.sha256,
        whole: false,
    }
}

impl Report {
    fn count(&mut self, found: &Found, head: &Head) {
        let bad = u64::try_from(found.bad.len()).unwrap_or(u64::MAX);
        self.bad = self.bad.saturating_add(bad);
        if found.bad.len() <= found.good_parity.len() {
            self.mendable = self.mendable.saturating_add(bad);
        }
        if found.section.is_none() {
            let unknown = u64::try_from(head.plan.data(found.group)).unwrap_or(u64::MAX);
            self.unknown = self.unknown.saturating_add(unknown);
        }
        self.parity_bad = self.parity_bad.saturating_add(found.parity_bad);
    }

    /// Two archives have no block in common, not even of one device and one hour: each is sealed with a key of
    /// its own. So the parity of another is known by that nothing is as it says.
    const fn of_this_file(&self) -> Result<(), ParityError> {
        if self.bad.saturating_add(self.unknown) < self.blocks {
            return Ok(());
        }
        Err(ParityError::Another)
    }
}

/// The blocks of a group as they are.
struct Found {
    group: u64,
    blocks: Vec<[u8; BLOCK]>,
    bad: Vec<usize>,
    /// Parity blocks that are as they were; none where none is needed.
    good_parity: Vec<usize>,
    /// What of this group's part of the parity file is not as it was, as far as it was read.
    parity_bad: u64,
    /// What blocks should be; unknown where both copies are lost, and then nothing is called bad.
    section: Option<Section>,
}

impl Found {
    /// `all`: the parity blocks too where nothing is bad.
    fn read(
        file: &mut (impl Read + Seek),
        parity: &mut (impl Read + Seek),
        (head, group): (&Head, u64),
        all: bool,
    ) -> Self {
        let plan = &head.plan;
        let (section, mut parity_bad) = Section::read(parity, head, group);
        let mut blocks = Vec::with_capacity(plan.data(group));
        for index in 0..plan.data(group) {
            let at = plan.data_at(group, index);
            let mut block = [0; BLOCK];
            let (there, _) = block.split_at_mut(plan.data_length(at));
            read_at(file, at, there);
            blocks.push(block);
        }
        let (mut bad, mut good_parity) = (Vec::new(), Vec::new());
        if let Some(section) = &section {
            let wrong = |(index, block): (usize, &[u8; BLOCK])| {
                (section.data.get(index) != Some(&digest(block))).then_some(index)
            };
            bad = blocks.iter().enumerate().filter_map(wrong).collect();
            if all || !bad.is_empty() {
                let right = |index: &usize| {
                    section.parity.get(*index) == Some(&digest(&parity_block(parity, head, group, *index)))
                };
                good_parity = (0..plan.parity).filter(right).collect();
                let lost = plan.parity.saturating_sub(good_parity.len());
                parity_bad = parity_bad.saturating_add(u64::try_from(lost).unwrap_or(u64::MAX));
            }
        }
        Self {
            group,
            blocks,
            bad,
            good_parity,
            parity_bad,
            section,
        }
    }

    /// Puts back what the parity gives back; nothing where there are too many gaps.
    fn mend(&mut self, parity: &mut (impl Read + Seek), head: &Head, group: u64) {
        if self.bad.is_empty() {
            return;
        }
        for (index, block) in self.missing(parity, head, group).unwrap_or_default() {
            let right = self.section.as_ref().and_then(|section| section.data.get(index));
            if right == Some(&digest(&block))
                && let Some(to) = self.blocks.get_mut(index)
            {
                *to = block;
            }
        }
    }

    fn missing(
        &self,
        parity: &mut (impl Read + Seek),
        head: &Head,
        group: u64,
    ) -> Result<Vec<(usize, [u8; BLOCK])>, reed_solomon_simd::Error> {
        let mut decoder = ReedSolomonDecoder::new(self.blocks.len(), head.plan.parity, BLOCK)?;
        for (index, block) in self.blocks.iter().enumerate() {
            if self.bad.binary_search(&index).is_err() {
                decoder.add_original_shard(index, block)?;
            }
        }
        for index in self.good_parity.iter().take(self.bad.len()) {
            decoder.add_recovery_shard(*index, parity_block(parity, head, group, *index))?;
        }
        let decoded = decoder.decode()?;
        let blocks = decoded.restored_original_iter();
        Ok(blocks
            .filter_map(|(index, block)| Some((index, block.try_into().ok()?)))
            .collect())
    }
}

fn parity_block(parity: &mut (impl Read + Seek), head: &Head, group: u64, index: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    read_at(parity, head.plan.parity_at(group, index), &mut block);
    block
}

/// The digest of as many bytes as the file had.
fn digest_of(file: &mut (impl Read + Seek), head: &Head) -> [u8; 32] {
    let mut sha = Sha256::new();
    let mut piece = vec![0; 64 * BLOCK];
    let mut at = 0u64;
    while at < head.plan.length {
        let most = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let wanted = usize::try_from((head.plan.length - at).min(most)).unwrap_or(piece.len());
        let (there, _) = piece.split_at_mut(wanted);
        read_at(file, at, there);
        sha.update(there);
        at += most.min(head.plan.length - at);
    }
    sha.finalize().into()
}
