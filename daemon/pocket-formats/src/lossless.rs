//! What a format cannot spell of a record, field by field, so that an export reads back whole.

use pocket_core::Record;
use serde_json::{Map, Value};

/// The fields in which `record` differs from what was `read` back; all of them when nothing was.
pub(crate) fn lost(record: &Record, read: Option<&Record>) -> Map<String, Value> {
    let mut fields = fields(record);
    if let Some(read) = read.filter(|read| read.category() == record.category()) {
        let same = self::fields(read);
        fields.retain(|name, value| same.get(name) != Some(value));
    }
    fields
}

/// `record` with `kept` fields put back; `None` when they are none that such a record has.
pub(crate) fn restore(record: &Record, kept: Map<String, Value>) -> Option<Record> {
    let mut all = fields(record);
    all.extend(kept);
    Record::deserialize_fields(record.category(), Value::Object(all)).ok()
}

/// The fields of a record as JSON has them.
pub(crate) fn fields(record: &Record) -> Map<String, Value> {
    match record.serialize_fields(serde_json::value::Serializer) {
        Ok(Value::Object(fields)) => fields,
        // A record is a struct of texts, numbers and lists: its JSON is always an object.
        _ => Map::new(),
    }
}
