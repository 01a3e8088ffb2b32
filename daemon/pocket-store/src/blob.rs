//! Sealed files: documents, and records too large for sled.
//!
//! `blobs/XX/NAME`, where NAME is 32 random bytes in hexadecimal and XX its first two digits:
//! `"PAIBLOB\0" | version u16 little-endian | chunks`. The plaintext is padded with zeros to a Padmé
//! length and sealed in chunks of 64 KiB ([`pocket_crypto::stream`]) under a random key of the file's
//! own; key and true length are in the sealed row that names the file. So a file is gone when its row
//! is, and re-keying a category need not write its files again. A file is written under the name
//! `NAME.part`, synced and renamed before any row names it; what no row names is removed on open.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pocket_crypto::stream::{BlobOpener, BlobSealer, CHUNK, OVERHEAD, SEALED_CHUNK};
use pocket_crypto::{Key, padme};
use rand::Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::atomic::{remove_durably, sync_folder};
use crate::space::{Space, free_bytes, low_water};

/// The folder's name.
pub(crate) const BLOBS: &str = "blobs";
const MAGIC: &[u8; 8] = b"PAIBLOB\0";
const VERSION: u16 = 1;
const HEADER: usize = 10;
/// The key is fresh for each file, which is what the salt is for.
const SALT: [u8; 32] = [0; 32];
const PART: &str = "part";
/// Bytes after which what was written is synced, so that the last sync of a long upload is short and
/// little dirty memory gathers on a board of 512 MB.
const SYNC_EVERY: u64 = 8 * 1024 * 1024;

/// Names a sealed file: kept in the row of the record that it belongs to.
#[derive(Clone)]
pub struct BlobRef {
    pub(crate) name: [u8; 32],
    pub(crate) key: Arc<Key>,
    pub(crate) size: u64,
    pub(crate) code: u8,
}

impl BlobRef {
    /// Length of its content in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    fn context(&self) -> Vec<u8> {
        [&[self.code], self.name.as_slice()].concat()
    }

    fn chunks(&self) -> u64 {
        padme(self.size).div_ceil(CHUNK as u64).max(1)
    }

    /// Length of the file itself.
    pub(crate) fn file_length(&self) -> u64 {
        let sealing = self.chunks().saturating_mul(OVERHEAD as u64);
        padme(self.size)
            .saturating_add(sealing)
            .saturating_add(HEADER as u64)
    }

    pub(crate) fn path(&self, blobs: &Path) -> PathBuf {
        path_of(blobs, &self.name)
    }

    pub(crate) fn hex(&self) -> String {
        hex(&self.name)
    }
}

/// A file being written. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
pub struct BlobWriter {
    file: File,
    part: PathBuf,
    finished: bool,
    blobs: PathBuf,
    blob: BlobRef,
    /// Gone once the last chunk is sealed.
    sealer: Option<BlobSealer>,
    buffer: Zeroizing<Vec<u8>>,
    hasher: Sha256,
    unsynced: u64,
}

impl BlobWriter {
    pub(crate) fn begin(blobs: &Path, code: u8) -> Result<Self, StoreError> {
        refuse_when_low(blobs)?;
        let mut rng = rand::rng();
        let mut name = [0; 32];
        rng.fill_bytes(&mut name);
        let blob = BlobRef {
            name,
            key: Arc::new(Key::generate(&mut rng)),
            size: 0,
            code,
        };
        let part = blob.path(blobs).with_extension(PART);
        let file = create(&part, blobs).map_err(StoreError::io("create", &part))?;
        let mut writer = Self {
            file,
            part,
            finished: false,
            blobs: blobs.to_owned(),
            sealer: Some(BlobSealer::new(&blob.key, SALT, &blob.context())),
            blob,
            buffer: Zeroizing::new(Vec::with_capacity(CHUNK)),
            hasher: Sha256::new(),
            unsynced: 0,
        };
        writer.put(&[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat())?;
        Ok(writer)
    }

    /// Takes the next bytes, any number of them.
    ///
    /// # Errors
    /// [`StoreError::Full`], [`StoreError::Io`]; the upload is then lost, drop the writer.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.blob.size = self.blob.size.saturating_add(bytes.len() as u64);
        self.take(bytes)
    }

