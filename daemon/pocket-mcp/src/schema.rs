//! Schemas in few words: a client puts them before its model with every conversation.

use rmcp::model::JsonObject;
use serde_json::{Map, Value};

/// An input schema without what says nothing to a model: the dialect, the names of our types, the
/// width of numbers, the `null` that an absent field may also be.
pub(crate) fn input(schema: &JsonObject) -> JsonObject {
    let kept = schema.iter().filter(|(key, value)| says_something(key, value));
    let mut short: JsonObject = kept
        .map(|(key, value)| (key.clone(), shortened(key, value)))
        .collect();
    if schema.contains_key("properties") {
        // What the type is to us; what it is to the model, the property says.
        short.remove("description");
    }
    if let Some(Value::Object(one)) = only_option(schema) {
        short.remove("anyOf");
        short.extend(input(one));
    }
    short
}

/// An output schema, which need not say what is always there either: nothing is checked against it but
/// what we sent.
pub(crate) fn output(schema: &JsonObject) -> JsonObject {
    without_required(input(schema))
}

fn says_something(key: &str, value: &Value) -> bool {
    match key {
        "$schema" | "title" | "format" => !value.is_string(),
        "minimum" => value.as_i64() != Some(0),
        "default" => value.is_number(),
        "additionalProperties" => *value != Value::Bool(true),
        _ => true,
    }
}

fn shortened(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("properties", Value::Object(named)) => {
            let each = |(name, schema): (&String, &Value)| (name.clone(), sub(schema));
            Value::Object(named.iter().map(each).collect())
        }
        ("type", Value::Array(kinds)) => {
            let kind = kinds.iter().find(|kind| kind.as_str() != Some("null"));
            kind.cloned().unwrap_or(Value::Null)
        }
        _ => sub(value),
    }
}

fn sub(value: &Value) -> Value {
    match value {
        Value::Object(schema) => Value::Object(input(schema)),
        other => other.clone(),
    }
}

/// The one that is left of several when `null` is none.
fn only_option(schema: &JsonObject) -> Option<&Value> {
    let options = schema.get("anyOf")?.as_array()?;
    let mut real = options.iter().filter(|option| option["type"] != "null");
    real.next().filter(|_| real.next().is_none())
}

fn without_required(schema: JsonObject) -> JsonObject {
    let each = |(key, value): (String, Value)| match (key.as_str(), value) {
        ("properties", Value::Object(named)) => {
            let named: Map<String, Value> = named
                .into_iter()
                .map(|(name, schema)| (name, sub_output(schema)))
                .collect();
            (key, Value::Object(named))
        }
        (_, value) => (key, sub_output(value)),
    };
    schema
        .into_iter()
        .filter(|(key, _)| key != "required")
        .map(each)
        .collect()
}

fn sub_output(value: Value) -> Value {
    match value {
        Value::Object(schema) => Value::Object(without_required(schema)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn noise_goes_and_meaning_stays_also_for_fields_of_such_names() {
        let Value::Object(schema) = json!({
            "$schema": "x", "title": "Thing", "type": "object", "description": "Ours",
            "properties": {
                "title": { "type": ["string", "null"], "description": "Its title" },
                "required": { "anyOf": [{ "type": "integer", "format": "uint", "minimum": 0 }, { "type": "null" }] },
                "limit": { "type": "integer", "minimum": 1, "default": 20 },
            },
            "required": ["title"],
        }) else {
            panic!("an object")
        };
        let properties = json!({
            "title": { "type": "string", "description": "Its title" },
            "required": { "type": "integer" },
            "limit": { "type": "integer", "minimum": 1, "default": 20 },
        });
        let short = json!({ "type": "object", "properties": properties, "required": ["title"] });
        assert_eq!(Value::Object(input(&schema)), short);
        let short = json!({ "type": "object", "properties": properties });
        assert_eq!(Value::Object(output(&schema)), short);
    }
}
