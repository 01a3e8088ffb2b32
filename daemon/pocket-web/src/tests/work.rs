//! What the owner does in a day.

use axum::http::StatusCode;
use pocket_core::{Category, Content, NewEntry, Note, Operation, Record, RecordId};

use super::browser::{Browser, Device};

/// Adds a record by its form; gives its path.
pub(super) async fn added(owner: &mut Browser, category: &str, fields: &[(&str, &str)]) -> String {
    let form = format!("/records/{category}/new");
    let answer = owner.submit(&form, &form, fields).await;
    assert_eq!(
        answer.status,
        StatusCode::SEE_OTHER,
        "{category}: {}",
        answer.text
    );
    answer.location().strip_suffix("?done=added").unwrap().to_owned()
}

#[tokio::test]
async fn records_of_every_category_are_added_seen_changed_and_deleted() {
    let (_device, mut owner) = Device::with_owner().await;
    for (category, fields, changed) in [
        (
            "memory",
            vec![("text", "Anna is allergic to walnuts"), ("subject", "Anna")],
            ("text", "and to hazelnuts"),
        ),
        (
            "notes",
            vec![("title", "Trip"), ("body", "# Plan\n<script>alert(1)</script>")],
            ("body", "# New plan"),
        ),
        (
            "tasks",
            vec![("title", "Buy milk"), ("due", "2026-12-01"), ("priority", "1")],
            ("due", "2026-12-24"),
        ),
        (
            "contacts",
            vec![("name", "Ada \"Countess\""), ("phones", "home: 030 1234")],
            ("emails", "ada@a.example"),
        ),
        (
            "conversations",
            vec![("title", "With Ada"), ("messages", "Ada: hello")],
            ("messages", "Me: good day"),
        ),
        (
            "outbox",
            vec![("to", "Ada"), ("body", "See you")],
            ("body", "See you soon"),
        ),
    ] {
        let path = added(&mut owner, category, &fields).await;
        let page = owner.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            !page.text.contains("<script>alert") && !page.text.contains("\"Countess\""),
            "{category}"
        );
        let list = owner.get(&format!("/records/{category}")).await.text;
        assert!(list.contains(&path) && list.contains("1 record"), "{list}");

        let form = format!("{path}/edit");
        let mut edited = fields.clone();
        edited.retain(|(name, _)| *name != changed.0 && *name != "messages");
        edited.push(changed);
        edited.push(("revision", "1"));
        let answer = owner.submit(&form, &form, &edited).await;
        assert_eq!(answer.location(), format!("{path}?done=saved"), "{}", answer.text);
        let page = owner.get(answer.location()).await.text;
        assert!(
            page.contains(changed.1.rsplit(": ").next().unwrap().trim_start_matches("# "))
                && page.contains("1 change"),
            "{page}"
        );

        let answer = owner.submit(&form, &form, &edited).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "an old revision");
        assert!(answer.text.contains("name=\"revision\" value=\"2\""));

        let delete = format!("{path}/delete");
        let answer = owner.submit(&delete, &delete, &[]).await;
        assert_eq!(answer.location(), format!("/records/{category}?done=deleted"));
        assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_on_the_form_and_nothing_typed_is_lost() {
    let (_device, mut owner) = Device::with_owner().await;
    let form = "/records/tasks/new";
    let answer = owner
        .submit(
            form,
            form,
            &[("title", "T<i>"), ("notes", "\n  long text"), ("due", "soon")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("Due: not a date") && answer.text.contains("value=\"T&#60;i&#62;\""));
    // The line break behind the tag is the one that browsers swallow.
    assert!(
        answer.text.contains(">\n\n  long text</textarea>"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_task_is_ticked_off() {
    let (_device, mut owner) = Device::with_owner().await;
    let path = added(&mut owner, "tasks", &[("title", "Buy milk")]).await;
    let tick = format!("/tasks/{}/tick", path.rsplit('/').next().unwrap());
    owner.submit(&path, &tick, &[]).await;
    let page = owner.get(&path).await.text;
    assert!(
        page.contains("<dd>done</dd>") && page.contains("Done on"),
        "{page}"
    );
    owner.submit(&path, &tick, &[]).await;
    assert!(owner.get(&path).await.text.contains("<dd>to do</dd>"));
}

#[tokio::test]
async fn a_long_list_comes_in_pages_without_gaps() {
    let (device, mut owner) = Device::with_owner().await;
    let item = |number: u32| {
        let note = Note {
            title: format!("Note {number:03}"),
            ..Note::default()
        };
        let content = Content::check(Record::Note(note)).ok().unwrap();
        NewEntry {
            id: None,
            created: None,
            updated: None,
            upload: None,
            content,
        }
    };
    let items = (0..120).map(item).collect();
    device
        .control(Operation::Add { items, import: false })
        .await
        .unwrap();
    let mut path = Some("/records/notes".to_owned());
    let mut seen = Vec::new();
    let mut pages = 0;
    while let Some(page) = path {
        let text = owner.get(&page).await.text;
        seen.extend(
            text.split("class=\"title\">Note ")
                .skip(1)
                .map(|rest| rest[..3].to_owned()),
        );
        path = text
            .split_once("?after=")
            .map(|(_, rest)| format!("/records/notes?after={}", &rest[..32]));
        pages += 1;
    }
    seen.sort_unstable();
    assert_eq!(
        (pages, seen),
        (3, (0..120).map(|number: u32| format!("{number:03}")).collect())
    );
}

#[tokio::test]
async fn search_finds_in_one_place_or_all() {
    let (_device, mut owner) = Device::with_owner().await;
    added(&mut owner, "notes", &[("title", "Walnut <cake>")]).await;
    added(&mut owner, "tasks", &[("title", "Buy walnut")]).await;
    let all = owner.get("/search?q=walnut&in=").await.text;
    assert!(
        all.contains("2 found") && all.contains("Walnut &#60;cake&#62;"),
        "{all}"
    );
    let notes = owner.get("/search?q=walnut&in=notes").await.text;
    assert!(notes.contains("1 found") && !notes.contains("Buy walnut"));
    assert!(
        owner
            .get("/search?q=cellar")
            .await
            .text
            .contains("Nothing was found")
    );
}

#[tokio::test]
async fn documents_of_any_size_come_back_as_they_went_in() {
    let (_device, mut owner) = Device::with_owner().await;
    let large: Vec<u8> = (0..2_700_001u32)
        .flat_map(|number| number.to_le_bytes())
        .take(2_700_001)
        .collect();
    let token = owner.get("/documents/upload").await.form_token();
    let parts: [(&str, Option<&str>, &[u8]); 5] = [
        ("form_token", None, token.as_bytes()),
        ("note", None, b"two files"),
        ("tags", None, b"a, b"),
        ("file", Some("../M\u{fc}ll.html"), &large),
        ("file", Some("empty.txt"), b""),
    ];
    let answer = owner.send_parts("/documents/upload", &parts).await;
    assert_eq!(
        answer.location(),
        "/records/documents?done=uploaded",
        "{}",
        answer.text
    );
    let list = owner.get("/records/documents").await.text;
    assert!(list.contains("2 records") && list.contains("2.5 MiB"), "{list}");

    let path = list
        .split("href=\"/records/documents/")
        .skip(1)
        .map(|rest| &rest[..32]);
    let mut sizes = Vec::new();
    for id in path {
        let file = owner.get(&format!("/documents/{id}/file")).await;
        assert_eq!(file.status, StatusCode::OK, "{}", file.text);
        assert_eq!(file.header("content-type"), "application/octet-stream");
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert!(
            file.header("content-disposition")
                .starts_with("attachment; filename=")
        );
        assert_eq!(file.header("content-length"), file.bytes.len().to_string());
        assert!(file.bytes.is_empty() || file.bytes == large);
        sizes.push(file.bytes.len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [0, large.len()]);
}

#[tokio::test]
async fn an_upload_without_its_token_in_front_is_refused() {
    let (_device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    let file: (&str, Option<&str>, &[u8]) = ("file", Some("a.txt"), b"bytes");
    for parts in [
        vec![file],
        vec![("form_token", None, b"x".as_slice()), file],
        vec![file, ("form_token", None, token.as_bytes())],
    ] {
        assert_eq!(
            owner.send_parts("/documents/upload", &parts).await.status,
            StatusCode::FORBIDDEN
        );
    }
    let none = owner
        .send_parts("/documents/upload", &[("form_token", None, token.as_bytes())])
        .await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.text.contains("no file was chosen"));
    assert!(
        owner
            .get("/records/documents")
            .await
            .text
            .contains("Nothing here yet.")
    );
}

#[tokio::test]
async fn a_secret_is_named_and_never_shown() {
    let (_device, mut owner) = Device::with_owner().await;
    let fields = [
        ("name", "bank"),
        ("note", "the & one"),
        ("value", "hunter2hunter2"),
    ];
    let answer = owner.submit("/secrets/set", "/secrets/set", &fields).await;
    assert_eq!(answer.location(), "/secrets?done=saved", "{}", answer.text);
    let list = owner.get("/secrets").await.text;
    assert!(list.contains("bank") && list.contains("the &#38; one"));
    assert!(!list.contains("note="), "a remark stands in no address");
    let replace = owner.get("/secrets/set?name=bank").await.text;
    assert!(replace.contains("value=\"the &#38; one\""), "{replace}");
    for path in [
        "/secrets",
        "/secrets/set?name=bank",
        "/search?q=hunter2hunter2",
        "/audit",
    ] {
        let text = owner
            .get(path)
            .await
            .text
            .replace("value=\"hunter2hunter2\"", "")
            .replace("“hunter2hunter2”", "");
        assert!(!text.contains("hunter2"), "{path}");
    }
    let none = owner
        .submit("/secrets/set", "/secrets/set", &[("name", "x"), ("value", "")])
        .await;
    assert!(none.status.is_client_error() && !none.text.contains("hunter2"));
    owner
        .submit(
            "/secrets/delete?name=bank",
            "/secrets/delete",
            &[("name", "bank")],
        )
        .await;
    assert!(owner.get("/secrets").await.text.contains("No secrets yet."));
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_a_page_that_is_not_there() {
    let (_device, mut owner) = Device::with_owner().await;
    for path in [
        "/audit?before=-1",
        "/device/reset?step=999",
        "/records/notes?q=a&q=b",
    ] {
        let answer = owner.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text.contains("No such page"), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_record_of_another_category_is_not_shown_under_this_one() {
    let (_device, mut owner) = Device::with_owner().await;
    let path = added(&mut owner, "notes", &[("title", "Trip")]).await;
    let id: RecordId = path.rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(
        owner.get(&format!("/records/tasks/{id}")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        owner
            .get(&format!("/records/{}/{id}/edit", Category::Tasks))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}
