//! An idle store writes nothing: with sled's default settings it was 1 MB/s for ever.

use std::time::Duration;

use anyhow::{Context, Result};
use pocket_store::{Folder, KeySet, Store};

use crate::script::{self, Workload};

const COMMITS: u32 = 200;

/// Fills a store so that it holds garbage, then does for `seconds` what the daemon does while nobody
/// asks it anything. True when not a byte was written.
pub(crate) fn run(seconds: u64) -> Result<bool> {
    let dir = std::env::temp_dir().join(format!("store-faults-idle-{}", std::process::id()));
    let folder = Folder::open(&dir)?;
    let mut store = Store::open(&folder, KeySet::new(&script::ring(&folder)?)?)?.store;
    for commit in 0..COMMITS {
        crate::writer::write(&mut store, 1, Workload::Batched, commit)?;
        store.sync()?;
    }
    store.tick()?;
    let before = written()?;
    for _ in 0..seconds {
        std::thread::sleep(Duration::from_secs(1));
        store.sync()?;
        store.tick()?;
    }
    let bytes = written()?.saturating_sub(before);
    println!("idle: {bytes} bytes written in {seconds} s");
    drop((store, folder));
    std::fs::remove_dir_all(&dir)?;
    Ok(bytes == 0)
}

fn written() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/io").context("reading /proc/self/io")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "))
        .context("no wchar in /proc/self/io")?;
    Ok(line.parse()?)
}