    /// Ends the file and brings it to the disk. Gives its reference, and the SHA-256 of the bytes in
    /// hexadecimal. Until a record names it, the file is an orphan that the next open removes.
    ///
    /// # Errors
    /// As [`BlobWriter::write`].
    pub fn finish(mut self) -> Result<(BlobRef, String), StoreError> {
        let mut padding = padme(self.blob.size).saturating_sub(self.blob.size);
        let zeros = [0; 4096];
        while padding > 0 {
            let step = usize::try_from(padding).map_or(zeros.len(), |left| left.min(zeros.len()));
            self.take(&zeros[..step])?;
            padding = padding.saturating_sub(step as u64);
        }
        self.finish_file()?;
        let digest = self.hasher.clone().finalize();
        Ok((self.blob.clone(), hex(&digest)))
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            // A full chunk waits for the byte after it: the last one is sealed as the last.
            if self.buffer.len() == CHUNK {
                self.seal_buffer()?;
            }
            let step = bytes.len().min(CHUNK - self.buffer.len());
            let (now, later) = bytes.split_at(step);
            self.buffer.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn seal_buffer(&mut self) -> Result<(), StoreError> {
        let sealer = self.sealer.as_mut().ok_or(StoreError::Reopen)?;
        let sealed = sealer.seal_chunk(&self.buffer);
        let sealed = sealed.map_err(|_| StoreError::TooLarge { what: "the file" })?;
        self.buffer.clear();
        self.put(&sealed)
    }

    fn put(&mut self, sealed: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(sealed)
            .map_err(|source| self.failed(source))?;
        self.unsynced = self.unsynced.saturating_add(sealed.len() as u64);
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            self.file.sync_data().map_err(|source| self.failed(source))?;
            refuse_when_low(&self.blobs)?;
        }
        Ok(())
    }

    fn finish_file(&mut self) -> Result<(), StoreError> {
        let sealer = self.sealer.take().ok_or(StoreError::Reopen)?;
        let last = sealer
            .finish(&self.buffer)
            .map_err(|_| StoreError::TooLarge { what: "the file" })?;
        self.put(&last)?;
        self.file.sync_all().map_err(|source| self.failed(source))?;
        let path = self.blob.path(&self.blobs);
        fs::rename(&self.part, &path).map_err(|source| self.failed(source))?;
        self.finished = true;
        let folder = path.parent().unwrap_or(&self.blobs);
        sync_folder(folder).map_err(StoreError::io("sync", folder))
    }

    fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Io {
            action: "write",
            path: self.part.clone(),
            source,
        }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if !self.finished {
            // What can't be removed now is removed by the next open.
            drop(fs::remove_file(&self.part));
        }
    }
}

/// Seals `bytes` into a file of its own.
pub(crate) fn write_whole(blobs: &Path, code: u8, bytes: &[u8]) -> Result<BlobRef, StoreError> {
    let mut writer = BlobWriter::begin(blobs, code)?;
    writer.write(bytes)?;
    Ok(writer.finish()?.0)
}

/// Reads up to `max` bytes from `offset`; fewer only at the end.
pub(crate) fn read(
    blobs: &Path,
    blob: &BlobRef,
    offset: u64,
    max: usize,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    FileReader::open(blobs, blob)?.read(offset, max)
}

