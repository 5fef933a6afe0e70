//! Reads one source: scanned records become events with ids, order and body places, in batches for the store.

mod parts;

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use super::scan::{Layout, Scanned, Sink, scan};
use super::unpack::plain_path;
use super::{Control, Draft, Notice, RULES, Reader, Record};
use crate::domain::{Event, Fault, Key, KeyKind, Kind, Order, Outline, Session, Timestamp, excerpt, flag};
use crate::store::{
    Batch, NewBody, NewEvent, NewRecord, Packer, Place, RecordStatus, SourceStep, Stamp, add_blob, digest, digest_of,
};

/// A batch is sent when it holds this many bytes or records.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_RECORDS: usize = 2000;
/// The first batch is small, so that a screen has rows to show at once.
const FIRST_RECORDS: usize = 200;
/// A record of which so much comes at once is not waited for by those before it.
const LONG: usize = 256 << 10;
/// So much of a record that cannot be read is looked at for its label.
const SHOWN: usize = 1 << 10;
/// How much of a source's end is compared before only its growth is read.
pub const TAIL: u64 = 4096;
/// Envelope fields that a fork or a resume rewrites: they do not make a record another one.
const REWRITTEN: [&str; 4] = ["sessionId", "session_id", "cwd", "forkedFrom"];

/// Where reading begins, and what is known from the time before.
#[derive(Debug, Clone)]
pub struct Begin {
    /// How the source is named in the store.
    pub step: SourceStep,
    /// What the file was when reading began.
    pub stamp: Stamp,
    pub offset: u64,
    pub line: u64,
    pub layout: Layout,
    pub saved: Saved,
    /// How often each derived id has occurred in the part that was read.
    pub derived: HashMap<String, u32>,
    pub sessions: Vec<String>,
}

/// What must be known to go on when a source has grown.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The running maximum of the written times.
    time: i64,
    /// The first written time.
    #[serde(default)]
    first: Option<i64>,
    /// The reader's own.
    pub reader: String,
    /// Which rules have read all of it so far.
    #[serde(default)]
    pub rules: u32,
}

impl Saved {
    /// Nothing is known yet, and the rules of this version will read.
    pub fn fresh() -> Self {
        Self { rules: RULES, ..Self::default() }
    }

    /// As it is noted of a source.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(self).context("could not note how far a source was read")
    }
}

/// Reads a source to its end and sends batches. Blocks; runs beside the store.
pub fn read_source(
    (path, mut file): (&Path, File),
    begin: Begin,
    reader: Box<dyn Reader>,
    batches: Sender<Batch>,
    control: &Control,
) -> Result<()> {
    let again = file.try_clone()?;
    file.seek(SeekFrom::Start(begin.offset))?;
    let (layout, offset) = (begin.layout, begin.offset);
    let line = if goes_on(&again, layout, offset)? { begin.line.saturating_sub(1) } else { begin.line };
    let name = plain_path(path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|| path.display().to_string());
    let mut reading = Reading::new(path, &name, begin, reader, batches, control, again);
    scan(&mut file, layout, offset, line, &mut reading)?;
    reading.tell_progress();
    if let Some(remark) = reading.reader.remark() {
        control.tell(Notice::Bad(format!("{}: {remark}", path.display())));
    }
    reading.send(true)
}

/// Whether what stands at a place belongs to the line before it, which was counted when the source ended there.
fn goes_on(file: &File, layout: Layout, offset: u64) -> Result<bool> {
    let Some(before) = offset.checked_sub(1) else { return Ok(false) };
    let mut last = [0];
    match layout {
        Layout::Lines => {
            file.read_exact_at(&mut last, before).context("the source became shorter while it was read")?
        }
        Layout::Document => return Ok(true),
        Layout::Protobuf => return Ok(false),
    }
    Ok(last != *b"\n")
}

struct Reading<'a> {
    path: &'a Path,
    /// Tells events of different files with equal times apart, the same in every store.
    origin: i64,
    begin: Begin,
    reader: Box<dyn Reader>,
    batches: Sender<Batch>,
    control: &'a Control,
    file: File,
    packer: Packer,
    batch: Batch,
    consumed: u64,
    lines: u64,
    offset: u64,
    /// How much of the content has been sent, or was stored before.
    handed: i64,
    sessions: BTreeSet<String>,
    /// Bytes of bodies that are no part of the content.
    held: usize,
    told: u64,
    /// The sessions of records that cannot be read.
    unread: Vec<Session>,
    /// The first written time, where records without one were sent before it.
    dated: Option<Timestamp>,
    /// A batch has been sent.
    sent: bool,
    /// The last record may go on when the source has grown, so it is read again then.
    is_open: bool,
}

