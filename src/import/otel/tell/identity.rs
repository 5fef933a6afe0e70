//! Whose an element is: its id, its session, and the keys that tie it to others.

use super::body;
use crate::domain::{Event, Key, KeyKind, OF_SPAN, told};
use crate::import::otel::any::Any;
use crate::import::otel::dialect::{Becomes, KEYS, METADATA, METADATA_KEYS, Route, SESSION};
use crate::import::otel::item::{Item, Signal};
use crate::import::otel::json;

/// The rule by which the session of an element is that of its trace.
const OF_TRACE: &str = "otel.trace";
/// The rule by which a span names the one that caused it.
const PARENT: &str = "otel.parent_span";

/// Which session an element belongs to.
#[derive(Debug)]
pub struct Owner {
    pub session: String,
    /// The element names it itself.
    pub is_native: bool,
    pub adopts: Option<(String, String)>,
}

/// The session that an element names, else that of its trace, else `fallback`.
///
/// A trace has a session only until some element of it names another one, whichever of them comes first.
pub fn owner(item: &Item, fallback: &str) -> Owner {
    let of_trace = item.trace.as_ref().map(|trace| crate::store::trace_session(trace));
    let named = SESSION.iter().find_map(|name| item.get_any(name).and_then(Any::word));
    match named.or_else(|| item.session.clone()) {
        Some(session) => {
            let adopts = of_trace.map(|of_trace| (of_trace, session.clone()));
            Owner { session, is_native: true, adopts }
        }
        None => Owner { session: of_trace.unwrap_or_else(|| fallback.to_owned()), is_native: false, adopts: None },
    }
}

/// The id of the event: empty where the element has none of its own.
pub fn event_id(item: &Item) -> String {
    match (item.signal, &item.trace, &item.span) {
        (Signal::Traces, Some(trace), Some(span)) => format!("{OF_SPAN}{trace}:{span}"),
        (Signal::Traces, None, Some(span)) => format!("{OF_SPAN}:{span}"),
        (Signal::Traces, _, None) => String::new(),
        (Signal::Logs, trace, span) => {
            let part = |id: &Option<String>| id.clone().unwrap_or_default();
            let time = item.start.unwrap_or(0);
            let hash = hex::encode(&item.content()[..4]);
            format!("otlplog:{}:{}:{}:{time}:{hash}", part(trace), part(span), item.name)
        }
    }
}

pub fn keys(item: &Item, route: &Route, owner: &Owner, event: &mut Event) {
    let session = owner.session.clone();
    event.keys.push(match owner.is_native {
        true => Key::native(KeyKind::Session, session),
        false => Key::derived(KeyKind::Session, session, OF_TRACE),
    });
    event.keys.extend(item.trace.iter().map(|trace| Key::native(KeyKind::Trace, trace)));
    event.keys.extend(item.span.iter().map(|span| Key::native(KeyKind::Span, span)));
    event.keys.extend(item.parent.iter().map(|parent| Key::derived(KeyKind::Span, parent, PARENT)));
    for (kind, names) in KEYS {
        let found = names.iter().find_map(|name| item.get_any(name).and_then(Any::word));
        event.keys.extend(found.map(|value| Key::native(*kind, value)));
    }
    for (name, value) in added(item) {
        let plain = name.replace(['_', '-', '.'], "").to_ascii_lowercase();
        let kinds = METADATA_KEYS.iter().filter(|(_, known)| *known == plain).map(|(kind, _)| *kind);
        event.keys.extend(kinds.filter_map(|kind| Some(Key::native(kind, value.word()?))));
    }
    event.keys.sort();
    event.keys.dedup();
    event.turn = turn(item, route, event);
}

/// What the sender's program added under names of its own.
fn added(item: &Item) -> Vec<(String, Any)> {
    let mut added = Vec::new();
    for (name, value) in &item.attributes {
        if let Some(inner) = METADATA.iter().find_map(|prefix| name.strip_prefix(prefix)) {
            added.push((inner.to_owned(), value.clone()));
        }
    }
    // OpenInference has one attribute with all of them, as JSON.
    let whole = item.get("metadata").and_then(|value| match value {
        Any::Text(text) => json::value_of(text.as_bytes()),
        other => Some(other.clone()),
    });
    if let Some(Any::Map(members)) = whole {
        added.extend(members);
    }
    added
}

/// The turn that an element is a part of: its span, together with the messages that came beside it.
fn turn(item: &Item, route: &Route, event: &Event) -> Option<String> {
    let trace = item.trace.as_deref().unwrap_or_default();
    match route.becomes {
        Becomes::Tool => {
            // Two instrumentations may each have a span for one call.
            let call = event.values(KeyKind::ToolCall).next();
            let of_call = call.map(|call| told::turn(trace, call));
            of_call.or_else(|| item.span.as_ref().map(|span| format!("span:{trace}:{span}")))
        }
        Becomes::Model | Becomes::Said | Becomes::Answer => {
            item.span.as_ref().map(|span| format!("span:{trace}:{span}"))
        }
        // What else a span is stands alone, but with what was told of it before it had ended.
        Becomes::Trace | Becomes::Task | Becomes::Other | Becomes::Prompt => {
            Some(event.id.clone()).filter(|_| item.signal == Signal::Traces && item.span.is_some())
        }
    }
}

/// The tool calls that a model's answer names.
pub fn named_calls(output: &[u8]) -> Vec<Key> {
    body::tool_calls(output).into_iter().map(|id| Key::native(KeyKind::ToolCall, id)).collect()
}
