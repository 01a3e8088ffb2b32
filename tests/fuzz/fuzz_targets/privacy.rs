//! Filtering survives any text, and what a model echoes comes back as it was, less the letters that nobody sees.
#![no_main]
use pocket_privacy::{CleanPicture, Filter, Known, MOST_TEXT};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    drop(CleanPicture::check(bytes.to_vec()));
    let text = String::from_utf8_lossy(bytes);
    if text.len() > MOST_TEXT {
        return;
    }
    // The first line is known by name, in all ways at once.
    let first = text.lines().next().unwrap_or_default();
    let mut known = Known::builder();
    known.person(&[first]).phone(first).address(first).birthday(first).other(first).secret(first);
    let known = known.build();
    let mut filter = Filter::new();
    let sent = filter.feed(&text, &known).expect("it is short enough");
    let shown = filter.restore(sent.as_str());
    // What nobody sees was left out, or became a space or a line break: of what is left, nothing changes.
    let mut again = Filter::new();
    let sent = again.feed(&shown, &known).expect("it is no longer than before");
    assert_eq!(again.restore(sent.as_str()), shown);
    let mut answering = filter.answering();
    let pieces: String = text.chars().map(|letter| answering.push(letter.encode_utf8(&mut [0; 4]))).collect();
    drop(pieces + &answering.finish());
});