impl<'a> Reading<'a> {
    fn new(
        path: &'a Path,
        name: &str,
        begin: Begin,
        reader: Box<dyn Reader>,
        batches: Sender<Batch>,
        control: &'a Control,
        file: File,
    ) -> Self {
        let hash = digest(name.as_bytes());
        let origin = i64::from_le_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], 0]);
        let sessions = begin.sessions.iter().cloned().collect();
        let (offset, lines) = (begin.offset, begin.line);
        Self {
            path,
            origin,
            begin,
            reader,
            batches,
            control,
            file,
            packer: Packer::default(),
            batch: Batch::default(),
            consumed: offset,
            lines,
            offset,
            handed: offset.cast_signed(),
            sessions,
            held: 0,
            told: offset,
            unread: Vec::new(),
            dated: None,
            sent: false,
            is_open: false,
        }
    }

    /// Tells how many bytes have been read since the last time.
    fn tell_progress(&mut self) {
        self.control.tell(Notice::Progress { sources: 0, bytes: self.offset - self.told });
        self.told = self.offset;
    }

    /// Sends what has been gathered; the last batch is sent even when it is empty, for its state.
    fn send(&mut self, last: bool) -> Result<()> {
        self.sent = true;
        let mut batch = std::mem::take(&mut self.batch);
        batch.pieces = self.packer.take();
        if batch.pieces.is_empty() && batch.records.is_empty() && !last {
            return Ok(());
        }
        self.held = 0;
        batch.sessions = self.reader.sessions();
        // What could not be read was taken in where no session was known yet.
        self.unread.retain(|unread| batch.sessions.iter().all(|session| session.id != unread.id));
        batch.sessions.append(&mut self.unread);
        batch.adopted = self.reader.adopted();
        batch.forks = forks(&batch.records);
        batch.since = Some(self.begin.saved.first.unwrap_or(i64::MAX));
        batch.dated = std::mem::take(&mut self.dated);
        self.begin.saved.reader = self.reader.save();
        let base = self.handed;
        self.handed += batch.pieces.iter().map(|piece| piece.size as i64).sum::<i64>();
        batch.source = Some(SourceStep {
            base: Some(base),
            consumed: i64::try_from(self.consumed)?,
            lines: i64::try_from(self.lines)?,
            tail: self.tail_digest()?,
            state: self.begin.saved.text()?,
            sessions: self.sessions.iter().cloned().collect(),
            finished: last.then_some(self.begin.stamp),
            ..self.begin.step.clone()
        });
        if self.batches.blocking_send(batch).is_err() {
            bail!("the store takes no more batches");
        }
        Ok(())
    }

    /// The digest of the bytes just before `consumed`.
    fn tail_digest(&self) -> Result<[u8; 32]> {
        let size = self.consumed.min(TAIL);
        let mut bytes = vec![0; usize::try_from(size)?];
        self.file
            .read_exact_at(&mut bytes, self.consumed - size)
            .context("the source became shorter while it was read")?;
        Ok(digest(&bytes))
    }

    /// Gives the events of a record their ids, order and places.
    fn place(&mut self, drafts: Vec<Draft>, scanned: &Scanned<'_>, content: &[u8; 16]) -> Result<Vec<NewEvent>> {
        let base = self.base_id(&drafts, content);
        let mut used: BTreeSet<String> = BTreeSet::new();
        let mut events = Vec::with_capacity(drafts.len());
        for (index, draft) in drafts.into_iter().enumerate() {
            let mut event = draft.event;
            event.id = match event.id.as_str() {
                "" => base.clone(),
                own if own.starts_with('#') => format!("{base}{own}"),
                own => own.to_owned(),
            };
            let plain = event.id.clone();
            let mut count = 1;
            while !used.insert(event.id.clone()) {
                count += 1;
                event.id = format!("{plain}#{count}");
            }
            self.order(&mut event, scanned.offset + index as u64)?;
            self.sessions.insert(event.session.clone());
            let mut bodies = Vec::with_capacity(draft.bodies.len() + draft.own.len());
            for (role, bytes) in draft.own {
                self.held += bytes.len();
                bodies.push(add_blob(&mut self.batch, role, &bytes));
            }
            for (role, range) in draft.bodies {
                let digest = self.body_digest(scanned, &range)?;
                let (start, size) =
                    (i64::try_from(scanned.offset + range.start)?, i64::try_from(range.end - range.start)?);
                bodies.push(NewBody { role, place: Place::Content(start), size, digest });
            }
            events.push(NewEvent { event, bodies });
        }
        Ok(events)
    }

    /// The id of a record that has none: its content, and how often that has occurred in this source.
    fn base_id(&mut self, drafts: &[Draft], content: &[u8; 16]) -> String {
        let native =
            drafts.first().map(|draft| draft.event.id.as_str()).filter(|id| !id.is_empty() && !id.starts_with('#'));
        if let Some(native) = native {
            return native.to_owned();
        }
        let base = format!("r-{}", hex::encode(&content[..8]));
        let count = self.begin.derived.entry(base.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { base } else { format!("{base}-{count}") }
    }

    /// Within one file the order time never runs backwards; the time as written is kept beside it.
    fn order(&mut self, event: &mut Event, sequence: u64) -> Result<()> {
        if !self.reader.is_in_order() {
            return Ok(());
        }
        let running = self.begin.saved.time;
        let time = match event.at {
            None => {
                event.flags |= flag::INFERRED_TIME;
                running
            }
            Some(Timestamp(at)) if at < running => {
                event.flags |= flag::TIME_RAN_BACK;
                running
            }
            Some(Timestamp(at)) => {
                if self.begin.saved.first.is_none() {
                    self.date_the_beginning(Timestamp(at));
                }
                at
            }
        };
        self.begin.saved.time = time;
        event.order = Order { time: Timestamp(time), origin: self.origin, sequence: i64::try_from(sequence)? };
        Ok(())
    }

    /// What stands before the first written time happened no later than that, also what was sent before it was known.
    fn date_the_beginning(&mut self, first: Timestamp) {
        self.begin.saved.first = Some(first.0);
        self.dated = Some(first).filter(|_| self.sent || self.begin.offset > 0);
        let events = self.batch.records.iter_mut().flat_map(|record| &mut record.events);
        for event in events.map(|new| &mut new.event).filter(|event| event.order.time.0 == 0) {
            event.order.time = first;
        }
    }

    fn body_digest(&self, scanned: &Scanned<'_>, range: &std::ops::Range<u64>) -> Result<[u8; 32]> {
        match scanned.bytes {
            Some(bytes) => Ok(digest(&bytes[usize::try_from(range.start)?..usize::try_from(range.end)?])),
            None => {
                let part = Part { file: &self.file, at: scanned.offset + range.start, end: scanned.offset + range.end };
                Ok(digest_of(part)?)
            }
        }
    }

    fn bad(&mut self, bytes: &[u8], line: u64, fault: &Fault, is_cut: bool) -> Draft {
        let first = self.reader.sessions().into_iter().next();
        let session = first.as_ref().map(|session| session.id.clone()).unwrap_or_default();
        if let Some(first) = first.filter(|first| self.unread.iter().all(|known| known.id != first.id)) {
            self.unread.push(first);
        }
        let waits = if is_cut { " (cut; its rest is read when the file has grown)" } else { "" };
        self.control.tell(Notice::Bad(format!("{}:{line}: {fault}{waits}", self.path.display())));
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
        let mut event = Event::new(Kind::Other, "unreadable", if is_cut { "cut" } else { "bad" });
        event.status = Some("bad".to_owned());
        event.label = excerpt(&format!("{fault}: {text}"), 200);
        event.error = Some(fault.to_string());
        event.flags = flag::BAD | flag::ERROR;
        event.keys.push(Key::derived(KeyKind::Session, session.clone(), "same_file"));
        event.session = session;
        Draft::new(event)
    }
}

