//! Fixtures that ask back: each answers `input_required` until the client comes again with what it
//! was asked for (the stateless era's way).

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    CreateMessageRequest, CreateMessageRequestParams, ElicitRequest, ElicitRequestParams,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, ListRootsRequest, PromptMessage, RequestStateCodec, Role,
    SamplingMessage,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

/// A key for what a test listener seals, of the length that the codec wants.
const KEY: &[u8] = b"for a test listener and nothing else";

/// One thing to ask, by the key under which the answer comes back.
type Ask = (&'static str, InputRequest);

fn codec() -> RequestStateCodec {
    RequestStateCodec::new_unchecked(KEY)
}

/// A form of one field.
pub(super) fn form(message: &str, field: &str, kind: &str) -> InputRequest {
    let schema = json!({ "type": "object", "properties": { field: { "type": kind } }, "required": [field] });
    InputRequest::Elicitation(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).unwrap(),
    }))
}

fn sampling(prompt: &str) -> InputRequest {
    let message = SamplingMessage::user_text(prompt);
    InputRequest::CreateMessage(CreateMessageRequest::new(CreateMessageRequestParams::new(
        vec![message],
        100,
    )))
}

fn roots() -> InputRequest {
    InputRequest::ListRoots(ListRootsRequest::default())
}

pub(super) fn asking(asks: Vec<Ask>) -> InputRequiredResult {
    InputRequiredResult::from_input_requests(requests(asks))
}

fn requests(asks: Vec<Ask>) -> InputRequests {
    let mut requests = InputRequests::new();
    for (key, ask) in asks {
        requests.insert(key.into(), ask);
    }
    requests
}

/// Asks, and gives `state` along, sealed.
fn asking_with(asks: Vec<Ask>, state: &Value) -> CallToolResponse {
    let sealed = codec().seal_json(state).unwrap();
    InputRequiredResult::new(Some(requests(asks)), Some(sealed)).into()
}

/// The answer to `key`, if it is an object as answers are.
fn answer<'a>(responses: Option<&'a InputResponses>, key: &str) -> Option<&'a Value> {
    responses
        .and_then(|given| given.get(key))
        .filter(|value| value.is_object())
}

fn done(words: impl Into<String>) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(words.into())]).into()
}

/// The state that came back, if it is one of ours.
fn state(request: &CallToolRequestParams) -> Result<Option<Value>, ErrorData> {
    let opened = request
        .request_state
        .as_deref()
        .map(|sealed| codec().open_json(sealed));
    opened
        .transpose()
        .map_err(|_| ErrorData::invalid_params("this requestState is none of ours", None))
}

fn name() -> Ask {
    ("user_name", form("What is your name?", "name", "string"))
}

/// One round of a tool that asks back.
pub(super) fn round(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let given = request.input_responses.as_ref();
    let state = state(request)?;
    let kind = request.name.trim_start_matches("test_input_required_result_");
    Ok(match kind {
        "elicitation" => match answer(given, "user_name") {
            Some(name) => done(format!("Hello, {}!", text(name, "/content/name"))),
            None => asking(vec![name()]).into(),
        },
        "sampling" => match answer(given, "capital_question") {
            Some(said) => done(format!("The model says: {}", text(said, "/content/text"))),
            None => asking(vec![(
                "capital_question",
                sampling("What is the capital of France?"),
            )])
            .into(),
        },
        "list_roots" => match answer(given, "client_roots") {
            Some(roots) => done(format!("Roots: {}", roots["roots"])),
            None => asking(vec![("client_roots", roots())]).into(),
        },
        "request_state" | "tampered_state" => match state {
            Some(_) => done("Confirmed: state-ok"),
            None => asking_with(
                vec![("confirm", form("Please confirm", "ok", "boolean"))],
                &json!("confirm"),
            ),
        },
        "multiple_inputs" => {
            let all = ["user_name", "greeting", "client_roots"];
            if state.is_some() && all.iter().all(|key| answer(given, key).is_some()) {
                done("All inputs received")
            } else {
                let asks = vec![
                    name(),
                    ("greeting", sampling("Greet them")),
                    ("client_roots", roots()),
                ];
                asking_with(asks, &json!("gather"))
            }
        }
        "multi_round" => match state.and_then(|round| round.as_u64()).unwrap_or(0) {
            0 => asking_with(vec![("step1", form("Your name?", "name", "string"))], &json!(1)),
            1 => asking_with(
                vec![("step2", form("Your colour?", "color", "string"))],
                &json!(2),
            ),
            _ => done("Multi-round flow complete"),
        },
        "capabilities" if given.is_some() => done("Asked only what the client can do"),
        "capabilities" => what_it_can(&context.meta.client_capabilities().unwrap_or_default()),
        _ => return Err(ErrorData::invalid_params("no such tool", None)),
    })
}

/// Asks only for what the client says that it can do.
fn what_it_can(client: &ClientCapabilities) -> CallToolResponse {
    let asks: Vec<Ask> = [
        client.elicitation.is_some().then(name),
        client
            .sampling
            .is_some()
            .then(|| ("greeting", sampling("Greet them"))),
        client.roots.is_some().then(|| ("client_roots", roots())),
    ]
    .into_iter()
    .flatten()
    .collect();
    if asks.is_empty() {
        done("The client can be asked nothing")
    } else {
        asking(asks).into()
    }
}

/// The prompt that asks back.
pub(super) fn prompt(request: &GetPromptRequestParams) -> GetPromptResponse {
    match answer(request.input_responses.as_ref(), "user_context") {
        Some(said) => {
            let words = format!("In this context: {}", text(said, "/content/context"));
            GetPromptResult::new(vec![PromptMessage::new_text(Role::User, words)]).into()
        }
        None => asking(vec![(
            "user_context",
            form("Which context?", "context", "string"),
        )])
        .into(),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
