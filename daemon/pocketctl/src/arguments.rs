//! The command line. Its names, order and meaning are a contract (`docs/cli.md`).

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use pocket_core::{
    AgentName, Category, Place, PressFor, Profile, Protocol, ProviderName, RecordId, Scopes, StandingTerms,
    WebAddress,
};

use crate::connect::Way;
use crate::keep::Keep;
use crate::person::PersonCommand;

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
        file: PathBuf,
        /// The new file; beside the damaged one when unsaid
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make an archive in this folder unless there is a new one, and try the newest: for a timer
    Keep {
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
    /// Say whether an archive is whole; needs no device, and asks for the recovery key
    Verify {
        file: PathBuf,
        /// Without the recovery key: only what the outside shows
        #[arg(long)]
        outside: bool,
    },
    /// Make this new device of an archive
    Restore {
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

#[derive(Subcommand)]
pub(crate) enum ProviderCommand {
    /// Add a model, or replace the one of this name. Of anthropic, mistral and openai the rest is known
    Add(Box<NewProvider>),
    /// List the models
    List,
    /// Forget one
    Remove { name: ProviderName },
}

/// A model to be added.
#[derive(Args)]
pub(crate) struct NewProvider {
    /// What you call it: lower-case letters, digits, - _ .
    pub(crate) name: ProviderName,
    /// Where it is: https://HOST/PATH, or unix:/PATH on this device
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<Place>,
    /// What it speaks: anthropic, or openai, which many others speak too
    #[arg(long)]
    pub(crate) protocol: Option<Protocol>,
    /// Which of its models
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The secret that holds its key: see pocketctl secret set
    #[arg(long, value_name = "NAME")]
    pub(crate) secret: Option<String>,
    /// SHA-256 of its server's public key, beside the check of its certificate
    #[arg(long, value_name = "HEX")]
    pub(crate) pin: Option<String>,
    /// Most bytes of a question; 65536 when unsaid
    #[arg(long, value_name = "BYTES")]
    pub(crate) most_prompt: Option<u32>,
    /// Most tokens of an answer; 2048 when unsaid
    #[arg(long, value_name = "N")]
    pub(crate) most_tokens: Option<u32>,
    /// What it asks for a million tokens that it reads
    #[arg(long, value_name = "AMOUNT", requires = "price_out")]
    pub(crate) price_in: Option<String>,
    /// What it asks for a million tokens that it writes
    #[arg(long, value_name = "AMOUNT", requires = "price_in")]
    pub(crate) price_out: Option<String>,
    /// In which currency
    #[arg(long, value_name = "CODE", default_value = "USD")]
    pub(crate) currency: String,
}

/// What is asked of a model.
#[derive(Args)]
pub(crate) struct Question {
    /// Which model; the only one when unsaid
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<ProviderName>,
    /// What for: shown to you when you approve, not to the model
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) about: String,
    /// A record whose text goes along (repeat it for more)
    #[arg(long, value_name = "CATEGORY:ID")]
    pub(crate) with: Vec<With>,
    /// A file that goes along: of a picture its pixels, of anything else its text (repeat it for more)
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// Do not wait for your consent: end with code 4 instead
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// The question, or - for standard input
    #[arg(required = true)]
    pub(crate) text: Vec<String>,
}

/// A record that is named by its category and id.
#[derive(Clone, Copy)]
pub(crate) struct With {
    pub(crate) category: Category,
    pub(crate) id: RecordId,
}

impl FromStr for With {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (category, id) = text
            .split_once(':')
            .ok_or("write CATEGORY:ID, such as notes:0123…")?;
        Ok(Self {
            category: category
                .parse()
                .map_err(|error: pocket_core::UnknownCategory| error.to_string())?,
            id: id
                .parse()
                .map_err(|error: pocket_core::InvalidId| error.to_string())?,
        })
    }
}

#[derive(Subcommand)]
pub(crate) enum ConsentCommand {
    /// List what waits, what became of the rest, and the leases
    List,
    /// Show exactly what would leave, and the answer once there is one
    Show {
        id: RecordId,
        /// Put the pictures that would leave into this folder, to be looked at
        #[arg(long, value_name = "DIR")]
        pictures: Option<PathBuf>,
    },
    /// Let it leave, once
    Approve {
        id: RecordId,
        /// SHA-256 of the bytes that you saw, instead of the typed word
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Keep it here, or stop it on its way
    Deny { id: RecordId },
    /// Let an agent ask for a while without asking you; in the profile CUSTOM only
    Lease(NewLease),
    /// Take a lease back
    Revoke { id: RecordId },
}

/// What the owner consents to ahead of time.
#[derive(Args)]
pub(crate) struct NewLease {
    /// Which agent
    pub(crate) agent: AgentName,
    /// Whose model
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: ProviderName,
    /// Records of this category may go along; none when unsaid
    #[arg(long)]
    pub(crate) category: Option<Category>,
    /// At most so many calls
    #[arg(long, value_name = "N")]
    pub(crate) calls: u32,
    /// At most so many bytes in all
    #[arg(long, value_name = "N")]
    pub(crate) bytes: u64,
    /// For so long
    #[arg(long = "for", value_name = "MINUTES")]
    pub(crate) minutes: u32,
}

impl From<NewLease> for StandingTerms {
    fn from(lease: NewLease) -> Self {
        Self {
            agent: lease.agent,
            provider: lease.provider,
            category: lease.category,
            calls: lease.calls,
            bytes: lease.bytes,
            minutes: lease.minutes,
        }
    }
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

    #[test]
    fn the_contract_parses() {
        Arguments::command().debug_assert();
        let id = "0123456789abcdef0123456789abcdef";
        for line in [
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
        ] {
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
            "connect",
            "connect -oProxyCommand=id",
            "connect -- -oProxyCommand=id",
            "connect host --port 0",
        ] {
            assert!(!parses(&format!("pocketctl {line}")), "{line}");
        }
    }
}
