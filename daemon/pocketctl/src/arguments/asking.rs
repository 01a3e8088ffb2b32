//! Models, questions to them, and the owner's consent.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand};
use pocket_core::{AgentName, Category, Place, Protocol, ProviderName, RecordId, StandingTerms};

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
