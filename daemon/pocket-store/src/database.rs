//! sled, opened and written by the rules of `docs/design/0001-store.md`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use pocket_core::Finding;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Db, Mode, Transactional, Tree};

use crate::StoreError;
use crate::ahead::Ahead;
use crate::atomic::{remove_durably, sync_folder, sync_folder_of};
use crate::space::{Space, TO_OPEN, free_bytes};

/// The folder's name.
pub(crate) const DB: &str = "db";
/// Copies of a store that did not open: `db.damaged-1` and so on.
pub(crate) const DAMAGED: &str = "db.damaged-";
/// More copies than this would fill the card; the first ones are the most telling.
const MOST_COPIES: u32 = 3;
/// A million records open in 0.6 s on the build machine; a board is some twenty times slower.
const OPEN_LIMIT: Duration = Duration::from_secs(120);
/// Five seconds in all for sled to let go of its own lock; ours is held before.
const LOCK_TRIES: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// 500 MB resident with sled's default.
const CACHE: u64 = 8 * 1024 * 1024;
/// Most bytes given to sled between two syncs. It writes several times as much, and frees old segments
/// meanwhile: the less of that is not on the disk yet, the less a power cut can tear.
const WINDOW: u64 = 256 * 1024;

/// The open database.
pub(crate) struct Database {
    db: Db,
    /// A handle of sled's own log, for the sync that sled does not do.
    log: File,
    path: PathBuf,
    ahead: Ahead,
    /// Bytes given to sled since the last sync.
    pending: u64,
    /// Goes after `db`.
    _last: Last<Db>,
}

/// The last handle of a store. With it sled syncs its log once more, and panics where the disk fails at that: a
/// failed write must not take whoever closes the store along.
struct Last<T>(Option<T>);

impl<T> Drop for Last<T> {
    fn drop(&mut self) {
        let handle = self.0.take();
        // It is in the journal by then, and the next open looks at what is there.
        drop(catch_unwind(AssertUnwindSafe(|| drop(handle))));
    }
}

/// The writes of one commit on one tree; `None` removes.
pub(crate) struct TreeWrites {
    pub(crate) tree: Tree,
    pub(crate) writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl TreeWrites {
    fn bytes(&self) -> u64 {
        let length = |(key, value): &(Vec<u8>, Option<Vec<u8>>)| {
            (key.len() + value.as_ref().map_or(0, Vec::len)) as u64
        };
        self.writes.iter().map(length).sum()
    }
}

pub(crate) enum Failure {
    Broke(String),
    TimedOut,
}

impl Database {
    /// Opens the database in the data folder `root`, or makes it. Each step that had to be taken on
    /// the way is told.
    pub(crate) fn open(root: &Path, findings: &mut Vec<Finding>) -> Result<Self, StoreError> {
        let path = root.join(DB);
        remove_half_snapshots(&path).map_err(StoreError::io("tidy", &path))?;
        let db = match open_when_released(&path) {
            Ok(db) => db,
            Err(Failure::TimedOut) => {
                return Err(StoreError::TimedOut {
                    seconds: OPEN_LIMIT.as_secs(),
                });
            }
            Err(Failure::Broke(problem)) => reopen(root, &path, &problem, findings)?,
        };
        let log_path = path.join("db");
        let log = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&log_path)
            .map_err(StoreError::io("open", &log_path))?;
        let ahead = Ahead::make(&log, &path).map_err(StoreError::io("make room in", &log_path))?;
        for folder in [&path, root] {
            sync_folder(folder).map_err(StoreError::io("sync", folder))?;
        }
        sync_folder_of(root).map_err(StoreError::io("sync the parent of", root))?;
        let last = Last(Some(db.clone()));
        Ok(Self {
            db,
            log,
            path,
            ahead,
            pending: 0,
            _last: last,
        })
    }

    /// The tree of that name, made if need be.
    pub(crate) fn tree(&self, name: &[u8; 16]) -> Result<Tree, StoreError> {
        guarded("open a tree", || self.db.open_tree(name))
    }

