//! A row of a table of the original, read leniently: columns may be missing, or be of another type.

use std::borrow::Cow;

use crate::domain::telling;
use crate::domain::{Outline, Shape, Timestamp, Value, excerpt};

/// The tables whose rows are events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    Transcript,
    Task,
    Trace,
    Model,
    Tool,
    Ledger,
    Todo,
    Audit,
}

impl Table {
    pub const ALL: [Self; 8] =
        [Self::Transcript, Self::Task, Self::Trace, Self::Model, Self::Tool, Self::Ledger, Self::Todo, Self::Audit];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transcript => "canvas_session_transcripts",
            Self::Task => "agent_tasks",
            Self::Trace => "agent_trace_events",
            Self::Model => "agent_model_io",
            Self::Tool => "agent_tool_io",
            Self::Ledger => "fairy_orchestration_ledger",
            Self::Todo => "canvas_agent_todos",
            Self::Audit => "agent_ops_audit_log",
        }
    }
}

/// The columns of numbers, in whatever table, with spaces between.
pub const NUMBERS: &str = "sequence attempt latency_ms priority size_bytes position ts";

/// One row: a JSON object.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub value: Value<'a>,
}

impl<'a> Row<'a> {
    /// A column that is there and not null.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A text column, trimmed; numbers and truth values as text. Blank is absent.
    pub fn text(self, name: &str) -> Option<String> {
        scalar(self.get(name)?)
    }

    /// A whole number, also one written as text.
    pub fn integer(self, name: &str) -> Option<i64> {
        self.get(name)?.integer()
    }

    /// A truth value, also one written as text or number.
    pub fn is(self, name: &str) -> bool {
        self.text(name).is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "1"))
    }

    /// A time with or without a zone, or counted since 1970.
    pub fn time(self, name: &str) -> Option<Timestamp> {
        let value = self.get(name)?;
        telling::time(value).or_else(|| short_zone(&value.text()?))
    }

    /// An object or a list, also one written as JSON text.
    pub fn inner(self, name: &str) -> Option<View<'a>> {
        Some(View::of(self.get(name)?))
    }
}

/// A scalar as trimmed text.
pub fn scalar(value: Value<'_>) -> Option<String> {
    let text = match value.shape() {
        Shape::String => value.text()?,
        Shape::Number | Shape::Bool => String::from_utf8_lossy(value.kept()),
        _ => return None,
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A time as the database prints it without a format: `2026-03-02 10:00:00.5+00`.
fn short_zone(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (moment, zone) = text.split_at(text.rfind(['+', '-']).filter(|at| *at > 10)?);
    let hours = zone.len() == 3 && zone[1..].bytes().all(|byte| byte.is_ascii_digit());
    Timestamp::parse(&format!("{moment}{zone}:00")).filter(|_| hours)
}

/// A value that lies in the row, or in a text of the row.
#[derive(Debug)]
pub enum View<'a> {
    In(Value<'a>),
    Text(Outline),
}

impl<'a> View<'a> {
    pub fn of(value: Value<'a>) -> Self {
        let text = value.text().filter(|text| text.trim_start().starts_with(['{', '[']) && value.is_whole());
        match text.and_then(|text| Outline::of(text.as_bytes()).ok()) {
            Some(outline) => Self::Text(outline),
            None => Self::In(value),
        }
    }

    pub fn root(&self) -> Value<'_> {
        match self {
            Self::In(value) => *value,
            Self::Text(outline) => outline.root(),
        }
    }
}

/// The first texts of these paths that are there.
pub fn first_of(value: Value<'_>, paths: &[&[&str]]) -> Option<String> {
    paths.iter().find_map(|path| scalar(value.at(path)?))
}

/// The beginning of a value as it was written, on one line.
pub fn shown(value: Value<'_>, most: usize) -> String {
    match scalar(value) {
        Some(text) => excerpt(&text, most),
        None => excerpt(&written(value), most),
    }
}

/// Objects and lists, written again without white space; what a long record did not keep is left out.
fn written(value: Value<'_>) -> Cow<'static, str> {
    let items = |open: char, close: char| {
        let parts: Vec<String> = value
            .items()
            .take(20)
            .map(|item| {
                let inner = written(item);
                item.name().map_or_else(|| inner.to_string(), |name| format!("{name}: {inner}"))
            })
            .collect();
        format!("{open}{}{close}", parts.join(", "))
    };
    match value.shape() {
        Shape::Object => items('{', '}').into(),
        Shape::Array => items('[', ']').into(),
        Shape::String => value.text().map_or_else(String::new, Cow::into_owned).into(),
        _ => String::from_utf8_lossy(value.kept()).into_owned().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_other_types_are_read_for_what_they_say() {
        let json = r#"{"a":" x ","b":7,"c":"7","d":"true","e":" ","f":null,"g":"{\"k\":[1]}",
            "h":"2026-03-02 10:00:00.5+00","i":"2026-03-02T10:00:00","j":1772445600000,"k":"2026-03-02T11:00:00.000001+01:00"}"#;
        let outline = Outline::of(json.as_bytes()).expect("valid");
        let row = Row { value: outline.root() };
        assert_eq!((row.text("a").as_deref(), row.text("b").as_deref()), (Some("x"), Some("7")));
        assert_eq!((row.integer("b"), row.integer("c"), row.is("d")), (Some(7), Some(7), true));
        assert_eq!((row.text("e"), row.text("f"), row.text("absent")), (None, None, None));
        assert_eq!(row.inner("g").map(|view| view.root().at(&["k"]).map(Value::len)), Some(Some(1)));
        let times = ["h", "i", "j", "k"].map(|name| row.time(name).map(|time| time.0));
        let start = 1_772_445_600_000_000;
        assert_eq!(times, [Some(start + 500_000), Some(start), Some(start), Some(start + 1)]);
    }
}
