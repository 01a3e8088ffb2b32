//! Fixtures that answer at once. Their names, and what they must say, are the suite's.

use rmcp::model::{
    AudioContent, CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock,
    CreateMessageRequestParams, ElicitRequestParams, GetPromptRequestParams, GetPromptResult, ImageContent,
    LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam, Prompt, PromptArgument,
    PromptMessage, ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role, SamplingMessage,
    Tool as Definition,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use super::asks;

/// A picture of one dot.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=";
/// A sound of no length.
const SOUND: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";

/// The tools without arguments.
const PLAIN: [&str; 27] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_error_handling",
    "test_tool_with_progress",
    "test_sampling",
    "test_elicitation",
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_reconnection",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "test_missing_capability",
    "test_streaming_elicitation",
    "test_logging_tool",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
    "test_input_required_result_validate_input",
];

fn tool(name: &'static str, schema: Value) -> Definition {
    let Value::Object(schema) = schema else {
        panic!("a schema is an object")
    };
    Definition::new(name, "A fixture of the conformance suite", schema)
}

/// All tools.
pub(super) fn tools() -> Vec<Definition> {
    let plain = PLAIN.map(|name| tool(name, json!({ "type": "object", "properties": {} })));
    let header = json!({
        "type": "object",
        "properties": { "value": { "type": "string", "x-mcp-header": "Value" } },
        "required": ["value"],
    });
    plain
        .into_iter()
        .chain([
            tool("test_custom_header", header),
            tool("json_schema_2020_12_tool", newer_schema()),
        ])
        .collect()
}

/// What JSON Schema has had since 2020-12, to come through unchanged.
fn newer_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": {
            "$anchor": "address",
            "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
        } },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "allOf": [{ "anyOf": [{ "required": ["name"] }, { "required": ["address"] }] }],
        "if": { "required": ["address"] },
        "then": { "properties": { "address": { "required": ["street"] } } },
        "else": { "required": ["name"] },
        "additionalProperties": false,
    })
}

fn text_resource(uri: &str, kind: &str, text: &str) -> ResourceContents {
    ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(kind.to_owned()),
        text: text.to_owned(),
        meta: None,
    }
}

fn said(words: impl Into<String>) -> Vec<ContentBlock> {
    vec![ContentBlock::text(words.into())]
}

/// Calls a tool.
pub(super) async fn call(
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let argument = |name: &str| {
        let arguments = request.arguments.as_ref();
        arguments
            .and_then(|given| given.get(name)?.as_str())
            .unwrap_or("unsaid")
            .to_owned()
    };
    let content = match request.name.as_ref() {
        "test_image_content" => vec![ContentBlock::image(PICTURE, "image/png")],
        "test_audio_content" => vec![ContentBlock::Audio(AudioContent::new(SOUND, "audio/wav"))],
        "test_embedded_resource" => {
            let inside = text_resource("test://embedded-resource", "text/plain", "A resource inside.");
            vec![ContentBlock::resource(inside)]
        }
        "test_multiple_content_types" => vec![
            ContentBlock::text("Several kinds:"),
            ContentBlock::image(PICTURE, "image/png"),
            ContentBlock::resource(text_resource("test://mixed", "application/json", "{}")),
        ],
        "test_error_handling" => {
            let words = "This tool intentionally returns an error for testing";
            return Ok(CallToolResult::error(said(words)).into());
        }
        "test_tool_with_logging" => {
            for words in [
                "Tool execution started",
                "Tool processing data",
                "Tool execution completed",
            ] {
                log(context, LoggingLevel::Info, words).await;
            }
            said("logged")
        }
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(context, level, "asked for").await;
            }
            said("logged")
        }
        "test_tool_with_progress" => {
            progress(context).await;
            said("done")
        }
        "test_custom_header" => said(argument("value")),
        "test_sampling" => said(sample(context, &argument("prompt")).await),
        "test_elicitation" => said(elicit(context, &argument("message"), two_fields()).await),
        "test_elicitation_sep1034_defaults" => said(elicit(context, "All have defaults", defaults()).await),
        "test_elicitation_sep1330_enums" => said(elicit(context, "Choose", choices()).await),
        "test_missing_capability" => {
            needs_sampling(context)?;
            said("declared")
        }
        "test_streaming_elicitation" => {
            let ask = ("streaming_elicitation", asks::form("A value?", "value", "string"));
            return Ok(asks::asking(vec![ask]).into());
        }
        "test_simple_text"
        | "test_reconnection"
        | "test_trigger_tool_change"
        | "test_trigger_prompt_change"
        | "json_schema_2020_12_tool" => said("This is a simple text response for testing."),
        _ => return Err(ErrorData::invalid_params("no such tool", None)),
    };
    Ok(CallToolResult::success(content).into())
}

async fn log(context: &RequestContext<RoleServer>, level: LoggingLevel, words: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(words));
    context.peer.notify_logging_message(message).await.unwrap();
}

async fn progress(context: &RequestContext<RoleServer>) {
    let Some(token) = context.meta.get_progress_token() else {
        return;
    };
    for percent in [0.0, 50.0, 100.0] {
        let step = ProgressNotificationParam::new(token.clone(), percent).with_total(100.0);
        context.peer.notify_progress(step).await.unwrap();
    }
}

