//! One round: write, stop at some moment, open, compare.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use pocket_core::{Category, Finding};
use pocket_store::{Folder, KeySet, Store};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::disk::Disk;
use crate::script::{self, State, Workload};

/// After as many rounds a store is left for a fresh one, so that both young and grown ones are hit.
const ROUNDS_A_STORE: u32 = 9;

/// How the writer is stopped.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Fault {
    /// SIGKILL.
    Kill,
    /// The file system writes nothing more.
    PowerCut,
}

impl Fault {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::PowerCut => "power cut",
        }
    }
}

/// What came of the rounds.
#[derive(Default)]
pub(crate) struct Tally {
    rounds: u32,
    acknowledged: u64,
    lost: u64,
    failed_opens: u32,
    findings: u32,
}

impl Tally {
    pub(crate) const fn is_clean(&self) -> bool {
        self.lost == 0 && self.failed_opens == 0 && self.findings == 0
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rounds,
            acknowledged,
            lost,
            failed_opens,
            findings,
        } = self;
        write!(
            f,
            "{rounds} rounds, {acknowledged} acknowledged, lost {lost} ({failed_opens} failed opens, {findings} findings)"
        )
    }
}

/// A store over several rounds.
struct Subject {
    dir: PathBuf,
    seed: u64,
    /// The state after every commit that is known to have happened.
    state: State,
    next: u32,
    /// It did not open any more: each such store is counted once.
    gone: bool,
}

/// Runs all rounds of one kind.
pub(crate) fn run(
    fault: Fault,
    disk: Option<&Disk>,
    rounds: u32,
    seed: u64,
    only: Option<Workload>,
) -> Result<Tally> {
    let base = disk.map_or_else(
        || std::env::temp_dir().join(format!("store-faults-kill-{}", std::process::id())),
        |disk| disk.path().join("data"),
    );
    let mut tally = Tally::default();
    let mut subject = Subject::fresh(&base, seed);
    for round in 0..rounds {
        if round % ROUNDS_A_STORE == 0 || subject.gone {
            subject.remove()?;
            subject = Subject::fresh(&base, seed.wrapping_add(u64::from(round)));
        }
        let workload = only.unwrap_or_else(|| Workload::of_round(round));
        subject
            .round(fault, disk, round, workload, &mut tally)
            .with_context(|| format!("{} round {round}", fault.name()))?;
        tally.rounds += 1;
    }
    subject.remove()?;
    Ok(tally)
}

