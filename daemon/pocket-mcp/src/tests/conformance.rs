//! The protocol's own conformance suite, in both eras, against the router that the product serves.
//!
//! The suite shows no token, so a layer before the router shows one for it; and most of its scenarios
//! call tools, resources and prompts of fixed names, which [`fixtures`] has beside the product's own.
//! What needs no fixture runs a second time against the product alone. `tests/mcp/conformance.sh`
//! installs the suite and runs this.

#![expect(deprecated, reason = "the suite tries what older clients still use")]

mod answers;
mod asks;
mod fixtures;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::{Next, from_fn};
use tokio::process::Command;

use self::fixtures::Fixtures;
use super::device::Device;
use super::*;

/// Scenarios that need nothing but a server.
const ON_THE_PRODUCT: [&str; 8] = [
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "dns-rebinding-protection",
    "http-header-validation",
];

/// A listener whose every request shows `token`.
async fn listen<S: ServerHandler + Clone>(device: &Device, token: &str, server: S) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = StreamableHttpServerConfig::default();
    let shown = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    let show = from_fn(move |mut request: Request, next: Next| {
        request.headers_mut().insert(AUTHORIZATION, shown.clone());
        next.run(request)
    });
    let router = router_for(server, device.handle.clone(), address, config).layer(show);
    tokio::spawn(pocket_http::serve(listener, router, std::future::pending()));
    format!("http://{address}/mcp")
}

/// Runs the suite with `arguments`; fails with what it says unless all is well.
async fn judge(url: &str, arguments: &[&str]) {
    let path = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} names no file"));
    let told = Command::new(path("POCKETAI_NODE"))
        .arg(path("POCKETAI_CONFORMANCE"))
        .args(["server", "--url", url])
        .args(arguments)
        .output()
        .await
        .unwrap();
    let words = String::from_utf8_lossy(&told.stdout);
    let errors = String::from_utf8_lossy(&told.stderr);
    println!("{arguments:?}");
    let marks = words.lines().filter(|line| {
        line.starts_with(['✓', '✗']) || line.starts_with("Total:") || line.starts_with("Passed:")
    });
    marks.for_each(|line| println!("{line}"));
    assert!(told.status.success(), "{arguments:?}\n{words}\n{errors}");
}

#[tokio::test]
async fn the_suite_gives_full_marks_in_both_eras() {
    let device = Device::start().await;
    let token = device.agent("suite", ALL).await;
    let server = Fixtures::beside(Server::over_http(device.handle.clone()));
    let url = listen(&device, &token, server).await;
    for era in ["2026-07-28", "2025-11-25"] {
        judge(&url, &["--requirements", era]).await;
    }
    device.stop().await;
}

#[tokio::test]
async fn the_suite_finds_no_fault_in_the_product_alone() {
    let device = Device::start().await;
    let token = device.agent("suite", ALL).await;
    let url = listen(&device, &token, Server::over_http(device.handle.clone())).await;
    for scenario in ON_THE_PRODUCT {
        judge(&url, &["--scenario", scenario]).await;
    }
    device.stop().await;
}
