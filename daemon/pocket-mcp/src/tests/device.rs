//! A device to knock at, and the words to do it with.

use std::io;
use std::net::SocketAddr;

use pocket_core::{Actor, Answer, Credential, Door, Operation, Scopes};
use pocket_crypto::SecretBytes;
use pocket_service::{Calls, Config, Handle, HashCost, Request, Service};
use rmcp::model::{CallToolRequestParams, CallToolResult, ClientConfig, ProtocolVersion};
use rmcp::service::{RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::INITIALIZE;
use crate::{cut, serve};

const PASSPHRASE: &str = "seven purple herons over the lake";

pub(super) type Client = RunningService<RoleClient, ClientConfig>;

/// A device in a temporary folder, unlocked, with its agents' door open.
pub(super) struct Device {
    pub(super) handle: Handle,
    pub(super) address: SocketAddr,
    service: Option<Service>,
    shutdown: Option<oneshot::Sender<()>>,
    door: Option<tokio::task::JoinHandle<io::Result<()>>>,
    _folder: tempfile::TempDir,
}

impl Device {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            doors: Default::default(),
            gateway: pocket_service::GatewayTrust::Usual,
            data_dir: folder.path().join("data"),
            device_secret_dir: folder.path().join("secret"),
            updates: None,
            hash_cost: HashCost {
                memory_kib: 8 * 1024,
                time: std::time::Duration::ZERO,
            },
        };
        let service = Service::start(config).unwrap();
        let handle = service.handle();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, shut) = oneshot::channel::<()>();
        let door = tokio::spawn(serve(listener, handle.clone(), async { drop(shut.await) }));
        let (service, shutdown, door) = (Some(service), Some(shutdown), Some(door));
        let device = Self {
            handle,
            address,
            service,
            shutdown,
            door,
            _folder: folder,
        };
        device.set_up().await;
        device
    }

    async fn set_up(&self) {
        let code = self
            .handle
            .call(owner(Operation::SetupCode))
            .await
            .unwrap_or_else(|f| panic!("{f}"));
        let request = owner(Operation::Setup).with_payload(code.payload.unwrap());
        let set_up = self
            .handle
            .call(request.with_passphrase(secret(PASSPHRASE)))
            .await;
        set_up.unwrap_or_else(|f| panic!("{f}"));
    }

    /// The calls to models, which the test carries.
    pub(super) fn calls(&mut self) -> Calls {
        self.service.as_mut().unwrap().take_calls().unwrap()
    }

    pub(super) async fn as_owner(&self, operation: Operation) -> Answer {
        self.handle
            .call(owner(operation))
            .await
            .unwrap_or_else(|f| panic!("{f}"))
            .answer
    }

    pub(super) async fn agent(&self, name: &str, scopes: &str) -> String {
        let scopes: Scopes = scopes.parse().unwrap();
        let add = Operation::AgentAdd {
            name: name.parse().unwrap(),
            scopes,
        };
        let reply = self
            .handle
            .call(owner(add))
            .await
            .unwrap_or_else(|f| panic!("{f}"));
        reply.payload.unwrap().expose_str().unwrap().to_owned()
    }

    pub(super) async fn lock(&self) {
        self.as_owner(Operation::Lock { all: false }).await;
    }

    pub(super) async fn unlock(&self) {
        let unlock = owner(Operation::Unlock {
            with: Credential::Passphrase,
        });
        self.handle
            .call(unlock.with_passphrase(secret(PASSPHRASE)))
            .await
            .unwrap_or_else(|f| panic!("{f}"));
    }

    /// A client of the era with sessions.
    pub(super) async fn client(&self, token: &str) -> Client {
        self.client_of(token, ClientLifecycleMode::Initialize).await
    }

    /// A client of the stateless era.
    pub(super) async fn modern_client(&self, token: &str) -> Client {
        let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
        self.client_of(token, ClientLifecycleMode::Discover { preferred_versions })
            .await
    }

    async fn client_of(&self, token: &str, lifecycle: ClientLifecycleMode) -> Client {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("http://{}/mcp", self.address));
        let transport = StreamableHttpClientTransport::from_config(config.auth_header(token));
        ClientConfig::default()
            .serve_with_lifecycle(transport, lifecycle)
            .await
            .unwrap()
    }

    /// A POST of `body`, to be sent as bytes on the wire.
    pub(super) fn post(&self, body: &str) -> Raw {
        self.request("POST", body)
    }

    /// A request to be sent as bytes on the wire.
    pub(super) fn request(&self, method: &str, body: &str) -> Raw {
        let usual = [
            ("Host", self.address.to_string()),
            ("Accept", "application/json, text/event-stream".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
            ("Connection", "close".to_owned()),
        ];
        Raw {
            address: self.address,
            method: method.to_owned(),
            headers: usual.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body: body.to_owned(),
        }
    }

    /// Begins a session; its id.
    pub(super) async fn begin(&self, token: &str) -> String {
        let begun = self.post(INITIALIZE).token(token).send().await;
        begun.header("Mcp-Session-Id").unwrap().to_owned()
    }

    pub(super) async fn stop(mut self) {
        self.shutdown.take().unwrap().send(()).unwrap();
        self.door.take().unwrap().await.unwrap().unwrap();
        let service = self.service.take().unwrap();
        assert!(tokio::task::spawn_blocking(|| service.stop()).await.unwrap());
    }
}

