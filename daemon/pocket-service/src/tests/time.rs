//! What the device does by itself as time goes by. The engine is driven by hand here, with the time
//! as an argument.

use std::fs;
use std::path::Path;
use std::time::Instant;

use pocket_core::{OperationKind, Outbox, Setting, Timestamp};
use pocket_grant::Report;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use super::*;
use crate::engine::{Engine, Now};
use crate::handle::{Errand, Message};
use crate::passphrase::NewPassphrase;

const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) struct Clocks {
    pub(super) engine: Engine,
    pub(super) now: Now,
    /// Where calls would go out.
    _calls: crate::Calls,
    folder: TempDir,
    /// Where the engine has a mailbox: as long as it is there, a store can be opened.
    _mailbox: Option<(mpsc::Sender<Message>, mpsc::Receiver<Message>)>,
}

impl Clocks {
    pub(super) fn new() -> Self {
        Self::make(None, tempfile::tempdir().unwrap())
    }

    pub(super) fn with_mailbox() -> Self {
        Self::make(Some(mpsc::channel(1)), tempfile::tempdir().unwrap())
    }

    /// In a folder that there is.
    pub(super) fn within(folder: TempDir) -> Self {
        Self::make(None, folder)
    }

    fn make(mailbox: Option<(mpsc::Sender<Message>, mpsc::Receiver<Message>)>, folder: TempDir) -> Self {
        let weak = match &mailbox {
            Some((sender, _)) => sender.downgrade(),
            None => mpsc::channel(1).0.downgrade(),
        };
        let config = config(folder.path());
        let cost = config.hash_cost;
        let told = (
            watch::channel(0).0,
            broadcast::channel(1).0,
            watch::channel(pocket_core::Profile::OfflineOnly).0,
        );
        let (outbound, calls, _) = crate::outbound::Outbound::new(GatewayTrust::Usual);
        let mut engine = Engine::open(config, told, weak, outbound).unwrap();
        let now = Now {
            wall: Timestamp::from_millis(1_800_000_000_000),
            steady: Instant::now(),
        };
        let code = run(
            &mut engine,
            Request::new(owner(), Operation::SetupCode),
            None,
            now,
        )
        .unwrap()
        .payload;
        let new = NewPassphrase::derive(&secret(PASSPHRASE), cost).unwrap();
        let setup = Request::new(owner(), Operation::Setup).with_payload(code.unwrap());
        run(&mut engine, setup, Some(new), now).map(drop).unwrap();
        Self {
            engine,
            now,
            _calls: calls,
            folder,
            _mailbox: mailbox,
        }
    }

    pub(super) fn pass(&mut self, steady: Duration, wall: Duration) {
        self.now = Now {
            wall: self.now.wall.plus(wall),
            steady: self.now.steady + steady,
        };
        self.engine.tick(self.now);
        while self.engine.is_working() {
            self.engine.work(self.now);
        }
    }

    pub(super) fn ask(&mut self, operation: Operation) -> Result<Reply, Failure> {
        self.run(Request::new(owner(), operation))
    }

    pub(super) fn run(&mut self, request: Request) -> Result<Reply, Failure> {
        run(&mut self.engine, request, None, self.now)
    }

    /// Takes what is told of a call, by the clocks of the machine.
    pub(super) fn report(&mut self, id: RecordId, report: Report) -> Result<(), Failure> {
        let (reply, mut answer) = oneshot::channel();
        let errand = Errand::Reported(id, Box::new(report));
        self.engine.turn(Some(Message::Errand { errand, reply }));
        answer.try_recv().expect("it is answered at once").map(drop)
    }

    pub(super) fn is_locked(&mut self) -> bool {
        let status = Request::new(Actor::Nobody(Door::Web), Operation::Status);
        match run(&mut self.engine, status, None, self.now).map(|reply| reply.answer) {
            Ok(Answer::Status(status)) => status.state == LockState::Locked,
            _ => panic!("no status"),
        }
    }

