//! Times as exporters write them: counted in some unit, in two parts, or as dates.

use super::spell::first;
use crate::domain::{Shape, Timestamp, Value};
use crate::import::otel::item::Nanos;

/// A time as nanoseconds: counted in the unit that its name says or its size tells, as a pair, or as a date.
pub fn nanos(name: &str, value: Value<'_>) -> Option<Nanos> {
    match value.shape() {
        Shape::Array => {
            let mut parts = value.items().map(|part| part.integer().map(Nanos::from));
            let (seconds, nanos) = (parts.next()??, parts.next()??);
            Some(seconds * 1_000_000_000 + nanos)
        }
        Shape::Object => {
            let seconds = first(value, &["seconds", "secs"])?.integer()?;
            let nanos = first(value, &["nanos", "nanoseconds"]).and_then(Value::integer).unwrap_or(0);
            Some(Nanos::from(seconds) * 1_000_000_000 + Nanos::from(nanos))
        }
        Shape::String | Shape::Number => counted(name, value),
        Shape::Bool | Shape::Null => None,
    }
}

fn counted(name: &str, value: Value<'_>) -> Option<Nanos> {
    let text = value.text().unwrap_or_else(|| String::from_utf8_lossy(value.kept()));
    let text = text.trim();
    let is_nanos = name.to_ascii_lowercase().ends_with("nano");
    if let Ok(count) = text.parse::<Nanos>() {
        return Some(match count.unsigned_abs() {
            _ if is_nanos => count,
            0..100_000_000_000 => count * 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => count * 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => count * 1000,
            _ => count,
        });
    }
    if let Some(at) = Timestamp::parse(&text.replacen(' ', "T", 1)) {
        return Some(Nanos::from(at.0) * 1000);
    }
    let count: f64 = text.parse().ok()?;
    // A fraction is one of seconds, or of what its size tells.
    let scale = match count.abs() {
        _ if is_nanos => 1.0,
        ..1e11 => 1e9,
        1e11..1e14 => 1e6,
        1e14..1e17 => 1e3,
        _ => 1.0,
    };
    (count.abs() < 1e19).then_some((count * scale) as Nanos)
}