impl Sink for Reading<'_> {
    fn bytes(&mut self, bytes: &[u8], cut: bool) -> Result<()> {
        if self.control.is_cancelled() {
            bail!(Cancelled);
        }
        if cut {
            // A cut record begins with a piece of its own, so that it can be taken back.
            self.packer.flush_here();
        }
        // What follows may be long, and somebody may be waiting to see the first rows.
        if !self.sent && !self.batch.records.is_empty() && bytes.len() > LONG {
            self.send(false)?;
        }
        for part in bytes.chunks(1 << 20) {
            self.packer.push(part);
        }
        self.offset += bytes.len() as u64;
        if self.batch.records.is_empty() && self.packer.held() > BATCH_BYTES {
            self.send(false)?;
        }
        if self.offset - self.told > 1 << 20 {
            self.tell_progress();
        }
        Ok(())
    }

    fn record(&mut self, scanned: Scanned<'_>) -> Result<()> {
        let content = content_hash(&scanned, &[]);
        let renewed = self.reader.renewed();
        if !renewed.is_empty() && scanned.bytes.is_some() && scanned.outline.is_ok() {
            let copied = u128::from_le_bytes(content_hash(&scanned, renewed)) as i64;
            self.batch.copies.insert(i64::try_from(scanned.offset)?, copied);
        }
        if self.parts(&scanned)? {
            return Ok(());
        }
        let drafts = match &scanned.outline {
            Ok(outline) => self.reader.read(&Record { outline, offset: scanned.offset, line: scanned.line }),
            Err(fault) => vec![self.bad(scanned.bytes.unwrap_or_default(), scanned.line, fault, scanned.cut)],
        };
        let status = match (&scanned.outline, scanned.cut) {
            (Ok(_), _) => RecordStatus::Good,
            (Err(_), false) => RecordStatus::Bad,
            (Err(_), true) => RecordStatus::Cut,
        };
        let events = self.place(drafts, &scanned, &content)?;
        let (start, size) = (i64::try_from(scanned.offset)?, i64::try_from(scanned.size)?);
        self.batch.records.push(NewRecord { start, size, status, digest: scanned.digest, content, events });
        self.is_open = scanned.cut;
        if !self.is_open {
            self.consumed = scanned.offset + scanned.size;
        }
        Ok(())
    }

    fn line(&mut self, offset: u64, line: u64) -> Result<()> {
        self.packer.end_record();
        if !self.is_open {
            (self.consumed, self.lines) = (offset, line);
        }
        let most = if self.sent { BATCH_RECORDS } else { FIRST_RECORDS };
        if self.packer.held() > BATCH_BYTES || self.batch.records.len() >= most {
            self.send(false)?;
        }
        Ok(())
    }
}

