//! What whoever holds the card, or the memory of a locked device, can tell from the bytes alone.

use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::unistd::getuid;
use serde_json::json;

use crate::bridge::Agent;
use crate::device::{Device, Place, files_under, path_text, text};

/// What is looked for; long enough that no random bytes hold it.
const WORD: &str = "walnutquartz93kestrel";
/// Notes of each of two devices that are compared.
const NOTES: usize = 1_000;
/// Bytes that are compared at a time.
const WINDOW: usize = 16;
/// How often a locked device is looked at, until what it frees is gone.
const LOOKS: usize = 20;

/// Every place of `word` in what the process may read of its own memory.
fn places_in_memory(pid: i32, word: &str) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = Vec::new();
    for line in maps
        .lines()
        .filter(|line| line.split(' ').nth(1).is_some_and(|may| may.starts_with('r')))
    {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // The kernel's own pages among them can't be read.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            let here = bytes
                .windows(word.len())
                .filter(|bytes| *bytes == word.as_bytes());
            found.extend(here.map(|_| line.to_owned()));
        }
    }
    found
}

/// An agent that is still connected, after a few facts and searches.
fn agent_that_wrote(device: &Device) -> Agent {
    let added = device.ctl(&["agent", "add", "assistant", "--scope", "memory:read+search+write"]);
    let token = text(&added.one()["token"]);
    let mut agent = Agent::greeted(&device.place, &token);
    for number in 0..20 {
        let fact = json!({"text": format!("{WORD} fact {number}"), "subject": WORD});
        agent.call("remember", json!({"facts": [fact]})).unwrap();
        agent.call("recall", json!({"query": WORD})).unwrap();
    }
    agent
}

#[test]
fn a_locked_device_has_no_word_of_its_owner_in_memory() {
    if !getuid().is_root() {
        println!("not run: only root may read the memory of the process");
        return;
    }
    let device = Device::owned();
    let note =
        |number| format!("{{\"title\":\"{WORD} {number}\",\"body\":\"{WORD}\",\"tags\":[\"{WORD}\"]}}\n");
    let notes: String = (0..300).map(note).collect();
    device
        .place
        .ctl_given(&["add", "notes", "-"], None, notes.as_bytes())
        .lines();
    device
        .place
        .ctl_given(&["secret", "set", WORD, "--note", WORD], None, WORD.as_bytes())
        .one();
    let id = device.add("contacts", &[&format!("name={WORD}"), &format!("note={WORD}")]);
    device.ctl(&["get", "contacts", &id]).one();
    device
        .ctl(&["edit", "contacts", &id, &format!("note={WORD}, changed")])
        .one();
    assert_eq!(device.ctl(&["search", WORD, "--limit", "20"]).lines().len(), 20);
    let agent = agent_that_wrote(&device);
    assert!(
        !places_in_memory(device.pid(), WORD).is_empty(),
        "an unlocked device must hold it: is this its memory?"
    );

    device.ctl(&["lock"]).one();
    drop(agent);
    let mut left = places_in_memory(device.pid(), WORD);
    // The doors may still be about to end what served the last command.
    for _ in 0..LOOKS {
        if left.is_empty() {
            break;
        }
        device.ctl(&["status"]).one();
        left = places_in_memory(device.pid(), WORD);
    }
    assert!(left.is_empty(), "{left:#?}");
}

/// A device with so many notes, stopped: all that it wrote.
fn written(body: impl Fn(usize) -> String) -> Vec<u8> {
    let device = Device::owned();
    let notes: String = (0..NOTES)
        .map(|number| format!("{{\"title\":\"a note\",\"body\":\"{}\"}}\n", body(number)))
        .collect();
    device
        .place
        .ctl_given(&["add", "notes", "-"], None, notes.as_bytes())
        .lines();
    let (place, _) = device.stop();
    sealed_files(&place)
        .iter()
        .flat_map(|file| fs::read(file).unwrap())
        .collect()
}

fn sealed_files(place: &Place) -> Vec<PathBuf> {
    let mut files = files_under(&place.data());
    files.retain(|file| !file.ends_with("control.sock"));
    assert!(files.len() > 4, "{files:?}");
    files
}

/// How often the most frequent window of `bytes` is there, blank space left out.
fn most_alike(bytes: &[u8]) -> usize {
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for window in bytes
        .windows(WINDOW)
        .filter(|window| window.iter().any(|byte| *byte != window[0]))
    {
        *counts.entry(window).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

#[test]
fn a_thousand_equal_notes_look_like_a_thousand_different_ones() {
    let equal = written(|_| WORD.repeat(8));
    let different = written(|number| {
        let unlike = (0..8 * WORD.len()).map(|at| {
            char::from(b'a' + u8::try_from((at * at * 7 + number * 31 + at * number) % 26).unwrap())
        });
        unlike.collect()
    });
    let (equal, different) = (most_alike(&equal), most_alike(&different));
    // sled writes a row again while it tidies up: some tens of times, whatever is in it.
    assert!(
        equal < NOTES / 4 && equal < 2 * different,
        "equal notes: {equal} times; different ones: {different}"
    );
}

/// Bits of information in a byte of `bytes`.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let all = f64::from(u32::try_from(bytes.len()).unwrap());
    let shares = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all);
    shares.map(|share| -share * share.log2()).sum()
}

#[test]
fn what_is_kept_in_sealed_files_is_noise_in_every_block() {
    let device = Device::owned();
    let file = device.place.path("letters.bin");
    fs::write(&file, WORD.repeat(40_000)).unwrap();
    device.ctl(&["import", path_text(&file)]).one();
    let (place, _) = device.stop();
    let mut blocks = 0;
    for file in files_under(&place.data().join("blobs")) {
        let bytes = fs::read(&file).unwrap();
        // What goes before the first sealed block says what file it is.
        for block in bytes[bytes.len().min(4096)..].chunks_exact(4096) {
            blocks += 1;
            let bits = entropy(block);
            assert!(bits > 7.9, "{}: {bits} bits a byte", file.display());
        }
    }
    assert!(blocks > 100, "{blocks}");
    assert!(entropy(WORD.repeat(200).as_bytes()) < 5.0);
}
