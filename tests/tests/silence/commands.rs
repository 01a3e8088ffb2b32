//! Every command of `pocketctl`, the owner's other hand.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use super::steps::Known;
use crate::device::{Device, PASSPHRASE, path_text, program};

const NEW: &str = "another horse battery staple";

/// A command, what it is given, how it ends, and what is kept of its last line: a name, and the field's.
struct Step {
    line: &'static str,
    passphrases: Option<&'static str>,
    input: &'static str,
    code: i32,
    keeps: &'static [(&'static str, &'static str)],
}

/// One that works and is given nothing.
const fn runs(line: &'static str) -> Step {
    Step {
        line,
        passphrases: None,
        input: "",
        code: 0,
        keeps: &[],
    }
}

impl Step {
    const fn with(self, passphrases: &'static str) -> Self {
        Self {
            passphrases: Some(passphrases),
            ..self
        }
    }

    const fn input(self, input: &'static str) -> Self {
        Self { input, ..self }
    }

    const fn ends(self, code: i32) -> Self {
        Self { code, ..self }
    }

    const fn keeps(self, keeps: &'static [(&'static str, &'static str)]) -> Self {
        Self { keeps, ..self }
    }
}

/// All of them, from the first run to the reset. A command that is missing here fails the test.
const STEPS: &[Step] = &[
    runs("setup-code").keeps(&[("code", "code")]),
    runs("setup --code {code} --recovery-out {dir}/recovery").with(PASSPHRASE),
    runs("status"),
    runs("recovery confirm").input("AAAAA BBBBB\n").ends(1),
    runs("health --strict"),
    runs("check"),
    runs("add notes title=http://far.example/title body=![](http://far.example/body.png)")
        .keeps(&[("note", "id")]),
    runs("add contacts name=Ann emails=ann@far.example urls=http://far.example/ann"),
    runs("add outbox channel=http://far.example to=ann@far.example state=queued body=go"),
    runs("get notes {note}"),
    runs("edit notes {note} body=[far](http://far.example/edited)"),
    runs("list notes"),
    runs("keep notes {note} --until 2099-01-31"),
    runs("search http://far.example/"),
    runs("import {hostile}"),
    runs("list documents --limit 1").keeps(&[("document", "id")]),
    runs("get documents {document} --out {dir}/document"),
    runs("read-again {document}").ends(1),
    runs("secret set key").input("http://far.example/key"),
    runs("secret list"),
    runs("backup place set webdav https://far.example/dav/ --user ann --secret key"),
    runs("backup place show"),
    runs("broker set 10.0.0.1 --no-tls"),
    runs("broker show"),
    runs("broker test").ends(1),
    // The gateway exists from here, and is idle: nobody says yes, and the broker is for other profiles.
    runs("profile set CLOUD_WITH_CONSENT"),
    // Open, and still nobody to ask: this device does not update itself.
    runs("update fetch https://far.example/1.raucb --yes").ends(1),
    runs("update fetch https://far.example/2.raucb").ends(2),
    // Nobody at a terminal consents.
    runs("backup send").ends(2),
    runs("broker test").ends(1),
    runs("provider add far --url https://far.example/v1 --protocol openai --model m --secret key"),
    runs("provider add near --url unix:{dir}/recovery --protocol openai --model m"),
    runs("provider add nowhere --url unix:{dir}/nothing --protocol anthropic --model m"),
    runs("provider list"),
    runs("ask --provider far --no-wait http://far.example/1")
        .ends(4)
        .keeps(&[("denied", "id")]),
    runs("ask --provider far --no-wait --with notes:{note} http://far.example/2")
        .ends(4)
        .keeps(&[("asked", "id"), ("sha256", "sha256")]),
    runs("consent show {asked}"),
    runs("consent deny {denied}"),
    runs("agent add desk --scope notes:read,cloud").keeps(&[("token", "token")]),
    runs("agent limit desk --calls 1000"),
    runs("agent list"),
    runs("broker remove"),
    runs("profile set CUSTOM --for 5"),
    runs("consent lease desk --provider far --calls 3 --bytes 9000 --for 5"),
    runs("consent list").keeps(&[("lease", "lease/id")]),
    runs("profile set OFFLINE_ONLY"),
    runs("profile show"),
    runs("button show"),
    // This device does not update itself.
    runs("update show").ends(1),
    runs("update offer {hostile}/page.html").ends(1),
    runs("update install").ends(1),
    runs("update fetch https://far.example/3.raucb --yes").ends(1),
    runs("update stop").ends(1),
    runs("backup send --yes").ends(1),
    runs("backup place remove"),
    // No button answers here.
    runs("button need every")
        .with("correct horse battery staple")
        .ends(1),
    // Offline, what is asked is refused, and what was asked stays here.
    runs("consent approve {asked} --sha256 {sha256}").ends(1),
    runs("consent revoke {lease}").ends(1),
    runs("ask --provider far --no-wait http://far.example/3").ends(1),
    runs("ask --provider far --attach {hostile}/page.html --about http://far.example/4 look").ends(1),
    runs("ask --provider near http://far.example/5").ends(1),
    runs("ask --provider nowhere http://far.example/6").ends(1),
    runs("agent rotate desk").keeps(&[("token", "token")]),
    runs("mcp --token-file {dir}/token"),
    // With a device of this computer named, as on the image, it goes nowhere.
    runs("connect far.example").ends(2),
    runs("audit show"),
    runs("audit verify"),
    runs("audit export {dir}/audit.jsonl"),
    runs("audit verify {dir}/audit.jsonl"),
    runs("passphrase change").with("correct horse battery staple\nanother horse battery staple"),
    runs("recovery new --recovery-out {dir}/recovery2").with(NEW),
    runs("category rekey notes").with(NEW),
    runs("export {dir}/export"),
    runs("add contacts name=Zoe urls=http://far.example/zoe"),
    runs("person show Zoe"),
    runs("person export Zoe {dir}/person"),
    runs("person erase Zoe --confirm 1"),
    runs("category erase outbox").with(NEW),
    runs("delete notes {note}"),
    runs("provider remove near"),
    runs("secret delete key"),
    runs("agent revoke desk"),
    runs("backup create {dir}/archive.age"),
    runs("backup drill {dir}/archive.age"),
    runs("backup verify --outside {dir}/archive.age"),
    runs("backup repair {dir}/archive.age"),
    runs("backup keep {dir}/none").ends(1),
    runs("backup schedule weekly"),
    runs("backup schedule daily"),
    runs("backup schedule due").ends(5),
    runs("backup schedule show"),
    runs("backup schedule off"),
    runs("backup restore {dir}/archive.age").with(NEW).ends(1),
    runs("backup identity").with("http://far.example/").ends(2),
    runs("backup recipient add age1far").with(NEW).ends(1),
    runs("backup recipient list"),
    runs("backup recipient remove age1far").ends(1),
    runs("lock"),
    runs("unlock").with(NEW),
    runs("lock --all"),
    runs("unlock").with(NEW),
    runs("factory-reset --confirm ERASE").with(NEW),
];

