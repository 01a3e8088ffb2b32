//! A question becomes the body of a request. The same question is the same bytes every time: the owner's
//! consent names their SHA-256.

mod anthropic;
mod openai;

use pocket_core::{Place, Protocol, Provider};
use pocket_privacy::{CleanPicture, Filtered};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::estimate;

/// Most pictures in one question.
pub const MOST_PICTURES: usize = 8;
/// Most bytes of a question's pictures: what they are in a request, of 8 MiB, is a third more.
const MOST_PICTURED: usize = 6 * 1024 * 1024;
/// Where both protocols lie at every server that is known: what an address without a path means, and a
/// socket.
const USUAL_BASE: &str = "/v1";

/// Who says it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// The model, earlier.
    Assistant,
    /// Who asks.
    User,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Assistant => "assistant",
            Self::User => "user",
        }
    }
}

/// A question that leaves the device: of filtered text and clean pictures.
///
/// Nothing else fits in:
///
/// ```compile_fail
/// # use pocket_models::{CloudQuestion, Role};
/// fn unfiltered(text: &str) -> CloudQuestion<'_> {
///     CloudQuestion { system: None, turns: vec![(Role::User, text)], pictures: &[] }
/// }
/// ```
///
/// ```
/// # use pocket_models::{CloudQuestion, Role};
/// fn filtered(text: &pocket_privacy::Filtered) -> CloudQuestion<'_> {
///     CloudQuestion { system: None, turns: vec![(Role::User, text)], pictures: &[] }
/// }
/// ```
pub struct CloudQuestion<'a> {
    /// What the model is told ahead of the conversation.
    pub system: Option<&'a Filtered>,
    /// The conversation; its end is the question.
    pub turns: Vec<(Role, &'a Filtered)>,
    /// Pictures that go with the question.
    pub pictures: &'a [CleanPicture],
}

/// A question that stays on the device.
pub struct LocalQuestion<'a> {
    /// What the model is told ahead of the conversation.
    pub system: Option<&'a str>,
    /// The conversation; its end is the question.
    pub turns: Vec<(Role, &'a str)>,
    /// Pictures that go with the question.
    pub pictures: &'a [CleanPicture],
}

/// A request, whole but for the key.
pub struct Outgoing {
    /// The path, beginning with a slash.
    pub path: String,
    /// Headers that the protocol wants; not those of HTTP itself, nor the key.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body: JSON.
    pub body: Vec<u8>,
    /// About how many tokens it is, from above.
    pub tokens: u64,
}

/// Why a question can't be asked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum BadQuestion {
    /// There is none.
    #[error("there is no question: the last to speak must be the one who asks, with some words")]
    Empty,
    /// The pictures are too large.
    #[error("the pictures are too large together: send fewer of them")]
    LargePictures,
    /// There are too many pictures.
    #[error("a question takes at most 8 pictures")]
    ManyPictures,
    /// A question for the cloud to a model of this device, or the other way round.
    #[error("the provider is not where this question may go")]
    Place,
    /// It is longer than the owner allows this provider.
    #[error(
        "the question has {bytes} bytes, and this provider gets at most {most}: shorten it, or raise the limit"
    )]
    TooLong {
        /// Bytes of its texts.
        bytes: usize,
        /// Most that are allowed.
        most: u32,
    },
}

/// The key can't be put into a header: it is empty, too long, or has characters that no key has.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the secret is not a provider's key: a key is 1 to 4096 printable ASCII characters without spaces")]
pub struct UnusableKey;

/// A request to a provider in the cloud.
///
/// # Errors
/// [`BadQuestion`] says why it can't be asked.
pub fn cloud(provider: &Provider, question: &CloudQuestion<'_>) -> Result<Outgoing, BadQuestion> {
    if provider.is_local() {
        return Err(BadQuestion::Place);
    }
    let turns: Vec<(Role, &str)> = question
        .turns
        .iter()
        .map(|(role, text)| (*role, text.as_str()))
        .collect();
    outgoing(
        provider,
        question.system.map(Filtered::as_str),
        &turns,
        question.pictures,
    )
}

/// A request to a model on this device.
///
/// # Errors
/// [`BadQuestion`] says why it can't be asked.
pub fn local(provider: &Provider, question: &LocalQuestion<'_>) -> Result<Outgoing, BadQuestion> {
    if !provider.is_local() {
        return Err(BadQuestion::Place);
    }
    outgoing(provider, question.system, &question.turns, question.pictures)
}

