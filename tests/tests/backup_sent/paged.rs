//! The same by the page, over the real programs, without a script.

use std::thread;
use std::time::{Duration, Instant};

use super::{Fault, HANGS, HOST, Server, USER, device, nothing_counts, opens};
use crate::backup::verify;
use crate::backup_page::Plain;
use crate::device::{Device, text};

const HERE: &str = "/device/backup/send";
const OFFER: &str = "/device/backup/send/offer";
const NOW: &str = "/device/backup/send/now";

/// The digest of what the page asks consent for.
fn shown(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"sha256\" value=\"").expect(page);
    rest.chars().take(64).collect()
}

/// What the page says of it once it is no longer on its way.
fn ended(device: &Device, page: &mut Plain<'_>) -> String {
    let begun = Instant::now();
    while device.ctl(&["status"]).one()["backup"]["sending"]["state"] == "under-way" {
        assert!(begun.elapsed() < HANGS, "it is still on its way");
        thread::sleep(Duration::from_millis(50));
    }
    page.get(HERE).text()
}

#[test]
fn the_page_shows_what_would_leave_and_sends_it_with_consent() {
    let server = Server::webdav();
    let (device, recovery) = device(&server, "webdav");
    let mut page = Plain::logged_in(&device);
    let removed = page.form(HERE, HERE, "remove=yes");
    assert!(removed.status < 400, "{}", removed.text());
    assert!(device.ctl(&["backup", "place", "show"]).one()["place"].is_null());
    let place = format!("protocol=webdav&folder=https://{HOST}/backups/&user={USER}&secret=place&region=");
    let set = page.form(HERE, HERE, &place);
    assert!(set.status < 400, "{}", set.text());
    let closed = page.get(HERE).text();
    assert!(
        closed.contains("nothing can be sent") && !closed.contains(OFFER),
        "{closed}"
    );
    let refused = page.form(HERE, OFFER, "");
    assert!(refused.status >= 400, "{}", refused.text());

    opens(&device);
    let offered = page.form(HERE, OFFER, "");
    assert!(offered.status < 400, "{}", offered.text());
    let asks = page.get(HERE).text();
    let sha256 = shown(&asks);
    assert!(
        asks.contains(&format!("https://{HOST}/backups/pocketai-2")),
        "{asks}"
    );
    let wrong = format!("read=yes&sha256={}", "0".repeat(64));
    for other in [format!("sha256={sha256}"), wrong] {
        let refused = page.form(HERE, NOW, &other);
        assert!(refused.status >= 400, "{}", refused.text());
    }
    assert!(server.is_unasked());
    nothing_counts(&server, &device);

    let sent = page.form(HERE, NOW, &format!("read=yes&sha256={sha256}"));
    assert!(sent.status < 400, "{}", sent.text());
    let says = ended(&device, &mut page);
    assert!(
        says.contains("was seen to lie there whole") && says.contains(&sha256),
        "{says}"
    );
    let files = server.files();
    let [file] = files.as_slice() else {
        panic!("{files:?}");
    };
    let verified = verify(&device.place, &recovery, file).one();
    assert_eq!(verified["whole"], true);
    let outside = device.ctl(&["backup", "verify", "--outside", file.to_str().unwrap()]);
    assert_eq!(text(&outside.one()["sha256"]), sha256);
    let listed = page.get("/device/backup").text();
    assert!(listed.contains("sent backup"), "{listed}");
}

#[test]
fn the_page_says_why_one_was_not_sent() {
    let server = Server::webdav();
    let (device, _) = device(&server, "webdav");
    opens(&device);
    let mut page = Plain::logged_in(&device);
    server.goes_wrong(Fault::Answers(&[
        ("PUT", "507 Insufficient Storage"),
        ("DELETE", "500 Internal Server Error"),
    ]));
    page.form(HERE, OFFER, "").text();
    let sha256 = shown(&page.get(HERE).text());
    page.form(HERE, NOW, &format!("read=yes&sha256={sha256}")).text();
    let says = ended(&device, &mut page);
    assert!(
        says.contains("answered 507") && says.contains("may still lie there"),
        "{says}"
    );
    assert!(says.contains(OFFER), "another can be made: {says}");
}
