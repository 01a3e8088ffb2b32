//! The text layer that vCard (RFC 6350) and iCalendar (RFC 5545) share: components between `BEGIN`
//! and `END`, folded lines, escaped texts. Each component is cut out by itself here, so that a
//! broken one cannot take its neighbours along.

use crate::text::starts_with_ignoring_case;

/// Longest line of a file that we write, in bytes without the line end (RFC 6350, section 3.2).
const MAX_LINE: usize = 75;

/// A piece of the stream.
pub(crate) enum Part {
    /// `BEGIN` to `END` of one component, whatever is nested in it included.
    Component {
        /// Its name in capitals: `VCARD`, `VTODO`.
        kind: String,
        /// Its lines, `BEGIN` and `END` included.
        text: String,
        /// Whether its own `END` is there.
        closed: bool,
    },
    /// A line outside of all components, unfolded; `BEGIN:VCALENDAR` is one as well.
    Line(String),
}

/// Components that never stand inside another one: their `BEGIN` ends a component left open.
const OUTERMOST: [&str; 5] = ["VCALENDAR", "VEVENT", "VJOURNAL", "VTODO", "VCARD"];

#[derive(Default)]
struct Splitter {
    parts: Vec<Part>,
    /// The component being read, its text, and how many components are open inside it.
    open: Option<(String, String, usize)>,
    /// How deep inside a vCard 2.1 `AGENT`'s own card we are; it is left out.
    agent: bool,
    /// Whether the last property was an `AGENT` without a value of its own.
    after_agent: bool,
}

/// Takes a stream apart.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let mut splitter = Splitter::default();
    for line in text.lines() {
        splitter.line(line);
    }
    splitter.close(false);
    splitter.parts
}

impl Splitter {
    fn line(&mut self, line: &str) {
        // A line that begins with a space goes on with the one before, whatever it looks like.
        let trimmed = line.trim_end();
        if self.agent {
            self.agent = !trimmed.eq_ignore_ascii_case("END:VCARD");
        } else if let Some(kind) = keyword(trimmed, "BEGIN:") {
            self.begin(kind, line);
        } else if let Some(kind) = keyword(trimmed, "END:") {
            self.end(&kind, line);
        } else {
            self.after_agent = starts_with_ignoring_case(trimmed, "AGENT") && trimmed.ends_with(':');
            self.property(line);
        }
    }

    fn begin(&mut self, kind: String, line: &str) {
        if kind == "VCARD" && self.after_agent && self.open.is_some() {
            (self.agent, self.after_agent) = (true, false);
            return;
        }
        if OUTERMOST.contains(&kind.as_str()) {
            self.close(false);
        }
        if let Some((_, text, depth)) = &mut self.open {
            *depth += 1;
            push_line(text, line);
        } else if kind == "VCALENDAR" {
            self.parts.push(Part::Line("BEGIN:VCALENDAR".to_owned()));
        } else {
            self.open = Some((kind, format!("{line}\r\n"), 0));
        }
    }

    fn end(&mut self, kind: &str, line: &str) {
        if kind == "VCALENDAR" {
            self.close(false);
            return;
        }
        let Some((open, text, depth)) = &mut self.open else {
            return;
        };
        push_line(text, line);
        // What is nested and left open ends with the component around it.
        if open == kind || *depth == 0 {
            let closed = open == kind;
            self.close(closed);
        } else {
            *depth -= 1;
        }
    }

    fn property(&mut self, line: &str) {
        if let Some((_, text, _)) = &mut self.open {
            push_line(text, line);
            return;
        }
        match (line.strip_prefix([' ', '\t']), self.parts.last_mut()) {
            (Some(more), Some(Part::Line(before))) => before.push_str(more),
            _ if line.trim().is_empty() => {}
            _ => self.parts.push(Part::Line(line.to_owned())),
        }
    }

    fn close(&mut self, closed: bool) {
        (self.agent, self.after_agent) = (false, false);
        if let Some((kind, mut text, _)) = self.open.take() {
            if !closed {
                text.push_str(&format!("END:{kind}\r\n"));
            }
            self.parts.push(Part::Component { kind, text, closed });
        }
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push_str("\r\n");
}

/// What follows `BEGIN:` or `END:` on a line, in capitals.
fn keyword(line: &str, word: &str) -> Option<String> {
    starts_with_ignoring_case(line, word)
        .then(|| {
            line.get(word.len()..)
                .unwrap_or_default()
                .trim()
                .to_ascii_uppercase()
        })
        .filter(|kind| {
            !kind.is_empty()
                && kind
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

/// `text` as a value of type TEXT. Control characters have no place there and are dropped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for next in text.replace("\r\n", "\n").chars() {
        match next {
            '\n' | '\r' => escaped.push_str("\\n"),
            '\t' => escaped.push('\t'),
            control if control.is_control() => {}
            '\\' | ',' | ';' => escaped.extend(['\\', next]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The opposite of [`escape`], for values that are taken from a raw line.
pub(crate) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => match rest.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => text.push('\\'),
            },
            other => text.push(other),
        }
    }
    text
}

/// Adds `NAME:value`, folded so that no line has more than 75 bytes and no character is split.
pub(crate) fn fold(out: &mut Vec<u8>, name: &str, value: &str) {
    let mut left = MAX_LINE;
    for next in name.chars().chain([':']).chain(value.chars()) {
        if next.len_utf8() > left {
            out.extend_from_slice(b"\r\n ");
            left = MAX_LINE - 1;
        }
        left -= next.len_utf8();
        let mut buffer = [0; 4];
        out.extend_from_slice(next.encode_utf8(&mut buffer).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(text: &str) -> Vec<String> {
        let shape = |part| match part {
            Part::Component { kind, text, closed } => {
                format!("{kind} {closed} {}", text.lines().count())
            }
            Part::Line(line) => line,
        };
        parts(text).into_iter().map(shape).collect()
    }

    #[test]
    fn components_are_cut_out_even_when_broken() {
        let calendar = "BEGIN:VCALENDAR\nX-WR-CALNAME:Ho\n me\nBEGIN:VTODO\nBEGIN:VALARM\nEND:VALARM\nEND:VTODO\n\
                        BEGIN:VTODO\nBEGIN:VALARM\nEND:VTODO\nbegin:vtodo\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n";
        assert_eq!(
            shapes(calendar),
            [
                "BEGIN:VCALENDAR",
                "X-WR-CALNAME:Home",
                "VTODO true 4",
                "VTODO true 3",
                "VTODO false 2",
                "VEVENT true 2"
            ]
        );
        assert_eq!(
            shapes("BEGIN:VCARD\nFN:a\nBEGIN:VCARD\nFN:b\nEND:VCARD"),
            ["VCARD false 3", "VCARD true 3"]
        );
        assert_eq!(
            shapes("BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nFN:b\nEND:VCARD\nFN:a\nEND:VCARD\n"),
            ["VCARD true 4"]
        );
        assert!(shapes("END:VCARD\n").is_empty());
        assert_eq!(
            shapes("BEGIN:VCARD\nNOTE:a\n BEGIN:VCARD\n END:VCARD\nEND:VCARD\n"),
            ["VCARD true 5"]
        );
    }

    #[test]
    fn long_lines_are_folded_between_characters() {
        let mut out = Vec::new();
        fold(&mut out, "NOTE", &"é".repeat(100));
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.len() <= 75));
        assert_eq!(
            text.replace("\r\n ", "").trim_end(),
            format!("NOTE:{}", "é".repeat(100))
        );
        assert_eq!(unescape(&escape("a\\n\n;,b")), "a\\n\n;,b");
    }
}
