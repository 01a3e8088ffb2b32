//! Requests as bytes: also such as no client library would make.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer that has not come by then never will.
const HANGS: Duration = Duration::from_secs(60);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The values of a header.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.head.lines().filter_map(move |line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Sends `request` to where a door listens; `None` when it hangs up without an answer.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Option<Answer> {
    let (mut answer, mut from) = begin(address, request)?;
    let mut body = Vec::new();
    from.read_to_end(&mut body).unwrap_or_default();
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Some(answer)
}

/// The same, up to where the answer's body begins.
fn begin(address: &str, request: &[u8]) -> Option<(Answer, BufReader<TcpStream>)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    // Who refuses may hang up before it has heard all.
    stream.write_all(request).unwrap_or_default();
    let mut from = BufReader::new(stream);
    let mut head = String::new();
    while from.read_line(&mut head).ok()? > 2 {}
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = String::new();
    Some((Answer { status, head, body }, from))
}

/// A browser without a window.
pub(super) struct Page {
    /// Where the page is served, without the scheme.
    address: String,
    cookies: BTreeMap<String, String>,
}

impl Page {
    pub(super) fn new(ui: &str) -> Self {
        Self {
            address: ui.trim_start_matches("http://").to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    pub(super) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", b"")
    }

    /// Posts a form.
    pub(super) fn post(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        self.send("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// Posts a form whose last field is a file.
    pub(super) fn post_file(&mut self, path: &str, token: &str, (name, bytes): (&str, &[u8])) -> Answer {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n--edge\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
        );
        let body = [head.as_bytes(), bytes, b"\r\n--edge--\r\n"].concat();
        self.send("POST", path, "multipart/form-data; boundary=edge", &body)
    }

    /// What the forms of the page at `path` bring along.
    pub(super) fn token(&mut self, path: &str) -> String {
        let page = self.get(path);
        let mut parts = page.body.split("name=\"form_token\" value=\"");
        let rest = parts
            .nth(1)
            .unwrap_or_else(|| panic!("no form on {path}: {}", page.body));
        rest.split('"').next().unwrap().to_owned()
    }

    fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
            self.address
        );
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        write!(head, "Cookie: {cookies}\r\n").unwrap();
        if method == "POST" {
            write!(head, "Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()).unwrap();
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        // What goes on for ever has begun, which is all that is asked of it.
        let answer = if path.starts_with("/events") {
            begin(&self.address, &request).map(|(answer, _)| answer)
        } else {
            exchange(&self.address, &request)
        };
        let answer = answer.unwrap_or_else(|| panic!("no answer to {method} {path}"));
        for cookie in answer.values("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            self.cookies.insert(name.to_owned(), value);
        }
        answer
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}
