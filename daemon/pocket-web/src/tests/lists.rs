//! Lists: narrowed, sorted, deleted from and put back; and what the pages show of records.

use axum::http::StatusCode;
use pocket_core::{Content, NewEntry, Note, Operation, Record, Task};

use super::browser::{Answer, Browser, Device, PASSPHRASE};

/// Adds records, each a second newer than the one before.
async fn add(device: &Device, records: Vec<Record>) {
    let mut at = pocket_core::Timestamp::from_millis(1_795_000_000_000);
    let mut item = |record| {
        at = at.plus(std::time::Duration::from_secs(1));
        NewEntry {
            id: None,
            created: Some(at),
            updated: Some(at),
            upload: None,
            content: Content::check(record).ok().unwrap(),
        }
    };
    let items = records.into_iter().map(&mut item).collect();
    device
        .control(Operation::Add { items, import: false })
        .await
        .unwrap();
}

fn note(title: &str, body: &str, tags: &[&str]) -> Record {
    Record::Note(Note {
        title: title.to_owned(),
        body: body.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..Note::default()
    })
}

fn task(title: &str, due: &str, list: &str, done: bool) -> Record {
    Record::Task(Task {
        title: title.to_owned(),
        due: due.parse().ok(),
        list: list.to_owned(),
        done,
        ..Task::default()
    })
}

