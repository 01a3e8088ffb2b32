//! Nothing that was typed is lost: not by the end of the session, not by the token of another one, and
//! not because others changed or deleted the record meanwhile. But no secret is ever kept.

use axum::http::StatusCode;
use pocket_core::{Category, Operation};

use super::browser::{Answer, Browser, Device, PASSPHRASE};
use super::work::added;

/// A form: its address, what is typed into it, and what stands in the page when it is shown again.
struct Form {
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    shown: &'static [&'static str],
}

const SECRET: &str = "never kept anywhere";

const FORMS: [Form; 6] = [
    Form {
        path: "/agents/new",
        fields: &[
            ("name", "helper-7"),
            ("scope", "notes:read"),
            ("scope", "tasks:write"),
            ("passphrase", SECRET),
        ],
        shown: &[
            "value=\"helper-7\"",
            "value=\"notes:read\" checked",
            "value=\"tasks:write\" checked",
        ],
    },
    Form {
        path: "/device/erase",
        fields: &[("category", "tasks"), ("passphrase", SECRET)],
        shown: &["value=\"tasks\" selected"],
    },
    Form {
        path: "/profile",
        fields: &[
            ("profile", "LOCAL_NETWORK"),
            ("minutes", "77"),
            ("passphrase", SECRET),
        ],
        shown: &["value=\"LOCAL_NETWORK\" checked", "value=\"77\""],
    },
    Form {
        path: "/secrets/set",
        fields: &[
            ("name", "bank.pin"),
            ("note", "the blue card"),
            ("value", SECRET),
            ("passphrase", SECRET),
        ],
        shown: &["value=\"bank.pin\"", "value=\"the blue card\""],
    },
    Form {
        path: "/settings",
        fields: &[
            ("auto_lock_minutes", "33"),
            ("retention_days.notes", "44"),
            ("passphrase", SECRET),
        ],
        shown: &["value=\"33\"", "value=\"44\""],
    },
    Form {
        path: "/records/tasks/new",
        fields: &[("title", "Buy seeds"), ("list", "Garden")],
        shown: &["value=\"Buy seeds\"", "value=\"Garden\""],
    },
];

async fn log_in_to(browser: &mut Browser, path: &str) -> Answer {
    let fields = [("next", path), ("passphrase", PASSPHRASE)];
    let answer = browser.submit("/unlock", "/unlock", &fields).await;
    assert_eq!(answer.location(), path);
    browser.get(path).await
}

fn is_shown(form: &Form, page: &str) {
    assert!(
        page.contains("This is what you wrote before your session ended."),
        "{page}"
    );
    assert!(page.contains(" data-unsaved"), "the script is told");
    for part in form.shown {
        assert!(page.contains(part), "{}: {part}: {page}", form.path);
    }
    assert!(!page.contains(SECRET), "{}", form.path);
}

#[tokio::test]
async fn every_form_comes_back_after_the_end_of_its_session_without_its_secrets() {
    let (device, mut owner) = Device::with_owner().await;
    for form in FORMS {
        let token = owner.get(form.path).await.form_token();
        device.control(Operation::Lock { all: false }).await.unwrap();
        let fields = [&[("form_token", token.as_str())], form.fields].concat();
        let answer = owner.post(form.path, &fields).await;
        assert!(answer.location().starts_with("/unlock?next="), "{}", form.path);
        is_shown(&form, &log_in_to(&mut owner, form.path).await.text);
        assert!(!owner.get(form.path).await.text.contains(" data-unsaved"), "once");
    }
}

#[tokio::test]
async fn a_form_of_the_session_before_is_shown_again_and_changes_nothing() {
    let (_device, mut owner) = Device::with_owner().await;
    for form in FORMS {
        let token = owner.get(form.path).await.form_token();
        owner.submit("/device", "/logout", &[]).await;
        owner.log_in().await;
        let fields = [&[("form_token", token.as_str())], form.fields].concat();
        let answer = owner.post(form.path, &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, form.path)
        );
        is_shown(&form, &owner.get(form.path).await.text);
    }
    let page = owner.get("/records/tasks").await.text;
    assert!(page.contains("Nothing here yet."), "{page}");
}

