//! Kills the store and cuts its power, many times over, and looks for what was lost.
//!
//! `store-faults [--rounds N] [--seed S] [--only kill|cut] [--workload NAME] [--idle SECONDS]`: N rounds
//! of SIGKILL, then N simulated power cuts (100 each), of a writer that reports each acknowledged commit
//! on a pipe; or of one of the two, or with one of the workloads `single`, `batched`, `import`, `large`, `grouped`, `rekey`,
//! which otherwise take turns. A power cut is
//! an ext4 on a loop device that is shut down without writing anything more (`FS_IOC_SHUTDOWN`, no log
//! flush), unmounted and mounted again. After each round the store is opened and compared, record by
//! record, with what was acknowledged. Power cuts need root, loop devices, `mkfs.ext4` and `python3`.
//! Exit code 1 when anything acknowledged is lost, torn, wrong or unreadable.

mod disk;
mod idle;
mod round;
mod script;
mod writer;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use round::{Fault, Tally};
use script::Workload;

/// What to do.
struct Arguments {
    rounds: u32,
    seed: u64,
    only: Option<Fault>,
    workload: Option<Workload>,
    idle: Option<u64>,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("store-faults: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "writer") {
        writer::run(&words[1..])?;
        return Ok(true);
    }
    let arguments = parse(&words)?;
    if let Some(seconds) = arguments.idle {
        return idle::run(seconds);
    }
    println!("seed {}", arguments.seed);
    let mut clean = true;
    for fault in [Fault::Kill, Fault::PowerCut] {
        if arguments.only.is_none_or(|only| only == fault) {
            clean &= rounds(fault, &arguments)?.is_clean();
        }
    }
    Ok(clean)
}

fn rounds(fault: Fault, arguments: &Arguments) -> Result<Tally> {
    let disk = match fault {
        Fault::Kill => None,
        Fault::PowerCut => Some(disk::Disk::make().context("making the disk whose power is cut")?),
    };
    let tally = round::run(
        fault,
        disk.as_ref(),
        arguments.rounds,
        arguments.seed,
        arguments.workload,
    )?;
    println!("{}: {tally}", fault.name());
    Ok(tally)
}

fn parse(words: &[String]) -> Result<Arguments> {
    let mut arguments = Arguments {
        rounds: 100,
        seed: 1,
        only: None,
        workload: None,
        idle: None,
    };
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            bail!("{} needs a value", pair[0])
        };
        let number = || value.parse::<u64>().with_context(|| format!("{name} {value}"));
        match name.as_str() {
            "--rounds" => arguments.rounds = u32::try_from(number()?)?,
            "--seed" => arguments.seed = number()?,
            "--idle" => arguments.idle = Some(number()?),
            "--only" => arguments.only = Some(fault(value)?),
            "--workload" => arguments.workload = Some(workload(value)?),
            _ => bail!(
                "unknown argument {name}: use --rounds N, --seed S, --only kill|cut, \
                 --workload NAME, --idle SECONDS"
            ),
        }
    }
    Ok(arguments)
}

fn fault(name: &str) -> Result<Fault> {
    Ok(match name {
        "kill" => Fault::Kill,
        "cut" => Fault::PowerCut,
        _ => bail!("--only {name}: use kill or cut"),
    })
}

fn workload(name: &str) -> Result<Workload> {
    let named = Workload::ALL.into_iter().find(|workload| workload.name() == name);
    named.with_context(|| format!("--workload {name}: use one of those that the head of this program names"))
}
