//! Every page there is, on a phone and on a laptop, in light and dark: nothing that a checker of
//! accessibility objects to, nothing wider than the screen, nothing from elsewhere. Leaves pictures
//! of all of them in `target/screenshots`, for people to look at.

use std::cell::Cell;
use std::fs;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::attached;
use crate::device::{Device, PASSPHRASE, Place, path_text, text, workspace};
use crate::webdriver::Browser;

/// The table of routes: a page that is added is in the tour.
const ROUTES: &str = include_str!("../../daemon/pocket-web/routes.txt");
/// Most bytes of the first load: page, style, script and icon.
const FIRST_LOAD: u64 = 100_000;
/// Pages that send a file or lead elsewhere.
const NO_PAGES: [&str; 6] = [
    "/consent/{id}/pictures/{number}",
    "/documents/{id}/file",
    "/documents/{id}/pages/{number}",
    "/documents/{id}/thumbnail",
    "/documents/{id}/view",
    "/notes/named",
];

/// Pages that ask about something: what the device of the tour has of it.
const QUESTIONS: [(&str, &str); 3] = [
    ("/agents/revoke", "?name=assistant"),
    ("/agents/rotate", "?name=assistant"),
    ("/secrets/delete", "?name=router"),
];

const CATEGORIES: [&str; 7] = [
    "memory",
    "notes",
    "tasks",
    "contacts",
    "conversations",
    "documents",
    "outbox",
];

#[test]
fn every_page_on_a_phone() {
    tour("phone", 360, 740);
}

#[test]
fn every_page_on_a_laptop() {
    tour("laptop", 1280, 800);
}

/// A new device whose system says that it can be updated.
fn updatable() -> Device {
    let place = Place::new();
    let (state, config) = (place.path("state"), place.path("pocketd.toml"));
    fs::write(&state, "slot=A\nrelease=2.0\ngood=yes\ntries=0\nstep=idle\n").unwrap();
    let (spool, state) = (place.path("updates"), path_text(&state));
    fs::create_dir(&spool).unwrap();
    let settings = format!("[updates]\nspool = {:?}\nstate = {state:?}\n", path_text(&spool));
    fs::write(&config, settings).unwrap();
    let mut command = place.command();
    command.arg("--config").arg(&config);
    match Device::start_command(place, command) {
        Ok(device) => device,
        Err(_) => panic!("it did not start"),
    }
}

fn tour(screen: &str, width: u32, height: u32) {
    let device = updatable();
    let tour = Tour {
        browser: Browser::open(width, height),
        axe: axe(),
        screen,
        requests: Cell::new(0),
        look: format!("pocketai_look_{}", device.ui.rsplit(':').next().unwrap()),
    };
    tour.browser.go(&device.ui);
    let events = tour.browser.network();
    only_from_here(&events);
    let loaded = transferred(&events, &device.ui);
    println!("first load: {loaded} bytes");
    assert!(loaded > 10_000 && loaded <= FIRST_LOAD, "{loaded}");
    tour.sees_faults();
    tour.look_at("setup");
    device.set_up();
    tour.browser.go(&device.ui);
    tour.look_at("unlock");
    tour.browser.fill("[name=passphrase]", PASSPHRASE);
    tour.browser.press("main button[type=submit]");
    let ids = fill(&device);
    for path in paths(&ids) {
        tour.browser.go(&format!("{}{path}", device.ui));
        assert_eq!(tour.browser.path(), path);
        tour.look_at(&path);
    }
    tour.special_pages(&device);
    tour.count_requests();
    let requests = tour.requests.get();
    assert!(
        requests > 100,
        "{requests} requests: is the log of the network still kept?"
    );
}

struct Tour<'a> {
    browser: Browser,
    axe: String,
    screen: &'a str,
    /// Requests that were seen, all of them to this machine.
    requests: Cell<usize>,
    look: String,
}

