//! The command line. Its names, order and meaning are a contract (`docs/cli.md`).

mod asking;
mod backup;
mod device;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use pocket_core::{AgentName, Category, Profile, RecordId, Scopes};

use crate::connect::Way;
use crate::keep::Keep;
use crate::person::PersonCommand;

pub(crate) use asking::{ConsentCommand, NewProvider, ProviderCommand, Question};
pub(crate) use backup::{
    BackupCommand, NewPlace, PlaceCommand, PlaceKind, RecipientCommand, ScheduleCommand,
};
pub(crate) use device::{BrokerCommand, ButtonCommand, NewBroker, UpdateCommand};

/// Everything that can be typed after `pocketctl`.
#[derive(Parser)]
#[command(
    name = "pocketctl",
    version,
    about = "Everything the page of a PocketAI device can do, from the command line",
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 usage, 3 locked, 4 waiting for consent.\n\
                  A passphrase is read from the terminal or from --passphrase-fd, never from an argument."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Args)]
pub(crate) struct Global {
    /// The control socket
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) control: Option<PathBuf>,
    /// The data folder whose device is meant: its socket is DIR/run/control.sock
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON: one object (a list: one a line), errors on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read passphrases from this file descriptor, one a line
    #[arg(long, global = true, value_name = "N")]
    pub(crate) passphrase_fd: Option<u32>,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// How the device is
    Status,
    /// Show the code that a new device asks for
    SetupCode,
    /// Make a new device yours
    Setup {
        /// The setup code; asked for when unsaid
        #[arg(long)]
        code: Option<String>,
        /// Write the recovery key to this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        recovery_out: Option<PathBuf>,
    },
    /// Open the vault
    Unlock {
        /// With the recovery key instead of the passphrase
        #[arg(long)]
        recovery: bool,
    },
    /// Close the vault: the keys leave the memory
    Lock {
        /// Revoke every agent too
        #[arg(long)]
        all: bool,
    },
    /// Whether the device really works
    Health {
        /// Write and read back a record too
        #[arg(long)]
        strict: bool,
    },
    /// Add a record
    Add {
        category: Category,
        /// What it says (repeat a field for a list: tags=a tags=b), or - for one JSON object a line
        #[arg(value_name = "FIELD=VALUE", required = true)]
        fields: Vec<String>,
    },
    /// Show a record
    Get {
        category: Category,
        id: RecordId,
        /// Write a document's bytes to this new file (- for standard output)
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Change a record; without fields, in $EDITOR
    Edit {
        category: Category,
        id: RecordId,
        /// What shall be different, or - for a JSON object on standard input
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
    },
    /// List records, the newest first
    List {
        category: Category,
        /// At most this many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
        /// Begin after this record
        #[arg(long, value_name = "ID")]
        after: Option<RecordId>,
    },
    /// Find records by their words, the best first: "a phrase", begin*, roughly~, -not, +must, title:word,
    /// tag:word, from:word, list:word, after:2026-01-31, before:2026-02-28
    Search {
        /// Only in this category
        #[arg(long = "in", value_name = "CATEGORY")]
        category: Option<Category>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        #[arg(required = true)]
        query: Vec<String>,
    },
    /// Have a document read again that could not be read
    ReadAgain { id: RecordId },
    /// Remove a record
    Delete { category: Category, id: RecordId },
    /// How long a record is kept: show it, or set a day of its own
    Keep(Keep),
    /// Bring files and folders in: Markdown, vCard, iCalendar, todo.txt, memory.jsonl, chats, documents
    Import {
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Write everything but secrets to a new folder, in open formats
    Export {
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// All that is kept about one person: show it, hand it out, erase it
    Person {
        #[command(subcommand)]
        command: PersonCommand,
    },
    /// Passwords and tokens: named, never shown
    Secret {
        #[command(subcommand)]
        command: SecretCommand,
    },
    /// What may leave the device
    Profile {
        #[command(subcommand)]
        command: ProfileCommand,
    },
    /// What waits for your consent
    Consent {
        #[command(subcommand)]
        command: ConsentCommand,
    },
    /// The programs that may use the device
    Agent {
        #[command(subcommand)]
        command: AgentCommand,
    },
    /// The models that can be asked
    Provider {
        #[command(subcommand)]
        command: ProviderCommand,
    },
    /// Backups: sealed archives that the standard tool age opens too
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    /// Your own MQTT broker: sensors and a button there, and texts for the inbox
    Broker {
        #[command(subcommand)]
        command: BrokerCommand,
    },
    /// The button on the device: which consents need a finger on it
    Button {
        #[command(subcommand)]
        command: ButtonCommand,
    },
    /// The device's own system: what runs, and a signed release in its place
    Update {
        #[command(subcommand)]
        command: UpdateCommand,
    },
    /// Ask a model; in the cloud, once you approved the very bytes
    Ask(Question),
    /// The record of every decision and change
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// The passphrase
    Passphrase {
        #[command(subcommand)]
        command: PassphraseCommand,
    },
    /// The recovery key
    Recovery {
        #[command(subcommand)]
        command: RecoveryCommand,
    },
    /// Whole categories
    Category {
        #[command(subcommand)]
        command: CategoryCommand,
    },
    /// Destroy all keys and data; the device is new afterwards
    FactoryReset {
        /// The word ERASE; asked for when unsaid
        #[arg(long, value_name = "ERASE")]
        confirm: Option<String>,
    },
    /// Read everything and say what is damaged
    Check {
        /// Go on with what is left where something is missing for good
        #[arg(long)]
        accept_loss: bool,
    },
    /// From your computer: open the way to a device elsewhere by ssh, and its page in the browser
    Connect(Way),
    /// Connect standard input and output to the agents' door, with the token in $POCKETAI_TOKEN
    Mcp {
        /// Read the token from this file
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(crate) enum SecretCommand {
    /// Set a secret to what standard input says
    Set {
        name: String,
        /// Remarks
        #[arg(long, default_value = "", hide_default_value = true)]
        note: String,
    },
    /// List the names of the secrets
    List,
    /// Remove a secret
    Delete { name: String },
}

#[derive(Subcommand)]
pub(crate) enum ProfileCommand {
    /// Show what may leave
    Show,
    /// Set what may leave: OFFLINE_ONLY, LOCAL_NETWORK, CLOUD_WITH_CONSENT or CUSTOM
    Set {
        name: Profile,
        /// For how long; an hour when unsaid, a day at most
        #[arg(long = "for", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: Option<u32>,
    },
}

#[derive(Subcommand)]
pub(crate) enum AgentCommand {
    /// Make an agent; its token is shown once
    Add {
        name: AgentName,
        /// What it may do: notes:read+search,tasks:write
        #[arg(long, value_name = "CATEGORY:VERB[+VERB][,…]")]
        scope: Scopes,
    },
    /// Set how much an agent may do; what is left out is as it was delivered
    Limit {
        name: AgentName,
        /// Calls in a minute
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        calls: Option<u32>,
        /// Records that it may add
        #[arg(long, value_name = "N")]
        records: Option<u32>,
        /// Megabytes (of 1,000,000 bytes) that it may write
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1_000_000))]
        megabytes: Option<u64>,
    },
    /// List the agents
    List,
    /// Take an agent's token away, at once
    Revoke { name: AgentName },
    /// Give an agent a new token in place of its old one; it is shown once
    Rotate { name: AgentName },
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Show entries, the newest first
    Show {
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        /// Entries older than this number
        #[arg(long, value_name = "NUMBER")]
        before: Option<u64>,
    },
    /// Verify the device's log, or an exported one
    Verify { file: Option<PathBuf> },
    /// Write the whole log to a new file, as JSON lines, the oldest first
    Export { file: PathBuf },
}

#[derive(Subcommand)]
pub(crate) enum PassphraseCommand {
    /// Replace the passphrase; --passphrase-fd gives the old one and the new one, one a line
    Change,
}

#[derive(Subcommand)]
pub(crate) enum RecoveryCommand {
    /// Make a new recovery key; the old one is void
    New {
        /// Write it to this new file instead of showing it
        #[arg(long, value_name = "FILE")]
        recovery_out: Option<PathBuf>,
    },
    /// Show that you have the recovery key: type two groups of it back
    Confirm,
}

#[derive(Subcommand)]
pub(crate) enum CategoryCommand {
    /// Destroy the key of a category, and with it all that it sealed
    Erase { name: Category },
    /// Seal what a category holds anew and destroy its old key: what was deleted or replaced in it is
    /// unreadable then. Happens by itself a day after a deletion, while the vault is unlocked
    Rekey { name: Category },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parses(line: &str) -> bool {
        Arguments::try_parse_from(line.split(' ')).is_ok()
    }

    const CONTRACT: &[&str] = &[
        "status",
        "--control /c status",
        "status --json --data-dir d",
        "setup-code",
        "setup --code 10AB-CDEF --recovery-out key",
        "unlock --passphrase-fd 3",
        "unlock --recovery",
        "lock --all",
        "health --strict",
        "add notes title=a tags=b tags=c",
        "add tasks -",
        "get notes ID",
        "get documents ID --out -",
        "edit notes ID",
        "edit notes ID title=x",
        "edit notes ID -",
        "list memory --limit 3 --after ID",
        "search --in notes bread and milk",
        "delete notes ID",
        "keep notes ID",
        "keep notes ID --until 2027-01-31",
        "keep notes ID --usual",
        "import a b",
        "export out",
        "person show Ann",
        "person export ID out --also Anni --also 0301234567",
        "person erase ID --except ID --confirm 3",
        "person erase ID --confirm 3-3f9a1c2e",
        "secret set wifi",
        "secret list",
        "secret delete wifi",
        "profile show",
        "button show",
        "button need sensitive",
        "profile set CLOUD_WITH_CONSENT --for 30",
        "backup create f --parity 20",
        "backup repair f --out g",
        "backup keep d --days 7 --newest 4",
        "backup keep --scheduled d",
        "backup schedule weekly --newest 4",
        "backup schedule due",
        "backup verify f --outside",
        "backup restore f",
        "backup drill d",
        "backup recipient add age1x",
        "update show",
        "update offer -",
        "update install --sha256 00ff --older",
        "update fetch https://a.example.com/r.raucb --yes",
        "update stop",
        "broker set broker.local --port 8883",
        "consent list",
        "consent show ID",
        "consent approve ID",
        "consent approve ID --sha256 00ff",
        "consent deny ID",
        "consent lease claude --provider x --category notes --calls 3 --bytes 9000 --for 30",
        "consent revoke ID",
        "provider add anthropic --secret key",
        "provider add mine --url https://a.example.com/v1 --protocol openai --model m --pin 00 --most-prompt 9000 \
             --most-tokens 100 --price-in 2.5 --price-out 10 --currency EUR",
        "provider add here --url unix:/run/m.sock --protocol openai --model m",
        "provider list",
        "provider remove mine",
        "agent add claude --scope notes:read+search,tasks:write",
        "agent list",
        "agent revoke claude",
        "agent rotate claude",
        "agent limit claude --calls 60 --records 500 --megabytes 10",
        "ask --provider x what now",
        "ask --about taxes --with notes:ID --with tasks:ID --attach f --no-wait what now",
        "ask -",
        "audit show --limit 5",
        "audit verify",
        "audit verify log.jsonl",
        "audit export log.jsonl",
        "passphrase change",
        "recovery new",
        "recovery confirm",
        "category erase notes",
        "factory-reset --confirm ERASE",
        "check --accept-loss",
        "mcp --token-file t",
        "connect pocketai.local",
        "connect owner@192.168.1.20 --key k --port 2222 --print",
    ];

    #[test]
    fn the_contract_parses() {
        Arguments::command().debug_assert();
        let id = "0123456789abcdef0123456789abcdef";
        for line in CONTRACT {
            assert!(parses(&format!("pocketctl {}", line.replace("ID", id))), "{line}");
        }
    }

    #[test]
    fn mistakes_are_usage_errors() {
        for line in [
            "",
            "stauts",
            "add cellar title=a",
            "add notes",
            "get notes 12",
            "agent add claude",
            "agent add claude --scope audit:read",
            "agent add two words --scope notes:read",
            "profile set ONLINE",
            "button need sometimes",
            "person erase",
            "person erase Ann --except 12",
            "person export Ann",
            "profile set CUSTOM --for 0",
            "list notes --limit many",
            "keep notes 0123456789abcdef0123456789abcdef --until soon",
            "unlock --passphrase secret",
            "provider add Mine --url https://a.example.com",
            "provider add mine --url http://a.example.com --protocol openai --model m",
            "provider add mine --price-in 1",
            "ask --with notes what",
            "ask --with cellar:0123456789abcdef0123456789abcdef what",
            "consent lease claude --provider x",
            "backup keep --scheduled --days 1 d",
            "backup create f --parity 101",
            "update fetch http://a.example.com/r.raucb",
            "connect",
            "connect -oProxyCommand=id",
            "connect -- -oProxyCommand=id",
            "connect host --port 0",
        ] {
            assert!(!parses(&format!("pocketctl {line}")), "{line}");
        }
    }
}
