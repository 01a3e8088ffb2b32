//! A folder in a zip archive, with limits on what it unpacks to: what an archive says of its own sizes is
//! a stranger's word. Nothing is unpacked to a disk, and an archive inside an archive is a document.

use std::collections::HashSet;
use std::io::{Cursor, Read, Write};

use pocket_core::Unreadable;
use pocket_formats::{Format, ImportLine, Item, below, document, plain_path};
use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::{format_of, parts, put};

/// Most files of an archive.
const MOST_FILES: usize = 10_000;
/// What all files together may unpack to, in bytes: 512 MiB.
const MOST_UNPACKED: u64 = 512 * 1024 * 1024;
/// Largest file whose records are read, in bytes: 16 MiB beside the archive in the reader's memory.
const MOST_TEXT: u64 = 16 * 1024 * 1024;
/// How many bytes one may become, beyond the first [`FREE`]. Text packs to a tenth; a thousandth is made
/// to do harm.
const MOST_RATIO: u64 = 200;
/// Bytes that any file may have, however well it packs: 1 MiB.
const FREE: u64 = 1024 * 1024;
/// Bytes of a document that are sent at once, and by whose first its kind is told.
const PIECE: u64 = 1024 * 1024;

/// Whether a file is an archive of files, and not a document that is kept in one.
pub(super) fn is_archive(path: &str, bytes: &[u8]) -> bool {
    path.to_lowercase().ends_with(".zip") && bytes.starts_with(b"PK\x03\x04")
}

/// All its files, those first that may name others as the bytes of their documents.
pub(super) fn files(bytes: &[u8], out: &mut impl Write) -> Result<(), Unreadable> {
    let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    if zip.len() > MOST_FILES {
        return Err(Unreadable::TooLarge);
    }
    let mut names = Vec::new();
    let mut hidden = 0;
    for (index, name) in zip.file_names().enumerate() {
        let name = name.unwrap_or_default();
        if name.ends_with('/') {
            continue;
        }
        match plain_path(&name) {
            Some(path) => names.push((index, path)),
            None => hidden += 1,
        }
    }
    below_their_folder(&mut names);
    let mut unpacking = Unpacking {
        zip,
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
    zip: ZipArchive<Cursor<&'a [u8]>>,
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
        let mut packed = match Packed::open(&mut self.zip, index, self.left) {
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
        let Ok(packed) = Packed::open(&mut self.zip, index, self.left) else {
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

/// A file that is being unpacked.
struct Packed<'a, 'b> {
    file: ZipFile<'a, Cursor<&'b [u8]>>,
    /// Bytes that may still be unpacked, of all files together.
    left: u64,
    /// Bytes that this one may still give.
    own: u64,
}

impl<'a, 'b> Packed<'a, 'b> {
    fn open(zip: &'a mut ZipArchive<Cursor<&'b [u8]>>, index: usize, left: u64) -> Result<Self, Unreadable> {
        let file = zip.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(reason) if reason == ZipError::PASSWORD_REQUIRED => {
                Unreadable::Protected
            }
            ZipError::UnsupportedArchive(_) => Unreadable::Unsupported,
            _ => Unreadable::Damaged,
        })?;
        let own = file
            .compressed_size()
            .saturating_mul(MOST_RATIO)
            .saturating_add(FREE);
        Ok(Self { file, left, own })
    }

    /// How large it says that it is.
    fn size(&self) -> u64 {
        self.file.size()
    }

    /// Up to `most` of its next bytes.
    fn read(&mut self, most: u64) -> Result<Vec<u8>, Unreadable> {
        let mut bytes = Vec::new();
        let mut next = (&mut self.file).take(most);
        next.read_to_end(&mut bytes).map_err(|_| Unreadable::Damaged)?;
        let read = u64::try_from(bytes.len()).map_err(|_| Unreadable::TooLarge)?;
        self.own = self.own.checked_sub(read).ok_or(Unreadable::TooLarge)?;
        self.left = self.left.checked_sub(read).ok_or(Unreadable::TooLarge)?;
        Ok(bytes)
    }

    /// All of it behind `head`, if that is not more than `most`.
    fn rest(&mut self, mut head: Vec<u8>, most: u64) -> Result<Vec<u8>, Unreadable> {
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
    fn send(mut self, head: Vec<u8>, out: &mut impl Write) -> Result<u64, Unreadable> {
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

#[cfg(test)]
mod tests;
