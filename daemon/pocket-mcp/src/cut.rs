//! Keeping results small: long fields are cut, and can be read on from where the cut is.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// Most bytes of JSON in one result. A model reads the result either as text or as structured
/// content, so this counts one of the two copies.
pub(crate) const MOST_RESULT: usize = 8 * 1024;
/// What a result needs around its records: braces, cursor, counts.
const AROUND: usize = 256;
/// What a field needs around its value: quotes, colon, comma, and its line in the list of cuts.
const AROUND_FIELD: usize = 100;

/// A field that is longer than what is shown of it.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct Cut {
    field: String,
    next_offset: usize,
    length: usize,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Cut {
    pub(crate) fn name(&self) -> &str {
        &self.field
    }

    pub(crate) const fn next_offset(&self) -> usize {
        self.next_offset
    }
}

/// Fields, each cut to fit, and which were cut.
pub(crate) struct Shortened {
    pub(crate) fields: Map<String, Value>,
    pub(crate) cuts: Vec<Cut>,
}

/// Cuts the longest of `fields` until together they take about `budget` bytes as JSON.
pub(crate) fn shorten(fields: Map<String, Value>, budget: usize) -> Shortened {
    let sizes = fields.iter().map(|(name, value)| name.len() + json_len(value));
    let room = budget.saturating_sub(fields.len() * AROUND_FIELD);
    let most = water_level(sizes.collect(), room);
    let mut cuts = Vec::new();
    let cut = |(name, value): (String, Value)| {
        let room = most.saturating_sub(name.len());
        if json_len(&value) <= room {
            return (name, value);
        }
        let text = text_form(value);
        let shown = piece(&text, 0, room);
        cuts.push(Cut {
            field: name.clone(),
            next_offset: shown.len(),
            length: text.len(),
        });
        (name, Value::String(shown.to_owned()))
    };
    let fields = fields.into_iter().map(cut).collect();
    Shortened { fields, cuts }
}

/// One field from `offset` on, and the cut if it goes on after that.
pub(crate) fn read_on(name: &str, value: Value, offset: usize, budget: usize) -> (String, Option<Cut>) {
    let text = text_form(value);
    let from = boundary_at_or_before(&text, offset);
    let shown = piece(&text, from, budget);
    let end = from + shown.len();
    let cut = (end < text.len()).then(|| Cut {
        field: name.to_owned(),
        next_offset: end,
        length: text.len(),
    });
    (shown.to_owned(), cut)
}

/// As many of `rows` as fit into one result, and whether some were left out. A first row is always
/// there: a page without one would never end.
pub(crate) fn fitting<T: Serialize>(rows: Vec<T>) -> (Vec<T>, bool) {
    let mut room = MOST_RESULT - AROUND;
    let count = rows.len();
    let mut kept = Vec::new();
    for row in rows {
        let size = json_len(&row) + 1;
        if size > room && !kept.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        kept.push(row);
    }
    let left_out = kept.len() < count;
    (kept, left_out)
}

/// The start of `text`, at most `most` bytes, and whether that is not all.
pub(crate) fn start(text: &str, most: usize) -> (&str, bool) {
    let end = boundary_at_or_before(text, most);
    (&text[..end], end < text.len())
}

/// The level to which the largest must sink so that all together fit into `room`.
fn water_level(mut sizes: Vec<usize>, mut room: usize) -> usize {
    sizes.sort_unstable();
    let mut left = sizes.len();
    for size in sizes {
        let share = room / left;
        if size > share {
            return share;
        }
        room -= size;
        left -= 1;
    }
    usize::MAX
}

/// What is cut is cut as text.
fn text_form(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// `text` from `offset` on, as far as it fits into `room` bytes of JSON; at least one character, so
/// that reading on always gets somewhere.
fn piece(text: &str, offset: usize, room: usize) -> &str {
    let rest = &text[offset..];
    let mut used = 0usize;
    for (at, character) in rest.char_indices() {
        used += escaped_len(character);
        if used > room && at > 0 {
            return &rest[..at];
        }
    }
    rest
}

/// Bytes of a character inside a JSON string, as serde_json writes it (RFC 8259, section 7).
fn escaped_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

fn boundary_at_or_before(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn json_len(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Map<String, Value> {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Value::from(*text)))
            .collect()
    }

    #[test]
    fn only_the_long_field_is_cut() {
        let short = shorten(fields(&[("title", "Milk"), ("body", "two litres")]), 7_000);
        assert!(short.cuts.is_empty());
        assert_eq!(short.fields["body"], "two litres");

        let long = shorten(fields(&[("title", "Milk"), ("body", &"x".repeat(50_000))]), 7_000);
        assert_eq!(long.fields["title"], "Milk");
        assert_eq!(long.cuts.len(), 1);
        assert_eq!(long.cuts[0].length, 50_000);
        assert!(json_len(&long.fields) <= 7_000);
        assert!(json_len(&long.fields) > 6_000, "the room is used");
    }

    #[test]
    fn a_page_is_full_but_never_over_and_never_empty() {
        let (rows, left_out) = fitting(vec!["x".repeat(1_000); 20]);
        assert_eq!((rows.len(), left_out), (7, true));
        let (rows, left_out) = fitting(vec!["x".repeat(100_000)]);
        assert_eq!((rows.len(), left_out), (1, false));
        let (rows, left_out) = fitting(vec!["short".to_owned()]);
        assert_eq!((rows.len(), left_out), (1, false));
    }

    proptest! {
        #[test]
        fn reading_on_gives_the_whole_text_back(text in "\\PC{0,300}|[\\x00-\\x7f\u{e9}\u{1f600}]{0,300}", room in 1usize..50) {
            let value = Value::String(text.clone());
            let (mut whole, mut cut) = read_on("body", value.clone(), 0, room);
            while let Some(Cut { next_offset, .. }) = cut {
                prop_assert_eq!(next_offset, whole.len());
                let (more, next) = read_on("body", value.clone(), next_offset, room);
                prop_assert!(!more.is_empty());
                whole.push_str(&more);
                cut = next;
            }
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn escaped_lengths_are_those_of_the_serializer(text in "[\\x00-\\x7f\u{e9}\u{2028}\u{1f600}]{0,50}") {
            let counted: usize = text.chars().map(escaped_len).sum();
            prop_assert_eq!(counted + 2, json_len(&text));
        }

        #[test]
        fn an_offset_inside_a_character_does_not_panic(offset in 0usize..20) {
            let text = "a\u{1f600}b\u{e9}";
            let (shown, _) = read_on("body", Value::from(text), offset, 100);
            prop_assert!(text.ends_with(&shown));
        }
    }
}
