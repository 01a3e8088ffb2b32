//! The export, unpacked and read back.

use std::collections::BTreeMap;
use std::io::Read;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt;
use pocket_core::{
    Answer, Category, Contact, Content, Conversation, Message, NewEntry, Note, Operation, OperationKind,
    Record, RecordId, Status, Task,
};
use pocket_formats::{HEAD_BYTES, Item, detect, parse};
use tower::ServiceExt;

use super::browser::{Browser, Device, HOST, PASSPHRASE};

const SECRET: &str = "hunter2-is-the-secret";

/// Paths inside the folder of the export, and what is there.
async fn exported(owner: &mut Browser) -> BTreeMap<String, Vec<u8>> {
    let answer = owner
        .submit("/export", "/export", &[("passphrase", PASSPHRASE)])
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/x-tar");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"pocketai-export.tar\""
    );
    let mut archive = tar::Archive::new(answer.bytes.as_ref());
    let mut files = BTreeMap::new();
    for file in archive.entries().unwrap() {
        let mut file = file.unwrap();
        let path = file.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let path = path.strip_prefix("pocketai-export/").unwrap().to_owned();
        assert!(files.insert(path, bytes).is_none());
    }
    files
}

/// What an import would make of a file.
fn items(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Vec<Item> {
    let bytes = files.get(path).unwrap_or_else(|| panic!("no {path}"));
    let format = detect(path, bytes.get(..HEAD_BYTES).unwrap_or(bytes));
    let parsed = parse(format, path, bytes).unwrap();
    assert!(parsed.skipped.is_empty(), "{path}: {:?}", parsed.skipped);
    parsed.items
}

async fn add(device: &Device, records: Vec<Record>) {
    let item = |record| NewEntry {
        id: None,
        created: None,
        updated: None,
        upload: None,
        content: Content::check(record).ok().unwrap(),
    };
    let items = records.into_iter().map(item).collect();
    device
        .control(Operation::Add { items, import: false })
        .await
        .unwrap();
}

/// What the device has, by id.
async fn kept(device: &Device, category: Category) -> BTreeMap<RecordId, Content> {
    let list = Operation::List {
        category,
        after: None,
        limit: 500,
    };
    let Answer::Page(page) = device.control(list).await.unwrap().answer else {
        panic!("no page")
    };
    assert!(!page.more);
    page.entries
        .into_iter()
        .map(|entry| (entry.id, entry.content))
        .collect()
}

/// Records whose texts could trip a format or a file system.
fn odd_records() -> Vec<Record> {
    let note = |title: &str, body: &str| {
        Record::Note(Note {
            title: title.to_owned(),
            body: body.to_owned(),
            ..Note::default()
        })
    };
    let contact = Contact {
        name: "Zo\u{eb}; \"Ada\", Countess".to_owned(),
        ..Contact::default()
    };
    let task = Task {
        title: "Buy milk, and\nbread".replace('\n', " "),
        notes: "two\nlines".to_owned(),
        ..Task::default()
    };
    vec![
        note("Trip", "# Plan\n---\nx: y"),
        note("Trip", "the same title"),
        note("../../etc/passwd", ""),
        Record::Contact(contact),
        Record::Task(task),
    ]
}

#[tokio::test]
async fn everything_but_secrets_is_read_back_from_an_export() {
    let (device, mut owner) = Device::with_owner().await;
    add(&device, odd_records()).await;
    let page = owner.get("/documents/upload").await;
    let bytes: Vec<u8> = (0..2_500_000u32).map(|i| i.to_le_bytes()[0] ^ 7).collect();
    let parts = [
        ("form_token", None, page.form_token().into_bytes()),
        ("file", Some("scan.pdf"), bytes.clone()),
    ];
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, file, bytes)| (*name, *file, bytes.as_slice()))
        .collect();
    owner.send_parts("/documents/upload", &parts).await;
    let set = [("name", "mail"), ("value", SECRET)];
    let answer = owner.submit("/secrets/set", "/secrets/set", &set).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);

    let files = exported(&mut owner).await;
    for category in [Category::Notes, Category::Contacts, Category::Tasks] {
        let is_of = |path: &&String| match category {
            Category::Notes => path.starts_with("notes/"),
            Category::Contacts => path.as_str() == "contacts.vcf",
            _ => path.as_str() == "tasks.ics",
        };
        let read = files.keys().filter(is_of).flat_map(|path| items(&files, path));
        let read: BTreeMap<_, _> = read.map(|item| (item.id.unwrap(), item.content)).collect();
        assert!(
            read == kept(&device, category).await,
            "{category}: {:?}",
            files.keys()
        );
    }
    let document = items(&files, "documents.jsonl").remove(0);
    assert_eq!(files.get(document.file.as_ref().unwrap()), Some(&bytes));
    assert!(
        kept(&device, Category::Documents)
            .await
            .get(&document.id.unwrap())
            == Some(&document.content)
    );
    for (path, bytes) in &files {
        let holds = |needle: &str| bytes.windows(needle.len()).any(|at| at == needle.as_bytes());
        assert!(!holds(SECRET), "{path}");
    }
    assert!(
        !files.contains_key("memory.jsonl"),
        "an empty category has no file"
    );
    let log = Operation::AuditShow {
        before: None,
        limit: 50,
    };
    let Answer::Audit(log) = device.control(log).await.unwrap().answer else {
        panic!("no log")
    };
    let recorded = log
        .iter()
        .filter(|entry| entry.event.operation == OperationKind::Export);
    assert_eq!(recorded.count(), 1);
}

