//! What the owner keeps: every category, files in and out, and nothing acknowledged is lost.

use std::fs;
use std::path::Path;

use base64ct::{Base64, Encoding};
use serde_json::Value;

use crate::device::{Device, PASSPHRASE, Place, path_text, text};
use crate::webdriver::Browser;

/// A category, how a record of it is added, and how it is changed.
const RECORDS: [(&str, &[&str], &str); 8] = [
    (
        "memory",
        &[
            "subject=Anna",
            "text=eats no walnuts",
            "tags=health",
            "confidence=90",
        ],
        "text=eats nuts",
    ),
    (
        "notes",
        &[
            "title=Plans",
            "body=# Plans\n\nPlant beans.",
            "tags=garden",
            "tags=spring",
        ],
        "title=Old plans",
    ),
    (
        "tasks",
        &["title=Plant beans", "list=Garden", "due=2026-12-01", "priority=1"],
        "done=true",
    ),
    (
        "contacts",
        &[
            "name=Anna Ek",
            "phones=home:+46 8 123456",
            "emails=work:anna@example.org",
        ],
        "nickname=An",
    ),
    (
        "conversations",
        &["title=Anna", "channel=whatsapp"],
        "channel=signal",
    ),
    (
        "documents",
        &[
            "name=lease.txt",
            "media_type=text/plain",
            "text=The lease ends in May.",
        ],
        "note=ask",
    ),
    (
        "outbox",
        &["channel=mail", "to=anna@example.org", "body=Soon."],
        "subject=Beans",
    ),
    ("settings", &["name=auto_lock_minutes", "value=30"], "value=45"),
];

#[test]
fn each_category_is_added_shown_listed_changed_and_removed() {
    let device = Device::owned();
    for (category, fields, change) in RECORDS {
        let id = device.add(category, fields);
        let entry = device.ctl(&["get", category, &id]).one();
        assert_eq!(
            (&entry["revision"], &entry["origin"]),
            (&1.into(), &"owner".into()),
            "{category}"
        );
        assert_eq!(device.list(category), std::slice::from_ref(&entry), "{category}");
        let changed = device.ctl(&["edit", category, &id, change]).one();
        assert_eq!(changed["revision"], 2, "{category}");
        let after = device.ctl(&["get", category, &id]).one();
        assert!(
            after["fields"] != entry["fields"] && after["created"] == entry["created"],
            "{category}"
        );
        device.ctl(&["delete", category, &id]).one();
        device.ctl(&["get", category, &id]).failed(1, "not-found");
        device.ctl(&["delete", category, &id]).failed(1, "not-found");
        assert!(device.list(category).is_empty(), "{category}");
    }
    device.ctl(&["check"]).one();
    device.ctl(&["health", "--strict"]).one();
}

#[test]
fn lists_go_by_pages_and_words_are_found() {
    let device = Device::owned();
    let lines: String = (0..25)
        .map(|n| format!("{{\"title\": \"Note {n}\", \"body\": \"word{n} common\"}}\n"))
        .collect();
    assert_eq!(
        device
            .place
            .ctl_given(&["add", "notes", "-"], None, lines.as_bytes())
            .lines()
            .len(),
        25
    );
    let first = device.ctl(&["list", "notes", "--limit", "10"]).lines();
    let after = text(&first[9]["id"]);
    let rest = device
        .ctl(&["list", "notes", "--limit", "100", "--after", &after])
        .lines();
    let all = device.list("notes");
    assert_eq!([first, rest].concat(), all);
    assert_eq!(all.len(), 25);
    let hits = device.ctl(&["search", "word17"]).lines();
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0]["title"], "Note 17");
    assert!(
        device
            .ctl(&["search", "--in", "tasks", "common"])
            .lines()
            .is_empty()
    );
}

