//! turnscope's own slices, read back: the same sessions, events and bodies under the same ids and digests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::sync::mpsc::Sender;

use super::read::Cancelled;
use super::{Control, Notice};
use crate::domain::{
    Carried, Event, Key, KeyKind, Kind, Order, Outline, Parts, Phase, Role, Session, Splitter, Timestamp, Usage,
    UsageSource, flag,
};
use crate::store::{
    Annotation, Batch, NewBlob, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp, digest,
};

/// What the format says of itself.
pub const NAME: &str = "turnscope-slice";
const VERSION: i64 = 1;
/// A batch is sent when it holds this many bytes or rows.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_ROWS: usize = 2000;
/// No row is longer; bodies are.
const ROW: usize = 16 << 20;
const EVENTS: [&str; 7] = ["transcript", "tasks", "traces", "modelIo", "toolIo", "ledger", "other"];
/// What the store finds out for itself.
const RECKONED: i64 = flag::INHERITED | flag::CONFLICT;

/// Whether the first record of a source is the beginning of a slice.
pub fn is_slice(head: &[Outline]) -> bool {
    head.first().is_some_and(|outline| outline.root().word("format").as_deref() == Some(NAME))
}

/// Reads a slice to its end and sends batches. Blocks; runs beside the store.
pub fn read_slice(
    path: &Path,
    step: SourceStep,
    stamp: Stamp,
    batches: Sender<Batch>,
    control: &Control,
) -> Result<()> {
    let mut file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let mut reading = Slicing::new(path, step, stamp, batches, control);
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let size = file.read(&mut buffer)?;
        if size == 0 {
            break;
        }
        if control.is_cancelled() {
            bail!(Cancelled);
        }
        splitter.feed(&buffer[..size], &mut reading)?;
        reading.content(&buffer[..size])?;
    }
    if !splitter.is_complete() {
        bail!("the slice ends before its end; what stands before is kept");
    }
    reading.send(true)
}

struct Slicing<'a> {
    path: &'a Path,
    step: SourceStep,
    stamp: Stamp,
    batches: Sender<Batch>,
    control: &'a Control,
    content: Packer,
    size: u64,
    /// How much of the content has been sent.
    handed: i64,
    batch: Batch,
    sessions: BTreeMap<String, Session>,
    main: Option<String>,
    /// The part that is being read.
    section: String,
    name: String,
    start: u64,
    row: Vec<u8>,
    body: Option<Carrying>,
}

/// A body that is being read.
#[derive(Default)]
struct Carrying {
    carried: Carried,
    packer: Packer,
    hasher: sha2::Sha256,
}

impl<'a> Slicing<'a> {
    fn new(path: &'a Path, step: SourceStep, stamp: Stamp, batches: Sender<Batch>, control: &'a Control) -> Self {
        Self {
            path,
            step,
            stamp,
            batches,
            control,
            content: Packer::default(),
            size: 0,
            handed: 0,
            batch: Batch::default(),
            sessions: BTreeMap::new(),
            main: None,
            section: String::new(),
            name: String::new(),
            start: 0,
            row: Vec::new(),
            body: None,
        }
    }

    fn content(&mut self, bytes: &[u8]) -> Result<()> {
        self.content.push(bytes);
        self.size += bytes.len() as u64;
        self.control.tell(Notice::Progress { sources: 0, bytes: bytes.len() as u64 });
        let bodies: usize = self.batch.blobs.iter().flat_map(|blob| &blob.pieces).map(|piece| piece.bytes.len()).sum();
        if self.content.held() + bodies > BATCH_BYTES || self.batch.records.len() >= BATCH_ROWS {
            self.send(false)?;
        }
        Ok(())
    }

