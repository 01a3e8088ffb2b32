//! The JSON lines of our own export: `{"category":…,"id":…,"created":…,"updated":…,"fields":{…}}`,
//! for documents with `"file"`, the path of the bytes inside the export.

use pocket_core::{Category, Entry, Record, RecordId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fit::{Fitter, Kept};
use crate::{At, Item, Parsed, Remark, Why, lossless};

/// The folder of the documents' bytes inside an export.
pub(crate) const DOCUMENTS: &str = "documents";

// Field order is the order in the file: `detect` relies on `category` being first.
#[derive(Deserialize, Serialize)]
struct Line {
    category: Category,
    id: RecordId,
    created: Timestamp,
    updated: Timestamp,
    fields: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Reads all lines.
pub(crate) fn read(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for (line, number) in text.lines().zip(1usize..) {
        if !line.trim().is_empty() {
            parsed.take(At::Line(number), read_line(line));
        }
    }
    parsed
}

fn read_line(line: &str) -> Result<Item, Why> {
    let line: Line = serde_json::from_str(line).map_err(|_| Why::NoExportLine)?;
    if matches!(line.category, Category::Audit | Category::Secrets) {
        return Err(Why::StaysOut(line.category));
    }
    let record = Record::deserialize_fields(line.category, Value::Object(line.fields))
        .map_err(|_| Why::OtherFields(line.category))?;
    let kept = Kept {
        id: Some(line.id),
        created: Some(line.created),
        updated: Some(line.updated),
        fields: Map::new(),
    };
    let mut item = Fitter::default().finish(record, kept)?;
    let (file, unsafe_file) = match line.file {
        Some(file) if is_safe(&file) => (Some(file), false),
        other => (None, other.is_some()),
    };
    item.file = file;
    if unsafe_file {
        Remark::ForeignPath.add_to(&mut item.remarks);
    }
    Ok(item)
}

/// Whether a path from a file stays inside the export's folder of documents.
fn is_safe(file: &str) -> bool {
    let name = file
        .strip_prefix(DOCUMENTS)
        .and_then(|rest| rest.strip_prefix('/'));
    name.is_some_and(|name| {
        !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0', '\n', '\r'])
    })
}

/// Adds the entry's line to `out`; `file` is where the bytes of a document are.
pub(crate) fn append(entry: &Entry, file: Option<String>, out: &mut Vec<u8>) {
    let line = Line {
        category: entry.content.category(),
        id: entry.id,
        created: entry.created,
        updated: entry.updated,
        fields: lossless::fields(entry.content.record()),
        file,
    };
    let json = serde_json::to_vec(&line).expect("texts and numbers under text keys are always JSON");
    out.extend(json);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(category: &str, rest: &str) -> String {
        let id = "0".repeat(32);
        let at = "2026-01-01T00:00:00Z";
        format!(r#"{{"category":"{category}","id":"{id}","created":"{at}","updated":"{at}",{rest}}}"#)
    }

    #[test]
    fn bad_lines_secrets_and_paths_that_escape_are_refused() {
        let text = [
            line("settings", r#""fields":{"name":"a","value":"b"}"#),
            line("secrets", r#""fields":{"name":"a"}"#),
            line("audit", r#""fields":{}"#),
            line("settings", r#""fields":{"nome":"a"}"#),
            "{".to_owned(),
        ]
        .join("\n");
        let parsed = read(&text);
        assert_eq!((parsed.items.len(), parsed.skipped.len()), (1, 4));
        for (file, kept) in [
            ("documents/a.pdf", true),
            ("documents/../a", false),
            ("/etc/passwd", false),
            ("documents/a/../../b", false),
            ("documents/", false),
            ("documents\\\\a", false),
        ] {
            let text = line(
                "documents",
                &format!(r#""fields":{{"name":"a"}},"file":"{file}""#),
            );
            let parsed = read(&text);
            let item = parsed.items.first().unwrap();
            assert_eq!(item.file.is_some(), kept, "{file}");
            assert_eq!(!item.remarks.is_empty(), !kept, "{file}");
        }
    }
}
