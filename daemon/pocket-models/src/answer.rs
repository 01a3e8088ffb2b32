//! The bytes of an answer become text. They come from a stranger: whatever they are, reading them ends,
//! takes little memory, and gives text or a reason why not.

mod anthropic;
mod events;
mod fault;
mod openai;

use pocket_core::Protocol;
use serde_json::Value;

use events::Events;
pub use fault::{BadAnswer, Refusal, Said};

/// Most bytes of an answer's text: 1 MiB, far above what models write.
const MOST_TEXT: usize = 1024 * 1024;
/// Most bytes of an answer that comes in one piece; what it takes in memory is some times that.
const MOST_WHOLE: usize = 1024 * 1024;
/// Most bytes that are kept of a refusal, to read why.
const MOST_REFUSAL: usize = 16 * 1024;
/// Most bytes of an answer in all, with what models think and with signs of life.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Why a model stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stop {
    /// It said what it had to say.
    Ended,
    /// It reached the most tokens of an answer, or of a conversation.
    Full,
    /// It, or a filter at its provider, would not answer.
    Refused,
    /// It wanted a tool used. There is none, and nothing was done.
    Tool,
    /// It did not say.
    Unsaid,
}

impl Stop {
    /// A word for it, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Full => "full",
            Self::Refused => "refused",
            Self::Tool => "tool",
            Self::Unsaid => "unsaid",
        }
    }
}

/// A whole answer. Its text is a model's: a suggestion, not to be trusted.
#[derive(Clone, Eq, PartialEq)]
pub struct Finished {
    /// What it says.
    pub text: String,
    /// Why it ends.
    pub stop: Stop,
    /// Tokens of the question and of the answer, if the provider counted them.
    pub tokens: Option<(u64, u64)>,
}

/// Reads one answer as it arrives.
pub struct AnswerReader {
    protocol: Protocol,
    form: Form,
    bytes: u64,
    heard: Heard,
    fault: Option<BadAnswer>,
}

/// What kind of answer the status and the media type announce.
enum Form {
    /// A stream of events.
    Events(Events),
    /// Neither events nor JSON.
    Foreign,
    /// The reason of a refusal.
    Refused { status: u16, bytes: Vec<u8> },
    /// One piece of JSON.
    Whole(Vec<u8>),
}

/// What was understood so far.
#[derive(Default)]
struct Heard {
    text: String,
    stop: Option<Stop>,
    over: bool,
    tokens: (Option<u64>, Option<u64>),
}

impl AnswerReader {
    /// For an answer with this status and media type; without one it is taken for JSON.
    pub fn new(protocol: Protocol, media_type: Option<&str>, status: u16) -> Self {
        let essence = media_type
            .unwrap_or("application/json")
            .split(';')
            .next()
            .unwrap_or_default();
        let form = match (status, essence.trim().to_ascii_lowercase().as_str()) {
            (200, "text/event-stream") => Form::Events(Events::default()),
            (200, "application/json") => Form::Whole(Vec::new()),
            (200, _) => Form::Foreign,
            _ => Form::Refused {
                status,
                bytes: Vec::new(),
            },
        };
        Self {
            protocol,
            form,
            bytes: 0,
            heard: Heard::default(),
            fault: None,
        }
    }

    /// Takes the next bytes in, cut anywhere; gives the text that is new.
    ///
    /// # Errors
    /// [`BadAnswer`] when there can't be a whole answer any more; it stays so.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<String, BadAnswer> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let before = self.heard.text.len();
        match self.take(bytes) {
            Ok(()) => Ok(self.heard.text[before..].to_owned()),
            Err(fault) => Err(self.fault.insert(fault).clone()),
        }
    }

    /// Whether a stream has said that it is over: nothing that comes behind is listened to.
    pub const fn is_over(&self) -> bool {
        self.heard.over && self.fault.is_none()
    }

    /// The answer has ended.
    ///
    /// # Errors
    /// [`BadAnswer`] when it is not a whole one.
    pub fn finish(mut self) -> Result<Finished, BadAnswer> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match self.form {
            Form::Events(_) if !self.heard.over && self.heard.stop.is_none() => {
                return Err(BadAnswer::Truncated);
            }
            Form::Events(_) => {}
            Form::Foreign => return Err(BadAnswer::Foreign),
            Form::Refused { status, bytes } => return Err(fault::refused(status, &bytes)),
            Form::Whole(bytes) => self.heard.whole(self.protocol, &bytes)?,
        }
        Ok(Finished {
            text: self.heard.text,
            stop: self.heard.stop.unwrap_or(Stop::Unsaid),
            tokens: self.heard.tokens.0.zip(self.heard.tokens.1),
        })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), BadAnswer> {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > MOST_BYTES {
            return Err(BadAnswer::TooLong);
        }
        match &mut self.form {
            Form::Events(events) => events.feed(bytes, |data| self.heard.event(self.protocol, data)),
            Form::Foreign => Err(BadAnswer::Foreign),
            Form::Refused { bytes: kept, .. } => {
                let room = MOST_REFUSAL.saturating_sub(kept.len()).min(bytes.len());
                kept.extend_from_slice(&bytes[..room]);
                Ok(())
            }
            Form::Whole(kept) if kept.len() + bytes.len() > MOST_WHOLE => Err(BadAnswer::TooLong),
            Form::Whole(kept) => {
                kept.extend_from_slice(bytes);
                Ok(())
            }
        }
    }
}

impl Heard {
    /// One event of a stream. What comes after the end is not listened to.
    fn event(&mut self, protocol: Protocol, data: &[u8]) -> Result<(), BadAnswer> {
        if self.over {
            return Ok(());
        }
        if protocol == Protocol::OpenAi && data == b"[DONE]" {
            self.over = true;
            return Ok(());
        }
        let event: Value = serde_json::from_slice(data).map_err(|_| BadAnswer::Garbled)?;
        fault::among(&event)?;
        match protocol {
            Protocol::Anthropic => anthropic::event(self, &event),
            Protocol::OpenAi => openai::event(self, &event),
        }
    }

    /// A whole answer in one piece.
    fn whole(&mut self, protocol: Protocol, bytes: &[u8]) -> Result<(), BadAnswer> {
        let message: Value = serde_json::from_slice(bytes).map_err(|_| BadAnswer::Garbled)?;
        fault::among(&message)?;
        match protocol {
            Protocol::Anthropic => anthropic::whole(self, &message),
            Protocol::OpenAi => openai::whole(self, &message),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), BadAnswer> {
        if self.text.len() + text.len() > MOST_TEXT {
            return Err(BadAnswer::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