#[test]
fn what_came_in_twice_is_there_once_and_an_export_brings_it_all_back() {
    let device = Device::owned();
    let folder = device.place.path("files");
    write_sample(&folder);
    let first = device.ctl(&["import", path_text(&folder)]).one();
    let imported = first["imported"].as_u64().unwrap();
    assert_eq!(imported, 9, "{first}");
    let second = device.ctl(&["import", path_text(&folder)]).one();
    assert_eq!(
        (&second["imported"], &second["already_here"]),
        (&0.into(), &imported.into()),
        "{second}"
    );

    let export = device.place.path("export");
    device.ctl(&["export", path_text(&export)]).one();
    let other = Device::owned();
    let back = other.ctl(&["import", path_text(&export)]).one();
    assert_eq!(back["imported"].as_u64(), Some(imported), "{back}");
    same_records(&device, &other);
}

#[test]
fn the_pages_export_comes_back_on_the_page_as_it_is() {
    let device = Device::owned();
    let folder = device.place.path("files");
    write_sample(&folder);
    device.ctl(&["import", path_text(&folder)]).one();
    let browser = Browser::open(1280, 800);
    browser.log_in(&device);
    browser.go(&format!("{}/export", device.ui));
    browser.fill("[name=passphrase]", PASSPHRASE);
    let sent = browser.run_slowly(
        "const done = arguments[arguments.length - 1], form = document.querySelector('[data-export]');
         fetch(form.action, {method: 'POST', body: new URLSearchParams(new FormData(form))})
           .then(answer => answer.blob())
           .then(blob => {
             const file = new FileReader();
             file.onload = () => done(file.result.split(',')[1]);
             file.readAsDataURL(blob);
           });",
    );
    let archive = device.place.path("pocketai-export.tar");
    fs::write(&archive, Base64::decode_vec(&text(&sent)).unwrap()).unwrap();

    let other = Device::owned();
    let browser = Browser::open(1280, 800);
    browser.log_in(&other);
    browser.go(&format!("{}/import", other.ui));
    browser.choose("[name=file]", path_text(&archive));
    browser.click("main button[type=submit]");
    browser.until("the report", || browser.shows(".rows.flat"));
    let told = browser.text("main");
    assert!(
        told.contains("9 records came in") && !told.contains("damaged"),
        "{told}"
    );
    same_records(&device, &other);
}

/// What the other device holds came from this one, and is all of it.
fn same_records(device: &Device, other: &Device) {
    for category in [
        "memory",
        "notes",
        "tasks",
        "contacts",
        "conversations",
        "documents",
    ] {
        let (mut here, mut there) = (device.list(category), other.list(category));
        assert!(!here.is_empty(), "{category}");
        // Who brought it in may differ: there it was an import of an export.
        for entry in here.iter_mut().chain(&mut there) {
            let entry = entry.as_object_mut().unwrap();
            entry.remove("origin");
            entry.remove("revision");
        }
        let by_id = |entry: &Value| text(&entry["id"]);
        here.sort_by_key(by_id);
        there.sort_by_key(by_id);
        assert_eq!(here, there, "{category}");
    }
    same_document(device, other);
}

#[test]
fn a_category_too_large_for_one_file_comes_back_from_several() {
    let device = Device::owned();
    for number in 0..2 {
        let text = format!("{number} {}", "long ".repeat(900_000));
        let talk = serde_json::json!({"title": format!("Talk {number}"), "messages": [{"text": text}]});
        let added = device
            .place
            .ctl_given(&["add", "conversations", "-"], None, talk.to_string().as_bytes());
        added.one();
    }
    let export = device.place.path("export");
    device.ctl(&["export", path_text(&export)]).one();
    let mut names: Vec<String> = fs::read_dir(&export)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("conversations"))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["conversations-2.jsonl", "conversations.jsonl"]);

    let other = Device::owned();
    let back = other.ctl(&["import", path_text(&export)]).one();
    assert_eq!(back["skipped"], serde_json::json!([]), "{back}");
    let content = |device: &Device| {
        let fields = device.list("conversations").into_iter();
        let mut content: Vec<(String, Value)> = fields
            .map(|entry| (text(&entry["id"]), entry["fields"].clone()))
            .collect();
        content.sort_by(|left, right| left.0.cmp(&right.0));
        content
    };
    let kept = content(&other);
    assert_eq!(kept.len(), 2);
    assert!(kept == content(&device));
}