/// Runs them all on a new device.
pub(super) fn work_through(device: &Device, hostile: &str) {
    assert_eq!(covered(), offered(&[]), "each command has its steps here");
    let mut known = Known::default();
    known.keep("hostile", hostile);
    known.keep(
        "dir",
        path_text(&device.place.path("").join("")).trim_end_matches('/'),
    );
    for step in STEPS {
        run(device, step, &mut known);
    }
}

fn run(device: &Device, step: &Step, known: &mut Known) {
    let line = known.fill(step.line);
    let words: Vec<&str> = line.split(' ').collect();
    let done = device
        .place
        .ctl_given(&words, step.passphrases, step.input.as_bytes());
    let (out, err) = (&done.out, &done.err);
    assert_eq!(done.code, Some(step.code), "{line}\n{out}\n{err}");
    for (name, field) in step.keeps {
        let last: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        known.keep_field(name, &last, field);
        if *name == "token" {
            fs::write(device.place.path("token"), known.fill("{token}")).unwrap();
        }
    }
}

/// The commands that there are, by the program's own help.
fn offered(above: &[&str]) -> BTreeSet<String> {
    let help = Command::new(program("pocketctl"))
        .args(above)
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| {
        line.strip_prefix("  ")?
            .split(' ')
            .next()
            .filter(|name| !name.is_empty())
    });
    let names: Vec<&str> = names.filter(|name| *name != "help").collect();
    if names.is_empty() {
        return BTreeSet::from([above.join(" ")]);
    }
    let each = names.iter().flat_map(|name| offered(&[above, &[name]].concat()));
    each.collect()
}

fn covered() -> BTreeSet<String> {
    let offered = offered(&[]);
    let begins = |line: &str, name: &str| line == name || line.starts_with(&format!("{name} "));
    let known = offered
        .iter()
        .filter(|name| STEPS.iter().any(|step| begins(step.line, name)));
    known.cloned().collect()
}
