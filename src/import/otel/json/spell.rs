//! How exporters spell the members of spans and log records: one list of names for each, the surest first.

use crate::domain::{Shape, Value};

pub const TRACE: &[&str] = &["traceId", "trace_id", "traceID"];
pub const SPAN: &[&str] = &["spanId", "span_id", "spanID"];
/// Objects in which a span keeps its own ids, and those of its parent.
pub const CONTEXT: &[&str] = &["context", "spanContext", "span_context"];
pub const PARENT: &[&str] = &["parentSpanId", "parent_span_id", "parentSpanID", "parentId", "parent_id"];
pub const PARENT_CONTEXT: &[&str] = &["parentSpanContext", "parent_span_context", "parent"];
pub const NAME: &[&str] = &["name", "operationName", "spanName", "span_name"];
pub const START: &[&str] = &["startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time"];
pub const END: &[&str] = &["endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time"];
pub const LOGGED: &[&str] = &[
    "timeUnixNano",
    "time_unix_nano",
    "timestamp",
    "time",
    "observedTimeUnixNano",
    "observed_time_unix_nano",
    "observedTimestamp",
    "observed_timestamp",
];
pub const ATTRIBUTES: &[&str] = &["attributes", "tags"];
pub const EVENTS: &[&str] = &["events", "span_events", "spanEvents", "logs"];
pub const EVENT_TIME: &[&str] = &["timeUnixNano", "time_unix_nano", "timestamp", "time"];
pub const EVENT_ATTRIBUTES: &[&str] = &["attributes", "fields"];
pub const SCOPE: &[&str] =
    &["scope", "instrumentationScope", "instrumentation_scope", "instrumentationLibrary", "instrumentation_library"];
pub const SEVERITY: &[&str] = &["severityText", "severity_text", "severityNumber", "severity_number"];
pub const DROPPED: [&[&str]; 3] = [
    &["droppedAttributesCount", "dropped_attributes_count", "dropped_attributes"],
    &["droppedEventsCount", "dropped_events_count"],
    &["droppedLinksCount", "dropped_links_count"],
];
/// Begins of attributes that only a span of a model or tool has, for lists of attributes without a span around them.
pub const TELLING: &[&str] = &["gen_ai.", "openinference.", "llm.", "ai.operationId"];

/// The first of these members that is there and not null.
pub fn first<'a>(value: Value<'a>, names: &[&str]) -> Option<Value<'a>> {
    names.iter().find_map(|name| value.get(name).filter(|value| !value.is_null()))
}

/// Whether a value is a span or a log record in any encoding.
pub fn is_item(value: Value<'_>) -> bool {
    if value.shape() != Shape::Object {
        return false;
    }
    let has = |names: &[&str]| first(value, names).is_some();
    let is_pair = |list: Value<'_>| list.items().next().is_none_or(|pair| pair.get("key").is_some());
    let is_listed = first(value, ATTRIBUTES).is_some_and(|list| match list.shape() {
        Shape::Object => value.get("attributes").is_some(),
        Shape::Array => is_pair(list),
        _ => false,
    });
    let is_named = first(value, NAME).is_some_and(|name| name.shape() == Shape::String);
    let has_context =
        first(value, CONTEXT).is_some_and(|context| first(context, TRACE).is_some() || first(context, SPAN).is_some());
    let is_timed = has(START) || has(&["kind", "status", "flags"]) || value.get("scopeName").is_some();
    let is_logged = has(SEVERITY) && value.get("body").is_some();
    (is_named && has_context)
        || (is_named && first(value, SPAN).is_some() && (is_listed || is_timed))
        || (is_named && is_listed && is_timed)
        || is_logged
        || is_list_of_attributes(value)
}

/// Whether a value is a request with metrics.
pub fn holds_metrics(request: Value<'_>) -> bool {
    first(request, &["resourceMetrics", "resource_metrics"]).is_some()
}

/// Attributes without a span around them.
pub fn is_list_of_attributes(value: Value<'_>) -> bool {
    let telling = |name: &str| TELLING.iter().any(|begin| name.starts_with(begin));
    first(value, ATTRIBUTES).is_none() && value.items().any(|member| member.name().is_some_and(|name| telling(&name)))
}
