//! Answers of OpenAI's chat completions, from whoever speaks them:
//! <https://platform.openai.com/docs/api-reference/chat/streaming>.

use serde_json::Value;

use super::{BadAnswer, Heard, Stop};

pub(super) fn event(heard: &mut Heard, event: &Value) -> Result<(), BadAnswer> {
    choice(heard, event, "delta")
}

pub(super) fn whole(heard: &mut Heard, answer: &Value) -> Result<(), BadAnswer> {
    if !answer["choices"][0]["message"].is_object() {
        return Err(BadAnswer::Garbled);
    }
    choice(heard, answer, "message")
}

/// One choice was asked for; others are not listened to.
fn choice(heard: &mut Heard, answer: &Value, part: &str) -> Result<(), BadAnswer> {
    let choice = &answer["choices"][0];
    if choice["index"].as_u64().unwrap_or(0) == 0 {
        say(heard, &choice[part]["content"])?;
        if let Some(refusal) = choice[part]["refusal"].as_str().filter(|text| !text.is_empty()) {
            heard.say(refusal)?;
            heard.stop = Some(Stop::Refused);
        }
        if heard.stop != Some(Stop::Refused) {
            heard.stop = stop(&choice["finish_reason"]).or(heard.stop);
        }
    }
    let of = |name: &str| answer["usage"][name].as_u64();
    heard.tokens = (
        of("prompt_tokens").or(heard.tokens.0),
        of("completion_tokens").or(heard.tokens.1),
    );
    Ok(())
}

/// A text, or parts of which some are text: models that think send those beside it.
fn say(heard: &mut Heard, content: &Value) -> Result<(), BadAnswer> {
    match content {
        Value::String(text) => heard.say(text),
        Value::Array(parts) => parts
            .iter()
            .filter(|part| part["type"] == "text")
            .filter_map(|part| part["text"].as_str())
            .try_for_each(|text| heard.say(text)),
        _ => Ok(()),
    }
}

fn stop(reason: &Value) -> Option<Stop> {
    Some(match reason.as_str().filter(|reason| !reason.is_empty())? {
        "stop" => Stop::Ended,
        "length" | "model_length" => Stop::Full,
        "content_filter" => Stop::Refused,
        "tool_calls" | "function_call" => Stop::Tool,
        _ => Stop::Unsaid,
    })
}
