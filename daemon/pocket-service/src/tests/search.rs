//! The search index: it finds what was acknowledged, whatever became of its files.

use std::fs;
use std::path::PathBuf;

use pocket_core::{Browse, Browsed, Hit, Order, Task};

use super::time::{Clocks, MINUTE};
use super::*;

const NOTES: Category = Category::Notes;

fn search(query: &str) -> Operation {
    Operation::Search {
        categories: Vec::new(),
        query: query.to_owned(),
        limit: 50,
    }
}

fn hits(reply: Result<Reply, Failure>) -> Vec<Hit> {
    match reply.map(|reply| reply.answer) {
        Ok(Answer::Hits(hits)) => hits,
        Ok(_) => panic!("another answer"),
        Err(failure) => panic!("{failure}"),
    }
}

impl Device {
    fn titles(&self, query: &str) -> Vec<String> {
        let hits = hits(self.ask(search(query)));
        hits.iter()
            .map(|hit| hit.entry.content.record().title().to_owned())
            .collect()
    }

    fn fill(&self, many: usize) {
        let numbers: Vec<usize> = (0..many).collect();
        for numbers in numbers.chunks(Operation::MOST_ITEMS) {
            let items = numbers
                .iter()
                .map(|number| new_entry(note(&format!("Filler {number}"), "hay and straw")));
            let items = items.collect();
            self.ask(Operation::Add { items, import: false })
                .map(drop)
                .unwrap();
        }
    }

    /// The sealed files; documents and large records apart there are those of the index alone.
    fn sealed_files(&self) -> Vec<PathBuf> {
        let blobs = self.folder.path().join("data/blobs");
        let folders = fs::read_dir(blobs).into_iter().flatten().flatten();
        let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files
            .map(|file| file.path())
            .filter(|path| path.extension().is_none())
            .collect()
    }

    /// Asks for something until what is done between requests has left sealed files.
    fn wait_for_files(&self) -> Vec<PathBuf> {
        loop {
            let files = self.sealed_files();
            if !files.is_empty() {
                return files;
            }
            self.status();
            std::thread::yield_now();
        }
    }
}

#[test]
fn what_was_just_written_is_found_and_what_was_deleted_is_not() {
    let device = Device::new();
    let id = device.add(note("Blood test", "The iron value of Anna was low in May"));
    device.add(note("Garden", "Roses"));
    let found = hits(device.ask(search("anna's iron values")));
    assert_eq!(found[0].entry.id, id);
    let marked: Vec<&str> = found[0]
        .marks
        .iter()
        .map(|(from, to)| &found[0].snippet[*from as usize..*to as usize])
        .collect();
    assert_eq!(marked, ["iron", "value", "Anna"], "{}", found[0].snippet);
    let edit = Operation::Edit {
        id,
        content: Box::new(Content::check(note("Blood test", "Fine")).unwrap()),
        revision: None,
    };
    device.ask(edit).map(drop).unwrap();
    assert_eq!(device.titles("iron"), [""; 0]);
    assert_eq!(device.titles("fine"), ["Blood test"]);
    device
        .ask(Operation::Delete { category: NOTES, id })
        .map(drop)
        .unwrap();
    assert_eq!(device.titles("blood"), [""; 0]);
    assert_eq!(kind(device.ask(search("after:soon"))), Some(FailureKind::Invalid));
    assert_eq!(kind(device.ask(search(" \" "))), Some(FailureKind::Invalid));
}

#[test]
fn an_index_on_the_disk_is_read_again_and_a_lost_one_made_anew() {
    let mut device = Device::new();
    device.fill(4_200);
    device.add(note("Needle", "lies in the hay"));
    assert_eq!(device.titles("needle"), ["Needle"]);
    let files = device.wait_for_files();
    // What the sealed part does not know of yet when the vault is closed.
    let found = hits(device.ask(search("\"filler 99\"")));
    let edit = Operation::Edit {
        id: found[0].entry.id,
        content: Box::new(Content::check(note("Thimble", "sewing")).unwrap()),
        revision: None,
    };
    device.ask(edit).map(drop).unwrap();
    let found = hits(device.ask(search("\"filler 98\"")));
    let id = found[0].entry.id;
    device
        .ask(Operation::Delete { category: NOTES, id })
        .map(drop)
        .unwrap();
    device.restart();
    assert_eq!(device.sealed_files(), files, "what is named is kept");
    device.unlock();
    assert_eq!(device.titles("needle"), ["Needle"]);
    assert_eq!(device.titles("\"straw\" filler 17")[0], "Filler 17");
    assert_eq!(device.titles("thimble"), ["Thimble"]);
    assert_eq!(device.titles("\"filler 99\""), [""; 0]);
    assert_eq!(device.titles("\"filler 98\""), [""; 0]);
    // A piece of what is done between requests comes after each: enough to have written it anew.
    (0..100).for_each(|_| drop(device.status()));
    assert_eq!(device.sealed_files(), files, "and used");
    // Damaged in the middle, cut, gone: never a finding, and everything is found.
    for damage in [0, 1, 2] {
        for file in device.wait_for_files() {
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            match damage {
                0 => {
                    bytes[middle] ^= 1;
                    fs::write(&file, bytes).unwrap();
                }
                1 => fs::write(&file, &bytes[..middle]).unwrap(),
                _ => fs::remove_file(&file).unwrap(),
            }
        }
        device.restart();
        device.unlock();
        assert_eq!(device.status().findings, [], "damage {damage}");
        assert_eq!(device.titles("needle"), ["Needle"], "damage {damage}");
        assert_eq!(device.titles("filler 4100")[0], "Filler 4100", "damage {damage}");
    }
}