/// The user stopped the import.
#[derive(Debug, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// Which session each session says it was forked from; what it says first is of itself.
fn forks(records: &[NewRecord]) -> Vec<(String, String)> {
    let mut forks: Vec<(String, String)> = Vec::new();
    for event in records.iter().flat_map(|record| &record.events).map(|new| &new.event) {
        let Some(ancestor) = event.attribute("forked_from") else { continue };
        if ancestor != event.session && !forks.iter().any(|(heir, _)| *heir == event.session) {
            forks.push((event.session.clone(), ancestor.to_owned()));
        }
    }
    forks
}

/// A hash of what makes a record the same record in another file; a long record counts as written.
///
/// Members that are renewed by whoever copies a record do not count, no more than those that are rewritten.
fn content_hash(scanned: &Scanned<'_>, renewed: &[&str]) -> [u8; 16] {
    let mut hash = [0; 16];
    let (Some(bytes), Ok(outline)) = (scanned.bytes, &scanned.outline) else {
        hash.copy_from_slice(&scanned.digest[..16]);
        return hash;
    };
    let mut ranges: Vec<_> = rewritten(outline, renewed).collect();
    ranges.sort_by_key(|range| range.start);
    let mut hasher = Sha256::new();
    let mut at = 0;
    for range in ranges {
        hasher.update(&bytes[at..range.start]);
        at = range.end;
    }
    hasher.update(&bytes[at..]);
    hash.copy_from_slice(&hasher.finalize()[..16]);
    hash
}

fn rewritten(outline: &Outline, renewed: &[&str]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let is_rewritten = |name: &str| REWRITTEN.contains(&name) || renewed.contains(&name);
    let members = outline.root().items().filter(move |member| member.name().is_some_and(|name| is_rewritten(&name)));
    members.map(|member| member.range().start as usize..member.range().end as usize)
}

/// A part of a file as a stream of its own.
struct Part<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let size = self.file.read_at(&mut buffer[..room], self.at)?;
        self.at += size as u64;
        Ok(size)
    }
}
