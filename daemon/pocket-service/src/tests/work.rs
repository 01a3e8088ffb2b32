//! Long work in pieces, and re-keying: the engine is driven by hand where the order counts.

use std::thread;

use pocket_core::{Document, OperationKind, Reading, Thumbnail, Unreadable};
use tokio::sync::oneshot::{self, Receiver};
use tokio::sync::{broadcast, mpsc, watch};

use super::time::{Clocks, DAY, MINUTE};
use super::*;
use crate::Request;
use crate::handle::{Errand, Message, Shown};
use crate::vault::Extracted;

const NOTES: Category = Category::Notes;

impl Clocks {
    fn start(&mut self, operation: Operation) -> Receiver<Result<Reply, Failure>> {
        self.engine
            .start_one(Request::new(owner(), operation), None, self.now)
    }

    /// So many notes that reading them all takes more than one piece.
    fn fill(&mut self) -> Vec<RecordId> {
        let mut ids = Vec::new();
        for batch in 0..30 {
            let items = (0..Operation::MOST_ITEMS)
                .map(|number| new_entry(note(&format!("Note {batch} {number}"), "needle in the hay")))
                .collect();
            match self
                .ask(Operation::Add { items, import: true })
                .map(|reply| reply.answer)
            {
                Ok(Answer::Added(added)) => ids.extend(added.iter().map(id_of)),
                _ => panic!("not added"),
            }
        }
        ids
    }

    fn stale(&mut self) -> Option<pocket_core::Timestamp> {
        self.stale_in(NOTES)
    }

    fn stale_in(&mut self, category: Category) -> Option<pocket_core::Timestamp> {
        match self.ask(Operation::Status).map(|reply| reply.answer) {
            Ok(Answer::Status(status)) => {
                let found = status.categories.iter().find(|of| of.category == category);
                found.unwrap().deleted_since
            }
            _ => panic!("no status"),
        }
    }

    fn kinds(&mut self) -> Vec<OperationKind> {
        let show = Operation::AuditShow {
            before: None,
            limit: 10,
        };
        match self.ask(show).map(|reply| reply.answer) {
            Ok(Answer::Audit(entries)) => entries.iter().map(|entry| entry.event.operation).collect(),
            _ => panic!("no log"),
        }
    }
}

fn id_of(added: &Added) -> RecordId {
    match added {
        Added::AlreadyHere(id) | Added::Differs(id) | Added::New(id) => *id,
    }
}

fn search() -> Operation {
    Operation::Search {
        categories: vec![NOTES],
        query: "needle".to_owned(),
        limit: 20,
    }
}

#[test]
fn a_lock_gets_through_to_work_under_way_and_who_waits_is_told() {
    let mut clocks = Clocks::new();
    clocks.fill();
    let jobs = [
        Operation::Check { accept_loss: false },
        search(),
        Operation::AuditVerify { exported: false },
        Operation::CategoryRekey { category: NOTES },
    ];
    let mut waiting: Vec<_> = jobs.into_iter().map(|job| clocks.start(job)).collect();
    assert!(clocks.engine.is_working(), "too little to read for this test");
    // Another request is answered in between.
    let mut between = clocks.start(Operation::ProfileShow);
    assert!(between.try_recv().is_ok_and(|answer| answer.is_ok()));
    let mut lock = clocks.start(Operation::Lock { all: false });
    assert!(lock.try_recv().is_ok_and(|answer| answer.is_ok()));
    assert!(!clocks.engine.is_working());
    let told = waiting.iter_mut().filter_map(|answer| answer.try_recv().ok());
    let kinds: Vec<_> = told.map(kind).collect();
    assert_eq!(kinds.len(), 4, "everyone is told");
    assert!(kinds.contains(&Some(FailureKind::Locked)));
    assert!(clocks.is_locked());
}

