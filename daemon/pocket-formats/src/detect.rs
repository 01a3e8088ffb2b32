//! What kind of thing a file is.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::{decode, file_name, starts_with_ignoring_case};
use crate::whatsapp;

/// How much of a file's beginning [`detect`] looks at: 64 KiB.
pub const HEAD_BYTES: usize = 64 * 1024;

/// A format that this crate reads.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// iCalendar (RFC 5545): tasks.
    Calendar,
    /// A WhatsApp chat export.
    Chat,
    /// vCard 2.1 to 4.0.
    Contacts,
    /// Anything else: a file to keep as it is.
    Document,
    /// The JSON lines of our own export.
    ExportLines,
    /// A note in Markdown.
    Markdown,
    /// The JSON lines of the reference MCP memory server.
    MemoryLines,
    /// A todo.txt list.
    TodoTxt,
}

/// The format of the file called `name` (folders in front do no harm) that begins with `head`, of
/// which at most [`HEAD_BYTES`] are looked at.
pub fn detect(name: &str, head: &[u8]) -> Format {
    let head = head.get(..HEAD_BYTES).unwrap_or(head);
    let name = file_name(name).to_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "vcf" | "vcard" => Format::Contacts,
        "ics" | "ical" | "vcs" => Format::Calendar,
        "md" | "markdown" | "mdown" | "mkd" => Format::Markdown,
        "json" | "jsonl" | "ndjson" => json_lines(&name, head),
        "" | "text" | "txt" => plain_text(&name, head),
        _ => Format::Document,
    }
}

fn plain_text(name: &str, head: &[u8]) -> Format {
    let is_todo =
        matches!(name, "todo.txt" | "done.txt") || name.ends_with(".todo.txt") || name.ends_with(".done.txt");
    if is_todo {
        return Format::TodoTxt;
    }
    // The head may end within a character: a few bytes less are enough to look at.
    let Some(text) = (0..4).find_map(|less| {
        let whole = head.get(..head.len().saturating_sub(less))?;
        decode(whole).filter(|text| text.remark.is_none() || less == 3)
    }) else {
        return Format::Document;
    };
    let text = text.text.trim_start();
    if starts_with_ignoring_case(text, "BEGIN:VCARD") {
        Format::Contacts
    } else if starts_with_ignoring_case(text, "BEGIN:VCALENDAR") {
        Format::Calendar
    } else if whatsapp::looks_like_chat(text) {
        Format::Chat
    } else {
        Format::Document
    }
}

/// JSON files are told apart by their first lines; anything but lines of ours is a document.
fn json_lines(name: &str, head: &[u8]) -> Format {
    let text = String::from_utf8_lossy(head);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let known = lines.take(5).find_map(|line| {
        let by_type = match serde_json::from_str::<Value>(line) {
            Ok(value) if value.get("category").is_some() && value.get("fields").is_some() => {
                return Some(Format::ExportLines);
            }
            Ok(value) => {
                matches!(
                    value.get("type").and_then(Value::as_str),
                    Some("entity" | "relation")
                )
            }
            // A long line may be cut off by the end of the head.
            Err(_) if line.starts_with(r#"{"category":""#) => return Some(Format::ExportLines),
            Err(_) => line.starts_with(r#"{"type":"entity""#) || line.starts_with(r#"{"type":"relation""#),
        };
        by_type.then_some(Format::MemoryLines)
    });
    match known {
        Some(format) => format,
        None if name == "memory.jsonl" => Format::MemoryLines,
        None => Format::Document,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_first_bytes_decide() {
        for (name, head, format) in [
            ("Notes/Garden.MD", "x", Format::Markdown),
            ("a.vcf", "", Format::Contacts),
            ("contacts", "\u{feff}BEGIN:VCARD\r\n", Format::Contacts),
            ("cal.ics", "", Format::Calendar),
            ("cal.txt", "begin:vcalendar", Format::Calendar),
            ("todo.txt", "", Format::TodoTxt),
            ("work.todo.txt", "", Format::TodoTxt),
            ("readme.txt", "buy milk", Format::Document),
            ("x.txt", "12/31/23, 9:41 PM - Ann: hello\n", Format::Chat),
            (
                "_chat.txt",
                "\u{200e}[31/12/2023, 21:41:05] Ann: hello\n",
                Format::Chat,
            ),
            ("memory.jsonl", "", Format::MemoryLines),
            (
                "memory.json",
                "{\"type\":\"entity\",\"name\":\"a\"}\n",
                Format::MemoryLines,
            ),
            ("graph.jsonl", "\n{\"type\":\"relation\"}", Format::MemoryLines),
            (
                "o.jsonl",
                "{\"category\":\"outbox\",\"id\":1,\"fields\":{}}",
                Format::ExportLines,
            ),
            (
                "long.jsonl",
                "{\"category\":\"conversations\",\"fi",
                Format::ExportLines,
            ),
            ("package.json", "{\"type\":\"module\"}", Format::Document),
            ("a.pdf", "%PDF", Format::Document),
        ] {
            assert_eq!(detect(name, head.as_bytes()), format, "{name}");
        }
        assert_eq!(detect("a.txt", b"\xe9\x00\x01"), Format::Document);
    }
}
