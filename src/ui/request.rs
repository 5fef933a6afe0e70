//! Does the work that the pure part asks for; the only file of the screen that knows the store.

mod long;

use std::collections::{HashMap, HashSet};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;

use super::catalog::Catalog;
use super::files::{self, Counting};
use super::filter::words_of;
use super::message::{Change, Described, Detail, Link, Manner, Mark, Members, Message, Request, Spot, Then, Window};
use super::payload::{Hint, Part, Payload, View};
use crate::domain::{Body, Event, Key, Role};
use crate::report::{Joined, Selection, Step, write_slice};
use crate::store::{Annotation, Store};
use crate::timeline::{Join, Rows, Turn, describe};

/// How many rows a scan describes at a time.
const BATCH: usize = 512;
/// Sessions that are shown before all others are read.
const NEWEST: i64 = 200;
/// How often a scan says how far it has come.
const REPORT_EVERY: Duration = Duration::from_millis(80);
/// How much of each body the preview shows.
const GLANCE: i64 = 16 << 10;
/// How much of a body is read at a time.
const CHUNK: i64 = 1 << 20;

/// Where sessions, and the user's marks and notes, come from.
#[derive(Debug, Clone)]
pub struct Backend {
    store: Store,
    annotations: Store,
}

impl Backend {
    pub fn new(store: Store) -> Self {
        Self { annotations: store.clone(), store }
    }

    /// Keeps marks and notes in another store, as files opened directly need it.
    pub fn with_annotations(store: Store, annotations: Store) -> Self {
        Self { store, annotations }
    }
}

/// Set when a job is to end.
pub(crate) type Cancel = Arc<AtomicBool>;

/// Does one request, and sends what comes of it; a job may send several messages.
pub(crate) async fn answer(request: Request, backend: Backend, cancel: Cancel, replies: Sender<Message>) {
    let job = job_of(&request);
    let turns_of = match &request {
        Request::Turns { session, .. } => Some(*session),
        _ => None,
    };
    let worker = Worker { backend, cancel, replies: replies.clone() };
    let answer = match (worker.answer(request).await, turns_of) {
        (Ok(answer), _) => answer,
        (Err(error), Some(session)) => Some(Message::NoTurns { session, words: format!("{error:#}") }),
        (Err(error), None) => Some(Message::Failed { job, words: format!("{error:#}") }),
    };
    if let Some(message) = answer {
        // Nobody listens once the screen is gone.
        let _ = replies.send(message).await;
    }
}

/// The number of a request that can be cancelled.
pub(crate) fn job_of(request: &Request) -> Option<u64> {
    match request {
        Request::Filter { job, .. }
        | Request::Search { job, .. }
        | Request::Locate { job, .. }
        | Request::Seek { job, .. }
        | Request::Export { job, .. }
        | Request::Spill { job, .. } => Some(*job),
        _ => None,
    }
}

struct Worker {
    backend: Backend,
    cancel: Cancel,
    replies: Sender<Message>,
}

