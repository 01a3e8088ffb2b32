//! English. One line a text, a file an area; the keys are those of [`Words`].

mod consent;
mod device;
mod entrance;
mod files;
mod frame;
mod log;
mod network;
mod records;
mod tools;
mod trouble;

use super::Words;

/// English.
pub(crate) const ENGLISH: Words = Words::of(
    &consent::WORDS,
    &device::WORDS,
    &entrance::WORDS,
    &files::WORDS,
    &frame::WORDS,
    &log::WORDS,
    &network::WORDS,
    &records::WORDS,
    &tools::WORDS,
    &trouble::WORDS,
);