#[test]
fn work_in_pieces_comes_to_the_end_while_records_change() {
    let mut clocks = Clocks::new();
    let ids = clocks.fill();
    let mut check = clocks.start(Operation::Check { accept_loss: false });
    assert_eq!(
        kind(
            clocks
                .start(Operation::Check { accept_loss: false })
                .try_recv()
                .unwrap()
        ),
        Some(FailureKind::Throttled),
        "one at a time"
    );
    let mut found = clocks.start(search());
    assert!(clocks.engine.is_working(), "too little to read for this test");
    for id in &ids[..40] {
        let delete = Operation::Delete {
            category: NOTES,
            id: *id,
        };
        let mut deleted = clocks.start(delete);
        assert!(deleted.try_recv().is_ok_and(|answer| answer.is_ok()));
        clocks.engine.work(clocks.now);
    }
    while clocks.engine.is_working() {
        clocks.engine.work(clocks.now);
    }
    let Ok(Answer::Check(report)) = check.try_recv().unwrap().map(|reply| reply.answer) else {
        panic!("no report")
    };
    assert_eq!(report.findings, []);
    let Ok(Answer::Hits(hits)) = found.try_recv().unwrap().map(|reply| reply.answer) else {
        panic!("no hits")
    };
    assert!(!hits.is_empty());
}

#[test]
fn who_goes_away_does_not_leave_the_work_behind() {
    let mut clocks = Clocks::new();
    clocks.fill();
    for job in [
        Operation::Check { accept_loss: false },
        Operation::CategoryRekey { category: NOTES },
    ] {
        drop(clocks.start(job.clone()));
        assert!(clocks.engine.is_working());
        clocks.engine.work(clocks.now);
        assert!(!clocks.engine.is_working());
        clocks.ask(job).map(drop).unwrap();
    }
}

#[test]
fn what_is_deleted_is_sealed_away_a_day_later_and_nothing_else_changes() {
    let mut clocks = Clocks::new();
    clocks.pass(MINUTE, MINUTE);
    let mut add = |title: &str| {
        let items = vec![new_entry(note(title, ""))];
        match clocks
            .ask(Operation::Add { items, import: true })
            .map(|reply| reply.answer)
        {
            Ok(Answer::Added(added)) => (added[0], clocks.stale()),
            _ => panic!("not added"),
        }
    };
    let (first, clean) = add("first");
    let (second, _) = add("second");
    assert_eq!(clean, None, "nothing was deleted yet");
    let deleted_at = clocks.now.wall;
    let delete = Operation::Delete {
        category: NOTES,
        id: id_of(&first),
    };
    clocks.ask(delete).map(drop).unwrap();
    assert_eq!(clocks.stale(), Some(deleted_at));
    clocks.pass(MINUTE, DAY - 2 * MINUTE);
    assert_eq!(clocks.stale(), Some(deleted_at), "not yet");
    clocks.pass(MINUTE, 3 * MINUTE);
    assert_eq!(clocks.stale(), None);
    let kinds = clocks.kinds();
    assert_eq!(
        kinds[..3],
        [
            OperationKind::Rekey,
            OperationKind::KeyringWritten,
            OperationKind::Rekey
        ]
    );
    // The same content still has the same id.
    let items = vec![new_entry(note("second", ""))];
    let again = clocks
        .ask(Operation::Add { items, import: true })
        .map(|reply| reply.answer);
    assert!(matches!(again, Ok(Answer::Added(added)) if added == [Added::AlreadyHere(id_of(&second))]));
    // And nothing more is done about it.
    clocks.pass(MINUTE, 5 * DAY);
    assert_eq!(clocks.kinds()[1..4], kinds[..3]);
}

#[test]
fn replacing_counts_as_deleting_and_a_clock_set_back_does_not_put_it_off() {
    let mut clocks = Clocks::new();
    let items = vec![new_entry(note("first", "what must go"))];
    let Ok(Answer::Added(added)) = clocks
        .ask(Operation::Add { items, import: false })
        .map(|reply| reply.answer)
    else {
        panic!("not added")
    };
    let edit = Operation::Edit {
        id: id_of(&added[0]),
        content: Box::new(Content::check(note("first", "")).unwrap()),
        revision: None,
    };
    clocks.ask(edit).map(drop).unwrap();
    assert!(clocks.stale().is_some());
    clocks.now.wall = pocket_core::Timestamp::from_millis(1_000_000);
    clocks.pass(MINUTE, MINUTE);
    assert_eq!(clocks.stale(), None);
}

