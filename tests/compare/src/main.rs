//! The device's store beside sled by itself, redb and SQLCipher, all durable, all in one run.
//!
//! `compare [--rounds N] [--seed S] [--only STORE] [bench|kill|cut]…`: how fast each is and what it writes; then N
//! rounds (20) of SIGKILL and N simulated power cuts of each, with the same changes at the same moments. All three
//! unless some are named. A power cut is that of `store-faults`, and needs what that needs: root, loop devices,
//! `mkfs.ext4`, `python3`.

mod bench;
#[path = "../../store-faults/src/disk.rs"]
mod disk;
mod engine;
mod faults;
mod script;

use anyhow::{Context, Result, bail};

use engine::Which;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "writer") {
        return faults::writer(&words[1..]);
    }
    // A store that panics over its own damage has lost it; what it says is in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut rounds, mut seed, mut only, mut parts) = (20, 1, None, Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => rounds = value()?.parse()?,
            "--seed" => seed = value()?.parse()?,
            "--only" => only = Some(store(&value()?)?),
            "bench" | "kill" | "cut" => parts.push(word),
            _ => bail!("unknown argument {word}: see the head of this program"),
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|named| named == part);
    if wanted("bench") {
        let base = std::env::temp_dir().join(format!("compare-{}", std::process::id()));
        let outcome = bench::run(&base, only);
        std::fs::remove_dir_all(&base)?;
        outcome?;
    }
    if wanted("kill") {
        faults::run(false, rounds, seed, only)?;
    }
    if wanted("cut") {
        faults::run(true, rounds, seed, only)?;
    }
    Ok(())
}

fn store(name: &str) -> Result<Which> {
    let known = Which::ALL.into_iter().find(|which| which.name() == name);
    known.with_context(|| format!("no store {name}"))
}