/// A request that the SDK's client would not send.
pub(super) struct Raw {
    address: SocketAddr,
    method: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Raw {
    /// With this header in the place of one of its name.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(super) fn session(self, id: &str) -> Self {
        self.header("Mcp-Session-Id", id)
    }

    pub(super) async fn send(self) -> Plain {
        let mut open = self.open().await;
        open.read_on().await;
        Plain(open.read)
    }

    /// Sends it, and keeps the connection.
    pub(super) async fn open(self) -> Open {
        let head: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{} /mcp HTTP/1.1\r\n{head}\r\n{}", self.method, self.body);
        // A refused body is not read to its end: the rest may meet a closed connection.
        drop(stream.write_all(request.as_bytes()).await);
        Open {
            stream,
            read: String::new(),
        }
    }

    /// Sends it; what became of it.
    pub(super) async fn status(self) -> u16 {
        self.send().await.status()
    }
}

/// A connection on which an answer comes bit by bit.
pub(super) struct Open {
    stream: TcpStream,
    read: String,
}

impl Open {
    /// Reads until `words` have come.
    pub(super) async fn until(&mut self, words: &str) {
        let mut buffer = [0; 4096];
        while !self.read.contains(words) {
            let count = self.stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "{words} never came: {}", self.read);
            self.read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
        self.read = self.read.split_once(words).unwrap().1.to_owned();
    }

    /// What is left, until the device ends it.
    pub(super) async fn rest(mut self) -> String {
        self.read_on().await;
        self.read
    }

    async fn read_on(&mut self) {
        let mut rest = Vec::new();
        drop(self.stream.read_to_end(&mut rest).await);
        self.read.push_str(std::str::from_utf8(&rest).unwrap());
    }
}

/// An answer as bytes on the wire.
pub(super) struct Plain(pub(super) String);

impl Plain {
    pub(super) fn status(&self) -> u16 {
        self.0
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0)
    }

    /// Whether it is a refusal in our own form, with these words and a remedy.
    pub(super) fn says(&self, words: &str) -> bool {
        let body = self.0.split_once("\r\n\r\n").map(|(_, body)| body);
        let body: Value = body
            .and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default();
        let message = body["error"]["message"].as_str().unwrap_or_default();
        message.contains(words) && message.contains(" \u{2014} ")
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.split("\r\n\r\n").next()?.lines();
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

pub(super) fn owner(operation: Operation) -> Request {
    Request::new(
        Actor::Owner {
            door: Door::Control,
            passphrase_shown: false,
        },
        operation,
    )
}

pub(super) fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

pub(super) async fn try_call(
    client: &Client,
    tool: &'static str,
    arguments: Value,
) -> Result<CallToolResult, ServiceError> {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object")
    };
    client
        .call_tool(CallToolRequestParams::new(tool).with_arguments(arguments))
        .await
}

/// The structured result of a call that works.
pub(super) async fn call(client: &Client, tool: &'static str, arguments: Value) -> Value {
    let result = try_call(client, tool, arguments).await.unwrap();
    let told = serde_json::to_value(&result).unwrap();
    assert_eq!(result.is_error, Some(false), "{tool}: {told}");
    let text = told["content"][0]["text"].as_str().unwrap();
    assert!(text.len() <= cut::MOST_RESULT, "{tool}: {} bytes", text.len());
    let structured = result.structured_content.unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), structured);
    structured
}

/// The words of a call that is refused.
pub(super) async fn refusal(client: &Client, tool: &'static str, arguments: Value) -> String {
    let result = try_call(client, tool, arguments).await.unwrap();
    assert_eq!(result.is_error, Some(true), "{tool} was not refused");
    let told = serde_json::to_value(&result).unwrap();
    told["content"][0]["text"].as_str().unwrap().to_owned()
}
