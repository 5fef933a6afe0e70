//! Tool rows: calls, publications and results, as the voice agent, the worker, routers, stewards and the runner write them.

use super::{Context, LONGEST_ERROR, Made, base, is_failure, latency, made, sides, task_key};
use crate::domain::present::payload::Content;
use crate::domain::present::row::{Row, Table, first_of};
use crate::domain::present::{ids, provider};
use crate::domain::telling;
use crate::domain::{Event, Key, KeyKind, Kind, Phase, Value, excerpt, flag};

const WORKER: &str = "conductor_worker";
const VOICE: &str = "voice_agent";
/// The one task for which the original writes how it was routed.
const DISPATCH: &str = "conductor.dispatch";

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let source = row.text("source").unwrap_or_else(|| "tool".to_owned());
    let event_type = row.text("event_type").unwrap_or_else(|| "tool_event".to_owned());
    let mut event = base(Table::Tool, Kind::Tool, &source, &event_type, row, context);
    event.tool = row.text("tool_name");
    task_key(row, &mut event);
    event.latency = latency(row);
    if event.error.is_some() || is_failure(event.status.as_deref()) {
        event.flags |= flag::ERROR;
    }
    provider::attribute(&mut event, row, None, None);
    stand(row, &mut event);
    if let Some(run) = row.text("tool_call_id").as_deref().and_then(ids::run_of_envelope) {
        ids::add_run(&mut event.keys, run, "present.run_id");
    }
    if event.source == VOICE {
        find_each_other(&mut event);
    }
    let mut made = made(event);
    let [input, output] = sides(row, context, &mut made);
    let values = [&input, &output].map(|side| side.content.as_ref().map(Content::value));
    let event = &mut made.event;
    if event.source == "agent_telemetry_api" {
        from_payload(event, values[0]);
    }
    if event.has(flag::ERROR) && event.error.is_none() {
        let told = values[1].and_then(|output| first_of(output, &[&["error"], &["message"], &["error", "message"]]));
        event.error = told.map(|error| excerpt(&error, LONGEST_ERROR));
    }
    event.label = label(event, values);
    made
}

/// A browser may answer without the call's id, and a decision names only the tool: keys by which they are found.
fn find_each_other(event: &mut Event) {
    match event.event_type.as_str() {
        "tool_result" | "tool_error" => {
            let looking = [KeyKind::Request, KeyKind::Trace, KeyKind::Intent];
            let keys: Vec<Key> = looking
                .into_iter()
                .flat_map(|kind| event.values(kind).map(move |value| (kind, value.to_owned())).collect::<Vec<_>>())
                .map(|(kind, value)| Key::derived(kind, value, "present.result_of"))
                .collect();
            keys.into_iter().for_each(|key| ids::add_key(&mut event.keys, key));
        }
        "tool_call_created" => {
            if let Some(tool) = event.tool.clone() {
                ids::add_voice_tool(event, &tool, "present.tool_called");
            }
        }
        _ => {}
    }
}

/// The turn and the part that the row plays in it.
fn stand(row: Row<'_>, event: &mut Event) {
    let Some(call) = row.text("tool_call_id") else { return };
    event.phase = phase(event);
    event.turn = match (event.source.as_str(), event.phase) {
        // Rows that are whole by themselves share ids with others: a request, an intent.
        (_, Phase::Whole) => None,
        (WORKER, _) => {
            let task = row.text("task_id").unwrap_or(call);
            let attempt = row.integer("sequence").unwrap_or(0);
            event.attributes.push(("attempt".to_owned(), attempt.to_string()));
            Some(format!("tool:{task}#{attempt}"))
        }
        (source, _) => Some(format!("tool:{source}:{call}")),
    };
}

/// Calls are answered by outcomes; a row for which the original never writes the other half is whole.
fn phase(event: &Event) -> Phase {
    let status = event.status.as_deref().unwrap_or_default();
    match (event.event_type.as_str(), status) {
        ("tool_call_created", _) => Phase::Call,
        ("tool_call_buffered" | "tool_call_publish_deferred" | "tool_call_published", _) => Phase::Part,
        ("tool_call_publish_error" | "tool_call_deduped", _) => Phase::Result,
        ("tool_error", _) => Phase::Result,
        // The first deadline is followed by another try.
        ("tool_result", "ack_timeout") => Phase::Part,
        ("tool_result", _) => Phase::Result,
        ("tool_call", "queued" | "requested" | "received" | "started" | "running") => Phase::Call,
        ("tool_call", "completed" | "succeeded" | "error" | "failed" | "timeout") => Phase::Result,
        ("task_execute", "running") => Phase::Call,
        ("task_execute", _) => Phase::Result,
        ("task_dispatch", "received") if event.tool.as_deref() == Some(DISPATCH) => Phase::Call,
        ("task_dispatch", "routed") => Phase::Result,
        _ => Phase::Whole,
    }
}

/// What a client reported has no columns for its ids; those of its payload are taken, and said to be.
fn from_payload(event: &mut Event, payload: Option<Value<'_>>) {
    let Some(payload) = payload else { return };
    for (kind, path) in [
        (KeyKind::Request, "requestId"),
        (KeyKind::Trace, "traceId"),
        (KeyKind::Intent, "intentId"),
        (KeyKind::Room, "room"),
    ] {
        let value = first_of(payload, &[&[path]]).filter(|_| event.values(kind).next().is_none());
        event.keys.extend(value.map(|value| Key::derived(kind, value, "present.client_payload")));
    }
}

fn label(event: &Event, [input, output]: [Option<Value<'_>>; 2]) -> String {
    let tool = event.tool.as_deref().unwrap_or("unknown tool");
    let status = event.status.as_deref().unwrap_or_default();
    if event.phase == Phase::Call {
        return telling::call_label(tool, input);
    }
    let told = event.error.clone().or_else(|| output.and_then(telling::argument));
    let told = told.or_else(|| input.and_then(telling::argument));
    let words = [tool, status, told.as_deref().unwrap_or_default()];
    telling::label(&words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}
