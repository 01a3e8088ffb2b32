//! What the pages read of a request survives any bytes: forms of pairs and of parts, the records in them, cookies
//! and languages.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pocket_web::fuzzing::read_as_request(bytes));
