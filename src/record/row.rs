//! Items become rows as the original writes them, and rows become records: bytes and the events that they tell.

use std::ops::Range;

use serde::Serialize;
use serde_json::value::RawValue;

use super::Item;
use crate::domain::present::payload::{Blob, Bytes, Payloads};
use crate::domain::present::row::{Row, Table};
use crate::domain::present::rows::{self, Context};
use crate::domain::present::{AGENT, ids};
use crate::domain::{Event, Outline, Role, Session, Shape, Timestamp};
use crate::store::digest;

/// Longer rows are told apart by their bytes alone, as an importer does it.
const LOOKED_AT: usize = 1 << 20;

/// What is committed as a whole: the bytes as they came, and what they tell.
#[derive(Debug, Clone)]
pub struct Record {
    pub bytes: Vec<u8>,
    pub sessions: Vec<Session>,
    /// A hash of what makes it the same record when it comes again.
    pub content: [u8; 16],
    /// At least one event.
    pub events: Vec<Told>,
}

/// An event that a record tells. Its bodies lie in the record's bytes; all of them are the raw body unnamed.
#[derive(Debug, Clone)]
pub struct Told {
    pub event: Event,
    pub bodies: Vec<(Role, Range<u64>)>,
}

impl Record {
    /// The id of its first event.
    pub fn id(&self) -> &str {
        self.events.first().map_or("", |told| told.event.id.as_str())
    }
}

/// Nothing is stored apart from its row.
struct NoBlobs;

impl Payloads for NoBlobs {
    fn by_id(&self, _id: &str) -> Option<&Blob> {
        None
    }

    fn by_event(&self, _event_id: &str, _kind: &str) -> Option<&Blob> {
        None
    }

    fn outline(&self, _blob: &Blob) -> Option<Outline> {
        None
    }
}

/// The record of an item. `now` stands in for the time of an item that has none.
///
/// # Errors
/// Says what is wrong with an item of which no row can be made.
pub fn record(item: &Item, now: Timestamp) -> Result<Record, String> {
    let mut writer = Writer { bytes: vec![b'{'] };
    columns(item, &mut writer);
    let said = writer.bytes.len();
    stamps(item, now, &mut writer);
    let mut bytes = writer.bytes;
    bytes.push(b'}');
    let outline = Outline::of(&bytes).map_err(|fault| format!("it is no JSON: {fault}"))?;
    let session = session(item);
    let row = Row { value: outline.root() };
    let context = Context { session: &session.id, time: Some(now), payloads: &NoBlobs };
    let made = rows::read(item.table, row, &context);
    let bodies = made.bodies.into_iter().filter_map(|(role, bytes)| match bytes {
        Bytes::Range(range) => Some((role, range)),
        Bytes::Blob(_) => None,
    });
    let bodies = bodies.collect();
    let content = content(item, &bytes, said, &outline);
    Ok(Record { bytes, sessions: vec![session], content, events: vec![Told { event: made.event, bodies }] })
}

/// How the row is known when it comes again: by all that its emitter said.
fn content(item: &Item, bytes: &[u8], said: usize, outline: &Outline) -> [u8; 16] {
    if bytes.len() > LOOKED_AT || outline.partial {
        let mut content = [0; 16];
        content.copy_from_slice(&digest(&bytes[..said])[..16]);
        return content;
    }
    let stamps = item.stamps.iter().map(|(name, _)| name.as_str());
    let time = item.at.is_none().then_some("created_at");
    ids::content_without(outline.root(), &stamps.chain(time).collect::<Vec<_>>())
}

/// The session that an item belongs to: the room's, else the canvas's, else that of its emitter.
pub fn session(item: &Item) -> Session {
    let filled =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (room, canvas) = (filled(&item.room), filled(&item.canvas_id));
    let named = |kind: &str, name: &Option<String>| name.as_ref().map(|name| format!("{kind}:{name}"));
    let id = filled(&item.session)
        .or_else(|| named("room", &room))
        .or_else(|| named("canvas", &canvas))
        .or_else(|| named("session", &filled(&item.session_id)))
        .unwrap_or_else(|| format!("source:{}", item.source.trim()));
    let project = room.clone();
    Session { lineage: id.clone(), id, agent: AGENT.to_owned(), project, room, canvas, ..Session::default() }
}

