//! The index as its caller uses it: parts in memory and sealed, merged while they change.

use std::cell::RefCell;
use std::collections::BTreeMap;

use pocket_core::{
    Category, Content, Document, Entry, Memory, Message, Note, Origin, Reading, Record, RecordId, Task,
    Timestamp,
};
use proptest::prelude::*;

use crate::part::Kept;
use crate::{Card, Files, Index, Merge, Query, SearchError, search, snippet};

/// Files in memory.
#[derive(Default)]
struct Shelf(RefCell<BTreeMap<u32, Vec<u8>>>);

impl Shelf {
    fn read(&self, file: u32, offset: u64, length: usize) -> Result<Vec<u8>, SearchError> {
        let files = self.0.borrow();
        let bytes = files
            .get(&file)
            .ok_or_else(|| SearchError::Unreadable("it is missing".to_owned()))?;
        let from = usize::try_from(offset).unwrap().min(bytes.len());
        Ok(bytes[from..bytes.len().min(from + length)].to_vec())
    }

    fn sizes(&self, files: &[u32]) -> Vec<(u32, u64)> {
        files
            .iter()
            .map(|file| (*file, self.0.borrow()[file].len() as u64))
            .collect()
    }

    /// Carries a merge through, doing `meanwhile` between its steps.
    fn merge(
        &self,
        index: &mut Index,
        merge: Option<Merge>,
        file: u32,
        mut meanwhile: impl FnMut(&mut Index),
    ) {
        let Some(mut merge) = merge else { return };
        let read = |file, offset, length| self.read(file, offset, length);
        let mut bytes = Vec::new();
        let mut out = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<(), SearchError>(())
        };
        while !merge
            .step(index, &Files::new(&read, Kept::default()), &mut out, &mut || {
                false
            })
            .unwrap()
        {
            meanwhile(index);
        }
        merge
            .finish(index, &Files::new(&read, Kept::default()), file, &mut out)
            .unwrap();
        self.0.borrow_mut().insert(file, bytes);
    }

    fn load(&self, index: &Index) -> Index {
        let read = |file, offset, length| self.read(file, offset, length);
        Index::load(&Files::new(&read, Kept::default()), &self.sizes(&index.sealed())).unwrap()
    }

    fn find(&self, index: &Index, query: &Query) -> Vec<u8> {
        let read = |file, offset, length| self.read(file, offset, length);
        let files = Files::new(&read, Kept::default());
        let now = Timestamp::from_millis(1_000_000);
        let (found, _) = search(&[(Category::Notes, index)], query, 1_000, now, &files).unwrap();
        found.iter().map(|found| found.id.as_bytes()[0]).collect()
    }

    fn ask(&self, index: &Index, query: &str) -> Vec<u8> {
        self.find(index, &Query::parse(query).unwrap())
    }
}

fn entry(id: u8, record: Record) -> Entry {
    Entry {
        id: RecordId::from_bytes([id; 16]),
        created: Timestamp::from_millis(1_000),
        updated: Timestamp::from_millis(i64::from(id)),
        revision: 1,
        origin: Origin::Owner,
        content: Content::check(record).unwrap(),
    }
}

fn note(id: u8, title: &str, body: &str) -> Entry {
    tagged(id, title, body, &[])
}

fn tagged(id: u8, title: &str, body: &str, tags: &[&str]) -> Entry {
    entry(
        id,
        Record::Note(Note {
            title: title.to_owned(),
            body: body.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..Note::default()
        }),
    )
}

fn filled(entries: &[Entry]) -> Index {
    let mut index = Index::new();
    entries.iter().for_each(|entry| index.put(entry));
    index
}

/// Asks the index as it is, and again sealed and read back: both must say the same.
fn both(entries: &[Entry], query: &str) -> Vec<u8> {
    let shelf = Shelf::default();
    let mut index = filled(entries);
    let fresh = shelf.ask(&index, query);
    let merge = Merge::begin_all(&mut index);
    shelf.merge(&mut index, merge, 0, |_| {});
    assert_eq!(shelf.ask(&shelf.load(&index), query), fresh, "{query}");
    fresh
}

