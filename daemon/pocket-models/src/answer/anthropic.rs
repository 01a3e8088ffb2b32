//! Answers of Anthropic's messages: <https://platform.claude.com/docs/en/build-with-claude/streaming>. What the
//! model thinks, and tools that it asks for, are no text.

use serde_json::Value;

use super::{BadAnswer, Heard, Stop};

pub(super) fn event(heard: &mut Heard, event: &Value) -> Result<(), BadAnswer> {
    match event["type"].as_str() {
        Some("message_start") => count(heard, &event["message"]["usage"]),
        Some("content_block_start") => block(heard, &event["content_block"])?,
        Some("content_block_delta") if event["delta"]["type"] == "text_delta" => {
            heard.say(event["delta"]["text"].as_str().unwrap_or_default())?;
        }
        Some("message_delta") => {
            heard.stop = stop(&event["delta"]["stop_reason"]).or(heard.stop);
            count(heard, &event["usage"]);
        }
        Some("message_stop") => heard.over = true,
        // A ping, or something that was added since.
        _ => {}
    }
    Ok(())
}

pub(super) fn whole(heard: &mut Heard, message: &Value) -> Result<(), BadAnswer> {
    let blocks = message["content"].as_array().ok_or(BadAnswer::Garbled)?;
    blocks.iter().try_for_each(|content| block(heard, content))?;
    heard.stop = stop(&message["stop_reason"]);
    count(heard, &message["usage"]);
    Ok(())
}

fn block(heard: &mut Heard, block: &Value) -> Result<(), BadAnswer> {
    match block["type"].as_str() {
        Some("text") => heard.say(block["text"].as_str().unwrap_or_default()),
        _ => Ok(()),
    }
}

fn stop(reason: &Value) -> Option<Stop> {
    Some(match reason.as_str()? {
        "end_turn" | "stop_sequence" => Stop::Ended,
        "max_tokens" | "model_context_window_exceeded" => Stop::Full,
        "refusal" => Stop::Refused,
        "tool_use" | "pause_turn" => Stop::Tool,
        _ => Stop::Unsaid,
    })
}

/// Each report has the count so far, not what was added. Tokens from a cache were read too.
fn count(heard: &mut Heard, usage: &Value) {
    let of = |name: &str| usage[name].as_u64();
    if let Some(read) = of("input_tokens") {
        let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
        heard.tokens.0 = Some(
            cached
                .iter()
                .filter_map(|name| of(name))
                .fold(read, u64::saturating_add),
        );
    }
    heard.tokens.1 = of("output_tokens").or(heard.tokens.1);
}
