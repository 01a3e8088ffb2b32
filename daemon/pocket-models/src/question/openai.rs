//! OpenAI's chat completions: <https://platform.openai.com/docs/api-reference/chat>. Servers that speak it
//! differ in small things; what only one of them takes goes to that one only.

use std::borrow::Cow;

use base64ct::{Base64, Encoding};
use pocket_core::Place;
use pocket_privacy::CleanPicture;
use serde::Serialize;

use super::{Asked, Turn};

pub(super) const HEADERS: [(&str, &str); 1] = [("content-type", "application/json")];

/// Its newer models know no `max_tokens`, and it keeps what it wrote unless told not to.
const OPENAI: &str = "api.openai.com";
/// Refuses a request with a field that it does not know, and counts tokens unasked.
const MISTRAL: &str = "api.mistral.ai";

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<bool>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: Content<'a>,
}

/// A text alone is a string: not every server takes parts.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    ImageUrl { image_url: Url },
    Text { text: Cow<'a, str> },
}

#[derive(Serialize)]
struct Url {
    url: String,
}

pub(super) fn body(asked: &Asked<'_>) -> Vec<u8> {
    let host = match &asked.provider.place {
        Place::Cloud { host, .. } => host.as_str(),
        Place::Local { .. } => "",
    };
    let most = asked.provider.most_tokens;
    let system = asked.system.map(|text| Message {
        role: "system",
        content: Content::Text(Cow::Borrowed(text)),
    });
    let turns = asked.turns();
    let turns = turns.iter().map(|turn| Message {
        role: turn.role.name(),
        content: content(turn),
    });
    let body = Body {
        model: &asked.provider.model,
        max_tokens: (host != OPENAI).then_some(most),
        max_completion_tokens: (host == OPENAI).then_some(most),
        store: (host == OPENAI).then_some(false),
        stream: true,
        stream_options: (host != MISTRAL).then_some(StreamOptions { include_usage: true }),
        messages: system.into_iter().chain(turns).collect(),
    };
    serde_json::to_vec(&body).expect("strings and numbers are always JSON")
}

fn content<'a>(turn: &Turn<'a>) -> Content<'a> {
    let text = match turn.texts.as_slice() {
        [text] => Cow::Borrowed(*text),
        texts => Cow::Owned(texts.join("\n\n")),
    };
    if turn.pictures.is_empty() {
        return Content::Text(text);
    }
    let image = |picture: &CleanPicture| Part::ImageUrl {
        image_url: Url {
            url: format!(
                "data:{};base64,{}",
                picture.media_type(),
                Base64::encode_string(picture.bytes())
            ),
        },
    };
    let mut parts = vec![Part::Text { text }];
    parts.extend(turn.pictures.iter().map(image));
    Content::Parts(parts)
}
