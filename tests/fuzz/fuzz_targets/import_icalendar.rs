//! Reading iCalendar survives any bytes.
#![no_main]
use pocket_formats::{Format, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(parse(Format::Calendar, "tasks.ics", bytes)));
