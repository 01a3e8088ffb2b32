//! A hit of a search, as agents see it.

use pocket_core::{Hit, Record};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cut;
use crate::results::{LINE, is_untrusted};

/// A record that was found.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub(crate) struct Found {
    pub(crate) category: &'static str,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) snippet: String,
    /// Words of it that fit
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fits: Vec<String>,
    pub(crate) updated: String,
    /// Not the owner's own words
    pub(crate) untrusted: bool,
}

impl From<Hit> for Found {
    fn from(hit: Hit) -> Self {
        let untrusted = is_untrusted(&hit.entry);
        let record = hit.entry.content.record();
        let (title, _) = cut::start(record.title(), LINE);
        // The note on a secret may hint at its value: agents see names only.
        let secret = matches!(record, Record::Secret(_));
        let (snippet, _) = cut::start(if secret { "" } else { &hit.snippet }, LINE);
        Self {
            category: record.category().name(),
            id: hit.entry.id.to_string(),
            title: title.to_owned(),
            snippet: snippet.to_owned(),
            fits: fits(snippet, &hit.marks),
            updated: hit.entry.updated.to_string(),
            untrusted,
        }
    }
}

/// The words that are marked in a snippet, each once. Signs within it would be taken for its own.
fn fits(snippet: &str, marks: &[(u32, u32)]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for (from, to) in marks {
        let range = usize::try_from(*from).ok().zip(usize::try_from(*to).ok());
        let Some(word) = range.and_then(|(from, to)| snippet.get(from..to)) else {
            continue;
        };
        if words
            .iter()
            .all(|known| known.to_lowercase() != word.to_lowercase())
        {
            words.push(word.to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use pocket_core::{Content, Entry, Note, Origin, RecordId, SecretName, Timestamp};

    use super::*;

    fn found(record: Record, snippet: &str, marks: &[(u32, u32)]) -> Found {
        Found::from(Hit {
            entry: Entry {
                id: RecordId::from_bytes([1; 16]),
                created: Timestamp::default(),
                updated: Timestamp::default(),
                revision: 1,
                origin: Origin::Owner,
                content: Content::check(record).unwrap(),
            },
            snippet: snippet.to_owned(),
            marks: marks.to_vec(),
        })
    }

    #[test]
    fn each_word_that_fits_is_named_once() {
        let note = || {
            Record::Note(Note {
                title: "Cat".to_owned(),
                ..Note::default()
            })
        };
        let hit = found(
            note(),
            "Whiskers and whiskers: m\u{fc}de",
            &[(0, 8), (13, 21), (23, 28)],
        );
        assert_eq!(hit.fits, ["Whiskers", "m\u{fc}de"]);
        let hit = found(note(), "short", &[(0, 900), (700, 703)]);
        assert!(hit.fits.is_empty(), "what was cut off fits no more");
        let shown = serde_json::to_string(&hit).unwrap();
        assert!(!shown.contains("fits"), "{shown}");
    }

    #[test]
    fn a_secret_that_is_found_shows_its_name_alone() {
        let secret = Record::Secret(SecretName {
            name: "bank".to_owned(),
            note: "whiskers".to_owned(),
        });
        let hit = found(secret, "whiskers", &[(0, 8)]);
        assert_eq!((hit.title.as_str(), hit.snippet.as_str()), ("bank", ""));
        assert!(hit.fits.is_empty());
    }
}
