//! What this door itself reads of what agents send, for tests that feed it any bytes. In no product.

use pocket_core::{Category, Content};
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::arguments::{
    AddArguments, CloudArguments, ConsentArguments, ContactsArguments, DeleteArguments, EditArguments,
    ForgetArguments, GetArguments, ListArguments, NoArguments, RecallArguments, RememberArguments,
    SearchArguments, TasksArguments, parse,
};
use crate::desk::content;
use crate::resources::{Address, begin};
use crate::{cut, results};

/// What one result has room for here, in bytes.
const ROOM: usize = 500;

/// Reads `bytes` as the arguments of every tool, as a resource's address and as a cursor; shows the records that
/// came of it. Must not panic, and who reads on from a cut must get to the end.
///
/// # Panics
/// When one of the readers has a defect.
pub fn read_as_everything(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        std::hint::black_box(Address::parse(text).map(|address| address.id));
        std::hint::black_box(begin(&Category::ALL, text));
    }
    if let Ok(arguments) = serde_json::from_slice::<JsonObject>(bytes) {
        read_as_arguments(&arguments);
    }
}

fn read_as_arguments(arguments: &JsonObject) {
    drop(parse::<CloudArguments>(arguments.clone()));
    drop(parse::<ConsentArguments>(arguments.clone()));
    drop(parse::<ContactsArguments>(arguments.clone()));
    drop(parse::<DeleteArguments>(arguments.clone()));
    drop(parse::<ForgetArguments>(arguments.clone()));
    drop(parse::<GetArguments>(arguments.clone()));
    drop(parse::<ListArguments>(arguments.clone()));
    drop(parse::<NoArguments>(arguments.clone()));
    drop(parse::<RecallArguments>(arguments.clone()));
    drop(parse::<RememberArguments>(arguments.clone()));
    drop(parse::<SearchArguments>(arguments.clone()));
    drop(parse::<TasksArguments>(arguments.clone()));
    if let Ok(add) = parse::<AddArguments>(arguments.clone()) {
        for fields in add.records {
            show(content(add.category.0, fields));
        }
    }
    if let Ok(edit) = parse::<EditArguments>(arguments.clone()) {
        show(content(edit.category.0, edit.fields));
    }
}

/// Shows a record, and reads on from each cut.
fn show<E>(content: Result<Content, E>) {
    let Ok(content) = content else { return };
    let fields = results::shown_fields(content.record());
    for field in cut::shorten(fields.clone(), ROOM).cuts {
        let whole = fields.get(field.name()).cloned().unwrap_or_default();
        let length = whole.as_str().map_or_else(|| whole.to_string().len(), str::len);
        let mut offset = field.next_offset();
        while offset < length {
            let (_, next) = cut::read_on(field.name(), Value::clone(&whole), offset, ROOM);
            let next = next.map_or(length, |next| next.next_offset());
            assert!(next > offset);
            offset = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARGUMENTS: [&str; 4] = [
        r#"{"category":"notes","records":[{"title":"a","body":"b","tags":["c"]}]}"#,
        r#"{"category":"tasks","id":"abababababababababababababababab","fields":{"title":"Milk","due":"2026-12-01"}}"#,
        r#"{"query":"\"a b\" -c tag:d after:2026-01-31","category":"memory","limit":3}"#,
        "pocket://documents/abababababababababababababababab?page=2",
    ];

    #[test]
    fn no_arguments_make_a_reader_panic_wherever_they_are_cut() {
        for text in ARGUMENTS {
            for end in 0..=text.len() {
                read_as_everything(&text.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn who_reads_on_gets_to_the_end_of_a_long_text() {
        let body = "\u{1}\u{20ac}\\\"".repeat(1000);
        let text = serde_json::json!({ "category": "notes", "records": [{ "title": "a", "body": body }] });
        read_as_everything(text.to_string().as_bytes());
    }
}