/// What the emitter said, as columns.
fn columns(item: &Item, row: &mut Writer) {
    let id = event_id(item);
    match item.table {
        Table::Transcript | Table::Model | Table::Tool => row.text("event_id", Some(&id)),
        Table::Task | Table::Trace | Table::Ledger => row.text("id", Some(&id)),
    }
    row.some("sequence", item.sequence);
    row.some("created_at", item.at.map(Timestamp::rfc3339));
    for (name, text) in [
        ("session_id", &item.session_id),
        (if item.table == Table::Transcript { "room_name" } else { "room" }, &item.room),
        ("canvas_id", &item.canvas_id),
        ("trace_id", &item.trace_id),
        ("request_id", &item.request_id),
        ("intent_id", &item.intent_id),
        ("task_id", &item.task_id),
        ("tool_call_id", &item.tool_call_id),
        ("span_id", &item.span_id),
        ("parent_span_id", &item.parent_span_id),
    ] {
        row.text(name, text.as_deref());
    }
    row.text("source", Some(&item.source));
    row.text("event_type", Some(&item.event_type));
    for (name, text) in [
        ("status", &item.status),
        ("provider", &item.provider),
        ("model", &item.model),
        ("provider_source", &item.provider_source),
        ("provider_path", &item.provider_path),
        ("provider_request_id", &item.provider_request_id),
        ("tool_name", &item.tool_name),
        ("system_prompt", &item.system_prompt),
    ] {
        row.text(name, text.as_deref());
    }
    row.raw("context_priming", item.context_priming.as_deref());
    row.raw("tools", item.tools.as_deref());
    row.payload("input", item.input.as_deref());
    row.payload("output", item.output.as_deref());
    row.raw("metadata", item.metadata.as_deref());
    row.raw("usage", item.usage.as_deref());
    row.text("error", item.error.as_deref());
    row.some("latency_ms", item.latency_ms);
    row.some("time_to_first_token_ms", item.time_to_first_token_ms);
    row.some("started_at", item.started.map(Timestamp::rfc3339));
    row.some("ended_at", item.ended.map(Timestamp::rfc3339));
    for (name, value) in &item.columns {
        row.raw(name, Some(value));
    }
}

/// What the recorder adds, behind all that was said.
fn stamps(item: &Item, now: Timestamp, row: &mut Writer) {
    if item.at.is_none() {
        row.some("created_at", Some(now.rfc3339()));
    }
    for (name, value) in &item.stamps {
        row.raw(name, Some(value));
    }
}

/// What the event is called.
pub fn event_id(item: &Item) -> String {
    let said =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let status = said(&item.status).unwrap_or_else(|| "unknown".to_owned());
    let composed = |base| format!("{base}:{}:{status}:{}", item.event_type.trim(), item.sequence.unwrap_or(0));
    let named = said(&item.event_id).or_else(|| said(&item.base).map(composed));
    named.unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
}

/// A row that is being written.
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn name(&mut self, name: &str) {
        if self.bytes.len() > 1 {
            self.bytes.push(b',');
        }
        self.value(name);
        self.bytes.push(b':');
    }

    fn value(&mut self, value: impl Serialize) {
        serde_json::to_writer(&mut self.bytes, &value)
            .expect("texts and numbers can be written, and memory takes them");
    }

    fn some(&mut self, name: &str, value: Option<impl Serialize>) {
        if let Some(value) = value {
            self.name(name);
            self.value(value);
        }
    }

    /// A text column; blank is absent.
    fn text(&mut self, name: &str, text: Option<&str>) {
        self.some(name, text.filter(|text| !text.trim().is_empty()));
    }

    fn raw(&mut self, name: &str, value: Option<&RawValue>) {
        if let Some(value) = value {
            self.name(name);
            self.bytes.extend_from_slice(value.get().as_bytes());
        }
    }

    /// What went in or came out. The table holds objects, so all else lies in one, as the original wraps it.
    fn payload(&mut self, kind: &str, value: Option<&RawValue>) {
        let Some(value) = value else { return };
        let text = value.get();
        self.name(&format!("{kind}_payload"));
        if text.starts_with('{') {
            self.bytes.extend_from_slice(text.as_bytes());
            self.some(&format!("{kind}_plain"), looks_wrapped(text).then_some(true));
        } else {
            self.bytes.extend_from_slice(b"{\"value\":");
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(b'}');
        }
    }
}

/// Whether an object could be taken for a wrapping, or for what the original leaves of a payload that it cut.
fn looks_wrapped(text: &str) -> bool {
    let holds = |name: &str| memchr::memmem::find(text.as_bytes(), name.as_bytes()).is_some();
    if !["value", "truncated", "encode_error"].iter().any(|name| holds(name)) {
        return false;
    }
    // A name may be written with escapes, and then it is not one that the reader looks for by accident.
    let Ok(outline) = Outline::of(text.as_bytes()) else { return true };
    let root = outline.root();
    let inner = root.get("value").filter(|_| root.len() == 1);
    inner.is_some_and(|inner| inner.shape() != Shape::Object)
        || root.get("truncated").is_some()
        || root.get("encode_error").is_some()
}
