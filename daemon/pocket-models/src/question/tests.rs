use base64ct::{Base64, Encoding};
use pocket_privacy::{Filter, Known};
use serde_json::{Value, json};

use super::*;

/// One grey pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0,
    1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0x68, 0,
    0, 0, 0x82, 0, 0x81, 0x77, 0xcd, 0x72, 0xb6, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

fn picture() -> CleanPicture {
    CleanPicture::check(PNG.to_vec()).unwrap()
}

fn filtered(text: &str) -> Filtered {
    Filter::new().feed(text, &Known::default()).unwrap()
}

fn provider(protocol: Protocol, place: &str) -> Provider {
    let provider = Provider {
        name: "p".parse().unwrap(),
        protocol,
        place: place.parse().unwrap(),
        model: "m-1".to_owned(),
        secret: None,
        pin: None,
        most_prompt: 1000,
        most_tokens: 500,
        price: None,
    };
    provider.checked().unwrap()
}

/// A conversation with all that a question can have.
fn asked(provider: &Provider) -> (Outgoing, Value) {
    let (system, first, reply, question) = (
        filtered("be brief"),
        filtered("hello"),
        filtered("\"hi\"\n"),
        filtered("what is this?"),
    );
    let question = CloudQuestion {
        system: Some(&system),
        turns: vec![
            (Role::User, &first),
            (Role::Assistant, &reply),
            (Role::User, &question),
        ],
        pictures: &[picture()],
    };
    let outgoing = cloud(provider, &question).map_err(|bad| bad.to_string()).unwrap();
    let body = serde_json::from_slice(&outgoing.body).unwrap();
    (outgoing, body)
}

#[test]
fn anthropic_gets_messages() {
    let (outgoing, body) = asked(&provider(Protocol::Anthropic, "https://api.anthropic.com/v1"));
    assert_eq!(outgoing.path, "/v1/messages");
    assert_eq!(
        outgoing.headers,
        [
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01")
        ]
    );
    let data = Base64::encode_string(PNG);
    let expected = json!({
        "model": "m-1", "max_tokens": 500, "stream": true, "system": "be brief",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hello"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "\"hi\"\n"}]},
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}},
                {"type": "text", "text": "what is this?"},
            ]},
        ],
    });
    assert_eq!(body, expected);
}

#[test]
fn others_get_chat_completions() {
    let (outgoing, body) = asked(&provider(Protocol::OpenAi, "https://llm.example.com:8443/api/v1"));
    assert_eq!(outgoing.path, "/api/v1/chat/completions");
    assert_eq!(outgoing.headers, [("content-type", "application/json")]);
    let url = format!("data:image/png;base64,{}", Base64::encode_string(PNG));
    let expected = json!({
        "model": "m-1", "max_tokens": 500, "stream": true, "stream_options": {"include_usage": true},
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "\"hi\"\n"},
            {"role": "user", "content": [
                {"type": "text", "text": "what is this?"},
                {"type": "image_url", "image_url": {"url": url}},
            ]},
        ],
    });
    assert_eq!(body, expected);
}

#[test]
fn who_speaks_twice_in_a_row_does_so_in_one_turn() {
    let (note, question) = (filtered("a note"), filtered("a question"));
    let turns = vec![(Role::User, &note), (Role::User, &question)];
    let question = CloudQuestion {
        system: None,
        turns,
        pictures: &[],
    };
    let messages = |protocol| {
        let outgoing = cloud(&provider(protocol, "https://api.example.com/v1"), &question)
            .ok()
            .unwrap();
        serde_json::from_slice::<Value>(&outgoing.body).unwrap()["messages"].clone()
    };
    let parts = json!([{"type": "text", "text": "a note"}, {"type": "text", "text": "a question"}]);
    assert_eq!(
        messages(Protocol::Anthropic),
        json!([{"role": "user", "content": parts}])
    );
    let joined = json!([{"role": "user", "content": "a note\n\na question"}]);
    assert_eq!(messages(Protocol::OpenAi), joined);
}

#[test]
fn what_only_one_server_takes_goes_to_that_one_only() {
    let (_, body) = asked(&provider(Protocol::OpenAi, "https://api.openai.com"));
    assert_eq!(body["max_completion_tokens"], 500);
    assert_eq!(body["store"], false, "nothing is kept there");
    assert_eq!(body["max_tokens"], Value::Null);
    assert_eq!(body["stream_options"]["include_usage"], true);
    let (_, body) = asked(&provider(Protocol::OpenAi, "https://api.mistral.ai/v1"));
    assert_eq!(body["max_tokens"], 500);
    assert_eq!(body["stream_options"], Value::Null);
    assert_eq!(body["store"], Value::Null);
}

#[test]
fn the_same_question_is_the_same_bytes() {
    // pinned as a whole: an approval that waits over an update must still fit
    let question = filtered("Grüße");
    let question = CloudQuestion {
        system: None,
        turns: vec![(Role::User, &question)],
        pictures: &[],
    };
    for (protocol, bytes) in [
        (
            Protocol::Anthropic,
            r#"{"model":"m-1","max_tokens":500,"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"Grüße"}]}]}"#,
        ),
        (
            Protocol::OpenAi,
            r#"{"model":"m-1","max_tokens":500,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Grüße"}]}"#,
        ),
    ] {
        let provider = provider(protocol, "https://api.example.com/v1");
        for _ in 0..2 {
            let outgoing = cloud(&provider, &question).ok().unwrap();
            assert_eq!(str::from_utf8(&outgoing.body).unwrap(), bytes);
        }
    }
}

