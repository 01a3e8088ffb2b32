//! Writing tasks as iCalendar (RFC 5545).

use pocket_core::{Entry, Task, When};
use serde_json::{Map, Value};

use crate::contacts::{CREATED, FIELDS, ID, UPDATED};
use crate::contacts_out::{compact, uuid};
use crate::front_matter::plain_json;
use crate::lossless;
use crate::tasks::{LIST, read_task};
use crate::unfold::{escape, fold};

/// What stands before the first task.
pub(crate) const HEADER: &[u8] = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//PocketAI//Export//EN\r\n";
/// What stands after the last task.
pub(crate) const FOOTER: &[u8] = b"END:VCALENDAR\r\n";

/// Adds the entry's `VTODO` to `out`.
pub(crate) fn append(entry: &Entry, task: &Task, out: &mut Vec<u8>) {
    let first = todo(entry, task, &Map::new());
    let read = String::from_utf8(first.clone()).ok();
    let read = read.and_then(|text| read_task(&text, "", true).ok());
    let lost = lossless::lost(
        entry.content.record(),
        read.as_ref().map(|item| item.content.record()),
    );
    if lost.is_empty() {
        out.extend(first);
    } else {
        out.extend(todo(entry, task, &lost));
    }
}

fn todo(entry: &Entry, task: &Task, lost: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            fold(&mut out, name, value);
        }
    };
    line("BEGIN", "VTODO");
    line("UID", &uuid(&entry.id.to_string()));
    line("DTSTAMP", &compact(&entry.updated.to_string()));
    line("CREATED", &compact(&entry.created.to_string()));
    line("LAST-MODIFIED", &compact(&entry.updated.to_string()));
    line("SUMMARY", &escape(&task.title));
    line("DESCRIPTION", &escape(&task.notes));
    let tags: Vec<String> = task.tags.iter().map(|tag| escape(tag)).collect();
    line("CATEGORIES", &tags.join(","));
    if let Some(start) = &task.start {
        line(&with_type("DTSTART", start), &compact_when(start));
    }
    if let Some(due) = &task.due {
        line(&with_type("DUE", due), &compact_when(due));
    }
    line("STATUS", if task.done { "COMPLETED" } else { "NEEDS-ACTION" });
    // COMPLETED must be an instant (RFC 5545, section 3.8.2.1); a bare day is kept among our fields.
    if let Some(completed) = task
        .completed
        .as_ref()
        .filter(|when| when.as_str().ends_with('Z'))
    {
        line("COMPLETED", &compact_when(completed));
    }
    if let Some(priority) = task.priority {
        line("PRIORITY", &priority.to_string());
    }
    if is_rule(&task.repeat) {
        line("RRULE", &task.repeat);
    }
    line(LIST, &escape(&task.list));
    line(ID, &entry.id.to_string());
    line(CREATED, &entry.created.to_string());
    line(UPDATED, &entry.updated.to_string());
    if !lost.is_empty() {
        line(FIELDS, &escape(&plain_json(&Value::Object(lost.clone()))));
    }
    line("END", "VTODO");
    out
}

fn with_type(name: &str, when: &When) -> String {
    if when.as_str().contains('T') {
        name.to_owned()
    } else {
        format!("{name};VALUE=DATE")
    }
}

fn compact_when(when: &When) -> String {
    when.as_str().replace(['-', ':'], "")
}

/// Whether a text can stand as a rule without breaking the file for others.
fn is_rule(repeat: &str) -> bool {
    repeat.starts_with("FREQ=")
        && repeat
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b';' | b',' | b'+' | b'-'))
}
