//! What this door itself reads of what browsers send, and what it shows of texts that others wrote, for tests that
//! feed it any bytes. In no product.

use std::convert::Infallible;

use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::FutureExt;
use futures_util::stream;
use pocket_core::{Category, Timestamp};

use crate::door::cookie;
use crate::fields::Fields;
use crate::look::Look;
use crate::markdown;
use crate::pages::records::form;
use crate::pages::upload::file_name;
use crate::parts;
use crate::words::ENGLISH;

const PAIRS: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=edge";
/// Most bytes of a form here.
const MOST: usize = 64 * 1024;
/// Bytes that come at a time: the edge between two parts is cut too.
const PIECE: usize = 5;
/// Elements that a text becomes.
const ELEMENTS: [&str; 24] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];
/// How an address begins that a text leads to.
const LEADS_TO: [&str; 7] = [
    "#",
    "/notes/named?title=",
    "/records/notes?tag=",
    "http://",
    "https://",
    "mailto:",
    "tel:",
];

/// Reads `bytes` as a form, in each way that there is, and as headers. Must not panic, and what was read and is
/// written down must read back the same.
///
/// # Panics
/// When one of the readers has a defect.
pub fn read_as_request(bytes: &[u8]) {
    for kind in [PAIRS, PARTS] {
        if let Some(Ok(fields)) = Fields::read(request(kind, bytes), MOST).now_or_never() {
            read_as_record(&fields);
            let again = Fields::from_text(fields.to_text().as_bytes());
            assert!(again.iter().eq(fields.iter()));
            for file in fields.files() {
                assert!(!file_name(&file.name).contains(['/', '\\']));
            }
        }
    }
    let before = Fields::read_before_files(request(PARTS, bytes), MOST).now_or_never();
    drop(before.expect("all of it is here"));
    if let Some(Ok(form)) = request(PARTS, bytes).extract().now_or_never() {
        let read = parts::read_any(form).now_or_never();
        read.expect("all of it is here");
    }
    read_as_headers(bytes);
}

fn request(kind: &str, bytes: &[u8]) -> Request {
    let pieces: Vec<Result<Bytes, Infallible>> = bytes
        .chunks(PIECE)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let mut request = Request::new(Body::from_stream(stream::iter(pieces)));
    let kind = HeaderValue::from_str(kind).expect("it is ASCII");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request
}

fn read_as_record(fields: &Fields) {
    for record in Category::ALL.into_iter().filter_map(form::blank) {
        drop(form::typed(&ENGLISH, &record, fields));
        drop(form::read(&ENGLISH, &record, fields, Timestamp::from_millis(0)));
    }
}

fn read_as_headers(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(8) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(header::ACCEPT_LANGUAGE, value.clone());
            headers.append(header::COOKIE, value);
        }
    }
    drop(cookie(&headers, "session").map(str::to_owned));
    std::hint::black_box(Look::of(&headers, "look").language);
}

/// Renders a note. Must not panic, and nothing in what comes of it may act: there are no elements and attributes but
/// those that this door makes itself, and no address leads to where one of another scheme would.
///
/// # Panics
/// When it could do harm.
pub fn render(text: &str) {
    let Some(html) = markdown::render(text) else {
        return;
    };
    for rest in html.split('<').skip(1) {
        let (inside, _) = rest.split_once('>').expect("an element is closed");
        let (name, attributes) = inside
            .trim_start_matches('/')
            .split_once(' ')
            .unwrap_or((inside, ""));
        let name = name.trim_matches('/');
        assert!(ELEMENTS.contains(&name), "{inside}: {html}");
        let known = match (name, attributes.split_once("=\"")) {
            (_, None) => matches!(attributes, "" | "/"),
            ("a", Some(("href", to))) => {
                let to = to.to_ascii_lowercase();
                to.matches('"').count() == 1 && LEADS_TO.iter().any(|begin| to.starts_with(begin))
            }
            ("code", Some(("class", language))) => {
                language.starts_with("language-") && language.matches('"').count() == 1
            }
            ("ol", Some(("start", number))) => number.trim_end_matches('"').parse::<u64>().is_ok(),
            _ => false,
        };
        assert!(known, "{inside}: {html}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODIES: [&str; 3] = [
        "form_token=x&title=a%20b&body=one%0D%0Atwo&tags=x,+y&due=2026-12-01&priority=3",
        "--edge\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nx\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nwhy\r\n\
         --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a/b.txt\"\r\n\
         Content-Type: text/plain\r\n\r\nbytes\r\n--edge--\r\n",
        "session=abc; look=de.dark\nde-AT,de;q=0.8,en;q=0.5",
    ];
    const TEXTS: [&str; 3] = [
        "# One\n\n1. *a*\n2. **b**\n\n```x\"y\ncode\n```\n\n---\n\n| a |\n|--:|\n| b |\n\n> ~~c~~ #tag and [[A note]]\n\n- [x] d",
        "[a](https://a.example \"t\") ![b](c.png) <d@e.example> <script>f</script> [g](javascript:h) &#60;i&#62;",
        "3. a\\\nb\n\n   c\n\n[x]: tel:1\n[x] [<b>y](mailto:<z>)",
    ];

    #[test]
    fn no_request_makes_a_reader_panic_wherever_it_is_cut() {
        for body in BODIES {
            for end in 0..=body.len() {
                read_as_request(&body.as_bytes()[..end]);
            }
        }
    }

    #[test]
    fn no_text_becomes_what_acts_wherever_it_is_cut() {
        for text in TEXTS {
            let ends = (0..=text.len()).filter_map(|end| text.get(..end));
            ends.for_each(render);
        }
    }
}