    /// Drops every tree whose name is not in `keep`. Gives how many.
    pub(crate) fn drop_others(&self, keep: &[[u8; 16]]) -> Result<usize, StoreError> {
        let others = self.others(keep);
        for name in &others {
            guarded("drop a tree", || self.db.drop_tree(name))?;
        }
        Ok(others.len())
    }

    /// Whether there are trees whose name is not in `known`.
    pub(crate) fn has_others(&self, known: &[[u8; 16]]) -> bool {
        !self.others(known).is_empty()
    }

    fn others(&self, known: &[[u8; 16]]) -> Vec<sled::IVec> {
        // sled's own first tree is always there; nothing is kept in it.
        let ours = |name: &sled::IVec| {
            name == b"__sled__default" || known.iter().any(|tree| name == tree.as_slice())
        };
        self.db
            .tree_names()
            .into_iter()
            .filter(|name| !ours(name))
            .collect()
    }

    /// Writes to several trees at once: after a crash all of it is there, or none.
    pub(crate) fn commit(&mut self, all: &[TreeWrites]) -> Result<(), StoreError> {
        let bytes = all.iter().map(TreeWrites::bytes).sum();
        if self.pending > 0 && self.pending.saturating_add(bytes) > WINDOW {
            self.sync()?;
        }
        self.pending = self.pending.saturating_add(bytes);
        let trees: Vec<Tree> = all.iter().map(|writes| writes.tree.clone()).collect();
        let run = || {
            trees.as_slice().transaction(|views| {
                for (view, writes) in views.iter().zip(all) {
                    for (key, value) in &writes.writes {
                        match value {
                            Some(value) => view.insert(key.as_slice(), value.as_slice())?,
                            None => view.remove(key.as_slice())?,
                        };
                    }
                }
                Ok::<(), ConflictableTransactionError<()>>(())
            })
        };
        let attempted = "write a change";
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(TransactionError::Storage(error))) => Err(engine(attempted)(error)),
            Ok(Err(TransactionError::Abort(()))) => Err(StoreError::Panicked { attempted }),
            Err(_) => Err(StoreError::Panicked { attempted }),
        }
    }

    /// Brings everything written so far to the disk: sled's flush, and then the fdatasync that sled
    /// leaves out (without it, 118 of 250 simulated power cuts lost acknowledged writes).
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        guarded("flush", || self.db.flush())?;
        let synced = self.log.sync_data();
        synced.map_err(StoreError::io("sync", &self.path))?;
        self.pending = 0;
        // Without room sled still works, less safely; a disk that fails says so at the next sync.
        drop(self.ahead.renew(&self.log, &self.path));
        Ok(())
    }

    /// Length of sled's log in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.log.metadata().map_or(0, |metadata| metadata.len())
    }
}

/// Runs a call into sled, which on damaged files panics as often as it reports an error.
pub(crate) fn guarded<T>(
    attempted: &'static str,
    run: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(engine(attempted)),
        Err(_) => Err(StoreError::Panicked { attempted }),
    }
}

pub(crate) fn engine(attempted: &'static str) -> impl FnOnce(sled::Error) -> StoreError {
    move |error| StoreError::Engine {
        attempted,
        source: Box::new(error),
    }
}

