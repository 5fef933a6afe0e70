//! Trace events: the steps that a request went through, from arrival to completion.

use super::{Context, LONGEST_ERROR, Made, base, body, follow_up, is_failure, latency, made, task_key};
use crate::domain::present::row::{Row, Table, View, scalar};
use crate::domain::present::{ids, provider};
use crate::domain::telling;
use crate::domain::{Kind, Role, Value, excerpt, flag};

/// The stages in the order in which a request goes through them; it decides among equal times.
const STAGES: &[&str] = &[
    "api_received",
    "deduped",
    "queued",
    "claimed",
    "executing",
    "routed",
    "actions_dispatched",
    "ack_received",
    "fallback",
    "failed",
    "canceled",
    "completed",
];

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let stage = row.text("stage").or_else(|| row.text("event_type")).unwrap_or_else(|| "trace".to_owned());
    let mut event = base(Table::Trace, Kind::Trace, Table::Trace.name(), &stage, row, context);
    let rank = STAGES.iter().position(|known| *known == stage).unwrap_or(STAGES.len());
    event.order.sequence = rank as i64;
    task_key(row, &mut event);
    event.latency = latency(row);
    let payload = row.inner("payload");
    let payload = payload.as_ref().map(View::root);
    if stage == "failed" || is_failure(event.status.as_deref()) {
        event.flags |= flag::ERROR;
        event.error = event.error.take().or_else(|| payload.and_then(reason));
    }
    provider::attribute(&mut event, row, None, payload);
    follow_up(&mut event, payload.and_then(|payload| payload.get("metadata")).or(payload));
    let run = payload.and_then(|payload| payload.get("sessionId")).and_then(scalar);
    if let Some(run) = run.filter(|run| ids::is_run(run)) {
        ids::add_run(&mut event.keys, &run, "present.run_id");
    }
    event.label = label(row, &stage, event.error.as_deref());
    let mut made = made(event);
    body(row, "payload", Role::Output, &mut made);
    made
}

fn label(row: Row<'_>, stage: &str, error: Option<&str>) -> String {
    let task = row.text("task").unwrap_or_default();
    let words = [task.as_str(), stage, error.unwrap_or_default()];
    telling::label(&words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// Why it failed, as the payload has it: a text, or a text inside.
fn reason(payload: Value<'_>) -> Option<String> {
    const NAMES: [&str; 4] = ["error", "reason", "message", "detail"];
    let found = NAMES.iter().find_map(|name| {
        let value = payload.get(name)?;
        scalar(value).or_else(|| NAMES.iter().find_map(|inner| scalar(value.get(inner)?)))
    })?;
    Some(excerpt(&found, LONGEST_ERROR))
}
