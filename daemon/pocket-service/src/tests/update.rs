//! Updates of the device's own system. The program that installs them is played by the test: it reads the
//! request and writes the account, as the image's own does.

use std::fs;
use std::path::PathBuf;

use pocket_core::{OperationKind, PressFor, UpdateStep, audit};

use super::*;
use crate::{ButtonReport, Updates};

const SUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

mod fetch;

struct System(Device);

impl System {
    fn new() -> Self {
        let mut device = Device::new();
        device.stop();
        let folder = device.folder.path().to_owned();
        fs::create_dir(folder.join("spool")).unwrap();
        let config = Config {
            updates: Some(Updates {
                spool: folder.join("spool"),
                state: folder.join("state"),
            }),
            ..config(&folder)
        };
        device.service = Some(Service::start(config).unwrap());
        device.unlock();
        let system = Self(device);
        system.says("step=idle");
        system
    }

    fn says(&self, rest: &str) {
        let text = format!("slot=A\nrelease=2.0\ngood=yes\ntries=0\n{rest}\n");
        fs::write(self.0.folder.path().join("state"), text).unwrap();
    }

    fn offers(&self, release: &str, age: &str) {
        self.says(&format!("step=offered\noffer={release}\nage={age}\nsha256={SUM}"));
    }

    fn spool(&self, name: &str) -> PathBuf {
        self.0.folder.path().join("spool").join(name)
    }

    /// The request, which is taken.
    fn request(&self) -> Option<String> {
        let text = fs::read_to_string(self.spool("request")).ok()?;
        fs::remove_file(self.spool("request")).unwrap();
        Some(text)
    }

    fn chunk(&self, offset: u64, bytes: &[u8]) -> Option<FailureKind> {
        let request = Request::new(owner(), Operation::UpdateChunk { offset });
        let request = request.with_payload(SecretBytes::new(bytes.to_vec()));
        kind(self.0.handle().call_blocking(request))
    }

    fn offer(&self) -> Option<FailureKind> {
        kind(self.0.ask(Operation::UpdateOffer))
    }

    fn install(&self, sha256: &str, older: bool) -> Option<FailureKind> {
        let sha256 = sha256.to_owned();
        kind(
            self.0
                .ask_with(Operation::UpdateInstall { sha256, older }, PASSPHRASE),
        )
    }

    fn step(&self) -> UpdateStep {
        self.0.status().update.unwrap().step
    }

    fn logged(&self, operation: OperationKind) -> usize {
        let show = Operation::AuditShow {
            before: None,
            limit: 100,
        };
        let Ok(Answer::Audit(log)) = self.0.ask(show).map(|reply| reply.answer) else {
            panic!("no log");
        };
        let of_it = |entry: &&audit::Entry| entry.event.operation == operation;
        log.iter().filter(of_it).count()
    }
}

#[test]
fn a_bundle_is_handed_on_as_it_came_and_looked_at() {
    let system = System::new();
    assert_eq!(system.chunk(0, b"given up"), None);
    assert_eq!(system.chunk(0, b"bun"), None);
    assert_eq!(system.chunk(3, b"dle"), None);
    assert!(!system.spool("offered").exists() && system.request().is_none());
    assert_eq!(system.offer(), None);
    assert_eq!(fs::read(system.spool("offered")).unwrap(), b"bundle");
    assert_eq!(system.step(), UpdateStep::Looking);
    assert_eq!(system.chunk(0, b"another"), Some(FailureKind::Conflict));
    assert_eq!(system.request().as_deref(), Some("look\n"));
    assert_eq!(system.logged(OperationKind::UpdateOffer), 1);
}

#[test]
fn half_a_bundle_is_never_handed_on() {
    let system = System::new();
    assert_eq!(system.offer(), Some(FailureKind::Conflict));
    assert_eq!(system.chunk(3, b"dle"), Some(FailureKind::Conflict));
    assert_eq!(system.chunk(0, b"bun"), None);
    // A hole; then nothing of it counts.
    assert_eq!(system.chunk(4, b"le"), Some(FailureKind::Conflict));
    assert_eq!(system.chunk(3, b"dle"), Some(FailureKind::Conflict));
    assert_eq!(system.offer(), Some(FailureKind::Conflict));
    // Locked in the middle.
    assert_eq!(system.chunk(0, b"bun"), None);
    system.0.ask(Operation::Lock { all: false }).map(drop).unwrap();
    system.0.unlock();
    assert_eq!(system.offer(), Some(FailureKind::Conflict));
    for name in ["offered", "incoming"] {
        assert!(!system.spool(name).exists(), "{name} takes room");
    }
    assert!(system.request().is_none());
}

#[test]
fn only_what_was_shown_is_installed_and_only_with_the_passphrase() {
    let system = System::new();
    assert_eq!(
        system.install(SUM, false),
        Some(FailureKind::Conflict),
        "nothing is offered"
    );
    system.offers("2.1", "newer");
    let bare = Operation::UpdateInstall {
        sha256: SUM.to_owned(),
        older: false,
    };
    assert_eq!(kind(system.0.ask(bare)), Some(FailureKind::Refused));
    assert_eq!(
        system.install(&SUM.replace('0', "1"), false),
        Some(FailureKind::Conflict)
    );
    assert!(system.request().is_none());
    assert_eq!(system.install(SUM, false), None);
    assert!(matches!(system.step(), UpdateStep::Installing(_)));
    assert_eq!(system.install(SUM, false), Some(FailureKind::Conflict), "once");
    assert_eq!(system.request().unwrap(), format!("install {SUM} newer\n"));
}

