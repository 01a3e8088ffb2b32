//! Reading a model's answer survives any bytes, and gives the same however they are cut.
#![no_main]

use pocket_core::Protocol;
use pocket_models::AnswerReader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [kind, cut, answer @ ..] = bytes else { return };
    let protocol = if kind & 1 == 0 { Protocol::Anthropic } else { Protocol::OpenAi };
    let media_type = if kind & 2 == 0 { "text/event-stream" } else { "application/json" };
    let status = if kind & 4 == 0 { 200 } else { 400 };
    let read = |pieces: &[&[u8]]| {
        let mut reader = AnswerReader::new(protocol, Some(media_type), status);
        let mut text = String::new();
        for piece in pieces {
            text.push_str(&reader.feed(piece).unwrap_or_default());
        }
        let finished = reader.finish();
        if let Ok(finished) = &finished
            && media_type == "text/event-stream"
        {
            assert_eq!(finished.text, text);
        }
        finished.map(|finished| (finished.text, finished.stop, finished.tokens))
    };
    let (left, right) = answer.split_at(usize::from(*cut).min(answer.len()));
    assert_eq!(read(&[left, right]), read(&[answer]));
});
