//! What a person is known by, and whether a text names it: by whole words, not by likeness. What is spelt
//! otherwise is not found, and who asks says so with `--also`.

use std::collections::BTreeSet;

use pocket_core::{Contact, Record};
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// Digits at the end of a telephone number that have to agree, whatever stands before them: with or without the
/// country, in one country's way of writing or another's.
const DIGITS: usize = 7;

/// What Korean writes behind a name without a space: particles, and forms of address.
const PARTICLES: [&str; 39] = [
    "가",
    "과",
    "군",
    "까지",
    "께",
    "께서",
    "나",
    "는",
    "님",
    "도",
    "라고",
    "라는",
    "랑",
    "로",
    "를",
    "만",
    "보다",
    "부터",
    "씨",
    "아",
    "야",
    "양",
    "에",
    "에게",
    "에게서",
    "에서",
    "와",
    "으로",
    "은",
    "을",
    "의",
    "이",
    "이나",
    "이라고",
    "이라는",
    "이랑",
    "처럼",
    "하고",
    "한테",
];
/// How many of them follow one another at most.
const IN_A_ROW: usize = 3;

/// Names, addresses and numbers of one person.
#[derive(Default)]
pub(super) struct Known {
    /// What it is, and its words.
    phrases: Vec<(&'static str, Vec<String>)>,
    /// The last digits of numbers.
    numbers: Vec<String>,
    /// What is too short to be looked for.
    passed_by: Vec<String>,
}

impl Known {
    /// By a name, and whatever else was typed.
    pub(super) fn of_texts(name: Option<&str>, also: &[String]) -> Self {
        let mut known = Self::default();
        if let Some(name) = name {
            known.name(name);
        }
        for text in also {
            known.either("also", text);
        }
        known
    }

    /// By what a contact says of them besides.
    pub(super) fn add_contact(&mut self, contact: &Contact) {
        self.name(&contact.name);
        self.phrase("nickname", &contact.nickname);
        for email in &contact.emails {
            self.phrase("email", &email.value);
        }
        for phone in &contact.phones {
            self.number(&phone.value);
        }
        for address in &contact.addresses {
            self.phrase("address", &address.value);
        }
        for url in &contact.urls {
            self.phrase("url", url);
        }
    }

    /// What could not be looked for.
    pub(super) fn passed_by(&self) -> &[String] {
        &self.passed_by
    }

    /// Whether there is anything to look for.
    pub(super) const fn is_empty(&self) -> bool {
        self.phrases.is_empty() && self.numbers.is_empty()
    }

    /// By what a record names them, if it does.
    pub(super) fn in_record(&self, record: &Record) -> BTreeSet<&'static str> {
        let mut found = BTreeSet::new();
        record.for_each_text(&mut |text| found.extend(self.in_text(text)));
        found
    }

    /// By what a text names them.
    pub(super) fn in_text(&self, text: &str) -> BTreeSet<&'static str> {
        let words = words(text);
        let mut found: BTreeSet<_> = self
            .phrases
            .iter()
            .filter(|(_, phrase)| words.windows(phrase.len()).any(|window| are(window, phrase)))
            .map(|(what, _)| *what)
            .collect();
        if !self.numbers.is_empty() && has_number(text, &self.numbers) {
            found.insert("phone");
        }
        found
    }

    /// As it is written, and with the last word first, as lists have it.
    fn name(&mut self, text: &str) {
        let mut phrase = words(text);
        self.add("name", phrase.clone(), text);
        if phrase.len() > 1 {
            phrase.rotate_right(1);
            self.add("name", phrase, text);
        }
    }

    fn phrase(&mut self, what: &'static str, text: &str) {
        self.add(what, words(text), text);
    }

    fn either(&mut self, what: &'static str, text: &str) {
        if text.chars().any(char::is_alphabetic) {
            self.phrase(what, text);
        } else {
            self.number(text);
        }
    }

    fn add(&mut self, what: &'static str, phrase: Vec<String>, text: &str) {
        match phrase.as_slice() {
            [] if text.trim().is_empty() => {}
            // One letter is in every text. One ideograph is a word.
            [word] if word.is_ascii() && word.len() == 1 => self.passed_by.push(text.to_owned()),
            [] => self.passed_by.push(text.to_owned()),
            _ if self.phrases.iter().any(|(_, known)| *known == phrase) => {}
            _ => self.phrases.push((what, phrase)),
        }
    }

    fn number(&mut self, text: &str) {
        // An extension is dialled by hand: it is not among the digits that are written everywhere.
        let number = text
            .split(char::is_alphabetic)
            .find(|part| digits(part).count() > 0);
        let digits: String = digits(number.unwrap_or_default()).collect();
        match digits
            .len()
            .checked_sub(DIGITS)
            .and_then(|from| digits.get(from..))
        {
            Some(last) => self.numbers.push(last.to_owned()),
            None => self.passed_by.push(text.to_owned()),
        }
    }
}

