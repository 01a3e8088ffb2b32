//! The listening sockets: handed over by the service manager, or bound here.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use listenfd::ListenFd;
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::configuration::{Configuration, ConfigurationError, loopback};

/// Why a socket is not to be had.
#[derive(Debug, Error)]
pub(crate) enum SocketError {
    #[error("{door} can't listen on {address}: is another pocketd running? Port 0 takes any free port")]
    Bind {
        door: &'static str,
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Control(#[from] pocket_control::BindError),
    #[error("the socket that the service manager handed over for {door} can't be used")]
    Handed {
        door: &'static str,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    NotLoopback(#[from] ConfigurationError),
}

/// The three doors' sockets. A service manager hands them over in this order.
pub(crate) struct Sockets {
    pub(crate) ui: TcpListener,
    pub(crate) mcp: TcpListener,
    pub(crate) control: UnixListener,
    /// The control socket's name in the file system, unless a service manager made it.
    pub(crate) bound: Option<Bound>,
}

/// A name that we gave a socket, and that goes with us.
pub(crate) struct Bound(PathBuf);

impl Drop for Bound {
    fn drop(&mut self) {
        // One that stays is in nobody's way: the next start removes it.
        fs::remove_file(&self.0).unwrap_or_default();
    }
}

impl Sockets {
    pub(crate) fn open(configuration: &Configuration) -> Result<Self, SocketError> {
        let mut handed = ListenFd::from_env();
        let ui = tcp(&mut handed, 0, "ui", configuration.ui)?;
        let mcp = tcp(&mut handed, 1, "mcp", configuration.mcp)?;
        let (control, bound) = control(&mut handed, configuration)?;
        Ok(Self {
            ui,
            mcp,
            control,
            bound,
        })
    }
}

fn tcp(
    handed: &mut ListenFd,
    index: usize,
    door: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, SocketError> {
    let wrong = |source| SocketError::Handed { door, source };
    let listener = if index < handed.len() {
        handed.take_tcp_listener(index).map_err(wrong)?
    } else {
        None
    };
    let listener = match listener {
        Some(listener) => {
            loopback(door, listener.local_addr().map_err(wrong)?)?;
            listener
        }
        None => std::net::TcpListener::bind(address).map_err(|source| SocketError::Bind {
            door,
            address,
            source,
        })?,
    };
    listener.set_nonblocking(true).map_err(wrong)?;
    TcpListener::from_std(listener).map_err(wrong)
}

fn control(
    handed: &mut ListenFd,
    configuration: &Configuration,
) -> Result<(UnixListener, Option<Bound>), SocketError> {
    let wrong = |source| SocketError::Handed {
        door: "control",
        source,
    };
    let listener = if handed.len() > 2 {
        handed.take_unix_listener(2).map_err(wrong)?
    } else {
        None
    };
    let Some(listener) = listener else {
        let listener = pocket_control::bind(&configuration.control)?;
        return Ok((listener, Some(Bound(configuration.control.clone()))));
    };
    listener.set_nonblocking(true).map_err(wrong)?;
    let listener = UnixListener::from_std(listener).map_err(wrong)?;
    Ok((listener, None))
}
