//! What a page owes its owner besides looking right: it works by keyboard and without scripts, it
//! shows what others change, and it loses nothing that was typed.

use std::fs;

use serde_json::json;

use crate::device::{Device, PASSPHRASE, path_text};
use crate::webdriver::{Browser, Scripts};

/// Keys as the WebDriver protocol writes them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

const PHONE: (u32, u32) = (360, 740);
const LAPTOP: (u32, u32) = (1280, 800);

#[test]
fn by_keyboard_alone_on_a_phone() {
    by_keyboard(PHONE);
}

#[test]
fn by_keyboard_alone_on_a_laptop() {
    by_keyboard(LAPTOP);
}

/// Unlock, add a note, look at what waits for consent, lock; never a pointer.
fn by_keyboard((width, height): (u32, u32)) {
    let device = Device::owned();
    device.ctl(&["lock"]).one();
    let browser = Browser::open(width, height);
    browser.go(&device.ui);
    tab_to(
        &browser,
        "passphrase field",
        "document.activeElement.name === 'passphrase'",
    );
    browser.keys(PASSPHRASE);
    enter(&browser, "/");
    tab_to(
        &browser,
        "new note",
        "document.activeElement.getAttribute('href') === '/records/notes/new'",
    );
    enter(&browser, "/records/notes/new");
    tab_to(&browser, "title", "document.activeElement.name === 'title'");
    browser.keys("By keyboard");
    tab_to(
        &browser,
        "save",
        "document.activeElement.matches('main button[type=submit]')",
    );
    browser.keys(ENTER);
    browser.wait_for("return location.search === '?done=added' && document.readyState === 'complete'");
    assert_eq!(device.list("notes")[0]["fields"]["title"], "By keyboard");
    if width < 600 {
        tab_to(
            &browser,
            "the drawer",
            "document.activeElement.matches('.drawer > summary')",
        );
        browser.keys(ENTER);
    }
    tab_to(
        &browser,
        "consent",
        "document.activeElement.matches('nav a[href=\"/consent\"]')",
    );
    enter(&browser, "/consent");
    assert!(browser.text("main").contains("Nothing waits for your consent."));
    tab_to(
        &browser,
        "lock",
        "document.activeElement.matches('form[action=\"/lock\"] button')",
    );
    enter(&browser, "/unlock");
    assert_eq!(device.state(), "locked");
}

/// Presses TAB until the focus is where it should be, and can be seen there.
fn tab_to(browser: &Browser, what: &str, here: &str) {
    for _ in 0..150 {
        if browser.run(&format!("return {here}")) == json!(true) {
            let seen = "const one = document.activeElement; \
                 return one.matches(':focus-visible') && getComputedStyle(one).outlineStyle !== 'none'";
            assert_eq!(
                browser.run(seen),
                json!(true),
                "the focus on {what} can't be seen"
            );
            return;
        }
        browser.keys(TAB);
    }
    panic!("{what} is not reached by TAB on {}", browser.path());
}

fn enter(browser: &Browser, path: &str) {
    browser.keys(ENTER);
    browser.wait_for(&format!(
        "return location.pathname === '{path}' && document.readyState === 'complete'"
    ));
}

#[test]
fn without_scripts_on_a_phone() {
    without_scripts(PHONE);
}

#[test]
fn without_scripts_on_a_laptop() {
    without_scripts(LAPTOP);
}

fn without_scripts((width, height): (u32, u32)) {
    let device = Device::owned();
    let browser = Browser::open_with(width, height, Scripts::Off);
    let go = |path: &str| browser.go(&format!("{}{path}", device.ui));
    go("/unlock");
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.click("main button[type=submit]");
    browser.until_path("/");
    assert!(
        !browser.shows(".needs-script"),
        "what only a script can do is hidden"
    );
    go("/records/tasks/new");
    browser.fill("[name=title]", "Without scripts");
    browser.click("main button[type=submit]");
    browser.until("the task", || device.list("tasks").len() == 1);
    go("/records/tasks");
    browser.click("button.tick");
    browser.until("the tick", || device.list("tasks")[0]["fields"]["done"] == true);
    let file = device.place.path("plain.txt");
    fs::write(&file, "a file").unwrap();
    go("/documents/upload");
    browser.choose("[name=file]", path_text(&file));
    browser.click("main button[type=submit]");
    browser.until("the document", || device.list("documents").len() == 1);
    go("/settings");
    browser.choose("[name=language]", "Deutsch");
    browser.click("form[action='/settings/look'] button");
    browser.until("German", || browser.text("main h1") == "Einstellungen");
    go("/");
    if width < 600 {
        browser.click(".drawer > summary");
        assert!(browser.shows(".sheet a[href='/agents']"));
    }
    let time = browser.text("main time");
    assert!(
        time.ends_with(" UTC"),
        "without a script a time says its zone: {time}"
    );
    browser.click("header form[action='/lock'] button");
    browser.until("the lock", || device.state() == "locked");
}

