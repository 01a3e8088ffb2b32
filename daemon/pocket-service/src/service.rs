//! Starting and stopping the engine.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use pocket_core::{Doors, Profile};
use thiserror::Error;
use tokio::sync::{broadcast, mpsc, watch};

use crate::engine::Engine;
use crate::handle::{Handle, TOUCHED, WAITING};
use crate::outbound::{Calls, GatewayTrust, Links, Outbound};
use crate::passphrase::HashCost;

/// Where the device keeps its things.
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The folder of the device secret; should lie elsewhere than the data.
    pub device_secret_dir: PathBuf,
    /// How dear a guess of the passphrase is made.
    pub hash_cost: HashCost,
    /// Whether there is a program that can send, and what it trusts.
    pub gateway: GatewayTrust,
    /// Where updates of the device's own system are handed in; `None` where it does not update itself.
    pub updates: Option<Updates>,
    /// Where the doors listen; told once they do.
    pub doors: Arc<OnceLock<Doors>>,
}

/// Where updates of the device's own system are handed in. Whoever installs them is another.
#[derive(Clone)]
pub struct Updates {
    /// The folder for bundles and requests; the daemon's own.
    pub spool: PathBuf,
    /// The file in which the system says how it is; not the daemon's.
    pub state: PathBuf,
}

/// Why the engine does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder can't be used.
    #[error(transparent)]
    Folder(#[from] pocket_store::FolderError),
    /// The engine's thread or timer can't be made.
    #[error("the engine's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// The running engine.
pub struct Service {
    handle: Handle,
    thread: JoinHandle<()>,
    calls: Option<Calls>,
    links: Option<Links>,
}

impl Service {
    /// Opens the data folder and starts the engine, locked.
    ///
    /// # Errors
    /// [`StartError`] when the folder is held by another process, is not ours or can't be read.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let (changed, changes) = watch::channel(0);
        let mailbox = sender.downgrade();
        let (touched, _) = broadcast::channel(TOUCHED);
        let (profile, in_force) = watch::channel(Profile::OfflineOnly);
        let handle = Handle::new(sender, (changes, touched.clone(), in_force), config.hash_cost);
        let (outbound, calls, links) = Outbound::new(config.gateway);
        let engine = Engine::open(config, (changed, touched, profile), mailbox, outbound)?;
        let timer = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let timer = timer.map_err(StartError::Thread)?;
        let thread = thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || engine.run(&timer, receiver))
            .map_err(StartError::Thread)?;
        Ok(Self {
            handle,
            thread,
            calls: Some(calls),
            links: Some(links),
        })
    }

    /// A way to the engine.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The calls that are to be made, for the one who carries them; `None` the second time.
    pub fn take_calls(&mut self) -> Option<Calls> {
        self.calls.take()
    }

    /// The links that are to be opened, likewise.
    pub fn take_links(&mut self) -> Option<Links> {
        self.links.take()
    }

    /// Whether the engine has ended, cleanly or not.
    pub fn ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Stops cleanly and waits for it. `false` when the engine had failed.
    pub fn stop(self) -> bool {
        self.handle.stop_blocking();
        self.thread.join().is_ok()
    }
}
