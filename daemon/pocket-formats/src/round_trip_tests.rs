//! An export reads back as the very same records; bytes from anywhere never panic.

use std::fmt;

use pocket_core::{
    Category, Contact, Content, Conversation, Document, Entry, Labelled, Memory, Message, Note, Origin,
    Outbox, OutboxState, Property, Record, RecordId, SecretName, Setting, Task, Timestamp, When,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Records have no `Debug` on purpose; a failing case has to be shown all the same.
#[derive(Clone)]
struct Shown<T>(T);

impl<T: Serialize> fmt::Debug for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).unwrap())
    }
}

fn bare<T>(shown: Vec<Shown<T>>) -> Vec<T> {
    shown.into_iter().map(|Shown(value)| value).collect()
}

/// Texts as people write them, and texts made of what formats trip over.
fn text() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "\n",
        "\r\n",
        "\r",
        "\t",
        " ",
        "  ",
        ":",
        ";",
        ",",
        "\\",
        "\\n",
        "\"",
        "'",
        "#",
        "# ",
        "#tag",
        "---",
        "---\n",
        "...\n",
        "BEGIN:VCARD",
        "\nEND:VCARD\n",
        "END:VTODO\r\n",
        "=",
        "=20",
        "{",
        "}",
        "[",
        "]",
        "|",
        ">",
        "-",
        "*",
        "&a",
        "*a",
        "!",
        "%",
        "@",
        "`",
        "```\n",
        "é",
        "日本",
        "👩‍👩‍👧",
        "\u{200e}",
        "\u{feff}",
        "\u{2028}",
        "\u{85}",
        "\u{7f}",
        "\u{1}",
        "\u{fffe}",
        "\u{10ffff}",
        "null",
        "true",
        "yes",
        "1",
        "1.0",
        "0x1F",
        "2024-01-01",
        "a",
        "Ann",
        "word ",
        "^n",
        "${HOME}",
        "~",
    ]);
    prop_oneof![
        3 => vec(odd, 0..8).prop_map(|pieces| pieces.concat()),
        2 => "[a-zA-Z ,.]{0,60}",
        1 => any::<String>(),
        1 => "[ -~é]{60,200}",
    ]
}

fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\n', '\r', '\0'], " "))
}

/// A line that a record may not go without.
fn name() -> impl Strategy<Value = String> {
    line().prop_map(|line| {
        if line.trim().is_empty() {
            "x".to_owned()
        } else {
            line
        }
    })
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    vec(line(), 0..4)
}

fn when() -> impl Strategy<Value = When> {
    let form = select(vec!["date", "local", "utc"]);
    (0u16..10_000, 1u8..13, 1u8..29, 0u32..86_400, form).prop_map(|(year, month, day, second, form)| {
        let day = format!("{year:04}-{month:02}-{day:02}");
        let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
        let text = match form {
            "date" => day,
            "local" => format!("{day}T{time}"),
            _ => format!("{day}T{time}Z"),
        };
        text.parse().unwrap()
    })
}

fn note() -> impl Strategy<Value = Shown<Record>> {
    let json = prop_oneof![
        Just("[1,2,{\"a\":null}]".to_owned()),
        Just("{\"b\":1,\"a\":2.50}".to_owned()),
        text().prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| serde_json::json!(number).to_string()),
        text(),
    ];
    let key = prop_oneof![
        text(),
        "[a-z]{1,8}",
        select(vec!["title", "tags", "created", "updated", "date", "pocketai"]).prop_map(str::to_owned)
    ];
    let property = (key, json).prop_map(|(name, value)| Shown(Property { name, value }));
    let path = prop_oneof![Just(String::new()), "[a-z/]{0,20}\\.md", line()];
    (line(), text(), tags(), path, vec(property, 0..4)).prop_map(|(title, body, tags, path, properties)| {
        let title = if title.trim().is_empty() && body.trim().is_empty() {
            "t".to_owned()
        } else {
            title
        };
        let properties = bare(properties);
        Shown(Record::Note(Note {
            title,
            body,
            tags,
            path,
            properties,
        }))
    })
}

