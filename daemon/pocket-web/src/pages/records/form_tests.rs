use super::*;
use crate::words::ENGLISH;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    Fields::from_pairs(pairs)
}

/// The form as a browser sends it when nobody touched it.
fn untouched(record: &Record) -> Fields {
    let inputs = inputs(&ENGLISH, record);
    let sent = inputs
        .iter()
        .filter(|input| input.kind != Kind::Box || !input.value.is_empty());
    let pairs: Vec<(&str, &str)> = sent.map(|input| (input.name, input.value.as_str())).collect();
    fields(&pairs)
}

fn labelled(label: &str, value: &str) -> Labelled {
    Labelled {
        label: label.to_owned(),
        value: value.to_owned(),
    }
}

/// What [`read`] makes of a form, or what it says against it.
fn outcome(record: &Record, fields: &Fields) -> Result<Record, String> {
    let read = read(&ENGLISH, record, fields, Timestamp::from_millis(0));
    read.map(Content::into_record).map_err(|failure| failure.message)
}

#[test]
fn saving_an_untouched_form_changes_nothing() {
    let records = [
        Record::Contact(Contact {
            name: "Ada".to_owned(),
            phones: vec![labelled("home", "1"), labelled("", "a: b")],
            addresses: vec![labelled("work", "1 Road\n2 Town")],
            urls: vec!["https://a.example/x, y".to_owned()],
            tags: vec!["a, b".to_owned(), "c".to_owned()],
            ..Contact::default()
        }),
        Record::Conversation(Conversation {
            title: "t".to_owned(),
            messages: vec![Message {
                at: None,
                from: "x".to_owned(),
                text: "y\nz".to_owned(),
            }],
            ..Conversation::default()
        }),
        Record::Document(Document {
            name: "f".to_owned(),
            size: 7,
            sha256: "00".to_owned(),
            text: "inside".to_owned(),
            path: "a/b".to_owned(),
            ..Document::default()
        }),
        Record::Memory(Memory {
            text: "fact".to_owned(),
            confidence: Some(80),
            valid_from: "2026-11-22T10:30".parse().ok(),
            ..Memory::default()
        }),
        Record::Note(Note {
            title: "t".to_owned(),
            body: "\n a\n\nb \n".to_owned(),
            path: "x/y.md".to_owned(),
            properties: vec![pocket_core::Property {
                name: "k".to_owned(),
                value: "1".to_owned(),
            }],
            ..Note::default()
        }),
        Record::Outbox(Outbox {
            to: "x".to_owned(),
            state: pocket_core::OutboxState::Sent,
            ..Outbox::default()
        }),
        Record::Task(Task {
            title: "t".to_owned(),
            done: true,
            completed: "2026-01-01".parse().ok(),
            due: "2026-11-22".parse().ok(),
            priority: Some(3),
            ..Task::default()
        }),
    ];
    for record in records {
        let same = outcome(&record, &untouched(&record)).is_ok_and(|read| read == record);
        assert!(same, "{}", record.category());
    }
}

#[test]
fn a_wrong_field_is_named() {
    let task = Record::Task(Task::default());
    for (pairs, words) in [
        (vec![("title", "t"), ("due", "soon")], "Due: not a date"),
        (
            vec![("title", "t"), ("priority", "high")],
            "Priority: not a whole number",
        ),
        (
            vec![("title", "t"), ("priority", "12")],
            "\u{201c}Priority\u{201d} must be 1 (first) to 9 (last)",
        ),
        (vec![("title", " ")], "\u{201c}What to do\u{201d} is empty"),
    ] {
        assert!(
            outcome(&task, &fields(&pairs)).is_err_and(|said| said == words),
            "{words}"
        );
    }
}

#[test]
fn ticking_a_task_off_says_when() {
    let read = outcome(
        &Record::Task(Task::default()),
        &fields(&[("title", "t"), ("done", "yes")]),
    );
    let Ok(Record::Task(task)) = read else {
        panic!("no task")
    };
    assert_eq!(
        task.completed.map(|when| when.to_string()),
        Some("1970-01-01T00:00:00Z".to_owned())
    );
}

#[test]
fn lists_are_read_line_by_line() {
    let form = fields(&[
        ("name", "Ada"),
        ("phones", "home: 1\n\n 2 \n"),
        ("tags", "a, b,, c "),
        ("urls", "https://a.example\n"),
    ]);
    let Ok(Record::Contact(contact)) = outcome(&Record::Contact(Contact::default()), &form) else {
        panic!("no contact")
    };
    assert!(contact.phones == [labelled("home", "1"), labelled("", "2")]);
    assert_eq!(contact.tags, ["a", "b", "c"]);
    assert_eq!(contact.urls, ["https://a.example"]);
}

#[test]
fn messages_are_added_behind_those_that_are_there() {
    let before = Conversation {
        title: "t".to_owned(),
        messages: vec![Message {
            text: "old".to_owned(),
            ..Message::default()
        }],
        ..Conversation::default()
    };
    let form = fields(&[("title", "t"), ("messages", "Ada: new: yes\nno name")]);
    let Ok(Record::Conversation(read)) = outcome(&Record::Conversation(before), &form) else {
        panic!("no conversation")
    };
    let said: Vec<(&str, &str)> = read
        .messages
        .iter()
        .map(|message| (message.from.as_str(), message.text.as_str()))
        .collect();
    assert_eq!(said, [("", "old"), ("Ada", "new: yes"), ("", "no name")]);
}
