//! Files of strangers, from the door to the eye: read by a program without power, found by their text,
//! looked at page by page; and what the device does when that program hangs, or is not there. It tells the
//! strength of passphrases too.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::device::{Device, Place, path_text, workspace};
use crate::webdriver::{Browser, Scripts};

/// What takes longer than this hangs.
const HANGS: Duration = Duration::from_secs(120);

/// Two pages, made by hand.
const PDF: &str = "%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Count 2 /Kids [4 0 R 6 0 R] >> endobj
3 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
4 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 5 0 R
/Resources << /Font << /F1 3 0 R >> >> >> endobj
5 0 obj << /Length 49 >> stream
BT /F1 24 Tf 30 330 Td (Nasturtium seeds) Tj ET  
endstream endobj
6 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 7 0 R
/Resources << /Font << /F1 3 0 R >> >> >> endobj
7 0 obj << /Length 49 >> stream
BT /F1 24 Tf 30 330 Td (Marigold, page two) Tj ET
endstream endobj
trailer << /Size 8 /Root 1 0 R >>
";

fn file(place: &Place, name: &str, bytes: &[u8]) -> PathBuf {
    let path = place.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// Asks again until `holds` says yes: each question is a run of a program.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < HANGS, "{what} did not come about");
    }
}

fn document(device: &Device) -> Value {
    device.list("documents").remove(0)
}

fn is_read(device: &Device) -> bool {
    document(device)["fields"]["reading"] != "pending"
}

fn import(device: &Device, path: &Path) {
    device.ctl(&["import", path_text(path)]).one();
}

fn save(browser: &Browser, screen: &str, name: &str) {
    let folder = workspace().join("target/screenshots").join(screen);
    fs::create_dir_all(&folder).unwrap();
    let png = Base64::decode_vec(&browser.picture()).unwrap();
    fs::write(folder.join(format!("{name}.png")), png).unwrap();
}

#[test]
fn a_document_is_read_found_and_looked_at_page_by_page() {
    let device = Device::owned();
    import(&device, &file(&device.place, "seeds.pdf", PDF.as_bytes()));
    until("the text", || is_read(&device));
    let entry = document(&device);
    let fields = &entry["fields"];
    assert_eq!(fields["reading"], "done", "{fields}");
    assert_eq!(fields["text"], "Nasturtium seeds\u{c}Marigold, page two");
    assert_eq!((&fields["pages"], &entry["revision"]), (&json!(2), &json!(1)));
    assert!(
        fields.get("thumbnail").is_none(),
        "previews are for the page alone"
    );
    assert_eq!(device.ctl(&["search", "nasturtium"]).lines().len(), 1);
    let log = device.ctl(&["audit", "show"]).lines();
    assert!(
        log.iter().any(|entry| entry.to_string().contains("\"extract\"")),
        "{log:?}"
    );
    // What the owner edits meanwhile neither conflicts with it nor loses it.
    let id = entry["id"].as_str().unwrap().to_owned();
    device.ctl(&["edit", "documents", &id, "note=for spring"]).one();
    assert_eq!(document(&device)["fields"]["text"], fields["text"]);
    for (screen, (width, height)) in [("phone", (360, 740)), ("laptop", (1280, 800))] {
        let browser = Browser::open(width, height);
        browser.log_in(&device);
        let drawn = "return [...document.querySelectorAll('main img')].some(img => img.complete && img.naturalWidth > 20)";
        browser.go(&format!("{}/records/documents", device.ui));
        browser.wait_for(drawn);
        save(&browser, screen, "documents-with-preview");
        browser.go(&format!("{}/records/documents/{id}", device.ui));
        browser.wait_for(drawn);
        save(&browser, screen, "document-page-1");
        browser.press("a[rel=next]");
        browser.wait_for("return location.search === '?page=2' && document.readyState === 'complete'");
        browser.wait_for(drawn);
        assert!(browser.text("figcaption").contains("2 of 2"));
        assert!(!browser.shows("a[rel=next]") && browser.shows("a[rel=prev]"));
        save(&browser, screen, "document-page-2");
        assert!(browser.complaints().is_empty(), "{:?}", browser.complaints());
    }
}