#[test]
fn a_second_bundle_in_place_of_one_that_is_offered_is_looked_at_and_not_installed() {
    let system = System::new();
    system.offers("2.1", "newer");
    assert_eq!(system.chunk(0, b"another"), None);
    assert_eq!(system.offer(), None);
    assert_eq!(system.step(), UpdateStep::Looking);
    assert_eq!(system.install(SUM, false), Some(FailureKind::Conflict));
    assert_eq!(system.request().as_deref(), Some("look\n"));
}

#[test]
fn an_older_release_needs_to_be_meant() {
    let system = System::new();
    system.offers("1.9", "older");
    assert_eq!(system.install(SUM, false), Some(FailureKind::Conflict));
    assert!(system.request().is_none());
    assert_eq!(system.install(SUM, true), None);
    assert_eq!(system.request().unwrap(), format!("install {SUM} older\n"));
}

#[test]
fn what_the_system_says_is_not_believed_when_it_makes_no_sense() {
    let system = System::new();
    system.says("step=offered\noffer=2.1\nage=newer\nsha256=../../etc");
    assert!(system.0.status().update.is_none());
    assert_eq!(system.install("../../etc", true), Some(FailureKind::Unavailable));
    assert_eq!(system.chunk(0, b"bundle"), Some(FailureKind::Unavailable));
    assert!(!system.spool("incoming").exists());
}

#[test]
fn a_locked_device_says_what_runs_and_takes_nothing() {
    let system = System::new();
    system.0.ask(Operation::Lock { all: false }).map(drop).unwrap();
    assert!(system.0.status().update.is_some());
    assert_eq!(system.chunk(0, b"bundle"), Some(FailureKind::Locked));
    let nobody = Request::new(Actor::Nobody(Door::Web), Operation::Status);
    let Ok(Answer::Status(status)) = system.0.handle().call_blocking(nobody).map(|reply| reply.answer) else {
        panic!("no status");
    };
    assert!(status.update.is_none());
}

#[test]
fn a_device_without_such_a_system_says_so() {
    let device = Device::new();
    assert!(device.status().update.is_none());
    assert_eq!(
        kind(device.ask(Operation::UpdateOffer)),
        Some(FailureKind::Refused)
    );
}

#[test]
fn where_the_owner_wants_a_press_for_anything_a_release_needs_one_too() {
    let system = System::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let button = |report| kind(runtime.block_on(system.0.handle().button(report)));
    assert_eq!(button(ButtonReport::Here), None);
    let set = Operation::PressSet {
        need: PressFor::Sensitive,
    };
    assert!(system.0.ask_with(set, PASSPHRASE).is_ok());
    assert_eq!(button(ButtonReport::Pressed), None);
    // What can't be installed is not pressed for.
    assert_eq!(system.install(SUM, false), Some(FailureKind::Conflict));
    assert!(system.0.status().press.unwrap().waiting.is_none());
    system.offers("2.1", "newer");
    let waits = system.0.ask_with(
        Operation::UpdateInstall {
            sha256: SUM.to_owned(),
            older: false,
        },
        PASSPHRASE,
    );
    assert!(matches!(
        waits.map(|reply| reply.answer),
        Ok(Answer::PressNeeded { .. })
    ));
    assert_eq!(
        system.install(SUM, true),
        Some(FailureKind::Conflict),
        "another press"
    );
    assert!(system.request().is_none());
    // Another one came in its place before the press.
    system.says(&format!(
        "step=offered\noffer=2.2\nage=newer\nsha256={}",
        SUM.replace('0', "1")
    ));
    assert_eq!(button(ButtonReport::Pressed), Some(FailureKind::Conflict));
    assert!(system.request().is_none());
    system.offers("2.1", "newer");
    assert_eq!(system.install(SUM, false), None);
    assert_eq!(button(ButtonReport::Pressed), None);
    assert_eq!(system.request().unwrap(), format!("install {SUM} newer\n"));
}

#[test]
fn a_copy_that_may_be_dropped_takes_no_change_that_would_be_missed() {
    let system = System::new();
    let device = &system.0;
    let mark = device.folder.path().join("copy");
    let add = || {
        let items = vec![new_entry(note("heron", "stands in the reeds"))];
        kind(device.ask(Operation::Add { items, import: false }))
    };
    assert_eq!(add(), None);
    fs::write(&mark, "").unwrap();
    assert_eq!(add(), Some(FailureKind::Unavailable));
    assert_eq!(system.offer(), Some(FailureKind::Unavailable));
    // It can be read, shown to be good, and locked.
    let health = device.ask(Operation::Health { strict: true });
    assert!(health.is_ok());
    assert!(device.ask(Operation::Check { accept_loss: false }).is_ok());
    // In panic it would revoke, and say so.
    assert_eq!(
        kind(device.ask(Operation::Lock { all: true })),
        Some(FailureKind::Unavailable)
    );
    device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    device.unlock();
    assert_eq!(add(), Some(FailureKind::Unavailable));
    fs::remove_file(&mark).unwrap();
    assert_eq!(add(), None);
    assert_eq!(system.logged(OperationKind::Add), 2);
}
