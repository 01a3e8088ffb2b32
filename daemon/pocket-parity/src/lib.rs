//! Which blocks of a file went bad on its card, and what was in them?
//!
//! A card loses sectors, and a backup is one sealed file: a bit of it that is lost is all of it that is lost.
//! Beside it goes a second file with Reed-Solomon parity of its blocks (`docs/design/0005-backup.md`). A block that
//! is bad is known by its digest, so that the code has to find no errors, only to fill gaps: as many as there
//! are parity blocks.
//!
//! This crate must never open a file, change the one that is to be repaired, or be taken for a proof of who
//! made a file: its digests are there for accidents, and anyone can make a parity file.

mod head;
mod plan;
mod protect;
mod repair;
#[cfg(test)]
mod tests;

use std::io;

pub use protect::protect;
pub use repair::{Report, examine, repair};

/// Why there is no parity, or nothing can be done with it.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// Not one block of the file is as it was, or more of it is gone than the parity gives back. What would be
    /// written then is what the parity's maker likes, or nothing.
    #[error("it belongs to another file, or too much of this one is lost")]
    Another,
    /// The parity file was made by a version that knows more.
    #[error("a later version made the parity file")]
    Newer,
    /// Neither its first nor its last block is one of ours.
    #[error("this is no parity file, or it is damaged at both ends")]
    NotParity,
    /// The file that is to be protected, or the parity file, can't be read.
    #[error("it can't be read")]
    Read(#[source] io::Error),
    /// An empty file, one over 16 TiB, or a share that is not 1 to 100 percent.
    #[error("there is no parity for this size")]
    Size,
    /// What is made can't be written.
    #[error("it can't be written")]
    Write(#[source] io::Error),
}
