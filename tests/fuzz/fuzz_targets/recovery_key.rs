//! Reading a typed recovery key survives any text, and what was read is written so that it reads back.
#![no_main]
use pocket_crypto::RecoveryKey;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(key) = RecoveryKey::parse(text) {
        let written = key.to_text();
        let written = written.expose_str().expect("a recovery key is plain letters and digits");
        assert!(RecoveryKey::parse(written).is_ok());
    }
});
