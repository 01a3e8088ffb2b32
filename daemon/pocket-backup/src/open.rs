//! An archive into items: nothing of it is believed before its end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};

use age::{DecryptError, Decryptor, Identity};
use pocket_core::audit::{Entry as AuditEntry, Head};
use pocket_core::{BackupFacts, BackupFault, BackupItem, BackupReport, Category, Entry, Record, RecordId};
use pocket_crypto::Key;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use crate::layout::{self, Line, Name, Sheet};
use crate::manifest::{self, Member, digest, hex};
use crate::names;

/// Most bytes of a file of lines: the largest record as JSON that escapes each byte, and the manifest of a
/// hundred thousand documents.
pub(crate) const MOST_LINES: u32 = 64 * 1024 * 1024;
/// Bytes of a file that are handed on at once.
const PIECE: usize = 256 * 1024;

/// Takes an item and the bytes behind it.
type Sink<'s> = &'s mut dyn FnMut(&BackupItem, &[u8]) -> Result<(), BackupFault>;

/// Opens an archive to its end; gives its items to `sink`, and at last what it proved to be.
pub(crate) fn open(
    input: &mut impl Read,
    identity: &Key,
    vouching: &Key,
    sink: Sink<'_>,
) -> Result<BackupReport, BackupFault> {
    let identity = names::identity(identity)?;
    let decryptor = Decryptor::new(input).map_err(|error| fault(&error))?;
    let plain = decryptor.decrypt(std::iter::once(&identity as &dyn Identity));
    let mut archive = Archive::new(plain.map_err(|error| fault(&error))?);
    let mut opening = Opening::new(sink);
    let mut report = None;
    for member in archive.entries().map_err(damaged)?.raw(true) {
        let mut member = member.map_err(damaged)?;
        if report.is_some() || member.header().entry_type() != EntryType::Regular {
            return Err(BackupFault::Foreign);
        }
        let name = member.path().ok();
        let name = name.and_then(|path| path.to_str().map(str::to_owned));
        let name = name.ok_or(BackupFault::Foreign)?;
        let size = member.header().entry_size().map_err(|_| BackupFault::Foreign)?;
        match name.as_str() {
            manifest::NAME if opening.manifest.is_none() => opening.manifest = Some(all(&mut member, size)?),
            manifest::VOUCHER => report = Some(opening.end(&all(&mut member, size)?, vouching)?),
            _ if opening.manifest.is_some() => return Err(BackupFault::Foreign),
            _ => opening.member(&name, size, &mut member)?,
        }
    }
    let report = report.ok_or(BackupFault::Damaged)?;
    // To the end of the last chunk, which says that it is the last; behind a tar there are zeros.
    let mut rest = Vec::new();
    let mut plain = archive.into_inner().take(64 * 1024);
    plain.read_to_end(&mut rest).map_err(damaged)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(BackupFault::Foreign);
    }
    Ok(report)
}

fn fault(error: &DecryptError) -> BackupFault {
    match error {
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => BackupFault::NotAnArchive,
        DecryptError::NoMatchingKeys => BackupFault::WrongKey,
        _ => BackupFault::Damaged,
    }
}

fn damaged(_: io::Error) -> BackupFault {
    BackupFault::Damaged
}

/// The whole of a member.
fn all(member: &mut impl Read, size: u64) -> Result<Vec<u8>, BackupFault> {
    if size > u64::from(MOST_LINES) {
        return Err(BackupFault::Foreign);
    }
    let mut bytes = Vec::new();
    member.read_to_end(&mut bytes).map_err(damaged)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length == size) {
        Ok(bytes)
    } else {
        Err(BackupFault::Damaged)
    }
}

/// What was met so far.
struct Opening<'s> {
    sink: Sink<'s>,
    members: Vec<Member>,
    numbers: BTreeMap<Sheet, u32>,
    manifest: Option<Vec<u8>>,
    live: HashSet<(Category, RecordId)>,
    /// Size and digest of the bytes that a document should have.
    wanted: HashMap<RecordId, (u64, String)>,
    /// Those that are there.
    files: HashMap<RecordId, (u64, String)>,
    head: Head,
}

impl<'s> Opening<'s> {
    fn new(sink: Sink<'s>) -> Self {
        Self {
            sink,
            members: Vec::new(),
            numbers: BTreeMap::new(),
            manifest: None,
            live: HashSet::new(),
            wanted: HashMap::new(),
            files: HashMap::new(),
            head: Head::default(),
        }
    }

    fn member(&mut self, name: &str, size: u64, bytes: &mut impl Read) -> Result<(), BackupFault> {
        match Name::parse(name).ok_or(BackupFault::Foreign)? {
            Name::File(id) => self.file(name, id, size, bytes),
            Name::Sheet(sheet, number) => {
                let last = self.numbers.entry(sheet).or_insert(0);
                // One after the other, each once.
                if number != last.saturating_add(1) {
                    return Err(BackupFault::Foreign);
                }
                *last = number;
                let bytes = all(bytes, size)?;
                self.members.push(Member::of(name, &bytes));
                self.lines(sheet, &bytes)
            }
        }
    }

