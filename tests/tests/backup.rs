//! Backups: sealed to the recovery key, opened by the standard tool, brought back to a new device, and never
//! half there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::device::{Device, PASSPHRASE, Place, path_text, program, text};

const NEW: &str = "another horse battery staple";

/// A device with something of everything, and its recovery key.
pub(crate) fn full() -> (Device, String) {
    let device = Device::owned();
    let recovery = fs::read_to_string(device.place.path("recovery")).unwrap();
    device.add("notes", &["title=Plans", "body=Plant beans.", "tags=garden"]);
    let note = device.add("notes", &["title=Old"]);
    device.ctl(&["edit", "notes", &note, "title=New"]).one();
    device.add("memory", &["text=Anna eats no walnuts"]);
    device.add("tasks", &["title=Plant beans", "due=2026-12-01"]);
    let scan = device.place.path("scan.bin");
    let bytes: Vec<u8> = (0..2_000_003u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    fs::write(&scan, bytes).unwrap();
    device.ctl(&["import", path_text(&scan)]).one();
    let secret = ["secret", "set", "mail"];
    device.place.ctl_given(&secret, None, b"hunter2").one();
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read"])
        .one();
    (device, recovery.trim().to_owned())
}

pub(crate) fn create(device: &Device, name: &str) -> PathBuf {
    let path = device.place.path(name);
    device.ctl(&["backup", "create", path_text(&path)]).one();
    path
}

pub(crate) fn verify(place: &Place, recovery: &str, archive: &Path) -> crate::device::Done {
    place.ctl_as_owner(&["backup", "verify", path_text(archive)], recovery)
}

/// What a device holds, but for what it says of itself.
fn contents(device: &Device) -> BTreeMap<String, Vec<Value>> {
    let categories = ["memory", "notes", "tasks", "contacts", "documents"];
    let mut all: BTreeMap<String, Vec<Value>> = categories
        .iter()
        .map(|category| ((*category).to_owned(), device.list(category)))
        .collect();
    for document in all.get_mut("documents").into_iter().flatten() {
        // Its text and preview are read again on the new device.
        document["fields"]["reading"] = Value::Null;
    }
    all.insert("secrets".to_owned(), device.ctl(&["secret", "list"]).lines());
    all
}

fn restore(device: &Device, recovery: &str, archive: &Path) -> crate::device::Done {
    let secrets = format!("{recovery}\n{NEW}");
    device
        .place
        .ctl_as_owner(&["backup", "restore", path_text(archive)], &secrets)
}

#[test]
fn the_standard_tool_opens_an_archive_with_the_recovery_keys_identity() {
    let (device, recovery) = full();
    let archive = create(&device, "b.age");
    let identity = device
        .place
        .ctl_as_owner(&["backup", "identity"], &recovery)
        .one();
    let file = device.place.path("identity");
    fs::write(&file, text(&identity["identity"])).unwrap();
    let opened = Command::new("age")
        .args([
            "-d",
            "-i",
            path_text(&file),
            "-o",
            path_text(&device.place.path("b.tar")),
        ])
        .arg(&archive)
        .status()
        .expect("install age");
    assert!(opened.success());
    let folder = device.place.path("inside");
    fs::create_dir(&folder).unwrap();
    let unpacked = Command::new("tar")
        .args([
            "xf",
            path_text(&device.place.path("b.tar")),
            "-C",
            path_text(&folder),
        ])
        .status();
    assert!(unpacked.unwrap().success());
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("memory.jsonl").contains("Anna eats no walnuts"));
    assert!(
        read("secrets.jsonl").contains("hunter2"),
        "the values of secrets are in it"
    );
    let manifest: Value = serde_json::from_str(&read("manifest.json")).unwrap();
    for member in manifest["members"].as_array().unwrap() {
        let sum = Command::new("sha256sum")
            .arg(folder.join(text(&member["name"])))
            .output();
        let sum = String::from_utf8(sum.unwrap().stdout).unwrap();
        assert!(sum.starts_with(&text(&member["sha256"])), "{member}");
    }
    // Open formats: a device that is in use takes the records too, with their ids.
    let other = Device::owned();
    other.ctl(&["import", path_text(&folder)]).one();
    let ids = |device: &Device| -> Vec<String> {
        let mut ids: Vec<String> = device
            .list("notes")
            .iter()
            .map(|note| text(&note["id"]))
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&other), ids(&device));

    // Nothing of it is readable in the archive itself.
    let bytes = fs::read(&archive).unwrap();
    for word in ["walnuts", "hunter2", "manifest.json", "scan.bin"] {
        assert!(
            !bytes.windows(word.len()).any(|window| window == word.as_bytes()),
            "{word}"
        );
    }
}

