//! Arguments and configuration file into where things are.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use pocket_courier::Gateway;
use pocket_crypto::Key;
use pocket_service::{GatewayTrust, HashCost, Updates};
use serde::Deserialize;
use thiserror::Error;

/// Memory for the slow hash where the board does not say how much it has: 64 MiB.
const HASH_MEMORY_KIB: u32 = 64 * 1024;
/// How long the slow hash should take: what an owner waits gladly, and a guesser does not.
const HASH_TIME: Duration = Duration::from_secs(1);

/// The private personal-AI appliance: keeps your data sealed, serves its page and agents on
/// loopback only.
#[derive(Default, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    /// Where the data lies; $STATE_DIRECTORY or the XDG data folder when unsaid
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where the page is served; must be loopback
    #[arg(long, value_name = "ADDR:PORT")]
    ui: Option<SocketAddr>,
    /// Where agents are served; must be loopback
    #[arg(long, value_name = "ADDR:PORT")]
    mcp: Option<SocketAddr>,
    /// Where pocketctl is served; $RUNTIME_DIRECTORY/control.sock or DIR/run/control.sock when unsaid
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// The program that reads the files of strangers; pocket-reader beside this one when unsaid
    #[arg(long, value_name = "PATH")]
    reader: Option<PathBuf>,
    /// The program that seals and opens backups; pocket-backup beside this one when unsaid
    #[arg(long, value_name = "PATH")]
    archiver: Option<PathBuf>,
    /// The program that sends what you approve; pocket-gateway beside this one when unsaid
    #[arg(long, value_name = "PATH")]
    gateway: Option<PathBuf>,
    /// A configuration file (TOML) with the same names, and device_secret_dir
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Arguments {
    /// As when the daemon is started without any.
    pub(crate) fn none() -> Self {
        Self::default()
    }
}

/// The configuration file. An argument wins over it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    ui: Option<SocketAddr>,
    mcp: Option<SocketAddr>,
    control: Option<PathBuf>,
    /// Where the device's button is listened to; there is none when unsaid.
    button: Option<PathBuf>,
    reader: Option<PathBuf>,
    archiver: Option<PathBuf>,
    device_secret_dir: Option<PathBuf>,
    gateway: GatewayFile,
    /// Where updates of the device's own system are handed in; it does not update itself when unsaid.
    updates: Option<UpdatesFile>,
}

/// Where updates are handed in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdatesFile {
    /// The folder for bundles.
    spool: PathBuf,
    /// The file in which the system says how it is.
    state: PathBuf,
}

/// The way out.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct GatewayFile {
    /// The program.
    program: Option<PathBuf>,
    /// Where one listens that the service manager starts; then none is started here.
    socket: Option<PathBuf>,
    /// Where the service manager is asked to let it run: for as long as the connection stands.
    leash: Option<PathBuf>,
    /// Certificate authorities that it trusts besides: PEM files.
    trust_ca: Vec<PathBuf>,
    /// Hosts that it does not look up: HOST:PORT=ADDRESS:PORT.
    resolve: Vec<String>,
}

/// Why the daemon does not know where things are.
#[derive(Debug, Error)]
pub(crate) enum ConfigurationError {
    #[error("there is no place for the data: name one with --data-dir DIR")]
    NoDataFolder,
    #[error(
        "{door} may listen on loopback only, not on {address}: use 127.0.0.1:PORT, and a reverse proxy with TLS and sign-in for anything else"
    )]
    NotLoopback { door: &'static str, address: SocketAddr },
    #[error("the configuration {path} can't be read", path = .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the configuration {path} makes no sense", path = .path.display())]
    Parse {
        path: PathBuf,
        #[source]
        source: toml::de::Error,
    },
}

/// Where things are.
pub(crate) struct Configuration {
    pub(crate) data_dir: PathBuf,
    pub(crate) device_secret_dir: PathBuf,
    pub(crate) ui: SocketAddr,
    pub(crate) mcp: SocketAddr,
    pub(crate) control: PathBuf,
    pub(crate) button: Option<PathBuf>,
    pub(crate) reader: PathBuf,
    pub(crate) archiver: PathBuf,
    gateway: GatewayFile,
    updates: Option<Updates>,
}

impl Configuration {
    pub(crate) fn read(arguments: Arguments) -> Result<Self, ConfigurationError> {
        let file = arguments
            .config
            .as_deref()
            .map(read_file)
            .transpose()?
            .unwrap_or_default();
        let data_dir = arguments
            .data_dir
            .or(file.data_dir)
            .or_else(|| folder("STATE_DIRECTORY"));
        let data_dir = data_dir.or_else(|| xdg("XDG_DATA_HOME", ".local/share"));
        let data_dir = data_dir.ok_or(ConfigurationError::NoDataFolder)?;
        let control = arguments.control.or(file.control);
        let control = control.or_else(|| folder("RUNTIME_DIRECTORY").map(|run| run.join("control.sock")));
        let device_secret_dir = file
            .device_secret_dir
            .or_else(|| xdg("XDG_CONFIG_HOME", ".config"));
        Ok(Self {
            control: control.unwrap_or_else(|| data_dir.join("run").join("control.sock")),
            button: file.button,
            device_secret_dir: device_secret_dir.unwrap_or_else(|| data_dir.join("device")),
            reader: arguments
                .reader
                .or(file.reader)
                .unwrap_or_else(|| beside(pocket_service::PROGRAM)),
            archiver: arguments
                .archiver
                .or(file.archiver)
                .unwrap_or_else(|| beside(pocket_service::ARCHIVER)),
            gateway: GatewayFile {
                program: arguments.gateway.or(file.gateway.program),
                ..file.gateway
            },
            ui: loopback(
                "ui",
                arguments.ui.or(file.ui).unwrap_or_else(|| on_loopback(7878)),
            )?,
            mcp: loopback(
                "mcp",
                arguments.mcp.or(file.mcp).unwrap_or_else(|| on_loopback(7879)),
            )?,
            updates: file
                .updates
                .map(|UpdatesFile { spool, state }| Updates { spool, state }),
            data_dir,
        })
    }