    fn file(
        &mut self,
        name: &str,
        id: RecordId,
        size: u64,
        bytes: &mut impl Read,
    ) -> Result<(), BackupFault> {
        if self.files.contains_key(&id) {
            return Err(BackupFault::Foreign);
        }
        let head = BackupItem::File {
            id,
            size,
            name: String::new(),
        };
        (self.sink)(&head, b"")?;
        let mut digest = Sha256::new();
        let mut left = size;
        let mut piece = Vec::with_capacity(PIECE);
        while left > 0 {
            piece.clear();
            let most = u64::try_from(PIECE).unwrap_or(u64::MAX).min(left);
            bytes.take(most).read_to_end(&mut piece).map_err(damaged)?;
            let read = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            left = left
                .checked_sub(read)
                .filter(|_| read > 0)
                .ok_or(BackupFault::Damaged)?;
            digest.update(&piece);
            (self.sink)(&BackupItem::Piece, &piece)?;
        }
        let sha256 = hex(&digest.finalize());
        self.members.push(Member {
            name: name.to_owned(),
            bytes: size,
            sha256: sha256.clone(),
        });
        self.files.insert(id, (size, sha256));
        Ok(())
    }

    fn lines(&mut self, sheet: Sheet, bytes: &[u8]) -> Result<(), BackupFault> {
        if sheet == Sheet::ReadMe {
            return Ok(());
        }
        let lines = bytes.strip_suffix(b"\n").ok_or(BackupFault::Foreign)?;
        lines
            .split(|byte| *byte == b'\n')
            .try_for_each(|line| self.line(sheet, line))
    }

    fn line(&mut self, sheet: Sheet, line: &[u8]) -> Result<(), BackupFault> {
        const FOREIGN: BackupFault = BackupFault::Foreign;
        match sheet {
            Sheet::Audit => self.audit(&serde_json::from_slice(line).map_err(|_| FOREIGN)?),
            Sheet::Device => {
                let (name, bytes) = layout::read_row(line).ok_or(FOREIGN)?;
                (self.sink)(&BackupItem::Row { name }, &bytes)
            }
            Sheet::ReadMe => Ok(()),
            Sheet::Records(category) => match layout::read_record(category, line).ok_or(FOREIGN)? {
                Line::Record(entry) => self.record(entry),
                Line::Value(id, value) if self.live.contains(&(Category::Secrets, id)) => {
                    (self.sink)(&BackupItem::Value(id), &value)
                }
                Line::Value(..) => Err(FOREIGN),
            },
            Sheet::Removed => {
                let (category, id) = layout::read_removed(line).ok_or(FOREIGN)?;
                self.live.remove(&(category, id));
                self.wanted.remove(&id);
                (self.sink)(&BackupItem::Removed(category, id), b"")
            }
        }
    }

    fn record(&mut self, entry: Box<Entry>) -> Result<(), BackupFault> {
        self.live.insert((entry.content.category(), entry.id));
        if let Record::Document(document) = entry.content.record()
            && !document.sha256.is_empty()
        {
            let bytes = (document.size, document.sha256.clone());
            // The bytes come before the record.
            if self.files.get(&entry.id) != Some(&bytes) {
                return Err(BackupFault::Differs);
            }
            self.wanted.insert(entry.id, bytes);
        }
        (self.sink)(&BackupItem::Record(entry), b"")
    }

    /// The log must be one chain. Its MACs only the device can verify that wrote it.
    fn audit(&mut self, entry: &AuditEntry) -> Result<(), BackupFault> {
        if Some(entry.sequence) != self.head.sequence.checked_add(1) || entry.previous != self.head.mac {
            return Err(BackupFault::Differs);
        }
        self.head = self.head.after(std::slice::from_ref(entry));
        Ok(())
    }

    /// The last member: the manifest counts only with what vouches for it.
    fn end(&self, voucher: &[u8], vouching: &Key) -> Result<BackupReport, BackupFault> {
        let manifest = self.manifest.as_ref().ok_or(BackupFault::Foreign)?;
        if !manifest::vouches(vouching, manifest, voucher) {
            return Err(BackupFault::Forged);
        }
        let facts = manifest::read(manifest, &self.members)?;
        self.compare(&facts)?;
        let bytes = self.members.iter().map(|member| member.bytes);
        Ok(BackupReport {
            members: u64::try_from(self.members.len()).unwrap_or(u64::MAX),
            bytes: bytes.fold(0, u64::saturating_add),
            files: u64::try_from(self.wanted.len()).unwrap_or(u64::MAX),
            manifest: digest(manifest),
            facts,
        })
    }

    fn compare(&self, facts: &BackupFacts) -> Result<(), BackupFault> {
        let mut counts: BTreeMap<Category, u64> = BTreeMap::new();
        for (category, _) in &self.live {
            let count = counts.entry(*category).or_insert(0);
            *count = count.saturating_add(1);
        }
        let claimed = facts.counts.iter().filter(|(_, count)| *count > 0).copied();
        if counts != claimed.collect() || self.head != facts.audit {
            return Err(BackupFault::Differs);
        }
        Ok(())
    }
}
