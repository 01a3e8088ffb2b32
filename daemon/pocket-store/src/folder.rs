//! The data folder: ours alone, held by one process, of a version that we know.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use pocket_core::Finding;
use thiserror::Error;

use crate::atomic::{read_if_there, sync_folder_of, write_atomically};

/// How often the lock of a process that is gone is tried.
const LOCK_TRIES: u32 = 100;
/// And the time between.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Format of the folder as a whole.
const VERSION: u32 = 1;
const VERSION_NAME: &str = "VERSION";
const VERSION_PREFIX: &str = "pocketai ";
/// What may lie in a folder before it is ours: the socket's folder, the lock, a version half written.
const BEFORE_US: [&str; 3] = ["run", "lock", ".VERSION.tmp"];

/// What only a device's folder has: with one of these in it, a `VERSION` that is missing was there.
const OURS: [&str; 3] = ["keyring.a", "keyring.b", "heads"];
/// What must be a file wherever it is there. `attempts` is not among them: no damage to it may keep
/// the owner out.
const FILES: [&str; 5] = ["keyring.a", "keyring.b", "heads", "db/conf", "db/db"];
/// What must be a folder wherever it is there.
const FOLDERS: [&str; 2] = ["db", "blobs"];

/// Why the folder can't be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Not what we write there.
    #[error("{path} is damaged: {problem}; restore it from a backup, or put \"pocketai 1\" into it", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Another process has it.
    #[error("{path} is in use by process {pid}: stop that one first", path = path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Its process id; 0 when it could not be read.
        pid: u32,
    },
    /// The file system refused.
    #[error("can't {action} {path}: check that the folder exists, is writable and has room", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Made by a newer version.
    #[error("{path} has format {found} and this version knows up to {VERSION}: update the software", path = path.display())]
    Newer {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Something else lives there.
    #[error("{path} is not a PocketAI folder: choose an empty folder or a new one", path = path.display())]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
    /// It belongs to somebody else.
    #[error("{path} belongs to user {owner} and this process runs as {us}: run as its owner, or give it to {us}", path = path.display())]
    OtherOwner {
        /// The folder.
        path: PathBuf,
        /// The user id that it belongs to.
        owner: u32,
        /// The user id of this process.
        us: u32,
    },
}

