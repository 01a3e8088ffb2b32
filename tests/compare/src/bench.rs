//! How fast each is when it is durable, in turns in one process on one disk: only what stands side by side means
//! something.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::engine::{Engine, Which};
use crate::script;

const ROUNDS: usize = 5;
/// Single durable puts a round.
const SINGLE: u32 = 200;
/// Groups a round.
const GROUPS: u32 = 20;
/// Records a group.
const GROUP: u32 = 100;
const GETS: u32 = 20_000;
/// Bytes of text in a record: a memory fact.
const TEXT: usize = 200;

struct Side {
    which: Which,
    engine: Box<dyn Engine>,
    /// Operations a second: single, group, get, scan.
    rates: [Vec<f64>; 4],
    /// Bytes that were written for a change: single, group.
    written: [Vec<f64>; 2],
}

pub(crate) fn run(base: &Path, only: Option<Which>) -> Result<()> {
    let mut sides = Vec::new();
    for which in Which::ALL
        .into_iter()
        .filter(|which| only.is_none_or(|only| only == *which))
    {
        sides.push(Side {
            which,
            engine: which.open(&base.join(which.name()))?,
            rates: Default::default(),
            written: Default::default(),
        });
    }
    let mut next = 0;
    for _ in 0..ROUNDS {
        for side in &mut sides {
            side.round(next)?;
        }
        next += SINGLE + GROUPS * GROUP;
    }
    println!(
        "{TEXT} B of text, medians of {ROUNDS} rounds, {next} records at the end; put, get and scan in operations a second"
    );
    println!(
        "| store | put | in groups of {GROUP} | get | scan | written for a put | in groups | on the disk, a record |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for side in &sides {
        let [single, group, get, scan] = side.rates.each_ref().map(|rates| median(rates));
        let [one, many] = side.written.each_ref().map(|bytes| median(bytes));
        let size = size(&base.join(side.which.name()))? as f64 / f64::from(next);
        println!(
            "| {} | {single:.0} | {group:.0} | {get:.0} | {scan:.0} | {one:.0} B | {many:.0} B | {size:.0} B |",
            side.which.name()
        );
    }
    Ok(())
}

impl Side {
    fn round(&mut self, first: u32) -> Result<()> {
        self.puts(0, first, SINGLE, 1)?;
        let first = first + SINGLE;
        self.puts(1, first, GROUPS, GROUP)?;
        let records = first + GROUPS * GROUP;
        let start = Instant::now();
        for turn in 0..GETS {
            let id = script::id(turn.wrapping_mul(2_654_435_761) % records);
            let found = self.engine.get(id.as_bytes())?;
            std::hint::black_box(found.context("it was put")?.title());
        }
        self.rates[2].push(f64::from(GETS) / start.elapsed().as_secs_f64());
        let start = Instant::now();
        let mut seen = 0;
        self.engine.scan(&mut |_, record| {
            std::hint::black_box(record.title());
            seen += 1;
        })?;
        self.rates[3].push(f64::from(records) / start.elapsed().as_secs_f64());
        ensure!(seen == records, "a scan that sees less is no measure");
        Ok(())
    }

    fn puts(&mut self, which: usize, first: u32, commits: u32, group: u32) -> Result<()> {
        let groups: Vec<Vec<_>> = (0..commits)
            .map(|commit| {
                let from = first + commit * group;
                (from..from + group)
                    .map(|number| script::entry(number, 1, TEXT))
                    .collect()
            })
            .collect();
        let before = written()?;
        let start = Instant::now();
        for entries in &groups {
            self.engine.put(entries)?;
        }
        let count = f64::from(commits * group);
        self.rates[which].push(count / start.elapsed().as_secs_f64());
        self.written[which].push((written()? - before) as f64 / count);
        Ok(())
    }
}

/// Bytes that this process has given to `write` and its like. What the kernel counts as dirtied is more: a page
/// cache in large pieces counts a whole piece for a few bytes.
fn written() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: "));
    Ok(line.context("no wchar in /proc/self/io")?.parse()?)
}

/// Room that a folder takes on the disk. The 16 MiB that our store keeps for a full one are no data.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for item in std::fs::read_dir(folder)? {
        let item = item?;
        if item.file_name() == "ballast" {
            continue;
        }
        let data = item.metadata()?;
        bytes += if data.is_dir() {
            size(&item.path())?
        } else {
            std::os::unix::fs::MetadataExt::blocks(&data) * 512
        };
    }
    Ok(bytes)
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
