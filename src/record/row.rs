//! Items become rows as the original writes them, and rows become records: bytes and the events that they tell.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Item, Limits};
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
    /// Sessions that are known under another name by now: the first name and the true one.
    pub adopted: Vec<(String, String)>,
    /// A hash of what makes it the same record when it comes again.
    pub content: [u8; 16],
    /// At least one event.
    pub events: Vec<Told>,
}

/// An event that a record tells. All of the record's bytes are its raw body, without being named.
#[derive(Debug, Clone)]
pub struct Told {
    pub event: Event,
    /// Where bodies lie in the record's bytes.
    pub bodies: Vec<(Role, Range<u64>)>,
    /// Bodies that stand nowhere as they are, because the record wraps or flattens them.
    pub own: Vec<(Role, Vec<u8>)>,
}

impl Record {
    /// The id of its first event.
    pub fn id(&self) -> &str {
        self.events.first().map_or("", |told| told.event.id.as_str())
    }

    /// How many bytes there are to be stored for it.
    pub(super) fn weight(&self) -> usize {
        let own = self.events.iter().flat_map(|told| &told.own).map(|(_, bytes)| bytes.len());
        self.bytes.len() + own.sum::<usize>()
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

/// What a row is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Form {
    Transcript,
    Task,
    Trace,
    Model,
    Tool,
    Ledger,
    Todo,
    Audit,
    /// Of no table: what the recorder says of events that are missing.
    Gap,
}

impl Form {
    fn of(table: Table) -> Self {
        match table {
            Table::Transcript => Self::Transcript,
            Table::Task => Self::Task,
            Table::Trace => Self::Trace,
            Table::Model => Self::Model,
            Table::Tool => Self::Tool,
            Table::Ledger => Self::Ledger,
            Table::Todo => Self::Todo,
            Table::Audit => Self::Audit,
        }
    }

    fn table(self) -> Option<Table> {
        Table::ALL.into_iter().find(|table| Self::of(*table) == self)
    }
}

/// Whose events they are: the session with what names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Whose {
    pub id: String,
    pub room: Option<String>,
    pub canvas: Option<String>,
}

impl Whose {
    fn session(&self) -> Session {
        Session {
            lineage: self.id.clone(),
            id: self.id.clone(),
            agent: AGENT.to_owned(),
            project: self.room.clone(),
            room: self.room.clone(),
            canvas: self.canvas.clone(),
            ..Session::default()
        }
    }
}

/// A row as it waits: its bytes, and what must be known to read it, now or after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub form: Form,
    pub whose: Whose,
    /// What the event is called, who emitted it, and when: µs.
    pub id: String,
    pub source: String,
    pub at: i64,
    /// So many of the bytes say what the emitter said.
    pub said: usize,
    /// Columns that are no part of what makes it the same event.
    pub left_out: Vec<String>,
    /// JSON; kept beside all this, not in it.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Writes an item as a row. `now` stands in for the time of an item that has none.
pub(super) fn write(item: &Item, now: Timestamp, limits: &Limits, retention_days: Option<u32>) -> Written {
    let id = event_id(item);
    let mut writer = Writer { bytes: vec![b'{'], limits: *limits };
    columns(item, &id, &mut writer);
    let said = writer.bytes.len();
    let days = retention_days.filter(|days| *days > 0);
    let expires = |days: u32| Timestamp(now.0.saturating_add(i64::from(days).saturating_mul(24 * 3600 * 1_000_000)));
    writer.some("expires_at", days.map(|days| expires(days).rfc3339()));
    stamps(item, now, &mut writer);
    writer.bytes.push(b'}');
    let stamped = item.stamps.iter().map(|(name, _)| name.clone());
    let own = [item.at.is_none().then_some("created_at"), days.map(|_| "expires_at")];
    Written {
        form: Form::of(item.table),
        whose: whose(item),
        id,
        source: item.source.trim().to_owned(),
        at: item.at.unwrap_or(now).0,
        said,
        left_out: stamped.chain(own.into_iter().flatten().map(str::to_owned)).collect(),
        bytes: writer.bytes,
    }
}

