//! Questions and calls that end by themselves: by a clock, a restart, another profile.

use std::fs::File;
use std::io::Write;
use std::process::Command;

use super::*;

#[test]
fn closing_the_profile_or_saying_no_gives_up_what_is_on_its_way() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let first = desk.ask(QUESTION).unwrap();
    desk.approve(&first).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    assert!(
        call.given_up
            .try_recv()
            .is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty)
    );
    desk.open(Profile::OfflineOnly);
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
    assert!(matches!(
        desk.status(first.id).question.state,
        ConsentState::Failed { .. }
    ));
    assert_eq!(kind(desk.report(first.id, head())), Some(FailureKind::NotFound));

    desk.open(Profile::CloudWithConsent);
    let second = desk.ask("Another question").unwrap();
    desk.approve(&second).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    desk.deny(&second).map(drop).unwrap();
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
    let third = desk.ask("A third question").unwrap();
    desk.approve(&third).map(drop).unwrap();
    let mut call = desk.next_call().unwrap();
    desk.device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    assert_eq!(
        call.given_up.try_recv(),
        Err(tokio::sync::oneshot::error::TryRecvError::Closed)
    );
}

#[test]
fn a_restart_sends_nothing_again_and_lengthens_nothing() {
    let mut desk = Desk::new(Profile::CloudWithConsent);
    let waiting = desk.ask(QUESTION).unwrap();
    let sending = desk.ask("Another question").unwrap();
    desk.approve(&sending).map(drop).unwrap();
    drop(desk.next_call().unwrap());
    desk.restart();
    assert!(desk.next_call().is_none(), "it is sent again");
    assert!(matches!(
        desk.status(sending.id).question.state,
        ConsentState::Failed { .. }
    ));
    assert_eq!(kind(desk.approve(&sending)), Some(FailureKind::Conflict));
    assert_eq!(desk.status(waiting.id).question, waiting);
    desk.approve(&waiting).map(drop).unwrap();
    assert!(desk.next_call().is_some());
    let (detail, _) = desk.show(waiting.id);
    let placeholder = &detail.parts[0].redacted[range(detail.parts[0].marks[0].redacted)];
    desk.report(waiting.id, head()).unwrap();
    desk.report(waiting.id, piece(placeholder)).unwrap();
    desk.report(waiting.id, Report::Piece(DONE.to_vec())).unwrap();
    desk.report(waiting.id, end()).unwrap();
    assert_eq!(desk.status(waiting.id).text, "Annegret Moosbichler");
}

/// A question that waits, on a device whose clocks are moved by hand.
fn waiting() -> (Clocks, Consent) {
    waiting_on(Clocks::new())
}

fn waiting_on(mut clocks: Clocks) -> (Clocks, Consent) {
    let add = Operation::ProviderAdd(Box::new(provider("https://api.example.com/v1")));
    clocks.ask(add).map(drop).unwrap();
    let profile = Profile::CloudWithConsent;
    let minutes = Some(60);
    clocks
        .ask(Operation::ProfileSet { profile, minutes })
        .map(drop)
        .unwrap();
    let ask = Request::new(owner(), Operation::Ask(Box::default())).with_payload(secret(QUESTION));
    match clocks.run(ask).map(|reply| reply.answer) {
        Ok(Answer::Asked(asked)) => (clocks, asked.question),
        _ => panic!("nothing asked"),
    }
}

fn question(clocks: &mut Clocks, id: RecordId) -> ConsentState {
    match clocks
        .ask(Operation::ConsentStatus { id, from: 0 })
        .map(|reply| reply.answer)
    {
        Ok(Answer::Asked(asked)) => asked.question.state,
        _ => panic!("no status"),
    }
}

#[test]
fn no_answer_is_no_by_either_clock() {
    let second = Duration::from_secs(1);
    let ten = MINUTE * 10;
    let (mut clocks, asked) = waiting();
    clocks.pass(ten - second, ten - second);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Waiting);
    clocks.pass(second, second);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let show = Operation::AuditShow {
        before: None,
        limit: 1,
    };
    let Ok(Answer::Audit(log)) = clocks.ask(show).map(|reply| reply.answer) else {
        panic!("no log");
    };
    assert_eq!(log[0].event.operation, OperationKind::ConsentExpire);

    // The calendar stands still, or was set back: the other clock goes on.
    let (mut clocks, asked) = waiting();
    clocks.pass(ten, Duration::ZERO);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let (mut clocks, asked) = waiting();
    clocks.now.wall = Timestamp::from_millis(clocks.now.wall.millis() - 1);
    assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
    let approve = Operation::ConsentApprove {
        id: asked.id,
        sha256: asked.sha256,
    };
    assert!(clocks.ask(approve).is_err());
}

