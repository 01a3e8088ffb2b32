//! The port to what carries calls: out of the device by the gateway, or to a model on it. The engine hands a
//! call over, with leave for it; whoever carries it reports back.

use std::fs::File;

use pocket_core::{DeviceState, Grant, LinkLeave, RecordId};
use pocket_crypto::SecretBytes;
use pocket_grant::Headers;
use tokio::sync::{mpsc, oneshot, watch};

/// Calls that may wait for a carrier: more than the owner approves in the time that one takes to begin.
const WAITING: usize = 8;
/// Links that may: one, and one that takes its place.
const LINKS: usize = 2;

/// A call to be made.
pub struct Call {
    /// The question that it answers.
    pub id: RecordId,
    /// Where to.
    pub way: Way,
    /// The body of the request.
    pub body: Vec<u8>,
    /// Headers besides those of HTTP itself; the key among them.
    pub headers: Headers,
    /// Resolves once nobody wants it any more.
    pub given_up: oneshot::Receiver<()>,
}

/// Where a call goes.
pub enum Way {
    /// Out of the device, by the gateway, to be kept there: the file is the body.
    Keep(Grant, File),
    /// To a model on this device.
    Local {
        /// Its socket.
        socket: String,
        /// The path of the request.
        path: String,
    },
    /// Out of the device, by the gateway.
    Out(Grant),
}

/// Calls as they are to be made, for who carries them.
pub struct Calls(mpsc::Receiver<Call>);

impl Calls {
    /// The next one; `None` once the engine has stopped.
    pub async fn next(&mut self) -> Option<Call> {
        self.0.recv().await
    }
}

/// A link to the owner's broker, to be opened and kept.
pub struct Link {
    /// Which one; what it is told by.
    pub number: u64,
    /// Leave for it.
    pub leave: LinkLeave,
    /// The password at the broker.
    pub password: Option<SecretBytes>,
    /// How the device is, from one moment to the next.
    pub states: watch::Receiver<DeviceState>,
    /// Resolves once nobody wants it any more.
    pub given_up: oneshot::Receiver<()>,
}

/// Links as they are to be opened, for who carries them.
pub struct Links(mpsc::Receiver<Link>);

impl Links {
    /// The next one, which takes the place of the one before; `None` once the engine has stopped.
    pub async fn next(&mut self) -> Option<Link> {
        self.0.recv().await
    }
}

/// What the program that sends trusts.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum GatewayTrust {
    /// There is none: nothing can leave.
    #[default]
    Absent,
    /// The authorities and name servers that everyone does.
    Usual,
    /// Besides, what the configuration names: an authority or an address of the owner's own.
    Widened,
}

/// The engine's end.
#[derive(Clone, Default)]
pub(crate) struct Outbound {
    calls: Option<mpsc::Sender<Call>>,
    links: Option<mpsc::Sender<Link>>,
    gateway: GatewayTrust,
}

impl Outbound {
    pub(crate) fn new(gateway: GatewayTrust) -> (Self, Calls, Links) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (links, receives) = mpsc::channel(LINKS);
        let outbound = Self {
            calls: Some(sender),
            links: Some(links),
            gateway,
        };
        (outbound, Calls(receiver), Links(receives))
    }

    /// Whether there is a program that can send.
    pub(crate) fn has_gateway(&self) -> bool {
        self.gateway != GatewayTrust::Absent && self.calls.is_some()
    }

    /// Whether that program trusts more than it usually does.
    pub(crate) fn is_widened(&self) -> bool {
        self.gateway == GatewayTrust::Widened
    }

    /// A place for a call; `None` while too many wait, or nobody carries them.
    pub(crate) fn place(&self) -> Option<mpsc::OwnedPermit<Call>> {
        self.calls.clone()?.try_reserve_owned().ok()
    }

    /// A place for a link, likewise.
    pub(crate) fn link_place(&self) -> Option<mpsc::OwnedPermit<Link>> {
        self.links.clone()?.try_reserve_owned().ok()
    }
}