/// sled's threads may hold its lock for a moment after the last handle was dropped: seen when a store
/// is opened again at once on a busy machine. That is no damage, so it is waited for.
pub(crate) fn open_when_released(path: &Path) -> Result<Db, Failure> {
    for _ in 0..LOCK_TRIES {
        match try_open(path) {
            Err(Failure::Broke(problem)) if problem.contains("acquire lock") => thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    Err(Failure::TimedOut)
}

/// In a thread of its own, so that an endless loop over damaged pages does not hang the device.
fn try_open(path: &Path) -> Result<Db, Failure> {
    let (report, result) = mpsc::sync_channel(1);
    let config = sled::Config::default()
        .path(path)
        .mode(Mode::LowSpace)
        .cache_capacity(CACHE)
        // The background flusher rewrites a store that holds garbage at 1 MB/s for ever.
        .flush_every_ms(None);
    let open = move || {
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        // Nobody listens any more once the time is over.
        drop(report.send(opened));
    };
    let spawned = thread::Builder::new().name("store-open".to_owned()).spawn(open);
    spawned.map_err(|error| Failure::Broke(error.to_string()))?;
    match result.recv_timeout(OPEN_LIMIT) {
        Ok(Ok(Ok(db))) => Ok(db),
        Ok(Ok(Err(error))) => Err(Failure::Broke(error.to_string())),
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Failure::Broke("sled panicked".to_owned()))
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Err(Failure::TimedOut),
    }
}

/// A store that did not open: the folder is copied aside first, and kept. Then sled's parameters,
/// which it writes anew, and its snapshots, which only save it time, are taken away.
fn reopen(root: &Path, path: &Path, problem: &str, findings: &mut Vec<Finding>) -> Result<Db, StoreError> {
    let space = free_bytes(root).map_err(StoreError::io("measure the free space of", root))?;
    if space < TO_OPEN {
        return open_on_full_disk(path, space);
    }
    let aside = copy_aside(root, path, problem)?;
    let mut tell = |remedy: String| {
        findings.push(Finding {
            what: "store".to_owned(),
            problem: format!("it did not open: {problem}"),
            remedy,
        });
    };
    remove_matching(path, |name| name == "conf").map_err(StoreError::io("tidy", path))?;
    if let Ok(db) = open_when_released(path) {
        tell(format!(
            "nothing to do: its parameters were damaged and were written again; a copy of the old is in {}",
            aside.display()
        ));
        return Ok(db);
    }
    remove_matching(path, |name| name == "conf" || name.starts_with("snap."))
        .map_err(StoreError::io("tidy", path))?;
    let db = open_when_released(path).map_err(|_| StoreError::Damaged {
        what: format!("the store {}", path.display()),
        problem: format!(
            "it does not open ({problem}), not even without its snapshot; a copy is in {}",
            aside.display()
        ),
    })?;
    tell(format!(
        "it opened without its snapshot; check what is missing; a copy of the old is in {}",
        aside.display()
    ));
    Ok(db)
}

/// sled wants a little room to open, and there is none: what was kept ahead of its log is given back.
/// That is no damage, so nothing is copied or taken away.
fn open_on_full_disk(path: &Path, free: u64) -> Result<Db, StoreError> {
    let log_path = path.join("db");
    let log = OpenOptions::new().read(true).write(true).open(&log_path);
    log.and_then(|log| Ahead::give_back(&log))
        .map_err(StoreError::io("make room in", &log_path))?;
    remove_half_snapshots(path).map_err(StoreError::io("tidy", path))?;
    open_when_released(path).map_err(|_| {
        StoreError::Full(Space {
            free,
            needed: TO_OPEN,
        })
    })
}

fn copy_aside(root: &Path, path: &Path, problem: &str) -> Result<PathBuf, StoreError> {
    let free = (1..=MOST_COPIES)
        .map(|number| root.join(format!("{DAMAGED}{number}")))
        .find(|path| !path.exists());
    let Some(aside) = free else {
        return Err(StoreError::Damaged {
            what: format!("the store {}", path.display()),
            problem: format!("it does not open ({problem}), and {MOST_COPIES} copies of it are kept already"),
        });
    };
    let part = aside.with_extension("part");
    copy_folder(path, &part)
        .and_then(|()| fs::rename(&part, &aside))
        .and_then(|()| sync_folder(root))
        .map_err(StoreError::io("copy the store to", &aside))?;
    Ok(aside)
}

/// sled's folder is flat but for `blobs`, which stays empty.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let copy = to.join(entry.file_name());
            fs::copy(entry.path(), &copy)?;
            File::open(&copy)?.sync_all()?;
        }
    }
    sync_folder(to)
}

/// A snapshot half written makes sled fail to open for ever (sled #1527, #1533).
fn remove_half_snapshots(path: &Path) -> io::Result<()> {
    remove_matching(path, |name| {
        name.starts_with("snap.") && name.ends_with(".generating")
    })
}

fn remove_matching(path: &Path, matches: impl Fn(&str) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&matches) {
            remove_durably(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Breaks;

    impl Drop for Breaks {
        fn drop(&mut self) {
            panic!("on purpose, as sled where the last sync fails");
        }
    }

    #[test]
    fn to_close_a_store_whose_disk_fails_takes_nobody_along() {
        drop(Last(Some(Breaks)));
    }
}
