use pocket_core::{Contact, Conversation, Document, Memory, Note, Outbox, SecretName, Setting, Task};

use super::*;

fn parsed(category: Category, arguments: &[&str]) -> Result<Value, String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let fields = parse(category, &arguments).map_err(words)?;
    content(category, fields.clone()).map_err(words)?;
    Ok(Value::Object(fields))
}

fn words(problem: Problem) -> String {
    match problem {
        Problem::Usage { message, remedy } => format!("{message}; {remedy}"),
        _ => "not a usage error".to_owned(),
    }
}

#[test]
fn every_field_of_every_record_has_its_kind() {
    let records = [
        Record::Contact(Contact::default()),
        Record::Conversation(Conversation::default()),
        Record::Document(Document::default()),
        Record::Memory(Memory::default()),
        Record::Note(Note::default()),
        Record::Outbox(Outbox::default()),
        Record::Secret(SecretName::default()),
        Record::Setting(Setting::default()),
        Record::Task(Task::default()),
    ];
    for record in records {
        let category = record.category();
        let Value::Object(fields) = record.serialize_fields(serde_json::value::Serializer).unwrap() else {
            panic!("{category} is no object");
        };
        let mut known: Vec<&str> = shape(category).iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert!(fields.keys().map(String::as_str).eq(known), "{category}");
        for (name, kind) in shape(category) {
            let fits = match kind {
                Kind::Flag => fields[*name].is_boolean(),
                Kind::Number | Kind::When => fields[*name].is_null(),
                Kind::Text => fields[*name].is_string(),
                Kind::Device => !fields[*name].is_array(),
                Kind::Labelled | Kind::Messages | Kind::Properties | Kind::Texts => fields[*name].is_array(),
            };
            assert!(fits, "{category} {name}");
        }
    }
}

#[test]
fn values_follow_the_type_of_their_field() {
    let task = [
        "title=Buy = more",
        "done=yes",
        "priority=3",
        "due=2026-12-01",
        "tags=a",
        "tags=b",
    ];
    assert_eq!(
        parsed(Category::Tasks, &task),
        Ok(
            json!({"title": "Buy = more", "done": true, "priority": 3, "due": "2026-12-01", "tags": ["a", "b"]})
        )
    );
    let contact = [
        "name=Ann",
        "phones=home:+49 30:1",
        "phones=110",
        "emails=:a@b.org",
        "tags=",
    ];
    assert_eq!(
        parsed(Category::Contacts, &contact),
        Ok(json!({
            "name": "Ann",
            "phones": [{"label": "home", "value": "+49 30:1"}, {"label": "", "value": "110"}],
            "emails": [{"label": "", "value": "a@b.org"}],
            "tags": [],
        }))
    );
    let note = ["title=t", "properties=rating:5", "properties=mood:fine"];
    assert_eq!(
        parsed(Category::Notes, &note),
        Ok(
            json!({"title": "t", "properties": [{"name": "rating", "value": "5"}, {"name": "mood", "value": "\"fine\""}]})
        )
    );
    assert_eq!(
        parsed(Category::Memory, &["text=t", "confidence=", "valid_from="]),
        Ok(json!({"text": "t", "confidence": null, "valid_from": null}))
    );
}

#[test]
fn mistakes_name_the_field_and_the_remedy() {
    for (category, arguments, expected) in [
        (Category::Notes, &["titel=a"][..], "no field \"titel\""),
        (Category::Notes, &["titel=a"], "title, tags, path"),
        (Category::Notes, &["title"], "not FIELD=VALUE"),
        (Category::Notes, &["title=a", "title=b"], "given twice"),
        (Category::Tasks, &["title=a", "done=maybe"], "true or false"),
        (Category::Tasks, &["title=a", "priority=high"], "whole number"),
        (Category::Tasks, &["title=a", "priority=10"], "priority"),
        (Category::Tasks, &["title=a", "due=soon"], "not a date"),
        (Category::Tasks, &["notes=a"], "title is empty"),
        (Category::Documents, &["name=a", "size=3"], "set by the device"),
        (Category::Outbox, &["to=a", "state=lost"], "draft"),
        (Category::Audit, &["title=a"], "device alone"),
    ] {
        let problem = parsed(category, arguments).expect_err("a mistake");
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn an_entry_as_it_is_printed_is_added_with_its_id() {
    let id = "0123456789abcdef0123456789abcdef";
    let line = format!(
        r#"{{"id":"{id}","category":"notes","created":"2026-11-22T03:04:05.123Z","revision":2,"fields":{{"title":"t"}}}}"#
    );
    let read = |category, line: &str| entry(category, object(line)?);
    let Ok(new) = read(Category::Notes, &line) else {
        panic!("a good entry");
    };
    assert_eq!(new.id, id.parse().ok());
    assert_eq!(new.created, "2026-11-22T03:04:05.123Z".parse().ok());
    assert!(new.updated.is_none());
    assert!(read(Category::Tasks, &line).is_err());
    assert!(read(Category::Notes, &line.replace("0123", "")).is_err());
    assert!(read(Category::Notes, r#"{"title":"t"}"#).is_ok_and(|new| new.id.is_none()));
    assert!(read(Category::Notes, "[]").is_err());
    assert!(read(Category::Notes, "{").is_err());
}