/// Adds a document with these words and gives it each reading in turn; whether its category then holds
/// something that is to be sealed away.
fn left_behind(words: &str, readings: &[(&str, u8)]) -> bool {
    let mut clocks = Clocks::new();
    let document = Record::Document(Document {
        name: "scan.pdf".to_owned(),
        text: words.to_owned(),
        ..Document::default()
    });
    let items = vec![new_entry(document)];
    let added = clocks.ask(Operation::Add { items, import: false });
    let Ok(Answer::Added(added)) = added.map(|reply| reply.answer) else {
        panic!("not added")
    };
    for (text, picture) in readings {
        let extracted = Box::new(Extracted {
            id: id_of(&added[0]),
            reading: Reading::Done,
            text: (*text).to_owned(),
            pages: 1,
            thumbnail: Thumbnail::new(vec![0xff, 0xd8, 0xff, *picture]).unwrap(),
        });
        let (reply, mut taken) = oneshot::channel();
        let errand = Errand::TakeExtracted(extracted);
        clocks.engine.turn(Some(Message::Errand { errand, reply }));
        assert!(matches!(taken.try_recv(), Ok(Ok(_))));
    }
    clocks.stale_in(Category::Documents).is_some()
}

#[test]
fn what_is_read_out_of_a_document_leaves_nothing_behind_unless_something_made_way_for_it() {
    assert!(!left_behind("", &[("forty pages", 1)]));
    assert!(!left_behind("typed by the owner", &[("", 1)]), "the words stayed");
    assert!(left_behind("typed by the owner", &[("forty pages", 1)]));
    assert!(!left_behind("", &[("forty pages", 1), ("forty pages", 1)]));
    assert!(
        left_behind("", &[("forty pages", 1), ("forty pages", 2)]),
        "the picture"
    );
    assert!(left_behind("", &[("forty pages", 1), ("fifty pages", 1)]));
}

#[test]
fn a_document_that_could_not_be_read_waits_again_when_its_owner_says_so_and_no_other() {
    let mut clocks = Clocks::new();
    let document = Record::Document(Document {
        name: "scan.pdf".to_owned(),
        text: "typed by the owner".to_owned(),
        ..Document::default()
    });
    let items = vec![new_entry(document)];
    let added = clocks.ask(Operation::Add { items, import: false });
    let Ok(Answer::Added(added)) = added.map(|reply| reply.answer) else {
        panic!("not added")
    };
    let id = id_of(&added[0]);
    let read = |clocks: &mut Clocks, reading| {
        let extracted = Box::new(Extracted {
            id,
            reading,
            text: String::new(),
            pages: 0,
            thumbnail: Thumbnail::default(),
        });
        let (reply, mut taken) = oneshot::channel();
        let errand = Errand::TakeExtracted(extracted);
        clocks.engine.turn(Some(Message::Errand { errand, reply }));
        assert!(matches!(taken.try_recv(), Ok(Ok(_))));
    };
    let is = |clocks: &mut Clocks| {
        let got = clocks.ask(Operation::Get {
            category: Category::Documents,
            id,
        });
        match got.map(|reply| reply.answer) {
            Ok(Answer::Entry(entry)) => match entry.content.record() {
                Record::Document(document) => (document.reading, document.text.clone(), entry.revision),
                _ => panic!("no document"),
            },
            _ => panic!("not there"),
        }
    };
    let again = |clocks: &mut Clocks| {
        clocks
            .ask(Operation::ReadAgain { id })
            .map(drop)
            .map_err(|failure| failure.kind)
    };
    for reading in [Reading::Done, Reading::Partly, Reading::Pending] {
        read(&mut clocks, reading);
        assert_eq!(again(&mut clocks), Err(FailureKind::Conflict), "{reading}");
    }
    read(&mut clocks, Reading::Failed(Unreadable::Broke));
    assert_eq!(again(&mut clocks), Ok(()));
    assert_eq!(
        is(&mut clocks),
        (Reading::Pending, "typed by the owner".to_owned(), 1)
    );
    let next = |clocks: &mut Clocks| {
        let (reply, mut next) = oneshot::channel();
        let errand = Errand::NextUnread;
        clocks.engine.turn(Some(Message::Errand { errand, reply }));
        match next.try_recv() {
            Ok(Ok(reply)) => reply.answer,
            _ => panic!("no answer at once"),
        }
    };
    assert!(matches!(next(&mut clocks), Answer::Entry(entry) if entry.id == id));
    // The device that has met all of them learns of it too.
    read(&mut clocks, Reading::Failed(Unreadable::Broke));
    assert!(matches!(next(&mut clocks), Answer::Done));
    assert_eq!(again(&mut clocks), Ok(()));
    assert!(matches!(next(&mut clocks), Answer::Entry(entry) if entry.id == id));
    assert_eq!(clocks.stale_in(Category::Documents), None, "nothing made way");
}