#[test]
fn a_new_device_made_of_a_backup_holds_all_of_it_as_it_was() {
    let (device, recovery) = full();
    let archive = create(&device, "b.age");
    let was = contents(&device);
    let log = device.ctl(&["audit", "verify"]).one()["entries"].as_u64();
    assert!(log > Some(5));
    let token = text(&device.ctl(&["agent", "rotate", "desk"]).one()["token"]);
    let archive_with_token = create(&device, "c.age");

    let new = Device::new();
    let done = restore(&new, &recovery, &archive).one();
    assert_eq!(
        (&done["restored"], &done["records"]),
        (&true.into(), &6.into()),
        "{done}"
    );
    assert_eq!(contents(&new), was);
    let status = new.ctl(&["status"]).one();
    assert_eq!(status["state"], "unlocked");
    assert_eq!(status["recovery_confirmed"], true, "all of it was typed");
    assert_eq!(status["backup"]["epoch"], 1, "what was granted before is void");
    assert_eq!(status["profile"], "OFFLINE_ONLY");
    let document = text(&new.list("documents")[0]["id"]);
    let out = new.place.path("scan.bin");
    new.ctl(&["get", "documents", &document, "--out", path_text(&out)])
        .one();
    assert_eq!(
        fs::read(out).unwrap(),
        fs::read(device.place.path("scan.bin")).unwrap()
    );
    assert_eq!(new.ctl(&["audit", "verify"]).one()["verified"], true);
    assert_eq!(new.ctl(&["check"]).one()["healthy"], true);

    // It survives a restart, and opens by the new passphrase and by the same recovery key.
    let new = new.restart();
    new.place
        .ctl_as_owner(&["unlock"], PASSPHRASE)
        .failed(1, "wrong-credential");
    new.place.ctl_as_owner(&["unlock"], NEW).one();
    assert_eq!(contents(&new), was);
    new.ctl(&["lock"]).one();
    new.place.ctl_as_owner(&["unlock", "--recovery"], &recovery).one();
    // And its own backup, of the second life, says so.
    let again = create(&new, "again.age");
    assert_eq!(verify(&new.place, &recovery, &again).one()["epoch"], 1);

    // Agents come along, and no token of before is good: it may have been revoked since.
    let other = Device::new();
    restore(&other, &recovery, &archive_with_token).one();
    fs::write(other.place.path("token"), token).unwrap();
    let file = other.place.path("token");
    let enter = || other.ctl(&["mcp", "--token-file", path_text(&file)]).code;
    assert_eq!(enter(), Some(1), "a token of before");
    let token = text(&other.ctl(&["agent", "rotate", "desk"]).one()["token"]);
    fs::write(&file, token).unwrap();
    assert_eq!(enter(), Some(0));
    let who_has_one = restore(&other, &recovery, &archive).failed(1, "conflict");
    assert!(who_has_one.contains("factory-reset"), "{who_has_one}");
}

#[test]
fn only_the_newest_that_was_tried_with_the_key_of_today_counts() {
    let (device, _) = full();
    let lack = || text(&device.ctl(&["status"]).one()["backup"]["lack"]);
    let groups = |device: &Device| {
        let recovery = fs::read_to_string(device.place.path("recovery")).unwrap();
        let status = device.ctl(&["status"]).one();
        let group = |number: usize| {
            let place = status["recovery_groups"][number].as_u64().unwrap() - 1;
            let place = usize::try_from(place).unwrap();
            recovery.trim().split('-').nth(place).unwrap().to_owned()
        };
        format!("{} {}", group(0), group(1))
    };
    let words = groups(&device);
    device
        .place
        .ctl_given(&["recovery", "confirm"], None, words.as_bytes())
        .one();
    let first = create(&device, "1.age");
    assert_eq!(lack(), "untried");
    device.ctl(&["backup", "drill", path_text(&first)]).one();
    assert!(device.ctl(&["status"]).one()["backup"]["lack"].is_null());
    let second = create(&device, "2.age");
    assert_eq!(lack(), "untried", "another was tried");
    device.ctl(&["backup", "drill", path_text(&second)]).one();

    let mut bytes = fs::read(&second).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    fs::write(&second, bytes).unwrap();
    assert!(
        !device
            .ctl(&["backup", "drill", path_text(&second)])
            .out
            .contains("drilled")
    );
    assert_eq!(lack(), "untried", "it does not open any more");

    let out = device.place.path("newer");
    let new_key = ["recovery", "new", "--recovery-out", path_text(&out)];
    device.place.ctl_as_owner(&new_key, PASSPHRASE).one();
    assert_eq!(lack(), "no-backup", "the new key opens none of them");
}

