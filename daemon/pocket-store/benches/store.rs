//! Sealed against raw: what the sealing, the heads and the audit log cost beside sled used as durably.
//! Both sides run in turns in one process on one disk; only the ratios mean something.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use pocket_core::audit::{Chain, Outcome};
use pocket_core::{
    Category, Content, Entry, Memory, OperationKind, Origin, Record, RecordId, Timestamp, decide_own,
};
use pocket_crypto::{Key, Keyring};
use pocket_store::{Changes, Folder, KEY_CODES, KeySet, Store};

/// Single durable puts a round.
const SINGLE: u32 = 200;
/// Groups a round.
const GROUPS: u32 = 20;
/// Records a group.
const GROUP: u32 = 100;
const GETS: u32 = 20_000;
const ROUNDS: usize = 5;
/// Bytes of text in a record: a memory fact.
const TEXT: usize = 200;

struct Raw {
    db: sled::Db,
    log: File,
}

/// Rates of one side, in operations a second.
#[derive(Default)]
struct Rates {
    single: Vec<f64>,
    grouped: Vec<f64>,
    get: Vec<f64>,
    scan: Vec<f64>,
}

fn main() {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let raw = Raw::open(&dir.path().join("raw"));
    let mut store = open(&dir.path().join("sealed"));
    let (mut plain, mut sealed) = (Rates::default(), Rates::default());
    let mut next = 0;
    for _ in 0..ROUNDS {
        plain
            .single
            .push(rate(SINGLE, || (0..SINGLE).for_each(|at| raw.put(next + at, 1))));
        sealed.single.push(rate(SINGLE, || {
            (0..SINGLE).for_each(|at| put(&mut store, next + at, 1))
        }));
        next += SINGLE;
        let count = GROUPS * GROUP;
        plain.grouped.push(rate(count, || {
            (0..GROUPS).for_each(|at| raw.put(next + at * GROUP, GROUP))
        }));
        sealed.grouped.push(rate(count, || {
            (0..GROUPS).for_each(|at| put(&mut store, next + at * GROUP, GROUP))
        }));
        next += count;
        plain.get.push(rate(GETS, || raw.gets(next)));
        sealed.get.push(rate(GETS, || gets(&store, next)));
        plain.scan.push(rate(next, || raw.scan()));
        sealed.scan.push(rate(next, || scan(&store, next)));
    }
    println!("{TEXT} B of text, medians of {ROUNDS} rounds, {next} records at the end");
    line("durable put", &plain.single, &sealed.single);
    line("durable put, groups of 100", &plain.grouped, &sealed.grouped);
    line("get", &plain.get, &sealed.get);
    line("scan", &plain.scan, &sealed.scan);
}

fn line(what: &str, raw: &[f64], sealed: &[f64]) {
    let (raw, sealed) = (median(raw), median(sealed));
    println!(
        "{what:<28} raw {raw:>10.0}/s  sealed {sealed:>10.0}/s  ratio {:.2}",
        sealed / raw
    );
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn rate(count: u32, run: impl FnOnce()) -> f64 {
    let start = Instant::now();
    run();
    f64::from(count) / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}

impl Raw {
    fn open(path: &Path) -> Self {
        let config = sled::Config::default().path(path).mode(sled::Mode::LowSpace);
        let db = config
            .cache_capacity(8 << 20)
            .flush_every_ms(None)
            .open()
            .expect("an empty folder");
        let log = File::open(path.join("db")).expect("sled made it");
        Self { db, log }
    }

    fn put(&self, first: u32, count: u32) {
        let mut batch = sled::Batch::default();
        for number in first..first + count {
            let bytes = postcard::to_stdvec(entry(number).content.record()).expect("in memory");
            batch.insert(id(number).as_bytes(), bytes);
        }
        self.db.apply_batch(batch).expect("room on the disk");
        self.db.flush().expect("room on the disk");
        self.log.sync_data().expect("a disk that works");
    }

    fn gets(&self, records: u32) {
        for turn in 0..GETS {
            let found = self
                .db
                .get(id(pick(turn, records)).as_bytes())
                .expect("a disk that works");
            let record: Record = postcard::from_bytes(&found.expect("it was put")).expect("as it was put");
            std::hint::black_box(record.title());
        }
    }

    fn scan(&self) {
        for item in self.db.iter() {
            let record: Record =
                postcard::from_bytes(&item.expect("a disk that works").1).expect("as it was put");
            std::hint::black_box(record.title());
        }
    }
}

fn open(path: &Path) -> Store {
    let mut rng = rand::rng();
    let mut ring = Keyring::create(&mut rng, &KEY_CODES);
    let device = Key::generate(&mut rng);
    ring.set_device(&mut rng, &device);
    let folder = Folder::open(path).expect("an empty folder");
    let keys = KeySet::new(&ring).expect("the ring has every code");
    Store::open(&folder, keys).expect("an empty folder").store
}

fn put(store: &mut Store, first: u32, count: u32) {
    let changes =
        (first..first + count).fold(Changes::new(), |changes, number| changes.put(entry(number), None));
    let permit = decide_own(OperationKind::Purge).expect("the device may purge");
    let chain = Chain::new(store.audit_head(), store.audit_mac());
    let draft = chain.draft(permit, &[], Outcome::Done, Timestamp::default());
    let recorded = store.apply(draft, changes).expect("room on the disk");
    std::hint::black_box(recorded.kind());
    store.sync().expect("a disk that works");
}

fn gets(store: &Store, records: u32) {
    for turn in 0..GETS {
        let found = store
            .get(Category::Memory, id(pick(turn, records)))
            .expect("a disk that works");
        std::hint::black_box(found.expect("it was put").content.record().title());
    }
}

fn scan(store: &Store, records: u32) {
    let mut seen = 0;
    let visited = store.scan(Category::Memory, &mut |entry| {
        std::hint::black_box(entry.content.record().title());
        seen += 1;
        std::ops::ControlFlow::Continue(())
    });
    visited.expect("a disk that works");
    assert_eq!(seen, records, "a scan that sees less is no measure");
}

/// The same pseudo-random order on both sides.
fn pick(turn: u32, records: u32) -> u32 {
    turn.wrapping_mul(2_654_435_761) % records
}

fn entry(number: u32) -> Entry {
    let text = format!("{number:>TEXT$}");
    let memory = Memory {
        text,
        ..Memory::default()
    };
    Entry {
        id: id(number),
        created: Timestamp::from_millis(i64::from(number)),
        updated: Timestamp::from_millis(i64::from(number)),
        revision: 1,
        origin: Origin::Owner,
        content: Content::check(Record::Memory(memory)).expect("a text"),
    }
}

/// Scattered, as random ids are.
fn id(number: u32) -> RecordId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(
        &u64::from(number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    RecordId::from_bytes(bytes)
}
