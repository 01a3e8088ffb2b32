//! What does a cloud or local model speak? A question becomes the bytes of a request; the bytes of an
//! answer become text. Two protocols: Anthropic's messages, and OpenAI's chat completions, which many
//! servers speak.
//!
//! This crate must never connect, read a file or a clock, or hold a key longer than it takes to write
//! a header. What goes to the cloud comes in as [`pocket_privacy::Filtered`] and
//! [`pocket_privacy::CleanPicture`] alone, so that a text that was not filtered does not compile. What comes
//! back is a stranger's: it has limits, never panics, and is text and nothing else. A model that asks for a
//! tool gets none.

mod answer;
mod estimate;
mod question;

pub use answer::{AnswerReader, BadAnswer, Finished, Refusal, Said, Stop};
pub use estimate::estimate;
pub use question::{
    BadQuestion, CloudQuestion, LocalQuestion, MOST_PICTURES, Outgoing, Role, UnusableKey, cloud, headers,
    key_header, local,
};