#[test]
fn what_others_change_is_shown_without_a_reload() {
    let device = Device::owned();
    let browser = Browser::open(LAPTOP.0, LAPTOP.1);
    browser.log_in(&device);
    device.add("notes", &["title=First"]);
    browser.go(&format!("{}/records/notes", device.ui));
    browser.run("window.same = true; window.scrollTo(0, 1)");
    browser.fill("#q", "half a word");
    browser.click("input[name=id]");
    browser.wait_for("return document.querySelector('.rows') !== null");
    device.add("notes", &["title=From elsewhere"]);
    browser.wait_for("return document.querySelector('.rows').textContent.includes('From elsewhere')");
    let kept = "return [window.same, document.getElementById('q').value, \
         document.querySelectorAll('[name=id]:checked').length]";
    assert_eq!(browser.run(kept), json!([true, "half a word", 1]));
    // The agent's or another tab's lock is seen too.
    device.ctl(&["lock"]).one();
    browser.wait_for("return location.pathname === '/unlock'");
}

#[test]
fn a_lost_connection_is_told_and_healed() {
    let device = Device::owned();
    let browser = Browser::open(LAPTOP.0, LAPTOP.1);
    browser.log_in(&device);
    let lost = "return document.getElementById('lost').hidden === ";
    browser.wait_for(&format!("{lost}true"));
    let pid = nix::unistd::Pid::from_raw(device.pid());
    let ui = device.ui.clone();
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let place = device.wait();
    browser.wait_for(&format!("{lost}false"));
    // The same address again, as on a device: the page finds back by itself, to the login.
    let address = ui.trim_start_matches("http://").to_owned();
    let command = place.command_at(&address);
    let device = Device::start_command(place, command).unwrap_or_else(|_| panic!("it starts again"));
    browser.wait_for("return location.pathname === '/unlock'");
    drop(device);
}

#[test]
fn nothing_typed_is_lost_when_the_session_ends() {
    let device = Device::owned();
    let browser = Browser::open(PHONE.0, PHONE.1);
    browser.log_in(&device);
    browser.go(&format!("{}/records/notes/new", device.ui));
    browser.fill("[name=title]", "Long thoughts");
    browser.fill("[name=body]", "that took an hour");
    device.ctl(&["lock"]).one();
    browser.wait_for("return document.getElementById('changed').innerText.includes('You are logged out')");
    browser.press("main form.form button[type=submit]");
    assert!(browser.path().starts_with("/unlock"), "{}", browser.path());
    assert!(browser.text("main").contains("What you wrote is kept."));
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.press("main button[type=submit]");
    assert_eq!(browser.path(), "/records/notes/new");
    assert!(device.list("notes").is_empty(), "nothing is saved unasked");
    browser.press("main form.form button[type=submit]");
    assert_eq!(device.list("notes")[0]["fields"]["body"], "that took an hour");
}

#[test]
fn no_form_loses_what_was_typed_and_no_secret_stays_on_the_screen() {
    let device = Device::owned();
    let browser = Browser::open(PHONE.0, PHONE.1);
    browser.log_in(&device);
    browser.go(&format!("{}/secrets/set", device.ui));
    browser.fill("[name=name]", "bank.pin");
    browser.fill("[name=note]", "the blue card");
    browser.fill("[name=value]", "1234");
    device.ctl(&["lock"]).one();
    browser.wait_for("return document.getElementById('changed').innerText.includes('You are logged out')");
    let left =
        "return ['name', 'note', 'value'].map((name) => document.querySelector(`[name=${name}]`).value)";
    assert_eq!(browser.run(left), json!(["bank.pin", "the blue card", ""]));
    browser.run("document.querySelector('main form.form').noValidate = true");
    browser.press("main form.form button[type=submit]");
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.press("main button[type=submit]");
    assert_eq!(browser.path(), "/secrets/set");
    assert_eq!(browser.run(left), json!(["bank.pin", "the blue card", ""]));
    // A page on which nothing was typed shows nothing any more.
    browser.go(&format!("{}/agents/new", device.ui));
    device.ctl(&["lock"]).one();
    browser.wait_for("return location.pathname === '/unlock'");
}