#[test]
fn an_import_on_the_page_says_what_came_in_and_twice_is_nothing_twice() {
    let device = Device::owned();
    let list = file(&device.place, "todo.txt", b"(A) Buy milk\nx 2026-01-03 Sleep\n");
    let card = file(
        &device.place,
        "ada.vcf",
        b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\nEND:VCARD\r\n",
    );
    let seeds = file(&device.place, "seeds.pdf", PDF.as_bytes());
    let files = [&list, &card, &seeds].map(|path| path_text(path)).join("\n");
    for scripts in [Scripts::On, Scripts::Off] {
        let browser = Browser::open_with(1280, 800, scripts);
        browser.log_in(&device);
        browser.go(&format!("{}/import", device.ui));
        browser.choose("[name=file]", &files);
        browser.click("main button[type=submit]");
        browser.until("the report", || browser.shows(".rows.flat"));
        let told = browser.text("main");
        let expected = match scripts {
            Scripts::On => "4 records came in",
            Scripts::Off => "4 were here already",
        };
        assert!(told.contains(expected) && told.contains("ada.vcf"), "{told}");
        save(&browser, "laptop", "import-done");
    }
    let count = |category| device.list(category).len();
    assert_eq!((count("tasks"), count("contacts"), count("documents")), (2, 1, 1));
    // The very records that the command line makes.
    device
        .ctl(&["import", path_text(&list), path_text(&card), path_text(&seeds)])
        .one();
    assert_eq!((count("tasks"), count("contacts"), count("documents")), (2, 1, 1));
}

/// A folder of notes, as an editor of notes keeps it.
fn vault(place: &Place) -> PathBuf {
    let vault = place.path("Vault");
    for folder in ["plans", ".obsidian"] {
        fs::create_dir_all(vault.join(folder)).unwrap();
    }
    for (name, bytes) in [
        ("Garden.md", "---\ntitle: [\n---\nSee [[Seeds]]"),
        ("plans/Seeds.md", "# Seeds\nNasturtium, early."),
        ("plans/seeds.pdf", PDF),
        (
            "diary.ics",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n",
        ),
        (".obsidian/app.json", "{}"),
    ] {
        fs::write(vault.join(name), bytes).unwrap();
    }
    vault
}

#[test]
fn a_whole_folder_comes_in_by_its_choice_and_as_an_archive_and_as_the_command_line_has_it() {
    let device = Device::owned();
    let vault = vault(&device.place);
    let archive = device.place.path("Vault.zip");
    let packed = std::process::Command::new("python3")
        .args(["-m", "zipfile", "-c", path_text(&archive), path_text(&vault)])
        .status()
        .unwrap();
    assert!(packed.success());
    let browser = Browser::open(1280, 800);
    browser.log_in(&device);
    browser.go(&format!("{}/import", device.ui));
    browser.click("#folder");
    browser.choose("[name=file]", path_text(&vault));
    save(&browser, "laptop", "import-folder");
    browser.click("main button[type=submit]");
    browser.until("the report", || browser.shows(".rows.flat"));
    // What is folded away too.
    let told = browser
        .run("return document.querySelector('main').textContent")
        .to_string();
    for words in [
        "3 records came in",
        "plans/Seeds.md",
        "no valid YAML",
        "1 event left out",
        "1 hidden file",
    ] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    save(&browser, "laptop", "import-folder-done");
    let count = |category| device.list(category).len();
    assert_eq!((count("notes"), count("documents")), (2, 1));
    let browser = Browser::open_with(360, 740, Scripts::Off);
    browser.log_in(&device);
    let look = format!("pocketai_look_{}", device.ui.rsplit(':').next().unwrap());
    browser.cookie(&look, "de.light");
    browser.go(&format!("{}/import", device.ui));
    assert!(!browser.shows("#folder"));
    browser.choose("[name=file]", path_text(&archive));
    browser.press("main button[type=submit]");
    let told = browser.text("main");
    for words in ["3 waren schon hier", "1 Termin ausgelassen", "1 versteckte Datei"] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
    save(&browser, "phone", "import-archive-done");
    device.ctl(&["import", path_text(&vault)]).one();
    assert_eq!(
        (count("notes"), count("documents")),
        (2, 1),
        "the very records of the command line"
    );
}

