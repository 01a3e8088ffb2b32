//! How long a search takes, and how much memory an index needs: `cargo bench -p pocket-search`.
//!
//! Facts of twelve words from a vocabulary of 60,000 whose words are as unequally frequent as those of
//! a language are (Zipf). Medians of one run, in microseconds; sizes in MiB.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement reads the clock, and stops at whatever is wrong"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Instant;

use pocket_core::{Category, Content, Entry, Memory, Origin, Record, RecordId, Timestamp};
use pocket_search::{Files, Index, Kept, Merge, Query, SearchError, search};

const VOCABULARY: f64 = 60_000.0;

/// A generator that says the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a made-up word"
    )]
    fn word(&mut self) -> String {
        let even = (self.roll() >> 11) as f64 / (1u64 << 53) as f64;
        let rank = VOCABULARY.powf(even) as u64;
        spelt(rank)
    }

    fn fact(&mut self, number: u32) -> Entry {
        let words: Vec<String> = (0..12).map(|_| self.word()).collect();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.roll().to_be_bytes());
        id[8..12].copy_from_slice(&number.to_be_bytes());
        let memory = Memory {
            subject: words[0].clone(),
            text: words.join(" "),
            ..Memory::default()
        };
        Entry {
            id: RecordId::from_bytes(id),
            created: Timestamp::default(),
            updated: Timestamp::from_millis(i64::from(number)),
            revision: 1,
            origin: Origin::Agent,
            content: Content::check(Record::Memory(memory)).unwrap(),
        }
    }
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096 / 1024 / 1024
}

fn main() {
    let shelf: RefCell<BTreeMap<u32, Vec<u8>>> = RefCell::default();
    let read = |file: u32, offset: u64, length: usize| -> Result<Vec<u8>, SearchError> {
        let files = shelf.borrow();
        let bytes = &files[&file];
        let from = usize::try_from(offset).unwrap().min(bytes.len());
        Ok(bytes[from..bytes.len().min(from + length)].to_vec())
    };
    for records in [10_000u32, 100_000] {
        shelf.borrow_mut().clear();
        let mut dice = Dice(88_172_645_463_325_252);
        let before = resident();
        let begun = Instant::now();
        let mut index = Index::new();
        let mut file = 0;
        let mut put = std::time::Duration::ZERO;
        for number in 0..records {
            let fact = dice.fact(number);
            let at = Instant::now();
            index.put(&fact);
            put += at.elapsed();
            let files = Files::new(&read, Kept::default());
            if let Some(mut merge) = Merge::begin(&mut index) {
                let mut bytes = Vec::new();
                let mut out = |piece: &[u8]| {
                    bytes.extend_from_slice(piece);
                    Ok::<(), SearchError>(())
                };
                while !merge.step(&index, &files, &mut out, &mut || true).unwrap() {}
                merge.finish(&mut index, &files, file, &mut out).unwrap();
                shelf.borrow_mut().insert(file, bytes);
                shelf.borrow_mut().retain(|file, _| index.sealed().contains(file));
                file += 1;
            }
        }
        let on_disk: usize = shelf.borrow().values().map(Vec::len).sum();
        println!(
            "{records} facts: {} parts, indexed in {:?} ({:?} a put), {:.1} MiB of files, memory grew by {} MiB, files included",
            index.sealed().len() + 1,
            begun.elapsed(),
            put / records,
            on_disk as f64 / 1024.0 / 1024.0,
            resident().saturating_sub(before),
        );
        for asked in ASKED {
            measure(&index, &Files::new(&read, Kept::default()), &mut dice, asked);
        }
    }
}

/// What is asked: its name, how many words, and whether they are the most frequent ones.
const ASKED: [(&str, usize, bool); 5] = [
    ("rare word", 1, false),
    ("common word", 1, true),
    ("4 words", 4, false),
    ("4 common words", 4, true),
    ("misspelt long word", 0, false),
];

fn measure(index: &Index, files: &Files<'_>, dice: &mut Dice, (name, words, common): (&str, usize, bool)) {
    let mut times = Vec::new();
    for _ in 0..300 {
        let mut asked: Vec<String> = Vec::new();
        if words == 0 {
            // As the words of this vocabulary have five letters, none is two off.
            asked.push(format!("{}{}", dice.word(), dice.word()));
        }
        while asked.len() < words {
            let frequent = spelt(1 + dice.roll() % 8);
            asked.push(if common { frequent } else { dice.word() });
        }
        let query = Query::parse(&asked.join(" ")).unwrap();
        let at = Instant::now();
        let indexes = [(Category::Memory, index)];
        let (found, _) = search(&indexes, &query, 10, Timestamp::default(), files).unwrap();
        times.push(at.elapsed());
        assert!(!found.is_empty() || words < 2);
    }
    times.sort();
    println!("  {name}: p50 {:?} p99 {:?}", times[150], times[297]);
}

/// The word of a rank: letters, so that words share beginnings as those of a language do.
fn spelt(rank: u64) -> String {
    let mut word = String::new();
    let mut rest = rank.wrapping_mul(2_654_435_761) % 11_881_376;
    for _ in 0..5 {
        word.push(char::from(b'a' + u8::try_from(rest % 26).unwrap()));
        rest /= 26;
    }
    word
}
