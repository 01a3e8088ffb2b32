//! Opening: everything is read once and compared with what must be there.

use std::collections::BTreeMap;
use std::path::Path;

use pocket_core::{Category, Finding, audit};

use crate::blob::{self, BLOBS, Inventory};
use crate::commit::{Stage, head_key, read_row};
use crate::database::Database;
use crate::heads::{self, HEADS, Head, HeadFile, Outside, ShelfHead};
use crate::keys::{KeySet, SYSTEM};
use crate::scan::{Scan, scan};
use crate::shelf::{Shelf, name_of};
use crate::space::Ballast;
use crate::{Folder, Opened, Store, StoreError};

impl Store {
    /// Opens the store of `folder`, or makes it. Reads every row and compares what is there with the
    /// heads inside and beside the database. Damage is a finding, not an error: the categories that are
    /// whole can be used, the others say so ([`Store::whole`]).
    ///
    /// # Errors
    /// When nothing can be used at all: [`StoreError::Damaged`], [`StoreError::TimedOut`],
    /// [`StoreError::Newer`], [`StoreError::Io`]. The folder is then as it was, with a copy beside it.
    pub fn open(folder: &Folder, keys: KeySet) -> Result<Opened, StoreError> {
        Self::open_while(folder, keys, &mut || true)
    }

    /// The same, given up as soon as `wanted` says so: asked after each row.
    ///
    /// # Errors
    /// [`StoreError::GivenUp`]; else as [`Store::open`].
    pub fn open_while(
        folder: &Folder,
        keys: KeySet,
        wanted: &mut dyn FnMut() -> bool,
    ) -> Result<Opened, StoreError> {
        let root = folder.path();
        let ballast_path = root.join("ballast");
        let ballast =
            Ballast::find(ballast_path.clone()).map_err(StoreError::io("examine", &ballast_path))?;
        let mut findings = Vec::new();
        let database = Database::open(root, &mut findings)?;
        let found = Found::read(root, &keys, &database, &mut findings, wanted)?;
        let mut store = found.into_store(root, keys, database, ballast)?;
        findings.extend(store.shelves.values().filter_map(|shelf| shelf.finding.clone()));
        store.settle()?;
        Ok(Opened { store, findings })
    }

    /// Brings the heads up to date with what was found, so that the next cut finds both.
    fn settle(&mut self) -> Result<(), StoreError> {
        let plan = Stage::new(self).finish();
        self.write(plan)?;
        self.sync()?;
        self.tick()
    }
}

/// What opening found.
struct Found {
    scans: BTreeMap<u8, (sled::Tree, Scan)>,
    /// What must be there; `None` when no head can be read.
    head: Option<Head>,
    slot: u64,
    inventory: Inventory,
    /// The heads are there and agree with the keyring: what is unknown is left over, not lost.
    heads_trusted: bool,
}

impl Found {
    fn read(
        root: &Path,
        keys: &KeySet,
        database: &Database,
        findings: &mut Vec<Finding>,
        wanted: &mut dyn FnMut() -> bool,
    ) -> Result<Self, StoreError> {
        let blobs = root.join(BLOBS);
        let inventory = blob::inventory(&blobs).map_err(StoreError::io("list", &blobs))?;
        let mut scans = BTreeMap::new();
        for shelf in keys.shelves() {
            let tree = database.tree(&shelf.tree)?;
            let result = scan(&tree, shelf, Some(&inventory), wanted)?;
            scans.insert(shelf.code, (tree, result));
        }
        let heads_path = root.join(HEADS);
        let (outside, slot) =
            heads::read(&heads_path, &keys.heads).map_err(StoreError::io("read", &heads_path))?;
        let inside = read_inside(&scans[&SYSTEM].0, keys)?;
        let nothing = |scan: &Scan| scan.head.rows == 0 && scan.broken.is_empty() && scan.cut_short.is_none();
        let untouched = scans.values().all(|(_, scan)| nothing(scan));
        let (head, heads_trusted) = match reconcile(inside, outside, untouched, findings)? {
            Reference::Fresh if database.has_others(&trees(keys)) => return Err(not_these_keys()),
            Reference::Fresh => (Some(Head::default()), false),
            Reference::Head { head, inside } => (Some(head), inside),
            Reference::None => (None, false),
        };
        Ok(Self {
            scans,
            head,
            slot,
            inventory,
            heads_trusted,
        })
    }