#[test]
fn an_archive_that_is_not_good_is_named_and_leaves_a_new_device_new() {
    let (device, recovery) = full();
    let archive = create(&device, "b.age");
    let bytes = fs::read(&archive).unwrap();
    assert_eq!(verify(&device.place, &recovery, &archive).one()["whole"], true);
    let outside = device
        .ctl(&["backup", "verify", "--outside", path_text(&archive)])
        .one();
    assert_eq!(outside["recipients"], 2);

    let other = Device::owned();
    let others_key = fs::read_to_string(other.place.path("recovery")).unwrap();
    let new = Device::new();
    let words = restore(&new, others_key.trim(), &archive).failed(1, "wrong-credential");
    assert!(words.contains("another key"), "{words}");
    let bad = device.place.path("bad.age");
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    let mut zeroed = bytes.clone();
    zeroed[70_000..70_512].fill(0);
    for (what, changed) in [
        ("cut", &bytes[..bytes.len() - 1]),
        ("cut at half", &bytes[..bytes.len() / 2]),
        ("a bit", &flipped),
        ("a sector", &zeroed),
        ("nothing", &[]),
    ] {
        fs::write(&bad, changed).unwrap();
        let words = verify(&device.place, &recovery, &bad).failed(1, "damaged");
        assert!(words.contains("the backup is not good"), "{what}: {words}");
        restore(&new, &recovery, &bad).failed(1, "damaged");
        assert_eq!(new.state(), "first-run", "{what}");
    }
    fs::write(&bad, b"no archive").unwrap();
    verify(&device.place, &recovery, &bad).failed(1, "damaged");
    restore(&new, &recovery, &archive).one();
}

