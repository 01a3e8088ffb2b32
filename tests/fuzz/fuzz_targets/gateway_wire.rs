//! Reading what the daemon and its gateway say to each other survives any bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pocket_grant::decode_any(bytes));
