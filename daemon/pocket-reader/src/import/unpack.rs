//! A folder in an archive, with limits on what it unpacks to: what an archive says of its own sizes is
//! a stranger's word. Nothing is unpacked to a disk, and an archive inside an archive is a document.

mod packed;

use std::collections::HashSet;
use std::io::Write;

use pocket_core::Unreadable;
use pocket_formats::{Format, ImportLine, Item, below, document, plain_path};

use self::packed::Archive;
use super::{format_of, parts, put};

/// Most files of an archive.
const MOST_FILES: usize = 10_000;
/// What all files together may unpack to, in bytes: 512 MiB.
const MOST_UNPACKED: u64 = 512 * 1024 * 1024;
/// Largest file whose records are read, in bytes: 16 MiB beside the archive in the reader's memory.
const MOST_TEXT: u64 = 16 * 1024 * 1024;
/// Bytes of a document that are sent at once, and by whose first its kind is told.
const PIECE: u64 = 1024 * 1024;

/// Whether a file is an archive of files, and not a document that is kept in one.
pub(super) fn is_archive(path: &str, bytes: &[u8]) -> bool {
    packed::is_zip(path, bytes) || packed::is_tar(path, bytes)
}

/// All its files, those first that may name others as the bytes of their documents.
pub(super) fn files(path: &str, bytes: &[u8], out: &mut impl Write) -> Result<(), Unreadable> {
    let archive = Archive::open(path, bytes)?;
    let found = archive.names();
    if found.len() > MOST_FILES {
        return Err(Unreadable::TooLarge);
    }
    let mut names = Vec::new();
    let mut hidden = 0;
    for (index, name) in found {
        match plain_path(&name) {
            Some(path) => names.push((index, path)),
            None => hidden += 1,
        }
    }
    below_their_folder(&mut names);
    let broken_off = archive.is_broken_off();
    let mut unpacking = Unpacking {
        archive,
        names,
        claimed: HashSet::new(),
        left: MOST_UNPACKED,
    };
    for (index, path) in unpacking.order() {
        unpacking.file(index, &path, out)?;
    }
    if hidden > 0 {
        put(out, &ImportLine::Hidden(hidden))?;
    }
    if broken_off {
        // What was whole is in; that it was not all has to be said.
        put(out, &ImportLine::File(path.to_owned()))?;
        put(out, &ImportLine::Refused(Unreadable::Damaged))?;
    }
    Ok(())
}

/// Where all lie in one folder, that folder is what was packed, and not part of their names.
fn below_their_folder(names: &mut [(usize, String)]) {
    let folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    let Some(first) = names.first().and_then(|(_, path)| folder(path)) else {
        return;
    };
    if names
        .iter()
        .all(|(_, path)| folder(path).as_ref() == Some(&first))
    {
        for (_, path) in names {
            *path = below(path).to_owned();
        }
    }
}

struct Unpacking<'a> {
    archive: Archive<'a>,
    /// Files by their numbers.
    names: Vec<(usize, String)>,
    /// Files that were sent as the bytes of a record.
    claimed: HashSet<usize>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl Unpacking<'_> {
    /// JSON lines first, the outer ones before the inner.
    fn order(&self) -> Vec<(usize, String)> {
        let mut order = self.names.clone();
        order.sort_by_key(|(_, path)| (!path.ends_with(".jsonl"), path.matches('/').count()));
        order
    }

    fn file(&mut self, index: usize, path: &str, out: &mut impl Write) -> Result<(), Unreadable> {
        if self.claimed.contains(&index) {
            return Ok(());
        }
        put(out, &ImportLine::File(path.to_owned()))?;
        let (format, text) = match self.unpack(index, path, out)? {
            Unpacked::Sent => return Ok(()),
            Unpacked::Text(format, text) => (format, text),
        };
        parts(format, path, &text, out, |item, out| {
            self.bytes_of(path, item, out)
        })
    }

    /// Unpacks a file. What can't be read is told, and the next one has its turn.
    fn unpack(&mut self, index: usize, path: &str, out: &mut impl Write) -> Result<Unpacked, Unreadable> {
        let refused = |reason, out| put(out, &ImportLine::Refused(reason)).map(|()| Unpacked::Sent);
        let mut packed = match self.archive.packed(index, self.left) {
            Ok(packed) => packed,
            Err(reason) => return refused(reason, out),
        };
        let head = match packed.read(PIECE) {
            Ok(head) => head,
            Err(reason) => return refused(reason, out),
        };
        let format = format_of(path, &head);
        if format == Format::Document {
            put(out, &ImportLine::Document(document(path, packed.size(), &head)))?;
            self.left = packed.send(head, out)?;
            return Ok(Unpacked::Sent);
        }
        let text = packed.rest(head, MOST_TEXT);
        self.left = packed.left;
        match text {
            Ok(text) => Ok(Unpacked::Text(format, text)),
            Err(reason) => refused(reason, out),
        }
    }

    /// Sends a record and the bytes of the file that it names, beside the file that it stands in.
    fn bytes_of(&mut self, path: &str, item: Item, out: &mut impl Write) -> Result<bool, Unreadable> {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let named = format!("{folder}/{}", item.file.as_deref().unwrap_or_default());
        let named = named.trim_start_matches('/');
        let Some((index, _)) = self.names.iter().find(|(_, path)| path == named) else {
            return Ok(false);
        };
        let index = *index;
        let Ok(packed) = self.archive.packed(index, self.left) else {
            return Ok(false);
        };
        put(out, &ImportLine::Item(Box::new(item)))?;
        self.left = packed.send(Vec::new(), out)?;
        self.claimed.insert(index);
        Ok(true)
    }
}

/// What became of a file.
enum Unpacked {
    /// It was told of, and needs no more.
    Sent,
    /// It holds records in this format.
    Text(Format, Vec<u8>),
}

#[cfg(test)]
mod tests;