#[test]
fn better_ones_come_first() {
    let entries = [
        note(1, "Groceries", "bread, milk, a blood orange"),
        note(2, "Blood test", "iron was low"),
        note(
            3,
            "Doctor",
            "the test of May: blood pressure was fine, all of the other values too",
        ),
        note(4, "Garden", "prune the roses"),
    ];
    let found = both(&entries, "blood test");
    assert_eq!(found[..2], [2, 3]);
    assert!(!found.contains(&4));
    assert_eq!(both(&entries, "pruning roses"), [4]);
}

#[test]
fn phrases_beginnings_and_inexact_words() {
    let entries = [
        note(1, "", "oat milk in the coffee"),
        note(2, "", "milk of the oat field"),
        note(3, "", "The colour of whiskers"),
    ];
    assert_eq!(both(&entries, "\"oat milk\""), [1]);
    assert_eq!(both(&entries, "whisk*"), [3]);
    assert_eq!(both(&entries, "whiskars"), [3]);
    assert_eq!(both(&entries, "cofee~"), [1]);
    assert_eq!(both(&entries, "oat -coffee"), [2]);
    assert_eq!(both(&entries, "milk +field"), [2]);
    assert!(both(&entries, "\"milk oat\"").is_empty());
    assert!(both(&entries, "zebra").is_empty());
}

#[test]
fn fields_tags_and_dates() {
    let entries = [
        tagged(1, "Rome", "the trip", &["travel", "2026"]),
        tagged(2, "Trip", "to Rome by train", &["work"]),
        entry(
            3,
            Record::Task(Task {
                title: "Pack".to_owned(),
                list: "Rome trip".to_owned(),
                ..Task::default()
            }),
        ),
    ];
    assert_eq!(both(&entries, "title:rome"), [1]);
    assert_eq!(both(&entries, "#work rome"), [2]);
    assert_eq!(both(&entries, "list:rome"), [3]);
    assert_eq!(both(&entries, "tag:travel"), [1]);
    assert!(both(&entries, "rome after:2026-01-01").is_empty());
    assert_eq!(both(&entries, "before:2026-01-01").len(), 3);
    assert_eq!(both(&entries, "list:\"rome trip\""), [3]);
}

#[test]
fn labels_in_the_text_of_a_note_are_labels() {
    let entries = [
        note(1, "One", "for #health/blood, not a#thing"),
        note(2, "Two", "health"),
    ];
    assert_eq!(both(&entries, "tag:health"), [1]);
    assert!(both(&entries, "tag:thing").is_empty());
}

#[test]
fn several_languages() {
    let entries = [
        note(
            1,
            "",
            "Die Häuser der Stadt und der Fluss, das ist nicht mit Absicht",
        ),
        note(2, "", "The cities and the rivers, that is with intent"),
        note(3, "", "東京都の天気は晴れです"),
        note(4, "", "قرأت الكتاب في البيت"),
        note(5, "", "Она не читала на кухне новые книги, что в шкафу и"),
        note(6, "", "나는 한국어를 공부한다"),
        note(7, "", "Crème brûlée à la façon de Zoë"),
    ];
    for (query, id) in [
        ("Haus", 1),
        ("HÄUSERN", 1),
        ("city", 2),
        ("river", 2),
        ("天気", 3),
        ("東京", 3),
        ("都", 3),
        ("كتاب", 4),
        ("книга", 5),
        ("한국어", 6),
        ("creme brulee", 7),
        ("zoe", 7),
    ] {
        assert_eq!(both(&entries, query), [id], "{query}");
    }
}

#[test]
fn a_question_finds_the_fact() {
    let fact = |id, subject: &str, text: &str| {
        entry(
            id,
            Record::Memory(Memory {
                subject: subject.to_owned(),
                text: text.to_owned(),
                ..Memory::default()
            }),
        )
    };
    let mut entries = vec![
        fact(1, "Anna", "Anna is allergic to peanuts and carries an injector"),
        fact(2, "Anna", "Anna likes walking in the mountains"),
        fact(3, "Boris", "Boris keeps the keys of the boat in the kitchen"),
    ];
    for id in 4..60 {
        entries.push(fact(id, "what", "the what of the is and to where does"));
    }
    assert_eq!(both(&entries, "where does Boris keep the boat keys")[0], 3);
    assert_eq!(both(&entries, "what allergies does Anna have")[0], 1);
    assert_eq!(both(&entries, "who walks in mountains")[0], 2);
}

