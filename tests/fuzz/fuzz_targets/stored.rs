//! What lies on the disk (heads, rows, stubs, the journal of a reset) survives any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    pocket_store::fuzzing::read_as_everything(bytes);
});
