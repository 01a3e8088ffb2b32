//! Reading a line of an exported audit log survives any bytes, and what was read reads back.
#![no_main]
use pocket_core::audit::Entry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<Entry>(bytes) {
        let written = serde_json::to_string(&entry).expect("an entry has no type that JSON can't write");
        assert!(serde_json::from_str::<Entry>(&written).is_ok_and(|read| read == entry));
    }
});
