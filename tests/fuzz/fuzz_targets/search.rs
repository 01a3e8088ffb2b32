//! A query that an agent wrote, and an index that lies on the disk, survive any bytes. The first line is the query.
#![no_main]
use pocket_core::{Category, Timestamp};
use pocket_search::{Files, Index, Kept, Query, SearchError, search};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (line, file) = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or((bytes, &bytes[..0]), |at| (&bytes[..at], &bytes[at + 1..]));
    let line = String::from_utf8_lossy(line);
    drop(Query::narrowing(&line));
    let Ok(query) = Query::parse(&line) else {
        return;
    };
    let read = |_: u32, offset: u64, most: usize| -> Result<Vec<u8>, SearchError> {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = file.get(from..).unwrap_or_default();
        Ok(rest[..most.min(rest.len())].to_vec())
    };
    let files = Files::new(&read, Kept::default());
    let size = u64::try_from(file.len()).expect("a file of a fuzzer is short");
    let Ok(index) = Index::load(&files, &[(0, size)]) else {
        return;
    };
    drop(index.for_each_card(&files, &mut |_, _, _| {}));
    drop(search(&[(Category::Notes, &index)], &query, 10, Timestamp::from_millis(0), &files));
});