impl FolderError {
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// The data folder, held by this process until the value is dropped.
pub struct Folder {
    root: PathBuf,
    findings: Vec<Finding>,
    _lock: Flock<File>,
}

impl Folder {
    /// Opens the folder, and makes it (mode 0700) if it is missing. Takes the lock `DIR/lock`.
    ///
    /// # Errors
    /// [`FolderError`] names the path and the remedy. A folder that is not ours is not touched.
    pub fn open(dir: &Path) -> Result<Self, FolderError> {
        make(dir)?;
        refuse_foreign(dir)?;
        let mut findings = Vec::new();
        tighten(dir, 0o700, &mut findings)?;
        let lock = take_lock(dir)?;
        check_version(dir)?;
        tighten_files(dir, &mut findings)?;
        Ok(Self {
            root: dir.to_owned(),
            findings,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// What was put right while opening: permissions that were too wide.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The first of the device's files that is a folder, or the other way round. No program of ours
    /// makes such a thing, and whatever reads it would only say that the disk refused.
    pub fn misplaced(&self) -> Option<Finding> {
        let file = FILES.iter().find(|name| self.join(name).is_dir());
        let folder = FOLDERS.iter().find(|name| self.join(name).is_file());
        let (name, problem) = file
            .map(|name| (name, "it is a folder, where a file belongs"))
            .or_else(|| folder.map(|name| (name, "it is a file, where a folder belongs")))?;
        Some(Finding {
            what: self.join(name).display().to_string(),
            problem: problem.to_owned(),
            remedy: "move it away, put the right one back from a backup, and start the device again"
                .to_owned(),
        })
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

fn make(dir: &Path) -> Result<(), FolderError> {
    if dir.is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(FolderError::io("create", dir))?;
    sync_folder_of(dir).map_err(FolderError::io("sync the parent of", dir))
}

/// A folder with somebody's files in it, and no `VERSION` of ours, is left alone.
fn refuse_foreign(dir: &Path) -> Result<(), FolderError> {
    let path = dir.join(VERSION_NAME);
    if path.is_dir() {
        let problem = "it is a folder, where a file belongs";
        return Err(FolderError::Damaged { path, problem });
    }
    if path.exists() {
        return Ok(());
    }
    if OURS.iter().any(|ours| dir.join(ours).exists()) {
        let problem = "it is missing, though a device's keyring or store is there";
        return Err(FolderError::Damaged { path, problem });
    }
    for entry in fs::read_dir(dir).map_err(FolderError::io("list", dir))? {
        let name = entry.map_err(FolderError::io("list", dir))?.file_name();
        if !BEFORE_US.iter().any(|ours| name == *ours) {
            return Err(FolderError::NotOurs { path: dir.to_owned() });
        }
    }
    Ok(())
}

/// Refuses what belongs to another user, and takes away what group and others may do.
fn tighten(path: &Path, mode: u32, findings: &mut Vec<Finding>) -> Result<(), FolderError> {
    let metadata = fs::symlink_metadata(path).map_err(FolderError::io("examine", path))?;
    let us = nix::unistd::geteuid().as_raw();
    if metadata.uid() != us {
        let owner = metadata.uid();
        return Err(FolderError::OtherOwner {
            path: path.to_owned(),
            owner,
            us,
        });
    }
    if metadata.is_symlink() || metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(FolderError::io("take other users' access from", path))?;
    findings.push(Finding {
        what: path.display().to_string(),
        problem: format!(
            "other users of this machine could reach it (mode {:o})",
            metadata.mode() & 0o777
        ),
        remedy: format!("nothing to do: it is now {mode:o}; find out which program changed it"),
    });
    Ok(())
}

fn tighten_files(dir: &Path, findings: &mut Vec<Finding>) -> Result<(), FolderError> {
    for entry in fs::read_dir(dir).map_err(FolderError::io("list", dir))? {
        let entry = entry.map_err(FolderError::io("list", dir))?;
        // The control socket's folder may be open to a group on purpose.
        if entry.file_name() == "run" {
            continue;
        }
        let path = entry.path();
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        tighten(&path, mode, findings)?;
    }
    Ok(())
}

/// The kernel drops the lock with the process, so a stale file never locks anyone out. A process that was killed while
/// it started another leaves the lock with that one until it runs its own program: so long it is waited for.
fn take_lock(dir: &Path) -> Result<Flock<File>, FolderError> {
    let path = dir.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(FolderError::io("open", &path))?;
    let mut left = LOCK_TRIES;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(mut lock) => {
                write_pid(&mut lock).map_err(FolderError::io("write", &path))?;
                return Ok(lock);
            }
            Err((held, _)) => file = held,
        }
        let pid = read_pid(&mut file);
        left -= 1;
        if left == 0 || pid == 0 || Path::new("/proc").join(pid.to_string()).exists() {
            return Err(FolderError::Held {
                path: dir.to_owned(),
                pid,
            });
        }
        thread::sleep(LOCK_PAUSE);
    }
}

/// Who wrote it last; 0 when it can't be read.
fn read_pid(file: &mut File) -> u32 {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    read.ok().and_then(|_| text.trim().parse().ok()).unwrap_or(0)
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn check_version(dir: &Path) -> Result<(), FolderError> {
    let path = dir.join(VERSION_NAME);
    let bytes = read_if_there(&path, 64).map_err(FolderError::io("read", &path))?;
    let Some(bytes) = bytes else {
        let text = format!("{VERSION_PREFIX}{VERSION}\n");
        return write_atomically(&path, text.as_bytes(), 0o600).map_err(FolderError::io("write", &path));
    };
    let number = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_prefix(VERSION_PREFIX));
    let found = number.and_then(|number| number.strip_suffix('\n')?.parse::<u32>().ok());
    match found {
        Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(FolderError::Newer {
            path: dir.to_owned(),
            found,
        }),
        _ => Err(FolderError::Damaged {
            path,
            problem: "it does not say \"pocketai 1\"",
        }),
    }
}