impl Worker {
    async fn answer(&self, request: Request) -> Result<Option<Message>> {
        let store = &self.backend.store;
        Ok(Some(match request {
            Request::Sessions => {
                let newest = store.newest_sessions(NEWEST).await?;
                if newest.len() as i64 == NEWEST {
                    self.send(Message::NewestSessions(Arc::new(Catalog::of(newest)))).await;
                }
                let sessions = store.sessions().await?;
                Message::Sessions(Arc::new(spawn_blocking(|| Catalog::of(sessions)).await?))
            }
            Request::Session { id } => Message::Session { found: store.session(&id).await?.map(Box::new), id },
            Request::Heads { session, first } => {
                let rows = Arc::new(Rows::of(&store.heads_after(session, 0, first).await?));
                Message::Heads { session, rows, complete: false }
            }
            Request::Rows { session, growing, settled } => match self.grow(session, growing, settled).await {
                Ok(growing) => Message::Grown { session, growing },
                Err(error) => Message::NoRows { session, words: format!("{error:#}") },
            },
            Request::Turns { session, rows } => Message::Turns { session, turns: self.describe(&rows).await? },
            Request::Marks { session, id } => Message::Marks { marks: self.marks(session, &id).await?, session: id },
            Request::Mark { session, rows, change } => return self.mark(&session, &rows, &change).await,
            Request::Filter { job, rows, filter } => {
                let order = (0..rows.len() as u32).collect();
                return self.scan(job, rows, order, |turn| filter.matches(&words_of(turn))).await;
            }
            Request::Search { job, rows, order, from, phrase } => {
                let mut order = order.map_or_else(|| (0..rows.len() as u32).collect(), |order| order.to_vec());
                let from = from.min(order.len());
                order.rotate_left(from);
                return self.search(job, &rows, &order, &phrase).await;
            }
            Request::Locate { job, session, id } => {
                Message::Located { job, event: store.named(session, &id).await?.first().copied() }
            }
            Request::Sharing { session, lineage, rows, members, forward } => {
                let (row, words) = self.sharing(&lineage, &rows, &members, forward).await?;
                Message::Shared { session, row, words }
            }
            Request::Detail { session, members } => {
                Message::Detail { session, detail: Box::new(self.detail(members).await?) }
            }
            Request::Weave { session } => {
                Message::Woven { session: session.number, joined: Joined::of(store, &session).await? }
            }
            Request::Links { session, joined, members } => {
                let links = self.links(&joined, &members).await?;
                Message::Links { session, key: members.key, links }
            }
            request => return self.of_bytes(request).await,
        }))
    }

    /// Requests that read bodies, or write files.
    async fn of_bytes(&self, request: Request) -> Result<Option<Message>> {
        Ok(Some(match request {
            Request::Glance { session, members, manner } => {
                let windows = self.glance(&members).await?;
                let view = Box::new(self.view(&windows, manner).await?);
                Message::Glance { session, key: members.key, view }
            }
            Request::Payload { key, tab, windows, manner } => {
                let view = Box::new(self.view(&windows, manner).await?);
                Message::Payload { key, tab, windows, view }
            }
            Request::Seek { job, key, tab, body, phrase, from, forward } => {
                let at = self.seek(job, &body, &phrase, from, forward).await?;
                Message::Sought { job, key, tab, at }
            }
            Request::Export { job, selection, path, numbered } => self.export(job, &selection, &path, numbered).await?,
            Request::Record { members } => Message::Record { bytes: self.record(&members).await? },
            Request::SaveCopy { bytes } => {
                let path = spawn_blocking(move || files::save_copy(&bytes)).await??;
                Message::Noted(format!("too long for the terminal's clipboard: written to {}", path.display()))
            }
            Request::Spill { job, members, bodies, then } => self.spill(job, &members, bodies, then).await?,
            // What concerns the terminal and the jobs themselves is done by the loop.
            _ => return Ok(None),
        }))
    }

    fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            bail!("cancelled");
        }
        Ok(())
    }

    /// The events of several rows, row by row, read at once.
    async fn events_of(&self, rows: &[Members]) -> Result<Vec<Vec<Event>>> {
        let numbers: Vec<i64> = rows.iter().flat_map(|row| row.numbers.iter().copied()).collect();
        let events = self.backend.store.events(&numbers).await?;
        let mut known: HashMap<i64, Event> = events.into_iter().map(|event| (event.number, event)).collect();
        Ok(rows.iter().map(|row| row.numbers.iter().filter_map(|number| known.remove(number)).collect()).collect())
    }

    async fn describe(&self, rows: &[Members]) -> Result<Vec<Described>> {
        let events = self.events_of(rows).await?;
        Ok(rows.iter().zip(events).map(|(row, events)| (row.key, row.numbers.len(), describe(&events))).collect())
    }

    async fn marks(&self, session: i64, id: &str) -> Result<Vec<(i64, Mark)>> {
        let mut marks = Vec::new();
        for Annotation { row, marked, note, .. } in self.backend.annotations.annotations(id).await? {
            // Of a turn the leading event is the first that is no result; it is found by its row later.
            if let Some(event) = self.backend.store.named(session, &row).await?.first() {
                marks.push((*event, Mark { marked, note }));
            }
        }
        Ok(marks)
    }

    async fn mark(&self, session: &str, rows: &[Members], change: &Change) -> Result<Option<Message>> {
        let known = self.backend.annotations.annotations(session).await?;
        for (_, _, turn) in self.describe(rows).await? {
            let row = turn.context("the row is no longer in the store")?.id;
            let before = known.iter().find(|annotation| annotation.row == row);
            let fresh = Annotation { session: session.to_owned(), row, marked: false, note: None };
            let mut annotation = before.cloned().unwrap_or(fresh);
            match change {
                Change::Marked(marked) => annotation.marked = *marked,
                Change::Note(note) => annotation.note.clone_from(note),
            }
            self.backend.annotations.annotate(&annotation).await.context("could not keep the mark")?;
        }
        Ok(None)
    }

    /// Looks at rows in an order, and says which of them match.
    async fn scan(
        &self,
        job: u64,
        rows: Arc<Rows>,
        order: Vec<u32>,
        matches: impl Fn(&Turn) -> bool,
    ) -> Result<Option<Message>> {
        let mut found: Vec<u32> = Vec::new();
        let mut reported = Instant::now();
        let mut scanned = 0;
        for batch in order.chunks(BATCH) {
            self.check()?;
            let members: Vec<Members> = batch.iter().map(|row| members_of(&rows, *row as usize)).collect();
            for (row, (_, _, turn)) in batch.iter().zip(self.describe(&members).await?) {
                if turn.is_some_and(|turn| matches(&turn)) {
                    // Hits are sent in runs of rising rows, so the turn at the end of the rows begins a new run.
                    if found.last().is_some_and(|last| last > row) {
                        self.send(Message::Hits { job, rows: std::mem::take(&mut found), scanned }).await;
                    }
                    found.push(*row);
                }
            }
            scanned += batch.len();
            if reported.elapsed() >= REPORT_EVERY || scanned == batch.len() {
                reported = Instant::now();
                self.send(Message::Hits { job, rows: std::mem::take(&mut found), scanned }).await;
            }
        }
        self.send(Message::Hits { job, rows: found, scanned }).await;
        Ok(Some(Message::Ended { job, words: String::new() }))
    }

    async fn send(&self, message: Message) {
        // Nobody listens once the screen is gone.
        let _ = self.replies.send(message).await;
    }

    /// The next row that shares a key with a row, or the one before, and words for it.
    async fn sharing(
        &self,
        lineage: &str,
        rows: &Rows,
        members: &Members,
        forward: bool,
    ) -> Result<(Option<usize>, String)> {
        let events = self.backend.store.events(&members.numbers).await?;
        let shared = self.backend.store.sharing(lineage, &keys_of(&events)).await?;
        let here = rows.position(members.key).unwrap_or(0);
        let others: HashSet<i64> = shared.iter().flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        let shares = |row: &usize| rows.members(*row).iter().any(|number| others.contains(number));
        let found = if forward { (here + 1..rows.len()).find(shares) } else { (0..here).rev().find(shares) };
        let words = match found {
            None => format!("no row {} this one shares a key with it", if forward { "after" } else { "before" }),
            Some(row) => shared
                .iter()
                .find(|(_, numbers)| rows.members(row).iter().any(|number| numbers.contains(number)))
                .map_or_else(String::new, |(key, _)| format!("same {} {}", key.kind.name(), key.value)),
        };
        Ok((found, words))
    }

    async fn detail(&self, members: Members) -> Result<Detail> {
        let store = &self.backend.store;
        let events = store.events(&members.numbers).await?;
        let turn = describe(&events).context("the row is no longer in the store")?;
        let bodies = store.bodies(&members.numbers).await?;
        let mut spots = Vec::new();
        for event in &members.numbers {
            for origin in store.origins(*event).await? {
                let (importer, path) = (origin.importer, origin.path);
                spots.push(Spot { event: *event, importer, path, offset: origin.offset, size: origin.size });
            }
        }
        Ok(Detail { key: members.key, turn, events, bodies, spots })
    }

    /// The joins of a row, each with an event and the words of the row it leads to.
    async fn links(&self, joined: &Joined, members: &Members) -> Result<Vec<Link>> {
        let store = &self.backend.store;
        let own = store.events(&members.numbers).await?;
        let step = Step::of(own).context("the row is no longer in the store")?;
        let joins = joined.joins(store, std::slice::from_ref(&step)).await?.pop().unwrap_or_default();
        let words = match joined.node(members.key) {
            Some(node) => joined.words(store, node).await?,
            None => HashMap::new(),
        };
        let link = |join: Join| {
            let there = words.get(&join.to).filter(|_| join.to != step.turn.id);
            let other = |id: &String| {
                let known = words.get(id);
                (id.clone(), known.map(|(event, _)| *event), known.map(|(_, words)| words.clone()).unwrap_or_default())
            };
            Link {
                event: there.map(|(event, _)| *event),
                label: there.map(|(_, words)| words.clone()).unwrap_or_default(),
                others: considered(&join).map(other).collect(),
                join,
            }
        };
        Ok(joins.into_iter().map(link).collect())
    }

    /// The beginnings of the bodies of a row; of a row without any, that of its record.
    async fn glance(&self, members: &Members) -> Result<Vec<Window>> {
        let bodies = self.backend.store.bodies(&members.numbers).await?;
        let speaks = |body: &&Body| matches!(body.role, Role::Input | Role::Output | Role::Context);
        let mut shown: Vec<&Body> = bodies.iter().filter(speaks).take(8).collect();
        if shown.is_empty() {
            shown = bodies.iter().filter(|body| body.role == Role::Raw).take(1).collect();
        }
        Ok(shown
            .into_iter()
            .map(|body| Window {
                title: body.role.name().to_owned(),
                from: 0,
                length: body.size.min(GLANCE),
                body: body.clone(),
                hint: Hint::default(),
            })
            .collect())
    }

    async fn view(&self, windows: &[Window], manner: Manner) -> Result<View> {
        let mut parts = Vec::new();
        for window in windows {
            let (title, hint) = (window.title.clone(), window.hint.clone());
            let bytes = self.read(&window.body, window.from, window.length).await?;
            let (size, from) = (window.body.size.max(0) as u64, window.from.max(0) as u64);
            parts.push(Part { title, size, bytes, from, hint });
        }
        let prepare = move || {
            let mut view = View::new(Payload { parts }, manner.mode, manner.options);
            view.rows(manner.width);
            view
        };
        Ok(spawn_blocking(prepare).await?)
    }

    async fn read(&self, body: &Body, from: i64, length: i64) -> Result<Vec<u8>> {
        let length = length.min(body.size - from).max(0);
        self.backend.store.read(body.blob, body.start + from, length).await
    }

    async fn seek(&self, job: u64, body: &Body, phrase: &str, from: i64, forward: bool) -> Result<Option<i64>> {
        let seeker = files::Seeker::new(phrase)?;
        let overlap = seeker.overlap();
        let mut at = from;
        loop {
            self.check()?;
            let start = if forward { at } else { (at - CHUNK).max(0) };
            let end = if forward { (at + CHUNK).min(body.size) } else { at };
            if start >= end {
                return Ok(None);
            }
            let bytes = self.read(body, start, end - start + overlap).await?;
            if let Some(place) = seeker.find(&bytes, forward) {
                return Ok(Some(start + place));
            }
            let percent = if forward { end * 100 / body.size.max(1) } else { 100 - start * 100 / body.size.max(1) };
            self.send(Message::Progress { job, words: format!("{percent}%") }).await;
            at = if forward { end } else { start };
        }
    }

    async fn export(&self, job: u64, selection: &Selection, path: &Path, numbered: bool) -> Result<Message> {
        let (path, file) = files::create_new(path, numbered)?;
        let tell = |written: u64| {
            let words = super::words::size(written);
            // A full channel only loses a line about progress.
            let _ = self.replies.try_send(Message::Progress { job, words });
        };
        let mut out = Counting::new(file, &self.cancel, &tell);
        let written = write_slice(&self.backend.store, selection, &mut out).await;
        let finished = match written {
            Ok(summary) => out.flush().map(|()| summary).map_err(anyhow::Error::from),
            Err(error) => Err(error),
        };
        if finished.is_err() {
            // Half a slice would look like evidence.
            let _ = std::fs::remove_file(&path);
        }
        let summary = finished.with_context(|| format!("could not write {}", path.display()))?;
        let size = super::words::size(summary.bytes);
        let events = super::words::counted(summary.events, "event");
        Ok(Message::Ended { job, words: format!("wrote {}: {}, {events}, {size}", path.display(), selection.why) })
    }

    /// The records of a row as they were written; one that several events share comes once.
    async fn records(&self, members: &Members) -> Result<Vec<Body>> {
        let mut seen = HashSet::new();
        let mut bodies = self.backend.store.bodies(&members.numbers).await?;
        bodies.retain(|body| body.role == Role::Raw && seen.insert((body.blob, body.start)));
        Ok(bodies)
    }

    async fn record(&self, members: &Members) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for (index, body) in self.records(members).await?.iter().enumerate() {
            if index > 0 {
                bytes.push(b'\n');
            }
            bytes.extend(self.read(body, 0, body.size).await?);
        }
        Ok(bytes)
    }

    async fn spill(&self, job: u64, members: &Members, bodies: Vec<Body>, then: Then) -> Result<Message> {
        let bodies = if bodies.is_empty() { self.records(members).await? } else { bodies };
        let (file, out) = files::create_temporary()?;
        if let Err(error) = self.copy_out(&bodies, out).await {
            // Nobody will ask for it; that it cannot be removed either is no news.
            let _ = std::fs::remove_file(&file);
            return Err(error);
        }
        Ok(Message::Spilled { job, then, file })
    }

    async fn copy_out(&self, bodies: &[Body], mut out: BufWriter<std::fs::File>) -> Result<()> {
        for (index, body) in bodies.iter().enumerate() {
            if index > 0 {
                out.write_all(b"\n")?;
            }
            let mut from = 0;
            while from < body.size {
                self.check()?;
                out.write_all(&self.read(body, from, CHUNK).await?)?;
                from += CHUNK;
            }
        }
        self.check()?;
        Ok(out.flush()?)
    }
}

fn members_of(rows: &Rows, row: usize) -> Members {
    let numbers = rows.members(row);
    Members { key: numbers.first().copied().unwrap_or(0), numbers: numbers.to_vec() }
}

/// The rows that a join could not choose from, and those that it rejected.
fn considered(join: &Join) -> impl Iterator<Item = &String> {
    let rejected = join.rejected.iter().map(|row| &row.to);
    let open = join.candidates.iter().filter(|row| join.rejected.iter().all(|known| known.to != **row));
    open.chain(rejected)
}

fn keys_of(events: &[Event]) -> Vec<Key> {
    let mut keys: Vec<Key> = events.iter().flat_map(|event| event.keys.iter().cloned()).collect();
    keys.sort();
    keys.dedup_by(|one, other| one.kind == other.kind && one.value == other.value);
    keys
}

/// What the tests' sample is put into a store with: no other file of the screen names the store.
#[cfg(test)]
pub(super) mod stored {
    pub(crate) use crate::store::{
        Batch, NewBody, NewEvent, NewRecord, Piece, Place, RecordStatus, SourceStep, Store, digest,
    };
}