impl Tour<'_> {
    /// The checker is there and checks.
    fn sees_faults(&self) {
        self.browser.run(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"data:,\"><input>')",
        );
        let violations = self.violations().to_string();
        assert!(
            violations.contains("image-alt") && violations.contains("label"),
            "{violations}"
        );
    }

    /// Pages that only an action shows.
    fn special_pages(&self, device: &Device) {
        let go = |path: &str| self.browser.go(&format!("{}{path}", device.ui));
        go("/nowhere");
        self.look_at("not-found");
        go("/device/reset?step=2");
        self.look_at("reset-2");
        go("/device/reset?step=3&confirm=ERASE");
        self.look_at("reset-3");
        go("/search?q=garden");
        self.look_at("search-found");
        go("/search?q=nothinglikethis");
        self.look_at("search-nothing");
        go("/records/notes?tag=garden&q=zzz");
        self.look_at("list-nothing-fits");
        go("/agents/new");
        self.browser.fill("[name=name]", "helper");
        self.browser.click("[name=scope]");
        self.browser.fill("[name=passphrase]", PASSPHRASE);
        self.browser.press("main button[type=submit]");
        self.picture_only("agent-token");
        go("/audit");
        self.browser.press("form[action='/audit/verify'] button");
        self.picture_only("audit-verified");
        go("/device/check");
        self.browser.press("main button[type=submit]");
        self.picture_only("checked");
        go("/device/update");
        self.browser.fill(
            "[name=from]",
            "https://releases.example.org/2026/pocketai-virt-arm64-2.10.raucb?X-Amz-Expires=300&X-Amz-Signature=\
             0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        );
        self.browser.press("form[action='/device/update/fetch'] button");
        self.picture_only("update-fetch");
        go("/device/recovery");
        self.browser.fill("[name=passphrase]", PASSPHRASE);
        self.browser.press("main button[type=submit]");
        self.picture_only("recovery-key");
        go("/secrets/set");
        self.browser.fill("[name=name]", "bank");
        self.browser.fill("[name=value]", "x");
        self.browser.press("main button[type=submit]");
        self.picture_only("secrets-one");
        self.edits_meanwhile(device);
        if self.screen == "phone" {
            go("/");
            self.browser.click(".drawer > summary");
            self.picture_only("drawer");
        }
    }

    /// An edit of what others have changed, and of what they have deleted.
    fn edits_meanwhile(&self, device: &Device) {
        let id = device.add("tasks", &["title=Water the beans", "list=Garden"]);
        let edit = format!("{}/records/tasks/{id}/edit", device.ui);
        self.browser.go(&edit);
        self.browser.fill("[name=title]", "Water the beans and the peas");
        device.ctl(&["edit", "tasks", &id, "list=Home"]).one();
        self.browser.press("main form.form button[type=submit]");
        self.picture_only("edit-changed-meanwhile");
        self.browser.go(&edit);
        self.browser.fill("[name=title]", "Water the beans and the peas");
        device.ctl(&["delete", "tasks", &id]).one();
        self.browser.press("main form.form button[type=submit]");
        self.picture_only("edit-deleted-meanwhile");
    }

    /// The page that is shown, in each language and both themes.
    fn look_at(&self, name: &str) {
        for (language, theme) in [("en", "light"), ("en", "dark"), ("de", "light"), ("de", "dark")] {
            self.browser.cookie(&self.look, &format!("{language}.{theme}"));
            self.browser.run("location.reload()");
            self.browser.wait_for(&format!(
                "return document.readyState === 'complete' && document.documentElement.dataset.theme === '{theme}' \
                 && document.documentElement.lang === '{language}'"
            ));
            self.check(&format!("{name} in {language} and {theme}"));
            self.save(&format!("{name}-{language}-{theme}"));
        }
        self.count_requests();
    }

    /// Reads the log of the network, which grows long: WebDriver gives it out whole.
    fn count_requests(&self) {
        let seen = only_from_here(&self.browser.network());
        self.requests.set(self.requests.get() + seen);
    }

    /// A page that can't be loaded anew.
    fn picture_only(&self, name: &str) {
        self.check(name);
        self.save(name);
    }

    fn check(&self, name: &str) {
        let wide = self.browser.run(
            "const wide = document.documentElement.clientWidth; \
             return document.documentElement.scrollWidth <= wide ? [] : [...document.querySelectorAll('body *')] \
             .filter(one => one.getBoundingClientRect().right > wide + 1).map(one => one.outerHTML.slice(0, 150))",
        );
        assert_eq!(wide, json!([]), "{name} is wider than the {}", self.screen);
        let violations = self.violations();
        assert_eq!(
            violations,
            json!([]),
            "{name} on the {}: {violations:#}",
            self.screen
        );
    }

    fn violations(&self) -> Value {
        self.browser.run(&self.axe);
        self.browser.run_slowly(
            "const done = arguments[arguments.length - 1]; \
             axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations.map(one => \
             [one.id, one.help, one.nodes.map(node => node.html.slice(0, 200) + node.failureSummary)])), \
             error => done([String(error)]))",
        )
    }

    fn save(&self, name: &str) {
        let folder = workspace().join("target/screenshots").join(self.screen);
        fs::create_dir_all(&folder).unwrap();
        let plain: String = name
            .trim_matches('/')
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        // Ids differ from run to run.
        let plain: Vec<String> = plain
            .split('_')
            .map(|part| match part.split_at_checked(32) {
                Some((id, rest)) if id.bytes().all(|byte| byte.is_ascii_hexdigit()) => format!("id{rest}"),
                _ => part.to_owned(),
            })
            .collect();
        let png = Base64::decode_vec(&self.browser.picture()).unwrap();
        let name = if plain.concat().starts_with('-') {
            format!("home{}", plain.concat())
        } else {
            plain.join("_")
        };
        fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }
}

