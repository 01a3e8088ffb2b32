//! The socket that the daemon calls at.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pocket_core::{CallFailure, LinkFault, Method, RecordId, Timestamp};
use pocket_crypto::secret::Key;
use pocket_grant::{Report, ToGateway, UncheckedCall, VERSION, body_length, decode_to_gateway, report_frame};
use pocket_post::{Limits, Metered, Traffic, exchange};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::gate::{Admitted, Approved, Daemons, Gate};
use crate::keep::{self, Kept};
use crate::link::{self, Opened};
use crate::route::Exceptions;
use crate::tls::Trust;

/// Calls at once. Each holds its whole body, at most 16 MiB.
const AT_ONCE: usize = 4;
/// Links at once, beside the calls: one, and one that takes its place.
const LINKS: usize = 2;
/// How long one frame may take, either way.
const FRAME: Duration = Duration::from_secs(30);
/// How long a server may take until its answer begins. Models think for a while.
const FIRST_BYTE: Duration = Duration::from_secs(180);
/// How long a call may take, whatever was granted.
const MOST_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long a file may take: 150 MB by a line of 100 kbit/s.
const MOST_FETCH: Duration = Duration::from_secs(4 * 60 * 60);
/// How long it may take to keep something elsewhere: 4 GB by a line of 1 Mbit/s.
const MOST_KEEPING: Duration = Duration::from_secs(12 * 60 * 60);
/// How long nothing of a file may come.
const STALLED: Duration = Duration::from_secs(60);
/// Reports that wait for the daemon to take them; then the server has to wait.
const WAITING: usize = 4;
/// After the system had no place for a connection.
const BREATH: Duration = Duration::from_millis(100);

/// Who may call, and what holds for each call.
pub struct Gateway {
    caller: u32,
    trust: Trust,
    exceptions: Exceptions,
    gate: RefCell<Gate>,
    link: link::Only,
}

impl Gateway {
    /// Takes calls of the user with the number `caller` alone.
    pub fn new(caller: u32, daemons: Daemons, trust: Trust, exceptions: Exceptions) -> Self {
        Self {
            caller,
            trust,
            exceptions,
            gate: RefCell::new(Gate::new(daemons)),
            link: link::Only::default(),
        }
    }

    /// Whether the kernel says that the other side is the caller.
    fn knows(&self, stream: &UnixStream) -> bool {
        stream.peer_cred().is_ok_and(|peer| peer.uid() == self.caller)
    }
}

/// Takes calls for ever. Must run within a `LocalSet`.
pub async fn serve(listener: UnixListener, gateway: Gateway) {
    let gateway = Rc::new(gateway);
    let places = Arc::new(Semaphore::new(AT_ONCE + LINKS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            sleep(BREATH).await;
            continue;
        };
        if !gateway.knows(&stream) {
            warn!("another user than the daemon's called, and was turned away");
            continue;
        }
        let gateway = Rc::clone(&gateway);
        spawn_local(async move {
            attend(&gateway, stream).await;
            drop(place);
        });
    }
}

/// Why no call was heard.
pub(crate) enum Unheard {
    /// The other side broke the protocol, or left.
    Broken,
    Refused(CallFailure),
}

impl From<CallFailure> for Unheard {
    fn from(reason: CallFailure) -> Self {
        Self::Refused(reason)
    }
}

/// What a connection is for.
enum Asked {
    Call(Box<Approved>),
    Keep(Box<Kept>),
    Link(Result<Opened, LinkFault>),
}

async fn attend(gateway: &Gateway, stream: UnixStream) {
    let (mut from, to) = stream.into_split();
    match hear(gateway, &mut from).await {
        Err(Unheard::Broken) => warn!("a connection made no sense, or ended before its call was whole"),
        Err(Unheard::Refused(reason)) => end(to, Err(reason), &Traffic::default()).await,
        Ok(Asked::Call(approved)) => attend_call(gateway, *approved, from, to).await,
        Ok(Asked::Keep(kept)) => attend_keep(gateway, *kept, from, to).await,
        Ok(Asked::Link(Ok(opened))) => link::attend(&gateway.link, opened, (from, to)).await,
        Ok(Asked::Link(Err(fault))) => link::refuse(to, fault).await,
    }
}

