//! Making the socket.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use pocket_wire::MAX_SOCKET_PATH;
use thiserror::Error;
use tokio::net::UnixListener;

/// Write permission for the group or for others.
const OTHERS_WRITE: u32 = 0o022;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum BindError {
    /// Someone else could put another socket in its place.
    #[error(
        "others may write to {path}, the folder of the control socket: choose another, or take that right away (chmod 700)"
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
    },
    /// The folder can't be made or looked at.
    #[error("the folder {path} of the control socket can't be used")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another daemon listens there.
    #[error("another pocketd listens at {path}: stop it, or choose another place with --control")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is no socket has its name.
    #[error("{path} is no socket, and is left alone: choose another place with --control")]
    Occupied {
        /// What is there.
        path: PathBuf,
    },
    /// No socket can have this path.
    #[error(
        "the path of the control socket has {} bytes, and the system takes at most {MAX_SOCKET_PATH}: choose a shorter one with --control, or another data folder; it is {path}",
        path.as_os_str().len()
    )]
    TooLong {
        /// The path.
        path: PathBuf,
    },
    /// The socket can't be made.
    #[error("the control socket {path} can't be made")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Listens at `path`: a socket of mode 0600, in a folder that is made with mode 0700 where there is
/// none. A socket that a former daemon left behind is removed, but only when nobody listens there.
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`BindError`] names what is in the way, and what to do.
pub fn bind(path: &Path) -> Result<UnixListener, BindError> {
    if path.as_os_str().len() > MAX_SOCKET_PATH {
        let path = path.to_path_buf();
        return Err(BindError::TooLong { path });
    }
    prepare_folder(path)?;
    remove_stale(path)?;
    let failed = |source| BindError::Socket {
        path: path.to_path_buf(),
        source,
    };
    let listener = StdListener::bind(path).map_err(failed)?;
    // Until here it has the mode that the umask leaves; nobody gets in by it who is not let in by
    // `SO_PEERCRED` as well.
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    UnixListener::from_std(listener).map_err(failed)
}

fn prepare_folder(path: &Path) -> Result<(), BindError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let failed = |source| BindError::Folder {
        path: folder.to_path_buf(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let found = fs::metadata(folder).map_err(failed)?;
    let is_trusted = found.uid() == geteuid().as_raw() || found.uid() == 0;
    if !is_trusted || found.mode() & OTHERS_WRITE != 0 {
        return Err(BindError::Exposed {
            path: folder.to_path_buf(),
        });
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Socket {
        path: path.to_path_buf(),
        source,
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(BindError::Occupied {
                path: path.to_path_buf(),
            });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse {
            path: path.to_path_buf(),
        }),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_and_its_folder_are_for_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/run/control.sock");
        let listener = bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(listener);
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let first = bind(&path).unwrap();
        assert!(matches!(bind(&path), Err(BindError::InUse { .. })));
        drop(first);
        assert!(path.exists());
        let second = bind(&path).unwrap();
        drop(second);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path), Err(BindError::Occupied { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn a_path_that_is_too_long_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("x".repeat(MAX_SOCKET_PATH))
            .join("control.sock");
        let refused = bind(&path).map(drop).unwrap_err();
        assert!(matches!(refused, BindError::TooLong { .. }));
        assert!(refused.to_string().contains("at most 107"), "{refused}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o770)).unwrap();
        let path = folder.path().join("control.sock");
        assert!(matches!(bind(&path), Err(BindError::Exposed { .. })));
        assert!(!path.exists());
    }
}
