//! The files in an archive, and the bytes of each.

use std::io::{Cursor, Read, Write};

use pocket_core::Unreadable;
use pocket_formats::ImportLine;
use tar::EntryType;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{PIECE, put};

/// How many bytes one may become, beyond the first [`FREE`]. Text packs to a tenth; a thousandth is made
/// to do harm.
const MOST_RATIO: u64 = 200;
/// Bytes that any file may have, however well it packs: 1 MiB.
pub(super) const FREE: u64 = 1024 * 1024;
/// What stands in the head of a tar, behind its names and numbers (POSIX.1-2024, pax, "ustar interchange
/// format"; GNU's has blanks behind it).
const USTAR: (usize, &[u8]) = (257, b"ustar");

/// What sizes are rounded up to in a tar, and what its end has at least, in bytes.
const BLOCK: usize = 512;
const END: usize = 1024;

pub(super) fn is_zip(path: &str, bytes: &[u8]) -> bool {
    path.to_lowercase().ends_with(".zip") && bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn is_tar(path: &str, bytes: &[u8]) -> bool {
    let (at, word) = USTAR;
    path.to_lowercase().ends_with(".tar") && bytes.get(at..).is_some_and(|rest| rest.starts_with(word))
}

/// An archive whose list of files was read.
pub(super) enum Archive<'a> {
    Zip(ZipArchive<Cursor<&'a [u8]>>),
    Tar {
        files: Vec<Stored<'a>>,
        broken_off: bool,
    },
}

/// A file in a tar, as it is.
pub(super) struct Stored<'a> {
    name: String,
    bytes: &'a [u8],
}

impl<'a> Archive<'a> {
    pub(super) fn open(path: &str, bytes: &'a [u8]) -> Result<Self, Unreadable> {
        if is_tar(path, bytes) {
            return Ok(Self::tar(bytes));
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
        Ok(Self::Zip(zip))
    }

    /// The files of a tar up to where it is damaged.
    fn tar(bytes: &'a [u8]) -> Self {
        let mut files = Vec::new();
        let end = stored(bytes, &mut files);
        // Its end is two blocks of zeros, without which it looks as if nothing were missing. What stands
        // behind them is not read.
        let rest = end.and_then(|end| bytes.get(end..)).unwrap_or_default();
        let broken_off = rest.len() < END || rest.iter().any(|byte| *byte != 0);
        Self::Tar { files, broken_off }
    }

    /// Its files, by number and name; folders are none.
    pub(super) fn names(&self) -> Vec<(usize, String)> {
        match self {
            Self::Zip(zip) => zip
                .file_names()
                .map(Result::unwrap_or_default)
                .enumerate()
                .filter(|(_, name)| !name.ends_with('/'))
                .map(|(index, name)| (index, name.into_owned()))
                .collect(),
            Self::Tar { files, .. } => files.iter().map(|file| file.name.clone()).enumerate().collect(),
        }
    }

    /// Whether there was more in it once.
    pub(super) const fn is_broken_off(&self) -> bool {
        matches!(self, Self::Tar { broken_off: true, .. })
    }

    /// One file, of which `left` bytes at most are given.
    pub(super) fn packed(&mut self, index: usize, left: u64) -> Result<Packed<'_>, Unreadable> {
        match self {
            Self::Zip(zip) => {
                let file = zip.by_index(index).map_err(|error| refused(&error))?;
                let own = file
                    .compressed_size()
                    .saturating_mul(MOST_RATIO)
                    .saturating_add(FREE);
                let size = file.size();
                Ok(Packed {
                    file: Box::new(file),
                    size,
                    left,
                    own,
                })
            }
            Self::Tar { files, .. } => {
                let file = files.get(index).ok_or(Unreadable::Damaged)?;
                let size = u64::try_from(file.bytes.len()).map_err(|_| Unreadable::TooLarge)?;
                Ok(Packed {
                    file: Box::new(file.bytes),
                    size,
                    left,
                    own: size,
                })
            }
        }
    }
}

fn refused(error: &ZipError) -> Unreadable {
    match error {
        ZipError::UnsupportedArchive(reason) if *reason == ZipError::PASSWORD_REQUIRED => {
            Unreadable::Protected
        }
        ZipError::UnsupportedArchive(_) => Unreadable::Unsupported,
        _ => Unreadable::Damaged,
    }
}

/// Adds all files that stand whole in a tar; links, devices and the like are none. Gives where they end;
/// `None` where it is damaged, or ends in the middle.
fn stored<'a>(bytes: &'a [u8], files: &mut Vec<Stored<'a>>) -> Option<usize> {
    let mut ended = 0;
    for entry in tar::Archive::new(Cursor::new(bytes)).entries().ok()? {
        let entry = entry.ok()?;
        let begin = usize::try_from(entry.raw_file_position()).ok()?;
        let end = begin.checked_add(usize::try_from(entry.size()).ok()?)?;
        let bytes = bytes.get(begin..end)?;
        ended = end.next_multiple_of(BLOCK);
        if matches!(
            entry.header().entry_type(),
            EntryType::Regular | EntryType::Continuous
        ) {
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap_or_default();
            files.push(Stored { name, bytes });
        }
    }
    Some(ended)
}

/// A file that is being unpacked.
pub(super) struct Packed<'a> {
    file: Box<dyn Read + 'a>,
    /// How large the archive says that it is.
    size: u64,
    /// Bytes that may still be unpacked, of all files together.
    pub(super) left: u64,
    /// Bytes that this one may still give.
    own: u64,
}

impl Packed<'_> {
    /// How large it says that it is.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Up to `most` of its next bytes.
    pub(super) fn read(&mut self, most: u64) -> Result<Vec<u8>, Unreadable> {
        let mut bytes = Vec::new();
        let mut next = (&mut self.file).take(most);
        next.read_to_end(&mut bytes).map_err(|_| Unreadable::Damaged)?;
        let read = u64::try_from(bytes.len()).map_err(|_| Unreadable::TooLarge)?;
        self.own = self.own.checked_sub(read).ok_or(Unreadable::TooLarge)?;
        self.left = self.left.checked_sub(read).ok_or(Unreadable::TooLarge)?;
        Ok(bytes)
    }

    /// All of it behind `head`, if that is not more than `most`.
    pub(super) fn rest(&mut self, mut head: Vec<u8>, most: u64) -> Result<Vec<u8>, Unreadable> {
        loop {
            let more = self.read(PIECE)?;
            if more.is_empty() {
                return Ok(head);
            }
            head.extend_from_slice(&more);
            if u64::try_from(head.len()).is_ok_and(|length| length > most) {
                return Err(Unreadable::TooLarge);
            }
        }
    }

    /// Sends all of it in pieces, behind `head`; gives what may be unpacked after it.
    pub(super) fn send(mut self, head: Vec<u8>, out: &mut impl Write) -> Result<u64, Unreadable> {
        let mut piece = Ok(head);
        let mut first = true;
        loop {
            match piece {
                Ok(bytes) if bytes.is_empty() && !first => {
                    put(out, &ImportLine::End)?;
                    return Ok(self.left);
                }
                Ok(bytes) => {
                    let length = u32::try_from(bytes.len()).map_err(|_| Unreadable::TooLarge)?;
                    put(out, &ImportLine::Bytes(length))?;
                    out.write_all(&bytes).map_err(|_| Unreadable::Broke)?;
                }
                Err(reason) => {
                    put(out, &ImportLine::Refused(reason))?;
                    return Ok(self.left);
                }
            }
            first = false;
            piece = self.read(PIECE);
        }
    }
}
