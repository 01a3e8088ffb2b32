//! Files with a question: of a picture its pixels leave, of anything else its text, without what must not
//! leave; what can't be read does not leave at all.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64ct::{Base64, Encoding};
use serde_json::{Value, json};

use crate::asking::{device_and_model, ended};
use crate::device::{Device, path_text, program, text, workspace};
use crate::model::{Model, Request};
use crate::webdriver::Browser;

/// What a camera wrote beside the pixels.
const CANARY: &[u8] = b"taken at 48.137154, 11.576124";

/// Words that look like a picture in the bytes of a request, and are none.
const TOKEN: &str = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";

/// A picture of 64 by 64 pixels, uncompressed, with more in the file than pixels.
pub(crate) fn photo(device: &Device) -> PathBuf {
    const SIDE: u32 = 64;
    let mut file = b"BM".to_vec();
    for number in [54 + SIDE * SIDE * 3, 0, 54, 40, SIDE, SIDE] {
        file.extend(number.to_le_bytes());
    }
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    file.extend((0..SIDE * SIDE).flat_map(|pixel| {
        let [.., shade] = (pixel % 251).to_be_bytes();
        [shade, 90, 200]
    }));
    file.extend(CANARY);
    write(device, "Annegret at the lake.bmp", &file)
}

/// A letter that names a contact.
fn letter(device: &Device) -> PathBuf {
    let text = "BT /F1 24 Tf 30 330 Td (For Annegret Moosbichler, about the fence) Tj ET";
    let pdf = format!(
        "%PDF-1.4
1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj
2 0 obj << /Type /Pages /Count 1 /Kids [4 0 R] >> endobj
3 0 obj << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> endobj
4 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 5 0 R
/Resources << /Font << /F1 3 0 R >> >> >> endobj
5 0 obj << /Length {} >> stream
{text}
endstream endobj
trailer << /Size 6 /Root 1 0 R /Info << /Author (Wendelgard) >> >>
",
        text.len()
    );
    write(device, "letter.pdf", pdf.as_bytes())
}

