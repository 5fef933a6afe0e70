//! A body as a value that can be looked into: of which event it is, in which role, and its JSON.

use serde_json::{Map, Number, Value};

use crate::domain::{self, Outline, Role, Shape};

/// Values nested deeper are not looked into.
const DEEPEST: usize = 256;

/// One body, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Material {
    /// The number of the event it belongs to.
    pub event: i64,
    pub role: Role,
    /// The JSON; a string where the body is no JSON.
    pub value: Value,
    /// Some of it is missing here: too deep, too many values, or a very long string.
    pub partial: bool,
}

impl Material {
    /// Reads a body. What stricter readers refuse and evidence contains, such as lone surrogates, is read too.
    pub fn read(event: i64, role: Role, bytes: &[u8]) -> Self {
        let (value, partial) = value_of(bytes);
        Self { event, role, value, partial }
    }
}

/// The JSON of some bytes, else their text; and whether some of it is missing.
pub fn value_of(bytes: &[u8]) -> (Value, bool) {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return (value, false);
    }
    match Outline::of(bytes) {
        Ok(outline) => {
            let mut partial = outline.partial;
            let value = lenient(outline.root(), 0, &mut partial);
            (value, partial)
        }
        Err(_) => (Value::String(String::from_utf8_lossy(bytes).into_owned()), false),
    }
}

/// The JSON object or array that a whole string is; `None` for any other string.
pub fn within(text: &str) -> Option<Value> {
    let text = text.trim();
    let wrapped = (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'));
    if wrapped { serde_json::from_str(text).ok() } else { None }
}

fn lenient(value: domain::Value<'_>, depth: usize, partial: &mut bool) -> Value {
    if depth > DEEPEST {
        *partial = true;
        return Value::Null;
    }
    match value.shape() {
        Shape::Null => Value::Null,
        Shape::Bool => Value::Bool(value.bool() == Some(true)),
        Shape::Number => number(value),
        Shape::String => {
            *partial |= !value.is_whole();
            Value::String(value.text().map(|text| text.into_owned()).unwrap_or_default())
        }
        Shape::Array => value.items().map(|item| lenient(item, depth + 1, partial)).collect(),
        Shape::Object => {
            let members = value.items().map(|item| {
                let name = item.name().map(|name| name.into_owned()).unwrap_or_default();
                (name, lenient(item, depth + 1, partial))
            });
            Value::Object(members.collect::<Map<String, Value>>())
        }
    }
}

/// A number; one that no number type holds stays as it is written.
fn number(value: domain::Value<'_>) -> Value {
    let written = String::from_utf8_lossy(value.kept());
    match serde_json::from_str::<Number>(&written) {
        Ok(number) => Value::Number(number),
        Err(_) => Value::String(written.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stricter_readers_refuse_is_read_too() {
        assert_eq!(
            value_of(br#"{"a":"\ud800x","b":[1,true,null]}"#).0,
            json!({"a": "\u{FFFD}x", "b": [1, true, null]})
        );
        assert_eq!(value_of(b"plain words"), (json!("plain words"), false));
        assert_eq!(value_of(b"\xff").0, json!("\u{FFFD}"));
    }

    #[test]
    fn only_a_whole_string_is_json_within() {
        assert_eq!(within(r#" {"a":1} "#), Some(json!({"a": 1})));
        assert_eq!((within(r#"see {"a":1}"#), within("[not json]"), within("12")), (None, None, None));
    }

    #[test]
    fn nesting_without_end_is_cut_and_said() {
        let deep = format!("{}\"\\ud800\"{}", "[".repeat(1_000), "]".repeat(1_000));
        assert!(value_of(deep.as_bytes()).1);
    }
}
