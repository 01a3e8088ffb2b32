//! Rich Text Format: control words in a flat stream of bytes, groups in braces.

use encoding_rs::{Encoding, WINDOWS_1252};

use super::Text;

/// Groups that are no text of the document.
const APART: [&[u8]; 10] = [
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"object",
    b"themedata",
    b"datastore",
    b"listtable",
    b"generator",
];
/// Groups inside one another, at most: what lies deeper is read as if it were not.
const DEEPEST: usize = 10_000;

/// What holds within a group.
#[derive(Clone, Copy)]
struct Group {
    hidden: bool,
    /// How many characters stand behind a Unicode character for who can't read it.
    spare: usize,
}

struct Rtf<'a> {
    rest: &'a [u8],
    groups: Vec<Group>,
    now: Group,
    encoding: &'static Encoding,
    /// Bytes of the document's own encoding that wait to be decoded together.
    bytes: Vec<u8>,
    skip: usize,
}

/// Adds the text of a document.
pub(super) fn read(bytes: &[u8], text: &mut Text) {
    let mut rtf = Rtf {
        rest: bytes,
        groups: Vec::new(),
        now: Group {
            hidden: false,
            spare: 1,
        },
        encoding: WINDOWS_1252,
        bytes: Vec::new(),
        skip: 0,
    };
    while let Some(byte) = rtf.next() {
        if text.is_full() {
            return;
        }
        match byte {
            b'{' => {
                rtf.flush(text);
                if rtf.groups.len() < DEEPEST {
                    rtf.groups.push(rtf.now);
                }
            }
            b'}' => {
                rtf.flush(text);
                rtf.now = rtf.groups.pop().unwrap_or(rtf.now);
            }
            b'\\' => rtf.control(text),
            b'\r' | b'\n' => {}
            byte => rtf.letter(byte),
        }
    }
    rtf.flush(text);
}

impl Rtf<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// A byte of text, unless it stands there for who can't read the Unicode character before it.
    fn letter(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if !self.now.hidden {
            self.bytes.push(byte);
        }
    }

    fn flush(&mut self, text: &mut Text) {
        if !self.bytes.is_empty() {
            text.push(&self.encoding.decode_without_bom_handling(&self.bytes).0);
            self.bytes.clear();
        }
    }

    fn control(&mut self, text: &mut Text) {
        let length = self
            .rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        if word.is_empty() {
            return self.symbol(text);
        }
        let digits = |byte: &&u8| byte.is_ascii_digit() || **byte == b'-';
        let length = self.rest.iter().take_while(digits).count();
        let (number, rest) = self.rest.split_at(length);
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let number: Option<i32> = std::str::from_utf8(number)
            .ok()
            .and_then(|digits| digits.parse().ok());
        self.word(word, number, text);
    }

    fn word(&mut self, word: &[u8], number: Option<i32>, text: &mut Text) {
        match (word, number) {
            (b"ansicpg", Some(page)) => {
                let label = format!("windows-{page}");
                self.encoding = Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252);
            }
            (b"uc", Some(spare)) => self.now.spare = usize::try_from(spare).unwrap_or(1).min(16),
            (b"u", Some(code)) => {
                self.flush(text);
                // Above 32767 it is written as a negative number; halves of pairs are passed by.
                let code = u32::try_from(code.rem_euclid(0x1_0000))
                    .ok()
                    .and_then(char::from_u32);
                if let Some(character) = code.filter(|_| !self.now.hidden) {
                    text.push(character.encode_utf8(&mut [0; 4]));
                }
                self.skip = self.now.spare;
            }
            (b"bin", Some(length)) => {
                let length = usize::try_from(length).unwrap_or(0).min(self.rest.len());
                self.rest = self.rest.get(length..).unwrap_or_default();
            }
            (b"par" | b"line" | b"row" | b"sect" | b"page", _) if !self.now.hidden => {
                self.flush(text);
                text.push("\n");
            }
            (b"tab" | b"cell", _) if !self.now.hidden => self.bytes.push(b'\t'),
            (word, _) if APART.contains(&word) => self.now.hidden = true,
            _ => {}
        }
    }

    fn symbol(&mut self, text: &mut Text) {
        match self.next() {
            Some(b'\'') => {
                let byte = self.rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                self.rest = self.rest.get(2..).unwrap_or_default();
                byte.into_iter().for_each(|byte| self.letter(byte));
            }
            Some(b'*') => self.now.hidden = true,
            Some(b'~') => self.letter(b' '),
            Some(b'\r' | b'\n') if !self.now.hidden => {
                self.flush(text);
                text.push("\n");
            }
            Some(byte @ (b'\\' | b'{' | b'}')) => self.letter(byte),
            _ => {}
        }
    }
}
