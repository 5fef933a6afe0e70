//! turnscope's own slices, read back: the same sessions, events and bodies under the same ids and digests.
//!
//! A slice is read twice: first for what its digests are worth, so that an event can say what is wrong with its
//! bodies, which stand far behind it; then for what it holds. Nothing of it is left out.

mod rows;
mod sound;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::Sender;

use super::read::Cancelled;
use super::{Control, Notice};
use crate::domain::{Carried, Document, Event, Kind, Outline, Parts, Session, flag};
use crate::store::{Annotation, Batch, NewBlob, NewEvent, NewRecord, Packer, RecordStatus, SourceStep, Stamp, digest};
use rows::{AnnotationRow, EventRow, SessionRow, bytes_of};
use sound::{Found, Sound};

/// What the format says of itself.
pub const NAME: &str = "turnscope-slice";
const VERSION: i64 = 1;
/// A batch is sent when it holds this many bytes or rows.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_ROWS: usize = 2000;
/// No row is longer; bodies are.
const ROW: usize = 16 << 20;
const EVENTS: [&str; 7] = ["transcript", "tasks", "traces", "modelIo", "toolIo", "ledger", "other"];
/// A long body is handed on in parts of about this many bytes.
const PART: usize = 1 << 20;

/// Whether the first record of a source is the beginning of a slice, or of one that is written line by line.
pub fn is_slice(head: &[Outline]) -> bool {
    head.first().is_some_and(|outline| {
        let root = outline.root();
        let is_line = root.word("section").as_deref() == Some("format");
        root.word(if is_line { "value" } else { "format" }).as_deref() == Some(NAME)
    })
}

/// Reads a slice to its end and sends batches. Blocks; runs beside the store.
pub fn read_slice(
    (path, mut file): (&Path, File),
    step: SourceStep,
    stamp: Stamp,
    batches: Sender<Batch>,
    control: &Control,
) -> Result<()> {
    file.rewind()?;
    let sound = Sound::of(&mut file, control)?;
    file.rewind()?;
    let mut reading = Slicing::new(path, step, stamp, batches, control, sound);
    let mut document = Document::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let size = file.read(&mut buffer)?;
        if size == 0 {
            break;
        }
        if control.is_cancelled() {
            bail!(Cancelled);
        }
        document.feed(&buffer[..size], &mut reading)?;
        reading.content(&buffer[..size])?;
    }
    if document.is_complete() {
        reading.seal()?
    } else {
        reading.cut()?
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
    /// The earliest time of its events so far.
    since: i64,
    /// The part that is being read.
    section: String,
    name: String,
    start: u64,
    row: Vec<u8>,
    body: Option<Carrying>,
    sound: Sound,
    /// The last row: where it begins, its size and digest.
    last: (u64, usize, [u8; 32]),
    /// The part that is being read has not ended.
    is_open: bool,
    /// Events whose bodies are not there because the slice is cut before them.
    bare: u64,
}

/// A body that is being read.
struct Carrying {
    carried: Carried,
    packer: Packer,
    /// What it really is.
    found: Found,
    /// How much of it was handed on.
    start: i64,
}

impl Carrying {
    /// The bytes that are ready, as a part of the body.
    fn take(&mut self) -> NewBlob {
        let (pieces, start) = (self.packer.take(), self.start);
        self.start += pieces.iter().map(|piece| piece.size as i64).sum::<i64>();
        NewBlob { digest: self.found.digest, size: self.found.size, start, pieces }
    }
}

