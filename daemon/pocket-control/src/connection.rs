//! One connection: greeting, requests in turn, and what ends it.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use pocket_core::{Actor, Answer, Door, Failure, FailureKind, Operation};
use pocket_crypto::SecretBytes;
use pocket_service::{Archives, Attachments, Handle, Opening, Reader, Request, Sealing};
use pocket_wire::{
    Call, GREETING, Reply, ToDaemon, body_length, check_greeting, decode_request, encode_reply,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::places::Place;
use crate::server::no_place;

/// How long a connection may idle between requests. There are few places.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// The same while an archive is on its way: there is one place for those.
const STALLED: Duration = Duration::from_secs(2 * 60);
/// How long one frame may take, once it has begun, in either direction.
const FRAME: Duration = Duration::from_secs(30);

/// What can't wait until one of many long requests is answered.
fn is_urgent(request: &ToDaemon) -> bool {
    match request {
        ToDaemon::Call(call) => matches!(call.operation, Operation::Lock { .. } | Operation::Status),
        ToDaemon::Attach { .. } | ToDaemon::Next | ToDaemon::Feed { .. } | ToDaemon::Finish => false,
        ToDaemon::Mcp { .. } => true,
    }
}

const fn done() -> Reply {
    Reply {
        answer: Answer::Done,
        payload: None,
    }
}

/// What a connection came to.
pub(crate) enum End {
    /// It is over.
    Closed,
    /// It is an agent's now, who has been told so.
    Mcp { token: SecretBytes, stream: UnixStream },
}

/// A caller that was let in.
pub(crate) struct Connection {
    stream: UnixStream,
    handle: Handle,
    reader: Reader,
    closing: watch::Receiver<bool>,
    place: Arc<Place>,
    /// What goes with the next call.
    attached: Attachments,
    archives: Archives,
    /// The archive that the last call began.
    archive: Option<Archive>,
}

/// An archive on its way.
enum Archive {
    In(Opening),
    Out(Box<Sealing>),
    /// It stays on the device, to be sent.
    Spooled(Box<Sealing>),
    /// Given whole: no other begins before it is on the owner's disk, or the owner is gone.
    Whole {
        _sealing: Box<Sealing>,
    },
}

/// What came, or did not.
enum Incoming {
    /// Nothing more will come.
    End,
    /// The peer broke a rule; it is told and cut off.
    Fault(Failure),
    Request(ToDaemon),
}

impl Connection {
    pub(crate) fn new(
        stream: UnixStream,
        (handle, reader, archives): (Handle, Reader, Archives),
        closing: watch::Receiver<bool>,
        place: Arc<Place>,
    ) -> Self {
        Self {
            stream,
            handle,
            reader,
            closing,
            place,
            attached: Attachments::default(),
            archives,
            archive: None,
        }
    }

    /// Answers one request after the other, until the peer or the device has enough.
    ///
    /// # Errors
    /// When the connection fails, which ends it as well.
    pub(crate) async fn run(mut self) -> io::Result<End> {
        if let Err(failure) = self.greet().await? {
            self.answer(Err(failure)).await?;
            return Ok(End::Closed);
        }
        loop {
            match self.next().await? {
                Incoming::End => return Ok(End::Closed),
                Incoming::Fault(failure) => {
                    self.answer(Err(failure)).await?;
                    return Ok(End::Closed);
                }
                Incoming::Request(request) if self.place.urgent && !is_urgent(&request) => {
                    self.answer(Err(no_place())).await?;
                    return Ok(End::Closed);
                }
                Incoming::Request(ToDaemon::Attach { name, bytes }) => {
                    let added = self.attached.add(&self.reader, &name, bytes.expose_bytes()).await;
                    self.answer(added.map(|()| done())).await?;
                }
                Incoming::Request(ToDaemon::Call(call)) => {
                    let reply = self.call(*call).await;
                    self.answer(reply).await?;
                }
                Incoming::Request(request @ (ToDaemon::Next | ToDaemon::Feed { .. } | ToDaemon::Finish)) => {
                    let reply = self.go_on(request).await;
                    self.answer(reply).await?;
                }
                Incoming::Request(ToDaemon::Mcp { token }) => match self.introduce(&token).await {
                    Ok(()) => {
                        self.answer(Ok(done())).await?;
                        return Ok(End::Mcp {
                            token,
                            stream: self.stream,
                        });
                    }
                    Err(failure) => self.answer(Err(failure)).await?,
                },
            }
        }
    }

    /// Does what the owner asks, with the files that were attached before.
    async fn call(&mut self, call: Call) -> Result<Reply, Failure> {
        let request = Request {
            actor: Actor::Owner {
                door: Door::Control,
                passphrase_shown: false,
            },
            operation: call.operation,
            passphrase: call.passphrase,
            payload: call.payload,
            pictures: Vec::new(),
        };
        // One that is whole keeps its place until it is noted; any other call gives it up.
        let noted = matches!(request.operation, Operation::BackupDone);
        let _until_noted = self.archive.take().filter(|_| noted);
        match request.operation {
            Operation::BackupCreate => {
                self.archive = Some(Archive::Out(Box::new(self.archives.seal(request).await?)));
                return Ok(done());
            }
            Operation::BackupOffer { .. } => {
                self.archive = Some(Archive::Spooled(Box::new(self.archives.seal(request).await?)));
                return Ok(done());
            }
            Operation::BackupDrill | Operation::BackupRestore => {
                self.archive = Some(Archive::In(self.archives.open(request).await?));
                return Ok(done());
            }
            _ => {}
        }
        let request = std::mem::take(&mut self.attached).with(request);
        let reply = self.handle.call(request).await?;
        Ok(Reply {
            answer: reply.answer,
            payload: reply.payload,
        })
    }

    /// Goes on with the archive that the last call began.
    async fn go_on(&mut self, request: ToDaemon) -> Result<Reply, Failure> {
        match (request, self.archive.take()) {
            (ToDaemon::Next, Some(Archive::Out(mut sealing))) => {
                let piece = sealing.next().await?;
                self.archive = Some(match piece {
                    Some(_) => Archive::Out(sealing),
                    None => Archive::Whole { _sealing: sealing },
                });
                Ok(Reply {
                    answer: Answer::Done,
                    payload: piece.map(SecretBytes::new),
                })
            }
            (ToDaemon::Next, Some(Archive::Spooled(mut sealing))) => {
                let piece = self.archives.spool(&mut sealing).await?;
                self.archive = piece.is_some().then_some(Archive::Spooled(sealing));
                Ok(Reply {
                    answer: Answer::Done,
                    payload: piece.map(SecretBytes::new),
                })
            }
            (ToDaemon::Feed { bytes }, Some(Archive::In(mut opening))) => {
                // One that wants no more says why at the end.
                opening.feed(bytes.expose_bytes()).await;
                self.archive = Some(Archive::In(opening));
                Ok(done())
            }
            (ToDaemon::Finish, Some(Archive::In(opening))) => {
                let reply = opening.finish().await?;
                Ok(Reply {
                    answer: reply.answer,
                    payload: None,
                })
            }
            _ => Err(Failure::new(
                FailureKind::Conflict,
                "no archive is on its way here",
                "begin it anew",
            )),
        }
    }

    /// Exchanges greetings. A peer that speaks something else gets the reason.
    async fn greet(&mut self) -> io::Result<Result<(), Failure>> {
        let mut theirs = [0; GREETING.len()];
        within(FRAME, self.stream.write_all(&GREETING)).await?;
        let greeted = within(FRAME, self.stream.read_exact(&mut theirs));
        match self.place.idle(greeted).await {
            Some(greeted) => greeted.map(drop)?,
            None => return Err(ErrorKind::ConnectionAborted.into()),
        }
        Ok(check_greeting(&theirs).map_err(|error| {
            let remedy = "use pocketctl and pocketd of the same release";
            Failure::new(FailureKind::Invalid, error.to_string(), remedy)
        }))
    }

    /// Whether the device knows the token now; the agents' door asks again for itself.
    async fn introduce(&self, token: &SecretBytes) -> Result<(), Failure> {
        let copy = SecretBytes::new(token.expose_bytes().to_vec());
        match self.handle.agent(copy).await {
            // Nobody can tell yet whose token it is. Each call says so, and after the unlock it is known.
            Err(failure) if failure.kind == FailureKind::Locked => Ok(()),
            other => other.map(drop),
        }
    }

    async fn next(&mut self) -> io::Result<Incoming> {
        let mut first = [0];
        let patience = match self.archive {
            Some(Archive::In(_) | Archive::Out(_) | Archive::Spooled(_)) => STALLED,
            // One that is whole is being brought to a disk, which may be slow.
            Some(Archive::Whole { .. }) | None => IDLE,
        };
        let begun = tokio::select! {
            begun = self.place.idle(timeout(patience, self.stream.read(&mut first))) => begun,
            _ = self.closing.wait_for(|closing| *closing) => return Ok(Incoming::End),
        };
        match begun {
            None | Some(Err(_) | Ok(Ok(0))) => return Ok(Incoming::End),
            Some(Ok(Err(error))) => return Err(error),
            Some(Ok(Ok(_))) => {}
        }
        let whole = async {
            let mut rest = [0; 3];
            self.stream.read_exact(&mut rest).await?;
            let length = match body_length([first[0], rest[0], rest[1], rest[2]]) {
                Ok(length) => length,
                Err(error) => return Ok(Err(fault(&error.to_string()))),
            };
            let mut body = Zeroizing::new(vec![0; length]);
            self.stream.read_exact(&mut body).await?;
            Ok::<_, io::Error>(Ok(body))
        };
        match timeout(FRAME, whole).await {
            Err(_) => Ok(fault("the message was begun 30 seconds ago and is not complete")),
            Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Ok(Incoming::End),
            Ok(Err(error)) => Err(error),
            Ok(Ok(Err(fault))) => Ok(fault),
            Ok(Ok(Ok(body))) => Ok(match decode_request(&body) {
                Ok(request) => Incoming::Request(request),
                Err(error) => fault(&error.to_string()),
            }),
        }
    }

    async fn answer(&mut self, reply: Result<Reply, Failure>) -> io::Result<()> {
        send(&mut self.stream, reply).await
    }
}

/// Turns a caller away in words. Nothing that it says is read.
///
/// # Errors
/// When the connection fails.
pub(crate) async fn turn_away(stream: &mut UnixStream, failure: Failure) -> io::Result<()> {
    within(FRAME, stream.write_all(&GREETING)).await?;
    send(stream, Err(failure)).await
}

async fn send(stream: &mut UnixStream, reply: Result<Reply, Failure>) -> io::Result<()> {
    // The engine bounds its answers: one that does not fit is a defect, and is said in words.
    let frame = encode_reply(&reply)
        .or_else(|_| encode_reply(&Err(too_large())))
        .unwrap_or_default();
    within(FRAME, stream.write_all(&frame)).await
}

fn too_large() -> Failure {
    Failure::new(
        FailureKind::Internal,
        "the answer is too large for the control socket",
        "ask for less at a time",
    )
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work)
        .await
        .map_err(|_| io::Error::from(ErrorKind::TimedOut))?
}