#[test]
fn an_address_with_or_without_path_or_endpoint_leads_there() {
    for (place, protocol, path) in [
        ("https://a.example.com", Protocol::Anthropic, "/v1/messages"),
        ("https://a.example.com/", Protocol::OpenAi, "/v1/chat/completions"),
        ("https://a.example.com/x", Protocol::OpenAi, "/x/chat/completions"),
        (
            "https://a.example.com/v1/chat/completions",
            Protocol::OpenAi,
            "/v1/chat/completions",
        ),
        (
            "https://a.example.com/v1/messages",
            Protocol::Anthropic,
            "/v1/messages",
        ),
    ] {
        assert_eq!(asked(&provider(protocol, place)).0.path, path, "{place}");
    }
}

fn ask_here(
    provider: &Provider,
    turns: Vec<(Role, &str)>,
    pictures: &[CleanPicture],
) -> Result<Outgoing, BadQuestion> {
    local(
        provider,
        &LocalQuestion {
            system: None,
            turns,
            pictures,
        },
    )
}

#[test]
fn a_model_on_this_device_is_asked_with_plain_text() {
    let here = provider(Protocol::OpenAi, "unix:/run/model.sock");
    let outgoing = ask_here(&here, vec![(Role::User, "anna@example.com")], &[picture()])
        .ok()
        .unwrap();
    assert_eq!(outgoing.path, "/v1/chat/completions");
    assert!(
        str::from_utf8(&outgoing.body)
            .unwrap()
            .contains("anna@example.com")
    );
    assert!(outgoing.tokens > 3_300, "the picture counts");
}

#[test]
fn what_can_not_be_asked_is_refused_by_name() {
    let here = provider(Protocol::OpenAi, "unix:/run/model.sock");
    let bad = |turns: Vec<(Role, &str)>| ask_here(&here, turns, &[]).err();
    assert_eq!(bad(vec![]), Some(BadQuestion::Empty));
    assert_eq!(bad(vec![(Role::User, " \n")]), Some(BadQuestion::Empty));
    assert_eq!(
        bad(vec![(Role::User, "a"), (Role::Assistant, "b")]),
        Some(BadQuestion::Empty)
    );
    let (half, rest) = ("a".repeat(500), "b".repeat(500));
    assert_eq!(
        bad(vec![(Role::User, &half), (Role::User, &rest)]),
        None,
        "1000 bytes are allowed"
    );
    let turns = vec![(Role::User, half.as_str()), (Role::User, rest.as_str())];
    let question = LocalQuestion {
        system: Some("c"),
        turns,
        pictures: &[],
    };
    let longer = BadQuestion::TooLong {
        bytes: 1001,
        most: 1000,
    };
    assert_eq!(
        local(&here, &question).err(),
        Some(longer),
        "the system's text counts too"
    );
    let many: Vec<CleanPicture> = (0..=MOST_PICTURES).map(|_| picture()).collect();
    assert_eq!(
        ask_here(&here, vec![(Role::User, "a")], &many).err(),
        Some(BadQuestion::ManyPictures)
    );
    assert!(ask_here(&here, vec![(Role::User, "a")], &many[1..]).is_ok());
}

#[test]
fn pictures_that_are_too_large_together_are_refused() {
    let large = |bytes: usize| {
        let length = u32::try_from(bytes).unwrap().to_be_bytes();
        let data = [&length[..], b"IDAT", &vec![0; bytes], &[0; 4]].concat();
        let (head, end) = (&PNG[..33], &PNG[PNG.len() - 12..]);
        CleanPicture::check([head, &data, end].concat()).unwrap()
    };
    let here = provider(Protocol::OpenAi, "unix:/run/model.sock");
    let ask = |bytes| ask_here(&here, vec![(Role::User, "a")], &[large(bytes), large(bytes)]).map(|_| ());
    assert_eq!(ask(3_000_000), Ok(()));
    assert_eq!(ask(3_200_000), Err(BadQuestion::LargePictures));
}

#[test]
fn a_question_goes_only_where_its_kind_may() {
    let here = provider(Protocol::OpenAi, "unix:/run/model.sock");
    let there = provider(Protocol::OpenAi, "https://api.example.com/v1");
    assert_eq!(
        ask_here(&there, vec![(Role::User, "a")], &[]).err(),
        Some(BadQuestion::Place)
    );
    let text = filtered("a");
    let question = CloudQuestion {
        system: None,
        turns: vec![(Role::User, &text)],
        pictures: &[],
    };
    assert_eq!(cloud(&here, &question).err(), Some(BadQuestion::Place));
    assert!(cloud(&there, &question).is_ok());
}

#[test]
fn a_key_is_one_header_and_nothing_more() {
    let header =
        |protocol, key: &str| key_header(protocol, key).map(|(name, value)| (name, value.to_string()));
    let bearer = Ok(("authorization", "Bearer sk-1".to_owned()));
    assert_eq!(header(Protocol::OpenAi, "sk-1"), bearer);
    assert_eq!(header(Protocol::OpenAi, " sk-1\r\n"), bearer, "as it was pasted");
    assert_eq!(
        header(Protocol::Anthropic, "sk-1"),
        Ok(("x-api-key", "sk-1".to_owned()))
    );
    let long = "a".repeat(4097);
    for key in ["", "\n", "a\r\nhost: b", "a b", "a\0", "\u{e4}", &long] {
        assert_eq!(header(Protocol::Anthropic, key), Err(UnusableKey), "{key:?}");
    }
}
