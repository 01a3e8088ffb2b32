//! A browser without a window: keeps cookies, fills in forms, follows nothing by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use pocket_core::{Actor, Door as DoorName, Failure, Operation};
use pocket_crypto::SecretBytes;
use pocket_service::{Archives, Config, Handle, HashCost, Reader, Reply, Request as Asked, Service, Updates};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::door::Door;

pub(super) const HOST: &str = "127.0.0.1:7878";
pub(super) const PASSPHRASE: &str = "four words are best";

/// Where no reader is: what needs one is tested over the real programs.
pub(super) fn no_reader(handle: &Handle) -> Reader {
    Reader::new(handle.clone(), "/nowhere/pocket-reader".into())
}

/// What gives back what it is given, unsealed.
pub(super) fn no_archiver(handle: &Handle) -> Archives {
    Archives::new(handle.clone(), "/bin/cat".into())
}

/// A real engine over a folder of its own, and its page.
pub(super) struct Device {
    pub(super) handle: Handle,
    pub(super) router: Router,
    pub(super) door: Door,
    _service: Service,
    pub(super) folder: TempDir,
}

impl Device {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(Config {
            doors: Default::default(),
            gateway: pocket_service::GatewayTrust::Usual,
            data_dir: folder.path().join("data"),
            device_secret_dir: folder.path().join("secret"),
            // Whose account is not there: a test that wants one writes it.
            updates: Some(Updates {
                spool: folder.path().to_owned(),
                state: folder.path().join("state"),
            }),
            hash_cost: HashCost {
                memory_kib: 8 * 1024,
                time: Duration::ZERO,
            },
        })
        .unwrap();
        let handle = service.handle();
        let address: SocketAddr = HOST.parse().unwrap();
        let door = Door::new(
            handle.clone(),
            no_reader(&handle),
            no_archiver(&handle),
            addresses(address),
        );
        let router = crate::routes::build(door.clone());
        Self {
            handle,
            router,
            door,
            _service: service,
            folder,
        }
    }

    /// Asks as the owner on the control socket would.
    pub(super) async fn control(&self, operation: Operation) -> Result<Reply, Failure> {
        let actor = Actor::Owner {
            door: DoorName::Control,
            passphrase_shown: false,
        };
        self.handle.call(Asked::new(actor, operation)).await
    }

    /// The same with the passphrase.
    pub(super) async fn control_with_passphrase(&self, operation: Operation) -> Result<Reply, Failure> {
        let actor = Actor::Owner {
            door: DoorName::Control,
            passphrase_shown: false,
        };
        let passphrase = SecretBytes::new(PASSPHRASE.as_bytes().to_vec());
        self.handle
            .call(Asked::new(actor, operation).with_passphrase(passphrase))
            .await
    }

    pub(super) async fn setup_code(&self) -> String {
        let reply = self.control(Operation::SetupCode).await.unwrap();
        reply.payload.unwrap().expose_str().unwrap().to_owned()
    }

    pub(super) fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// A device that is set up, and its owner's browser.
    pub(super) async fn with_owner() -> (Self, Browser) {
        let device = Self::new();
        let mut browser = device.browser();
        browser.get("/setup").await;
        let code = device.setup_code().await;
        let fields = [
            ("code", code.as_str()),
            ("passphrase", PASSPHRASE),
            ("passphrase_again", PASSPHRASE),
        ];
        let answer = browser.submit("/setup", "/setup", &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        (device, browser)
    }
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
    /// Without the elements around numbers.
    pub(super) text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn location(&self) -> &str {
        self.header("location")
    }

    /// The first form's token.
    pub(super) fn form_token(&self) -> String {
        let (_, rest) = self
            .text
            .split_once("name=\"form_token\" value=\"")
            .expect("a form on the page");
        rest.split('"').next().unwrap().to_owned()
    }
}

#[derive(Clone)]
pub(super) struct Browser {
    pub(super) router: Router,
    pub(super) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(super) async fn send(&mut self, mut request: Request<Body>) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(
                header::COOKIE,
                HeaderValue::from_str(&cookies.join("; ")).unwrap(),
            );
        }
        if !request.headers().contains_key(header::HOST) {
            request
                .headers_mut()
                .insert(header::HOST, HeaderValue::from_static(HOST));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text = without_numbers(&String::from_utf8_lossy(&bytes));
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
            text,
        }
    }

    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts these fields and no others.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        let body = form.extend_pairs(fields).finish();
        let kind = "application/x-www-form-urlencoded";
        self.send(
            Request::post(path)
                .header(header::CONTENT_TYPE, kind)
                .body(Body::from(body))
                .unwrap(),
        )
        .await
    }

    /// Opens the page, fills in its form and sends it to `action`.
    pub(super) async fn submit(&mut self, page: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(page).await.form_token();
        let mut all = vec![("form_token", token.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    /// Sends a form of several parts: name, file name, bytes.
    pub(super) async fn send_parts(&mut self, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Answer {
        let mut body = Vec::new();
        for (name, file, bytes) in parts {
            let file = file
                .map(|file| format!("; filename=\"{file}\"\r\nContent-Type: text/html"))
                .unwrap_or_default();
            let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--edge--\r\n");
        let request = Request::post(path).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(super) fn session(&self) -> Option<&String> {
        self.cookies.get("pocketai_session_7878")
    }

    pub(super) async fn log_in(&mut self) -> Answer {
        self.submit("/unlock", "/unlock", &[("passphrase", PASSPHRASE)])
            .await
    }
}

/// Without the elements around numbers: as people read them.
fn without_numbers(page: &str) -> String {
    let mut parts = page.split("<data value=\"");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, rest) = part.split_once('>').unwrap();
        text.push_str(&rest.replacen("</data>", "", 1));
    }
    text
}

/// A page at `ui`, with the other doors where no test looks for them.
pub(super) fn addresses(ui: SocketAddr) -> crate::Addresses {
    crate::Addresses {
        ui,
        mcp: "127.0.0.1:45933".parse().unwrap(),
        control: "/run/some where/control.sock".into(),
    }
}
