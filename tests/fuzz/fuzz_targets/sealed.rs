//! Opening a sealed record survives any bytes.
#![no_main]
use pocket_crypto::{Context, Key, Sealer};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let context = Context {
        category: 2,
        generation: 1,
        id: &[7; 16],
        schema: 1,
    };
    drop(Sealer::new(&Key::from_bytes([42; 32])).open(&context, bytes));
});
