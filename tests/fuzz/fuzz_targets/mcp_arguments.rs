//! What agents send as arguments, addresses and cursors survives any bytes, and long records can be read to their end.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pocket_mcp::fuzzing::read_as_everything(bytes));
