use proptest::prelude::*;

use super::*;

const EVENTS: &str = "text/event-stream; charset=utf-8";

fn stream(protocol: Protocol, stream: &str) -> Result<Finished, BadAnswer> {
    let mut reader = AnswerReader::new(protocol, Some(EVENTS), 200);
    let mut text = String::new();
    for piece in stream.as_bytes().chunks(7) {
        text.push_str(&reader.feed(piece)?);
    }
    let finished = reader.finish()?;
    assert_eq!(finished.text, text, "the pieces are the whole");
    Ok(finished)
}

fn whole(
    protocol: Protocol,
    media_type: Option<&str>,
    status: u16,
    body: &str,
) -> Result<Finished, BadAnswer> {
    let mut reader = AnswerReader::new(protocol, media_type, status);
    for piece in body.as_bytes().chunks(11) {
        assert_eq!(reader.feed(piece)?, "");
    }
    reader.finish()
}

/// As it comes from Anthropic: with thoughts, signs of life and a tool.
const MESSAGES: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":3,"cache_read_input_tokens":2,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"secret thought"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: ping
data: {"type":"ping"}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"Gr"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"üße"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":", \u4f60\ud83d\ude00"}}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"delete_all","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"text\":"}}

event: of_the_future
data: {"type":"of_the_future","text":"later"}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"of_the_future","text":"later"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"REASON","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":null},"usage":{}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// As it comes from OpenAI, with the count at the end.
const CHUNKS: &str = r#"data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}

: waiting

data: {"choices":[{"index":0,"delta":{"content":"Grü"},"finish_reason":null}]}

data: {"choices":[{"index":1,"delta":{"content":"another"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"reasoning_content":"secret thought","content":null},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"delete_all","arguments":"{}"}}]}}]}

