//! Records, documents, secrets, settings.

use pocket_core::{Agent, Document, SecretName, Setting, Verb};

use super::*;

fn agent(scopes: &str) -> Actor {
    Actor::Agent(Agent {
        id: RecordId::from_bytes([9; 16]),
        scopes: scopes.parse().unwrap(),
    })
}

#[test]
fn an_import_brings_the_same_content_in_once() {
    let device = Device::new();
    let items = || {
        vec![
            new_entry(note("One", "a")),
            new_entry(note("Two", "b")),
            new_entry(note("One", "a")),
        ]
    };
    let add = || match device
        .ask(Operation::Add {
            items: items(),
            import: true,
        })
        .map(|reply| reply.answer)
    {
        Ok(Answer::Added(added)) => added,
        _ => panic!("not added"),
    };
    let first = add();
    assert!(matches!(first[..], [Added::New(one), Added::New(_), Added::AlreadyHere(again)] if one == again));
    assert!(add().iter().all(|added| matches!(added, Added::AlreadyHere(_))));
}

#[test]
fn an_edit_of_an_old_revision_is_refused() {
    let device = Device::new();
    let id = device.add(note("Old", ""));
    let edit = |title: &str, revision| {
        let content = Box::new(Content::check(note(title, "")).unwrap());
        device.ask(Operation::Edit {
            id,
            content,
            revision,
        })
    };
    assert_eq!(kind(edit("New", Some(1))), None);
    assert_eq!(kind(edit("Late", Some(1))), Some(FailureKind::Conflict));
    let entry = device.get(Category::Notes, id).unwrap();
    assert_eq!(entry.revision, 2);
    assert!(entry.content.record().title() == "New");
}

#[test]
fn a_document_keeps_its_bytes_through_edits_and_restarts() {
    let mut device = Device::new();
    let bytes: Vec<u8> = (0..3_000_000u32)
        .map(|number| number.to_le_bytes()[0] ^ number.to_le_bytes()[1])
        .collect();
    let Ok(Answer::Upload(upload)) = device.ask(Operation::UploadBegin).map(|reply| reply.answer) else {
        panic!("no upload")
    };
    for piece in bytes.chunks(Operation::MOST_CHUNK) {
        let request = Request::new(owner(), Operation::UploadChunk { upload });
        let request = request.with_payload(SecretBytes::new(piece.to_vec()));
        assert_eq!(kind(device.handle().call_blocking(request)), None);
    }
    let document = |note: &str| {
        let (name, note) = ("scan.pdf".to_owned(), note.to_owned());
        Record::Document(Document {
            name,
            note,
            size: 7,
            sha256: "forged".to_owned(),
            ..Document::default()
        })
    };
    let item = NewEntry {
        upload: Some(upload),
        ..new_entry(document(""))
    };
    let added = device
        .ask(Operation::Add {
            items: vec![item],
            import: false,
        })
        .map(|reply| reply.answer);
    let id = match added {
        Ok(Answer::Added(added)) => match added[..] {
            [Added::New(id)] => id,
            _ => panic!("not new"),
        },
        _ => panic!("not added"),
    };
    let content = Box::new(Content::check(document("seen")).unwrap());
    device
        .ask(Operation::Edit {
            id,
            content,
            revision: None,
        })
        .map(drop)
        .unwrap();
    device.restart();
    device.unlock();
    let mut read = Vec::new();
    loop {
        let offset = u64::try_from(read.len()).unwrap();
        let reply = device
            .ask(Operation::ReadBlob { id, offset })
            .map(|reply| reply.payload)
            .unwrap()
            .unwrap();
        if reply.is_empty() {
            break;
        }
        read.extend_from_slice(reply.expose_bytes());
    }
    assert!(read == bytes);
    match device.get(Category::Documents, id).unwrap().content.record() {
        Record::Document(document) => {
            assert_eq!(document.size, 3_000_000);
            assert_eq!(document.sha256.len(), 64);
            assert!(document.note == "seen");
        }
        _ => panic!("no document"),
    }
}

