//! The same kills and the same power cuts for each: is what it acknowledged there afterwards?

use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::disk::Disk;
use crate::engine::{Engine, Which};
use crate::script::{self, State};

/// After as many rounds a store is left for a fresh one, so that both young and grown ones are hit.
const ROUNDS_A_STORE: u32 = 6;

/// What came of the rounds of one store.
#[derive(Default)]
struct Tally {
    acknowledged: u64,
    /// Rounds after which something acknowledged was not there as it was.
    bad_rounds: u32,
    lost: u64,
    no_open: u32,
    /// Rounds in which it lost something and said so itself.
    told: u32,
}

/// A store over several rounds.
struct Subject {
    which: Which,
    folder: PathBuf,
    seed: u64,
    state: State,
    next: u32,
}

pub(crate) fn run(cut: bool, rounds: u32, seed: u64, only: Option<Which>) -> Result<()> {
    let what = if cut { "power cut" } else { "SIGKILL" };
    println!(
        "| {what}: store | rounds | acknowledged commits | rounds with a loss | records lost | did not open | losses that it told |"
    );
    println!("|---|---|---|---|---|---|---|");
    for which in Which::ALL
        .into_iter()
        .filter(|which| only.is_none_or(|only| only == *which))
    {
        let disk = cut.then(Disk::make).transpose();
        let disk = disk.context("making the disk whose power is cut")?;
        let tally = all(which, disk.as_ref(), rounds, seed).with_context(|| which.name())?;
        println!(
            "| {} | {rounds} | {} | {} | {} | {} | {} |",
            which.name(),
            tally.acknowledged,
            tally.bad_rounds,
            tally.lost,
            tally.no_open,
            tally.told
        );
    }
    Ok(())
}

fn all(which: Which, disk: Option<&Disk>, rounds: u32, seed: u64) -> Result<Tally> {
    let base = disk.map_or_else(std::env::temp_dir, |disk| disk.path().to_owned());
    let base = base.join(format!("compare-{}-{}", which.name(), std::process::id()));
    let mut tally = Tally::default();
    let mut subject = None;
    for round in 0..rounds {
        let mut now = match subject.take() {
            Some(subject) if round % ROUNDS_A_STORE != 0 => subject,
            // What is left of the last one stays where it is: its disk may have gone under it.
            _ => Subject {
                which,
                folder: base.join(round.to_string()),
                seed: seed.wrapping_add(u64::from(round)),
                state: State::new(),
                next: 0,
            },
        };
        let goes_on = now
            .round(disk, round, &mut tally)
            .with_context(|| format!("round {round}"))?;
        if goes_on {
            subject = Some(now);
        }
    }
    if disk.is_none() {
        std::fs::remove_dir_all(&base)?;
    }
    Ok(tally)
}

impl Subject {
    /// One round; `false` when the store is not to be gone on with.
    fn round(&mut self, disk: Option<&Disk>, round: u32, tally: &mut Tally) -> Result<bool> {
        let acknowledged = self.write_until_stopped(disk, round)?;
        if let Some(disk) = disk {
            disk.restore().context("after the cut")?;
        }
        let mut before_last = self.state.clone();
        for commit in self.next..acknowledged {
            before_last.clone_from(&self.state);
            self.state.extend(script::commit(self.seed, commit));
        }
        tally.acknowledged += u64::from(acknowledged - self.next);
        self.next = acknowledged;
        if self.next == 0 {
            return Ok(false);
        }
        let opened = catch_unwind(AssertUnwindSafe(|| self.which.open(&self.folder)));
        let Ok(Ok(mut engine)) = opened else {
            tally.no_open += 1;
            tally.bad_rounds += 1;
            tally.lost += self.state.len() as u64;
            return Ok(false);
        };
        // The commit under way may have happened.
        let mut after = self.state.clone();
        after.extend(script::commit(self.seed, self.next));
        let (without, with) = (differences(&*engine, &self.state), differences(&*engine, &after));
        if with < without {
            self.state = after;
            self.next += 1;
        }
        let lost = with.min(without);
        if lost > 0 {
            eprintln!(
                "{}, round {round}: {lost} of {} records missing or wrong after {} commits; all but the last commit is there: {}",
                self.which.name(),
                self.state.len(),
                self.next,
                differences(&*engine, &before_last) == 0
            );
            tally.bad_rounds += 1;
            tally.lost += lost;
            let said = catch_unwind(AssertUnwindSafe(|| engine.damage()));
            tally.told += u32::from(!matches!(said, Ok(Ok(findings)) if findings.is_empty()));
        }
        Ok(lost == 0)
    }

    /// Gives the number after the last acknowledged commit.
    fn write_until_stopped(&self, disk: Option<&Disk>, round: u32) -> Result<u32> {
        let mut rng = StdRng::seed_from_u64(self.seed ^ u64::from(round) << 32);
        let mut child = Command::new(std::env::current_exe()?)
            .args(["writer", self.which.name()])
            .arg(&self.folder)
            .args([self.seed.to_string(), self.next.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
        let mut acknowledged = self.next;
        for _ in 0..rng.random_range(1..300) {
            let Some(line) = lines.next() else { break };
            acknowledged = line?.parse::<u32>()?.saturating_add(1);
        }
        // Somewhere in the middle of the next commits, not right after one.
        let turns = rng.random_range(0..20_000_000u64);
        std::hint::black_box((0..turns).fold(0, |sum, turn| std::hint::black_box(sum ^ turn)));
        if let Some(disk) = disk {
            disk.cut()?;
        }
        child.kill()?;
        for line in lines {
            acknowledged = line?.parse::<u32>()?.saturating_add(1);
        }
        child.wait()?;
        Ok(acknowledged)
    }
}

/// Records that are missing, wrong, or too many.
fn differences(engine: &dyn Engine, state: &State) -> u64 {
    let wanted: std::collections::HashMap<[u8; 16], _> = state
        .iter()
        .map(|(number, (revision, length))| {
            let entry = script::entry(*number, *revision, *length);
            (*entry.id.as_bytes(), entry)
        })
        .collect();
    let (mut right, mut found) = (0, 0);
    let scanned = catch_unwind(AssertUnwindSafe(|| {
        engine.scan(&mut |id, record| {
            found += 1;
            right += u64::from(
                wanted
                    .get(&id)
                    .is_some_and(|entry| *entry.content.record() == record),
            );
        })
    }));
    let expected = state.len() as u64;
    match scanned {
        Ok(Ok(())) => expected - right + (found - right),
        _ => expected.max(1),
    }
}

/// `writer STORE FOLDER SEED FIRST`: commits until it is stopped, and says after each that it is on the disk.
pub(crate) fn writer(words: &[String]) -> Result<()> {
    let [which, folder, seed, first] = words else {
        bail!("writer STORE FOLDER SEED FIRST")
    };
    let which = Which::ALL.into_iter().find(|known| known.name() == which);
    let mut engine = which.context("no such store")?.open(Path::new(folder))?;
    let (seed, first): (u64, u32) = (seed.parse()?, first.parse()?);
    let mut out = std::io::stdout().lock();
    for number in first.. {
        let entries: Vec<_> = script::commit(seed, number)
            .iter()
            .map(|(number, (revision, length))| script::entry(*number, *revision, *length))
            .collect();
        engine.put(&entries)?;
        writeln!(out, "{number}")?;
        out.flush()?;
    }
    Ok(())
}