fn task() -> impl Strategy<Value = Shown<Record>> {
    let repeat = prop_oneof![
        Just(String::new()),
        Just("FREQ=WEEKLY;BYDAY=MO,TU".to_owned()),
        Just("FREQ=MONTHLY;INTERVAL=2;COUNT=3".to_owned()),
        line()
    ];
    let times = (of(when()), of(when()), of(when()));
    (
        name(),
        text(),
        line(),
        tags(),
        any::<bool>(),
        times,
        of(1u8..10),
        repeat,
    )
        .prop_map(
            |(title, notes, list, tags, done, (completed, start, due), priority, repeat)| {
                Shown(Record::Task(Task {
                    title,
                    notes,
                    list,
                    tags,
                    done,
                    completed,
                    start,
                    due,
                    priority,
                    repeat,
                }))
            },
        )
}

fn labelled(value: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<Shown<Labelled>>> {
    let label = prop_oneof![
        Just(String::new()),
        select(vec![
            "home",
            "work",
            "cell",
            "work fax",
            "pref",
            "voice",
            "Summer house",
            "home home"
        ])
        .prop_map(str::to_owned),
        text()
    ];
    vec(
        (label, value).prop_map(|(label, value)| Shown(Labelled { label, value })),
        0..4,
    )
}

fn contact() -> impl Strategy<Value = Shown<Record>> {
    let birthday = prop_oneof![
        Just(String::new()),
        Just("1985-04-12".to_owned()),
        Just("--04-12".to_owned()),
        Just("1985".to_owned()),
        Just("around 1800".to_owned()),
        line()
    ];
    let phone = prop_oneof!["\\+[0-9 ]{5,12}", line()];
    let email = prop_oneof!["[a-z]{1,8}@example\\.org", line()];
    let ways = (
        labelled(phone),
        labelled(email),
        labelled(text()),
        vec(text(), 0..3),
    );
    (name(), line(), text(), text(), ways, birthday, text(), tags()).prop_map(
        |(name, nickname, organisation, role, (phones, emails, addresses, urls), birthday, note, tags)| {
            Shown(Record::Contact(Contact {
                name,
                nickname,
                organisation,
                role,
                phones: bare(phones),
                emails: bare(emails),
                addresses: bare(addresses),
                urls,
                birthday,
                note,
                tags,
            }))
        },
    )
}

fn memory() -> impl Strategy<Value = Shown<Record>> {
    let tags = prop_oneof![tags(), Just(vec!["relation".to_owned()])];
    let text = prop_oneof![text(), "[a-z_]{1,8} [A-Z][a-z ]{1,8}"];
    (line(), text, tags, line(), of(0u8..101), of(when()), of(when())).prop_map(
        |(subject, text, tags, source, confidence, valid_from, valid_until)| {
            let text = if text.trim().is_empty() {
                "t".to_owned()
            } else {
                text
            };
            Shown(Record::Memory(Memory {
                subject,
                text,
                tags,
                source,
                confidence,
                valid_from,
                valid_until,
            }))
        },
    )
}

fn other() -> impl Strategy<Value = Shown<Record>> {
    let message = (of(when()), text(), text()).prop_map(|(at, from, text)| Shown(Message { at, from, text }));
    let state = select(vec![
        OutboxState::Draft,
        OutboxState::Queued,
        OutboxState::Sent,
        OutboxState::Failed,
    ]);
    let sha256 = prop_oneof![Just(String::new()), "[0-9a-f]{64}"];
    prop_oneof![
        (name(), line(), tags(), vec(message, 0..5)).prop_map(|(title, channel, tags, messages)| {
            Shown(Record::Conversation(Conversation {
                title,
                channel,
                tags,
                messages: bare(messages),
            }))
        }),
        (line(), name(), line(), text(), state).prop_map(|(channel, to, subject, body, state)| {
            Shown(Record::Outbox(Outbox {
                channel,
                to,
                subject,
                body,
                state,
            }))
        }),
        (name(), line()).prop_map(|(name, value)| Shown(Record::Setting(Setting { name, value }))),
        (
            name(),
            line(),
            line(),
            text(),
            text(),
            tags(),
            any::<u64>(),
            sha256
        )
            .prop_map(|(name, media_type, path, text, note, tags, size, sha256)| {
                Shown(Record::Document(Document {
                    name,
                    media_type,
                    path,
                    text,
                    note,
                    tags,
                    size,
                    sha256,
                    ..Document::default()
                }))
            }),
    ]
}

fn entry(record: impl Strategy<Value = Shown<Record>>) -> impl Strategy<Value = Shown<Entry>> {
    let time = || prop_oneof![any::<i64>(), 0i64..4_000_000_000_000].prop_map(Timestamp::from_millis);
    (any::<[u8; 16]>(), time(), time(), record).prop_filter_map(
        "over a limit",
        |(id, created, updated, Shown(record))| {
            Some(Shown(Entry {
                id: RecordId::from_bytes(id),
                created,
                updated,
                revision: 1,
                origin: Origin::Owner,
                content: Content::check(record).ok()?,
            }))
        },
    )
}

fn same(entry: &Entry, item: &Item) -> bool {
    item.id == Some(entry.id)
        && item.created == Some(entry.created)
        && item.updated == Some(entry.updated)
        && item.content == entry.content
}

/// Exports entries of one category as a stream and reads it back.
fn stream(entries: &[Shown<Entry>]) -> Parsed {
    let category = entries
        .first()
        .map_or(Category::Memory, |entry| entry.0.content.category());
    let path = stream_path(category).unwrap();
    let mut out = header(category).to_vec();
    for entry in entries {
        append(&entry.0, &mut out).unwrap();
    }
    out.extend_from_slice(footer(category));
    parse(detect(path, &out), path, &out).unwrap()
}

fn check_stream(entries: &[Shown<Entry>]) -> Result<(), TestCaseError> {
    let parsed = stream(entries);
    prop_assert_eq!(&parsed.skipped, &Vec::new());
    prop_assert_eq!(parsed.items.len(), entries.len());
    for (entry, item) in entries.iter().zip(&parsed.items) {
        prop_assert!(
            same(&entry.0, item),
            "{:?}",
            lossless::lost(entry.0.content.record(), Some(item.content.record()))
        );
        prop_assert!(item.remarks.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn notes_read_back(entries in vec(entry(note()), 1..4)) {
        let mut names = NoteNames::default();
        let mut paths = std::collections::HashSet::new();
        for entry in &entries {
            let file = export_note(&entry.0, &mut names).unwrap();
            prop_assert!(paths.insert(file.path.to_lowercase()));
            prop_assert!(file.path.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.len() <= 100), "{}", file.path);
            prop_assert_eq!(detect(&file.path, &file.bytes), Format::Markdown);
            let parsed = parse(Format::Markdown, &file.path, &file.bytes).unwrap();
            prop_assert_eq!(&parsed.skipped, &Vec::new());
            let item = parsed.items.first().unwrap();
            prop_assert!(same(&entry.0, item), "{}\n{}", serde_json::to_string(&item.content).unwrap(), String::from_utf8_lossy(&file.bytes));
            prop_assert!(item.remarks.is_empty());
        }
    }

    #[test]
    fn contacts_read_back(entries in vec(entry(contact()), 1..4)) {
        check_stream(&entries)?;
    }

    #[test]
    fn tasks_read_back(entries in vec(entry(task()), 1..4)) {
        check_stream(&entries)?;
    }

    #[test]
    fn memory_reads_back(entries in vec(entry(memory()), 1..4)) {
        check_stream(&entries)?;
    }

    #[test]
    fn the_rest_reads_back(entry in entry(other())) {
        let parsed = stream(std::slice::from_ref(&entry));
        let file = parsed.items.first().unwrap().file.clone();
        check_stream(std::slice::from_ref(&entry))?;
        if let Record::Document(document) = entry.0.content.record() {
            prop_assert_eq!(file, document_path(entry.0.id, document));
        }
    }

    #[test]
    fn any_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..400), name in text()) {
        survive(&name, &bytes);
    }

    #[test]
    fn any_text_does_not_panic(text in vec(text(), 0..20), name in text()) {
        survive(&name, text.concat().as_bytes());
    }

    #[test]
    fn damaged_samples_do_not_panic(
        sample in select(SAMPLES.to_vec()),
        changes in vec((any::<prop::sample::Index>(), any::<u8>(), 0usize..4), 1..8),
    ) {
        let mut bytes = sample.as_bytes().to_vec();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match kind {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 => { let piece = bytes.split_off(at); bytes.extend_from_within(..at / 2); bytes.extend(piece); }
                _ => if let Some(place) = bytes.get_mut(at) { *place = byte },
            }
        }
        survive("x", &bytes);
    }
}

