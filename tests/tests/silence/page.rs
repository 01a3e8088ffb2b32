//! Every route of the page, each form with what it wants, without its token, and with nonsense.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::{Answer, Page};
use super::steps::Known;
use crate::device::{Device, PASSPHRASE, path_text, text};

/// The table of routes: one that is added and not gone through here fails the test.
const ROUTES: &str = include_str!("../../../daemon/pocket-web/routes.txt");
const NEW: &str = "another horse battery staple";
/// What is not done by then never will be.
const HANGS: Duration = Duration::from_secs(60);
/// What nonsense leaves alone: a device counts wrong passphrases; and where to go afterwards, which leads
/// elsewhere as it is.
const KEPT: [&str; 6] = [
    "back",
    "form_token",
    "new",
    "new_again",
    "passphrase",
    "passphrase_again",
];
/// What a form says that is nonsense.
const NONSENSE: &str = "http://far.example/\u{0}<img src=http://far.example/x.png>";

/// How the right form ends.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Ends {
    Done,
    /// Offline, or because there is no such thing any more.
    Refused,
    /// Done, and whoever did it has to log in again.
    Out,
}
use Ends::{Done, Out, Refused};

/// The addresses of a route besides itself: what its places in braces stand for, or what it asks for.
const GETS: [(&str, &[&str]); 15] = [
    ("/agents/revoke", &["/agents/revoke?name=desk"]),
    ("/agents/rotate", &["/agents/rotate?name=desk"]),
    ("/audit", &["/audit", "/audit?only=refused&in=notes"]),
    ("/consent/{id}", &["/consent/{asked}", "/consent/{denied}"]),
    (
        "/consent/{id}/pictures/{number}",
        &["/consent/{asked}/pictures/0"],
    ),
    (
        "/documents/{id}/file",
        &[
            "/documents/{svg}/file",
            "/documents/{html}/file",
            "/documents/{pdf}/file",
        ],
    ),
    ("/documents/{id}/pages/{number}", &["/documents/{pdf}/pages/1"]),
    ("/documents/{id}/thumbnail", &["/documents/{pdf}/thumbnail"]),
    ("/documents/{id}/view", &["/documents/{picture}/view"]),
    ("/notes/named", &["/notes/named?name=http%3A%2F%2Ffar.example%2F"]),
    ("/records/{category}", &EACH),
    ("/records/{category}/new", &NEW_ONES),
    ("/records/{category}/{id}", &ONES),
    (
        "/records/{category}/{id}/delete",
        &["/records/notes/{note}/delete", "/records/documents/{pdf}/delete"],
    ),
    (
        "/records/{category}/{id}/edit",
        &["/records/notes/{note}/edit", "/records/tasks/{task}/edit"],
    ),
];
const EACH: [&str; 7] = [
    "/records/memory",
    "/records/notes?q=far",
    "/records/tasks",
    "/records/contacts",
    "/records/conversations",
    "/records/documents",
    "/records/outbox",
];
const NEW_ONES: [&str; 2] = ["/records/notes/new", "/records/contacts/new"];
const ONES: [&str; 10] = [
    "/records/memory/{memory}",
    "/records/notes/{note}",
    "/records/tasks/{task}",
    "/records/contacts/{contact}",
    "/records/conversations/{chat}",
    "/records/documents/{pdf}",
    "/records/documents/{html}",
    "/records/documents/{picture}",
    "/records/documents/{svg}",
    "/records/outbox/{asked}",
];

