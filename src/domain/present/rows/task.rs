//! Queue tasks: one row each that is changed in place, so that every state is a revision of one event.

use super::{Context, Made, base, body, follow_up, made};
use crate::domain::present::row::{Row, Table, View, first_of};
use crate::domain::present::{ids, provider};
use crate::domain::telling;
use crate::domain::{Event, Key, KeyKind, Kind, Role, Value, flag};

/// Characters of a task's id that status lines show.
const PREFIX: usize = 8;

/// Where params carry an id that has no column, in the order in which the original looks.
const REQUEST: &[&[&str]] = &[&["requestId"], &["id"], &["intentId"], &["executionId"], &["idempotencyKey"]];
const TRACE: &[&[&str]] = &[
    &["traceId"],
    &["trace_id"],
    &["metadata", "traceId"],
    &["metadata", "trace_id"],
    &["metadata", "_trace", "traceId"],
    &["_trace", "traceId"],
    &["_trace", "id"],
];
const INTENT: &[&[&str]] = &[&["intentId"], &["intent"]];
const LATER_INTENT: &[&[&str]] =
    &[&["metadata", "intentId"], &["metadata", "intent_id"], &["metadata", "_trace", "intentId"]];

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let task = row.text("task").unwrap_or_else(|| "task".to_owned());
    let mut event = base(Table::Task, Kind::Task, Table::Task.name(), &task, row, context);
    event.id = row.text("id").unwrap_or(event.id);
    // Of several states of one task the later one stands behind.
    event.order.sequence = row.time("updated_at").map_or(0, |updated| updated.0);
    if let Some(id) = row.text("id") {
        let prefix: String = id.chars().take(PREFIX).collect();
        event.keys.push(Key::native(KeyKind::Task, id));
        event.keys.push(Key::derived(KeyKind::Task, prefix, "present.task_prefix"));
    }
    if event.status.as_deref() == Some("failed") {
        event.flags |= flag::ERROR;
    }
    let (params, result) = (row.inner("params"), row.inner("result"));
    let (params, result) = (params.as_ref().map(View::root), result.as_ref().map(View::root));
    derive_keys(row, &task, params, &mut event);
    follow_up(&mut event, params);
    follow_up(&mut event, params.and_then(|params| params.get("metadata")));
    provider::attribute(&mut event, row, params, result);
    for name in ["provider_source", "provider_path"] {
        let found = params.and_then(|params| first_of(params, &[&[name]])).filter(|_| row.get(name).is_none());
        event.attributes.extend(found.map(|value| (name.to_owned(), value)));
    }
    event.label = label(&task, &event, row.integer("attempt").unwrap_or(0), params);
    let mut made = made(event);
    body(row, "params", Role::Input, &mut made);
    body(row, "result", Role::Output, &mut made);
    made
}

/// Keys that the original puts into the params: derived in its order where the row has no column for them.
fn derive_keys(row: Row<'_>, task: &str, params: Option<Value<'_>>, event: &mut Event) {
    let find = |paths| params.and_then(|params| first_of(params, paths));
    let request = row.text("request_id").or_else(|| find(REQUEST));
    let intent = find(INTENT).or_else(|| find(&[&["id"]]).filter(|_| task == "fairy.intent"));
    let intent = intent.or_else(|| find(LATER_INTENT)).or_else(|| request.clone());
    let trace = find(TRACE).or_else(|| request.clone());
    for (kind, column, value, rule) in [
        (KeyKind::Trace, "trace_id", trace, "present.params_trace"),
        (KeyKind::Request, "request_id", request, "present.params_request"),
        (KeyKind::Intent, "intent_id", intent, "present.params_intent"),
    ] {
        if row.text(column).is_none() {
            event.keys.extend(value.map(|value| Key::derived(kind, ids::cut(&value), rule)));
        }
    }
}

fn label(task: &str, event: &Event, attempt: i64, params: Option<Value<'_>>) -> String {
    let status = event.status.as_deref().unwrap_or("without status");
    let again = if attempt > 0 { format!(", attempt {}", attempt + 1) } else { String::new() };
    let asked = params.and_then(|params| first_of(params, &[&["message"], &["topic"], &["text"], &["summary"]]));
    let asked = asked.map_or_else(String::new, |asked| format!(": {asked}"));
    telling::label(&format!("{task} {status}{again}{asked}"))
}
