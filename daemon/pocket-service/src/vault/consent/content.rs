//! What a question holds: its texts with what was replaced in them, the very bytes that would leave, and
//! the answer. It lies in the sealed file of the question's record.

use base64ct::{Base64, Encoding};
use pocket_core::{ConsentMark, ConsentPart, Failure, Replaced};
use pocket_privacy::{CleanPicture, Filtered, Replacement};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::failure;
use crate::vault::asking::Text;

/// Most bytes of a question's file: what is longer was not written by this device.
const MOST: usize = 64 * 1024 * 1024;

/// What a question holds. Wiped when it is dropped.
#[derive(Deserialize, Serialize)]
pub(in crate::vault) struct Content {
    pub(in crate::vault) parts: Vec<ConsentPart>,
    /// The pictures that are in the body, as files.
    pub(in crate::vault) pictures: Vec<Vec<u8>>,
    pub(in crate::vault) body: Vec<u8>,
    pub(in crate::vault) answer: String,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.body.zeroize();
        self.answer.zeroize();
        for part in &mut self.parts {
            part.original.zeroize();
            part.redacted.zeroize();
        }
        self.pictures.iter_mut().for_each(Zeroize::zeroize);
    }
}

/// The file. A newer shape gets a variant of its own.
#[derive(Deserialize, Serialize)]
enum Stored<C> {
    V1(V1),
    V2(C),
}

/// Of a question that could have no pictures.
#[derive(Deserialize, Serialize)]
struct V1 {
    parts: Vec<ConsentPart>,
    body: Vec<u8>,
    answer: String,
}

impl Content {
    /// Of a question that has no answer yet.
    pub(in crate::vault) fn new(parts: Vec<ConsentPart>, pictures: &[CleanPicture], body: &[u8]) -> Self {
        Self {
            parts,
            pictures: pictures.iter().map(|picture| picture.bytes().to_vec()).collect(),
            body: body.to_vec(),
            answer: String::new(),
        }
    }

    /// Where the pictures stand in the body, both protocols write them in Base64.
    pub(super) fn pictured(&self) -> Vec<(u64, u64)> {
        let body = str::from_utf8(&self.body).unwrap_or_default();
        let mut from = 0;
        let places = self.pictures.iter().filter_map(|picture| {
            let picture = Base64::encode_string(picture);
            let start = from + body.get(from..)?.find(&picture)?;
            from = start + picture.len();
            Some((u64::try_from(start).ok()?, u64::try_from(from).ok()?))
        });
        places.collect()
    }

    /// As it lies in the file.
    pub(super) fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(&Stored::V2(self)).expect("encoding into memory can't fail")
    }

    /// From the file.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Failure> {
        match postcard::from_bytes(bytes) {
            Ok(Stored::V2(content)) if bytes.len() <= MOST => Ok(content),
            Ok(Stored::V1(V1 { parts, body, answer })) if bytes.len() <= MOST => Ok(Self {
                parts,
                pictures: Vec::new(),
                body,
                answer,
            }),
            _ => Err(failure::internal("what a question holds can't be read")),
        }
    }

    /// How many different things of each kind were replaced.
    pub(super) fn replaced(&self) -> Vec<Replaced> {
        let mut placeholders: Vec<(&str, &str)> = Vec::new();
        for part in &self.parts {
            let marked = part
                .marks
                .iter()
                .filter_map(|mark| Some((mark.kind.as_str(), part.redacted.get(range(mark.redacted))?)));
            placeholders.extend(marked);
        }
        placeholders.sort_unstable();
        placeholders.dedup();
        let each = placeholders.chunk_by(|one, other| one.0 == other.0);
        each.filter_map(|same| {
            Some(Replaced {
                kind: same.first()?.0.to_owned(),
                count: u32::try_from(same.len()).unwrap_or(u32::MAX),
            })
        })
        .collect()
    }

    /// The texts as they would leave, for the list of what is to be sent.
    pub(super) fn redacted(&self) -> String {
        let texts: Vec<&str> = self.parts.iter().map(|part| part.redacted.as_str()).collect();
        texts.join("\n\n")
    }
}

/// A text that leaves filtered.
pub(in crate::vault) fn filtered(text: &Text, filtered: &Filtered) -> ConsentPart {
    ConsentPart {
        record: text.record,
        original: text.words.clone(),
        redacted: filtered.as_str().to_owned(),
        marks: filtered.replacements().iter().filter_map(mark).collect(),
    }
}

/// A text that a model on this device sees as it is.
pub(in crate::vault) fn as_it_is(text: &Text) -> ConsentPart {
    ConsentPart {
        record: text.record,
        original: String::new(),
        redacted: text.words.clone(),
        marks: Vec::new(),
    }
}

/// The place of a mark; empty where it can't be one.
pub(super) fn range((from, to): (u32, u32)) -> std::ops::Range<usize> {
    usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX)
}

fn mark(replacement: &Replacement) -> Option<ConsentMark> {
    let range = |range: &std::ops::Range<usize>| {
        Some((u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?))
    };
    Some(ConsentMark {
        kind: replacement.kind.to_string().to_lowercase(),
        original: range(&replacement.original)?,
        redacted: range(&replacement.result)?,
    })
}
