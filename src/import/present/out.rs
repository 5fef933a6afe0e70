//! What was read on its way to the store: records with their events, in batches of bounded size.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use anyhow::{Result, bail};
use tokio::sync::mpsc::Sender;

use super::payload::Bytes;
use super::rows::Made;
use super::source::Source;
use super::survey::Survey;
use crate::domain::{Event, Key, KeyKind, Kind, Order, Role, Session, excerpt, flag};
use crate::import::{Control, Notice};
use crate::store::{Batch, NewBlob, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp};

/// A batch is sent when it holds this many bytes or records.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_RECORDS: usize = 2000;

/// Where what is read goes.
pub struct Target {
    /// How the source is called when something in it cannot be read.
    pub name: String,
    /// The source; the document continues its content where the step has a base.
    pub step: SourceStep,
    pub stamp: Stamp,
    /// What is noted about the source once all of it is stored; until then stays what the step says.
    pub state: String,
}

/// Gathers records and sends them.
pub struct Out<'a> {
    target: Target,
    /// Where in the source's content the document begins.
    base: u64,
    batches: Sender<Batch>,
    control: &'a Control,
    source: Source<'a>,
    survey: &'a Survey<'a>,
    content: Packer,
    size: u64,
    /// Bytes of the document that were sent.
    handed: u64,
    batch: Batch,
    /// Bytes of bodies that are no part of the content.
    held: usize,
    repeats: u64,
    sessions: BTreeMap<String, Session>,
    /// How often each derived id has occurred.
    derived: HashMap<String, u32>,
    /// Which event a blob belongs to: session, id, content.
    parents: HashMap<String, (String, String, [u8; 16])>,
    /// Line ends before this byte.
    lines: (u64, u64),
}

impl<'a> Out<'a> {
    pub fn new(
        target: Target,
        batches: Sender<Batch>,
        control: &'a Control,
        source: Source<'a>,
        survey: &'a Survey<'a>,
    ) -> Self {
        let sessions = BTreeMap::from([(survey.session.id.clone(), survey.session.clone())]);
        let base = target.step.base.map_or(0, i64::unsigned_abs);
        Self {
            target,
            base,
            batches,
            control,
            source,
            survey,
            content: Packer::default(),
            size: 0,
            handed: 0,
            batch: Batch::default(),
            held: 0,
            repeats: 0,
            sessions,
            derived: HashMap::new(),
            parents: HashMap::new(),
            lines: (0, 0),
        }
    }

    pub fn session(&mut self, session: Session) {
        self.sessions.entry(session.id.clone()).or_insert(session);
    }

    /// Takes the next bytes of the source.
    pub fn content(&mut self, bytes: &[u8]) -> Result<()> {
        self.content.push(bytes);
        self.size += bytes.len() as u64;
        self.control.tell(Notice::Progress { sources: 0, bytes: bytes.len() as u64 });
        self.send_if_full()
    }

    fn send_if_full(&mut self) -> Result<()> {
        if self.content.held() + self.held > BATCH_BYTES || self.batch.records.len() >= BATCH_RECORDS {
            self.send(false)?;
        }
        Ok(())
    }

    pub fn send(&mut self, last: bool) -> Result<()> {
        let mut batch = std::mem::take(&mut self.batch);
        if last {
            self.content.end_record();
        } else {
            // No record may lean on bytes that come with a later batch.
            self.content.flush_here();
        }
        batch.pieces = self.content.take();
        batch.sessions = self.sessions.values().cloned().collect();
        batch.since = Some(self.survey.time.map_or(i64::MAX, |time| time.0));
        let before = self.handed;
        self.handed += batch.pieces.iter().map(|piece| piece.size as u64).sum::<u64>();
        // Another process may be reading the same file.
        let base = Some(i64::try_from(self.base + before)?);
        batch.source = Some(SourceStep {
            base,
            state: if last { &self.target.state } else { &self.target.step.state }.clone(),
            consumed: i64::try_from(self.base + self.size)?,
            sessions: self.sessions.keys().cloned().collect(),
            repeats: std::mem::take(&mut self.repeats),
            finished: last.then_some(self.target.stamp),
            ..self.target.step.clone()
        });
        self.held = 0;
        if self.batches.blocking_send(batch).is_err() {
            bail!("the store takes no more batches");
        }
        Ok(())
    }

    /// A good record with the events that come from it.
    pub fn record(&mut self, range: &Range<u64>, made: Vec<Made>) -> Result<()> {
        let content = self.source.content(range)?;
        self.add(range, content, RecordStatus::Good, made)
    }

    /// The same, where another hash says what the events are.
    pub fn record_as(&mut self, range: &Range<u64>, content: [u8; 16], made: Vec<Made>) -> Result<()> {
        self.add(range, content, RecordStatus::Good, made)
    }