async fn sample(context: &RequestContext<RoleServer>, prompt: &str) -> String {
    let message = SamplingMessage::user_text(prompt);
    let asked = CreateMessageRequestParams::new(vec![message], 100);
    match context.peer.create_message(asked).await {
        Ok(answer) => {
            let text = answer.message.content.first().and_then(|block| block.as_text());
            format!("LLM response: {}", text.map_or("", |text| text.text.as_str()))
        }
        Err(error) => format!("Sampling error: {error}"),
    }
}

async fn elicit(context: &RequestContext<RoleServer>, message: &str, schema: Value) -> String {
    let asked = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).unwrap(),
    };
    match context.peer.create_elicitation(asked).await {
        Ok(answer) => {
            let action = serde_json::to_value(&answer.action).unwrap();
            format!(
                "User response: action={}, content={:?}",
                action.as_str().unwrap(),
                answer.content
            )
        }
        Err(error) => format!("Elicitation error: {error}"),
    }
}

fn two_fields() -> Value {
    let field = |words: &str| json!({ "type": "string", "description": words });
    json!({
        "type": "object",
        "properties": { "username": field("User's response"), "email": field("User's email address") },
        "required": ["username", "email"],
    })
}

fn defaults() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    } })
}

fn choices() -> Value {
    let titled =
        |values: [&str; 3]| values.map(|value| json!({ "const": value, "title": value.to_uppercase() }));
    let options = ["option1", "option2", "option3"];
    let values = ["value1", "value2", "value3"];
    json!({ "type": "object", "properties": {
        "untitledSingle": { "type": "string", "enum": options },
        "titledSingle": { "type": "string", "oneOf": titled(values) },
        "legacyEnum": { "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"] },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": options } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled(values) } },
    } })
}

fn needs_sampling(context: &RequestContext<RoleServer>) -> Result<(), ErrorData> {
    let client = context.meta.client_capabilities().unwrap_or_default();
    if client.sampling.is_some() {
        return Ok(());
    }
    let needed = ClientCapabilities::builder().enable_sampling().build();
    Err(ErrorData::missing_required_client_capability(needed))
}

/// The resources that can be listed.
pub(super) fn resources() -> [Resource; 2] {
    [
        Resource::new("test://static-text", "static-text").with_mime_type("text/plain"),
        Resource::new("test://static-binary", "static-binary").with_mime_type("image/png"),
    ]
}

/// The template.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new("test://template/{id}/data", "template").with_mime_type("application/json")
}

/// Reads a resource, if it is one of these.
pub(super) fn read(uri: &str) -> Option<ReadResourceResult> {
    let contents = match uri {
        "test://static-text" => text_resource(
            uri,
            "text/plain",
            "This is the content of the static text resource.",
        ),
        "test://static-binary" => ResourceContents::BlobResourceContents {
            uri: uri.to_owned(),
            mime_type: Some("image/png".to_owned()),
            blob: PICTURE.to_owned(),
            meta: None,
        },
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let text = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
            text_resource(uri, "application/json", &text.to_string())
        }
    };
    Some(ReadResourceResult::new(vec![contents]))
}

/// The prompts.
pub(super) fn prompts() -> Vec<Prompt> {
    let argument = |name: &str| PromptArgument::new(name).with_required(true);
    let plain = |name: &str| Prompt::new(name, Some("A fixture"), None);
    vec![
        plain("test_simple_prompt"),
        Prompt::new(
            "test_prompt_with_arguments",
            Some("A fixture"),
            Some(vec![argument("arg1"), argument("arg2")]),
        ),
        plain("test_prompt_with_embedded_resource"),
        plain("test_prompt_with_image"),
        plain("test_input_required_result_prompt"),
    ]
}

/// A prompt's messages.
pub(super) fn prompt(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let argument = |name: &str| {
        let arguments = request.arguments.as_ref();
        arguments
            .and_then(|given| given.get(name))
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let user = |words: String| PromptMessage::new_text(Role::User, words);
    let messages = match request.name.as_str() {
        "test_simple_prompt" => vec![user("This is a simple prompt for testing.".to_owned())],
        "test_prompt_with_arguments" => {
            vec![user(format!(
                "arg1='{}', arg2='{}'",
                argument("arg1"),
                argument("arg2")
            ))]
        }
        "test_prompt_with_embedded_resource" => {
            let uri = request
                .arguments
                .as_ref()
                .and_then(|given| given.get("resourceUri")?.as_str());
            let inside = text_resource(
                uri.unwrap_or("test://static-text"),
                "text/plain",
                "Inside a prompt.",
            );
            vec![PromptMessage::new(Role::User, ContentBlock::resource(inside))]
        }
        "test_prompt_with_image" => {
            let picture = ContentBlock::Image(ImageContent::new(PICTURE, "image/png"));
            vec![PromptMessage::new(Role::User, picture)]
        }
        _ => return Err(ErrorData::invalid_params("no such prompt", None)),
    };
    Ok(GetPromptResult::new(messages))
}