#[test]
fn an_upload_belongs_to_who_began_it() {
    let device = Device::new();
    let Ok(Answer::Upload(upload)) = device.ask(Operation::UploadBegin).map(|reply| reply.answer) else {
        panic!("no upload")
    };
    let request = Request::new(agent("documents:write"), Operation::UploadChunk { upload });
    let foreign = device
        .handle()
        .call_blocking(request.with_payload(secret("bytes")));
    assert_eq!(kind(foreign), Some(FailureKind::NotFound));
}

#[test]
fn secrets_are_named_and_never_shown() {
    let device = Device::new();
    let set = |name: &str, value: &str| {
        let operation = Operation::SecretSet {
            name: name.to_owned(),
            note: "for tests".to_owned(),
        };
        kind(
            device
                .handle()
                .call_blocking(Request::new(owner(), operation).with_payload(secret(value))),
        )
    };
    assert_eq!(set("TOKEN", "s3cr3t-value"), None);
    assert_eq!(set("TOKEN", "another-value"), None);
    assert_eq!(set("EMPTY", ""), Some(FailureKind::Invalid));
    let Ok(Answer::Secrets(secrets)) = device.ask(Operation::SecretList).map(|reply| reply.answer) else {
        panic!("no list")
    };
    assert_eq!(secrets.len(), 1);
    let shown = device
        .ask(Operation::Get {
            category: Category::Secrets,
            id: secrets[0].id,
        })
        .map(|reply| {
            let Answer::Entry(entry) = reply.answer else {
                panic!("no entry")
            };
            serde_json::to_string(&*entry).unwrap() + &format!("{}", reply.payload.is_some())
        });
    assert!(shown.is_ok_and(|shown| shown.contains("TOKEN")
        && !shown.contains("value\"")
        && shown.ends_with("false")));
    let by_hand = Record::Secret(SecretName {
        name: "X".to_owned(),
        note: String::new(),
    });
    let add = Operation::Add {
        items: vec![new_entry(by_hand)],
        import: false,
    };
    assert_eq!(kind(device.ask(add)), Some(FailureKind::Refused));
    let delete = || {
        device.ask(Operation::SecretDelete {
            name: "TOKEN".to_owned(),
        })
    };
    assert_eq!(kind(delete()), None);
    assert_eq!(kind(delete()), Some(FailureKind::NotFound));
}

