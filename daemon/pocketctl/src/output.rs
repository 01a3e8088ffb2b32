//! What is printed: plain lines for people, or JSON. Text that others wrote never reaches the
//! terminal with its control characters.

use std::io::{self, Write};

use serde_json::Value;

use crate::exit::Problem;

/// Where results go.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result in the form that was asked for. `text` must have been escaped.
    pub(crate) fn print(self, json: &Value, text: &str) -> Result<(), Problem> {
        if self.json {
            write_line(&json_line(json))
        } else if text.is_empty() {
            Ok(())
        } else {
            write_line(text)
        }
    }

    /// Prints something that only people are told.
    pub(crate) fn remark(self, text: &str) -> Result<(), Problem> {
        if self.json { Ok(()) } else { write_line(text) }
    }
}

fn write_line(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Problem::output(&error))
}

/// Prints a piece of a text that arrives bit by bit, for people only.
pub(crate) fn write_piece(output: Output, piece: &str) -> Result<(), Problem> {
    if output.is_json() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    write!(out, "{}", escape_piece(piece))
        .and_then(|()| out.flush())
        .map_err(|error| Problem::output(&error))
}

/// `text` with its line ends and tabs, and everything else that could steer a terminal spelt out: the same
/// wherever it is cut.
fn escape_piece(text: &str) -> String {
    replace(text, |c| match c {
        '\n' | '\t' => c.to_string(),
        _ => c.escape_default().collect(),
    })
}

/// A value as one line of JSON. Control characters beyond those that JSON escapes by itself (C1,
/// delete, direction overrides) are escaped too: in JSON they occur within strings only.
pub(crate) fn json_line(value: &Value) -> String {
    replace(&value.to_string(), |c| {
        let mut units = [0; 2];
        let units = c.encode_utf16(&mut units);
        units.iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

/// `text` on one line, with every character that could move a cursor or reorder a line spelt out.
pub(crate) fn escape(text: &str) -> String {
    replace(text, |c| c.escape_default().collect())
}

/// The same over several lines: line ends and tabs stay.
pub(crate) fn escape_lines(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.split('\t').map(escape).collect::<Vec<_>>().join("\t"))
        .collect();
    lines.join("\n")
}

fn replace(text: &str, spell: impl Fn(char) -> String) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.push_str(&spell(c));
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Control characters (C0, C1, delete), line and paragraph separators, and the characters that
/// override the direction of what follows ("Trojan Source", CVE-2021-42574).
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows in aligned columns, two spaces apart. The cells must have been escaped.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<w$}", w = width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_of_others_can_not_steer_the_terminal() {
        assert_eq!(
            escape("a\u{1b}[2Jb\r\n\u{9b}c\u{7f}"),
            "a\\u{1b}[2Jb\\r\\n\\u{9b}c\\u{7f}"
        );
        assert_eq!(escape("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
        assert_eq!(escape("Grüße, 你好 👩‍👧"), "Grüße, 你好 👩‍👧");
        assert_eq!(escape_lines("a\tb\nc\u{7}\r\nd"), "a\tb\nc\\u{7}\nd");
    }

    #[test]
    fn a_text_in_pieces_is_as_safe_as_a_whole_one() {
        let text = "a\tb\nc\u{1b}[2J\r\n\u{202e}d";
        assert_eq!(escape_piece(text), "a\tb\nc\\u{1b}[2J\\r\n\\u{202e}d");
        let pieces: String = text.chars().map(|c| escape_piece(&c.to_string())).collect();
        assert_eq!(pieces, escape_piece(text));
    }

    #[test]
    fn json_is_one_line_and_safe_and_reads_back() {
        let value = json!({"title": "a\u{1b}\u{9b}\u{202e}\n\"x\" ü"});
        let line = json_line(&value);
        assert!(line.chars().all(|c| !is_unsafe(c)), "{line}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(columns(&[row(["a", "b"]), row(["äöü", ""])]), "a    b\näöü");
    }
}
