//! The rows of a slice as they are read: what an older or newer version left out or added does no harm.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::domain::{Event, Key, KeyKind, Kind, Order, Phase, Role, Session, Timestamp, Usage, UsageSource, flag};
use crate::store::{NewBody, NewEvent, Place};

/// What the store finds out for itself.
const RECKONED: i64 = flag::INHERITED | flag::CONFLICT | flag::SUPERSEDED;

#[derive(Deserialize)]
pub struct SessionRow {
    id: String,
    parent_id: Option<String>,
    lineage: Option<String>,
    title: Option<String>,
    agent: Option<String>,
    project: Option<String>,
    room: Option<String>,
    canvas: Option<String>,
    cwd: Option<String>,
    git_branch: Option<String>,
}

impl SessionRow {
    pub fn into_session(self) -> Session {
        Session {
            lineage: self.lineage.unwrap_or_else(|| self.id.clone()),
            id: self.id,
            parent: self.parent_id,
            title: self.title,
            agent: self.agent.unwrap_or_else(|| "unknown".to_owned()),
            project: self.project,
            room: self.room,
            canvas: self.canvas,
            cwd: self.cwd,
            git_branch: self.git_branch,
            ..Session::default()
        }
    }
}

#[derive(Deserialize)]
pub struct AnnotationRow {
    pub session: String,
    pub row: String,
    pub marked: bool,
    pub note: Option<String>,
}

#[derive(Deserialize)]
pub struct EventRow {
    pub turnscope: WholeEvent,
}

/// All that turnscope knows of an event.
#[derive(Deserialize)]
pub struct WholeEvent {
    session: String,
    id: String,
    #[serde(default)]
    revision: i64,
    content: Option<String>,
    order: OrderRow,
    at: Option<i64>,
    kind: String,
    source: String,
    event_type: String,
    status: Option<String>,
    label: String,
    turn: Option<String>,
    phase: String,
    #[serde(default)]
    keys: Vec<KeyRow>,
    provider: Option<String>,
    model: Option<String>,
    tool: Option<String>,
    participant: Option<String>,
    usage: Option<UsageRow>,
    error: Option<String>,
    latency: Option<i64>,
    #[serde(default)]
    flags: i64,
    #[serde(default)]
    attributes: Vec<(String, String)>,
    #[serde(default)]
    bodies: Vec<BodyRow>,
}

#[derive(Deserialize)]
struct OrderRow {
    time: i64,
    origin: i64,
    sequence: i64,
}

#[derive(Deserialize)]
struct KeyRow {
    kind: String,
    value: String,
    rule: Option<String>,
}

#[derive(Deserialize)]
struct UsageRow {
    input: Option<i64>,
    cache_read: Option<i64>,
    cache_write: Option<i64>,
    output: Option<i64>,
    reasoning: Option<i64>,
    rule: String,
    source: String,
}

#[derive(Deserialize)]
struct BodyRow {
    role: String,
    sha256: String,
    size: i64,
}

impl WholeEvent {
    pub fn into_event(self) -> Result<(NewEvent, Option<[u8; 16]>)> {
        let kind = Kind::parse(&self.kind).with_context(|| format!("unknown kind {:?}", self.kind))?;
        let mut event = Event::new(kind, &self.source, &self.event_type);
        event.phase = Phase::parse(&self.phase).with_context(|| format!("unknown phase {:?}", self.phase))?;
        event.order =
            Order { time: Timestamp(self.order.time), origin: self.order.origin, sequence: self.order.sequence };
        event.at = self.at.map(Timestamp);
        event.keys = self.keys.into_iter().map(KeyRow::into_key).collect::<Result<_>>()?;
        event.usage = self.usage.map(UsageRow::into_usage).transpose()?;
        event.flags = self.flags & !RECKONED;
        event.revision = self.revision.max(0);
        (event.session, event.id, event.label, event.attributes) = (self.session, self.id, self.label, self.attributes);
        (event.status, event.turn, event.error, event.latency) = (self.status, self.turn, self.error, self.latency);
        (event.provider, event.model, event.tool, event.participant) =
            (self.provider, self.model, self.tool, self.participant);
        let bodies = self.bodies.into_iter().map(BodyRow::into_body).collect::<Result<_>>()?;
        let content = self.content.map(|content| bytes_of::<16>(&content)).transpose()?;
        Ok((NewEvent { event, bodies }, content))
    }
}

impl KeyRow {
    fn into_key(self) -> Result<Key> {
        let kind = KeyKind::parse(&self.kind).with_context(|| format!("unknown kind of key {:?}", self.kind))?;
        Ok(Key { kind, value: self.value, rule: self.rule })
    }
}

impl UsageRow {
    fn into_usage(self) -> Result<Usage> {
        let source =
            UsageSource::parse(&self.source).with_context(|| format!("unknown source of usage {:?}", self.source))?;
        let Self { input, cache_read, cache_write, output, reasoning, rule, .. } = self;
        Ok(Usage { input, cache_read, cache_write, output, reasoning, rule, source })
    }
}

impl BodyRow {
    fn into_body(self) -> Result<NewBody> {
        let role = Role::parse(&self.role).with_context(|| format!("unknown role {:?}", self.role))?;
        Ok(NewBody { role, place: Place::Blob, size: self.size, digest: bytes_of::<32>(&self.sha256)? })
    }
}

pub fn bytes_of<const SIZE: usize>(text: &str) -> Result<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    hex::decode_to_slice(text, &mut bytes).with_context(|| format!("{text:?} is not a hash of {SIZE} bytes"))?;
    Ok(bytes)
}
