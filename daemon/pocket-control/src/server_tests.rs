use std::path::PathBuf;

use pocket_core::{Answer, LockState, Operation};
use pocket_service::{Config, HashCost, Service};
use pocket_wire::{Client, GREETING, decode_reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::bind;

/// A running device behind a control socket, in a folder of its own.
struct Device {
    folder: tempfile::TempDir,
    service: Service,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Device {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let service = Service::start(Config {
            doors: Arc::default(),
            gateway: pocket_service::GatewayTrust::Usual,
            data_dir: folder.path().join("data"),
            device_secret_dir: folder.path().join("device"),
            updates: None,
            hash_cost: HashCost {
                memory_kib: 8 * 1024,
                time: Duration::from_millis(1),
            },
        })
        .unwrap();
        let listener = bind(&folder.path().join("run/control.sock")).unwrap();
        let (stop, stopped) = oneshot::channel();
        // Stands for the agents' door: says what it was given, and who is there.
        let agents = |token: SecretBytes, mut stream: UnixStream| async move {
            let mut asked = [0; 4];
            stream.read_exact(&mut asked).await?;
            stream.write_all(token.expose_bytes()).await?;
            stream.write_all(&asked).await
        };
        let shutdown = async { stopped.await.unwrap_or_default() };
        let reader = Reader::new(service.handle(), "/none".into());
        let archives = Archives::new(service.handle(), "/none".into());
        let served = tokio::spawn(serve(
            listener,
            (service.handle(), reader, archives),
            agents,
            shutdown,
        ));
        Self {
            folder,
            service,
            stop,
            served,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run/control.sock")
    }

    async fn raw(&self) -> UnixStream {
        UnixStream::connect(self.path()).await.unwrap()
    }

    /// A connection that has exchanged greetings.
    async fn greeted(&self) -> UnixStream {
        let mut stream = self.raw().await;
        stream.write_all(&GREETING).await.unwrap();
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await.unwrap();
        stream
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
        assert!(spawn_blocking(move || self.service.stop()).await.unwrap());
    }
}

/// A call by the real client, on a thread of its own.
async fn call(
    path: PathBuf,
    operation: Operation,
    passphrase: Option<&'static str>,
    payload: Option<SecretBytes>,
) -> Result<pocket_wire::Reply, Failure> {
    spawn_blocking(move || {
        let mut client = Client::connect(&path).map_err(|error| error.failure())?;
        client.call(operation, passphrase.map(secret), payload)
    })
    .await
    .unwrap()
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::new(text.as_bytes().to_vec())
}

/// The one failure that comes after the greeting, before the connection ends.
async fn only_failure(stream: &mut UnixStream) -> Failure {
    let mut greeting = [0; GREETING.len()];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, GREETING);
    let length = stream.read_u32().await.unwrap();
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    // What was sent and not read makes the kernel call the end a reset.
    let end = stream.read(&mut [0]).await;
    assert!(end.map_or_else(
        |error| error.kind() == io::ErrorKind::ConnectionReset,
        |read| read == 0
    ));
    decode_reply(&body).unwrap().err().expect("a failure")
}

async fn set_up(device: &Device) {
    let code = call(device.path(), Operation::SetupCode, None, None)
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    let set_up = call(
        device.path(),
        Operation::Setup,
        Some("correct horse battery"),
        code.payload,
    )
    .await;
    assert!(
        matches!(set_up, Ok(reply) if matches!(reply.answer, Answer::SetUp { .. }) && reply.payload.is_some())
    );
}

#[test]
fn only_the_daemons_user_and_root_are_let_in() {
    assert!(is_allowed(1000, 1000));
    assert!(is_allowed(0, 1000));
    assert!(!is_allowed(1001, 1000));
    assert!(!is_allowed(1000, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_client_asks_and_is_answered() {
    let device = Device::start();
    let reply = call(device.path(), Operation::Status, None, None).await;
    assert!(
        matches!(reply, Ok(reply) if matches!(&reply.answer, Answer::Status(status) if status.state == LockState::FirstRun))
    );
    set_up(&device).await;
    let wrong = call(
        device.path(),
        Operation::CategoryErase {
            category: pocket_core::Category::Notes,
        },
        None,
        None,
    )
    .await;
    assert_eq!(wrong.err().expect("a refusal").kind, FailureKind::Refused);
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_the_agents_door_and_a_wrong_one_does_not() {
    let device = Device::start();
    set_up(&device).await;
    let name = "laptop".parse().unwrap();
    let scopes = "notes:read".parse().unwrap();
    let token = call(device.path(), Operation::AgentAdd { name, scopes }, None, None).await;
    let token = token.ok().and_then(|reply| reply.payload).expect("a token");
    let text = token.expose_str().unwrap().to_owned();
    let (path, expected) = (device.path(), text.clone());
    let heard = spawn_blocking(move || {
        use std::io::{Read, Write};
        let client = Client::connect(&path).unwrap_or_else(|error| panic!("{error}"));
        let mut stream = client
            .into_mcp(token)
            .unwrap_or_else(|failure| panic!("{failure}"));
        stream.write_all(b"ping").unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    assert_eq!(heard.await.unwrap(), format!("{expected}ping"));
    let path = device.path();
    let refused = spawn_blocking(move || {
        let client = Client::connect(&path).unwrap_or_else(|error| panic!("{error}"));
        client.into_mcp(secret("pai_wrong")).map(drop)
    });
    assert_eq!(
        refused.await.unwrap().expect_err("a refusal").kind,
        FailureKind::WrongCredential
    );
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_oversize_and_foreign_greetings_are_answered_in_words_and_cut() {
    let device = Device::start();
    for (sent, expected) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak"),
        (b"PAICTL\x00\x63".to_vec(), "version 99"),
        ([&GREETING[..], b"\0\0\0\x03abc"].concat(), "can't be read"),
        ([&GREETING[..], b"\xff\xff\xff\xff"].concat(), "limit"),
    ] {
        let mut stream = device.raw().await;
        stream.write_all(&sent).await.unwrap();
        let failure = only_failure(&mut stream).await;
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(failure.message.contains(expected), "{failure}");
    }
    assert!(call(device.path(), Operation::Status, None, None).await.is_ok());
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_caller_that_idles_longest_gives_way_to_a_new_one() {
    let device = Device::start();
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        // Its greeting shows that it has its place.
        callers.push(device.greeted().await);
    }
    for number in 0..2 {
        let answered = call(device.path(), Operation::Status, None, None).await;
        assert!(answered.is_ok(), "caller {number} beyond the limit");
        callers.push(device.greeted().await);
    }
    // Which of them idled longest, they can't know themselves: see `places`. At least one made room
    // for each of the last two.
    let mut ended = JoinSet::new();
    for mut stream in callers {
        ended.spawn(async move { stream.read(&mut [0]).await.unwrap() });
    }
    for _ in 0..2 {
        assert_eq!(ended.join_next().await.unwrap().unwrap(), 0);
    }
    let mut last = device.greeted().await;
    last.write_all(b"\0\0\0\x03abc").await.unwrap();
    assert_ne!(last.read(&mut [0]).await.unwrap(), 0);
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_never_greet_give_way_too() {
    let device = Device::start();
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = device.raw().await;
        let mut greeting = [0; GREETING.len()];
        stream.read_exact(&mut greeting).await.unwrap();
        callers.push(stream);
    }
    assert!(call(device.path(), Operation::Status, None, None).await.is_ok());
    drop(callers);
    device.stop().await;
}

/// Whether the call was turned away for want of a place.
async fn throttled(device: &Device, operation: Operation) -> Option<String> {
    let failure = call(device.path(), operation, None, None).await.err()?;
    (failure.kind == FailureKind::Throttled).then_some(failure.message)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_too_many_is_told_so_and_room_is_made_again() {
    let device = Device::start();
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = device.greeted().await;
        // Half a message: it is at work, and the daemon waits for the rest.
        stream.write_all(&[0]).await.unwrap();
        callers.push(stream);
    }
    // That the bytes have been taken is not told: until then the callers idle, and the first of them
    // gives way.
    while throttled(&device, Operation::ConsentList).await.is_none() {
        let mut stream = device.greeted().await;
        stream.write_all(&[0]).await.unwrap();
        callers.push(stream);
    }
    // The owner can still look and lock: places are kept for that, and for nothing else.
    assert_eq!(throttled(&device, Operation::Status).await, None);
    assert_eq!(throttled(&device, Operation::Lock { all: false }).await, None);
    assert!(throttled(&device, Operation::ConsentList).await.is_some());
    drop(callers);
    // The places come back as soon as the server sees the ends; nothing says when.
    while call(device.path(), Operation::Status, None, None).await.is_err() {
        tokio::task::yield_now().await;
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_closes_idle_connections() {
    let device = Device::start();
    let mut stream = device.greeted().await;
    device.stop().await;
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}
