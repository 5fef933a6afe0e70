//! Rows as the original system writes them: plain rows of tables, from which a report or SQL can be made.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The names of the tables.
pub const SESSIONS: &str = "canvas_sessions";
pub const LINES: &str = "canvas_session_transcripts";
pub const TASKS: &str = "agent_tasks";
pub const TRACES: &str = "agent_trace_events";
pub const MODELS: &str = "agent_model_io";
pub const TOOLS: &str = "agent_tool_io";
pub const BLOBS: &str = "agent_io_blobs";
pub const LEDGER: &str = "fairy_orchestration_ledger";

/// 2026-03-02T10:00:00Z in milliseconds.
pub const T0: i64 = 1_772_445_600_000;
/// What the original keeps inline, of a preview, and of a blob: bytes, characters, UTF-16 units.
const INLINE: usize = 32_768;
const PREVIEW: usize = 4000;
const BLOB: usize = 262_144;

/// Rows, each with its table; in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub rows: Vec<(&'static str, Value)>,
    made: u32,
}

/// One string for request, trace and intent, as the main path has them.
pub fn same(id: &str) -> Value {
    json!({"request_id": id, "trace_id": id, "intent_id": id})
}

/// A time as the tables have it, with microseconds and an offset.
pub fn stamp(millis: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(T0 + millis).expect("a time");
    format!("{moment:.3}").replace('Z', "+00:00")
}

/// A UUID made of a name, the same in every run.
pub fn uuid(name: &str) -> String {
    let hex = hex::encode(Sha256::digest(name.as_bytes()));
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// Members of the second object over those of the first.
pub fn with(base: Value, more: Value) -> Value {
    let (Value::Object(mut base), Value::Object(more)) = (base, more) else { panic!("not objects") };
    base.extend(more);
    Value::Object(base)
}

impl World {
    pub fn add(&mut self, table: &'static str, row: Value) {
        self.rows.push((table, row));
    }

    pub fn of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Value> {
        self.rows.iter().filter(move |(own, _)| *own == table).map(|(_, row)| row)
    }

    fn id(&mut self, kind: &str) -> String {
        self.made += 1;
        uuid(&format!("{kind} {}", self.made))
    }

    /// A row of models or tools. `more` may give `input`, `output`, `metadata`, `context_priming`, a `base` of the
    /// event id, and every column.
    pub fn io(&mut self, table: &'static str, millis: i64, emitter: &Value, more: Value) -> String {
        let mut row = with(emitter.clone(), more);
        let columns = row.as_object_mut().expect("an object");
        let base = columns.remove("base");
        let (kind, status) = (text(columns, "event_type"), text(columns, "status"));
        let sequence = columns.get("sequence").and_then(Value::as_i64).unwrap_or(0);
        let event_id = match base {
            Some(base) => format!("{}:{kind}:{status}:{sequence}", base.as_str().expect("a base")),
            None => self.id("event"),
        };
        columns.insert("id".to_owned(), json!(self.id("row")));
        columns.insert("event_id".to_owned(), json!(event_id));
        columns.insert("created_at".to_owned(), json!(stamp(millis)));
        columns.insert("expires_at".to_owned(), json!(stamp(millis + 90 * 86_400_000)));
        for name in ["metadata", "context_priming"] {
            let value = columns.remove(name);
            columns.insert(name.to_owned(), value.map_or(Value::Null, |value| inline(&value)));
        }
        let columns = columns.clone();
        self.payloads(columns, table, &event_id);
        event_id
    }

    fn payloads(&mut self, mut columns: Map<String, Value>, table: &'static str, event_id: &str) {
        for kind in ["input", "output"] {
            let value = columns.remove(kind);
            let (mut copy, mut blob_id) = (Value::Null, Value::Null);
            if let Some(value) = value {
                copy = inline(&value);
                let blob = self.blob(&columns, event_id, kind, &value);
                blob_id = blob["id"].clone();
                self.add(BLOBS, blob);
            }
            columns.insert(format!("{kind}_payload"), copy);
            columns.insert(format!("{kind}_blob_id"), blob_id);
        }
        self.add(table, Value::Object(columns));
    }

    fn blob(&mut self, columns: &Map<String, Value>, event_id: &str, kind: &str, value: &Value) -> Value {
        let whole = value.to_string();
        let cut = cut_units(&whole, BLOB);
        let get = |name: &str| columns.get(name).cloned().unwrap_or(Value::Null);
        json!({
            "id": self.id("blob"), "event_id": event_id, "kind": kind, "created_at": get("created_at"),
            "expires_at": get("expires_at"), "room": get("room"), "trace_id": get("trace_id"),
            "request_id": get("request_id"), "intent_id": get("intent_id"), "payload": cut, "encoding": "utf8",
            "mime_type": "application/json", "size_bytes": whole.len(),
            "sha256": hex::encode(Sha256::digest(cut.as_bytes())), "truncated": whole.len() > BLOB,
            "metadata": get("metadata"),
        })
    }

    pub fn line(
        &mut self,
        room: &str,
        session: &str,
        (who, name): (&str, &str),
        millis: i64,
        said: &str,
        manual: bool,
    ) {
        let (id, event_id) = (self.id("line"), format!("line-{who}-{millis}"));
        self.add(
            LINES,
            json!({"id": id, "event_id": event_id, "session_id": session, "room_name": room, "participant_id": who,
                "participant_name": name, "text": said, "ts": T0 + millis, "manual": manual,
                "created_at": stamp(millis + 940)}),
        );
    }

    pub fn trace(
        &mut self,
        millis: i64,
        room: &str,
        (stage, status, task): (&str, &str, &str),
        ids: &Value,
        more: Value,
    ) {
        let id = self.id("trace");
        let row = json!({"id": id, "created_at": stamp(millis), "room": room, "task_id": null, "attempt": 0,
            "task": task, "component": null, "stage": stage, "status": status, "latency_ms": null, "payload": null,
            "sampled": true, "provider": "unknown", "model": null, "provider_source": "unknown",
            "provider_path": "primary", "provider_request_id": null});
        self.add(TRACES, with(with(row, ids.clone()), more));
    }

    pub fn task(&mut self, millis: i64, room: &str, (id, task, status): (&str, &str, &str), more: Value) {
        let row = json!({"id": id, "created_at": stamp(millis), "updated_at": stamp(millis + 1000), "room": room,
            "task": task, "params": {}, "trace_id": null, "status": status, "priority": 0, "run_at": null,
            "attempt": 0, "error": null, "request_id": null, "dedupe_key": null,
            "resource_keys": [format!("room:{room}"), "canvas:intent"], "lease_token": null,
            "lease_expires_at": null, "result": null});
        self.add(TASKS, with(row, more));
    }
}

fn text(columns: &Map<String, Value>, name: &str) -> String {
    columns.get(name).and_then(Value::as_str).unwrap_or("unknown").to_owned()
}

/// The copy in the row: always an object, and cut when it is long.
pub fn inline(value: &Value) -> Value {
    let whole = value.to_string();
    if whole.len() > INLINE {
        let preview: String = whole.chars().take(PREVIEW).collect();
        return json!({"truncated": true, "size_bytes": whole.len(), "preview": preview});
    }
    if value.is_object() { value.clone() } else { json!({ "value": value }) }
}

/// Cut as the original cuts: by UTF-16 units.
fn cut_units(text: &str, units: usize) -> String {
    let mut left = units;
    let kept = text.chars().take_while(|character| {
        let fits = character.len_utf16() <= left;
        left = left.saturating_sub(character.len_utf16());
        fits
    });
    kept.collect()
}