/// Forms: the route, the address (or "" where it is the same), the fields, and how it ends. In this order.
const FORMS: &[(&str, &str, &str, Ends)] = &[
    ("/strength", "", "passphrase=http://far.example", Done),
    ("/settings/look", "", "language=de&theme=dark", Done),
    ("/settings", "", "retention_days.notes=30", Done),
    (
        "/records/{category}/new",
        "/records/notes/new",
        "title=far&body=![](http://far.example/n.png)",
        Done,
    ),
    (
        "/records/{category}/new",
        "/records/contacts/new",
        "name=Bob&urls=http://far.example/bob",
        Done,
    ),
    (
        "/records/{category}/{id}/edit",
        "/records/notes/{note}/edit",
        "title=Far&body=<http://far.example/e>",
        Done,
    ),
    (
        "/records/{category}/{id}/delete",
        "/records/notes/{note}/delete",
        "",
        Done,
    ),
    ("/undo", "", "back=//far.example/", Done),
    (
        "/tasks/{id}/tick",
        "/tasks/{task}/tick",
        "back=//far.example/",
        Done,
    ),
    (
        "/records/{category}/delete",
        "/records/tasks/delete",
        "id={task}",
        Done,
    ),
    (
        "/documents/{id}/read-again",
        "/documents/{broken}/read-again",
        "",
        Done,
    ),
    (
        "/secrets/set",
        "",
        "name=web&value=http://far.example/secret",
        Done,
    ),
    ("/secrets/delete", "", "name=web", Done),
    (
        "/agents/new",
        "",
        "name=web&scope=notes:read&passphrase={passphrase}",
        Done,
    ),
    ("/agents/rotate", "", "name=web&passphrase={passphrase}", Done),
    ("/agents/revoke", "", "name=web", Done),
    (
        "/models/new",
        "",
        "name=web&place=https://web.far.example/v1&protocol=openai&model=m",
        Done,
    ),
    ("/models/remove", "", "name=web", Done),
    ("/broker", "", "host=10.0.0.1&tls=off", Done),
    ("/broker/test", "", "", Refused),
    ("/broker/remove", "", "", Done),
    ("/profile", "", "profile=OFFLINE_ONLY", Done),
    (
        "/profile/press",
        "",
        "need=every&passphrase={passphrase}",
        Refused,
    ),
    (
        "/ask",
        "",
        "provider=far&text=http://far.example/ask&purpose=far",
        Refused,
    ),
    ("/ask", "", "provider=near&text=http://far.example/ask", Done),
    (
        "/consent/standing",
        "",
        "agent=desk&provider=far&calls=1&bytes=100&minutes=5&passphrase={passphrase}",
        Refused,
    ),
    (
        "/consent/standing/{id}/end",
        "/consent/standing/{lease}/end",
        "",
        Refused,
    ),
    (
        "/consent/{id}/approve",
        "/consent/{asked}/approve",
        "read=on&sha256={sha256}",
        Refused,
    ),
    ("/consent/{id}/deny", "/consent/{asked}/deny", "", Done),
    ("/audit/verify", "", "", Done),
    ("/audit/export", "", "", Done),
    ("/export", "", "passphrase={passphrase}", Done),
    ("/device/backup", "", "passphrase={passphrase}", Done),
    (
        "/device/backup/recipient",
        "",
        "recipient=http://far.example",
        Refused,
    ),
    ("/device/backup/schedule", "", "days=1&newest=3", Done),
    (
        "/device/backup/send",
        "",
        "protocol=webdav&folder=https://far.example/x/&user=ann&secret=none",
        Refused,
    ),
    ("/device/backup/send/offer", "", "", Refused),
    ("/device/backup/send/now", "", "read=yes&sha256=00", Refused),
    (
        "/device/update/install",
        "",
        "sha256=http://far.example&passphrase={passphrase}",
        Refused,
    ),
    (
        "/device/update/fetch",
        "",
        "from=https://far.example/new.raucb&read=on",
        Refused,
    ),
    ("/device/update/stop", "", "", Refused),
    ("/device/check", "", "", Done),
    ("/device/rekey", "", "category=notes", Done),
    ("/device/recovery", "", "passphrase={passphrase}", Done),
    (
        "/device/recovery/confirm",
        "",
        "first=AAAAA&second=BBBBB",
        Refused,
    ),
    (
        "/device/erase",
        "",
        "category=outbox&passphrase={passphrase}",
        Done,
    ),
    (
        "/device/passphrase",
        "",
        "passphrase={passphrase}&new={new}&new_again={new}",
        Done,
    ),
    ("/logout", "", "", Out),
    ("/logout-everywhere", "", "", Out),
    ("/lock", "", "", Out),
    ("/lock-all", "", "", Out),
    ("/device/reset", "", "confirm=ERASE&passphrase={new}", Done),
];

/// Forms that are gone through in other ways: the entrance, and those that take a file.
const OTHERS: [&str; 6] = [
    "/device/backup/drill",
    "/device/update",
    "/documents/upload",
    "/import",
    "/setup",
    "/unlock",
];

