//! The rows that leave: the original's column names for those who know them, and under `turnscope` all that is known.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::domain::present::row::Table;
use crate::domain::price::{Cost, Money};
use crate::domain::{Body, Event, KeyKind, Kind, Role, Session, Timestamp, Usage, flag};
use crate::report::walk::Step;
use crate::store::Annotation;
use crate::timeline::{Artifact, Finding, Found, Join, speaker};

/// One line of `sessions --json`.
pub fn session_row(session: &Session) -> Value {
    json!({
        "id": session.id, "parent_id": session.parent, "lineage": session.lineage, "title": session.title,
        "agent": session.agent, "project": session.project, "room": session.room, "canvas": session.canvas,
        "cwd": session.cwd, "git_branch": session.git_branch,
        "started": session.started.map(Timestamp::rfc3339), "ended": session.ended.map(Timestamp::rfc3339),
        "events": session.events, "turns": session.turns, "errors": session.errors, "findings": session.findings,
        "models": session.models,
        "tokens": tokens_row(session),
        "usage_source": session.usage_source,
    })
}

/// The tokens of a session, bucket by bucket.
pub fn tokens_row(session: &Session) -> Value {
    let tokens = &session.tokens;
    json!({
        "input": tokens.input, "cache_read": tokens.cache_read, "cache_write": tokens.cache_write,
        "output": tokens.output, "reasoning": tokens.reasoning, "total": tokens.total,
    })
}

/// One join of a row.
pub fn join_row(session: &str, from: &str, join: &Join, external: bool) -> Value {
    json!({
        "session": session, "from": from, "to": join.to, "strength": join.strength.name(), "external": external,
        "basis": { "key": join.basis.key, "rule": join.basis.rule, "values": join.basis.values },
        "candidates": join.candidates,
        "rejected": join.rejected.iter().map(|row| json!({"to": row.to, "why": row.why})).collect::<Vec<_>>(),
    })
}

/// A whole row: its words, with its events and joins, and what was told to the models in it.
pub fn whole_row(step: &Step, session: &str, events: Vec<Value>, joins: Vec<Value>, told: &[Found]) -> Value {
    let turn = &step.turn;
    let mut keys = Map::new();
    for key in &turn.keys {
        let values = keys.entry(key.kind.name()).or_insert_with(|| json!([]));
        let value = match &key.rule {
            Some(rule) => json!({ "value": key.value, "rule": rule }),
            None => json!({ "value": key.value }),
        };
        values.as_array_mut().into_iter().for_each(|values| values.push(value.clone()));
    }
    let artifacts: Vec<Value> = step
        .events
        .iter()
        .zip(told)
        .flat_map(|(event, found)| found.artifacts.iter().map(|artifact| artifact_row(artifact, event)))
        .collect();
    json!({
        "session": session, "id": turn.id, "kind": turn.kind.name(), "state": turn.state.name(),
        "at": turn.at.map(Timestamp::rfc3339), "ended": turn.ended.map(Timestamp::rfc3339),
        "micros": turn.at.map(|at| at.0), "label": turn.label, "status": turn.status, "source": turn.source,
        "who": turn.who, "tool": turn.tool, "model": turn.model, "latency": turn.latency, "error": turn.error,
        "flags": turn.flags, "keys": keys, "tokens": turn.usage.as_ref().map(usage_row),
        "total": turn.usage.as_ref().and_then(Usage::total),
        "events": events, "joins": joins, "artifacts": artifacts,
    })
}

/// What a model was told besides the conversation: where it stands, not the text again.
pub fn artifact_row(artifact: &Artifact, event: &Event) -> Value {
    json!({
        "kind": artifact.kind.name(), "event": event.name(), "speaker": speaker(event), "path": artifact.path,
        "also": artifact.also, "sha256": hex::encode(artifact.digest), "size": artifact.size,
    })
}

/// What calls of models cost: micro-dollars of those whose price is known, how many have none, and both in words.
pub fn cost_row(cost: Cost) -> Value {
    if cost.priced + cost.unpriced == 0 {
        return Value::Null;
    }
    json!({ "micro_usd": cost.known().map(Money::micros), "unpriced": cost.unpriced, "words": cost.to_string() })
}

/// What does not add up at an event.
pub fn finding_row(session: &str, finding: &Finding, event: Option<&&str>) -> Value {
    json!({
        "session": session, "severity": finding.severity.name(), "finding": finding.name, "event": event,
        "detail": finding.detail,
    })
}

