use pocket_core::When;

use super::*;

fn messages(text: &str) -> (Vec<String>, Vec<Remark>) {
    let parsed = read("x.txt", text);
    let mut lines = Vec::new();
    let mut remarks = Vec::new();
    for item in parsed.items {
        remarks = item.remarks;
        if let Record::Conversation(chat) = item.content.into_record() {
            for Message { at, from, text } in chat.messages {
                lines.push(format!("{} {from}|{text}", at.as_ref().map_or("-", When::as_str)));
            }
        }
    }
    (lines, remarks)
}

#[test]
fn the_android_form_with_narrow_spaces_and_notices() {
    let (lines, remarks) = messages(
        "12/30/23, 12:05\u{202f}AM - Messages and calls are end-to-end encrypted. Tap to learn more.\n\
         12/31/23, 9:41\u{202f}PM - Ann: hello: you\nsecond line\n\nfourth\n12/31/23, 9:42 PM - Bob Ray: <Media omitted>\n\
         12/31/23, 9:43 PM - Ann changed the subject from \"a: b\" to \"c: d\"\n1/1/24, 12:00 PM - Ann: IMG-1.jpg (file attached)\n",
    );
    assert_eq!(
        lines,
        [
            "2023-12-30T00:05:00 |Messages and calls are end-to-end encrypted. Tap to learn more.",
            "2023-12-31T21:41:00 Ann|hello: you\nsecond line\n\nfourth",
            "2023-12-31T21:42:00 Bob Ray|<Media omitted>",
            "2023-12-31T21:43:00 |Ann changed the subject from \"a: b\" to \"c: d\"",
            "2024-01-01T12:00:00 Ann|IMG-1.jpg (file attached)",
        ]
    );
    assert_eq!(remarks, [Remark::AttachmentsNamed]);
}

#[test]
fn the_iphone_form_and_the_dotted_form() {
    let (lines, remarks) = messages(
        "\u{200e}[31/12/2023, 21:41:05] Ann: \u{200e}image omitted\n[1/1/2024, 9:00:01 p.\u{a0}m.] ~\u{a0}Bob: hi\n[02/01/24, 10:00:00] Ann:\n",
    );
    assert_eq!(
        lines,
        [
            "2023-12-31T21:41:05 Ann|image omitted",
            "2024-01-01T21:00:01 ~\u{a0}Bob|hi",
            "2024-01-02T10:00:00 Ann|"
        ]
    );
    assert_eq!(remarks, [Remark::AttachmentsNamed]);
    let (lines, remarks) =
        messages("31.12.23, 21:41 - Ann: a\n01.02.24, 08:00 - Ann: b\n2024-02-03, 08:00 - Ann: c\n");
    assert_eq!(
        lines,
        [
            "2023-12-31T21:41:00 Ann|a",
            "2024-02-01T08:00:00 Ann|b",
            "2024-02-03T08:00:00 Ann|c"
        ]
    );
    assert_eq!(remarks, []);
}

#[test]
fn the_forms_of_other_languages_and_older_telephones() {
    for (text, message) in [
        ("3/26/18, 1:55 p.m. - a: m", "2018-03-26T13:55:00 a|m"),
        ("26-03-2018, 01.55 PM - a: m", "2018-03-26T13:55:00 a|m"),
        ("13.06.18 21.25.15: a: m", "2018-06-13T21:25:15 a|m"),
        ("13.6.2018 klo 21.25 - a: m", "2018-06-13T21:25:00 a|m"),
        ("[06.13.18 21:25:15] a: m", "2018-06-13T21:25:15 a|m"),
        ("[2018/06/13, 21:25:15] a: m", "2018-06-13T21:25:15 a|m"),
        ("13. 6. 2018, 21:25 - a: m", "2018-06-13T21:25:00 a|m"),
    ] {
        assert_eq!(messages(text).0, [message], "{text}");
    }
}

#[test]
fn the_whole_chat_decides_which_number_is_the_day() {
    let day = |text: &str| {
        let (lines, remarks) = messages(text);
        (
            lines
                .first()
                .map(|line| line.chars().take(10).collect::<String>()),
            !remarks.is_empty(),
        )
    };
    // A number above 12, even if it comes late.
    assert_eq!(
        day("1/2/23, 10:00 - A: a\n3/25/23, 10:00 - A: b\n"),
        (Some("2023-01-02".to_owned()), false)
    );
    assert_eq!(
        day("1/2/23, 10:00 - A: a\n25/3/23, 10:00 - A: b\n"),
        (Some("2023-02-01".to_owned()), false)
    );
    // The reading in which time does not run backwards.
    assert_eq!(
        day("1/12/23, 10:00 - A: a\n2/1/23, 10:00 - A: b\n"),
        (Some("2023-01-12".to_owned()), false)
    );
    assert_eq!(
        day("12/1/23, 10:00 - A: a\n1/2/23, 10:00 - A: b\n"),
        (Some("2023-01-12".to_owned()), false)
    );
    // No way to tell: said so.
    assert_eq!(
        day("1/2/23, 10:00 - A: a\n"),
        (Some("2023-02-01".to_owned()), true)
    );
    assert_eq!(
        day("5/5/23, 10:00 - A: a\n"),
        (Some("2023-05-05".to_owned()), false)
    );
    // A day that does not exist leaves the message without one.
    let (lines, remarks) = messages("31/12/23, 10:00 - A: a\n31/2/23, 10:00 - A: b\n");
    assert_eq!(lines, ["2023-12-31T10:00:00 A|a", "- A|b"]);
    assert!(!remarks.is_empty());
}

#[test]
fn other_lines_are_no_messages() {
    for line in [
        "12/31/23 is a date",
        "12/31/23, 25:00 - A: a",
        "[12/31/23, 10:00 A: a",
        "12/31, 10:00 - A: a",
        "123/31/23, 10:00 - A: a",
        "10:00 - A: a",
        "12/31/23 10:00: A: a",
        "",
    ] {
        assert!(!looks_like_chat(line), "{line}");
    }
    let parsed = read("x.txt", "intro\n12/31/23, 10:00 - A: a\n");
    assert_eq!(
        parsed.skipped.first().map(|skipped| skipped.at),
        Some(At::Line(1))
    );
}

#[test]
fn titles_come_from_file_or_folder() {
    for (path, name) in [
        ("WhatsApp Chat with Ann Lee.txt", "Ann Lee"),
        ("in/WhatsApp Chat - Ann.txt", "Ann"),
        ("in/WhatsApp Chat - Ann/_chat.txt", "Ann"),
        ("Family/_chat.txt", "Family"),
        ("_chat.txt", "WhatsApp chat"),
        ("notes.txt", "notes"),
    ] {
        assert_eq!(title(path), name, "{path}");
    }
}

#[test]
fn a_chat_over_the_limit_comes_in_parts() {
    let line = format!("31/12/23, 10:00 - Ann: {}\n", "x".repeat(1024 * 1024));
    let parsed = read("WhatsApp Chat with Ann.txt", &line.repeat(20));
    assert_eq!(parsed.skipped, []);
    let titles: Vec<_> = parsed
        .items
        .iter()
        .map(|item| item.content.record().title())
        .collect();
    assert_eq!(titles, ["Ann", "Ann (part 2)", "Ann (part 3)"]);
    let huge = format!("31/12/23, 10:00 - Ann: {}\n", "x".repeat(9 * 1024 * 1024));
    let parsed = read("x.txt", &huge);
    assert_eq!((parsed.items.len(), parsed.skipped.len()), (1, 0));
}