#[test]
fn small_words_of_a_question_count_little_and_akin_words_a_little() {
    let entries = [
        note(1, "", "what it does is the secret of the house"),
        note(2, "", "a relay server for the talks, and with it the logs"),
        note(3, "", "the photograph of neighbours, and that piano"),
        note(4, "", "the photo of the neighbours is here"),
        note(5, "", "the tickets with a stamp and the map"),
    ];
    assert_eq!(both(&entries, "what does the server"), [2, 1]);
    // A word of the family is found beside others; alone it would only be in the way.
    assert_eq!(both(&entries, "photo neighbours"), [4, 3]);
    assert_eq!(both(&entries, "photo piano"), [3, 4]);
    assert_eq!(both(&entries, "photo"), [4]);
    assert_eq!(both(&entries, "+photo neighbours"), [4]);
    // Where the word itself is nowhere, its family is better than nothing.
    assert_eq!(both(&entries, "stamping"), [5]);
    assert_eq!(both(&entries, "neighbourship"), [4, 3]);
    assert!(both(&entries, "+neighbourship").is_empty());
}

#[test]
fn words_of_the_dead_are_not_written() {
    let shelf = Shelf::default();
    let mut index = filled(&[note(1, "kept", "harmless"), note(2, "gone", "confidential")]);
    index.remove(RecordId::from_bytes([2; 16]));
    let merge = Merge::begin_all(&mut index);
    shelf.merge(&mut index, merge, 7, |_| {});
    let sealed = shelf.load(&index);
    let mut terms = Vec::new();
    sealed.parts[0].part.for_each_term("", None, &mut |term, _| {
        terms.push(term.to_owned());
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(terms, ["harmless", "kept"]);
    // Titles are also kept as they are, for lists.
    let files = shelf.0.borrow();
    let has = |word: &str| {
        files[&7]
            .windows(word.len())
            .any(|piece| piece == word.as_bytes())
    };
    assert!(has("kept") && !has("gone"));
}

#[test]
fn cards_say_what_lists_need() {
    let shelf = Shelf::default();
    let task = Task {
        title: "Buy MILK".to_owned(),
        list: "Home".to_owned(),
        due: "2026-12-01".parse().ok(),
        done: true,
        ..Task::default()
    };
    let mut index = filled(&[entry(1, Record::Task(task)), note(2, "Gone", "")]);
    index.remove(RecordId::from_bytes([2; 16]));
    let merge = Merge::begin_all(&mut index);
    shelf.merge(&mut index, merge, 0, |_| {});
    index.put(&note(3, "Later", ""));
    let read = |file, offset, length| shelf.read(file, offset, length);
    let mut cards: Vec<(u8, Card)> = Vec::new();
    index
        .for_each_card(&Files::new(&read, Kept::default()), &mut |id, _, card| {
            cards.push((id.as_bytes()[0], card))
        })
        .unwrap();
    let told: Vec<_> = cards
        .iter()
        .map(|(id, card)| (*id, card.title.as_str(), card.due.as_str(), card.done))
        .collect();
    assert_eq!(
        told,
        [(1, "buy milk", "2026-12-01", true), (3, "later", "", false)]
    );
}

#[test]
fn a_damaged_part_is_named() {
    let shelf = Shelf::default();
    let mut index = filled(&[note(1, "one", "two")]);
    let merge = Merge::begin_all(&mut index);
    shelf.merge(&mut index, merge, 0, |_| {});
    let whole = shelf.0.borrow()[&0].clone();
    let read = |file, offset, length| shelf.read(file, offset, length);
    for length in 0..whole.len() {
        shelf.0.borrow_mut().insert(0, whole[..length].to_vec());
        assert!(Index::load(&Files::new(&read, Kept::default()), &[(0, length as u64)]).is_err());
    }
    shelf.0.borrow_mut().clear();
    assert!(Index::load(&Files::new(&read, Kept::default()), &[(0, 100)]).is_err());
}

#[test]
fn a_document_that_is_still_to_be_read_is_not_known_by_its_version() {
    let document = |reading, text: &str| {
        let document = Document {
            name: "a.pdf".to_owned(),
            reading,
            text: text.to_owned(),
            ..Document::default()
        };
        entry(1, Record::Document(document))
    };
    let (before, after) = (document(Reading::Pending, ""), document(Reading::Done, "walnut"));
    let mut index = filled(std::slice::from_ref(&before));
    assert_ne!(
        index.version(before.id).map(|version| version.revision),
        Some(before.revision)
    );
    index.put(&after);
    assert_eq!(
        index.version(after.id).map(|version| version.revision),
        Some(after.revision)
    );
    assert_eq!(both(&[before, after], "walnut"), [1]);
}

#[test]
fn snippets_show_the_place_and_mark_it() {
    let long = format!(
        "{} The needle of Anna lies here. {}",
        "before ß 漢字 ".repeat(40),
        "after ".repeat(90)
    );
    let conversation = pocket_core::Conversation {
        title: "Needle".to_owned(),
        messages: vec![
            Message {
                text: "hello".to_owned(),
                ..Message::default()
            },
            Message {
                text: long,
                ..Message::default()
            },
        ],
        ..pocket_core::Conversation::default()
    };
    let index = filled(&[entry(1, Record::Conversation(conversation.clone()))]);
    let shelf = Shelf::default();
    let read = |file, offset, length| shelf.read(file, offset, length);
    let files = Files::new(&read, Kept::default());
    let query = Query::parse("needles anna").unwrap();
    let (_, meant) = search(
        &[(Category::Conversations, &index)],
        &query,
        1,
        Timestamp::default(),
        &files,
    )
    .unwrap();
    let snippet = snippet(&Record::Conversation(conversation), &meant);
    let marked: Vec<&str> = snippet
        .marks
        .iter()
        .map(|mark| &snippet.text[mark.clone()])
        .collect();
    assert_eq!(marked, ["needle", "Anna"], "{}", snippet.text);
    assert!(snippet.text.starts_with('…') && snippet.text.ends_with('…'));
    assert!(snippet.text.chars().count() < 200);
}

#[derive(Clone, Debug)]
enum Step {
    Merge,
    MergeAll,
    Put(u8, Vec<u8>),
    Reload,
    Remove(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..12, proptest::collection::vec(0u8..9, 0..6)).prop_map(|(id, words)| Step::Put(id, words)),
        3 => (0u8..12).prop_map(Step::Remove),
        1 => Just(Step::MergeAll),
        1 => Just(Step::Merge),
        1 => Just(Step::Reload),
    ]
}

fn text(words: &[u8]) -> String {
    words.iter().map(|word| format!("word{word}x ")).collect()
}

proptest! {
    /// Against a map that is searched by reading.
    #[test]
    fn finds_what_reading_finds(steps in proptest::collection::vec(step(), 1..60)) {
        let shelf = Shelf::default();
        let mut index = Index::new();
        let mut model: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for (step, number) in steps.iter().zip(0u32..) {
            match step {
                Step::Put(id, words) => {
                    index.put(&note(*id, "title", &text(words)));
                    model.insert(*id, words.clone());
                }
                Step::Remove(id) => {
                    index.remove(RecordId::from_bytes([*id; 16]));
                    model.remove(id);
                }
                Step::Merge | Step::MergeAll => {
                    let merge = Merge::begin_all(&mut index);
                    shelf.merge(&mut index, merge, number, |index| {
                        // Changes come in between the steps.
                        index.remove(RecordId::from_bytes([3; 16]));
                        index.put(&note(4, "title", "word8x"));
                        model.remove(&3);
                        model.insert(4, vec![8]);
                    });
                }
                Step::Reload => {
                    let merge = Merge::begin_all(&mut index);
                    shelf.merge(&mut index, merge, number, |_| {});
                    let sealed = shelf.load(&index);
                    // What a cut loses is known by its version, and put in again.
                    index = sealed;
                    prop_assert_eq!(index.len(), model.len() as u64);
                }
            }
            prop_assert_eq!(index.doubled(), 0);
            prop_assert_eq!(index.len(), model.len() as u64);
            for word in 0..9u8 {
                let mut found = shelf.ask(&index, &format!("+word{word}x"));
                found.sort_unstable();
                let read: Vec<u8> = model.iter().filter(|(_, words)| words.contains(&word)).map(|(id, _)| *id).collect();
                // What no record has is looked for in other spellings.
                if !read.is_empty() {
                    prop_assert_eq!(found, read);
                }
            }
        }
    }

    #[test]
    fn no_question_panics(query: String, text: String) {
        if let Ok(query) = Query::parse(&query) {
            let shelf = Shelf::default();
            let index = filled(&[note(1, "title", &text)]);
            shelf.find(&index, &query);
        }
    }
}