/// One event. What is absent is left out.
pub fn event_row(event: &Event, bodies: &[Body], content: Option<&Vec<u8>>) -> Value {
    let mut row = Map::new();
    let first = |kind: KeyKind| event.values(kind).next().map(str::to_owned);
    put(&mut row, "event_id", Some(event.id.clone()));
    row.insert("sequence".to_owned(), json!(event.order.sequence));
    put(&mut row, "created_at", event.at.map(Timestamp::rfc3339));
    put(&mut row, "session_id", first(KeyKind::Session));
    for kind in [KeyKind::Room, KeyKind::Trace, KeyKind::Request, KeyKind::Intent, KeyKind::Task, KeyKind::ToolCall] {
        put(&mut row, kind.name(), first(kind));
    }
    put(&mut row, "source", Some(event.source.clone()));
    put(&mut row, "event_type", Some(event.event_type.clone()));
    put(&mut row, "status", event.status.clone());
    put(&mut row, "provider", event.provider.clone());
    put(&mut row, "model", event.model.clone());
    put(&mut row, "provider_request_id", first(KeyKind::ProviderRequest));
    put(&mut row, "tool_name", event.tool.clone());
    put(&mut row, "participant_id", event.participant.clone());
    put(&mut row, "error", event.error.clone());
    if let Some(latency) = event.latency {
        row.insert("latency_ms".to_owned(), json!(latency / 1000));
    }
    for (role, column) in [(Role::Input, "input_blob_id"), (Role::Output, "output_blob_id")] {
        put(
            &mut row,
            column,
            bodies
                .iter()
                .find(|body| has_blobs(event) && body.role == role)
                .map(|_| format!("{}:{}", event.name(), role.name())),
        );
    }
    if is_of_ledger(event) {
        ledger_columns(&mut row, event);
    }
    row.insert("turnscope".to_owned(), whole_event(event, bodies, content));
    Value::Object(row)
}

/// Whether an event is an entry of the original's ledger of projects.
pub fn is_of_ledger(event: &Event) -> bool {
    event.source == Table::Ledger.name()
}

/// The columns that the ledger alone has; those of an entry that has none in the table are left out.
fn ledger_columns(row: &mut Map<String, Value>, event: &Event) {
    put(row, "id", Some(event.id.clone()));
    put(row, "action_type", Some(event.event_type.clone()));
    // Its tasks are those of a project, never of the queue.
    put(row, "task_id", event.attribute("ledger_task_id").map(str::to_owned));
    for column in ["project_name", "project_mode", "project_status", "task_title", "task_status", "assigned_to"] {
        put(row, column, event.attribute(column).map(str::to_owned));
    }
}

fn put(row: &mut Map<String, Value>, name: &str, value: Option<String>) {
    if let Some(value) = value {
        row.insert(name.to_owned(), Value::String(value));
    }
}

fn whole_event(event: &Event, bodies: &[Body], content: Option<&Vec<u8>>) -> Value {
    let mut whole = Map::new();
    let keys: Vec<Value> = event
        .keys
        .iter()
        .map(|key| match &key.rule {
            Some(rule) => json!({ "kind": key.kind.name(), "value": key.value, "rule": rule }),
            None => json!({ "kind": key.kind.name(), "value": key.value }),
        })
        .collect();
    let bodies: Vec<Value> = bodies
        .iter()
        .map(|body| json!({ "role": body.role.name(), "sha256": hex::encode(body.digest), "size": body.size }))
        .collect();
    let order = json!({ "time": event.order.time.0, "origin": event.order.origin, "sequence": event.order.sequence });
    for (name, value) in [
        ("session", json!(event.session)),
        ("id", json!(event.id)),
        ("revision", json!(event.revision)),
        ("content", json!(content.map(hex::encode))),
        ("order", order),
        ("at", json!(event.at.map(|at| at.0))),
        ("kind", json!(event.kind.name())),
        ("source", json!(event.source)),
        ("event_type", json!(event.event_type)),
        ("status", json!(event.status)),
        ("label", json!(event.label)),
        ("turn", json!(event.turn)),
        ("phase", json!(event.phase.name())),
        ("keys", json!(keys)),
        ("provider", json!(event.provider)),
        ("model", json!(event.model)),
        ("tool", json!(event.tool)),
        ("participant", json!(event.participant)),
        ("usage", json!(event.usage.as_ref().map(usage_row))),
        ("error", json!(event.error)),
        ("latency", json!(event.latency)),
        ("flags", json!(event.flags)),
        ("attributes", json!(event.attributes)),
        ("bodies", json!(bodies)),
    ] {
        if !value.is_null() {
            whole.insert(name.to_owned(), value);
        }
    }
    Value::Object(whole)
}

fn usage_row(usage: &Usage) -> Value {
    json!({
        "input": usage.input, "cache_read": usage.cache_read, "cache_write": usage.cache_write, "output": usage.output,
        "reasoning": usage.reasoning, "rule": usage.rule, "source": usage.source.name(),
    })
}