#[test]
fn the_mark_and_the_new_keys_survive_a_restart() {
    let mut device = Device::new();
    let id = device.add(note("One", "body"));
    let gone = device.add(note("Two", "body"));
    device
        .ask(Operation::Delete {
            category: NOTES,
            id: gone,
        })
        .map(drop)
        .unwrap();
    let since = |device: &Device| {
        let categories = device.status().categories;
        categories
            .iter()
            .find(|of| of.category == NOTES)
            .unwrap()
            .deleted_since
    };
    device.restart();
    device.unlock();
    assert!(since(&device).is_some());
    let rekey = Operation::CategoryRekey { category: NOTES };
    device.ask(rekey.clone()).map(drop).unwrap();
    assert!(since(&device).is_none());
    device.restart();
    device.unlock();
    assert!(since(&device).is_none());
    assert!(device.get(NOTES, id).is_ok());
    assert!(device.get(NOTES, gone).is_err());
    // What came with the old keyring's passphrase slot opens the new one too.
    device.ask(rekey).map(drop).unwrap();
    let check = device
        .ask(Operation::Check { accept_loss: false })
        .map(|reply| reply.answer);
    assert!(matches!(check, Ok(Answer::Check(report)) if report.findings.is_empty()));
}

/// An engine whose store is being opened, and the way by which the unlock is answered.
pub(super) fn opening(clocks: &mut Clocks) -> Receiver<Result<Reply, Failure>> {
    let unlock = Operation::Unlock {
        with: Credential::Passphrase,
    };
    let kdf = clocks.engine.kdf(clocks.now).unwrap();
    let shown = Shown::Passphrase(kdf.derive(&secret(PASSPHRASE)).unwrap());
    send(clocks, unlock, shown)
}

fn send(clocks: &mut Clocks, operation: Operation, shown: Shown) -> Receiver<Result<Reply, Failure>> {
    let (reply, answer) = oneshot::channel();
    clocks.engine.turn(Some(Message::Run {
        request: Box::new(Request::new(owner(), operation)),
        shown,
        new: None,
        reply,
    }));
    answer
}

#[test]
fn requests_wait_for_the_store_and_a_lock_does_not() {
    let mut clocks = Clocks::with_mailbox();
    clocks.ask(Operation::Lock { all: false }).map(drop).unwrap();
    let mut unlocked = opening(&mut clocks);
    let mut waits = send(&mut clocks, Operation::AgentList, Shown::Nothing);
    let mut locked = send(&mut clocks, Operation::Lock { all: false }, Shown::Nothing);
    // Where the store was faster than this test, the lock locked it again: then all three were done.
    assert!(locked.try_recv().is_ok_and(|answer| answer.is_ok()));
    let answers = [unlocked.try_recv().unwrap(), waits.try_recv().unwrap()].map(kind);
    assert!(
        answers == [Some(FailureKind::Locked); 2] || answers == [None; 2],
        "{answers:?}"
    );
    assert!(clocks.is_locked());
}

