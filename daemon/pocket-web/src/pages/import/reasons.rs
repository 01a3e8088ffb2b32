//! Why something did not come in, or came in changed, in the language of the page.

use pocket_formats::{At, ParseError, Remark, Skipped, Why};

use super::report::Report;
use crate::pages::records::invalid;
use crate::present::{counted_plain, length, title_of};
use crate::words::{Words, fill};

/// What was left out: where, and why.
pub(super) fn skipped(t: &Words, skipped: &Skipped) -> String {
    format!("{}: {}", place(t, skipped.at), why(t, &skipped.why))
}

/// How a record differs from what the file says.
pub(super) fn remarks(t: &Words, number: usize, remarks: &[Remark], report: &mut Report) {
    for one in remarks {
        report.tell(format!("{}: {}", place(t, At::Record(number)), remark(t, *one)));
    }
}

/// Why nothing in a file can be read.
pub(super) const fn failed(t: &Words, error: ParseError) -> &'static str {
    match error {
        ParseError::NoRecords => t.left_no_records,
        ParseError::NotText => t.left_not_text,
        ParseError::TooLarge => t.left_too_large,
    }
}

fn place(t: &Words, at: At) -> String {
    let (text, number) = match at {
        At::Card(number) => (t.at_card, number),
        At::File => return t.at_file.to_owned(),
        At::Line(number) => (t.at_line, number),
        At::Note => return t.at_note.to_owned(),
        At::Part(number) => (t.at_part, number),
        At::Record(number) => (t.import_place, number),
        At::Task(number) => (t.at_task, number),
    };
    fill(text, &[&number.to_string()])
}

fn why(t: &Words, why: &Why) -> String {
    let text = match why {
        Why::CalendarParts(count) => return some(t, *count, t.n_calendar_parts),
        Why::Events(count) => return some(t, *count, t.n_events),
        Why::FreeBusy(count) => return some(t, *count, t.n_free_busy),
        Why::Invalid {
            category,
            field,
            problem,
        } => return invalid::of_category(t, *category, field, *problem),
        Why::Journal(count) => return some(t, *count, t.n_journal),
        Why::OtherFields(category) => return fill(t.left_other_fields, &[title_of(t, *category)]),
        Why::StaysOut(category) => return fill(t.left_stays_out, &[title_of(t, *category)]),
        Why::BeforeFirstMessage => t.left_before_message,
        Why::BytesApart => t.import_bytes_apart,
        Why::Nameless => t.left_nameless,
        Why::NoCard => t.left_no_card,
        Why::NoContact => t.left_no_contact,
        Why::NoExportLine => t.left_no_export_line,
        Why::NoFact => t.left_no_fact,
        Why::NoJson => t.left_no_json,
        Why::NoMessage => t.left_no_message,
        Why::NoTask => t.left_no_task,
        Why::UnreadableCard => t.left_unreadable_card,
        Why::UnreadableTask => t.left_unreadable_task,
        Why::Untitled => t.left_untitled,
    };
    text.to_owned()
}

fn some(t: &Words, count: usize, forms: &str) -> String {
    format!("{} ({})", counted_plain(t, length(count), forms), t.only_tasks)
}

const fn remark(t: &Words, remark: Remark) -> &'static str {
    match remark {
        Remark::Attachment => t.remark_attachment,
        Remark::AttachmentsNamed => t.remark_attachments_named,
        Remark::Cancelled => t.remark_cancelled,
        Remark::CardCutOff => t.remark_card_cut_off,
        Remark::CutMessage => t.remark_cut_message,
        Remark::DayFirst => t.remark_day_first,
        Remark::Duration => t.remark_duration,
        Remark::Exceptions => t.remark_exceptions,
        Remark::ForeignPath => t.remark_foreign_path,
        Remark::FrontMatter => t.remark_front_matter,
        Remark::Geo => t.remark_geo,
        Remark::Key => t.remark_key,
        Remark::Latin => t.remark_latin,
        Remark::Logo => t.remark_logo,
        Remark::LongLine => t.remark_long_line,
        Remark::LongList => t.remark_long_list,
        Remark::NoSuchDates => t.remark_no_such_dates,
        Remark::OddDate => t.remark_odd_date,
        Remark::OurFields => t.remark_our_fields,
        Remark::Photo => t.remark_photo,
        Remark::RelatedTask => t.remark_related_task,
        Remark::Reminder => t.remark_reminder,
        Remark::RepeatsFromDue => t.remark_repeats_from_due,
        Remark::Sound => t.remark_sound,
        Remark::TaskCutOff => t.remark_task_cut_off,
        Remark::Utf16 => t.remark_utf_16,
        Remark::Zone => t.remark_zone,
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{Category, Problem};

    use super::*;
    use crate::words::{ENGLISH, GERMAN};

    #[test]
    fn what_was_left_out_is_said_in_the_language_of_the_page() {
        let one = |at, why| Skipped { at, why };
        for (said, expected) in [
            (
                one(At::Card(3), Why::Nameless),
                "Karte 3: hat weder Namen noch Organisation, E-Mail oder Telefonnummer",
            ),
            (
                one(At::File, Why::Events(2)),
                "die Datei: 2 Termine ausgelassen (aus Kalendern kommen nur Aufgaben herein)",
            ),
            (
                one(At::Line(9), Why::StaysOut(Category::Secrets)),
                "Zeile 9: Geheimnisse kommen nicht aus Dateien herein",
            ),
        ] {
            assert_eq!(skipped(&GERMAN, &said), expected);
        }
        let invalid = Why::Invalid {
            category: Category::Notes,
            field: "title".into(),
            problem: Problem::TooLong,
        };
        assert!(
            why(&ENGLISH, &invalid).contains(ENGLISH.title),
            "{}",
            why(&ENGLISH, &invalid)
        );
        // Who read the file is trusted with no words.
        let forged = Why::Invalid {
            category: Category::Notes,
            field: "your passphrase <b>".into(),
            problem: Problem::TooLong,
        };
        assert!(!why(&ENGLISH, &forged).contains("passphrase"));
    }
}