    fn into_store(
        mut self,
        root: &Path,
        keys: KeySet,
        database: Database,
        ballast: Ballast,
    ) -> Result<Store, StoreError> {
        let known = self.head.is_some();
        let mut head = self.head.take().unwrap_or_default();
        let mut rolled_back = false;
        let mut shelves = BTreeMap::new();
        for (code, (tree, scan)) in &mut self.scans {
            let generation = keys.shelf(*code).generation;
            let expected = expected(&head, *code, generation);
            let foreign = expected.generation != generation;
            rolled_back |= foreign;
            head.set_only_shelf(expected);
            let finding = if foreign && expected.rows > 0 {
                Some(other_time_finding(*code))
            } else if known {
                scan.judge(&expected).or_else(|| judge_audit(*code, scan, &head))
            } else {
                Some(unknown_finding(*code))
            };
            let index = std::mem::take(&mut scan.index);
            shelves.insert(
                *code,
                Shelf {
                    tree: tree.clone(),
                    index,
                    finding,
                    version: 0,
                    records_version: 0,
                },
            );
        }
        let tidy = self.heads_trusted && !rolled_back;
        if tidy {
            database.drop_others(&trees(&keys))?;
        }
        // What looks like an orphan may belong to a record that could not be read.
        if tidy && shelves.values().all(|shelf| shelf.finding.is_none()) {
            self.remove_orphans(&root.join(BLOBS))?;
        }
        let heads_path = root.join(HEADS);
        let head_file =
            HeadFile::open(&heads_path, self.slot).map_err(StoreError::io("open", &heads_path))?;
        Ok(Store {
            root: root.to_owned(),
            keys,
            shelves,
            head,
            database,
            head_file,
            ballast,
            doomed: Vec::new(),
            unsynced: false,
            poisoned: false,
            scrub: None,
            rekey: None,
        })
    }

    /// Unfinished files, and whole ones that nothing names.
    fn remove_orphans(&self, blobs: &Path) -> Result<(), StoreError> {
        let remove = StoreError::io("remove a file from", blobs);
        let named = |name: &[u8; 32]| self.scans.values().any(|(_, scan)| scan.named.contains(name));
        let orphans = self.inventory.whole.keys().filter(|name| !named(name));
        let parts = self.inventory.parts.iter().try_for_each(std::fs::remove_file);
        let removed = parts.and_then(|()| {
            orphans
                .into_iter()
                .try_for_each(|name| blob::remove_lazily(blobs, name))
        });
        removed.map_err(remove)
    }
}

/// What a shelf must hold in the generation that the keyring names. Where the head does not know that
/// generation, what it must hold in another: then keyring and store are not of the same time.
fn expected(head: &Head, code: u8, generation: u32) -> ShelfHead {
    // A re-keying or an erase that was cut left two generations: before the keyring was written the old
    // one counts, and after it the new one.
    head.shelf(code, generation)
        .or_else(|| head.newest(code))
        .unwrap_or_else(|| ShelfHead::empty(code, generation))
}

fn other_time_finding(code: u8) -> Finding {
    Finding {
        what: name_of(code).to_owned(),
        problem: "the keyring and the store are not of the same time: its keys are those of another state"
            .to_owned(),
        remedy: "put the keyring or the store of the same time back; nothing was dropped".to_owned(),
    }
}

fn trees(keys: &KeySet) -> Vec<[u8; 16]> {
    keys.shelves().map(|shelf| shelf.tree).collect()
}

fn not_these_keys() -> StoreError {
    StoreError::damaged("the store", "it holds data that does not belong to these keys")
}

