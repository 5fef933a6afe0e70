//! Model rows: requests, outcomes and retries of model calls, and facts of a process such as its prompt.

use super::{
    Context, LONGEST_ERROR, Made, base, body, is_failure, latency, made, plain_label, said, sides, task_key, usage,
};
use crate::domain::present::payload::{Content, mark_cut_column};
use crate::domain::present::row::{Row, Table, View, first_of};
use crate::domain::present::{ids, provider};
use crate::domain::telling;
use crate::domain::{Event, Key, KeyKind, Kind, Phase, Role, Value, excerpt, flag};

/// Where a context keeps descriptions or schemas of tools.
const TOOLS: &[&[&str]] = &[&["tools"], &["toolCatalog"], &["toolSchema"], &["toolingSnapshot", "routeIntentSchema"]];

pub fn read(row: Row<'_>, context: &Context<'_>) -> Made {
    let source = row.text("source").unwrap_or_else(|| "model".to_owned());
    let event_type = row.text("event_type").unwrap_or_else(|| "model_event".to_owned());
    let mut event = base(Table::Model, Kind::Model, &source, &event_type, row, context);
    task_key(row, &mut event);
    event.latency = latency(row);
    if event.error.is_some() || is_failure(event.status.as_deref()) {
        event.flags |= flag::ERROR;
    }
    provider::attribute(&mut event, row, None, None);
    stand(row, &mut event);
    let mut made = made(event);
    let [input, output] = sides(row, context, &mut made);
    body(row, "system_prompt", Role::System, &mut made);
    context_priming(row, &mut made);
    let metadata = row.inner("metadata");
    let metadata = metadata.as_ref().map(View::root);
    let values = [&input, &output].map(|side| side.content.as_ref().map(Content::value));
    let event = &mut made.event;
    if event.event_type == "transcript_final" {
        heard(event, values[0]);
    }
    if let Some(output) = values[1] {
        said::add_named_calls(event, output);
        said::add_envelopes(event, output);
        if event.has(flag::ERROR) && event.error.is_none() {
            event.error = first_of(output, &[&["error"], &["message"]]).map(|error| excerpt(&error, LONGEST_ERROR));
        }
    }
    let reported = row.inner("usage");
    usage::set(event, reported.as_ref().map(View::root), output.content.as_ref(), metadata);
    tell(row, event, values);
    made
}

/// The turn and the part that the row plays in it.
fn stand(row: Row<'_>, event: &mut Event) {
    let sequence = row.integer("sequence").unwrap_or(0);
    let base = ids::event_base(&event.id, &event.event_type, event.status.as_deref(), sequence).map(str::to_owned);
    let is_call = matches!(event.event_type.as_str(), "model_call" | "model_call_followup");
    let is_retry = event.event_type.starts_with("model_retry");
    event.phase = match event.status.as_deref() {
        Some("started") if is_call => Phase::Call,
        Some("completed" | "error" | "failed" | "succeeded") if is_call => Phase::Result,
        Some("retrying") if base.is_some() && is_retry => Phase::Part,
        _ => Phase::Whole,
    };
    if let Some(base) = base {
        event.turn = (is_call || is_retry).then(|| format!("model:{base}"));
        event.keys.push(Key::derived(KeyKind::Message, base, "present.event_base"));
    }
}

/// The row that the recogniser wrote for a line: the same turn as the line of the transcript, if there is one.
fn heard(event: &mut Event, input: Option<Value<'_>>) {
    let line = event.values(KeyKind::Request).next().map(str::to_owned);
    event.turn = line.map(|line| format!("said:{line}"));
    event.flags |= flag::TWIN;
    event.participant =
        input.and_then(|input| first_of(input, &[&["participantName"], &["speaker"], &["participantId"]]));
}

fn context_priming(row: Row<'_>, made: &mut Made) {
    body(row, "context_priming", Role::Context, made);
    mark_cut_column(row, "context_priming", &mut made.event);
    if row.get("tools").is_some() {
        return body(row, "tools", Role::Tools, made);
    }
    // Only what lies in the row itself has bytes there.
    let Some(context) = row.get("context_priming") else { return };
    if let Some(tools) = TOOLS.iter().find_map(|path| context.at(path).filter(|tools| !tools.is_null())) {
        made.bodies.push((Role::Tools, super::Bytes::Range(tools.range())));
    }
}

fn tell(row: Row<'_>, event: &mut Event, [input, output]: [Option<Value<'_>>; 2]) {
    let (label, is_text) = said::label(event, input, output);
    event.label = label;
    if is_text {
        event.attributes.push(("says".to_owned(), "text".to_owned()));
    }
    let only_prompt = input.is_none() && output.is_none();
    if let Some(prompt) = row.get("system_prompt").filter(|_| only_prompt) {
        let size = prompt.text().map_or(0, |text| text.len() as i64);
        let size = telling::thousands(size);
        event.label = telling::label(&format!("{}: {size} bytes of instructions", plain_label(event)));
    }
}