    fn lock(&mut self) {
        self.ask(Operation::Lock { all: false }).map(drop).unwrap();
    }

    fn unlock(&mut self) {
        let mut unlocked = work::opening(self);
        let answer = loop {
            if let Ok(answer) = unlocked.try_recv() {
                break answer;
            }
            self.engine.turn(None);
        };
        answer.map(drop).unwrap();
    }

    fn outbox(&mut self) -> u64 {
        let list = Operation::List {
            category: Category::Outbox,
            after: None,
            limit: 1,
        };
        match self.ask(list).map(|reply| reply.answer) {
            Ok(Answer::Page(page)) => page.total,
            _ => panic!("no page"),
        }
    }
}

fn run(
    engine: &mut Engine,
    request: Request,
    new: Option<NewPassphrase>,
    now: Now,
) -> Result<Reply, Failure> {
    let mut answer = engine.start_one(request, new, now);
    while engine.is_working() {
        engine.work(now);
    }
    answer.try_recv().expect("nothing is under way any more")
}

#[test]
fn the_vault_locks_itself_when_the_owner_is_idle_and_agents_do_not_keep_it_open() {
    let mut clocks = Clocks::new();
    clocks.pass(29 * MINUTE, 29 * MINUTE);
    assert!(!clocks.is_locked());
    let list = Operation::List {
        category: Category::Notes,
        after: None,
        limit: 1,
    };
    clocks.ask(list.clone()).map(drop).unwrap();
    clocks.pass(29 * MINUTE, 29 * MINUTE);
    assert!(!clocks.is_locked());
    let agent = pocket_core::Agent {
        id: RecordId::from_bytes([1; 16]),
        scopes: "notes:read".parse().unwrap(),
    };
    run(
        &mut clocks.engine,
        Request::new(Actor::Agent(agent), list),
        None,
        clocks.now,
    )
    .map(drop)
    .unwrap();
    clocks.pass(MINUTE, MINUTE);
    assert!(clocks.is_locked());
}

#[test]
fn a_calendar_that_jumps_does_not_lock_but_time_that_passes_does() {
    let mut clocks = Clocks::new();
    clocks.pass(MINUTE, DAY);
    assert!(!clocks.is_locked());
    clocks.pass(30 * MINUTE, MINUTE);
    assert!(clocks.is_locked());
}

#[test]
fn old_messages_go_when_the_calendar_runs_true_and_stay_when_it_jumps() {
    let mut clocks = Clocks::new();
    let old = Timestamp::from_millis(1_800_000_000_000 - 91 * 86_400_000);
    let message = Record::Outbox(Outbox {
        to: "someone".to_owned(),
        ..Outbox::default()
    });
    let item = NewEntry {
        created: Some(old),
        updated: Some(old),
        ..new_entry(message)
    };
    clocks
        .ask(Operation::Add {
            items: vec![item],
            import: false,
        })
        .map(drop)
        .unwrap();
    clocks.pass(6 * MINUTE, 40 * DAY);
    assert_eq!(clocks.outbox(), 1, "the calendar jumped: nothing may go");
    clocks.pass(6 * MINUTE, 6 * MINUTE);
    assert_eq!(clocks.outbox(), 0);
}

/// Adds a record that was last changed so many days ago.
fn add(clocks: &mut Clocks, record: Record, days: u32) -> RecordId {
    let updated = Timestamp::from_millis(clocks.now.wall.millis() - i64::from(days) * 86_400_000);
    let item = NewEntry {
        created: Some(updated),
        updated: Some(updated),
        ..new_entry(record)
    };
    let add = Operation::Add {
        items: vec![item],
        import: false,
    };
    match clocks.ask(add).map(|reply| reply.answer) {
        Ok(Answer::Added(added)) => match added.as_slice() {
            [Added::New(id)] => *id,
            _ => panic!("not new"),
        },
        _ => panic!("not added"),
    }
}

