//! Rows become events: one file a table, and here what all tables share.

mod audit;
mod ledger;
mod line;
mod model;
mod said;
mod task;
mod todo;
mod tool;
mod trace;
mod usage;

use sha2::{Digest, Sha256};

use crate::domain::telling;
use crate::domain::{Event, Key, KeyKind, Kind, Order, Role, Shape, Timestamp, Value, excerpt, flag};

pub use line::is_person;

use super::ids;
use super::payload::{Bytes, Payloads, Side};
use super::row::{Row, Table, scalar, shown};

/// What a row is read with.
pub struct Context<'a> {
    /// The session that the rows belong to.
    pub session: &'a str,
    /// Stands in for the time of a row that has none.
    pub time: Option<Timestamp>,
    pub payloads: &'a dyn Payloads,
}

/// An event made of a row, on its way to the store.
#[derive(Debug)]
pub struct Made {
    pub event: Event,
    pub bodies: Vec<(Role, Bytes)>,
    /// The blobs that belong to it.
    pub blobs: Vec<String>,
}

/// Reads one row of a table. Whatever its columns hold, it is an event.
pub fn read(table: Table, row: Row<'_>, context: &Context<'_>) -> Made {
    let mut made = match table {
        Table::Transcript => line::read(row, context),
        Table::Task => task::read(row, context),
        Table::Trace => trace::read(row, context),
        Table::Model => model::read(row, context),
        Table::Tool => tool::read(row, context),
        Table::Ledger => ledger::read(row, context),
        Table::Todo => todo::read(row, context),
        Table::Audit => audit::read(row, context),
    };
    keep_columns(row, &mut made.event);
    made
}

/// What stands in a field, a key or a body; every other scalar column becomes an attribute.
const IN_FIELDS: &[&str] = &[
    "event_id",
    "sequence",
    "session_id",
    "room",
    "room_name",
    "trace_id",
    "request_id",
    "intent_id",
    "task_id",
    "tool_call_id",
    "provider_request_id",
    "created_at",
    "latency_ms",
    "source",
    "event_type",
    "status",
    "provider",
    "model",
    "error",
    "tool_name",
    "participant_id",
    "text",
    "system_prompt",
    "span_id",
    "tools",
    "usage",
    "input_plain",
    "output_plain",
];

fn keep_columns(row: Row<'_>, event: &mut Event) {
    let known = event.attributes.len();
    for column in row.value.items() {
        let Some(name) = column.name() else { continue };
        let in_body = column.shape() == Shape::Object;
        if column.is_null() || in_body || IN_FIELDS.contains(&&*name) {
            continue;
        }
        if event.attributes[..known].iter().any(|(known, _)| *known == *name) {
            continue;
        }
        let value = match column.shape() {
            Shape::Array => shown(column, LONGEST_ATTRIBUTE),
            _ => scalar(column).map_or_else(String::new, |text| excerpt(&text, LONGEST_ATTRIBUTE)),
        };
        let is_own_id = name == "id" && value == event.id;
        if !value.is_empty() && !is_own_id {
            event.attributes.push((name.into_owned(), value));
        }
    }
}

const LONGEST_ATTRIBUTE: usize = 500;
const LONGEST_ERROR: usize = 500;

/// The event of a row with what all tables have: id, time, place, keys.
fn base(table: Table, kind: Kind, source: &str, event_type: &str, row: Row<'_>, context: &Context<'_>) -> Event {
    let mut event = Event::new(kind, source, event_type);
    event.session = context.session.to_owned();
    event.id = row.text("event_id").or_else(|| row.text("id")).unwrap_or_default();
    event.status = row.text("status");
    event.error = row.text("error").map(|error| excerpt(&error, LONGEST_ERROR));
    event.at = row.time("created_at");
    telling::note_time(&mut event, row.get("created_at"));
    place(&mut event, table, row, context);
    for (kind, column) in NATIVE {
        event.keys.extend(row.text(column).map(|value| Key::native(*kind, value)));
    }
    let request = row.text("request_id");
    if let Some(parent) = request.as_deref().and_then(ids::parent_request) {
        ids::add_key(&mut event.keys, Key::derived(KeyKind::Request, parent, "present.request_parent"));
    }
    event
}

/// Which columns are keys.
pub const NATIVE: &[(KeyKind, &str)] = &[
    (KeyKind::Session, "session_id"),
    (KeyKind::Room, "room"),
    (KeyKind::Room, "room_name"),
    (KeyKind::Trace, "trace_id"),
    (KeyKind::Request, "request_id"),
    (KeyKind::Intent, "intent_id"),
    (KeyKind::ToolCall, "tool_call_id"),
    (KeyKind::Span, "span_id"),
    (KeyKind::ProviderRequest, "provider_request_id"),
];

