//! Room ahead of sled's log: zeros that are on the disk before sled appends there.
//!
//! sled believes that what it wrote is on the disk when `sync_file_range` returns, and frees and
//! reuses old segments of its log by that belief. The belief is right for blocks that the file system
//! has allocated and initialised, and wrong for those past the end of the file: their place in the
//! file is metadata, which reaches the disk with our `fdatasync` only. A power cut between the two
//! kept the reused segments and lost the appended ones that replaced them: a store that does not open.
//! With the room written first, appending is writing in place, and the order that sled relies on holds.
//!
//! sled does not look at the length of the file while it runs, and takes blank segments at the end
//! for free ones when it opens. Nothing is ever written below the end of what sled has written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::space::{free_bytes, low_water};

/// A segment of sled's log, its default, in bytes.
const SEGMENT: u64 = 512 * 1024;
/// Room that is made, in bytes.
const ROOM: u64 = 8 * SEGMENT;
/// Room that is left when more is made, in bytes: several times what is written between two syncs.
const LOW: u64 = 4 * SEGMENT;
/// sled numbers its segments, so one in use has a header that is not blank.
const HEADER: usize = 20;

/// The room ahead of one log.
pub(crate) struct Ahead {
    /// Where it ends, in bytes from the start of the log.
    end: u64,
}

impl Ahead {
    /// Makes room ahead of a log that sled has just opened. What is blank at its end is written again:
    /// it may be a hole.
    pub(crate) fn make(log: &File, folder: &Path) -> io::Result<Self> {
        let length = log.metadata()?.len();
        let blank = blank_from(log, length)?;
        let mut ahead = Self { end: blank };
        ahead.extend(log, folder, blank, length)?;
        Ok(ahead)
    }

    /// Gives the room back to a disk that is full to the brim, before sled opens the log there.
    pub(crate) fn give_back(log: &File) -> io::Result<()> {
        let length = log.metadata()?.len();
        log.set_len(blank_from(log, length)?)?;
        log.sync_all()
    }

    /// To be called when all that sled was given is on the disk, so that nothing of it is under way.
    pub(crate) fn renew(&mut self, log: &File, folder: &Path) -> io::Result<()> {
        let length = log.metadata()?.len();
        // sled gives segments at the end back, and the room with them.
        if length == self.end && length >= LOW {
            let mark = length - LOW;
            if is_blank(log, mark, mark + HEADER as u64)? {
                return Ok(());
            }
        }
        self.extend(log, folder, length, length)
    }

    fn extend(&mut self, log: &File, folder: &Path, from: u64, length: u64) -> io::Result<()> {
        if free_bytes(folder)? < low_water(length).saturating_add(ROOM) {
            return Ok(());
        }
        let end = (from.next_multiple_of(SEGMENT) + ROOM).max(length);
        let zeros = vec![0; 64 * 1024];
        let mut at = from;
        while at < end {
            let step = usize::try_from(end - at).map_or(zeros.len(), |left| left.min(zeros.len()));
            log.write_all_at(&zeros[..step], at)?;
            at += step as u64;
        }
        log.sync_data()?;
        self.end = end;
        Ok(())
    }
}

/// Where the blank segments at the end of a log begin.
fn blank_from(log: &File, length: u64) -> io::Result<u64> {
    let mut blank = length;
    while let Some(before) = blank.checked_sub(1).map(|last| last / SEGMENT * SEGMENT)
        && is_blank(log, before, blank)?
    {
        blank = before;
    }
    Ok(blank)
}

fn is_blank(log: &File, from: u64, until: u64) -> io::Result<bool> {
    let length = usize::try_from(until - from).map_err(io::Error::other)?;
    let mut bytes = vec![0xff; length];
    log.read_exact_at(&mut bytes, from)?;
    Ok(bytes.iter().all(|&byte| byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    fn log(folder: &Path, bytes: &[u8]) -> File {
        let path = folder.join("db");
        std::fs::write(&path, bytes).unwrap();
        OpenOptions::new().read(true).write(true).open(path).unwrap()
    }

    fn content(log: &File) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(log.metadata().unwrap().len()).unwrap()];
        log.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    #[test]
    fn room_is_made_and_nothing_written_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let segment = usize::try_from(SEGMENT).unwrap();
        for used in [0, 1, segment - 1, segment, 3 * segment + 77] {
            let log = log(folder.path(), &vec![7; used]);
            Ahead::make(&log, folder.path()).unwrap();
            let bytes = content(&log);
            assert_eq!(bytes.len() % segment, 0);
            assert!(bytes.len() >= used + usize::try_from(ROOM).unwrap());
            assert!(bytes[..used].iter().all(|&byte| byte == 7));
            assert!(bytes[used..].iter().all(|&byte| byte == 0));
        }
    }

    #[test]
    fn room_is_renewed_when_it_runs_low_and_when_it_was_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), &[7; 100]);
        let mut ahead = Ahead::make(&log, folder.path()).unwrap();
        let made = log.metadata().unwrap().len();
        ahead.renew(&log, folder.path()).unwrap();
        assert_eq!(log.metadata().unwrap().len(), made, "there was enough");

        log.write_all_at(&[7; HEADER], made - LOW).unwrap();
        ahead.renew(&log, folder.path()).unwrap();
        let renewed = log.metadata().unwrap().len();
        assert!(renewed > made);

        log.set_len(SEGMENT).unwrap();
        ahead.renew(&log, folder.path()).unwrap();
        let bytes = content(&log);
        assert_eq!(bytes.len() as u64, SEGMENT + ROOM);
        assert_eq!(bytes[..100], [7; 100]);
        assert!(bytes[100..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn what_was_blank_and_a_hole_is_allocated() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), &[7; 100]);
        log.set_len(SEGMENT + ROOM).unwrap();
        let holes = log.metadata().unwrap().blocks();
        Ahead::make(&log, folder.path()).unwrap();
        let metadata = log.metadata().unwrap();
        assert!(metadata.blocks() > holes);
        assert!(metadata.blocks() * 512 >= ROOM);
    }
}
