//! What the device holds about one person: found in every category, handed out, erased, and nothing else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::device::{Device, path_text, text};

/// Where the person is named, and how.
const ABOUT: [(&str, &[&str]); 7] = [
    ("memory", &["subject=ANNA EK", "text=eats no walnuts"]),
    ("notes", &["title=Party", "body=Ask Ek, Anna about the cake"]),
    ("tasks", &["title=Call back", "notes=at 08-12 34 567 before noon"]),
    ("conversations", &["title=Chat", "messages=Anna Ek:hello"]),
    ("documents", &["name=lease.txt", "text=between us and Anna\nEk"]),
    ("outbox", &["to=anna@example.org", "body=Soon."]),
    ("settings", &["name=auto_lock_minutes", "value=30"]),
];

/// What is about others.
const OTHERS: [(&str, &[&str]); 4] = [
    ("contacts", &["name=Anna Ekman", "phones=+46 8 1234568"]),
    ("memory", &["subject=Hanna Ek", "text=eats walnuts"]),
    ("notes", &["title=Anna", "body=a film"]),
    ("tasks", &["title=Ekonomi"]),
];

struct Filled {
    device: Device,
    contact: String,
    about: BTreeSet<String>,
}

fn filled() -> Filled {
    let device = Device::owned();
    let contact = device.add(
        "contacts",
        &["name=Anna Ek", "phones=+46 8 1234567", "emails=anna@example.org"],
    );
    let mut about = BTreeSet::from([contact.clone()]);
    for (category, fields) in ABOUT {
        let id = device.add(category, fields);
        // Nothing in a setting is about anybody.
        if category != "settings" {
            about.insert(id);
        }
    }
    for (category, fields) in OTHERS {
        device.add(category, fields);
    }
    let secret = ["secret", "set", "Anna Ek's door"];
    device.place.ctl_given(&secret, None, b"1234").one();
    Filled {
        device,
        contact,
        about,
    }
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| text(&line["id"])).collect()
}

fn left(device: &Device) -> usize {
    let count = |category: &str| device.list(category).len();
    let categories = ABOUT.iter().map(|(category, _)| *category).chain(["contacts"]);
    categories.map(count).sum()
}

#[test]
fn everything_about_one_person_is_found_by_name_and_by_contact_and_by_what_it_names_them() {
    let Filled {
        device,
        contact,
        about,
    } = filled();
    let by_name = device.ctl(&["person", "show", "anna ek"]).lines();
    let secret = by_name.iter().find(|line| line["category"] == "secrets");
    let secret = text(&secret.expect("the secret's name names her")["id"]);
    let all: BTreeSet<String> = about.iter().cloned().chain([secret.clone()]).collect();
    assert_eq!(ids(&by_name), all);
    assert_eq!(device.ctl(&["person", "show", &contact]).lines(), by_name);
    let reasons = |category: &str| {
        let found = by_name.iter().find(|line| line["category"] == category);
        found.expect("it is among them")["by"].clone()
    };
    assert_eq!(reasons("tasks"), serde_json::json!(["phone"]));
    assert_eq!(reasons("outbox"), serde_json::json!(["email"]));
    assert_eq!(
        reasons("contacts"),
        serde_json::json!(["contact", "email", "name", "phone"])
    );
    // Another spelling is found when it is said, and what is not meant is struck.
    let hits = device
        .ctl(&[
            "person", "show", "Anna Ek", "--also", "Hanna Ek", "--except", &secret,
        ])
        .lines();
    assert_eq!(hits.len(), about.len() + 1);
    device
        .ctl(&["person", "show", "Anna Ek", "--except", &"0".repeat(32)])
        .failed(2, "usage");
    // A second contact of that name: which one?
    device.add("contacts", &["name=Anna Ek"]);
    let words = device.ctl(&["person", "show", "Anna Ek"]).failed(2, "usage");
    assert!(words.contains(&contact), "{words}");
    assert!(device.ctl(&["person", "show", "Nobody Here"]).lines().is_empty());
}