#[test]
fn a_lock_kills_the_reader_and_without_one_documents_wait() {
    let place = Place::new();
    let (hangs, pid) = (place.path("hangs"), place.path("pid"));
    fs::write(
        &hangs,
        format!("#!/bin/sh\necho $$ >{}\nexec sleep 1000\n", path_text(&pid)),
    )
    .unwrap();
    fs::set_permissions(&hangs, fs::Permissions::from_mode(0o700)).unwrap();
    // The daemon gives its readers no PATH: the shell has one of its own.
    let mut command = place.command();
    command.arg("--reader").arg(&hangs);
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start with a reader of ours")
    };
    device.set_up();
    import(&device, &file(&device.place, "seeds.pdf", PDF.as_bytes()));
    let mut number = String::new();
    until("the reader", || {
        number = fs::read_to_string(&pid).unwrap_or_default();
        number.ends_with('\n')
    });
    let process = Path::new("/proc").join(number.trim());
    assert!(process.exists());
    device.ctl(&["lock"]).one();
    until("the reader's end", || !process.exists());
    device.unlock();
    assert_eq!(document(&device)["fields"]["reading"], "pending");
    let (place, _) = device.stop();
    let mut command = place.command();
    command.args(["--reader", "/nowhere/pocket-reader"]);
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start without a reader")
    };
    device.unlock();
    assert_eq!(document(&device)["fields"]["reading"], "pending");
    let device = device.restart();
    device.unlock();
    until("the text", || is_read(&device));
    assert_eq!(document(&device)["fields"]["pages"], 2);
}

#[test]
fn a_file_that_was_made_to_do_harm_is_kept_and_its_reader_gives_up_in_words() {
    let device = Device::owned();
    let nested = format!(
        "%PDF-1.4\n1 0 obj\n{}\nendobj\ntrailer << /Root 1 0 R >>",
        "[".repeat(100_000)
    );
    import(&device, &file(&device.place, "nested.pdf", nested.as_bytes()));
    until("its end", || is_read(&device));
    let entry = document(&device);
    assert!(entry["fields"]["reading"]["failed"].is_string(), "{entry}");
    let out = device.place.path("out.pdf");
    let id = entry["id"].as_str().unwrap();
    device
        .ctl(&["get", "documents", id, "--out", path_text(&out)])
        .one();
    assert_eq!(fs::read(&out).unwrap(), nested.as_bytes());
}

#[test]
fn a_passphrase_that_is_known_from_a_leak_is_taken_only_from_who_insists() {
    let device = Device::new();
    let code = device.setup_code.clone().unwrap();
    let browser = Browser::open_with(360, 740, Scripts::Off);
    browser.go(&format!("{}/setup", device.ui));
    let fill = |passphrase: &str| {
        browser.fill("[name=code]", &code);
        browser.fill("[name=passphrase]", passphrase);
        browser.fill("[name=passphrase_again]", passphrase);
    };
    fill("iloveyou123456");
    browser.press("main button[type=submit]");
    assert!(browser.text(".notice.bad").contains("easy to guess"));
    save(&browser, "phone", "setup-weak");
    fill("iloveyou123456");
    browser.choose("[name=weak]", " ");
    browser.press("main button[type=submit]");
    assert!(
        browser.shows("[aria-label='Recovery key']"),
        "{}",
        browser.text("main")
    );
}

#[test]
fn without_a_reader_no_strength_is_made_up() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["--reader", "/nowhere/pocket-reader"]);
    let Ok(device) = Device::start_command(place, command) else {
        panic!("it does not start without a reader")
    };
    let browser = Browser::open(360, 740);
    browser.go(&format!("{}/setup", device.ui));
    browser.fill("[name=passphrase]", "iloveyou123456");
    browser.until("the words", || {
        browser.text("[data-strength] span").contains("pocket-reader")
    });
    assert!(!browser.shows("[data-strength] progress"));
}
