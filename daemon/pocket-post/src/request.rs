//! What is sent.

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::http::uri::PathAndQuery;
use pocket_core::{CallFailure, Method};
use pocket_grant::Headers;

/// What every request of a device says it comes from: neither a version nor a board.
const AGENT: &str = "PocketAI";
/// Most headers that a caller may add.
const MOST_HEADERS: usize = 32;
/// Longest path, in bytes.
const MOST_PATH: usize = 4096;
/// What a caller may not say: what frames the message, what is set here, and what would name the device.
const RESERVED: [&str; 17] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// A request whose every part was checked.
#[must_use]
pub struct Request {
    pub(crate) inner: hyper::Request<Full<Bytes>>,
}

impl Request {
    /// A request for `path` at `host`, as its `Host` header is to say, with `body`.
    ///
    /// # Errors
    /// [`CallFailure::RequestInvalid`] when the path is none, or a header is none that a caller may add.
    pub fn new(
        method: Method,
        (host, path): (&str, &str),
        headers: &Headers,
        body: Vec<u8>,
    ) -> Result<Self, CallFailure> {
        let mut inner = hyper::Request::new(Full::new(Bytes::from(body)));
        *inner.method_mut() = match method {
            Method::Get => hyper::Method::GET,
            // Nobody holds such a body whole.
            Method::KeepS3 | Method::KeepWebdav => return Err(CallFailure::RequestInvalid),
            Method::Post => hyper::Method::POST,
        };
        *inner.uri_mut() = uri(path)?;
        let map = inner.headers_mut();
        let host = HeaderValue::from_str(host).map_err(|_| CallFailure::RequestInvalid)?;
        map.insert(HOST, host);
        map.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        map.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        map.insert(CONNECTION, HeaderValue::from_static("close"));
        add(map, headers)?;
        Ok(Self { inner })
    }
}

fn uri(path: &str) -> Result<Uri, CallFailure> {
    let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if !path.starts_with('/') || path.len() > MOST_PATH || !visible {
        return Err(CallFailure::RequestInvalid);
    }
    let path: PathAndQuery = path.parse().map_err(|_| CallFailure::RequestInvalid)?;
    // Not parsed as a whole: `//name/` would be a host then.
    Uri::builder()
        .path_and_query(path)
        .build()
        .map_err(|_| CallFailure::RequestInvalid)
}

fn add(map: &mut HeaderMap, headers: &Headers) -> Result<(), CallFailure> {
    if headers.iter().count() > MOST_HEADERS {
        return Err(CallFailure::RequestInvalid);
    }
    for header in headers.iter() {
        let lower = header.name.to_ascii_lowercase();
        let name = HeaderName::try_from(&lower).map_err(|_| CallFailure::RequestInvalid)?;
        let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        let bytes = header.value.expose_bytes();
        if RESERVED.contains(&lower.as_str()) || map.contains_key(&name) || !bytes.iter().all(visible) {
            return Err(CallFailure::RequestInvalid);
        }
        let mut value = HeaderValue::from_bytes(bytes).map_err(|_| CallFailure::RequestInvalid)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    // Set by hyper from the body; nobody else can have.
    debug_assert!(!map.contains_key(CONTENT_LENGTH), "reserved");
    Ok(())
}

#[cfg(test)]
mod tests {
    use pocket_crypto::SecretBytes;
    use proptest::prelude::*;

    use super::*;

    fn made(path: &str, headers: &[(&str, &[u8])]) -> Result<Request, CallFailure> {
        let mut all = Headers::default();
        for (name, value) in headers {
            all.push(*name, SecretBytes::new(value.to_vec()));
        }
        Request::new(Method::Post, ("api.example.org", path), &all, b"{}".to_vec())
    }

    #[test]
    fn a_path_stays_a_path() {
        for path in ["/", "/v1/chat?a=b&c=%20", "//other.example/", "/a@b:c", "/../x"] {
            let request = made(path, &[]).ok().unwrap();
            assert_eq!(request.inner.uri().to_string(), path);
            assert_eq!(request.inner.uri().authority(), None, "{path}");
        }
        for path in [
            "",
            "v1",
            "https://a/",
            "/a b",
            "/a#b",
            "/a\r\nX: y",
            "/a\0",
            "/\u{e4}",
            "/a\u{7f}",
            "*",
            &format!("/{}", "x".repeat(MOST_PATH)),
        ] {
            assert_eq!(
                made(path, &[]).err(),
                Some(CallFailure::RequestInvalid),
                "{path:?}"
            );
        }
    }

    #[test]
    fn a_header_says_neither_what_frames_the_message_nor_what_ends_a_line() {
        assert!(made("/", &[("authorization", b"Bearer a b"), ("X-Api-Key", b"k")]).is_ok());
        for name in RESERVED
            .into_iter()
            .chain(["", "a b", "a:", "a\r\nb", "\u{e4}", "Host", "TE"])
        {
            assert_eq!(
                made("/", &[(name, b"v")]).err(),
                Some(CallFailure::RequestInvalid),
                "{name:?}"
            );
        }
        for value in [
            &b"a\r\nb: c"[..],
            b"a\nb",
            b"a\rb",
            b"a\0b",
            b"a\tb",
            b"\xe4",
            b"\x7f",
        ] {
            assert_eq!(
                made("/", &[("x", value)]).err(),
                Some(CallFailure::RequestInvalid),
                "{value:?}"
            );
        }
        assert!(made("/", &[("x", b"1"), ("X", b"2")]).is_err(), "twice");
        let many: Vec<String> = (0..=MOST_HEADERS).map(|number| format!("x{number}")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"v"[..])).collect();
        assert!(made("/", &many).is_err());
        assert!(made("/", &many[1..]).is_ok());
    }

    proptest! {
        #[test]
        fn no_path_or_header_breaks_out(path in ".{0,40}", name in ".{0,20}", value in any::<Vec<u8>>()) {
            if let Ok(request) = made(&format!("/{path}"), &[(name.as_str(), value.as_slice())]) {
                prop_assert_eq!(request.inner.uri().authority(), None);
                prop_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            }
        }
    }
}