fn fault(message: &str) -> Incoming {
    let remedy = "use pocketctl of the same release, and send less at a time";
    Incoming::Fault(Failure::new(FailureKind::Invalid, message, remedy))
}

#[cfg(test)]
mod tests {
    use pocket_service::{Config, HashCost, Service};
    use pocket_wire::decode_reply;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::places::Places;

    /// A connection on a clock that jumps on whenever nothing else happens.
    struct Peer {
        stream: UnixStream,
        served: JoinHandle<io::Result<End>>,
        _closing: watch::Sender<bool>,
        _service: Service,
        _folder: tempfile::TempDir,
    }

    impl Peer {
        async fn greeted() -> Self {
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
            let (ours, theirs) = UnixStream::pair().unwrap();
            let closing = watch::Sender::new(false);
            let place = Places::new(1).take().await.unwrap();
            let reader = Reader::new(service.handle(), "/none".into());
            // It waits for its input, and says nothing.
            let archives = Archives::new(service.handle(), "/usr/bin/tail".into());
            let doors = (service.handle(), reader, archives);
            let connection = Connection::new(theirs, doors, closing.subscribe(), place);
            let served = tokio::spawn(connection.run());
            let mut peer = Self {
                stream: ours,
                served,
                _closing: closing,
                _service: service,
                _folder: folder,
            };
            peer.stream.write_all(&GREETING).await.unwrap();
            let mut greeting = [0; GREETING.len()];
            peer.stream.read_exact(&mut greeting).await.unwrap();
            peer
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_idles_for_ten_minutes_is_cut() {
        let mut peer = Peer::greeted().await;
        let begun = tokio::time::Instant::now();
        assert_eq!(peer.stream.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), 600);
        assert!(matches!(peer.served.await.unwrap(), Ok(End::Closed)));
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_frame_is_cut_after_thirty_seconds_in_words() {
        for half in [&b"\0\0"[..], b"\0\0\0\x05abc"] {
            let mut peer = Peer::greeted().await;
            let begun = tokio::time::Instant::now();
            peer.stream.write_all(half).await.unwrap();
            let mut bytes = Vec::new();
            peer.stream.read_to_end(&mut bytes).await.unwrap();
            assert_eq!(begun.elapsed().as_secs(), 30);
            let failure = decode_reply(&bytes[4..]).unwrap().err().expect("a failure");
            assert!(failure.message.contains("30 seconds"), "{failure}");
        }
    }

    /// Asks, and reads the answer.
    async fn ask(peer: &mut Peer, call: Call) -> Reply {
        let frame = pocket_wire::encode_request(&ToDaemon::Call(Box::new(call))).unwrap();
        peer.stream.write_all(&frame).await.unwrap();
        let mut length = [0; 4];
        peer.stream.read_exact(&mut length).await.unwrap();
        let mut body = vec![0; body_length(length).unwrap()];
        peer.stream.read_exact(&mut body).await.unwrap();
        decode_reply(&body).unwrap().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_no_more_of_an_archive_is_cut_after_two_minutes() {
        let mut peer = Peer::greeted().await;
        let plain = |operation| Call {
            operation,
            passphrase: None,
            payload: None,
        };
        let code = ask(&mut peer, plain(Operation::SetupCode)).await.payload.unwrap();
        let key = pocket_crypto::RecoveryKey::generate(&mut rand::rng()).to_text();
        let typed = [code.expose_bytes(), b"\n", key.expose_bytes()].concat();
        let restore = Call {
            operation: Operation::BackupRestore,
            passphrase: Some(SecretBytes::new(b"another horse battery staple".to_vec())),
            payload: Some(SecretBytes::new(typed)),
        };
        ask(&mut peer, restore).await;
        let begun = tokio::time::Instant::now();
        assert_eq!(peer.stream.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(begun.elapsed().as_secs(), 120);
    }
}