/// Opens every chunk of a file from number `from` on, as long as `go_on` says, and keeps none. Gives
/// the number of the chunk to go on with; `None` when all were opened.
pub(crate) fn verify(
    blobs: &Path,
    blob: &BlobRef,
    from: u64,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Option<u64>, StoreError> {
    let reader = FileReader::open(blobs, blob)?;
    for index in from..blob.chunks() {
        reader.chunk(index)?;
        if !go_on() {
            return Ok(Some(index.saturating_add(1)));
        }
    }
    Ok(None)
}

/// A sealed file, open for many small reads. What was opened can be read to its end, also when the
/// file is removed meanwhile.
pub struct FileReader {
    file: File,
    opener: BlobOpener,
    blob: BlobRef,
    /// The chunk that was opened last, and its number: the next read is often near.
    last: Option<(u64, Zeroizing<Vec<u8>>)>,
}

impl FileReader {
    /// Reads up to `max` bytes from `offset`; fewer only at the end of the file. Keeps the last chunk of
    /// 64 KiB that it opened.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn read(&mut self, offset: u64, max: usize) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let end = self.blob.size.min(offset.saturating_add(max as u64));
        let length = usize::try_from(end.saturating_sub(offset)).unwrap_or(0);
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        let mut at = offset;
        while at < end {
            let from = usize::try_from(at % CHUNK as u64).unwrap_or(CHUNK);
            let index = at / CHUNK as u64;
            let chunk = match self.last.take() {
                Some((kept, chunk)) if kept == index => chunk,
                _ => self.chunk(index)?,
            };
            let until = usize::try_from(end - at)
                .map_or(CHUNK, |left| from.saturating_add(left))
                .min(chunk.len());
            let piece = chunk.get(from..until).unwrap_or_default();
            if piece.is_empty() {
                return Err(self.damaged("a chunk is short"));
            }
            bytes.extend_from_slice(piece);
            at = at.saturating_add(piece.len() as u64);
            self.last = Some((index, chunk));
        }
        Ok(bytes)
    }

    pub(crate) fn open(blobs: &Path, blob: &BlobRef) -> Result<Self, StoreError> {
        let path = blob.path(blobs);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::damaged(
                    format!("file {}", blob.hex()),
                    "it is missing",
                ));
            }
            Err(error) => return Err(StoreError::io("open", &path)(error)),
        };
        let opener = BlobOpener::new(&blob.key, SALT, &blob.context());
        let reader = Self {
            file,
            opener,
            blob: blob.clone(),
            last: None,
        };
        reader.check_frame()?;
        Ok(reader)
    }

    fn check_frame(&self) -> Result<(), StoreError> {
        let mut header = [0; HEADER];
        let read = self.file.read_exact_at(&mut header, 0);
        if read.is_err() || header != *[MAGIC.as_slice(), &VERSION.to_le_bytes()].concat() {
            return Err(self.damaged("its header was changed"));
        }
        let length = self.file.metadata().map(|metadata| metadata.len());
        match length {
            Ok(length) if length == self.blob.file_length() => Ok(()),
            _ => Err(self.damaged("its length is wrong")),
        }
    }

    fn chunk(&self, index: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let last = index.saturating_add(1) >= self.blob.chunks();
        let start = (HEADER as u64).saturating_add(index.saturating_mul(SEALED_CHUNK as u64));
        let length = SEALED_CHUNK as u64;
        let length = length.min(self.blob.file_length().saturating_sub(start));
        let mut sealed = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file
            .read_exact_at(&mut sealed, start)
            .map_err(|_| self.damaged("it can't be read to its end"))?;
        let index = u32::try_from(index).map_err(|_| self.damaged("it is too long"))?;
        self.opener
            .open_chunk(index, last, &sealed)
            .map_err(|error| self.damaged(error))
    }

    fn damaged(&self, problem: impl ToString) -> StoreError {
        StoreError::damaged(format!("file {}", self.blob.hex()), problem)
    }
}

/// The sealed files on the disk with their lengths, and the unfinished ones.
#[derive(Default)]
pub(crate) struct Inventory {
    pub(crate) whole: BTreeMap<[u8; 32], u64>,
    pub(crate) parts: Vec<PathBuf>,
}

/// Lists the folder. What does not look like ours is left alone.
pub(crate) fn inventory(blobs: &Path) -> io::Result<Inventory> {
    let mut found = Inventory::default();
    for folder in list(blobs)? {
        for path in list(&folder)? {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if let Some(name) = parse_hex(name) {
                found.whole.insert(name, path.metadata()?.len());
            } else if path.extension().is_some_and(|extension| extension == PART) {
                found.parts.push(path);
            }
        }
    }
    Ok(found)
}

/// Removes a file by its name.
pub(crate) fn remove(blobs: &Path, name: &[u8; 32]) -> io::Result<()> {
    remove_durably(&path_of(blobs, name))
}

/// Removes a file by its name without syncing: if it comes back, the next open removes it again.
pub(crate) fn remove_lazily(blobs: &Path, name: &[u8; 32]) -> io::Result<()> {
    match fs::remove_file(path_of(blobs, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

fn create(part: &Path, blobs: &Path) -> io::Result<File> {
    let folder = part.parent().unwrap_or(blobs);
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        sync_folder(blobs)?;
        if let Some(above) = blobs.parent() {
            sync_folder(above)?;
        }
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(part)
}

fn refuse_when_low(blobs: &Path) -> Result<(), StoreError> {
    // The folder may not be there yet.
    let there = blobs.ancestors().find(|path| path.exists()).unwrap_or(blobs);
    let free = free_bytes(there).map_err(StoreError::io("measure the free space of", there))?;
    let needed = low_water(0);
    if free < needed {
        Err(StoreError::Full(Space { free, needed }))
    } else {
        Ok(())
    }
}

fn path_of(blobs: &Path, name: &[u8; 32]) -> PathBuf {
    let hex = hex(name);
    blobs.join(hex.get(..2).unwrap_or_default()).join(hex)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn parse_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
