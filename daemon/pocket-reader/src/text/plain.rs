//! Bytes to text, in whatever encoding they are.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How far into a page its encoding may be declared, as browsers have it.
const DECLARED_WITHIN: usize = 1024;
/// How much of a text is looked at to guess whether it is one.
const LOOKED_AT: usize = 64 * 1024;

/// The text that the bytes are; `None` when they are none.
pub(super) fn decode(bytes: &[u8]) -> Option<String> {
    let (encoding, bytes) = encoding(bytes)?;
    let text = encoding.decode_without_bom_handling(bytes).0;
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}' | '\u{1a}');
    if text.chars().take(LOOKED_AT).any(odd) {
        return None;
    }
    Some(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The encoding by its mark, by its looks, or by a guess; and the bytes behind the mark.
fn encoding(bytes: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return Some((encoding, bytes.get(mark..)?));
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Some((UTF_8, bytes));
    }
    let head = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    if head.contains(&0) {
        return wide(head).map(|encoding| (encoding, bytes));
    }
    Some((guess(bytes), bytes))
}

/// UTF-16 without its mark: every other byte of Western text is 0.
fn wide(head: &[u8]) -> Option<&'static Encoding> {
    let zeros = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    let many = head.len() / 4;
    match (even > many, odd > many) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// A page: its mark counts first, then what it declares, then a guess.
pub(super) fn decode_html(bytes: &[u8]) -> String {
    let declared = || {
        let head = String::from_utf8_lossy(bytes.get(..DECLARED_WITHIN).unwrap_or(bytes)).to_lowercase();
        let after = head.split_once("charset=")?.1.trim_start_matches(['"', '\'']);
        let label = after.split(|c: char| !(c.is_ascii_alphanumeric() || "-_:".contains(c)));
        Encoding::for_label(label.into_iter().next()?.as_bytes())
    };
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let valid = || std::str::from_utf8(bytes).is_ok().then_some(UTF_8);
    let encoding = marked
        .or_else(valid)
        .or_else(declared)
        .unwrap_or_else(|| guess(bytes));
    encoding.decode(bytes).0.into_owned()
}

/// A part of an office file: UTF-8 or, by its mark, UTF-16.
pub(super) fn decode_xml(bytes: Vec<u8>) -> String {
    match Encoding::for_bom(&bytes) {
        Some((encoding, _)) => encoding.decode(&bytes).0.into_owned(),
        None => String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    }
}