fn write(device: &Device, name: &str, bytes: &[u8]) -> PathBuf {
    let path = device.place.path(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn said(_: &Request) -> Vec<String> {
    vec!["A lake.".to_owned()]
}

/// The picture that the model got, out of what left.
fn seen(body: &[u8]) -> Vec<u8> {
    let body: Value = serde_json::from_slice(body).unwrap();
    let content = body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    let parts = content.as_array().unwrap().clone();
    let url = parts.iter().find_map(|part| part["image_url"]["url"].as_str());
    Base64::decode_vec(url.unwrap().strip_prefix("data:image/png;base64,").unwrap()).unwrap()
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

#[test]
fn of_a_picture_the_pixels_leave_and_of_a_letter_its_text() {
    let (device, model) = device_and_model(said);
    let (photo, letter) = (photo(&device), letter(&device));
    let asked = device.ctl(&[
        "ask",
        "--no-wait",
        "--attach",
        path_text(&photo),
        "--attach",
        path_text(&letter),
        &format!("What is this? {TOKEN}"),
    ]);
    asked.failed(4, "consent-needed");
    let question: Value = serde_json::from_str(asked.out.trim()).unwrap();
    assert_eq!(question["pictures"], 1, "{question}");
    let id = text(&question["id"]);
    let folder = device.place.path("looked-at");
    fs::create_dir(&folder).unwrap();
    let shown = device
        .ctl(&["consent", "show", &id, "--pictures", path_text(&folder)])
        .one();
    let words = &shown["parts"][0];
    let plainly = Command::new(program("pocketctl"))
        .arg("--data-dir")
        .arg(device.place.data())
        .args(["consent", "show", &id])
        .output()
        .unwrap();
    let plainly = String::from_utf8(plainly.stdout).unwrap();
    let (_, exactly) = plainly.split_once("The exact bytes").unwrap();
    assert!(
        exactly.contains("characters of a picture]") && exactly.contains(TOKEN),
        "what is not a picture is read: {exactly}"
    );
    assert!(text(&words["original"]).contains("letter.pdf:\nFor Annegret Moosbichler, about the fence"));
    assert!(text(&words["redacted"]).contains("about the fence"));
    let picture = fs::read(folder.join("picture-1.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && !contains(&picture, CANARY));

    let sha256 = text(&shown["sha256"]);
    device
        .ctl(&["consent", "approve", &id, "--sha256", &sha256])
        .one();
    let body = model.request().body;
    assert!(
        body == text(&shown["body"]).as_bytes(),
        "what left is what was shown"
    );
    assert!(seen(&body) == picture, "so is the picture");
    for stays in [&b"Annegret"[..], b"Moosbichler", b"Wendelgard", b"lake.bmp"] {
        assert!(!contains(&body, stays), "{}", String::from_utf8_lossy(stays));
    }
    assert_eq!(ended(&device, &id)["suggestion"], "A lake.");
    // The same picture is not in the next question, which has none.
    let asked = device.ctl(&["ask", "--no-wait", "And now?"]);
    asked.failed(4, "consent-needed");
    let next: Value = serde_json::from_str(asked.out.trim()).unwrap();
    assert_eq!(next["pictures"], 0);
}

#[test]
fn what_can_not_be_read_does_not_go_along() {
    let (device, model) = device_and_model(said);
    let noise: Vec<u8> = (0..4000u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    for (name, bytes) in [
        ("torn.png", [b"\x89PNG\r\n\x1a\n", &noise[..]].concat()),
        ("noise.bin", noise.clone()),
        ("empty.txt", Vec::new()),
    ] {
        let file = write(&device, name, &bytes);
        let asked = device.ctl(&["ask", "--no-wait", "--attach", path_text(&file), "What is this?"]);
        let words = asked.failed(1, "invalid");
        assert!(words.contains(name), "{words}");
    }
    assert!(device.ctl(&["consent", "list"]).lines().is_empty());
    assert!(model.is_unasked());
}

#[test]
fn on_the_page_pictures_are_looked_at_before_they_leave() {
    let (device, model) = device_and_model(said);
    let photo = photo(&device);
    let browser = Browser::open(360, 740);
    browser.log_in(&device);
    browser.go(&format!("{}/ask", device.ui));
    browser.fill("[name=text]", "Which lake is it?");
    browser.choose("[name=file]", path_text(&photo));
    // A session that ends loses no words, although a file goes with them.
    device.ctl(&["lock"]).one();
    device.unlock();
    browser.press("main button[type=submit]");
    browser.fill("[name=passphrase]", crate::device::PASSPHRASE);
    browser.press("main button[type=submit]");
    assert_eq!(
        browser.run("return document.querySelector('[name=text]').value"),
        json!("Which lake is it?")
    );
    browser.choose("[name=file]", path_text(&photo));
    browser.press("main button[type=submit]");
    assert!(browser.path().starts_with("/consent/"), "{}", browser.path());
    browser.wait_for("return document.querySelector('figure.picture img').naturalWidth === 64");
    assert!(browser.text("main").contains("Nobody has searched the pictures"));
    let folder = workspace().join("target/screenshots/phone");
    fs::create_dir_all(&folder).unwrap();
    let picture = Base64::decode_vec(&browser.picture()).unwrap();
    fs::write(folder.join("consent-picture.png"), picture).unwrap();
    assert!(model.is_unasked());
    browser.click("#read");
    browser.press("button.danger");
    assert!(seen(&model.request().body).starts_with(b"\x89PNG"));
}

#[test]
fn a_model_on_the_device_is_shown_pictures_too() {
    let device = Device::owned();
    let socket = device.place.path("model.sock");
    let model = Model::on_the_device(&socket, said);
    let url = format!("unix:{}", path_text(&socket));
    let add = [
        "provider",
        "add",
        "here",
        "--url",
        &url,
        "--protocol",
        "openai",
        "--model",
        "m",
    ];
    device.ctl(&add).one();
    let photo = photo(&device);
    let asked = device
        .ctl(&["ask", "--attach", path_text(&photo), "Which lake is it?"])
        .one();
    assert_eq!(asked["suggestion"], "A lake.");
    assert!(!contains(&seen(&model.request().body), CANARY));
}
