//! A new archive, and its parity beside it: whole under their names, or not there.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use pocket_core::Operation;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{ENDING, parity};
use crate::exit::Problem;
use crate::output::escape;
use crate::session::Session;
use crate::status;
use crate::terminal::progress;

pub(super) fn run(session: &mut Session, path: Option<PathBuf>, percent: u8) -> Result<(), Problem> {
    let made = make(session, path, percent)?;
    let confirmed = status::read(session)?.recovery_confirmed;
    let protects = confirmed == Some(true);
    let mut text = format!(
        "{} bytes written to {}",
        made.bytes,
        escape(&made.path.display().to_string())
    );
    if let Some(parity) = &made.parity {
        let name = escape(&parity.display().to_string());
        text.push_str(&format!(
            "\nWhat mends it when the disk goes bad is beside it: {name}"
        ));
    }
    if !protects {
        text.push_str(
            "\nIt does not protect you yet: only the recovery key opens it, and you have not typed that back.\n  \
             pocketctl recovery confirm",
        );
    }
    let json = json!({
        "file": made.path.to_string_lossy(), "bytes": made.bytes, "recovery_confirmed": protects,
        "parity": made.parity.as_ref().map(|path| path.to_string_lossy()),
    });
    session.output.print(&json, &text)
}

/// What was made.
pub(super) struct Made {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) parity: Option<PathBuf>,
}

/// Makes an archive, has the device note that it did, and makes the parity.
pub(super) fn make(session: &mut Session, path: Option<PathBuf>, percent: u8) -> Result<Made, Problem> {
    let path = destination(path)?;
    let part = Part::new(&path)?;
    let (bytes, sha256) = write(session, &part)?;
    part.keep(&path)?;
    session.ask(Operation::BackupDone)?;
    // What is left to do may take minutes, and needs no device.
    session.hang_up();
    let parity = (percent > 0)
        .then(|| parity::make(&path, percent, &sha256))
        .transpose()?;
    Ok(Made { path, bytes, parity })
}

/// The archive's name: the one that was given, or a new one in the folder that was.
fn destination(path: Option<PathBuf>) -> Result<PathBuf, Problem> {
    let path = path.unwrap_or_else(|| PathBuf::from("."));
    if path.is_dir() {
        // Of two in one second the later is called by the next.
        let mut seconds = (0..60).map(|ahead| path.join(name_of_now(ahead)));
        let free = seconds.find(|path| taken_name(path).is_none());
        return free.ok_or_else(|| taken(&path));
    }
    match taken_name(&path) {
        Some(name) => Err(taken(&name)),
        None => Ok(path),
    }
}

pub(super) fn name_of_now(ahead_seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let at = pocket_core::Timestamp::from_millis(millis.saturating_add(ahead_seconds * 1000)).to_string();
    let at: String = at.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
    format!("pocketai-{at}Z.{ENDING}")
}

/// What is in the way of an archive of that name.
fn taken_name(path: &Path) -> Option<PathBuf> {
    let mut names = [path.to_owned(), parity::beside(path)].into_iter();
    names.find(|name| fs::symlink_metadata(name).is_ok())
}

pub(super) fn taken(path: &Path) -> Problem {
    Problem::local(
        format!("{} is there already", path.display()),
        "choose a name that is not taken: nothing is overwritten",
    )
}

pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn write(session: &mut Session, part: &Part) -> Result<(u64, [u8; 32]), Problem> {
    let bar = progress(session.output, None);
    session.ask(Operation::BackupCreate)?;
    let (mut bytes, mut sha) = (0u64, Sha256::new());
    while let Some(piece) = session.client()?.next_piece()? {
        let mut file = &part.file;
        file.write_all(piece.expose_bytes())
            .map_err(|error| part.failed(&error))?;
        sha.update(piece.expose_bytes());
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        bytes = bytes.saturating_add(length);
        bar.inc(length);
    }
    bar.finish_and_clear();
    part.sync()?;
    Ok((bytes, sha.finalize().into()))
}

/// A file that has no name of its own yet. Gone when dropped: half of something is nothing.
pub(super) struct Part {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Part {
    /// Beside `path`. What an earlier run left, which was killed, is not in the way.
    pub(super) fn new(path: &Path) -> Result<Self, Problem> {
        let path = with_ending(path, &format!("{}.part", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let file = file.map_err(|error| Problem::file("write", &path, &error))?;
        // So that what a killed run left is told from what another is writing. Not every file system knows it.
        file.try_lock().unwrap_or_default();
        Ok(Self { file, path })
    }

    /// Removes what such a run left at `path`; `false` where it is in use, or nobody can tell.
    pub(super) fn remove_left(path: &Path) -> bool {
        let left = File::open(path).is_ok_and(|file| file.try_lock().is_ok());
        left && fs::remove_file(path).is_ok()
    }

    fn failed(&self, error: &io::Error) -> Problem {
        Problem::file("write", &self.path, error)
    }

    /// Brings it to the disk.
    pub(super) fn sync(&self) -> Result<(), Problem> {
        self.file.sync_all().map_err(|error| self.failed(&error))
    }

    /// Gives the finished file its name, unless something has it by now, and brings that to the disk.
    pub(super) fn keep(self, path: &Path) -> Result<(), Problem> {
        let fail = |error: io::Error| Problem::file("write", path, &error);
        match renameat2(
            AT_FDCWD,
            &self.path,
            AT_FDCWD,
            path,
            RenameFlags::RENAME_NOREPLACE,
        ) {
            Ok(()) => {}
            Err(nix::errno::Errno::EEXIST) => return Err(taken(path)),
            // A file system of a stick that does not know it.
            Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ENOSYS) => {
                if fs::symlink_metadata(path).is_ok() {
                    return Err(taken(path));
                }
                fs::rename(&self.path, path).map_err(fail)?;
            }
            Err(error) => return Err(fail(error.into())),
        }
        Self::sync_folder(path)
    }

    /// Gives the finished file a name that another may have, which is gone then.
    pub(super) fn replace(self, path: &Path) -> Result<(), Problem> {
        fs::rename(&self.path, path).map_err(|error| Problem::file("write", path, &error))?;
        Self::sync_folder(path)
    }

    fn sync_folder(path: &Path) -> Result<(), Problem> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Problem::file("write", path, &error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Not there any more once it has its name.
        fs::remove_file(&self.path).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(path: &Path, text: &str) -> Part {
        let part = Part::new(path).unwrap_or_else(|_| panic!("no part"));
        (&part.file).write_all(text.as_bytes()).unwrap();
        part
    }

    #[test]
    fn a_finished_archive_takes_no_name_that_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        assert!(part(&path, "new").keep(&path).is_err() && destination(Some(path.clone())).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        fs::remove_file(&path).unwrap();
        assert!(part(&path, "new").keep(&path).is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");

        // Nor the name that its parity would have.
        let other = folder.path().join("b.age");
        fs::write(parity::beside(&other), "old").unwrap();
        assert!(destination(Some(other)).is_err());
    }

    #[test]
    fn in_a_folder_the_name_says_when() {
        let folder = tempfile::tempdir().unwrap();
        let name = destination(Some(folder.path().to_owned())).unwrap_or_else(|_| panic!("no name"));
        assert!(name.to_string_lossy().ends_with("Z.age"));
        fs::write(&name, "").unwrap();
        let other = destination(Some(folder.path().to_owned())).unwrap_or_else(|_| panic!("no name"));
        assert_ne!(name, other);
    }
}