impl Written {
    /// The record of the row.
    ///
    /// # Errors
    /// Says what is wrong with a row that cannot be read.
    pub fn into_record(self) -> Result<Record, String> {
        let outline = Outline::of(&self.bytes).map_err(|fault| format!("it is no JSON: {fault}"))?;
        let row = Row { value: outline.root() };
        let told = match self.form.table() {
            None => Told { event: super::gap::read(row, &self.whose), bodies: Vec::new(), own: Vec::new() },
            Some(table) => {
                let context = Context { session: &self.whose.id, time: Some(Timestamp(self.at)), payloads: &NoBlobs };
                let made = rows::read(table, row, &context);
                let bodies = made.bodies.into_iter().filter_map(|(role, bytes)| match bytes {
                    Bytes::Range(range) => Some((role, range)),
                    Bytes::Blob(_) => None,
                });
                Told { event: made.event, bodies: bodies.collect(), own: Vec::new() }
            }
        };
        let content = self.content(&outline);
        let sessions = vec![self.whose.session()];
        drop(outline);
        Ok(Record { bytes: self.bytes, sessions, adopted: Vec::new(), content, events: vec![told] })
    }

    /// How the row is known when it comes again: by all that its emitter said.
    fn content(&self, outline: &Outline) -> [u8; 16] {
        if self.bytes.len() > LOOKED_AT || outline.partial {
            let mut content = [0; 16];
            content.copy_from_slice(&digest(&self.bytes[..self.said.min(self.bytes.len())])[..16]);
            return content;
        }
        let left_out: Vec<&str> = self.left_out.iter().map(String::as_str).collect();
        ids::content_without(outline.root(), &left_out)
    }
}

/// The session that an item belongs to: the room's, else the canvas's, else that of its emitter.
pub fn session(item: &Item) -> Session {
    whose(item).session()
}

fn whose(item: &Item) -> Whose {
    let (room, canvas) = (filled(&item.room), filled(&item.canvas_id));
    let named = |kind: &str, name: &Option<String>| name.as_ref().map(|name| format!("{kind}:{name}"));
    let id = filled(&item.session)
        .or_else(|| named("room", &room))
        .or_else(|| named("canvas", &canvas))
        .or_else(|| named("session", &filled(&item.session_id)))
        .unwrap_or_else(|| format!("source:{}", item.source.trim()));
    Whose { id, room, canvas }
}

/// A text that says something, without white space around it.
fn filled(text: &Option<String>) -> Option<String> {
    text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// What the emitter said, as columns.
fn columns(item: &Item, id: &str, row: &mut Writer) {
    match item.table {
        Table::Transcript | Table::Model | Table::Tool => row.text("event_id", Some(id)),
        Table::Task | Table::Trace | Table::Ledger | Table::Todo | Table::Audit => row.text("id", Some(id)),
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
    row.column("context_priming", item.context_priming.as_deref());
    row.column("tools", item.tools.as_deref());
    row.payload("input", item.input.as_deref());
    row.payload("output", item.output.as_deref());
    row.column("metadata", item.metadata.as_deref());
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
fn event_id(item: &Item) -> String {
    let status = filled(&item.status).unwrap_or_else(|| "unknown".to_owned());
    let composed = |base| format!("{base}:{}:{status}:{}", item.event_type.trim(), item.sequence.unwrap_or(0));
    let named = filled(&item.event_id).or_else(|| filled(&item.base).map(composed));
    named.unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
}

/// A row that is being written.
struct Writer {
    bytes: Vec<u8>,
    limits: Limits,
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

    /// A column of which the policy may want no more than a preview.
    fn column(&mut self, name: &str, value: Option<&RawValue>) {
        let most = self.limits.column.unwrap_or(usize::MAX);
        match value.map(RawValue::get).filter(|text| text.len() > most) {
            Some(text) => {
                self.name(name);
                let end = text.char_indices().nth(self.limits.preview).map_or(text.len(), |(at, _)| at);
                self.cut(text, end);
            }
            None => self.raw(name, value),
        }
    }

    /// What is left of a value, as the original writes it.
    fn cut(&mut self, text: &str, end: usize) {
        self.value(serde_json::json!({"truncated": true, "size_bytes": text.len(), "preview": &text[..end]}));
    }

    /// What went in or came out. The table holds objects, so all else lies in one, as the original wraps it.
    fn payload(&mut self, kind: &str, value: Option<&RawValue>) {
        let Some(value) = value else { return };
        let text = value.get();
        self.name(&format!("{kind}_payload"));
        let most = self.limits.payload.unwrap_or(usize::MAX);
        if text.len() > most {
            self.cut(text, text.floor_char_boundary(most));
        } else if text.starts_with('{') {
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