/// One of the original's blob rows; the payload lies in `bodies` under the digest.
pub struct BlobRow {
    event: String,
    /// The event's id with its revision: what tells it from others with the same id.
    name: String,
    role: Role,
    size: i64,
    digest: [u8; 32],
    truncated: bool,
}

impl BlobRow {
    /// The name of the row, and the row.
    pub fn row(&self) -> (String, Value) {
        let id = format!("{}:{}", self.name, self.role.name());
        let row = json!({
            "id": id, "event_id": self.event, "kind": self.role.name(), "encoding": "utf8", "mime_type": "application/json",
            "size_bytes": self.size, "sha256": hex::encode(self.digest), "truncated": self.truncated,
        });
        (id, row)
    }
}

/// The original keeps blobs of models and tools alone.
fn has_blobs(event: &Event) -> bool {
    matches!(event.kind, Kind::Model | Kind::Tool)
}

pub fn blob_rows(event: &Event, bodies: &[Body]) -> Vec<BlobRow> {
    let told = bodies.iter().filter(|body| has_blobs(event) && matches!(body.role, Role::Input | Role::Output));
    let truncated = event.has(flag::TRUNCATED);
    told.map(|body| BlobRow {
        event: event.id.clone(),
        name: event.name(),
        role: body.role,
        size: body.size,
        digest: body.digest,
        truncated,
    })
    .collect()
}

pub fn annotation_row(annotation: &Annotation) -> Value {
    json!({ "session": annotation.session, "row": annotation.row, "marked": annotation.marked, "note": annotation.note })
}

/// What is counted while the rows go by.
#[derive(Default)]
pub struct Sums {
    kinds: [usize; Kind::ALL.len()],
    /// Entries of the ledger, which are of no kind here.
    ledger: usize,
    /// Values that tasks and traces name, by kind of key, and rows that are looked up in them.
    named: [BTreeSet<String>; 4],
    /// Events that report how many tokens were used.
    pub reporting: usize,
    /// Events of which retention took away what they held.
    pub purged: usize,
    rows: Vec<(Kind, [Vec<String>; 4])>,
}

const CORRELATED: [KeyKind; 4] = [KeyKind::Trace, KeyKind::Request, KeyKind::Intent, KeyKind::Task];

impl Sums {
    pub fn add(&mut self, event: &Event) {
        if is_of_ledger(event) {
            self.ledger += 1;
        } else {
            self.kinds[event.kind as usize] += 1;
        }
        self.reporting += usize::from(event.usage.is_some());
        self.purged += usize::from(event.has(flag::PURGED));
        // What turnscope derived is no key of the original's rows.
        let native = |kind: KeyKind| event.keys.iter().filter(move |key| key.kind == kind && key.rule.is_none());
        let values = CORRELATED.map(|kind| native(kind).map(|key| key.value.clone()).collect::<Vec<_>>());
        match event.kind {
            Kind::Task | Kind::Trace => {
                for (named, values) in self.named.iter_mut().zip(values) {
                    named.extend(values);
                }
            }
            Kind::Model | Kind::Tool => self.rows.push((event.kind, values)),
            Kind::Transcript | Kind::Other => {}
        }
    }

    /// The events of one kind.
    pub fn of(&self, kind: Kind) -> usize {
        self.kinds[kind as usize]
    }

    pub fn counts(&self, blobs: usize) -> Value {
        let matches = |values: &[Vec<String>; 4]| {
            values.iter().zip(&self.named).any(|(values, named)| values.iter().any(|value| named.contains(value)))
        };
        let matched = |kind: Kind| self.rows.iter().filter(|(own, values)| *own == kind && matches(values)).count();
        let missing = |kind: Kind| {
            self.rows.iter().filter(|(own, values)| *own == kind && values.iter().all(Vec::is_empty)).count()
        };
        json!({
            "transcript": self.of(Kind::Transcript), "tasks": self.of(Kind::Task), "traces": self.of(Kind::Trace),
            "modelIo": self.of(Kind::Model), "toolIo": self.of(Kind::Tool), "other": self.of(Kind::Other), "ledger": self.ledger, "blobCount": blobs,
            "correlationSummary": {
                "traceKeys": self.named[0].len(), "requestKeys": self.named[1].len(),
                "intentKeys": self.named[2].len(), "taskKeys": self.named[3].len(),
                "modelMatched": matched(Kind::Model), "toolMatched": matched(Kind::Tool),
                "modelMissingCorrelation": missing(Kind::Model), "toolMissingCorrelation": missing(Kind::Tool),
            },
        })
    }
}