#[tokio::test]
async fn two_forms_of_a_browser_both_come_back() {
    let (device, mut owner) = Device::with_owner().await;
    let token = owner.get("/records/notes/new").await.form_token();
    device.control(Operation::Lock { all: false }).await.unwrap();
    for (path, field) in [("/records/notes/new", "title"), ("/secrets/set", "name")] {
        let fields = [("form_token", token.as_str()), (field, "first.second")];
        owner.post(path, &fields).await;
    }
    let page = log_in_to(&mut owner, "/records/notes/new").await.text;
    assert!(page.contains("first.second"), "{page}");
    assert!(owner.get("/secrets/set").await.text.contains("first.second"));
    assert!(
        !owner.cookies.contains_key("pocketai_kept_7878"),
        "nothing waits any more"
    );
}

#[tokio::test]
async fn what_was_said_of_an_upload_comes_back_and_the_file_is_not_taken() {
    let (device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    device.control(Operation::Lock { all: false }).await.unwrap();
    let parts: [(&str, Option<&str>, &[u8]); 4] = [
        ("form_token", None, token.as_bytes()),
        ("note", None, b"from the attic"),
        ("tags", None, b"old, letters"),
        ("file", Some("a.txt"), b"bytes"),
    ];
    let answer = owner.send_parts("/documents/upload", &parts).await;
    assert_eq!(
        answer.location(),
        "/unlock?next=%2Fdocuments%2Fupload",
        "{}",
        answer.text
    );
    let page = log_in_to(&mut owner, "/documents/upload").await.text;
    assert!(
        page.contains("value=\"from the attic\"") && page.contains("value=\"old, letters\""),
        "{page}"
    );
    assert!(
        owner
            .get("/records/documents")
            .await
            .text
            .contains("Nothing here yet.")
    );
}

#[tokio::test]
async fn what_was_said_of_an_upload_from_the_session_before_comes_back_too() {
    let (_device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    owner.submit("/device", "/logout", &[]).await;
    owner.log_in().await;
    let note = "n".repeat(6_000);
    let parts: [(&str, Option<&str>, &[u8]); 3] = [
        ("form_token", None, token.as_bytes()),
        ("note", None, note.as_bytes()),
        ("file", Some("a.txt"), b"bytes"),
    ];
    let answer = owner.send_parts("/documents/upload", &parts).await;
    assert_eq!(answer.location(), "/documents/upload", "{}", answer.text);
    assert!(owner.get("/documents/upload").await.text.contains(&note));
    assert!(
        owner
            .get("/records/documents")
            .await
            .text
            .contains("Nothing here yet.")
    );
}

fn id_of(path: &str) -> pocket_core::RecordId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_edit_of_what_was_deleted_meanwhile_can_be_saved_as_new() {
    let (device, mut owner) = Device::with_owner().await;
    let record = added(&mut owner, "notes", &[("title", "Trip"), ("body", "old")]).await;
    let edit = format!("{record}/edit");
    let token = owner.get(&edit).await.form_token();
    let delete = Operation::Delete {
        category: Category::Notes,
        id: id_of(&record),
    };
    device.control(delete).await.unwrap();
    let fields = [
        ("form_token", token.as_str()),
        ("revision", "1"),
        ("title", "Trip"),
        ("body", "an hour of work"),
    ];
    let page = owner.post(&edit, &fields).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    for part in [
        "This was deleted meanwhile.",
        "an hour of work",
        "action=\"/records/notes/new\"",
        "Save as new",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    // The same when the session ended on the way.
    device.control(Operation::Lock { all: false }).await.unwrap();
    owner.post(&edit, &fields).await;
    let page = log_in_to(&mut owner, &edit).await;
    assert!(page.text.contains("This was deleted meanwhile.") && page.text.contains("an hour of work"));
    let token = page.form_token();
    let saved = owner
        .post(
            "/records/notes/new",
            &[
                ("form_token", &token),
                ("title", "Trip"),
                ("body", "an hour of work"),
            ],
        )
        .await;
    assert!(saved.location().ends_with("?done=added"), "{}", saved.text);
}

#[tokio::test]
async fn what_was_said_of_a_document_that_was_deleted_meanwhile_is_not_lost() {
    let (device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    let parts: [(&str, Option<&str>, &[u8]); 2] = [
        ("form_token", None, token.as_bytes()),
        ("file", Some("a.txt"), b"bytes"),
    ];
    owner.send_parts("/documents/upload", &parts).await;
    let list = owner.get("/records/documents").await.text;
    let (_, rest) = list.split_once("href=\"/records/documents/").unwrap();
    let record = format!("/records/documents/{}", &rest[..32]);
    let edit = format!("{record}/edit");
    let token = owner.get(&edit).await.form_token();
    let delete = Operation::Delete {
        category: Category::Documents,
        id: id_of(&record),
    };
    device.control(delete).await.unwrap();
    let fields = [
        ("form_token", token.as_str()),
        ("revision", "1"),
        ("name", "Will.txt"),
        ("note", "in the safe"),
    ];
    let page = owner.post(&edit, &fields).await.text;
    for part in [
        "deleted meanwhile, and its file with it",
        "Will.txt",
        "value=\"in the safe\"",
        "data-upload",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn an_edit_of_what_was_changed_meanwhile_loses_neither() {
    let (_device, mut owner) = Device::with_owner().await;
    let record = added(
        &mut owner,
        "notes",
        &[("title", "Trip"), ("body", "first"), ("tags", "same")],
    )
    .await;
    let edit = format!("{record}/edit");
    let token = owner.get(&edit).await.form_token();
    let theirs = [
        ("revision", "1"),
        ("title", "Trip"),
        ("body", "theirs"),
        ("tags", "same"),
    ];
    owner.submit(&edit, &edit, &theirs).await;
    let mine = [
        ("form_token", token.as_str()),
        ("revision", "1"),
        ("title", "Trip"),
        ("body", "mine"),
        ("tags", "same"),
    ];
    let page = owner.post(&edit, &mine).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    let page = page.text;
    assert!(
        page.contains("<textarea id=\"body\"") && page.contains(">\nmine</textarea>"),
        "{page}"
    );
    assert!(
        page.contains("Stored now:") && page.contains(">\ntheirs</pre>"),
        "{page}"
    );
    assert_eq!(page.matches("Stored now:").count(), 1, "only what differs");
    assert!(
        page.contains("name=\"revision\" value=\"2\""),
        "to save again is to mean it"
    );
    assert!(page.contains("formaction=\"/records/notes/new\""));
    assert!(
        owner.get(&record).await.text.contains("theirs"),
        "nothing was replaced"
    );
    let both = owner.post("/records/notes/new", &mine).await;
    assert!(both.location().ends_with("?done=added"));
    assert!(owner.get(&record).await.text.contains("theirs"));
    // A form that was kept while the record changed tells so as soon as it is shown.
    owner.submit("/device", "/logout", &[]).await;
    owner.post(&edit, &mine).await;
    let page = log_in_to(&mut owner, &edit).await.text;
    assert!(
        page.contains(">\nmine</textarea>") && page.contains(">\ntheirs</pre>"),
        "{page}"
    );
}

#[tokio::test]
async fn a_form_with_too_many_or_unknown_parts_is_refused_in_words() {
    let (_device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    let first: (&str, Option<&str>, &[u8]) = ("form_token", None, token.as_bytes());
    let note: (&str, Option<&str>, &[u8]) = ("note", None, b"stays here");
    let unknown = [
        first,
        note,
        ("file", Some("a.txt"), b"one"),
        ("other", None, b"x"),
    ];
    let page = owner.send_parts("/documents/upload", &unknown).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in [
        "a part that this page does not know",
        "1 file is stored already",
        "value=\"stays here\"",
    ] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    let mut many = vec![first];
    many.resize(258, ("file", Some("b.txt"), b"two".as_slice()));
    let page = owner.send_parts("/documents/upload", &many).await.text;
    assert!(
        page.contains("these are more than 256 files") && page.contains("256 files are stored already"),
        "{page}"
    );
}

#[tokio::test]
async fn more_than_one_form_may_hold_is_refused_before_a_byte_of_it_is_taken() {
    use axum::body::Body;
    use axum::http::{Request, header};

    let (_device, mut owner) = Device::with_owner().await;
    let token = owner.get("/documents/upload").await.form_token();
    let body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--edge--\r\n"
    );
    let request = Request::post("/documents/upload")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge")
        .header(header::CONTENT_LENGTH, "5000000000");
    let page = owner.send(request.body(Body::from(body)).unwrap()).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.text.contains("more than 4 GiB together"), "{}", page.text);
    assert!(
        owner
            .get("/records/documents")
            .await
            .text
            .contains("Nothing here yet.")
    );
}
