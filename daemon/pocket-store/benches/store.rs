//! Sealed against raw: what the sealing, the heads and the audit log cost beside sled used as durably.
//! Both sides run in turns in one process on one disk; only the ratios mean something. Get and scan
//! are measured twice: with all in the cache, and with as many records as a device holds, of which the
//! cache holds a fraction. Both sides have the same cache and give sled values of the same length.
//! Then the memory of the sealed side alone is measured, in a process of its own.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pocket_core::audit::{Chain, Outcome};
use pocket_core::{
    Category, Content, Entry, Memory, OperationKind, Origin, Record, RecordId, Timestamp, decide_own,
};
use pocket_crypto::{Key, Keyring, Unlocked};
use pocket_store::{Changes, Folder, KEY_CODES, KeySet, Store};
use sled::Transactional;
use sled::transaction::{ConflictableTransactionError, TransactionalTree};

/// Single durable puts a round.
const SINGLE: u32 = 200;
/// Groups a round.
const GROUPS: u32 = 20;
/// Records a group.
const GROUP: u32 = 100;
const GETS: u32 = 20_000;
const ROUNDS: usize = 5;
/// Rounds of get and scan, the second time.
const LARGE_ROUNDS: usize = 3;
/// Records, the second time; what an owner may have after some years.
const LARGE: u32 = 100_000;
/// Bytes of text in a record: a memory fact. With its other fields it takes 256.
const TEXT: usize = 200;
/// What the sealed side gives sled for such a record, in bytes.
const VALUE: usize = 304;

/// Set for a child that measures memory: how many records.
const RECORDS: &str = "POCKET_STORE_BENCH_RECORDS";

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

/// Bytes that are brought to the disk for comparison, in place.
const PAGE: usize = 4096;
/// Rows of one change by an agent: the record, its share, the audit entry, the head.
const ROWS: u32 = 4;

fn main() {
    if let Some(records) = std::env::var(RECORDS).ok().and_then(|text| text.parse().ok()) {
        return memory(records);
    }
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
        read(&raw, &store, next, &mut plain, &mut sealed);
    }
    println!("{TEXT} B of text, medians of {ROUNDS} rounds, {next} records at the end");
    line("durable put", &plain.single, &sealed.single);
    line("durable put, groups of 100", &plain.grouped, &sealed.grouped);
    line("get", &plain.get, &sealed.get);
    line("scan", &plain.scan, &sealed.scan);

    against_one_sync(&dir.path().join("page"), &raw, &mut store, next);
    next += SINGLE;

    while next < LARGE {
        raw.put(next, GROUP);
        put(&mut store, next, GROUP);
        next += GROUP;
    }
    let (mut plain, mut sealed) = (Rates::default(), Rates::default());
    for _ in 0..LARGE_ROUNDS {
        read(&raw, &store, next, &mut plain, &mut sealed);
    }
    println!("medians of {LARGE_ROUNDS} rounds, {next} records");
    line("get", &plain.get, &sealed.get);
    line("scan", &plain.scan, &sealed.scan);
    for records in [10_000, LARGE] {
        let program = std::env::current_exe().expect("this program has a path");
        let status = Command::new(program).env(RECORDS, records.to_string()).status();
        assert!(status.is_ok_and(|status| status.success()), "the child failed");
    }
}

/// What a durable change takes beside one `fdatasync` of the same disk, all in turns: one row of raw
/// sled; as many rows in three trees as a change has, in the one transaction that they need; our own.
fn against_one_sync(page: &Path, raw: &Raw, store: &mut Store, first: u32) {
    let page = File::create(page).expect("a scratch folder");
    let trees = [b"a", b"b", b"c"].map(|name| raw.db.open_tree(name).expect("room on the disk"));
    let mut times: [Vec<f64>; 4] = Default::default();
    for number in first..first + SINGLE {
        let mut timed = |which: usize, run: &mut dyn FnMut()| {
            let start = Instant::now();
            run();
            times[which].push(start.elapsed().as_secs_f64() * 1000.0);
        };
        timed(0, &mut || {
            page.write_all_at(&[1; PAGE], 0).expect("room on the disk");
            page.sync_data().expect("a disk that works");
        });
        timed(1, &mut || raw.put_one(&trees[0], number));
        timed(2, &mut || raw.change(&trees, number));
        timed(3, &mut || put(store, number, 1));
    }
    // Both sides go on with the same records.
    raw.put(first, SINGLE);
    let [sync, one, change, sealed] = times.map(|times| median(&times));
    println!(
        "against one fdatasync of 4 KiB ({sync:.2} ms): one row of raw sled {:.1}, {ROWS} rows in one transaction {:.1}, sealed {:.1}",
        one / sync,
        change / sync,
        sealed / sync
    );
}

