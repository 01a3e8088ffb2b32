//! Reading a keyring survives any bytes, and what was read is written so that it reads back.
#![no_main]
use pocket_crypto::Keyring;
use sha2::{Digest, Sha256};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // With the right checksum behind it: no mutation would ever find one.
    let file = [bytes, Sha256::digest(bytes).as_slice()].concat();
    for file in [bytes, &file] {
        if let Ok(keyring) = Keyring::parse(file) {
            assert!(Keyring::parse(&keyring.to_bytes()).is_ok());
        }
    }
});
