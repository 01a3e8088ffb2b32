//! The device secret as a file: 32 random bytes, best on a partition or a chip of their own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use pocket_crypto::Key;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::atomic::{overwrite_and_remove, read_if_there, write_atomically};

/// Why the device secret can't be had.
#[derive(Debug, Error)]
pub enum DeviceSecretError {
    /// It is there and no secret of ours.
    #[error("the device secret {path} is damaged: it must be 32 bytes; bring it back, or use the recovery key", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("can't {action} the device secret {path}: check that its storage is there and writable", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Where the device secret of one ring lies.
pub struct DeviceSecretPlace {
    file: PathBuf,
    apart: bool,
}

impl DeviceSecretPlace {
    /// The file `RING.secret` in `folder`. `data_dir` is only compared with it: a secret on the same
    /// file system protects from less.
    pub fn choose(folder: &Path, data_dir: &Path, ring_id: [u8; 16]) -> Self {
        let apart = match (device_of(folder), device_of(data_dir)) {
            (Some(secret), Some(data)) => secret != data,
            _ => false,
        };
        let name: String = ring_id.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            file: folder.join(name + ".secret"),
            apart,
        }
    }

    /// Reads it; `None` when it is not there.
    ///
    /// # Errors
    /// [`DeviceSecretError`].
    pub fn read(&self) -> Result<Option<Key>, DeviceSecretError> {
        let Some(bytes) = read_if_there(&self.file, 32).map_err(self.io("read"))? else {
            return Ok(None);
        };
        let bytes = Zeroizing::new(bytes);
        let secret = <[u8; 32]>::try_from(bytes.as_slice());
        let secret = secret.map_err(|_| DeviceSecretError::Damaged {
            path: self.file.clone(),
        })?;
        Ok(Some(Key::from_bytes(secret)))
    }

    /// Writes it (mode 0600, folder 0700), replacing one that is there.
    ///
    /// # Errors
    /// [`DeviceSecretError::Io`].
    pub fn create(&self, secret: &Key) -> Result<(), DeviceSecretError> {
        if let Some(folder) = self.file.parent().filter(|folder| !folder.is_dir()) {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).map_err(self.io("create the folder of"))?;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
                .map_err(self.io("protect the folder of"))?;
        }
        write_atomically(&self.file, secret.expose_bytes(), 0o600).map_err(self.io("write"))
    }

    /// Overwrites it, removes it and syncs the folder. Can be repeated.
    ///
    /// # Errors
    /// [`DeviceSecretError::Io`].
    pub fn destroy(&self) -> Result<(), DeviceSecretError> {
        overwrite_and_remove(&self.file).map_err(self.io("destroy"))
    }

    /// Where it lies and what that protects from, in words for the owner.
    pub fn describe(&self) -> String {
        let path = self.file.display();
        if self.apart {
            format!(
                "file {path}, on another file system than the data: a stolen data partition or backup is of no use without it"
            )
        } else {
            format!(
                "file {path}, on the same file system as the data: it protects a copied backup, not a stolen card"
            )
        }
    }

    pub(crate) fn exists(&self) -> bool {
        self.file.exists()
    }

    fn io(&self, action: &'static str) -> impl FnOnce(io::Error) -> DeviceSecretError {
        let path = self.file.clone();
        move |source| DeviceSecretError::Io { action, path, source }
    }
}

/// The file system that `path`, or its nearest ancestor that exists, lies on.
fn device_of(path: &Path) -> Option<u64> {
    path.ancestors()
        .find_map(|path| fs::metadata(path).ok())
        .map(|metadata| metadata.dev())
}