#[test]
fn what_others_changed_or_deleted_meanwhile_is_not_lost_and_neither_is_the_edit() {
    let device = Device::owned();
    let browser = Browser::open(LAPTOP.0, LAPTOP.1);
    browser.log_in(&device);
    let id = device.add("notes", &["title=Trip", "body=first"]);
    let edit = format!("{}/records/notes/{id}/edit", device.ui);
    browser.go(&edit);
    browser.fill("[name=body]", "mine");
    device.ctl(&["edit", "notes", &id, "body=theirs"]).one();
    browser.press("main form.form button[type=submit]");
    assert_eq!(browser.text(".stored pre"), "theirs");
    browser.press("button[formaction]");
    let bodies = |device: &Device| {
        let notes = device.list("notes");
        let mut bodies: Vec<String> = notes
            .iter()
            .map(|note| note["fields"]["body"].to_string())
            .collect();
        bodies.sort();
        bodies
    };
    assert_eq!(bodies(&device), ["\"mine\"", "\"theirs\""]);
    browser.go(&edit);
    browser.fill("[name=body]", "mine again");
    device.ctl(&["delete", "notes", &id]).one();
    browser.press("main form.form button[type=submit]");
    assert!(browser.text("main").contains("This was deleted meanwhile."));
    browser.press("main form.form button[type=submit]");
    assert_eq!(bodies(&device), ["\"mine again\"", "\"mine\""]);
}

#[test]
fn an_upload_that_finds_the_session_over_keeps_its_files() {
    let device = Device::owned();
    let browser = Browser::open(LAPTOP.0, LAPTOP.1);
    browser.log_in(&device);
    let file = device.place.path("letter.txt");
    fs::write(&file, "a letter").unwrap();
    browser.go(&format!("{}/documents/upload", device.ui));
    browser.choose("[name=file]", path_text(&file));
    device.ctl(&["lock"]).one();
    browser.wait_for("return document.getElementById('changed').innerText.includes('You are logged out')");
    browser.click("main form.form button[type=submit]");
    browser.wait_for("return document.querySelector('.progress').innerText.includes('in another tab')");
    // In the other tab.
    browser.run_slowly(&format!(
        "const done = arguments[arguments.length - 1]; (async () => {{ \
         const page = new DOMParser().parseFromString(await (await fetch('/unlock')).text(), 'text/html'); \
         const form_token = page.querySelector('[name=form_token]').value; \
         await fetch('/unlock', {{method: 'POST', body: new URLSearchParams({{form_token, passphrase: '{PASSPHRASE}'}})}}); \
         done(true); }})()",
    ));
    browser.click("main form.form button[type=submit]");
    browser.until_path("/records/documents?done=uploaded");
    assert_eq!(device.list("documents").len(), 1);
}

#[test]
fn without_scripts_too_the_note_of_an_upload_comes_back() {
    let device = Device::owned();
    let browser = Browser::open_with(LAPTOP.0, LAPTOP.1, Scripts::Off);
    browser.go(&format!("{}/unlock", device.ui));
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.click("main button[type=submit]");
    browser.until_path("/");
    let file = device.place.path("letter.txt");
    fs::write(&file, "a letter").unwrap();
    browser.go(&format!("{}/documents/upload", device.ui));
    browser.fill("[name=note]", "from the attic");
    browser.choose("[name=file]", path_text(&file));
    device.ctl(&["lock"]).one();
    browser.click("main form.form button[type=submit]");
    browser.until("the login", || browser.path().starts_with("/unlock"));
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.click("main button[type=submit]");
    browser.until_path("/documents/upload");
    assert!(
        browser
            .text("main")
            .contains("This is what you wrote before your session ended.")
    );
    assert!(device.list("documents").is_empty());
}

/// In bytes: far more than a door may hold at once, and not too much for a build without optimisation.
const LARGE: u64 = 48 * 1024 * 1024;

#[test]
fn a_large_file_is_dropped_and_never_lies_in_the_memory_as_a_whole() {
    let device = Device::owned();
    let browser = Browser::open(LAPTOP.0, LAPTOP.1);
    browser.log_in(&device);
    browser.go(&format!("{}/documents/upload", device.ui));
    browser.run(&format!(
        "const bytes = new Uint8Array({LARGE}).fill(7); const files = new DataTransfer(); \
         files.items.add(new File([bytes], 'large.bin')); \
         document.querySelector('.drop').dispatchEvent(new DragEvent('drop', {{dataTransfer: files, bubbles: true, cancelable: true}}))",
    ));
    assert_eq!(
        browser.run("return document.querySelector('[name=file]').files.length"),
        json!(1)
    );
    // The slow hash of the login is forgotten: from here on the peak is that of the upload (proc(5),
    // clear_refs). Only root may do that to a process that can't be dumped.
    fs::write(format!("/proc/{}/clear_refs", device.pid()), "5").unwrap_or_default();
    let before = peak_kib(&device);
    browser.run("document.querySelector('[data-upload]').requestSubmit()");
    browser.wait_for("return document.querySelector('[data-upload] progress') === null || document.querySelector('[data-upload] progress').value > 0");
    browser.until_path("/records/documents?done=uploaded");
    assert_eq!(device.list("documents")[0]["fields"]["size"], LARGE);
    let grown = peak_kib(&device) - before;
    assert!(grown < 24 * 1024, "{grown} KiB more for a file of {LARGE} bytes");
}

/// The most memory that the daemon ever had, in KiB.
fn peak_kib(device: &Device) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", device.pid())).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