#[test]
fn a_setting_is_set_anew_by_its_name_and_refused_when_it_makes_no_sense() {
    let device = Device::new();
    let setting = |name: &str, value: &str| {
        Record::Setting(Setting {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    };
    let first = device.add(setting("retention_days.notes", "7"));
    let again = device.add(setting("retention_days.notes", "9"));
    assert_eq!(first, again);
    let notes = |status: &Status| {
        status
            .categories
            .iter()
            .find(|category| category.category == Category::Notes)
            .unwrap()
            .retention_days
    };
    assert_eq!(notes(&device.status()), Some(9));
    let add = |record| {
        kind(device.ask(Operation::Add {
            items: vec![new_entry(record)],
            import: false,
        }))
    };
    assert_eq!(
        add(setting("retention_days.audit", "1")),
        Some(FailureKind::Invalid)
    );
    assert_eq!(add(setting("colour", "blue")), Some(FailureKind::Invalid));
    device
        .ask(Operation::Delete {
            category: Category::Settings,
            id: first,
        })
        .map(drop)
        .unwrap();
    assert_eq!(notes(&device.status()), None);
}

#[test]
fn an_agent_finds_only_where_it_may_search() {
    let device = Device::new();
    device.add(note("Needle", "in the notes"));
    device.add(Record::Memory(pocket_core::Memory {
        text: "needle fact".to_owned(),
        ..Default::default()
    }));
    let search = |actor: Actor| {
        let operation = Operation::Search {
            categories: Vec::new(),
            query: "NEEDLE".to_owned(),
            limit: 10,
        };
        match device
            .handle()
            .call_blocking(Request::new(actor, operation))
            .map(|reply| reply.answer)
        {
            Ok(Answer::Hits(hits)) => {
                let mut found: Vec<_> = hits.iter().map(|hit| hit.entry.content.category()).collect();
                found.sort_unstable();
                found
            }
            _ => panic!("no hits"),
        }
    };
    assert_eq!(search(owner()), [Category::Memory, Category::Notes]);
    assert_eq!(search(agent("memory:search")), [Category::Memory]);
    assert_eq!(search(agent("tasks:search")), []);
    // Sending is of the outbox alone.
    let others = Verb::ALL
        .into_iter()
        .filter(|verb| !matches!(verb, Verb::Read | Verb::Send));
    for verb in others {
        let operation = Operation::List {
            category: Category::Notes,
            after: None,
            limit: 1,
        };
        let request = Request::new(agent(&format!("notes:{}", verb.name())), operation);
        assert_eq!(
            kind(device.handle().call_blocking(request)),
            Some(FailureKind::Refused)
        );
    }
}

#[test]
fn erasing_a_category_takes_it_all_and_nothing_else() {
    let device = Device::new();
    let gone = device.add(note("Gone", ""));
    let kept = device.add(Record::Memory(pocket_core::Memory {
        text: "kept".to_owned(),
        ..Default::default()
    }));
    let erase = || Operation::CategoryErase {
        category: Category::Notes,
    };
    assert_eq!(kind(device.ask(erase())), Some(FailureKind::Refused));
    assert_eq!(kind(device.ask_with(erase(), PASSPHRASE)), None);
    assert_eq!(
        kind(device.get(Category::Notes, gone)),
        Some(FailureKind::NotFound)
    );
    assert!(device.get(Category::Memory, kept).is_ok());
    device.add(note("New", ""));
    assert!(matches!(
        device
            .ask(Operation::AuditVerify { exported: false })
            .map(|reply| reply.answer),
        Ok(Answer::AuditVerified(Ok(_)))
    ));
}

#[test]
fn the_room_that_records_take_and_the_last_export_are_known_and_to_the_owner_alone() {
    let mut device = Device::new();
    let bytes = |device: &Device, category: Category| {
        let of = |status: &pocket_core::CategoryStatus| status.category == category;
        let categories = device.status().categories;
        categories.into_iter().find(of).unwrap().bytes
    };
    assert_eq!(bytes(&device, Category::Notes), 0);
    assert_eq!(device.status().last_export, None);
    device.add(note("Long", &"words ".repeat(20_000)));
    let taken = bytes(&device, Category::Notes);
    assert!(taken > 120_000, "{taken}");
    let room = device.status().storage.unwrap();
    assert!(room.taken > taken && room.free > 0 && room.needed > 0);

    device.ask(Operation::Export).map(drop).unwrap();
    let begun = device.status();
    assert!(
        begun.last_export.is_none() && begun.unfinished_export.is_some(),
        "begun is not finished"
    );
    device.ask(Operation::ExportDone).map(drop).unwrap();
    let exported = device.status().last_export;
    assert!(exported.is_some() && device.status().unfinished_export.is_none());
    device.ask(Operation::Export).map(drop).unwrap();
    let unfinished = device.status().unfinished_export;
    assert!(unfinished.is_some() && device.status().last_export == exported);
    device.restart();
    let locked = device.status();
    assert_eq!(
        (locked.storage, locked.last_export, locked.unfinished_export),
        (None, None, None)
    );
    device.unlock();
    let back = device.status();
    assert_eq!((back.last_export, back.unfinished_export), (exported, unfinished));
    assert_eq!(bytes(&device, Category::Notes), taken);
    let anyone = Request::new(Actor::Nobody(Door::Web), Operation::Status);
    let Ok(Answer::Status(anyone)) = device.handle().call_blocking(anyone).map(|reply| reply.answer) else {
        panic!("no status");
    };
    assert_eq!(
        (anyone.storage, anyone.last_export, anyone.unfinished_export),
        (None, None, None)
    );
}
