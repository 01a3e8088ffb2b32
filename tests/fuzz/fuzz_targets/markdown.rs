//! Whatever a note says, rendering it survives, and nothing in what comes of it acts.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| pocket_web::fuzzing::render(text));
