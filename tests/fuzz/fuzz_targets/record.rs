//! Reading a stored record survives any bytes, and what was read is written so that it reads back.
#![no_main]
use pocket_core::Content;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(content) = postcard::from_bytes::<Content>(bytes) {
        let written = postcard::to_stdvec(&content).expect("a record has no type that postcard can't write");
        assert!(postcard::from_bytes(&written) == Ok(content));
    }
});
