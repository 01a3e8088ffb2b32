//! Commands between whose requests something happens.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};
use serde_json::Value;

use crate::device::{Device, path_text, program, text};
use crate::relay::relay;

/// Documents in the folder that is imported: begun, sent and added in a request each.
const DOCUMENTS: usize = 40;
/// The request that adds the fourth document.
const AMID: usize = 12;

#[test]
fn an_exported_log_ends_at_its_own_export_whatever_happens_meanwhile() {
    let device = Device::owned();
    let folder = device.place.data();
    let meddled = meddling(&device, move |request| {
        let title = format!("title=Meanwhile {request}");
        let added = pocketctl(&["--data-dir", path_text(&folder), "add", "notes", &title]);
        assert!(added.status.success(), "{added:?}");
    });
    let log = device.place.path("log.jsonl");
    let exported = pocketctl(&["--control", &meddled, "audit", "export", path_text(&log)]);
    assert!(exported.status.success(), "{exported:?}");
    let text = fs::read_to_string(&log).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"]["operation"], "audit-export");
    device.ctl(&["audit", "verify", path_text(&log)]).one();
    let newest = device.ctl(&["audit", "show", "--limit", "1"]).one();
    assert!(
        newest["sequence"].as_u64() > last["sequence"].as_u64(),
        "nothing happened meanwhile"
    );
}

#[test]
fn an_import_that_is_locked_out_says_what_came_in() {
    let device = Device::owned();
    let folder = device.place.data();
    let meddled = meddling(&device, move |request| {
        if request == AMID {
            let locked = pocketctl(&["--data-dir", path_text(&folder), "lock"]);
            assert!(locked.status.success(), "{locked:?}");
        }
    });
    let import = import(&meddled, &documents(&device));
    assert_eq!(import.status.code(), Some(3), "{import:?}");
    let error: Value = serde_json::from_slice(&import.stderr).unwrap();
    assert_eq!(error["error"]["kind"], "locked");
    device.unlock();
    assert_eq!((said(&import), device.list("documents").len()), (3, 3));
    again(&device);
}

#[test]
fn a_stop_amid_an_import_loses_nothing_that_was_acknowledged() {
    let device = Device::owned();
    let daemon = Pid::from_raw(device.pid());
    let meddled = meddling(&device, move |request| {
        if request == AMID {
            kill(daemon, Signal::SIGTERM).unwrap();
        }
    });
    let import = import(&meddled, &documents(&device));
    let (place, status) = device.stop();
    assert!(status.success(), "{status}");
    let device = Device::start(place);
    device.unlock();
    // The daemon may have taken one more than it could still say.
    let there = device.list("documents").len();
    let said = said(&import);
    assert!(
        (3..=there).contains(&said) && there <= said + 1,
        "{said} acknowledged, {there} there"
    );
    if said < DOCUMENTS {
        let error: Value = serde_json::from_slice(&import.stderr).unwrap();
        assert_eq!(
            (&error["error"]["kind"], import.status.code()),
            (&"unavailable".into(), Some(1))
        );
    }
    device.ctl(&["check"]).one();
    device.ctl(&["audit", "verify"]).one();
    again(&device);
}

#[test]
fn bytes_and_json_are_not_mixed() {
    let device = Device::owned();
    documents(&device);
    let all = device.place.path("documents");
    device.ctl(&["import", path_text(&all)]).one();
    let id = text(&device.list("documents")[0]["id"]);
    let get = ["get", "documents", &id, "--out", "-"];
    let mixed = device.ctl(&get);
    mixed.failed(2, "usage");
    assert_eq!(mixed.out, "");
    let folder = device.place.data();
    let mut command = Command::new(program("pocketctl"));
    let plain = command.arg("--data-dir").arg(folder).args(get).output().unwrap();
    assert!(
        plain.status.success() && plain.stdout.starts_with(&[0, 1, 2]),
        "{plain:?}"
    );
}

/// A control socket that calls `before` ahead of each request; its path.
fn meddling(device: &Device, before: impl FnMut(usize) + Send + 'static) -> String {
    let path = device.place.path("meddled.sock");
    let listener = UnixListener::bind(&path).unwrap();
    relay(listener, device.place.data().join("run/control.sock"), before);
    path_text(&path).to_owned()
}

/// A folder of small documents.
fn documents(device: &Device) -> PathBuf {
    let folder = device.place.path("documents");
    fs::create_dir(&folder).unwrap();
    for number in 0..DOCUMENTS {
        let bytes = [&[0, 1, 2], number.to_string().as_bytes()].concat();
        fs::write(folder.join(format!("{number}.bin")), bytes).unwrap();
    }
    folder
}

fn import(control: &str, folder: &Path) -> Output {
    pocketctl(&["--control", control, "import", path_text(folder)])
}

/// How many an import says it brought in, however it ended.
#[track_caller]
fn said(import: &Output) -> usize {
    let summary: Value = serde_json::from_slice(&import.stdout).unwrap_or_else(|_| panic!("{import:?}"));
    usize::try_from(summary["imported"].as_u64().unwrap()).unwrap()
}

/// The same import again brings the rest.
#[track_caller]
fn again(device: &Device) {
    let all = device.place.path("documents");
    device.ctl(&["import", path_text(&all)]).one();
    assert_eq!(device.list("documents").len(), DOCUMENTS);
}

fn pocketctl(arguments: &[&str]) -> Output {
    let mut command = Command::new(program("pocketctl"));
    command.arg("--json").args(arguments).output().unwrap()
}

/// Lets each sync of the daemon fail from now on, that of a store that is closed too; `None` where that may not be done.
fn failing_syncs(device: &Device) -> Option<Child> {
    if !getuid().is_root() {
        println!("not run: only root may attach to the daemon");
        return None;
    }
    let told = device.place.path("failed");
    let mut tracer = Command::new("strace")
        .args([
            "-f",
            "-o",
            path_text(&told),
            "-e",
            "inject=fdatasync,fsync:error=EIO",
            "-e",
            "trace=fdatasync,fsync",
        ])
        .args(["-p", &device.pid().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(tracer.stderr.take().expect("it was piped"));
    let mut lines = said.lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("attached")));
    // It must be able to go on talking.
    thread::spawn(move || lines.for_each(drop));
    Some(tracer)
}

#[test]
fn a_change_whose_sync_failed_is_told_as_not_known_and_is_there_whole_or_not_at_all() {
    let device = Device::owned();
    device.add("notes", &["title=before"]);
    let Some(mut tracer) = failing_syncs(&device) else {
        return;
    };
    let added = device.ctl(&["add", "notes", "title=during", "body=whole"]);
    kill(Pid::from_raw(tracer.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    tracer.wait().unwrap();
    assert!(added.failed(1, "uncertain").contains("not known whether"));

    device.unlock();
    let notes = device.list("notes");
    let during: Vec<_> = notes
        .iter()
        .filter(|note| note["fields"]["title"] == "during")
        .collect();
    assert_eq!(notes.len(), 1 + during.len());
    assert!(during.len() <= 1 && during.iter().all(|note| note["fields"]["body"] == "whole"));
    device.add("notes", &["title=after"]);
    device.ctl(&["check"]).lines();
}
