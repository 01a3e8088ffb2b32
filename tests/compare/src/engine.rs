//! The stores, each as durable as it can be asked to be: what `put` has returned from must survive a power cut.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use pocket_core::audit::{Chain, Outcome};
use pocket_core::{Category, Entry, OperationKind, Record, Timestamp, decide_own};
use pocket_crypto::{Key, Keyring, Unlocked};
use pocket_store::{Changes, Folder, KEY_CODES, KeySet, Store};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use rusqlite::{Connection, OptionalExtension, params};

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");
/// Each store may hold so much in memory.
const CACHE: usize = 8 << 20;

/// Which store.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Which {
    /// Ours: sealed, with the audit entry and the head of each change.
    Pocket,
    /// sled, and nothing but what its documentation says makes it durable: `flush`.
    Sled,
    /// sled, with an `fdatasync` of its log behind each flush.
    SledSynced,
    /// redb, `Durability::Immediate`.
    Redb,
    /// SQLCipher, write-ahead log, `synchronous=FULL`.
    SqlCipher,
}

impl Which {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pocket,
        Self::Sled,
        Self::SledSynced,
        Self::Redb,
        Self::SqlCipher,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pocket => "pocket-store",
            Self::Sled => "sled",
            Self::SledSynced => "sled+fdatasync",
            Self::Redb => "redb",
            Self::SqlCipher => "sqlcipher",
        }
    }

    pub(crate) fn open(self, folder: &Path) -> Result<Box<dyn Engine>> {
        std::fs::create_dir_all(folder)?;
        Ok(match self {
            Self::Pocket => Box::new(Pocket::open(folder)?),
            Self::Sled => Box::new(Sled::open(folder, false)?),
            Self::SledSynced => Box::new(Sled::open(folder, true)?),
            Self::Redb => Box::new(Redb::open(folder)?),
            Self::SqlCipher => Box::new(SqlCipher::open(folder)?),
        })
    }
}

