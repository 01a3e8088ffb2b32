//! Items into an archive.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use age::{Encryptor, x25519};
use pocket_core::{BackupFacts, BackupFault, BackupItem, RecordId};
use pocket_crypto::Key;
use sha2::{Digest, Sha256};
use tar::{Builder, Header};
use zeroize::Zeroizing;

use crate::frame;
use crate::layout::{self, READ_ME, Sheet};
use crate::manifest::{self, Member, hex};
use crate::names::as_dyn;

/// Most bytes of a file of lines, unless a single line has more: who reads it back has it in memory.
const MOST_SHEET: usize = 1024 * 1024;

/// Seals the items that come, up to [`BackupItem::End`]. There is no archive that could not be opened again: one
/// whose manifest would be longer than `most_manifest` bytes is none.
pub(crate) fn seal(
    input: &mut impl Read,
    out: &mut impl Write,
    recipients: &[x25519::Recipient],
    vouching: &Key,
    most_manifest: usize,
) -> Result<(), BackupFault> {
    let encryptor = Encryptor::with_recipients(as_dyn(recipients)).map_err(|_| BackupFault::Recipient)?;
    let sealed = encryptor.wrap_output(out).map_err(broke)?;
    let mut archive = Archive::new(sealed, most_manifest);
    archive.lines(Sheet::ReadMe, READ_ME.as_bytes())?;
    let facts = loop {
        let body = frame::read(input)?.ok_or(BackupFault::Broke)?;
        let (item, bytes) = postcard::take_from_bytes(&body).map_err(|_| BackupFault::Broke)?;
        match item {
            BackupItem::End(facts) => break facts,
            BackupItem::File { id, size, name } => archive.file((id, &name), size, input)?,
            other => archive.take(&other, bytes)?,
        }
    };
    let sealed = archive.finish(&facts, vouching)?;
    sealed.finish().map(drop).map_err(broke)
}

/// A tar that is being written.
struct Archive<W: Write> {
    tar: Builder<W>,
    members: Vec<Member>,
    /// The lines that are not in the tar yet.
    sheet: Option<(Sheet, Zeroizing<Vec<u8>>)>,
    numbers: BTreeMap<Sheet, u32>,
    /// In bytes.
    most_manifest: usize,
}

impl<W: Write> Archive<W> {
    fn new(out: W, most_manifest: usize) -> Self {
        Self {
            most_manifest,
            tar: Builder::new(out),
            members: Vec::new(),
            sheet: None,
            numbers: BTreeMap::new(),
        }
    }

    fn take(&mut self, item: &BackupItem, bytes: &[u8]) -> Result<(), BackupFault> {
        let (sheet, line) = match item {
            BackupItem::Audit(entries) => {
                let lines: Option<Vec<Vec<u8>>> = entries.iter().map(layout::line).collect();
                (Sheet::Audit, lines.map(|lines| lines.concat()))
            }
            BackupItem::Record(entry) => (Sheet::Records(entry.content.category()), layout::record(entry)),
            BackupItem::Removed(category, id) => (Sheet::Removed, layout::removed(*category, *id)),
            BackupItem::Row { name } => (Sheet::Device, layout::row(name, bytes)),
            BackupItem::Value(id) => (
                Sheet::Records(pocket_core::Category::Secrets),
                layout::value(*id, bytes),
            ),
            BackupItem::End(_) | BackupItem::File { .. } | BackupItem::Piece => {
                return Err(BackupFault::Broke);
            }
        };
        let line = Zeroizing::new(line.ok_or(BackupFault::Broke)?);
        self.lines(sheet, &line)
    }

    /// Adds lines. What is of another kind goes into the tar before: the order of things is kept.
    fn lines(&mut self, sheet: Sheet, lines: &[u8]) -> Result<(), BackupFault> {
        let fits = self
            .sheet
            .as_ref()
            .is_some_and(|(of, held)| *of == sheet && held.len() + lines.len() <= MOST_SHEET);
        if !fits {
            self.flush()?;
        }
        let (_, held) = self
            .sheet
            .get_or_insert_with(|| (sheet, Zeroizing::new(Vec::with_capacity(MOST_SHEET))));
        held.extend_from_slice(lines);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BackupFault> {
        let Some((sheet, bytes)) = self.sheet.take() else {
            return Ok(());
        };
        let number = self.numbers.entry(sheet).or_insert(0);
        *number = number.saturating_add(1);
        let name = sheet.name(*number);
        self.members.push(Member::of(&name, &bytes));
        self.member(&name, &bytes)
    }

    fn member(&mut self, name: &str, bytes: &[u8]) -> Result<(), BackupFault> {
        let size = u64::try_from(bytes.len()).map_err(|_| BackupFault::Broke)?;
        append(&mut self.tar, name, size, bytes)
    }

    /// The bytes of a document, which come as pieces.
    fn file(
        &mut self,
        (id, name): (RecordId, &str),
        size: u64,
        input: &mut impl Read,
    ) -> Result<(), BackupFault> {
        let name = layout::file_name(id, name);
        let mut pieces = Pieces {
            input,
            left: size,
            piece: Zeroizing::new(Vec::new()),
            at: 0,
            digest: Sha256::new(),
        };
        append(&mut self.tar, &name, size, &mut pieces)?;
        if pieces.left > 0 || pieces.at < pieces.piece.len() {
            return Err(BackupFault::Broke);
        }
        let sha256 = hex(&pieces.digest.finalize());
        self.members.push(Member {
            name,
            bytes: size,
            sha256,
        });
        Ok(())
    }

    fn finish(mut self, facts: &BackupFacts, vouching: &Key) -> Result<W, BackupFault> {
        self.flush()?;
        let bytes = manifest::write(facts, &self.members)?;
        if bytes.len() > self.most_manifest {
            return Err(BackupFault::TooMany);
        }
        self.member(manifest::NAME, &bytes)?;
        self.member(manifest::VOUCHER, &manifest::voucher(vouching, &bytes))?;
        self.tar.into_inner().map_err(broke)
    }
}

fn append<W: Write>(
    tar: &mut Builder<W>,
    name: &str,
    size: u64,
    bytes: impl Read,
) -> Result<(), BackupFault> {
    let mut header = Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(0);
    header.set_path(name).map_err(broke)?;
    header.set_cksum();
    tar.append(&header, bytes).map_err(broke)
}

/// The pieces of a file, as one.
struct Pieces<'r, R> {
    input: &'r mut R,
    left: u64,
    piece: Zeroizing<Vec<u8>>,
    at: usize,
    digest: Sha256,
}

impl<R: Read> Read for Pieces<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.piece.len() {
            if self.left == 0 {
                return Ok(0);
            }
            self.piece = next_piece(self.input).map_err(|_| io::Error::other("no piece came"))?;
            self.at = 0;
            let length = u64::try_from(self.piece.len()).unwrap_or(u64::MAX);
            let left = self.left.checked_sub(length).filter(|_| length > 0);
            self.left = left.ok_or_else(|| io::Error::other("pieces of another length"))?;
            self.digest.update(&*self.piece);
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.at += count;
        Ok(count)
    }
}

fn next_piece(input: &mut impl Read) -> Result<Zeroizing<Vec<u8>>, BackupFault> {
    let body = frame::read(input)?.ok_or(BackupFault::Broke)?;
    match postcard::take_from_bytes(&body) {
        Ok((BackupItem::Piece, bytes)) => Ok(Zeroizing::new(bytes.to_vec())),
        _ => Err(BackupFault::Broke),
    }
}

fn broke(_: io::Error) -> BackupFault {
    BackupFault::Broke
}