/// The header that holds the key. Line ends around it are dropped: that is how keys are pasted.
///
/// # Errors
/// [`UnusableKey`] when a header could not hold it, or would hold more than it.
pub fn key_header(protocol: Protocol, key: &str) -> Result<(&'static str, Zeroizing<String>), UnusableKey> {
    let key = key.trim();
    if !(1..=4096).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UnusableKey);
    }
    Ok(match protocol {
        Protocol::Anthropic => ("x-api-key", Zeroizing::new(key.to_owned())),
        Protocol::OpenAi => ("authorization", Zeroizing::new(format!("Bearer {key}"))),
    })
}

/// The headers that a protocol wants; not those of HTTP itself, nor the key.
pub fn headers(protocol: Protocol) -> &'static [(&'static str, &'static str)] {
    match protocol {
        Protocol::Anthropic => &anthropic::HEADERS,
        Protocol::OpenAi => &openai::HEADERS,
    }
}

/// What both kinds of question are in the end.
struct Asked<'a> {
    provider: &'a Provider,
    system: Option<&'a str>,
    turns: &'a [(Role, &'a str)],
    pictures: &'a [CleanPicture],
}

/// What one of the two says before the other does, with the pictures that go along.
struct Turn<'a> {
    role: Role,
    texts: Vec<&'a str>,
    pictures: &'a [CleanPicture],
}

impl Asked<'_> {
    /// The conversation. Who speaks twice in a row does so in one turn: many servers want the two to take
    /// turns. Pictures go with the last.
    fn turns(&self) -> Vec<Turn<'_>> {
        let mut turns: Vec<Turn<'_>> = Vec::new();
        for (role, text) in self.turns {
            match turns.last_mut() {
                Some(turn) if turn.role == *role => turn.texts.push(text),
                _ => turns.push(Turn {
                    role: *role,
                    texts: vec![text],
                    pictures: &[],
                }),
            }
        }
        if let Some(last) = turns.last_mut() {
            last.pictures = self.pictures;
        }
        turns
    }
}

fn outgoing(
    provider: &Provider,
    system: Option<&str>,
    turns: &[(Role, &str)],
    pictures: &[CleanPicture],
) -> Result<Outgoing, BadQuestion> {
    let asks = turns
        .last()
        .is_some_and(|(role, text)| *role == Role::User && !text.trim().is_empty());
    if !asks {
        return Err(BadQuestion::Empty);
    }
    let texts = || system.iter().copied().chain(turns.iter().map(|(_, text)| *text));
    let bytes = texts().map(str::len).sum();
    let most = provider.most_prompt;
    if u32::try_from(bytes).map_or(true, |bytes| bytes > most) {
        return Err(BadQuestion::TooLong { bytes, most });
    }
    if pictures.len() > MOST_PICTURES {
        return Err(BadQuestion::ManyPictures);
    }
    if pictures
        .iter()
        .map(|picture| picture.bytes().len())
        .sum::<usize>()
        > MOST_PICTURED
    {
        return Err(BadQuestion::LargePictures);
    }
    let asked = Asked {
        provider,
        system,
        turns,
        pictures,
    };
    let (body, headers) = match provider.protocol {
        Protocol::Anthropic => (anthropic::body(&asked), anthropic::HEADERS.to_vec()),
        Protocol::OpenAi => (openai::body(&asked), openai::HEADERS.to_vec()),
    };
    Ok(Outgoing {
        path: path(provider),
        headers,
        body,
        tokens: texts().fold(estimate("", pictures.len()), |sum, text| {
            sum.saturating_add(estimate(text, 0))
        }),
    })
}

/// Below the base; an address that was pasted with the endpoint is taken as it is.
fn path(provider: &Provider) -> String {
    let base = match &provider.place {
        Place::Cloud { base, .. } if !base.is_empty() => base,
        Place::Cloud { .. } | Place::Local { .. } => USUAL_BASE,
    };
    let endpoint = match provider.protocol {
        Protocol::Anthropic => "/messages",
        Protocol::OpenAi => "/chat/completions",
    };
    let base = base.strip_suffix(endpoint).unwrap_or(base);
    format!("{base}{endpoint}")
}

#[cfg(test)]
mod tests;
