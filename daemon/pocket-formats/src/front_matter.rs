//! The YAML block at the top of a note.

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

/// The keys and values of a front matter, in the order of the file.
#[derive(Default)]
pub(crate) struct FrontMatter(pub(crate) Vec<(String, Value)>);

/// A note's text, taken apart.
pub(crate) enum Split<'a> {
    /// It has a front matter that is no YAML mapping: all of it is body.
    Broken,
    /// It has none.
    None,
    /// It has one, and the body after it, byte for byte.
    Read(FrontMatter, &'a str),
}

/// Takes the front matter off `text`: from a first line `---` to the next line `---` or `...`.
pub(crate) fn split(text: &str) -> Split<'_> {
    let Some(after) = text.strip_prefix("---") else {
        return Split::None;
    };
    let Some((blank, block)) = after.split_once('\n') else {
        return Split::None;
    };
    if !blank.trim().is_empty() {
        return Split::None;
    }
    let mut end = 0;
    for line in block.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            let (yaml, rest) = block.split_at(end);
            let body = rest.strip_prefix(line).unwrap_or(rest);
            return match read(yaml) {
                Some(front_matter) => Split::Read(front_matter, body),
                None => Split::Broken,
            };
        }
        end += line.len();
    }
    // A rule at the top of a text without a second one is just a rule.
    Split::None
}

/// Reads a YAML mapping; nesting, aliases and size are bounded by the parser's budget.
fn read(yaml: &str) -> Option<FrontMatter> {
    if yaml.trim().is_empty() {
        return Some(FrontMatter::default());
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! { max_documents: 1 },
    };
    serde_saphyr::from_str_with_options(yaml, options).ok()
}

/// JSON text without control characters and the like, which YAML, vCard and iCalendar do not take
/// as they are; YAML as well.
pub(crate) fn plain_json(value: &Value) -> String {
    let json = value.to_string();
    let mut yaml = String::with_capacity(json.len());
    for next in json.chars() {
        // Outside of the texts, which may hold escapes, JSON is plain ASCII.
        if matches!(
            next,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        ) {
            yaml.push_str(&format!("\\u{:04x}", u32::from(next)));
        } else {
            yaml.push(next);
        }
    }
    yaml
}

impl FrontMatter {
    /// Takes the value of a key out, if `read` can read it.
    pub(crate) fn take_if<T>(&mut self, key: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let at = self.0.iter().position(|(name, _)| name == key)?;
        let read = read(&self.0.get(at)?.1)?;
        self.0.remove(at);
        Some(read)
    }
}

impl<'de> Deserialize<'de> for FrontMatter {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = FrontMatter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FrontMatter, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(FrontMatter(pairs))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Option<&str> {
        match split(text) {
            Split::Read(_, body) => Some(body),
            _ => None,
        }
    }

    #[test]
    fn the_block_ends_where_it_ends() {
        assert_eq!(body("---\na: 1\n---\nbody\n---\n"), Some("body\n---\n"));
        assert_eq!(body("---\r\na: 1\r\n---\r\n\r\nbody"), Some("\r\nbody"));
        assert_eq!(body("---\n---\n"), Some(""));
        assert_eq!(body("---\n...\nx"), Some("x"));
        for none in ["", "---", "---\nrule only\n", "--- x\n---\n", " ---\na: 1\n---\n"] {
            assert!(matches!(split(none), Split::None), "{none}");
        }
        for broken in [
            "---\na: [\n---\n",
            "---\n- list\n---\n",
            "---\na: {b\n---\n",
            "---\n\tx: y: z\n---\n",
        ] {
            assert!(matches!(split(broken), Split::Broken), "{broken}");
        }
    }

    #[test]
    fn keys_keep_their_order_and_values_their_type() {
        let Split::Read(FrontMatter(pairs), _) =
            split("---\nz: 1\na: [x, 'y']\nok: true\nday: 2024-01-02\nyes: yes\nn:\n---\n")
        else {
            panic!("not read")
        };
        let text: Vec<_> = pairs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        assert_eq!(
            text,
            [
                "z=1",
                r#"a=["x","y"]"#,
                "ok=true",
                r#"day="2024-01-02""#,
                r#"yes="yes""#,
                "n=null"
            ]
        );
    }

    #[test]
    fn deep_nesting_and_alias_bombs_are_broken_not_fatal() {
        let deep = format!("---\na: {}\n---\n", "[".repeat(100_000));
        assert!(matches!(split(&deep), Split::Broken));
        let mut bomb = "---\na: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (next, last) in ('b'..='z').zip('a'..) {
            bomb.push_str(&format!(
                "{next}: &{next} [*{last},*{last},*{last},*{last},*{last},*{last},*{last}]\n"
            ));
        }
        bomb.push_str("---\n");
        assert!(matches!(split(&bomb), Split::Broken));
    }
}
