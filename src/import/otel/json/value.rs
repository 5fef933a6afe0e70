//! Values and attributes as exporters write them, and what of them is not understood.

use std::cell::RefCell;

use crate::domain::{Outline, Shape, Value, decode_string};
use crate::import::otel::any::{Any, Attributes};

/// So many parts that are not understood are told.
const MOST_ODD: usize = 10;

/// A value with the bytes that it is written in, and what of it was not understood so far.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub bytes: &'a [u8],
    pub odd: &'a RefCell<Vec<String>>,
}

/// A plain JSON value; `None` for what is no JSON.
pub fn value_of(bytes: &[u8]) -> Option<Any> {
    let outline = Outline::of(bytes).ok()?;
    (!outline.partial).then(|| Reading { bytes, odd: &RefCell::default() }.plain(outline.root()))
}

impl Reading<'_> {
    /// Notes that a part is not what it should be; its bytes are kept with the whole.
    pub(super) fn note(self, words: impl Into<String>) {
        let (mut odd, words) = (self.odd.borrow_mut(), words.into());
        if odd.len() < MOST_ODD && !odd.contains(&words) {
            odd.push(words);
        }
    }

    /// The objects of a list, if it is one.
    pub(super) fn list<'a>(self, list: Option<Value<'a>>, what: &'static str) -> impl Iterator<Item = Value<'a>> {
        let list = list.filter(|list| {
            let is_list = list.shape() == Shape::Array;
            if !is_list {
                self.note(format!("its {what} are no list"));
            }
            is_list
        });
        let objects = list.into_iter().flat_map(Value::items).filter(move |item| {
            let is_object = item.shape() == Shape::Object;
            if !is_object {
                self.note(format!("one of its {what} is no object"));
            }
            is_object
        });
        objects.collect::<Vec<_>>().into_iter()
    }

    /// Attributes as far as they are some.
    pub(super) fn attributes(self, list: Value<'_>) -> Attributes {
        match list.shape() {
            Shape::Object => {
                list.items().filter_map(|member| Some((member.name()?.into_owned(), self.plain(member)))).collect()
            }
            Shape::Array => list.items().filter_map(|pair| self.pair(pair)).collect(),
            _ => {
                self.note("its attributes are neither a list nor an object");
                Vec::new()
            }
        }
    }

    /// `{key, value}` as in OTLP, or `{key, type, value}` as in Jaeger.
    fn pair(self, pair: Value<'_>) -> Option<(String, Any)> {
        let key = pair.get("key").or_else(|| pair.get("name"));
        // Encoders leave out what is empty.
        let name = match key {
            None if pair.shape() == Shape::Object => Some(String::new()),
            key => key.and_then(Value::text).map(|key| key.into_owned()),
        };
        if name.is_none() {
            self.note("one of its attributes has no key");
        }
        Some((name?, pair.get("value").map_or(Any::Null, |value| self.any(value))))
    }

    /// A value as OTLP wraps it; a plain one as it is.
    pub(super) fn any(self, value: Value<'_>) -> Any {
        if value.shape() != Shape::Object {
            return self.plain(value);
        }
        let Some(inner) = value.items().next() else { return Any::Null };
        match &*inner.name().unwrap_or_default() {
            "stringValue" | "string_value" | "bytesValue" | "bytes_value" | "boolValue" | "bool_value" => {
                self.plain(inner)
            }
            "intValue" | "int_value" => match inner.integer() {
                Some(number) => Any::Number(number.to_string()),
                None => self.plain(inner),
            },
            "doubleValue" | "double_value" => inner.number().map_or_else(|| self.plain(inner), Any::of_double),
            "arrayValue" | "array_value" => {
                let values = inner.get("values").into_iter().flat_map(Value::items);
                Any::List(values.map(|value| self.any(value)).collect())
            }
            "kvlistValue" | "kvlist_value" => {
                let values = inner.get("values").into_iter().flat_map(Value::items);
                Any::Map(values.filter_map(|pair| self.pair(pair)).collect())
            }
            _ => self.plain(value),
        }
    }

    pub(super) fn plain(self, value: Value<'_>) -> Any {
        match value.shape() {
            Shape::Null => Any::Null,
            Shape::Bool => Any::Bool(value.bool() == Some(true)),
            Shape::Number => Any::Number(String::from_utf8_lossy(self.written(value)).into_owned()),
            Shape::String => Any::Text(decode_string(self.written(value)).into_owned()),
            Shape::Array => Any::List(value.items().map(|item| self.plain(item)).collect()),
            Shape::Object => {
                let members = value.items().filter_map(|item| Some((item.name()?.into_owned(), self.plain(item))));
                Any::Map(members.collect())
            }
        }
    }

    pub(super) fn written(&self, value: Value<'_>) -> &[u8] {
        let range = value.range();
        self.bytes.get(range.start as usize..range.end as usize).unwrap_or_default()
    }
}
