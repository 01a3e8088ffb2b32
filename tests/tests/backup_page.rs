//! Backups by the page, over the real programs, without a script.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use crate::backup::{full, verify};
use crate::device::{Device, PASSPHRASE};

const HERE: &str = "/device/backup";

/// A browser that runs no script.
pub(crate) struct Plain<'d> {
    device: &'d Device,
    agent: Agent,
    cookies: BTreeMap<String, String>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    body: Vec<u8>,
}

impl<'d> Plain<'d> {
    pub(crate) fn logged_in(device: &'d Device) -> Self {
        let agent = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .build()
            .into();
        let mut plain = Self {
            device,
            agent,
            cookies: BTreeMap::new(),
        };
        let fields = format!("passphrase={}", PASSPHRASE.replace(' ', "+"));
        let done = plain.form("/unlock", "/unlock", &fields);
        assert!(done.status < 400, "{}", done.text());
        plain
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let request = self.agent.get(format!("{}{path}", self.device.ui));
        let response = request.header("Cookie", self.cookie()).call().unwrap();
        self.take(response)
    }

    /// Fills in a form of the page and sends it.
    pub(crate) fn form(&mut self, page: &str, to: &str, fields: &str) -> Answer {
        let body = format!("form_token={}&{fields}", self.token(page));
        self.post(to, "application/x-www-form-urlencoded", body.into_bytes())
    }

    /// The same with a file.
    fn file(&mut self, page: &str, to: &str, bytes: &[u8]) -> Answer {
        let token = self.token(page);
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--edge\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"b.age\"\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--edge--\r\n"].concat();
        self.post(to, "multipart/form-data; boundary=edge", body)
    }

    fn post(&mut self, to: &str, kind: &str, body: Vec<u8>) -> Answer {
        let request = self.agent.post(format!("{}{to}", self.device.ui));
        let request = request
            .header("Cookie", self.cookie())
            .header("Content-Type", kind);
        let response = request.send(&body).unwrap();
        self.take(response)
    }

    fn cookie(&self) -> String {
        let each = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        each.collect::<Vec<_>>().join("; ")
    }

    fn token(&mut self, page: &str) -> String {
        let page = self.get(page).text();
        let (_, rest) = page.split_once("name=\"form_token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    fn take(&mut self, mut response: Response<ureq::Body>) -> Answer {
        for cookie in response.headers().get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            self.cookies.insert(name.to_owned(), value);
        }
        Answer {
            status: response.status().as_u16(),
            head: format!("{:?}", response.headers()),
            body: response.body_mut().read_to_vec().unwrap(),
        }
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[test]
fn the_page_hands_out_an_archive_and_takes_it_back_to_try_it() {
    let (device, recovery) = full();
    let mut page = Plain::logged_in(&device);
    let backup = || device.ctl(&["status"]).one()["backup"].clone();
    let before = page.get(HERE).text();
    assert!(before.contains("There is no backup yet."), "{before}");
    assert!(!before.contains("/device/backup/drill"), "there is none to try");
    let refused = page.form(HERE, HERE, "passphrase=wrong");
    assert!(refused.status >= 400 && backup()["unfinished"] == Value::Null);

    let right = format!("passphrase={}", PASSPHRASE.replace(' ', "+"));
    let made = page.form(HERE, HERE, &right);
    assert!(made.head.contains("pocketai-2"), "{}", made.head);
    let archive = device.place.path("from-the-page.age");
    fs::write(&archive, &made.body).unwrap();
    assert_eq!(verify(&device.place, &recovery, &archive).one()["records"], 6);
    assert!(backup()["last"].is_string(), "{}", backup());
    assert_eq!(backup()["drilled"], Value::Null);

    // Handed back changed, it is named, and not taken for tried.
    let drill = "/device/backup/drill";
    let mut bad = made.body.clone();
    let half = bad.len() / 2;
    bad[half] ^= 1;
    let refused = page.file(HERE, drill, &bad);
    assert!(refused.status >= 400, "{}", refused.head);
    assert!(refused.text().contains("notice"), "{}", refused.text());
    assert_eq!(backup()["drilled"], Value::Null);
    let tried = page.file(HERE, drill, &made.body);
    assert!(tried.status < 400, "{}", tried.text());
    assert!(backup()["drilled"].is_string());
    let after = page.get("/device/backup?done=tried").text();
    assert!(after.contains("the evidence is in the log"), "{after}");
}