#[test]
fn a_line_that_stays_open_behind_the_answer_does_not_hold_it_up() {
    let (mut clocks, asked) = waiting();
    let (id, sha256) = (asked.id, asked.sha256);
    clocks
        .ask(Operation::ConsentApprove { id, sha256 })
        .map(drop)
        .unwrap();
    let address = "192.0.2.1:443".parse().unwrap();
    for report in [
        Report::Connected { address },
        head(),
        piece("A book"),
        Report::Piece(DONE.to_vec()),
        // What comes behind the end is counted and not listened to.
        Report::Piece(b"data: {garbage\n\n".to_vec()),
    ] {
        clocks.report(id, report).unwrap();
    }
    // It still may say how much went and came.
    clocks.pass(Duration::from_secs(1), Duration::from_secs(1));
    assert_eq!(question(&mut clocks, id), ConsentState::Sending);
    clocks.pass(MINUTE, MINUTE);
    let ConsentState::Answered { sent, received } = question(&mut clocks, id) else {
        panic!("it goes on, or has failed");
    };
    assert_eq!(sent, asked.size);
    assert!(received > 100, "{received}");
    assert!(clocks.report(id, end()).is_err(), "it may end now");
}

#[test]
fn an_answer_that_was_whole_is_one_however_its_line_ends() {
    let desk = Desk::new(Profile::CloudWithConsent);
    let cut = |sent, received| Report::Failed {
        reason: CallFailure::AnswerTruncated,
        sent,
        received,
    };
    for (number, (last, whole)) in [(DONE, true), (&DONE[..20], false)].into_iter().enumerate() {
        let asked = desk.ask(&format!("Question {number}")).unwrap();
        desk.approve(&asked).map(drop).unwrap();
        desk.report(asked.id, head()).unwrap();
        desk.report(asked.id, piece("A book")).unwrap();
        desk.report(asked.id, Report::Piece(last.to_vec())).unwrap();
        desk.report(asked.id, cut(700, 900)).unwrap();
        let told = desk.status(asked.id);
        let (sent, received) = (700, 900);
        let answered = told.question.state == ConsentState::Answered { sent, received };
        assert_eq!(answered, whole, "{:?}", told.question.state);
        assert_eq!(told.text, "A book");
    }
}

/// A disk of its own, in memory; unmounted when it is dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=96M,mode=700", "small"]);
        let mounted = mount.arg(folder.path()).output();
        mounted
            .is_ok_and(|mounted| mounted.status.success())
            .then(|| Self(folder))
    }

    /// Takes all room away, to the last byte.
    fn fill(&self, name: &str) {
        let mut file = File::create(self.0.path().join(name)).unwrap();
        for step in [1 << 20, 4096, 1] {
            while file.write_all(&vec![1; step]).is_ok() {}
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a store may still be open on it.
        let mut unmount = Command::new("umount");
        drop(unmount.arg("--lazy").arg(self.0.path()).output());
    }
}

#[test]
fn on_a_full_disk_no_answer_is_no_and_that_is_written_down_later() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a small disk needs root");
        return;
    };
    let folder = tempfile::tempdir_in(disk.0.path()).unwrap();
    let (mut clocks, asked) = waiting_on(Clocks::within(folder));
    let expired = |clocks: &mut Clocks| {
        let show = Operation::AuditShow {
            before: None,
            limit: 100,
        };
        let Ok(Answer::Audit(log)) = clocks.ask(show).map(|reply| reply.answer) else {
            panic!("no log");
        };
        let expired = |entry: &&audit::Entry| entry.event.operation == OperationKind::ConsentExpire;
        log.iter().filter(expired).count()
    };
    disk.fill("filler");
    clocks.pass(MINUTE * 11, MINUTE * 11);
    // The store is not opened anew: nobody would do that here, and the vault would be locked.
    for _ in 0..5 {
        clocks.pass(Duration::from_secs(1), Duration::from_secs(1));
        assert!(!clocks.is_locked());
        assert_eq!(question(&mut clocks, asked.id), ConsentState::Expired);
        assert_eq!(expired(&mut clocks), 0);
    }
    let (id, sha256) = (asked.id, asked.sha256);
    assert!(clocks.ask(Operation::ConsentApprove { id, sha256 }).is_err());
    std::fs::remove_file(disk.0.path().join("filler")).unwrap();
    clocks.pass(Duration::from_secs(1), Duration::from_secs(1));
    assert_eq!(question(&mut clocks, id), ConsentState::Expired);
    assert_eq!(expired(&mut clocks), 1);
    drop(clocks);
}