const FORMATS: [Format; 8] = [
    Format::Calendar,
    Format::Chat,
    Format::Contacts,
    Format::Document,
    Format::ExportLines,
    Format::Markdown,
    Format::MemoryLines,
    Format::TodoTxt,
];

const SAMPLES: [&str; 7] = [
    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann\r\nN:B;Ann;;;\r\nTEL;TYPE=\"home,work\":tel:+1\r\nBDAY:--0412\r\nitem1.ADR:;;a\\, b;c;;;\r\nitem1.X-ABLabel:_$!<Home>!$_\r\nPHOTO:data:image/png;base64,AAAA\r\nREV:20200101T000000Z\r\nEND:VCARD\r\n",
    "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84;=C3=\n=84\nTEL;HOME;VOICE:1\nPHOTO;ENCODING=BASE64;JPEG:AAAA\n AAAA\n\nEND:VCARD\n",
    "BEGIN:VCALENDAR\r\nX-WR-CALNAME:Home\r\nBEGIN:VTODO\r\nSUMMARY:a\\nb\r\nDUE;TZID=Europe/Berlin:20260101T100000\r\nRRULE:FREQ=WEEKLY;UNTIL=20270101T000000Z;BYDAY=-1MO,TU\r\nPERCENT-COMPLETE:50\r\nPRIORITY:1\r\nBEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
    "---\ntitle: \"a\"\ntags: [a, b]\ncreated: 2026-01-01\npocketai: {\"id\":\"00112233445566778899aabbccddeeff\",\"path\":\"a/b.md\",\"fields\":{\"title\":\"x\"}}\n---\n# a\n#tag `#no`\n```\n#no\n```\n",
    "x (A) 2026-01-02 2026-01-01 a +b @c due:2026-01-01 rec:+2w t:2026-01-01 pri:A\n(B) b\n",
    "{\"type\":\"entity\",\"name\":\"a\",\"entityType\":\"b\",\"observations\":[\"c\",\"d\"],\"pocketai\":{\"id\":\"x\",\"fields\":{\"text\":\"e\"}}}\n{\"category\":\"tasks\",\"id\":\"00112233445566778899aabbccddeeff\",\"created\":\"2026-01-01T00:00:00Z\",\"updated\":\"2026-01-01T00:00:00Z\",\"fields\":{\"title\":\"a\"},\"file\":\"documents/a\"}\n",
    "\u{200e}[31/12/2023, 21:41:05] Ann: hello\nmore\n12/31/23, 9:41\u{202f}PM - Bob: <Media omitted>\n31.12.23, 21:41 - notice\n2023-12-31, 9:41 p. m. - Ann:\n",
];

