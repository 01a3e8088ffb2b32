//! The device's button, its own system, and the broker in its network.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pocket_core::{PressFor, WebAddress};

#[derive(Subcommand)]
pub(crate) enum ButtonCommand {
    /// Show what needs it, and whether there is one
    Show,
    /// Set what needs it: off, sensitive (records of high sensitivity, or pictures), every. Takes a press itself
    Need { what: PressFor },
}

#[derive(Subcommand)]
pub(crate) enum UpdateCommand {
    /// Show what runs, and how far an update is
    Show,
    /// Hand a bundle in (- for standard input): its signature is looked at, nothing is changed
    Offer {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Have the device fetch a bundle, once: shows what leaves the device for that, and asks
    Fetch {
        /// Where it lies: https://HOST[:PORT]/PATH
        #[arg(value_name = "URL")]
        from: WebAddress,
        /// You know what leaves: do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Fetch no further
    Stop,
    /// Install what is offered into the slot that does not run, and start again
    Install {
        /// Only if the bundle has this SHA-256
        #[arg(long, value_name = "DIGITS")]
        sha256: Option<String>,
        /// Also if it is older than what runs
        #[arg(long)]
        older: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum BrokerCommand {
    /// Set where it is
    Set(Box<NewBroker>),
    /// Show it, and how the link to it is
    Show,
    /// Connect to it now, afresh
    Test,
    /// Forget it
    Remove,
}

/// A broker to be set.
#[derive(Args)]
pub(crate) struct NewBroker {
    /// Its name or address in your own network
    pub(crate) host: String,
    /// The port; 8883 when unsaid, 1883 without TLS
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Who logs in there
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The secret that holds the password: see pocketctl secret set
    #[arg(long, value_name = "NAME", requires = "user")]
    pub(crate) secret: Option<String>,
    /// The certificate, in PEM form, of the authority that the broker's certificate comes from
    #[arg(long, value_name = "FILE", conflicts_with = "no_tls")]
    pub(crate) ca: Option<PathBuf>,
    /// Without encryption
    #[arg(long)]
    pub(crate) no_tls: bool,
    /// The password may be read by everyone in your network
    #[arg(long, requires = "no_tls")]
    pub(crate) readable_password: bool,
    /// Where Home Assistant looks for devices
    #[arg(long, value_name = "TOPIC", default_value = "homeassistant")]
    pub(crate) prefix: String,
}