impl<'a> Slicing<'a> {
    fn new(
        path: &'a Path,
        step: SourceStep,
        stamp: Stamp,
        batches: Sender<Batch>,
        control: &'a Control,
        sound: Sound,
    ) -> Self {
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
            since: i64::MAX,
            section: String::new(),
            name: String::new(),
            start: 0,
            row: Vec::new(),
            body: None,
            sound,
            last: (0, 0, [0; 32]),
            is_open: false,
            bare: 0,
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
        batch.since = Some(self.since);
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

    fn end_body(&mut self, mut body: Carrying) {
        body.packer.end_record();
        self.batch.blobs.push(body.take());
    }

    fn end_row(&mut self) -> Result<()> {
        let row = std::mem::take(&mut self.row);
        self.last = (self.start, row.len(), digest(&row));
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
            Ok((mut new, content)) => match self.sound.mend(&mut new, content) {
                None => (new, content, RecordStatus::Good),
                Some((reason, content)) => {
                    // Of a slice that is cut it is told once, how many have lost what.
                    match self.sound.is_cut() {
                        true => self.bare += 1,
                        false => self.bad(&format!("event {}: {reason}", new.event.id)),
                    }
                    (new, content, RecordStatus::Bad)
                }
            },
            Err(error) => {
                self.bad(&format!("an event that cannot be read: {error:#}"));
                (self.unreadable(row, &format!("{error:#}")), None, RecordStatus::Bad)
            }
        };
        if new.event.order.time.0 > 0 {
            self.since = self.since.min(new.event.order.time.0);
        }
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

    /// Where the seal does not hold, an event says that something in the slice was changed.
    fn seal(&mut self) -> Result<()> {
        let Some(reason) = self.sound.broken_seal() else { return Ok(()) };
        self.bad(&reason);
        let event = self.unreadable(reason.as_bytes(), &reason);
        let (start, size, own) = self.last;
        let mut content = [0; 16];
        content.copy_from_slice(&digest(reason.as_bytes())[..16]);
        self.batch.records.push(NewRecord {
            start: i64::try_from(start)?,
            size: i64::try_from(size)?,
            status: RecordStatus::Bad,
            digest: own,
            content,
            events: vec![event],
        });
        Ok(())
    }

    /// Where the slice ends before its end, an event says so; it stands for the part in which that is.
    fn cut(&mut self) -> Result<()> {
        let at = self.size;
        if self.sessions.is_empty() {
            bail!("a turnscope slice that is cut at byte {at}, before its first session: nothing of it can be read");
        }
        let start = if self.is_open && self.body.is_none() { self.start } else { at };
        let row = if start == at { Vec::new() } else { std::mem::take(&mut self.row) };
        let inside = if self.is_open { format!(", inside `{}`", self.section) } else { String::new() };
        let bare = match self.bare {
            0 => String::new(),
            bare => format!("; events whose payloads stood behind it: {bare}"),
        };
        let reason = format!("a turnscope slice that is cut at byte {at}{inside}: what stands before is kept{bare}");
        self.control.tell(Notice::Bad(format!("{}: {reason}", self.path.display())));
        let mut content = [0; 16];
        content.copy_from_slice(&digest(reason.as_bytes())[..16]);
        self.batch.records.push(NewRecord {
            start: i64::try_from(start)?,
            size: i64::try_from(row.len())?,
            status: RecordStatus::Bad,
            digest: digest(&row),
            content,
            events: vec![self.unreadable(reason.as_bytes(), &reason)],
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
        (self.start, self.is_open) = (offset, true);
        self.row.clear();
        let named = (section == "bodies").then(|| bytes_of::<32>(&self.name).ok()).flatten();
        let found = named.and_then(|digest| self.sound.found(&digest));
        self.body =
            found.map(|found| Carrying { carried: Carried::default(), packer: Packer::default(), found, start: 0 });
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(body) = &mut self.body {
            let mut plain = Vec::with_capacity(bytes.len());
            body.carried.feed(bytes, &mut plain)?;
            body.packer.push(&plain);
            if body.packer.held() > PART {
                let part = body.take();
                self.batch.blobs.push(part);
            }
        } else if self.row.len() + bytes.len() <= ROW {
            self.row.extend_from_slice(bytes);
        } else if EVENTS.contains(&self.section.as_str()) {
            bail!("a row of more than {ROW} bytes at byte {}", self.start);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.is_open = false;
        match self.body.take() {
            Some(body) => self.end_body(body),
            // A body that cannot be decoded; whatever names it says so.
            None if self.section == "bodies" => self.row.clear(),
            None => self.end_row()?,
        }
        Ok(())
    }
}
