//! Server-sent events, as the HTML standard has them:
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>. Only `data` is
//! listened to: both protocols say in it what an event is.

use super::BadAnswer;

/// Most bytes of one event.
const MOST_EVENT: usize = 256 * 1024;
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A stream of events, cut anywhere.
#[derive(Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_return: bool,
    begun: bool,
}

impl Events {
    /// Takes bytes in and hands over the data of each event that they end.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), BadAnswer>,
    ) -> Result<(), BadAnswer> {
        for &byte in bytes {
            let pair = std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
            match byte {
                _ if pair => {}
                b'\r' | b'\n' => self.end_line(&mut each)?,
                _ if self.line.len() == MOST_EVENT => return Err(BadAnswer::TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self, each: &mut impl FnMut(&[u8]) -> Result<(), BadAnswer>) -> Result<(), BadAnswer> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = line.strip_prefix(MARK).filter(|_| first).unwrap_or(&line);
        if line.is_empty() {
            return self.data.take().map_or(Ok(()), |data| each(&data));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = colon.map_or((line, &[][..]), |at| (&line[..at], &line[at + 1..]));
        if field != b"data" {
            return Ok(());
        }
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let data = match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data
            }
            none => none.insert(Vec::new()),
        };
        if data.len() + value.len() > MOST_EVENT {
            return Err(BadAnswer::TooLong);
        }
        data.extend_from_slice(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, BadAnswer> {
        let mut events = Events::default();
        let mut seen = Vec::new();
        for piece in pieces {
            events.feed(piece, |data| {
                seen.push(String::from_utf8_lossy(data).into_owned());
                Ok(())
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        for (stream, seen) in [
            ("data: YHOO\ndata: +2\ndata: 10\n\n", &["YHOO\n+2\n10"][..]),
            (
                ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
                &["first event", "second event"],
            ),
            ("data\n\ndata\ndata\n\ndata:", &["", "\n"]),
            ("data:test\n\ndata: test\n\n", &["test", "test"]),
        ] {
            assert_eq!(read(&[stream.as_bytes()]).unwrap(), seen, "{stream}");
        }
    }

    #[test]
    fn every_line_end_and_the_byte_order_mark_are_understood() {
        for end in ["\n", "\r", "\r\n"] {
            let stream = format!("\u{feff}event: x{end}data: a{end}{end}data: b{end}data: c{end}{end}");
            assert_eq!(read(&[stream.as_bytes()]).unwrap(), ["a", "b\nc"], "{end:?}");
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes).unwrap(), ["a", "b\nc"], "{end:?}, byte by byte");
        }
        let later = "data: a\n\n\u{feff}data: b\n\n";
        assert_eq!(
            read(&[later.as_bytes()]).unwrap(),
            ["a"],
            "the mark counts at the beginning alone"
        );
    }

    #[test]
    fn an_event_without_end_is_given_up() {
        let fits = format!("data:{}\n\n", "a".repeat(MOST_EVENT - 5));
        assert_eq!(read(&[fits.as_bytes()]).unwrap().len(), 1);
        let line = format!("data:{}", "a".repeat(MOST_EVENT));
        assert_eq!(read(&[line.as_bytes()]).unwrap_err(), BadAnswer::TooLong);
        let lines = "data: aaaaaaaaaaaaaaa\n".repeat(MOST_EVENT / 16 + 1);
        assert_eq!(read(&[lines.as_bytes()]).unwrap_err(), BadAnswer::TooLong);
        assert_eq!(read(&[&vec![b'\n'; MOST_EVENT * 2]]).unwrap().len(), 0);
    }

    proptest! {
        #[test]
        fn it_is_the_same_wherever_it_is_cut(stream in "([a\u{e4}: \r\n]|data|\\[DONE\\]){0,40}", cut in 0_usize..80) {
            let bytes = stream.as_bytes();
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(read(&[left, right]), read(&[bytes]));
        }
    }
}
