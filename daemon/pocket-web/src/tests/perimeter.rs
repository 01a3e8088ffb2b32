//! Hosts, origins, headers, limits.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use super::browser::{Device, HOST, PASSPHRASE};

#[tokio::test]
async fn only_the_names_of_this_machine_are_answered() {
    let device = Device::new();
    let mut browser = device.browser();
    for (host, status) in [
        ("127.0.0.1:7878", StatusCode::OK),
        ("localhost:7878", StatusCode::OK),
        ("LOCALHOST:7878", StatusCode::OK),
        ("[::1]:7878", StatusCode::OK),
        ("127.0.0.1", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1:7879", StatusCode::MISDIRECTED_REQUEST),
        ("evil.example:7878", StatusCode::MISDIRECTED_REQUEST),
        ("localhost.evil.example:7878", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1:7878.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::get("/setup")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap();
        let answer = browser.send(request).await;
        assert_eq!(answer.status, status, "{host}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{host}");
    }
    let absolute = Request::get("http://evil.example/setup")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        browser.send(absolute).await.status,
        StatusCode::MISDIRECTED_REQUEST
    );
    let twice = Request::get("/setup")
        .header(header::HOST, HOST)
        .header(header::HOST, "evil.example");
    assert_eq!(
        browser.send(twice.body(Body::empty()).unwrap()).await.status,
        StatusCode::MISDIRECTED_REQUEST
    );
}

/// In words; what a browser says of where the request comes from; whether it may read, and change.
struct Case(&'static str, &'static [(&'static str, &'static str)], bool, bool);

const FROM: [Case; 11] = [
    Case("no browser", &[], true, true),
    Case(
        "own page",
        &[
            ("origin", "http://127.0.0.1:7878"),
            ("sec-fetch-site", "same-origin"),
        ],
        true,
        true,
    ),
    Case(
        "own form under no-referrer",
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        true,
        true,
    ),
    Case(
        "typed",
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        true,
        true,
    ),
    Case(
        "a link elsewhere",
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")],
        true,
        false,
    ),
    Case(
        "an image elsewhere",
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        false,
        false,
    ),
    Case(
        "another port",
        &[
            ("origin", "http://127.0.0.1:9999"),
            ("sec-fetch-site", "same-site"),
        ],
        false,
        false,
    ),
    Case(
        "another port, old browser",
        &[("origin", "http://127.0.0.1:9999")],
        false,
        false,
    ),
    Case(
        "the other name of this host",
        &[("origin", "http://localhost:7878")],
        false,
        false,
    ),
    Case(
        "a sandbox",
        &[
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
        ],
        false,
        false,
    ),
    Case("a sandbox, old browser", &[("origin", "null")], false, false),
];

#[tokio::test]
async fn foreign_pages_are_refused() {
    let device = Device::new();
    for Case(words, headers, read, change) in FROM {
        for (method, passes) in [(Method::GET, read), (Method::POST, change)] {
            let mut browser = device.browser();
            let token = browser.get("/setup").await.form_token();
            let mut request = Request::builder().method(method.clone()).uri("/setup");
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = browser
                .send(request.body(Body::from(format!("form_token={token}"))).unwrap())
                .await;
            assert_eq!(
                answer.status != StatusCode::FORBIDDEN,
                passes,
                "{method} from {words}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_bind_a_browser() {
    let (_device, mut owner) = Device::with_owner().await;
    for path in [
        "/",
        "/nowhere",
        "/lock",
        "/records/notes",
        "/records/cellar",
        "/events?x",
        "/documents/x/file",
    ] {
        let answer = owner
            .clone()
            .send(Request::head(path).body(Body::empty()).unwrap())
            .await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'; connect-src 'self'",
            "{path}"
        );
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        if !path.starts_with("/events") {
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
    for asset in ["/assets/style.css", "/assets/app.js", "/assets/icon.svg"] {
        let answer = owner.get(asset).await;
        assert_eq!(
            (answer.status, answer.header("x-content-type-options")),
            (StatusCode::OK, "nosniff")
        );
    }
}

#[tokio::test]
async fn no_page_has_a_script_or_style_of_its_own() {
    let (_device, mut owner) = Device::with_owner().await;
    for path in [
        "/",
        "/records/notes/new",
        "/audit",
        "/agents/new",
        "/device/reset",
        "/documents/upload",
    ] {
        let text = owner.get(path).await.text;
        for inline in [
            "style=",
            "<style",
            "onclick",
            "onload",
            "javascript:",
            "<script>",
            "http://",
            "https://",
        ] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn wrong_addresses_and_methods_are_told_in_words() {
    let (_device, mut owner) = Device::with_owner().await;
    let none = owner.get("/nowhere").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    assert!(none.text.contains("There is nothing at this address."));
    for request in [
        Request::get("/lock"),
        Request::delete("/records/notes"),
        Request::put("/"),
    ] {
        let answer = owner.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert!(answer.text.contains("used in that way"), "{}", answer.text);
    }
    for path in [
        "/records/cellar",
        "/records/notes/zz",
        "/records/secrets",
        "/documents/zz/file",
    ] {
        assert_eq!(owner.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_form_without_its_token_changes_nothing() {
    let (device, mut owner) = Device::with_owner().await;
    let mut other = device.browser();
    other.log_in().await;
    let foreign = other.get("/profile").await.form_token();
    let own = owner.get("/profile").await.form_token();
    assert_ne!(own, foreign);
    for token in ["", "x", &foreign, &own[1..]] {
        let fields = [
            ("form_token", token),
            ("profile", "CUSTOM"),
            ("passphrase", PASSPHRASE),
        ];
        let answer = owner.post("/profile", &fields).await;
        // Of an earlier session, perhaps: the form is shown again, to be sent by the owner's own hand.
        let led = if token.is_empty() { "" } else { "/profile" };
        assert_eq!(answer.location(), led, "{token}");
        let answer = owner.post("/audit/export", &[("form_token", token)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token}");
    }
    assert!(
        owner
            .get("/profile")
            .await
            .text
            .contains("Now: <strong>OFFLINE_ONLY")
    );
    let answer = owner
        .post("/profile", &[("form_token", &own), ("profile", "OFFLINE_ONLY")])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let json = Request::post("/profile")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from("{}"));
    assert_eq!(
        owner.send(json.unwrap()).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
}

#[tokio::test]
async fn a_visitor_without_a_cookie_or_with_a_foreign_token_is_refused() {
    let (device, _) = Device::with_owner().await;
    let mut visitor = device.browser();
    let token = visitor.get("/unlock").await.form_token();
    let mut stranger = device.browser();
    let fields = [("form_token", token.as_str()), ("passphrase", PASSPHRASE)];
    assert_eq!(
        stranger.post("/unlock", &fields).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(stranger.session(), None);
    assert_eq!(
        visitor.post("/unlock", &fields).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn a_record_from_an_earlier_session_is_not_lost_but_asked_about() {
    let (_device, mut owner) = Device::with_owner().await;
    // Longer than what is kept: the answer itself brings the form back.
    let long = "x".repeat(1024 * 1024);
    let fields = [
        ("form_token", "of before"),
        ("title", "<b>Long thoughts</b>"),
        ("body", long.as_str()),
    ];
    let answer = owner.post("/records/notes/new", &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer.text.contains("&#60;b&#62;Long thoughts&#60;/b&#62;"),
        "{}",
        answer.text
    );
    let token = answer.form_token();
    let again = owner
        .post(
            "/records/notes/new",
            &[("form_token", &token), ("title", "Long thoughts")],
        )
        .await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn bodies_are_limited_by_route() {
    let (_device, mut owner) = Device::with_owner().await;
    let long = "x".repeat(65 * 1024);
    let answer = owner
        .submit("/profile", "/profile", &[("minutes", long.as_str())])
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let answer = owner
        .submit(
            "/records/notes/new",
            "/records/notes/new",
            &[("title", "t"), ("body", &long)],
        )
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);

    // 6 MiB of text that is three times as long in the other encoding of forms.
    let token = owner.get("/records/notes/new").await.form_token();
    let umlauts = "\u{fc}".repeat(3 * 1024 * 1024);
    let parts = [
        ("form_token", None, token.as_bytes()),
        ("title", None, b"t"),
        ("body", None, umlauts.as_bytes()),
    ];
    let answer = owner.send_parts("/records/notes/new", &parts).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let huge = vec![b'x'; 9 * 1024 * 1024];
    let parts = [
        ("form_token", None, token.as_bytes()),
        ("title", None, b"t"),
        ("body", None, huge.as_slice()),
    ];
    assert_eq!(
        owner.send_parts("/records/notes/new", &parts).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn strangers_are_slowed_down() {
    let device = Device::new();
    let mut visitor = device.browser();
    visitor.get("/setup").await;
    for _ in 0..20 {
        let answer = visitor.post("/setup", &[("code", "WRONG")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let answer = visitor.post("/setup", &[("code", "WRONG")]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(visitor.get("/setup").await.status, StatusCode::OK);
}
