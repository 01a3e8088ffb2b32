//! The one way in which a small file is written: temporary file, write, sync, rename, sync folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::Rng;

/// Replaces `path` by `bytes` so that a power cut leaves either the old file or the new one, and
/// returns when the new one is on the disk. `mode` are the permission bits (0600, say).
///
/// # Errors
/// Whatever the file system says; the temporary file is then removed.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary_for(path)?;
    let written = write_synced(&temporary, bytes, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // What went wrong is already being told; a leftover is removed by the next write.
        drop(fs::remove_file(&temporary));
    }
    written?;
    sync_folder_of(path)
}

/// Syncs the folder that holds `path`, so that a name made or removed in it stays so.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => sync_folder(folder),
        _ => sync_folder(Path::new(".")),
    }
}

/// Syncs a folder.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Removes a file, if it is there, so that it stays removed.
pub(crate) fn remove_durably(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Overwrites a file in place with random bytes, syncs it, removes it and syncs the folder. Nothing
/// happens if it is not there. Flash may keep the old cells: that is why no key rests on one file.
pub(crate) fn overwrite_and_remove(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => overwrite(&file)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    remove_durably(path)
}

/// Overwrites the whole of an open file with random bytes and syncs it.
pub(crate) fn overwrite(mut file: &File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    let mut noise = [0u8; 4096];
    let whole = noise.len();
    while left > 0 {
        let step = usize::try_from(left).map_or(whole, |left| left.min(whole));
        rand::rng().fill_bytes(&mut noise[..step]);
        file.write_all(&noise[..step])?;
        left = left.saturating_sub(step as u64);
    }
    file.sync_all()
}

/// Reads a file that may be absent, at most `limit` bytes of it and one more, so that the caller sees
/// when there are more.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    use io::Read;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn write_synced(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    // A leftover keeps the mode that it was made with.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// `.NAME.tmp` beside `path`: always the same, so that a leftover is overwritten and not gathered.
fn temporary_for(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".tmp");
    Ok(path.with_file_name(temporary))
}
