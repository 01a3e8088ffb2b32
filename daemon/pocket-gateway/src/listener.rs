//! The socket to be called at: handed over by a service manager, or made here.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use nix::sys::stat::{Mode, umask};
use thiserror::Error;

/// Why there is no socket.
#[derive(Debug, Error)]
pub(crate) enum ListenerError {
    #[error("the socket that the service manager handed over can't be used")]
    Handed(#[source] io::Error),
    #[error("another pocket-gateway listens at {path}: stop it, or choose another place with --socket", path = .0.display())]
    InUse(PathBuf),
    #[error("there is no socket to be called at: name one with --socket")]
    None,
    #[error("{path} is no socket, and is left alone: choose another place with --socket", path = .0.display())]
    Occupied(PathBuf),
    #[error("the socket {path} can't be made", path = path.display())]
    Socket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Listens at `path`, for its own user alone if `own`; without a path, at the socket that was handed over.
pub(crate) fn open(path: Option<&Path>, own: bool) -> Result<UnixListener, ListenerError> {
    let listener = match path {
        Some(path) => bind(path, own)?,
        None => {
            let handed = ListenFd::from_env().take_unix_listener(0);
            handed
                .map_err(ListenerError::Handed)?
                .ok_or(ListenerError::None)?
        }
    };
    listener.set_nonblocking(true).map_err(ListenerError::Handed)?;
    Ok(listener)
}

fn bind(path: &Path, own: bool) -> Result<UnixListener, ListenerError> {
    let failed = |source| ListenerError::Socket {
        path: path.to_path_buf(),
        source,
    };
    remove_stale(path)?;
    umask(Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(path).map_err(failed)?;
    if !own {
        // The kernel's word on who calls decides, not the mode.
        fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
    }
    Ok(listener)
}

/// A socket that a former gateway left behind is in the way; one that is answered is not ours.
fn remove_stale(path: &Path) -> Result<(), ListenerError> {
    let failed = |source| ListenerError::Socket {
        path: path.to_path_buf(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ListenerError::Occupied(path.to_path_buf()));
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ListenerError::InUse(path.to_path_buf())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}
