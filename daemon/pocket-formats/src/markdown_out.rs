//! Writing notes as Markdown files that [`crate::parse`] reads back whole.

use std::collections::HashSet;

use pocket_core::{Entry, Note, Record, RecordId};
use serde_json::{Map, Value, json};

use crate::export::{ExportFile, Unexportable};
use crate::front_matter::plain_json;
use crate::lossless;
use crate::markdown::{OURS, read_note};
use crate::names::{safe_part, with_extension};

/// The folder of the notes inside an export.
const FOLDER: &str = "notes";
/// Longest part of a file's path, in bytes; every file system takes it.
const MAX_PART: usize = 100;
/// Longest path that is taken over from the note, in bytes.
const MAX_PATH: usize = 200;

/// Longest key of the front matter, in bytes; YAML allows 1,024 characters.
const MAX_KEY: usize = 256;

/// The file names that one export has already given away.
#[derive(Default)]
pub struct NoteNames(HashSet<String>);

/// Writes a note as one Markdown file, under `notes/`. Keep one `names` for the whole export, so
/// that no two notes get the same name.
///
/// # Errors
/// [`Unexportable`] when the entry is no note.
pub fn export_note(entry: &Entry, names: &mut NoteNames) -> Result<ExportFile, Unexportable> {
    let Record::Note(note) = entry.content.record() else {
        return Err(Unexportable(entry.content.category()));
    };
    let text = readable(entry, note)
        .unwrap_or_else(|| note_text(entry, note, &[], lossless::lost(entry.content.record(), None)));
    Ok(ExportFile {
        path: names.give(note, entry.id),
        bytes: text.into_bytes(),
    })
}

/// The note with as much of it in readable front matter as YAML allows; `None` if it would not
/// read back at all.
fn readable(entry: &Entry, note: &Note) -> Option<String> {
    let properties = spelled_properties(note);
    let first = note_text(entry, note, &properties, Map::new());
    let read = read_note("", &first).ok()?;
    let lost = lossless::lost(entry.content.record(), Some(read.content.record()));
    if lost.is_empty() {
        return Some(first);
    }
    (read.id == Some(entry.id)).then(|| note_text(entry, note, &properties, lost))
}

/// The properties that can stand in the front matter under their own name.
fn spelled_properties(note: &Note) -> Vec<(&str, Value)> {
    let mut names: Vec<&str> = vec!["title", "created", "updated", "tags", OURS];
    let mut spelled = Vec::new();
    for property in &note.properties {
        let is_key = !names.contains(&property.name.as_str()) && property.name.len() <= MAX_KEY;
        if let (true, Ok(value)) = (is_key, serde_json::from_str(&property.value)) {
            names.push(&property.name);
            spelled.push((property.name.as_str(), value));
        }
    }
    spelled
}

/// The text of a note's file; `lost` is what the readable front matter can't say.
fn note_text(entry: &Entry, note: &Note, properties: &[(&str, Value)], lost: Map<String, Value>) -> String {
    let mut ours = Map::new();
    ours.insert("id".to_owned(), json!(entry.id));
    ours.insert("path".to_owned(), json!(note.path));
    if !lost.is_empty() {
        ours.insert("fields".to_owned(), Value::Object(lost));
    }
    let mut text = "---\n".to_owned();
    let mut line = |key: &str, value: &Value| {
        text.push_str(&format!("{}: {}\n", yaml_key(key), plain_json(value)));
    };
    line("title", &json!(note.title));
    line("created", &json!(entry.created));
    line("updated", &json!(entry.updated));
    line("tags", &json!(note.tags));
    for (name, value) in properties {
        line(name, value);
    }
    line(OURS, &Value::Object(ours));
    text.push_str("---\n");
    text.push_str(&note.body);
    text
}

/// A key as it is where YAML allows that, else quoted.
fn yaml_key(key: &str) -> String {
    let is_plain = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && !matches!(
            key.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off"
        );
    if is_plain {
        key.to_owned()
    } else {
        plain_json(&json!(key))
    }
}

impl NoteNames {
    /// A path for the note that no other note has, letter case aside.
    fn give(&mut self, note: &Note, id: RecordId) -> String {
        let id = id.to_string();
        let short = id.get(..8).unwrap_or(&id);
        let wanted = from_path(&note.path, "").unwrap_or_else(|| from_title(note, short));
        let marked = || from_path(&note.path, &format!(" {id}")).unwrap_or_else(|| from_title(note, &id));
        let path = if self.0.contains(&wanted.to_lowercase()) {
            marked()
        } else {
            wanted
        };
        self.0.insert(path.to_lowercase());
        path
    }
}

fn from_title(note: &Note, mark: &str) -> String {
    let title = if note.title.trim().is_empty() {
        "note"
    } else {
        &note.title
    };
    let name = with_extension(title, &format!(" {mark}"), "md", MAX_PART);
    format!("{FOLDER}/{name}")
}

/// The note's own path made safe, with `mark` at the end of its name; `None` when it has no path,
/// or one so long that some file system would refuse it.
fn from_path(path: &str, mark: &str) -> Option<String> {
    let mut parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let name = parts.pop()?;
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension @ ("md" | "markdown"))) if !stem.is_empty() => (stem, extension),
        _ => (name, "md"),
    };
    let folders = parts.into_iter().map(|part| {
        let part = safe_part(part, MAX_PART - 1);
        // A folder must not get the name that some note's file has.
        let looks_like_file =
            part.to_lowercase().ends_with(".md") || part.to_lowercase().ends_with(".markdown");
        if looks_like_file { format!("{part}_") } else { part }
    });
    let mut all = vec![FOLDER.to_owned()];
    all.extend(folders);
    all.push(with_extension(stem, mark, extension, MAX_PART));
    let path = all.join("/");
    (path.len() <= MAX_PATH).then_some(path)
}