#[tokio::test]
async fn a_large_category_comes_in_parts_that_are_each_read_back() {
    let (device, mut owner) = Device::with_owner().await;
    for number in 0..3 {
        let message = Message {
            text: "long ".repeat(700_000),
            ..Message::default()
        };
        add(
            &device,
            vec![Record::Conversation(Conversation {
                title: format!("Talk {number}"),
                messages: vec![message],
                ..Conversation::default()
            })],
        )
        .await;
    }
    let files = exported(&mut owner).await;
    let first = items(&files, "conversations.jsonl");
    let second = items(&files, "conversations-2.jsonl");
    assert_eq!((first.len(), second.len()), (2, 1));
    let read = first.into_iter().chain(second);
    let read: BTreeMap<_, _> = read.map(|item| (item.id.unwrap(), item.content)).collect();
    let mut kept_all = BTreeMap::new();
    for (id, content) in &read {
        let get = Operation::Get {
            category: Category::Conversations,
            id: *id,
        };
        let Answer::Entry(entry) = device.control(get).await.unwrap().answer else {
            panic!("no entry")
        };
        assert!(entry.content == *content);
        kept_all.insert(*id, ());
    }
    assert_eq!(kept_all.len(), 3);
}

/// An export that has begun, as it comes.
async fn begun(device: &Device, owner: &mut Browser) -> BodyDataStream {
    let page = owner.get("/export").await;
    assert!(!page.text.contains("<progress"), "{}", page.text);
    let mut form = form_urlencoded::Serializer::new(String::new());
    let form = form
        .append_pair("form_token", &page.form_token())
        .append_pair("passphrase", PASSPHRASE)
        .finish();
    let request = Request::post("/export")
        .header(header::HOST, HOST)
        .header(
            header::COOKIE,
            format!("pocketai_session_7878={}", owner.session().unwrap()),
        )
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let response = device
        .router
        .clone()
        .oneshot(request.body(Body::from(form)).unwrap())
        .await
        .unwrap();
    response.into_body().into_data_stream()
}

/// How the device is, once that holds: it is told of an export's end beside the answer.
async fn until(device: &Device, holds: impl Fn(&Status) -> bool) -> Status {
    let mut changes = device.handle.changes();
    loop {
        changes.mark_unchanged();
        let Answer::Status(status) = device.control(Operation::Status).await.unwrap().answer else {
            panic!("no status")
        };
        if holds(&status) {
            return *status;
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test]
async fn an_export_that_was_taken_to_its_end_is_the_last_one_and_one_that_broke_off_is_not() {
    let (device, mut owner) = Device::with_owner().await;
    add(
        &device,
        (0..40)
            .map(|number| {
                Record::Note(Note {
                    title: number.to_string(),
                    body: "long ".repeat(10_000),
                    ..Note::default()
                })
            })
            .collect(),
    )
    .await;
    exported(&mut owner).await;
    let whole = until(&device, |status| status.last_export.is_some()).await;
    assert_eq!(whole.unfinished_export, None);

    let mut pieces = begun(&device, &mut owner).await;
    assert!(pieces.next().await.is_some());
    drop(pieces);
    while device.door.exporting().records().is_some() {
        tokio::task::yield_now().await;
    }
    let broken = until(&device, |_| true).await;
    assert_eq!(broken.last_export, whole.last_export);
    assert!(broken.unfinished_export.is_some());
}

#[tokio::test]
async fn an_export_needs_the_forms_token_and_says_what_it_leaves_out() {
    let (device, mut owner) = Device::with_owner().await;
    let page = owner.get("/export").await;
    assert!(page.text.contains("Secrets and the audit log are left out"));
    assert_eq!(owner.post("/export", &[]).await.status, StatusCode::FORBIDDEN);
    let mut stranger = device.browser();
    assert_eq!(stranger.get("/export").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        stranger.post("/export", &[]).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_page_says_how_far_an_export_is() {
    let (device, mut owner) = Device::with_owner().await;
    let task = |number: u32| {
        Record::Task(Task {
            title: format!("{number}"),
            notes: "n".repeat(60_000),
            ..Task::default()
        })
    };
    add(&device, (0..40).map(task).collect()).await;
    let mut pieces = begun(&device, &mut owner).await;
    pieces.next().await.unwrap().unwrap();
    let page = owner.get("/export").await.text;
    assert!(
        page.contains("<progress max=\"40\"") && page.contains("of 40 records"),
        "{page}"
    );
    while let Some(piece) = pieces.next().await {
        piece.unwrap();
    }
    drop(pieces);
    while owner.get("/export").await.text.contains("<progress") {
        tokio::task::yield_now().await;
    }
}