/// It may have been written before that: to say that it was not done would be a lie.
#[test]
fn a_change_that_the_engine_broke_down_over_is_told_as_not_known() {
    let (sender, mut receiver) = mpsc::channel(1);
    let handle = Handle::new(
        sender,
        (
            watch::channel(0).1,
            broadcast::channel(1).0,
            watch::channel(pocket_core::Profile::OfflineOnly).1,
        ),
        config(Path::new("nowhere")).hash_cost,
    );
    let engine = thread::spawn(move || while receiver.blocking_recv().is_some() {});
    let told = |operation| kind(handle.call_blocking(Request::new(owner(), operation)));
    let items = vec![new_entry(note("One", ""))];
    assert_eq!(
        told(Operation::Add { items, import: false }),
        Some(FailureKind::Uncertain)
    );
    assert_eq!(told(Operation::AgentList), Some(FailureKind::Unavailable));
    drop(handle);
    engine.join().unwrap();
}

/// What was not begun is told so.
#[test]
fn a_clean_stop_leaves_nobody_in_doubt() {
    let mut device = Device::new();
    let (begun, all) = std::sync::mpsc::channel();
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let (handle, begun) = (device.handle(), begun.clone());
            thread::spawn(move || {
                loop {
                    begun.send(()).unwrap_or_default();
                    let items = vec![new_entry(note("One", ""))];
                    let add = Operation::Add { items, import: false };
                    if let Err(failure) = handle.call_blocking(Request::new(owner(), add)) {
                        return failure.kind;
                    }
                }
            })
        })
        .collect();
    all.iter().take(100).for_each(drop);
    device.stop();
    for writer in writers {
        assert_eq!(writer.join().unwrap(), FailureKind::Unavailable);
    }
}

/// Others' changes were in the same group: what was read changed nothing, and is not told as a change that may have
/// been made.
#[test]
fn what_was_read_beside_a_change_that_may_be_lost_is_not_told_as_one() {
    let mut clocks = Clocks::new();
    let failed = || Failure::new(FailureKind::Uncertain, "it is not known", "look");
    let mut told = |operation| {
        let request = Request::new(owner(), operation);
        clocks.engine.fail_one(request, failed(), clocks.now)
    };
    let items = vec![new_entry(note("One", ""))];
    let add = Operation::Add { items, import: false };
    assert_eq!(told(add), Some(FailureKind::Uncertain));
    let list = Operation::List {
        category: Category::Notes,
        after: None,
        limit: 9,
    };
    assert_eq!(told(list), Some(FailureKind::Unavailable));
    let id = RecordId::from_bytes([1; 16]);
    let category = Category::Notes;
    assert_eq!(told(Operation::Get { category, id }), Some(FailureKind::NotFound));
}

/// A panic must revoke, and so it must not be answered before the store is there.
#[test]
fn a_panic_while_the_store_is_opened_revokes_before_anything_else_is_answered() {
    let mut clocks = Clocks::with_mailbox();
    clocks
        .ask(Operation::AgentAdd {
            name: "one".parse().unwrap(),
            scopes: "notes:read".parse().unwrap(),
        })
        .map(drop)
        .unwrap();
    clocks.ask(Operation::Lock { all: false }).map(drop).unwrap();
    let mut unlocked = opening(&mut clocks);
    let mut list = send(&mut clocks, Operation::AgentList, Shown::Nothing);
    let mut panic = send(&mut clocks, Operation::Lock { all: true }, Shown::Nothing);
    let panicked = loop {
        if let Ok(answer) = panic.try_recv() {
            break answer;
        }
        clocks.engine.turn(None);
    };
    assert!(panicked.is_ok());
    assert!(unlocked.try_recv().unwrap().is_ok());
    drop(list.try_recv());
    assert!(clocks.is_locked());
    let mut again = opening(&mut clocks);
    while again.try_recv().is_err() {
        clocks.engine.turn(None);
    }
    let agents = clocks.ask(Operation::AgentList).map(|reply| reply.answer);
    assert!(matches!(agents, Ok(Answer::Agents(agents)) if agents.is_empty()));
}
