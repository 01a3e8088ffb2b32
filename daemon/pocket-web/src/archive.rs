//! A tar archive that is sent as it is made.

use std::io;
use std::path::{Component, Path};

use axum::body::Bytes;
use pocket_core::{Failure, Timestamp};
use tar::{Builder, Header};
use tokio::sync::mpsc;

/// The folder that all files lie in, so that unpacking fills no folder of the owner's.
const FOLDER: &str = "pocketai-export";
/// What sizes are rounded up to, in bytes (POSIX.1-2024, pax, "ustar interchange format").
const BLOCK: u64 = 512;
const ZEROS: [u8; 1024] = [0; 1024];

/// An archive being made. Pieces go out one after the other, and `None` after the last.
pub(crate) struct Archive(mpsc::Sender<Option<Bytes>>);

/// An archive that can't be finished: it ends without its end, which is all that its reader can be told.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl From<Failure> for BrokenOff {
    fn from(_: Failure) -> Self {
        Self
    }
}

/// A file of an archive whose bytes are still to come.
pub(crate) struct Open<'a> {
    archive: &'a Archive,
    size: u64,
}

impl Archive {
    /// One whose pieces go there.
    pub(crate) const fn new(out: mpsc::Sender<Option<Bytes>>) -> Self {
        Self(out)
    }

    /// Adds a whole file. `path` is relative, with `/`.
    pub(crate) async fn file(&self, path: &str, changed: Timestamp, bytes: Vec<u8>) -> Result<(), BrokenOff> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let file = self.begin(path, changed, size).await?;
        file.write(bytes.into()).await?;
        file.end().await
    }

    /// Adds a file of exactly `size` bytes, which are written to it next.
    pub(crate) async fn begin(
        &self,
        path: &str,
        changed: Timestamp,
        size: u64,
    ) -> Result<Open<'_>, BrokenOff> {
        let head = head(path, changed, size).map_err(|_| BrokenOff)?;
        self.send(Some(head.into())).await?;
        Ok(Open { archive: self, size })
    }

    /// Ends the archive: two blocks of zeros.
    pub(crate) async fn end(self) -> Result<(), BrokenOff> {
        self.send(Some(Bytes::from_static(&ZEROS))).await?;
        self.send(None).await
    }

    async fn send(&self, piece: Option<Bytes>) -> Result<(), BrokenOff> {
        self.0.send(piece).await.map_err(|_| BrokenOff)
    }
}

impl Open<'_> {
    /// Writes the next bytes.
    pub(crate) async fn write(&self, piece: Bytes) -> Result<(), BrokenOff> {
        self.archive.send(Some(piece)).await
    }

    /// Fills the last block up.
    pub(crate) async fn end(self) -> Result<(), BrokenOff> {
        let missing = self.size.next_multiple_of(BLOCK) - self.size;
        let missing = usize::try_from(missing).map_err(|_| BrokenOff)?;
        let zeros = ZEROS.get(..missing).unwrap_or_default();
        self.archive.send(Some(Bytes::from_static(zeros))).await
    }
}

/// What stands before the bytes of a file; long names take more than one block. Paths come from
/// records, which others may have written: one that leads out of the folder is refused.
fn head(path: &str, changed: Timestamp, size: u64) -> io::Result<Vec<u8>> {
    let is_plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_plain {
        return Err(io::Error::other("it leads out of the archive"));
    }
    let mut header = Header::new_gnu();
    header.set_mode(0o600);
    header.set_size(size);
    header.set_mtime(u64::try_from(changed.millis() / 1000).unwrap_or(0));
    let mut builder = Builder::new(Vec::new());
    // Without the bytes: they are sent after it, as they come.
    builder.append_data(&mut header, format!("{FOLDER}/{path}"), io::empty())?;
    Ok(builder.get_ref().clone())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["", "../a", "/etc/a", "notes/../../a", "./a"] {
            assert!(head(path, Timestamp::from_millis(0), 1).is_err(), "{path}");
        }
    }

    #[tokio::test]
    async fn long_names_and_every_size_are_read_back() {
        let (out, mut pieces) = mpsc::channel(1000);
        let archive = Archive::new(out);
        let folder = format!("{}/{}", "\u{e9}".repeat(49), "b".repeat(100));
        let sizes = [0usize, 1, 511, 512, 513, 1024];
        let changed = Timestamp::from_millis(1_795_316_645_123);
        for size in sizes {
            let path = format!("{folder}/{size}");
            archive.file(&path, changed, vec![b'x'; size]).await.unwrap();
        }
        archive.end().await.unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await.unwrap() {
            bytes.extend_from_slice(&piece);
        }
        let mut read = tar::Archive::new(bytes.as_slice());
        let mut files = read.entries().unwrap();
        for size in sizes {
            let mut file = files.next().unwrap().unwrap();
            let path = file.path().unwrap().into_owned();
            assert_eq!(path, Path::new(&format!("{FOLDER}/{folder}/{size}")));
            assert_eq!(file.header().mtime().unwrap(), 1_795_316_645);
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, vec![b'x'; size]);
        }
        assert!(files.next().is_none());
        assert_eq!(bytes.len() % 512, 0);
    }
}
