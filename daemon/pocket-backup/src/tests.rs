use std::io::Cursor;

use age::Encryptor;
use pocket_core::audit::{Entry as AuditEntry, Event, Head, Mac, Outcome};
use pocket_core::{
    ActorRef, BackupFacts, BackupOutside, BackupReport, Category, Content, Document, Entry, Note,
    OperationKind, Origin, Reading, Record, RecordId, SecretName, Timestamp,
};
use pocket_crypto::backup;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::layout::{Name, Sheet, file_name};
use crate::manifest::{Member, digest};

fn key(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

const OWNER: u8 = 1;
const VOUCHING: u8 = 2;
const DRILL: u8 = 3;

fn entry(id: u8, record: Record) -> Entry {
    Entry {
        id: RecordId::from_bytes([id; 16]),
        created: Timestamp::from_millis(1_000),
        updated: Timestamp::from_millis(2_000),
        revision: 7,
        origin: Origin::Agent,
        content: Content::check(record).unwrap(),
    }
}

fn note(id: u8, title: &str) -> BackupItem {
    BackupItem::Record(Box::new(entry(
        id,
        Record::Note(Note {
            title: title.to_owned(),
            ..Note::default()
        }),
    )))
}

fn document(id: u8, bytes: &[u8]) -> BackupItem {
    BackupItem::Record(Box::new(entry(
        id,
        Record::Document(Document {
            name: "../a scan.pdf".to_owned(),
            size: u64::try_from(bytes.len()).unwrap(),
            sha256: digest(bytes),
            reading: Reading::Done,
            ..Document::default()
        }),
    )))
}

fn audit() -> Vec<AuditEntry> {
    let mut head = Head::default();
    let mut entries = Vec::new();
    for sequence in 1..=3 {
        let entry = AuditEntry {
            sequence,
            event: Event {
                at: Timestamp::from_millis(5),
                actor: ActorRef::Device,
                operation: OperationKind::Add,
                category: Some(Category::Notes),
                records: Vec::new(),
                count: 0,
                outcome: Outcome::Done,
            },
            previous: head.mac,
            mac: Mac([u8::try_from(sequence).unwrap(); 32]),
        };
        head = head.after(std::slice::from_ref(&entry));
        entries.push(entry);
    }
    entries
}

fn facts(counts: &[(Category, u64)]) -> BackupFacts {
    BackupFacts {
        format: 1,
        version: "0.1.0".to_owned(),
        device: "d".repeat(32),
        epoch: 4,
        made: Timestamp::from_millis(9_000),
        audit: Head::default().after(&audit()),
        counts: counts.to_vec(),
    }
}

const FILE: &[u8] = b"the bytes of a scan";

/// What a device would send, with changes behind its back.
fn items() -> Vec<(BackupItem, Vec<u8>)> {
    let none = Vec::new;
    let file = BackupItem::File {
        id: RecordId::from_bytes([9; 16]),
        size: u64::try_from(FILE.len()).unwrap(),
        name: "../a scan.pdf".to_owned(),
    };
    let secret = Record::Secret(SecretName {
        name: "mail".to_owned(),
        note: String::new(),
    });
    vec![
        (note(1, "One"), none()),
        (note(2, "Two"), none()),
        (note(3, "Three"), none()),
        (file, none()),
        (BackupItem::Piece, FILE[..7].to_vec()),
        (BackupItem::Piece, FILE[7..].to_vec()),
        (document(9, FILE), none()),
        (BackupItem::Record(Box::new(entry(5, secret))), none()),
        (
            BackupItem::Value(RecordId::from_bytes([5; 16])),
            b"\xffhunter2".to_vec(),
        ),
        (note(2, "Two, changed meanwhile"), none()),
        (
            BackupItem::Removed(Category::Notes, RecordId::from_bytes([3; 16])),
            none(),
        ),
        (BackupItem::Audit(audit()), none()),
        (
            BackupItem::Row {
                name: "agent/1".to_owned(),
            },
            vec![0, 1, 254],
        ),
        (
            BackupItem::End(Box::new(facts(&[
                (Category::Documents, 1),
                (Category::Notes, 2),
                (Category::Secrets, 1),
                (Category::Tasks, 0),
            ]))),
            none(),
        ),
    ]
}

fn first(job: &BackupJob, keys: &[&Key]) -> Vec<u8> {
    let mut out = Vec::new();
    let keys: Vec<u8> = keys.iter().flat_map(|key| *key.expose_bytes()).collect();
    frame::write(&mut out, job, &keys).unwrap();
    out
}

fn sealed(items: &[(BackupItem, Vec<u8>)]) -> Result<Vec<u8>, BackupFault> {
    let job = BackupJob::Seal {
        owner: backup::public(&key(OWNER)),
        others: Vec::new(),
    };
    let mut input = first(&job, &[&key(VOUCHING), &key(DRILL)]);
    for (item, bytes) in items {
        frame::write(&mut input, item, bytes).unwrap();
    }
    let mut out = Vec::new();
    run(&mut Cursor::new(input), &mut out).map(|()| out)
}

fn verified(identity: u8, vouching: u8, archive: &[u8]) -> Result<BackupReport, BackupFault> {
    let mut input = first(&BackupJob::Verify, &[&key(identity), &key(vouching)]);
    input.extend_from_slice(archive);
    let mut out = Vec::new();
    run(&mut Cursor::new(input), &mut out)?;
    let body = frame::read(&mut Cursor::new(out)).unwrap().unwrap();
    Ok(postcard::from_bytes(&body).unwrap())
}

fn fault(archive: &[u8]) -> Option<BackupFault> {
    verified(OWNER, VOUCHING, archive).err()
}

fn opened(archive: &[u8]) -> (Vec<(BackupItem, Vec<u8>)>, Option<BackupFault>) {
    let mut input = first(&BackupJob::Open, &[&key(OWNER), &key(VOUCHING)]);
    input.extend_from_slice(archive);
    let mut out = Vec::new();
    let fault = run(&mut Cursor::new(input), &mut out).err();
    let mut out = Cursor::new(out);
    let mut items = Vec::new();
    while let Ok(Some(body)) = frame::read(&mut out) {
        let (item, bytes) = postcard::take_from_bytes(&body).unwrap();
        items.push((item, bytes.to_vec()));
    }
    (items, fault)
}

#[test]
fn what_was_sealed_comes_back_in_order_with_revisions_times_and_origins() {
    let archive = sealed(&items()).unwrap();
    for identity in [OWNER, DRILL] {
        let report = verified(identity, VOUCHING, &archive).unwrap();
        assert_eq!(
            (report.facts.records(), report.files, report.facts.epoch),
            (4, 1, 4)
        );
    }
    let (back, fault) = opened(&archive);
    assert_eq!(fault, None);
    // All but the audit log, and the file in one piece.
    assert_eq!(back.len(), items().len() - 2);
    let titles: Vec<String> = back
        .iter()
        .filter_map(|(item, _)| match item {
            BackupItem::Record(back) => {
                assert_eq!((back.revision, back.origin), (7, Origin::Agent));
                assert_eq!((back.created.millis(), back.updated.millis()), (1_000, 2_000));
                Some(back.content.record().title().to_owned())
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        titles,
        [
            "One",
            "Two",
            "Three",
            "../a scan.pdf",
            "mail",
            "Two, changed meanwhile"
        ]
    );
    let bytes = |wanted: fn(&BackupItem) -> bool| {
        let found = back.iter().find(|(item, _)| wanted(item));
        found.map(|(_, bytes)| bytes.clone()).unwrap()
    };
    assert_eq!(bytes(|item| matches!(item, BackupItem::Piece)), FILE);
    assert_eq!(bytes(|item| matches!(item, BackupItem::Value(_))), b"\xffhunter2");
    assert_eq!(bytes(|item| matches!(item, BackupItem::Row { .. })), [0, 1, 254]);
    assert!(matches!(back.last(), Some((BackupItem::End(_), _))));
}

#[test]
fn an_archive_that_is_cut_or_changed_anywhere_never_comes_to_its_end() {
    let archive = sealed(&items()).unwrap();
    for length in (0..archive.len()).step_by(97).chain([archive.len() - 1]) {
        let (items, fault) = opened(&archive[..length]);
        assert!(fault.is_some(), "cut at {length}");
        assert!(!items.iter().any(|(item, _)| matches!(item, BackupItem::End(_))));
    }
    for place in (0..archive.len()).step_by(101) {
        let mut changed = archive.clone();
        changed[place] ^= 1;
        assert!(fault(&changed).is_some(), "changed at {place}");
    }
    assert!(fault(&[archive.as_slice(), b"more"].concat()).is_some());
    assert_eq!(fault(b""), Some(BackupFault::Damaged));
    assert_eq!(fault(&[b'x'; 4096]), Some(BackupFault::NotAnArchive));
}

#[test]
fn another_recovery_key_neither_opens_it_nor_vouches_for_it() {
    let archive = sealed(&items()).unwrap();
    let of = |identity, vouching| verified(identity, vouching, &archive).err();
    assert_eq!(of(7, VOUCHING), Some(BackupFault::WrongKey));
    assert_eq!(of(OWNER, 7), Some(BackupFault::Forged));
}

#[test]
fn items_that_contradict_one_another_are_not_sealed_or_not_believed() {
    let without = |skip: usize| {
        let mut items = items();
        items.remove(skip);
        items
    };
    // A piece of the file is missing.
    assert_eq!(sealed(&without(5)).err(), Some(BackupFault::Broke));
    // A record less than is claimed; a file less; a gap in the log would be another head.
    for skip in [0, 6] {
        assert_eq!(
            fault(&sealed(&without(skip)).unwrap()),
            Some(BackupFault::Differs),
            "{skip}"
        );
    }
    assert_eq!(fault(&sealed(&without(11)).unwrap()), Some(BackupFault::Differs));
    // A record that names bytes which are not those that came.
    let mut items = items();
    items[6].0 = document(9, b"other bytes, same size");
    assert_eq!(fault(&sealed(&items).unwrap()), Some(BackupFault::Differs));
    // Without the end there is no archive.
    items.pop();
    assert_eq!(sealed(&items).err(), Some(BackupFault::Broke));
}

/// An archive that is sealed and vouched for as it should be, and holds what nobody would write.
fn crafted(make: impl FnOnce(&mut Builder<Vec<u8>>, &mut Vec<Member>)) -> Vec<u8> {
    wrapped(&inside(make))
}

fn inside(make: impl FnOnce(&mut Builder<Vec<u8>>, &mut Vec<Member>)) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let mut members = Vec::new();
    make(&mut tar, &mut members);
    let facts = BackupFacts {
        audit: Head::default(),
        ..facts(&[])
    };
    let manifest = manifest::write(&facts, &members).unwrap();
    plain(&mut tar, manifest::NAME, &manifest);
    plain(
        &mut tar,
        manifest::VOUCHER,
        &manifest::voucher(&key(VOUCHING), &manifest),
    );
    tar.into_inner().unwrap()
}

fn wrapped(plain: &[u8]) -> Vec<u8> {
    let recipients = names::recipients(&backup::public(&key(OWNER)), &[], &key(DRILL)).unwrap();
    let encryptor = Encryptor::with_recipients(names::as_dyn(&recipients)).unwrap();
    let mut out = Vec::new();
    let mut sealed = encryptor.wrap_output(&mut out).unwrap();
    sealed.write_all(plain).unwrap();
    sealed.finish().unwrap();
    out
}

fn plain(tar: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8]) {
    of_kind(tar, name, bytes, EntryType::Regular);
}

fn of_kind(tar: &mut Builder<Vec<u8>>, name: &str, bytes: &[u8], kind: EntryType) {
    let mut header = Header::new_ustar();
    // By hand: the library itself refuses some of these names.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(u64::try_from(bytes.len()).unwrap());
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

#[test]
fn tricks_with_the_tar_inside_are_refused() {
    assert_eq!(
        fault(&crafted(|_, _| {})),
        None,
        "the way it is crafted is no fault"
    );
    let id = "0".repeat(32);
    for name in [
        "../notes.jsonl",
        "/etc/passwd",
        "notes-1.jsonl",
        "notes-02.jsonl",
        "notes-2.jsonl",
        "notes.json",
        "secret.jsonl",
        "audit/../notes.jsonl",
        "documents/../x",
        &format!("documents/{id}"),
        &format!("documents/{id}-a/b"),
        &format!("documents/{id}-..\u{e9}"),
    ] {
        let archive = crafted(|tar, members| {
            plain(tar, name, b"{}\n");
            members.push(Member::of(name, b"{}\n"));
        });
        assert_eq!(fault(&archive), Some(BackupFault::Foreign), "{name}");
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::GNULongName,
        EntryType::GNUSparse,
        EntryType::XHeader,
    ] {
        let archive = crafted(|tar, _| of_kind(tar, "notes.jsonl", b"", kind));
        assert!(fault(&archive).is_some(), "{kind:?}");
    }
    let behind = [inside(|_, _| {}), b"behind the end".to_vec()].concat();
    assert_eq!(fault(&wrapped(&behind)), Some(BackupFault::Foreign));
    let again = crafted(|tar, members| {
        for _ in 0..2 {
            plain(tar, "README.txt", b"a");
            members.push(Member::of("README.txt", b"a"));
        }
    });
    assert_eq!(fault(&again), Some(BackupFault::Foreign));
    let name = format!("documents/{id}-a");
    let twice = crafted(|tar, members| {
        for _ in 0..2 {
            plain(tar, &name, b"a");
            members.push(Member::of(&name, b"a"));
        }
    });
    assert_eq!(fault(&twice), Some(BackupFault::Foreign));
}

#[test]
fn what_the_manifest_does_not_say_or_says_otherwise_is_refused() {
    let more = crafted(|tar, _| plain(tar, "README.txt", b"hello"));
    assert_eq!(fault(&more), Some(BackupFault::Differs));
    let less = crafted(|_, members| members.push(Member::of("README.txt", b"hello")));
    assert_eq!(fault(&less), Some(BackupFault::Differs));
    let other = crafted(|tar, members| {
        plain(tar, "README.txt", b"hello");
        members.push(Member::of("README.txt", b"hullo"));
    });
    assert_eq!(fault(&other), Some(BackupFault::Differs));
    // A value for a secret that is not there, a record of another category, lines of nothing.
    for (name, line) in [
        (
            "secrets.jsonl",
            format!(r#"{{"secret":"{}","value":"x"}}"#, "0".repeat(32)),
        ),
        ("notes.jsonl", r#"{"category":"audit"}"#.to_owned()),
        ("audit.jsonl", "{}".to_owned()),
        ("removed.jsonl", "[".repeat(100_000)),
    ] {
        let line = format!("{line}\n");
        let archive = crafted(|tar, members| {
            plain(tar, name, line.as_bytes());
            members.push(Member::of(name, line.as_bytes()));
        });
        assert_eq!(fault(&archive), Some(BackupFault::Foreign), "{name}");
    }
}

#[test]
fn a_size_that_is_only_claimed_costs_no_memory() {
    let mut header = Header::new_ustar();
    header.set_path("notes.jsonl").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    assert_eq!(fault(&wrapped(header.as_bytes())), Some(BackupFault::Foreign));
    header
        .set_path(file_name(RecordId::from_bytes([0; 16]), "a"))
        .unwrap();
    header.set_cksum();
    assert_eq!(fault(&wrapped(header.as_bytes())), Some(BackupFault::Damaged));
}

#[test]
fn a_later_format_is_named_and_not_read_further() {
    let manifest = br#"{"format": 3, "what": "nobody knows"}"#;
    let mut tar = Builder::new(Vec::new());
    plain(&mut tar, manifest::NAME, manifest);
    plain(
        &mut tar,
        manifest::VOUCHER,
        &manifest::voucher(&key(VOUCHING), manifest),
    );
    let archive = wrapped(&tar.into_inner().unwrap());
    assert_eq!(fault(&archive), Some(BackupFault::Newer));
}

#[test]
fn names_are_those_that_are_written_and_no_others() {
    for sheet in [
        Sheet::Audit,
        Sheet::Device,
        Sheet::Removed,
        Sheet::Records(Category::Notes),
    ] {
        for number in [1, 2, 10] {
            assert_eq!(Name::parse(&sheet.name(number)), Some(Name::Sheet(sheet, number)));
        }
    }
    let id = RecordId::from_bytes([0xab; 16]);
    for name in [
        "a scan.pdf",
        "../../etc/passwd",
        "é\u{202e}\n",
        "",
        &"x".repeat(300),
    ] {
        let made = file_name(id, name);
        assert!(made.len() <= 103 && made.is_ascii(), "{made}");
        assert_eq!(Name::parse(&made), Some(Name::File(id)), "{made}");
    }
}

#[test]
fn the_outside_tells_its_digest_and_to_how_many_it_is_sealed() {
    let archive = sealed(&items()).unwrap();
    let inspect = |archive: &[u8]| {
        let mut input = first(&BackupJob::Inspect, &[]);
        input.extend_from_slice(archive);
        let mut out = Vec::new();
        run(&mut Cursor::new(input), &mut out).map(|()| {
            let body = frame::read(&mut Cursor::new(out)).unwrap().unwrap();
            postcard::from_bytes::<BackupOutside>(&body).unwrap()
        })
    };
    let seen = inspect(&archive).unwrap();
    assert_eq!((seen.recipients, seen.sha256), (2, digest(&archive)));
    assert_eq!(seen.bytes, u64::try_from(archive.len()).unwrap());
    for other in [b"".as_slice(), b"age-encryption.org/v1\n", b"PK\x03\x04"] {
        assert_eq!(inspect(other).err(), Some(BackupFault::NotAnArchive));
    }
}

#[test]
fn nothing_is_sealed_whose_manifest_would_be_too_long_to_open() {
    let mut input = Vec::new();
    for (item, bytes) in items() {
        frame::write(&mut input, &item, &bytes).unwrap();
    }
    let sealed = |most: usize| {
        let recipients = names::recipients(&backup::public(&key(OWNER)), &[], &key(DRILL)).unwrap();
        let mut out = Vec::new();
        seal::seal(
            &mut Cursor::new(&input),
            &mut out,
            &recipients,
            &key(VOUCHING),
            most,
        )
        .map(|()| out)
    };
    let archive = sealed(10_000).unwrap();
    assert_eq!(fault(&archive), None);
    assert_eq!(sealed(1000).err(), Some(BackupFault::TooMany));
}
