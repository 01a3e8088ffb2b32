//! Anthropic's messages: <https://platform.claude.com/docs/en/api/messages>.

use base64ct::{Base64, Encoding};
use pocket_privacy::CleanPicture;
use serde::Serialize;

use super::Asked;

/// The version of the protocol that this is written to.
pub(super) const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/json"),
    ("anthropic-version", "2023-06-01"),
];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Part<'a> {
    Image { source: Source },
    Text { text: &'a str },
}

#[derive(Serialize)]
struct Source {
    #[serde(rename = "type")]
    kind: &'static str,
    media_type: &'static str,
    data: String,
}

pub(super) fn body(asked: &Asked<'_>) -> Vec<u8> {
    let turns = asked.turns();
    let messages = turns.iter().map(|turn| {
        let image = |picture: &CleanPicture| Part::Image {
            source: Source {
                kind: "base64",
                media_type: picture.media_type(),
                data: Base64::encode_string(picture.bytes()),
            },
        };
        // Pictures ahead of the words about them, as the documentation advises.
        let mut content: Vec<Part<'_>> = turn.pictures.iter().map(image).collect();
        content.extend(turn.texts.iter().map(|text| Part::Text { text }));
        Message {
            role: turn.role.name(),
            content,
        }
    });
    let body = Body {
        model: &asked.provider.model,
        max_tokens: asked.provider.most_tokens,
        stream: true,
        system: asked.system,
        messages: messages.collect(),
    };
    serde_json::to_vec(&body).expect("strings and numbers are always JSON")
}