fn read(raw: &Raw, store: &Store, records: u32, plain: &mut Rates, sealed: &mut Rates) {
    plain.get.push(rate(GETS, || raw.gets(records)));
    sealed.get.push(rate(GETS, || gets(store, records)));
    plain.scan.push(rate(records, || raw.scan()));
    sealed.scan.push(rate(records, || scan(store, records)));
}

/// Prints what a process with a store of so many records keeps in memory: after writing them, and
/// after opening it again and reading all.
fn memory(records: u32) {
    let dir = tempfile::tempdir().expect("a scratch folder");
    let keyring = ring();
    let opened = |keyring: &Unlocked| {
        let folder = Folder::open(dir.path()).expect("a folder of ours");
        Store::open(&folder, KeySet::new(keyring).expect("the ring has every code"))
            .map(|opened| (folder, opened.store))
            .expect("an undamaged store")
    };
    let (folder, mut store) = opened(&keyring);
    (0..records)
        .step_by(GROUP as usize)
        .for_each(|first| put(&mut store, first, GROUP));
    let written = resident();
    drop((store, folder));
    let (_folder, store) = opened(&keyring);
    let open = resident();
    scan(&store, records);
    println!(
        "{records:>6} records: {written} MB resident after writing, {open} after opening again, {} after a scan; {} MB on the disk",
        resident(),
        store.size_on_disk() >> 20
    );
}

/// Resident memory of this process in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.expect("a number of kB") >> 10
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
            let mut bytes = postcard::to_stdvec(entry(number).content.record()).expect("in memory");
            bytes.resize(VALUE, 0);
            batch.insert(id(number).as_bytes(), bytes);
        }
        self.db.apply_batch(batch).expect("room on the disk");
        self.make_durable();
    }

    fn put_one(&self, tree: &sled::Tree, number: u32) {
        let put = tree.insert(id(number).as_bytes(), &[1; VALUE][..]);
        drop(put.expect("room on the disk"));
        self.make_durable();
    }

    fn change(&self, trees: &[sled::Tree; 3], number: u32) {
        let change = |views: &Vec<TransactionalTree>| {
            for row in 0..ROWS {
                let view = &views[row as usize % views.len()];
                view.insert(id(number + row).as_bytes(), &[1; VALUE][..])?;
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        };
        trees.as_slice().transaction(change).expect("room on the disk");
        self.make_durable();
    }

    fn make_durable(&self) {
        self.db.flush().expect("room on the disk");
        self.log.sync_data().expect("a disk that works");
    }

    fn gets(&self, records: u32) {
        for turn in 0..GETS {
            let found = self
                .db
                .get(id(pick(turn, records)).as_bytes())
                .expect("a disk that works");
            let found = found.expect("it was put");
            let (record, _) = postcard::take_from_bytes::<Record>(&found).expect("as it was put");
            std::hint::black_box(record.title());
        }
    }

    fn scan(&self) {
        for item in self.db.iter() {
            let (_, value) = item.expect("a disk that works");
            let (record, _) = postcard::take_from_bytes::<Record>(&value).expect("as it was put");
            std::hint::black_box(record.title());
        }
    }
}

fn ring() -> Unlocked {
    let mut rng = rand::rng();
    let mut ring = Keyring::create(&mut rng, &KEY_CODES);
    let device = Key::generate(&mut rng);
    ring.set_device(&mut rng, &device);
    ring
}

fn open(path: &Path) -> Store {
    let folder = Folder::open(path).expect("an empty folder");
    let keys = KeySet::new(&ring()).expect("the ring has every code");
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
    let words = [
        "the", "owner", "takes", "tea", "without", "milk", "since", "the", "summer", "of",
    ];
    let mut text = format!("Fact {number}:");
    for word in words.iter().cycle().skip(number as usize % words.len()) {
        text.push(' ');
        text.push_str(word);
        if text.len() >= TEXT {
            break;
        }
    }
    text.truncate(TEXT);
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