/// The bytes of the one document are the same on both devices.
fn same_document(device: &Device, other: &Device) {
    let id = text(&device.list("documents")[0]["id"]);
    let bytes = |device: &Device, name: &str| {
        let file = device.place.path(name);
        device
            .ctl(&["get", "documents", &id, "--out", path_text(&file)])
            .one();
        fs::read(file).unwrap()
    };
    let here = bytes(device, "document");
    assert!(here == bytes(other, "document") && here == picture());
}

fn write_sample(folder: &Path) {
    fs::create_dir_all(folder.join("garden")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write(
        "garden/beans.md",
        "---\ntags: [spring]\nsown: 2026-03-01\n---\n# Beans\n\nPlant [[peas]] too.\n",
    );
    write("peas.md", "# Peas\n\nGreen.\n");
    write(
        "anna.vcf",
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna Ek\r\nTEL;TYPE=HOME:+46 8 123456\r\nEND:VCARD\r\n",
    );
    write(
        "tasks.ics",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VTODO\r\nUID:1\r\nSUMMARY:Water\r\nDUE;VALUE=DATE:20261201\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
    );
    write(
        "todo.txt",
        "(A) 2026-11-01 Buy seeds +garden @town due:2026-12-02\n",
    );
    write(
        "memory.jsonl",
        "{\"type\":\"entity\",\"name\":\"Anna\",\"entityType\":\"person\",\"observations\":[\"eats no walnuts\"]}\n",
    );
    write(
        "WhatsApp Chat with Anna.txt",
        "12/31/23, 9:41 PM - Anna: Happy new year\n12/31/23, 9:42 PM - Me: You too\nand many more\n",
    );
    fs::write(folder.join("picture.png"), picture()).unwrap();
    // A document that looks like one of our own lists: its bytes must come back as bytes.
    write("log.jsonl", "{\"level\":\"info\",\"line\":1}\n");
}

/// Bytes that are no text and longer than one piece of an upload.
fn picture() -> Vec<u8> {
    let head = b"\x89PNG\r\n\x1a\n".iter().copied();
    head.chain((0..1_500_000u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]))
        .collect()
}

#[test]
fn a_secret_is_named_and_never_shown() {
    let device = Device::owned();
    let value = "hunter2-value-nobody-sees";
    device
        .place
        .ctl_given(&["secret", "set", "wifi"], None, value.as_bytes())
        .one();
    let listed = device.ctl(&["secret", "list"]);
    assert_eq!(listed.lines()[0]["name"], "wifi");
    let id = text(&listed.lines()[0]["id"]);
    let export = device.place.path("export");
    let shown = [
        listed,
        device.ctl(&["list", "secrets"]),
        device.ctl(&["get", "secrets", &id]),
        device.ctl(&["search", value]),
        device.ctl(&["search", "wifi"]),
        device.ctl(&["audit", "show"]),
        device.ctl(&["export", path_text(&export)]),
        device.ctl(&["add", "secrets", "name=other"]),
        device.ctl(&["edit", "secrets", &id, "name=other"]),
    ];
    for done in &shown {
        assert!(
            !done.out.contains(value) && !done.err.contains(value),
            "{}{}",
            done.out,
            done.err
        );
    }
    for file in crate::device::files_under(&export) {
        assert!(
            !String::from_utf8_lossy(&fs::read(&file).unwrap()).contains(value),
            "{}",
            file.display()
        );
    }
    shown[7].failed(1, "refused");
    device.ctl(&["secret", "delete", "wifi"]).one();
    assert!(device.ctl(&["secret", "list"]).lines().is_empty());
}

