//! Requests and replies, to bytes and back.

use pocket_core::{Answer, Failure, Operation};
use pocket_crypto::SecretBytes;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::frame::{FrameTooLarge, MAX_FRAME};

const LENGTH: usize = 4;
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

/// An operation and what travels beside it.
pub struct Call {
    /// What is asked.
    pub operation: Operation,
    /// The passphrase, where it is shown with the request.
    pub passphrase: Option<SecretBytes>,
    /// What else travels beside: a code, a secret's value, a piece of a file.
    pub payload: Option<SecretBytes>,
}

/// What a caller sends.
pub enum ToDaemon {
    /// A file that goes with the next call.
    Attach {
        /// What it is called.
        name: String,
        /// Its bytes.
        bytes: SecretBytes,
    },
    /// A request of the owner.
    Call(Box<Call>),
    /// From the reply on, the connection is the agents' door for whoever holds this token.
    Mcp {
        /// The agent's token.
        token: SecretBytes,
    },
    /// The next bytes of the archive that the last call began to seal.
    Next,
    /// More bytes of the archive that the last call began to open.
    Feed {
        /// The bytes.
        bytes: SecretBytes,
    },
    /// That was all of it.
    Finish,
}

/// What the device answers when it could do what was asked.
pub struct Reply {
    /// The answer.
    pub answer: Answer,
    /// What travels beside it.
    pub payload: Option<SecretBytes>,
}

/// The body is no message of this protocol. Says nothing of what is in it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the message can't be read: it is damaged, or from another version of PocketAI")]
pub struct Garbled;

#[derive(Serialize)]
enum RequestHeader<'a> {
    Attach(&'a str),
    Call(&'a Operation),
    Mcp,
    Next,
    Feed,
    Finish,
}

#[derive(Deserialize)]
enum RequestHeaderOwned {
    Attach(String),
    Call(Operation),
    Mcp,
    Next,
    Feed,
    Finish,
}

/// A request as a whole frame. Its buffer is wiped on drop.
///
/// # Errors
/// [`FrameTooLarge`] when its body is over [`MAX_FRAME`].
pub fn encode_request(request: &ToDaemon) -> Result<Zeroizing<Vec<u8>>, FrameTooLarge> {
    match request {
        ToDaemon::Attach { name, bytes } => frame(&RequestHeader::Attach(name), &[Some(bytes)]),
        ToDaemon::Call(call) => frame(
            &RequestHeader::Call(&call.operation),
            &[call.passphrase.as_ref(), call.payload.as_ref()],
        ),
        ToDaemon::Mcp { token } => frame(&RequestHeader::Mcp, &[Some(token)]),
        ToDaemon::Next => frame(&RequestHeader::Next, &[]),
        ToDaemon::Feed { bytes } => frame(&RequestHeader::Feed, &[Some(bytes)]),
        ToDaemon::Finish => frame(&RequestHeader::Finish, &[]),
    }
}

/// A request out of the body of a frame.
///
/// # Errors
/// [`Garbled`] for anything that [`encode_request`] does not make.
pub fn decode_request(body: &[u8]) -> Result<ToDaemon, Garbled> {
    let (header, rest) = postcard::take_from_bytes(body).map_err(|_| Garbled)?;
    match header {
        RequestHeaderOwned::Attach(name) => {
            let [bytes] = parts(rest)?;
            Ok(ToDaemon::Attach {
                name,
                bytes: bytes.ok_or(Garbled)?,
            })
        }
        RequestHeaderOwned::Call(operation) => {
            let [passphrase, payload] = parts(rest)?;
            Ok(ToDaemon::Call(Box::new(Call {
                operation,
                passphrase,
                payload,
            })))
        }
        RequestHeaderOwned::Mcp => {
            let [token] = parts(rest)?;
            Ok(ToDaemon::Mcp {
                token: token.ok_or(Garbled)?,
            })
        }
        RequestHeaderOwned::Next => parts(rest).map(|[]| ToDaemon::Next),
        RequestHeaderOwned::Feed => {
            let [bytes] = parts(rest)?;
            Ok(ToDaemon::Feed {
                bytes: bytes.ok_or(Garbled)?,
            })
        }
        RequestHeaderOwned::Finish => parts(rest).map(|[]| ToDaemon::Finish),
    }
}

/// A reply as a whole frame. Its buffer is wiped on drop.
///
/// # Errors
/// [`FrameTooLarge`] when its body is over [`MAX_FRAME`].
pub fn encode_reply(reply: &Result<Reply, Failure>) -> Result<Zeroizing<Vec<u8>>, FrameTooLarge> {
    match reply {
        Ok(reply) => frame(&Ok::<_, &Failure>(&reply.answer), &[reply.payload.as_ref()]),
        Err(failure) => frame(&Err::<&Answer, _>(failure), &[None]),
    }
}

/// A reply out of the body of a frame.
///
/// # Errors
/// [`Garbled`] for anything that [`encode_reply`] does not make.
pub fn decode_reply(body: &[u8]) -> Result<Result<Reply, Failure>, Garbled> {
    let (header, rest): (Result<Answer, Failure>, _) =
        postcard::take_from_bytes(body).map_err(|_| Garbled)?;
    let [payload] = parts(rest)?;
    Ok(header.map(|answer| Reply { answer, payload }))
}

/// The whole frame in one buffer of the right size: one that grew would leave copies of secrets.
fn frame(
    header: &impl Serialize,
    parts: &[Option<&SecretBytes>],
) -> Result<Zeroizing<Vec<u8>>, FrameTooLarge> {
    let header = postcard::to_stdvec(header).map(Zeroizing::new);
    let header = header.expect("operations and answers have no type that postcard can't write");
    let part_bytes = |part: &Option<&SecretBytes>| part.map_or(1, |part| 1 + LENGTH + part.len());
    let length = header.len() + parts.iter().map(part_bytes).sum::<usize>();
    if length > MAX_FRAME {
        return Err(FrameTooLarge { length });
    }
    let mut frame = Zeroizing::new(Vec::with_capacity(LENGTH + length));
    frame.extend_from_slice(&length_bytes(length));
    frame.extend_from_slice(&header);
    for part in parts {
        match part {
            None => frame.push(ABSENT),
            Some(part) => {
                frame.push(PRESENT);
                frame.extend_from_slice(&length_bytes(part.len()));
                frame.extend_from_slice(part.expose_bytes());
            }
        }
    }
    Ok(frame)
}

fn length_bytes(length: usize) -> [u8; LENGTH] {
    u32::try_from(length)
        .expect("no part is over 10 MiB")
        .to_be_bytes()
}

/// Exactly `N` parts, and nothing behind them.
fn parts<const N: usize>(mut bytes: &[u8]) -> Result<[Option<SecretBytes>; N], Garbled> {
    let mut parts = [const { None }; N];
    for part in &mut parts {
        (*part, bytes) = take_part(bytes)?;
    }
    if bytes.is_empty() { Ok(parts) } else { Err(Garbled) }
}

fn take_part(bytes: &[u8]) -> Result<(Option<SecretBytes>, &[u8]), Garbled> {
    match bytes.split_first() {
        Some((&ABSENT, rest)) => Ok((None, rest)),
        Some((&PRESENT, rest)) => {
            let (length, rest) = rest.split_first_chunk::<LENGTH>().ok_or(Garbled)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Garbled)?;
            let (part, rest) = rest.split_at_checked(length).ok_or(Garbled)?;
            Ok((Some(SecretBytes::new(part.to_vec())), rest))
        }
        _ => Err(Garbled),
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
