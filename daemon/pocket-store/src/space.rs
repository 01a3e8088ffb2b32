//! Room on the disk: refuse in time, and keep a reserve for what must always work.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

use crate::atomic::{remove_durably, sync_folder_of};

/// The reserve: released when the disk is full, so that deleting, locking, opening and the factory
/// reset work. 16 MiB was enough in every full-disk trial.
const BALLAST: u64 = 16 * 1024 * 1024;
/// Room that is always left, however small the store.
const LOW_WATER: u64 = 32 * 1000 * 1000;
/// Opening failed on a disk that was full to the brim: below this, the reserve goes first.
pub(crate) const TO_OPEN: u64 = 8 * 1024 * 1024;
const MODE: u32 = 0o600;

/// The room that there is, and the room that there must be, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Space {
    /// Free for this user.
    pub free: u64,
    /// Needed before anything is added.
    pub needed: u64,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes / 1_000_000;
        write!(
            f,
            "{} MB are free and {} MB are needed",
            megabytes(self.free),
            megabytes(self.needed)
        )
    }
}

/// The reserve file.
pub(crate) struct Ballast {
    path: PathBuf,
    held: bool,
}

impl Ballast {
    /// Looks for the reserve; releases it if there is hardly any room to open the store in.
    pub(crate) fn find(path: PathBuf) -> io::Result<Self> {
        let held = path.metadata().is_ok_and(|metadata| metadata.len() == BALLAST);
        let mut ballast = Self { path, held };
        if free_bytes(ballast.folder())? < TO_OPEN {
            ballast.release();
        }
        Ok(ballast)
    }

    /// Gives the room back to the file system.
    pub(crate) fn release(&mut self) {
        self.held = false;
        // On a disk in trouble this is the last resort: if it fails there is nothing else to try.
        drop(remove_durably(&self.path));
    }

    /// Takes the reserve again once there is room for it above the low-water mark.
    pub(crate) fn renew(&mut self, store_size: u64) -> io::Result<()> {
        if self.held || free_bytes(self.folder())? < low_water(store_size).saturating_add(BALLAST) {
            return Ok(());
        }
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(MODE)
            .open(&self.path)?;
        reserve(&file)?;
        file.sync_all()?;
        sync_folder_of(&self.path)?;
        self.held = true;
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

/// The room below which nothing is added: sled may rewrite the whole store before it frees any.
pub(crate) fn low_water(store_size: u64) -> u64 {
    LOW_WATER.max(store_size)
}

/// Bytes free for this user on the file system of `path`.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let status = statvfs(path)?;
    // Their width differs between targets; 128 bits hold either.
    let free = i128::from(status.blocks_available()) * i128::from(status.fragment_size());
    Ok(u64::try_from(free).unwrap_or(u64::MAX))
}

/// Allocates the room; where the file system can't, writes it.
fn reserve(mut file: &File) -> io::Result<()> {
    let length = i64::try_from(BALLAST).expect("16 MiB fit in 63 bits");
    if fallocate(file, FallocateFlags::empty(), 0, length).is_ok() {
        return Ok(());
    }
    let block = vec![0xa5u8; 1 << 20];
    (0..BALLAST >> 20).try_for_each(|_| file.write_all(&block))
}
