//! A program without any power: gives everything up, then seals or opens one archive.

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use pocket_backup::run;
use pocket_core::BackupFault;
use pocket_sandbox::Limits;

/// What it may take: a record of 8 MiB as JSON several times over, so that a board of 512 MB survives; and an
/// hour of the processor, in which a small board seals some 100 GB.
const LIMITS: Limits = Limits {
    memory: 384 * 1024 * 1024,
    processor_seconds: 3600,
};

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => ExitCode::from(fault.code()),
    }
}

/// Standard input without a buffer of its own, in which keys would stay.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(io::stdin(), into)?)
    }
}

fn work() -> Result<(), BackupFault> {
    // The text of a panic may quote what is in the archive.
    std::panic::set_hook(Box::new(|_| {}));
    pocket_sandbox::enter(LIMITS).map_err(|_| BackupFault::Unsafe)?;
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    run(&mut Unbuffered, &mut out)?;
    // Who no longer listens wants no answer.
    out.flush().map_err(|_| BackupFault::Broke)
}
