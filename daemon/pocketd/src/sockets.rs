//! The listening sockets: handed over by the service manager, or bound here.

use std::io;
use std::net::SocketAddr;

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
}

impl Sockets {
    pub(crate) fn open(configuration: &Configuration) -> Result<Self, SocketError> {
        let mut handed = ListenFd::from_env();
        Ok(Self {
            ui: tcp(&mut handed, 0, "ui", configuration.ui)?,
            mcp: tcp(&mut handed, 1, "mcp", configuration.mcp)?,
            control: control(&mut handed, configuration)?,
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

fn control(handed: &mut ListenFd, configuration: &Configuration) -> Result<UnixListener, SocketError> {
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
        return Ok(pocket_control::bind(&configuration.control)?);
    };
    listener.set_nonblocking(true).map_err(wrong)?;
    UnixListener::from_std(listener).map_err(wrong)
}
