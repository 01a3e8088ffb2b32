//! Kills the store and cuts its power, many times over, and looks for what was lost.
//!
//! `store-faults [--rounds N] [--seed S] [--idle SECONDS]`: N rounds of SIGKILL, then N simulated
//! power cuts (100 each), of a writer that reports each acknowledged commit on a pipe. A power cut is
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

/// What to do.
struct Arguments {
    rounds: u32,
    seed: u64,
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
    let killed = rounds(Fault::Kill, &arguments)?;
    let cut = rounds(Fault::PowerCut, &arguments)?;
    Ok(killed.is_clean() && cut.is_clean())
}

fn rounds(fault: Fault, arguments: &Arguments) -> Result<Tally> {
    let disk = match fault {
        Fault::Kill => None,
        Fault::PowerCut => Some(disk::Disk::make().context("making the disk whose power is cut")?),
    };
    let tally = round::run(fault, disk.as_ref(), arguments.rounds, arguments.seed)?;
    println!("{}: {tally}", fault.name());
    Ok(tally)
}

fn parse(words: &[String]) -> Result<Arguments> {
    let mut arguments = Arguments {
        rounds: 100,
        seed: 1,
        idle: None,
    };
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            bail!("{} needs a number", pair[0])
        };
        let number: u64 = value.parse().with_context(|| format!("{name} {value}"))?;
        match name.as_str() {
            "--rounds" => arguments.rounds = u32::try_from(number)?,
            "--seed" => arguments.seed = number,
            "--idle" => arguments.idle = Some(number),
            _ => bail!("unknown argument {name}: use --rounds N, --seed S, --idle SECONDS"),
        }
    }
    Ok(arguments)
}
