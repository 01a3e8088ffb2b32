//! What the device makes of a reader that answers too much, ends in the middle, or hangs: programs of the
//! shell in its place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pocket_core::{FileHead, MOST_READ, ReaderJob};

use super::*;
use crate::{ReadError, Reader};

/// A device, and a reader that does what `script` says.
fn reader(script: &str) -> (Device, Reader) {
    let device = Device::new();
    let program: PathBuf = device.folder.path().join("reader");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let reader = Reader::new(device.handle(), program);
    (device, reader)
}

fn head(job: ReaderJob, size: u64) -> FileHead {
    FileHead {
        job,
        name: "a".to_owned(),
        media_type: String::new(),
        size,
    }
}

/// What comes of a file, in one piece.
fn answer(script: &str, job: ReaderJob) -> Result<Vec<u8>, String> {
    let (_device, reader) = reader(script);
    on_runtime(async {
        let mut running = reader.begin(head(job, 3)).await?;
        running.feed(b"abc").await;
        running.finish().await
    })
    .map_err(in_short)
}

fn in_short(error: ReadError) -> String {
    match error {
        ReadError::Failure(failure) => format!("{:?}", failure.kind),
        ReadError::Missing(_) => "missing".to_owned(),
        ReadError::Unreadable(reason) => format!("{reason:?}"),
    }
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

/// Lines, and how they ended.
fn lines(script: &str) -> (Vec<String>, Option<String>) {
    let (_device, reader) = reader(script);
    on_runtime(async {
        let running = reader
            .begin(head(ReaderJob::Import, 0))
            .await
            .map_err(in_short)
            .unwrap();
        let mut lines = running.finish_in_lines().await;
        let mut said = Vec::new();
        loop {
            match lines.next().await {
                Ok(Some(line)) if line == b"bytes" => match lines.bytes(3).await {
                    Ok(bytes) => said.push(format!("<{}>", String::from_utf8(bytes).unwrap())),
                    Err(error) => return (said, Some(in_short(error))),
                },
                Ok(Some(line)) => said.push(String::from_utf8(line).unwrap()),
                Ok(None) => return (said, None),
                Err(error) => return (said, Some(in_short(error))),
            }
        }
    })
}

#[test]
fn an_answer_counts_only_from_a_reader_that_ended_well() {
    let all = "cat >/dev/null; echo hello";
    let outcome = |script: &str| answer(script, ReaderJob::Text);
    assert_eq!(outcome(all), Ok(b"hello\n".to_vec()));
    for (end, reason) in [
        ("exit 13", "Protected"),
        ("exit 1", "Broke"),
        ("exit 255", "Broke"),
        ("kill -KILL $$", "Broke"),
        ("kill -XCPU $$", "TooLong"),
    ] {
        assert_eq!(outcome(&format!("{all}; {end}")), Err(reason.to_owned()), "{end}");
    }
}

#[test]
fn an_answer_without_an_end_is_cut_off_and_its_reader_with_it() {
    for job in [ReaderJob::Strength, ReaderJob::Picture] {
        let told = answer("cat >/dev/null; exec cat /dev/zero", job);
        assert!(told.is_err(), "{job:?}");
    }
    // One that ends well has still said too much.
    let told = answer("cat >/dev/null; head -c 2000 /dev/zero", ReaderJob::Strength);
    assert_eq!(told, Err("TooLarge".to_owned()));
}

#[test]
fn a_file_that_is_too_large_starts_no_reader_and_without_a_program_that_is_said() {
    let (device, reader) = reader("exit 13");
    let begun = on_runtime(reader.begin(head(ReaderJob::Text, MOST_READ + 1)));
    assert_eq!(begun.err().map(in_short).as_deref(), Some("TooLarge"));
    let missing = Reader::new(device.handle(), "/nowhere/pocket-reader".into());
    assert!(!missing.is_installed() && reader.is_installed());
    let begun = on_runtime(missing.begin(head(ReaderJob::Text, 1)));
    assert_eq!(begun.err().map(in_short).as_deref(), Some("missing"));
}

#[test]
fn lines_come_one_by_one_and_then_how_the_reader_ended() {
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let whole = "cat >/dev/null; printf 'one\\nbytes\\na\\nbtwo\\n'";
    assert_eq!(lines(whole), (owned(&["one", "<a\nb>", "two"]), None));
    for (end, reason) in [("exit 11", "Damaged"), ("kill -KILL $$", "Broke")] {
        let (said, ended) = lines(&format!("{whole}; {end}"));
        assert_eq!((said.len(), ended.as_deref()), (3, Some(reason)));
    }
    let half = lines("cat >/dev/null; printf 'one\\ntw'");
    assert_eq!(half, (owned(&["one"]), Some("Broke".to_owned())));
    let few = lines("cat >/dev/null; printf 'bytes\\nab'");
    assert_eq!(few, (Vec::new(), Some("Broke".to_owned())));
}

#[test]
fn nothing_is_read_while_the_vault_is_locked_but_the_strength_of_a_passphrase() {
    // Two bytes of an estimate: eleven digits, no flaws.
    let (device, reader) = reader("cat >/dev/null; printf '\\013\\000'");
    device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    let strength = on_runtime(reader.strength(&secret("words")));
    assert_eq!(strength.map(|strength| strength.digits), Some(11));
    let (device, hangs) = self::reader("exec sleep 1000");
    device.ask(Operation::Lock { all: false }).map(drop).unwrap();
    let read = on_runtime(async { hangs.begin(head(ReaderJob::Text, 0)).await?.finish().await });
    assert_eq!(read.err().map(in_short).as_deref(), Some("Locked"));
}

#[test]
fn a_reader_that_no_one_waits_for_is_killed_and_makes_room() {
    let (_device, reader) = reader("cat >/dev/null; exec sleep 1000");
    on_runtime(async {
        // More than may run at once: each of them ends with who asked.
        for _ in 0..4 {
            let running = reader
                .begin(head(ReaderJob::Text, 0))
                .await
                .map_err(in_short)
                .unwrap();
            drop(running);
        }
    });
}

#[test]
fn an_odd_estimate_is_none() {
    let (_device, reader) = reader("cat >/dev/null; printf '\\377'");
    assert_eq!(on_runtime(reader.strength(&secret("words"))), None);
}