/// Where an event stands: counters are compared only among rows of one emitter.
fn place(event: &mut Event, table: Table, row: Row<'_>, context: &Context<'_>) {
    let time = event.at.or(context.time);
    if event.at.is_none() {
        event.flags |= flag::INFERRED_TIME;
    }
    let origin = match table {
        Table::Transcript | Table::Task | Table::Trace | Table::Ledger | Table::Todo | Table::Audit => table as i64 + 1,
        Table::Model | Table::Tool => emitter(&event.source, row.text("session_id").as_deref()),
    };
    let sequence = row.integer("sequence").unwrap_or(0);
    event.order = Order { time: time.unwrap_or_default(), origin, sequence };
}

/// A number for an emitter. What hears and speaks for one voice job shares its counter.
fn emitter(source: &str, session: Option<&str>) -> i64 {
    let family = match source {
        "transcription_agent" | "voice_transcript" => "voice_agent",
        other => other,
    };
    let hash = Sha256::digest(format!("{family}\n{}", session.unwrap_or_default()));
    let number = i64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], 0, 0]);
    // Tables have the numbers below.
    number + 16
}

/// Statuses that say that something went wrong, in small letters; browsers write theirs in capitals.
const FAILED: &[&str] = &[
    "error",
    "failed",
    "failure",
    "rejected",
    "timeout",
    "ignored",
    "unauthorized",
    "invalid",
    "retrying",
    "ack_timeout",
    "ack_timeout_retry",
    "schema_invalid",
    "fallback_error",
    "queue_error",
    "queue_trace_integrity_error",
];

fn is_failure(status: Option<&str>) -> bool {
    status.is_some_and(|status| FAILED.contains(&status.to_ascii_lowercase().as_str()))
}

/// Milliseconds as the tables have them, else from when it began until it ended.
fn latency(row: Row<'_>) -> Option<i64> {
    let told = row.integer("latency_ms").filter(|latency| *latency >= 0);
    let told = told.and_then(|latency| latency.checked_mul(1000));
    let took = || row.time("ended_at")?.0.checked_sub(row.time("started_at")?.0).filter(|took| *took >= 0);
    told.or_else(took)
}

/// The worker's task is a key; only its own emitters fill the column.
fn task_key(row: Row<'_>, event: &mut Event) {
    event.keys.extend(row.text("task_id").map(|task| Key::native(KeyKind::Task, task)));
}

/// The parents that a follow-up names.
fn follow_up(event: &mut Event, at: Option<Value<'_>>) {
    let Some(follow) = at.and_then(|value| value.get("followup")) else { return };
    if let Some(request) = follow.get("parentRequestId").and_then(scalar) {
        ids::add_key(&mut event.keys, Key::derived(KeyKind::Request, request, "present.followup_parent"));
    }
    if let Some(run) = follow.get("parentSessionId").and_then(scalar) {
        let run = run.strip_prefix(ids::RUN).unwrap_or(&run).to_owned();
        ids::add_run(&mut event.keys, &run, "present.followup_run");
    }
}

/// Reads what went in and what came out, and hangs the best copies on.
fn sides<'a>(row: Row<'a>, context: &Context<'_>, made: &mut Made) -> [Side<'a>; 2] {
    let sides = [(Role::Input, "input"), (Role::Output, "output")].map(|(role, kind)| {
        let side = super::payload::side(row, kind, context.payloads, &mut made.event);
        made.bodies.extend(side.body.clone().map(|body| (role, body)));
        made.blobs.extend(side.blob.clone());
        side
    });
    metadata(row, made);
    sides
}

fn metadata(row: Row<'_>, made: &mut Made) {
    body(row, "metadata", Role::Metadata, made);
    super::payload::mark_cut_column(row, "metadata", &mut made.event);
    let metadata = row.inner("metadata");
    follow_up(&mut made.event, metadata.as_ref().map(super::row::View::root));
}

/// A column as a body, byte for byte.
fn body(row: Row<'_>, column: &str, role: Role, made: &mut Made) {
    made.bodies.extend(row.get(column).map(|value| (role, Bytes::Range(value.range()))));
}

fn made(event: Event) -> Made {
    Made { event, bodies: Vec::new(), blobs: Vec::new() }
}

/// What a list shows where nothing better is known: the type and the status.
fn plain_label(event: &Event) -> String {
    telling::label(&format!("{} {}", event.event_type, event.status.as_deref().unwrap_or_default()))
}