    fn add(&mut self, range: &Range<u64>, content: [u8; 16], status: RecordStatus, made: Vec<Made>) -> Result<()> {
        let mut events = Vec::with_capacity(made.len());
        for made in made {
            events.push(self.event(range.start, content, made)?);
        }
        self.batch.records.push(NewRecord {
            start: i64::try_from(self.base + range.start)?,
            size: i64::try_from(range.end - range.start)?,
            status,
            digest: self.source.digest(range)?,
            content,
            events,
        });
        self.send_if_full()
    }

    fn event(&mut self, base: u64, content: [u8; 16], made: Made) -> Result<NewEvent> {
        let Made { mut event, bodies, blobs } = made;
        if event.id.is_empty() {
            event.id = self.derived_id(&content);
        }
        if event.order.time.0 == 0 {
            event.order.time = self.survey.time.unwrap_or_default();
        }
        for blob in blobs {
            let parent = (event.session.clone(), event.id.clone(), content);
            self.parents.entry(blob).or_insert(parent);
        }
        let bodies = bodies.into_iter().map(|(role, bytes)| self.body(base, role, bytes)).collect::<Result<_>>()?;
        Ok(NewEvent { event, bodies })
    }

    fn derived_id(&mut self, content: &[u8; 16]) -> String {
        let base = format!("r-{}", hex::encode(&content[..8]));
        let count = self.derived.entry(base.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { base } else { format!("{base}-{count}") }
    }

    fn body(&mut self, base: u64, role: Role, bytes: Bytes) -> Result<NewBody> {
        match bytes {
            Bytes::Range(range) => {
                let range = base + range.start..base + range.end;
                let (start, size) = (i64::try_from(self.base + range.start)?, i64::try_from(range.end - range.start)?);
                Ok(NewBody { role, place: Place::Content(start), size, digest: self.source.digest(&range)? })
            }
            Bytes::Blob(id) => {
                let Some((blob, range)) = self.survey.payload_of(&id) else { bail!("the blob {id} is gone") };
                let mut packer = Packer::default();
                self.source.decode(range, |bytes| {
                    packer.push(bytes);
                    Ok(())
                })?;
                packer.end_record();
                self.held += packer.held();
                let size = i64::try_from(blob.size)?;
                self.batch.blobs.push(NewBlob { digest: blob.digest, size, start: 0, pieces: packer.take() });
                Ok(NewBody { role, place: Place::Blob, size, digest: blob.digest })
            }
        }
    }

    /// One more record that an event comes from.
    pub fn also(&mut self, range: &Range<u64>, session: &str, id: &str, content: [u8; 16]) -> Result<()> {
        let mut event = Event::new(Kind::Other, super::AGENT, "repeat");
        (event.session, event.id) = (session.to_owned(), id.to_owned());
        self.repeats += 1;
        self.batch.records.push(NewRecord {
            start: i64::try_from(self.base + range.start)?,
            size: i64::try_from(range.end - range.start)?,
            status: RecordStatus::Good,
            digest: self.source.digest(range)?,
            content,
            events: vec![NewEvent { event, bodies: Vec::new() }],
        });
        self.send_if_full()
    }

    /// The event that a blob belongs to.
    pub fn parent(&self, blob: &str) -> Option<(String, String, [u8; 16])> {
        self.parents.get(blob).cloned()
    }

    /// A record that cannot be read: told, kept, and no hindrance to the rest.
    pub fn bad(&mut self, range: &Range<u64>, reason: &str) -> Result<()> {
        let line = self.line_of(range.start)?;
        self.control.tell(Notice::Bad(format!("{}:{line}: {reason}", self.target.name)));
        let shown = self.source.bytes(&(range.start..range.end.min(range.start + 1000)))?;
        let session = self.survey.session.id.clone();
        let mut event = Event::new(Kind::Other, "unreadable", "bad");
        event.status = Some("bad".to_owned());
        event.label = excerpt(&format!("{reason}: {}", String::from_utf8_lossy(&shown)), 200);
        event.error = Some(reason.to_owned());
        event.flags = flag::BAD | flag::ERROR | flag::INFERRED_TIME;
        event.order = Order { sequence: i64::try_from(range.start)?, ..Order::default() };
        event.keys.push(Key::derived(KeyKind::Session, session.clone(), "same_file"));
        event.session = session;
        let mut content = [0; 16];
        content.copy_from_slice(&self.source.digest(range)?[..16]);
        self.add(range, content, RecordStatus::Bad, vec![Made { event, bodies: Vec::new(), blobs: Vec::new() }])
    }

    /// The line of a byte, 1 for the first. Asked in order, so that the file is counted once.
    fn line_of(&mut self, at: u64) -> Result<u64> {
        let (from, mut lines) = self.lines;
        let (from, start) = if at < from { (0, 0) } else { (from, lines) };
        lines = start;
        self.source.stream(&(from..at), |bytes| {
            lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
            Ok(())
        })?;
        self.lines = (at, lines);
        Ok(lines + 1)
    }
}
