//! Backups.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pocket_core::WebAddress;

#[derive(Subcommand)]
pub(crate) enum BackupCommand {
    /// Write a new archive; in a folder, under a name that says when
    Create {
        #[arg(value_name = "FILE|DIR")]
        path: Option<PathBuf>,
        /// How much parity goes beside it, in percent of its length; 0 for none
        #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
        parity: u8,
    },
    /// Write a damaged archive anew, with the parity beside it; needs no device and no key
    Repair {
        /// The damaged archive; its parity is FILE.parity
        file: PathBuf,
        /// The new file; beside the damaged one when unsaid
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make an archive in this folder unless there is a new one, and try the newest: for a timer
    Keep {
        /// The folder, on a disk of its own best
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// How old the newest may be
        #[arg(long, value_name = "DAYS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
        /// How many to leave here once the newest was tried; all when unsaid
        #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
        newest: Option<u16>,
        /// Do as the device's own schedule says; nothing where it has none
        #[arg(long, conflicts_with_all = ["days", "newest"])]
        scheduled: bool,
    },
    /// How often a backup is wanted, and how many are kept
    Schedule {
        #[command(subcommand)]
        command: ScheduleCommand,
    },
    /// Where the device sends backups
    Place {
        #[command(subcommand)]
        command: PlaceCommand,
    },
    /// Seal a new backup on the device, and send it to its place once you consented to those very bytes
    Send {
        /// You know what leaves, and consent
        #[arg(long)]
        yes: bool,
    },
    /// Say whether an archive is whole; needs no device, and asks for the recovery key
    Verify {
        /// The archive
        file: PathBuf,
        /// Without the recovery key: only what the outside shows
        #[arg(long)]
        outside: bool,
    },
    /// Make this new device of an archive
    Restore {
        /// The archive; it is looked through before anything is brought back
        file: PathBuf,
        /// The setup code; read from the device when unsaid
        #[arg(long)]
        code: Option<String>,
    },
    /// Try the newest archive, and keep the evidence
    Drill {
        #[arg(value_name = "FILE|DIR")]
        path: PathBuf,
    },
    /// Print the identity with which the tool age opens archives; asks for the recovery key
    Identity,
    /// Who else can open archives
    Recipient {
        #[command(subcommand)]
        command: RecipientCommand,
    },
}

#[derive(Subcommand)]
pub(crate) enum PlaceCommand {
    /// Forget it
    Remove,
    /// Set it
    Set(Box<NewPlace>),
    /// Show it
    Show,
}

/// A place for backups.
#[derive(Args)]
pub(crate) struct NewPlace {
    /// What is spoken there
    pub(crate) kind: PlaceKind,
    /// The folder, https://HOST[:PORT]/FOLDER/; with S3 https://HOST[:PORT]/BUCKET/ or a folder in it
    #[arg(value_name = "ADDRESS")]
    pub(crate) folder: WebAddress,
    /// Who logs in there; with S3 the access key's id
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,
    /// The secret that holds the password, or the secret access key: see pocketctl secret set
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: String,
    /// With S3, the region that requests are signed for
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(crate) region: String,
}

/// What is spoken at a place.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum PlaceKind {
    S3,
    Webdav,
}

#[derive(Subcommand)]
pub(crate) enum ScheduleCommand {
    /// One a day
    Daily {
        /// How many are kept
        #[arg(long, value_name = "COUNT", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1000))]
        newest: u16,
    },
    /// Say whether one is wanted now: exit code 0, or 5 when none is
    Due,
    /// None by itself
    Off,
    /// Show it
    Show,
    /// One a week
    Weekly {
        /// How many are kept
        #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
        newest: u16,
    },
}

#[derive(Subcommand)]
pub(crate) enum RecipientCommand {
    /// Seal archives to someone else too
    Add {
        #[arg(value_name = "age1...")]
        recipient: String,
    },
    /// Say to whom
    List,
    /// Not any more
    Remove {
        #[arg(value_name = "age1...")]
        recipient: String,
    },
}
