//! Archives on disks that rot, and folders of them that are kept fresh.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::backup::{create, full, verify};
use crate::device::{PASSPHRASE, path_text, text};

/// The parity of an archive.
fn parity(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(".parity");
    name.into()
}

#[test]
fn a_card_that_loses_sectors_of_an_archive_loses_nothing_of_the_backup() {
    let (device, recovery) = full();
    let other = create(&device, "other.age");
    let archive = create(&device, "b.age");
    let good = fs::read(&archive).unwrap();
    let outside = |archive: &Path| {
        let told = device.ctl(&["backup", "verify", "--outside", path_text(archive)]);
        let said: Value = serde_json::from_str(&told.out).unwrap();
        // A script goes by the exit code.
        let code = if said["as_written"] == false { 5 } else { 0 };
        assert_eq!(told.code, Some(code), "{said}");
        (said["as_written"].clone(), said["parity_bad"].as_u64())
    };
    assert_eq!(outside(&archive), (true.into(), Some(0)));
    let repair = |more: &[&str]| {
        let archive = path_text(&archive);
        device
            .place
            .ctl(&[["backup", "repair", archive].as_slice(), more].concat())
    };
    assert!(
        repair(&[]).one()["repaired"].is_null(),
        "there is nothing to repair"
    );

    // Of the parity itself it is noticed before it is needed, and mended from the archive.
    let mut rotten = fs::read(parity(&archive)).unwrap();
    let half = rotten.len() / 2;
    rotten[half] ^= 1;
    fs::write(parity(&archive), &rotten).unwrap();
    assert_eq!(outside(&archive), (true.into(), Some(1)));
    let verified = verify(&device.place, &recovery, &archive).one();
    assert_eq!(verified["parity_bad"], 1);
    assert_eq!(repair(&[]).one()["renewed"], true);
    assert_eq!(outside(&archive), (true.into(), Some(0)));

    // That of another archive mends nothing into that one.
    let own = fs::read(parity(&archive)).unwrap();
    fs::copy(parity(&other), parity(&archive)).unwrap();
    assert_eq!(outside(&archive).0, false);
    let words = repair(&[]).failed(1, "damaged");
    assert!(words.contains("belongs to another file"), "{words}");
    fs::write(parity(&archive), own).unwrap();

    // Sectors side by side, a bit elsewhere, and the end.
    let mut bad = good.clone();
    bad[800_000..900_000].fill(0);
    bad[1_500_000] ^= 4;
    bad.truncate(good.len() - 3000);
    fs::write(&archive, &bad).unwrap();
    let mut sidecar = fs::read(parity(&archive)).unwrap();
    sidecar[..4096].fill(0xff);
    sidecar[100_000..110_000].fill(0);
    fs::write(parity(&archive), sidecar).unwrap();
    assert_eq!(outside(&archive).0, false);
    for words in [
        verify(&device.place, &recovery, &archive).failed(1, "damaged"),
        device
            .ctl(&["backup", "drill", path_text(&archive)])
            .failed(1, "damaged"),
    ] {
        assert!(words.contains("pocketctl backup repair"), "{words}");
    }
    let done = repair(&[]).one();
    // 25 side by side, one elsewhere, one or two at the end.
    assert!(matches!(done["bad"].as_u64(), Some(27 | 28)), "{done}");
    let mended = PathBuf::from(text(&done["repaired"]));
    assert_eq!(fs::read(&mended).unwrap(), good);
    assert_eq!(
        fs::read(&archive).unwrap(),
        bad,
        "the damaged one is left as it is"
    );
    verify(&device.place, &recovery, &mended).one();
    assert_eq!(outside(&mended).0, true, "it has parity of its own");
    let words = repair(&[]).failed(1, "local");
    assert!(words.contains("nothing is overwritten"), "{words}");

    // More than there is parity for is said, and leaves nothing behind.
    fs::write(&archive, vec![0; good.len()]).unwrap();
    let out = device.place.path("out.age");
    let words = repair(&["--out", path_text(&out)]).failed(1, "damaged");
    assert!(words.contains("can't be mended"), "{words}");
    assert!(!out.exists());

    // Without parity there is none, and the words don't speak of it.
    let bare = device.place.path("bare.age");
    let made = ["backup", "create", "--parity", "0", path_text(&bare)];
    assert!(device.ctl(&made).one()["parity"].is_null());
    assert!(!parity(&bare).exists() && outside(&bare) == (Value::Null, None));
    fs::write(&bare, &bad).unwrap();
    let words = verify(&device.place, &recovery, &bare).failed(1, "damaged");
    assert!(!words.contains("repair"), "{words}");
}

