//! Why there is no answer: a closed list, and what the provider said of it, cleaned.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// Most characters that are kept of what a provider says of a refusal.
const MOST_SAID: usize = 300;

/// Why there is no whole answer.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum BadAnswer {
    /// It is neither events nor JSON: another server than thought, or a page in between.
    #[error("what came back is not an answer of this protocol, but some other kind of data")]
    Foreign,
    /// It has bytes that the protocol has not.
    #[error("the answer can't be read: it is not what the protocol prescribes")]
    Garbled,
    /// The provider refused.
    #[error("{why}")]
    Refused {
        /// For what reason.
        why: Refusal,
        /// In its own words, which are a stranger's.
        said: Said,
    },
    /// It is longer than an answer may be.
    #[error("the answer is longer than an answer may be")]
    TooLong,
    /// It ended in the middle.
    #[error("the answer was cut off")]
    Truncated,
}

/// For what reason a provider gives no answer.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// It has too much to do, or is broken.
    #[error("the provider is overloaded or out of order")]
    Busy,
    /// It does not take the request as it is.
    #[error("the provider does not take the request as it is")]
    Invalid,
    /// It does not take the key.
    #[error("the provider does not accept the key")]
    Key,
    /// It has no such model, or nothing at this address.
    #[error("the provider has no such model, or nothing at this address")]
    Model,
    /// The account is empty or blocked.
    #[error("the provider wants to be paid first: the account has no credit or quota left")]
    Money,
    /// Too many questions.
    #[error("the provider takes no more questions for now")]
    Rate,
    /// It sends the request elsewhere, where nothing may go.
    #[error("the provider wants the request sent to another address, which was not approved")]
    Redirect,
    /// The question is too long for it.
    #[error("the question is too long for this model")]
    Size,
    /// It gives no reason that is known.
    #[error("the provider refused, for no reason that is known")]
    Unknown,
    /// It doesn't want to answer this.
    #[error("the provider does not want to answer this question")]
    Unwanted,
}

impl Refusal {
    /// What the owner can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Busy | Self::Rate => "ask again later; a new approval is needed for that",
            Self::Invalid | Self::Unknown => "check the provider's protocol and model",
            Self::Key => "check the provider's key, and set it anew with `pocketctl secret set NAME`",
            Self::Model => "check the provider's address and model",
            Self::Money => "see to the account at the provider",
            Self::Redirect => "check the provider's address",
            Self::Size => "ask something shorter, or a model that takes more",
            Self::Unwanted => "ask differently, or another provider",
        }
    }
}

/// What a provider says: a stranger's words, of one short line without control characters. They may repeat
/// what was asked, so that no log shows them.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Said(String);

impl Said {
    /// Cleaned.
    fn new(text: &str) -> Self {
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        let spaced: String = text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
        let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut short: String = line.chars().take(MOST_SAID).collect();
        if short.len() < line.len() {
            short.push('\u{2026}');
        }
        Self(short)
    }

    /// The words; empty when there are none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Said({} bytes)", self.0.len())
    }
}

/// An error where an answer was expected: how both protocols end a stream that breaks.
pub(super) fn among(message: &Value) -> Result<(), BadAnswer> {
    match error(message) {
        Some(error) => Err(refusal(None, error)),
        None => Ok(()),
    }
}

/// The reason of an answer with another status than 200.
pub(super) fn refused(status: u16, body: &[u8]) -> BadAnswer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    refusal(Some(status), error(&body).unwrap_or(&body))
}

fn error(message: &Value) -> Option<&Value> {
    message
        .get("error")
        .filter(|error| error.is_object() || error.is_string())
}

/// The name of the error counts for more than the status: many servers say 400 to everything.
fn refusal(status: Option<u16>, error: &Value) -> BadAnswer {
    let said = error
        .as_str()
        .or_else(|| error["message"].as_str())
        .unwrap_or_default();
    let moved = status.is_some_and(|status| (300..400).contains(&status));
    let named = ["code", "type"]
        .iter()
        .find_map(|field| by_name(error[field].as_str()?));
    let coded = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let why = if moved {
        Refusal::Redirect
    } else {
        named
            .or_else(|| status.or(coded).map(by_status))
            .unwrap_or(Refusal::Unknown)
    };
    BadAnswer::Refused {
        why,
        said: Said::new(said),
    }
}

fn by_name(name: &str) -> Option<Refusal> {
    Some(match name {
        "api_error" | "overloaded_error" | "server_error" | "timeout_error" | "unavailable_error" => {
            Refusal::Busy
        }
        "authentication_error" | "invalid_api_key" | "permission_error" => Refusal::Key,
        "billing_error" | "insufficient_quota" => Refusal::Money,
        "content_filter" | "content_policy_violation" => Refusal::Unwanted,
        "context_length_exceeded" | "exceed_context_size_error" | "request_too_large" => Refusal::Size,
        "model_not_found" | "not_found_error" => Refusal::Model,
        "rate_limit_error" | "rate_limit_exceeded" => Refusal::Rate,
        _ => return None,
    })
}

const fn by_status(status: u16) -> Refusal {
    match status {
        401 | 403 => Refusal::Key,
        402 => Refusal::Money,
        404 => Refusal::Model,
        413 => Refusal::Size,
        429 => Refusal::Rate,
        400..=499 => Refusal::Invalid,
        500..=599 => Refusal::Busy,
        _ => Refusal::Unknown,
    }
}
