//! Numbers in texts: grouped as the language of the page has it, and each in an element of its own,
//! which the script shows as the browser's language has it.

use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};

use crate::words::{Words, fill};

/// A text for the page that may hold numbers, as HTML.
#[derive(Clone, Default)]
pub(crate) struct Phrase(String);

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// It is put together from escaped texts and elements that are made here.
impl HtmlSafe for Phrase {}

impl From<&str> for Phrase {
    fn from(text: &str) -> Self {
        Self(escaped(text))
    }
}

impl From<String> for Phrase {
    fn from(text: String) -> Self {
        Self(escaped(&text))
    }
}

impl Phrase {
    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that say something, with `between` between them.
    pub(crate) fn joined(parts: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let said = parts.into_iter().filter(|part| !part.is_empty());
        let said: Vec<String> = said.map(|part| part.0).collect();
        Self(said.join(&escaped(between)))
    }
}

fn escaped(text: &str) -> String {
    // Escaping into memory can't fail.
    escape(text, Html).map_or_else(|never| match never {}, |safe| safe.to_string())
}

/// A number.
pub(crate) fn number(t: &Words, number: u64) -> Phrase {
    Phrase(format!("<data value=\"{number}\">{}</data>", grouped(t, number)))
}

/// A number as plain text, for where no element can stand.
pub(crate) fn grouped(t: &Words, number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push_str(t.thousands);
        }
        out.push(digit);
    }
    out
}

/// A text with its placeholders filled by numbers.
pub(crate) fn phrase(t: &Words, text: &str, numbers: &[u64]) -> Phrase {
    let numbers: Vec<Phrase> = numbers.iter().map(|value| number(t, *value)).collect();
    filled(text, &numbers)
}

/// A text with its placeholders filled by others.
pub(crate) fn filled(text: &str, values: &[Phrase]) -> Phrase {
    let values: Vec<&str> = values.iter().map(|value| value.0.as_str()).collect();
    Phrase(fill(&escaped(text), &values))
}

/// A count with its noun: `1 record`, `2,000 records`. `forms` has the one for 1 and the one for others,
/// with `|` between them.
pub(crate) fn counted(t: &Words, number: u64, forms: &str) -> Phrase {
    phrase(t, form_of(number, forms), &[number])
}

/// The same as plain text.
pub(crate) fn counted_plain(t: &Words, number: u64, forms: &str) -> String {
    fill(form_of(number, forms), &[&grouped(t, number)])
}

fn form_of(number: u64, forms: &str) -> &str {
    let (one, more) = forms.split_once('|').unwrap_or((forms, forms));
    if number == 1 { one } else { more }
}

/// A number of bytes in words: `1.5 MiB`.
pub(crate) fn bytes_in_words(t: &Words, bytes: u64) -> Phrase {
    if bytes < 1024 {
        return counted(t, bytes, t.n_bytes);
    }
    let mut unit = 1024;
    let mut name = "KiB";
    for larger in ["MiB", "GiB"] {
        if bytes / unit >= 1024 {
            unit *= 1024;
            name = larger;
        }
    }
    let tenths = bytes.saturating_mul(10) / unit;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    Phrase(format!(
        "<data value=\"{whole}.{tenth}\">{}{}{tenth}</data> {name}",
        grouped(t, whole),
        t.decimal
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{ENGLISH, GERMAN};

    /// What people read.
    fn read(phrase: &Phrase) -> String {
        let mut text = String::new();
        for (number, part) in phrase.0.split('<').enumerate() {
            text.push_str(if number == 0 {
                part
            } else {
                part.split_once('>').unwrap().1
            });
        }
        text
    }

    #[test]
    fn sizes_are_in_words() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1,023.9 KiB"),
            (1024 * 1024, "1.0 MiB"),
            (1024 * 1024 * 1024, "1.0 GiB"),
            (u64::MAX, "1,717,986,918.3 GiB"),
        ] {
            assert_eq!(read(&bytes_in_words(&ENGLISH, bytes)), words);
        }
        let german = bytes_in_words(&GERMAN, 1_280 * 1024 * 1024 * 1024);
        assert_eq!(german.to_string(), "<data value=\"1280.0\">1.280,0</data> GiB");
    }

    #[test]
    fn numbers_are_grouped_as_the_language_has_it() {
        for (number, english, german) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1.000"),
            (10_000, "10,000", "10.000"),
            (1_234_567, "1,234,567", "1.234.567"),
        ] {
            assert_eq!(grouped(&ENGLISH, number), english);
            assert_eq!(grouped(&GERMAN, number), german);
        }
        let counted = counted(&ENGLISH, 10_000, ENGLISH.n_records);
        assert_eq!(counted.to_string(), "<data value=\"10000\">10,000</data> records");
        assert_eq!(counted_plain(&GERMAN, 1, GERMAN.n_records), "1 Eintrag");
    }

    #[test]
    fn nothing_in_a_phrase_is_markup_but_its_numbers() {
        let part = Phrase::from("<b>&");
        let all = filled("{0} < {1}", &[part, number(&ENGLISH, 7)]);
        let expected = "&#60;b&#62;&#38; &#60; <data value=\"7\">7</data>";
        assert_eq!(all.to_string(), expected);
        let joined = Phrase::joined([Phrase::default(), Phrase::from("a"), Phrase::from("b")], " > ");
        assert_eq!(joined.to_string(), "a &#62; b");
    }
}
