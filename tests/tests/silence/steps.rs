//! Lines with places to be filled in.

use std::collections::BTreeMap;

use serde_json::Value;

/// What earlier steps have told: ids, tokens, paths.
#[derive(Default)]
pub(super) struct Known(BTreeMap<&'static str, String>);

impl Known {
    pub(super) fn keep(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.insert(name, value.into());
    }

    /// Keeps a field of an object, or one of a field of it: `outer/inner`.
    pub(super) fn keep_field(&mut self, name: &'static str, of: &Value, field: &str) {
        let value = of.pointer(&format!("/{field}")).and_then(Value::as_str);
        self.keep(name, value.unwrap_or_else(|| panic!("no {field} in {of}")));
    }

    /// The text with each `{name}` filled in.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        for (name, value) in &self.0 {
            filled = filled.replace(&format!("{{{name}}}"), value);
        }
        assert!(!filled.contains('{'), "unknown: {filled}");
        filled
    }
}
