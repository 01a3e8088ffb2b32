//! What does a stranger's file say? Text, pictures, pages and records out of the bytes of one file.
//!
//! The program of this crate is started for one file. It gets the bytes on standard input, answers on
//! standard output, and has given up everything else before it reads the first byte ([`sandbox`]):
//! whatever a file makes it do, there is no key, file, network or other process within its reach.
//!
//! This crate must never open a file, speak to a network, start a process, or print: what it finds goes
//! into its answer, and why it finds nothing is one of [`Unreadable`].

mod import;
mod input;
mod kind;
mod pdf;
mod picture;
pub mod sandbox;
mod strength;
mod text;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

use pocket_core::{ReaderJob, Unreadable};
use zeroize::Zeroizing;

pub use input::Input;

/// Does what is asked of a file; writes the answer to `out`.
///
/// # Errors
/// [`Unreadable`]: why not, as one of few words.
pub fn answer(input: Input, out: &mut impl Write) -> Result<(), Unreadable> {
    // The text of a panic may quote the file.
    set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(|| run(input, out))).unwrap_or(Err(Unreadable::Damaged))
}

fn run(input: Input, out: &mut impl Write) -> Result<(), Unreadable> {
    let answer = match input.head.job {
        ReaderJob::Describe => return import::describe(&input, out),
        // May be larger than what it was read from: it goes out as it is made.
        ReaderJob::Import => return import::records(&input, out),
        ReaderJob::Page { number } => pdf::page(input.bytes, number),
        ReaderJob::Picture => picture::shown(&input.bytes),
        ReaderJob::Strength => strength::estimate(&Zeroizing::new(input.bytes)),
        ReaderJob::Pixels { side, most } => picture::pixels(&input.bytes, side, most),
        ReaderJob::Text => text::extract(input),
        ReaderJob::Thumbnail => picture::thumbnail(input),
    }?;
    out.write_all(&answer).map_err(|_| Unreadable::Broke)
}
