//! One run of the program: how it prints, where passphrases come from, and the way to the device.

use std::path::{Path, PathBuf};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use pocket_core::{Answer, Operation};
use pocket_crypto::SecretBytes;
use pocket_wire::{Client, Reply, SYSTEM_SOCKET, control_path};

use crate::arguments::Global;
use crate::exit::Problem;
use crate::output::Output;
use crate::passphrase::Passphrases;

/// What every command is given.
pub(crate) struct Session {
    pub(crate) output: Output,
    pub(crate) passphrases: Passphrases,
    /// Whether the caller said which device of this computer is meant.
    named: bool,
    socket: PathBuf,
    client: Option<Client>,
}

impl Session {
    pub(crate) fn new(global: Global) -> Result<Self, Problem> {
        Ok(Self {
            output: Output::new(global.json),
            passphrases: Passphrases::new(global.passphrase_fd),
            named: global.control.is_some() || global.data_dir.is_some(),
            socket: socket(global.control, global.data_dir.as_deref())?,
            client: None,
        })
    }

    /// Whether the caller said which device of this computer is meant.
    pub(crate) const fn is_named(&self) -> bool {
        self.named
    }

    /// Asks the device.
    pub(crate) fn ask(&mut self, operation: Operation) -> Result<Answer, Problem> {
        self.call(operation, None, None).map(|reply| reply.answer)
    }

    /// Asks the device, with something beside the operation.
    pub(crate) fn call(
        &mut self,
        operation: Operation,
        passphrase: Option<SecretBytes>,
        payload: Option<SecretBytes>,
    ) -> Result<Reply, Problem> {
        Ok(self.client()?.call(operation, passphrase, payload)?)
    }

    /// Sends a file along with what is asked next.
    pub(crate) fn attach(&mut self, name: String, bytes: SecretBytes) -> Result<(), Problem> {
        Ok(self.client()?.attach(name, bytes)?)
    }

    pub(crate) fn client(&mut self) -> Result<&mut Client, Problem> {
        Ok(match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::connect(&self.socket)?),
        })
    }

    /// The process that answers, if the kernel says: the daemon, or who passes its words on.
    pub(crate) fn daemon(&mut self) -> Option<i32> {
        let peer = getsockopt(self.client().ok()?.stream(), PeerCredentials).ok()?;
        Some(peer.pid())
    }

    /// Closes the connection: the device keeps few, and cuts one that idles while a person thinks.
    /// The next question opens another.
    pub(crate) fn hang_up(&mut self) {
        self.client = None;
    }

    /// A fresh connection, to be handed on.
    pub(crate) fn connect(&self) -> Result<Client, Problem> {
        Ok(Client::connect(&self.socket)?)
    }
}

/// The socket that was named; else the usual one, or the installed device's where only that is there.
fn socket(control: Option<PathBuf>, data_dir: Option<&Path>) -> Result<PathBuf, Problem> {
    match control {
        // Two devices might be meant, and one of them reset.
        Some(_) if data_dir.is_some() => {
            return Err(Problem::usage(
                "--control and --data-dir both name a device",
                "give one of them",
            ));
        }
        Some(control) => return Ok(control),
        None => {}
    }
    let usual = control_path(data_dir, |name| std::env::var_os(name));
    let system = Path::new(SYSTEM_SOCKET);
    match usual {
        // Who named a folder means that device, and never another one.
        Some(usual) if data_dir.is_some() || usual.exists() || !system.exists() => Ok(usual),
        _ if system.exists() => Ok(system.to_path_buf()),
        _ => Err(Problem::usage(
            "it is not known where the control socket is: $HOME is not set",
            "name it: --control PATH, or the data folder: --data-dir DIR",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_is_used_and_never_another_device() {
        let named = socket(Some(PathBuf::from("/no/such")), None);
        assert!(named.is_ok_and(|path| path == Path::new("/no/such")));
        let folder = socket(None, Some(Path::new("/no/such")));
        assert!(folder.is_ok_and(|path| path != Path::new(SYSTEM_SOCKET)));
        let both = socket(Some(PathBuf::from("/a")), Some(Path::new("/b")));
        assert!(matches!(both, Err(Problem::Usage { .. })));
    }
}