#[test]
fn what_is_handed_out_is_about_that_person_alone_and_comes_in_again_elsewhere() {
    let Filled { device, about, .. } = filled();
    let folder = device.place.path("about");
    let export = ["person", "export", "Anna Ek", path_text(&folder)];
    let told = device.ctl(&export).one();
    assert_eq!(
        (&told["exported"], &told["secrets_left_out"]),
        (&about.len().into(), &1.into())
    );
    let memory = fs::read_to_string(folder.join("memory.jsonl")).unwrap();
    assert!(
        memory.contains("no walnuts") && !memory.contains("Hanna"),
        "{memory}"
    );
    device.ctl(&export).failed(1, "local");
    // It is no export of everything: the owner is not told that there is one.
    assert_eq!(device.ctl(&["status"]).one()["last_export"], Value::Null);
    let other = Device::owned();
    let came = other.ctl(&["import", path_text(&folder)]).one();
    assert_eq!(came["imported"], about.len());
    assert_eq!(ids(&other.ctl(&["person", "show", "Anna Ek"]).lines()), about);
}

#[test]
fn what_was_asked_of_a_model_is_found_by_the_words_as_they_were_and_goes_too() {
    let device = Device::owned();
    device.add("contacts", &["name=Anna Ek"]);
    device
        .place
        .ctl_given(&["secret", "set", "key"], None, b"1234")
        .one();
    device.ctl(&["profile", "set", "CLOUD_WITH_CONSENT"]).one();
    let provider = "provider add far --url https://far.example/v1 --protocol openai --model m --secret key";
    device.ctl(&provider.split(' ').collect::<Vec<_>>()).one();
    let asked = device.ctl(&["ask", "--no-wait", "What does Anna Ek like?"]);
    assert_eq!(asked.code, Some(4), "{}", asked.err);
    let question: Value = serde_json::from_str(asked.out.lines().last().unwrap()).unwrap();
    let id = text(&question["id"]);
    // What would leave has no name in it.
    let kept = device.ctl(&["get", "outbox", &id]).one();
    assert!(!kept["fields"].to_string().contains("Anna"), "{kept}");
    let found = device.ctl(&["person", "show", "Anna Ek"]).lines();
    assert!(ids(&found).contains(&id), "{found:?}");
    device.ctl(&["consent", "deny", &id]).one();
    device
        .ctl(&["person", "erase", "Anna Ek", "--confirm", "2"])
        .one();
    device.ctl(&["consent", "show", &id]).failed(1, "not-found");
    assert!(device.ctl(&["person", "show", "Anna Ek"]).lines().is_empty());
}

#[test]
fn a_person_is_erased_with_the_keys_and_nobody_else_is_and_the_log_has_no_name() {
    let Filled { device, about, .. } = filled();
    let before = left(&device);
    let erase = |confirm: &str| device.ctl(&["person", "erase", "Anna Ek", "--confirm", confirm]);
    device.ctl(&["person", "erase", "Anna Ek"]).failed(2, "usage");
    erase("3").failed(2, "usage");
    assert_eq!(left(&device), before, "nothing is erased unseen");
    // As many, but one of them is another by now.
    let seen = || text(&device.ctl(&["person", "show", "Anna Ek"]).lines()[0]["confirm"]);
    let old = seen();
    let notes = device.list("notes");
    let party = notes
        .iter()
        .find(|note| note["title"] == "Party")
        .expect("it is there");
    device
        .ctl(&[
            "edit",
            "notes",
            &text(&party["id"]),
            "body=Ask Anna Ek about the bread",
        ])
        .one();
    let words = erase(&old).failed(2, "usage");
    assert!(words.contains("changed since"), "{words}");
    assert_eq!(left(&device), before, "nothing is erased unseen");
    let told = erase(&seen()).one();
    assert_eq!(told["erased"], about.len() + 1);
    assert_eq!(told["categories"]["secrets"], 1);
    assert_eq!(left(&device), before - about.len());
    assert!(device.ctl(&["person", "show", "Anna Ek"]).lines().is_empty());
    assert!(device.ctl(&["search", "walnuts"]).lines().len() == 1, "the other");
    erase("0").failed(1, "local");
    let log = device.ctl(&["audit", "show", "--limit", "100"]);
    let count = |operation: &str| {
        let entries = log.lines();
        let done = entries
            .iter()
            .filter(|entry| entry["event"]["operation"] == operation);
        done.count()
    };
    assert_eq!(
        (count("delete"), count("secret-delete")),
        (about.len(), 1),
        "{}",
        log.out
    );
    // One before and one after, for each category.
    assert_eq!(count("category-rekey"), 2 * 8);
    assert!(!log.out.contains("Anna"), "{}", log.out);
    device.ctl(&["check"]).one();
    let device = device.restart();
    device.unlock();
    assert!(device.ctl(&["person", "show", "Anna Ek"]).lines().is_empty());
    device.ctl(&["check"]).one();
}