#[test]
fn a_backup_is_never_half_there_and_takes_no_name_that_is_taken() {
    let (device, recovery) = full();
    let archive = create(&device, "b.age");
    let before = fs::read(&archive).unwrap();
    let words = device
        .ctl(&["backup", "create", path_text(&archive)])
        .failed(1, "local");
    assert!(words.contains("nothing is overwritten"), "{words}");
    assert_eq!(fs::read(&archive).unwrap(), before);

    // Killed on the way, there is no archive, and the status says that one was begun.
    let next = device.place.path("next.age");
    let mut child = Command::new(program("pocketctl"))
        .arg("--data-dir")
        .arg(device.place.data())
        .args(["backup", "create", path_text(&next)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = device.place.path(&format!("next.age.{}.part", child.id()));
    while !part.exists() || fs::metadata(&part).unwrap().len() < 100_000 {
        assert!(child.try_wait().unwrap().is_none() || part.exists() || next.exists());
        if next.exists() {
            break;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!next.exists() || verify(&device.place, &recovery, &next).code == Some(0));
    assert_eq!(
        device.ctl(&["backup", "drill", path_text(&archive)]).one()["whole"],
        true
    );
    let folder = device.place.path("stick");
    fs::create_dir(&folder).unwrap();
    let made = device.ctl(&["backup", "create", path_text(&folder)]).one();
    assert!(text(&made["file"]).ends_with("Z.age"));
    let drilled = device.ctl(&["backup", "drill", path_text(&folder)]).one();
    assert_eq!(drilled["records"], 6);

    // The one before is no longer what a drill opens; the recovery key opens both.
    let words = device
        .ctl(&["backup", "drill", path_text(&archive)])
        .failed(1, "not-found");
    assert!(words.contains("newest"), "{words}");
    verify(&device.place, &recovery, &archive).one();
    let log = device.ctl(&["audit", "show", "--limit", "50"]).lines();
    let outcomes: Vec<&Value> = log
        .iter()
        .filter(|entry| entry["event"]["operation"] == "backup-drilled")
        .map(|entry| &entry["event"]["outcome"])
        .collect();
    assert_eq!(outcomes.len(), 3, "each drill is on record: {outcomes:?}");
}

#[test]
fn a_restore_that_is_killed_anywhere_leaves_a_new_device_or_the_whole_of_it() {
    let (device, recovery) = full();
    let archive = create(&device, "b.age");
    let was = contents(&device);
    let (_kept, _) = device.stop();
    let mut cut = 0;
    for step in 0..8u64 {
        let new = Device::new();
        let log = new.place.log();
        let secrets = new.place.path("secrets");
        fs::write(&secrets, format!("{recovery}\n{NEW}")).unwrap();
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" --data-dir \"$1\" --passphrase-fd 3 backup restore \"$2\" 3<\"$3\"",
            ])
            .args([program("pocketctl"), new.place.data(), archive.clone(), secrets])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Further and further into it, by what has reached the disk.
        let begun = |log: &Path| fs::read_to_string(log).is_ok_and(|log| log.contains("being brought back"));
        while !begun(&log) && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let blobs = new.place.data().join("blobs");
        let reached = |step: u64| size(&blobs) >= step * 300_000;
        while !reached(step) && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let place = new.kill();
        child.kill().unwrap_or_default();
        child.wait().unwrap();
        let again = Device::start(place);
        match again.state().as_str() {
            "first-run" => {
                cut += 1;
                let status = again.ctl(&["status"]).one();
                assert_eq!(status["findings"][0]["what"], "restore", "{status}");
                restore(&again, &recovery, &archive).one();
            }
            "locked" => {
                again.place.ctl_as_owner(&["unlock"], NEW).one();
            }
            other => panic!("neither new nor whole: {other}"),
        }
        assert_eq!(contents(&again), was, "step {step}");
        assert!(
            again.ctl(&["status"]).one()["findings"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    assert!(cut > 0, "no kill came in time");
}

fn size(folder: &Path) -> u64 {
    let Ok(inside) = fs::read_dir(folder) else {
        return 0;
    };
    let each = inside.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => size(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    each.sum()
}

#[test]
fn what_changes_while_a_backup_is_made_is_in_it_as_it_is_at_its_end() {
    let (device, recovery) = full();
    let lines: String = (0..3000)
        .map(|n| format!("{{\"title\":\"Note {n}\",\"body\":\"{}\"}}\n", "x".repeat(400)))
        .collect();
    let added = device
        .place
        .ctl_given(&["add", "notes", "-"], None, lines.as_bytes())
        .lines();
    let archive = device.place.path("b.age");
    std::thread::scope(|scope| {
        let place = &device.place;
        let making = scope.spawn(|| place.ctl(&["backup", "create", path_text(&archive)]).one());
        let mut turn = 0;
        while !making.is_finished() && turn < 60 {
            let id = text(&added[turn * 7]["id"]);
            if turn % 2 == 0 {
                device
                    .ctl(&["edit", "notes", &id, "title=Changed meanwhile"])
                    .one();
            } else {
                device.ctl(&["delete", "notes", &id]).one();
            }
            turn += 1;
        }
        making.join().unwrap();
    });
    let report = verify(&device.place, &recovery, &archive).one();
    let new = Device::new();
    restore(&new, &recovery, &archive).one();
    let count = |device: &Device| device.ctl(&["status"]).one()["categories"][1]["records"].clone();
    assert_eq!(count(&new), report["categories"]["notes"]);
    assert_eq!(new.ctl(&["check"]).one()["healthy"], true);
}

#[test]
fn other_recipients_open_archives_too_and_only_the_owner_says_who() {
    let (device, owners) = full();
    let keys = device.place.path("other.key");
    let made = Command::new("age-keygen")
        .args(["-o", path_text(&keys)])
        .output()
        .expect("install age");
    assert!(made.status.success());
    let mut recipient = String::new();
    for line in BufReader::new(File::open(&keys).unwrap()).lines() {
        if let Some(public) = line.unwrap().strip_prefix("# public key: ") {
            recipient = public.to_owned();
        }
    }
    let add = ["backup", "recipient", "add", &recipient];
    device.place.ctl_as_owner(&add, NEW).failed(1, "wrong-credential");
    device.place.ctl_as_owner(&add, PASSPHRASE).one();
    let bad = ["backup", "recipient", "add", "age1nonsense"];
    device.place.ctl_as_owner(&bad, PASSPHRASE).failed(1, "invalid");
    let listed = device.ctl(&["backup", "recipient", "list"]).one();
    assert_eq!(text(&listed["recipient"]), recipient);
    let archive = create(&device, "b.age");
    let opens = |archive: &Path| {
        let mut child = Command::new("age")
            .args(["-d", "-i", path_text(&keys), path_text(archive)])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut bytes = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
        child.wait().unwrap().success() && bytes.len() > 1_000_000
    };
    assert!(opens(&archive));
    device
        .ctl(&["backup", "schedule", "weekly", "--newest", "4"])
        .one();
    let with_all = create(&device, "with.age");
    device.ctl(&["backup", "recipient", "remove", &recipient]).one();
    assert!(!opens(&create(&device, "c.age")));

    // A device that is made of a backup goes on as the owner had it: nobody is left out in silence.
    let new = Device::new();
    restore(&new, &owners, &with_all).one();
    let listed = new.ctl(&["backup", "recipient", "list"]).one();
    assert_eq!(text(&listed["recipient"]), recipient);
    assert!(opens(&create(&new, "n.age")));
    let schedule = new.ctl(&["backup", "schedule", "show"]).one();
    assert_eq!((&schedule["days"], &schedule["newest"]), (&7.into(), &4.into()));
}
