//! Style, script and icon, inside the program.

use axum::http::{HeaderName, header};

const FRESH: (HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");

/// The style sheet.
pub(crate) async fn style() -> ([(HeaderName, &'static str); 2], &'static str) {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), FRESH],
        include_str!("../assets/style.css"),
    )
}

/// The script. Everything works without it.
pub(crate) async fn script() -> ([(HeaderName, &'static str); 2], &'static str) {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), FRESH],
        include_str!("../assets/app.js"),
    )
}

/// The icon.
pub(crate) async fn icon() -> ([(HeaderName, &'static str); 2], &'static str) {
    (
        [(header::CONTENT_TYPE, "image/svg+xml"), FRESH],
        include_str!("../assets/icon.svg"),
    )
}
