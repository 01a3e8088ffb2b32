//! Reading notes in Markdown: front matter, title, tags, body. The body stays as it is, line ends
//! and links included.

use pocket_core::{Note, Property, Record, RecordId, Timestamp, When};
use serde_json::{Map, Value};

use crate::fit::{Fitter, Kept};
use crate::front_matter::{FrontMatter, Split, split};
use crate::hashtags::hashtags;
use crate::text::stem;
use crate::{At, Item, Parsed, Remark, Why};

/// The front matter key under which an export keeps what is ours.
pub(crate) const OURS: &str = "pocketai";

/// Reads one note. `path` is its place in the folder that is imported.
pub(crate) fn read(path: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    parsed.take(At::Note, read_note(path, text));
    parsed
}

/// Reads one note; see [`read`].
pub(crate) fn read_note(path: &str, text: &str) -> Result<Item, Why> {
    let mut fitter = Fitter::default();
    let (mut front, body) = match split(text) {
        Split::Broken => {
            fitter.remark(Remark::FrontMatter);
            (FrontMatter::default(), text)
        }
        Split::None => (FrontMatter::default(), text),
        Split::Read(front, body) => (front, body),
    };
    match front.take_if(OURS, as_ours) {
        Some(ours) => exported(front, ours, body, fitter),
        None => foreign(path, front, body, fitter),
    }
}

/// A note that we once exported: it says itself what its fields are.
fn exported(
    mut front: FrontMatter,
    ours: Map<String, Value>,
    body: &str,
    mut fitter: Fitter,
) -> Result<Item, Why> {
    let kept = Kept {
        id: ours.get("id").and_then(as_id),
        created: front.take_if("created", as_instant),
        updated: front.take_if("updated", as_instant),
        fields: ours
            .get("fields")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    };
    let title = front.take_if("title", as_text).unwrap_or_default();
    let tags = front.take_if("tags", as_tags).unwrap_or_default();
    let path = ours.get("path").and_then(Value::as_str).unwrap_or_default();
    let note = Note {
        title: fitter.line(&title),
        body: body.to_owned(),
        tags: fitter.tags(tags),
        path: fitter.line(path),
        properties: properties(front, &mut fitter),
    };
    fitter.finish(Record::Note(note), kept)
}

/// A note from elsewhere: what it does not say is guessed the way note programs do.
fn foreign(path: &str, mut front: FrontMatter, body: &str, mut fitter: Fitter) -> Result<Item, Why> {
    let kept = Kept {
        created: front
            .take_if("created", as_instant)
            .or_else(|| front.take_if("date", as_instant)),
        updated: front
            .take_if("updated", as_instant)
            .or_else(|| front.take_if("modified", as_instant)),
        ..Kept::default()
    };
    let title = front
        .take_if("title", as_text)
        .filter(|title| !title.trim().is_empty())
        .or_else(|| heading(body))
        .unwrap_or_else(|| stem(path).to_owned());
    let mut tags = front.take_if("tags", as_tags).unwrap_or_default();
    tags.extend(hashtags(body));
    let note = Note {
        title: fitter.line(&title),
        body: body.to_owned(),
        tags: fitter.tags(tags),
        path: fitter.line(path),
        properties: properties(front, &mut fitter),
    };
    fitter.finish(Record::Note(note), kept)
}

fn properties(front: FrontMatter, fitter: &mut Fitter) -> Vec<Property> {
    let all = front.0.into_iter().map(|(name, value)| Property {
        name,
        value: value.to_string(),
    });
    fitter.list(all.collect())
}

/// The text of the first `# heading` outside of code.
fn heading(body: &str) -> Option<String> {
    let mut in_code = false;
    for line in body.lines() {
        if line.starts_with("```") || line.starts_with("~~~") {
            in_code = !in_code;
        }
        let heading = line.strip_prefix("# ").filter(|_| !in_code);
        let heading = heading.map(|heading| heading.trim().trim_end_matches('#').trim_end());
        if let Some(heading) = heading.filter(|heading| !heading.is_empty()) {
            return Some(heading.to_owned());
        }
    }
    None
}

fn as_ours(value: &Value) -> Option<Map<String, Value>> {
    let ours = value.as_object()?;
    ours.get("id").and_then(as_id)?;
    Some(ours.clone())
}

fn as_id(value: &Value) -> Option<RecordId> {
    value.as_str()?.parse().ok()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
    }
}

/// A list of tags, or one text with tags between commas or spaces; `#` in front is dropped.
fn as_tags(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => list.iter().map(as_text).collect::<Option<Vec<_>>>().map(trimmed),
        Value::String(text) => {
            let separator: fn(char) -> bool = if text.contains(',') {
                |next| next == ','
            } else {
                char::is_whitespace
            };
            Some(trimmed(text.split(separator).map(str::to_owned).collect()))
        }
        Value::Null => Some(Vec::new()),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn trimmed(tags: Vec<String>) -> Vec<String> {
    let tags = tags
        .iter()
        .map(|tag| tag.trim().trim_start_matches('#').to_owned());
    tags.filter(|tag| !tag.is_empty()).collect()
}

/// An instant; a day or a time without zone is taken as UTC, for want of the owner's zone.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.trim().parse() {
        return Some(instant);
    }
    let when: When = text.parse().ok()?;
    let time = if when.as_str().contains('T') {
        "Z"
    } else {
        "T00:00:00Z"
    };
    format!("{when}{time}").parse().ok()
}

fn as_instant(value: &Value) -> Option<Timestamp> {
    instant(value.as_str()?)
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
