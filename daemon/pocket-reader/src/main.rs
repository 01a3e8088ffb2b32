//! A program without any power: gives everything up, then reads one file.

use std::io::{self, BufWriter, Read, Write};
use std::process::ExitCode;

use pocket_core::Unreadable;
use pocket_reader::{Input, answer, sandbox};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => ExitCode::from(reason.code()),
    }
}

/// Standard input without a buffer of its own, in which a passphrase would stay.
struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(io::stdin(), into)?)
    }
}

fn run() -> Result<(), Unreadable> {
    sandbox::enter().map_err(|_| Unreadable::Unsafe)?;
    let input = Input::read(&mut Unbuffered)?;
    let mut out = BufWriter::new(io::stdout().lock());
    answer(input, &mut out)?;
    // Who no longer listens wants no answer.
    out.flush().map_err(|_| Unreadable::Broke)
}