async fn attend_call(gateway: &Gateway, approved: Approved, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let traffic = Traffic::default();
    let id = approved.terms.id;
    let carried = carry_and_tell(gateway, approved, &traffic, &mut to);
    tokio::select! {
        // Nothing more is to be said: whatever comes, the end included, gives the call up.
        _ = from.read_u8() => log(Some(id), Some(CallFailure::Withdrawn), &traffic),
        outcome = carried => {
            log(Some(id), outcome.err(), &traffic);
            end(to, outcome, &traffic).await;
        }
    }
}

/// Sends what is to be kept elsewhere, as it is heard for the second time.
async fn attend_keep(gateway: &Gateway, kept: Kept, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let traffic = Traffic::default();
    let id = kept.terms.id;
    let (sender, pieces) = mpsc::channel(WAITING);
    let whole = (kept.terms.body_length, kept.terms.body_sha256);
    let fed = async {
        keep::feed(&mut from, whole, sender).await;
        from.read_u8().await
    };
    let kept = keep_and_tell(gateway, &kept, pieces, &traffic, &mut to);
    tokio::select! {
        _ = fed => log(Some(id), Some(CallFailure::Withdrawn), &traffic),
        outcome = kept => {
            log(Some(id), outcome.err(), &traffic);
            end(to, outcome, &traffic).await;
        }
    }
}

async fn keep_and_tell(
    gateway: &Gateway,
    kept: &Kept,
    pieces: mpsc::Receiver<keep::Piece>,
    traffic: &Traffic,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), CallFailure> {
    let (reports, told) = mpsc::channel(WAITING);
    let patience = Duration::from_millis(kept.terms.patience_millis.into()).min(MOST_KEEPING);
    let keeping = async move {
        let route = gateway.exceptions.resolve(&kept.host, kept.terms.port).await?;
        let keeper = keep::Keeper {
            kept,
            route,
            trust: &gateway.trust,
            traffic,
            reports: &reports,
        };
        let kept = timeout(patience, keeper.keep(pieces)).await;
        kept.unwrap_or(Err(CallFailure::OutOfTime))
    };
    let (kept, ()) = tokio::join!(keeping, tell_all(told, to));
    kept
}

/// Tells how a call ended.
async fn end(mut to: OwnedWriteHalf, outcome: Result<(), CallFailure>, traffic: &Traffic) {
    let (sent, received) = (traffic.sent(), traffic.received());
    let last = match outcome {
        Ok(()) => Report::Ended { sent, received },
        Err(reason) => Report::Failed {
            reason,
            sent,
            received,
        },
    };
    if !tell(&mut to, &last).await {
        log(None, Some(CallFailure::Withdrawn), traffic);
    }
}

/// How it came out, and which question of the owner it was: never to whom, with what, or what came back.
fn log(id: Option<RecordId>, failure: Option<CallFailure>, traffic: &Traffic) {
    let id = id.map(tracing::field::display);
    let (sent, received) = (traffic.sent(), traffic.received());
    match failure {
        None => info!(id, sent, received, "a call was made"),
        Some(reason) => info!(id, sent, received, %reason, "a call came to nothing"),
    }
}

/// Hears one call to its last byte, or the opening of a link, and checks it.
async fn hear(gateway: &Gateway, from: &mut (impl AsyncRead + Unpin)) -> Result<Asked, Unheard> {
    let key = match next(from).await? {
        ToGateway::Greeting {
            version: VERSION,
            key: Some(key),
        } => key,
        ToGateway::Greeting { .. } => return Err(CallFailure::GatewayVersion.into()),
        _ => return Err(Unheard::Broken),
    };
    gateway.gate.borrow_mut().greeted(&key)?;
    match next(from).await? {
        ToGateway::Call(call) => {
            let admitted = admit(gateway, call, &key)?;
            if admitted.keeps() {
                let heard = keep::hear(from, admitted.body_length()).await;
                let digest = heard.map_err(|reason| reason.map_or(Unheard::Broken, Unheard::Refused))?;
                return Ok(Asked::Keep(Box::new(admitted.approve_kept(digest)?)));
            }
            let approved = hear_call(admitted, from).await?;
            Ok(Asked::Call(Box::new(approved)))
        }
        ToGateway::Link(link) => {
            let admitted = gateway.gate.borrow_mut().admit_link(link, &key, now());
            Ok(Asked::Link(admitted))
        }
        _ => Err(Unheard::Broken),
    }
}

