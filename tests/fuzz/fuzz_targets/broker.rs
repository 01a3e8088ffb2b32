//! What a broker says survives any bytes, wherever they are cut, and no text reaches the daemon that may not.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [cut, said @ ..] = bytes else { return };
    pocket_gateway::hear_broker(said, usize::from(*cut));
});