/// The head in the database: `Err` inside when it is there and can't be read.
fn read_inside(tree: &sled::Tree, keys: &KeySet) -> Result<Result<Option<Head>, StoreError>, StoreError> {
    let keys = keys.shelf(SYSTEM);
    let key = head_key(keys);
    let row = match read_row(tree, keys, &key) {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(Ok(None)),
        Err(error) => return Ok(Err(error)),
    };
    let opened = row.open(keys, &key);
    let known = crate::row::Kind::Head.schema();
    match opened {
        Ok(_) if row.schema > known => Err(StoreError::Newer {
            what: "the store".to_owned(),
            found: row.schema,
            known,
        }),
        Ok(plain) => Ok(Head::decode(&plain)
            .map(Some)
            .ok_or_else(|| StoreError::damaged("the head", "it is malformed"))),
        Err(error) => Ok(Err(StoreError::damaged("the head", error))),
    }
}

/// What must be there, by the heads.
enum Reference {
    /// A store that is being made.
    Fresh,
    /// The newer head that can be read, and whether it is the one inside: then it is the last.
    Head { head: Head, inside: bool },
    /// No head can be read, but there is data.
    None,
}

/// Compares the heads, and tells what is wrong with them.
fn reconcile(
    inside: Result<Option<Head>, StoreError>,
    outside: Outside,
    untouched: bool,
    findings: &mut Vec<Finding>,
) -> Result<Reference, StoreError> {
    let inside = match inside {
        Ok(None) if untouched && matches!(outside, Outside::Blank | Outside::Missing) => {
            return Ok(Reference::Fresh);
        }
        Ok(None) => Err("its own head is missing".to_owned()),
        Ok(Some(head)) => Ok(head),
        Err(error) => Err(format!("its own head can't be read: {error}")),
    };
    let outside = match outside {
        Outside::Newer(found) => {
            return Err(StoreError::Newer {
                what: HEADS.to_owned(),
                found,
                known: heads::VERSION,
            });
        }
        Outside::Head(head) => Ok(*head),
        Outside::Blank | Outside::Damaged => Err("it is damaged"),
        Outside::Missing => Err("it is missing"),
    };
    if let Err(problem) = &inside {
        findings.push(head_finding("store", problem.clone()));
    }
    if let Err(problem) = outside {
        findings.push(head_finding(HEADS, format!("{problem}; it was written again")));
    }
    Ok(match (inside, outside) {
        (Ok(inside), Ok(outside)) if outside.commit > inside.commit => {
            let lost = outside.commit - inside.commit;
            findings.push(head_finding(
                "store",
                format!("the last {lost} commits are missing from it"),
            ));
            Reference::Head {
                head: outside,
                inside: false,
            }
        }
        (Ok(head), _) => Reference::Head { head, inside: true },
        (Err(_), Ok(head)) => Reference::Head { head, inside: false },
        // Nothing opens: these may be another device's keys, and then nothing must be written.
        (Err(problem), Err(_)) if untouched => {
            return Err(StoreError::Damaged {
                what: "the store".to_owned(),
                problem: format!("{problem}, and nothing in it opens with these keys"),
            });
        }
        (Err(_), Err(_)) => Reference::None,
    })
}

fn head_finding(what: &str, problem: String) -> Finding {
    Finding {
        what: what.to_owned(),
        problem,
        remedy: "categories that are not named as well are whole; restore a backup for those that are"
            .to_owned(),
    }
}

/// Without a head nothing says what is missing.
fn unknown_finding(code: u8) -> Finding {
    Finding {
        what: name_of(code).to_owned(),
        problem: "nothing says any more how much it must hold".to_owned(),
        remedy: "restore a backup, or look through it and accept what is there".to_owned(),
    }
}

/// The log must end where the head says that it ends.
fn judge_audit(code: u8, scan: &Scan, head: &Head) -> Option<Finding> {
    let last = scan.last.unwrap_or_default();
    if code != Category::Audit.code() || last == head.audit() {
        return None;
    }
    Some(audit_finding(last, head.audit()))
}

fn audit_finding(last: audit::Head, head: audit::Head) -> Finding {
    Finding {
        what: Category::Audit.name().to_owned(),
        problem: format!(
            "it ends at entry {} and must end at entry {}",
            last.sequence, head.sequence
        ),
        remedy: "restore a backup, or accept the loss: the gap stays visible when the log is verified"
            .to_owned(),
    }
}