/// The words of a text, in one spelling of each letter and without capitals.
fn words(text: &str) -> Vec<String> {
    // Through capitals, so that letters which have none of their own, or two small ones, are the same: ß, ς. A
    // soft hyphen is a place to break a line.
    let seen = text.nfkc().filter(|c| *c != '\u{ad}');
    let plain: String = seen
        .collect::<String>()
        .to_uppercase()
        .to_lowercase()
        .replace('ς', "σ");
    plain
        .unicode_words()
        .flat_map(|word| word.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether words are those of a phrase; the last of them may have particles.
fn are(window: &[String], phrase: &[String]) -> bool {
    let (Some((said, before)), Some((known, first))) = (window.split_last(), phrase.split_last()) else {
        return false;
    };
    before == first && (said == known || has_particles(said, known))
}

fn has_particles(said: &str, known: &str) -> bool {
    // One syllable is the beginning of too many words.
    let is_hangul = |c: char| ('\u{ac00}'..='\u{d7a3}').contains(&c);
    known.chars().count() > 1
        && known.chars().all(is_hangul)
        && said
            .strip_prefix(known)
            .is_some_and(|rest| are_particles(rest, IN_A_ROW))
}

fn are_particles(text: &str, most: usize) -> bool {
    let Some(most) = most.checked_sub(1) else {
        return false;
    };
    let mut rests = PARTICLES
        .iter()
        .filter_map(|particle| text.strip_prefix(particle));
    rests.any(|rest| rest.is_empty() || are_particles(rest, most))
}

fn digits(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .filter_map(|c| c.to_digit(10))
        .filter_map(|digit| char::from_digit(digit, 10))
}

/// Whether one of the numbers ends where a group of digits in the text ends.
fn has_number(text: &str, numbers: &[String]) -> bool {
    let text: String = text.nfkc().collect();
    let written = |c: char| {
        c.is_ascii_digit()
            || c.is_whitespace()
            || "-\u{2010}\u{2011}\u{2012}\u{2013}\u{2014}\u{2212}/().+".contains(c)
    };
    text.split(|c: char| !written(c)).any(|run| {
        let mut before = String::new();
        run.split(|c: char| !c.is_ascii_digit()).any(|group| {
            before.push_str(group);
            !group.is_empty() && numbers.iter().any(|number| before.ends_with(number.as_str()))
        })
    })
}

#[cfg(test)]
mod tests {
    use pocket_core::{Labelled, Note};

    use super::*;

    fn labelled(value: &str) -> Vec<Labelled> {
        vec![Labelled {
            label: String::new(),
            value: value.to_owned(),
        }]
    }

    fn anna() -> Known {
        let mut known = Known::default();
        known.add_contact(&Contact {
            name: "Anna Schmidt".to_owned(),
            nickname: "Anni".to_owned(),
            phones: labelled("+49 30 1234567"),
            emails: labelled("Anna.Schmidt@example.org"),
            addresses: labelled("Hauptstr. 1, 10115 Berlin"),
            ..Contact::default()
        });
        known
    }

    fn found(known: &Known, text: &str) -> Vec<&'static str> {
        known.in_text(text).into_iter().collect()
    }

    #[test]
    fn a_person_is_found_by_each_thing_that_is_known_of_them_and_the_thing_is_named() {
        let known = anna();
        for (text, by) in [
            ("lunch with ANNA  schmidt's sister", "name"),
            ("Schmidt, Anna (absent)", "name"),
            ("Anni called", "nickname"),
            ("Hauptstr 1\n10115 Berlin", "address"),
            ("call 030/123 45 67 today", "phone"),
            ("call (0049) 30-1234567.", "phone"),
            ("123-4567", "phone"),
            ("on 2026-11-22 030 1234567", "phone"),
            ("030\u{2013}123\u{2011}4567", "phone"),
            ("Anna\u{ad} Schmidt", "name"),
        ] {
            assert_eq!(found(&known, text), [by], "{text}");
        }
        assert!(found(&known, "<anna.schmidt@EXAMPLE.org>").contains(&"email"));
    }

    #[test]
    fn what_is_only_alike_is_not_found() {
        let known = anna();
        for text in [
            "Anna",
            "Anna and Schmidt",
            "Hanna Schmidt",
            "Anna Schmidtke",
            "Annika",
            "Hauptstr. 12, 10115 Berlin",
            "030 1234568",
            "030 12345671",
            "12, 34567",
            "",
        ] {
            assert_eq!(found(&known, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn letters_are_the_same_in_every_spelling_and_scripts_without_spaces_have_words() {
        let known = Known::of_texts(Some("Ren\u{e9} Müller"), &["田中".to_owned()]);
        assert_eq!(found(&known, "RENE\u{301} MÜLLER"), ["name"]);
        assert_eq!(found(&known, "昨日田中さんに"), ["also"]);
        assert_eq!(found(&known, "Rene Müller"), [""; 0]);
        let mut known = Known::of_texts(Some("Hans Groß"), &["Νίκος".to_owned()]);
        known.add_contact(&Contact {
            phones: labelled("+49 30 7654321 ext 12"),
            ..Contact::default()
        });
        for text in ["HANS GROSS", "ΝΊΚΟΣ", "030 7654321"] {
            assert_eq!(found(&known, text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_korean_name_is_found_with_what_is_written_behind_it() {
        let known = Known::of_texts(Some("김안나"), &["이 서연".to_owned(), "박".to_owned()]);
        for text in [
            "김안나는",
            "김안나 씨에게",
            "김안나씨에게서는",
            "어제 김안나, 오늘",
            "\u{1100}\u{1175}\u{11b7}안나가",
        ] {
            assert_eq!(found(&known, text), ["name"], "{text}");
        }
        assert_eq!(found(&known, "이 서연이랑"), ["also"]);
        for text in [
            "김안나리",
            "김안나무",
            "김안나는는는는",
            "김안",
            "이는 서연",
            "박은",
        ] {
            assert_eq!(found(&known, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_too_short_is_said_and_not_looked_for() {
        let known = Known::of_texts(None, &["A".to_owned(), "112".to_owned(), "…".to_owned()]);
        assert!(known.is_empty());
        assert_eq!(known.passed_by(), ["A", "112", "…"]);
        assert_eq!(found(&known, "A 112 …"), [""; 0]);
        assert!(Known::of_texts(Some("  "), &[]).is_empty());
    }

    #[test]
    fn every_text_of_a_record_counts() {
        let note = Note {
            title: "Plans".to_owned(),
            tags: vec!["anna schmidt".to_owned()],
            ..Note::default()
        };
        assert!(anna().in_record(&Record::Note(note)).contains("name"));
    }
}