fn setting(name: &str, value: &str) -> Record {
    Record::Setting(Setting {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

fn is_there(clocks: &mut Clocks, category: Category, id: RecordId) -> bool {
    clocks.ask(Operation::Get { category, id }).is_ok()
}

#[test]
fn a_record_with_a_day_of_its_own_goes_then_with_its_setting_and_is_kept_until_then() {
    let mut clocks = Clocks::new();
    add(&mut clocks, setting("auto_lock_minutes", "0"), 0);
    let message = |to: &str| {
        Record::Outbox(Outbox {
            to: to.to_owned(),
            ..Outbox::default()
        })
    };
    // It is 2027-01-15 there. By their category both messages would go, and the note would stay for ever.
    let (longer, gone) = (
        add(&mut clocks, message("longer"), 91),
        add(&mut clocks, message("gone"), 91),
    );
    let brief = add(&mut clocks, note("brief", ""), 0);
    let until = |id: RecordId| format!("keep_until.{id}");
    add(&mut clocks, setting(&until(longer), "2027-01-16"), 0);
    let said = add(&mut clocks, setting(&until(brief), "2027-01-15T12:00:00Z"), 0);
    clocks.pass(6 * MINUTE, 6 * MINUTE);
    assert!(
        is_there(&mut clocks, Category::Outbox, longer),
        "its own day counts"
    );
    assert!(!is_there(&mut clocks, Category::Outbox, gone), "by its category");
    assert!(
        is_there(&mut clocks, Category::Notes, brief),
        "its day has not come"
    );
    // The board was off for long, and its clock is set some time after the start: nothing goes by the jump.
    clocks.pass(MINUTE, DAY);
    clocks.pass(5 * MINUTE, 5 * MINUTE);
    assert!(is_there(&mut clocks, Category::Notes, brief), "by the jump");
    clocks.pass(6 * MINUTE, 6 * MINUTE);
    assert!(!is_there(&mut clocks, Category::Notes, brief), "its day is over");
    assert!(
        !is_there(&mut clocks, Category::Settings, said),
        "what is said of it"
    );
    assert!(
        is_there(&mut clocks, Category::Outbox, longer),
        "a day lasts to its end"
    );
    clocks.pass(MINUTE, DAY);
    clocks.pass(6 * MINUTE, 6 * MINUTE);
    clocks.pass(6 * MINUTE, 6 * MINUTE);
    assert_eq!(clocks.outbox(), 0);
    let log = Operation::AuditShow {
        before: None,
        limit: 100,
    };
    let Ok(Answer::Audit(entries)) = clocks.ask(log).map(|reply| reply.answer) else {
        panic!("no log");
    };
    let purged = |id| {
        let purges = entries
            .iter()
            .filter(|entry| entry.event.operation == OperationKind::Purge);
        purges.filter(|entry| entry.event.records.contains(&id)).count()
    };
    assert_eq!([brief, said, longer, gone].map(purged), [1; 4]);
}

#[test]
fn what_is_deleted_takes_its_day_with_it_and_the_log_names_both() {
    let mut clocks = Clocks::new();
    let (gone, other) = (
        add(&mut clocks, note("gone", ""), 0),
        add(&mut clocks, note("other", ""), 0),
    );
    let day = |clocks: &mut Clocks, id| add(clocks, setting(&format!("keep_until.{id}"), "2099-01-31"), 0);
    let (said, kept) = (day(&mut clocks, gone), day(&mut clocks, other));
    let delete = Operation::Delete {
        category: Category::Notes,
        id: gone,
    };
    clocks.ask(delete).map(drop).unwrap();
    assert!(!is_there(&mut clocks, Category::Settings, said), "its day");
    assert!(is_there(&mut clocks, Category::Settings, kept), "another's");
    let log = Operation::AuditShow {
        before: None,
        limit: 100,
    };
    let Ok(Answer::Audit(entries)) = clocks.ask(log).map(|reply| reply.answer) else {
        panic!("no log");
    };
    let deleted: Vec<RecordId> = entries
        .iter()
        .filter(|entry| entry.event.operation == OperationKind::Delete)
        .flat_map(|entry| entry.event.records.clone())
        .collect();
    assert!(
        deleted.len() == 2 && deleted.contains(&gone) && deleted.contains(&said),
        "{deleted:?}"
    );
}

fn copied(from: &Path, to: &Path) {
    let copy = std::process::Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status();
    assert!(copy.is_ok_and(|status| status.success()));
}

/// What the owner wants kept is said there: while that is known to be short, nothing goes for its age.
#[test]
fn nothing_is_removed_by_settings_that_are_known_to_be_short() {
    let mut clocks = Clocks::with_mailbox();
    let message = Record::Outbox(Outbox {
        to: "someone".to_owned(),
        ..Outbox::default()
    });
    let id = add(&mut clocks, message, 91);
    let db = clocks.folder.path().join("data/db");
    let older = tempfile::tempdir().unwrap();
    clocks.lock();
    copied(&db, &older.path().join("db"));
    clocks.unlock();
    add(&mut clocks, setting("retention_days.outbox", "0"), 0);
    clocks.lock();
    fs::remove_dir_all(&db).unwrap();
    copied(&older.path().join("db"), &db);
    clocks.unlock();
    for _ in 0..3 {
        clocks.pass(6 * MINUTE, 6 * MINUTE);
    }
    assert!(
        is_there(&mut clocks, Category::Outbox, id),
        "the settings are not whole"
    );
    let accept = Operation::Check { accept_loss: true };
    clocks.ask(accept).map(drop).unwrap();
    for _ in 0..3 {
        clocks.pass(6 * MINUTE, 6 * MINUTE);
    }
    assert_eq!(clocks.outbox(), 0, "the owner has accepted that it is gone");
}

fn last_check(clocks: &mut Clocks) -> Option<Timestamp> {
    // The owner is there, so that it does not lock itself.
    clocks.ask(Operation::ProfileShow).map(drop).unwrap();
    match clocks.ask(Operation::Status).map(|reply| reply.answer) {
        Ok(Answer::Status(status)) => status.last_check,
        _ => panic!("no status"),
    }
}

#[test]
fn everything_is_read_once_a_week_by_the_device_itself() {
    let rest = 10 * MINUTE;
    let mut clocks = Clocks::new();
    clocks.pass(MINUTE, MINUTE);
    assert_eq!(
        last_check(&mut clocks),
        None,
        "it leaves the owner alone at first"
    );
    clocks.pass(rest, rest);
    clocks.pass(SECOND, SECOND);
    let first = clocks.now.wall;
    assert_eq!(last_check(&mut clocks), Some(first));
    clocks.pass(rest, 6 * DAY);
    clocks.pass(SECOND, SECOND);
    assert_eq!(last_check(&mut clocks), Some(first), "not within the week");
    clocks.pass(rest, DAY);
    clocks.pass(SECOND, SECOND);
    let second = last_check(&mut clocks);
    assert!(second > Some(first));
    // A clocks that was set back.
    clocks.now.wall = first;
    clocks.pass(rest, rest);
    clocks.pass(SECOND, SECOND);
    assert!(last_check(&mut clocks) < second);
}

#[test]
fn a_clock_that_is_behind_what_was_written_down_is_named() {
    let mut clocks = Clocks::new();
    let broken = |clocks: &mut Clocks| match clocks
        .ask(Operation::Health { strict: true })
        .map(|reply| reply.answer)
    {
        Ok(Answer::Check(report)) => report.findings.iter().any(|finding| finding.what == "clock"),
        _ => panic!("no report"),
    };
    assert!(!broken(&mut clocks));
    clocks.now.wall = Timestamp::from_millis(clocks.now.wall.millis() - 3_600_000);
    assert!(broken(&mut clocks));
}