#[test]
fn erasing_and_rekeying_leave_nothing_of_the_old_index() {
    let device = Device::new();
    device.fill(4_200);
    let needle = device.add(note("Needle", "confidential"));
    assert_eq!(device.titles("confidential"), ["Needle"]);
    let old = device.wait_for_files();
    device
        .ask(Operation::Delete {
            category: NOTES,
            id: needle,
        })
        .map(drop)
        .unwrap();
    device
        .ask_with(Operation::CategoryRekey { category: NOTES }, PASSPHRASE)
        .map(drop)
        .unwrap();
    assert_eq!(device.titles("confidential"), [""; 0]);
    assert_eq!(device.titles("filler 4000")[0], "Filler 4000");
    let new = device.wait_for_files();
    assert!(
        old.iter().all(|file| !new.contains(file)),
        "the old words are gone"
    );
    device
        .ask_with(Operation::CategoryErase { category: NOTES }, PASSPHRASE)
        .map(drop)
        .unwrap();
    assert_eq!(device.titles("filler"), [""; 0]);
    let all = Operation::Browse {
        category: NOTES,
        browse: Box::new(in_order(Order::Title)),
    };
    match device.ask(all).map(|reply| reply.answer) {
        Ok(Answer::Browsed(browsed)) => assert_eq!(browsed.matching, 0),
        _ => panic!("no list"),
    }
    assert!(device.sealed_files().is_empty());
    device.add(note("After", "new hay"));
    assert_eq!(device.titles("hay"), ["After"]);
}

fn browse(browse: Browse) -> Operation {
    Operation::Browse {
        category: Category::Tasks,
        browse: Box::new(browse),
    }
}

/// Four tasks, a minute apart.
fn tasks() -> Clocks {
    let mut clocks = Clocks::new();
    for (title, due, list, done) in [
        ("Buy milk", "2026-12-01", "Home", false),
        ("call Anna", "", "Work", false),
        ("Apples", "2026-11-30", "Home", true),
        ("buy bread", "2026-11-29", "Home", false),
    ] {
        let task = Task {
            title: title.to_owned(),
            due: due.parse().ok(),
            list: list.to_owned(),
            tags: vec![list.to_lowercase()],
            done,
            ..Task::default()
        };
        clocks.pass(MINUTE, MINUTE);
        let items = vec![new_entry(Record::Task(task))];
        let add = Operation::Add { items, import: false };
        clocks.ask(add).map(drop).unwrap();
    }
    clocks
}

fn listed(clocks: &mut Clocks, asked: Browse) -> (Vec<String>, Browsed) {
    match clocks.ask(browse(asked)).map(|reply| reply.answer) {
        Ok(Answer::Browsed(browsed)) => {
            let titles = browsed.entries.iter();
            let titles = titles.map(|entry| entry.content.record().title().to_owned());
            (titles.collect(), browsed)
        }
        _ => panic!("no list"),
    }
}

const fn in_order(order: Order) -> Browse {
    Browse {
        order,
        words: String::new(),
        tag: String::new(),
        list: String::new(),
        done: None,
        skip: 0,
        limit: 10,
    }
}

#[test]
fn a_list_comes_in_an_order_of_ones_own() {
    let mut clocks = tasks();
    for (order, titles) in [
        (Order::Due, ["buy bread", "Buy milk", "call Anna", "Apples"]),
        (Order::Newest, ["buy bread", "Apples", "call Anna", "Buy milk"]),
        (Order::Oldest, ["Buy milk", "call Anna", "Apples", "buy bread"]),
        (Order::Title, ["Apples", "buy bread", "Buy milk", "call Anna"]),
    ] {
        let (found, all) = listed(&mut clocks, in_order(order));
        assert_eq!(found, titles);
        assert_eq!((all.matching, all.lists.len()), (4, 2));
    }
}

#[test]
fn a_list_is_narrowed_and_comes_in_pages() {
    let mut clocks = tasks();
    let asked = || in_order(Order::Title);
    let home = Browse {
        skip: 1,
        limit: 1,
        done: Some(false),
        list: "Home".to_owned(),
        ..asked()
    };
    let (titles, page) = listed(&mut clocks, home);
    assert_eq!((titles, page.matching), (vec!["Buy milk".to_owned()], 2));
    for (words, tag, titles) in [
        ("buy mil", "", vec!["Buy milk"]),
        ("", "work", vec!["call Anna"]),
        ("zebra", "", vec![]),
        ("buy", "work", vec![]),
    ] {
        let narrow = Browse {
            words: words.to_owned(),
            tag: tag.to_owned(),
            ..asked()
        };
        assert_eq!(listed(&mut clocks, narrow).0, titles);
    }
    let beyond = Browse {
        skip: u32::MAX,
        limit: u32::MAX,
        ..asked()
    };
    assert_eq!(listed(&mut clocks, beyond).0, [""; 0]);
}