#[test]
fn an_edit_of_what_has_moved_on_is_refused() {
    let device = Device::owned();
    let id = device.add("notes", &["title=First"]);
    device.ctl(&["edit", "notes", &id, "title=Second"]).one();
    let export = device.place.path("export");
    device.ctl(&["export", path_text(&export)]).one();
    device.ctl(&["edit", "notes", &id, "title=Third"]).one();
    // An import never overwrites what the owner changed since.
    let back = device.ctl(&["import", path_text(&export)]);
    back.failed(1, "local");
    assert!(back.out.contains("says something else"), "{}", back.out);
    assert_eq!(device.ctl(&["get", "notes", &id]).one()["title"], "Third");
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let mut device = Device::owned();
    let mut ids = Vec::new();
    for round in 0..5 {
        for note in 0..4 {
            ids.push(device.add("notes", &[&format!("title=Note {round}.{note}")]));
        }
        device = Device::start(device.kill());
        assert_eq!(device.state(), "locked");
        device.unlock();
        let mut listed: Vec<String> = device
            .list("notes")
            .iter()
            .map(|entry| text(&entry["id"]))
            .collect();
        listed.sort();
        let mut expected = ids.clone();
        expected.sort();
        assert_eq!(listed, expected, "round {round}");
    }
    device.ctl(&["check"]).one();
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn a_stop_is_clean_and_loses_nothing() {
    let device = Device::owned();
    let id = device.add("notes", &["title=Kept"]);
    let (place, status): (Place, _) = device.stop();
    assert!(status.success(), "{status}");
    let device = Device::start(place);
    device.unlock();
    assert_eq!(device.ctl(&["get", "notes", &id]).one()["title"], "Kept");
    let last = device.ctl(&["audit", "show", "--limit", "3"]).lines();
    assert!(
        last.iter().any(|entry| entry["event"]["operation"] == "stop"),
        "{last:?}"
    );
    assert!(
        !last.iter().any(|entry| entry["event"]["operation"] == "resume"),
        "{last:?}"
    );
}

#[test]
fn a_rekeyed_category_holds_what_it_held_and_owes_nothing() {
    let device = Device::owned();
    let kept = device.add("notes", &["title=kept", "body=harbour"]);
    let gone = device.add("notes", &["title=gone", "body=harbour"]);
    let since = |device: &Device| {
        let status = device.ctl(&["status"]).one();
        let categories = status["categories"].as_array().unwrap().clone();
        let notes = categories.into_iter().find(|of| of["category"] == "notes");
        notes.unwrap()["deleted_since"].clone()
    };
    assert!(since(&device).is_null());
    device.ctl(&["delete", "notes", &gone]).one();
    assert!(since(&device).is_string());
    assert_eq!(
        device.ctl(&["category", "rekey", "notes"]).one()["rekeyed"],
        "notes"
    );
    assert!(since(&device).is_null());
    device.ctl(&["category", "rekey", "audit"]).failed(1, "refused");
    let device = device.restart();
    device.unlock();
    assert_eq!(device.ctl(&["get", "notes", &kept]).one()["title"], "kept");
    assert_eq!(device.list("notes").len(), 1);
    device.ctl(&["check"]).one();
    device.ctl(&["audit", "verify"]).one();
}

#[test]
fn a_record_has_a_day_of_its_own_that_goes_where_it_goes() {
    let device = Device::owned();
    let id = device.add("notes", &["title=Brief"]);
    let keep = |options: &[&str]| device.ctl(&[&["keep", "notes", &id], options].concat());
    assert_eq!(keep(&[]).one()["until"], Value::Null);
    for day in ["2099-01-31", "2098-12-24T18:00"] {
        assert!(text(&keep(&["--until", day]).one()["until"]).starts_with(day));
        assert!(text(&keep(&[]).one()["until"]).starts_with(day));
    }
    // One that is over would have it removed at once.
    let over = keep(&["--until", "2020-01-31"]).failed(2, "usage");
    assert!(over.contains("over"), "{over}");
    assert!(text(&keep(&[]).one()["until"]).starts_with("2098-12-24"));
    device
        .ctl(&["keep", "notes", &"0".repeat(32), "--until", "2099-01-31"])
        .failed(1, "not-found");
    let folder = device.place.path("out");
    device.ctl(&["export", path_text(&folder)]).one();
    let other = Device::owned();
    other.ctl(&["import", path_text(&folder)]).one();
    let there = other.ctl(&["keep", "notes", &id]).one();
    assert_eq!(there["until"], "2098-12-24T18:00:00");
    assert_eq!(keep(&["--usual"]).one()["until"], Value::Null);
    assert!(device.list("settings").is_empty());
    keep(&["--until", "2099-01-31"]).one();
    device.ctl(&["delete", "notes", &id]).one();
    assert!(
        device.list("settings").is_empty(),
        "what is said of it goes with it"
    );
}
