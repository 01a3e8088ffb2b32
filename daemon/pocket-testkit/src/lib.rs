//! What do tests of several crates share? Records made at random, and a way to print them.
//!
//! Content types have no `Debug`, so that no log line can show them; property tests need one.
//! [`Shown`] is that way out, and this crate is for tests only: nothing of the product may depend
//! on it.

use std::fmt;

use pocket_core::{
    Category, Contact, Content, Conversation, Document, Labelled, Memory, Message, Note, Outbox, OutboxState,
    Property, Record, Setting, Task, When,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A record that may be printed, in tests.
#[derive(Clone, PartialEq)]
pub struct Shown(pub Content);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = self.0.record().serialize_fields(serde_json::value::Serializer);
        write!(f, "{} {}", self.0.category(), json.map_err(|_| fmt::Error)?)
    }
}

/// A text of one line: letters of several scripts, quotes, colons, brackets; now and then long.
pub fn line() -> impl Strategy<Value = String> {
    let plain = "[a-zA-Z0-9äßéñ漢字ع \\\\\"':;,#@\\[\\]{}|>*_%&!?=+./-]{0,40}";
    prop_oneof![9 => plain.prop_map(String::from), 1 => "[a-z ]{200,400}".prop_map(String::from)]
}

/// A text of one line that is not blank.
pub fn title() -> impl Strategy<Value = String> {
    (line(), "[a-zA-Z漢]{1,8}").prop_map(|(line, end)| format!("{line}{end}"))
}

/// A text of several lines.
pub fn text() -> impl Strategy<Value = String> {
    vec(line(), 0..6).prop_map(|lines| lines.join("\n"))
}

fn tags() -> impl Strategy<Value = Vec<String>> {
    vec("[a-z0-9äé-]{1,12}", 0..4)
}

fn when() -> impl Strategy<Value = Option<When>> {
    let day = (1971..2100i32, 1..=12u8, 1..=28u8).prop_map(|(y, m, d)| format!("{y:04}-{m:02}-{d:02}"));
    let time = (0..24u8, 0..60u8, 0..60u8).prop_map(|(h, m, s)| format!("T{h:02}:{m:02}:{s:02}"));
    let form = (day, option::of((time, any::<bool>()))).prop_map(|(day, time)| match time {
        None => day,
        Some((time, false)) => day + &time,
        Some((time, true)) => day + &time + "Z",
    });
    option::of(form.prop_filter_map("a date", |text| text.parse().ok()))
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("[a-z]{1,8}", title()), 0..3)
}

fn labelled(pairs: Vec<(String, String)>) -> Vec<Labelled> {
    pairs
        .into_iter()
        .map(|(label, value)| Labelled { label, value })
        .collect()
}

fn shown(record: Record) -> Option<Shown> {
    Content::check(record).ok().map(Shown)
}

/// A record that passes [`Content::check`], of any category that holds records but secrets.
pub fn content() -> impl Strategy<Value = Shown> {
    prop_oneof![
        contact(),
        conversation(),
        document(),
        memory(),
        note(),
        outbox(),
        task()
    ]
}

/// The same, of one category.
pub fn content_of(category: Category) -> BoxedStrategy<Shown> {
    match category {
        Category::Contacts => contact().boxed(),
        Category::Conversations => conversation().boxed(),
        Category::Documents => document().boxed(),
        Category::Memory => memory().boxed(),
        Category::Notes => note().boxed(),
        Category::Outbox => outbox().boxed(),
        Category::Tasks => task().boxed(),
        Category::Audit | Category::Secrets | Category::Settings => setting().boxed(),
    }
}

fn contact() -> impl Strategy<Value = Shown> {
    let lists = (
        pairs(),
        pairs(),
        pairs(),
        vec("[a-z]{1,8}:[a-z/.]{1,20}", 0..2),
        tags(),
    );
    let texts = (title(), line(), line(), line(), line(), text());
    (texts, lists).prop_filter_map(
        "acceptable",
        |(texts, (phones, emails, addresses, urls, tags))| {
            let (name, nickname, organisation, role, birthday, note) = texts;
            let (phones, emails, addresses) = (labelled(phones), labelled(emails), labelled(addresses));
            shown(Record::Contact(Contact {
                name,
                nickname,
                organisation,
                role,
                phones,
                emails,
                addresses,
                urls,
                birthday,
                note,
                tags,
            }))
        },
    )
}