impl Subject {
    fn fresh(dir: &Path, seed: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            seed,
            state: State::new(),
            next: 0,
            gone: false,
        }
    }

    fn remove(&self) -> Result<()> {
        if self.dir.exists() {
            std::fs::remove_dir_all(&self.dir)?;
        }
        Ok(())
    }

    fn round(
        &mut self,
        fault: Fault,
        disk: Option<&Disk>,
        round: u32,
        workload: Workload,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut rng = StdRng::seed_from_u64(self.seed ^ u64::from(round));
        let acknowledged = self.write_until_stopped(fault, disk, workload, &mut rng)?;
        if let Some(disk) = disk {
            disk.restore()?;
        }
        for commit in self.next..acknowledged {
            script::advance(&mut self.state, &script::steps(self.seed, workload, commit));
        }
        let count = acknowledged - self.next;
        tally.acknowledged += u64::from(count);
        self.next = acknowledged;
        let verdict = self.judge(workload, tally)?;
        println!(
            "{} {round}: {count} commits acknowledged, {verdict}",
            fault.name()
        );
        Ok(())
    }

    /// Gives the number after the last acknowledged commit.
    fn write_until_stopped(
        &self,
        fault: Fault,
        disk: Option<&Disk>,
        workload: Workload,
        rng: &mut StdRng,
    ) -> Result<u32> {
        let mut child = self.spawn(workload)?;
        let pipe = child.stdout.take().context("the writer has no pipe")?;
        let mut lines = BufReader::new(pipe).lines();
        let mut acknowledged = self.next;
        for _ in 0..rng.random_range(1..60) {
            let Some(line) = lines.next() else { break };
            acknowledged = line?.parse::<u32>()?.saturating_add(1);
        }
        // Somewhere in the middle of the next commits, not right after one.
        std::hint::black_box(
            (0..rng.random_range(0..20_000_000u64)).fold(0, |sum, turn| std::hint::black_box(sum ^ turn)),
        );
        if let (Fault::PowerCut, Some(disk)) = (fault, disk) {
            disk.cut()?;
        }
        // Without power nobody runs; and sled may wait for ever once its disk is gone.
        child.kill()?;
        // What the writer had reported by then counts as acknowledged as well.
        for line in lines {
            acknowledged = line?.parse::<u32>()?.saturating_add(1);
        }
        child.wait()?;
        Ok(acknowledged)
    }

    fn spawn(&self, workload: Workload) -> Result<Child> {
        let arguments = [
            self.seed.to_string(),
            workload.name().to_owned(),
            self.next.to_string(),
        ];
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("writer").arg(&self.dir).args(arguments);
        Ok(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?)
    }

    /// Of the commits that were under way the first few may be there, each wholly or not at all. Takes
    /// those that are into the state; gives how many records differ even so.
    fn catch_up(&mut self, workload: Workload, store: &Store) -> u64 {
        let mut least = differences(store, &self.state);
        let mut after = self.state.clone();
        for commit in self.next..self.next + workload.commits_a_sync() {
            script::advance(&mut after, &script::steps(self.seed, workload, commit));
            let lost = differences(store, &after);
            if lost < least {
                least = lost;
                self.state.clone_from(&after);
                self.next = commit + 1;
            }
        }
        least
    }

    /// Opens and compares.
    fn judge(&mut self, workload: Workload, tally: &mut Tally) -> Result<String> {
        if !self.dir.exists() && self.next == 0 {
            return Ok("nothing was written yet".to_owned());
        }
        let folder = Folder::open(&self.dir)?;
        let mut opened = match Store::open(&folder, KeySet::new(&script::ring(&folder)?)?) {
            Ok(opened) => opened,
            Err(error) => {
                tally.failed_opens += 1;
                tally.lost += (self.state.len() as u64).max(1);
                self.gone = true;
                let kept = keep(&self.dir)?;
                return Ok(format!(
                    "DID NOT OPEN: {error} ({}); kept in {}",
                    error.remedy(),
                    kept.display()
                ));
            }
        };
        let lost = self.catch_up(workload, &opened.store);
        let audit = opened.store.audit_head().sequence;
        let findings = [opened.findings, opened.store.scrub()?.findings].concat();
        tally.lost += lost + u64::from(self.next).saturating_sub(audit);
        tally.findings += u32::try_from(findings.len())?;
        Ok(verdict(lost, &findings, self.state.len()))
    }
}

/// Copies what did not open out of the disk, for whoever looks for the cause.
fn keep(dir: &Path) -> Result<PathBuf> {
    let kept = std::env::temp_dir().join(format!("store-faults-kept-{}", std::process::id()));
    let status = Command::new("cp").arg("-a").args([dir, &kept]).status()?;
    anyhow::ensure!(status.success(), "copying {} failed", dir.display());
    Ok(kept)
}

fn verdict(lost: u64, findings: &[Finding], records: usize) -> String {
    if lost == 0 && findings.is_empty() {
        return format!("{records} records compared, all there");
    }
    let told: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.what, finding.problem))
        .collect();
    format!("LOST OR WRONG: {lost}; {}", told.join("; "))
}

/// Records that are missing, wrong, or too many.
fn differences(store: &Store, state: &State) -> u64 {
    let mut right = 0;
    let mut found = 0;
    let scanned = store.scan(Category::Notes, &mut |entry| {
        found += 1;
        let number = u32::from_be_bytes([0, 1, 2, 3].map(|at| entry.id.as_bytes()[at]));
        let expected = state
            .get(&number)
            .map(|&(revision, length)| script::entry(number, revision, length));
        right += u64::from(expected.is_some_and(|expected| expected == entry));
        ControlFlow::Continue(())
    });
    let expected = state.len() as u64;
    if scanned.is_err() {
        expected.max(1)
    } else {
        expected.saturating_sub(right) + found - right
    }
}