#[test]
fn a_folder_is_kept_fresh_tried_and_not_too_full() {
    let (device, _) = full();
    let folder = device.place.path("stick");
    fs::create_dir(&folder).unwrap();
    for (name, text) in [
        ("pocketai-20200101T000000Z.age", "old"),
        ("pocketai-20200101T000000Z.age.parity", "old"),
        ("pocketai-20200102T000000Z.age", "old"),
        ("holiday.age", "another's"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let keep =
        |more: &[&str]| device.ctl(&[["backup", "keep", path_text(&folder)].as_slice(), more].concat());
    let first = keep(&[]).one();
    assert_eq!((&first["made"], &first["kept"]), (&true.into(), &3.into()));
    let status = device.ctl(&["status"]).one();
    assert!(status["backup"]["drilled"].is_string() || status["backup"]["drilled"].is_number());
    let again = keep(&["--newest", "2"]).one();
    assert_eq!(
        (&again["made"], &again["kept"], &again["dropped"]),
        (&false.into(), &2.into(), &1.into()),
        "there is one of today: it is tried again"
    );
    let file = PathBuf::from(text(&again["file"]));
    assert_eq!(again["file"], first["file"]);
    let names = || -> Vec<String> {
        let inside = fs::read_dir(&folder).unwrap();
        let names = inside.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert!(names().contains(&"holiday.age".to_owned()), "not ours to drop");
    assert!(
        !names().iter().any(|name| name.contains("20200101")),
        "{:?}",
        names()
    );

    // One that went bad is replaced, and nothing is dropped for one that is not good.
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes[half] ^= 1;
    fs::write(&file, bytes).unwrap();
    let third = keep(&["--newest", "1"]).one();
    assert_eq!((&third["made"], &third["kept"]), (&true.into(), &1.into()));
    assert_ne!(third["file"], first["file"]);
    // Another folder has a newer one: this one is as it was written, and the two don't chase one another.
    create(&device, "elsewhere.age");
    let fourth = keep(&["--newest", "1"]).one();
    assert_eq!(
        (&fourth["made"], &fourth["tried"]),
        (&false.into(), &false.into())
    );
    fs::write(parity(Path::new(&text(&fourth["file"]))), "went bad").unwrap();
    assert_eq!(keep(&[]).one()["made"], true, "nothing says that it is good");

    // A pipe is waited for by whoever opens it.
    let future = folder.join("pocketai-29991231T000000Z.age");
    nix::unistd::mkfifo(&future, nix::sys::stat::Mode::S_IRUSR).unwrap();
    keep(&[]).one();
    fs::remove_file(&future).unwrap();

    device.ctl(&["lock"]).one();
    let before = names();
    keep(&["--newest", "1"]).failed(3, "locked");
    assert_eq!(names(), before, "locked, nothing is made and nothing dropped");
}

#[test]
fn what_is_of_the_future_or_left_over_takes_no_place_and_parity_that_rots_is_made_anew() {
    let (device, _) = full();
    let folder = device.place.path("stick");
    fs::create_dir(&folder).unwrap();
    let keep =
        |more: &[&str]| device.ctl(&[["backup", "keep", path_text(&folder)].as_slice(), more].concat());
    keep(&[]).one();

    // The clock went back: what is of the future takes no place from others, and is nobody's to drop.
    let future = folder.join("pocketai-29991231T000000Z.age");
    fs::write(&future, "not yet").unwrap();
    let left = folder.join("pocketai-20251231T000000Z.age.77.part");
    fs::write(&left, "of a run that was killed").unwrap();
    let fifth = keep(&["--newest", "1"]).one();
    let sixth = text(&keep(&["--newest", "1"]).one()["file"]);
    assert_eq!((&fifth["ahead"], &fifth["kept"]), (&1.into(), &1.into()));
    assert!(Path::new(&text(&fifth["file"])).exists() && future.exists() && !left.exists());
    assert_eq!(sixth, text(&fifth["file"]));
    let drilled = device.ctl(&["backup", "drill", path_text(&folder)]).one();
    assert_eq!(
        text(&drilled["file"]),
        sixth,
        "by its name, not by the time of a file"
    );
    fs::remove_file(&future).unwrap();

    // Rot of the parity is noticed and mended while the archive is good.
    let parity = parity(Path::new(&sixth));
    let mut rotten = fs::read(&parity).unwrap();
    rotten[9000] ^= 1;
    fs::write(&parity, rotten).unwrap();
    assert_eq!(keep(&[]).one()["renewed"], true);
}

#[test]
fn a_schedule_of_the_devices_own_is_kept_to_and_told_of() {
    let (device, _) = full();
    let folder = device.place.path("stick");
    fs::create_dir(&folder).unwrap();
    let schedule = |more: &[&str]| device.ctl(&[["backup", "schedule"].as_slice(), more].concat());
    let keep = || device.ctl(&["backup", "keep", "--scheduled", path_text(&folder)]);
    let due = || {
        let told = schedule(&["due"]);
        assert!(told.code == Some(0) || told.code == Some(5), "{}", told.err);
        told.code == Some(0)
    };
    assert!(!due());
    assert_eq!(keep().one()["scheduled"], false, "the owner wants none");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);

    let set = schedule(&["daily", "--newest", "2"]).one();
    assert_eq!((&set["days"], &set["newest"]), (&1.into(), &2.into()));
    let status = device.ctl(&["status"]).one();
    assert_eq!(status["backup"]["schedule"]["days"], 1, "{status}");
    assert!(due());
    let first = keep().one();
    assert_eq!((&first["made"], &first["tried"]), (&true.into(), &true.into()));
    assert!(!due(), "it was made and opened");
    let again = keep().one();
    assert_eq!((&again["file"], &again["made"]), (&first["file"], &false.into()));
    // Another stick, or this one lost: what the device remembers of its newest does not stand in for it.
    fs::remove_file(text(&first["file"])).unwrap();
    assert_eq!(keep().one()["made"], true);
    let log = device.ctl(&["audit", "show", "--limit", "50"]).lines();
    let done = |operation: &str| {
        let of = log
            .iter()
            .filter(|entry| entry["event"]["operation"] == operation);
        of.count()
    };
    assert_eq!(
        [
            done("backup-schedule"),
            done("backup-done"),
            done("backup-drilled")
        ],
        [1, 2, 2]
    );

    device.ctl(&["lock"]).one();
    schedule(&["due"]).failed(3, "locked");
    device.place.ctl_as_owner(&["unlock"], PASSPHRASE).one();
    assert!(schedule(&["show"]).one()["days"] == 1, "it is kept");
    schedule(&["off"]).one();
    assert!(!due());
}
