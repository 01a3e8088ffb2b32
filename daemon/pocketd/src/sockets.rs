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

/// The name under which a service manager hands over the button's socket, in whatever place.
const BUTTON: &str = "pocketai-button";

/// The doors' sockets. A service manager hands the first three over in this order.
pub(crate) struct Sockets {
    pub(crate) ui: TcpListener,
    pub(crate) mcp: TcpListener,
    pub(crate) control: UnixListener,
    /// Where the button is listened to, if there may be one.
    pub(crate) button: Option<UnixListener>,
    /// The names of sockets in the file system that no service manager made.
    pub(crate) bound: Vec<Bound>,
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
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut handed = ListenFd::from_env();
        let [usual, named] = places(&names, handed.len());
        let place = |number: usize| usual.get(number).copied().unwrap_or(usize::MAX);
        let ui = tcp(&mut handed, place(0), "ui", configuration.ui)?;
        let mcp = tcp(&mut handed, place(1), "mcp", configuration.mcp)?;
        let mut bound = Vec::new();
        let path = Some(&configuration.control);
        let control = unix(&mut handed, place(2), ("control", path), &mut bound)?;
        let place = named.first().copied().unwrap_or(usize::MAX);
        let path = configuration.button.as_ref();
        let button = unix(&mut handed, place, ("button", path), &mut bound)?;
        Ok(Self {
            ui,
            mcp,
            control: control.expect("a path for it is always known"),
            button,
            bound,
        })
    }
}

/// Where among so many sockets that were handed over the usual ones are, and where the button's: a service
/// manager that hands over sockets of several units says of each what it is, and promises no order.
fn places(names: &str, handed: usize) -> [Vec<usize>; 2] {
    let names: Vec<&str> = names.split(':').collect();
    let (named, usual) = (0..handed).partition(|place| names.get(*place) == Some(&BUTTON));
    [usual, named]
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

/// One that was handed over, or is made at this path.
fn unix(
    handed: &mut ListenFd,
    index: usize,
    (door, path): (&'static str, Option<&PathBuf>),
    bound: &mut Vec<Bound>,
) -> Result<Option<UnixListener>, SocketError> {
    let wrong = |source| SocketError::Handed { door, source };
    let listener = if index < handed.len() {
        handed.take_unix_listener(index).map_err(wrong)?
    } else {
        None
    };
    if let Some(listener) = listener {
        listener.set_nonblocking(true).map_err(wrong)?;
        return UnixListener::from_std(listener).map(Some).map_err(wrong);
    }
    let Some(path) = path else {
        return Ok(None);
    };
    let listener = pocket_control::bind(path)?;
    bound.push(Bound(path.clone()));
    Ok(Some(listener))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buttons_socket_is_known_by_its_name_wherever_it_comes() {
        let none: Vec<usize> = Vec::new();
        assert_eq!(places("", 0), [none.clone(), none.clone()]);
        assert_eq!(places("", 3), [vec![0, 1, 2], none]);
        let first = "pocketai-button:pocketai:pocketai:pocketai";
        assert_eq!(places(first, 4), [vec![1, 2, 3], vec![0]]);
        let last = "pocketai:pocketai:pocketai:pocketai-button";
        assert_eq!(places(last, 4), [vec![0, 1, 2], vec![3]]);
    }
}
