//! What is wrong with a record, in the words of its form.

use pocket_core::{Category, Content, Failure, FailureKind, InvalidRecord, Problem, Record};

use super::form::inputs;
use crate::words::{Words, fill};

/// Checks a record that someone typed.
pub(crate) fn check(t: &Words, record: Record) -> Result<Content, Failure> {
    let blank = record.clone();
    Content::check(record).map_err(|invalid| in_words(t, &blank, &invalid))
}

fn in_words(t: &Words, record: &Record, invalid: &InvalidRecord) -> Failure {
    let message = fill(told(t, invalid.problem()), &[label(t, record, invalid.field())]);
    Failure::new(FailureKind::Invalid, message, t.correct_field)
}

/// What is wrong with a record of this category. A field that it does not have is not named.
pub(crate) fn of_category(t: &Words, category: Category, field: &str, problem: Problem) -> String {
    let record = super::form::blank(category);
    let label = record.map_or(t.the_record, |record| label(t, &record, field));
    fill(told(t, problem), &[label])
}

const fn told(t: &Words, problem: Problem) -> &'static str {
    match problem {
        Problem::Empty => t.invalid_empty,
        Problem::LineBreak => t.invalid_line_break,
        Problem::NoPercentage => t.invalid_percentage,
        Problem::NoPriority => t.invalid_priority,
        Problem::TooLarge => t.invalid_too_large,
        Problem::TooLong => t.invalid_too_long,
        Problem::TooMany => t.invalid_too_many,
    }
}

/// What the form calls a field; of what stands in several fields, what they are.
fn label(t: &Words, record: &Record, field: &str) -> &'static str {
    let input = inputs(t, record).into_iter().find(|input| input.name == field);
    match (input, field) {
        (Some(input), _) => input.label,
        (None, "a phone number") => t.telephone,
        (None, "a tag") => t.tags,
        (None, "an e-mail address") => t.email,
        (None, _) => t.the_record,
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{Contact, Labelled, Memory, Note, Task};

    use super::*;
    use crate::words::GERMAN;

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_form() {
        let long = "x".repeat(1025);
        let phone = Labelled {
            label: String::new(),
            value: long.clone(),
        };
        for (record, said) in [
            (Record::Note(Note::default()), "\u{201e}Titel\u{201c} ist leer"),
            (
                Record::Task(Task {
                    title: long,
                    ..Task::default()
                }),
                "\u{201e}Was zu tun ist\u{201c} ist l\u{e4}nger als 1 KiB",
            ),
            (
                Record::Memory(Memory {
                    text: "t".to_owned(),
                    confidence: Some(101),
                    ..Memory::default()
                }),
                "\u{201e}Gewissheit\u{201c} ist \u{fc}ber 100",
            ),
            (
                Record::Contact(Contact {
                    name: "n".to_owned(),
                    phones: vec![phone],
                    ..Contact::default()
                }),
                "\u{201e}Telefon\u{201c} ist l\u{e4}nger als 1 KiB",
            ),
        ] {
            let failure = check(&GERMAN, record).err().unwrap();
            assert!(failure.message.starts_with(said), "{}", failure.message);
        }
    }
}