/// Not one request left this machine, whatever the pages held. Gives their number.
fn only_from_here(events: &[Value]) -> usize {
    let sent = events
        .iter()
        .filter(|event| event["method"] == "Network.requestWillBeSent");
    let urls: Vec<&str> = sent
        .map(|event| event["params"]["request"]["url"].as_str().unwrap())
        .collect();
    // The browser's own pages come out of the browser.
    let here = ["http://127.0.0.1:", "data:", "chrome:", "chrome-untrusted:"];
    for url in &urls {
        assert!(here.iter().any(|start| url.starts_with(start)), "{url}");
    }
    urls.len()
}

/// Bytes that came over the wire from the device.
fn transferred(events: &[Value], ui: &str) -> u64 {
    let params = |method: &'static str| {
        let of = events.iter().filter(move |event| event["method"] == method);
        of.map(|event| &event["params"])
    };
    let own = |id: &Value| {
        params("Network.requestWillBeSent")
            .any(|sent| sent["requestId"] == *id && sent["request"]["url"].as_str().unwrap().starts_with(ui))
    };
    let finished = params("Network.loadingFinished").filter(|finished| own(&finished["requestId"]));
    // A fraction of a byte does not matter.
    let lengths = finished.filter_map(|event| {
        let length = event["encodedDataLength"].to_string();
        length.split('.').next()?.parse::<u64>().ok()
    });
    lengths.sum()
}

fn axe() -> String {
    let path = workspace().join("target/axe.min.js");
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; fetch it with: tests/axe.sh", path.display()))
}

/// The addresses of all pages of the owner's.
fn paths(ids: &[(&str, String)]) -> Vec<String> {
    let mut paths = Vec::new();
    for line in ROUTES.lines() {
        let mut words = line.split(' ');
        let (method, path, guard) = (
            words.next().unwrap(),
            words.next().unwrap(),
            words.next().unwrap(),
        );
        if method != "GET" || guard != "owner" || NO_PAGES.contains(&path) {
            continue;
        }
        if !path.contains("{category}") {
            let which = QUESTIONS.iter().find(|(of, _)| *of == path);
            let query = which.map_or("", |(_, query)| query);
            let question = ids.iter().find(|(of, _)| *of == "question").unwrap();
            paths.push(format!("{}{query}", path.replace("{id}", &question.1)));
            continue;
        }
        for category in CATEGORIES {
            let id = ids
                .iter()
                .find(|(of, _)| *of == category)
                .map(|(_, id)| id.as_str());
            let path = path.replace("{category}", category).replace("{id}", id.unwrap());
            // Documents are uploaded, not typed.
            if path != "/records/documents/new" {
                paths.push(path);
            }
        }
    }
    assert!(paths.len() > 50, "{paths:?}");
    paths
}