data: {"choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"no"}]},{"type":"of_the_future","text":"no"},{"type":"text","text":"ße"}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"REASON"}]}

data: {"choices":[],"usage":{"prompt_tokens":25,"completion_tokens":15,"total_tokens":40}}

data: [DONE]

"#;

#[test]
fn a_stream_of_anthropic_is_its_text_and_nothing_else() {
    let finished = stream(Protocol::Anthropic, &MESSAGES.replace("REASON", "end_turn")).unwrap();
    assert_eq!(finished.text, "Grüße, 你😀");
    assert_eq!(
        finished.tokens,
        Some((30, 15)),
        "what came from a cache was read too"
    );
    for (reason, stop) in [
        ("end_turn", Stop::Ended),
        ("stop_sequence", Stop::Ended),
        ("max_tokens", Stop::Full),
        ("model_context_window_exceeded", Stop::Full),
        ("refusal", Stop::Refused),
        ("tool_use", Stop::Tool),
        ("pause_turn", Stop::Tool),
        ("of_the_future", Stop::Unsaid),
    ] {
        let finished = stream(Protocol::Anthropic, &MESSAGES.replace("REASON", reason)).unwrap();
        assert_eq!(finished.stop, stop, "{reason}");
    }
}

#[test]
fn a_stream_of_openai_is_its_text_and_nothing_else() {
    let finished = stream(Protocol::OpenAi, &CHUNKS.replace("REASON", "stop")).unwrap();
    assert_eq!(finished.text, "Grüße");
    assert_eq!(finished.tokens, Some((25, 15)));
    for (reason, stop) in [
        ("stop", Stop::Ended),
        ("length", Stop::Full),
        ("model_length", Stop::Full),
        ("content_filter", Stop::Refused),
        ("tool_calls", Stop::Tool),
        ("function_call", Stop::Tool),
        ("of_the_future", Stop::Unsaid),
    ] {
        let finished = stream(Protocol::OpenAi, &CHUNKS.replace("REASON", reason)).unwrap();
        assert_eq!(finished.stop, stop, "{reason}");
    }
    let refusal = r#"data: {"choices":[{"delta":{"refusal":"I can't."},"finish_reason":null}]}

data: {"choices":[{"delta":{},"finish_reason":"stop"}]}

"#;
    let finished = stream(Protocol::OpenAi, refusal).unwrap();
    assert_eq!(
        (finished.text.as_str(), finished.stop),
        ("I can't.", Stop::Refused)
    );
    assert_eq!(finished.tokens, None);
}

#[test]
fn an_answer_in_one_piece_is_read_too() {
    let body = r#"{"type":"message","content":[{"type":"thinking","thinking":"no"},{"type":"text","text":"A"},
        {"type":"tool_use","name":"x","input":{}},{"type":"text","text":"B"}],"stop_reason":"max_tokens",
        "usage":{"input_tokens":1,"output_tokens":2}}"#;
    let finished = whole(Protocol::Anthropic, Some("application/json"), 200, body).unwrap();
    assert_eq!(
        (finished.text.as_str(), finished.stop, finished.tokens),
        ("AB", Stop::Full, Some((1, 2)))
    );
    let body = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"AB"},"finish_reason":"stop"},
        {"index":1,"message":{"content":"no"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    for media_type in [None, Some("Application/JSON ; charset=utf-8")] {
        let finished = whole(Protocol::OpenAi, media_type, 200, body).unwrap();
        assert_eq!(
            (finished.text.as_str(), finished.stop, finished.tokens),
            ("AB", Stop::Ended, Some((1, 2)))
        );
    }
    for (protocol, body) in [
        (Protocol::OpenAi, "{}"),
        (Protocol::OpenAi, r#"{"choices":[]}"#),
        (Protocol::OpenAi, r#"{"choices":[{"message":"x"}]}"#),
        (Protocol::Anthropic, "{}"),
        (Protocol::Anthropic, r#"{"content":"x"}"#),
        (Protocol::Anthropic, "<html>"),
        (Protocol::OpenAi, ""),
    ] {
        assert_eq!(
            whole(protocol, None, 200, body).err(),
            Some(BadAnswer::Garbled),
            "{body}"
        );
    }
}

#[test]
fn an_answer_that_is_cut_off_is_no_answer() {
    for (protocol, full, end) in [
        (
            Protocol::Anthropic,
            MESSAGES.replace("REASON", "end_turn"),
            "event: message_delta",
        ),
        (
            Protocol::OpenAi,
            CHUNKS.replace("REASON", "stop"),
            "data: {\"choices\":[{\"index\":0,\"delta\":{},",
        ),
    ] {
        let at = full.find(end).unwrap();
        assert_eq!(stream(protocol, &full[..at]).err(), Some(BadAnswer::Truncated));
        assert_eq!(stream(protocol, "").err(), Some(BadAnswer::Truncated));
        let reason_said = full[at..].find("\n\n").unwrap() + at + 2;
        assert!(
            stream(protocol, &full[..reason_said]).is_ok(),
            "what follows is no text"
        );
    }
}

#[test]
fn what_comes_after_the_end_is_not_listened_to() {
    let more = r#"data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"more"}}

data: not even JSON

"#;
    let full = format!("{}{more}", MESSAGES.replace("REASON", "end_turn"));
    assert_eq!(stream(Protocol::Anthropic, &full).unwrap().text, "Grüße, 你😀");
    let full = format!(
        "{}data: {{\"choices\":[{{\"delta\":{{\"content\":\"more\"}}}}]}}\n\n",
        CHUNKS.replace("REASON", "stop")
    );
    assert_eq!(stream(Protocol::OpenAi, &full).unwrap().text, "Grüße");
}

#[test]
fn what_is_no_answer_of_the_protocol_is_refused() {
    assert_eq!(
        whole(Protocol::OpenAi, Some("text/html"), 200, "<html>").err(),
        Some(BadAnswer::Foreign)
    );
    assert_eq!(
        whole(Protocol::OpenAi, Some("text/html"), 200, "").err(),
        Some(BadAnswer::Foreign)
    );
    assert_eq!(
        stream(Protocol::OpenAi, "data: {\n\n").err(),
        Some(BadAnswer::Garbled)
    );
    assert_eq!(
        stream(Protocol::Anthropic, "data: [DONE]\n\n").err(),
        Some(BadAnswer::Garbled)
    );
    let deep = format!("data: {}\n\n", "[".repeat(100_000));
    assert_eq!(stream(Protocol::OpenAi, &deep).err(), Some(BadAnswer::Garbled));
    let mut reader = AnswerReader::new(Protocol::OpenAi, Some(EVENTS), 200);
    assert_eq!(reader.feed(b"data: \"\xff\"\n\n"), Err(BadAnswer::Garbled));
    assert_eq!(
        reader.feed(b"data: [DONE]\n\n"),
        Err(BadAnswer::Garbled),
        "it stays so"
    );
    assert_eq!(reader.finish().err(), Some(BadAnswer::Garbled));
}

fn refused(status: u16, body: &str) -> (Refusal, String) {
    match whole(Protocol::OpenAi, Some("application/json"), status, body).err() {
        Some(BadAnswer::Refused { why, said }) => (why, said.as_str().to_owned()),
        other => panic!("{status} {body}: {other:?}"),
    }
}

/// Refusals as both protocols and their imitators send them.
const REFUSALS: [(u16, &str, Refusal); 19] = [
    (
        401,
        r#"{"type":"error","error":{"type":"authentication_error","message":"m"}}"#,
        Refusal::Key,
    ),
    (
        403,
        r#"{"type":"error","error":{"type":"permission_error","message":"m"}}"#,
        Refusal::Key,
    ),
    (
        402,
        r#"{"error":{"type":"billing_error","message":"m"}}"#,
        Refusal::Money,
    ),
    (
        404,
        r#"{"error":{"type":"not_found_error","message":"m"}}"#,
        Refusal::Model,
    ),
    (
        413,
        r#"{"error":{"type":"request_too_large","message":"m"}}"#,
        Refusal::Size,
    ),
    (
        429,
        r#"{"error":{"type":"rate_limit_error","message":"m"}}"#,
        Refusal::Rate,
    ),
    (
        529,
        r#"{"error":{"type":"overloaded_error","message":"m"}}"#,
        Refusal::Busy,
    ),
    (
        500,
        r#"{"error":{"type":"api_error","message":"m"}}"#,
        Refusal::Busy,
    ),
    (
        400,
        r#"{"error":{"type":"invalid_request_error","message":"m"}}"#,
        Refusal::Invalid,
    ),
    (
        401,
        r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        Refusal::Key,
    ),
    (
        429,
        r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        Refusal::Money,
    ),
    (
        404,
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}"#,
        Refusal::Model,
    ),
    (
        400,
        r#"{"error":{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
        Refusal::Size,
    ),
    (
        400,
        r#"{"error":{"message":"m","code":"content_policy_violation"}}"#,
        Refusal::Unwanted,
    ),
    (
        503,
        r#"{"error":{"code":503,"message":"m","type":"unavailable_error"}}"#,
        Refusal::Busy,
    ),
    (404, r#"{"error":"m"}"#, Refusal::Model),
    (
        422,
        r#"{"object":"error","message":"m","type":"invalid_request_error"}"#,
        Refusal::Invalid,
    ),
    (
        302,
        r#"{"error":{"type":"authentication_error","message":"m"}}"#,
        Refusal::Redirect,
    ),
    (204, r#"{"message":"m"}"#, Refusal::Unknown),
];

#[test]
fn a_refusal_says_why() {
    for (status, body, why) in REFUSALS {
        assert_eq!(refused(status, body), (why, "m".to_owned()), "{body}");
    }
    assert_eq!(refused(401, "<html>"), (Refusal::Key, String::new()));
    assert_eq!(refused(502, ""), (Refusal::Busy, String::new()));
    assert_eq!(refused(402, "[1]").0, Refusal::Money);
}

#[test]
fn a_stream_can_end_in_a_refusal() {
    let cut = MESSAGES.find("event: message_delta").unwrap();
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n";
    let full = format!("{}{error}", &MESSAGES[..cut]);
    let Some(BadAnswer::Refused { why, said }) = stream(Protocol::Anthropic, &full).err() else {
        panic!("no refusal");
    };
    assert_eq!((why, said.as_str()), (Refusal::Busy, "m"));
    let coded = stream(
        Protocol::OpenAi,
        "data: {\"error\":{\"code\":429,\"message\":\"m\"}}\n\n",
    )
    .err();
    assert!(matches!(
        coded,
        Some(BadAnswer::Refused {
            why: Refusal::Rate,
            ..
        })
    ));
    let bare = stream(Protocol::OpenAi, "data: {\"error\":\"m\"}\n\n").err();
    assert!(matches!(
        bare,
        Some(BadAnswer::Refused {
            why: Refusal::Unknown,
            ..
        })
    ));
    let none = stream(
        Protocol::OpenAi,
        "data: {\"error\":null,\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n",
    );
    assert!(none.is_ok(), "no error is none");
}

#[test]
fn what_a_provider_says_is_cleaned_and_never_logged() {
    let tricky = "a\\u001b[31m\\u202eb\\u200bc\\r\\nd  e";
    let (_, said) = refused(400, &format!("{{\"error\":{{\"message\":\"{tricky}\"}}}}"));
    assert_eq!(said, "a [31m b c d e");
    let (_, said) = refused(400, &format!("{{\"error\":\"{}\"}}", "ä".repeat(1000)));
    assert_eq!(said.chars().count(), 301);
    assert!(said.ends_with('…'));
    let bad = whole(
        Protocol::OpenAi,
        None,
        400,
        "{\"error\":\"what anna@example.com asked\"}",
    )
    .err()
    .unwrap();
    assert!(!format!("{bad:?} {bad}").contains("anna"));
}

#[test]
fn an_answer_has_limits_of_memory() {
    let piece = "a".repeat(64 * 1024);
    let event = format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{piece}\"}}}}]}}\n\n");
    let mut reader = AnswerReader::new(Protocol::OpenAi, Some(EVENTS), 200);
    for _ in 0..MOST_TEXT / piece.len() {
        assert_eq!(reader.feed(event.as_bytes()).unwrap().len(), piece.len());
    }
    assert_eq!(reader.feed(event.as_bytes()), Err(BadAnswer::TooLong));

    let mut reader = AnswerReader::new(Protocol::OpenAi, None, 200);
    assert!(reader.feed(&vec![b' '; MOST_WHOLE]).is_ok());
    assert_eq!(reader.feed(b" "), Err(BadAnswer::TooLong));

    let mut reader = AnswerReader::new(Protocol::OpenAi, Some(EVENTS), 200);
    let comments = ":\n".repeat(1024 * 1024).into_bytes();
    for _ in 0..MOST_BYTES / u64::try_from(comments.len()).unwrap() {
        reader.feed(&comments).unwrap();
    }
    assert_eq!(
        reader.feed(b":"),
        Err(BadAnswer::TooLong),
        "an endless stream of nothing ends"
    );

    let mut reader = AnswerReader::new(Protocol::OpenAi, None, 500);
    for _ in 0..100 {
        reader.feed(&vec![b'a'; MOST_REFUSAL]).unwrap();
    }
    let Form::Refused { bytes, .. } = &reader.form else {
        panic!()
    };
    assert_eq!(bytes.len(), MOST_REFUSAL);
}

/// Bytes like those of an answer, to come past the first check.
fn like_an_answer() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "data: ",
        "\n\n",
        "\r\n",
        ":",
        "event: x\n",
        "[DONE]",
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        "\"choices\":",
        "\"delta\":",
        "\"content\":",
        "\"type\":",
        "\"text\"",
        "\"text_delta\"",
        "\"content_block_delta\"",
        "\"message\":",
        "\"usage\":",
        "\"error\":",
        "\"finish_reason\":",
        "18446744073709551615",
        "null",
        "\\ud83d",
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
        "data: {\"type\":\"message_stop\"}\n\n",
        "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":18446744073709551615,\"cache_read_input_tokens\":1}}}\n\n",
    ]);
    let noise = prop::collection::vec(any::<u8>(), 0..4);
    let part = prop_oneof![4 => words.prop_map(|word| word.as_bytes().to_vec()), 1 => noise];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(
        bytes in like_an_answer(),
        cuts in prop::collection::vec(0_usize..200, 0..4),
        anthropic in any::<bool>(),
        media_type in prop::sample::select(vec![None, Some(EVENTS), Some("application/json"), Some("text/html")]),
        status in prop::sample::select(vec![200_u16, 200, 200, 307, 400, 0]),
    ) {
        let protocol = if anthropic { Protocol::Anthropic } else { Protocol::OpenAi };
        let read = |pieces: &[&[u8]]| {
            let mut reader = AnswerReader::new(protocol, media_type, status);
            let mut text = String::new();
            for piece in pieces {
                text.push_str(&reader.feed(piece).unwrap_or_default());
            }
            (reader.finish().map(|finished| (finished.text, finished.stop, finished.tokens)), text)
        };
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (left, right) = rest.split_at(cut.min(rest.len()));
            pieces.push(left);
            rest = right;
        }
        pieces.push(rest);
        let (cut, told) = read(&pieces);
        prop_assert_eq!(&cut, &read(&[&bytes]).0);
        if let Ok((text, ..)) = cut && media_type == Some(EVENTS) {
            prop_assert_eq!(text, told);
        }
    }
}
