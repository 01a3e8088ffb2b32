//! The parts of a zip archive, with a limit on what they unpack to.

use std::io::{Cursor, Read};

use pocket_core::Unreadable;
use zip::ZipArchive;
use zip::result::ZipError;

/// What all parts together may unpack to, in bytes: 128 MiB.
const MOST_UNPACKED: u64 = 128 * 1024 * 1024;

/// An archive, and how much more of it may be unpacked.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
        Ok(Self {
            zip,
            left: MOST_UNPACKED,
        })
    }

    /// The names of its parts.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.zip.file_names();
        names.filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    /// A part as text; `None` when there is none of this name.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        let part = match self.zip.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(reason)) if reason == ZipError::PASSWORD_REQUIRED => {
                return Err(Unreadable::Protected);
            }
            Err(_) => return Err(Unreadable::Damaged),
        };
        let mut bytes = Vec::new();
        // What the archive says of its sizes is a stranger's word.
        let mut limited = part.take(self.left.saturating_add(1));
        limited.read_to_end(&mut bytes).map_err(|_| Unreadable::Damaged)?;
        let read = u64::try_from(bytes.len()).map_err(|_| Unreadable::TooLarge)?;
        self.left = self.left.checked_sub(read).ok_or(Unreadable::TooLarge)?;
        Ok(Some(super::plain::decode_xml(bytes)))
    }

    /// A part that must be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String, Unreadable> {
        self.part(name)?.ok_or(Unreadable::Damaged)
    }

    /// The parts `<before>N<after>`, by their numbers.
    pub(super) fn numbered(&self, before: &str, after: &str) -> Vec<String> {
        let names = self.names();
        let number =
            |name: &str| -> Option<u32> { name.strip_prefix(before)?.strip_suffix(after)?.parse().ok() };
        let mut numbered: Vec<(u32, String)> = names
            .into_iter()
            .filter_map(|name| Some((number(&name)?, name)))
            .collect();
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, name)| name).collect()
    }
}