/// A store of records by id.
pub(crate) trait Engine {
    /// Puts all of them, or none; they are on the disk when it returns.
    fn put(&mut self, entries: &[Entry]) -> Result<()>;
    /// A record by its id.
    fn get(&self, id: &[u8; 16]) -> Result<Option<Record>>;
    /// All records, in any order.
    fn scan(&self, visit: &mut dyn FnMut([u8; 16], Record)) -> Result<()>;
    /// What it says itself is damaged, once it has looked at everything.
    fn damage(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

fn encode(entry: &Entry) -> Vec<u8> {
    postcard::to_stdvec(entry.content.record()).expect("into memory")
}

fn decode(bytes: &[u8]) -> Result<Record> {
    postcard::from_bytes(bytes).context("not as it was put")
}

fn key(bytes: &[u8]) -> Result<[u8; 16]> {
    bytes.try_into().context("a key of another length")
}

struct Pocket {
    store: Store,
    _folder: Folder,
    findings: Vec<String>,
}

impl Pocket {
    fn open(path: &Path) -> Result<Self> {
        let folder = Folder::open(path)?;
        let opened = Store::open(&folder, KeySet::new(&ring(&folder)?)?)?;
        let findings = opened
            .findings
            .iter()
            .map(|finding| finding.what.clone())
            .collect();
        Ok(Self {
            store: opened.store,
            _folder: folder,
            findings,
        })
    }
}

/// The ring that lies in the folder; made and written where there is none.
fn ring(folder: &Folder) -> Result<Unlocked> {
    let device = Key::from_bytes([1; 32]);
    if let Some(read) = folder.read_keyring()? {
        return Ok(read.keyring.unlock_device(&device)?);
    }
    let mut rng = rand::rng();
    let mut ring = Keyring::create(&mut rng, &KEY_CODES);
    ring.set_device(&mut rng, &device);
    folder.write_keyring(&ring.to_keyring(&mut rng)?)?;
    Ok(ring)
}

impl Engine for Pocket {
    fn put(&mut self, entries: &[Entry]) -> Result<()> {
        let changes = entries
            .iter()
            .fold(Changes::new(), |changes, entry| changes.put(entry.clone(), None));
        let permit = decide_own(OperationKind::Purge).map_err(|_| anyhow!("the device may not purge"))?;
        let chain = Chain::new(self.store.audit_head(), self.store.audit_mac());
        let draft = chain.draft(permit, &[], Outcome::Done, Timestamp::default());
        let _recorded = self.store.apply(draft, changes)?;
        self.store.sync()?;
        Ok(())
    }

    fn get(&self, id: &[u8; 16]) -> Result<Option<Record>> {
        let entry = self
            .store
            .get(Category::Memory, pocket_core::RecordId::from_bytes(*id))?;
        Ok(entry.map(|entry| entry.content.into_record()))
    }

    fn scan(&self, visit: &mut dyn FnMut([u8; 16], Record)) -> Result<()> {
        self.store.scan(Category::Memory, &mut |entry| {
            visit(*entry.id.as_bytes(), entry.content.into_record());
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    fn damage(&mut self) -> Result<Vec<String>> {
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(
            self.store
                .scrub()?
                .findings
                .into_iter()
                .map(|finding| finding.what),
        );
        Ok(findings)
    }
}

struct Sled {
    db: sled::Db,
    log: Option<File>,
}

impl Sled {
    fn open(folder: &Path, synced: bool) -> Result<Self> {
        let config = sled::Config::default().path(folder).mode(sled::Mode::LowSpace);
        let db = config.cache_capacity(CACHE as u64).flush_every_ms(None).open()?;
        let log = synced.then(|| File::open(folder.join("db"))).transpose()?;
        Ok(Self { db, log })
    }
}

impl Engine for Sled {
    fn put(&mut self, entries: &[Entry]) -> Result<()> {
        let mut batch = sled::Batch::default();
        for entry in entries {
            batch.insert(entry.id.as_bytes(), encode(entry));
        }
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        if let Some(log) = &self.log {
            log.sync_data()?;
        }
        Ok(())
    }

    fn get(&self, id: &[u8; 16]) -> Result<Option<Record>> {
        self.db.get(id)?.map(|bytes| decode(&bytes)).transpose()
    }

    fn scan(&self, visit: &mut dyn FnMut([u8; 16], Record)) -> Result<()> {
        for item in self.db.iter() {
            let (id, bytes) = item?;
            visit(key(&id)?, decode(&bytes)?);
        }
        Ok(())
    }
}

struct Redb(redb::Database);

impl Redb {
    fn open(folder: &Path) -> Result<Self> {
        let db = redb::Builder::new()
            .set_cache_size(CACHE)
            .create(folder.join("db.redb"))?;
        let write = db.begin_write()?;
        write.open_table(TABLE)?;
        write.commit()?;
        Ok(Self(db))
    }
}

impl Engine for Redb {
    fn put(&mut self, entries: &[Entry]) -> Result<()> {
        let mut write = self.0.begin_write()?;
        write.set_durability(redb::Durability::Immediate)?;
        {
            let mut table = write.open_table(TABLE)?;
            for entry in entries {
                table.insert(entry.id.as_bytes().as_slice(), encode(entry).as_slice())?;
            }
        }
        write.commit()?;
        Ok(())
    }

    fn get(&self, id: &[u8; 16]) -> Result<Option<Record>> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let found = table.get(id.as_slice())?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    fn scan(&self, visit: &mut dyn FnMut([u8; 16], Record)) -> Result<()> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        for item in table.iter()? {
            let (id, bytes) = item?;
            visit(key(id.value())?, decode(bytes.value())?);
        }
        Ok(())
    }

    fn damage(&mut self) -> Result<Vec<String>> {
        let whole = self.0.check_integrity()?;
        Ok((!whole)
            .then(|| "check_integrity".to_owned())
            .into_iter()
            .collect())
    }
}

struct SqlCipher(Connection);

impl SqlCipher {
    fn open(folder: &Path) -> Result<Self> {
        let db = Connection::open(folder.join("db.sqlite"))?;
        // A raw key: how slowly a passphrase is hashed is not what is compared.
        db.execute_batch(&format!("PRAGMA key = \"x'{}'\";", "01".repeat(32)))?;
        db.execute_batch(&format!("PRAGMA cache_size = -{};", CACHE / 1024))?;
        let mode: String = db.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        anyhow::ensure!(mode == "wal", "no write-ahead log: {mode}");
        db.execute_batch(
            "PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS records (id BLOB PRIMARY KEY, record BLOB NOT NULL) WITHOUT ROWID;",
        )?;
        let version: String = db.query_row("PRAGMA cipher_version", [], |row| row.get(0))?;
        anyhow::ensure!(!version.is_empty(), "this SQLite does not encrypt");
        Ok(Self(db))
    }
}

impl Engine for SqlCipher {
    fn put(&mut self, entries: &[Entry]) -> Result<()> {
        let change = self.0.transaction()?;
        {
            let mut put = change.prepare_cached("INSERT OR REPLACE INTO records VALUES (?1, ?2)")?;
            for entry in entries {
                put.execute(params![entry.id.as_bytes().as_slice(), encode(entry)])?;
            }
        }
        change.commit()?;
        Ok(())
    }

    fn get(&self, id: &[u8; 16]) -> Result<Option<Record>> {
        let mut get = self
            .0
            .prepare_cached("SELECT record FROM records WHERE id = ?1")?;
        let found: Option<Vec<u8>> = get
            .query_row(params![id.as_slice()], |row| row.get(0))
            .optional()?;
        found.map(|bytes| decode(&bytes)).transpose()
    }

    fn scan(&self, visit: &mut dyn FnMut([u8; 16], Record)) -> Result<()> {
        let mut all = self.0.prepare_cached("SELECT id, record FROM records")?;
        let mut rows = all.query([])?;
        while let Some(row) = rows.next()? {
            let (id, bytes): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            visit(key(&id)?, decode(&bytes)?);
        }
        Ok(())
    }

    fn damage(&mut self) -> Result<Vec<String>> {
        let found: String = self.0.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        Ok((found != "ok").then_some(found).into_iter().collect())
    }
}