/// A device as someone has it after a month; gives one record of each category.
fn fill(device: &Device) -> Vec<(&'static str, String)> {
    let note = "# Spring\n\nSow *beans* and **peas**, see [[Tools]] and [a guide](https://example.org/beans).\n\n\
                - [x] order seeds\n- [ ] build a trellis\n\n| bed | crop | sown |\n|---|---|---|\n| north | beans | May |\n\n\
                > Water in the evening.\n\n```\nfrost = last(\"April\")\n```\n\n#garden";
    for number in 0..60 {
        let title = format!("title=Thought number {number}");
        device.add("notes", &[title.as_str(), "body=Some words that go with it."]);
    }
    let long = "A title that is rather long, so that one sees what becomes of it on a small screen";
    add(
        device,
        "tasks",
        &json!({"title": long, "due": "2020-02-01", "list": "Home", "priority": 1}),
    );
    let rent =
        json!({"title": "Pay the rent", "due": "2030-01-01", "repeat": "FREQ=MONTHLY", "list": "Home"});
    add(device, "tasks", &rent);
    add(
        device,
        "tasks",
        &json!({"title": "Read the book", "list": "Leisure"}),
    );
    device
        .ctl(&[
            "agent",
            "add",
            "assistant",
            "--scope",
            "notes:read+search,tasks:read+write",
        ])
        .one();
    device
        .place
        .ctl_given(&["secret", "set", "router"], None, b"x")
        .one();
    let file = device.place.path("garden.txt");
    fs::write(&file, "Beans: north bed\nPeas: south bed\n").unwrap();
    device.ctl(&["import", path_text(&file)]).one();
    let mut ids: Vec<_> = records(note)
        .iter()
        .map(|(category, record)| (*category, add(device, category, record)))
        .collect();
    ids.push(("documents", text(&device.list("documents")[0]["id"])));
    ids.push(("question", ask(device)));
    ids
}

/// A question to a model far away that waits for its answer, and one that was denied.
fn ask(device: &Device) -> String {
    let model = [
        "--url",
        "https://api.example.com/v1",
        "--protocol",
        "openai",
        "--model",
        "small",
    ];
    device
        .ctl(&[&["provider", "add", "mine"], &model[..]].concat())
        .one();
    device.ctl(&["profile", "set", "CLOUD_WITH_CONSENT"]).one();
    let words = "What does Ada, ada@example.org, +44 20 7946 0000, like to eat?";
    for about in ["a dinner", "a present"] {
        let photo = attached::photo(device);
        let along = ["--attach", path_text(&photo)];
        let asked = device.ctl(&[&["ask", "--no-wait", "--about", about], &along[..], &[words]].concat());
        assert_eq!(asked.code, Some(4), "{}", asked.err);
    }
    let waiting = device.ctl(&["consent", "list"]).lines();
    device.ctl(&["consent", "deny", &text(&waiting[1]["id"])]).one();
    text(&waiting[0]["id"])
}

fn records(note: &str) -> [(&'static str, Value); 6] {
    let messages = json!([
        {"at": "2026-05-01T10:00:00", "from": "Ada", "text": "Have you sown the beans?"},
        {"at": "2026-05-01T10:05:00", "from": "Me", "text": "Yes, on Sunday."},
        {"from": "", "text": "Messages are end-to-end encrypted."},
    ]);
    [
        (
            "conversations",
            json!({"title": "Ada", "channel": "whatsapp", "messages": messages}),
        ),
        (
            "notes",
            json!({"title": "Garden", "body": note, "tags": ["garden"]}),
        ),
        (
            "tasks",
            json!({"title": "Sow beans", "due": "2030-05-01T10:00", "tags": ["garden"], "notes": "In the north bed"}),
        ),
        (
            "memory",
            json!({"subject": "Anna", "text": "Anna is allergic to walnuts", "confidence": 90, "source": "Anna"}),
        ),
        (
            "contacts",
            json!({
                "name": "Ada Lovelace", "organisation": "Analytical Engines",
                "phones": [{"label": "work", "value": "+44 20 1234"}],
                "emails": [{"label": "", "value": "ada@example.org"}],
                "urls": ["https://example.org"],
            }),
        ),
        (
            "outbox",
            json!({"to": "Ada", "subject": "Beans", "body": "See you on Sunday."}),
        ),
    ]
}

/// Adds a record as its fields; gives its id.
fn add(device: &Device, category: &str, record: &Value) -> String {
    let line = format!("{record}\n");
    let added = device
        .place
        .ctl_given(&["add", category, "-"], None, line.as_bytes());
    text(&added.lines()[0]["id"])
}
