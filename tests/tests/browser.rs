//! The owner's page in a real browser, on a phone and on a laptop.

use std::fs;

use serde_json::json;

use crate::device::{Device, PASSPHRASE};
use crate::webdriver::Browser;

#[test]
fn the_owners_day_on_a_phone() {
    owners_day(360, 740);
}

#[test]
fn the_owners_day_on_a_laptop() {
    owners_day(1280, 800);
}

/// From the first run to the factory reset.
fn owners_day(width: u32, height: u32) {
    let device = Device::new();
    let browser = Browser::open(width, height);
    set_up(&device, &browser);
    let note = write_and_read(&device, &browser);
    lock_and_unlock(&device, &browser, &note);
    remove(&device, &browser, &note);
    reset(&device, &browser);
    // The wrong passphrase, and nothing else: no blocked script, style or font.
    let complaints = browser.complaints();
    let expected = |complaint: &String| complaint.contains("/unlock") && complaint.contains("401");
    assert!(
        complaints.len() == 1 && complaints.iter().all(expected),
        "{complaints:#?}"
    );
}

fn set_up(device: &Device, browser: &Browser) {
    browser.go(&device.ui);
    assert_eq!(browser.path(), "/setup");
    looks_right(browser);
    browser.fill("[name=code]", device.setup_code.as_deref().unwrap());
    browser.fill("[name=passphrase]", "password");
    browser.wait_for(
        "return document.querySelector('[data-strength] span').textContent.startsWith('Very weak')",
    );
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.wait_for("return document.querySelector('[data-strength] span').textContent === 'Strong'");
    browser.fill("[name=passphrase_again]", PASSPHRASE);
    browser.press("main button[type=submit]");
    let key = browser.text("[aria-label='Recovery key']");
    let groups: Vec<&str> = key.split_whitespace().filter(|part| part.len() == 5).collect();
    assert_eq!(groups.len(), 8, "{key}");
    looks_right(browser);
    browser.press("a[href='/device/recovery/confirm']");
    let group = |field: &str| {
        let label = browser.text(&format!("label[for={field}]"));
        let number: usize = label.trim_start_matches("Group ").parse().unwrap();
        groups[number - 1].to_owned()
    };
    let (first, second) = (group("first"), group("second"));
    browser.fill("[name=first]", &first);
    browser.fill("[name=second]", &second);
    browser.press("main button[type=submit]");
    assert_eq!(device.ctl(&["status"]).one()["recovery_confirmed"], true);
}

/// Writes a note that would do harm if it were taken for HTML; gives its path.
fn write_and_read(device: &Device, browser: &Browser) -> String {
    let body = "<script>document.title = 'owned'</script> beans & peas";
    browser.go(&format!("{}/records/notes/new", device.ui));
    looks_right(browser);
    browser.fill("[name=title]", "Garden <b>plans</b>");
    browser.fill("[name=body]", body);
    browser.press("main button[type=submit]");
    browser.go(&format!("{}/records/notes", device.ui));
    assert!(browser.text("main").contains("Garden <b>plans</b>"));
    looks_right(browser);
    browser.press("ul.rows a");
    assert!(browser.text("main").contains(body));
    assert!(!browser.run("return document.title").to_string().contains("owned"));
    looks_right(browser);
    let listed = device.list("notes");
    assert_eq!(listed[0]["fields"]["body"], body);
    let title = browser.text("main h1");
    assert_eq!(title, "Garden <b>plans</b>");
    browser.path()
}

fn lock_and_unlock(device: &Device, browser: &Browser, note: &str) {
    browser.press("header form[action='/lock'] button");
    assert_eq!(device.state(), "locked");
    browser.go(&format!("{}{note}", device.ui));
    assert!(browser.path().starts_with("/unlock"), "{}", browser.path());
    looks_right(browser);
    browser.fill("[name=passphrase]", "not the passphrase");
    browser.press("main button[type=submit]");
    assert!(browser.path().starts_with("/unlock"));
    assert!(
        browser.text("main").contains("passphrase"),
        "{}",
        browser.text("main")
    );
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.press("main button[type=submit]");
    assert_eq!(
        browser.path(),
        note,
        "the page that was wanted is shown after the unlock"
    );
}

fn remove(device: &Device, browser: &Browser, note: &str) {
    browser.go(&format!("{}{note}", device.ui));
    browser.press(&format!("form[action='{note}/delete'] button"));
    assert!(device.list("notes").is_empty());
    looks_right(browser);
    browser.press("form[action='/undo'] button");
    assert_eq!(device.list("notes").len(), 1);
    browser.click("input[name=id]");
    browser.press(".bulk button");
    assert!(device.list("notes").is_empty());
}

fn reset(device: &Device, browser: &Browser) {
    browser.go(&format!("{}/device/reset", device.ui));
    looks_right(browser);
    assert!(browser.text("main").contains("This will be gone"));
    browser.press("main button.danger");
    looks_right(browser);
    browser.fill("[name=confirm]", "ERASE");
    browser.press("main button.danger");
    looks_right(browser);
    browser.fill("[name=passphrase]", PASSPHRASE);
    browser.press("main button.danger");
    browser.go(&device.ui);
    assert_eq!(browser.path(), "/setup");
    let page = browser.text("main");
    assert!(
        page.contains("Everything is gone") && page.contains("none"),
        "{page}"
    );
    assert_eq!(device.state(), "first-run");
    assert!(fs::read_dir(device.place.secrets()).unwrap().next().is_none());
}

/// What holds for every page: nothing sticks out sideways, every field has its name, nothing comes
/// from elsewhere, and one may go to the content by keyboard.
fn looks_right(browser: &Browser) {
    let path = browser.path();
    let sticking_out = browser.run(
        "const wide = document.documentElement.clientWidth; \
         if (document.documentElement.scrollWidth <= wide) return []; \
         return [[wide, document.documentElement.scrollWidth], ...[...document.querySelectorAll('body, body *')] \
         .filter(element => element.getBoundingClientRect().right > wide).map(element => element.outerHTML.slice(0, 200))]",
    );
    assert_eq!(sticking_out, json!([]), "{path} is wider than the screen");
    let nameless = browser.run(
        "return [...document.querySelectorAll('input:not([type=hidden], [aria-hidden=true]), textarea, select, button')] \
         .filter(field => !(field.labels && field.labels.length) && !field.textContent.trim() \
         && !field.getAttribute('aria-label')).map(field => field.outerHTML)",
    );
    assert_eq!(nameless, json!([]), "{path}");
    let outside = browser.run(
        "return performance.getEntriesByType('resource').map(entry => entry.name) \
         .filter(name => !name.startsWith(location.origin))",
    );
    assert_eq!(outside, json!([]), "{path}");
    let heads = browser.run("return document.querySelectorAll('main h1').length");
    assert_eq!(heads, json!(1), "{path} has one main heading");
    assert_eq!(
        browser.run("return document.documentElement.lang"),
        json!("en"),
        "{path}"
    );
}
