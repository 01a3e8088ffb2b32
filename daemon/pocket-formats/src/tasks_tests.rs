use super::*;

fn read_all(text: &str) -> (Vec<Task>, Parsed) {
    let parsed = read("lists/Errands.ics", text);
    let tasks = parsed
        .items
        .iter()
        .map(|item| match item.content.record().clone() {
            Record::Task(task) => task,
            _ => panic!("no task"),
        });
    (tasks.collect(), parsed)
}

#[test]
fn a_vtodo_fills_every_field() {
    let (tasks, parsed) = read_all(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR-CALNAME:Home\\, garden\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nEND:VTIMEZONE\r\n\
         BEGIN:VTODO\r\nUID:1\r\nSUMMARY:Water plants\r\nDESCRIPTION:all\\nof them\r\nDTSTART;VALUE=DATE:20260101\r\n\
         DUE;TZID=Europe/Berlin:20260102T100000\r\nPRIORITY:3\r\nCATEGORIES:plants,home\r\nCATEGORIES:plants\r\n\
         RRULE:FREQ=WEEKLY;BYDAY=MO\r\nLOCATION:balcony\r\nCREATED:20251231T120000Z\r\nLAST-MODIFIED:20260101T000000Z\r\n\
         BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nDESCRIPTION:no\r\nEND:VALARM\r\nEND:VTODO\r\n\
         BEGIN:VTODO\r\nSUMMARY:Done\r\nSTATUS:COMPLETED\r\nCOMPLETED:20260102T030405Z\r\nDUE:20260101T090000\r\nPRIORITY:0\r\nEND:VTODO\r\n\
         BEGIN:VEVENT\r\nSUMMARY:Party\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    );
    let [first, second] = tasks.as_slice() else {
        panic!("{} tasks", tasks.len())
    };
    assert_eq!(
        (first.title.as_str(), first.notes.as_str()),
        ("Water plants", "all\nof them\nPlace: balcony")
    );
    assert_eq!(
        (first.list.as_str(), first.repeat.as_str()),
        ("Home, garden", "FREQ=WEEKLY;BYDAY=MO")
    );
    assert_eq!(first.tags, ["plants", "home"]);
    assert_eq!(
        (
            first.start.as_ref().map(When::as_str),
            first.due.as_ref().map(When::as_str)
        ),
        (Some("2026-01-01"), Some("2026-01-02T10:00:00"))
    );
    assert_eq!((first.priority, first.done), (Some(3), false));
    assert!(second.done && second.priority.is_none());
    assert_eq!(
        second.completed.as_ref().map(When::as_str),
        Some("2026-01-02T03:04:05Z")
    );
    assert_eq!(second.due.as_ref().map(When::as_str), Some("2026-01-01T09:00:00"));
    let item = parsed.items.first().unwrap();
    assert_eq!(item.created, "2025-12-31T12:00:00Z".parse().ok());
    assert_eq!(item.updated, "2026-01-01T00:00:00Z".parse().ok());
    assert_eq!(item.remarks, [Remark::Reminder, Remark::Zone]);
    assert_eq!(parsed.skipped.len(), 1);
    assert!(parsed.skipped.iter().any(|skipped| skipped.why == Why::Events(2)));
}

#[test]
fn a_list_without_a_name_is_called_after_the_file_and_odd_tasks_are_kept() {
    let (tasks, parsed) = read_all(
        "BEGIN:VCALENDAR\nBEGIN:VTODO\nDESCRIPTION:first line\\nmore\nPERCENT-COMPLETE:100\nEND:VTODO\nBEGIN:VTODO\nUID:2\nEND:VTODO\n\
         BEGIN:VTODO\nSUMMARY:cut\nDUE:whenever\nBEGIN:VTODO\nSUMMARY:no\n STATUS:X\nSTATUS:CANCELLED\nEND:VTODO\n",
    );
    let titles: Vec<_> = tasks
        .iter()
        .map(|task| format!("{} {} {}", task.list, task.title, task.done))
        .collect();
    assert_eq!(
        titles,
        [
            "Errands first line true",
            "Errands cut false",
            "Errands noSTATUS:X true"
        ]
    );
    let places: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.at).collect();
    assert_eq!(places, [At::Task(2)]);
}

#[test]
fn an_ordinary_task_is_written_in_standard_properties_alone() {
    let task = Task {
        title: "Water, plants".to_owned(),
        notes: "all\nof them".to_owned(),
        list: "Home".to_owned(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        done: true,
        completed: "2026-01-02T03:04:05Z".parse().ok(),
        start: "2026-01-01".parse().ok(),
        due: "2026-01-02T10:00".parse().ok(),
        priority: Some(3),
        repeat: "FREQ=WEEKLY;BYDAY=MO".to_owned(),
    };
    let Ok(content) = pocket_core::Content::check(Record::Task(task)) else {
        panic!("not acceptable")
    };
    let entry = pocket_core::Entry {
        id: pocket_core::RecordId::from_bytes([0xab; 16]),
        created: pocket_core::Timestamp::from_millis(0),
        updated: pocket_core::Timestamp::from_millis(0),
        revision: 3,
        origin: pocket_core::Origin::Owner,
        content,
    };
    let mut out = Vec::new();
    crate::append(&entry, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for line in [
        "SUMMARY:Water\\, plants",
        "DESCRIPTION:all\\nof them",
        "CATEGORIES:a,b",
        "DTSTART;VALUE=DATE:20260101",
        "DUE:20260102T100000",
        "STATUS:COMPLETED",
        "COMPLETED:20260102T030405Z",
        "PRIORITY:3",
        "RRULE:FREQ=WEEKLY;BYDAY=MO",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(!text.contains(FIELDS), "{text}");
}
