//! Arrows between crates, over `cargo metadata`: only those that `docs/architecture.md` lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::device::{text, workspace};

/// Libraries that only these crates may name.
const CONFINED: [(&str, &[&str]); 28] = [
    ("aes-gcm", &["pocket-crypto"]),
    ("age", &["pocket-backup"]),
    ("argon2", &["pocket-crypto"]),
    ("askama", &["pocket-web"]),
    ("axum", &["bare-mcp", "pocket-http", "pocket-mcp", "pocket-web"]),
    ("bech32", &["pocket-backup"]),
    ("calcard", &["pocket-formats"]),
    ("chardetng", &["pocket-reader"]),
    ("encoding_rs", &["pocket-formats", "pocket-reader"]),
    ("hayro", &["pocket-reader"]),
    ("html5gum", &["pocket-reader"]),
    ("image", &["pocket-reader"]),
    ("landlock", &["pocket-gateway", "pocket-sandbox"]),
    ("mime_guess", &["pocket-formats", "pocketctl"]),
    ("quick-xml", &["pocket-reader"]),
    ("reed-solomon-simd", &["pocket-parity"]),
    ("rmcp", &["bare-mcp", "pocket-mcp"]),
    ("rpassword", &["pocketctl"]),
    ("rumqttc", &["pocket-gateway"]),
    ("rustls", &["pocket-gateway"]),
    ("seccompiler", &["pocket-gateway", "pocket-sandbox"]),
    ("serde-saphyr", &["pocket-formats"]),
    ("sled", &["pocket-store"]),
    ("tokio-rustls", &["pocket-gateway"]),
    ("webpki-roots", &["pocket-gateway"]),
    ("x25519-dalek", &["pocket-crypto"]),
    ("xaes-256-gcm", &["pocket-crypto"]),
    ("zip", &["pocket-reader"]),
];

/// Crates that decide and compute, and do nothing: neither a runtime nor a store nor system calls.
const PURE: [&str; 5] = [
    "pocket-core",
    "pocket-crypto",
    "pocket-formats",
    "pocket-models",
    "pocket-privacy",
];
const EFFECTS: [&str; 6] = ["axum", "listenfd", "nix", "rmcp", "sled", "tokio"];

/// Nothing that could speak to the network outwards may be linked into the daemon.
const CLIENTS: [&str; 18] = [
    "aws-lc-rs",
    "curl",
    "h2",
    "hickory-resolver",
    "hyper-rustls",
    "hyper-tls",
    "isahc",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "ring",
    "rumqttc",
    "rustls",
    "tokio-rustls",
    "trust-dns-resolver",
    "ureq",
    "webpki-roots",
];

/// Nothing that reads strangers' files may be linked into the daemon: that is the reader's.
const PARSERS: [&str; 7] = [
    "age",
    "hayro",
    "html5gum",
    "image",
    "quick-xml",
    "seccompiler",
    "zip",
];

/// A package of the workspace with the names of what it depends on.
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    dev: bool,
    features: Vec<String>,
}

#[test]
fn every_arrow_is_listed_and_every_listed_arrow_exists() {
    let listed = listed_arrows();
    let real = real_arrows(&packages());
    let unlisted: Vec<_> = real.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in docs/architecture.md: {unlisted:?}");
    let gone: Vec<_> = listed.difference(&real).collect();
    assert!(gone.is_empty(), "only in docs/architecture.md: {gone:?}");
}

#[test]
fn arrows_never_form_a_circle() {
    let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in real_arrows(&packages()) {
        left.entry(to.clone()).or_default();
        left.entry(from).or_default().insert(to);
    }
    while let Some(bottom) = left
        .iter()
        .find(|(_, below)| below.is_empty())
        .map(|(name, _)| name.clone())
    {
        left.remove(&bottom);
        left.values_mut().for_each(|below| {
            below.remove(&bottom);
        });
    }
    assert!(left.is_empty(), "a circle among {:?}", left.keys());
}

#[test]
fn heavy_libraries_stay_where_they_belong() {
    for package in packages() {
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            let allowed = CONFINED.iter().find(|(name, _)| *name == dependency.name);
            assert!(
                allowed.is_none_or(|(_, homes)| homes.contains(&package.name.as_str())),
                "{} must not name {}",
                package.name,
                dependency.name
            );
            let pure = PURE.contains(&package.name.as_str());
            let effect = EFFECTS.contains(&dependency.name.as_str());
            assert!(
                !(pure && effect),
                "{} is pure and must not name {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn only_tests_can_make_a_call_without_a_grant() {
    let mut forgers = 0;
    for package in packages() {
        let forging = |dependency: &&Dependency| dependency.features.iter().any(|name| name == "forging");
        for dependency in package.dependencies.iter().filter(forging) {
            assert!(dependency.dev, "{} can forge grants", package.name);
            forgers += 1;
        }
    }
    assert!(
        forgers > 0,
        "the feature is found nowhere: has it another name now?"
    );
}

#[test]
fn folders_are_named_like_their_crates() {
    for entry in fs::read_dir(workspace().join("daemon")).unwrap() {
        let folder = entry.unwrap().path();
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap();
        assert!(
            manifest.contains(&format!("\nname = \"{name}\"\n")),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn the_daemon_is_linked_with_no_client_of_any_network_and_no_parser_of_foreign_files() {
    let tree = cargo(&[
        "tree", "-p", "pocketd", "-e", "normal", "--prefix", "none", "--format", "{lib}",
    ]);
    let linked: BTreeSet<String> = tree.lines().map(|line| line.replace('_', "-")).collect();
    assert!(
        linked.contains("tokio") && linked.contains("axum"),
        "this is not the daemon: {tree}"
    );
    let parsers: Vec<_> = PARSERS.iter().filter(|name| linked.contains(**name)).collect();
    assert!(parsers.is_empty(), "linked into pocketd: {parsers:?}");
    let clients: Vec<_> = CLIENTS.iter().filter(|name| linked.contains(**name)).collect();
    assert!(clients.is_empty(), "linked into pocketd: {clients:?}");
}

fn packages() -> Vec<Package> {
    let metadata: Value =
        serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages.iter().map(package).collect()
}

fn package(package: &Value) -> Package {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    let dependency = |dependency: &Value| Dependency {
        name: text(&dependency["name"]),
        dev: dependency["kind"] == "dev",
        features: dependency["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect(),
    };
    Package {
        name: text(&package["name"]),
        dependencies: dependencies.map(dependency).collect(),
    }
}

/// Arrows for tests count too: what a test may reach is part of the shape.
fn real_arrows(packages: &[Package]) -> BTreeSet<(String, String)> {
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut arrows = BTreeSet::new();
    for package in packages {
        for dependency in package
            .dependencies
            .iter()
            .filter(|to| ours.contains(to.name.as_str()))
        {
            arrows.insert((package.name.clone(), dependency.name.clone()));
        }
    }
    arrows
}

/// The lines `FROM -> TO` of the document.
fn listed_arrows() -> BTreeSet<(String, String)> {
    let document = fs::read_to_string(workspace().join("docs/architecture.md")).unwrap();
    let arrow = |line: &str| {
        let (from, to) = line.split_once(" -> ")?;
        let is_name = |name: &str| !name.is_empty() && !name.contains(' ') && name.is_ascii();
        (is_name(from) && is_name(to)).then(|| (from.to_owned(), to.to_owned()))
    };
    document.lines().filter_map(arrow).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(workspace())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