    /// The way to the gateway, if there is one. Must be called within a tokio runtime.
    pub(crate) fn gateway(&self) -> Option<Gateway> {
        let key = Key::generate(&mut rand::rng());
        if let Some(socket) = &self.gateway.socket {
            return Some(Gateway::service(socket.clone(), self.gateway.leash.clone(), key));
        }
        let program = self.gateway_program();
        if !program.is_file() {
            return None;
        }
        let mut arguments: Vec<OsString> = Vec::new();
        for file in &self.gateway.trust_ca {
            arguments.extend(["--trust-ca".into(), absolute(file).into()]);
        }
        for exception in &self.gateway.resolve {
            arguments.extend(["--resolve".into(), exception.into()]);
        }
        let socket = absolute(&self.control).with_file_name("gateway.sock");
        Some(Gateway::child(absolute(&program), socket, arguments, key))
    }

    fn gateway_program(&self) -> PathBuf {
        let named = self.gateway.program.clone();
        named.unwrap_or_else(|| beside("pocket-gateway"))
    }

    fn gateway_trust(&self) -> GatewayTrust {
        if self.gateway.socket.is_none() && !self.gateway_program().is_file() {
            GatewayTrust::Absent
        } else if self.gateway.trust_ca.is_empty() && self.gateway.resolve.is_empty() {
            GatewayTrust::Usual
        } else {
            GatewayTrust::Widened
        }
    }

    pub(crate) fn service(&self) -> pocket_service::Config {
        pocket_service::Config {
            data_dir: self.data_dir.clone(),
            device_secret_dir: self.device_secret_dir.clone(),
            gateway: self.gateway_trust(),
            updates: self.updates.clone(),
            doors: Arc::default(),
            hash_cost: HashCost {
                memory_kib: memory_kib().map_or(HASH_MEMORY_KIB, |total| total / 8),
                time: HASH_TIME,
            },
        }
    }
}

/// The same path for a program that is started in another folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A program, where it is installed: beside this one.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    own.with_file_name(name)
}

fn on_loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The address, if it can be reached from this machine only.
pub(crate) fn loopback(door: &'static str, address: SocketAddr) -> Result<SocketAddr, ConfigurationError> {
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err(ConfigurationError::NotLoopback { door, address })
    }
}

fn read_file(path: &Path) -> Result<File, ConfigurationError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigurationError::Read {
        path: path.to_owned(),
        source,
    })?;
    toml::from_str(&text).map_err(|source| ConfigurationError::Parse {
        path: path.to_owned(),
        source,
    })
}

/// The first of the folders that the service manager names in `variable`.
fn folder(variable: &str) -> Option<PathBuf> {
    let value = std::env::var(variable).ok()?;
    value
        .split(':')
        .next()
        .filter(|first| !first.is_empty())
        .map(PathBuf::from)
}

/// `$VARIABLE/pocketai`, or `pocketai` in the place that the XDG specification gives it.
fn xdg(variable: &str, fallback: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(fallback)))?;
    Some(base.join("pocketai"))
}

fn memory_kib() -> Option<u32> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Configuration, ConfigurationError> {
        Configuration::read(Arguments::parse_from([&["pocketd"], arguments].concat()))
    }

    #[test]
    fn only_loopback_is_listened_on() {
        for address in [
            "0.0.0.0:7878",
            "192.168.1.5:7878",
            "[::]:7878",
            "[2001:db8::1]:80",
        ] {
            let refused = read(&["--data-dir", "/x", "--ui", address]);
            assert!(
                matches!(refused, Err(ConfigurationError::NotLoopback { door: "ui", .. })),
                "{address}"
            );
            let refused = read(&["--data-dir", "/x", "--mcp", address]);
            assert!(
                matches!(refused, Err(ConfigurationError::NotLoopback { door: "mcp", .. })),
                "{address}"
            );
        }
        assert!(read(&["--data-dir", "/x", "--ui", "[::1]:0", "--mcp", "127.0.0.9:0"]).is_ok());
    }

    #[test]
    fn the_control_socket_lies_in_the_data_folder_unless_told_otherwise() {
        let configuration = read(&["--data-dir", "/x"]).unwrap();
        assert_eq!(configuration.control, Path::new("/x/run/control.sock"));
        let configuration = read(&["--data-dir", "/x", "--control", "/y"]).unwrap();
        assert_eq!(configuration.control, Path::new("/y"));
    }
}
