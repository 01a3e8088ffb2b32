//! Reading what comes over the control socket survives any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pocket_wire::decode_any(bytes));