/// Reads `bytes` in every way there is; what comes out is of no interest here.
fn survive(name: &str, bytes: &[u8]) {
    for extension in ["", ".md", ".vcf", ".ics", ".txt", ".jsonl", ".pdf"] {
        detect(&format!("{name}{extension}"), bytes);
    }
    for format in FORMATS {
        for item in parse(format, name, bytes)
            .map(|parsed| parsed.items)
            .unwrap_or_default()
        {
            assert!(Content::check(item.content.into_record()).is_ok());
        }
    }
    document(name, 5, bytes);
    document(name, u64::try_from(bytes.len()).unwrap(), bytes);
}

#[test]
fn secrets_are_never_written() {
    let content = Content::check(Record::Secret(SecretName {
        name: "bank".to_owned(),
        note: String::new(),
    }));
    let entry = Entry {
        id: RecordId::from_bytes([1; 16]),
        created: Timestamp::default(),
        updated: Timestamp::default(),
        revision: 1,
        origin: Origin::Owner,
        content: content.unwrap(),
    };
    let mut out = Vec::new();
    assert_eq!(append(&entry, &mut out), Err(Unexportable(Category::Secrets)));
    assert!(out.is_empty());
    assert!(export_note(&entry, &mut NoteNames::default()).is_err());
    assert_eq!(stream_path(Category::Secrets), None);
}

#[test]
fn a_text_file_over_64_mib_is_refused() {
    let bytes = vec![b'a'; MAX_TEXT_BYTES + 1];
    assert!(parse(Format::Markdown, "a.md", &bytes).err() == Some(ParseError::TooLarge));
    assert!(parse(Format::Markdown, "a.md", b"\xe9\0").err() == Some(ParseError::NotText));
}