/// The titles of a list, in order.
fn titles(page: &str) -> Vec<String> {
    let after = page.split("class=\"title").skip(1);
    after
        .map(|rest| {
            let rest = rest.split_once('>').unwrap().1;
            let rest = rest.rsplit_once("</span>").map_or(rest, |_| rest);
            let shown = rest.split("</span><span class=\"").next().unwrap();
            shown
                .replace("<span class=\"visually-hidden\">Done: </span>", "")
                .split('<')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn ids(page: &str) -> Vec<String> {
    let boxes = page.split("name=\"id\" value=\"").skip(1);
    boxes.map(|rest| rest[..32].to_owned()).collect()
}

async fn delete(owner: &mut Browser, category: &str, ids: &[String], sure: bool) -> Answer {
    let mut fields: Vec<(&str, &str)> = ids.iter().map(|id| ("id", id.as_str())).collect();
    if sure {
        fields.push(("sure", "yes"));
    }
    let list = format!("/records/{category}");
    owner.submit(&list, &format!("{list}/delete"), &fields).await
}

#[tokio::test]
async fn a_list_is_narrowed_by_words_and_tags() {
    let (device, mut owner) = Device::with_owner().await;
    let notes = vec![
        note("One", "apples", &["fruit"]),
        note("Two", "Apples and pears #fruit", &[]),
        note("Three", "pears", &["fruits"]),
    ];
    add(&device, notes).await;
    let page = owner.get("/records/notes?q=APPLES").await.text;
    assert_eq!(titles(&page), ["Two", "One"], "{page}");
    assert!(page.contains("2 of 3 records"));
    let page = owner.get("/records/notes?tag=fruit").await.text;
    assert_eq!(titles(&page), ["Two", "One"]);
    let page = owner.get("/records/notes?tag=fruit&q=pears").await.text;
    assert_eq!(titles(&page), ["Two"]);
    let page = owner.get("/records/notes?q=plums").await.text;
    assert!(page.contains("Nothing fits."));
    for odd in ["sort=x", "from=x", "state=x", "from=99999999999999999999"] {
        let answer = owner.get(&format!("/records/notes?{odd}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{odd}");
    }
}

#[tokio::test]
async fn a_list_is_sorted_and_every_page_follows_the_one_before() {
    let (device, mut owner) = Device::with_owner().await;
    let names: Vec<String> = (0..120)
        .map(|number| format!("{:03}", (number * 7) % 120))
        .collect();
    add(&device, names.iter().map(|name| note(name, "", &[])).collect()).await;
    let mut path = Some("/records/notes?sort=title".to_owned());
    let mut seen = Vec::new();
    while let Some(page) = path {
        let text = owner.get(&page).await.text;
        seen.extend(titles(&text));
        path = text.split_once("\" rel=\"next\"").map(|(before, _)| {
            let link = before.rsplit("href=\"").next().unwrap();
            link.replace("&#38;", "&")
        });
    }
    assert_eq!(
        seen,
        (0..120).map(|number| format!("{number:03}")).collect::<Vec<_>>()
    );
    let oldest = owner.get("/records/notes?sort=oldest").await.text;
    assert_eq!(titles(&oldest).len(), 50);
}

#[tokio::test]
async fn tasks_come_by_due_date_and_list() {
    let (device, mut owner) = Device::with_owner().await;
    let tasks = vec![
        task("later", "2030-02-01", "Home", false),
        task("done", "2020-01-01", "Home", true),
        task("someday", "", "Work", false),
        task("late", "2020-02-01", "Work", false),
    ];
    add(&device, tasks).await;
    let page = owner.get("/records/tasks").await.text;
    assert_eq!(titles(&page), ["late", "later", "someday"]);
    assert!(
        page.contains("Overdue") && page.contains("<option>Home</option>"),
        "{page}"
    );
    let page = owner.get("/records/tasks?list=Work").await.text;
    assert_eq!(titles(&page), ["late", "someday"]);
    let page = owner.get("/records/tasks?state=done").await.text;
    assert_eq!(titles(&page), ["done"]);
    let page = owner.get("/records/tasks?state=all").await.text;
    assert_eq!(titles(&page), ["late", "later", "someday", "done"]);
}

#[tokio::test]
async fn tasks_of_one_day_come_by_their_priority() {
    let (device, mut owner) = Device::with_owner().await;
    let task = |title: &str, priority| {
        Record::Task(Task {
            title: title.to_owned(),
            due: "2030-01-01".parse().ok(),
            priority,
            ..Task::default()
        })
    };
    add(
        &device,
        vec![task("none", None), task("two", Some(2)), task("one", Some(1))],
    )
    .await;
    let page = owner.get("/records/tasks").await.text;
    assert_eq!(titles(&page), ["one", "two", "none"]);
}

#[tokio::test]
async fn a_task_that_repeats_is_put_off_in_its_list() {
    let (device, mut owner) = Device::with_owner().await;
    add(
        &device,
        vec![Record::Task(Task {
            title: "Rent".to_owned(),
            due: "2031-01-01".parse().ok(),
            repeat: "FREQ=MONTHLY".to_owned(),
            ..Task::default()
        })],
    )
    .await;
    let list = "/records/tasks?state=open";
    let id = ids(&owner.get(list).await.text).remove(0);
    let tick = format!("/tasks/{id}/tick");
    let answer = owner.submit(list, &tick, &[("back", list)]).await;
    assert_eq!(answer.location(), "/records/tasks?state=open&done=again");
    let page = owner.get(answer.location()).await.text;
    assert!(
        page.contains("2031-02-01") && page.contains("it is due again"),
        "{page}"
    );
    let evil = owner.submit(list, &tick, &[("back", "//evil.example")]).await;
    assert_eq!(evil.location(), "/?done=again");
}

#[tokio::test]
async fn what_was_deleted_is_put_back_as_it_was() {
    let (device, mut owner) = Device::with_owner().await;
    add(
        &device,
        vec![
            note("One", "1", &[]),
            note("Two", "2", &["x"]),
            note("Three", "3", &[]),
        ],
    )
    .await;
    let before = owner.get("/records/notes").await.text;
    let two = ids(&before)[..2].to_vec();
    let answer = delete(&mut owner, "notes", &two, false).await;
    assert_eq!(
        answer.location(),
        "/records/notes?done=deleted",
        "{}",
        answer.text
    );
    let page = owner.get(answer.location()).await.text;
    assert_eq!(titles(&page), ["One"]);
    assert!(page.contains("action=\"/undo\""), "{page}");
    let answer = owner
        .submit("/records/notes", "/undo", &[("back", "/records/notes")])
        .await;
    assert_eq!(
        answer.location(),
        "/records/notes?done=restored",
        "{}",
        answer.text
    );
    let after = owner.get("/records/notes").await.text;
    assert_eq!((titles(&after), ids(&after)), (titles(&before), ids(&before)));
    let again = owner.submit("/records/notes", "/undo", &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn nothing_is_put_back_after_a_lock_or_in_another_session() {
    let (device, mut owner) = Device::with_owner().await;
    add(&device, vec![note("One", "1", &[]), note("Two", "2", &[])]).await;
    let all = ids(&owner.get("/records/notes").await.text);
    delete(&mut owner, "notes", &all[..1], false).await;
    let mut other = device.browser();
    other.log_in().await;
    let answer = other.submit("/records/notes", "/undo", &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    owner.submit("/", "/lock", &[]).await;
    owner.log_in().await;
    let answer = owner.submit("/records/notes", "/undo", &[]).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    let gone = delete(&mut owner, "notes", &all, false).await;
    assert_eq!(
        gone.location(),
        "/records/notes?done=deleted",
        "one of the two was gone already"
    );
    let mistyped = delete(&mut owner, "notes", &["zz".to_owned()], false).await;
    assert_eq!(mistyped.status, StatusCode::NOT_FOUND);
}

async fn upload(owner: &mut Browser, name: &str, bytes: &[u8]) -> String {
    let token = owner.get("/documents/upload").await.form_token();
    let parts = [
        ("form_token", None, token.as_bytes()),
        ("file", Some(name), bytes),
    ];
    let answer = owner.send_parts("/documents/upload", &parts).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    ids(&owner.get("/records/documents").await.text).remove(0)
}

#[tokio::test]
async fn a_document_is_asked_about_before_it_is_deleted() {
    let (_device, mut owner) = Device::with_owner().await;
    let id = upload(&mut owner, "a.txt", b"text").await;
    let asked = delete(&mut owner, "documents", std::slice::from_ref(&id), false).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.text.contains("can’t be brought back") && asked.text.contains("a.txt"));
    let path = format!("/records/documents/{id}");
    let one = owner
        .submit("/records/documents", &format!("{path}/delete"), &[])
        .await;
    assert!(one.text.contains("can’t be brought back"));
    assert_eq!(owner.get(&path).await.status, StatusCode::OK);
    let gone = delete(&mut owner, "documents", &[id], true).await;
    assert_eq!(gone.location(), "/records/documents?done=deleted");
    assert!(!owner.get(gone.location()).await.text.contains("action=\"/undo\""));
    assert_eq!(owner.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn not_a_byte_of_a_strangers_file_is_shown_and_without_a_reader_that_is_said() {
    let (_device, mut owner) = Device::with_owner().await;
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), b"<script>alert(1)</script>"].concat();
    let picture = upload(&mut owner, "a.png", &png).await;
    for path in ["view", "pages/1"] {
        let answer = owner.get(&format!("/documents/{picture}/{path}")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text.contains("pocket-reader"), "{}", answer.text);
    }
    let answer = owner.get(&format!("/documents/{picture}/thumbnail")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let page = owner.get(&format!("/records/documents/{picture}")).await.text;
    assert!(page.contains("pocket-reader") && !page.contains("<img"), "{page}");
    assert!(!page.contains("alert(1)"));
    let file = owner.get(&format!("/documents/{picture}/file")).await;
    assert!(
        file.header("content-security-policy")
            .starts_with("sandbox; default-src 'none'")
    );
    assert_eq!(file.bytes, png);
}

#[tokio::test]
async fn a_note_is_shown_as_markdown_and_its_links_lead_to_notes() {
    let (device, mut owner) = Device::with_owner().await;
    add(
        &device,
        vec![
            note(
                "Doctor",
                "# Visit\n\nSee [[ other note ]] and [[Nowhere]] <script>alert(1)</script>",
                &[],
            ),
            note("Other Note", "", &[]),
        ],
    )
    .await;
    let list = ids(&owner.get("/records/notes?sort=title").await.text);
    let page = owner.get(&format!("/records/notes/{}", list[0])).await.text;
    assert!(
        page.contains("<h2>Visit</h2>") && page.contains("&lt;script&gt;"),
        "{page}"
    );
    let link = |title: &str| {
        let from = page.find("/notes/named?title=").unwrap();
        let links: Vec<&str> = page[from..].split("href=\"").collect();
        let all = page.split("href=\"").map(|rest| rest.split('"').next().unwrap());
        let found = all
            .filter(|href| href.starts_with("/notes/named"))
            .find(|href| href.contains(title));
        assert!(!links.is_empty());
        found.unwrap().to_owned()
    };
    let answer = owner.get(&link("other")).await;
    assert_eq!(answer.location(), format!("/records/notes/{}", list[1]));
    let answer = owner.get(&link("Nowhere")).await;
    assert_eq!(answer.location(), "/search?q=Nowhere&in=notes");
    assert_eq!(owner.get("/notes/named").await.location(), "/search?q=&in=notes");
}

#[tokio::test]
async fn the_audit_log_is_narrowed() {
    let (device, mut owner) = Device::with_owner().await;
    add(&device, vec![note("One", "", &[])]).await;
    let wrong = [("confirm", "ERASE"), ("passphrase", "not this one")];
    owner.submit("/device/reset", "/device/reset", &wrong).await;
    let all = titles(&owner.get("/audit").await.text);
    let refused = titles(&owner.get("/audit?only=refused").await.text);
    assert!(!refused.is_empty() && refused.len() < all.len(), "{refused:?}");
    let notes = owner.get("/audit?in=notes").await.text;
    assert_eq!(titles(&notes), ["added "], "{notes}");
    assert!(
        owner
            .get("/audit?only=agents")
            .await
            .text
            .contains("Nothing fits.")
    );
}

#[tokio::test]
async fn the_page_speaks_german_and_remembers_a_choice() {
    let (_device, mut owner) = Device::with_owner().await;
    let request = axum::http::Request::get("/records/notes").header("accept-language", "de-DE,de;q=0.9");
    let page = owner
        .send(request.body(axum::body::Body::empty()).unwrap())
        .await
        .text;
    assert!(
        page.contains("<html lang=\"de\" data-theme=\"auto\">") && page.contains("Hier ist noch nichts.")
    );
    let choice = [("language", "de"), ("theme", "dark")];
    let answer = owner.submit("/settings", "/settings/look", &choice).await;
    assert!(
        answer
            .header("set-cookie")
            .starts_with("pocketai_look_7878=de.dark; HttpOnly; SameSite=Strict")
    );
    let page = owner.get("/nowhere").await.text;
    assert!(
        page.contains("data-theme=\"dark\"") && page.contains("Unter dieser Adresse ist nichts."),
        "{page}"
    );
    let wrong = owner
        .submit(
            "/device/recovery",
            "/device/recovery",
            &[("passphrase", "not this one")],
        )
        .await;
    assert!(wrong.text.contains("Das war nicht richtig."), "{}", wrong.text);
}

#[tokio::test]
async fn the_strength_of_a_passphrase_is_told_to_this_page_alone() {
    let device = Device::new();
    let mut visitor = device.browser();
    let token = visitor.get("/setup").await.form_token();
    let fields = [("form_token", token.as_str()), ("passphrase", PASSPHRASE)];
    let answer = visitor.post("/strength", &fields).await;
    assert_eq!(answer.status, StatusCode::OK);
    // What estimates is tested over the real programs.
    assert!(
        answer.text.starts_with("{\"grade\":null,") && answer.text.contains("pocket-reader"),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let stranger = device.browser().post("/strength", &fields).await;
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let long = "x".repeat(5 * 1024);
    let large = visitor.post("/strength", &[("passphrase", long.as_str())]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_reset_asks_three_times_and_names_what_goes() {
    let (device, mut owner) = Device::with_owner().await;
    add(
        &device,
        (0..7).map(|number| note(&number.to_string(), "", &[])).collect(),
    )
    .await;
    let first = owner.get("/device/reset").await.text;
    assert!(
        first.contains("<th scope=\"row\">Notes</th><td>7</td>"),
        "{first}"
    );
    assert!(!first.contains("name=\"passphrase\"") && !first.contains("name=\"confirm\""));
    let second = owner.get("/device/reset?step=2").await.text;
    assert!(second.contains("name=\"confirm\"") && !second.contains("name=\"passphrase\""));
    let wrong = owner.get("/device/reset?step=3&confirm=erase").await.text;
    assert!(wrong.contains("That was not the word.") && !wrong.contains("name=\"passphrase\""));
    let third = owner.get("/device/reset?step=3&confirm=ERASE").await.text;
    assert!(third.contains("name=\"passphrase\"") && third.contains("name=\"confirm\" value=\"ERASE\""));
}

#[tokio::test]
async fn a_session_alone_gives_nothing_away() {
    let (_device, mut owner) = Device::with_owner().await;
    for passphrase in ["", "not this one"] {
        let fields = [("passphrase", passphrase)];
        let answer = owner.submit("/export", "/export", &fields).await;
        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert_ne!(answer.header("content-type"), "application/x-tar");
    }
    let fields = [
        ("name", "thief"),
        ("scope", "notes:read"),
        ("passphrase", "not this one"),
    ];
    let answer = owner.submit("/agents/new", "/agents/new", &fields).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.text.contains("pai_") && !answer.text.contains("not this one"));
    assert!(owner.get("/agents").await.text.contains("No agents yet."));
}