    fn send(&mut self, last: bool) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        if last {
            self.content.end_record();
        }
        batch.pieces = self.content.take();
        batch.sessions = self.sessions.values().cloned().collect();
        let base = self.handed;
        self.handed += batch.pieces.iter().map(|piece| piece.size as i64).sum::<i64>();
        batch.source = Some(SourceStep {
            base: Some(base),
            consumed: i64::try_from(self.size)?,
            sessions: self.sessions.keys().cloned().collect(),
            finished: last.then_some(self.stamp),
            ..self.step.clone()
        });
        if self.batches.blocking_send(batch).is_err() {
            bail!("the store takes no more batches");
        }
        Ok(())
    }

    fn bad(&self, reason: &str) {
        self.control.tell(Notice::Bad(format!("{}:byte {}: {reason}", self.path.display(), self.start)));
    }

    fn end_body(&mut self, mut body: Carrying) -> Result<()> {
        use sha2::Digest;
        let found: [u8; 32] = body.hasher.finalize().into();
        if !body.carried.is_complete() || hex::encode(found) != self.name {
            self.bad(&format!("the body {} hashes to {}; it is left out", self.name, hex::encode(found)));
            return Ok(());
        }
        body.packer.end_record();
        self.batch.blobs.push(NewBlob { digest: found, pieces: body.packer.take() });
        Ok(())
    }

    fn end_row(&mut self) -> Result<()> {
        let row = std::mem::take(&mut self.row);
        match self.section.as_str() {
            "format" if row != format!("\"{NAME}\"").as_bytes() => bail!("not a turnscope slice"),
            "version" => {
                let version: i64 = serde_json::from_slice(&row).context("the version of the slice is not a number")?;
                if version > VERSION {
                    bail!("a slice of version {version}, made by a newer turnscope (this one reads up to {VERSION})");
                }
            }
            "sessions" => match serde_json::from_slice::<SessionRow>(&row) {
                Ok(session) => self.session(session.into_session()),
                Err(error) => self.bad(&format!("a session that cannot be read: {error}")),
            },
            "annotations" => match serde_json::from_slice::<AnnotationRow>(&row) {
                Ok(AnnotationRow { session, row, marked, note }) => {
                    self.batch.annotations.push(Annotation { session, row, marked, note })
                }
                Err(error) => self.bad(&format!("an annotation that cannot be read: {error}")),
            },
            section if EVENTS.contains(&section) => self.event(&row)?,
            _ => {}
        }
        Ok(())
    }

    fn session(&mut self, session: Session) {
        self.main.get_or_insert_with(|| session.id.clone());
        self.sessions.insert(session.id.clone(), session);
    }

    fn event(&mut self, row: &[u8]) -> Result<()> {
        let read = serde_json::from_slice::<EventRow>(row).map_err(anyhow::Error::from);
        let read = read.and_then(|row| row.turnscope.into_event());
        let own = digest(row);
        let (new, content, status) = match read {
            Ok((new, content)) => (new, content, RecordStatus::Good),
            Err(error) => {
                self.bad(&format!("an event that cannot be read: {error:#}"));
                (self.unreadable(row, &format!("{error:#}")), None, RecordStatus::Bad)
            }
        };
        let id = &new.event.session;
        if !self.sessions.contains_key(id) {
            self.session(Session {
                id: id.clone(),
                lineage: id.clone(),
                agent: "unknown".to_owned(),
                ..Session::default()
            });
        }
        let mut start = [0; 16];
        start.copy_from_slice(&own[..16]);
        self.batch.records.push(NewRecord {
            start: i64::try_from(self.start)?,
            size: i64::try_from(row.len())?,
            status,
            digest: own,
            content: content.unwrap_or(start),
            events: vec![new],
        });
        Ok(())
    }

    fn unreadable(&self, row: &[u8], reason: &str) -> NewEvent {
        let mut event = Event::new(Kind::Other, "unreadable", "bad");
        event.session = self.main.clone().unwrap_or_else(|| "unreadable".to_owned());
        event.id = format!("r-{}", hex::encode(&digest(row)[..8]));
        event.status = Some("bad".to_owned());
        event.label = crate::domain::excerpt(reason, 200);
        event.error = Some(reason.to_owned());
        event.flags = flag::BAD | flag::ERROR;
        NewEvent { event, bodies: Vec::new() }
    }
}

impl Parts for Slicing<'_> {
    fn begin(&mut self, section: &str, name: Option<&str>, offset: u64) -> Result<()> {
        self.section = section.to_owned();
        self.name = name.unwrap_or_default().to_owned();
        self.start = offset;
        self.row.clear();
        self.body = (section == "bodies").then(Carrying::default);
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        use sha2::Digest;
        if let Some(body) = &mut self.body {
            let mut plain = Vec::with_capacity(bytes.len());
            body.carried.feed(bytes, &mut plain)?;
            body.hasher.update(&plain);
            body.packer.push(&plain);
        } else if self.row.len() + bytes.len() <= ROW {
            self.row.extend_from_slice(bytes);
        } else if EVENTS.contains(&self.section.as_str()) {
            bail!("a row of more than {ROW} bytes at byte {}", self.start);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        match self.body.take() {
            Some(body) => self.end_body(body),
            None => self.end_row(),
        }
    }
}

#[derive(Deserialize)]
struct SessionRow {
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
    fn into_session(self) -> Session {
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
struct AnnotationRow {
    session: String,
    row: String,
    marked: bool,
    note: Option<String>,
}

#[derive(Deserialize)]
struct EventRow {
    turnscope: WholeEvent,
}

/// All that turnscope knows of an event.
#[derive(Deserialize)]
struct WholeEvent {
    session: String,
    id: String,
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
    fn into_event(self) -> Result<(NewEvent, Option<[u8; 16]>)> {
        let kind = Kind::parse(&self.kind).with_context(|| format!("unknown kind {:?}", self.kind))?;
        let mut event = Event::new(kind, &self.source, &self.event_type);
        event.phase = Phase::parse(&self.phase).with_context(|| format!("unknown phase {:?}", self.phase))?;
        event.order =
            Order { time: Timestamp(self.order.time), origin: self.order.origin, sequence: self.order.sequence };
        event.at = self.at.map(Timestamp);
        event.keys = self.keys.into_iter().map(KeyRow::into_key).collect::<Result<_>>()?;
        event.usage = self.usage.map(UsageRow::into_usage).transpose()?;
        event.flags = self.flags & !RECKONED;
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

fn bytes_of<const SIZE: usize>(text: &str) -> Result<[u8; SIZE]> {
    let mut bytes = [0; SIZE];
    hex::decode_to_slice(text, &mut bytes).with_context(|| format!("{text:?} is not a hash of {SIZE} bytes"))?;
    Ok(bytes)
}
