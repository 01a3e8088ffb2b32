//! What the writer does, as a function of seed and step alone: writer and judge both know it.

use std::collections::BTreeMap;

use anyhow::Result;
use pocket_core::{Content, Entry, Note, Origin, Record, RecordId, Timestamp};
use pocket_crypto::{Key, Keyring, Unlocked};
use pocket_store::{Changes, Folder, KEY_CODES};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Ids in use: small enough that records are replaced and removed all the time.
const IDS: u32 = 300;

/// How the writer writes.
#[derive(Clone, Copy)]
pub(crate) enum Workload {
    /// Groups of up to 40 records of 1 to 30 kB.
    Batched,
    /// The same, and eight commits to a sync.
    Grouped,
    /// Groups of 256 records of 100 B to 1.5 kB, the most that one operation adds.
    Import,
    /// 1 kB to 1 MB: most of them become sealed files.
    Large,
    /// Groups of up to 20 records of 100 B to 8 kB, and the category sealed anew all the time, piece by
    /// piece between the commits.
    Rekey,
    /// One record of 1 to 4 kB a commit.
    Single,
}

impl Workload {
    pub(crate) const ALL: [Self; 6] = [
        Self::Single,
        Self::Batched,
        Self::Import,
        Self::Large,
        Self::Grouped,
        Self::Rekey,
    ];

    /// As it is asked for.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Batched => "batched",
            Self::Grouped => "grouped",
            Self::Import => "import",
            Self::Large => "large",
            Self::Rekey => "rekey",
            Self::Single => "single",
        }
    }

    /// They take turns.
    pub(crate) const fn of_round(round: u32) -> Self {
        match round % 6 {
            0 => Self::Single,
            1 => Self::Batched,
            2 => Self::Import,
            3 => Self::Large,
            4 => Self::Grouped,
            _ => Self::Rekey,
        }
    }

    /// How many commits the writer makes before it syncs.
    pub(crate) const fn commits_a_sync(self) -> u32 {
        match self {
            Self::Grouped => 8,
            Self::Batched | Self::Import | Self::Large | Self::Rekey | Self::Single => 1,
        }
    }
}

/// One change; a length of `None` removes.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    number: u32,
    revision: u32,
    length: Option<usize>,
}

/// What must be there: for each id, revision and length.
pub(crate) type State = BTreeMap<u32, (u32, usize)>;

/// The changes of commit number `commit`.
pub(crate) fn steps(seed: u64, workload: Workload, commit: u32) -> Vec<Step> {
    let mut rng = StdRng::seed_from_u64(seed ^ (u64::from(commit) << 20));
    let (most, lengths) = match workload {
        Workload::Batched | Workload::Grouped => (40, 1_000..30_000),
        Workload::Import => (256, 100..1_500),
        Workload::Large => (2, 1_000..1_000_000),
        Workload::Rekey => (20, 100..8_000),
        Workload::Single => (1, 1_000..4_000),
    };
    let count = rng.random_range(1..=most);
    let step = |rng: &mut StdRng| Step {
        number: rng.random_range(0..IDS),
        revision: commit.saturating_add(1),
        length: (rng.random_range(0..8) > 0).then(|| rng.random_range(lengths.clone())),
    };
    let mut steps: Vec<Step> = (0..count).map(|_| step(&mut rng)).collect();
    // One change for each id, so that the order inside a commit says nothing.
    steps.sort_by_key(|step| step.number);
    steps.dedup_by_key(|step| step.number);
    steps
}

/// What a commit makes of the state.
pub(crate) fn advance(state: &mut State, steps: &[Step]) {
    for step in steps {
        match step.length {
            Some(length) => state.insert(step.number, (step.revision, length)),
            None => state.remove(&step.number),
        };
    }
}

/// The same as changes of the store.
pub(crate) fn changes(steps: &[Step]) -> Changes {
    steps
        .iter()
        .fold(Changes::new(), |changes, step| match step.length {
            Some(length) => changes.put(entry(step.number, step.revision, length), None),
            None => changes.remove(pocket_core::Category::Notes, id(step.number)),
        })
}

/// The record that must be there.
pub(crate) fn entry(number: u32, revision: u32, length: usize) -> Entry {
    let mut rng = StdRng::seed_from_u64(u64::from(number) << 32 | u64::from(revision));
    let body: String = (0..length)
        .map(|_| char::from(rng.random_range(b'a'..=b'z')))
        .collect();
    let note = Note {
        title: format!("note {number}"),
        body,
        ..Note::default()
    };
    Entry {
        id: id(number),
        created: Timestamp::from_millis(i64::from(number)),
        updated: Timestamp::from_millis(i64::from(revision)),
        revision,
        origin: Origin::Owner,
        content: Content::check(Record::Note(note)).expect("a title and a body of at most 1 MB"),
    }
}

fn id(number: u32) -> RecordId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    RecordId::from_bytes(bytes)
}

/// The ring that lies in the folder; made and written where there is none.
pub(crate) fn ring(folder: &Folder) -> Result<Unlocked> {
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
