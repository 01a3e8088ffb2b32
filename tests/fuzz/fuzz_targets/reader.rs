//! Reading a stranger's file in all the ways that `pocket-reader` has comes to an end, in little time and memory. A
//! panic is an answer there (`damaged`): the program has nothing to lose. The first byte says of what kind the file
//! is said to be.
#![no_main]
use pocket_core::{FileHead, ReaderJob};
use pocket_reader::Input;

const KINDS: [(&str, &str); 10] = [
    ("file", "application/octet-stream"),
    ("a.pdf", "application/pdf"),
    ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("a.odt", "application/vnd.oasis.opendocument.text"),
    ("a.epub", "application/epub+zip"),
    ("a.html", "text/html"),
    ("a.txt", "text/plain"),
    ("a.jpg", "image/jpeg"),
    ("a.png", "image/png"),
    ("notes/a.md", "text/markdown"),
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, file)) = bytes.split_first() else {
        return;
    };
    let (name, media_type) = KINDS[usize::from(*kind) % KINDS.len()];
    for job in [
        ReaderJob::Describe,
        ReaderJob::Import,
        ReaderJob::Page { number: 1 },
        ReaderJob::Picture,
        ReaderJob::Pixels { side: 200, most: 100_000 },
        ReaderJob::Text,
        ReaderJob::Thumbnail,
    ] {
        let head = FileHead {
            job,
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: u64::try_from(file.len()).expect("a file of a fuzzer is short"),
        };
        let head = postcard::to_stdvec(&head).expect("into memory");
        let length = u32::try_from(head.len()).expect("short").to_le_bytes();
        let sent = [&length, head.as_slice(), file].concat();
        let input = Input::read(&mut sent.as_slice()).unwrap_or_else(|_| panic!("it was just made"));
        // Any answer will do.
        pocket_reader::answer(input, &mut std::io::sink()).unwrap_or_default();
    }
});
