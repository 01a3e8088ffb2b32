//! What the source of the programs must not contain. The compiler has no lint for these.

use std::fs;
use std::path::{Path, PathBuf};

use crate::device::{files_under, workspace};

/// Ways to reach out to a network. One file does: of the gateway, a program of its own. Two others ask at this
/// computer's own loopback: whether a tunnel is open, and whether the daemon's doors answer.
const OUTWARD: [&str; 7] = [
    "TcpStream::connect",
    "TcpSocket",
    "UdpSocket",
    "ToSocketAddrs",
    "lookup_host",
    "hyper_util::client",
    "reqwest",
];
const WAY_OUT: &str = "pocket-gateway/src/route.rs";
const WAYS_HERE: [(&str, &str); 2] = [
    ("pocketctl/src/connect/page.rs", "connect_timeout(&here(port)"),
    ("pocketctl/src/health.rs", "connect_timeout(&at, PATIENCE)"),
];

/// Ways to run another program. The daemon runs two: the reader of strangers' files, and the gateway; the
/// owner's hands run the owner's editor, ssh and browser.
const RUNS: [&str; 4] = [
    "process::Command",
    "process::{Child",
    "Command::new",
    "libc::exec",
];
const RUNNERS: [&str; 6] = [
    "pocket-courier/src/child.rs",
    "pocket-service/src/backup.rs",
    "pocket-service/src/reader.rs",
    "pocketctl/src/backup.rs",
    "pocketctl/src/connect/programs.rs",
    "pocketctl/src/editor.rs",
];

/// Ways to print past the log layer, which knows what may be said.
const PRINTS: [&str; 4] = ["println!", "eprintln!", "dbg!", "print!("];

/// Words that promise work instead of doing it.
const UNFINISHED: [&str; 5] = ["todo!(", "unimplemented!(", "// TODO", "TODO:", "FIXME"];

#[test]
fn nothing_reaches_out_but_the_gateway() {
    let found = find(&OUTWARD, &product_sources());
    let (way_out, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|place| place.contains(WAY_OUT));
    let is_here = |place: &String| {
        let known = |(file, call): &(&str, &str)| place.contains(file) && place.contains(call);
        WAYS_HERE.iter().any(known)
    };
    let (ways_here, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_here);
    assert!(others.is_empty(), "{others:#?}");
    assert!(
        !way_out.is_empty(),
        "the search does not find {WAY_OUT}: is it still right?"
    );
    assert_eq!(ways_here.len(), WAYS_HERE.len(), "{ways_here:#?}");
}

#[test]
fn nothing_is_run_but_the_owners_editor_and_our_own_programs() {
    let found = find(&RUNS, &product_sources());
    let known = |place: &&String| RUNNERS.iter().any(|runner| place.contains(runner));
    let (_, others): (Vec<_>, Vec<_>) = found.iter().partition(known);
    assert!(others.is_empty(), "{others:#?}");
    for runner in RUNNERS {
        let seen = found.iter().any(|place| place.contains(runner));
        assert!(seen, "the search does not find {runner}: is it still right?");
    }
}

#[test]
fn nothing_is_printed_past_the_log() {
    let found = find(&PRINTS, &product_sources());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    let found = find(&UNFINISHED, &product_sources());
    assert!(found.is_empty(), "{found:#?}");
    let switched_off = ["#[ig", "nore"].concat();
    let found = find(&[switched_off.as_str()], &every_source());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn secrets_can_be_neither_printed_nor_stored_by_mistake() {
    let source = fs::read_to_string(workspace().join("daemon/pocket-crypto/src/secret.rs")).unwrap();
    let source = without_tests(&source);
    for name in ["Key", "SecretBytes"] {
        let declared = source
            .find(&format!("pub struct {name}"))
            .unwrap_or_else(|| panic!("no {name}"));
        let attributes = source[..declared].rsplit("\n\n").next().unwrap_or_default();
        for derived in ["Debug", "Clone", "Serialize", "Deserialize", "Display"] {
            assert!(!attributes.contains(derived), "{name} derives {derived}");
            assert!(
                !source.contains(&format!("{derived} for {name}")),
                "{name} implements {derived}"
            );
        }
    }
}

#[test]
fn no_key_or_token_lies_in_the_tree() {
    let private = ["-----BEGIN ", "PRIVATE KEY-----"].concat();
    let marks = [private.as_str(), "AKIA", "xoxb-", "ghp_", "sk-ant-", "sk-proj-"];
    let found = find(&marks, &everything());
    // Two say how a key begins: this file, and the filter that finds keys.
    let known = ["tests/tests/source.rs", "pocket-privacy/src/find/key.rs"];
    let here = |place: &&String| !known.iter().any(|name| place.contains(name));
    assert_eq!(found.iter().filter(here).count(), 0, "{found:#?}");
}

/// Every source file of the programs, tests apart.
fn product_sources() -> Vec<PathBuf> {
    let is_test = |path: &Path| {
        let path = path.to_string_lossy();
        path.ends_with("tests.rs") || path.contains("/tests/") || path.contains("/benches/")
    };
    let mut sources = sources_under("daemon");
    sources.retain(|path| !is_test(path.strip_prefix(workspace()).unwrap()));
    assert!(
        sources.len() > 50,
        "the search finds too little: {}",
        sources.len()
    );
    sources
}

fn every_source() -> Vec<PathBuf> {
    [sources_under("daemon"), sources_under("tests")].concat()
}

/// Every text in the tree that could hold a credential.
fn everything() -> Vec<PathBuf> {
    let folders = ["daemon", "docs", "tests", ".ci", ".cargo", ".config"];
    let mut files: Vec<_> = folders
        .iter()
        .flat_map(|folder| files_under(&workspace().join(folder)))
        .collect();
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "target"));
    files
}

fn sources_under(folder: &str) -> Vec<PathBuf> {
    let mut files = files_under(&workspace().join(folder));
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.retain(|path| !path.components().any(|part| part.as_os_str() == "target"));
    files
}

/// Each line of code, comments and tests apart, that holds one of `words`: file, number, line.
fn find(words: &[&str], files: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let source = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
        let name = file.strip_prefix(workspace()).unwrap().display();
        for (index, line) in without_tests(&source).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let said = if words == UNFINISHED { line } else { code };
            if words.iter().any(|word| said.contains(word)) {
                found.push(format!("{name}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    found
}

/// Tests come last in a file.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod ").next().unwrap_or(source)
}