fn conversation() -> impl Strategy<Value = Shown> {
    let messages = vec((when(), line(), text()), 0..5);
    (title(), "[a-z]{0,10}", tags(), messages).prop_filter_map(
        "acceptable",
        |(title, channel, tags, messages)| {
            let message = |(at, from, text)| Message { at, from, text };
            let messages = messages.into_iter().map(message).collect();
            shown(Record::Conversation(Conversation {
                title,
                channel,
                tags,
                messages,
            }))
        },
    )
}

fn document() -> impl Strategy<Value = Shown> {
    (title(), line(), text(), text(), tags()).prop_filter_map(
        "acceptable",
        |(name, path, text, note, tags)| {
            let media_type = "application/octet-stream".to_owned();
            let (size, sha256) = (0, String::new());
            shown(Record::Document(Document {
                name,
                media_type,
                path,
                text,
                note,
                tags,
                size,
                sha256,
                ..Document::default()
            }))
        },
    )
}

fn memory() -> impl Strategy<Value = Shown> {
    let text = (text(), title()).prop_map(|(text, end)| text + &end);
    (
        line(),
        text,
        tags(),
        line(),
        option::of(0..=100u8),
        when(),
        when(),
    )
        .prop_filter_map(
            "acceptable",
            |(subject, text, tags, source, confidence, valid_from, valid_until)| {
                shown(Record::Memory(Memory {
                    subject,
                    text,
                    tags,
                    source,
                    confidence,
                    valid_from,
                    valid_until,
                }))
            },
        )
}

fn note() -> impl Strategy<Value = Shown> {
    let properties = vec(("[a-z]{1,8}", line()), 0..3);
    let path = "([a-z]{1,6}/){0,2}[a-z]{1,8}\\.md";
    (title(), text(), tags(), path, properties).prop_filter_map(
        "acceptable",
        |(title, body, tags, path, mut properties)| {
            properties.sort();
            properties.dedup_by(|left, right| left.0 == right.0);
            let property = |(name, value)| Property {
                name,
                value: serde_json::Value::String(value).to_string(),
            };
            let properties = properties.into_iter().map(property).collect();
            shown(Record::Note(Note {
                title,
                body,
                tags,
                path,
                properties,
            }))
        },
    )
}

fn outbox() -> impl Strategy<Value = Shown> {
    let states = [
        OutboxState::Draft,
        OutboxState::Queued,
        OutboxState::Sent,
        OutboxState::Failed,
    ];
    let state = proptest::sample::select(states.to_vec());
    ("[a-z]{0,10}", title(), line(), text(), state).prop_filter_map(
        "acceptable",
        |(channel, to, subject, body, state)| {
            shown(Record::Outbox(Outbox {
                channel,
                to,
                subject,
                body,
                state,
            }))
        },
    )
}

fn setting() -> impl Strategy<Value = Shown> {
    (0..=1440u32).prop_filter_map("acceptable", |minutes| {
        shown(Record::Setting(Setting {
            name: "auto_lock_minutes".to_owned(),
            value: minutes.to_string(),
        }))
    })
}

fn task() -> impl Strategy<Value = Shown> {
    let repeat = prop_oneof![Just(String::new()), Just("FREQ=WEEKLY;BYDAY=MO".to_owned())];
    let dates = (when(), when(), when());
    let words = (title(), text(), line(), tags());
    (words, any::<bool>(), dates, option::of(1..=9u8), repeat).prop_filter_map(
        "acceptable",
        |((title, notes, list, tags), done, (completed, start, due), priority, repeat)| {
            shown(Record::Task(Task {
                title,
                notes,
                list,
                tags,
                done,
                completed,
                start,
                due,
                priority,
                repeat,
            }))
        },
    )
}
