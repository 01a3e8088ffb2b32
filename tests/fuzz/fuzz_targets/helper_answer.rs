//! Reading what the programs without power answer (the reader of documents, the one of backups) survives any
//! bytes, and so does a backup's program of what the daemon would send it.
#![no_main]
use pocket_core::{BackupFacts, BackupItem, BackupJob, BackupOutside, BackupReport, Extract, FileHead, Strength};
use pocket_crypto::Key;
use serde::Serialize;
use serde::de::DeserializeOwned;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    reads_back::<BackupFacts>(bytes);
    reads_back::<BackupItem>(bytes);
    reads_back::<BackupOutside>(bytes);
    reads_back::<BackupReport>(bytes);
    reads_back::<Extract>(bytes);
    reads_back::<FileHead>(bytes);
    reads_back::<Strength>(bytes);
    // Frames of items that are to be sealed.
    let job = BackupJob::Seal { owner: [9; 32], others: Vec::new() };
    let mut body = postcard::to_stdvec(&job).expect("into memory");
    for key in [Key::from_bytes([2; 32]), Key::from_bytes([3; 32])] {
        body.extend_from_slice(key.expose_bytes());
    }
    let length = u32::try_from(body.len()).expect("short").to_le_bytes();
    let input = [&length, body.as_slice(), bytes].concat();
    drop(pocket_backup::run(&mut input.as_slice(), &mut std::io::sink()));
});

/// What was read and can be written reads back the same.
fn reads_back<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    if let Ok((value, _)) = postcard::take_from_bytes::<T>(bytes) {
        let written = postcard::to_stdvec(&value).expect("into memory");
        let again: T = postcard::from_bytes(&written).expect("it was just written");
        assert!(postcard::to_stdvec(&again).is_ok_and(|twice| twice == written));
    }
}