/// Goes through them all on a new device.
pub(super) fn work_through(device: &Device, hostile: &Path) {
    covers_every_route();
    let mut page = Page::new(&device.ui);
    let mut known = Known::default();
    known.keep("passphrase", PASSPHRASE);
    known.keep("new", NEW);
    set_up(device, &mut page);
    fill(device, &mut page, hostile, &mut known);
    look_at_all(&mut page, &known);
    for (route, address, fields, ends) in FORMS {
        let address = if address.is_empty() { route } else { address };
        send(&mut page, &known.fill(address), &known.fill(fields), *ends);
    }
}

fn covers_every_route() {
    let routes = |method: &'static str| {
        let lines = ROUTES.lines().filter_map(move |line| line.strip_prefix(method));
        lines
            .map(|line| line.split(' ').nth(1).unwrap())
            .collect::<BTreeSet<_>>()
    };
    let forms = FORMS.iter().map(|(route, ..)| *route).chain(OTHERS);
    assert_eq!(
        forms.collect::<BTreeSet<_>>(),
        routes("POST"),
        "each form is sent here"
    );
    let with_places = routes("GET").into_iter().filter(|route| route.contains('{'));
    for route in with_places {
        assert!(
            GETS.iter().any(|(known, _)| *known == route),
            "{route} is looked at nowhere"
        );
    }
}

fn set_up(device: &Device, page: &mut Page) {
    let code = text(&device.ctl(&["setup-code"]).one()["code"]);
    let fields = format!("code={code}&passphrase={PASSPHRASE}&passphrase_again={PASSPHRASE}");
    let token = page.token("/setup");
    assert!(
        page.post(
            "/setup",
            &pairs("code=far&passphrase=x&passphrase_again=x", &token)
        )
        .status
            >= 400
    );
    let done = page.post("/setup", &pairs(&fields, &token));
    assert!(done.status < 400, "{}", done.body);
}

pub(super) fn log_in(page: &mut Page, passphrase: &str) {
    let token = page.token("/unlock");
    let done = page.post(
        "/unlock",
        &pairs(&format!("passphrase={passphrase}&next=//far.example/"), &token),
    );
    assert!(done.status < 400, "{}", done.body);
    assert!(!done.head.contains("far.example"), "{}", done.head);
}

/// Everything that points elsewhere: files by the page, the rest by the other hand.
fn fill(device: &Device, page: &mut Page, hostile: &Path, known: &mut Known) {
    let token = page.token("/import");
    for name in [
        "folder.zip",
        "cards.vcf",
        "tasks.ics",
        "chat.txt",
        "memory.jsonl",
        "page.html",
    ] {
        let bytes = fs::read(hostile.join(name)).unwrap();
        let done = page.post_file("/import", &token, (name, &bytes));
        assert!(done.status < 400, "{name}: {}", done.body);
        assert!(page.post_file("/import", "stale", (name, &bytes)).status >= 400);
    }
    for name in [
        "picture.png",
        "picture.svg",
        "broken.pdf",
        "paper.pdf",
        "letter.docx",
        "letter.odt",
    ] {
        let bytes = fs::read(hostile.join(name)).unwrap();
        let done = page.post_file("/documents/upload", &token, (name, &bytes));
        assert!(done.status < 400, "{name}: {}", done.body);
        assert!(
            page.post_file("/documents/upload", "stale", (name, &bytes))
                .status
                >= 400
        );
    }
    let refused = page.post_file("/device/backup/drill", &token, ("far.age", b"http://far.example"));
    assert!(refused.status >= 400, "{}", refused.body);
    // This device does not update itself, whatever is handed in.
    let refused = page.post_file("/device/update", &token, ("far.raucb", b"http://far.example"));
    assert!(refused.status >= 400, "{}", refused.body);
    let begun = Instant::now();
    let pending = |document: &Value| document["fields"]["reading"] == "pending";
    while device.list("documents").iter().any(pending) {
        assert!(begun.elapsed() < HANGS, "the documents are not read");
    }
    for (name, category, field, value) in [
        ("pdf", "documents", "name", "paper.pdf"),
        ("picture", "documents", "name", "picture.png"),
        ("broken", "documents", "name", "broken.pdf"),
        ("svg", "documents", "name", "picture.svg"),
        ("html", "documents", "name", "page.html"),
        ("note", "notes", "title", "Plans"),
        ("task", "tasks", "title", "Fetch it"),
        ("contact", "contacts", "name", "Far Away"),
        ("chat", "conversations", "title", "chat"),
        ("memory", "memory", "subject", "Ann"),
    ] {
        let listed = device.list(category);
        let found = listed.iter().find(|entry| entry["fields"][field] == value);
        let found = found.unwrap_or_else(|| panic!("no {value} in {listed:#?}"));
        known.keep_field(name, found, "id");
    }
    ask(device, hostile, known);
}

