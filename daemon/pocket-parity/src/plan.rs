//! Where everything lies. A file is cut into blocks, and each block belongs to the group of its number modulo
//! the number of groups: sectors go bad side by side, and so the loss is shared out to all groups.

/// Bytes of a block: what most cards and file systems lose at once, or less.
pub(crate) const BLOCK: usize = 4096;
/// The same, as a place in a file.
pub(crate) const STEP: u64 = 4096;
/// Most blocks of the file in a group: 8 MiB in memory, and its parity with it.
const MOST_DATA: u64 = 2048;
/// Fewest parity blocks in a group: a small file must survive a few sectors side by side too.
const LEAST_PARITY: u64 = 8;
/// Longest file, in bytes.
const LONGEST: u64 = 1 << 44;
/// Bytes of a block's digest.
pub(crate) const DIGEST: usize = 16;
/// Bytes of the digest behind those of a group.
pub(crate) const CHECK: usize = 32;

/// How a file of one length is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) length: u64,
    pub(crate) percent: u8,
    pub(crate) groups: u64,
    blocks: u64,
    /// Parity blocks of each group.
    pub(crate) parity: usize,
    /// Most blocks of the file in a group; some have one less.
    most_data: usize,
}

impl Plan {
    /// `percent` of parity for `length` bytes.
    pub(crate) fn new(length: u64, percent: u8) -> Option<Self> {
        if length == 0 || length > LONGEST || percent == 0 || percent > 100 {
            return None;
        }
        let blocks = length.div_ceil(STEP);
        let groups = blocks.div_ceil(MOST_DATA);
        let most_data = blocks.div_ceil(groups);
        let parity = most_data
            .saturating_mul(u64::from(percent))
            .div_ceil(100)
            .max(LEAST_PARITY);
        Some(Self {
            length,
            percent,
            groups,
            blocks,
            parity: usize::try_from(parity).ok()?,
            most_data: usize::try_from(most_data).ok()?,
        })
    }

    pub(crate) const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Parity blocks of all groups: no more of the file comes back.
    pub(crate) fn parity_blocks(&self) -> u64 {
        self.groups.saturating_mul(u64_of(self.parity))
    }

    /// How many blocks of the file group `group` has.
    pub(crate) fn data(&self, group: u64) -> usize {
        let whole = self.blocks.is_multiple_of(self.groups) || group < self.blocks % self.groups;
        if whole {
            self.most_data
        } else {
            self.most_data.saturating_sub(1)
        }
    }

    /// Where block `index` of a group lies in the file.
    pub(crate) fn data_at(&self, group: u64, index: usize) -> u64 {
        self.within(group, index) * STEP
    }

    /// How many bytes of that block the file has.
    pub(crate) fn data_length(&self, at: u64) -> usize {
        usize::try_from(self.length.saturating_sub(at)).map_or(BLOCK, |left| left.min(BLOCK))
    }

    /// Bytes of a group's digests, with the digest over them.
    pub(crate) const fn section(&self) -> usize {
        (self.most_data + self.parity) * DIGEST + CHECK
    }

    /// Where the two copies of a group's digests lie in the parity file.
    pub(crate) fn sections_at(&self, group: u64) -> [u64; 2] {
        let within = group * self.section_length();
        let behind = self.parity_begin() + self.groups * u64_of(self.parity) * STEP;
        [STEP + within, behind + within]
    }

    /// Where parity block `index` of a group lies in the parity file.
    pub(crate) fn parity_at(&self, group: u64, index: usize) -> u64 {
        self.parity_begin() + self.within(group, index) * STEP
    }

    /// Where the two copies of the head lie.
    pub(crate) fn heads_at(&self) -> [u64; 2] {
        let [_, behind] = self.sections_at(self.groups);
        [0, behind]
    }

    /// How long the parity file is.
    pub(crate) fn total(&self) -> u64 {
        let [_, last] = self.heads_at();
        last + STEP
    }

    fn parity_begin(&self) -> u64 {
        (STEP + self.groups * self.section_length()).next_multiple_of(STEP)
    }

    fn section_length(&self) -> u64 {
        u64_of(self.section())
    }

    fn within(&self, group: u64, index: usize) -> u64 {
        group + u64_of(index) * self.groups
    }
}

fn u64_of(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