async fn hear_call(admitted: Admitted, from: &mut (impl AsyncRead + Unpin)) -> Result<Approved, Unheard> {
    let length = usize::try_from(admitted.body_length()).map_err(|_| CallFailure::RequestInvalid)?;
    let mut body = Vec::with_capacity(length);
    while body.len() < length {
        let ToGateway::Piece(piece) = next(from).await? else {
            return Err(Unheard::Broken);
        };
        // One that is empty would get nobody further, and one that is too long is another body.
        if piece.is_empty() || piece.len() > length - body.len() {
            return Err(CallFailure::BodyChanged.into());
        }
        body.extend_from_slice(&piece);
    }
    Ok(admitted.approve(body)?)
}

fn admit(gateway: &Gateway, call: UncheckedCall, key: &Key) -> Result<Admitted, CallFailure> {
    gateway.gate.borrow_mut().admit(call, key, now())
}

/// A clock from before 1970 makes every grant valid as long as it says; the daemon, which asked for it,
/// has the same clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

pub(crate) async fn next(from: &mut (impl AsyncRead + Unpin)) -> Result<ToGateway, Unheard> {
    let body = timeout(FRAME, async {
        let mut prefix = [0; 4];
        from.read_exact(&mut prefix).await.map_err(|_| Unheard::Broken)?;
        let length = body_length(prefix).map_err(|_| Unheard::Broken)?;
        let mut body = Zeroizing::new(vec![0; length]);
        from.read_exact(&mut body).await.map_err(|_| Unheard::Broken)?;
        Ok(body)
    });
    let body = body.await.unwrap_or(Err(Unheard::Broken))?;
    decode_to_gateway(&body).map_err(|_| Unheard::Broken)
}

/// Makes the call, and hands over what comes back as it comes.
async fn carry_and_tell(
    gateway: &Gateway,
    approved: Approved,
    traffic: &Traffic,
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<(), CallFailure> {
    let (reports, told) = mpsc::channel(WAITING);
    let most = match approved.terms.method {
        Method::Get => MOST_FETCH,
        Method::KeepS3 | Method::KeepWebdav | Method::Post => MOST_PATIENCE,
    };
    let patience = Duration::from_millis(approved.terms.patience_millis.into()).min(most);
    let carrying = async move {
        let carried = timeout(patience, carry(gateway, approved, traffic, &reports)).await;
        carried.unwrap_or(Err(CallFailure::OutOfTime))
    };
    let (carried, ()) = tokio::join!(carrying, tell_all(told, to));
    carried
}

async fn tell_all(mut told: mpsc::Receiver<Report>, to: &mut (impl AsyncWrite + Unpin)) {
    while let Some(report) = told.recv().await {
        if !tell(to, &report).await {
            return;
        }
    }
}

async fn carry(
    gateway: &Gateway,
    approved: Approved,
    traffic: &Traffic,
    reports: &mpsc::Sender<Report>,
) -> Result<(), CallFailure> {
    let Approved { terms, host, request } = approved;
    let route = gateway.exceptions.resolve(&host, terms.port).await?;
    let (stream, address) = route.connect().await?;
    let stream = Metered::new(stream, traffic.clone());
    let stream = gateway.trust.greet(&host, terms.pin, stream).await?;
    let connected = reports.send(Report::Connected { address }).await;
    connected.map_err(|_| CallFailure::Withdrawn)?;
    let limits = Limits {
        first_byte: FIRST_BYTE,
        between: match terms.method {
            Method::Get => STALLED,
            Method::KeepS3 | Method::KeepWebdav | Method::Post => MOST_PATIENCE,
        },
        most_answer: terms.most_answer,
    };
    exchange(stream, request, limits, reports).await
}

/// Whether the daemon took it.
async fn tell(to: &mut (impl AsyncWrite + Unpin), report: &Report) -> bool {
    let Ok(frame) = report_frame(report) else {
        return false;
    };
    matches!(timeout(FRAME, to.write_all(&frame)).await, Ok(Ok(())))
}