/// Asks in a profile in which one may, and goes back into the one where nothing leaves.
fn ask(device: &Device, hostile: &Path, known: &mut Known) {
    let nothing = path_text(&device.place.path("nothing")).to_owned();
    for (name, url) in [
        ("far", "https://far.example/v1"),
        ("near", &format!("unix:{nothing}")),
    ] {
        let provider = ["--url", url, "--protocol", "openai", "--model", "m"];
        device
            .ctl(&[&["provider", "add", name], &provider[..]].concat())
            .one();
    }
    device
        .ctl(&["agent", "add", "desk", "--scope", "notes:read,cloud"])
        .one();
    device.ctl(&["profile", "set", "CUSTOM"]).one();
    for about in ["asked", "denied"] {
        let asked = device.ctl(&[
            "ask",
            "--no-wait",
            "--provider",
            "far",
            "--about",
            about,
            "--attach",
            path_text(&hostile.join("picture.png")),
            "http://far.example/",
        ]);
        assert_eq!(asked.code, Some(4), "{}", asked.err);
        let question: Value = serde_json::from_str(asked.out.trim()).unwrap();
        known.keep_field(about, &question, "id");
        known.keep_field("sha256", &question, "sha256");
    }
    let lease = [
        "--provider",
        "far",
        "--calls",
        "1",
        "--bytes",
        "900",
        "--for",
        "5",
    ];
    device
        .ctl(&[&["consent", "lease", "desk"], &lease[..]].concat())
        .one();
    let listed = device.ctl(&["consent", "list"]).lines();
    known.keep_field("lease", listed.last().unwrap(), "lease/id");
    device.ctl(&["profile", "set", "OFFLINE_ONLY"]).one();
}

fn look_at_all(page: &mut Page, known: &Known) {
    for line in ROUTES.lines().filter_map(|line| line.strip_prefix("GET ")) {
        let route = line.split(' ').next().unwrap();
        let addresses = GETS.iter().find(|(known, _)| *known == route);
        for address in addresses.map_or(&[route][..], |(_, addresses)| addresses) {
            let address = known.fill(address);
            let answer = page.get(&address);
            assert!(
                answer.status < 400,
                "{address}: {} {}",
                answer.status,
                body(&answer)
            );
        }
        for address in [
            format!("{route}?next=http://far.example/"),
            route.replace("{id}", "http:%2F%2Ffar.example"),
        ] {
            let answer = page.get(&address.replace(['{', '}'], ""));
            assert!(
                answer.status < 500,
                "{address}: {} {}",
                answer.status,
                body(&answer)
            );
        }
    }
}

/// Sends a form without its token, with nonsense, and right.
fn send(page: &mut Page, address: &str, fields: &str, ends: Ends) {
    let token = page.token("/device");
    let without = page.post(address, &pairs(fields, ""));
    assert!(without.status >= 400, "{address} takes a form without a token");
    let right = pairs(fields, &token);
    let nonsense = right.iter().map(|(name, value)| {
        let kept = KEPT.contains(&name.as_str());
        (
            name.clone(),
            if kept { value.clone() } else { NONSENSE.to_owned() },
        )
    });
    let nonsense: Vec<_> = nonsense.collect();
    if nonsense != right {
        let answer = page.post(address, &nonsense);
        assert!(
            answer.status < 500,
            "{address}: {} {}",
            answer.status,
            body(&answer)
        );
    }
    let answer = page.post(address, &right);
    let done = answer.status < 400;
    assert!(!answer.head.contains("far.example"), "{address}: {}", answer.head);
    assert_eq!(
        done,
        ends != Refused,
        "{address} {fields}: {} {}",
        answer.status,
        body(&answer)
    );
    if ends == Out {
        log_in(page, NEW);
    }
}

/// What a page says, without what is around it.
fn body(answer: &Answer) -> &str {
    let (_, body) = answer.body.split_once("<main").unwrap_or(("", &answer.body));
    body
}

/// `name=value&…` as fields, with the form's token.
pub(super) fn pairs(fields: &str, token: &str) -> Vec<(String, String)> {
    let given = fields.split('&').filter_map(|field| field.split_once('='));
    let token = ("form_token", token);
    let all = given.chain([token]);
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
